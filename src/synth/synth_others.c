/* Paints each finding of label O, using the lesions of synth_lesions.h. */
#include "synth/synth_others.h"

#include <math.h>

#include "synth/synth_lesions.h"

/* A glistening, wrinkled film over the macula. */
static void membrane_paint(dms_canvas *canvas, const dms_retina *r,
                           dms_rng *rng)
{
    float cx = r->fovea_x + dms_rng_float(rng, -.08f, .08f);
    float cy = r->fovea_y + dms_rng_float(rng, -.08f, .08f);
    float size = dms_rng_float(rng, .2f, .34f);
    dms_blob film = {.x = cx,
                     .y = cy,
                     .rx = size * dms_rng_float(rng, .8f, 1.3f),
                     .ry = size,
                     .feather = .12f,
                     .wobble = .25f,
                     .phase = dms_rng_float(rng, 0, 6.28f),
                     .color = {.86f, .88f, .78f},
                     .opacity = .34f};
    int folds = dms_rng_int(rng, 14, 24);

    dms_canvas_blob(canvas, &film);
    dms_canvas_mask_clear(canvas, canvas->mask);
    for (int i = 0; i < folds; i++) {
        float a = dms_rng_float(rng, 0, 6.28f);
        float from = size * dms_rng_float(rng, .05f, .4f);
        float to = from + size * dms_rng_float(rng, .4f, .8f);
        float turn = a + dms_rng_float(rng, -.15f, .15f);
        dms_stroke fold = {cx + from * cosf(a),
                           cy + from * sinf(a),
                           cx + to * cosf(turn),
                           cy + to * sinf(turn),
                           .012f,
                           .006f};

        dms_canvas_stroke(canvas, canvas->mask, &fold);
    }
    dms_canvas_mask_apply(canvas, canvas->mask, (dms_color){1, .98f, .86f},
                          .36f, false);
}

/* Rows of scars: pale with a dark middle, in the outer retina. */
static void laser_paint(dms_canvas *canvas, const dms_retina *r, dms_rng *rng)
{
    float from = dms_rng_float(rng, 0, 6.28f);
    float span = dms_rng_float(rng, 2, 6);

    /* Rounding may add or drop a scar, which does no harm. */
    /* NOLINTNEXTLINE(*-flp30-c,*.FloatLoopCounter) */
    for (float d = .6f; d < .92f; d += .105f)
        /* NOLINTNEXTLINE(*-flp30-c,*.FloatLoopCounter) */
        for (float a = 0; a < span; a += .11f / d) {
            float at = from + a + dms_rng_float(rng, -.04f, .04f);
            dms_blob scar = {.x = .6f * r->fovea_x + d * cosf(at),
                             .y = d * sinf(at),
                             .rx = dms_rng_float(rng, .024f, .036f),
                             .ry = .028f,
                             .feather = .02f,
                             .color = {.95f, .85f, .6f},
                             .opacity = .7f};

            if (hypotf(scar.x - r->disc_x, scar.y - r->disc_y) < .24f)
                continue;
            dms_canvas_blob(canvas, &scar);
            scar.rx = scar.ry = .011f;
            scar.color = (dms_color){.25f, .17f, .13f};
            dms_canvas_blob(canvas, &scar);
        }
}

/* Opaque white brushes of nerve fibres, starting at the disc. */
static void myelin_paint(dms_canvas *canvas, const dms_retina *r, dms_rng *rng)
{
    float main = dms_rng_below(rng, 2) ? -1.2f : 1.2f;

    dms_canvas_mask_clear(canvas, canvas->mask);
    for (int i = 0; i < 60; i++) {
        float a = main + .35f * (float)dms_rng_normal(rng);
        float from = r->disc_r * dms_rng_float(rng, .9f, 1.5f);
        float to = from + r->disc_r * dms_rng_float(rng, .7f, 2.6f);
        dms_stroke fibre = {r->disc_x + from * cosf(a),
                            r->disc_y + from * sinf(a),
                            r->disc_x + to * cosf(a * .96f),
                            r->disc_y + to * sinf(a * .96f),
                            .03f,
                            .006f};

        dms_canvas_stroke(canvas, canvas->mask, &fibre);
    }
    dms_canvas_mask_apply(canvas, canvas->mask, (dms_color){.98f, .97f, .88f},
                          .88f, false);
}

/* A punched-out dark red disc in a grey cuff. */
static void hole_paint(dms_canvas *canvas, const dms_retina *r, dms_rng *rng)
{
    dms_blob blob = {.x = r->fovea_x,
                     .y = r->fovea_y,
                     .rx = dms_rng_float(rng, .12f, .16f),
                     .ry = .13f,
                     .feather = .05f,
                     .color = {.85f, .74f, .6f},
                     .opacity = .6f};

    dms_canvas_blob(canvas, &blob);
    blob.rx = blob.ry = dms_rng_float(rng, .055f, .08f);
    blob.feather = .012f;
    blob.color = (dms_color){.5f, .08f, .05f};
    blob.opacity = .9f;
    dms_canvas_blob(canvas, &blob);
}

