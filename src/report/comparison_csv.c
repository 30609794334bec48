/* A comparison as one CSV table: a row per figure of a set and per test.
 * Numbers read back to the same bits; a cell that does not apply, or is
 * undefined, is empty. */
#include <math.h>

#include "base/fail.h"
#include "base/number.h"
#include "base/strbuf.h"
#include "eval/comparison.h"
#include "formats/csv.h"

#define HEADER                                                                 \
    "kind,first,second,label,figure,value,low,high,first_only,second_only,p,"  \
    "p_holm\n"

static void put_real(dms_strbuf *out, double value)
{
    char text[40] = "";

    if (!isnan(value))
        dms_real_format(text, sizeof text, value);
    dms_strbuf_printf(out, ",%s", text);
}

/* The first five cells; second may be "". */
static void put_start(dms_strbuf *out, const char *kind, const char *first,
                      const char *second, const char *label, const char *figure)
{
    dms_strbuf_printf(out, "%s,", kind);
    dms_csv_put_name(out, first);
    dms_strbuf_puts(out, ",");
    dms_csv_put_name(out, second);
    dms_strbuf_printf(out, ",%s,%s", label, figure);
}

static void put_figure(dms_strbuf *out, const dms_figure *figure)
{
    put_real(out, figure->value);
    put_real(out, figure->low);
    put_real(out, figure->high);
    dms_strbuf_puts(out, ",,,,\n");
}

static void put_set(dms_strbuf *out, const dms_comparison *c, size_t s)
{
    for (int m = 0; m < DMS_METRICS; m++)
        if (c->tested[m]) {
            put_start(out, "set", c->names[s], "", "",
                      dms_metric_name((dms_metric)m));
            put_figure(out, dms_comparison_figure(c, s, (dms_metric)m));
        }
    for (int k = 0; k < (int)c->width; k++)
        for (int m = 0; m < DMS_LABEL_METRICS; m++) {
            put_start(out, "set", c->names[s], "",
                      dms_label_set_code(c->label_set, k),
                      dms_label_metric_name((dms_label_metric)m));
            put_figure(
                out, dms_comparison_label_figure(c, s, k, (dms_label_metric)m));
        }
}

static void put_difference(dms_strbuf *out, const dms_difference *difference)
{
    put_real(out, difference->value);
    put_real(out, difference->low);
    put_real(out, difference->high);
    dms_strbuf_puts(out, ",,");
    put_real(out, difference->p);
    put_real(out, difference->p_holm);
    dms_strbuf_puts(out, "\n");
}

static void put_pair(dms_strbuf *out, const dms_comparison *c, size_t p)
{
    const char *first = c->names[c->pairs[p].first];
    const char *second = c->names[c->pairs[p].second];

    for (int m = 0; m < DMS_METRICS; m++)
        if (c->tested[m]) {
            put_start(out, "bootstrap", first, second, "",
                      dms_metric_name((dms_metric)m));
            put_difference(out, dms_comparison_metric(c, p, (dms_metric)m));
        }
    for (int k = 0; k < (int)c->width; k++) {
        put_start(out, "delong", first, second,
                  dms_label_set_code(c->label_set, k), "auc");
        put_difference(out, dms_comparison_auc(c, p, k));
    }
    for (int k = 0; k < (int)c->width; k++) {
        const dms_discordance *found = dms_comparison_decisions(c, p, k);

        put_start(out, "mcnemar", first, second,
                  dms_label_set_code(c->label_set, k), "decisions");
        dms_strbuf_printf(out, ",,,,%zu,%zu", found->first_only,
                          found->second_only);
        put_real(out, found->p);
        put_real(out, found->p_holm);
        dms_strbuf_puts(out, "\n");
    }
}

dms_status dms_comparison_csv(char **text, const dms_comparison *comparison,
                              dms_error *err)
{
    dms_strbuf out;
    char *whole;

    dms_strbuf_init(&out);
    dms_strbuf_puts(&out, HEADER);
    for (size_t s = 0; s < comparison->set_count; s++)
        put_set(&out, comparison, s);
    for (size_t p = 0; p < comparison->pair_count; p++)
        put_pair(&out, comparison, p);
    whole = dms_strbuf_detach(&out);
    if (!whole)
        return dms_fail_memory(err, "the comparison's table");
    *text = whole;
    return DMS_OK;
}
