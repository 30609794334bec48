/* Reads the directory of a stored zip from its end. Relies on base/bytes or on
 * a checked sum to validate every offset and length before use. */
#include "formats/zip_store.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "formats/text_plain.h"

enum {
    LOCAL_SIGNATURE = 0x04034b50,
    CENTRAL_SIGNATURE = 0x02014b50,
    END_SIGNATURE = 0x06054b50,
    END64_SIGNATURE = 0x06064b50,
    LOCATOR_SIGNATURE = 0x07064b50,
    LOCAL_SIZE = 30,
    CENTRAL_SIZE = 46,
    END_SIZE = 22,
    END64_SIZE = 56,
    LOCATOR_SIZE = 20,
    COMMENT_MAX = 0xffff,
    EXTRA_ZIP64 = 1,
    FLAG_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13,
    FLAG_DESCRIPTOR = 1 << 3, /* the local header's sizes may be zero */
    UNKNOWN16 = 0xffff
};
#define UNKNOWN32 UINT32_C(0xffffffff) /* the zip64 extra has the value */

struct dms_zip_store {
    const char *file;       /* for messages */
    dms_bytes bytes;        /* the whole archive */
    dms_zip_entry *entries; /* sorted by name */
    size_t count;
};

/* The position of the central directory. */
typedef struct directory {
    uint64_t entries, size, offset;
    size_t end; /* offset of the records after it */
} directory;

/* The fields that both headers of an entry have, in the local header's
 * order. */
typedef struct header {
    uint16_t flags, method;
    uint32_t crc;
    uint64_t packed, size, offset;
    size_t name_len, extra_len;
} header;

/* The offset of the end record, whose comment extends to the end of the file;
 * the file's size if there is no end record. */
static size_t find_end(const dms_bytes *bytes)
{
    for (size_t len = 0; len <= COMMENT_MAX; len++) {
        dms_bytes b = *bytes;

        if (bytes->size < END_SIZE + len)
            break;
        dms_bytes_seek(&b, bytes->size - END_SIZE - len);
        if (dms_bytes_u32le(&b) != END_SIGNATURE)
            continue;
        dms_bytes_take(&b, 16);
        if (dms_bytes_u16le(&b) == len)
            return bytes->size - END_SIZE - len;
    }
    return bytes->size;
}

/* A field of the end record must be all ones or equal the zip64 record's
 * field. */
static bool agrees(uint64_t narrow, uint64_t unknown, uint64_t wide)
{
    return narrow == unknown || narrow == wide;
}

/* Read the zip64 record before the locator before the end record, if there is
 * one. dir holds the end record's values. */
static dms_status read_end64(directory *dir, const dms_zip_store *zip,
                             dms_error *err)
{
    dms_bytes b = zip->bytes;
    directory wide;
    uint64_t place, disks, here;

    if (dir->end < LOCATOR_SIZE)
        return DMS_OK;
    dms_bytes_seek(&b, dir->end - LOCATOR_SIZE);
    if (dms_bytes_u32le(&b) != LOCATOR_SIGNATURE)
        return DMS_OK;
    if (dms_bytes_u32le(&b) != 0)
        goto wrong;
    place = dms_bytes_u64le(&b);
    if (dms_bytes_u32le(&b) > 1 || dir->end < LOCATOR_SIZE + END64_SIZE ||
        place != dir->end - LOCATOR_SIZE - END64_SIZE)
        goto wrong;
    dms_bytes_seek(&b, (size_t)place);
    if (dms_bytes_u32le(&b) != END64_SIGNATURE ||
        dms_bytes_u64le(&b) != END64_SIZE - 12)
        goto wrong;
    dms_bytes_u32le(&b); /* versions */
    disks = dms_bytes_u64le(&b);
    here = dms_bytes_u64le(&b);
    wide.entries = dms_bytes_u64le(&b);
    wide.size = dms_bytes_u64le(&b);
    wide.offset = dms_bytes_u64le(&b);
    wide.end = (size_t)place;
    if (b.failed || disks != 0 || here != wide.entries ||
        !agrees(dir->entries, UNKNOWN16, wide.entries) ||
        !agrees(dir->size, UNKNOWN32, wide.size) ||
        !agrees(dir->offset, UNKNOWN32, wide.offset))
        goto wrong;
    *dir = wide;
    return DMS_OK;
wrong:
    return dms_fail(
        err, DMS_EFORMAT,
        "%s: the zip64 end record is malformed or contradicts the end "
        "record",
        zip->file);
}

