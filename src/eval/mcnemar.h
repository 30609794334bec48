/* McNemar's test: are two predictors' decisions about the same patients equally
 * often right? */
#ifndef DMS_EVAL_MCNEMAR_H
#define DMS_EVAL_MCNEMAR_H

#include <stdint.h>

/* Two-sided exact p. Under the null hypothesis each patient about whom only one
 * predictor is right is as likely the first's as the second's: a binomial
 * distribution with probability 1/2. Exact for any counts, so that no number
 * has to say from where on the chi-squared approximation would do.
 *
 * first_only, second_only  patients about whom only that predictor is right
 * Source: McNemar 1947; the exact conditional test of Fagerland, Lydersen &
 * Laake 2013. */
double dms_mcnemar_p(uint64_t first_only, uint64_t second_only);

#endif
