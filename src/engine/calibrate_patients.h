/* The patients that a calibration is fitted to: their logits and labels. */
#ifndef DMS_ENGINE_CALIBRATE_PATIENTS_H
#define DMS_ENGINE_CALIBRATE_PATIENTS_H

#include "data/cache.h"
#include "dms/calibrate.h"

/* Zero-initialise; release. */
typedef struct dms_calibrate_patients {
    float *logits;   /* owned: count x K, uncalibrated */
    uint8_t *labels; /* owned: count x K of 0, 1 or DMS_LABEL_UNKNOWN */
    size_t count;
    size_t splits[4]; /* how many are of each dms_split */
    size_t left_out;  /* patients with several labels, if one-of */
} dms_calibrate_patients;

void dms_calibrate_patients_release(dms_calibrate_patients *patients);

/* All borrowed. */
typedef struct dms_calibrate_source {
    const dms_calibrate_options *options; /* its texts may be "", not NULL */
    const dms_compute *compute;
    const dms_monitor *monitor;
    const dms_model *model;
    const dms_dataset *dataset; /* already split */
} dms_calibrate_source;

/* Run the model on the photographs of the split's labelled patients. The
 * monitor is warned of patients that the model was trained on. */
dms_status dms_calibrate_patients_run(dms_calibrate_patients *out,
                                      const dms_calibrate_source *source,
                                      dms_error *err);

/* Read the predictions files and take the logits of their probabilities, which
 * must be uncalibrated: ln(p / (1 - p)), within 40, or ln p of one-of labels.
 * Patients are the split's labelled ones that have a prediction; the monitor is
 * told of predictions that are not used. DMS_EMISMATCH if there are none or a
 * patient is in two files. */
dms_status dms_calibrate_patients_read(dms_calibrate_patients *out,
                                       const dms_calibrate_source *source,
                                       dms_error *err);

#endif
