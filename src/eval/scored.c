/* Checks labels and probabilities before anything is measured, so that the
 * metrics can rely on them. */
#include "eval/scored.h"

#include "base/fail.h"

enum { CELLS_MAX = 1 << 27 }; /* what auc.h counts exactly */

const dms_label_set *dms_scored_set(const dms_answers *answers)
{
    return answers->set ? answers->set : dms_label_set_odir();
}

static dms_status check_cell(uint8_t label, double p, size_t patient,
                             const char *code, dms_error *err)
{
    if (label > 1 && label != DMS_LABEL_UNKNOWN)
        return dms_fail(err, DMS_EINVAL,
                        "patient %zu (from 1): label %s is %d, expected 0 or 1",
                        patient + 1, code, label);
    if (!(p >= 0 && p <= 1))
        return dms_fail(err, DMS_EINVAL,
                        "patient %zu (from 1): the probability of %s is %g, "
                        "expected 0 to 1",
                        patient + 1, code, p);
    return DMS_OK;
}

static dms_status check_patient(size_t *known, const dms_answers *answers,
                                size_t i, dms_error *err)
{
    const dms_label_set *set = dms_scored_set(answers);
    int count = dms_label_set_count(set), ones = 0, unknown = 0;
    dms_status st = DMS_OK;

    for (int k = 0; k < count; k++) {
        size_t at = i * (size_t)count + (size_t)k;
        uint8_t label = answers->labels[at];

        TRY(check_cell(label, answers->probabilities[at], i,
                       dms_label_set_code(set, k), err));
        ones += label == 1;
        unknown += label == DMS_LABEL_UNKNOWN;
    }
    *known += (size_t)(count - unknown);
    if (dms_label_set_task(set) == DMS_TASK_SINGLE_LABEL && unknown < count &&
        (ones != 1 || unknown > 0))
        return dms_fail(err, DMS_EINVAL,
                        "patient %zu (from 1) has %d labels; single-label "
                        "measures need exactly one",
                        i + 1, ones);
done:
    return st;
}

dms_status dms_scored_check(const dms_answers *answers, dms_error *err)
{
    size_t known = 0;
    size_t patients_max =
        CELLS_MAX / (size_t)dms_label_set_count(dms_scored_set(answers));
    dms_status st = DMS_OK;

    if (answers->count == 0)
        return dms_fail(err, DMS_EINVAL, "there are no patients to measure");
    if (answers->count > patients_max)
        return dms_fail(err, DMS_ELIMIT,
                        "%zu patients are too many to measure, at most %zu",
                        answers->count, patients_max);
    for (size_t i = 0; i < answers->count; i++)
        TRY(check_patient(&known, answers, i, err));
    if (known == 0)
        st = dms_fail(err, DMS_EINVAL,
                      "all labels of all %zu patients are unknown: there is "
                      "nothing to measure",
                      answers->count);
done:
    return st;
}
