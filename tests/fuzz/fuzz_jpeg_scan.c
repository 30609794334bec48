/* A JPEG from anywhere, reduced to 1/8, 2/8, 3/8 and 4/8: what the scan decoder
 * of our own makes of it is held to what libjpeg reads in it.
 *
 * libjpeg hands out the coefficients (jpeg_read_coefficients). From them the
 * picture is made here once more, in double and by the definition: the n-point
 * inverse DCT of each block's n x n lowest, JFIF's colours. Each of our samples
 * must be that, but for what single precision may have rounded. What our
 * decoder takes, libjpeg reads without an error or a loss of data; what it
 * leaves, libjpeg does as if ours did not exist, with the same words. */
#include <math.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "image/codec.h"
#include "image/jpeg_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PI 3.14159265358979323846

/* A sample sums up to 64 products of a rounded factor, each to 24 bits. */
#define ROUNDING (68 * 0x1p-24)

/* libjpeg's colours have 16 fractional bits, and round. */
#define COLOUR_ROUNDING 0.51

enum { PIXELS_MAX = 1 << 16, DCT_RANGE = 512 };

/* libjpeg's coefficients of a picture. */
typedef struct source {
    struct jpeg_decompress_struct d;
    struct jpeg_error_mgr errors;
    jmp_buf jump;
    jvirt_barray_ptr *blocks; /* NULL: libjpeg refuses the picture */
    bool lost;                /* libjpeg put something in for what is missing */
    bool header;              /* the size below is known */
    int width, height;
} source;

/* The least and the greatest level that a sample may have. */
typedef struct samples {
    uint8_t *low, *high;
    size_t stride;
} samples;

typedef struct outcome {
    dms_picture picture;
    dms_error err;
} outcome;

static void on_error(j_common_ptr cinfo)
{
    longjmp(((source *)cinfo->client_data)->jump, 1);
}

static void on_message(j_common_ptr cinfo, int level)
{
    int code = cinfo->err->msg_code;

    if (level < 0 && (code == JWRN_HUFF_BAD_CODE || code == JWRN_HIT_MARKER ||
                      code == JWRN_JPEG_EOF || code == JWRN_MUST_RESYNC))
        ((source *)cinfo->client_data)->lost = true;
}

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static bool is_small(const source *s)
{
    return s->header && (long)s->width * s->height <= PIXELS_MAX;
}

static void read_source(source *s, const uint8_t *data, size_t size)
{
    struct jpeg_decompress_struct *d = &s->d;

    d->err = jpeg_std_error(&s->errors);
    s->errors.error_exit = on_error;
    s->errors.emit_message = on_message;
    d->client_data = s;
    if (setjmp(s->jump)) {
        s->blocks = NULL;
        return;
    }
    jpeg_create_decompress(d);
    jpeg_mem_src(d, data, (unsigned long)size);
    jpeg_read_header(d, TRUE);
    s->header = true;
    s->width = (int)d->image_width, s->height = (int)d->image_height;
    /* many scans over many pixels take long, and are none of ours */
    if (is_small(s) && !d->progressive_mode && !d->arith_code)
        s->blocks = jpeg_read_coefficients(d);
}

static outcome decode(const uint8_t *data, size_t size, int side, bool alone)
{
    dms_codec_input in = {.data = data,
                          .size = size,
                          .name = "fuzz",
                          .side_min = side,
                          .libjpeg_alone = alone};
    outcome o = {.picture = {.orientation = 1}};

    if (dms_jpeg_decode(&o.picture, &in, &o.err) != o.err.code)
        abort();
    return o;
}

/* Pixel x of n, of coefficient u, T.81 A.3.3 with n points; the scale of an
 * 8-point DCT is kept. */
static double cosine(int x, int u, int n)
{
    return u == 0 ? sqrt(0.125) : 0.5 * cos((2 * x + 1) * u * PI / (2 * n));
}

static uint8_t level(double v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : floor(v));
}

/* One block's wide x high lowest coefficients to as many samples. */
static void put_block(const samples *to, size_t at, const JCOEF *block,
                      const UINT16 *quant, int wide, int high)
{
    for (int y = 0; y < high; y++)
        for (int x = 0; x < wide; x++) {
            double sum = 128.5, most = 128.5;

            for (int v = 0; v < high; v++)
                for (int u = 0; u < wide; u++) {
                    double term = (double)block[8 * v + u] * quant[8 * v + u] *
                                  cosine(x, u, wide) * cosine(y, v, high);

                    sum += term;
                    most += fabs(term);
                }
            to->low[at + (size_t)x] = level(sum - most * ROUNDING);
            to->high[at + (size_t)x] = level(sum + most * ROUNDING);
            if (x == wide - 1)
                at += to->stride;
        }
}

static samples samples_of(source *s, int c, int eighths)
{
    const jpeg_component_info *in = &s->d.comp_info[c];
    bool grey = s->d.num_components == 1;
    int wide =
        grey ? eighths : eighths * s->d.max_h_samp_factor / in->h_samp_factor;
    int high =
        grey ? eighths : eighths * s->d.max_v_samp_factor / in->v_samp_factor;
    samples to = {.stride = (size_t)in->width_in_blocks * (size_t)wide};
    size_t count = to.stride * in->height_in_blocks * (size_t)high;

    to.low = must(malloc(count));
    to.high = must(malloc(count));
    for (JDIMENSION y = 0; y < in->height_in_blocks; y++) {
        JBLOCKARRAY row = s->d.mem->access_virt_barray(
            (j_common_ptr)&s->d, s->blocks[c], y, 1, FALSE);

        for (JDIMENSION x = 0; x < in->width_in_blocks; x++)
            put_block(&to, y * (size_t)high * to.stride + x * (size_t)wide,
                      row[0][x], in->quant_table->quantval, wide, high);
    }
    return to;
}

