/* The headline figures that both forms of the report show. */
#ifndef DMS_EVAL_HEADLINE_H
#define DMS_EVAL_HEADLINE_H

#include <stddef.h>

#include "dms/metrics.h"

/* The first so many figures are compared with the floors. */
enum { DMS_HEADLINE_JUDGED = 3 };
dms_metric dms_headline_judged(size_t index, const dms_label_set *labels);

#endif
