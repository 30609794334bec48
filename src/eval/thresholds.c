/* Chooses each label's threshold: one pass over its probabilities in descending
 * order, updating the four counts at each. */
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "eval/confusion.h"
#include "eval/kappa.h"
#include "eval/scored.h"

typedef struct scored {
    double probability;
    uint8_t label;
} scored;

static int by_falling_probability(const void *a, const void *b)
{
    double x = ((const scored *)a)->probability;
    double y = ((const scored *)b)->probability;

    return (x < y) - (x > y);
}

static double quality(const dms_cells *c, dms_criterion criterion)
{
    switch (criterion) {
    case DMS_CRITERION_KAPPA:
        return dms_kappa_binary(c);
    case DMS_CRITERION_YOUDEN:
        return dms_cells_recall(c) + dms_cells_specificity(c) - 1;
    case DMS_CRITERION_F1:
        break;
    }
    return dms_cells_f1(c);
}

/* items are in descending order. Both classes occur: quality is never NaN. */
static double best_threshold(const scored *items, size_t count, dms_cells cells,
                             dms_criterion criterion)
{
    double best = -INFINITY;
    double threshold = 0.5;

    for (size_t i = 0; i < count; i++) {
        double p = items[i].probability;
        double next = i + 1 < count ? items[i + 1].probability : 0;
        double t;
        double q;

        if (items[i].label)
            cells.tp++, cells.fn--;
        else
            cells.fp++, cells.tn--;
        if (p == next)
            continue; /* inside a tie, or 0, which no threshold is below */
        /* next <= t < p, halfway if rounding allows */
        t = next + (p - next) / 2;
        if (t >= p)
            t = next;
        q = quality(&cells, criterion);
        if (q > best || (q == best && fabs(t - 0.5) < fabs(threshold - 0.5))) {
            best = q;
            threshold = t;
        }
    }
    return threshold;
}

/* Collect label k's known cells, and count the positive ones. */
static size_t take_column(scored *items, size_t *positives,
                          const dms_answers *answers, size_t k)
{
    size_t width = (size_t)dms_label_set_count(dms_scored_set(answers));
    size_t count = 0;

    *positives = 0;
    for (size_t i = 0; i < answers->count; i++) {
        size_t at = i * width + k;

        if (answers->labels[at] == DMS_LABEL_UNKNOWN)
            continue;
        items[count++] =
            (scored){answers->probabilities[at], answers->labels[at]};
        *positives += answers->labels[at];
    }
    return count;
}

dms_status dms_thresholds_tune(double *thresholds, const dms_answers *answers,
                               dms_criterion criterion, dms_error *err)
{
    int width = dms_label_set_count(dms_scored_set(answers));
    dms_status st = dms_scored_check(answers, err);
    scored *items;

    if (st != DMS_OK)
        return st;
    if (!dms_criterion_name(criterion))
        return dms_fail(err, DMS_EINVAL,
                        "threshold criterion %d is unknown; expected f1, "
                        "kappa or youden",
                        (int)criterion);
    items = dms_calloc(answers->count, sizeof *items);
    if (!items)
        return dms_fail_memory(err, "sorting predictions");
    for (int k = 0; k < width; k++) {
        size_t positives;
        size_t count = take_column(items, &positives, answers, (size_t)k);
        dms_cells none = {.fn = positives, .tn = count - positives};

        thresholds[k] = 0.5;
        if (none.fn == 0 || none.tn == 0)
            continue;
        qsort(items, count, sizeof *items, by_falling_probability);
        thresholds[k] = best_threshold(items, count, none, criterion);
    }
    dms_free(items);
    return DMS_OK;
}
