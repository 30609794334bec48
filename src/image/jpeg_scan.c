/* Decodes a scan's bits to rows of the reduced picture, one MCU row at a time.
 * Relies on jpeg_code.c's tables, and on zeros after the bits so that it may
 * read ahead. */
#include "image/jpeg_scan.h"

#include <math.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "image/jpeg_block.h"

#define PI 3.14159265358979323846

enum { MCU_BLOCKS_MAX = 10 };

/* The k-th coefficient's place in its block, row by row (zigzag order). */
static const uint8_t natural[JPEG_BLOCK] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

typedef struct lane_tables {
    jpeg_table dc, ac;
    jpeg_look first[1 << JPEG_LOOK]; /* see jpeg_first_fill */
} lane_tables;

typedef struct work {
    const dms_jpeg_scan *scan;
    jpeg_lane lanes[DMS_JPEG_COMPONENTS_MAX];
    lane_tables tables[DMS_JPEG_COMPONENTS_MAX];
    jpeg_bits bits;
    uint8_t *clean;     /* one restart interval, stuffing removed */
    const uint8_t *end; /* of its bytes, before the padding */
    size_t at;          /* in scan->data, at the marker that ended it */
    int mcus_across, mcus_down;
    int mcus_to_restart, restarts;
} work;

/* Copy the bytes up to the next marker, FF 00 becoming FF. false if there is no
 * marker. */
static bool clean_interval(work *w)
{
    const uint8_t *p = w->scan->data + w->at;
    const uint8_t *stop = w->scan->data + w->scan->size;
    uint8_t *out = w->clean;

    for (;;) {
        const uint8_t *ff = memchr(p, 0xff, (size_t)(stop - p));

        if (!ff || stop - ff < 2)
            return false;
        memcpy(out, p, (size_t)(ff - p));
        out += ff - p;
        p = ff;
        if (ff[1] != 0)
            break;
        *out++ = 0xff;
        p += 2;
    }
    memset(out, 0, JPEG_PADDING);
    w->end = out;
    w->at = (size_t)(p - w->scan->data);
    w->bits = (jpeg_bits){.next = w->clean};
    w->mcus_to_restart = w->scan->restart_interval;
    for (int c = 0; c < w->scan->component_count; c++)
        w->lanes[c].dc = 0;
    return true;
}

/* Was no bit read past the end of the data? */
static bool within(const work *w)
{
    return (w->bits.next - w->clean) * 8 - w->bits.count <=
           (w->end - w->clean) * 8;
}

/* At RSTn: on to the interval behind it. */
static bool restart(work *w)
{
    if (!within(w) || w->scan->data[w->at + 1] != 0xd0 + (w->restarts & 7))
        return false;
    w->restarts++;
    w->at += 2;
    return clean_interval(w);
}

/* The usual sizes as constants, so that their loops unroll. */
ALWAYS_INLINE bool decode_any(jpeg_bits *b, jpeg_lane *l, uint8_t *dst)
{
    if (l->wide == l->high && l->wide == 1)
        return jpeg_block_decode(b, l, dst, 1, 1, 0);
    if (l->wide == l->high && l->wide == 2)
        return jpeg_block_decode(b, l, dst, 2, 2, 4);
    if (l->wide == l->high && l->wide == 4)
        return jpeg_block_decode(b, l, dst, 4, 4, 24);
    return jpeg_block_decode(b, l, dst, l->wide, l->high, l->last);
}

/* checked after each block, not MCU: the padding covers one block */
ALWAYS_INLINE bool decode_mcu(work *w, jpeg_bits *b, int mcu)
{
    for (int c = 0; c < w->scan->component_count; c++) {
        jpeg_lane *l = &w->lanes[c];
        uint8_t *dst = l->rows + (size_t)(mcu * l->across * l->wide);

        for (int v = 0; v < l->down; v++, dst += (size_t)l->high * l->stride)
            for (int h = 0; h < l->across; h++)
                if (!decode_any(b, l, dst + (size_t)(h * l->wide)) ||
                    b->next > w->end + sizeof b->word)
                    return false;
    }
    return true;
}

