/* What both forms of the report show of the headline figures. */
#ifndef DMS_EVAL_HEADLINE_H
#define DMS_EVAL_HEADLINE_H

#include <stddef.h>

#include "dms/metrics.h"

/* The figures that are judged against the floors. */
enum { DMS_HEADLINE_JUDGED = 3 };
dms_metric dms_headline_judged(size_t index, const dms_label_set *labels);

#endif
