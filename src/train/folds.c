/* Cross-validation: an ordinary run per fold, each in a folder of its own, one
 * after another. Relies on a finished run's being resumed in no time, and with
 * all of resume.c's checks: that is how a fold is passed over. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "eval/spread.h"
#include "train/out_of_fold.h"
#include "train/trainer.h"

enum { FOLDS_MAX = 20 }; /* dms_train_options_check allows no more */

/* The options of one fold: the run's, but in a folder of its own. */
typedef struct fold_options {
    dms_train_options options; /* borrows the run's texts, except run */
    char *run;                 /* owned */
} fold_options;

static dms_status fold_options_make(fold_options *f,
                                    const dms_train_options *all, int fold,
                                    dms_error *err)
{
    char name[16];

    snprintf(name, sizeof name, "fold%d", fold);
    f->run = dms_path_join(all->run, name);
    if (!f->run)
        return dms_fail_memory(err, all->run);
    f->options = *all;
    f->options.run = f->run;
    f->options.fold = fold;
    if (!all->cache[0]) /* one for all folds */
        f->options.cache = all->run;
    if (all->resume == DMS_TRAIN_RESUME_YES) /* later folds do not exist yet */
        f->options.resume = DMS_TRAIN_RESUME_AUTO;
    return DMS_OK;
}

/* Is the folder of that fold one that its run may use? */
static dms_status check_fold(const dms_train_options *all, int fold,
                             dms_error *err)
{
    fold_options f = {0};
    dms_trainer *t = dms_calloc(1, sizeof *t);
    dms_status st;

    if (!t)
        return dms_fail_memory(err, "trainer");
    TRY(fold_options_make(&f, all, fold, err));
    t->options = &f.options;
    TRY(dms_train_outputs_find(t, err));
done:
    if (t)
        dms_trainer_release(t);
    dms_free(t);
    dms_free(f.run);
    return st;
}

static bool has(const char *folder, const char *name, bool *failed)
{
    char *path = dms_path_join(folder, name);
    bool found = path && access(path, F_OK) == 0;

    *failed = *failed || !path;
    dms_free(path);
    return found;
}

/* Check all folders before the first fold takes its hours. */
static dms_status check_folders(const dms_train_options *o, dms_error *err)
{
    bool failed = false;
    bool plain = has(o->run, "checkpoint.safetensors", &failed) ||
                 has(o->run, "best.safetensors", &failed) ||
                 has(o->run, "last.safetensors", &failed);
    dms_status st = DMS_OK;

    if (failed)
        return dms_fail_memory(err, o->run);
    if (plain)
        return dms_fail(err, DMS_EINVAL,
                        "%s: there is already a run without folds; give "
                        "another run folder",
                        o->run);
    if (o->resume == DMS_TRAIN_RESUME_YES && access(o->run, F_OK) != 0)
        return dms_fail(err, DMS_EINVAL,
                        "%s: there is no such run to resume; resume=auto would "
                        "begin it",
                        o->run);
    for (int fold = 1; fold <= o->folds; fold++)
        TRY(check_fold(o, fold, err));
done:
    return st;
}

/* Write RUN/config.yaml, from which the whole run is resumed. */
static dms_status write_config(const dms_train_options *o, dms_error *err)
{
    enum { CAPACITY = sizeof((dms_train_state *)NULL)->options };
    dms_train_options recorded = *o; /* borrows its strings */
    char *text = dms_calloc(CAPACITY, 1);
    dms_status st = DMS_OK;

    if (!text)
        return dms_fail_memory(err, o->run);
    recorded.resume = DMS_TRAIN_RESUME_NO; /* applies to this call only */
    if (dms_options_format_yaml(text, CAPACITY, &recorded,
                                dms_train_option_table(), NULL) >= CAPACITY)
        st = dms_fail(err, DMS_ELIMIT, "the options are too long as text");
    else
        st = dms_folder_write(o->run, "config.yaml", text, err);
    dms_free(text);
    return st;
}

