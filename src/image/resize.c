/* Resampling as Pillow 9.4 does it for 8-bit pictures: two passes, columns
 * then rows, with weights in fixed point and rounding to 8 bits between.
 *
 *   y[i] = sum_j w[i,j] x[j],  w[i,j] = f((j + 1/2 - c[i]) / s) / sum,
 *   c[i] = low + (i + 1/2) * scale,  s = max(1, scale)  (antialiasing)  */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "dms/image.h"

enum { PRECISION = 32 - 8 - 2, CHANNELS = 3 };

static double sinc(double x)
{
    x *= 3.14159265358979323846;
    return x == 0 ? 1 : sin(x) / x;
}

static double weight_at(dms_filter filter, double x)
{
    const double a = -0.5;

    x = fabs(x);
    switch (filter) {
    case DMS_FILTER_BILINEAR:
        return x < 1 ? 1 - x : 0;
    case DMS_FILTER_BICUBIC:
        if (x < 1)
            return ((a + 2) * x - (a + 3)) * x * x + 1;
        return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    case DMS_FILTER_LANCZOS:
        return x < 3 ? sinc(x) * sinc(x / 3) : 0;
    }
    return 0;
}

static double support_of(dms_filter filter)
{
    return 1.0 + (double)filter; /* 1, 2, 3 */
}

/* For each output sample the inputs [first, first + count) and their fixed
 * point weights. */
typedef struct taps {
    int *first, *count;
    int32_t *weight; /* stride a sample */
    int stride;
} taps;

static void taps_release(taps *t)
{
    dms_free(t->first);
    dms_free(t->count);
    dms_free(t->weight);
}

static void fill_sample(taps *t, int i, double center, double scale,
                        double support, int in, dms_filter filter)
{
    double sum = 0;
    int first = (int)fmax(center - support + 0.5, 0);
    int end = (int)fmin(center + support + 0.5, in);
    int32_t *weight = t->weight + (size_t)i * (size_t)t->stride;

    t->first[i] = first;
    t->count[i] = end - first;
    for (int j = first; j < end; j++)
        sum += weight_at(filter, (j - center + 0.5) / scale);
    for (int j = first; j < end; j++) {
        double w = weight_at(filter, (j - center + 0.5) / scale);
        double fixed = (sum != 0 ? w / sum : w) * (1 << PRECISION);

        weight[j - first] = (int32_t)(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
    }
}

static dms_status taps_init(taps *t, int in, double low, double high, int out,
                            dms_filter filter, dms_error *err)
{
    double scale = (high - low) / out;
    double stretch = fmax(scale, 1);
    double support = support_of(filter) * stretch;

    t->stride = (int)ceil(support) * 2 + 1;
    t->first = dms_calloc((size_t)out, sizeof *t->first);
    t->count = dms_calloc((size_t)out, sizeof *t->count);
    t->weight = dms_calloc((size_t)out * (size_t)t->stride, sizeof *t->weight);
    if (!t->first || !t->count || !t->weight)
        return dms_fail_memory(err, "resize");
    for (int i = 0; i < out; i++)
        fill_sample(t, i, low + (i + 0.5) * scale, stretch, support, in,
                    filter);
    return DMS_OK;
}

static uint8_t to_byte(int32_t fixed)
{
    int32_t value = fixed >> PRECISION;

    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* One row of pixels to out->width columns. */
static void resize_row(uint8_t *y, const uint8_t *x, const taps *t, int out)
{
    for (int i = 0; i < out; i++, y += CHANNELS) {
        const int32_t *w = t->weight + (size_t)i * (size_t)t->stride;
        const uint8_t *p = x + (size_t)t->first[i] * CHANNELS;
        int32_t r = 1 << (PRECISION - 1), g = r, b = r;

        for (int j = 0; j < t->count[i]; j++, p += CHANNELS) {
            r += p[0] * w[j];
            g += p[1] * w[j];
            b += p[2] * w[j];
        }
        y[0] = to_byte(r);
        y[1] = to_byte(g);
        y[2] = to_byte(b);
    }
}

/* One output row from the rows that its taps name. sums: len ints. */
static void resize_column(uint8_t *y, const uint8_t *x, int32_t *sums,
                          const taps *t, int i, size_t len)
{
    const int32_t *w = t->weight + (size_t)i * (size_t)t->stride;

    for (size_t c = 0; c < len; c++)
        sums[c] = 1 << (PRECISION - 1);
    for (int j = 0; j < t->count[i]; j++) {
        const uint8_t *row = x + (size_t)j * len;

        for (size_t c = 0; c < len; c++)
            sums[c] += row[c] * w[j];
    }
    for (size_t c = 0; c < len; c++)
        y[c] = to_byte(sums[c]);
}

static dms_status check_box(const dms_image *src, int width, int height,
                            const dms_box *box, dms_error *err)
{
    if (width < 1 || height < 1 || width > DMS_IMAGE_SIDE_MAX ||
        height > DMS_IMAGE_SIDE_MAX)
        return dms_fail(err, DMS_EINVAL,
                        "resize to %d x %d pixels: sides are 1 to %d", width,
                        height, DMS_IMAGE_SIDE_MAX);
    if (!(box->left >= 0 && box->top >= 0 && box->right <= src->width &&
          box->bottom <= src->height && box->left < box->right &&
          box->top < box->bottom))
        return dms_fail(err, DMS_EINVAL,
                        "resize: the box (%g, %g, %g, %g) is empty or leaves "
                        "the picture of %d x %d",
                        box->left, box->top, box->right, box->bottom,
                        src->width, src->height);
    return DMS_OK;
}

/* Only the rows that the vertical pass reads are resampled. */
static dms_status resize_passes(dms_image *out, const dms_image *src,
                                const taps *across, const taps *down,
                                dms_error *err)
{
    int first = down->first[0];
    int last = down->first[out->height - 1] + down->count[out->height - 1];
    size_t len = (size_t)out->width * CHANNELS;
    uint8_t *rows = dms_calloc((size_t)(last - first), len);
    int32_t *sums = dms_calloc(len, sizeof *sums);
    dms_status st = DMS_OK;

    if (!rows || !sums) {
        st = dms_fail_memory(err, "resize");
        goto done;
    }
    for (int h = first; h < last; h++)
        resize_row(rows + (size_t)(h - first) * len,
                   src->rgb + (size_t)h * (size_t)src->width * CHANNELS, across,
                   out->width);
    for (int h = 0; h < out->height; h++)
        resize_column(out->rgb + (size_t)h * len,
                      rows + (size_t)(down->first[h] - first) * len, sums, down,
                      h, len);
done:
    dms_free(rows);
    dms_free(sums);
    return st;
}

dms_status dms_image_resize(dms_image *out, const dms_image *src, int width,
                            int height, dms_filter filter, const dms_box *box,
                            dms_error *err)
{
    dms_status st;
    dms_box whole = {0, 0, src->width, src->height};
    dms_image image = {.width = width, .height = height};
    taps across = {0}, down = {0};

    box = box ? box : &whole;
    TRY(check_box(src, width, height, box, err));
    TRY(taps_init(&across, src->width, box->left, box->right, width, filter,
                  err));
    TRY(taps_init(&down, src->height, box->top, box->bottom, height, filter,
                  err));
    image.rgb = dms_calloc((size_t)width * (size_t)height, CHANNELS);
    if (!image.rgb) {
        st = dms_fail_memory(err, "resize");
        goto done;
    }
    TRY(resize_passes(&image, src, &across, &down, err));
    *out = image, image.rgb = NULL;
done:
    taps_release(&across);
    taps_release(&down);
    dms_free(image.rgb);
    return st;
}
