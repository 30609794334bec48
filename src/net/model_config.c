/* A model's description as JSON text, both ways. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "formats/json.h"
#include "net/label_set_json.h"
#include "net/model_file.h"
#include "net/provenance.h"

#define FORMAT "dmsnet-1"

typedef const char *(*choice_name)(unsigned value);

static const char *backbone_name(unsigned value)
{
    return dms_backbone_name((dms_backbone)value);
}

static const char *context_name(unsigned value)
{
    return dms_context_name((dms_context)value);
}

static const char *fusion_name(unsigned value)
{
    return dms_fusion_name((dms_fusion)value);
}

static const char *eyes_name(unsigned value)
{
    return dms_eyes_name((dms_eyes)value);
}

static const char *task_name(unsigned value)
{
    return dms_task_name((dms_task)value);
}

static const char *filter_name(unsigned value)
{
    return dms_filter_name((dms_filter)value);
}

static const char *enhance_name(unsigned value)
{
    return dms_enhance_name((dms_enhance)value);
}

dms_status dms_model_config_init(dms_model_config *config,
                                 const dms_label_set *labels, dms_error *err)
{
    dms_status st;
    size_t count = (size_t)dms_label_set_count(labels);

    *config = (dms_model_config){.architecture = dms_architecture_default(),
                                 .temperature = 1.0,
                                 .provenance = "{}"};
    config->architecture.labels = (int)count;
    config->architecture.task = dms_label_set_task(labels);
    config->preprocess = dms_preprocess_default(config->architecture.size);
    TRY(dms_label_set_copy(&config->labels, labels, err));
    config->thresholds = dms_calloc(count, sizeof *config->thresholds);
    config->calibration = dms_calloc(count, sizeof *config->calibration);
    if (!config->thresholds || !config->calibration) {
        st = dms_fail_memory(err, "thresholds");
        goto done;
    }
    for (size_t k = 0; k < count; k++) {
        config->thresholds[k] = 0.5;
        config->calibration[k] = (dms_calibration){1, 0};
    }
done:
    return st;
}

void dms_model_config_release(dms_model_config *config)
{
    dms_label_set_destroy(config->labels);
    dms_free(config->thresholds);
    dms_free(config->calibration);
    dms_trained_on_release(&config->trained_on);
    *config = (dms_model_config){.temperature = 1.0};
}

bool dms_model_config_calibrated(const dms_model_config *config)
{
    for (int k = 0; k < dms_label_set_count(config->labels); k++)
        if (config->calibration[k].slope != 1 ||
            config->calibration[k].intercept != 0)
            return true;
    return false;
}

bool dms_model_config_same_calibration(const dms_model_config *a,
                                       const dms_model_config *b)
{
    bool same = a->temperature == b->temperature;

    for (int k = 0; k < dms_label_set_count(a->labels); k++)
        same = same && a->calibration[k].slope == b->calibration[k].slope &&
               a->calibration[k].intercept == b->calibration[k].intercept;
    return same;
}

dms_status dms_model_config_undecide(dms_model_config *config, bool *dropped,
                                     const char *name, dms_error *err)
{
    *dropped = dms_model_config_calibrated(config);
    for (int k = 0; k < dms_label_set_count(config->labels); k++) {
        *dropped = *dropped || config->thresholds[k] != 0.5;
        config->thresholds[k] = 0.5;
        config->calibration[k] = (dms_calibration){1, 0};
    }
    config->temperature = 1;
    return dms_provenance_remove(config, DMS_PROVENANCE_CALIBRATED, name, err);
}

static json_t *thresholds_json(const dms_model_config *config)
{
    json_t *thresholds = json_array();

    for (int k = 0; k < dms_label_set_count(config->labels); k++)
        dms_json_append(&thresholds, dms_json_real(config->thresholds[k]));
    return thresholds;
}

/* Has a label another calibration than the common temperature? */
static bool has_own(const dms_model_config *config)
{
    for (int k = 0; k < dms_label_set_count(config->labels); k++)
        if (config->calibration[k].slope != 1 / config->temperature ||
            config->calibration[k].intercept != 0)
            return true;
    return false;
}

static json_t *calibration_json(const dms_model_config *config)
{
    json_t *root = json_object(), *slopes, *intercepts;

    dms_json_set(&root, "temperature", json_real(config->temperature));
    if (!has_own(config))
        return root;
    slopes = json_array(), intercepts = json_array();
    for (int k = 0; k < dms_label_set_count(config->labels); k++) {
        dms_json_append(&slopes, json_real(config->calibration[k].slope));
        dms_json_append(&intercepts,
                        json_real(config->calibration[k].intercept));
    }
    dms_json_set(&root, "slopes", slopes);
    dms_json_set(&root, "intercepts", intercepts);
    return root;
}