static dms_status find_directory(directory *dir, const dms_zip_store *zip,
                                 dms_error *err)
{
    dms_status st;
    dms_bytes b = zip->bytes;
    uint32_t disks;
    uint16_t here;

    dir->end = find_end(&b);
    if (dir->end == b.size)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: a zip without an end record: the file is cut "
                        "short, or something is appended to it",
                        zip->file);
    dms_bytes_seek(&b, dir->end + 4);
    disks = dms_bytes_u32le(&b);
    here = dms_bytes_u16le(&b);
    dir->entries = dms_bytes_u16le(&b);
    dir->size = dms_bytes_u32le(&b);
    dir->offset = dms_bytes_u32le(&b);
    if (disks != 0 || here != dir->entries)
        return dms_fail(err, DMS_EFORMAT, "%s: a zip split over several disks",
                        zip->file);
    if ((st = read_end64(dir, zip, err)) != DMS_OK)
        return st;
    if (dir->entries > DMS_ZIP_ENTRIES_MAX)
        return dms_fail(
            err, DMS_ELIMIT, "%s: a zip of %llu entries, at most %d are read",
            zip->file, (unsigned long long)dir->entries, DMS_ZIP_ENTRIES_MAX);
    if (dir->size > dir->end || dir->offset != dir->end - dir->size)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: the zip's directory of %llu bytes at byte %llu "
                        "does not end at its end record at byte %zu",
                        zip->file, (unsigned long long)dir->size,
                        (unsigned long long)dir->offset, dir->end);
    if (dir->entries > dir->size / CENTRAL_SIZE)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: %llu zip entries do not fit into a directory of "
                        "%llu bytes",
                        zip->file, (unsigned long long)dir->entries,
                        (unsigned long long)dir->size);
    return DMS_OK;
}

/* Read from the extra fields the values that did not fit in the header. They
 * are in a fixed order, and only those that are needed are present. */
static bool read_extra(header *head, dms_bytes *bytes)
{
    const uint8_t *data = dms_bytes_take(bytes, head->extra_len);
    dms_bytes extra = dms_bytes_over(data, data ? head->extra_len : 0);
    uint64_t *wanted[3] = {&head->size, &head->packed, &head->offset};

    while (data && dms_bytes_left(&extra) >= 4) {
        uint16_t id = dms_bytes_u16le(&extra);
        uint16_t len = dms_bytes_u16le(&extra);
        const uint8_t *content = dms_bytes_take(&extra, len);
        dms_bytes wide = dms_bytes_over(content, content ? len : 0);

        if (extra.failed)
            return false;
        for (int i = 0; id == EXTRA_ZIP64 && i < 3; i++)
            if (*wanted[i] == UNKNOWN32)
                *wanted[i] = dms_bytes_u64le(&wide);
        if (wide.failed)
            return false;
    }
    return data && dms_bytes_left(&extra) == 0;
}

static bool name_is_safe(const char *name, size_t len)
{
    size_t start = 0;

    if (len == 0 || name[0] == '/' || memchr(name, '\\', len) ||
        !dms_text_is_plain(name, len))
        return false;
    for (size_t i = 0; i <= len; i++)
        if (i == len || name[i] == '/') {
            if (i - start == 2 && memcmp(name + start, "..", 2) == 0)
                return false;
            start = i + 1;
        }
    return true;
}

/* Refuse with a message that names the entry. */
static dms_status refuse(const dms_zip_store *zip, const dms_zip_entry *entry,
                         const char *why, dms_error *err)
{
    char shown[DMS_TEXT_SHOWN + 4];

    return dms_fail(err, DMS_EFORMAT, "%s: entry '%s' %s", zip->file,
                    dms_text_show(shown, entry->name, entry->name_len), why);
}

