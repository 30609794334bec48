#include "image/augment.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"

enum { CHANNELS = 3 };

/* What was drawn for one picture. Every draw is made in a fixed order, wanted
 * or not, so that one setting does not shift another's random numbers. */
typedef struct draw {
    double flip_x, flip_y; /* 1 or -1 */
    double angle;          /* radians */
    double scale, shift_x, shift_y;
    double brightness, contrast, saturation, gamma;
    double blur;                   /* sigma, pixels; 0: none */
    double cut_x, cut_y, cut_side; /* shares of the side; side 0: none */
} draw;

static double around_one(dms_rng *rng, double width)
{
    return dms_rng_range(rng, 1 - width, 1 + width);
}

static draw draw_all(const dms_augment *s, const dms_augment_key *key)
{
    uint64_t mixed =
        dms_hash_mix(dms_hash_mix(key->seed, key->epoch),
                     dms_hash_mix(key->patient, (uint64_t)key->eye));
    dms_rng rng = dms_rng_seeded(mixed);
    draw d;

    d.flip_x = dms_rng_uniform(&rng) < 0.5 && s->flip_horizontal ? -1 : 1;
    d.flip_y = dms_rng_uniform(&rng) < 0.5 && s->flip_vertical ? -1 : 1;
    d.angle = dms_rng_range(&rng, -1, 1) * s->rotation_deg *
              (3.14159265358979323846 / 180);
    d.scale = around_one(&rng, s->scale);
    d.shift_x = dms_rng_range(&rng, -s->shift, s->shift);
    d.shift_y = dms_rng_range(&rng, -s->shift, s->shift);
    d.brightness = around_one(&rng, s->brightness);
    d.contrast = around_one(&rng, s->contrast);
    d.saturation = around_one(&rng, s->saturation);
    d.gamma = exp(dms_rng_range(&rng, -s->gamma, s->gamma));
    d.blur = dms_rng_uniform(&rng) < s->blur ? 1 : 0;
    d.blur *= dms_rng_range(&rng, 0.5, 1.5);
    d.cut_side = dms_rng_uniform(&rng) < s->cutout ? 1 : 0;
    d.cut_side *= dms_rng_range(&rng, 0.125, 0.25);
    d.cut_x = dms_rng_uniform(&rng);
    d.cut_y = dms_rng_uniform(&rng);
    return d;
}

/* The bilinear sample at (x, y) in 1/256 pixels; black outside. */
static void sample(uint8_t *out, const uint8_t *src, int size, int x, int y)
{
    int x0 = x >> 8, y0 = y >> 8;
    int u = x & 255, v = y & 255;
    int sum[CHANNELS] = {0};

    for (int dy = 0; dy < 2; dy++)
        for (int dx = 0; dx < 2; dx++) {
            int px = x0 + dx, py = y0 + dy;
            int weight = (dx ? u : 256 - u) * (dy ? v : 256 - v);
            const uint8_t *p;

            if (px < 0 || py < 0 || px >= size || py >= size)
                continue;
            p = src + ((size_t)py * (size_t)size + (size_t)px) * CHANNELS;
            for (int c = 0; c < CHANNELS; c++)
                sum[c] += weight * p[c];
        }
    for (int c = 0; c < CHANNELS; c++)
        out[c] = (uint8_t)((sum[c] + (1 << 15)) >> 16);
}

/* All geometry in one pass: output position -> source position about the
 * centre, by the inverse of flip, rotation, scale and shift. */
static void warp(uint8_t *dst, const uint8_t *src, int size, const draw *d)
{
    double middle = (size - 1) / 2.0;
    double c = cos(d->angle) / d->scale, s = sin(d->angle) / d->scale;
    double step_x = d->flip_x * c, step_y = -d->flip_y * s;

    for (int h = 0; h < size; h++) {
        double dy = h - middle - d->shift_y * size;
        double dx = -middle - d->shift_x * size;
        double x = d->flip_x * (c * dx + s * dy) + middle;
        double y = d->flip_y * (c * dy - s * dx) + middle;

        for (int w = 0; w < size; w++, dst += CHANNELS) {
            sample(dst, src, size, (int)floor(x * 256), (int)floor(y * 256));
            x += step_x;
            y += step_y;
        }
    }
}