char *dms_model_config_json(const dms_model_config *config)
{
    const dms_architecture *a = &config->architecture;
    const dms_preprocess *p = &config->preprocess;
    json_t *root = json_pack(
        "{s:s, s:{s:s, s:i, s:s, s:s, s:s, s:s, s:o, s:i}, s:o,"
        " s:{s:i, s:b, s:s, s:s}, s:o, s:o, s:o}",
        "format", FORMAT, "architecture", "backbone",
        dms_backbone_name(a->backbone), "width", a->width, "context",
        dms_context_name(a->context), "fusion", dms_fusion_name(a->fusion),
        "eyes", dms_eyes_name(a->eyes), "task", dms_task_name(a->task),
        "labels", dms_label_codes_json(config->labels), "size", a->size,
        "label_set", dms_label_set_json(config->labels), "preprocessing",
        "size", p->size, "crop", p->crop, "filter", dms_filter_name(p->filter),
        "enhance", dms_enhance_name(p->enhance), "thresholds",
        thresholds_json(config), "calibration", calibration_json(config),
        "provenance", dms_provenance_read(config));
    char *text = dms_json_dump(root, (dms_json_style){.compact = true});

    json_decref(root);
    return text;
}

/* The state of a parse: the file and the place in it, for messages. */
typedef struct reader {
    const char *name;
    dms_error *err;
} reader;

static dms_status read_choice(unsigned *value, const json_t *object,
                              const char *key, choice_name name_of,
                              const reader *r)
{
    const char *text = json_string_value(json_object_get(object, key));

    if (!text)
        return DMS_OK; /* missing: keep the default */
    for (unsigned i = 0; name_of(i); i++)
        if (strcmp(name_of(i), text) == 0) {
            *value = i;
            return DMS_OK;
        }
    return dms_fail(r->err, DMS_EFORMAT,
                    "%s: metadata: %s is '%.40s', which this version does not "
                    "know",
                    r->name, key, text);
}

static dms_status read_int(int *value, const json_t *object, const char *key,
                           int low, int high, const reader *r)
{
    const json_t *item = json_object_get(object, key);
    json_int_t found = json_integer_value(item);

    if (!item)
        return DMS_OK;
    if (!json_is_integer(item) || found < low || found > high)
        return dms_fail(r->err, DMS_EFORMAT,
                        "%s: metadata: %s is not a whole number from %d to %d",
                        r->name, key, low, high);
    *value = (int)found;
    return DMS_OK;
}

static dms_status read_architecture(dms_architecture *a, const json_t *object,
                                    const reader *r)
{
    dms_status st;
    unsigned backbone = a->backbone, context = a->context;
    unsigned fusion = a->fusion, eyes = a->eyes, task = a->task;

    TRY(read_choice(&backbone, object, "backbone", backbone_name, r));
    TRY(read_choice(&context, object, "context", context_name, r));
    TRY(read_choice(&fusion, object, "fusion", fusion_name, r));
    TRY(read_choice(&eyes, object, "eyes", eyes_name, r));
    TRY(read_choice(&task, object, "task", task_name, r));
    TRY(read_int(&a->width, object, "width", 16, 2048, r));
    TRY(read_int(&a->size, object, "size", 32, 2048, r));
    a->backbone = (dms_backbone)backbone;
    a->context = (dms_context)context;
    a->fusion = (dms_fusion)fusion;
    a->eyes = (dms_eyes)eyes;
    a->task = (dms_task)task;
done:
    return st;
}

static dms_status read_preprocess(dms_preprocess *p, const json_t *object,
                                  const reader *r)
{
    dms_status st;
    unsigned filter = p->filter, enhance = p->enhance;
    const json_t *crop = json_object_get(object, "crop");

    TRY(read_int(&p->size, object, "size", 32, 2048, r));
    TRY(read_choice(&filter, object, "filter", filter_name, r));
    TRY(read_choice(&enhance, object, "enhance", enhance_name, r));
    if (crop)
        p->crop = json_is_true(crop);
    p->filter = (dms_filter)filter;
    p->enhance = (dms_enhance)enhance;
done:
    return st;
}

static dms_status read_thresholds(dms_model_config *config, const json_t *root,
                                  const reader *r)
{
    const json_t *thresholds = json_object_get(root, "thresholds");

    for (int k = 0; thresholds && k < dms_label_set_count(config->labels);
         k++) {
        const json_t *item = json_array_get(thresholds, (size_t)k);
        double t = json_number_value(item);

        if (!json_is_number(item) || !(t >= 0 && t <= 1))
            return dms_fail(r->err, DMS_EFORMAT,
                            "%s: metadata: threshold of %s is not a number "
                            "from 0 to 1",
                            r->name, dms_label_set_code(config->labels, k));
        config->thresholds[k] = t;
    }
    return DMS_OK;
}

static dms_status read_temperature(dms_model_config *config, const json_t *root,
                                   const reader *r)
{
    const json_t *temperature = json_object_get(root, "temperature");
    double t = temperature ? json_number_value(temperature) : 1;

    if (!(t > 0) || isinf(t) || isinf(1 / t))
        return dms_fail(r->err, DMS_EFORMAT,
                        "%s: metadata: temperature is not a number above 0",
                        r->name);
    config->temperature = t;
    for (int k = 0; k < dms_label_set_count(config->labels); k++)
        config->calibration[k] = (dms_calibration){1 / t, 0};
    return DMS_OK;
}

