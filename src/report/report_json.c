/* The report as JSON: metrics.json. */
#include <math.h>

#include "base/fail.h"
#include "base/json_write.h"
#include "base/strbuf.h"
#include "eval/headline.h"

/* Indentation of the lines of the outer object, its parts, and their parts. */
enum { OUTER = 2, PART = 4, INNER = 6 };

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
    dms_json_write_key_real(w, "value", figure->value);
    dms_json_write_key_real(w, "low", figure->low);
    dms_json_write_key_real(w, "high", figure->high);
    dms_json_write_object_end(w);
}

static void add_metrics(dms_json_writer *w, const dms_figure *metrics,
                        const dms_label_set *set, int blanks)
{
    dms_json_write_object(w);
    for (int m = 0; m < DMS_METRICS; m++)
        if (dms_metric_applies((dms_metric)m, set))
            add_figure(w, dms_metric_name((dms_metric)m), &metrics[m], blanks);
    dms_json_write_object_end(w);
}

static bool chooses(const dms_report *report)
{
    return dms_label_set_task(report->label_set) == DMS_TASK_SINGLE_LABEL;
}

static void add_labels(dms_json_writer *w, const dms_report *report)
{
    int count = dms_label_set_count(report->label_set);

    add_key(w, "labels", OUTER);
    dms_json_write_object(w);
    for (int k = 0; k < count; k++) {
        const dms_label_report *label = &report->labels[k];

        add_key(w, dms_label_set_code(report->label_set, k), PART);
        dms_json_write_object(w);
        dms_json_write_key_count(w, "support", label->support);
        dms_json_write_key_count(w, "known", label->known);
        dms_json_write_key_real(w, "threshold",
                                chooses(report) ? NAN : label->threshold);
        dms_json_write_key_real(w, "prior", label->prior);
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
        add_metrics(w, report->floors[f], report->label_set, INNER);
    }
    dms_json_write_object_end(w);
}

/* Each model of an ensemble by itself. */
static void add_models(dms_json_writer *w, const dms_report *report)
{
    add_key(w, "models", OUTER);
    dms_json_write_array(w);
    for (size_t i = 0; i < report->model_count; i++) {
        dms_json_write_line(w, PART);
        dms_json_write_object(w);
        add_key(w, "model", INNER);
        dms_json_write_name(w, report->model_paths[i]);
        for (int m = 0; m < DMS_METRICS; m++)
            if (dms_metric_applies((dms_metric)m, report->label_set)) {
                dms_json_write_line(w, INNER);
                dms_json_write_key_real(
                    w, dms_metric_name((dms_metric)m),
                    dms_report_model_metric(report, i, (dms_metric)m));
            }
        dms_json_write_object_end(w);
    }
    dms_json_write_array_end(w);
}

/* Mean and standard deviation over the models of an ensemble. */
static void add_spreads(dms_json_writer *w, const dms_report *report)
{
    add_key(w, "models_spread", OUTER);
    dms_json_write_object(w);
    for (int m = 0; m < DMS_METRICS; m++) {
        dms_spread spread;

        if (!dms_metric_applies((dms_metric)m, report->label_set))
            continue;
        spread = dms_report_model_spread(report, (dms_metric)m);
        add_key(w, dms_metric_name((dms_metric)m), PART);
        dms_json_write_object(w);
        dms_json_write_key_real(w, "mean", spread.mean);
        dms_json_write_key_real(w, "deviation", spread.deviation);
        dms_json_write_object_end(w);
    }
    dms_json_write_object_end(w);
}

static void add_beats(dms_json_writer *w, const dms_report *report)
{
    add_key(w, "beats", OUTER);
    dms_json_write_object(w);
    for (size_t m = 0; m < DMS_HEADLINE_JUDGED; m++) {
        dms_metric judged = dms_headline_judged(m, report->label_set);

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
    size_t count = (size_t)dms_label_set_count(report->label_set);

    add_key(w, "confusion", OUTER);
    dms_json_write_array(w);
    for (size_t i = 0; i < count; i++) {
        dms_json_write_line(w, PART);
        dms_json_write_array(w);
        for (size_t j = 0; j < count; j++)
            dms_json_write_count(w, report->confusion[i * count + j]);
        dms_json_write_array_end(w);
    }
    dms_json_write_array_end(w);
}

static void add_bootstrap(dms_json_writer *w, const dms_report *report)
{
    add_key(w, "bootstrap", OUTER);
    dms_json_write_object(w);
    dms_json_write_key_count(w, "resamples", report->resamples);
    dms_json_write_key_count(w, "seed", report->seed);
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
    dms_json_write_text(w, chooses(report) ? "single-label" : "multi-label");
    dms_json_write_line(w, OUTER);
    dms_json_write_key_count(w, "patients", report->patients);
    dms_json_write_line(w, OUTER);
    dms_json_write_key_count(w, "left_out", report->left_out);
    add_key(w, "trained_on", OUTER);
    if (report->trained_on_known)
        dms_json_write_count(w, report->trained_on);
    else
        dms_json_write_real(w, NAN); /* null */
    add_key(w, "tta", OUTER);
    if (report->tta)
        dms_json_write_text(w, report->tta);
    else
        dms_json_write_real(w, NAN); /* null */
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
    add_metrics(&w, report->metrics, report->label_set, PART);
    add_labels(&w, report);
    add_floors(&w, report);
    add_beats(&w, report);
    if (report->confusion)
        add_confusion(&w, report);
    if (report->model_count > 0) {
        add_models(&w, report);
        add_spreads(&w, report);
    }
    add_setting(&w, report);
    dms_json_write_line(&w, 0);
    dms_json_write_object_end(&w);
    dms_strbuf_puts(&sb, "\n");
    *text = dms_strbuf_detach(&sb);
    dms_strbuf_release(&sb);
    return *text ? DMS_OK : dms_fail_memory(err, "the report's JSON");
}
