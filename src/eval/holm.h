/* Holm's correction: p values of several tests that are looked at together. */
#ifndef DMS_EVAL_HOLM_H
#define DMS_EVAL_HOLM_H

#include <stddef.h>

#include "dms/status.h"

/* Adjust a family of p values: rejecting where the adjusted p is at most alpha
 * makes the chance of any wrong rejection at most alpha, whatever the tests'
 * dependence. NaN stays NaN and does not count as a test.
 *
 * adjusted  out: count; may be p itself
 * DMS_ENOMEM. Source: Holm 1979. */
dms_status dms_holm_adjust(double *adjusted, const double *p, size_t count,
                           dms_error *err);

#endif
