/* From the painted retina to the bytes of a photograph. */
#include "synth/synth_optics.h"

#include <math.h>

dms_camera dms_camera_draw(uint64_t patient_seed)
{
    dms_rng rng = dms_rng_seeded(dms_hash_mix(patient_seed, 51));
    bool cut = dms_rng_uniform(&rng) < .4;

    return (dms_camera){
        .fill = dms_rng_float(&rng, .9f, .99f),
        .cut = cut ? dms_rng_float(&rng, .8f, .95f) : 2,
        .vignette = dms_rng_float(&rng, .15f, .5f),
        .halo = fmaxf(0, dms_rng_float(&rng, -.5f, .35f)),
        .noise = dms_rng_float(&rng, .004f, .014f),
        .focus = dms_rng_float(&rng, .001f, .004f),
    };
}

/* A cloudy lens: blurred, pale and yellowed, unevenly. */
static void cataract_expose(dms_canvas *canvas, int severity, dms_rng *rng)
{
    float dense = dms_rng_float(rng, .4f, .55f) + .08f * (float)severity;
    float warm = dms_rng_float(rng, 0, 1);
    dms_color cloud = dms_color_mix((dms_color){.66f, .62f, .52f},
                                    (dms_color){.72f, .56f, .32f}, warm);
    uint64_t seed = dms_rng_u64(rng);

    dms_canvas_blur(canvas,
                    dms_rng_float(rng, .012f, .022f) + .006f * (float)severity);
    for (int i = 0; i < canvas->size; i++) {
        float y = dms_canvas_coordinate(canvas, i);
        float *px = canvas->rgb + (size_t)i * (size_t)canvas->size * 3;

        for (int j = 0; j < canvas->size; j++, px += 3) {
            float x = dms_canvas_coordinate(canvas, j);
            float n = dms_noise_fractal(seed, 1.6f * x + 5, 1.6f * y + 5, 2);
            float a = dense * (.65f + .7f * n);

            px[0] += a * (cloud.r - px[0]);
            px[1] += a * (cloud.g - px[1]);
            px[2] += a * (cloud.b - px[2]);
        }
    }
}

static void dust_expose(dms_canvas *canvas, dms_rng *rng)
{
    for (int i = dms_rng_int(rng, 3, 7); i > 0; i--) {
        float size = dms_rng_float(rng, .015f, .04f);
        dms_blob speck = {.x = dms_rng_float(rng, -.7f, .7f),
                          .y = dms_rng_float(rng, -.7f, .7f),
                          .rx = size,
                          .ry = size,
                          .feather = 1.4f * size,
                          .color = {.72f, .76f, .82f},
                          .opacity = .5f};

        dms_canvas_blob(canvas, &speck);
    }
}

static void field_expose(dms_canvas *canvas, const dms_camera *camera,
                         float light, float lean_x, float lean_y)
{
    for (int i = 0; i < canvas->size; i++) {
        float y = dms_canvas_coordinate(canvas, i);
        float *px = canvas->rgb + (size_t)i * (size_t)canvas->size * 3;

        for (int j = 0; j < canvas->size; j++, px += 3) {
            float x = dms_canvas_coordinate(canvas, j);
            float d = sqrtf(x * x + y * y);
            float edge = .5f + (1 - d) * canvas->radius;
            float cut = .5f + (camera->cut - fabsf(y)) * canvas->radius;
            float in = fminf(fmaxf(fminf(edge, cut), 0), 1);
            float at = hypotf(x - lean_x, y - lean_y);
            /* full at the centre, less at the rim */
            float l = light * (1 - camera->vignette * at * at * at);
            float rim = camera->halo * expf((d - 1) * 9);

            px[0] = in * (px[0] * l + .75f * rim);
            px[1] = in * (px[1] * l + .8f * rim);
            px[2] = in * (px[2] * l + .62f * rim);
        }
    }
}

void dms_camera_expose(dms_canvas *canvas, const dms_camera *camera,
                       const dms_synth_eye *eye, uint64_t eye_seed)
{
    dms_rng rng = dms_rng_seeded(dms_hash_mix(eye_seed, 52));
    float light = dms_rng_float(&rng, .85f, 1.1f);
    float lean_x = dms_rng_float(&rng, -.15f, .15f);
    float lean_y = dms_rng_float(&rng, -.15f, .15f);

    if (eye->labels[DMS_SYNTH_C])
        cataract_expose(canvas, eye->severity[DMS_SYNTH_C], &rng);
    if (eye->low_quality) {
        dms_canvas_blur(canvas, dms_rng_float(&rng, .025f, .05f));
        light *= dms_rng_float(&rng, .2f, .4f);
    } else {
        dms_canvas_blur(canvas, camera->focus);
    }
    if (eye->lens_dust)
        dust_expose(canvas, &rng);
    field_expose(canvas, camera, light, lean_x, lean_y);
}

void dms_camera_develop(uint8_t *rgb, const dms_canvas *canvas,
                        const dms_camera *camera, uint64_t eye_seed,
                        bool mirrored)
{
    dms_rng rng = dms_rng_seeded(dms_hash_mix(eye_seed, 53));
    size_t side = (size_t)canvas->size;
    /* a uniform distribution of width w has deviation w / sqrt(12) */
    float width = camera->noise * 3.4641f;

    for (size_t i = 0; i < side; i++)
        for (size_t j = 0; j < side; j++) {
            size_t from = mirrored ? side - 1 - j : j;
            const float *in = canvas->rgb + (i * side + from) * 3;
            uint64_t bits = dms_rng_u64(&rng);
            float lit = in[0] > 0 ? width * 0x1p-21f : 0;

            for (int k = 0; k < 3; k++, bits >>= 21) {
                float n = (float)(bits & 0x1fffff) - 0x1p20f;

                n = fminf(fmaxf(in[k] + lit * n, 0), 1);
                *rgb++ = (uint8_t)(255 * n + .5f);
            }
        }
}
