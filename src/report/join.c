/* Sorts each set's ids once and looks up the table's patients in them. */
#include "report/join.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/strbuf.h"

enum { NAMED_MAX = 5 };

/* A prediction. */
typedef struct entry {
    const char *id;
    size_t index;
    bool used;
} entry;

/* Ids without a counterpart: how many, and the names of the first few. */
typedef struct odd_ones {
    size_t count;
    dms_strbuf first;
} odd_ones;

/* The state of a join; arrays of one per set. */
typedef struct joining {
    dms_join *join;
    size_t width;      /* K */
    entry **entries;   /* sorted by id */
    entry **found;     /* a patient's, or NULL */
    odd_ones *missing; /* labelled patients */
} joining;

static void add_odd(odd_ones *odd, const char *id)
{
    if (odd->count < NAMED_MAX)
        dms_strbuf_printf(&odd->first, "%s'%.40s'", odd->count ? ", " : "", id);
    odd->count++;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->id, ((const entry *)b)->id);
}

static dms_status sort_entries(joining *j, size_t s, dms_error *err)
{
    const dms_prediction_rows *set = &j->join->sets[s];

    j->entries[s] = dms_calloc(set->count, sizeof **j->entries);
    if (!j->entries[s])
        return dms_fail_memory(err, "predictions");
    for (size_t i = 0; i < set->count; i++)
        j->entries[s][i] = (entry){.id = set->ids[i], .index = i};
    qsort(j->entries[s], set->count, sizeof **j->entries, by_id);
    return DMS_OK;
}

static dms_status joining_init(joining *j, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_join *join = j->join;
    size_t patients = join->dataset->count, sets = join->set_count;

    join->labels = dms_calloc(patients, j->width);
    join->probabilities = dms_calloc(sets, sizeof *join->probabilities);
    j->entries = dms_calloc(sets, sizeof *j->entries);
    j->found = dms_calloc(sets, sizeof *j->found);
    j->missing = dms_calloc(sets, sizeof *j->missing);
    if (!join->labels || !join->probabilities || !j->entries || !j->found ||
        !j->missing)
        return dms_fail_memory(err, "joined predictions");
    for (size_t s = 0; s < sets; s++) {
        dms_strbuf_init(&j->missing[s].first);
        join->probabilities[s] =
            dms_calloc(patients, j->width * sizeof **join->probabilities);
        if (!join->probabilities[s])
            return dms_fail_memory(err, "joined predictions");
        TRY(sort_entries(j, s, err));
    }
done:
    return st;
}

static void joining_release(joining *j)
{
    for (size_t s = 0; s < j->join->set_count; s++) {
        if (j->entries)
            dms_free(j->entries[s]);
        if (j->missing && j->missing[s].first.data)
            dms_strbuf_release(&j->missing[s].first);
    }
    dms_free(j->entries);
    dms_free(j->found);
    dms_free(j->missing);
}

void dms_join_release(dms_join *join)
{
    for (size_t s = 0; join->probabilities && s < join->set_count; s++)
        dms_free(join->probabilities[s]);
    dms_free(join->probabilities);
    dms_free(join->labels);
    join->probabilities = NULL;
    join->labels = NULL;
}

/* Several labels, or some unknown: there is no single class to score. */
static bool is_ambiguous(const uint8_t *labels, size_t width)
{
    int sum = 0;

    for (size_t k = 0; k < width; k++)
        sum += labels[k] == 1;
    return sum > 1 || memchr(labels, DMS_LABEL_UNKNOWN, width);
}

/* Fill in j->found and mark what is found as used. Returns in how many sets the
 * id is. */
static size_t find(joining *j, const char *id)
{
    const entry key = {.id = id};
    size_t count = 0;

    for (size_t s = 0; s < j->join->set_count; s++) {
        j->found[s] = bsearch(&key, j->entries[s], j->join->sets[s].count,
                              sizeof key, by_id);
        if (j->found[s]) {
            j->found[s]->used = true;
            count++;
        }
    }
    return count;
}

