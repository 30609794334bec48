/* Whole SGD or AdamW steps of a model on one fixed batch, without dropout.
 *
 *     train_steps MODEL IN STEPS RATE sgd|adamw
 *
 * IN as `dmsnet tensor backward` takes it (labels, labels_left, labels_right).
 * Prints the loss before each step, one a line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/labels.h"
#include "formats/safetensors.h"
#include "net/dmsnet.h"
#include "net/model_file.h"
#include "train/loss.h"
#include "train/optimizer.h"

enum { K = DMS_ODIR_LABELS };

typedef struct batch {
    int patients, size;
    float *labels;     /* N x K */
    float *eye_labels; /* 2N x K */
} batch;

static dms_status take(float *out, const dms_safetensors *in, const char *name,
                       dms_error *err)
{
    const dms_tensor_view *view = dms_safetensors_find(in, name);

    return view ? dms_tensor_to_f32(out, view, err)
                : dms_fail(err, DMS_EMISMATCH, "%s is missing", name);
}

static dms_status read_labels(batch *b, const dms_safetensors *in,
                              dms_error *err)
{
    dms_status st;
    size_t cells = (size_t)b->patients * K;

    b->labels = dms_calloc(cells, sizeof *b->labels);
    b->eye_labels = dms_calloc(2 * cells, sizeof *b->eye_labels);
    if (!b->labels || !b->eye_labels)
        return dms_fail_memory(err, "labels");
    TRY(take(b->labels, in, "labels", err));
    TRY(take(b->eye_labels, in, "labels_left", err));
    TRY(take(b->eye_labels + cells, in, "labels_right", err));
done:
    return st;
}

static dms_status step(dms_net *net, const batch *b, dms_optimizer *optimizer,
                       double rate, dms_error *err)
{
    dms_status st;
    dms_loss_options options = dms_loss_options_default(K);
    dms_loss_batch logits = {.patients = b->patients,
                             .patient_targets = b->labels,
                             .eye_targets = b->eye_labels};

    TRY(dms_net_forward(net, 0, err));
    logits.patient_logits = dms_net_patient_logits(net);
    logits.eye_logits = dms_net_eye_logits(net);
    printf("%.9g\n",
           dms_loss_evaluate(dms_net_patient_gradient(net),
                             dms_net_eye_gradient(net), &logits, &options));
    TRY(dms_net_backward(net, err));
    dms_optimizer_add(optimizer);
    dms_optimizer_step(optimizer, rate);
done:
    return st;
}

static dms_status run(char **argv, dms_error *err)
{
    dms_status st;
    dms_model_config config = {0};
    dms_params *params = NULL;
    dms_safetensors *in = NULL;
    dms_net *net = NULL;
    dms_optimizer *optimizer = NULL;
    dms_net_options options = {.mode = DMS_RUN_TRAINING};
    dms_optimizer_options rule = {.beta1 = 0.9,
                                  .beta2 = 0.999,
                                  .backbone_lr = 1,
                                  .stage_decay = 1,
                                  .accumulate = 1};
    batch b = {0};
    size_t half;

    if (strcmp(argv[5], "sgd") == 0)
        rule.kind = DMS_OPTIMIZER_SGD;
    TRY(dms_model_file_read(&config, &params, argv[1], NULL, NULL, err));
    TRY(dms_safetensors_open(&in, argv[2], err));
    b.patients = (int)dms_safetensors_find(in, "left")->shape[0];
    b.size = (int)dms_safetensors_find(in, "left")->shape[2];
    options.patients = b.patients;
    options.size = b.size;
    half = (size_t)b.patients * 3 * (size_t)b.size * (size_t)b.size;
    TRY(dms_net_create(&net, &config.architecture, params, &options, err));
    TRY(dms_optimizer_create(&optimizer, params, &rule, err));
    TRY(take(dms_net_images(net), in, "left", err));
    TRY(take(dms_net_images(net) + half, in, "right", err));
    TRY(read_labels(&b, in, err));
    for (int i = 0; i < atoi(argv[3]); i++)
        TRY(step(net, &b, optimizer, strtod(argv[4], NULL), err));
done:
    dms_optimizer_destroy(optimizer);
    dms_net_destroy(net);
    dms_params_destroy(params);
    dms_safetensors_close(in);
    dms_model_config_release(&config);
    dms_free(b.labels);
    dms_free(b.eye_labels);
    return st;
}

int main(int argc, char **argv)
{
    dms_error err = {0};

    if (argc != 6) {
        fprintf(stderr, "train_steps MODEL IN STEPS RATE sgd|adamw\n");
        return 2;
    }
    if (run(argv, &err) != DMS_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    return 0;
}
