/* Assigning patients to training, validation and test, and training patients to
 * folds. A group of patients is assigned as one; within each stratum (the
 * group's rarest label) a hash of id and seed gives the order, so that the
 * order of the rows has no influence and other strata have little. Relies on
 * groups.c: a group's index is its root. */
#include "data/folds.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/growing.h"
#include "base/rng.h"
#include "dms/data.h"

/* There is one stratum per label, in label order, and a last one for groups
 * without any label. */
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

/* The groups that are assigned, and what their strata follow from. */
typedef struct table {
    bool training;   /* only training patients are assigned; else all are */
    group *groups;   /* sorted; those with a patient to assign */
    size_t count;    /* of groups */
    uint8_t *unions; /* patients x (K + 1): at a group's root, 1 if any patient
                        to assign has the label; in the last column, if there
                        is any */
    size_t *counts;  /* K: the number of patients with the label */
    int strata;      /* K + 1 */
} table;

/* Release the table also after a failure. */
static dms_status table_init(table *t, const dms_dataset *dataset,
                             bool training, dms_error *err)
{
    size_t strata = (size_t)dataset->label_count + 1;

    *t = (table){.training = training,
                 .groups = dms_calloc(dataset->count, sizeof *t->groups),
                 .unions = dms_calloc(dataset->count + 1, strata),
                 .counts = dms_calloc(strata, sizeof *t->counts),
                 .strata = (int)strata};
    return t->groups && t->unions && t->counts ? DMS_OK
                                               : dms_fail_memory(err, "split");
}

static void table_release(table *t)
{
    dms_free(t->counts);
    dms_free(t->unions);
    dms_free(t->groups);
}

static void unite_labels(table *t, const dms_dataset *dataset)
{
    size_t width = (size_t)dataset->label_count;

    for (size_t i = 0; i < dataset->count; i++) {
        const dms_patient *patient = &dataset->patients[i];
        uint8_t *of_group = t->unions + patient->group * (width + 1);

        if (t->training && patient->split != DMS_SPLIT_TRAIN)
            continue;
        of_group[width] = 1;
        for (size_t k = 0; k < width; k++) {
            uint8_t has = patient->labels[k] == 1;

            of_group[k] |= has;
            t->counts[k] += has;
        }
    }
}

static int rarest_label(const table *t, size_t root)
{
    int count = t->strata - 1, rarest = count;
    const uint8_t *labels = t->unions + root * (size_t)t->strata;

    for (int k = 0; k < count; k++)
        if (labels[k] && (rarest == count || t->counts[k] < t->counts[rarest]))
            rarest = k;
    return rarest;
}

static void list_groups(table *t, const dms_dataset *dataset, uint64_t seed)
{
    unite_labels(t, dataset);
    for (size_t i = 0; i < dataset->count; i++) {
        const char *id = dataset->patients[i].id;

        assert(dataset->patients[i].group < dataset->count);
        if (dataset->patients[i].group != i ||
            !t->unions[i * (size_t)t->strata + (size_t)t->strata - 1])
            continue;
        t->groups[t->count++] = (group){
            .root = i,
            .id = id,
            .stratum = rarest_label(t, i),
            .hash = dms_hash_mix(dms_hash_bytes(DMS_HASH_START, id, strlen(id)),
                                 seed),
        };
    }
    qsort(t->groups, t->count, sizeof *t->groups, compare_groups);
}

/* One stratum while its groups are assigned. */
typedef struct stratum {
    size_t size;      /* number of groups */
    size_t test, val; /* how many of them; test + val <= size */
    size_t at;        /* the next group's place */
    double remainder; /* what rounding down took from its share */
} stratum;

static size_t *part_of(stratum *s, dms_split split)
{
    return split == DMS_SPLIT_TEST ? &s->test : &s->val;
}

/* Give that split about share * size groups of each stratum, never more than
 * are left: first the rounded-down numbers, then one more for the largest
 * remainders until the sum is the rounded share of all groups. */
