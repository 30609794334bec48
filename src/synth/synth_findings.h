/* The findings of a synthetic eye on or in the retina. */
#ifndef DMS_SYNTH_SYNTH_FINDINGS_H
#define DMS_SYNTH_SYNTH_FINDINGS_H

#include "synth/synth_canvas.h"
#include "synth/synth_labels.h"
#include "synth/synth_retina.h"

/* Paint the findings in eye->labels over the painted retina. The camera applies
 * label C and bad quality: see synth_optics.h. Depends on (retina->seed, eye)
 * only. */
void dms_findings_paint(dms_canvas *canvas, const dms_retina *retina,
                        const dms_synth_eye *eye);

#endif
