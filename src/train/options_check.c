/* Checks training options: each one is in its range, and together they are
 * consistent. Relies on the table in options.c for the ranges. */
#include "base/fail.h"
#include "base/number.h"
#include "dms/train.h"
#include "net/compute.h"
#include "train/phase.h"

/* Suggest the metric of a similar name; without one, list all that can choose
 * an epoch. */
static dms_status check_metric(const char *name, dms_error *err)
{
    const char *nearest = NULL;
    char all[400] = "";
    size_t len = 0;
    dms_metric metric;

    if (name[0] == '\0')
        return DMS_OK;
    if (dms_metric_find(&metric, name)) {
        if (!dms_metric_lower_is_better(metric))
            return DMS_OK;
        return dms_fail(err, DMS_EINVAL,
                        "metric: %s cannot choose the best epoch: it is an "
                        "error, and the greatest value is chosen",
                        name);
    }
    for (int i = 0; i < DMS_METRICS; i++) {
        const char *known = dms_metric_name((dms_metric)i);

        if (dms_word_is_near(name, known) &&
            (!nearest ||
             dms_word_distance(name, known) < dms_word_distance(name, nearest)))
            nearest = known;
        if (!dms_metric_lower_is_better((dms_metric)i) && len < sizeof all)
            len += dms_format(all + len, sizeof all - len, "%s%s",
                              i ? ", " : "", known);
    }
    if (nearest)
        return dms_fail(err, DMS_EINVAL,
                        "metric: '%.31s' is unknown; did you mean '%s'?", name,
                        nearest);
    return dms_fail(err, DMS_EINVAL,
                    "metric: '%.31s' is unknown, expected one of %s", name,
                    all);
}

/* What no network in training computes with, or this CPU does not. */
static dms_status check_precision(const dms_train_options *o, dms_error *err)
{
    const dms_compute compute = {.precision = o->precision,
                                 .winograd = o->winograd};
    dms_net_options net = {.mode = DMS_RUN_TRAINING};

    return dms_compute_apply(&net, &compute, NULL, 0, err);
}

/* What changes between epochs (phase.h). */
static dms_status check_phases(const dms_train_options *o, dms_error *err)
{
    if (o->unfreeze_after > 0 && o->backbone_lr == 0)
        return dms_fail(err, DMS_EINVAL,
                        "unfreeze-after %d: backbone-lr 0 freezes the backbone "
                        "for the whole run; give it a rate, and freeze stage4",
                        o->unfreeze_after);
    if (o->unfreeze_after > 0 && o->freeze == DMS_FREEZE_NONE)
        return dms_fail(err, DMS_EINVAL,
                        "unfreeze-after %d: nothing is frozen; give freeze",
                        o->unfreeze_after);
    if (o->start_size == 0)
        return DMS_OK;
    if (o->start_size % 32 != 0 || o->start_size > o->size)
        return dms_fail(err, DMS_EINVAL,
                        "start-size %d: expected a multiple of 32 up to size "
                        "%d, or 0",
                        o->start_size, o->size);
    return DMS_OK;
}

static dms_status check_teacher(const dms_train_options *o, dms_error *err)
{
    if (!o->teacher[0] && o->teacher_maps > 0)
        return dms_fail(err, DMS_EINVAL, "teacher-maps %g: no teacher is given",
                        o->teacher_maps);
    if (o->teacher[0] && o->teacher_weight == 0 && o->teacher_maps == 0)
        return dms_fail(err, DMS_EINVAL,
                        "teacher: with teacher-weight 0 and teacher-maps 0 it "
                        "teaches nothing");
    if (o->teacher[0] && o->start_size > 0)
        return dms_fail(err, DMS_EINVAL,
                        "start-size %d: the teacher reads photographs of one "
                        "size; give start-size 0",
                        o->start_size);
    if (o->teacher_maps > 0 && dms_train_frozen_always(o) == DMS_FREEZE_STAGE4)
        return dms_fail(err, DMS_EINVAL,
                        "teacher-maps %g trains the backbone, which is frozen "
                        "for the whole run",
                        o->teacher_maps);
    return DMS_OK;
}

dms_status dms_train_options_check(const dms_train_options *o, dms_error *err)
{
    dms_architecture arch = dms_architecture_default();
    dms_status st;

    arch.backbone = o->backbone;
    arch.context = o->context;
    arch.fusion = o->fusion;
    arch.eyes = o->eyes;
    arch.width = o->width;
    arch.size = o->size;
    TRY(dms_options_check(o, dms_train_option_table(), err));
    TRY(dms_architecture_check(&arch, err));
    TRY(check_metric(o->metric, err));
    TRY(check_phases(o, err));
    TRY(check_teacher(o, err));
    TRY(check_precision(o, err));
    if (!o->data[0])
        st = dms_fail(err, DMS_EINVAL,
                      "data: no folder or table of a data set is given");
    else if (!o->run[0])
        st = dms_fail(err, DMS_EINVAL, "run: no run folder is given");
    else if (o->val + o->test > 0.9)
        st = dms_fail(err, DMS_EINVAL,
                      "val %g and test %g leave too few patients to train on",
                      o->val, o->test);
    else if (o->folds == 1)
        st = dms_fail(err, DMS_EINVAL,
                      "folds: 1 leaves no patients to train on; expected 2 to "
                      "20, or none");
    else if (o->fold > 0 && o->folds == 0)
        st = dms_fail(err, DMS_EINVAL,
                      "fold %d: the number of folds is not given; give folds",
                      o->fold);
    else if (o->fold > o->folds)
        st = dms_fail(err, DMS_EINVAL, "fold: %d, but folds is %d", o->fold,
                      o->folds);
    else if (o->task == DMS_TRAIN_TASK_SINGLE_LABEL &&
             (o->loss != DMS_LOSS_BCE || o->pos_weight))
        st = dms_fail(err, DMS_EINVAL,
                      "task single-label has softmax cross-entropy: loss %s%s "
                      "is for multi-label",
                      dms_loss_kind_name((int)o->loss),
                      o->pos_weight ? " with pos-weight" : "");
done:
    return st;
}
