/* Deriving a patient's labels from those of the eyes, and asking which labels
 * are known. Relies on labels of 0, 1 or DMS_LABEL_UNKNOWN only. */
#include <stdbool.h>
#include <stddef.h>

#include "base/number.h"
#include "data/labels.h"

/* The class of one-hot labels; -1: none is 1, or labels is NULL. */
static int class_of(const dms_label_set *set, const uint8_t *labels)
{
    for (int k = 0; labels && k < dms_label_set_count(set); k++)
        if (labels[k] == 1)
            return k;
    return -1;
}

static int class_of_eyes(const dms_label_set *set, const uint8_t *left,
                         const uint8_t *right)
{
    int a = class_of(set, left), b = class_of(set, right);

    if (!left || !right)
        return left ? a : b;
    if (dms_label_set_ordered(set)) {
        int worse = a > b ? a : b, better = a > b ? b : a;

        /* an eye without a grade might be worse than the graded one */
        return better < 0 && worse < dms_label_set_count(set) - 1 ? -1 : worse;
    }
    if (a < 0 || b < 0)
        return -1;
    return a == b || b == dms_label_set_nothing_found(set) ? a
           : a == dms_label_set_nothing_found(set)         ? b
                                                           : -1;
}

static void any_of_eyes(uint8_t *patient, const dms_label_set *set,
                        const uint8_t *left, const uint8_t *right)
{
    int nothing = dms_label_set_nothing_found(set);
    bool finding = false, doubt = false;

    for (int k = 0; k < dms_label_set_count(set); k++) {
        uint8_t a = left ? left[k] : 0, b = right ? right[k] : 0;

        /* 1 if either eye has it, else unknown if either eye's is */
        patient[k] = a == 1 || b == 1   ? 1
                     : a == 0 && b == 0 ? 0
                                        : DMS_LABEL_UNKNOWN;
        finding = finding || (k != nothing && patient[k] == 1);
        doubt = doubt || (k != nothing && patient[k] == DMS_LABEL_UNKNOWN);
    }
    if (nothing >= 0 && finding)
        patient[nothing] = 0;
    else if (nothing >= 0 && doubt && patient[nothing] == 1)
        patient[nothing] = DMS_LABEL_UNKNOWN;
}

void dms_labels_of_eyes(uint8_t *patient, const dms_label_set *set,
                        const uint8_t *left, const uint8_t *right)
{
    int found;

    if (dms_label_set_task(set) == DMS_TASK_MULTI_LABEL && (left || right)) {
        any_of_eyes(patient, set, left, right);
        return;
    }
    found = class_of_eyes(set, left, right);
    for (int k = 0; k < dms_label_set_count(set); k++)
        patient[k] = found < 0 ? DMS_LABEL_UNKNOWN : k == found;
}

bool dms_labels_known(const uint8_t *labels, int count)
{
    for (int k = 0; k < count; k++)
        if (labels[k] != DMS_LABEL_UNKNOWN)
            return true;
    return false;
}

bool dms_labels_single(const uint8_t *labels, int count)
{
    int ones = 0;

    for (int k = 0; k < count; k++) {
        if (labels[k] == DMS_LABEL_UNKNOWN)
            return false;
        ones += labels[k];
    }
    return ones == 1;
}

bool dms_labels_one_sided(char text[DMS_ONE_SIDED_MAX],
                          const dms_dataset *dataset)
{
    static const char *const names[] = {"left", "right"};
    size_t labelled[2] = {0}, told[2] = {0}, pictures[2] = {0};

    for (size_t i = 0; i < 2 * dataset->count; i++) {
        const dms_eye *eye = &dataset->patients[i / 2].eye[i % 2];

        labelled[i % 2] += eye->labelled;
        told[i % 2] += eye->labelled || eye->keywords;
        pictures[i % 2] += eye->path != NULL;
    }
    for (int e = DMS_LEFT; e <= DMS_RIGHT; e++)
        if (labelled[!e] > 0 && told[e] == 0 &&
            (pictures[e] > 0 || pictures[!e] == 0)) {
            dms_format(text, DMS_ONE_SIDED_MAX,
                       "no %s eye has keywords or labels of its own, but %zu "
                       "%s %s; is the column of the %s eyes' missing or named "
                       "otherwise?",
                       names[e], labelled[!e], names[!e],
                       labelled[!e] == 1 ? "eye does" : "eyes do", names[e]);
            return true;
        }
    return false;
}
