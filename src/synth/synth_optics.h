/* The optics between a synthetic retina and its photograph: lens, focus, dust,
 * light, sensor, field of view. */
#ifndef DMS_SYNTH_SYNTH_OPTICS_H
#define DMS_SYNTH_SYNTH_OPTICS_H

#include <stdbool.h>
#include <stdint.h>

#include "synth/synth_canvas.h"
#include "synth/synth_labels.h"
#include "dms/image.h"

/* One patient's camera. */
typedef struct dms_camera {
    float fill;     /* field diameter as a share of the picture's side */
    float cut;      /* rows beyond +-cut are black; 2: none */
    float vignette; /* darkening at the rim, 0 to 1 */
    float halo;     /* bright greenish rim, 0 to 1 */
    float noise;    /* standard deviation; white is 1 */
    float focus;    /* sigma of the blur */
} dms_camera;

dms_camera dms_camera_draw(uint64_t patient_seed);

/* Apply cataract, dust, bad quality, focus, light and field mask to the canvas.
 */
void dms_camera_expose(dms_canvas *canvas, const dms_camera *camera,
                       const dms_synth_eye *eye, uint64_t eye_seed);

/* Add sensor noise and round to 8 bits. mirrored: columns in reverse order.
 * rgb  out: size*size*3 */
void dms_camera_develop(uint8_t *rgb, const dms_canvas *canvas,
                        const dms_camera *camera, uint64_t eye_seed,
                        bool mirrored);

#endif
