/* Draws patients by their labels. Relies on systematic sampling: one random
 * number places all draws, so that rare patients come as often as expected, not
 * only on average. */
#include "train/sampler.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/rng.h"

struct dms_train_sampler {
    const dms_dataset *dataset; /* borrowed */
    const size_t *patients;     /* borrowed: count */
    size_t count;
    double *expected; /* owned: per patient */
    size_t *shuffled; /* owned: scratch, indices of patients */
};

/* The classes of the i-th patient: its labels or, if it has none, the one
 * behind the last label. */
static bool has_class(const dms_train_sampler *s, size_t i, int k)
{
    const uint8_t *labels = s->dataset->patients[s->patients[i]].labels;
    int count = s->dataset->label_count;

    if (k < count)
        return labels[k] == 1;
    for (int other = 0; other < count; other++)
        if (labels[other] == 1)
            return false;
    return true;
}

/* Add what the draws of class k bring each of its patients. */
static void expect_class(dms_train_sampler *s, int k, double share,
                         size_t members)
{
    for (size_t i = 0; i < s->count; i++)
        if (has_class(s, i, k))
            s->expected[i] += (double)s->count * share / (double)members;
}

static void expect(dms_train_sampler *s, dms_sampling how)
{
    int classes = s->dataset->label_count + 1;
    size_t members[DMS_LABELS_MAX + 1] = {0};
    double parts[DMS_LABELS_MAX + 1] = {0}, sum = 0;

    for (int k = 0; k < classes; k++) {
        for (size_t i = 0; i < s->count; i++)
            members[k] += has_class(s, i, k);
        if (members[k] > 0)
            parts[k] =
                how == DMS_SAMPLING_SQRT ? sqrt((double)members[k]) : 1.0;
        sum += parts[k];
    }
    for (int k = 0; k < classes; k++)
        if (members[k] > 0)
            expect_class(s, k, parts[k] / sum, members[k]);
}

dms_status dms_train_sampler_create(dms_train_sampler **out,
                                    const dms_dataset *dataset,
                                    const size_t *patients, size_t count,
                                    dms_sampling how, dms_error *err)
{
    dms_train_sampler *s = dms_calloc(1, sizeof *s);

    if (s) {
        *s = (dms_train_sampler){
            .dataset = dataset,
            .patients = patients,
            .count = count,
            .expected = dms_calloc(count, sizeof *s->expected),
            .shuffled = dms_calloc(count, sizeof *s->shuffled)};
    }
    if (!s || !s->expected || !s->shuffled) {
        dms_train_sampler_destroy(s);
        return dms_fail_memory(err, "sampling");
    }
    expect(s, how);
    *out = s;
    return DMS_OK;
}

void dms_train_sampler_destroy(dms_train_sampler *sampler)
{
    if (!sampler)
        return;
    dms_free(sampler->expected);
    dms_free(sampler->shuffled);
    dms_free(sampler);
}

const double *dms_train_sampler_expected(const dms_train_sampler *sampler)
{
    return sampler->expected;
}

/* Patients in random order lie side by side on a line, each as long as it is
 * expected; draw j falls on the point j + u. */
void dms_train_sampler_draw(size_t *order, dms_train_sampler *s, uint64_t seed,
                            int64_t epoch)
{
    dms_rng rng = dms_rng_seeded(dms_hash_mix(seed, (uint64_t)epoch));
    double u = dms_rng_uniform(&rng), end = 0;
    size_t drawn = 0;

    for (size_t i = 0; i < s->count; i++)
        s->shuffled[i] = i;
    dms_rng_shuffle(&rng, s->shuffled, s->count);
    for (size_t i = 0; i < s->count; i++) {
        size_t own = s->shuffled[i];

        end += s->expected[own];
        while (drawn < s->count && u + (double)drawn < end)
            order[drawn++] = s->patients[own];
    }
    while (drawn < s->count) /* the sum was rounded down */
        order[drawn++] = s->patients[s->shuffled[s->count - 1]];
    dms_rng_shuffle(&rng, order, s->count); /* apart again */
}
