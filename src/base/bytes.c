/* The cursor over untrusted bytes. All reads go through dms_bytes_take, the
 * only place that checks against the end. */
#include "base/bytes.h"

#include <assert.h>

dms_bytes dms_bytes_over(const void *data, size_t size)
{
    return (dms_bytes){.data = data, .size = size};
}

const uint8_t *dms_bytes_take(dms_bytes *b, size_t count)
{
    const uint8_t *p;

    assert(b->at <= b->size);
    if (b->failed || count > dms_bytes_left(b)) {
        b->failed = true;
        return NULL;
    }
    p = b->data + b->at;
    b->at += count;
    return p;
}

void dms_bytes_seek(dms_bytes *b, size_t at)
{
    if (b->failed || at > b->size)
        b->failed = true;
    else
        b->at = at;
}

static uint64_t take_le(dms_bytes *b, size_t count)
{
    const uint8_t *p = dms_bytes_take(b, count);
    uint64_t value = 0;

    for (size_t i = count; p && i-- > 0;)
        value = value << 8 | p[i];
    return value;
}

uint8_t dms_bytes_u8(dms_bytes *b)
{
    return (uint8_t)take_le(b, 1);
}

uint16_t dms_bytes_u16le(dms_bytes *b)
{
    return (uint16_t)take_le(b, 2);
}

uint32_t dms_bytes_u32le(dms_bytes *b)
{
    return (uint32_t)take_le(b, 4);
}

uint64_t dms_bytes_u64le(dms_bytes *b)
{
    return take_le(b, 8);
}
