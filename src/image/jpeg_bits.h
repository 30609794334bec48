/* The bits of a JPEG scan, and the tables that decode several Huffman symbols
 * in one look-up (a "look"). Private to jpeg_*.c. */
#ifndef DMS_IMAGE_JPEG_BITS_H
#define DMS_IMAGE_JPEG_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "image/jpeg_scan.h"

enum {
    JPEG_LOOK = 12,       /* bits of one look */
    JPEG_BLOCK_END = 128, /* advance of "end of block" */
    /* zeros after the bits: a block takes 64 codes and values of at most 31
     * bits, and up to four words are read ahead */
    JPEG_PADDING = 64 * 31 / 8 + 4 * 8
};

/* What the next JPEG_LOOK bits decode to. bits: how many of them code and value
 * take; 0 if they take more than a look, or are not a code. */
typedef struct jpeg_look {
    uint8_t bits;
    uint8_t advance; /* coefficients passed, including that of `value` */
    int16_t value;
} jpeg_look;

typedef struct jpeg_table {
    jpeg_look symbol[1 << JPEG_LOOK]; /* one symbol and its value */
    jpeg_look skip[1 << JPEG_LOOK];   /* as many whole symbols as fit */
    int32_t limit[18]; /* by length: first code that is longer, 16 bits */
    int32_t offset[17];
    uint8_t symbols[256];
} jpeg_table;

/* false if the counts are not a code that libjpeg accepts, or a DC symbol is
 * above 15. */
bool jpeg_table_fill(jpeg_table *t, const dms_jpeg_code *code, bool dc);

/* Looks for the beginning of a block: the DC symbol and its value, then as many
 * whole AC symbols as fit and do not set a coefficient up to `last`. */
void jpeg_first_fill(jpeg_look *first, const jpeg_table *dc,
                     const jpeg_table *ac, int last);

/* `word` holds `count` valid bits at its top; the bits below them are read
 * again by the next refill. */
typedef struct jpeg_bits {
    const uint8_t *next;
    uint64_t word;
    int count;
} jpeg_bits;

static inline uint64_t jpeg_load(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* At least 56 valid bits. */
static inline void jpeg_refill(jpeg_bits *b)
{
    b->word |= jpeg_load(b->next) >> b->count;
    b->next += (63 - b->count) >> 3;
    b->count |= 56;
}

static inline void jpeg_drop(jpeg_bits *b, int bits)
{
    b->word <<= bits;
    b->count -= bits;
}

static inline unsigned jpeg_peek(const jpeg_bits *b, int bits)
{
    return (unsigned)(b->word >> (64 - bits));
}

/* T.81 F.2.2.1, EXTEND: a value of `size` bits, negative if the first is 0. */
static inline int jpeg_extend(int value, int size)
{
    return size > 0 && value < 1 << (size - 1) ? value - (1 << size) + 1
                                               : value;
}

/* The symbol and value at the top of `word`, at most 31 bits. bits is 0 if no
 * code begins with them. */
jpeg_look jpeg_read_long(uint64_t word, const jpeg_table *t);

#endif
