/* metrics.json: what a machine reads. */
#include <math.h>

#include "base/fail.h"
#include "base/json_write.h"
#include "eval/headline.h"

/* Blanks before the lines of the outer object, of its parts, of theirs. */
enum { OUTER = 2, PART = 4, INNER = 6 };

static void add_real(dms_json_writer *w, const char *name, double value)
{
    dms_json_write_key(w, name);
    dms_json_write_real(w, value);
}

static void add_count(dms_json_writer *w, const char *name, uint64_t value)
{
    dms_json_write_key(w, name);
    dms_json_write_count(w, value);
}

/* A key on a line of its own. */
static void add_key(dms_json_writer *w, const char *name, int blanks)
{
    dms_json_write_line(w, blanks);
    dms_json_write_key(w, name);
}

static void add_figure(dms_json_writer *w, const char *name,
                       const dms_figure *figure, int blanks)
{
    add_key(w, name, blanks);
    dms_json_write_object(w);
    add_real(w, "value", figure->value);
    add_real(w, "low", figure->low);
    add_real(w, "high", figure->high);
    dms_json_write_object_end(w);
}

static void add_metrics(dms_json_writer *w, const dms_figure *metrics,
                        dms_task task, int blanks)
{
    size_t count = dms_headline_count(task);

    dms_json_write_object(w);
    for (size_t m = 0; m < count; m++)
        add_figure(w, dms_metric_name((dms_metric)m), &metrics[m], blanks);
    dms_json_write_object_end(w);
}

static void add_labels(dms_json_writer *w, const dms_report *report)
{
    bool chooses = report->task == DMS_TASK_SINGLE_LABEL;

    add_key(w, "labels", OUTER);
    dms_json_write_object(w);
    for (size_t k = 0; k < DMS_LABELS; k++) {
        const dms_label_report *label = &report->labels[k];
        const char letter[] = {DMS_LABEL_LETTERS[k], '\0'};

        add_key(w, letter, PART);
        dms_json_write_object(w);
        add_count(w, "support", label->support);
        add_real(w, "threshold", chooses ? NAN : label->threshold);
        add_real(w, "prior", report->priors[k]);
        for (size_t m = 0; m < DMS_LABEL_METRICS; m++)
            add_figure(w, dms_label_metric_name((dms_label_metric)m),
                       &label->metrics[m], INNER);
        dms_json_write_object_end(w);
    }
    dms_json_write_object_end(w);
}

static void add_floors(dms_json_writer *w, const dms_report *report)
{
    add_key(w, "floors", OUTER);
    dms_json_write_object(w);
    for (size_t f = 0; f < DMS_FLOORS; f++) {
        add_key(w, dms_floor_name((dms_floor)f), PART);
        add_metrics(w, report->floors[f], report->task, INNER);
    }
    dms_json_write_object_end(w);
}

static void add_beats(dms_json_writer *w, const dms_report *report)
{
    add_key(w, "beats", OUTER);
    dms_json_write_object(w);
    for (size_t m = 0; m < DMS_HEADLINE_JUDGED; m++) {
        dms_metric judged = dms_headline_judged(m);

        add_key(w, dms_metric_name(judged), PART);
        dms_json_write_object(w);
        for (size_t f = 0; f < DMS_FLOORS; f++) {
            dms_json_write_key(w, dms_floor_name((dms_floor)f));
            dms_json_write_bool(w,
                                dms_report_beats(report, judged, (dms_floor)f));
        }
        dms_json_write_object_end(w);
    }
    dms_json_write_object_end(w);
}

static void add_confusion(dms_json_writer *w, const dms_report *report)
{
    add_key(w, "confusion", OUTER);
    dms_json_write_array(w);
    for (size_t i = 0; i < DMS_LABELS; i++) {
        dms_json_write_line(w, PART);
        dms_json_write_array(w);
        for (size_t j = 0; j < DMS_LABELS; j++)
            dms_json_write_count(w, report->confusion[i][j]);
        dms_json_write_array_end(w);
    }
    dms_json_write_array_end(w);
}

static void add_bootstrap(dms_json_writer *w, const dms_report *report)
{
    add_key(w, "bootstrap", OUTER);
    dms_json_write_object(w);
    add_count(w, "resamples", report->resamples);
    add_count(w, "seed", report->seed);
    dms_json_write_key(w, "percentiles");
    dms_json_write_array(w);
    dms_json_write_real(w, 2.5);
    dms_json_write_real(w, 97.5);
    dms_json_write_array_end(w);
    dms_json_write_object_end(w);
}

static void add_setting(dms_json_writer *w, const dms_report *report)
{
    add_key(w, "task", OUTER);
    dms_json_write_text(w, report->task == DMS_TASK_SINGLE_LABEL
                               ? "single-label"
                               : "multi-label");
    dms_json_write_line(w, OUTER);
    add_count(w, "patients", report->patients);
    dms_json_write_line(w, OUTER);
    add_count(w, "left_out", report->left_out);
    add_key(w, "thresholds_tuned_on_same_split", OUTER);
    dms_json_write_bool(w, report->tuned_here);
    add_bootstrap(w, report);
}

dms_status dms_report_json(char **text, const dms_report *report,
                           dms_error *err)
{
    dms_json_writer w;
    dms_strbuf sb;

    dms_strbuf_init(&sb);
    dms_json_write_begin(&w, &sb, (dms_json_style){.plain = true});
    dms_json_write_object(&w);
    add_key(&w, "metrics", OUTER);
    add_metrics(&w, report->metrics, report->task, PART);
    add_labels(&w, report);
    add_floors(&w, report);
    add_beats(&w, report);
    if (report->task == DMS_TASK_SINGLE_LABEL)
        add_confusion(&w, report);
    add_setting(&w, report);
    dms_json_write_line(&w, 0);
    dms_json_write_object_end(&w);
    dms_strbuf_puts(&sb, "\n");
    *text = dms_strbuf_detach(&sb);
    dms_strbuf_release(&sb);
    return *text ? DMS_OK : dms_fail_memory(err, "the report's JSON");
}
