/* What both forms of the report show of the headline figures. */
#ifndef DMS_EVAL_HEADLINE_H
#define DMS_EVAL_HEADLINE_H

#include <stddef.h>

#include "dms/metrics.h"

/* The first so many metrics exist for the task: those of one choice among
 * eight, last in the list, do for single-label only. */
size_t dms_headline_count(dms_task task);

/* The figures that are judged against the floors. */
enum { DMS_HEADLINE_JUDGED = 3 };
dms_metric dms_headline_judged(size_t index);

#endif
