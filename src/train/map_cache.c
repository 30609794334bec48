/* Lists the eyes that a run uses, computes their maps, and checks that a file
 * contains exactly these. Relies on data/made_file to replace a damaged
 * file. */
#include "train/map_cache.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/rng.h"
#include "data/loader.h"
#include "data/made_file.h"
#include "graph/value.h"
#include "net/compute.h"

/* PATIENTS: at most this many per forward. */
enum { VERSION = 1, PATIENTS = 16 };

static const char magic[8] = "dmsmaps";

/* The first bytes of the file, in the machine's own byte order: the file stays
 * on the machine that made it. */
typedef struct header {
    char magic[8];
    uint32_t version;
    uint32_t type; /* dms_type of the map's numbers */
    uint64_t maps;
    uint64_t map_bytes;
    uint64_t key;
    uint64_t sums_hash; /* hash of the checksums */
} header;

struct dms_map_cache {
    const dms_train_patients *patients;
    const dms_architecture *arch;
    dms_params *params;
    const dms_monitor *monitor;
    dms_net_options net; /* for the backbone */
    size_t *eyes;        /* count of them, 2 * place + eye, ascending */
    size_t *numbers;     /* for each eye of the data set: its map's index */
    size_t count;
    size_t map_bytes;
    dms_type type; /* number type of the maps */
    uint64_t key;
    dms_file_map file;
    const uint8_t *maps; /* points into file */
    char name[96];
};

/* The eye that the patient has at this side, as 2 * place + eye. */
static size_t eye_of(const dms_map_cache *c, size_t place, int side)
{
    const dms_train_patients *p = c->patients;

    return 2 * place + (size_t)dms_loader_source(p->dataset, p->cache,
                                                 p->options->eyes, place, side);
}

static void mark(dms_map_cache *c, const size_t *places, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (int side = 0; side < 2; side++)
            c->numbers[eye_of(c, places[i], side)] = 1;
}

/* List the eyes in use in the data set's order. The list does not depend on how
 * the patients are split. */
static dms_status list_eyes(dms_map_cache *c, dms_error *err)
{
    const dms_train_patients *p = c->patients;
    size_t all = 2 * p->dataset->count;

    c->eyes = dms_calloc(all, sizeof *c->eyes);
    c->numbers = dms_calloc(all, sizeof *c->numbers);
    if (!c->eyes || !c->numbers)
        return dms_fail_memory(err, "maps");
    mark(c, p->train, p->train_count);
    mark(c, p->val, p->val_count);
    for (size_t eye = 0; eye < all; eye++) {
        if (!c->numbers[eye])
            continue;
        c->numbers[eye] = c->count;
        c->eyes[c->count++] = eye;
    }
    return DMS_OK;
}

static uint64_t hash_backbone(uint64_t hash, const dms_params *params)
{
    for (size_t i = 0; i < params->count; i++) {
        const dms_param *param = &params->items[i];

        if (strncmp(param->name, "backbone.", 9) == 0)
            hash = dms_hash_bytes(hash, dms_param_value(params, i),
                                  param->len * sizeof(float));
    }
    return hash;
}

/* A hash of all that a map's bits depend on, except the number of threads. */
static uint64_t key_of(const dms_map_cache *c)
{
    uint64_t facts[] = {VERSION, dms_cache_key(c->patients->cache),
                        (uint64_t)c->arch->backbone, (uint64_t)c->net.type,
                        c->net.winograd};
    char backend[64] = "";
    uint64_t hash = dms_hash_bytes(DMS_HASH_START, facts, sizeof facts);

    dms_net_backend(backend, sizeof backend);
    hash = dms_hash_bytes(hash, backend, strlen(backend));
    hash = dms_hash_bytes(hash, c->eyes, c->count * sizeof *c->eyes);
    return hash_backbone(hash, c->params);
}

