/* The order of patients' ids. */
#ifndef DMS_DATA_PATIENT_ID_H
#define DMS_DATA_PATIENT_ID_H

/* Numbers by value, behind them other ids as texts; as qsort wants it. */
int dms_patient_id_compare(const char *a, const char *b);

#endif
