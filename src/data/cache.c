/* The cache of preprocessed photographs: how its key is computed, how it is
 * built in parallel and how it is read. Relies on made_file.c to keep other
 * processes out while it is built. */
#include "data/cache.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "base/rng.h"
#include "data/made_file.h"
#include "data/name_twin.h"
#include "image/codec.h"
#include "image/digest.h"

/* VERSION is raised when the file's layout changes, and also when preprocessing
 * gives different pixels for the same settings: older files become invalid. */
enum { VERSION = 4, CHUNK = 64, CHANNELS = 3 };

static const char magic[8] = "dmscache";

typedef enum eye_status { EYE_ABSENT, EYE_READY, EYE_UNREADABLE } eye_status;

/* The first bytes of the file, in the machine's byte order: the file stays on
 * the machine that made it. */
typedef struct header {
    char magic[8];
    uint32_t version;
    uint32_t size;      /* S */
    uint64_t eyes;      /* two per patient */
    uint64_t key;       /* hash of settings and photographs */
    uint64_t eyes_hash; /* hash of digests and status bytes */
} header;

struct dms_cache {
    dms_file_map map;        /* valid(); the three pointers lie in it */
    const uint64_t *digests; /* one per eye */
    const uint8_t *status;   /* one eye_status per eye */
    const uint8_t *pixels;   /* one picture per eye; zeros unless EYE_READY */
    size_t eyes;             /* 2 * patient + side is an eye's index */
    int size;                /* S: pictures are S x S x CHANNELS bytes */
    uint64_t key;
};

static size_t picture_bytes(int size)
{
    return (size_t)size * (size_t)size * CHANNELS;
}

static const char *path_of(const dms_dataset *dataset, size_t eye)
{
    return dataset->patients[eye / 2].eye[eye % 2].path;
}

/* The hash of the settings and of every photograph's path, size and time of
 * change. */
static uint64_t key_of(const dms_preprocess *s, const dms_dataset *dataset)
{
    const int32_t settings[] = {s->size, s->crop, (int32_t)s->filter,
                                (int32_t)s->enhance, VERSION};
    uint64_t hash = dms_hash_bytes(DMS_HASH_START, settings, sizeof settings);

    for (size_t i = 0; i < 2 * dataset->count; i++) {
        const char *path = path_of(dataset, i);
        struct stat info = {0};
        int64_t facts[3] = {0};

        if (path) {
            hash = dms_hash_bytes(hash, path, strlen(path));
            if (stat(path, &info) == 0) {
                facts[0] = info.st_size;
                facts[1] = info.st_mtim.tv_sec;
                facts[2] = info.st_mtim.tv_nsec;
            }
        }
        hash = dms_hash_bytes(hash, facts, sizeof facts);
    }
    return hash;
}

/* How many bytes the digests and the status bytes take behind the header. */
static size_t eyes_bytes(size_t eyes)
{
    return eyes * (sizeof(uint64_t) + 1);
}

static size_t pixels_at(size_t eyes)
{
    return (sizeof(header) + eyes_bytes(eyes) + 63) / 64 * 64;
}

/* A cache that is being built. */
typedef struct building {
    const dms_dataset *dataset;
    const dms_preprocess *settings;
    const dms_monitor *monitor;
    uint64_t key;
    dms_file_writer *writer;
    uint64_t *digests;       /* owned: one per eye, then the status bytes */
    uint8_t *status;         /* one per eye, in the block of digests */
    uint8_t *pixels;         /* owned: CHUNK pictures */
    dms_error errors[CHUNK]; /* one per picture in pixels */
    int pages[CHUNK];        /* further ones of its file, likewise */
    size_t eyes;
} building;

/* Does the mapped file hold the cache of this key and number of eyes? */
static bool valid(const dms_file_map *map, const void *user)
{
    const building *b = user;
    int size = b->settings->size;
    header h;

    if (map->size != pixels_at(b->eyes) + b->eyes * picture_bytes(size))
        return false;
    memcpy(&h, map->data, sizeof h);
    return memcmp(h.magic, magic, sizeof magic) == 0 && h.version == VERSION &&
           h.size == (uint32_t)size && h.eyes == b->eyes && h.key == b->key &&
           h.eyes_hash == dms_hash_bytes(DMS_HASH_START, map->data + sizeof h,
                                         eyes_bytes(b->eyes));
}

