/* Chooses each label's threshold: one pass over its probabilities in descending
 * order, updating the four counts at each. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/number.h"
#include "eval/confusion.h"
#include "eval/kappa.h"
#include "eval/scored.h"
#include "eval/thresholds.h"

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

/* What a point that demands a least value of a maximises: where that is reached
 * b, and of equal b the greater a (the factor is below any step of b, 2^-27 or
 * more); elsewhere a, which is less than 1 + b. */
static double demanded(double a, double b, double least)
{
    return a >= least - 1e-12 ? 1 + b + 1e-9 * a : a;
}

static double quality(const dms_cells *c, const dms_operating_point *point)
{
    double recall = dms_cells_recall(c);
    double specificity = dms_cells_specificity(c);

    switch (point->kind) {
    case DMS_POINT_KAPPA:
        return dms_kappa_binary(c);
    case DMS_POINT_YOUDEN:
        return recall + specificity - 1;
    case DMS_POINT_SENSITIVITY:
        return demanded(recall, specificity, point->value);
    case DMS_POINT_SPECIFICITY:
        return demanded(specificity, recall, point->value);
    case DMS_POINT_F1:
    case DMS_POINT_FIXED:
        break;
    }
    return dms_cells_f1(c);
}

/* items are in descending order. Both classes occur: quality is never NaN. */
static double best_threshold(const scored *items, size_t count, dms_cells cells,
                             const dms_operating_point *point)
{
    double best = -INFINITY;
    double threshold = 0.5;

    if (point->kind == DMS_POINT_SPECIFICITY) { /* nobody is positive */
        best = quality(&cells, point);
        threshold = items[0].probability;
    }
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
        q = quality(&cells, point);
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

dms_status dms_operating_point_parse(dms_operating_point *point,
                                     const char *text, dms_error *err)
{
    static const char *const names[] = {
        [DMS_POINT_F1] = "f1",
        [DMS_POINT_KAPPA] = "kappa",
        [DMS_POINT_YOUDEN] = "youden",
        [DMS_POINT_SENSITIVITY] = "sensitivity=",
        [DMS_POINT_SPECIFICITY] = "specificity=",
        [DMS_POINT_FIXED] = "",
    };
    size_t kind = 0, len = strlen(names[0]);
    const char *end = text;
    double value = 0;

    for (; kind < DMS_POINT_FIXED; len = strlen(names[++kind]))
        if (strncmp(text, names[kind], len) == 0)
            break;
    text += len;
    if (kind < DMS_POINT_SENSITIVITY)
        end = text;
    else
        value = dms_real_read(text, &end);
    if (*end || (kind >= DMS_POINT_SENSITIVITY &&
                 (end == text || !(value >= 0 && value <= 1))))
        return dms_fail(err, DMS_EINVAL,
                        "operating point '%.40s' is not f1, kappa, youden, "
                        "sensitivity=S, specificity=S or a threshold, numbers "
                        "from 0 to 1",
                        text - len);
    *point = (dms_operating_point){(dms_point_kind)kind, value};
    return DMS_OK;
}

dms_status dms_thresholds_choose(double *thresholds, bool *chosen,
                                 const dms_answers *answers,
                                 const dms_operating_point *point, size_t least,
                                 dms_error *err)
{
    int width = dms_label_set_count(dms_scored_set(answers));
    bool fixed = point->kind == DMS_POINT_FIXED;
    dms_status st = dms_scored_check(answers, err);
    scored *items;

    if (st != DMS_OK)
        return st;
    items = dms_calloc(answers->count, sizeof *items);
    if (!items)
        return dms_fail_memory(err, "sorting predictions");
    for (int k = 0; k < width; k++) {
        size_t positives;
        size_t count = take_column(items, &positives, answers, (size_t)k);
        dms_cells none = {.fn = positives, .tn = count - positives};

        chosen[k] = fixed || (none.fn >= least && none.tn >= least);
        thresholds[k] = fixed ? point->value : 0.5;
        if (fixed || !chosen[k])
            continue;
        qsort(items, count, sizeof *items, by_falling_probability);
        thresholds[k] = best_threshold(items, count, none, point);
    }
    dms_free(items);
    return DMS_OK;
}

dms_status dms_thresholds_tune(double *thresholds, const dms_answers *answers,
                               dms_criterion criterion, dms_error *err)
{
    static const dms_point_kind kinds[] = {
        [DMS_CRITERION_F1] = DMS_POINT_F1,
        [DMS_CRITERION_KAPPA] = DMS_POINT_KAPPA,
        [DMS_CRITERION_YOUDEN] = DMS_POINT_YOUDEN,
    };
    bool chosen[DMS_LABELS_MAX];

    if (!dms_criterion_name(criterion))
        return dms_fail(err, DMS_EINVAL,
                        "threshold criterion %d is unknown; expected f1, "
                        "kappa or youden",
                        (int)criterion);
    return dms_thresholds_choose(
        thresholds, chosen, answers,
        &(dms_operating_point){.kind = kinds[criterion]}, 1, err);
}
