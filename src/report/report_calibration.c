/* The report of a calibration, as text 80 columns wide and as JSON. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/json_write.h"
#include "base/strbuf.h"
#include "dms/calibrate.h"

static const char *const stage_names[DMS_CALIBRATE_STAGES] = {"before", "after",
                                                              "held_out"};

/* Right-aligned; "-" if undefined. */
static void add_number(dms_strbuf *sb, double value, int width, int decimals)
{
    if (isnan(value))
        dms_strbuf_printf(sb, "%*s", width, "-");
    else
        dms_strbuf_printf(sb, "%*.*f", width, decimals, value);
}

static bool chooses(const dms_calibrate_report *report)
{
    return dms_label_set_task(report->label_set) == DMS_TASK_SINGLE_LABEL;
}

/* "304 val", "12 train and 3 test", "8". */
static void add_splits(dms_strbuf *sb, const dms_calibrate_report *report)
{
    const char *before = "";

    for (int s = 0; s <= DMS_SPLIT_TEST; s++) {
        if (!report->splits[s])
            continue;
        dms_strbuf_printf(sb, "%s%zu%s%s", before, report->splits[s],
                          s ? " " : "", s ? dms_split_name((dms_split)s) : "");
        before = " and ";
    }
}

static void add_head(dms_strbuf *sb, const dms_calibrate_report *report)
{
    dms_strbuf_puts(sb, "fitted to ");
    add_splits(sb, report);
    dms_strbuf_printf(sb, " patients; method %s",
                      dms_calibrate_method_name((int)report->method));
    if (!chooses(report))
        dms_strbuf_printf(sb, "; thresholds for %s", report->point);
    dms_strbuf_puts(sb, "\n");
    if (report->left_out)
        dms_strbuf_printf(sb, "%zu patients with several labels are left out\n",
                          report->left_out);
    dms_strbuf_printf(sb, "common temperature %.4g\n", report->temperature);
}

static int code_width(const dms_calibrate_report *report)
{
    int width = 6;

    for (int k = 0; k < dms_label_set_count(report->label_set); k++) {
        int len = (int)strlen(dms_label_set_code(report->label_set, k));

        width = len > width ? len : width;
    }
    return width;
}

static void add_labels(dms_strbuf *sb, const dms_calibrate_report *report)
{
    int width = code_width(report);
    bool common = false, kept = false;

    dms_strbuf_printf(sb, "\n%-*s%6s%10s%10s%11s%11s%9s%13s\n", width, "label",
                      "known", "positives", "slope", "intercept", "threshold",
                      "recall", "specificity");
    for (int k = 0; k < dms_label_set_count(report->label_set); k++) {
        const dms_calibrate_label *label = &report->labels[k];

        dms_strbuf_printf(sb, "%-*s%6zu%10zu", width,
                          dms_label_set_code(report->label_set, k),
                          label->known, label->support);
        add_number(sb, label->calibration.slope, 9, 3);
        dms_strbuf_puts(sb, label->own ? " " : "*");
        add_number(sb, label->calibration.intercept, 10, 3);
        add_number(sb, label->threshold, 11, 3);
        dms_strbuf_puts(sb, label->chosen ? " " : "+");
        add_number(sb, label->recall, 9, 3);
        add_number(sb, label->specificity, 13, 3);
        dms_strbuf_puts(sb, "\n");
        common = common || !label->own;
        kept = kept || !label->chosen;
    }
    if (common && report->method != DMS_CALIBRATE_NONE)
        dms_strbuf_puts(sb, "* the common temperature\n");
    if (kept)
        dms_strbuf_puts(sb, "+ too few patients to choose a threshold\n");
}

static void add_row(dms_strbuf *sb, const char *name, int width,
                    const dms_reliability *r)
{
    const dms_reliability *before = &r[DMS_CALIBRATE_BEFORE];
    const dms_reliability *after = &r[DMS_CALIBRATE_AFTER];
    const dms_reliability *held = &r[DMS_CALIBRATE_HELD_OUT];

    dms_strbuf_printf(sb, "%-*s", width, name);
    add_number(sb, before->ece, 9, 3);
    add_number(sb, after->ece, 7, 3);
    add_number(sb, held->ece, 7, 3);
    add_number(sb, before->brier, 10, 3);
    add_number(sb, after->brier, 7, 3);
    add_number(sb, held->brier, 7, 3);
    add_number(sb, before->log_loss, 10, 3);
    add_number(sb, after->log_loss, 7, 3);
    add_number(sb, held->log_loss, 7, 3);
    dms_strbuf_puts(sb, "\n");
}