/* Between JFIF's colour of the least and of the greatest samples; a factor is
 * negative where more of a sample gives less of the colour. */
static void assert_colour(uint8_t got, const samples *planes, size_t count,
                          const size_t at[3], const double factor[3])
{
    double least = 0, most = 0;

    for (size_t c = 0; c < count; c++) {
        double low = planes[c].low[at[c]], high = planes[c].high[at[c]];
        double middle = c == 0 ? 0 : 128;

        least += factor[c] * ((factor[c] < 0 ? high : low) - middle);
        most += factor[c] * ((factor[c] < 0 ? low : high) - middle);
    }
    least = least > 255 ? 255 : least, most = most < 0 ? 0 : most;
    if (got < least - COLOUR_ROUNDING || got > most + COLOUR_ROUNDING)
        abort();
}

static void assert_truth(const dms_image *got, source *s, int eighths)
{
    static const double factors[3][3] = {
        {1, 0, 1.402}, {1, -0.344136286, -0.714136286}, {1, 1.772, 0}};
    size_t count = (size_t)s->d.num_components;
    samples planes[3];

    for (size_t c = 0; c < count; c++)
        planes[c] = samples_of(s, (int)c, eighths);
    for (size_t y = 0; y < (size_t)got->height; y++)
        for (size_t x = 0; x < (size_t)got->width; x++) {
            const uint8_t *rgb = got->rgb + 3 * (y * (size_t)got->width + x);
            size_t at[3];

            for (size_t c = 0; c < count; c++)
                at[c] = y * planes[c].stride + x;
            for (size_t c = 0; c < 3; c++)
                assert_colour(rgb[c], planes, count, at, factors[c]);
        }
    for (size_t c = 0; c < count; c++)
        free(planes[c].low), free(planes[c].high);
}

/* No colour with half the samples, and no mean of a block so far out that
 * libjpeg's table of levels begins anew. */
static bool is_plain(source *s)
{
    for (int c = 0; c < s->d.num_components; c++) {
        const jpeg_component_info *in = &s->d.comp_info[c];
        long quant = in->quant_table->quantval[0];

        if (s->d.num_components > 1 &&
            (in->h_samp_factor != s->d.max_h_samp_factor ||
             in->v_samp_factor != s->d.max_v_samp_factor))
            return false;
        if (quant > INT16_MAX) /* libjpeg takes it for negative */
            return false;
        for (JDIMENSION y = 0; y < in->height_in_blocks; y++) {
            JBLOCKARRAY row = s->d.mem->access_virt_barray(
                (j_common_ptr)&s->d, s->blocks[c], y, 1, FALSE);

            for (JDIMENSION x = 0; x < in->width_in_blocks; x++)
                if (labs(row[0][x][0] * quant) > 8 * (DCT_RANGE - 1))
                    return false;
        }
    }
    return true;
}

static bool same_pixels(const dms_image *a, const dms_image *b)
{
    return memcmp(a->rgb, b->rgb, (size_t)a->width * (size_t)a->height * 3) ==
           0;
}

static void assert_pictures(const outcome *ours, const outcome *alone,
                            source *s)
{
    const dms_image *got = &ours->picture.image, *peer = &alone->picture.image;
    int eighths = 1;

    if (got->width != peer->width || got->height != peer->height ||
        ours->picture.orientation != alone->picture.orientation)
        abort();
    if (!ours->picture.own_scan) {
        if (!same_pixels(got, peer))
            abort();
        return;
    }
    while ((s->width * eighths + 7) / 8 != got->width ||
           (s->height * eighths + 7) / 8 != got->height)
        if (++eighths > DMS_JPEG_EIGHTHS_MAX)
            abort();
    if (!s->blocks || s->lost)
        abort();
    assert_truth(got, s, eighths);
    if (eighths == 1 && is_plain(s) && !same_pixels(got, peer))
        abort();
}

static void compare(const uint8_t *data, size_t size, int side, source *s)
{
    outcome ours = decode(data, size, side, false);
    outcome alone = decode(data, size, side, true);

    if (ours.err.code != DMS_ENOMEM && alone.err.code != DMS_ENOMEM) {
        if (ours.err.code != alone.err.code ||
            strcmp(ours.err.message, alone.err.message) != 0 ||
            alone.picture.own_scan)
            abort();
        if (ours.err.code == DMS_OK)
            assert_pictures(&ours, &alone, s);
    }
    dms_image_release(&ours.picture.image);
    dms_image_release(&alone.picture.image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    source *s = must(calloc(1, sizeof *s));

    read_source(s, data, size);
    if (is_small(s)) {
        int shorter = s->width < s->height ? s->width : s->height;

        for (int n = 1; n <= DMS_JPEG_EIGHTHS_MAX; n++)
            compare(data, size, (shorter * n + 7) / 8, s);
    }
    jpeg_destroy_decompress(&s->d);
    free(s);
    return 0;
}
