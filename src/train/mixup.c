/* Mixes a batch in place, pair by pair. Relies on the random order of a batch:
 * the mirror image of a patient is then a random partner. */
#include "train/mixup.h"

#include <assert.h>
#include <math.h>

#include "base/rng.h"

/* Draw from Beta(alpha, alpha) by Johnk's rejection, which is fast if alpha <=
 * 1. */
static double draw_share(dms_rng *rng, double alpha)
{
    double x, y;

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

void dms_mixup_apply(const dms_mixup_batch *b, double alpha, uint64_t key)
{
    dms_rng rng = dms_rng_seeded(key);
    float share = (float)draw_share(&rng, alpha);
    int n = b->patients, pairs = n / 2;

    assert(alpha > 0 && alpha <= 1);
#pragma omp parallel for schedule(static)
    for (int i = 0; i < 2 * pairs; i++)
        mix_pair(b->images, b->image, n, i / 2, i % 2, share);
    for (int i = 0; i < 2 * pairs; i++)
        mix_pair(b->eye_targets, b->labels, n, i / 2, i % 2, share);
    for (int i = 0; i < pairs; i++)
        mix_pair(b->targets, b->labels, n, i, 0, share);
}
