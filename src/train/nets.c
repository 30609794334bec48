/* A run's nets: those of a phase, made when its first epoch begins, and the
 * validator. Relies on phase.c for what an epoch trains, and on the parameter
 * table to mark the frozen rows before a net is made. */
#include "base/fail.h"
#include "base/log.h"
#include "net/compute.h"
#include "train/map_cache.h"
#include "train/trainer.h"

dms_compute dms_train_compute(const dms_train_options *o)
{
    return (dms_compute){.precision = o->precision,
                         .winograd = o->winograd,
                         .deterministic = o->deterministic};
}

/* Maps can be stored if neither the backbone's weights nor the photographs
 * change. */
static bool can_store_maps(const dms_trainer *t, const dms_train_phase *phase)
{
    return phase->frozen == DMS_FREEZE_STAGE4 && !t->augments &&
           t->options->start_size == 0;
}

static dms_status make_net(dms_net **net, dms_trainer *t, int patients,
                           dms_error *err)
{
    dms_net_options options = {.patients = patients,
                               .size = t->nets.phase.size,
                               .mode = DMS_RUN_TRAINING,
                               .attention = dms_train_teacher_maps(t),
                               .dropout = (float)t->options->dropout,
                               .recompute = t->options->checkpoint_activations,
                               .zero_init_residual =
                                   t->options->zero_init_residual,
                               .labels = t->config.labels};
    dms_compute compute = dms_train_compute(t->options);
    dms_status st;

    st = dms_compute_apply(&options, &compute, NULL, 0, err);
    if (st != DMS_OK)
        return st;
    if (t->nets.has_maps) {
        options.part = DMS_NET_FROM_MAP;
        options.map_type = options.type;
        options.type = DMS_TYPE_F32;
    }
    return dms_net_create(net, &t->config.architecture, t->nets.params,
                          &options, err);
}

static void drop_nets(dms_train_nets *nets)
{
    dms_net_destroy(nets->net);
    dms_net_destroy(nets->net_rest);
    nets->net = nets->net_rest = NULL;
}

/* Make the nets of that phase in place of those that there are. */
static dms_status make_nets(dms_trainer *t, const dms_train_phase *phase,
                            dms_error *err)
{
    int batch = t->options->batch;
    dms_status st = DMS_OK;

    drop_nets(&t->nets); /* first: two phases need not fit into memory */
    t->nets.phase = *phase;
    t->nets.has_maps = can_store_maps(t, phase);
    if (t->patients.train_count >= (size_t)batch)
        TRY(make_net(&t->nets.net, t, batch, err));
    if (t->nets.rest)
        TRY(make_net(&t->nets.net_rest, t, t->nets.rest, err));
done:
    return st;
}

/* The validator runs in float32, but stored maps have the backbone's
 * precision. */
static dms_status make_validator(dms_trainer *t, dms_error *err)
{
    dms_compute compute = t->nets.has_maps
                              ? dms_train_compute(t->options)
                              : (dms_compute){.precision = DMS_PRECISION_FP32};

    dms_engine_destroy(t->nets.validator);
    t->nets.validator = NULL;
    if (t->patients.val_count == 0)
        return DMS_OK;
    compute.workers = 1;
    return dms_engine_create(
        &t->nets.validator,
        &(dms_engine_options){.arch = &t->config.architecture,
                              .labels = t->config.labels,
                              .params = t->nets.eval_params,
                              .batch = t->options->batch,
                              .size = t->options->size,
                              .compute = &compute,
                              .part = t->nets.has_maps ? DMS_NET_FROM_MAP
                                                       : DMS_NET_WHOLE},
        err);
}

static size_t memory_of(const dms_train_nets *nets)
{
    return (nets->net ? dms_net_memory(nets->net) : 0) +
           (nets->net_rest ? dms_net_memory(nets->net_rest) : 0);
}

/* What the run needs at most, in bytes. */
typedef struct peak {
    size_t nets, checkpoint;
} peak;

/* Make the run's largest nets, to measure them: a run that does not fit fails
 * now and not after hours. */
