/* The report as text, 80 columns wide. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/name.h"
#include "base/strbuf.h"
#include "eval/headline.h"
#include "eval/spread.h"

/* value right-aligned in width columns; "-" if undefined. */
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

static bool chooses(const dms_report *report)
{
    return dms_label_set_task(report->label_set) == DMS_TASK_SINGLE_LABEL;
}

static void add_head(dms_strbuf *sb, const dms_report *report)
{
    dms_strbuf_printf(
        sb, "%zu patients, %s\n", report->patients,
        chooses(report)
            ? "single-label: the most probable class is the decision"
            : "multi-label: positive where probability > threshold");
    if (report->left_out)
        dms_strbuf_printf(sb, "%zu patients with several labels are left out\n",
                          report->left_out);
    if (report->resamples)
        dms_strbuf_printf(sb,
                          "95 %% intervals: %zu bootstrap resamples of "
                          "patients, seed %" PRIu64 "\n",
                          report->resamples, report->seed);
    if (report->tta)
        dms_strbuf_printf(sb,
                          "logits averaged over mirror images (test-time "
                          "augmentation: %s)\n",
                          report->tta);
    if (report->trained_on)
        dms_strbuf_printf(sb,
                          "%zu OF THESE PATIENTS WERE TRAINED ON: figures are "
                          "better than on new\nones.\n",
                          report->trained_on);
    if (report->tuned_here)
        dms_strbuf_puts(sb, "THRESHOLDS WERE TUNED ON THESE SAME PATIENTS: "
                            "figures at a threshold\nlook better than on "
                            "new patients.\n");
}

static void add_headlines(dms_strbuf *sb, const dms_report *report)
{
    dms_strbuf_printf(sb, "\n%-22s%8s%18s%13s%15s\n", "figure", "value",
                      "95 % interval", "all_zero", "class_priors");
    for (size_t m = 0; m < DMS_METRICS; m++) {
        if (m == DMS_METRIC_MACRO_AUC_LABELS || /* a count, printed below */
            !dms_metric_applies((dms_metric)m, report->label_set))
            continue;
        dms_strbuf_printf(sb, "%-22s", dms_metric_name((dms_metric)m));
        add_value(sb, report->metrics[m].value, 8);
        add_interval(sb, &report->metrics[m]);
        add_value(sb, report->floors[DMS_FLOOR_ALL_ZERO][m].value, 13);
        add_value(sb, report->floors[DMS_FLOOR_CLASS_PRIORS][m].value, 15);
        dms_strbuf_puts(sb, "\n");
    }
    dms_strbuf_printf(
        sb, "%zu of %d labels have both classes and thus an AUC\n",
        (size_t)report->metrics[DMS_METRIC_MACRO_AUC_LABELS].value,
        dms_label_set_count(report->label_set));
}

/* Each model of an ensemble by itself, and how far they lie apart. */
static void add_models(dms_strbuf *sb, const dms_report *report)
{
    dms_metric shown[2];
    size_t count = dms_spread_metrics(shown, report->label_set);

    dms_strbuf_puts(sb, "\n");
    for (size_t m = 0; m < count; m++)
        dms_strbuf_printf(sb, "%-22s", dms_metric_name(shown[m]));
    dms_strbuf_puts(sb, "of each model by itself\n");
    for (size_t i = 0; i < report->model_count; i++) {
        for (size_t m = 0; m < count; m++) {
            add_value(sb, dms_report_model_metric(report, i, shown[m]), 5);
            dms_strbuf_printf(sb, "%17s", "");
        }
        dms_name_put_line(sb, report->model_paths[i]);
        dms_strbuf_puts(sb, "\n");
    }
    for (size_t m = 0; m < count; m++) { /* "0.812 +- 0.004", 22 columns */
        dms_spread spread = dms_report_model_spread(report, shown[m]);

        add_value(sb, spread.mean, 5);
        dms_strbuf_puts(sb, " +- ");
        add_value(sb, spread.deviation, 5);
        dms_strbuf_printf(sb, "%8s", "");
    }
    dms_strbuf_puts(sb, "mean and standard deviation\n");
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
        dms_metric judged = dms_headline_judged(m, report->label_set);

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

/* The length of the longest code, but at least `least`. */
static int code_width(const dms_report *report, int least)
{
    int width = least;

    for (int k = 0; k < dms_label_set_count(report->label_set); k++) {
        int len = (int)strlen(dms_label_set_code(report->label_set, k));

        width = len > width ? len : width;
    }
    return width;
}

static void add_labels(dms_strbuf *sb, const dms_report *report)
{
    int width = code_width(report, 5);
    bool unknown = false;

    for (int k = 0; k < dms_label_set_count(report->label_set); k++)
        unknown = unknown || report->labels[k].known < report->patients;
    dms_strbuf_printf(sb, "\n%-*s", width, "label");
    if (unknown)
        dms_strbuf_printf(sb, "%8s", "known");
    dms_strbuf_printf(sb, "%8s%10s", "support", "threshold");
    for (size_t m = 0; m < DMS_LABEL_METRICS; m++)
        dms_strbuf_printf(sb, "%*s", label_width(m),
                          dms_label_metric_name((dms_label_metric)m));
    dms_strbuf_puts(sb, "\n");
    for (int k = 0; k < dms_label_set_count(report->label_set); k++) {
        const dms_label_report *label = &report->labels[k];

        dms_strbuf_printf(sb, "%-*s", width,
                          dms_label_set_code(report->label_set, k));
        if (unknown)
            dms_strbuf_printf(sb, "%8zu", label->known);
        dms_strbuf_printf(sb, "%8zu", label->support);
        add_value(sb, chooses(report) ? NAN : label->threshold, 10);
        for (size_t m = 0; m < DMS_LABEL_METRICS; m++)
            add_value(sb, label->metrics[m].value, label_width(m));
        dms_strbuf_puts(sb, "\n");
    }
    dms_strbuf_puts(sb, "'-': undefined (one class only); left out of the "
                        "macro means.\n");
    if (unknown)
        dms_strbuf_puts(sb, "known: patients whose label is known; its figures "
                            "ignore the others.\n");
}

static void add_confusion(dms_strbuf *sb, const dms_report *report)
{
    int count = dms_label_set_count(report->label_set);
    int first = code_width(report, 4), width = first < 8 ? 8 : first + 1;

    dms_strbuf_printf(sb, "\nrows: true class, columns: decided class\n%*s",
                      first, "");
    for (int j = 0; j < count; j++)
        dms_strbuf_printf(sb, "%*s", width,
                          dms_label_set_code(report->label_set, j));
    for (int i = 0; i < count; i++) {
        dms_strbuf_printf(sb, "\n%-*s", first,
                          dms_label_set_code(report->label_set, i));
        for (int j = 0; j < count; j++)
            dms_strbuf_printf(sb, "%*zu", width,
                              report->confusion[i * count + j]);
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
    if (report->model_count > 0)
        add_models(&sb, report);
    add_verdicts(&sb, report);
    add_labels(&sb, report);
    if (report->confusion)
        add_confusion(&sb, report);
    *text = dms_strbuf_detach(&sb);
    return *text ? DMS_OK : dms_fail_memory(err, "the report's text");
}