static void add_reliability(dms_strbuf *sb, const dms_calibrate_report *report)
{
    int width = code_width(report);

    dms_strbuf_printf(sb, "\n%-*s%23s%24s%24s\n%-*s", width, "",
                      "calibration error (ECE)", "Brier score", "log loss",
                      width, "label");
    for (int i = 0; i < 3; i++)
        dms_strbuf_printf(sb, "%*s%7s%7s", i ? 10 : 9, "before", "after",
                          "held");
    dms_strbuf_puts(sb, "\n");
    for (int k = 0; k < dms_label_set_count(report->label_set); k++)
        add_row(sb, dms_label_set_code(report->label_set, k), width,
                report->labels[k].reliability);
    add_row(sb, "all", width, report->all);
    dms_strbuf_puts(sb, "held: held out, five fits each without the fifth of "
                        "the patients that it is\napplied to; after: on the "
                        "patients of the fit.\n");
}

static void write_bool(dms_json_writer *w, const char *key, bool value)
{
    dms_json_write_key(w, key);
    dms_json_write_bool(w, value);
}

static void write_reliability(dms_json_writer *w, const dms_reliability *r,
                              bool bins)
{
    dms_json_write_object(w);
    dms_json_write_key_count(w, "cells", r->cells);
    dms_json_write_key_real(w, "ece", r->ece);
    dms_json_write_key_real(w, "brier", r->brier);
    dms_json_write_key_real(w, "log_loss", r->log_loss);
    if (bins) {
        dms_json_write_key(w, "bins");
        dms_json_write_array(w);
        for (int b = 0; b < DMS_RELIABILITY_BINS; b++) {
            dms_json_write_object(w);
            dms_json_write_key_count(w, "count", r->bins[b].count);
            dms_json_write_key_real(w, "probability", r->bins[b].probability);
            dms_json_write_key_real(w, "share", r->bins[b].share);
            dms_json_write_object_end(w);
        }
        dms_json_write_array_end(w);
    }
    dms_json_write_object_end(w);
}

static void write_stages(dms_json_writer *w, const dms_reliability *r,
                         bool bins)
{
    dms_json_write_key(w, "reliability");
    dms_json_write_object(w);
    for (int s = 0; s < DMS_CALIBRATE_STAGES; s++) {
        dms_json_write_key(w, stage_names[s]);
        write_reliability(w, &r[s], bins);
    }
    dms_json_write_object_end(w);
}

static void write_label(dms_json_writer *w, const dms_calibrate_label *label,
                        bool chooses_one)
{
    dms_json_write_object(w);
    dms_json_write_key_count(w, "known", label->known);
    dms_json_write_key_count(w, "support", label->support);
    dms_json_write_key_real(w, "slope", label->calibration.slope);
    dms_json_write_key_real(w, "intercept", label->calibration.intercept);
    write_bool(w, "own", label->own);
    dms_json_write_key_real(w, "threshold",
                            chooses_one ? NAN : label->threshold);
    write_bool(w, "chosen", !chooses_one && label->chosen);
    dms_json_write_key_real(w, "recall", chooses_one ? NAN : label->recall);
    dms_json_write_key_real(w, "specificity",
                            chooses_one ? NAN : label->specificity);
    write_stages(w, label->reliability, false);
    dms_json_write_object_end(w);
}

static void write_json(dms_json_writer *w, const dms_calibrate_report *report)
{
    dms_json_write_object(w);
    dms_json_write_key(w, "method");
    dms_json_write_text(w, dms_calibrate_method_name((int)report->method));
    dms_json_write_key(w, "point");
    if (chooses(report))
        dms_json_write_null(w);
    else
        dms_json_write_text(w, report->point);
    dms_json_write_key_count(w, "patients", report->patients);
    dms_json_write_key(w, "splits");
    dms_json_write_object(w);
    for (int s = 0; s <= DMS_SPLIT_TEST; s++)
        dms_json_write_key_count(w, dms_split_name((dms_split)s),
                                 report->splits[s]);
    dms_json_write_object_end(w);
    dms_json_write_key_count(w, "left_out", report->left_out);
    dms_json_write_key_real(w, "temperature", report->temperature);
    write_stages(w, report->all, true);
    dms_json_write_key(w, "labels");
    dms_json_write_object(w);
    for (int k = 0; k < dms_label_set_count(report->label_set); k++) {
        dms_json_write_key(w, dms_label_set_code(report->label_set, k));
        write_label(w, &report->labels[k], chooses(report));
    }
    dms_json_write_object_end(w);
    dms_json_write_object_end(w);
}

dms_status dms_calibrate_report_print(char **text,
                                      const dms_calibrate_report *report,
                                      bool json, dms_error *err)
{
    dms_strbuf sb;

    dms_strbuf_init(&sb);
    if (json) {
        dms_json_writer w;

        dms_json_write_begin(&w, &sb, (dms_json_style){.indent = 2});
        write_json(&w, report);
        dms_strbuf_puts(&sb, "\n");
    } else {
        add_head(&sb, report);
        if (!chooses(report))
            add_labels(&sb, report);
        add_reliability(&sb, report);
    }
    *text = dms_strbuf_detach(&sb);
    dms_strbuf_release(&sb);
    return *text ? DMS_OK : dms_fail_memory(err, "the report of a calibration");
}
