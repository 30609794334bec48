/* Relies on the order and the marks of ties in a dms_ranking. */
#include "eval/curve.h"

#include "base/alloc.h"
#include "base/fail.h"

static void trace(dms_curve *curve, const dms_ranking *ranking)
{
    double tp = 0, fp = 0, positives = 0, negatives = 0;

    for (size_t i = 0; i < ranking->count; i++) {
        positives += ranking->cells[i] & 1;
        negatives += !(ranking->cells[i] & 1);
    }
    curve->count = 1; /* the first point: nothing is positive */
    for (size_t i = 0; i < ranking->count; i++) {
        tp += ranking->cells[i] & 1;
        fp += !(ranking->cells[i] & 1);
        if (!(ranking->cells[i] & 2))
            continue;
        curve->recall[curve->count] = tp / positives;
        curve->false_alarm[curve->count] = fp / negatives;
        curve->precision[curve->count] = tp / (tp + fp);
        curve->count++;
    }
    curve->precision[0] = curve->precision[1];
}

dms_status dms_curve_init(dms_curve *curve, const dms_ranking *ranking,
                          dms_error *err)
{
    size_t points = ranking->count + 1;
    double *block = dms_calloc(points, 3 * sizeof *block);

    if (!block)
        return dms_fail_memory(err, "the points of a curve");
    *curve = (dms_curve){.recall = block,
                         .false_alarm = block + points,
                         .precision = block + 2 * points};
    trace(curve, ranking);
    return DMS_OK;
}

void dms_curve_release(dms_curve *curve)
{
    dms_free(curve->recall); /* one block */
    *curve = (dms_curve){0};
}
