/* `dmsnet info`: describes a model file as text. */
#include <string.h>

#include "net/model.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "base/name.h"
#include "base/strbuf.h"
#include "formats/json.h"
#include "net/model_file.h"
#include "net/provenance.h"

/* "DMS-Net for 8 labels (NDGCAHMO), multi-label" */
static void write_labels(dms_strbuf *text, const dms_model_config *config)
{
    const dms_label_set *set = config->labels;
    const char *between = dms_label_set_is_odir(set) ? "" : ", ";

    dms_strbuf_printf(text, "DMS-Net for %d labels (",
                      dms_label_set_count(set));
    for (int k = 0; k < dms_label_set_count(set); k++)
        dms_strbuf_printf(text, "%s%s", k ? between : "",
                          dms_label_set_code(set, k));
    dms_strbuf_printf(text, "), %s%s\n",
                      dms_task_name(config->architecture.task),
                      dms_label_set_ordered(set) ? ", in this order" : "");
}

static void write_thresholds(dms_strbuf *text, const dms_model_config *config)
{
    dms_strbuf_puts(text, "thresholds       ");
    for (int k = 0; k < dms_label_set_count(config->labels); k++)
        dms_strbuf_printf(text, "%s%s %.3g", k ? ", " : "",
                          dms_label_set_code(config->labels, k),
                          config->thresholds[k]);
    dms_strbuf_puts(text, "\n");
}

/* On what the calibration was fitted, as its provenance says: "platt, fitted to
 * 304 val patients". */
static void write_fitted(dms_strbuf *text, const dms_model_config *config)
{
    json_t *root = dms_provenance_read(config);
    const json_t *made = json_object_get(root, DMS_PROVENANCE_CALIBRATED);
    const char *method = json_string_value(json_object_get(made, "method"));
    const char *point = json_string_value(json_object_get(made, "point"));
    const char *split, *before = ", fitted to";
    json_t *count;

    text->failed |= !root;
    if (method) {
        dms_strbuf_puts(text, "calibration      ");
        dms_name_put_line(text, method);
        json_object_foreach(json_object_get(made, "patients"), split, count)
        {
            dms_strbuf_printf(text, "%s %lld ", before,
                              (long long)json_integer_value(count));
            dms_name_put_line(text, split);
            dms_strbuf_puts(text, " patients");
            before = " and";
        }
        if (point) {
            dms_strbuf_puts(text, "; thresholds for ");
            dms_name_put_line(text, point);
        }
        dms_strbuf_puts(text, "\n");
    }
    json_decref(root);
}

/* "slope, intercept  N 1.2 -0.4, D 0.9 0.1" of labels with their own. */
static void write_calibration(dms_strbuf *text, const dms_model_config *config)
{
    bool any = false;

    dms_strbuf_printf(text, "temperature      %.4g\n", config->temperature);
    for (int k = 0; k < dms_label_set_count(config->labels); k++) {
        dms_calibration c = config->calibration[k];

        if (c.slope == 1 / config->temperature && c.intercept == 0)
            continue;
        dms_strbuf_printf(
            text, "%s%s %.4g %.4g", any ? ", " : "slope, intercept ",
            dms_label_set_code(config->labels, k), c.slope, c.intercept);
        any = true;
    }
    if (any)
        dms_strbuf_puts(text, "\n");
    write_fitted(text, config);
}

static void write_provenance(dms_strbuf *text, const dms_model_config *config)
{
    json_t *root = dms_provenance_read(config);
    const char *key;
    json_t *value;

    text->failed |= !root;

    json_object_foreach(root, key, value)
    {
        char *item = dms_json_dump(value, (dms_json_style){.compact = true});

        dms_strbuf_printf(text, "  %-16s %s\n", key, item ? item : "");
        text->failed |= !item;
        dms_free(item);
    }
    json_decref(root);
}

/* The number of tensors of 8-bit integers, and of their elements. */
typedef struct quantised {
    size_t tensors, parameters;
} quantised;

static quantised count_quantised(const dms_params *params)
{
    quantised q = {0, 0};

    for (size_t i = 0; i < params->count; i++) {
        const dms_param *param = &params->items[i];

        q.tensors += param->integers != NULL;
        q.parameters += param->integers ? param->len : 0;
    }
    return q;
}

static void write_quantised(dms_strbuf *text, const dms_params *params)
{
    quantised q = count_quantised(params);

    if (q.tensors > 0)
        dms_strbuf_printf(text,
                          "quantised        %zu parameters in %zu tensors are "
                          "8-bit integers\n",
                          q.parameters, q.tensors);
}

static char *describe_for_person(const dms_model *model)
{
    const dms_model_config *config = &model->config;
    const dms_architecture *a = &config->architecture;
    const dms_preprocess *p = &config->preprocess;
    dms_strbuf text;
    char *result;

    dms_strbuf_init(&text);
    write_labels(&text, config);
    dms_strbuf_printf(&text, "backbone         %s\n",
                      dms_backbone_name(a->backbone));
    dms_strbuf_printf(&text, "context          %s, width %d\n",
                      dms_context_name(a->context), a->width);
    dms_strbuf_printf(&text, "fusion           %s\n",
                      dms_fusion_name(a->fusion));
    dms_strbuf_printf(&text, "eyes             %s\n", dms_eyes_name(a->eyes));
    dms_strbuf_printf(&text, "parameters       %zu in %zu tensors\n",
                      dms_model_parameters(model), model->params->count);
    write_quantised(&text, model->params);
    dms_strbuf_printf(&text,
                      "preprocessing    %d x %d px, %s, field of view %s, "
                      "enhancement %s\n",
                      p->size, p->size, dms_filter_name(p->filter),
                      p->crop ? "cropped" : "as it is",
                      dms_enhance_name(p->enhance));
    if (a->task == DMS_TASK_MULTI_LABEL ||
        dms_label_set_is_odir(config->labels))
        write_thresholds(&text, config);
    write_calibration(&text, config);
    if (config->trained_on.digests)
        dms_strbuf_printf(&text, "trained on       %zu photographs\n",
                          config->trained_on.count);
    dms_strbuf_puts(&text, "provenance\n");
    write_provenance(&text, config);
    result = dms_strbuf_detach(&text);
    dms_strbuf_release(&text);
    return result;
}

static char *describe_for_machine(const dms_model *model)
{
    char *config = dms_model_config_json(&model->config);
    json_t *root =
        config ? dms_json_read(config, strlen(config), 0, NULL) : NULL;
    quantised q = count_quantised(model->params);
    char *text;

    dms_json_set(&root, "parameters",
                 json_integer((json_int_t)dms_model_parameters(model)));
    dms_json_set(&root, "tensors",
                 json_integer((json_int_t)model->params->count));
    if (model->config.trained_on.digests)
        dms_json_set(&root, "trained_on",
                     json_integer((json_int_t)model->config.trained_on.count));
    dms_json_set(&root, "quantised",
                 json_pack("{s:I, s:I}", "parameters", (json_int_t)q.parameters,
                           "tensors", (json_int_t)q.tensors));
    text = dms_json_dump(root, (dms_json_style){.indent = 2});
    json_decref(root);
    dms_free(config);
    return text;
}

dms_status dms_model_describe(char **text, const dms_model *model, bool json,
                              dms_error *err)
{
    *text = json ? describe_for_machine(model) : describe_for_person(model);
    return *text ? DMS_OK : dms_fail_memory(err, "model description");
}
