/* The findings of a synthetic eye that lie on or in the retina. */
#ifndef DMS_SYNTH_SYNTH_FINDINGS_H
#define DMS_SYNTH_SYNTH_FINDINGS_H

#include "synth/synth_canvas.h"
#include "synth/synth_labels.h"
#include "synth/synth_retina.h"

/* Paint what eye->labels ask for, over the painted retina. Label C and bad
 * quality are the camera's: see synth_optics.h. Deterministic in
 * (retina->seed, eye). */
void dms_findings_paint(dms_canvas *canvas, const dms_retina *retina,
                        const dms_synth_eye *eye);

/* What label O may be, in synth_others.c. */
void dms_other_paint(dms_canvas *canvas, const dms_retina *retina,
                     dms_synth_other other);

/* Lesions that several findings share. (x, y) and r in retina coordinates. */
void dms_lesion_dot(dms_canvas *canvas, dms_rng *rng, float x, float y,
                    float r); /* micro-aneurysm, dot or blot haemorrhage */
void dms_lesion_flame(dms_canvas *canvas, dms_rng *rng, float x, float y,
                      float r, float angle); /* along the nerve fibres */
void dms_lesion_cotton(dms_canvas *canvas, dms_rng *rng, float x, float y,
                       float r); /* cotton-wool spot */
void dms_lesion_atrophy(dms_canvas *canvas, dms_rng *rng, float x, float y,
                        float r); /* bare choroid, pigmented rim */

#endif
