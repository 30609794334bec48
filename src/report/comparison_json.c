/* A comparison as JSON. */
#include "base/fail.h"
#include "base/json_write.h"
#include "eval/comparison.h"

static void add_figure(dms_json_writer *w, const char *name,
                       const dms_figure *figure)
{
    dms_json_write_key(w, name);
    dms_json_write_object(w);
    dms_json_write_key_real(w, "value", figure->value);
    dms_json_write_key_real(w, "low", figure->low);
    dms_json_write_key_real(w, "high", figure->high);
    dms_json_write_object_end(w);
}

static void add_set(dms_json_writer *w, const dms_comparison *c, size_t s)
{
    dms_json_write_object(w);
    dms_json_write_key(w, "name");
    dms_json_write_name(w, c->names[s]);
    dms_json_write_key(w, "metrics");
    dms_json_write_object(w);
    for (int m = 0; m < DMS_METRICS; m++)
        if (c->tested[m])
            add_figure(w, dms_metric_name((dms_metric)m),
                       dms_comparison_figure(c, s, (dms_metric)m));
    dms_json_write_object_end(w);
    dms_json_write_key(w, "labels");
    dms_json_write_object(w);
    for (int k = 0; k < (int)c->width; k++) {
        dms_json_write_key(w, dms_label_set_code(c->label_set, k));
        dms_json_write_object(w);
        for (int m = 0; m < DMS_LABEL_METRICS; m++)
            add_figure(
                w, dms_label_metric_name((dms_label_metric)m),
                dms_comparison_label_figure(c, s, k, (dms_label_metric)m));
        dms_json_write_object_end(w);
    }
    dms_json_write_object_end(w);
    dms_json_write_object_end(w);
}

static void add_difference(dms_json_writer *w, const char *name,
                           const dms_difference *difference)
{
    dms_json_write_key(w, name);
    dms_json_write_object(w);
    dms_json_write_key_real(w, "difference", difference->value);
    dms_json_write_key_real(w, "low", difference->low);
    dms_json_write_key_real(w, "high", difference->high);
    dms_json_write_key_real(w, "p", difference->p);
    dms_json_write_key_real(w, "p_holm", difference->p_holm);
    dms_json_write_object_end(w);
}

static void add_decisions(dms_json_writer *w, const char *name,
                          const dms_discordance *found)
{
    dms_json_write_key(w, name);
    dms_json_write_object(w);
    dms_json_write_key_count(w, "first_only", found->first_only);
    dms_json_write_key_count(w, "second_only", found->second_only);
    dms_json_write_key_real(w, "p", found->p);
    dms_json_write_key_real(w, "p_holm", found->p_holm);
    dms_json_write_object_end(w);
}

static void add_pair(dms_json_writer *w, const dms_comparison *c, size_t p)
{
    dms_json_write_object(w);
    dms_json_write_key_count(w, "first", c->pairs[p].first);
    dms_json_write_key_count(w, "second", c->pairs[p].second);
    dms_json_write_key(w, "metrics");
    dms_json_write_object(w);
    for (int m = 0; m < DMS_METRICS; m++)
        if (c->tested[m])
            add_difference(w, dms_metric_name((dms_metric)m),
                           dms_comparison_metric(c, p, (dms_metric)m));
    dms_json_write_object_end(w);
    dms_json_write_key(w, "auc");
    dms_json_write_object(w);
    for (int k = 0; k < (int)c->width; k++)
        add_difference(w, dms_label_set_code(c->label_set, k),
                       dms_comparison_auc(c, p, k));
    dms_json_write_object_end(w);
    dms_json_write_key(w, "decisions");
    dms_json_write_object(w);
    for (int k = 0; k < (int)c->width; k++)
        add_decisions(w, dms_label_set_code(c->label_set, k),
                      dms_comparison_decisions(c, p, k));
    dms_json_write_object_end(w);
    dms_json_write_object_end(w);
}

static void add_setting(dms_json_writer *w, const dms_comparison *c)
{
    dms_json_write_key(w, "task");
    dms_json_write_text(w, dms_label_set_task(c->label_set) ==
                                   DMS_TASK_SINGLE_LABEL
                               ? "single-label"
                               : "multi-label");
    dms_json_write_key_real(w, "threshold", c->threshold);
    dms_json_write_key_count(w, "patients", c->counts.patients);
    dms_json_write_key(w, "left_out");
    dms_json_write_object(w);
    dms_json_write_key_count(w, "unlabelled", c->counts.unlabelled);
    dms_json_write_key_count(w, "several_labels", c->counts.several_labels);
    dms_json_write_key_count(w, "incomplete", c->counts.incomplete);
    dms_json_write_key_count(w, "other", c->counts.other);
    dms_json_write_object_end(w);
    dms_json_write_key(w, "bootstrap");
    dms_json_write_object(w);
    dms_json_write_key_count(w, "resamples", c->resamples);
    dms_json_write_key_count(w, "seed", c->seed);
    dms_json_write_object_end(w);
}

dms_status dms_comparison_json(char **text, const dms_comparison *comparison,
                               dms_error *err)
{
    dms_json_writer w;
    dms_strbuf out;
    char *whole;

    dms_strbuf_init(&out);
    dms_json_write_begin(&w, &out,
                         (dms_json_style){.indent = 2, .plain = true});
    dms_json_write_object(&w);
    add_setting(&w, comparison);
    dms_json_write_key(&w, "sets");
    dms_json_write_array(&w);
    for (size_t s = 0; s < comparison->set_count; s++)
        add_set(&w, comparison, s);
    dms_json_write_array_end(&w);
    dms_json_write_key(&w, "pairs");
    dms_json_write_array(&w);
    for (size_t p = 0; p < comparison->pair_count; p++)
        add_pair(&w, comparison, p);
    dms_json_write_array_end(&w);
    dms_json_write_object_end(&w);
    dms_strbuf_puts(&out, "\n");
    whole = dms_strbuf_detach(&out);
    if (!whole)
        return dms_fail_memory(err, "the comparison's JSON");
    *text = whole;
    return DMS_OK;
}
