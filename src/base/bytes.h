/* A cursor over untrusted bytes: no read ever passes the end.
 *
 * After the first read past the end, `failed` stays set and every further read
 * returns 0 or NULL, so one check at the end is enough. */
#ifndef DMS_BASE_BYTES_H
#define DMS_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct dms_bytes {
    const uint8_t *data; /* borrowed */
    size_t size;
    size_t at; /* at <= size */
    bool failed;
} dms_bytes;

dms_bytes dms_bytes_over(const void *data, size_t size);

static inline size_t dms_bytes_left(const dms_bytes *b)
{
    return b->size - b->at;
}

/* The next count bytes, borrowed; NULL if fewer are left. */
const uint8_t *dms_bytes_take(dms_bytes *b, size_t count);

/* Move to an absolute offset; fails past the end. */
void dms_bytes_seek(dms_bytes *b, size_t at);

uint8_t dms_bytes_u8(dms_bytes *b);
uint16_t dms_bytes_u16le(dms_bytes *b);
uint32_t dms_bytes_u32le(dms_bytes *b);
uint64_t dms_bytes_u64le(dms_bytes *b);

#endif
