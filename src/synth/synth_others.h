/* The findings of label O, "other". */
#ifndef DMS_SYNTH_SYNTH_OTHERS_H
#define DMS_SYNTH_SYNTH_OTHERS_H

#include "synth/synth_canvas.h"
#include "synth/synth_labels.h"
#include "synth/synth_retina.h"

/* Paint it over the painted retina. Depends on retina->seed only. */
void dms_other_paint(dms_canvas *canvas, const dms_retina *retina,
                     dms_synth_other other);

#endif
