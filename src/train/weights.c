/* A run's weights: creates or reads them, and keeps the table of those that are
 * evaluated and saved apart from those in training. Relies on net/import and
 * net/model_file to read files. */
#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "net/import.h"
#include "net/model_file.h"
#include "train/trainer.h"

/* Prefixes of the rows that the run never trains, ended by NULL. */
static const char *const *frozen_rows(const dms_train_options *options)
{
    return dms_train_frozen_names(dms_train_frozen_always(options));
}

dms_status dms_train_labels_check(const dms_trainer *t, const char *path,
                                  const dms_label_set *found, dms_error *err)
{
    const dms_label_set *wanted = t->config.labels;
    char has[160], wants[160];

    if (dms_label_sets_equal(found, wanted))
        return DMS_OK;
    dms_label_set_text(has, sizeof has, found);
    dms_label_set_text(wants, sizeof wants, wanted);
    return dms_fail(
        err, DMS_EMISMATCH,
        "%s: is a model of the labels %s%s; the data has %s%s", path,
        dms_label_set_task(found) == DMS_TASK_SINGLE_LABEL ? "one of " : "",
        has,
        dms_label_set_task(wanted) == DMS_TASK_SINGLE_LABEL ? "one of " : "",
        wants);
}

/* Read all weights of a model file. */
static dms_status read_init(dms_trainer *t, dms_error *err)
{
    const char *path = t->options->init;
    const dms_architecture *arch = &t->config.architecture;
    dms_model_config config = {0};
    const dms_architecture *found = &config.architecture;
    dms_status st =
        dms_model_file_read(&config, &t->nets.params, path,
                            frozen_rows(t->options), t->monitor, err);

    if (st == DMS_OK &&
        (found->backbone != arch->backbone || found->context != arch->context ||
         found->fusion != arch->fusion || found->width != arch->width))
        st = dms_fail(err, DMS_EMISMATCH,
                      "%s: holds %s, context %s, fusion %s, width %d; "
                      "the options ask for %s, %s, %s, %d",
                      path, dms_backbone_name(found->backbone),
                      dms_context_name(found->context),
                      dms_fusion_name(found->fusion), found->width,
                      dms_backbone_name(arch->backbone),
                      dms_context_name(arch->context),
                      dms_fusion_name(arch->fusion), arch->width);
    if (st == DMS_OK)
        st = dms_train_labels_check(t, path, config.labels, err);
    if (st == DMS_OK && !config.trained_on.digests)
        dms_log(t->monitor, DMS_LOG_INFO,
                "%s: does not say which photographs it was trained on, so "
                "models of this run will not know them either",
                path);
    t->state.before = config.trained_on; /* ownership moves */
    config.trained_on = (dms_trained_on){0};
    dms_model_config_release(&config);
    return st;
}

/* Read another program's backbone over fresh weights. */
static dms_status read_pretrained(dms_trainer *t, dms_error *err)
{
    const char *path = t->options->pretrained;
    dms_backbone wanted = t->config.architecture.backbone;
    dms_import import = {0};
    dms_import_report report = {0};
    bool *taken = dms_calloc(t->nets.params->count, sizeof *taken);
    dms_status st = DMS_OK;

    if (!taken)
        return dms_fail_memory(err, path);
    TRY(dms_import_open(&import, path, "", err));
    if (import.backbone != wanted) {
        st = dms_fail(
            err, DMS_EMISMATCH, "%s: holds %s; the options ask for %s", path,
            dms_backbone_name(import.backbone), dms_backbone_name(wanted));
        goto done;
    }
    TRY(dms_import_take(t->nets.params, taken, &report, &import, true, err));
    dms_log(t->monitor, DMS_LOG_INFO,
            "%s: %zu tensors of %s taken, %zu left out", path,
            report.fates[DMS_IMPORT_TAKEN], dms_backbone_name(wanted),
            report.fates[DMS_IMPORT_LEFT]);
    dms_import_warn(&import, &report, t->monitor);
done:
    dms_import_report_release(&report);
    dms_import_close(&import);
    dms_free(taken);
    return st;
}