static dms_status check_entry(const dms_zip_store *zip,
                              const dms_zip_entry *entry, const header *head,
                              dms_error *err)
{
    if (entry->name_len > DMS_ZIP_NAME_MAX)
        return dms_fail(err, DMS_ELIMIT,
                        "%s: a zip entry's name has %zu bytes, at most %d are "
                        "read",
                        zip->file, entry->name_len, DMS_ZIP_NAME_MAX);
    if (!name_is_safe(entry->name, entry->name_len))
        return refuse(zip, entry,
                      "is not a name inside an archive: empty, absolute, or "
                      "with \"..\", a backslash or a control character",
                      err);
    if (head->flags & FLAG_ENCRYPTED)
        return refuse(zip, entry, "is encrypted", err);
    if (head->method == 0 && head->packed != head->size)
        return refuse(zip, entry, "is stored, but its two sizes differ", err);
    return DMS_OK;
}

/* Check that the local header equals the directory's, except for sizes it does
 * not know yet, and set the entry's data. */
static dms_status read_local(dms_zip_entry *entry, const dms_zip_store *zip,
                             const header *central, const directory *dir,
                             dms_error *err)
{
    dms_bytes b = zip->bytes;
    header head = {0};
    const uint8_t *name;
    bool later;

    b.size = (size_t)dir->offset;
    if (central->offset > b.size)
        return refuse(zip, entry, "begins after the zip's directory", err);
    entry->header = (size_t)central->offset;
    dms_bytes_seek(&b, entry->header);
    if (dms_bytes_u32le(&b) != LOCAL_SIGNATURE)
        return refuse(zip, entry, "has no local header", err);
    dms_bytes_u16le(&b); /* version */
    head.flags = dms_bytes_u16le(&b);
    head.method = dms_bytes_u16le(&b);
    dms_bytes_u32le(&b); /* time */
    head.crc = dms_bytes_u32le(&b);
    head.packed = dms_bytes_u32le(&b);
    head.size = dms_bytes_u32le(&b);
    head.name_len = dms_bytes_u16le(&b);
    head.extra_len = dms_bytes_u16le(&b);
    name = dms_bytes_take(&b, head.name_len);
    if (!read_extra(&head, &b))
        return refuse(zip, entry, "has a malformed local header", err);
    later = (head.flags & FLAG_DESCRIPTOR) && head.crc == 0 && head.size == 0 &&
            head.packed == 0;
    if (head.flags != central->flags || head.method != central->method ||
        head.name_len != entry->name_len ||
        memcmp(name, entry->name, entry->name_len) != 0 ||
        (!later && (head.crc != central->crc || head.size != central->size ||
                    head.packed != central->packed)))
        return refuse(zip, entry,
                      "has a local header that contradicts the directory", err);
    if (central->packed > dms_bytes_left(&b))
        return refuse(zip, entry, "reaches past the zip's directory", err);
    entry->size = (size_t)central->packed;
    entry->data = dms_bytes_take(&b, entry->size);
    return DMS_OK;
}

static dms_status read_entry(dms_zip_entry *entry, dms_bytes *b,
                             const dms_zip_store *zip, const directory *dir,
                             dms_error *err)
{
    dms_status st;
    header head = {0};
    size_t comment;
    uint16_t disk;

    if (dms_bytes_u32le(b) != CENTRAL_SIGNATURE)
        goto malformed;
    dms_bytes_u32le(b); /* versions */
    head.flags = dms_bytes_u16le(b);
    head.method = dms_bytes_u16le(b);
    dms_bytes_u32le(b); /* time */
    head.crc = dms_bytes_u32le(b);
    head.packed = dms_bytes_u32le(b);
    head.size = dms_bytes_u32le(b);
    head.name_len = dms_bytes_u16le(b);
    head.extra_len = dms_bytes_u16le(b);
    comment = dms_bytes_u16le(b);
    disk = dms_bytes_u16le(b);
    dms_bytes_take(b, 6); /* attributes */
    head.offset = dms_bytes_u32le(b);
    entry->name_len = head.name_len;
    entry->name = (const char *)dms_bytes_take(b, head.name_len);
    if (!read_extra(&head, b) || !dms_bytes_take(b, comment) || disk != 0)
        goto malformed;
    entry->crc = head.crc;
    entry->method = head.method;
    if ((st = check_entry(zip, entry, &head, err)) != DMS_OK)
        return st;
    return read_local(entry, zip, &head, dir, err);
malformed:
    return dms_fail(err, DMS_EFORMAT,
                    "%s: the zip's directory is malformed before byte %zu",
                    zip->file, b->at);
}

