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

#endif
