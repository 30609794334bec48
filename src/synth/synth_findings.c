/* The lesions of each label, and where they lie. */
#include "synth/synth_findings.h"

#include <math.h>

#include "synth/synth_lesions.h"
#include "synth/synth_others.h"

/* Draw a position between or around the arcades, but not on the disc. */
static void place_draw(float *x, float *y, const dms_retina *r, dms_rng *rng)
{
    do {
        float a = dms_rng_float(rng, 0, 6.28f);
        float d = .82f * sqrtf(dms_rng_float(rng, .01f, 1));

        *x = .4f * r->fovea_x + d * cosf(a);
        *y = d * sinf(a);
    } while (hypotf(*x - r->disc_x, *y - r->disc_y) < 1.5f * r->disc_r ||
             hypotf(*x, *y) > .93f);
}

/* Hard exudates: small, bright yellow and sharp, in rings and clusters. */
static void exudates_paint(dms_canvas *canvas, const dms_retina *r,
                           dms_rng *rng)
{
    float cx = r->fovea_x + dms_rng_float(rng, -.3f, .3f);
    float cy = r->fovea_y + dms_rng_float(rng, -.3f, .3f);
    float ring = dms_rng_float(rng, .06f, .17f);
    int spots = dms_rng_int(rng, 12, 30);

    for (int i = 0; i < spots; i++) {
        float a = dms_rng_float(rng, 0, 5);
        float d = ring + .035f * (float)dms_rng_normal(rng);
        float size = dms_rng_float(rng, .008f, .024f);
        dms_blob blob = {.x = cx + d * cosf(a),
                         .y = cy + d * sinf(a),
                         .rx = size * dms_rng_float(rng, 1, 1.6f),
                         .ry = size,
                         .angle = a,
                         .feather = .006f,
                         .color = {1, .92f, .5f},
                         .opacity = .85f};

        dms_canvas_blob(canvas, &blob);
    }
}

/* Tufts of new vessels at the disc and a boat-shaped haemorrhage. */
static void proliferation_paint(dms_canvas *canvas, const dms_retina *r,
                                dms_rng *rng)
{
    float cx = r->disc_x + r->disc_r * dms_rng_float(rng, -.5f, 1);
    float cy = r->disc_y + r->disc_r * dms_rng_float(rng, -1.4f, 1.4f);
    dms_blob boat = {.x = r->fovea_x + dms_rng_float(rng, -.3f, .2f),
                     .y = r->fovea_y + .38f,
                     .rx = dms_rng_float(rng, .14f, .26f),
                     .ry = .08f,
                     .feather = .02f,
                     .wobble = .12f,
                     .color = {.4f, .12f, .12f},
                     .opacity = .95f,
                     .multiply = true};

    dms_canvas_mask_clear(canvas, canvas->mask);
    for (int i = 0; i < 26; i++) {
        float a = dms_rng_float(rng, 0, 6.28f),
              l = dms_rng_float(rng, .05f, .15f);
        float turn = a + dms_rng_float(rng, -.9f, .9f);
        dms_stroke out = {cx,    cy,   cx + l * cosf(a), cy + l * sinf(a),
                          .008f, .006f};
        dms_stroke on = {out.x1,
                         out.y1,
                         out.x1 + .6f * l * cosf(turn),
                         out.y1 + .6f * l * sinf(turn),
                         .006f,
                         .004f};

        dms_canvas_stroke(canvas, canvas->mask, &out);
        dms_canvas_stroke(canvas, canvas->mask, &on);
    }
    dms_canvas_mask_apply(canvas, canvas->mask, (dms_color){.6f, .2f, .2f}, .8f,
                          true);
    dms_canvas_blob(canvas, &boat);
}

static void diabetes_paint(dms_canvas *canvas, const dms_retina *r,
                           dms_rng *rng, int severity)
{
    static const int dots[] = {14, 22, 42, 30}, blots[] = {3, 7, 18, 12};
    static const int flames[] = {0, 3, 8, 6}, wool[] = {0, 1, 4, 3};
    static const int rings[] = {0, 2, 3, 3};
    float x, y;

    for (int i = dms_rng_int(rng, 0, 5) + dots[severity]; i > 0; i--) {
        place_draw(&x, &y, r, rng);
        dms_lesion_dot(canvas, rng, x, y, dms_rng_float(rng, .012f, .021f));
    }
    for (int i = dms_rng_int(rng, 0, 3) + blots[severity]; i > 0; i--) {
        place_draw(&x, &y, r, rng);
        dms_lesion_dot(canvas, rng, x, y, dms_rng_float(rng, .02f, .045f));
    }
    for (int i = flames[severity]; i > 0; i--) {
        place_draw(&x, &y, r, rng);
        /* along the nerve fibres: away from the disc */
        dms_lesion_flame(canvas, rng, x, y, dms_rng_float(rng, .04f, .075f),
                         atan2f(y - r->disc_y, x - r->disc_x));
    }
    for (int i = dms_rng_int(rng, 0, wool[severity]); i > 0; i--) {
        place_draw(&x, &y, r, rng);
        dms_lesion_cotton(canvas, rng, x, y, dms_rng_float(rng, .035f, .06f));
    }
    for (int i = dms_rng_int(rng, 0, rings[severity]); i > 0; i--)
        exudates_paint(canvas, r, rng);
    if (severity == 3)
        proliferation_paint(canvas, r, rng);
}

