/* Antialiased two-pass resampling with Pillow's arithmetic: the weights of each
 * output pixel are rounded to 22 fractional bits, and the picture between the
 * horizontal and the vertical pass has 8 bits. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "image/codec.h"
#include "image/resize.h"

#define PI 3.14159265358979323846

enum { WEIGHT_BITS = 32 - 8 - 2, HALF = 1 << (WEIGHT_BITS - 1) };

/* Output i is the sum over k < count[i] of weight[i*width + k] * in[first[i]+k]
 */
typedef struct taps {
    int *first;
    int *count;
    int32_t *weight;
    int width;
} taps;

static double triangle(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* Keys (1981), a = -0.5. */
static double cubic(double x)
{
    const double a = -0.5;

    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static double sinc(double x)
{
    return x == 0 ? 1 : sin(x * PI) / (x * PI);
}

static double lanczos(double x)
{
    return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static const struct {
    double (*at)(double);
    double support;
} kernels[] = {
    [DMS_FILTER_BILINEAR] = {triangle, 1},
    [DMS_FILTER_BICUBIC] = {cubic, 2},
    [DMS_FILTER_LANCZOS] = {lanczos, 3},
};

static void taps_release(taps *t)
{
    dms_free(t->first);
    dms_free(t->count);
    dms_free(t->weight);
}

/* The weights of output pixel i, whose centre lies at `center` in the input. */
static void fill_taps(taps *t, double *real, int i, double center,
                      double stretch, int in_len, dms_filter filter)
{
    double reach = kernels[filter].support * stretch, sum = 0;
    int low = (int)(center - reach + 0.5), high = (int)(center + reach + 0.5);
    int32_t *weight = t->weight + (size_t)i * (size_t)t->width;

    low = low < 0 ? 0 : low;
    high = high > in_len ? in_len : high;
    for (int k = 0; k < high - low; k++) {
        real[k] = kernels[filter].at((k + low - center + 0.5) / stretch);
        sum += real[k];
    }
    for (int k = 0; k < high - low; k++) {
        double w = (sum != 0 ? real[k] / sum : real[k]) * (1 << WEIGHT_BITS);

        weight[k] = (int32_t)(w < 0 ? w - 0.5 : w + 0.5);
    }
    t->first[i] = low;
    t->count[i] = high - low;
}

static dms_status make_taps(taps *t, int out_len, int in_len, double from,
                            double to, dms_filter filter, dms_error *err)
{
    double scale = (to - from) / out_len, stretch = scale < 1 ? 1 : scale;
    double *real;

    t->width = (int)ceil(kernels[filter].support * stretch) * 2 + 1;
    t->first = dms_calloc((size_t)out_len, sizeof *t->first);
    t->count = dms_calloc((size_t)out_len, sizeof *t->count);
    t->weight =
        dms_calloc((size_t)out_len * (size_t)t->width, sizeof *t->weight);
    real = dms_calloc((size_t)t->width, sizeof *real);
    if (t->first && t->count && t->weight && real)
        for (int i = 0; i < out_len; i++)
            fill_taps(t, real, i, from + (i + 0.5) * scale, stretch, in_len,
                      filter);
    dms_free(real);
    if (!t->first || !t->count || !t->weight || !real)
        return dms_fail_memory(err, "resampling weights");
    return DMS_OK;
}

static inline uint8_t to_byte(int32_t sum)
{
    sum >>= WEIGHT_BITS;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

/* Red, green, blue and a fourth lane that is ignored. */
typedef int32_t pixel __attribute__((vector_size(16)));

/* TOGETHER: rows filtered at once. BEHIND: padding values after a row. */
enum { TOGETHER = 4, BEHIND = 1 };

/* rows, sums: TOGETHER rows of row_len and sum_len values, BEHIND more than
 * the pixels have. */
__attribute__((target_clones("avx2", "default"))) static void
horizontal(int32_t *restrict sums, size_t sum_len, const int32_t *restrict rows,
           size_t row_len, const taps *t, int width)
{
    for (int x = 0; x < width; x++, sums += 3) {
        const int32_t *in = rows + (size_t)t->first[x] * 3;
        const int32_t *w = t->weight + (size_t)x * (size_t)t->width;
        const int count = t->count[x];
        pixel sum[TOGETHER];

        for (int r = 0; r < TOGETHER; r++)
            sum[r] = (pixel){HALF, HALF, HALF, HALF};
        for (int k = 0; k < count; k++, in += 3)
            for (int r = 0; r < TOGETHER; r++) {
                pixel p;

                memcpy(&p, in + (size_t)r * row_len, sizeof p);
                sum[r] += p * w[k];
            }
        for (int r = 0; r < TOGETHER; r++) /* the fourth is overwritten */
            memcpy(sums + (size_t)r * sum_len, &sum[r], sizeof sum[r]);
    }
}

__attribute__((target_clones("avx2", "default"))) static void
widen(int32_t *restrict out, const uint8_t *restrict in, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = in[i];
}

__attribute__((target_clones("avx2", "default"))) static void
to_bytes(uint8_t *restrict out, const int32_t *restrict sums, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = to_byte(sums[i]);
}

/* One output row from the `count` rows at `rows`; sum is scratch. */
__attribute__((target_clones("avx2", "default"))) static void
vertical(uint8_t *restrict dst, int32_t *restrict sum,
         const uint8_t *restrict rows, const int32_t *weight, int count,
         size_t row_len)
{
    for (size_t i = 0; i < row_len; i++)
        sum[i] = HALF;
    for (int k = 0; k < count; k++) {
        const uint8_t *in = rows + (size_t)k * row_len;
        int32_t w = weight[k];

        for (size_t i = 0; i < row_len; i++)
            sum[i] += in[i] * w;
    }
    for (size_t i = 0; i < row_len; i++)
        dst[i] = to_byte(sum[i]);
}

/* The rows `first` to `last` of src through the horizontal weights. */
static dms_status run_horizontal(uint8_t *middle, const dms_image *src,
                                 const taps *across, int width, int first,
                                 int last, dms_error *err)
{
    size_t in_len = (size_t)src->width * 3, row_len = in_len + BEHIND;
    size_t out_len = (size_t)width * 3, sum_len = out_len + BEHIND;
    int32_t *rows = dms_calloc(TOGETHER * row_len, sizeof *rows);
    int32_t *sums = dms_calloc(TOGETHER * sum_len, sizeof *sums);
    dms_status st = DMS_OK;

    if (!rows || !sums)
        st = dms_fail_memory(err, "resampling rows");
    for (int y = first; st == DMS_OK && y < last; y += TOGETHER) {
        int count = last - y < TOGETHER ? last - y : TOGETHER;

        for (int r = 0; r < count; r++)
            widen(rows + (size_t)r * row_len,
                  src->rgb + (size_t)(y + r) * in_len, in_len);
        horizontal(sums, sum_len, rows, row_len, across, width);
        for (int r = 0; r < count; r++)
            to_bytes(middle + (size_t)(y + r - first) * out_len,
                     sums + (size_t)r * sum_len, out_len);
    }
    dms_free(rows);
    dms_free(sums);
    return st;
}

static dms_status run_passes(uint8_t *dst, const dms_image *src,
                             const taps *across, const taps *down, int width,
                             int height, dms_error *err)
{
    dms_status st = DMS_OK;
    size_t row_len = (size_t)width * 3;
    int first = down->first[0];
    int last = down->first[height - 1] + down->count[height - 1];
    uint8_t *middle = dms_resize(NULL, (size_t)(last - first), row_len);
    int32_t *sum = dms_resize(NULL, row_len, sizeof *sum);

    if (!middle || !sum) {
        st = dms_fail_memory(err, "resampling rows");
        goto done;
    }
    TRY(run_horizontal(middle, src, across, width, first, last, err));
    for (int y = 0; y < height; y++)
        vertical(dst + (size_t)y * row_len, sum,
                 middle + (size_t)(down->first[y] - first) * row_len,
                 down->weight + (size_t)y * (size_t)down->width, down->count[y],
                 row_len);
done:
    dms_free(middle);
    dms_free(sum);
    return st;
}

static dms_status check(const dms_image *src, dms_filter filter,
                        const dms_box *b, dms_error *err)
{
    if ((unsigned)filter > DMS_FILTER_LANCZOS)
        return dms_fail(err, DMS_EINVAL, "resize: filter %d is unknown",
                        (int)filter);
    if (!(b->left >= 0 && b->top >= 0 && b->left < b->right &&
          b->top < b->bottom && b->right <= src->width &&
          b->bottom <= src->height))
        return dms_fail(err, DMS_EINVAL,
                        "resize: box %g %g %g %g is not inside %d x %d pixels",
                        b->left, b->top, b->right, b->bottom, src->width,
                        src->height);
    return DMS_OK;
}

dms_status dms_pixels_resize(uint8_t *rgb, const dms_image *src, int width,
                             int height, dms_filter filter, const dms_box *box,
                             dms_error *err)
{
    dms_status st = DMS_OK;
    dms_box whole = {0, 0, src->width, src->height};
    dms_box b = box ? *box : whole;
    taps across = {0}, down = {0};

    TRY(check(src, filter, &b, err));
    TRY(make_taps(&across, width, src->width, b.left, b.right, filter, err));
    TRY(make_taps(&down, height, src->height, b.top, b.bottom, filter, err));
    TRY(run_passes(rgb, src, &across, &down, width, height, err));
done:
    taps_release(&across);
    taps_release(&down);
    return st;
}

dms_status dms_image_resize(dms_image *out, const dms_image *src, int width,
                            int height, dms_filter filter, const dms_box *box,
                            dms_error *err)
{
    dms_status st = DMS_OK;
    dms_image image = {0};

    if (width < 1 || height < 1)
        return dms_fail(err, DMS_EINVAL,
                        "resize to %d x %d: a side must be at least 1", width,
                        height);
    TRY(dms_image_create(&image, (uint64_t)width, (uint64_t)height, "resize",
                         err));
    TRY(dms_pixels_resize(image.rgb, src, width, height, filter, box, err));
    *out = image, image.rgb = NULL;
done:
    dms_image_release(&image);
    return st;
}