/* An array of K under the key; *out borrows it. */
static dms_status read_list(const json_t **out, const dms_model_config *config,
                            const json_t *root, const char *key,
                            const reader *r)
{
    size_t count = (size_t)dms_label_set_count(config->labels);

    *out = json_object_get(root, key);
    if (json_is_array(*out) && json_array_size(*out) == count)
        return DMS_OK;
    return dms_fail(r->err, DMS_EFORMAT,
                    "%s: metadata: calibration: %s is not a list of %zu "
                    "numbers, one per label",
                    r->name, key, count);
}

static dms_status read_calibration(dms_model_config *config, const json_t *root,
                                   const reader *r)
{
    const json_t *slopes, *intercepts;
    dms_status st;

    TRY(read_temperature(config, root, r));
    if (!json_object_get(root, "slopes") &&
        !json_object_get(root, "intercepts"))
        goto done; /* all labels have the common temperature */
    TRY(read_list(&slopes, config, root, "slopes", r));
    TRY(read_list(&intercepts, config, root, "intercepts", r));
    for (int k = 0; k < dms_label_set_count(config->labels); k++) {
        const char *code = dms_label_set_code(config->labels, k);
        const json_t *slope = json_array_get(slopes, (size_t)k);
        const json_t *intercept = json_array_get(intercepts, (size_t)k);
        dms_calibration *c = &config->calibration[k];

        *c = (dms_calibration){json_number_value(slope),
                               json_number_value(intercept)};
        if (!(c->slope > 0) || isinf(c->slope))
            return dms_fail(r->err, DMS_EFORMAT,
                            "%s: metadata: calibration: slope of %s is not a "
                            "number above 0",
                            r->name, code);
        if (!json_is_number(intercept) || !isfinite(c->intercept))
            return dms_fail(r->err, DMS_EFORMAT,
                            "%s: metadata: calibration: intercept of %s is not "
                            "a number",
                            r->name, code);
        if (dms_label_set_task(config->labels) == DMS_TASK_SINGLE_LABEL &&
            (c->slope != config->calibration[0].slope || c->intercept != 0))
            return dms_fail(r->err, DMS_EFORMAT,
                            "%s: metadata: calibration: one-of labels have the "
                            "same slope and no intercepts, %s differs",
                            r->name, code);
    }
done:
    return st;
}

/* What the provenance says is passed on unchecked. It is dropped if it is not
 * an object, to which nobody could add a key, or too long. */
static dms_status read_provenance(dms_model_config *config, const json_t *root,
                                  const reader *r)
{
    json_t *provenance = json_object_get(root, "provenance");
    char *text;

    if (!json_is_object(provenance))
        return DMS_OK;
    text = dms_json_dump(provenance, (dms_json_style){.compact = true});
    if (!text)
        return dms_fail_memory(r->err, r->name);
    if (strlen(text) < sizeof config->provenance)
        strcpy(config->provenance, text);
    dms_free(text);
    return DMS_OK;
}

/* Read the description's architecture and labels into an empty config. */
static dms_status read_head(dms_model_config *config, const json_t *root,
                            const reader *r)
{
    dms_architecture arch = dms_architecture_default();
    dms_label_set *labels = NULL;
    dms_status st;

    TRY(read_architecture(&arch, json_object_get(root, "architecture"), r));
    TRY(dms_label_set_from_json(&labels, root, arch.task, r->name, r->err));
    TRY(dms_model_config_init(config, labels, r->err));
    arch.labels = dms_label_set_count(labels);
    arch.task = dms_label_set_task(labels);
    config->architecture = arch;
    config->preprocess.size = arch.size;
done:
    dms_label_set_destroy(labels);
    return st;
}

dms_status dms_model_config_parse(dms_model_config *config, const char *text,
                                  const char *name, dms_error *err)
{
    dms_status st;
    reader r = {name, err};
    json_error_t problem;
    json_t *root =
        dms_json_read(text, strlen(text), JSON_REJECT_DUPLICATES, &problem);
    const char *format = json_string_value(json_object_get(root, "format"));

    *config = (dms_model_config){.temperature = 1.0};
    if (!root && json_error_code(&problem) == json_error_out_of_memory) {
        st = dms_fail_memory(err, name);
        goto done;
    }
    if (!root) {
        st = dms_fail(err, DMS_EFORMAT, "%s: metadata 'dmsnet': %s", name,
                      problem.text);
        goto done;
    }
    if (!format || strcmp(format, FORMAT) != 0) {
        st = dms_fail(err, DMS_EFORMAT,
                      "%s: metadata: format is '%.40s', expected '%s'", name,
                      format ? format : "", FORMAT);
        goto done;
    }
    TRY(read_head(config, root, &r));
    TRY(read_preprocess(&config->preprocess,
                        json_object_get(root, "preprocessing"), &r));
    TRY(read_thresholds(config, root, &r));
    TRY(read_calibration(config, json_object_get(root, "calibration"), &r));
    TRY(read_provenance(config, root, &r));
    TRY(dms_architecture_check(&config->architecture, err));
done:
    json_decref(root);
    return st;
}
