/* How well probabilities agree with outcomes. */
#ifndef DMS_EVAL_RELIABILITY_H
#define DMS_EVAL_RELIABILITY_H

#include "dms/calibrate.h"
#include "dms/metrics.h"

enum { DMS_RELIABILITY_ALL = -1 };

/* Which of the DMS_RELIABILITY_BINS parts of [0, 1], of equal width, it is
 * in. */
int dms_reliability_bin(double probability);

/* Over label k's known cells, or DMS_RELIABILITY_ALL labels' cells. Of one-of
 * labels each class is a cell too. A probability of 0 or 1 that is wrong counts
 * 2^-52 in the log loss, as in scikit-learn. */
void dms_reliability_measure(dms_reliability *out, const dms_answers *answers,
                             int k);

#endif
