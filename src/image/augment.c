/* Draws the random numbers of one eye's augmentation and applies them. Relies
 * on base/rng as its only source of randomness. */
#include "image/augment.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/rng.h"

#define PI 3.14159265358979323846

/* The numbers drawn for one key. Every number is drawn whatever the settings
 * are, so changing one setting does not shift the draws of the others. */
typedef struct draw {
    bool flip_x, flip_y, blurred, cut;
    double angle, scale, shift_x, shift_y;
    double brightness, contrast, saturation, gamma, sigma;
    double cut_side, cut_x, cut_y;
    double gain[3];
    bool coarse;
    double coarse_side; /* share of the side */
} draw;

static draw draw_all(const dms_augment *a, const dms_augment_key *k)
{
    uint64_t hash = dms_hash_mix(dms_hash_mix(k->seed, k->epoch),
                                 dms_hash_mix(k->patient, (uint64_t)k->eye));
    dms_rng rng = dms_rng_seeded(hash);
    draw d;

    d.flip_x = (dms_rng_uniform(&rng) < 0.5) && a->flip_horizontal;
    d.flip_y = (dms_rng_uniform(&rng) < 0.5) && a->flip_vertical;
    d.angle = dms_rng_range(&rng, -1, 1) * a->rotation_deg * PI / 180;
    d.scale = fmax(0.05, 1 + dms_rng_range(&rng, -1, 1) * a->scale);
    d.shift_x = dms_rng_range(&rng, -1, 1) * a->shift;
    d.shift_y = dms_rng_range(&rng, -1, 1) * a->shift;
    d.brightness = 1 + dms_rng_range(&rng, -1, 1) * a->brightness;
    d.contrast = 1 + dms_rng_range(&rng, -1, 1) * a->contrast;
    d.saturation = 1 + dms_rng_range(&rng, -1, 1) * a->saturation;
    d.gamma = exp(dms_rng_range(&rng, -1, 1) * a->gamma);
    d.blurred = dms_rng_uniform(&rng) < a->blur;
    d.sigma = dms_rng_range(&rng, 0.5, 1.5);
    d.cut = dms_rng_uniform(&rng) < a->cutout;
    d.cut_side = dms_rng_range(&rng, 0.125, 0.25);
    d.cut_x = dms_rng_uniform(&rng);
    d.cut_y = dms_rng_uniform(&rng);
    for (int c = 0; c < 3; c++)
        d.gain[c] = 1 + dms_rng_range(&rng, -1, 1) * a->colour;
    d.coarse = dms_rng_uniform(&rng) < a->resolution;
    d.coarse_side = dms_rng_range(&rng, 0.25, 2.0 / 3);
    return d;
}

static bool moves(const draw *d)
{
    return d->flip_x || d->flip_y || d->angle != 0 || d->scale != 1 ||
           d->shift_x != 0 || d->shift_y != 0;
}

/* The bilinear mix at (u, v) in 1/65536 pixels; black outside. */
static void sample(uint8_t *dst, const uint8_t *src, int size, int64_t u,
                   int64_t v)
{
    int x = (int)(u >> 16), y = (int)(v >> 16);
    int fx = (int)(u >> 8 & 255), fy = (int)(v >> 8 & 255);
    int weight[4] = {(256 - fx) * (256 - fy), fx * (256 - fy), (256 - fx) * fy,
                     fx * fy};
    int sum[3] = {1 << 15, 1 << 15, 1 << 15};
    ptrdiff_t row = (ptrdiff_t)size * 3;

    if (x >= 0 && y >= 0 && x < size - 1 && y < size - 1) {
        const uint8_t *p = src + y * row + 3 * x;

        for (int c = 0; c < 3; c++)
            dst[c] = (uint8_t)((p[c] * weight[0] + p[3 + c] * weight[1] +
                                p[row + c] * weight[2] +
                                p[row + 3 + c] * weight[3] + sum[c]) >>
                               16);
        return;
    }
    for (int k = 0; k < 4; k++) {
        int px = x + (k & 1), py = y + (k >> 1);

        if (px >= 0 && py >= 0 && px < size && py < size)
            for (int c = 0; c < 3; c++)
                sum[c] += src[py * row + 3 * px + c] * weight[k];
    }
    for (int c = 0; c < 3; c++)
        dst[c] = (uint8_t)(sum[c] >> 16);
}

/* From a destination pixel to the place in the source that it shows, both
 * counted from the middle: the inverse of shift * rotation * scale * flip,
 * times the ratio of the sides. */
