/* metrics.json: what a machine reads. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/fail.h"
#include "base/strbuf.h"
#include "eval/headline.h"

/* Reads back bit-equal; a caller's locale may have set a decimal comma. */
static void add_number(dms_strbuf *sb, double value)
{
    char text[40];

    if (!isfinite(value)) {
        dms_strbuf_puts(sb, "null");
        return;
    }
    snprintf(text, sizeof text, "%.17g", value);
    for (char *p = text; *p; p++)
        if (*p == ',')
            *p = '.';
    dms_strbuf_puts(sb, text);
}

static void add_figure(dms_strbuf *sb, const char *name,
                       const dms_figure *figure)
{
    dms_strbuf_printf(sb, "\"%s\": {\"value\": ", name);
    add_number(sb, figure->value);
    dms_strbuf_puts(sb, ", \"low\": ");
    add_number(sb, figure->low);
    dms_strbuf_puts(sb, ", \"high\": ");
    add_number(sb, figure->high);
    dms_strbuf_puts(sb, "}");
}

static void add_metrics(dms_strbuf *sb, const dms_figure *metrics,
                        dms_task task, const char *indent)
{
    size_t count = dms_headline_count(task);

    dms_strbuf_puts(sb, "{\n");
    for (size_t m = 0; m < count; m++) {
        dms_strbuf_puts(sb, indent);
        add_figure(sb, dms_metric_name((dms_metric)m), &metrics[m]);
        dms_strbuf_puts(sb, m + 1 < count ? ",\n" : "}");
    }
}

static void add_labels(dms_strbuf *sb, const dms_report *report)
{
    dms_strbuf_puts(sb, "  \"labels\": {\n");
    for (size_t k = 0; k < DMS_LABELS; k++) {
        const dms_label_report *label = &report->labels[k];

        dms_strbuf_printf(sb, "    \"%c\": {\"support\": %zu, \"threshold\": ",
                          DMS_LABEL_LETTERS[k], label->support);
        add_number(
            sb, report->task == DMS_TASK_SINGLE_LABEL ? NAN : label->threshold);
        dms_strbuf_puts(sb, ", \"prior\": ");
        add_number(sb, report->priors[k]);
        for (size_t m = 0; m < DMS_LABEL_METRICS; m++) {
            dms_strbuf_puts(sb, ",\n      ");
            add_figure(sb, dms_label_metric_name((dms_label_metric)m),
                       &label->metrics[m]);
        }
        dms_strbuf_puts(sb, k + 1 < DMS_LABELS ? "},\n" : "}},\n");
    }
}

static void add_floors(dms_strbuf *sb, const dms_report *report)
{
    dms_strbuf_puts(sb, "  \"floors\": {\n");
    for (size_t f = 0; f < DMS_FLOORS; f++) {
        dms_strbuf_printf(sb, "    \"%s\": ", dms_floor_name((dms_floor)f));
        add_metrics(sb, report->floors[f], report->task, "      ");
        dms_strbuf_puts(sb, f + 1 < DMS_FLOORS ? ",\n" : "},\n");
    }
}

static void add_beats(dms_strbuf *sb, const dms_report *report)
{
    dms_strbuf_puts(sb, "  \"beats\": {");
    for (size_t m = 0; m < DMS_HEADLINE_JUDGED; m++) {
        dms_metric judged = dms_headline_judged(m);

        dms_strbuf_printf(sb, "%s\n    \"%s\": {", m ? "," : "",
                          dms_metric_name(judged));
        for (size_t f = 0; f < DMS_FLOORS; f++) {
            bool beaten = dms_report_beats(report, judged, (dms_floor)f);

            dms_strbuf_printf(sb, "%s\"%s\": %s", f ? ", " : "",
                              dms_floor_name((dms_floor)f),
                              beaten ? "true" : "false");
        }
        dms_strbuf_puts(sb, "}");
    }
    dms_strbuf_puts(sb, "},\n");
}

static void add_confusion(dms_strbuf *sb, const dms_report *report)
{
    dms_strbuf_puts(sb, "  \"confusion\": [");
    for (size_t i = 0; i < DMS_LABELS; i++) {
        dms_strbuf_puts(sb, i ? ",\n    [" : "\n    [");
        for (size_t j = 0; j < DMS_LABELS; j++)
            dms_strbuf_printf(sb, "%s%zu", j ? ", " : "",
                              report->confusion[i][j]);
        dms_strbuf_puts(sb, "]");
    }
    dms_strbuf_puts(sb, "],\n");
}

dms_status dms_report_json(char **text, const dms_report *report,
                           dms_error *err)
{
    dms_strbuf sb;

    dms_strbuf_init(&sb);
    dms_strbuf_puts(&sb, "{\n  \"metrics\": ");
    add_metrics(&sb, report->metrics, report->task, "    ");
    dms_strbuf_puts(&sb, ",\n");
    add_labels(&sb, report);
    add_floors(&sb, report);
    add_beats(&sb, report);
    if (report->task == DMS_TASK_SINGLE_LABEL)
        add_confusion(&sb, report);
    dms_strbuf_printf(
        &sb,
        "  \"task\": \"%s\",\n"
        "  \"patients\": %zu,\n"
        "  \"left_out\": %zu,\n"
        "  \"thresholds_tuned_on_same_split\": %s,\n"
        "  \"bootstrap\": {\"resamples\": %zu, "
        "\"seed\": %" PRIu64 ", \"percentiles\": [2.5, 97.5]}\n"
        "}\n",
        report->task == DMS_TASK_SINGLE_LABEL ? "single-label" : "multi-label",
        report->patients, report->left_out,
        report->tuned_here ? "true" : "false", report->resamples, report->seed);
    *text = dms_strbuf_detach(&sb);
    return *text ? DMS_OK : dms_fail_memory(err, "the report's JSON");
}
