/* Runs the network on given tensors, for comparison with other programs. Relies
 * on the input file's tensor names; checks every type and shape. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "net/model.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/growing.h"
#include "dms/tensor.h"
#include "formats/safetensors.h"
#include "net/compute.h"
#include "net/dmsnet.h"
#include "train/loss.h"
#include "machine/threads.h"

/* An input file and the sizes found in it. */
typedef struct request {
    const char *path;
    dms_safetensors *file;
    int patients; /* N */
    int size;     /* S */
    int labels;   /* K, the model's */
} request;

static dms_status find_tensor(const dms_tensor_view **view, const request *r,
                              const char *name, dms_error *err)
{
    *view = dms_safetensors_find(r->file, name);
    if (!*view)
        return dms_fail(err, DMS_EMISMATCH, "%s: tensor %s is missing", r->path,
                        name);
    return DMS_OK;
}

/* Open the file, of which N and S are those of its tensor `left`, and check
 * that the output can be written. */
static dms_status request_open(request *r, const char *path, const char *out,
                               const dms_model *model, dms_error *err)
{
    dms_status st;
    const dms_tensor_view *left;

    *r = (request){.path = path, .labels = model->config.architecture.labels};
    TRY(dms_safetensors_open(&r->file, path, err));
    TRY(dms_file_try(out, err));
    TRY(find_tensor(&left, r, "left", err));
    if (left->axes != 4 || left->shape[0] < 1 || left->shape[0] > 4096 ||
        left->shape[1] != 3 || left->shape[2] != left->shape[3] ||
        left->shape[2] < 32 || left->shape[2] > 4096)
        return dms_fail(err, DMS_EMISMATCH,
                        "%s: tensor left is not N x 3 x S x S with N from 1 "
                        "and S from 32 to 4096",
                        path);
    r->patients = (int)left->shape[0];
    r->size = (int)left->shape[2];
done:
    return st;
}

static void request_close(request *r)
{
    dms_safetensors_close(r->file);
}

/* Read a float32 tensor of exactly this shape into out. */
static dms_status read_tensor(float *out, const request *r, const char *name,
                              int axes, const int64_t *shape, dms_error *err)
{
    dms_status st;
    const dms_tensor_view *view;

    TRY(find_tensor(&view, r, name, err));
    if (view->axes != axes ||
        memcmp(view->shape, shape, (size_t)axes * sizeof *shape) != 0)
        return dms_fail(err, DMS_EMISMATCH,
                        "%s: tensor %s does not have the shape that `left` and "
                        "the model need (first dimension %" PRId64 ")",
                        r->path, name, shape[0]);
    TRY(dms_tensor_to_f32(out, view, err));
done:
    return st;
}

static dms_status read_pixels(float *out, const request *r, const char *name,
                              const int64_t shape[4], dms_error *err)
{
    dms_status st;
    size_t len = (size_t)(shape[0] * shape[1] * shape[2] * shape[3]);

    TRY(read_tensor(out, r, name, 4, shape, err));
    if (!dms_floats_finite(out, len))
        st = dms_fail(err, DMS_EFORMAT,
                      "%s: tensor %s holds a value that is not finite", r->path,
                      name);
done:
    return st;
}

/* Read both eyes into the net's one batch. If the model uses one eye, that eye
 * stands in for both. */
static dms_status read_images(dms_net *net, const request *r, dms_eyes eyes,
                              dms_error *err)
{
    dms_status st;
    const int64_t shape[] = {r->patients, 3, r->size, r->size};
    size_t half = (size_t)r->patients * 3 * (size_t)r->size * (size_t)r->size;
    float *images = dms_net_images(net);
    const char *first = eyes == DMS_EYES_RIGHT ? "right" : "left";
    const char *second = eyes == DMS_EYES_LEFT ? "left" : "right";

    TRY(read_pixels(images, r, first, shape, err));
    TRY(read_pixels(images + half, r, second, shape, err));
done:
    return st;
}

static dms_status check_answers(const dms_net *net, const request *r,
                                dms_error *err)
{
    dms_status st = DMS_OK;
    char who[192];

    for (size_t i = 0; i < (size_t)r->patients; i++) {
        snprintf(who, sizeof who, "row %zu of %.150s", i, r->path);
        TRY(dms_net_check(net, i, who, err));
    }
done:
    return st;
}