/* Create fresh weights, a model file's, or fresh ones after a pretrained
 * backbone. A resumed run gets its own from the checkpoint and
 * last.safetensors. */
static dms_status make_params(dms_trainer *t, dms_error *err)
{
    const dms_train_options *o = t->options;
    const char *const *frozen = frozen_rows(o);
    dms_status st;

    if (o->init[0] && o->pretrained[0])
        return dms_fail(err, DMS_EINVAL,
                        "init and pretrained: give one of the two");
    if (o->init[0] && !t->outputs.resumes)
        return read_init(t, err);
    t->nets.params = dms_params_create();
    if (!t->nets.params)
        return dms_fail_memory(err, "parameters");
    TRY(dms_net_declare(t->nets.params, &t->config.architecture, true,
                        o->zero_init_residual, err));
    for (; *frozen; frozen++)
        dms_params_freeze(t->nets.params, *frozen);
    TRY(dms_params_allocate(t->nets.params, true, err));
    TRY(dms_params_fill(t->nets.params, o->seed, err));
    if (o->pretrained[0] && !t->outputs.resumes)
        TRY(read_pretrained(t, err));
done:
    return st;
}

static dms_status make_eval_params(dms_trainer *t, dms_error *err)
{
    const char *const *frozen = frozen_rows(t->options);
    dms_status st;

    t->nets.eval_params = dms_params_create();
    if (!t->nets.eval_params)
        return dms_fail_memory(err, "parameters");
    TRY(dms_net_declare(t->nets.eval_params, &t->config.architecture, false,
                        false, err));
    for (; *frozen; frozen++)
        dms_params_freeze(t->nets.eval_params, *frozen);
    TRY(dms_params_allocate(t->nets.eval_params, false, err));
done:
    return st;
}

dms_status dms_train_weights_make(dms_trainer *t, dms_error *err)
{
    dms_status st;

    TRY(make_params(t, err));
    TRY(make_eval_params(t, err));
    if (t->options->unfreeze_after > 0)
        dms_train_weights_hold(t->nets.params,
                               dms_train_frozen_first(t->options));
done:
    return st;
}

void dms_train_weights_hold(dms_params *params, dms_freeze part)
{
    const char *const *names = dms_train_frozen_names(part);

    dms_params_hold(params, "backbone.", false);
    for (; *names; names++)
        dms_params_hold(params, *names, true);
}

dms_status dms_train_weights_thaw(dms_trainer *t, dms_error *err)
{
    const dms_train_options *o = t->options;

    if (o->unfreeze_after == 0 || t->state.epoch != o->unfreeze_after)
        return DMS_OK;
    t->state.unfrozen_step = t->nets.optimizer->step;
    dms_optimizer_thaw(t->nets.optimizer, t->state.unfrozen_step);
    return dms_params_digest(&t->state.frozen_digest, t->nets.params, true,
                             err);
}

dms_status dms_train_weights_check(const dms_params *params, const char *name,
                                   dms_error *err)
{
    const dms_param *wrong = dms_params_find_wrong(params, params->value, 0);

    return wrong ? dms_fail(err, DMS_EFORMAT,
                            "%s: tensor %s holds a value that is not finite",
                            name, wrong->name)
                 : DMS_OK;
}

dms_status dms_train_weights_copy(dms_train_nets *nets, bool frozen,
                                  dms_error *err)
{
    for (size_t i = 0; i < nets->params->count; i++) {
        const dms_param *from = &nets->params->items[i];
        const dms_param *to;

        if (from->frozen && !frozen)
            continue;
        to = dms_params_find(nets->eval_params, from->name);
        if (!to || from->len != to->len || to->block_out != 1 ||
            to->block_in != 1)
            return dms_fail(err, DMS_EINTERNAL,
                            "tensor %s differs between training and "
                            "evaluation",
                            from->name);
        dms_param_unpack(from, nets->eval_params->value + to->offset,
                         nets->optimizer
                             ? dms_optimizer_weights(nets->optimizer, i)
                             : nets->params->value + from->offset);
    }
    return dms_train_weights_check(nets->eval_params, "weights to evaluate",
                                   err);
}
