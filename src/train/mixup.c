/* Mixes a batch in place, pair by pair. Relies on the random order of a batch:
 * the mirror image of a patient is then a random partner. */
#include "train/mixup.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

#include "base/rng.h"

enum { CHANNELS = 3 };

/* Draw from Beta(alpha, alpha) by Johnk's rejection, which is fast if alpha <=
 * 1. */
static double draw_share(dms_rng *rng, double alpha)
{
    double x, y;

    assert(alpha > 0 && alpha <= 1);
    do {
        x = pow(dms_rng_uniform(rng), 1 / alpha);
        y = pow(dms_rng_uniform(rng), 1 / alpha);
    } while (x + y > 1 || x + y == 0);
    return x / (x + y);
}

static void mix_rows(float *a, float *b, size_t len, float share)
{
    for (size_t i = 0; i < len; i++) {
        float own = a[i], other = b[i];

        a[i] = share * own + (1 - share) * other;
        b[i] = share * other + (1 - share) * own;
    }
}

/* Mix two rows of a batch's table; of a table of both eyes, the rows of one
 * eye. */
static void mix_pair(float *table, size_t len, int patients, int pair, int eye,
                     float share)
{
    size_t begin = (size_t)eye * (size_t)patients; /* the eye's first row */
    size_t first = begin + (size_t)pair;
    size_t second = begin + (size_t)patients - 1 - (size_t)pair;

    mix_rows(table + first * len, table + second * len, len, share);
}

/* The rectangle of the images that CutMix exchanges. */
typedef struct rectangle {
    size_t left, right, top, bottom; /* right and bottom: the first outside */
} rectangle;

/* From `length` about a centre to what lies within [0, side). */
static void clip(size_t *first, size_t *end, double centre, double length,
                 size_t side)
{
    *first = (size_t)fmax(0, centre - length / 2);
    *end = (size_t)fmin((double)side, centre + length / 2);
}

/* Uniformly placed centre; sides of sqrt(1 - share) of the image's. */
static rectangle draw_rectangle(dms_rng *rng, double share, size_t side)
{
    double length = floor((double)side * sqrt(1 - share));
    double x = floor(dms_rng_uniform(rng) * (double)side);
    double y = floor(dms_rng_uniform(rng) * (double)side);
    rectangle r;

    clip(&r.left, &r.right, x, length, side);
    clip(&r.top, &r.bottom, y, length, side);
    return r;
}

static void exchange(float *a, float *b, const rectangle *r, size_t side)
{
    for (size_t c = 0; c < CHANNELS; c++)
        for (size_t y = r->top; y < r->bottom; y++)
            for (size_t x = r->left; x < r->right; x++) {
                size_t i = (c * side + y) * side + x;
                float own = a[i];

                a[i] = b[i];
                b[i] = own;
            }
}

/* The image of that eye of patient `place`. */
static float *image_of(const dms_mixup_batch *b, int place, int eye)
{
    size_t image = CHANNELS * b->side * b->side;

    return b->images +
           ((size_t)eye * (size_t)b->patients + (size_t)place) * image;
}

/* Exchange a rectangle; returns the share of the area that stays. */
static float cut_images(const dms_mixup_batch *b, double share, dms_rng *rng)
{
    int last = b->patients - 1;
    rectangle r = draw_rectangle(rng, share, b->side);
    size_t area = (r.right - r.left) * (r.bottom - r.top);

#pragma omp parallel for schedule(static)
    for (int i = 0; i < 2 * (b->patients / 2); i++)
        exchange(image_of(b, i / 2, i % 2), image_of(b, last - i / 2, i % 2),
                 &r, b->side);
    return (float)(1 - (double)area / (double)(b->side * b->side));
}

static void blend_images(const dms_mixup_batch *b, float share)
{
    size_t image = CHANNELS * b->side * b->side;

#pragma omp parallel for schedule(static)
    for (int i = 0; i < 2 * (b->patients / 2); i++)
        mix_pair(b->images, image, b->patients, i / 2, i % 2, share);
}

void dms_mixup_apply(const dms_mixup_batch *b, const dms_mixup_alphas *alphas,
                     uint64_t key)
{
    dms_rng rng = dms_rng_seeded(key);
    bool cuts = alphas->cutmix > 0 &&
                (alphas->mixup == 0 || dms_rng_uniform(&rng) < 0.5);
    double alpha = cuts ? alphas->cutmix : alphas->mixup;
    double drawn = draw_share(&rng, alpha);
    float share = (float)drawn;
    int n = b->patients, pairs = n / 2;

    if (cuts)
        share = cut_images(b, drawn, &rng);
    else
        blend_images(b, share);
    for (int i = 0; i < 2 * pairs; i++)
        mix_pair(b->eye_targets, b->labels, n, i / 2, i % 2, share);
    for (int i = 0; i < pairs; i++)
        mix_pair(b->targets, b->labels, n, i, 0, share);
}
