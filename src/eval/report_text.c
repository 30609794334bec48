/* The report as a person reads it: 80 columns. */
#include <inttypes.h>
#include <math.h>

#include "base/fail.h"
#include "base/strbuf.h"
#include "eval/headline.h"

/* value right-aligned in width columns, "-" where undefined. */
static void add_value(dms_strbuf *sb, double value, int width)
{
    if (isnan(value))
        dms_strbuf_printf(sb, "%*s", width, "-");
    else
        dms_strbuf_printf(sb, "%*.3f", width, value);
}

static void add_interval(dms_strbuf *sb, const dms_figure *figure)
{
    if (isnan(figure->low) || isnan(figure->high))
        dms_strbuf_printf(sb, "%18s", "-");
    else
        dms_strbuf_printf(sb, "  %6.3f to %6.3f", figure->low, figure->high);
}

static void add_head(dms_strbuf *sb, const dms_report *report)
{
    dms_strbuf_printf(
        sb, "%zu patients, %s\n", report->patients,
        report->task == DMS_TASK_SINGLE_LABEL
            ? "single-label: the most probable class is the decision"
            : "multi-label: positive where probability > threshold");
    if (report->left_out)
        dms_strbuf_printf(sb, "%zu patients of several labels are left out\n",
                          report->left_out);
    if (report->resamples)
        dms_strbuf_printf(sb,
                          "95 %% intervals: %zu bootstrap resamples of "
                          "patients, seed %" PRIu64 "\n",
                          report->resamples, report->seed);
    if (report->tuned_here)
        dms_strbuf_puts(sb, "THRESHOLDS WERE TUNED ON THESE SAME PATIENTS: "
                            "figures at a threshold\nare better than on "
                            "new ones.\n");
}

/* A count among the shares: whole numbers. */
static void add_auc_labels(dms_strbuf *sb, const dms_report *report)
{
    const dms_figure *f = &report->metrics[DMS_METRIC_MACRO_AUC_LABELS];

    dms_strbuf_printf(sb, "%zu of %d labels have both classes and so an AUC\n",
                      (size_t)f->value, DMS_LABELS);
}

static void add_headlines(dms_strbuf *sb, const dms_report *report)
{
    dms_strbuf_printf(sb, "\n%-22s%8s%18s%13s%15s\n", "figure", "value",
                      "95 % interval", "all_zero", "class_priors");
    for (size_t m = 0; m < dms_headline_count(report->task); m++) {
        if (m == DMS_METRIC_MACRO_AUC_LABELS)
            continue;
        dms_strbuf_printf(sb, "%-22s", dms_metric_name((dms_metric)m));
        add_value(sb, report->metrics[m].value, 8);
        add_interval(sb, &report->metrics[m]);
        add_value(sb, report->floors[DMS_FLOOR_ALL_ZERO][m].value, 13);
        add_value(sb, report->floors[DMS_FLOOR_CLASS_PRIORS][m].value, 15);
        dms_strbuf_puts(sb, "\n");
    }
    add_auc_labels(sb, report);
}

static const char *verdict(const dms_report *report, dms_metric metric,
                           dms_floor floor)
{
    return dms_report_beats(report, metric, floor) ? "yes" : "no";
}

static void add_verdicts(dms_strbuf *sb, const dms_report *report)
{
    if (!report->resamples)
        return;
    dms_strbuf_printf(sb, "\n%-48s%13s%15s\n",
                      "beats the floor (its interval's lower end does)",
                      "all_zero", "class_priors");
    for (size_t m = 0; m < DMS_HEADLINE_JUDGED; m++) {
        dms_metric judged = dms_headline_judged(m);

        dms_strbuf_printf(sb, "%-48s%13s%15s\n", dms_metric_name(judged),
                          verdict(report, judged, DMS_FLOOR_ALL_ZERO),
                          verdict(report, judged, DMS_FLOOR_CLASS_PRIORS));
    }
}

static int label_width(size_t metric)
{
    static const int widths[DMS_LABEL_METRICS] = {
        [DMS_LABEL_METRIC_PRECISION] = 10,   [DMS_LABEL_METRIC_RECALL] = 7,
        [DMS_LABEL_METRIC_SPECIFICITY] = 12, [DMS_LABEL_METRIC_F1] = 7,
        [DMS_LABEL_METRIC_AUC] = 7,          [DMS_LABEL_METRIC_AP] = 7,
        [DMS_LABEL_METRIC_KAPPA] = 7,
    };

    return widths[metric];
}

static void add_labels(dms_strbuf *sb, const dms_report *report)
{
    dms_strbuf_printf(sb, "\n%-5s%8s%10s", "label", "support", "threshold");
    for (size_t m = 0; m < DMS_LABEL_METRICS; m++)
        dms_strbuf_printf(sb, "%*s", label_width(m),
                          dms_label_metric_name((dms_label_metric)m));
    dms_strbuf_puts(sb, "\n");
    for (size_t k = 0; k < DMS_LABELS; k++) {
        const dms_label_report *label = &report->labels[k];

        dms_strbuf_printf(sb, "%-5c%8zu", DMS_LABEL_LETTERS[k], label->support);
        add_value(
            sb, report->task == DMS_TASK_SINGLE_LABEL ? NAN : label->threshold,
            10);
        for (size_t m = 0; m < DMS_LABEL_METRICS; m++)
            add_value(sb, label->metrics[m].value, label_width(m));
        dms_strbuf_puts(sb, "\n");
    }
    dms_strbuf_puts(sb, "'-': undefined (one class only); left out of the "
                        "macro means.\n");
}

static void add_confusion(dms_strbuf *sb, const dms_report *report)
{
    dms_strbuf_puts(sb, "\nrows: true class, columns: decided class\n    ");
    for (size_t j = 0; j < DMS_LABELS; j++)
        dms_strbuf_printf(sb, "%8c", DMS_LABEL_LETTERS[j]);
    for (size_t i = 0; i < DMS_LABELS; i++) {
        dms_strbuf_printf(sb, "\n%-4c", DMS_LABEL_LETTERS[i]);
        for (size_t j = 0; j < DMS_LABELS; j++)
            dms_strbuf_printf(sb, "%8zu", report->confusion[i][j]);
    }
    dms_strbuf_puts(sb, "\n");
}

dms_status dms_report_text(char **text, const dms_report *report,
                           dms_error *err)
{
    dms_strbuf sb;

    dms_strbuf_init(&sb);
    add_head(&sb, report);
    add_headlines(&sb, report);
    add_verdicts(&sb, report);
    add_labels(&sb, report);
    if (report->task == DMS_TASK_SINGLE_LABEL)
        add_confusion(&sb, report);
    *text = dms_strbuf_detach(&sb);
    return *text ? DMS_OK : dms_fail_memory(err, "the report's text");
}
