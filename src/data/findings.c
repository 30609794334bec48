/* Collecting what `data check` finds and writing it as text and as JSON. Relies
 * on dms_data_check to fill in the report's counts first. */
#include "data/findings.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/name.h"
#include "base/number.h"
#include "base/strbuf.h"
#include "formats/json.h"

enum { SHOWN_MAX = 20 }; /* findings per kind in the text */

static const struct kind {
    const char *key;   /* in JSON */
    const char *title; /* in text */
} kinds[DMS_FINDING_KINDS] = {
    [DMS_FINDING_MISSING] = {"missing", "missing photographs"},
    [DMS_FINDING_UNREADABLE] = {"unreadable", "unreadable photographs"},
    [DMS_FINDING_IDENTICAL] = {"identical", "identical photographs"},
    [DMS_FINDING_SUSPICIOUS] = {"suspicious", "suspicious photographs"},
    [DMS_FINDING_CONTRADICTION] = {"contradictions",
                                   "contradictions in the table"},
};

void dms_findings_add(dms_findings *f, dms_finding_kind kind, const char *id,
                      const char *format, ...)
{
    dms_finding *item;
    va_list args;

    if (f->count == f->capacity) {
        size_t capacity = f->capacity ? 2 * f->capacity : 64;
        dms_finding *items = dms_resize(f->items, capacity, sizeof *items);

        if (!items) {
            f->failed = true;
            return;
        }
        f->items = items;
        f->capacity = capacity;
    }
    item = &f->items[f->count++];
    *item = (dms_finding){.kind = kind, .id = id};
    va_start(args, format);
    dms_vformat(item->text, sizeof item->text, format, args);
    va_end(args);
}

size_t dms_findings_count(const dms_findings *f, dms_finding_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < f->count; i++)
        count += f->items[i].kind == kind;
    return count;
}

void dms_findings_release(dms_findings *findings)
{
    dms_free(findings->items);
    *findings = (dms_findings){0};
}

/* The number of patients in the split (NONE: all) whose label k is value. */
static size_t count_label(const dms_dataset *dataset, dms_split split, int k,
                          uint8_t value)
{
    size_t count = 0;

    for (size_t i = 0; i < dataset->count; i++)
        if (split == DMS_SPLIT_NONE || dataset->patients[i].split == split)
            count += dataset->patients[i].labels[k] == value;
    return count;
}

static void write_labels(dms_strbuf *text, const char *title,
                         const dms_dataset *dataset, dms_split split,
                         uint8_t value)
{
    dms_strbuf_printf(text, "%-22s", title);
    for (int k = 0; k < dataset->label_count; k++)
        dms_strbuf_printf(text, "  %s %zu",
                          dms_label_set_code(dataset->labels, k),
                          count_label(dataset, split, k, value));
    if (!dataset->labels) {
        dms_strbuf_puts(text, "  none found in the columns ");
        dms_name_put_line(text, dataset->columns);
        dms_strbuf_puts(text, "; name them with --labels");
    }
    dms_strbuf_puts(text, "\n");
}

static void write_finding(dms_strbuf *text, const dms_finding *item)
{
    size_t begin = text->len, width = 8;

    dms_strbuf_puts(text, "  ");
    dms_name_put_line(text, item->id ? item->id : "-");
    while (text->len < begin + 2 + width && !text->failed)
        dms_strbuf_puts(text, " ");
    dms_strbuf_puts(text, " ");
    dms_name_put_line(text, item->text);
    dms_strbuf_puts(text, "\n");
}

static void write_kind(dms_strbuf *text, const dms_findings *f,
                       dms_finding_kind kind)
{
    size_t count = dms_findings_count(f, kind), shown = 0;

    if (count == 0)
        return;
    dms_strbuf_printf(text, "\n%s: %zu\n", kinds[kind].title, count);
    for (size_t i = 0; i < f->count && shown < SHOWN_MAX; i++)
        if (f->items[i].kind == kind) {
            write_finding(text, &f->items[i]);
            shown++;
        }
    if (count > shown)
        dms_strbuf_printf(text, "  and %zu more (--json lists all)\n",
                          count - shown);
}

static size_t unknown_ages(const dms_dataset *dataset)
{
    size_t count = 0;

    for (size_t i = 0; i < dataset->count; i++)
        count += dataset->patients[i].age < 0;
    return count;
}

static size_t unknown_sexes(const dms_dataset *dataset)
{
    size_t count = 0;

    for (size_t i = 0; i < dataset->count; i++)
        count += dataset->patients[i].sex == '?';
    return count;
}

