/* The anatomy, healthy or changed, of one synthetic eye: fundus colour and
 * choroid, optic disc and cup, macula, vessel tree.
 *
 * Everything is drawn as in the photograph of a left eye: the disc to the left
 * of the macula. A right eye is mirrored when the picture is developed. */
#ifndef DMS_SYNTH_SYNTH_RETINA_H
#define DMS_SYNTH_SYNTH_RETINA_H

#include <stdbool.h>
#include <stdint.h>

#include "synth/synth_canvas.h"
#include "synth/synth_labels.h"

typedef struct dms_retina {
    dms_color base;       /* colour of the fundus */
    float disc_x, disc_y; /* centre of the disc */
    float disc_r;         /* its horizontal semi-axis */
    float cup;            /* vertical cup/disc ratio, 0.2 to 0.95 */
    float fovea_x, fovea_y;
    float macula_dark;  /* 0 to 1 */
    float tessellation; /* contrast of the choroidal vessels, 0 to 1 */
    float crescent;     /* width beside the disc, in disc radii; 0: none */
    float artery_width, vein_width; /* of the trunks */
    float tortuosity;               /* 1: healthy */
    float wiring;                   /* arterial reflex, 0 to 1; 0.25: healthy */
    float nicking;                  /* veins vanish beside arteries, 0 to 1 */
    float pallor;                   /* of the disc, 0 to 1 */
    uint64_t seed;                  /* of this eye's vessels and textures */
} dms_retina;

/* Draw the anatomy's parameters. patient_seed determines what both eyes share
 * (colour, disc size), eye_seed the rest. Findings that change the anatomy
 * itself (G, H, M, some of O) are taken from eye. */
void dms_retina_draw(dms_retina *out, uint64_t patient_seed, uint64_t eye_seed,
                     const dms_synth_eye *eye);

/* Paint choroid, macula, crescent, disc, cup and vessels. */
void dms_retina_paint(dms_canvas *canvas, const dms_retina *retina);

#endif
