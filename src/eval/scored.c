#include "eval/scored.h"

#include "base/fail.h"

enum { PATIENTS_MAX = 1 << 24 };

static dms_status check_cell(uint8_t label, double p, size_t patient, int k,
                             dms_error *err)
{
    if (label > 1)
        return dms_fail(err, DMS_EINVAL,
                        "patient %zu (from 1): label %c is %d, expected 0 or 1",
                        patient + 1, DMS_LABEL_LETTERS[k], label);
    if (!(p >= 0 && p <= 1))
        return dms_fail(err, DMS_EINVAL,
                        "patient %zu (from 1): the probability of %c is %g, "
                        "expected 0 to 1",
                        patient + 1, DMS_LABEL_LETTERS[k], p);
    return DMS_OK;
}

dms_status dms_scored_check(const uint8_t *labels, const double *probabilities,
                            size_t count, dms_task task, dms_error *err)
{
    dms_status st = DMS_OK;

    if (count == 0)
        return dms_fail(err, DMS_EINVAL, "there is no patient to measure");
    if (count > PATIENTS_MAX)
        return dms_fail(err, DMS_ELIMIT,
                        "%zu patients are too many to measure; at most %d",
                        count, PATIENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        int ones = 0;

        for (int k = 0; k < DMS_LABELS; k++) {
            size_t at = i * DMS_LABELS + (size_t)k;

            TRY(check_cell(labels[at], probabilities[at], i, k, err));
            ones += labels[at];
        }
        if (task == DMS_TASK_SINGLE_LABEL && ones != 1)
            return dms_fail(err, DMS_EINVAL,
                            "patient %zu (from 1) has %d labels; single-label "
                            "measures need exactly one",
                            i + 1, ones);
    }
done:
    return st;
}
