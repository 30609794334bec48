/* Formats the log of epochs as JSON lines and as CSV, and parses the JSON
 * lines. Relies on one table of fields for all formats. */
#include "train/metrics_log.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "formats/json.h"

/* The fields of a record before its metrics: one table for all formats. */
static const struct field {
    const char *name;
    size_t offset;
    enum { WHOLE, REAL, YES_NO } type;
} fields[] = {
    {"epoch", offsetof(dms_epoch_record, epoch), WHOLE},
    {"step", offsetof(dms_epoch_record, step), WHOLE},
    {"train_loss", offsetof(dms_epoch_record, train_loss), REAL},
    {"lr", offsetof(dms_epoch_record, lr), REAL},
    {"images_per_s", offsetof(dms_epoch_record, images_per_s), REAL},
    {"seconds", offsetof(dms_epoch_record, seconds), REAL},
    {"averaged", offsetof(dms_epoch_record, averaged), YES_NO},
    {"best", offsetof(dms_epoch_record, best), YES_NO},
    {"val_loss", offsetof(dms_epoch_record, val_loss), REAL},
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

dms_status dms_metrics_log_add(dms_metrics_log *log,
                               const dms_epoch_record *record, dms_error *err)
{
    if (log->count == log->capacity) {
        size_t capacity = log->capacity ? 2 * log->capacity : 64;
        dms_epoch_record *records =
            dms_resize(log->records, capacity, sizeof *records);

        if (!records)
            return dms_fail_memory(err, "metrics");
        log->records = records;
        log->capacity = capacity;
    }
    log->records[log->count++] = *record;
    return DMS_OK;
}

void dms_metrics_log_release(dms_metrics_log *log)
{
    dms_free(log->records);
    *log = (dms_metrics_log){0};
}

/* Write a cell of the table; empty if the value is not a finite number. */
static void put_real(dms_strbuf *out, double value)
{
    if (isfinite(value))
        dms_strbuf_printf(out, "%.17g", value);
}

static void put_field(dms_strbuf *out, const dms_epoch_record *record,
                      const struct field *field)
{
    const char *at = (const char *)record + field->offset;

    if (field->type == WHOLE)
        dms_strbuf_printf(out, "%lld", (long long)*(const int64_t *)at);
    else if (field->type == REAL)
        put_real(out, *(const double *)at);
    else
        dms_strbuf_puts(out, *(const bool *)at ? "true" : "false");
}

/* ODIR's log also has the figures of classes; they are empty if a patient can
 * have any labels. */
bool dms_metrics_log_has(const dms_metrics_log *log, dms_metric metric)
{
    if (log->labels && !dms_label_set_is_odir(log->labels))
        return dms_metric_applies(metric, log->labels);
    return metric != DMS_METRIC_CELL_ACCURACY && metric != DMS_METRIC_MICRO_AUC;
}

static void put_json(dms_strbuf *out, const dms_metrics_log *log,
                     const dms_epoch_record *record)
{
    dms_json_writer w;

    dms_json_write_begin(&w, out, (dms_json_style){.plain = true});
    dms_json_write_object(&w);
    for (int i = 0; i < FIELDS; i++) {
        const char *at = (const char *)record + fields[i].offset;

        dms_json_write_key(&w, fields[i].name);
        if (fields[i].type == WHOLE)
            dms_json_write_integer(&w, *(const int64_t *)at);
        else if (fields[i].type == REAL)
            dms_json_write_real(&w, *(const double *)at);
        else
            dms_json_write_bool(&w, *(const bool *)at);
    }
    for (int i = 0; i < DMS_METRICS; i++) {
        if (!dms_metrics_log_has(log, (dms_metric)i))
            continue;
        dms_json_write_key(&w, dms_metric_name((dms_metric)i));
        dms_json_write_real(&w, record->metrics[i]);
    }
    dms_json_write_object_end(&w);
    dms_strbuf_puts(out, "\n");
}

static dms_status finish(char **text, dms_strbuf *out, dms_error *err)
{
    *text = dms_strbuf_detach(out);
    return *text ? DMS_OK : dms_fail_memory(err, "metrics");
}

dms_status dms_metrics_log_format(char **text, const dms_metrics_log *log,
                                  dms_error *err)
{
    dms_status st;
    dms_strbuf out;

    dms_strbuf_init(&out);
    for (size_t i = 0; i < log->count; i++)
        put_json(&out, log, &log->records[i]);
    st = finish(text, &out, err);
    dms_strbuf_release(&out);
    return st;
}

static dms_status format_csv(char **text, const dms_metrics_log *log,
                             dms_error *err)
{
    dms_status st;
    dms_strbuf out;

    dms_strbuf_init(&out);
    for (int i = 0; i < FIELDS; i++)
        dms_strbuf_printf(&out, "%s%s", i ? "," : "", fields[i].name);
    for (int i = 0; i < DMS_METRICS; i++)
        if (dms_metrics_log_has(log, (dms_metric)i))
            dms_strbuf_printf(&out, ",%s", dms_metric_name((dms_metric)i));
    for (size_t r = 0; r < log->count; r++) {
        for (int i = 0; i < FIELDS; i++) {
            dms_strbuf_puts(&out, i ? "," : "\n");
            put_field(&out, &log->records[r], &fields[i]);
        }
        for (int i = 0; i < DMS_METRICS; i++) {
            if (!dms_metrics_log_has(log, (dms_metric)i))
                continue;
            dms_strbuf_puts(&out, ",");
            put_real(&out, log->records[r].metrics[i]);
        }
    }
    dms_strbuf_puts(&out, "\n");
    st = finish(text, &out, err);
    dms_strbuf_release(&out);
    return st;
}

static double real_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

static dms_epoch_record record_of(const json_t *object)
{
    dms_epoch_record record = {0};

    for (int i = 0; i < FIELDS; i++) {
        const json_t *value = json_object_get(object, fields[i].name);
        char *at = (char *)&record + fields[i].offset;

        if (fields[i].type == WHOLE)
            *(int64_t *)at = json_integer_value(value);
        else if (fields[i].type == REAL)
            *(double *)at = real_of(object, fields[i].name);
        else
            *(bool *)at = json_is_true(value);
    }
    for (int i = 0; i < DMS_METRICS; i++)
        record.metrics[i] = real_of(object, dms_metric_name((dms_metric)i));
    return record;
}

dms_status dms_metrics_log_parse(dms_metrics_log *log, const char *text,
                                 dms_error *err)
{
    for (size_t line = 1; *text; line++) {
        size_t len = strcspn(text, "\n");
        json_error_t problem;
        json_t *object = dms_json_read(text, len, 0, &problem);
        dms_epoch_record record;
        dms_status st;

        if (!object && json_error_code(&problem) == json_error_out_of_memory)
            return dms_fail_memory(err, "metrics log");
        if (!json_is_object(object)) {
            json_decref(object);
            return dms_fail(err, DMS_EFORMAT,
                            "metrics log, line %zu: not a JSON object", line);
        }
        record = record_of(object);
        json_decref(object);
        st = dms_metrics_log_add(log, &record, err);
        if (st != DMS_OK)
            return st;
        text += len + (text[len] == '\n');
    }
    return DMS_OK;
}

dms_status dms_metrics_log_write(const dms_metrics_log *log, const char *folder,
                                 dms_error *err)
{
    dms_status st;
    char *json = NULL, *csv = NULL;

    TRY(dms_metrics_log_format(&json, log, err));
    TRY(format_csv(&csv, log, err));
    TRY(dms_folder_write(folder, "metrics.jsonl", json, err));
    TRY(dms_folder_write(folder, "metrics.csv", csv, err));
done:
    dms_free(json);
    dms_free(csv);
    return st;
}