static dms_status make_largest(peak *most, dms_trainer *t,
                               const dms_train_phase *first, dms_error *err)
{
    const dms_train_phase largest = dms_train_phase_largest(t->options);
    dms_status st;

    dms_train_weights_hold(t->nets.params, largest.frozen);
    st = make_nets(t, &largest, err);
    *most = (peak){.nets = memory_of(&t->nets),
                   .checkpoint = dms_checkpoint_bytes(t->nets.optimizer)};
    dms_train_weights_hold(t->nets.params, first->frozen);
    return st;
}

static size_t engine_memory(const dms_engine *engine)
{
    return engine ? dms_net_memory(dms_engine_net(engine, 0)) : 0;
}

static void say_memory(const dms_trainer *t, const peak *most)
{
    size_t nets = most->nets + engine_memory(t->nets.validator) +
                  engine_memory(t->teacher.engine);
    size_t weights =
        (t->nets.params->total + t->nets.params->trained +
         t->nets.eval_params->total) *
            sizeof(float) +
        dms_optimizer_memory(t->nets.params, &t->nets.optimizer->options);

    dms_log(t->monitor, DMS_LOG_INFO,
            "memory: %zu MB (%zu weights and optimiser, %zu activations and "
            "gradients), and %zu to write a checkpoint",
            (nets + weights) >> 20, weights >> 20, nets >> 20,
            most->checkpoint >> 20);
    dms_log(t->monitor, DMS_LOG_INFO,
            "training on %zu patients in %lld batches, validating on %zu",
            t->patients.train_count, (long long)t->nets.batches,
            t->patients.val_count);
}

static void say_phase(const dms_trainer *t, const dms_train_phase *before)
{
    const dms_train_phase *phase = &t->nets.phase;
    long long epoch = (long long)t->state.epoch + 1;
    bool first = before->size == 0;

    if (phase->size != before->size && t->options->start_size > 0)
        dms_log(t->monitor, DMS_LOG_INFO,
                "epoch %lld: photographs of %d pixels per side", epoch,
                phase->size);
    if (!first && phase->frozen != before->frozen)
        dms_log(t->monitor, DMS_LOG_INFO,
                "epoch %lld: from now on the whole network is trained", epoch);
    if (first && phase->frozen == DMS_FREEZE_STAGE4 && !t->nets.has_maps)
        dms_log(t->monitor, DMS_LOG_INFO,
                t->augments
                    ? "the backbone is frozen, but runs in every step since "
                      "photographs are augmented; with --no-augment (augment: "
                      "false) it would run once and epochs take seconds"
                    : "the backbone is frozen, but runs in every step since "
                      "photographs grow; without start-size it would run once");
}

static bool is_phase(const dms_train_phase *a, const dms_train_phase *b)
{
    return a->frozen == b->frozen && a->size == b->size;
}

dms_status dms_train_nets_enter(dms_trainer *t, dms_error *err)
{
    const dms_train_phase phase =
        dms_train_phase_at(t->options, t->state.epoch);
    const dms_train_phase before = t->nets.phase;
    bool first = before.size == 0, had_maps = t->nets.has_maps;
    peak most = {0};
    dms_status st = DMS_OK;

    if (is_phase(&phase, &before))
        return DMS_OK;
    if (first)
        TRY(make_largest(&most, t, &phase, err));
    if (!is_phase(&phase, &t->nets.phase))
        TRY(make_nets(t, &phase, err));
    if (first || t->nets.has_maps != had_maps)
        TRY(make_validator(t, err));
    if (first)
        say_memory(t, &most);
    say_phase(t, &before);
done:
    return st;
}

dms_status dms_trainer_open_maps(dms_trainer *t, dms_error *err)
{
    dms_compute compute = dms_train_compute(t->options);

    if (!t->nets.has_maps)
        return DMS_OK;
    return dms_map_cache_open(&t->patients.maps, &t->patients,
                              &t->config.architecture, t->nets.eval_params,
                              &compute, t->monitor, err);
}