static double clamp(double x)
{
    return x < 0 ? 0 : x > 255 ? 255 : x;
}

/* Brightness and contrast about the picture's mean grey, then gamma: one
 * table of 256 entries. */
static void build_curve(uint8_t curve[256], const draw *d, double mean)
{
    for (int i = 0; i < 256; i++) {
        double x = i * d->brightness;

        x = clamp((x - mean * d->brightness) * d->contrast +
                  mean * d->brightness);
        curve[i] = (uint8_t)(255 * pow(x / 255, d->gamma) + 0.5);
    }
    curve[0] = 0; /* the surround stays black */
}

static double luma(const uint8_t *p)
{
    return 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
}

static void recolour(uint8_t *rgb, int size, const draw *d)
{
    size_t count = (size_t)size * (size_t)size;
    uint8_t curve[256];
    double sum = 0;
    float keep = (float)d->saturation;

    for (size_t i = 0; i < count; i++)
        sum += luma(rgb + i * CHANNELS);
    build_curve(curve, d, sum / (double)count);
    for (size_t i = 0; i < count; i++) {
        uint8_t *p = rgb + i * CHANNELS;
        float grey = (float)luma(p);

        for (int c = 0; c < CHANNELS; c++) {
            float x = grey + ((float)p[c] - grey) * keep + 0.5f;

            p[c] = curve[x < 0 ? 0 : x > 255 ? 255 : (int)x];
        }
    }
}

enum { BLUR_RADIUS = 4 }; /* enough for sigma 1.5 */

/* One pass along `step`; the edges are repeated. */
static void blur_line(uint8_t *dst, const uint8_t *src, int size, size_t step,
                      const int weight[BLUR_RADIUS + 1])
{
    for (int i = 0; i < size; i++)
        for (int c = 0; c < CHANNELS; c++) {
            int sum = 1 << 15;

            for (int k = -BLUR_RADIUS; k <= BLUR_RADIUS; k++) {
                int j = i + k < 0 ? 0 : i + k >= size ? size - 1 : i + k;

                sum +=
                    weight[k < 0 ? -k : k] * src[(size_t)j * step + (size_t)c];
            }
            dst[(size_t)i * step + (size_t)c] = (uint8_t)(sum >> 16);
        }
}

static void blur(uint8_t *rgb, uint8_t *scratch, int size, double sigma)
{
    int weight[BLUR_RADIUS + 1];
    double sum = 0;
    size_t row = (size_t)size * CHANNELS;

    for (int k = -BLUR_RADIUS; k <= BLUR_RADIUS; k++)
        sum += exp(-k * k / (2 * sigma * sigma));
    for (int k = 0; k <= BLUR_RADIUS; k++)
        weight[k] = (int)(65536 * exp(-k * k / (2 * sigma * sigma)) / sum);
    for (int h = 0; h < size; h++)
        blur_line(scratch + (size_t)h * row, rgb + (size_t)h * row, size,
                  CHANNELS, weight);
    for (int w = 0; w < size; w++)
        blur_line(rgb + (size_t)w * CHANNELS, scratch + (size_t)w * CHANNELS,
                  size, row, weight);
}

static void cut_out(uint8_t *rgb, int size, const draw *d)
{
    int side = (int)(d->cut_side * size);
    int left = (int)(d->cut_x * (size - side));
    int top = (int)(d->cut_y * (size - side));

    for (int h = top; h < top + side; h++)
        memset(rgb + ((size_t)h * (size_t)size + (size_t)left) * CHANNELS, 128,
               (size_t)side * CHANNELS);
}

void dms_augment_apply(uint8_t *dst, const uint8_t *src, uint8_t *scratch,
                       int size, const dms_augment *settings,
                       const dms_augment_key *key)
{
    draw d = draw_all(settings, key);

    warp(dst, src, size, &d);
    recolour(dst, size, &d);
    if (d.blur > 0)
        blur(dst, scratch, size, d.blur);
    if (d.cut_side > 0)
        cut_out(dst, size, &d);
}
