/* Folds of the training patients, for cross-validation. */
#ifndef DMS_DATA_FOLDS_H
#define DMS_DATA_FOLDS_H

#include "dms/data.h"

/* Assign each training patient to one of `folds` folds, as dms_dataset_split
 * assigns patients to splits: by group, stratified by the group's rarest label,
 * in the order of a hash of id and seed. In each stratum, and in all, the
 * folds' numbers of groups differ by at most one. Patients of other splits take
 * no part.
 *
 * fold  out: per patient 1 to folds; 0: not a training patient
 * DMS_EINVAL if there are fewer groups than folds; DMS_ENOMEM. */
dms_status dms_folds_deal(int *fold, const dms_dataset *dataset, int folds,
                          uint64_t seed, dms_error *err);

#endif
