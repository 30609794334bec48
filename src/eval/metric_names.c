/* The names used in metrics.json and on the command line. */
#include <string.h>

#include "eval/headline.h"

static const char *const metric_names[DMS_METRICS] = {
    [DMS_METRIC_ODIR_KAPPA] = "odir_kappa",
    [DMS_METRIC_ODIR_F1] = "odir_f1",
    [DMS_METRIC_ODIR_AUC] = "odir_auc",
    [DMS_METRIC_ODIR_FINAL] = "odir_final",
    [DMS_METRIC_ACCURACY] = "accuracy",
    [DMS_METRIC_RECALL] = "recall",
    [DMS_METRIC_PRECISION] = "precision",
    [DMS_METRIC_F1] = "f1",
    [DMS_METRIC_KAPPA] = "kappa",
    [DMS_METRIC_MACRO_AUC] = "macro_auc",
    [DMS_METRIC_MACRO_AP] = "macro_ap",
    [DMS_METRIC_MACRO_F1] = "macro_f1",
    [DMS_METRIC_MACRO_RECALL] = "macro_recall",
    [DMS_METRIC_MACRO_PRECISION] = "macro_precision",
    [DMS_METRIC_MACRO_SPECIFICITY] = "macro_specificity",
    [DMS_METRIC_MACRO_KAPPA] = "macro_kappa",
    [DMS_METRIC_MACRO_AUC_LABELS] = "macro_auc_labels",
    [DMS_METRIC_TOP1_ACCURACY] = "top1_accuracy",
    [DMS_METRIC_CLASS_KAPPA] = "class_kappa",
    [DMS_METRIC_CLASS_KAPPA_QUADRATIC] = "class_kappa_quadratic",
    [DMS_METRIC_CELL_ACCURACY] = "cell_accuracy",
    [DMS_METRIC_MICRO_AUC] = "micro_auc",
    [DMS_METRIC_BRIER] = "brier",
    [DMS_METRIC_ECE] = "ece",
};

static const char *const label_metric_names[DMS_LABEL_METRICS] = {
    [DMS_LABEL_METRIC_PRECISION] = "precision",
    [DMS_LABEL_METRIC_RECALL] = "recall",
    [DMS_LABEL_METRIC_SPECIFICITY] = "specificity",
    [DMS_LABEL_METRIC_F1] = "f1",
    [DMS_LABEL_METRIC_AUC] = "auc",
    [DMS_LABEL_METRIC_AP] = "ap",
    [DMS_LABEL_METRIC_KAPPA] = "kappa",
};

static const char *const floor_names[DMS_FLOORS] = {
    [DMS_FLOOR_ALL_ZERO] = "all_zero",
    [DMS_FLOOR_CLASS_PRIORS] = "class_priors",
};

enum { CRITERIA = 3 };
static const char *const criterion_names[CRITERIA] = {
    [DMS_CRITERION_F1] = "f1",
    [DMS_CRITERION_KAPPA] = "kappa",
    [DMS_CRITERION_YOUDEN] = "youden",
};

static const char *name_at(const char *const *names, size_t count, int index)
{
    return index >= 0 && (size_t)index < count ? names[index] : NULL;
}

/* The index of name, or count if it is unknown. */
static size_t index_of(const char *const *names, size_t count, const char *name)
{
    size_t i = 0;

    while (i < count && strcmp(names[i], name) != 0)
        i++;
    return i;
}

const char *dms_metric_name(dms_metric metric)
{
    return name_at(metric_names, DMS_METRICS, (int)metric);
}

const char *dms_label_metric_name(dms_label_metric metric)
{
    return name_at(label_metric_names, DMS_LABEL_METRICS, (int)metric);
}

const char *dms_floor_name(dms_floor floor)
{
    return name_at(floor_names, DMS_FLOORS, (int)floor);
}

const char *dms_criterion_name(dms_criterion criterion)
{
    return name_at(criterion_names, CRITERIA, (int)criterion);
}

bool dms_metric_find(dms_metric *metric, const char *name)
{
    size_t i = index_of(metric_names, DMS_METRICS, name);

    if (i < DMS_METRICS)
        *metric = (dms_metric)i;
    return i < DMS_METRICS;
}

bool dms_criterion_find(dms_criterion *criterion, const char *name)
{
    size_t i = index_of(criterion_names, CRITERIA, name);

    if (i < CRITERIA)
        *criterion = (dms_criterion)i;
    return i < CRITERIA;
}

bool dms_metric_lower_is_better(dms_metric metric)
{
    return metric == DMS_METRIC_BRIER || metric == DMS_METRIC_ECE;
}

bool dms_metric_applies(dms_metric metric, const dms_label_set *labels)
{
    bool odir = dms_label_set_is_odir(labels);
    bool one_of = dms_label_set_task(labels) == DMS_TASK_SINGLE_LABEL;

    switch (metric) {
    case DMS_METRIC_ODIR_KAPPA:
    case DMS_METRIC_ODIR_F1:
    case DMS_METRIC_ODIR_AUC:
    case DMS_METRIC_ODIR_FINAL:
        return odir;
    case DMS_METRIC_CELL_ACCURACY:
    case DMS_METRIC_MICRO_AUC:
        return !odir;
    case DMS_METRIC_TOP1_ACCURACY:
    case DMS_METRIC_CLASS_KAPPA:
        return one_of;
    case DMS_METRIC_CLASS_KAPPA_QUADRATIC:
        return one_of && (odir || dms_label_set_ordered(labels));
    default:
        return metric < DMS_METRICS;
    }
}

dms_metric dms_metric_default(const dms_label_set *labels)
{
    if (dms_label_set_is_odir(labels))
        return DMS_METRIC_ODIR_FINAL;
    if (dms_label_set_task(labels) == DMS_TASK_MULTI_LABEL)
        return DMS_METRIC_MACRO_AUC;
    return dms_label_set_ordered(labels) ? DMS_METRIC_CLASS_KAPPA_QUADRATIC
                                         : DMS_METRIC_CLASS_KAPPA;
}

dms_metric dms_headline_judged(size_t index, const dms_label_set *labels)
{
    static const dms_metric of_odir[DMS_HEADLINE_JUDGED] = {
        DMS_METRIC_MACRO_AUC, DMS_METRIC_ODIR_KAPPA, DMS_METRIC_ODIR_FINAL};
    static const dms_metric of_any[DMS_HEADLINE_JUDGED] = {
        DMS_METRIC_MACRO_AUC, DMS_METRIC_KAPPA, DMS_METRIC_MACRO_AP};
    static const dms_metric of_grades[DMS_HEADLINE_JUDGED] = {
        DMS_METRIC_MACRO_AUC, DMS_METRIC_ACCURACY,
        DMS_METRIC_CLASS_KAPPA_QUADRATIC};
    static const dms_metric of_classes[DMS_HEADLINE_JUDGED] = {
        DMS_METRIC_MACRO_AUC, DMS_METRIC_ACCURACY, DMS_METRIC_CLASS_KAPPA};

    if (dms_label_set_is_odir(labels))
        return of_odir[index];
    if (dms_label_set_task(labels) == DMS_TASK_MULTI_LABEL)
        return of_any[index];
    return dms_label_set_ordered(labels) ? of_grades[index] : of_classes[index];
}
