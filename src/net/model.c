/* Models in memory: made new, read from a file, copied for training. */
#include "net/model.h"

#include <math.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/labels.h"
#include "net/dmsnet.h"
#include "net/model_file.h"
#include "net/weights_file.h"

dms_status dms_model_new_params(dms_params **out, const dms_architecture *arch,
                                bool training, dms_error *err)
{
    dms_status st;
    dms_params *params = dms_params_create();

    if (!params)
        return dms_fail_memory(err, "parameters");
    TRY(dms_net_declare(params, arch, training, false, err));
    TRY(dms_params_allocate(params, training, err));
    *out = params, params = NULL;
done:
    dms_params_destroy(params);
    return st;
}

/* The description of a model with that architecture and these labels. */
static dms_status describe(dms_model_config *config,
                           const dms_architecture *arch,
                           const dms_label_set *labels, dms_error *err)
{
    dms_label_set *asked = NULL;
    dms_status st;

    TRY(dms_label_set_asked(&asked, labels ? labels : dms_label_set_odir(),
                            arch->task, err));
    TRY(dms_model_config_init(config, asked, err));
    config->architecture = *arch;
    config->architecture.labels = dms_label_set_count(asked);
    config->architecture.task = dms_label_set_task(asked);
    config->preprocess.size = arch->size;
    TRY(dms_architecture_check(&config->architecture, err));
done:
    dms_label_set_destroy(asked);
    return st;
}

dms_status dms_model_new(dms_model **out, dms_error *err)
{
    dms_model *model = dms_calloc(1, sizeof *model);

    if (model)
        model->store = dms_kept_store_create();
    if (!model || !model->store) {
        dms_free(model);
        return dms_fail_memory(err, "model");
    }
    *out = model;
    return DMS_OK;
}

dms_status dms_model_create(dms_model **out, const dms_architecture *arch,
                            const dms_label_set *labels, uint64_t seed,
                            dms_error *err)
{
    dms_status st;
    dms_model *model = NULL;

    TRY(dms_model_new(&model, err));
    TRY(describe(&model->config, arch, labels, err));
    TRY(dms_model_new_params(&model->params, &model->config.architecture, false,
                             err));
    TRY(dms_params_fill(model->params, seed, err));
    *out = model, model = NULL;
done:
    dms_model_destroy(model);
    return st;
}

dms_status dms_model_open(dms_model **out, const char *path,
                          const dms_monitor *monitor, dms_error *err)
{
    dms_model *model = NULL;
    dms_status st;

    TRY(dms_model_new(&model, err));
    TRY(dms_model_file_map(&model->config, &model->params, &model->file, path,
                           monitor, err));
    *out = model, model = NULL;
done:
    dms_model_destroy(model);
    return st;
}

dms_status dms_model_write(const dms_model *model, const char *path,
                           dms_error *err)
{
    return dms_model_file_write(path, &model->config, model->params, NULL, err);
}

void dms_model_destroy(dms_model *model)
{
    if (!model)
        return;
    dms_kept_store_destroy(model->store);
    dms_params_destroy(model->params);
    dms_tensor_file_close(model->file);
    dms_model_config_release(&model->config);
    dms_free(model);
}

bool dms_models_prepare_alike(const dms_model *a, const dms_model *b)
{
    const dms_preprocess *p = &a->config.preprocess;
    const dms_preprocess *q = &b->config.preprocess;

    return p->size == q->size && p->crop == q->crop && p->filter == q->filter &&
           p->enhance == q->enhance;
}

const dms_architecture *dms_model_get_architecture(const dms_model *model)
{
    return &model->config.architecture;
}

const dms_preprocess *dms_model_get_preprocess(const dms_model *model)
{
    return &model->config.preprocess;
}

const char *dms_model_get_provenance(const dms_model *model)
{
    return model->config.provenance;
}

int dms_model_label_count(const dms_model *model)
{
    return model->config.architecture.labels;
}

const char *dms_model_label_code(const dms_model *model, int k)
{
    return dms_label_set_code(model->config.labels, k);
}

const char *dms_model_label_name(const dms_model *model, int k)
{
    return dms_label_set_name(model->config.labels, k);
}

double dms_model_threshold(const dms_model *model, int k)
{
    return k >= 0 && k < dms_model_label_count(model)
               ? model->config.thresholds[k]
               : NAN;
}

dms_calibration dms_model_calibration(const dms_model *model, int k)
{
    return k >= 0 && k < dms_model_label_count(model)
               ? model->config.calibration[k]
               : (dms_calibration){NAN, NAN};
}

double dms_model_temperature(const dms_model *model)
{
    return model->config.temperature;
}

size_t dms_model_feature_width(const dms_model *model)
{
    return 2 * (size_t)model->config.architecture.width;
}

const dms_label_set *dms_model_get_labels(const dms_model *model)
{
    return model->config.labels;
}

size_t dms_model_parameters(const dms_model *model)
{
    size_t count = 0;

    for (size_t i = 0; i < model->params->count; i++)
        if (dms_param_trained(&model->params->items[i]))
            count += model->params->items[i].len;
    return count;
}

int dms_backend_text(char *text, size_t capacity)
{
    return dms_net_backend(text, capacity);
}

dms_status dms_model_copy_for_training(dms_params **out, const dms_model *model,
                                       dms_error *err)
{
    dms_status st;
    dms_params *params = NULL;
    float *plain = dms_calloc(dms_params_longest(model->params), sizeof *plain);

    if (!plain) {
        st = dms_fail_memory(err, "model");
        goto done;
    }
    TRY(dms_model_new_params(&params, &model->config.architecture, true, err));
    /* the rows of a quantised model's scales come last */
    for (size_t i = 0; i < params->count; i++) {
        dms_param_read(plain, model->params, i);
        dms_param_pack(&params->items[i],
                       params->value + params->items[i].offset, plain);
    }
    *out = params;
done:
    dms_free(plain);
    return st;
}