/* Preprocess one photograph; compute its digest unless it is known. */
static dms_status prepare_one(uint8_t *pixels, int *further_pages,
                              const building *b, size_t eye, dms_error *err)
{
    const dms_eye *of = &b->dataset->patients[eye / 2].eye[eye % 2];

    b->digests[eye] = of->digest;
    return of->digest ? dms_preprocess_file_pages(pixels, NULL, further_pages,
                                                  of->path, b->settings, err)
                      : dms_preprocess_file_digest(pixels, &b->digests[eye],
                                                   further_pages, of->path,
                                                   b->settings, err);
}

/* What became of a chunk's photographs. Running out of memory is temporary and
 * not the photograph's fault: it fails the build, so that the cache does not
 * record the photograph as unreadable. */
static dms_status tell_chunk(const building *b, size_t first, size_t count,
                             dms_error *err)
{
    char pages[80];

    for (size_t i = 0; i < count; i++) {
        if (b->pages[i] > 0) {
            dms_further_pages_text(pages, sizeof pages, b->pages[i]);
            dms_log(b->monitor, DMS_LOG_WARNING, "%s: %s",
                    path_of(b->dataset, first + i), pages);
        }
        if (b->status[first + i] != EYE_UNREADABLE)
            continue;
        if (b->errors[i].code == DMS_ENOMEM)
            return dms_fail(err, DMS_ENOMEM, "%s", b->errors[i].message);
        dms_log(b->monitor, DMS_LOG_WARNING, "left out: %s",
                b->errors[i].message);
    }
    return DMS_OK;
}

static dms_status prepare_chunk(building *b, size_t first, size_t count,
                                dms_error *err)
{
    size_t bytes = picture_bytes(b->settings->size);

    memset(b->errors, 0, sizeof b->errors);
    memset(b->pages, 0, sizeof b->pages);
    memset(b->pixels, 0, count * bytes);
#pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < count; i++) {
        const char *path = path_of(b->dataset, first + i);
        uint8_t *status = &b->status[first + i];

        if (!path) {
            *status = EYE_ABSENT;
        } else if (prepare_one(b->pixels + i * bytes, &b->pages[i], b,
                               first + i, &b->errors[i]) == DMS_OK) {
            *status = EYE_READY;
        } else {
            *status = EYE_UNREADABLE;
            dms_name_twin_tell(&b->errors[i], path);
        }
    }
    return tell_chunk(b, first, count, err);
}

static dms_status write_pictures(building *b, dms_error *err)
{
    dms_status st = DMS_OK;
    size_t bytes = picture_bytes(b->settings->size);

    for (size_t at = 0; at < b->eyes; at += CHUNK) {
        size_t count = b->eyes - at < CHUNK ? b->eyes - at : CHUNK;

        if (dms_should_stop(b->monitor))
            return dms_fail(err, DMS_ESTOPPED,
                            "stopped while preparing photographs");
        TRY(prepare_chunk(b, at, count, err));
        TRY(dms_file_writer_write(b->writer, b->pixels, count * bytes, err));
        dms_progress(b->monitor, "prepare photographs", at + count, b->eyes,
                     NULL);
    }
done:
    return st;
}

/* Writes the pictures first, behind reserved space; then the header, digests
 * and status bytes into that space, as they are known only then. */
