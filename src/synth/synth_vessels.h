/* The retinal vessel tree of a synthetic eye. */
#ifndef DMS_SYNTH_SYNTH_VESSELS_H
#define DMS_SYNTH_SYNTH_VESSELS_H

#include "synth/synth_canvas.h"
#include "synth/synth_retina.h"

/* Paint veins, then arteries with their reflex. The same retina gives the same
 * tree. Overwrites mask and second. */
void dms_vessels_paint(dms_canvas *canvas, const dms_retina *retina);

#endif