static void share_out(stratum *strata, int count, dms_split split, double share)
{
    size_t total = 0;
    size_t given = 0;
    size_t wanted;

    for (int i = 0; i < count; i++) {
        stratum *s = &strata[i];
        size_t room = split == DMS_SPLIT_TEST ? s->size : s->size - s->test;
        double exact = share * (double)s->size;
        size_t part = (size_t)floor(exact + 1e-9);

        part = part < room ? part : room;
        *part_of(s, split) = part;
        s->remainder = part < room ? exact - (double)part : 0;
        total += s->size;
        given += part;
    }
    wanted = (size_t)floor(share * (double)total + 0.5);
    while (given < wanted) {
        int best = 0;

        for (int i = 1; i < count; i++)
            if (strata[i].remainder > strata[best].remainder)
                best = i;
        if (strata[best].remainder <= 1e-9)
            break;
        ++*part_of(&strata[best], split);
        given++;
        strata[best].remainder = 0;
    }
}

/* In each stratum's order, the first groups are test, the next val, the rest
 * train. */
static void deal(dms_dataset *dataset, const table *t, stratum *strata,
                 const dms_split_options *options)
{
    for (size_t i = 0; i < t->count; i++)
        strata[t->groups[i].stratum].size++;
    share_out(strata, t->strata, DMS_SPLIT_TEST, options->test);
    share_out(strata, t->strata, DMS_SPLIT_VAL, options->val);
    for (size_t i = 0; i < t->count; i++) {
        stratum *s = &strata[t->groups[i].stratum];
        size_t place = s->at++;

        dataset->patients[t->groups[i].root].split =
            place < s->test            ? DMS_SPLIT_TEST
            : place < s->test + s->val ? DMS_SPLIT_VAL
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
                        "validation and test shares are %g and %g, expected a "
                        "sum below 1",
                        options->val, options->test);
done:
    return st;
}

dms_status dms_dataset_split(dms_dataset *dataset,
                             const dms_split_options *given, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_split_options own;
    const dms_split_options *options = &own;
    table t = {0};
    stratum *strata = NULL;

    TRY(take_options(&own, given, err));
    if (dataset->has_split_column && !options->override_column)
        goto done;
    TRY(table_init(&t, dataset, false, err));
    strata = dms_calloc((size_t)t.strata, sizeof *strata);
    if (!strata) {
        st = dms_fail_memory(err, "split");
        goto done;
    }
    list_groups(&t, dataset, options->seed);
    deal(dataset, &t, strata, options);
done:
    dms_free(strata);
    table_release(&t);
    return st;
}

dms_status dms_folds_deal(int *fold, const dms_dataset *dataset, int folds,
                          uint64_t seed, dms_error *err)
{
    dms_status st;
    table t = {0};
    int *of_root = dms_calloc(dataset->count + 1, sizeof *of_root);

    if (!of_root)
        return dms_fail_memory(err, "folds");
    TRY(table_init(&t, dataset, true, err));
    list_groups(&t, dataset, seed);
    if (t.count < (size_t)folds) {
        st = dms_fail(err, DMS_EINVAL,
                      "folds: %d, but the training patients are only %zu "
                      "groups that a fold keeps together",
                      folds, t.count);
        goto done;
    }
    /* around the table, on from stratum to stratum: neither the strata nor
     * their sum differ by more than one group between folds */
    for (size_t i = 0; i < t.count; i++)
        of_root[t.groups[i].root] = (int)(i % (size_t)folds) + 1;
    for (size_t i = 0; i < dataset->count; i++) {
        const dms_patient *patient = &dataset->patients[i];

        fold[i] =
            patient->split == DMS_SPLIT_TRAIN ? of_root[patient->group] : 0;
    }
done:
    table_release(&t);
    dms_free(of_root);
    return st;
}
