/* Lesions on a drawn retina, each with a position and a size. */
#ifndef DMS_SYNTH_SYNTH_LESIONS_H
#define DMS_SYNTH_SYNTH_LESIONS_H

#include "base/rng.h"
#include "synth/synth_canvas.h"

/* (x, y) and r are in retina coordinates; rng is advanced. */
void dms_lesion_dot(dms_canvas *canvas, dms_rng *rng, float x, float y,
                    float r); /* micro-aneurysm, dot or blot haemorrhage */
void dms_lesion_flame(dms_canvas *canvas, dms_rng *rng, float x, float y,
                      float r, float angle); /* along the nerve fibres */
void dms_lesion_cotton(dms_canvas *canvas, dms_rng *rng, float x, float y,
                       float r); /* cotton-wool spot */
void dms_lesion_atrophy(dms_canvas *canvas, dms_rng *rng, float x, float y,
                        float r); /* bare choroid, pigmented rim */

#endif
