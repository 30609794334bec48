/* All figures from one pass over the patients. Labels and decisions are first
 * packed into bits, since a bootstrap makes 2,000 passes. */
#include "eval/scoring.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "eval/confusion.h"
#include "eval/kappa.h"
#include "eval/scored.h"

/* A cell: the truth and the decision; both 0 if the truth is unknown. */
enum { TRUTH = 1, DECIDED = 2, KNOWN = 4 };
/* A patient: some label is known; all known labels are decided correctly. */
enum { ANY_KNOWN = 1, EXACT = 2 };
enum { NO_CLASS = DMS_LABELS_MAX };

/* The index of the largest p, the first of equals; NO_CLASS if none is above 0.
 */
static size_t greatest(const double *p, size_t width)
{
    size_t best = 0;

    for (size_t k = 1; k < width; k++)
        if (p[k] > p[best])
            best = k;
    return p[best] > 0 ? best : NO_CLASS;
}

static void decide(dms_scoring *s, const dms_answers *answers, size_t i,
                   const double *thresholds)
{
    const uint8_t *labels = answers->labels + i * s->width;
    const double *p = answers->probabilities + i * s->width;
    size_t choice = s->classes ? greatest(p, s->width) : NO_CLASS;
    size_t truth = NO_CLASS;
    bool exact = true;

    for (size_t k = 0; k < s->width; k++) {
        bool decided = s->classes ? k == choice : p[k] > thresholds[k];

        if (labels[k] == DMS_LABEL_UNKNOWN)
            continue;
        if (labels[k] == 1 && truth == NO_CLASS)
            truth = k;
        s->cells[i * s->width + k] = (uint8_t)(KNOWN | (labels[k] ? TRUTH : 0) |
                                               (decided ? DECIDED : 0));
        s->patients[i] |= ANY_KNOWN;
        exact = exact && decided == (labels[k] == 1);
    }
    if (exact && s->patients[i])
        s->patients[i] |= EXACT;
    if (s->classes) {
        s->classes[2 * i] = (uint16_t)truth;
        s->classes[2 * i + 1] = (uint16_t)choice;
    }
}

static dms_status rank_all(dms_scoring *s, const dms_answers *answers,
                           dms_error *err)
{
    dms_status st = DMS_OK;

    for (size_t k = 0; k < s->width; k++)
        TRY(dms_ranking_init_column(&s->columns[k], answers->labels,
                                    answers->probabilities, s->count, s->width,
                                    k, err));
    TRY(dms_ranking_init(&s->flat, answers->labels, answers->probabilities,
                         s->count * s->width, s->width, err));
done:
    return st;
}

dms_status dms_scoring_init(dms_scoring *scoring, const dms_answers *answers,
                            const double *thresholds, dms_error *err)
{
    const dms_label_set *set = dms_scored_set(answers);
    dms_status st = DMS_OK;
    dms_scoring s = {.task = dms_label_set_task(set),
                     .count = answers->count,
                     .width = (size_t)dms_label_set_count(set)};
    bool one_of = s.task == DMS_TASK_SINGLE_LABEL;

    s.cells = dms_calloc(s.count, s.width);
    s.patients = dms_calloc(s.count, 1);
    s.columns = dms_calloc(s.width, sizeof *s.columns);
    if (one_of)
        s.classes = dms_calloc(s.count, 2 * sizeof *s.classes);
    if (!s.cells || !s.patients || !s.columns || (one_of && !s.classes)) {
        st = dms_fail_memory(err, "decisions");
        goto done;
    }
    for (size_t i = 0; i < s.count; i++)
        decide(&s, answers, i, thresholds);
    TRY(rank_all(&s, answers, err));
    TRY(dms_residuals_init(&s.residuals, answers, err));
    *scoring = s, s = (dms_scoring){0};
done:
    dms_scoring_release(&s);
    return st;
}

void dms_scoring_release(dms_scoring *scoring)
{
    for (size_t k = 0; scoring->columns && k < scoring->width; k++)
        dms_ranking_release(&scoring->columns[k]);
    dms_ranking_release(&scoring->flat);
    dms_residuals_release(&scoring->residuals);
    dms_free(scoring->columns);
    dms_free(scoring->cells);
    dms_free(scoring->patients);
    dms_free(scoring->classes);
    *scoring = (dms_scoring){0};
}