static dms_tensor_view logits_view(const char *name, const float *data,
                                   const request *r)
{
    return (dms_tensor_view){.name = name,
                             .dtype = DMS_DTYPE_F32,
                             .axes = 2,
                             .shape = {r->patients, r->labels},
                             .data = data,
                             .size = (size_t)r->patients * (size_t)r->labels *
                                     sizeof *data};
}

void dms_backward_options_init(dms_backward_options *options,
                               size_t struct_size)
{
    const dms_backward_options plain = {.eye_weight = 0.3, .seed = 1};

    dms_growing_init(options, struct_size, &plain, sizeof plain);
}

dms_status dms_tensor_forward(const dms_model *model, const char *in_path,
                              const char *out_path, const dms_compute *compute,
                              dms_error *err)
{
    dms_status st;
    request r = {0};
    dms_net *net = NULL;
    dms_net_options options = {.labels = model->config.labels};
    dms_tensor_view out[3];
    dms_compute own;
    const float *eye;
    int threads = 0;

    TRY(dms_compute_take(&own, compute, err));
    threads = dms_threads_use(own.threads);
    TRY(request_open(&r, in_path, out_path, model, err));
    options.patients = r.patients;
    options.size = r.size;
    TRY(dms_compute_apply(&options, &own, model->params, 0, err));
    TRY(dms_net_create(&net, &model->config.architecture, model->params,
                       &options, err));
    TRY(read_images(net, &r, model->config.architecture.eyes, err));
    TRY(dms_net_forward(net, 0, err));
    TRY(check_answers(net, &r, err));
    eye = dms_net_eye_logits(net);
    out[0] = logits_view("patient", dms_net_patient_logits(net), &r);
    out[1] = logits_view("eye_left", eye, &r);
    out[2] = logits_view("eye_right", eye + r.patients * r.labels, &r);
    TRY(dms_safetensors_write(out_path, out, 3, NULL, 0, err));
done:
    dms_threads_use(threads);
    dms_net_destroy(net);
    request_close(&r);
    return st;
}

/* Read the labels as the loss expects them: eye labels are NaN if the file has
 * none. */
static dms_status read_labels(float *labels, float *eye_labels,
                              const request *r, dms_error *err)
{
    dms_status st;
    const int64_t shape[] = {r->patients, r->labels};
    size_t cells = (size_t)r->patients * (size_t)r->labels;
    bool left = dms_safetensors_find(r->file, "labels_left") != NULL;
    bool right = dms_safetensors_find(r->file, "labels_right") != NULL;

    if (left != right)
        return dms_fail(err, DMS_EMISMATCH,
                        "%s: labels_left and labels_right: both or neither "
                        "must be there, found only %s",
                        r->path, left ? "labels_left" : "labels_right");
    for (size_t i = 0; i < 2 * cells; i++)
        eye_labels[i] = NAN;
    TRY(read_tensor(labels, r, "labels", 2, shape, err));
    if (left) {
        TRY(read_tensor(eye_labels, r, "labels_left", 2, shape, err));
        TRY(read_tensor(eye_labels + cells, r, "labels_right", 2, shape, err));
    }
done:
    return st;
}

/* What the result of backward is written from. */
typedef struct answer {
    dms_tensor_view *views;
    size_t count;
    char (*names)[DMS_PARAM_NAME_MAX + 8];
    float *plain; /* all tensors, one after the other */
    float loss;
} answer;

/* Refuse a value that is not finite: gradients and statistics reveal an
 * overflow anywhere in the two passes. */
static dms_status check_answer(const char *name, const float *values,
                               size_t len, const char *path, dms_error *err)
{
    return dms_floats_finite(values, len)
               ? DMS_OK
               : dms_fail(err, DMS_EFORMAT,
                          "%s: %s holds a value that is not finite: the model "
                          "overflows on these tensors",
                          path, name);
}

