/* The order of patients' ids. */
#ifndef DMS_DATA_PATIENT_ID_H
#define DMS_DATA_PATIENT_ID_H

/* Numbers by value, then other ids as texts; negative, 0 or positive as for
 * qsort. */
int dms_patient_id_compare(const char *a, const char *b);

#endif
