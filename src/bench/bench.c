/* Sets up a model for repeated runs, and runs it. */
#include "bench/bench.h"

#include "net/model.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/growing.h"
#include "base/rng.h"
#include "machine/machine.h"
#include "net/compute.h"
#include "machine/threads.h"

void dms_bench_options_init(dms_bench_options *options, size_t struct_size)
{
    const dms_bench_options plain = {.patients = 1, .seconds = 5};

    dms_growing_init(options, struct_size, &plain, sizeof plain);
}

/* Replace AUTO and 0 by the actual choices, in o, compute and net. */
static dms_status resolve(dms_net_options *net, dms_bench_options *o,
                          dms_compute *compute, const dms_model *model,
                          dms_error *err)
{
    dms_status st;

    if (o->patients < 1 || o->patients > 256)
        return dms_fail(err, DMS_EINVAL,
                        "a batch of %d patients, expected 1 to 256",
                        o->patients);
    if (compute->workers == 0)
        compute->workers = 1;
    if (compute->workers > 1 && o->train)
        return dms_fail(err, DMS_EINVAL,
                        "%d workers, expected 1: training uses all threads",
                        compute->workers);
    if (o->size == 0)
        o->size = model->config.architecture.size;
    *net = (dms_net_options){
        .patients = o->patients,
        .size = o->size,
        .mode = o->train ? DMS_RUN_TRAINING : DMS_RUN_INFERENCE,
        .recompute = o->train && o->checkpoint_activations};
    TRY(dms_compute_apply(net, compute, o->train ? NULL : model->params,
                          SIZE_MAX, err));
    if (compute->precision == DMS_PRECISION_AUTO)
        compute->precision = net->int8                    ? DMS_PRECISION_INT8
                             : net->type == DMS_TYPE_BF16 ? DMS_PRECISION_BF16
                                                          : DMS_PRECISION_FP32;
    net->winograd &= net->type == DMS_TYPE_F32 && !net->int8;
    compute->winograd = net->winograd ? DMS_WINOGRAD_YES : DMS_WINOGRAD_NO;
    if (compute->threads == 0)
        compute->threads = dms_threads_use(0);
    if (compute->threads == 0)
        compute->threads = dms_machine_cores();
done:
    return st;
}

static dms_status prepare_training(dms_bench *b, const dms_model *model,
                                   dms_error *err)
{
    dms_status st;
    int labels = model->config.architecture.labels;
    size_t cells = (size_t)b->options.patients * (size_t)labels;
    dms_optimizer_options adamw = {.kind = DMS_OPTIMIZER_ADAMW,
                                   .weight_decay = 1e-2,
                                   .beta1 = 0.9,
                                   .beta2 = 0.999,
                                   .backbone_lr = 1,
                                   .stage_decay = 1,
                                   .accumulate = 1};

    TRY(dms_model_copy_for_training(&b->params, model, err));
    TRY(dms_optimizer_create(&b->optimizer, b->params, &adamw, err));
    b->weights = b->params;
    b->loss = dms_loss_options_default(labels);
    b->loss.task = model->config.architecture.task;
    b->targets = dms_calloc(3 * cells, sizeof *b->targets);
    if (!b->targets)
        return dms_fail_memory(err, "labels");
    for (size_t i = 0; i < 3 * cells; i += 3)
        b->targets[i] = 1;
done:
    return st;
}

static void fill_images(const dms_bench *b, dms_net *net)
{
    size_t side = (size_t)b->options.size;
    size_t len = (size_t)b->options.patients * 2 * 3 * side * side;
    float *images = dms_net_images(net);
    dms_rng rng = dms_rng_seeded(1);

    for (size_t i = 0; i < len; i++)
        images[i] = (float)dms_rng_range(&rng, -2, 2);
}

static dms_status prepare_engine(dms_bench *b, const dms_model *model,
                                 dms_error *err)
{
    const dms_bench_options *o = &b->options;
    dms_engine_options engine = dms_engine_options_of(model);
    dms_status st;

    engine.batch = o->patients * b->compute.workers;
    engine.size = o->size;
    engine.compute = &b->compute;
    TRY(dms_engine_create(&b->engine, &engine, err));
    b->net = dms_engine_net(b->engine, 0);
    for (int i = 0; i < b->compute.workers; i++)
        fill_images(b, dms_engine_net(b->engine, i));
done:
    return st;
}

static dms_status take_options(dms_bench *b, const dms_bench_options *given,
                               dms_error *err)
{
    dms_bench_options *own = &b->options;
    dms_status st;

    dms_bench_options_init(own, sizeof *own);
    TRY(dms_growing_take(own, sizeof *own, given, "dms_bench_options", err));
    TRY(dms_compute_take(&b->compute, own->compute, err));
    own->compute = &b->compute;
done:
    return st;
}

