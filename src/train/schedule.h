/* The learning rate of each step. */
#ifndef DMS_TRAIN_SCHEDULE_H
#define DMS_TRAIN_SCHEDULE_H

#include <stdint.h>

#include "dms/train.h"

typedef struct dms_schedule {
    dms_schedule_kind kind;
    double lr;            /* the highest rate */
    int64_t steps;        /* planned, >= 1 */
    int64_t warmup_steps; /* linear from lr/warmup_steps; 0: none */
    double step_every;    /* STEP: steps between two reductions, > 0 */
    double step_factor;   /* STEP: the factor on lr at each reduction */
} dms_schedule;

/* step     from 0: the number of steps already done
 * elapsed  share of the time limit that has passed, 0 without a limit.
 *          The position in a falling schedule is the larger of the two
 *          shares, so that the rate reaches its end with either limit.
 * Safe from several threads. One-cycle: Smith & Topin 2018, with torch's start
 * lr/25 and end lr/250000, and its own warm-up instead of warmup_steps. */
double dms_schedule_rate(const dms_schedule *schedule, int64_t step,
                         double elapsed);

#endif
