/* The learning rate of a step. */
#ifndef DMS_TRAIN_SCHEDULE_H
#define DMS_TRAIN_SCHEDULE_H

#include <stdint.h>

#include "dms/train.h"

typedef struct dms_schedule {
    dms_schedule_kind kind;
    double lr;            /* the highest */
    int64_t steps;        /* planned, >= 1 */
    int64_t warmup_steps; /* linear from lr/warmup_steps; 0: none */
    double step_every;    /* STEP: steps between two falls, > 0 */
    double step_factor;   /* STEP: lr times this at each */
} dms_schedule;

/* step     from 0: the steps already made
 * elapsed  share of the time limit that is over, 0 without one. The place in
 *          a falling schedule is the larger of the two shares, so that the
 *          rate reaches its end whichever limit comes first.
 * Safe from several threads. One-cycle: Smith & Topin 2018, with torch's
 * start lr/25 and end lr/250000, its own warm-up instead of warmup_steps. */
double dms_schedule_rate(const dms_schedule *schedule, int64_t step,
                         double elapsed);

#endif