static dms_status write_file(building *b, dms_error *err)
{
    dms_status st;
    size_t lead = pixels_at(b->eyes);
    uint8_t *front = dms_calloc(lead, 1);
    header h = {.version = VERSION,
                .size = (uint32_t)b->settings->size,
                .eyes = b->eyes,
                .key = b->key};

    if (!front)
        return dms_fail_memory(err, "cache");
    TRY(dms_file_writer_write(b->writer, front, lead, err));
    TRY(write_pictures(b, err));
    memcpy(h.magic, magic, sizeof magic);
    h.eyes_hash =
        dms_hash_bytes(DMS_HASH_START, b->digests, eyes_bytes(b->eyes));
    memcpy(front, &h, sizeof h);
    memcpy(front + sizeof h, b->digests, eyes_bytes(b->eyes));
    TRY(dms_file_writer_rewrite(b->writer, 0, front, lead, err));
done:
    dms_free(front);
    return st;
}

static dms_status build(dms_file_writer *writer, void *user, dms_error *err)
{
    dms_status st = DMS_OK;
    building *b = user;

    b->writer = writer;
    b->digests = dms_calloc(eyes_bytes(b->eyes), 1);
    b->pixels = dms_calloc(CHUNK, picture_bytes(b->settings->size));
    if (!b->digests || !b->pixels) {
        st = dms_fail_memory(err, "cache");
        goto done;
    }
    b->status = (uint8_t *)(b->digests + b->eyes);
    TRY(write_file(b, err));
done:
    dms_free(b->pixels);
    dms_free(b->digests);
    return st;
}

/* Whoever opens a finished cache did not see the warnings of its build. */
static void tell_unreadable(const dms_cache *cache, const dms_monitor *monitor)
{
    size_t count = dms_cache_unreadable(cache);

    if (count > 0)
        dms_log(monitor, DMS_LOG_WARNING,
                "left out: %zu unreadable photograph%s (`dmsnet data check` "
                "lists them)",
                count, count == 1 ? "" : "s");
}

dms_status dms_cache_open(dms_cache **out, const char *folder,
                          const dms_dataset *dataset,
                          const dms_preprocess *settings,
                          const dms_monitor *monitor, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_cache *cache = dms_calloc(1, sizeof *cache);
    building *b = dms_calloc(1, sizeof *b);
    char name[64];
    dms_made_file file = {folder, name, valid, build, b};
    bool made;

    if (!cache || !b) {
        st = dms_fail_memory(err, "cache");
        goto done;
    }
    b->dataset = dataset;
    b->settings = settings;
    b->monitor = monitor;
    b->eyes = cache->eyes = 2 * dataset->count;
    cache->size = settings->size;
    cache->key = b->key = key_of(settings, dataset);
    snprintf(name, sizeof name, "photographs-%dpx-%016" PRIx64 ".cache",
             settings->size, b->key);
    TRY(dms_made_file_open(&cache->map, &made, &file, err));
    cache->digests =
        (const uint64_t *)(const void *)(cache->map.data + sizeof(header));
    cache->status = (const uint8_t *)(cache->digests + cache->eyes);
    cache->pixels = cache->map.data + pixels_at(cache->eyes);
    if (!made)
        tell_unreadable(cache, monitor);
    *out = cache, cache = NULL;
done:
    dms_free(b);
    dms_cache_close(cache);
    return st;
}

void dms_cache_close(dms_cache *cache)
{
    if (!cache)
        return;
    dms_file_map_close(&cache->map);
    dms_free(cache);
}

const uint8_t *dms_cache_pixels(const dms_cache *cache, size_t patient, int eye)
{
    size_t index = 2 * patient + (size_t)eye;

    if (index >= cache->eyes || cache->status[index] != EYE_READY)
        return NULL;
    return cache->pixels + index * picture_bytes(cache->size);
}

uint64_t dms_cache_digest(const dms_cache *cache, size_t patient, int eye)
{
    size_t index = 2 * patient + (size_t)eye;

    return index < cache->eyes && cache->status[index] == EYE_READY
               ? cache->digests[index]
               : 0;
}

size_t dms_cache_unreadable(const dms_cache *cache)
{
    size_t count = 0;

    for (size_t i = 0; i < cache->eyes; i++)
        count += cache->status[i] == EYE_UNREADABLE;
    return count;
}

int dms_cache_size(const dms_cache *cache)
{
    return cache->size;
}

uint64_t dms_cache_key(const dms_cache *cache)
{
    return cache->key;
}