/* Decode MCUs `mcu` to `end` - 1 into the lanes' rows. */
static bool decode_mcus(work *w, int mcu, int end)
{
    jpeg_bits b = w->bits; /* in registers */
    bool good = true;

    while (good && mcu < end)
        good = decode_mcu(w, &b, mcu++);
    w->bits = b;
    return good;
}

/* One row of MCUs, which restarts may divide. */
static bool decode_row(work *w)
{
    int mcu = 0;

    while (mcu < w->mcus_across) {
        int count = w->mcus_across - mcu;

        if (w->scan->restart_interval > 0) {
            if (w->mcus_to_restart == 0 && !restart(w))
                return false;
            count = count < w->mcus_to_restart ? count : w->mcus_to_restart;
            w->mcus_to_restart -= count;
        }
        if (!decode_mcus(w, mcu, mcu + count))
            return false;
        mcu += count;
    }
    return true;
}

/* JFIF's YCbCr, rounded as libjpeg does: 16 fractional bits. */
__attribute__((target_clones("avx2", "default"))) static void
row_to_rgb(uint8_t *restrict rgb, const uint8_t *restrict luma,
           const uint8_t *restrict blue, const uint8_t *restrict red, int width)
{
    for (int x = 0; x < width; x++) {
        int y = luma[x], cb = blue[x] - 128, cr = red[x] - 128;
        int r = y + ((91881 * cr + 32768) >> 16);
        int g = y + ((-22554 * cb - 46802 * cr + 32768) >> 16);
        int b = y + ((116130 * cb + 32768) >> 16);

        rgb[3 * x] = (uint8_t)(r < 0 ? 0 : r > 255 ? 255 : r);
        rgb[3 * x + 1] = (uint8_t)(g < 0 ? 0 : g > 255 ? 255 : g);
        rgb[3 * x + 2] = (uint8_t)(b < 0 ? 0 : b > 255 ? 255 : b);
    }
}

static void put_rows(dms_image *out, const work *w, int mcu_row)
{
    const jpeg_lane *l = w->lanes;
    int rows = l[0].down * l[0].high, top = mcu_row * rows;

    for (int y = 0; y < rows && top + y < out->height; y++) {
        size_t width = (size_t)out->width;
        uint8_t *rgb = out->rgb + (size_t)(top + y) * width * 3;
        const uint8_t *luma = l[0].rows + (size_t)y * l[0].stride;

        if (w->scan->component_count == 1)
            for (size_t x = 0; x < width; x++)
                memset(rgb + 3 * x, luma[x], 3);
        else
            row_to_rgb(rgb, luma, l[1].rows + (size_t)y * l[1].stride,
                       l[2].rows + (size_t)y * l[2].stride, out->width);
    }
}

/* The value at pixel x of n of the basis function u of a one-dimensional
 * 8-point DCT of which only the n lowest coefficients are kept: T.81 A.3.3 with
 * n points. */
static double cosine(int x, int u, int n)
{
    return u == 0 ? sqrt(0.125) : 0.5 * cos((2 * x + 1) * u * PI / (2 * n));
}

static void fill_basis(jpeg_lane *l, const uint16_t *quant)
{
    double across[8][8], down[8][8];

    for (int u = 0; u < 8; u++)
        for (int x = 0; x < 8; x++) {
            across[u][x] = cosine(x, u, l->wide);
            down[u][x] = cosine(x, u, l->high);
        }
    for (int k = 0; k < JPEG_BLOCK; k++) {
        int u = natural[k] % 8, v = natural[k] / 8;

        l->needed[k] = u < l->wide && v < l->high;
        if (!l->needed[k])
            continue;
        l->last = k;
        for (int i = 0; i < l->wide * l->high; i++)
            l->basis[k][i / 4][i % 4] =
                (float)(quant[natural[k]] * down[v][i / l->wide] *
                        across[u][i % l->wide]);
    }
    l->dc_step = (float)quant[0] / 8;
}

