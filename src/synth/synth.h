/* One picture of `dmsnet synth`, without files and folders. */
#ifndef DMS_SYNTH_SYNTH_H
#define DMS_SYNTH_SYNTH_H

#include "synth/synth_labels.h"
#include "dms/data.h"

/* Photograph one eye of patient number `number` (from 1); depends on (seed,
 * number, eye, size) only. patient comes from dms_synth_patient_draw.
 * image  out: size x size; released by the caller; unchanged on failure
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