typedef struct inverse {
    double ux, uy, vx, vy;
} inverse;

static inverse invert(const draw *d, double ratio)
{
    double cosine = ratio * cos(d->angle) / d->scale;
    double sine = ratio * sin(d->angle) / d->scale;
    double sign_x = d->flip_x ? -1 : 1, sign_y = d->flip_y ? -1 : 1;

    return (inverse){.ux = sign_x * cosine,
                     .uy = sign_x * sine,
                     .vx = -sign_y * sine,
                     .vy = sign_y * cosine};
}

/* Walk the destination, of as many pixels as the source. */
static void warp(uint8_t *dst, const uint8_t *src, int size, const draw *d)
{
    double middle = (size - 1) / 2.0;
    inverse m = invert(d, 1);
    int64_t step_u = llround(m.ux * 65536), step_v = llround(m.vx * 65536);

    for (int y = 0; y < size; y++) {
        double px = -middle - d->shift_x * size;
        double py = y - middle - d->shift_y * size;
        int64_t u = llround((m.ux * px + m.uy * py + middle) * 65536);
        int64_t v = llround((m.vx * px + m.vy * py + middle) * 65536);
        uint8_t *row = dst + (size_t)y * (size_t)size * 3;

        for (int x = 0; x < size; x++, u += step_u, v += step_v)
            sample(row + 3 * x, src, size, u, v);
    }
}

/* The mean of n * n samples that divide the pixel at (px, py) evenly. */
static void sample_mean(uint8_t *dst, const dms_augment_source *src,
                        const inverse *m, double px, double py, int n)
{
    double middle = (src->size - 1) / 2.0;
    int sum[3] = {n * n / 2, n * n / 2, n * n / 2};

    for (int i = 0; i < n * n; i++) {
        int row = i / n, column = i % n;
        double x = px + (column + 0.5) / n - 0.5;
        double y = py + (double)row / n + 0.5 / n - 0.5;
        uint8_t rgb[3];

        sample(rgb, src->rgb, src->size,
               llround((m->ux * x + m->uy * y + middle) * 65536),
               llround((m->vx * x + m->vy * y + middle) * 65536));
        for (int c = 0; c < 3; c++)
            sum[c] += rgb[c];
    }
    for (int c = 0; c < 3; c++)
        dst[c] = (uint8_t)(sum[c] / (n * n));
}

/* The same for a destination of fewer pixels. */
static void warp_smaller(uint8_t *dst, const dms_augment_source *src, int size,
                         const draw *d)
{
    double middle = (size - 1) / 2.0;
    inverse m = invert(d, (double)src->size / size);
    int n = (src->size + size - 1) / size;

    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++)
            sample_mean(dst + ((size_t)y * (size_t)size + (size_t)x) * 3, src,
                        &m, x - middle - d->shift_x * size,
                        y - middle - d->shift_y * size, n);
}

/* Rec. 601 luma in 1/256. */
static int luma(const uint8_t *p)
{
    return (77 * p[0] + 150 * p[1] + 29 * p[2] + 128) >> 8;
}

