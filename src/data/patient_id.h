/* Patients' ids: their length, their order, and ids that are the same text. */
#ifndef DMS_DATA_PATIENT_ID_H
#define DMS_DATA_PATIENT_ID_H

#include <stddef.h>

#include "dms/status.h"

enum { DMS_PATIENT_ID_MAX = 128 }; /* bytes */
#define DMS_PATIENT_ID_EXPECTED "an id of 1 to 128 bytes"

/* Numbers by value, then other ids as texts; negative, 0 or positive as for
 * qsort. */
int dms_patient_id_compare(const char *a, const char *b);

/* Find two ids that differ in bytes but are the same text in two Unicode forms
 * (composed, decomposed).
 *
 * first, second  out: their indices in ids, first < second; both count: none
 * ids            count texts, in any order, with repetitions */
dms_status dms_patient_id_twins(size_t *first, size_t *second,
                                const char *const *ids, size_t count,
                                dms_error *err);

#endif
