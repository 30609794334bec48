/* The words of training's choices, in the order of their enums in
 * dms/train.h. */
#include "dms/train.h"

static const char *const loss_names[] = {"bce", "focal", "asymmetric", NULL};
static const char *const optimizer_names[] = {"adamw", "sgd", NULL};
static const char *const schedule_names[] = {"cosine", "onecycle", "step",
                                             "constant", NULL};
static const char *const several_names[] = {"leave-out", "rarest", NULL};
static const char *const freeze_names[] = {
    "none", "stem", "stage1", "stage2", "stage3", "stage4", NULL};
static const char *const sampling_names[] = {"natural", "balanced", "sqrt",
                                             NULL};
static const char *const task_names[] = {"auto", "multi-label", "single-label",
                                         NULL};
static const char *const resume_names[] = {"false", "true", "auto", NULL};
static const char *const end_names[] = {"all epochs done", "time limit",
                                        "early stopping", "stopped", NULL};

/* names must end with NULL. */
static const char *name_of(const char *const *names, int value)
{
    if (value < 0)
        return NULL;
    while (value > 0 && *names)
        value--, names++;
    return *names;
}

const char *dms_loss_kind_name(int kind)
{
    return name_of(loss_names, kind);
}

const char *dms_optimizer_kind_name(int kind)
{
    return name_of(optimizer_names, kind);
}

const char *dms_schedule_kind_name(int kind)
{
    return name_of(schedule_names, kind);
}

const char *dms_several_labels_name(int value)
{
    return name_of(several_names, value);
}

const char *dms_freeze_name(int freeze)
{
    return name_of(freeze_names, freeze);
}

const char *dms_sampling_name(int sampling)
{
    return name_of(sampling_names, sampling);
}

const char *dms_train_task_name(int task)
{
    return name_of(task_names, task);
}

const char *dms_train_resume_name(int resume)
{
    return name_of(resume_names, resume);
}

const char *dms_train_end_name(int end)
{
    return name_of(end_names, end);
}