static char *report_text(const dms_data_report *r, const dms_findings *f,
                         const dms_dataset *dataset)
{
    dms_strbuf text;
    size_t unknown = 0;
    char *result;

    dms_strbuf_init(&text);
    dms_strbuf_printf(&text, "%-22s  ", "table");
    dms_name_put_line(&text, dataset->table);
    dms_strbuf_printf(&text, "\n%-22s  %s\n", "encoding",
                      dataset->encoding ? dataset->encoding
                                        : "none, a workbook");
    dms_strbuf_printf(&text, "%-22s  %zu\n", "patients", r->patients);
    dms_strbuf_printf(&text, "%-22s  age of %zu, sex of %zu\n", "unknown",
                      unknown_ages(dataset), unknown_sexes(dataset));
    dms_strbuf_printf(&text,
                      "%-22s  %zu, with labels of their own %zu, "
                      "ungradable %zu\n",
                      "eyes", r->eyes, r->labelled_eyes, r->ungradable_eyes);
    write_labels(&text, "labels", dataset, DMS_SPLIT_NONE, 1);
    for (int k = 0; k < dataset->label_count; k++)
        unknown += count_label(dataset, DMS_SPLIT_NONE, k, DMS_LABEL_UNKNOWN);
    if (unknown > 0)
        write_labels(&text, "unknown labels", dataset, DMS_SPLIT_NONE,
                     DMS_LABEL_UNKNOWN);
    for (int s = DMS_SPLIT_TRAIN;
         dataset->has_split_column && s <= DMS_SPLIT_TEST; s++) {
        char title[32];

        snprintf(title, sizeof title, "labels of %s",
                 dms_split_name((dms_split)s));
        write_labels(&text, title, dataset, (dms_split)s, 1);
    }
    for (int kind = 0; kind < DMS_FINDING_KINDS; kind++)
        dms_strbuf_printf(&text, "%-22s  %zu\n", kinds[kind].key,
                          dms_findings_count(f, (dms_finding_kind)kind));
    for (int kind = 0; kind < DMS_FINDING_KINDS; kind++)
        write_kind(&text, f, (dms_finding_kind)kind);
    result = dms_strbuf_detach(&text);
    dms_strbuf_release(&text);
    return result;
}

static json_t *labels_json(const dms_dataset *dataset, uint8_t value)
{
    json_t *object = json_object();

    for (int k = 0; k < dataset->label_count; k++)
        dms_json_set(&object, dms_label_set_code(dataset->labels, k),
                     json_integer((json_int_t)count_label(
                         dataset, DMS_SPLIT_NONE, k, value)));
    return object;
}

static json_t *kind_json(const dms_findings *f, dms_finding_kind kind)
{
    json_t *list = json_array();

    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].kind == kind)
            dms_json_append(&list,
                            json_pack("{s:o, s:o}", "id",
                                      dms_json_name(f->items[i].id), "what",
                                      dms_json_name(f->items[i].text)));
    return list;
}

static char *report_json(const dms_data_report *r, const dms_findings *f,
                         const dms_dataset *dataset)
{
    json_t *root = json_pack(
        "{s:o, s:s?, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "table",
        dms_json_name(dataset->table), "encoding", dataset->encoding,
        "patients", (json_int_t)r->patients, "unknown_ages",
        (json_int_t)unknown_ages(dataset), "unknown_sexes",
        (json_int_t)unknown_sexes(dataset), "eyes", (json_int_t)r->eyes,
        "labelled_eyes", (json_int_t)r->labelled_eyes, "ungradable_eyes",
        (json_int_t)r->ungradable_eyes, "labels", labels_json(dataset, 1),
        "unknown_labels", labels_json(dataset, DMS_LABEL_UNKNOWN));
    char *dump;

    for (int kind = 0; kind < DMS_FINDING_KINDS; kind++)
        dms_json_set(&root, kinds[kind].key,
                     kind_json(f, (dms_finding_kind)kind));
    dump = dms_json_dump(root, (dms_json_style){.indent = 2});
    json_decref(root);
    return dump;
}

dms_status dms_findings_report(dms_data_report *report, const dms_findings *f,
                               const dms_dataset *dataset, dms_error *err)
{
    if (!f->failed) {
        report->text = report_text(report, f, dataset);
        report->json = report_json(report, f, dataset);
    }
    return report->text && report->json ? DMS_OK
                                        : dms_fail_memory(err, "data report");
}
