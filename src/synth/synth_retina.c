/* Draws an eye's anatomy and paints it; synth_vessels.c paints the vessels. */
#include "synth/synth_retina.h"

#include <math.h>
#include <stddef.h>

#include "synth/synth_vessels.h"

/* Orange, red-orange, brown, yellow-brown, pinkish: the same tissue in
 * different people and cameras. */
static const dms_color palettes[] = {
    {.76f, .46f, .26f}, {.78f, .34f, .18f}, {.58f, .36f, .20f},
    {.72f, .54f, .30f}, {.76f, .48f, .38f}, {.62f, .28f, .15f},
};
enum { PALETTES = sizeof palettes / sizeof palettes[0] };

static dms_color base_draw(uint64_t patient_seed)
{
    dms_rng rng = dms_rng_seeded(dms_hash_mix(patient_seed, 11));
    dms_color a = palettes[dms_rng_below(&rng, PALETTES)];
    dms_color b = palettes[dms_rng_below(&rng, PALETTES)];
    dms_color mixed = dms_color_mix(a, b, dms_rng_float(&rng, 0, 1));

    return dms_color_scale(mixed, dms_rng_float(&rng, .78f, 1.04f));
}

static float severity_of(const dms_synth_eye *eye, int label)
{
    return (float)eye->severity[label] / 3;
}

static void findings_shape(dms_retina *r, const dms_synth_eye *eye,
                           dms_rng *rng)
{
    if (eye->labels[DMS_SYNTH_G]) {
        r->cup = dms_rng_float(rng, .74f, .82f) +
                 .12f * severity_of(eye, DMS_SYNTH_G);
        r->pallor = .5f;
    }
    if (eye->labels[DMS_SYNTH_H]) {
        r->artery_width *= dms_rng_float(rng, .5f, .65f);
        r->tortuosity = dms_rng_float(rng, 2.6f, 4);
        r->wiring = dms_rng_float(rng, .75f, 1);
        r->nicking = 1;
    }
    if (eye->labels[DMS_SYNTH_M]) {
        r->tessellation = dms_rng_float(rng, .6f, 1);
        r->crescent =
            dms_rng_float(rng, .5f, .8f) + severity_of(eye, DMS_SYNTH_M);
        r->macula_dark *= .6f;
        r->vein_width *= .85f;
    }
    if (eye->labels[DMS_SYNTH_O] && eye->other == DMS_SYNTH_PIGMENTOSA) {
        r->artery_width *= .55f;
        r->vein_width *= .65f;
        r->pallor = .8f;
    }
}

void dms_retina_draw(dms_retina *out, uint64_t patient_seed, uint64_t eye_seed,
                     const dms_synth_eye *eye)
{
    dms_rng both = dms_rng_seeded(dms_hash_mix(patient_seed, 12));
    dms_rng own = dms_rng_seeded(dms_hash_mix(eye_seed, 13));
    float apart = dms_rng_float(&both, .72f, .82f);
    float cup = dms_rng_float(&both, .3f, .52f);

    *out = (dms_retina){
        .base = base_draw(patient_seed),
        .disc_r = dms_rng_float(&both, .115f, .145f),
        .cup = cup + dms_rng_float(&own, -.04f, .04f),
        .disc_x = dms_rng_float(&own, -.66f, -.5f),
        .disc_y = dms_rng_float(&own, -.1f, .06f),
        .macula_dark = dms_rng_float(&both, .5f, 1),
        .tessellation = dms_rng_float(&both, .02f, .14f),
        .artery_width = dms_rng_float(&both, .02f, .025f),
        .vein_width = dms_rng_float(&both, .027f, .034f),
        .tortuosity = dms_rng_float(&both, .6f, 1.3f),
        .wiring = dms_rng_float(&both, .15f, .35f),
        .pallor = dms_rng_float(&both, 0, .25f),
        .seed = eye_seed,
    };
    out->fovea_x = out->disc_x + apart;
    out->fovea_y = out->disc_y + dms_rng_float(&own, .02f, .1f);
    findings_shape(out, eye, &own);
}

static float bump(float dx, float dy, float sigma)
{
    return expf(-.5f * (dx * dx + dy * dy) / (sigma * sigma));
}

