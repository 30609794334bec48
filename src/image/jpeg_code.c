/* Builds the look-up tables of a JPEG's Huffman codes, with which jpeg_bits.h
 * reads. Relies on counts and symbols as DHT stores them. */
#include "image/jpeg_bits.h"

/* What a symbol means: AC symbols are run << 4 | size, DC symbols a size. */
static int symbol_advance(int symbol)
{
    int run = symbol >> 4, size = symbol & 15;

    if (size == 0)
        return run == 15 ? 16 : JPEG_BLOCK_END;
    return run + 1;
}

/* The length of the code at the top of the 16 bits `ahead`; 0: no such code. */
static int read_code(const jpeg_table *t, int ahead, int *symbol)
{
    int length = 1;

    while (length <= 16 && ahead >= t->limit[length])
        length++;
    if (length > 16)
        return 0;
    *symbol = t->symbols[(ahead >> (16 - length)) + t->offset[length]];
    return length;
}

jpeg_look jpeg_read_long(uint64_t word, const jpeg_table *t)
{
    int symbol = 0, length = read_code(t, (int)(word >> 48), &symbol);
    int size = symbol & 15, value = 0;

    if (length == 0)
        return (jpeg_look){0};
    if (size > 0)
        value = (int)(word << length >> (64 - size));
    return (jpeg_look){(uint8_t)(length + size),
                       (uint8_t)symbol_advance(symbol),
                       (int16_t)jpeg_extend(value, size)};
}

/* One symbol per look; looks that begin with the same symbol are adjacent. */
static void fill_symbols(jpeg_table *t)
{
    for (unsigned i = 0; i < 1 << JPEG_LOOK;) {
        jpeg_look one = jpeg_read_long((uint64_t)i << (64 - JPEG_LOOK), t);
        unsigned same = 1;

        if (one.bits > JPEG_LOOK)
            one.bits = 0;
        else if (one.bits > 0)
            same = 1u << (JPEG_LOOK - one.bits);
        while (same-- > 0)
            t->symbol[i++] = one;
    }
}

/* As many whole symbols as a look holds, up to the end of the block. */
static void fill_skips(jpeg_table *t)
{
    for (unsigned i = 0; i < 1 << JPEG_LOOK; i++) {
        unsigned bits = 0, advance = 0;

        while (advance < 64) {
            jpeg_look one = t->symbol[(i << bits) & ((1u << JPEG_LOOK) - 1)];

            if (one.bits == 0 || bits + one.bits > JPEG_LOOK)
                break;
            bits += one.bits;
            advance += one.advance;
        }
        t->skip[i] = (jpeg_look){(uint8_t)bits, (uint8_t)advance, 0};
    }
}

bool jpeg_table_fill(jpeg_table *t, const dms_jpeg_code *code, bool dc)
{
    int32_t next = 0, total = 0;

    memcpy(t->symbols, code->symbols, sizeof t->symbols);
    for (int length = 1; length <= 16; length++) {
        int count = code->counts[length];

        if (total + count > 256)
            return false;
        for (int i = total; dc && i < total + count; i++)
            if (t->symbols[i] > 15)
                return false;
        t->offset[length] = total - next;
        next += count, total += count;
        /* T.81 C.2: no code consists of ones alone */
        if (next >= 1 << length)
            return false;
        t->limit[length] = next << (16 - length);
        next <<= 1;
    }
    fill_symbols(t);
    if (!dc)
        fill_skips(t);
    return true;
}

void jpeg_first_fill(jpeg_look *first, const jpeg_table *dc,
                     const jpeg_table *ac, int last)
{
    for (unsigned i = 0; i < 1 << JPEG_LOOK; i++) {
        jpeg_look all = dc->symbol[i];
        int k = 1;

        while (all.bits > 0 && k < 64) {
            jpeg_look one =
                ac->symbol[(i << all.bits) & ((1u << JPEG_LOOK) - 1)];
            int end = k + one.advance;

            if (one.bits == 0 || all.bits + one.bits > JPEG_LOOK ||
                (one.advance != JPEG_BLOCK_END &&
                 (end > 64 || end - 1 <= last)))
                break;
            all.bits = (uint8_t)(all.bits + one.bits);
            k = end;
        }
        all.advance = (uint8_t)(k - 1);
        first[i] = all;
    }
}
