/* Inside `dmsnet synth`: one picture, apart from files and folders. */
#ifndef DMS_SYNTH_SYNTH_H
#define DMS_SYNTH_SYNTH_H

#include "synth/synth_labels.h"
#include "dms/data.h"

/* Photograph one eye of patient number `number` (from 1): a function of
 * (seed, number, eye, size) alone. patient is dms_synth_patient_draw's.
 * image  out: size x size; released by the caller; untouched on failure
 * eye    DMS_LEFT or DMS_RIGHT
 * DMS_ENOMEM. */
typedef struct dms_synth_shot {
    uint64_t seed;
    int number;
    int eye;
    int size;
} dms_synth_shot;
dms_status dms_synth_picture(dms_image *image, const dms_synth_patient *patient,
                             const dms_synth_shot *shot, dms_error *err);

#endif
