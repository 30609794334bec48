/* Drawing on the float canvas: masks, blobs, noise, blur. Every result depends
 * on the arguments only. */
#include "synth/synth_canvas.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

static float clamp01(float x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

dms_status dms_canvas_init(dms_canvas *canvas, int size, float radius,
                           dms_error *err)
{
    size_t pixels = (size_t)size * (size_t)size;

    *canvas = (dms_canvas){.size = size, .radius = radius};
    canvas->rgb = dms_calloc(pixels, 3 * sizeof(float));
    canvas->mask = dms_calloc(pixels, sizeof(float));
    canvas->second = dms_calloc(pixels, sizeof(float));
    if (!canvas->rgb || !canvas->mask || !canvas->second)
        return dms_fail_memory(err, "synthetic picture");
    return DMS_OK;
}

void dms_canvas_release(dms_canvas *canvas)
{
    dms_free(canvas->rgb);
    dms_free(canvas->mask);
    dms_free(canvas->second);
    *canvas = (dms_canvas){0};
}

float dms_canvas_coordinate(const dms_canvas *canvas, int i)
{
    return ((float)i + .5f - .5f * (float)canvas->size) / canvas->radius;
}

typedef struct pixel_range {
    int first, end;
} pixel_range;

/* The pixels whose centre lies within low..high, clipped to the picture. */
static pixel_range range_of(const dms_canvas *c, float low, float high)
{
    float half = .5f * (float)c->size, last = (float)c->size;
    float first = floorf(low * c->radius + half);
    float end = ceilf(high * c->radius + half) + 1;

    return (pixel_range){(int)fminf(fmaxf(first, 0), last),
                         (int)fminf(fmaxf(end, 0), last)};
}

static void pixel_mix(float *px, dms_color color, float a, bool multiply)
{
    if (multiply) {
        px[0] *= 1 - a * (1 - color.r);
        px[1] *= 1 - a * (1 - color.g);
        px[2] *= 1 - a * (1 - color.b);
    } else {
        px[0] += a * (color.r - px[0]);
        px[1] += a * (color.g - px[1]);
        px[2] += a * (color.b - px[2]);
    }
}

/* The radius factor of an uneven rim in direction (u, v). */
static float rim_factor(const dms_blob *b, float u, float v)
{
    float t;

    if (b->wobble <= 0)
        return 1;
    t = atan2f(v, u);
    return 1 + b->wobble * (.5f * sinf(2 * t + b->phase) +
                            .4f * sinf(3 * t + 2.3f * b->phase) +
                            .17f * sinf(7 * t + 3.1f * b->phase));
}

void dms_canvas_blob(dms_canvas *canvas, const dms_blob *b)
{
    float pixel = 1 / canvas->radius;
    float rx = fmaxf(b->rx, .6f * pixel), ry = fmaxf(b->ry, .6f * pixel);
    float opacity = b->opacity * (b->rx / rx) * (b->ry / ry);
    float feather = fmaxf(b->feather, pixel), narrow = fminf(rx, ry);
    float reach =
        fmaxf(rx, ry) * (1 + 1.2f * b->wobble) * (1 + .5f * feather / narrow);
    float cosine = cosf(b->angle), sine = sinf(b->angle);
    pixel_range rows = range_of(canvas, b->y - reach, b->y + reach);
    pixel_range cols = range_of(canvas, b->x - reach, b->x + reach);

    for (int i = rows.first; i < rows.end; i++) {
        float dy = dms_canvas_coordinate(canvas, i) - b->y;
        float *row = canvas->rgb + (size_t)i * (size_t)canvas->size * 3;

        for (int j = cols.first; j < cols.end; j++) {
            float dx = dms_canvas_coordinate(canvas, j) - b->x;
            float u = (dx * cosine + dy * sine) / rx;
            float v = (dy * cosine - dx * sine) / ry;
            float q = sqrtf(u * u + v * v) / rim_factor(b, u, v);
            float a = clamp01(.5f + (1 - q) * narrow / feather);

            if (a > 0)
                pixel_mix(row + 3 * j, b->color, opacity * a * a * (3 - 2 * a),
                          b->multiply);
        }
    }
}

void dms_canvas_stroke(const dms_canvas *canvas, float *mask,
                       const dms_stroke *s)
{
    float pixel = 1 / canvas->radius;
    float dx = s->x1 - s->x0, dy = s->y1 - s->y0;
    float length2 = fmaxf(dx * dx + dy * dy, 1e-12f);
    float reach = fmaxf(fmaxf(s->width0, s->width1), pixel) * .5f + pixel;
    pixel_range rows = range_of(canvas, fminf(s->y0, s->y1) - reach,
                                fmaxf(s->y0, s->y1) + reach);
    pixel_range cols = range_of(canvas, fminf(s->x0, s->x1) - reach,
                                fmaxf(s->x0, s->x1) + reach);

    for (int i = rows.first; i < rows.end; i++) {
        float y = dms_canvas_coordinate(canvas, i) - s->y0;

        for (int j = cols.first; j < cols.end; j++) {
            float x = dms_canvas_coordinate(canvas, j) - s->x0;
            float t = clamp01((x * dx + y * dy) / length2);
            float away = hypotf(x - t * dx, y - t * dy);
            float width = s->width0 + t * (s->width1 - s->width0);
            /* a line thinner than a pixel is a pixel wide and paler */
            float drawn = fmaxf(width, pixel);
            float a =
                clamp01(.5f + (.5f * drawn - away) / pixel) * (width / drawn);
            float *m = mask + (size_t)i * (size_t)canvas->size + j;

            *m = fmaxf(*m, a);
        }
    }
}

void dms_canvas_mask_clear(const dms_canvas *canvas, float *mask)
{
    size_t side = (size_t)canvas->size;

    memset(mask, 0, side * side * sizeof *mask);
}

void dms_canvas_mask_apply(dms_canvas *canvas, const float *mask,
                           dms_color color, float opacity, bool multiply)
{
    size_t pixels = (size_t)canvas->size * (size_t)canvas->size;

    for (size_t i = 0; i < pixels; i++)
        if (mask[i] > 0)
            pixel_mix(canvas->rgb + 3 * i, color, opacity * mask[i], multiply);
}

/* Mean over 2*half+1 neighbours, repeating the ends. line and out: len values;
 * those of line are `step` apart. */
static void box_line(float *out, float *line, int len, size_t step, int half)
{
    float sum = 0, scale = 1 / (float)(2 * half + 1);

    for (int i = -half; i <= half; i++) {
        int at = i < 0 ? 0 : i >= len ? len - 1 : i;
        sum += line[(size_t)at * step];
    }
    for (int i = 0; i < len; i++) {
        int leaves = i - half < 0 ? 0 : i - half;
        int enters = i + half + 1 >= len ? len - 1 : i + half + 1;

        out[i] = sum * scale;
        sum += line[(size_t)enters * step] - line[(size_t)leaves * step];
    }
    for (int i = 0; i < len; i++)
        line[(size_t)i * step] = out[i];
}

void dms_canvas_blur(dms_canvas *canvas, float sigma)
{
    /* three boxes of width w together have variance (w*w - 1) / 4 */
    float pixels = sigma * canvas->radius;
    int half = (int)lrintf(.5f * (sqrtf(4 * pixels * pixels + 1) - 1));
    size_t side = (size_t)canvas->size;

    if (half < 1)
        return;
    for (int pass = 0; pass < 3; pass++) {
        for (size_t i = 0; i < side * 3; i++) /* row i/3, channel i%3 */
            box_line(canvas->second, canvas->rgb + i / 3 * side * 3 + i % 3,
                     canvas->size, 3, half);
        for (size_t i = 0; i < side * 3; i++) /* column i/3, channel i%3 */
            box_line(canvas->second, canvas->rgb + i, canvas->size, side * 3,
                     half);
    }
}

static float lattice(uint64_t seed, int x, int y)
{
    uint64_t at = (uint64_t)(uint32_t)x << 32 | (uint32_t)y;

    return (float)(dms_hash_mix(seed, at) >> 40) * 0x1p-24f;
}

float dms_noise_value(uint64_t seed, float x, float y)
{
    float fx = floorf(x), fy = floorf(y);
    int ix = (int)fx, iy = (int)fy;
    float u = x - fx, v = y - fy;
    float top, bottom;

    u = u * u * (3 - 2 * u);
    v = v * v * (3 - 2 * v);
    top = lattice(seed, ix, iy) * (1 - u) + lattice(seed, ix + 1, iy) * u;
    bottom =
        lattice(seed, ix, iy + 1) * (1 - u) + lattice(seed, ix + 1, iy + 1) * u;
    return top + v * (bottom - top);
}

float dms_noise_fractal(uint64_t seed, float x, float y, int octaves)
{
    float sum = 0, weight = 1, total = 0;

    for (int i = 0; i < octaves; i++) {
        sum += weight * dms_noise_value(seed + (uint64_t)i, x, y);
        total += weight;
        weight *= .5f;
        x *= 2, y *= 2;
    }
    return sum / total;
}

dms_color dms_color_mix(dms_color a, dms_color b, float t)
{
    return (dms_color){a.r + t * (b.r - a.r), a.g + t * (b.g - a.g),
                       a.b + t * (b.b - a.b)};
}

dms_color dms_color_scale(dms_color color, float factor)
{
    return (dms_color){color.r * factor, color.g * factor, color.b * factor};
}

float dms_rng_float(dms_rng *rng, float low, float high)
{
    return (float)dms_rng_range(rng, low, high);
}

int dms_rng_int(dms_rng *rng, int low, int high)
{
    return low + (int)dms_rng_below(rng, (uint64_t)(high - low) + 1);
}
