/* Optimiser steps on prescribed gradients: one safetensors file in, one out.
 *
 *     optimizer_steps IN OUT
 *
 * in   weight.0 .. (2 axes: decayed), bias.0 .. (1 axis: not); grad.<name> of
 *      shape steps x (the tensor's); lr: steps; metadata kind, decay,
 *      momentum, nesterov, clip, accumulate
 * out  the tensors after all steps */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "formats/safetensors.h"
#include "train/optimizer.h"

static double number(const dms_safetensors *in, const char *key)
{
    const char *text = dms_safetensors_metadata(in, key);

    return text ? strtod(text, NULL) : 0.0;
}

static dms_optimizer_options options_of(const dms_safetensors *in)
{
    return (dms_optimizer_options){
        .kind = number(in, "sgd") ? DMS_OPTIMIZER_SGD : DMS_OPTIMIZER_ADAMW,
        .weight_decay = number(in, "decay"),
        .momentum = number(in, "momentum"),
        .nesterov = number(in, "nesterov"),
        .beta1 = 0.9,
        .beta2 = 0.999,
        .backbone_lr = 1,
        .stage_decay = 1,
        .clip_norm = number(in, "clip"),
        .accumulate = (int)number(in, "accumulate")};
}

static bool is_gradient(const dms_tensor_view *view)
{
    return strncmp(view->name, "grad.", 5) == 0 ||
           strcmp(view->name, "lr") == 0;
}

static dms_status declare(dms_params *params, const dms_safetensors *in,
                          dms_error *err)
{
    for (size_t i = 0; i < dms_safetensors_count(in); i++) {
        const dms_tensor_view *view = dms_safetensors_at(in, i);
        dms_param param = {.axes = view->axes, .block_out = 1, .block_in = 1};

        if (is_gradient(view))
            continue;
        param.role = view->axes == 1 ? DMS_PARAM_BIAS : DMS_PARAM_WEIGHT;
        snprintf(param.name, sizeof param.name, "%s", view->name);
        memcpy(param.shape, view->shape,
               (size_t)view->axes * sizeof *param.shape);
        if (!dms_params_declare(params, &param))
            return dms_fail_memory(err, view->name);
    }
    return dms_params_allocate(params, true, err);
}

static dms_status load_values(dms_params *params, const dms_safetensors *in,
                              dms_error *err)
{
    dms_status st = DMS_OK;

    for (size_t i = 0; st == DMS_OK && i < params->count; i++)
        st = dms_tensor_to_f32(params->value + params->items[i].offset,
                               dms_safetensors_find(in, params->items[i].name),
                               err);
    return st;
}

static void load_gradients(dms_params *params, const dms_safetensors *in,
                           size_t batch)
{
    for (size_t i = 0; i < params->count; i++) {
        const dms_param *param = &params->items[i];
        char name[DMS_PARAM_NAME_MAX + 8];
        const dms_tensor_view *view;

        snprintf(name, sizeof name, "grad.%s", param->name);
        view = dms_safetensors_find(in, name);
        memcpy(params->grad + param->offset,
               (const char *)view->data + batch * param->len * sizeof(float),
               param->len * sizeof(float));
    }
}

static void all_steps(dms_optimizer *o, const dms_safetensors *in)
{
    const dms_tensor_view *rates = dms_safetensors_find(in, "lr");
    size_t batches = (size_t)rates->shape[0] * (size_t)o->options.accumulate;

    for (size_t batch = 0; batch < batches; batch++) {
        float lr;

        load_gradients(o->params, in, batch);
        if (!dms_optimizer_add(o))
            continue;
        memcpy(&lr, (const char *)rates->data + (size_t)o->step * sizeof lr,
               sizeof lr);
        dms_optimizer_step(o, (double)lr);
    }
}

static dms_status write_values(const dms_params *params, const char *path,
                               dms_error *err)
{
    dms_tensor_view views[16] = {0};

    for (size_t i = 0; i < params->count && i < 16; i++) {
        const dms_param *param = &params->items[i];

        views[i] = (dms_tensor_view){.name = param->name,
                                     .dtype = DMS_DTYPE_F32,
                                     .axes = param->axes,
                                     .data = params->value + param->offset,
                                     .size = param->len * sizeof(float)};
        memcpy(views[i].shape, param->shape,
               (size_t)param->axes * sizeof *param->shape);
    }
    return dms_safetensors_write(path, views, params->count, NULL, 0, err);
}

int main(int argc, char **argv)
{
    dms_status st = DMS_OK;
    dms_error err = {0};
    dms_safetensors *in = NULL;
    dms_params *params = dms_params_create();
    dms_optimizer *optimizer = NULL;
    dms_optimizer_options options;

    if (argc != 3 || !params) {
        fprintf(stderr, "usage: optimizer_steps IN OUT\n");
        return 2;
    }
    TRY(dms_safetensors_open(&in, argv[1], &err));
    options = options_of(in);
    TRY(declare(params, in, &err));
    TRY(load_values(params, in, &err));
    TRY(dms_optimizer_create(&optimizer, params, &options, &err));
    all_steps(optimizer, in);
    TRY(write_values(params, argv[2], &err));
done:
    if (st != DMS_OK)
        fprintf(stderr, "%s\n", err.message);
    dms_optimizer_destroy(optimizer);
    dms_params_destroy(params);
    dms_safetensors_close(in);
    return st == DMS_OK ? 0 : 1;
}