/* Drusen: soft and yellow, densest around the fovea; in late stages atrophy or
 * haemorrhage. */
static void amd_paint(dms_canvas *canvas, const dms_retina *r, dms_rng *rng,
                      int severity)
{
    int count = dms_rng_int(rng, 35, 60) + 25 * severity;

    for (int i = 0; i < count; i++) {
        float a = dms_rng_float(rng, 0, 6.28f);
        float d = fabsf(.2f * (float)dms_rng_normal(rng)) + .01f;
        float size = dms_rng_float(rng, .01f, .028f);
        dms_blob blob = {.x = r->fovea_x + d * cosf(a),
                         .y = r->fovea_y + d * sinf(a),
                         .rx = size * dms_rng_float(rng, 1, 1.4f),
                         .ry = size,
                         .angle = a,
                         .feather = .9f * size,
                         .color = {.96f, .82f, .46f},
                         .opacity = dms_rng_float(rng, .45f, .8f)};

        dms_canvas_blob(canvas, &blob);
    }
    if (severity == 2)
        dms_lesion_atrophy(canvas, rng, r->fovea_x, r->fovea_y,
                           dms_rng_float(rng, .1f, .17f));
    if (severity == 3) {
        dms_lesion_cotton(canvas, rng, r->fovea_x, r->fovea_y, .1f);
        for (int i = 0; i < 5; i++) {
            float a = dms_rng_float(rng, 0, 3.5f);
            float d = dms_rng_float(rng, .04f, .16f);

            dms_lesion_dot(canvas, rng, r->fovea_x + d * cosf(a),
                           r->fovea_y + d * sinf(a),
                           dms_rng_float(rng, .03f, .08f));
        }
    }
}

static void hypertension_paint(dms_canvas *canvas, const dms_retina *r,
                               dms_rng *rng, int severity)
{
    int flames = dms_rng_int(rng, 0, 2) + 3 * severity;
    int wool = severity ? dms_rng_int(rng, 1, 2 + 2 * severity) : 0;

    for (int i = 0; i < flames + wool; i++) {
        float a = dms_rng_float(rng, 0, 6.28f);
        float d = dms_rng_float(rng, 1.8f, 4) * r->disc_r;
        float x = r->disc_x + d * cosf(a), y = r->disc_y + d * sinf(a);

        if (i < flames)
            dms_lesion_flame(canvas, rng, x, y, dms_rng_float(rng, .04f, .07f),
                             a);
        else
            dms_lesion_cotton(canvas, rng, x, y,
                              dms_rng_float(rng, .03f, .055f));
    }
}

static void myopia_paint(dms_canvas *canvas, const dms_retina *r, dms_rng *rng,
                         int severity)
{
    for (int i = 0; i < 2 * severity - 1; i++) {
        float x = r->fovea_x + dms_rng_float(rng, -.3f, .3f);
        float y = r->fovea_y + dms_rng_float(rng, -.35f, .35f);

        dms_lesion_atrophy(canvas, rng, x, y, dms_rng_float(rng, .03f, .09f));
    }
}

void dms_findings_paint(dms_canvas *canvas, const dms_retina *retina,
                        const dms_synth_eye *eye)
{
    dms_rng rng = dms_rng_seeded(dms_hash_mix(retina->seed, 41));
    const uint8_t *labels = eye->labels, *severity = eye->severity;

    if (labels[DMS_SYNTH_M])
        myopia_paint(canvas, retina, &rng, severity[DMS_SYNTH_M]);
    if (labels[DMS_SYNTH_A])
        amd_paint(canvas, retina, &rng, severity[DMS_SYNTH_A]);
    if (labels[DMS_SYNTH_D])
        diabetes_paint(canvas, retina, &rng, severity[DMS_SYNTH_D]);
    if (labels[DMS_SYNTH_H])
        hypertension_paint(canvas, retina, &rng, severity[DMS_SYNTH_H]);
    if (labels[DMS_SYNTH_O])
        dms_other_paint(canvas, retina, eye->other);
}
