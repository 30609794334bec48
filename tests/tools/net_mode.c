/* A network in a mode of its own, for PyTorch to be held against.
 *
 *     net_mode MODEL IN OUT gradients PLACE    dL/d(images, map, context or
 *                                              features), by running statistics
 *     net_mode MODEL IN OUT update|mean STEPS  the logits of the last of STEPS
 *                                              forwards by batch statistics,
 *                                              and where the running ones are
 *
 * IN holds left and right, N x 3 x S x S, and for gradients dL/dlogits: patient
 * N x K, eyes 2N x K. OUT gets `gradient` and `value`, N x H x W x C, or
 * `patient` and the statistics by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/labels.h"
#include "formats/safetensors.h"
#include "net/dmsnet.h"
#include "net/model_file.h"

enum { K = DMS_ODIR_LABELS, VIEWS_MAX = 1024 };

typedef struct work {
    dms_model_config config;
    dms_params *file;   /* as the model file has it */
    dms_params *params; /* a table of one's own, to be changed */
    dms_safetensors *in;
    dms_net_options options;
    dms_net *net;
    float *gradient, *value; /* of the place */
    dms_tensor_view *views;
    size_t count;
} work;

static dms_status take(float *out, const work *w, const char *name,
                       dms_error *err)
{
    const dms_tensor_view *view = dms_safetensors_find(w->in, name);

    return view ? dms_tensor_to_f32(out, view, err)
                : dms_fail(err, DMS_EMISMATCH, "%s is missing", name);
}

static void put(work *w, const char *name, int axes, const int64_t *shape,
                const float *data)
{
    dms_tensor_view *view = &w->views[w->count++];

    *view = (dms_tensor_view){.name = name,
                              .dtype = DMS_DTYPE_F32,
                              .axes = axes,
                              .data = data,
                              .size = sizeof *data};
    for (int i = 0; i < axes; i++) {
        view->shape[i] = shape[i];
        view->size *= (size_t)shape[i];
    }
}

/* The same values in memory that a forward may write to. */
static dms_status copy_table(work *w, dms_error *err)
{
    dms_status st = DMS_OK;

    w->params = dms_params_create();
    if (!w->params)
        return dms_fail_memory(err, "parameters");
    TRY(dms_net_declare(w->params, &w->config.architecture, false, false, err));
    TRY(dms_params_allocate(w->params, false, err));
    for (size_t i = 0; i < w->params->count; i++)
        dms_param_read(w->params->value + w->params->items[i].offset, w->file,
                       i);
done:
    return st;
}

static dms_status make_net(work *w, dms_error *err)
{
    dms_status st;
    const dms_tensor_view *left = dms_safetensors_find(w->in, "left");
    size_t half;

    w->options.patients = (int)left->shape[0];
    w->options.size = (int)left->shape[2];
    half = (size_t)(3 * left->shape[0] * left->shape[2] * left->shape[3]);
    TRY(dms_net_create(&w->net, &w->config.architecture, w->params, &w->options,
                       err));
    TRY(take(dms_net_images(w->net), w, "left", err));
    TRY(take(dms_net_images(w->net) + half, w, "right", err));
done:
    return st;
}

static dms_status run_gradients(work *w, const char *name, dms_error *err)
{
    static const char *const names[DMS_NET_PLACES] = {"images", "map",
                                                      "context", "features"};
    dms_net_place place = DMS_PLACE_IMAGES;
    dms_status st;
    dms_shape s;

    while (place < DMS_PLACE_FEATURES && strcmp(names[place], name) != 0)
        place++;
    w->options.mode.gradients = DMS_GRADIENTS_NODES;
    w->options.gradient_of[place] = true;
    TRY(make_net(w, err));
    TRY(dms_net_forward(w->net, 0, err));
    TRY(take(dms_net_patient_gradient(w->net), w, "patient", err));
    TRY(take(dms_net_eye_gradient(w->net), w, "eyes", err));
    TRY(dms_net_backward(w->net, err));
    s = dms_net_place_shape(w->net, place);
    w->gradient = dms_calloc(dms_shape_len(&s), sizeof(float));
    w->value = dms_calloc(dms_shape_len(&s), sizeof(float));
    if (!w->gradient || !w->value)
        return dms_fail_memory(err, "gradient");
    dms_net_read_gradient(w->gradient, w->net, place);
    dms_net_read_value(w->value, w->net, place);
    put(w, "gradient", 4, (int64_t[]){s.n, s.h, s.w, s.c}, w->gradient);
    put(w, "value", 4, (int64_t[]){s.n, s.h, s.w, s.c}, w->value);
done:
    return st;
}

static dms_status run_statistics(work *w, const char *which, int steps,
                                 dms_error *err)
{
    dms_status st;

    w->options.mode.statistics = strcmp(which, "mean") == 0
                                     ? DMS_STATISTICS_MEAN
                                     : DMS_STATISTICS_UPDATE;
    TRY(make_net(w, err));
    for (int i = 0; i < steps; i++)
        TRY(dms_net_forward(w->net, 0, err));
    put(w, "patient", 2, (int64_t[]){w->options.patients, K},
        dms_net_patient_logits(w->net));
    for (size_t i = 0; i < w->params->count; i++) {
        const dms_param *p = &w->params->items[i];

        if (p->role == DMS_PARAM_STAT || p->role == DMS_PARAM_COUNT)
            put(w, p->name, p->axes, p->shape, w->params->value + p->offset);
    }
done:
    return st;
}

static dms_status run(work *w, char **argv, dms_error *err)
{
    dms_status st;

    w->views = dms_calloc(VIEWS_MAX, sizeof *w->views);
    if (!w->views)
        return dms_fail_memory(err, "tensors");
    TRY(dms_model_file_read(&w->config, &w->file, argv[1], NULL, NULL, err));
    TRY(copy_table(w, err));
    TRY(dms_safetensors_open(&w->in, argv[2], err));
    if (strcmp(argv[4], "gradients") == 0)
        TRY(run_gradients(w, argv[5], err));
    else
        TRY(run_statistics(w, argv[4], atoi(argv[5]), err));
    TRY(dms_safetensors_write(argv[3], w->views, w->count, NULL, 0, err));
done:
    return st;
}

int main(int argc, char **argv)
{
    dms_error err = {0};
    work w = {0};
    dms_status st;

    if (argc != 6) {
        fprintf(stderr, "usage: net_mode MODEL IN OUT "
                        "gradients|update|mean PLACE|STEPS\n");
        return 2;
    }
    st = run(&w, argv, &err);
    if (st != DMS_OK)
        fprintf(stderr, "net_mode: %s\n", err.message);
    dms_net_destroy(w.net);
    dms_params_destroy(w.params);
    dms_params_destroy(w.file);
    dms_safetensors_close(w.in);
    dms_free(w.gradient);
    dms_free(w.value);
    dms_free(w.views);
    return st == DMS_OK ? 0 : 1;
}