/* The choroidal vessels: warped ridges of noise, 0..1. */
static float ridge_at(uint64_t seed, float x, float y)
{
    float wx = dms_noise_value(seed + 20, 3 * x, 3 * y);
    float wy = dms_noise_value(seed + 21, 3 * x, 3 * y);
    float n = dms_noise_value(seed + 22, 8 * x + 3 * wx, 5 * y + 3 * wy);
    float m = dms_noise_value(seed + 23, 15 * x + 4 * wy, 11 * y + 4 * wx);

    return 1 - .65f * fabsf(2 * n - 1) - .35f * fabsf(2 * m - 1);
}

static dms_color fundus_at(const dms_retina *r, float x, float y)
{
    float light =
        .84f + .32f * dms_noise_fractal(r->seed, 1.3f * x + 9, 1.3f * y + 9, 2);
    float grain = dms_noise_fractal(r->seed + 7, 14 * x, 14 * y, 2) - .5f;
    float hue = dms_noise_value(r->seed + 9, 1.1f * x, 1.1f * y) - .5f;
    float ridge = ridge_at(r->seed, x, y) - .6f;
    float dx = x - r->fovea_x, dy = y - r->fovea_y;
    float macula = r->macula_dark *
                   (.42f * bump(dx, dy, .13f) + .22f * bump(dx, dy, .04f));
    float glow = .16f * bump(x - r->disc_x, y - r->disc_y, .3f);
    float tess = r->tessellation * ridge * (1 - .7f * bump(dx, dy, .15f));

    light *= 1 + .07f * grain + glow;
    return (dms_color){
        r->base.r * light * (1 + .55f * tess - .8f * macula),
        r->base.g * light * (1 + .9f * tess - macula + .1f * hue),
        r->base.b * light * (1 + .8f * tess - .9f * macula + .2f * hue),
    };
}

static void choroid_paint(dms_canvas *canvas, const dms_retina *r)
{
    for (int i = 0; i < canvas->size; i++) {
        float y = dms_canvas_coordinate(canvas, i);
        float *px = canvas->rgb + (size_t)i * (size_t)canvas->size * 3;

        for (int j = 0; j < canvas->size; j++, px += 3) {
            float x = dms_canvas_coordinate(canvas, j);
            dms_color color;

            if (x * x + y * y > 1.05f) /* outside the field, stays black */
                continue;
            color = fundus_at(r, x, y);
            px[0] = color.r, px[1] = color.g, px[2] = color.b;
        }
    }
}

/* Bare sclera beside the disc, mostly on the macula's side. */
static void crescent_paint(dms_canvas *canvas, const dms_retina *r)
{
    dms_color sclera = dms_color_mix(r->base, (dms_color){1, .9f, .68f}, .72f);
    dms_blob blob = {
        .x = r->disc_x + .45f * r->crescent * r->disc_r,
        .y = r->disc_y,
        .rx = r->disc_r * (1 + .65f * r->crescent),
        .ry = r->disc_r * (1.1f + .5f * r->crescent),
        .feather = .035f,
        .wobble = .1f,
        .phase = (float)(r->seed % 628) * .01f,
        .color = sclera,
        .opacity = .9f,
    };

    if (r->crescent > 0)
        dms_canvas_blob(canvas, &blob);
}

static void disc_paint(dms_canvas *canvas, const dms_retina *r)
{
    dms_color rim = dms_color_mix((dms_color){1, .76f, .48f}, r->base, .15f);
    dms_color pale = {1, .93f, .76f};
    dms_blob disc = {.x = r->disc_x,
                     .y = r->disc_y,
                     .rx = r->disc_r * .94f,
                     .ry = r->disc_r * 1.06f,
                     .feather = .025f,
                     .opacity = .95f};
    dms_blob cup = disc;

    disc.color = dms_color_mix(rim, pale, r->pallor * .55f);
    dms_canvas_blob(canvas, &disc);
    cup.x += .06f * r->disc_r * (1 - r->cup);
    cup.rx *= r->cup;
    cup.ry *= r->cup;
    cup.feather = .03f;
    cup.color = pale;
    dms_canvas_blob(canvas, &cup);
}

void dms_retina_paint(dms_canvas *canvas, const dms_retina *retina)
{
    choroid_paint(canvas, retina);
    crescent_paint(canvas, retina);
    disc_paint(canvas, retina);
    dms_vessels_paint(canvas, retina);
}
