/* Learning-rate schedules as pure functions of step and elapsed share. Relies
 * on steps >= 1 and, for STEP, step_every > 0. */
#include "train/schedule.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

/* Half a cosine, from a at 0 to b at 1. */
static double cosine(double a, double b, double at)
{
    return b + (a - b) * 0.5 * (1 + cos(pi * fmin(fmax(at, 0.0), 1.0)));
}

static double onecycle(double lr, double progress)
{
    const double rise = 0.3;
    const double start = lr / 25, end = lr / 25 / 1e4;

    if (progress < rise)
        return cosine(start, lr, progress / rise);
    return cosine(lr, end, (progress - rise) / (1 - rise));
}

double dms_schedule_rate(const dms_schedule *schedule, int64_t step,
                         double elapsed)
{
    double lr = schedule->lr;
    double steps = (double)schedule->steps;
    double warmup = (double)schedule->warmup_steps;
    double progress = fmin(fmax((double)step / steps, elapsed), 1.0);
    double begin = fmin(warmup / steps, 1.0);

    if (schedule->kind == DMS_SCHEDULE_ONECYCLE)
        return onecycle(lr, progress);
    if (step < schedule->warmup_steps)
        lr *= (double)(step + 1) / warmup;
    switch (schedule->kind) {
    case DMS_SCHEDULE_COSINE:
        if (progress <= begin)
            return lr;
        return cosine(lr, 0.0, (progress - begin) / (1 - begin));
    case DMS_SCHEDULE_STEP:
        return lr * pow(schedule->step_factor,
                        floor((double)step / schedule->step_every));
    case DMS_SCHEDULE_ONECYCLE:
    case DMS_SCHEDULE_CONSTANT:
        break;
    }
    return lr;
}
