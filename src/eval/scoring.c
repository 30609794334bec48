#include "eval/scoring.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "eval/confusion.h"
#include "eval/kappa.h"

static uint8_t bits_of_labels(const uint8_t *labels)
{
    unsigned bits = 0;

    for (int k = 0; k < DMS_LABELS; k++)
        bits |= (unsigned)(labels[k] != 0) << k;
    return (uint8_t)bits;
}

static uint8_t bits_above(const double *p, const double *thresholds)
{
    unsigned bits = 0;

    for (int k = 0; k < DMS_LABELS; k++)
        bits |= (unsigned)(p[k] > thresholds[k]) << k;
    return (uint8_t)bits;
}

/* The greatest, of equals the first; none where nothing is above 0. */
static uint8_t bit_of_greatest(const double *p)
{
    int best = 0;

    for (int k = 1; k < DMS_LABELS; k++)
        if (p[k] > p[best])
            best = k;
    return p[best] > 0 ? (uint8_t)(1U << best) : 0;
}

dms_status dms_scoring_init(dms_scoring *scoring, const uint8_t *labels,
                            const double *probabilities, size_t count,
                            dms_task task, const double *thresholds,
                            dms_error *err)
{
    dms_status st = DMS_OK;
    dms_scoring s = {.task = task, .count = count};

    s.truth = dms_calloc(count, 1);
    s.decision = dms_calloc(count, 1);
    if (!s.truth || !s.decision) {
        st = dms_fail_memory(err, "decisions");
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        const double *p = probabilities + i * DMS_LABELS;

        s.truth[i] = bits_of_labels(labels + i * DMS_LABELS);
        s.decision[i] = task == DMS_TASK_SINGLE_LABEL
                            ? bit_of_greatest(p)
                            : bits_above(p, thresholds);
    }
    for (size_t k = 0; k < DMS_LABELS; k++)
        TRY(dms_ranking_init_column(&s.columns[k], labels, probabilities, count,
                                    DMS_LABELS, k, err));
    TRY(dms_ranking_init(&s.flat, labels, probabilities, count * DMS_LABELS,
                         DMS_LABELS, err));
    *scoring = s, s = (dms_scoring){0};
done:
    dms_scoring_release(&s);
    return st;
}

void dms_scoring_release(dms_scoring *scoring)
{
    dms_free(scoring->truth);
    dms_free(scoring->decision);
    for (size_t k = 0; k < DMS_LABELS; k++)
        dms_ranking_release(&scoring->columns[k]);
    dms_ranking_release(&scoring->flat);
    *scoring = (dms_scoring){0};
}

/* What one pass over the patients counts. */
typedef struct tally {
    uint32_t patients;
    uint32_t exact; /* all eight labels right */
    uint32_t both[DMS_LABELS], truth[DMS_LABELS], called[DMS_LABELS];
} tally;

static tally count_decisions(const dms_scoring *s, const uint32_t *weights)
{
    tally t = {0};

    for (size_t i = 0; i < s->count; i++) {
        uint32_t w = weights[i];
        unsigned y = s->truth[i];
        unsigned d = s->decision[i];

        t.patients += w;
        t.exact += y == d ? w : 0;
        for (unsigned k = 0; k < DMS_LABELS; k++) {
            t.both[k] += w & -((y & d) >> k & 1U);
            t.truth[k] += w & -(y >> k & 1U);
            t.called[k] += w & -(d >> k & 1U);
        }
    }
    return t;
}

static dms_cells cells_of_label(const tally *t, size_t k)
{
    dms_cells c = {.tp = t->both[k],
                   .fp = t->called[k] - t->both[k],
                   .fn = t->truth[k] - t->both[k]};

    c.tn = t->patients - c.tp - c.fp - c.fn;
    return c;
}

/* Without a spread of probabilities a ranking needs no pass. */
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

/* Mean over the labels where the figure is defined; *defined may be NULL. */
static double macro(const double *figures, dms_label_metric metric,
                    double *defined)
{
    double sum = 0;
    int labels = 0;

    for (size_t k = 0; k < DMS_LABELS; k++) {
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

static void measure_macros(double *figures)
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
        figures[means[i].macro] = macro(figures, means[i].label, NULL);
    figures[DMS_METRIC_MACRO_AUC] = macro(
        figures, DMS_LABEL_METRIC_AUC, &figures[DMS_METRIC_MACRO_AUC_LABELS]);
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
}

void dms_scoring_confusion(uint64_t table[DMS_LABELS * DMS_LABELS],
                           const dms_scoring *scoring, const uint32_t *weights)
{
    memset(table, 0, DMS_LABELS * DMS_LABELS * sizeof *table);
    for (size_t i = 0; i < scoring->count; i++) {
        unsigned y = scoring->truth[i];
        unsigned d = scoring->decision[i];

        if (y && d)
            table[__builtin_ctz(y) * DMS_LABELS + __builtin_ctz(d)] +=
                weights[i];
    }
}

/* The figures of one choice among eight. */
static void measure_classes(double *figures, const dms_scoring *scoring,
                            const uint32_t *weights)
{
    uint64_t table[DMS_LABELS * DMS_LABELS];

    figures[DMS_METRIC_TOP1_ACCURACY] = NAN;
    figures[DMS_METRIC_CLASS_KAPPA] = NAN;
    figures[DMS_METRIC_CLASS_KAPPA_QUADRATIC] = NAN;
    if (scoring->task != DMS_TASK_SINGLE_LABEL)
        return;
    dms_scoring_confusion(table, scoring, weights);
    figures[DMS_METRIC_TOP1_ACCURACY] = figures[DMS_METRIC_ACCURACY];
    figures[DMS_METRIC_CLASS_KAPPA] =
        dms_kappa_classes(table, DMS_LABELS, DMS_KAPPA_PLAIN);
    figures[DMS_METRIC_CLASS_KAPPA_QUADRATIC] =
        dms_kappa_classes(table, DMS_LABELS, DMS_KAPPA_QUADRATIC);
}

void dms_scoring_measure(double *figures, const void *context,
                         const uint32_t *weights)
{
    const dms_scoring *scoring = context;
    tally t = count_decisions(scoring, weights);
    dms_cells flat = {0};

    for (size_t k = 0; k < DMS_LABELS; k++) {
        dms_cells cells = cells_of_label(&t, k);

        dms_cells_add(&flat, &cells);
        measure_label(
            figures + dms_figure_of_label(k, 0), &cells,
            ranks_of(&scoring->columns[k], weights, t.truth[k], t.patients));
    }
    measure_flat(figures, &flat, dms_ranking_auc(&scoring->flat, weights));
    measure_macros(figures);
    figures[DMS_METRIC_ACCURACY] = (double)t.exact / (double)t.patients;
    measure_classes(figures, scoring, weights);
}
