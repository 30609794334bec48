/* Who trains, who validates, who tests. Groups of patients with the same
 * pictures are dealt out as one; within each stratum (the group's rarest
 * label) a hash of id and seed gives the order, so that neither the order of
 * the table's rows nor the presence of other strata moves anybody far. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/growing.h"
#include "base/rng.h"
#include "dms/data.h"

enum { STRATA = DMS_LABELS + 1 }; /* the last: patients without a label */

typedef struct group {
    size_t root; /* the patient with the smallest id */
    const char *id;
    int stratum;
    uint64_t hash;
} group;

const char *dms_split_name(dms_split split)
{
    static const char *const names[] = {"none", "train", "val", "test"};

    return (unsigned)split <= DMS_SPLIT_TEST ? names[split] : NULL;
}

static int compare_groups(const void *a, const void *b)
{
    const group *x = a;
    const group *y = b;

    if (x->stratum != y->stratum)
        return x->stratum - y->stratum;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return strcmp(x->id, y->id);
}

/* labels |= of every patient into its group's root; unions by root. */
static void unite_labels(uint8_t (*unions)[DMS_LABELS],
                         size_t counts[DMS_LABELS], const dms_dataset *dataset)
{
    for (size_t i = 0; i < dataset->count; i++) {
        const dms_patient *patient = &dataset->patients[i];

        for (int k = 0; k < DMS_LABELS; k++) {
            unions[patient->group][k] |= patient->labels[k];
            counts[k] += patient->labels[k];
        }
    }
}

static int rarest_label(const uint8_t labels[DMS_LABELS],
                        const size_t counts[DMS_LABELS])
{
    int rarest = DMS_LABELS;

    for (int k = 0; k < DMS_LABELS; k++)
        if (labels[k] && (rarest == DMS_LABELS || counts[k] < counts[rarest]))
            rarest = k;
    return rarest;
}

/* groups: room for dataset->count; returns how many there are, sorted. */
static size_t list_groups(group *groups, uint8_t (*unions)[DMS_LABELS],
                          const dms_dataset *dataset, uint64_t seed)
{
    size_t counts[DMS_LABELS] = {0};
    size_t count = 0;

    unite_labels(unions, counts, dataset);
    for (size_t i = 0; i < dataset->count; i++) {
        const char *id = dataset->patients[i].id;

        assert(dataset->patients[i].group < dataset->count);
        if (dataset->patients[i].group != i)
            continue;
        groups[count++] = (group){
            .root = i,
            .id = id,
            .stratum = rarest_label(unions[i], counts),
            .hash = dms_hash_mix(dms_hash_bytes(DMS_HASH_START, id, strlen(id)),
                                 seed),
        };
    }
    qsort(groups, count, sizeof *groups, compare_groups);
    return count;
}

/* out[s] of size[s] groups, near share*size[s], never more than room[s]: the
 * whole parts first, then one each to the largest remainders until the sum is
 * the rounded share of all. */
static void share_out(size_t out[STRATA], const size_t size[STRATA],
                      const size_t room[STRATA], double share)
{
    double remainder[STRATA];
    size_t total = 0;
    size_t given = 0;
    size_t wanted;

    for (int s = 0; s < STRATA; s++) {
        double exact = share * (double)size[s];

        out[s] = (size_t)floor(exact + 1e-9);
        out[s] = out[s] < room[s] ? out[s] : room[s];
        remainder[s] = out[s] < room[s] ? exact - (double)out[s] : 0;
        total += size[s];
        given += out[s];
    }
    wanted = (size_t)floor(share * (double)total + 0.5);
    while (given < wanted) {
        int best = 0;

        for (int s = 1; s < STRATA; s++)
            if (remainder[s] > remainder[best])
                best = s;
        if (remainder[best] <= 1e-9)
            break;
        out[best]++;
        given++;
        remainder[best] = 0;
    }
}

/* In each stratum's order: first test, then val, the rest train. */
static void deal(dms_dataset *dataset, const group *groups, size_t count,
                 const dms_split_options *options)
{
    size_t size[STRATA] = {0};
    size_t room[STRATA];
    size_t test[STRATA];
    size_t val[STRATA];
    size_t at[STRATA] = {0};

    for (size_t i = 0; i < count; i++)
        size[groups[i].stratum]++;
    share_out(test, size, size, options->test);
    for (int s = 0; s < STRATA; s++)
        room[s] = size[s] - test[s];
    share_out(val, size, room, options->val);
    for (size_t i = 0; i < count; i++) {
        int s = groups[i].stratum;
        size_t place = at[s]++;

        dataset->patients[groups[i].root].split =
            place < test[s]            ? DMS_SPLIT_TEST
            : place < test[s] + val[s] ? DMS_SPLIT_VAL
                                       : DMS_SPLIT_TRAIN;
    }
    for (size_t i = 0; i < dataset->count; i++)
        dataset->patients[i].split =
            dataset->patients[dataset->patients[i].group].split;
}

void dms_split_options_init(dms_split_options *options, size_t struct_size)
{
    const dms_split_options plain = {.val = 0.15, .seed = 1};

    dms_growing_init(options, struct_size, &plain, sizeof plain);
}

static dms_status take_options(dms_split_options *options,
                               const dms_split_options *given, dms_error *err)
{
    dms_status st;

    dms_split_options_init(options, sizeof *options);
    TRY(dms_growing_take(options, sizeof *options, given, "dms_split_options",
                         err));
    if (!(options->val >= 0 && options->val <= 0.5))
        return dms_fail(err, DMS_EINVAL,
                        "the validation share is %g, expected 0 to 0.5",
                        options->val);
    if (!(options->test >= 0 && options->test <= 0.5))
        return dms_fail(err, DMS_EINVAL,
                        "the test share is %g, expected 0 to 0.5",
                        options->test);
    if (options->val + options->test >= 1)
        return dms_fail(err, DMS_EINVAL,
                        "validation and test take everything: none is left to "
                        "train");
done:
    return st;
}

dms_status dms_dataset_split(dms_dataset *dataset,
                             const dms_split_options *given, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_split_options own;
    const dms_split_options *options = &own;
    group *groups = NULL;
    uint8_t(*unions)[DMS_LABELS] = NULL;
    size_t count;

    TRY(take_options(&own, given, err));
    if (dataset->has_split_column && !options->override_column)
        goto done;
    groups = dms_calloc(dataset->count, sizeof *groups);
    unions = dms_calloc(dataset->count, sizeof *unions);
    if (!groups || !unions) {
        st = dms_fail_memory(err, "split");
        goto done;
    }
    count = list_groups(groups, unions, dataset, options->seed);
    deal(dataset, groups, count, options);
done:
    dms_free(unions);
    dms_free(groups);
    return st;
}