static dms_status answer_fill(answer *a, const dms_params *params,
                              const char *path, dms_error *err)
{
    dms_status st = DMS_OK;
    size_t total = 0;
    dms_tensor_view *view;
    float *plain;

    for (size_t i = 0; i < params->count; i++)
        total += params->items[i].len;
    a->views = dms_calloc(params->count + 1, sizeof *a->views);
    a->names = dms_calloc(params->count, sizeof *a->names);
    a->plain = plain = dms_calloc(total, sizeof *plain);
    if (!a->views || !a->names || !a->plain)
        return dms_fail_memory(err, "gradients");
    TRY(check_answer("loss", &a->loss, 1, path, err));
    a->views[a->count++] = (dms_tensor_view){.name = "loss",
                                             .dtype = DMS_DTYPE_F32,
                                             .data = &a->loss,
                                             .size = sizeof a->loss};
    for (size_t i = 0; i < params->count; i++) {
        const dms_param *param = &params->items[i];
        bool trained = dms_param_trained(param);

        if (param->role == DMS_PARAM_COUNT)
            continue;
        snprintf(a->names[i], sizeof a->names[i], "%s.%s",
                 trained ? "grad" : "stat", param->name);
        dms_param_unpack(param, plain,
                         (trained ? params->grad : params->value) +
                             param->offset);
        TRY(check_answer(a->names[i], plain, param->len, path, err));
        view = &a->views[a->count++];
        *view = (dms_tensor_view){.name = a->names[i],
                                  .dtype = DMS_DTYPE_F32,
                                  .axes = param->axes,
                                  .data = plain,
                                  .size = param->len * sizeof *plain};
        memcpy(view->shape, param->shape, sizeof param->shape);
        plain += param->len;
    }
done:
    return st;
}

static dms_status run_backward(answer *a, dms_net *net, const request *r,
                               dms_task task,
                               const dms_backward_options *options,
                               dms_error *err)
{
    dms_status st;
    size_t cells = (size_t)r->patients * (size_t)r->labels;
    float *labels = dms_calloc(3 * cells, sizeof *labels);
    dms_loss_options loss = dms_loss_options_default(r->labels);
    dms_loss_batch batch;

    if (!labels)
        return dms_fail_memory(err, "labels");
    TRY(read_labels(labels, labels + cells, r, err));
    TRY(dms_net_forward(net, options->seed, err));
    loss.eye_weight = options->eye_weight;
    loss.task = task;
    batch = (dms_loss_batch){
        .patients = r->patients,
        .patient_logits = dms_net_patient_logits(net),
        .eye_logits = dms_net_eye_logits(net),
        .patient_targets = labels,
        .eye_targets = labels + cells,
    };
    a->loss =
        (float)dms_loss_evaluate(dms_net_patient_gradient(net),
                                 dms_net_eye_gradient(net), &batch, &loss);
    TRY(dms_net_backward(net, err));
done:
    dms_free(labels);
    return st;
}

dms_status dms_tensor_backward(const dms_model *model, const char *in_path,
                               const char *out_path,
                               const dms_backward_options *given,
                               dms_error *err)
{
    dms_status st;
    dms_backward_options options;
    request r = {0};
    answer a = {0};
    dms_net *net = NULL;
    dms_params *params = NULL;
    dms_net_options net_options = {.mode = DMS_RUN_TRAINING,
                                   .labels = model->config.labels};

    dms_backward_options_init(&options, sizeof options);
    TRY(dms_growing_take(&options, sizeof options, given,
                         "dms_backward_options", err));
    TRY(request_open(&r, in_path, out_path, model, err));
    net_options.patients = r.patients;
    net_options.size = r.size;
    net_options.dropout = (float)options.dropout;
    TRY(dms_compute_apply(&net_options,
                          &(dms_compute){.precision = options.precision,
                                         .winograd = options.winograd},
                          NULL, 0, err));
    TRY(dms_model_copy_for_training(&params, model, err));
    TRY(dms_net_create(&net, &model->config.architecture, params, &net_options,
                       err));
    TRY(read_images(net, &r, model->config.architecture.eyes, err));
    TRY(run_backward(&a, net, &r, model->config.architecture.task, &options,
                     err));
    TRY(answer_fill(&a, params, r.path, err));
    TRY(dms_safetensors_write(out_path, a.views, a.count, NULL, 0, err));
done:
    dms_free(a.views);
    dms_free(a.names);
    dms_free(a.plain);
    dms_net_destroy(net);
    dms_params_destroy(params);
    request_close(&r);
    return st;
}