static uint64_t checksum(const uint8_t *map, size_t bytes)
{
    uint64_t sum = DMS_HASH_START, word;

    for (size_t at = 0; at < bytes; at += sizeof word) {
        memcpy(&word, map + at, sizeof word);
        sum = dms_hash_mix(sum, word);
    }
    return sum;
}

static size_t maps_at(size_t count)
{
    return (sizeof(header) + count * sizeof(uint64_t) + 63) / 64 * 64;
}

static header header_of(const dms_map_cache *c, const uint64_t *sums)
{
    header h = {.version = VERSION,
                .type = (uint32_t)c->net.type,
                .maps = c->count,
                .map_bytes = c->map_bytes,
                .key = c->key,
                .sums_hash = dms_hash_bytes(DMS_HASH_START, sums,
                                            c->count * sizeof *sums)};

    memcpy(h.magic, magic, sizeof magic);
    return h;
}

/* Check every map: a wrong one would train a wrong model silently. */
static bool valid(const dms_file_map *file, const void *user)
{
    const dms_map_cache *c = user;
    const uint64_t *sums = (const void *)(file->data + sizeof(header));
    const uint8_t *maps = file->data + maps_at(c->count);
    size_t wrong = 0;
    header h;

    if (file->size != maps_at(c->count) + c->count * c->map_bytes)
        return false;
    h = header_of(c, sums);
    if (memcmp(file->data, &h, sizeof h) != 0)
        return false;
#pragma omp parallel for schedule(static) reduction(+ : wrong)
    for (size_t i = 0; i < c->count; i++)
        wrong += checksum(maps + i * c->map_bytes, c->map_bytes) != sums[i] ||
                 !isfinite(dms_value_magnitude(
                     maps + i * c->map_bytes,
                     c->map_bytes / dms_type_size(c->type), c->type));
    return wrong == 0;
}

/* Compute the maps of eyes[first] to eyes[first + count - 1]. A partial batch
 * is filled up with its last eye. */
static dms_status compute_batch(const dms_map_cache *c, dms_net *net,
                                size_t first, size_t count, dms_error *err)
{
    size_t side = (size_t)c->arch->size, area = 3 * side * side;
    size_t batch = 2 * (size_t)c->net.patients;
    float *images = dms_net_images(net);

#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < batch; i++) {
        size_t eye = c->eyes[first + (i < count ? i : count - 1)];

        dms_pixels_normalise(
            images + i * area,
            dms_cache_pixels(c->patients->cache, eye / 2, (int)(eye % 2)),
            c->arch->size);
    }
    return dms_net_forward(net, 0, err);
}

static dms_status write_maps(const dms_map_cache *c, dms_net *net,
                             uint64_t *sums, dms_file_writer *writer,
                             dms_error *err)
{
    dms_status st = DMS_OK;
    size_t batch = 2 * (size_t)c->net.patients;
    const uint8_t *maps = dms_net_map(net);

    for (size_t at = 0; at < c->count; at += batch) {
        size_t count = c->count - at < batch ? c->count - at : batch;

        dms_progress(c->monitor, "frozen backbone", at, c->count, NULL);
        if (dms_should_stop(c->monitor))
            return dms_fail(err, DMS_ESTOPPED,
                            "stopped while the frozen backbone's maps were "
                            "computed");
        TRY(compute_batch(c, net, at, count, err));
        for (size_t i = 0; i < count; i++) {
            size_t eye = c->eyes[at + i];
            char who[DMS_NET_WHO];

            dms_net_who(who, c->patients->dataset->patients[eye / 2].id);
            TRY(dms_net_check_eye(net, i, (int)(eye % 2), who, err));
            sums[at + i] = checksum(maps + i * c->map_bytes, c->map_bytes);
        }
        TRY(dms_file_writer_write(writer, maps, count * c->map_bytes, err));
    }
    dms_progress(c->monitor, "frozen backbone", c->count, c->count, NULL);
done:
    return st;
}

/* Write the maps first and leave room before them; header and checksums are
 * known afterwards. */
