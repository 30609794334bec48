#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "dms/image.h"
#include "image/augment.h"

typedef struct disc {
    const char *what;
    int width, height;
    double x, y, r;
    bool white;
    dms_field_kind kind;
} disc;

static dms_image draw(const disc *d)
{
    dms_image im = {d->width, d->height, NULL};

    im.rgb = dms_calloc((size_t)d->width * (size_t)d->height, 3);
    assert_non_null(im.rgb);
    for (int y = 0; y < d->height; y++)
        for (int x = 0; x < d->width; x++) {
            uint8_t *p = im.rgb + 3 * (y * d->width + x);
            bool in = hypot(x + 0.5 - d->x, y + 0.5 - d->y) <= d->r;

            p[0] = in ? 180 : d->white ? 255 : 2;
            p[1] = in ? 90 : d->white ? 255 : 1;
            p[2] = in ? 40 : d->white ? 255 : 1;
        }
    return im;
}

static void drawn_discs_are_found_within_a_hundredth(void **state)
{
    static const disc discs[] = {
        {"whole", 800, 600, 400, 300, 250, false, DMS_FIELD_CIRCLE},
        {"off centre", 900, 600, 330, 290, 200, false, DMS_FIELD_CIRCLE},
        {"white", 800, 600, 400, 300, 250, true, DMS_FIELD_CIRCLE},
        {"cut above, below", 800, 500, 400, 250, 310, false, DMS_FIELD_CUT},
        {"cut at a side", 500, 800, 200, 400, 300, false, DMS_FIELD_CUT},
        {"touching", 512, 512, 256, 256, 256, false, DMS_FIELD_CROPPED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof discs / sizeof *discs; i++) {
        const disc *d = &discs[i];
        dms_image im = draw(d);
        dms_field f;

        assert_int_equal(dms_field_find(&f, &im, NULL), DMS_OK);
        if (f.kind != d->kind || fabs(f.center_x - d->x) > 0.01 * d->width ||
            fabs(f.center_y - d->y) > 0.01 * d->width ||
            fabs(f.radius - d->r) > 0.01 * d->width ||
            f.white_background != d->white)
            fail_msg("%s: %s at %g %g radius %g", d->what,
                     dms_field_kind_name(f.kind), f.center_x, f.center_y,
                     f.radius);
        dms_image_release(&im);
    }
}

/* As a hospital's preprocessing left some of ODIR-5K's: squeezed, in a black
 * frame, on white. */
static void a_squeezed_retina_in_a_black_frame_on_white_is_cut_out(void **state)
{
    enum { SIDE = 300, SIZE = 64 };
    disc blank = {"blank", SIDE, SIDE, 0, 0, -1, true, DMS_FIELD_NONE};
    dms_image im = draw(&blank);
    dms_preprocess settings = dms_preprocess_default(SIZE);
    uint8_t rgb[SIZE * SIZE * 3];
    dms_field f;

    (void)state;
    for (int y = 10; y < SIDE - 10; y++)
        for (int x = 0; x < SIDE; x++) {
            uint8_t *p = im.rgb + 3 * (y * SIDE + x);
            double v = (y - 150) / 150.0;

            if (hypot((x - 160) / 120.0, v) < 1)
                memset(p, 2, 3);
            if (hypot((x - 150) / 95.0, v) < 1)
                p[0] = 180, p[1] = 90, p[2] = 40;
        }
    assert_int_equal(dms_preprocess_image(rgb, &f, &im, &settings, NULL),
                     DMS_OK);
    assert_int_equal(f.kind, DMS_FIELD_CUT);
    assert_true(f.white_background);
    assert_true(fabs(f.center_x - 150) < 6 && fabs(f.center_y - 150) < 6);
    assert_true(fabs(f.radius - 140) < 6);
    for (int i = 0; i < SIZE * SIZE; i++)
        assert_false(rgb[3 * i] > 200 && rgb[3 * i + 2] > 200); /* no white */
    assert_int_equal(rgb[3 * (SIZE / 2 * SIZE + SIZE / 2)], 180);
    dms_image_release(&im);
}

static void a_black_picture_has_no_field(void **state)
{
    disc d = {"none", 300, 200, 0, 0, -1, false, DMS_FIELD_NONE};
    dms_image im = draw(&d);
    dms_field f;

    (void)state;
    assert_int_equal(dms_field_find(&f, &im, NULL), DMS_OK);
    assert_int_equal(f.kind, DMS_FIELD_NONE);
    assert_true(fabs(f.radius - 100) < 1e-9);
    dms_image_release(&im);
}

static void augmentation_depends_on_the_key_alone(void **state)
{
    enum { SIZE = 64, BYTES = SIZE * SIZE * 3 };
    static uint8_t src[BYTES], a[BYTES], b[BYTES], scratch[BYTES];
    dms_augment all = {true, true, 15, 0.1, 0.05, 0.2, 0.2,
                       0.2,  0.2,  1,  1,   0.2,  1};
    dms_augment none = {0};
    dms_augment_key key = {1, 2, 3, 0};
    const dms_augment_source source = {src, SIZE};

    (void)state;
    for (size_t i = 0; i < BYTES; i++)
        src[i] = (uint8_t)(i * 7919 >> 3);
    dms_augment_apply(a, scratch, SIZE, &source, &none, &key);
    assert_memory_equal(a, src, BYTES);
    dms_augment_apply(a, scratch, SIZE, &source, &all, &key);
    memset(scratch, 77, BYTES);
    dms_augment_apply(b, scratch, SIZE, &source, &all, &key);
    assert_memory_equal(a, b, BYTES);
    key.epoch++;
    dms_augment_apply(b, scratch, SIZE, &source, &all, &key);
    assert_memory_not_equal(a, b, BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drawn_discs_are_found_within_a_hundredth),
        cmocka_unit_test(
            a_squeezed_retina_in_a_black_frame_on_white_is_cut_out),
        cmocka_unit_test(a_black_picture_has_no_field),
        cmocka_unit_test(augmentation_depends_on_the_key_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