static void take(joining *j, const dms_patient *patient)
{
    dms_join *join = j->join;
    size_t at = join->count * j->width;

    memcpy(join->labels + at, patient->labels, j->width);
    for (size_t s = 0; s < join->set_count; s++)
        memcpy(join->probabilities[s] + at,
               join->sets[s].probabilities + j->found[s]->index * j->width,
               j->width * sizeof **join->probabilities);
    join->count++;
}

static void join_patient(joining *j, const dms_patient *patient)
{
    dms_join *join = j->join;

    if (join->split != DMS_SPLIT_NONE && patient->split != join->split)
        return; /* not requested */
    if (!patient->labelled) {
        join->unlabelled += join->allow_unlabelled && find(j, patient->id) > 0;
        return;
    }
    if (find(j, patient->id) < join->set_count) {
        for (size_t s = 0; s < join->set_count; s++)
            if (!j->found[s])
                add_odd(&j->missing[s], patient->id);
        join->incomplete++;
        return;
    }
    if (dms_label_set_task(join->label_set) == DMS_TASK_SINGLE_LABEL &&
        is_ambiguous(patient->labels, j->width)) {
        join->several_labels++;
        return;
    }
    take(j, patient);
}

static dms_status refuse_incomplete(const joining *j, dms_error *err)
{
    for (size_t s = 0; s < j->join->set_count; s++)
        if (j->missing[s].count)
            return dms_fail(err, DMS_EMISMATCH,
                            "%s: %zu labelled patients of %s have no "
                            "prediction; the first: %s",
                            j->join->sets[s].name, j->missing[s].count,
                            j->join->dataset->table, j->missing[s].first.data);
    return DMS_OK;
}

/* Count the predictions that belong to no patient, or refuse them. */
static dms_status judge_others(const joining *j, dms_error *err)
{
    dms_join *join = j->join;
    const char *split = join->split ? dms_split_name(join->split) : "";
    dms_status st = DMS_OK;

    for (size_t s = 0; s < join->set_count && st == DMS_OK; s++) {
        odd_ones extra = {0};

        dms_strbuf_init(&extra.first);
        for (size_t i = 0; i < join->sets[s].count; i++)
            if (!j->entries[s][i].used)
                add_odd(&extra, j->entries[s][i].id);
        join->other += extra.count;
        if (extra.count && !join->allow_other)
            st = dms_fail(err, DMS_EMISMATCH,
                          "%s: %zu predictions are for patients without labels "
                          "in %s%s%s; the first: %s",
                          join->sets[s].name, extra.count, join->dataset->table,
                          join->split ? " for split " : "", split,
                          extra.first.data);
        dms_strbuf_release(&extra.first);
    }
    return st;
}

dms_status dms_join_run(dms_join *join, dms_error *err)
{
    dms_status st = DMS_OK;
    joining j = {.join = join,
                 .width = (size_t)dms_label_set_count(join->label_set)};

    if (join->split != DMS_SPLIT_NONE && !join->dataset->has_split_column)
        return dms_fail(err, DMS_EMISMATCH,
                        "%s: has no column 'split', so its split %s is unknown",
                        join->dataset->table, dms_split_name(join->split));
    TRY(joining_init(&j, err));
    for (size_t i = 0; i < join->dataset->count; i++)
        join_patient(&j, &join->dataset->patients[i]);
    if (!join->allow_incomplete)
        TRY(refuse_incomplete(&j, err));
    if (join->count == 0) {
        st =
            dms_fail(err, DMS_EMISMATCH,
                     "%s: no requested patient has labels%s; there is nothing "
                     "to score",
                     join->dataset->table,
                     join->incomplete ? " and a prediction in every file" : "");
        goto done;
    }
    TRY(judge_others(&j, err));
done:
    joining_release(&j);
    return st;
}
