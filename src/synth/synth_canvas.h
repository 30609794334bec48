/* A canvas for synthetic fundus pictures: float RGB, antialiased shapes in
 * retina coordinates, value noise, blur.
 *
 * Coordinates: the centre of the picture is (0, 0), the rim of the field of
 * view is at distance 1, x to the right, y down. Lengths, widths and feathers
 * have the same unit. Colours are sRGB values in [0, 1], not linear light. */
#ifndef DMS_SYNTH_SYNTH_CANVAS_H
#define DMS_SYNTH_SYNTH_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "dms/status.h"

typedef struct dms_color {
    float r, g, b;
} dms_color;

typedef struct dms_canvas {
    int size;      /* pixels per side */
    float radius;  /* of the field of view, in pixels */
    float *rgb;    /* size*size*3, interleaved; owned */
    float *mask;   /* size*size coverage of the shape being drawn; owned */
    float *second; /* size*size: another mask, or the blur's scratch; owned */
} dms_canvas;

/* DMS_ENOMEM; the canvas is then safe to release. */
dms_status dms_canvas_init(dms_canvas *canvas, int size, float radius,
                           dms_error *err);
void dms_canvas_release(dms_canvas *canvas);

/* The retina coordinate of the centre of pixel column or row i. */
float dms_canvas_coordinate(const dms_canvas *canvas, int i);

/* An ellipse with a soft rim, uneven if wobble > 0. */
typedef struct dms_blob {
    float x, y;
    float rx, ry;  /* semi-axes, to where the coverage is one half */
    float angle;   /* of the first axis, radians */
    float feather; /* width of the rim's ramp; at least one pixel */
    float wobble;  /* 0 round .. 0.5 ragged */
    float phase;   /* of the wobble */
    dms_color color;
    float opacity;
    bool multiply; /* multiply by color, like blood; else cover */
} dms_blob;
void dms_canvas_blob(dms_canvas *canvas, const dms_blob *blob);

/* Draw a tapering line into mask (size*size). Masks combine by maximum, so
 * joints do not get darker. */
typedef struct dms_stroke {
    float x0, y0, x1, y1;
    float width0, width1;
} dms_stroke;
void dms_canvas_stroke(const dms_canvas *canvas, float *mask,
                       const dms_stroke *stroke);

void dms_canvas_mask_clear(const dms_canvas *canvas, float *mask);

/* Blend color over the picture by mask, or multiply the picture by it. */
void dms_canvas_mask_apply(dms_canvas *canvas, const float *mask,
                           dms_color color, float opacity, bool multiply);

/* Blur the picture, nearly Gaussian (three boxes); sigma is a length.
 * Overwrites second. */
void dms_canvas_blur(dms_canvas *canvas, float sigma);

/* Smooth value noise in [0, 1], lattice spacing 1; and a sum of octaves. */
float dms_noise_value(uint64_t seed, float x, float y);
float dms_noise_fractal(uint64_t seed, float x, float y, int octaves);

dms_color dms_color_mix(dms_color a, dms_color b, float t);
dms_color dms_color_scale(dms_color color, float factor);

/* Float shorthands for base/rng.h. */
float dms_rng_float(dms_rng *rng, float low, float high);
int dms_rng_int(dms_rng *rng, int low, int high); /* both ends included */

#endif
