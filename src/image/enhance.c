/* CLAHE of the lightness in CIELAB, and Graham's difference from the blurred
 * picture. Both assume a square of size >= 8 of 8-bit sRGB. */
#include "image/enhance.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

enum { TILES = 8, LEVELS = 256, CLIP = 2 };

/* CIELAB's white, D65, and sRGB's primaries (IEC 61966-2-1). */
static const float white[3] = {0.95047f, 1.0f, 1.08883f};
static const float to_xyz[3][3] = {{0.412453f, 0.357580f, 0.180423f},
                                   {0.212671f, 0.715160f, 0.072169f},
                                   {0.019334f, 0.119193f, 0.950227f}};
static const float from_xyz[3][3] = {{3.240479f, -1.537150f, -0.498535f},
                                     {-0.969256f, 1.875991f, 0.041556f},
                                     {0.055648f, -0.204043f, 1.057311f}};

static float lab_f(float t)
{
    return t > 0.008856f ? cbrtf(t) : 7.787f * t + 16.0f / 116;
}

static float lab_f_inverse(float f)
{
    return f > 0.206893f ? f * f * f : (f - 16.0f / 116) / 7.787f;
}

static void to_lab(float lab[3], const uint8_t rgb[3], const float linear[256])
{
    float f[3];

    for (int i = 0; i < 3; i++)
        f[i] = lab_f((to_xyz[i][0] * linear[rgb[0]] +
                      to_xyz[i][1] * linear[rgb[1]] +
                      to_xyz[i][2] * linear[rgb[2]]) /
                     white[i]);
    lab[0] = 116 * f[1] - 16;
    lab[1] = 500 * (f[0] - f[1]);
    lab[2] = 200 * (f[1] - f[2]);
}

static uint8_t to_byte(float v)
{
    return (uint8_t)(v <= 0 ? 0 : v >= 255 ? 255 : v + 0.5f);
}

static void from_lab(uint8_t rgb[3], const float lab[3])
{
    float fy = (lab[0] + 16) / 116, xyz[3];

    xyz[0] = white[0] * lab_f_inverse(fy + lab[1] / 500);
    xyz[1] = white[1] * lab_f_inverse(fy);
    xyz[2] = white[2] * lab_f_inverse(fy - lab[2] / 200);
    for (int i = 0; i < 3; i++) {
        float v = from_xyz[i][0] * xyz[0] + from_xyz[i][1] * xyz[1] +
                  from_xyz[i][2] * xyz[2];

        v = v <= 0.0031308f ? 12.92f * v : 1.055f * powf(v, 1 / 2.4f) - 0.055f;
        rgb[i] = to_byte(255 * v);
    }
}

/* One tile's cumulative histogram, clipped, the excess spread evenly. */
static void tile_curve(float curve[LEVELS], const uint8_t *light, int size,
                       int tx, int ty)
{
    int x0 = tx * size / TILES, x1 = (tx + 1) * size / TILES;
    int y0 = ty * size / TILES, y1 = (ty + 1) * size / TILES;
    int area = (x1 - x0) * (y1 - y0), histogram[LEVELS] = {0};
    float clip = fmaxf(1, (float)CLIP * (float)area / LEVELS);
    float excess = 0, sum = 0;

    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            histogram[light[y * size + x]]++;
    for (int v = 0; v < LEVELS; v++)
        excess += fmaxf(0, (float)histogram[v] - clip);
    for (int v = 0; v < LEVELS; v++) {
        sum += fminf((float)histogram[v], clip) + excess / LEVELS;
        curve[v] = sum * 255 / (float)area;
    }
}

/* The two tiles between whose centres `at` lies, and the weight of the
 * second. */
static float between(int *a, int *b, int at, int size)
{
    float t = ((float)at + 0.5f) * TILES / (float)size - 0.5f;
    int low = (int)floorf(t);

    *a = low < 0 ? 0 : low;
    *b = low + 1 > TILES - 1 ? TILES - 1 : low + 1;
    return t - (float)low;
}

static float equalised(float (*curves)[LEVELS], int x, int y, int size,
                       uint8_t v)
{
    int xa, xb, ya, yb;
    float wx = between(&xa, &xb, x, size), wy = between(&ya, &yb, y, size);
    float top =
        (1 - wx) * curves[ya * TILES + xa][v] + wx * curves[ya * TILES + xb][v];
    float bottom =
        (1 - wx) * curves[yb * TILES + xa][v] + wx * curves[yb * TILES + xb][v];

    return (1 - wy) * top + wy * bottom;
}