static bool same_code(const dms_jpeg_code *a, const dms_jpeg_code *b)
{
    return a->counts == b->counts && a->symbols == b->symbols;
}

/* A lane's tables; the two colour components usually share theirs. */
static bool set_codes(work *w, int c)
{
    const dms_jpeg_component *in = &w->scan->components[c];
    jpeg_lane *l = &w->lanes[c];
    lane_tables *t = &w->tables[c];

    if (c > 0 && same_code(&in->dc, &in[-1].dc) &&
        same_code(&in->ac, &in[-1].ac) && l->last == l[-1].last) {
        l->dc_table = l[-1].dc_table, l->ac_table = l[-1].ac_table;
        l->first = l[-1].first;
        return true;
    }
    l->dc_table = &t->dc, l->ac_table = &t->ac, l->first = t->first;
    if (!jpeg_table_fill(&t->dc, &in->dc, true) ||
        !jpeg_table_fill(&t->ac, &in->ac, false))
        return false;
    jpeg_first_fill(t->first, &t->dc, &t->ac, l->last);
    return true;
}

/* Each lane's geometry. The output has `eighths` pixels for every 8 samples of
 * a component with the largest sampling factors. */
static bool set_lanes(work *w, int eighths)
{
    const dms_jpeg_scan *s = w->scan;
    int across = 1, down = 1, blocks = 0;

    for (int c = 0; c < s->component_count; c++) {
        const dms_jpeg_component *in = &s->components[c];

        across = in->across > across ? in->across : across;
        down = in->down > down ? in->down : down;
        blocks += in->across * in->down;
    }
    if (across > 2 || down > 2 || blocks > MCU_BLOCKS_MAX)
        return false;
    w->mcus_across = (s->width + 8 * across - 1) / (8 * across);
    w->mcus_down = (s->height + 8 * down - 1) / (8 * down);
    for (int c = 0; c < s->component_count; c++) {
        const dms_jpeg_component *in = &s->components[c];
        jpeg_lane *l = &w->lanes[c];

        l->across = in->across, l->down = in->down;
        l->wide = eighths * across / in->across;
        l->high = eighths * down / in->down;
        l->stride = (size_t)w->mcus_across * (size_t)(across * eighths);
        fill_basis(l, in->quant);
        if (!set_codes(w, c))
            return false;
    }
    return true;
}

static bool run(dms_image *out, work *w)
{
    if (!clean_interval(w))
        return false;
    for (int row = 0; row < w->mcus_down; row++) {
        if (!decode_row(w))
            return false;
        put_rows(out, w, row);
    }
    /* libjpeg judges anything but EOI here */
    return within(w) && w->scan->data[w->at + 1] == 0xd9;
}

static dms_status create_buffers(work *w, dms_error *err)
{
    w->clean = dms_resize(NULL, w->scan->size + JPEG_PADDING, 1);
    if (!w->clean)
        return dms_fail_memory(err, "JPEG scan");
    for (int c = 0; c < w->scan->component_count; c++) {
        jpeg_lane *l = &w->lanes[c];

        l->rows = dms_calloc((size_t)l->down * (size_t)l->high, l->stride);
        if (!l->rows)
            return dms_fail_memory(err, "JPEG rows");
    }
    return DMS_OK;
}

dms_status dms_jpeg_scan_decode(dms_image *out, bool *done,
                                const dms_jpeg_scan *scan, int eighths,
                                dms_error *err)
{
    dms_status st = DMS_OK;
    work *w = dms_calloc(1, sizeof *w);

    *done = false;
    if (!w)
        return dms_fail_memory(err, "JPEG tables");
    w->scan = scan;
    if (set_lanes(w, eighths)) {
        TRY(create_buffers(w, err));
        *done = run(out, w);
    }
done:
    for (int c = 0; c < DMS_JPEG_COMPONENTS_MAX; c++)
        dms_free(w->lanes[c].rows);
    dms_free(w->clean);
    dms_free(w);
    return st;
}
