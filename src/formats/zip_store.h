/* A zip whose entries are stored, not compressed: what torch.save writes since
 * PyTorch 1.6. Entries are read where they lie; nothing is unpacked, and what
 * a reader could understand in two ways is refused
 * (docs/decisions/0003-own-reader-of-stored-zips.md).
 *
 * Source: PKWARE APPNOTE.TXT 6.3.10; miniz as PyTorch ships it. */
#ifndef DMS_FORMATS_ZIP_STORE_H
#define DMS_FORMATS_ZIP_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "dms/status.h"

enum { DMS_ZIP_ENTRIES_MAX = 65536, DMS_ZIP_NAME_MAX = 512 };

typedef struct dms_zip_entry {
    const char *name; /* borrowed, name_len bytes, no NUL behind them */
    size_t name_len;
    const uint8_t *data; /* borrowed */
    size_t size;
    size_t header; /* where its local header begins */
    uint32_t crc;
    uint16_t method; /* 0: stored */
} dms_zip_entry;

typedef struct dms_zip_store dms_zip_store;

/* Parse size bytes at data, which must outlive the result; name is for
 * messages and must too.
 *
 * Zip64, data descriptors and extra fields are understood. DMS_EFORMAT: an
 * encrypted entry, two entries of one name, entries that overlap, bytes before
 * the first one or behind the end record, local headers that do not say what
 * the directory says, names that are absolute or have "..", backslashes or
 * control characters. DMS_ELIMIT: more than ENTRIES_MAX entries,
 * names beyond NAME_MAX bytes. Contents are not looked at. */
dms_status dms_zip_store_create(dms_zip_store **out, const void *data,
                                size_t size, const char *name, dms_error *err);
void dms_zip_store_destroy(dms_zip_store *zip);

size_t dms_zip_store_count(const dms_zip_store *zip);
/* Sorted by name. */
const dms_zip_entry *dms_zip_store_at(const dms_zip_store *zip, size_t index);
/* NULL when there is none. */
const dms_zip_entry *dms_zip_store_find(const dms_zip_store *zip,
                                        const char *name, size_t name_len);

/* To be asked before an entry is used: is it stored, not compressed, and are
 * its bytes those whose CRC-32 the directory has? */
dms_status dms_zip_store_check(const dms_zip_store *zip,
                               const dms_zip_entry *entry, dms_error *err);

#endif
