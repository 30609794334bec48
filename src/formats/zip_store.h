/* A zip whose entries are stored, not compressed: what torch.save writes since
 * PyTorch 1.6. Entries are read in place and nothing is unpacked. Anything that
 * can be read in two ways is refused
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
    const char *name; /* borrowed, name_len bytes, not NUL-terminated */
    size_t name_len;
    const uint8_t *data; /* borrowed */
    size_t size;
    size_t header; /* offset of its local header */
    uint32_t crc;
    uint16_t method; /* 0: stored */
} dms_zip_entry;

typedef struct dms_zip_store dms_zip_store;

/* Parse size bytes at data; name is for messages. Both must outlive the result.
 *
 * Zip64, data descriptors and extra fields are supported. DMS_EFORMAT: an
 * encrypted entry, duplicate names, overlapping entries, bytes before the first
 * entry or after the end record, a local header that differs from the
 * directory, a name that is absolute or contains "..", a backslash or a control
 * character. DMS_ELIMIT: more than ENTRIES_MAX entries, a name longer than
 * NAME_MAX bytes. Contents are not checked. */
dms_status dms_zip_store_create(dms_zip_store **out, const void *data,
                                size_t size, const char *name, dms_error *err);
void dms_zip_store_destroy(dms_zip_store *zip);

size_t dms_zip_store_count(const dms_zip_store *zip);
/* Entries are sorted by name. */
const dms_zip_entry *dms_zip_store_at(const dms_zip_store *zip, size_t index);
/* NULL if there is none. */
const dms_zip_entry *dms_zip_store_find(const dms_zip_store *zip,
                                        const char *name, size_t name_len);

/* Check an entry before using it: is it stored, not compressed, and do its
 * bytes have the CRC-32 in the directory? */
dms_status dms_zip_store_check(const dms_zip_store *zip,
                               const dms_zip_entry *entry, dms_error *err);

#endif
