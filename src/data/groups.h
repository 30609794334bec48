/* Groups of patients that a split keeps together: a union-find over
 * dms_patient.group, whose root is the patient with the group's smallest id. */
#ifndef DMS_DATA_GROUPS_H
#define DMS_DATA_GROUPS_H

#include "data/cache.h"
#include "dms/data.h"

/* dms_dataset_group_duplicates by the digests in a cache of this data set, so
 * that no photograph is decoded. DMS_ENOMEM. */
dms_status dms_groups_join_cached(dms_dataset *dataset, const dms_cache *cache,
                                  dms_error *err);

/* Join the groups of patients a and b. */
void dms_groups_join(dms_dataset *dataset, size_t a, size_t b);

/* To be called after the last join: sets every patient's group to the root. */
void dms_groups_settle(dms_dataset *dataset);

/* Join patients whose ids are one person's eyes, "1_left" and "1_right" (and
 * "1"). Logs how many there are; whether only some ids, or only some
 * photographs' names, contain a side; and whether the table's own split
 * separates a person's eyes. monitor may be NULL. */
dms_status dms_groups_join_persons(dms_dataset *dataset,
                                   const dms_monitor *monitor, dms_error *err);

#endif