/* One quadrant full of flame haemorrhages along the fibres. */
static void occlusion_paint(dms_canvas *canvas, const dms_retina *r,
                            dms_rng *rng)
{
    float main = dms_rng_below(rng, 3) ? -.75f : .75f;
    int count = dms_rng_int(rng, 35, 60);

    for (int i = 0; i < count; i++) {
        float a = main + .28f * (float)dms_rng_normal(rng);
        float d = r->disc_r * dms_rng_float(rng, 1.6f, 7);

        dms_lesion_flame(canvas, rng, r->disc_x + d * cosf(a),
                         r->disc_y + d * sinf(a),
                         dms_rng_float(rng, .04f, .09f), a);
    }
    for (int i = 0; i < 4; i++) {
        float a = main + dms_rng_float(rng, -.4f, .4f);
        float d = r->disc_r * dms_rng_float(rng, 2, 5);

        dms_lesion_cotton(canvas, rng, r->disc_x + d * cosf(a),
                          r->disc_y + d * sinf(a), .05f);
    }
}

/* A floating ring and threads, out of focus; or many glittering bodies. */
static void vitreous_paint(dms_canvas *canvas, dms_rng *rng)
{
    float x = dms_rng_float(rng, -.4f, .4f), y = dms_rng_float(rng, -.4f, .4f);

    if (dms_rng_below(rng, 2)) {
        for (int i = 0; i < 70; i++) {
            float s = dms_rng_float(rng, .01f, .025f);
            dms_blob body = {.x = x + .3f * (float)dms_rng_normal(rng),
                             .y = y + .3f * (float)dms_rng_normal(rng),
                             .rx = s,
                             .ry = s,
                             .feather = .008f,
                             .color = {1, .98f, .9f},
                             .opacity = .8f};

            dms_canvas_blob(canvas, &body);
        }
        return;
    }
    for (int i = 0; i < 40; i++) {
        float a = .157f * (float)i;
        dms_blob smoke = {.x = x + .24f * cosf(a) + .03f * sinf(3 * a),
                          .y = y + .18f * sinf(a) + .04f * cosf(2 * a),
                          .rx = .06f,
                          .ry = .045f,
                          .feather = .09f,
                          .color = {.45f, .45f, .47f},
                          .opacity = dms_rng_float(rng, .1f, .4f),
                          .multiply = true};

        dms_canvas_blob(canvas, &smoke);
    }
}

/* Bone spicules: small black stars in the periphery, thin vessels, a waxy disc.
 */
static void pigmentosa_paint(dms_canvas *canvas, dms_rng *rng)
{
    dms_canvas_mask_clear(canvas, canvas->mask);
    for (int i = dms_rng_int(rng, 60, 100); i > 0; i--) {
        float a = dms_rng_float(rng, 0, 6.28f);
        float d = dms_rng_float(rng, .58f, .96f);
        float x = d * cosf(a), y = d * sinf(a);

        for (int arm = 0; arm < 4; arm++) {
            float b = dms_rng_float(rng, 0, 6.28f);
            float l = dms_rng_float(rng, .02f, .05f);
            dms_stroke stroke = {x,     y,    x + l * cosf(b), y + l * sinf(b),
                                 .016f, .005f};

            dms_canvas_stroke(canvas, canvas->mask, &stroke);
        }
    }
    dms_canvas_mask_apply(canvas, canvas->mask, (dms_color){.14f, .12f, .12f},
                          .85f, true);
}

static void atrophy_paint(dms_canvas *canvas, const dms_retina *r, dms_rng *rng)
{
    for (int i = dms_rng_int(rng, 1, 3); i > 0; i--) {
        float x = r->fovea_x + dms_rng_float(rng, -.6f, .4f);
        float y = dms_rng_below(rng, 2) ? dms_rng_float(rng, .25f, .6f)
                                        : dms_rng_float(rng, -.6f, -.25f);

        dms_lesion_atrophy(canvas, rng, x, y, dms_rng_float(rng, .1f, .2f));
    }
}

void dms_other_paint(dms_canvas *canvas, const dms_retina *retina,
                     dms_synth_other other)
{
    dms_rng rng = dms_rng_seeded(dms_hash_mix(retina->seed, 42));

    switch (other) {
    case DMS_SYNTH_MEMBRANE:
    case DMS_SYNTH_MEMBRANE_MACULAR:
        membrane_paint(canvas, retina, &rng);
        break;
    case DMS_SYNTH_LASER:
        laser_paint(canvas, retina, &rng);
        break;
    case DMS_SYNTH_MYELIN:
        myelin_paint(canvas, retina, &rng);
        break;
    case DMS_SYNTH_HOLE:
        hole_paint(canvas, retina, &rng);
        break;
    case DMS_SYNTH_VEIN_OCCLUSION:
        occlusion_paint(canvas, retina, &rng);
        break;
    case DMS_SYNTH_VITREOUS:
        vitreous_paint(canvas, &rng);
        break;
    case DMS_SYNTH_PIGMENTOSA:
        pigmentosa_paint(canvas, &rng);
        break;
    case DMS_SYNTH_ATROPHY:
        atrophy_paint(canvas, retina, &rng);
        break;
    case DMS_SYNTH_OTHERS:
        break;
    }
}
