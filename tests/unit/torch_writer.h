/* A small writer of pickles and zips, for the tests of their readers. */
#ifndef DMS_TESTS_TORCH_WRITER_H
#define DMS_TESTS_TORCH_WRITER_H

#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "base/strbuf.h"

/* Append a literal that may hold NULs. */
#define PUT(sb, literal) dms_strbuf_add((sb), literal, sizeof literal - 1)

static inline void put_le(dms_strbuf *sb, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        uint8_t byte = (uint8_t)(value >> 8 * i);

        dms_strbuf_add(sb, &byte, 1);
    }
}

/* LONG1 of eight bytes. */
static inline void put_number(dms_strbuf *sb, int64_t value)
{
    PUT(sb, "\x8a\x08");
    put_le(sb, (uint64_t)value, 8);
}

static inline void put_text(dms_strbuf *sb, const char *text)
{
    PUT(sb, "X");
    put_le(sb, strlen(text), 4);
    dms_strbuf_puts(sb, text);
}

static inline void put_tuple(dms_strbuf *sb, const int64_t *values, int count)
{
    PUT(sb, "(");
    for (int i = 0; i < count; i++)
        put_number(sb, values[i]);
    PUT(sb, "t");
}

typedef struct tensor_call {
    const char *storage_class; /* "torch\nFloatStorage\n" when NULL */
    const char *key;           /* "0" when NULL */
    int64_t elements;          /* of the storage */
    int64_t first;
    int axes;
    int64_t shape[9], stride[9];
} tensor_call;

/* A call of _rebuild_tensor_v2, as torch.save writes it. */
static inline void put_tensor(dms_strbuf *sb, const tensor_call *t)
{
    PUT(sb, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_text(sb, "storage");
    PUT(sb, "c");
    dms_strbuf_puts(sb, t->storage_class ? t->storage_class
                                         : "torch\nFloatStorage\n");
    put_text(sb, t->key ? t->key : "0");
    put_text(sb, "cpu");
    put_number(sb, t->elements);
    PUT(sb, "tQ");
    put_number(sb, t->first);
    put_tuple(sb, t->shape, t->axes);
    put_tuple(sb, t->stride, t->axes);
    PUT(sb, "\x89"
            "ccollections\nOrderedDict\n)RtR");
}

typedef struct zip_part {
    const char *name;
    const void *data;
    size_t size;
} zip_part;

/* A zip as torch.save writes it: sizes and CRC behind the data, zip64 end. */
static inline void put_zip(dms_strbuf *sb, const zip_part *parts, size_t count)
{
    size_t at[16], directory, end;

    for (size_t i = 0; i < count; i++) {
        uint32_t crc = (uint32_t)crc32_z(0, parts[i].data, parts[i].size);

        at[i] = sb->len;
        PUT(sb, "PK\3\4\0\0\x08\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        put_le(sb, strlen(parts[i].name), 2);
        put_le(sb, 8, 2);
        dms_strbuf_puts(sb, parts[i].name);
        PUT(sb, "FB\4\0ZZZZ");
        dms_strbuf_add(sb, parts[i].data, parts[i].size);
        PUT(sb, "PK\x07\x08");
        put_le(sb, crc, 4);
        put_le(sb, parts[i].size, 4);
        put_le(sb, parts[i].size, 4);
    }
    directory = sb->len;
    for (size_t i = 0; i < count; i++) {
        PUT(sb, "PK\1\2\0\0\0\0\x08\x08\0\0\0\0\0\0");
        put_le(sb, crc32_z(0, parts[i].data, parts[i].size), 4);
        put_le(sb, parts[i].size, 4);
        put_le(sb, parts[i].size, 4);
        put_le(sb, strlen(parts[i].name), 2);
        PUT(sb, "\0\0\0\0\0\0\0\0\0\0\0\0");
        put_le(sb, at[i], 4);
        dms_strbuf_puts(sb, parts[i].name);
    }
    end = sb->len;
    PUT(sb, "PK\6\6\x2c\0\0\0\0\0\0\0\x1e\3\x2d\0\0\0\0\0\0\0\0\0");
    put_le(sb, count, 8);
    put_le(sb, count, 8);
    put_le(sb, end - directory, 8);
    put_le(sb, directory, 8);
    PUT(sb, "PK\6\7\0\0\0\0");
    put_le(sb, end, 8);
    put_le(sb, 1, 4);
    PUT(sb, "PK\5\6\0\0\0\0");
    put_le(sb, count, 2);
    put_le(sb, count, 2);
    put_le(sb, end - directory, 4);
    put_le(sb, directory, 4);
    put_le(sb, 0, 2);
}

#endif