/* Train one fold, or find that it has ended. */
static dms_status run_fold(dms_train_result *all, dms_out_of_fold *held_out,
                           const dms_train_options *o, int fold,
                           const dms_monitor *monitor, dms_error *err)
{
    fold_options f = {0};
    dms_train_result *result = NULL;
    dms_status st;

    TRY(fold_options_make(&f, o, fold, err));
    dms_log(monitor, DMS_LOG_INFO, "fold %d of %d: %s", fold, o->folds, f.run);
    st = dms_trainer_run(&result, &f.options, monitor, held_out, err);
    if (result)
        all->folds[all->fold_count++] = result;
done:
    dms_free(f.run);
    return st;
}

/* The sums and the spread of the folds so far. */
static void sum_up(dms_train_result *all, double *metrics)
{
    dms_spread spread;

    for (int i = 0; i < all->fold_count; i++) {
        const dms_train_result *fold = all->folds[i];

        all->end = fold->end;
        all->epochs += fold->epochs;
        all->steps += fold->steps;
        all->seconds += fold->seconds;
        all->metric = fold->metric;
        metrics[i] = fold->best_metric;
    }
    spread = dms_spread_of(metrics, (size_t)all->fold_count, 1);
    all->best_metric = spread.mean;
    all->metric_deviation = spread.deviation;
}

static dms_status run_all(dms_train_result *all, const dms_train_options *o,
                          const dms_monitor *monitor, dms_error *err)
{
    double metrics[FOLDS_MAX];
    dms_out_of_fold held_out = {0};
    bool failed = false;
    bool begun =
        o->resume != DMS_TRAIN_RESUME_NO && has(o->run, "config.yaml", &failed);
    dms_status st;

    if (failed) {
        st = dms_fail_memory(err, o->run);
        goto done;
    }
    TRY(dms_folder_make(o->run, err));
    if (!begun)
        TRY(write_config(o, err));
    for (int fold = 1; fold <= o->folds; fold++) {
        st = run_fold(all, &held_out, o, fold, monitor, err);
        /* only now have the options of a resumed run been checked */
        if (fold == 1 && begun && st == DMS_OK)
            st = write_config(o, err);
        else if (fold == 1 && begun && st == DMS_ESTOPPED)
            write_config(o, NULL); /* err says where it stopped */
        if (st != DMS_OK)
            goto done;
    }
    TRY(dms_out_of_fold_write(&all->out_of_fold, &held_out, o->run, err));
done:
    sum_up(all, metrics);
    if (st == DMS_OK)
        dms_log(monitor, DMS_LOG_INFO,
                "%d folds: %s %.4f, standard deviation %.4f; of the %zu "
                "out-of-fold predictions %.4f",
                o->folds, dms_metric_name(all->metric), all->best_metric,
                all->metric_deviation, held_out.count, all->out_of_fold);
    dms_out_of_fold_release(&held_out);
    return st;
}

/* Maps are the same for all folds unless the norms are adapted in each. */
static void tell_of_maps(const dms_train_options *o, const dms_monitor *monitor)
{
    if (o->adapt_norms > 0 && dms_train_frozen_always(o) == DMS_FREEZE_STAGE4 &&
        !dms_train_augments(o))
        dms_log(monitor, DMS_LOG_INFO,
                "each fold adapts the norms to its own training patients, so "
                "the maps are computed for each; adapt the weights before "
                "(dmsnet adapt) to compute them once");
}

dms_status dms_trainer_run_folds(dms_train_result **out,
                                 const dms_train_options *options,
                                 const dms_monitor *monitor, dms_error *err)
{
    dms_status st;
    dms_train_result *result = dms_calloc(1, sizeof *result);

    if (!result)
        return dms_fail_memory(err, "folds");
    *result = (dms_train_result){.best_metric = NAN,
                                 .train_loss = NAN,
                                 .val_loss = NAN,
                                 .metric_deviation = NAN,
                                 .out_of_fold = NAN};
    TRY(dms_train_options_check(options, err));
    TRY(check_folders(options, err));
    result->folds = dms_calloc((size_t)options->folds, sizeof *result->folds);
    if (!result->folds) {
        st = dms_fail_memory(err, "folds");
        goto done;
    }
    tell_of_maps(options, monitor);
    TRY(run_all(result, options, monitor, err));
done:
    if (st == DMS_ESTOPPED)
        result->end = DMS_TRAIN_END_STOPPED;
    if (out && (st == DMS_OK || st == DMS_ESTOPPED))
        *out = result, result = NULL;
    dms_train_result_destroy(result);
    return st;
}
