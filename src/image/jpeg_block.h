/* Decodes one block of a JPEG scan to n x n pixels. Private to jpeg_scan.c. */
#ifndef DMS_IMAGE_JPEG_BLOCK_H
#define DMS_IMAGE_JPEG_BLOCK_H

#include "image/jpeg_bits.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Four pixels at a time, whatever the machine has. */
typedef float jpeg_quad __attribute__((vector_size(16)));
typedef int32_t jpeg_quad_int __attribute__((vector_size(16)));

enum { JPEG_BLOCK = 64, JPEG_QUADS = JPEG_BLOCK / 4 };

/* A component being decoded; each block becomes wide x high pixels. */
typedef struct jpeg_lane {
    int across, down; /* blocks in an MCU */
    int wide, high;   /* 1 to 8 */
    int last;         /* the last coefficient needed, in the scan's order */
    int dc;           /* of the previous block, before dequantisation */
    float dc_step;    /* one unit of dc in grey levels */
    const jpeg_table *dc_table, *ac_table;
    const jpeg_look *first; /* see jpeg_first_fill */
    /* in scan order: the pixels, row by row, that a coefficient of 1 gives */
    jpeg_quad basis[JPEG_BLOCK][JPEG_QUADS];
    bool needed[JPEG_BLOCK];
    uint8_t *rows; /* down*high rows of `stride` */
    size_t stride;
} jpeg_lane;

ALWAYS_INLINE jpeg_look jpeg_read(jpeg_bits *b, const jpeg_table *t)
{
    jpeg_look one = t->symbol[jpeg_peek(b, JPEG_LOOK)];

    if (__builtin_expect(one.bits == 0, 0))
        one = jpeg_read_long(b->word, t);
    jpeg_drop(b, one.bits);
    return one;
}

/* Do all symbols of a look from coefficient k on belong to k's block? */
ALWAYS_INLINE bool jpeg_look_fits(jpeg_look all, int k)
{
    int end = k + all.advance;

    return all.bits > 0 &&
           (end <= JPEG_BLOCK ||
            (end >= JPEG_BLOCK_END && end < JPEG_BLOCK_END + JPEG_BLOCK));
}

/* Skip coefficients k to 63. false if a code is invalid or there are too many
 * coefficients. */
ALWAYS_INLINE bool jpeg_skip(jpeg_bits *b, const jpeg_table *t, int k)
{
    while (k < JPEG_BLOCK) {
        jpeg_look all;

        jpeg_refill(b);
        all = t->skip[jpeg_peek(b, JPEG_LOOK)];
        if (__builtin_expect(jpeg_look_fits(all, k), 1)) {
            jpeg_drop(b, all.bits);
        } else {
            all = jpeg_read(b, t);
            if (all.bits == 0)
                return false;
        }
        k += all.advance;
    }
    return k == JPEG_BLOCK || k >= JPEG_BLOCK_END;
}

static inline uint8_t jpeg_level(float v)
{
    return (uint8_t)(v > 0 ? v < 255 ? v : 255 : 0);
}

/* The same for four; by masks, because C cannot select between vectors. */
ALWAYS_INLINE jpeg_quad_int jpeg_levels(jpeg_quad v)
{
    const jpeg_quad most = {255, 255, 255, 255};
    jpeg_quad_int over = v > most, above = v > 0;

    v = (jpeg_quad)(((jpeg_quad_int)v & ~over) | ((jpeg_quad_int)most & over));
    v = (jpeg_quad)((jpeg_quad_int)v & above);
    return __builtin_convertvector(v, jpeg_quad_int);
}

/* Decode the coefficients from k on that the pixels need. Returns k after them,
 * -1 on damage. */
ALWAYS_INLINE int jpeg_add_coefficients(jpeg_bits *b, const jpeg_lane *l,
                                        jpeg_quad *sum, int quads, int last,
                                        int k)
{
    while (k <= last) {
        jpeg_look one;

        jpeg_refill(b);
        one = jpeg_read(b, l->ac_table);
        k += one.advance;
        if (one.bits == 0 || (k > JPEG_BLOCK && k < JPEG_BLOCK_END))
            return -1;
        if (one.value != 0 && l->needed[k - 1])
            for (int i = 0; i < quads; i++)
                sum[i] += l->basis[k - 1][i] * (float)one.value;
    }
    return k;
}

ALWAYS_INLINE void jpeg_store(const jpeg_lane *l, uint8_t *dst,
                              const jpeg_quad *sum, int wide, int high)
{
    int32_t levels[JPEG_BLOCK];

    for (int i = 0; i < (wide * high + 3) / 4; i++) {
        jpeg_quad_int four = jpeg_levels(sum[i]);

        memcpy(levels + 4 * i, &four, sizeof four);
    }
    for (int y = 0; y < high; y++)
        for (int x = 0; x < wide; x++)
            /* NOLINTNEXTLINE(clang-analyzer-core.*): filled above */
            dst[(size_t)y * l->stride + (size_t)x] =
                (uint8_t)levels[y * wide + x];
}

/* Decode one block to wide x high pixels at dst; false on damage. `last` is
 * l->last; the three are arguments so that they can be constants. */
ALWAYS_INLINE bool jpeg_block_decode(jpeg_bits *b, jpeg_lane *l, uint8_t *dst,
                                     int wide, int high, int last)
{
    const int quads = (wide * high + 3) / 4;
    jpeg_look one;
    jpeg_quad sum[JPEG_QUADS];
    float level;
    int k;

    jpeg_refill(b);
    one = l->first[jpeg_peek(b, JPEG_LOOK)];
    if (__builtin_expect(one.bits == 0, 0)) {
        one = jpeg_read_long(b->word, l->dc_table);
        one.advance = 0;
        if (one.bits == 0)
            return false;
    }
    jpeg_drop(b, one.bits);
    l->dc += one.value;
    if (__builtin_expect(l->dc != (int16_t)l->dc, 0))
        return false; /* more than a coefficient holds */
    level = (float)l->dc * l->dc_step + 128.5f;
    k = 1 + one.advance;
    if (k > last) {
        for (int y = 0; y < high; y++)
            memset(dst + (size_t)y * l->stride, jpeg_level(level),
                   (size_t)wide);
        return jpeg_skip(b, l->ac_table, k);
    }
    for (int i = 0; i < quads; i++)
        sum[i] = (jpeg_quad){level, level, level, level};
    k = jpeg_add_coefficients(b, l, sum, quads, last, k);
    jpeg_store(l, dst, sum, wide, high);
    return k > 0 && jpeg_skip(b, l->ac_table, k);
}

#endif
