/* The lesions that several findings share. */
#include "synth/synth_lesions.h"

#include <math.h>

static const dms_color blood = {.5f, .2f, .19f};

void dms_lesion_dot(dms_canvas *canvas, dms_rng *rng, float x, float y, float r)
{
    dms_blob blob = {.x = x,
                     .y = y,
                     .rx = r * dms_rng_float(rng, .8f, 1.3f),
                     .ry = r,
                     .angle = dms_rng_float(rng, 0, 3.1f),
                     .feather = .35f * r,
                     .wobble = r > .025f ? .22f : 0,
                     .phase = dms_rng_float(rng, 0, 6.28f),
                     .color = blood,
                     .opacity = dms_rng_float(rng, .6f, .95f),
                     .multiply = true};

    dms_canvas_blob(canvas, &blob);
}

void dms_lesion_flame(dms_canvas *canvas, dms_rng *rng, float x, float y,
                      float r, float angle)
{
    int streaks = dms_rng_int(rng, 3, 6);

    for (int i = 0; i < streaks; i++) {
        float across = dms_rng_float(rng, -.35f, .35f) * r;
        dms_blob blob = {.x = x - across * sinf(angle),
                         .y = y + across * cosf(angle),
                         .rx = r * dms_rng_float(rng, .6f, 1.1f),
                         .ry = r * dms_rng_float(rng, .12f, .22f),
                         .angle = angle + dms_rng_float(rng, -.2f, .2f),
                         .feather = .12f * r,
                         .color = blood,
                         .opacity = .6f,
                         .multiply = true};

        dms_canvas_blob(canvas, &blob);
    }
}

void dms_lesion_cotton(dms_canvas *canvas, dms_rng *rng, float x, float y,
                       float r)
{
    dms_blob blob = {.x = x,
                     .y = y,
                     .rx = r * dms_rng_float(rng, 1, 1.7f),
                     .ry = r,
                     .angle = dms_rng_float(rng, 0, 3.1f),
                     .feather = 1.1f * r,
                     .wobble = .25f,
                     .phase = dms_rng_float(rng, 0, 6.28f),
                     .color = {.95f, .9f, .72f},
                     .opacity = .75f};

    dms_canvas_blob(canvas, &blob);
}

void dms_lesion_atrophy(dms_canvas *canvas, dms_rng *rng, float x, float y,
                        float r)
{
    dms_blob bare = {.x = x,
                     .y = y,
                     .rx = r * dms_rng_float(rng, 1, 1.4f),
                     .ry = r,
                     .angle = dms_rng_float(rng, 0, 3.1f),
                     .feather = .03f,
                     .wobble = .25f,
                     .phase = dms_rng_float(rng, 0, 6.28f),
                     .color = {.96f, .84f, .58f},
                     .opacity = .7f};
    dms_blob rim = bare;

    rim.rx *= 1.2f, rim.ry *= 1.2f;
    rim.color = (dms_color){.55f, .5f, .5f};
    rim.multiply = true;
    rim.opacity = .5f;
    dms_canvas_blob(canvas, &rim);
    dms_canvas_blob(canvas, &bare);
    for (int i = 0; i < 3; i++) { /* clumps of pigment */
        float a = dms_rng_float(rng, 0, 6.28f);
        dms_blob clump = rim;

        clump.x += r * cosf(a), clump.y += r * sinf(a);
        clump.rx = clump.ry = .18f * r;
        clump.color = (dms_color){.25f, .22f, .22f};
        clump.opacity = .7f;
        dms_canvas_blob(canvas, &clump);
    }
}
