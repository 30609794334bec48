/* Which patients an epoch draws if labels are to have other shares than in the
 * training split. With n_k patients of label k and q = 0 (balanced) or 1/2
 * (square root), a draw chooses a label with probability
 *
 *     p_k = n_k^q / (sum over j of n_j^q)
 *
 * and then one of its patients (Kang et al. 2020, arXiv 1910.09217, section
 * 4.1). Patients without any label are one more class. So a patient is expected
 *
 *     e = count * (sum over its labels k of p_k / n_k)
 *
 * times in an epoch of count draws, and is drawn floor(e) or ceil(e) times. */
#ifndef DMS_TRAIN_SAMPLER_H
#define DMS_TRAIN_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#include "dms/data.h"
#include "dms/train.h"

typedef struct dms_train_sampler dms_train_sampler;

/* dataset, patients (count places in it): borrowed. how: not NATURAL.
 * DMS_ENOMEM. */
dms_status dms_train_sampler_create(dms_train_sampler **out,
                                    const dms_dataset *dataset,
                                    const size_t *patients, size_t count,
                                    dms_sampling how, dms_error *err);
void dms_train_sampler_destroy(dms_train_sampler *sampler);

/* e of each patient, in their order; borrowed. Its sum is count. */
const double *dms_train_sampler_expected(const dms_train_sampler *sampler);

/* Draw an epoch's count patients in random order. They depend only on patients,
 * labels, seed and epoch.
 *
 * order  out: count places in the data set */
void dms_train_sampler_draw(size_t *order, dms_train_sampler *sampler,
                            uint64_t seed, int64_t epoch);

#endif