static int by_place(const void *a, const void *b)
{
    const dms_zip_entry *x = a;
    const dms_zip_entry *y = b;

    return (x->header > y->header) - (x->header < y->header);
}

static int by_name(const void *a, const void *b)
{
    const dms_zip_entry *x = a;
    const dms_zip_entry *y = b;
    size_t len = x->name_len < y->name_len ? x->name_len : y->name_len;
    int order = memcmp(x->name, y->name, len);

    return order ? order
                 : (x->name_len > y->name_len) - (x->name_len < y->name_len);
}

/* Check that entries do not overlap and that no byte precedes the first one. */
static dms_status check_places(dms_zip_store *zip, dms_error *err)
{
    dms_zip_entry *entries = zip->entries;

    qsort(entries, zip->count, sizeof *entries, by_place);
    if (zip->count > 0 && entries[0].header != 0)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: %zu bytes lie before the zip's first entry",
                        zip->file, entries[0].header);
    for (size_t i = 1; i < zip->count; i++) {
        const dms_zip_entry *last = &entries[i - 1];
        size_t end = (size_t)(last->data - zip->bytes.data) + last->size;

        if (entries[i].header < end)
            return refuse(zip, &entries[i], "overlaps another entry", err);
    }
    return DMS_OK;
}

dms_status dms_zip_store_create(dms_zip_store **out, const void *data,
                                size_t size, const char *name, dms_error *err)
{
    dms_status st = DMS_OK;
    directory dir = {0};
    dms_bytes b;
    dms_zip_store *zip = dms_calloc(1, sizeof *zip);

    if (!zip)
        return dms_fail_memory(err, name);
    zip->file = name;
    zip->bytes = dms_bytes_over(data, size);
    TRY(find_directory(&dir, zip, err));
    zip->entries = dms_calloc((size_t)dir.entries, sizeof *zip->entries);
    if (!zip->entries) {
        st = dms_fail_memory(err, name);
        goto done;
    }
    b = dms_bytes_over(zip->bytes.data + dir.offset, (size_t)dir.size);
    for (; zip->count < dir.entries; zip->count++)
        TRY(read_entry(&zip->entries[zip->count], &b, zip, &dir, err));
    if (dms_bytes_left(&b) > 0) {
        st = dms_fail(
            err, DMS_EFORMAT,
            "%s: the zip's directory has %zu bytes after its last entry", name,
            dms_bytes_left(&b));
        goto done;
    }
    TRY(check_places(zip, err));
    qsort(zip->entries, zip->count, sizeof *zip->entries, by_name);
    for (size_t i = 1; i < zip->count; i++)
        if (by_name(&zip->entries[i - 1], &zip->entries[i]) == 0)
            TRY(refuse(zip, &zip->entries[i], "is there twice", err));
    *out = zip, zip = NULL;
done:
    dms_zip_store_destroy(zip);
    return st;
}

void dms_zip_store_destroy(dms_zip_store *zip)
{
    if (!zip)
        return;
    dms_free(zip->entries);
    dms_free(zip);
}

size_t dms_zip_store_count(const dms_zip_store *zip)
{
    return zip->count;
}

const dms_zip_entry *dms_zip_store_at(const dms_zip_store *zip, size_t index)
{
    return index < zip->count ? &zip->entries[index] : NULL;
}

const dms_zip_entry *dms_zip_store_find(const dms_zip_store *zip,
                                        const char *name, size_t name_len)
{
    dms_zip_entry key = {.name = name, .name_len = name_len};

    return bsearch(&key, zip->entries, zip->count, sizeof key, by_name);
}

dms_status dms_zip_store_check(const dms_zip_store *zip,
                               const dms_zip_entry *entry, dms_error *err)
{
    char shown[DMS_TEXT_SHOWN + 4];

    if (entry->method != 0)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: entry '%s' is compressed (method %d): PyTorch "
                        "stores",
                        zip->file,
                        dms_text_show(shown, entry->name, entry->name_len),
                        entry->method);
    if (crc32_z(0, entry->data, entry->size) != entry->crc)
        return refuse(zip, entry, "is damaged: its CRC-32 is wrong", err);
    return DMS_OK;
}