static dms_status make(dms_file_writer *writer, void *user, dms_error *err)
{
    dms_status st;
    const dms_map_cache *c = user;
    size_t lead = maps_at(c->count);
    uint8_t *front = dms_calloc(lead, 1);
    uint64_t *sums = front ? (void *)(front + sizeof(header)) : NULL;
    dms_net *net = NULL;
    header h;

    if (!front)
        return dms_fail_memory(err, "maps");
    TRY(dms_net_create(&net, c->arch, c->params, &c->net, err));
    TRY(dms_file_writer_write(writer, front, lead, err));
    TRY(write_maps(c, net, sums, writer, err));
    h = header_of(c, sums);
    memcpy(front, &h, sizeof h);
    TRY(dms_file_writer_rewrite(writer, 0, front, lead, err));
done:
    dms_net_destroy(net);
    dms_free(front);
    return st;
}

static dms_status plan(dms_map_cache *c, const dms_compute *compute,
                       dms_error *err)
{
    int batch = c->patients->options->batch;
    dms_status st;

    c->net = (dms_net_options){.patients = batch < PATIENTS ? batch : PATIENTS,
                               .part = DMS_NET_TO_MAP};
    TRY(list_eyes(c, err));
    TRY(dms_compute_apply(&c->net, compute, NULL, c->count / 2, err));
    c->map_bytes = dms_net_map_bytes(c->arch, c->net.type);
    c->type = c->map_bytes == dms_net_map_bytes(c->arch, DMS_TYPE_F32)
                  ? DMS_TYPE_F32
                  : c->net.type;
    c->key = key_of(c);
    snprintf(c->name, sizeof c->name, "maps-%s-%dpx-%s-%016" PRIx64 ".cache",
             dms_backbone_name(c->arch->backbone), c->arch->size,
             c->net.type == DMS_TYPE_BF16 ? "bf16" : "fp32", c->key);
    dms_log(c->monitor, DMS_LOG_INFO,
            "the backbone is frozen and nothing is augmented: it looks at "
            "each photograph once; %zu maps of %.1f kB (%s) are kept, %.1f MB",
            c->count, (double)c->map_bytes / 1e3,
            c->net.type == DMS_TYPE_BF16 ? "bf16" : "fp32",
            (double)c->count * (double)c->map_bytes / 1e6);
done:
    return st;
}

dms_status dms_map_cache_open(dms_map_cache **out,
                              const dms_train_patients *patients,
                              const dms_architecture *arch, dms_params *params,
                              const dms_compute *compute,
                              const dms_monitor *monitor, dms_error *err)
{
    dms_status st;
    dms_map_cache *c = dms_calloc(1, sizeof *c);
    dms_made_file file = {patients->cache_folder, c ? c->name : NULL, valid,
                          make, c};
    bool made;

    if (!c)
        return dms_fail_memory(err, "maps");
    c->patients = patients;
    c->arch = arch;
    c->params = params;
    c->monitor = monitor;
    TRY(plan(c, compute, err));
    TRY(dms_made_file_open(&c->file, &made, &file, err));
    c->maps = c->file.data + maps_at(c->count);
    dms_log(monitor, DMS_LOG_INFO, "%s/%s: the maps are %s", file.folder,
            file.name, made ? "made" : "there already");
    *out = c, c = NULL;
done:
    dms_map_cache_close(c);
    return st;
}

void dms_map_cache_close(dms_map_cache *cache)
{
    if (!cache)
        return;
    dms_file_map_close(&cache->file);
    dms_free(cache->eyes);
    dms_free(cache->numbers);
    dms_free(cache);
}

void dms_map_cache_fill(const dms_map_cache *cache, void *maps,
                        const size_t *places, size_t count)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < 2 * count; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): i < 2 * count */
        size_t eye = eye_of(cache, places[i % count], i >= count);

        memcpy((uint8_t *)maps + i * cache->map_bytes,
               cache->maps + cache->numbers[eye] * cache->map_bytes,
               cache->map_bytes);
    }
}