/* Zuiderveld (1994), contrast limited adaptive histogram equalisation. */
static dms_status clahe(uint8_t *rgb, int size, dms_error *err)
{
    size_t count = (size_t)size * (size_t)size;
    float linear[256];
    float(*lab)[3] = dms_calloc(count, sizeof *lab);
    float(*curves)[LEVELS] = dms_calloc((size_t)TILES * TILES, sizeof *curves);
    uint8_t *light = dms_calloc(count, 1);

    if (lab && curves && light) {
        for (int v = 0; v < 256; v++)
            linear[v] = v <= 10
                            ? (float)v / 255 / 12.92f
                            : powf(((float)v / 255 + 0.055f) / 1.055f, 2.4f);
        for (size_t i = 0; i < count; i++) {
            to_lab(lab[i], rgb + 3 * i, linear);
            light[i] = to_byte(lab[i][0] * 2.55f);
        }
        for (int t = 0; t < TILES * TILES; t++)
            tile_curve(curves[t], light, size, t % TILES, t / TILES);
        for (size_t i = 0; i < count; i++) {
            lab[i][0] = equalised(curves, (int)(i % (size_t)size),
                                  (int)(i / (size_t)size), size, light[i]) /
                        2.55f;
            from_lab(rgb + 3 * i, lab[i]);
        }
    }
    dms_free(lab);
    dms_free(curves);
    dms_free(light);
    return lab && curves && light ? DMS_OK : dms_fail_memory(err, "CLAHE");
}

/* Mean over 2*radius + 1 values of a line, its ends repeated. */
static void box_line(float *dst, const float *src, int len, size_t stride,
                     int radius)
{
    double sum = 0;

    for (int k = -radius; k <= radius; k++)
        sum += src[(size_t)(k < 0 ? 0 : k >= len ? len - 1 : k) * stride];
    for (int i = 0; i < len; i++) {
        int out = i - radius, in = i + radius + 1;

        dst[(size_t)i * stride] = (float)(sum / (2 * radius + 1));
        sum += src[(size_t)(in >= len ? len - 1 : in) * stride] -
               src[(size_t)(out < 0 ? 0 : out) * stride];
    }
}

/* Three box means are nearly a Gaussian: variance 3 * ((2r+1)^2 - 1) / 12. */
static void local_mean(float *a, float *b, int size, double sigma)
{
    int radius = (int)lround((sqrt(4 * sigma * sigma + 1) - 1) / 2);

    for (int pass = 0; pass < 3; pass++) {
        for (int y = 0; y < size; y++)
            box_line(b + (size_t)y * (size_t)size, a + (size_t)y * (size_t)size,
                     size, 1, radius);
        for (int x = 0; x < size; x++)
            box_line(a + x, b + x, size, (size_t)size, radius);
    }
}

/* B. Graham, Kaggle diabetic retinopathy report (2015): 4*(x - mean) + 128
 * inside 0.9 of the disc, where the rim does not ring, 128 outside. */
static dms_status graham(uint8_t *rgb, int size, dms_error *err)
{
    size_t count = (size_t)size * (size_t)size;
    float *mean = dms_calloc(count, sizeof *mean);
    float *work = dms_calloc(count, sizeof *work);
    double middle = (size - 1) / 2.0, reach = 0.9 * size / 2;

    for (size_t c = 0; mean && work && c < 3; c++) {
        for (size_t i = 0; i < count; i++)
            mean[i] = rgb[3 * i + c];
        local_mean(mean, work, size, size / 30.0);
        for (size_t i = 0; i < count; i++) {
            size_t row = i / (size_t)size;
            double x = (double)(i % (size_t)size) - middle;
            double y = (double)row - middle;
            bool inside = x * x + y * y <= reach * reach;
            float v = 4 * ((float)rgb[3 * i + c] - mean[i]) + 128;

            rgb[3 * i + c] = inside ? to_byte(v) : 128;
        }
    }
    dms_free(mean);
    dms_free(work);
    return mean && work ? DMS_OK : dms_fail_memory(err, "local average");
}

dms_status dms_enhance_apply(uint8_t *rgb, int size, dms_enhance how,
                             dms_error *err)
{
    if (how == DMS_ENHANCE_CLAHE)
        return clahe(rgb, size, err);
    if (how == DMS_ENHANCE_GRAHAM)
        return graham(rgb, size, err);
    return DMS_OK;
}