/* The counts of one pass over the patients. */
typedef struct tally {
    uint32_t patients; /* with a known label */
    uint32_t exact;    /* with all known labels decided correctly */
    uint32_t known[DMS_LABELS_MAX], both[DMS_LABELS_MAX];
    uint32_t truth[DMS_LABELS_MAX], called[DMS_LABELS_MAX];
} tally;

static void count_decisions(tally *t, const dms_scoring *s,
                            const uint32_t *weights)
{
    memset(t, 0, sizeof *t);
    for (size_t i = 0; i < s->count; i++) {
        uint32_t w = weights[i];
        const uint8_t *cells = s->cells + i * s->width;

        if (w == 0)
            continue;
        t->patients += s->patients[i] & ANY_KNOWN ? w : 0;
        t->exact += s->patients[i] & EXACT ? w : 0;
        for (size_t k = 0; k < s->width; k++) {
            unsigned c = cells[k];

            t->known[k] += w & -(c >> 2 & 1U);
            t->both[k] += w & -(c & c >> 1 & 1U);
            t->truth[k] += w & -(c & 1U);
            t->called[k] += w & -(c >> 1 & 1U);
        }
    }
}

static dms_cells cells_of_label(const tally *t, size_t k)
{
    dms_cells c = {.tp = t->both[k],
                   .fp = t->called[k] - t->both[k],
                   .fn = t->truth[k] - t->both[k]};

    c.tn = t->known[k] - c.tp - c.fp - c.fn;
    return c;
}

/* If all probabilities are equal, the ranks follow without a pass. */
static dms_ranks ranks_of(const dms_ranking *ranking, const uint32_t *weights,
                          uint64_t positives, uint64_t patients)
{
    if (!ranking->constant)
        return dms_ranking_measure(ranking, weights);
    return (dms_ranks){
        .auc = positives && positives < patients ? 0.5 : NAN,
        .ap = patients ? (double)positives / (double)patients : 0,
    };
}

static void measure_label(double *figures, const dms_cells *c, dms_ranks ranks)
{
    figures[DMS_LABEL_METRIC_PRECISION] = dms_cells_precision(c);
    figures[DMS_LABEL_METRIC_RECALL] = dms_cells_recall(c);
    figures[DMS_LABEL_METRIC_SPECIFICITY] = dms_cells_specificity(c);
    figures[DMS_LABEL_METRIC_F1] = dms_cells_f1(c);
    figures[DMS_LABEL_METRIC_AUC] = ranks.auc;
    figures[DMS_LABEL_METRIC_AP] = ranks.ap;
    figures[DMS_LABEL_METRIC_KAPPA] = dms_kappa_binary(c);
}

/* The mean over labels whose figure is defined; *defined may be NULL. */
static double macro(const double *figures, size_t width,
                    dms_label_metric metric, double *defined)
{
    double sum = 0;
    int labels = 0;

    for (size_t k = 0; k < width; k++) {
        double value = figures[dms_figure_of_label(k, metric)];

        if (isnan(value))
            continue;
        sum += value;
        labels++;
    }
    if (defined)
        *defined = labels;
    return labels ? sum / labels : NAN;
}

static void measure_macros(double *figures, size_t width)
{
    static const struct {
        dms_metric macro;
        dms_label_metric label;
    } means[] = {
        {DMS_METRIC_MACRO_AP, DMS_LABEL_METRIC_AP},
        {DMS_METRIC_MACRO_F1, DMS_LABEL_METRIC_F1},
        {DMS_METRIC_MACRO_RECALL, DMS_LABEL_METRIC_RECALL},
        {DMS_METRIC_MACRO_PRECISION, DMS_LABEL_METRIC_PRECISION},
        {DMS_METRIC_MACRO_SPECIFICITY, DMS_LABEL_METRIC_SPECIFICITY},
        {DMS_METRIC_MACRO_KAPPA, DMS_LABEL_METRIC_KAPPA},
    };

    for (size_t i = 0; i < sizeof means / sizeof *means; i++)
        figures[means[i].macro] = macro(figures, width, means[i].label, NULL);
    figures[DMS_METRIC_MACRO_AUC] =
        macro(figures, width, DMS_LABEL_METRIC_AUC,
              &figures[DMS_METRIC_MACRO_AUC_LABELS]);
}