static uint8_t clamp(int v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* Saturation by a matrix about the luma, the rest by one table per channel. */
static void recolour(uint8_t *rgb, size_t count, const draw *d)
{
    uint8_t curve[3][256];
    long sum = 0;
    double mean;
    int saturation = (int)lround(d->saturation * 256);

    for (size_t i = 0; i < count; i++)
        sum += luma(rgb + 3 * i);
    mean = (double)sum / (double)count;
    for (int v = 0; v < 256; v++) {
        double x = mean + (v - mean) * d->contrast;

        x = fmin(fmax(x * d->brightness, 0), 255);
        x = 255 * pow(x / 255, d->gamma);
        for (int c = 0; c < 3; c++)
            curve[c][v] = clamp((int)lround(x * d->gain[c]));
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t *p = rgb + 3 * i;
        int grey = luma(p);

        for (int c = 0; c < 3; c++)
            p[c] =
                curve[c]
                     [clamp(grey + ((p[c] - grey) * saturation + 128) / 256)];
    }
}

static bool recolours(const draw *d)
{
    return d->brightness != 1 || d->contrast != 1 || d->saturation != 1 ||
           d->gamma != 1 || d->gain[0] != 1 || d->gain[1] != 1 ||
           d->gain[2] != 1;
}

/* The mean of the pixels that fall into cell (x, y) of a grid of side cells. */
static void mean_of_cell(uint8_t *mean, const uint8_t *rgb, int size, int side,
                         int x, int y)
{
    int x0 = x * size / side, x1 = (x + 1) * size / side;
    int y0 = y * size / side, y1 = (y + 1) * size / side;
    int sum[3] = {0, 0, 0}, count = (x1 - x0) * (y1 - y0);

    for (int v = y0; v < y1; v++)
        for (int u = x0; u < x1; u++)
            for (int c = 0; c < 3; c++)
                sum[c] +=
                    rgb[((size_t)v * (size_t)size + (size_t)u) * 3 + (size_t)c];
    for (int c = 0; c < 3; c++)
        mean[c] = (uint8_t)((sum[c] + count / 2) / count);
}

/* The centre of pixel i in coordinates of a grid of `side` cells stretched over
 * `size` pixels, in 1/65536 cells, clamped to the centres of the end cells. */
static int64_t cell_of(int i, int size, int side)
{
    int64_t at = ((int64_t)(2 * i + 1) * side * 65536 / size - 65536) / 2;
    int64_t last = (int64_t)(side - 1) * 65536;

    return at < 0 ? 0 : at > last ? last : at;
}

/* Imitate a camera or a copy of lower resolution: down to a grid of means and
 * back up. */
static void coarsen(uint8_t *rgb, uint8_t *scratch, int size, double share)
{
    int side = (int)fmax(1, share * size);

    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            mean_of_cell(scratch + ((size_t)y * (size_t)side + (size_t)x) * 3,
                         rgb, size, side, x, y);
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++)
            sample(rgb + ((size_t)y * (size_t)size + (size_t)x) * 3, scratch,
                   side, cell_of(x, size, side), cell_of(y, size, side));
}

enum { BLUR_RADIUS = 4 };

/* One direction: step and stride in bytes between pixels and lines. */
static void blur_lines(uint8_t *dst, const uint8_t *src, int size,
                       const int *weight, int radius, ptrdiff_t step,
                       ptrdiff_t stride)
{
    for (int line = 0; line < size; line++)
        for (int i = 0; i < size; i++) {
            const uint8_t *in = src + line * stride;
            uint8_t *out = dst + line * stride + i * step;
            int sum[3] = {1 << 15, 1 << 15, 1 << 15};

            for (int k = -radius; k <= radius; k++) {
                int at = i + k < 0 ? 0 : i + k >= size ? size - 1 : i + k;

                for (int c = 0; c < 3; c++)
                    sum[c] += in[at * step + c] * weight[k + radius];
            }
            for (int c = 0; c < 3; c++)
                out[c] = clamp(sum[c] >> 16);
        }
}

static void blur(uint8_t *rgb, uint8_t *scratch, int size, double sigma)
{
    int radius = (int)ceil(2.5 * sigma), weight[2 * BLUR_RADIUS + 1];
    double sum = 0;

    for (int k = -radius; k <= radius; k++)
        sum += exp(-k * k / (2 * sigma * sigma));
    for (int k = -radius; k <= radius; k++)
        weight[k + radius] =
            (int)lround(65536 * exp(-k * k / (2 * sigma * sigma)) / sum);
    blur_lines(scratch, rgb, size, weight, radius, 3, (ptrdiff_t)size * 3);
    blur_lines(rgb, scratch, size, weight, radius, (ptrdiff_t)size * 3, 3);
}

static void cut_out(uint8_t *rgb, int size, const draw *d)
{
    int side = (int)lround(d->cut_side * size);
    int x = (int)(d->cut_x * (size - side + 1));
    int y = (int)(d->cut_y * (size - side + 1));

    for (int row = y; row < y + side; row++)
        memset(rgb + ((size_t)row * (size_t)size + (size_t)x) * 3, 128,
               (size_t)side * 3);
}

void dms_augment_apply(uint8_t *dst, uint8_t *scratch, int size,
                       const dms_augment_source *src,
                       const dms_augment *settings, const dms_augment_key *key)
{
    draw d = draw_all(settings, key);
    size_t count = (size_t)size * (size_t)size;

    if (size < src->size)
        warp_smaller(dst, src, size, &d);
    else if (moves(&d))
        warp(dst, src->rgb, size, &d);
    else
        memcpy(dst, src->rgb, count * 3);
    if (recolours(&d))
        recolour(dst, count, &d);
    if (d.coarse)
        coarsen(dst, scratch, size, d.coarse_side);
    if (d.blurred)
        blur(dst, scratch, size, d.sigma);
    if (d.cut)
        cut_out(dst, size, &d);
}
