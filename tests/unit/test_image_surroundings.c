/* The field of view of drawn patients, whose circle is known, before whatever
 * surroundings and at whatever exposure. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "base/rng.h"
#include "dms/image.h"
#include "synth/synth.h"
#include "synth/synth_optics.h"

enum { SIZE = 192, SEED = 7 };

typedef struct scene {
    const char *what;
    uint8_t around[3];
    double exposure; /* factor of the retina's grey levels */
} scene;

/* What a camera or somebody's preprocessing puts round the retina. */
static const scene scenes[] = {
    {"black", {0, 0, 0}, 1},
    {"black, dark", {0, 0, 0}, 0.3},
    {"black, 8 %", {0, 0, 0}, 0.08},
    {"grey", {90, 90, 90}, 1},
    {"grey, dark", {90, 90, 90}, 0.3},
    {"grey, 8 %", {90, 90, 90}, 0.08},
    {"blue", {20, 40, 160}, 1},
    {"blue, dark", {20, 40, 160}, 0.3},
    {"blue, 8 %", {20, 40, 160}, 0.08},
    {"white", {255, 255, 255}, 1},
    {"white, dark", {255, 255, 255}, 0.3},
    {"white, 8 %", {255, 255, 255}, 0.08},
};
enum { SCENES = sizeof scenes / sizeof *scenes, DRAWS = 2004 };

/* The camera's field: a disc, perhaps cut above and below. */
typedef struct truth {
    double radius, cut; /* pixels; cut: from the middle, up and down */
} truth;

static truth truth_of(int number)
{
    uint64_t seed =
        dms_hash_mix(dms_hash_mix(SEED, (uint64_t)number), 3); /* synth.c's */
    dms_camera camera = dms_camera_draw(seed);

    return (truth){0.5 * camera.fill * SIZE,
                   camera.cut * 0.5 * camera.fill * SIZE};
}

/* How much of the pixel is in the field, 0 to 1. */
static double inside(const truth *t, int x, int y)
{
    double u = x + 0.5 - SIZE / 2.0, v = y + 0.5 - SIZE / 2.0;
    double edge = fmin(0.5 + t->radius - hypot(u, v), 0.5 + t->cut - fabs(v));

    return fmin(fmax(edge, 0), 1);
}

static void place(dms_image *im, const scene *s, const truth *t)
{
    for (int y = 0; y < SIZE; y++)
        for (int x = 0; x < SIZE; x++)
            for (int c = 0; c < 3; c++) {
                uint8_t *p = &im->rgb[3 * (y * SIZE + x) + c];
                double out = (1 - inside(t, x, y)) * s->around[c];

                *p = (uint8_t)(*p * s->exposure + out + 0.5);
            }
}

static bool found(const dms_field *f, const truth *t)
{
    double reach = 0.02 * t->radius;

    return hypot(f->center_x - SIZE / 2.0, f->center_y - SIZE / 2.0) <= reach &&
           fabs(f->radius - t->radius) <= reach;
}

static void fields_of_drawn_patients_are_found_within_a_fiftieth(void **state)
{
    int missed[SCENES] = {0}, all = 0;

    (void)state;
    for (int i = 0; i < DRAWS; i++) {
        const scene *s = &scenes[i % SCENES];
        dms_synth_patient patient;
        dms_synth_shot shot = {
            .seed = SEED, .number = i + 1, .eye = DMS_LEFT, .size = SIZE};
        truth t = truth_of(shot.number);
        dms_image im = {0};
        dms_field f;

        dms_synth_patient_draw(&patient, SEED, shot.number);
        patient.eye[DMS_LEFT].low_quality = false; /* that is darker still */
        assert_int_equal(dms_synth_picture(&im, &patient, &shot, NULL), DMS_OK);
        place(&im, s, &t);
        if (dms_field_find(&f, &im, NULL) != DMS_OK || !found(&f, &t))
            missed[i % SCENES]++;
        dms_image_release(&im);
    }
    for (int s = 0; s < SCENES; s++) {
        all += missed[s];
        if (missed[s] > 0)
            print_message("%s: %d of %d missed\n", scenes[s].what, missed[s],
                          DRAWS / SCENES);
    }
    if (all > DRAWS / 100)
        fail_msg("%d of %d missed", all, DRAWS);
}

static void coloured_surroundings_become_black(void **state)
{
    enum { SIDE = 64 };
    const scene *blue = &scenes[6];
    dms_synth_patient patient;
    dms_synth_shot shot = {.seed = SEED, .number = 3, .size = SIZE};
    dms_preprocess settings = dms_preprocess_default(SIDE);
    truth t = truth_of(shot.number);
    uint8_t rgb[SIDE * SIDE * 3];
    dms_image im = {0};
    dms_field f;

    (void)state;
    dms_synth_patient_draw(&patient, SEED, shot.number);
    assert_int_equal(dms_synth_picture(&im, &patient, &shot, NULL), DMS_OK);
    place(&im, blue, &t);
    assert_int_equal(dms_preprocess_image(rgb, &f, &im, &settings, NULL),
                     DMS_OK);
    assert_true(f.coloured_background);
    assert_int_equal(f.background[2], blue->around[2]);
    for (int corner = 0; corner < 4; corner++)
        for (int c = 0; c < 3; c++)
            assert_in_range(rgb[3 * ((corner & 2 ? SIDE * (SIDE - 1) : 0) +
                                     (corner & 1 ? SIDE - 1 : 0)) +
                                c],
                            0, 4);
    dms_image_release(&im);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coloured_surroundings_become_black),
        cmocka_unit_test(fields_of_drawn_patients_are_found_within_a_fiftieth)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