static void measure_flat(double *figures, const dms_cells *flat, double auc)
{
    figures[DMS_METRIC_ODIR_KAPPA] = dms_kappa_binary(flat);
    figures[DMS_METRIC_ODIR_F1] = dms_cells_accuracy(flat);
    figures[DMS_METRIC_ODIR_AUC] = auc;
    figures[DMS_METRIC_ODIR_FINAL] =
        (figures[DMS_METRIC_ODIR_KAPPA] + figures[DMS_METRIC_ODIR_F1] + auc) /
        3;
    figures[DMS_METRIC_RECALL] = dms_cells_recall(flat);
    figures[DMS_METRIC_PRECISION] = dms_cells_precision(flat);
    figures[DMS_METRIC_F1] = dms_cells_f1(flat);
    figures[DMS_METRIC_KAPPA] = figures[DMS_METRIC_ODIR_KAPPA];
    figures[DMS_METRIC_CELL_ACCURACY] = figures[DMS_METRIC_ODIR_F1];
    figures[DMS_METRIC_MICRO_AUC] = auc;
}

void dms_scoring_confusion(size_t *table, const dms_scoring *scoring)
{
    memset(table, 0, scoring->width * scoring->width * sizeof *table);
    for (size_t i = 0; i < scoring->count; i++) {
        size_t y = scoring->classes[2 * i], d = scoring->classes[2 * i + 1];

        if (y != NO_CLASS && d != NO_CLASS)
            table[y * scoring->width + d]++;
    }
}

/* An unknown cell is "right" in both: its bits are 0. */
static bool is_right(const dms_scoring *s, size_t i, size_t label)
{
    unsigned cell = s->cells[i * s->width + label];

    return !(cell & TRUTH) == !(cell & DECIDED);
}

void dms_scoring_discordant(size_t *first_only, size_t *second_only,
                            const dms_scoring *first, const dms_scoring *second,
                            size_t label)
{
    *first_only = *second_only = 0;
    for (size_t i = 0; i < first->count; i++) {
        bool a = is_right(first, i, label), b = is_right(second, i, label);

        *first_only += a && !b;
        *second_only += b && !a;
    }
}

/* The figures of one-of labels: one class out of K. */
static void measure_classes(double *figures, const dms_scoring *s,
                            const uint32_t *weights)
{
    uint64_t rows[DMS_LABELS_MAX] = {0}, columns[DMS_LABELS_MAX] = {0};
    uint64_t apart = 0, squares = 0;

    figures[DMS_METRIC_TOP1_ACCURACY] = NAN;
    figures[DMS_METRIC_CLASS_KAPPA] = NAN;
    figures[DMS_METRIC_CLASS_KAPPA_QUADRATIC] = NAN;
    if (!s->classes)
        return;
    for (size_t i = 0; i < s->count; i++) {
        int y = s->classes[2 * i], d = s->classes[2 * i + 1];

        if (y == NO_CLASS || d == NO_CLASS)
            continue;
        rows[y] += weights[i];
        columns[d] += weights[i];
        apart += y != d ? weights[i] : 0;
        squares += weights[i] * (uint64_t)((y - d) * (y - d));
    }
    figures[DMS_METRIC_TOP1_ACCURACY] = figures[DMS_METRIC_ACCURACY];
    figures[DMS_METRIC_CLASS_KAPPA] = dms_kappa_margins(
        (double)apart, rows, columns, s->width, DMS_KAPPA_PLAIN);
    figures[DMS_METRIC_CLASS_KAPPA_QUADRATIC] = dms_kappa_margins(
        (double)squares, rows, columns, s->width, DMS_KAPPA_QUADRATIC);
}

void dms_scoring_measure(double *figures, const void *context,
                         const uint32_t *weights)
{
    const dms_scoring *scoring = context;
    tally t;
    dms_cells flat = {0};

    count_decisions(&t, scoring, weights);
    for (size_t k = 0; k < scoring->width; k++) {
        dms_cells cells = cells_of_label(&t, k);

        dms_cells_add(&flat, &cells);
        measure_label(
            figures + dms_figure_of_label(k, 0), &cells,
            ranks_of(&scoring->columns[k], weights, t.truth[k], t.known[k]));
    }
    measure_flat(figures, &flat, dms_ranking_auc(&scoring->flat, weights));
    measure_macros(figures, scoring->width);
    dms_residuals_measure(&figures[DMS_METRIC_BRIER], &figures[DMS_METRIC_ECE],
                          &scoring->residuals, weights);
    figures[DMS_METRIC_ACCURACY] = (double)t.exact / (double)t.patients;
    measure_classes(figures, scoring, weights);
}
