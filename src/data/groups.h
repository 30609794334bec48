/* Groups of patients that no split parts: a union-find over dms_patient.group,
 * in which the root is the group's smallest id. */
#ifndef DMS_DATA_GROUPS_H
#define DMS_DATA_GROUPS_H

#include "dms/data.h"

/* Make the groups of patients a and b one. */
void dms_groups_join(dms_dataset *dataset, size_t a, size_t b);

/* After the last join: every patient's group is its root itself. */
void dms_groups_settle(dms_dataset *dataset);

/* Join patients whose ids are one person's eyes, "1_left" and "1_right" (and
 * "1"). Tells how many; where only some ids, or some photographs' names, say a
 * side; and where the table's own split parts a person's eyes. monitor may be
 * NULL. */
dms_status dms_groups_join_persons(dms_dataset *dataset,
                                   const dms_monitor *monitor, dms_error *err);

#endif
