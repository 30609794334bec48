/* The synthetic patients: findings with ODIR-5K's frequencies, age, sex, and
 * each eye's diagnostic keywords. No pictures. */
#ifndef DMS_SYNTH_SYNTH_LABELS_H
#define DMS_SYNTH_SYNTH_LABELS_H

#include <stdbool.h>
#include <stdint.h>

#include "dms/architecture.h"

/* ODIR's labels in order: indices into every label array here. */
enum dms_synth_label {
    DMS_SYNTH_N,
    DMS_SYNTH_D,
    DMS_SYNTH_G,
    DMS_SYNTH_C,
    DMS_SYNTH_A,
    DMS_SYNTH_H,
    DMS_SYNTH_M,
    DMS_SYNTH_O,
    DMS_SYNTH_LABELS
};

/* The findings of label O. */
typedef enum dms_synth_other {
    DMS_SYNTH_MEMBRANE,
    DMS_SYNTH_MEMBRANE_MACULAR,
    DMS_SYNTH_LASER,
    DMS_SYNTH_MYELIN,
    DMS_SYNTH_HOLE,
    DMS_SYNTH_VEIN_OCCLUSION,
    DMS_SYNTH_VITREOUS,
    DMS_SYNTH_PIGMENTOSA,
    DMS_SYNTH_ATROPHY,
    DMS_SYNTH_OTHERS
} dms_synth_other;

typedef struct dms_synth_eye {
    uint8_t
        labels[DMS_SYNTH_LABELS]; /* findings drawn; N only without another */
    uint8_t severity[DMS_SYNTH_LABELS]; /* 0 mild .. 3; depends on the label */
    dms_synth_other other;              /* valid if labels[O] is set */
    bool lens_dust;     /* drawn and a keyword, in addition to the findings */
    bool low_quality;   /* dark and blurred, and a keyword */
    bool ungradable;    /* low_quality, and that is the only keyword */
    char keywords[320]; /* fields separated by U+FF0C, UTF-8 */
} dms_synth_eye;

typedef struct dms_synth_patient {
    int age;  /* years, 18 to 92 */
    char sex; /* 'M' or 'F' */
    uint8_t labels[DMS_SYNTH_LABELS];
    dms_synth_eye eye[2]; /* DMS_LEFT, DMS_RIGHT */
} dms_synth_patient;

/* Draw patient number `patient` (from 1) of the set `seed`. Depends on these
 * two only, so a larger set begins with the smaller one. The labels follow a
 * golden-ratio sequence: even a small set comes close to ODIR's shares. */
void dms_synth_patient_draw(dms_synth_patient *out, uint64_t seed, int patient);

#endif