dms_status dms_bench_create(dms_bench **out, const dms_model *model,
                            const dms_bench_options *given, dms_error *err)
{
    dms_status st;
    dms_bench *b = dms_calloc(1, sizeof *b);
    dms_net_options net;
    int threads = 0;

    if (!b)
        return dms_fail_memory(err, "bench");
    TRY(take_options(b, given, err));
    TRY(resolve(&net, &b->options, &b->compute, model, err));
    b->threads = b->compute.threads / b->compute.workers;
    b->threads = b->threads > 0 ? b->threads : 1;
    threads = dms_threads_use(b->compute.threads);
    b->weights = model->params;
    if (b->options.train) {
        TRY(prepare_training(b, model, err));
        TRY(dms_net_create(&b->net, &model->config.architecture, b->params,
                           &net, err));
        fill_images(b, b->net);
    } else {
        TRY(prepare_engine(b, model, err));
    }
    *out = b, b = NULL;
done:
    dms_threads_use(threads);
    dms_bench_destroy(b);
    return st;
}

void dms_bench_destroy(dms_bench *b)
{
    if (!b)
        return;
    if (!b->engine)
        dms_net_destroy(b->net);
    dms_engine_destroy(b->engine);
    dms_optimizer_destroy(b->optimizer);
    dms_params_destroy(b->params);
    dms_free(b->targets);
    dms_free(b);
}

/* The rest of a training step, after forward. */
static dms_status learn(dms_bench *b, dms_bench_times *times, dms_error *err)
{
    int patients = b->options.patients;
    dms_loss_batch batch = {.patients = patients,
                            .patient_logits = dms_net_patient_logits(b->net),
                            .eye_logits = dms_net_eye_logits(b->net),
                            .patient_targets = b->targets,
                            .eye_targets =
                                b->targets + patients * b->loss.labels};
    double began = dms_clock_now(), now;
    dms_status st;

    dms_loss_evaluate(dms_net_patient_gradient(b->net),
                      dms_net_eye_gradient(b->net), &batch, &b->loss);
    now = dms_clock_now();
    times->loss = now - began, began = now;
    TRY(dms_net_backward(b->net, err));
    now = dms_clock_now();
    times->backward = now - began, began = now;
    if (dms_optimizer_add(b->optimizer))
        dms_optimizer_step(b->optimizer, 1e-5);
    times->update = dms_clock_now() - began;
done:
    return st;
}

dms_status dms_bench_step(dms_bench *b, dms_bench_times *times, dms_error *err)
{
    int threads = dms_threads_use(b->threads);
    double began = dms_clock_now();
    dms_status st;

    *times = (dms_bench_times){0};
    TRY(dms_net_forward(b->net, b->steps++, err));
    times->forward = dms_clock_now() - began;
    if (b->options.train)
        TRY(learn(b, times, err));
    times->total = dms_clock_now() - began;
done:
    dms_threads_use(threads);
    return st;
}

typedef struct side_by_side {
    dms_bench_times *runs;
} side_by_side;

/* The images are already in the nets. The net runs between fill and take. */
static dms_status note_begin(void *user, const dms_engine_batch *batch,
                             dms_error *err)
{
    const side_by_side *s = user;

    (void)err;
    s->runs[batch->at / (size_t)batch->size].total = dms_clock_now();
    return DMS_OK;
}

static dms_status note_end(void *user, const dms_engine_batch *batch,
                           dms_error *err)
{
    const side_by_side *s = user;
    dms_bench_times *run = &s->runs[batch->at / (size_t)batch->size];
    double seconds = dms_clock_now() - run->total;

    (void)err;
    *run = (dms_bench_times){.total = seconds, .forward = seconds};
    return DMS_OK;
}

dms_status dms_bench_side_by_side(dms_bench_times *runs, double *seconds,
                                  dms_bench *b, size_t count,
                                  const dms_monitor *monitor, dms_error *err)
{
    side_by_side s = {runs};
    const dms_monitor only_stop = {.user = monitor ? monitor->user : NULL,
                                   .should_stop =
                                       monitor ? monitor->should_stop : NULL};
    const dms_feed feed = {.fill = note_begin,
                           .take = note_end,
                           .user = &s,
                           .total = count * (size_t)b->options.patients};
    double began = dms_clock_now();
    size_t done;
    dms_status st = dms_engine_run(&done, b->engine, &feed, &only_stop, err);

    *seconds = dms_clock_now() - began;
    return st;
}
