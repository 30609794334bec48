#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "dms/image.h"
#include "image/codec.h"

/* The fixtures are 32 x 24: red, green over blue, grey quarters. */
static dms_status read_fixture(dms_image *im, const char *name, int side_min,
                               dms_error *err)
{
    dms_strbuf path;
    dms_status st;

    dms_strbuf_init(&path);
    dms_strbuf_printf(&path, "%s/fuzz/corpus/image/%s", DMS_TESTS_DIR, name);
    st = dms_image_read(im, path.data, side_min, err);
    dms_strbuf_release(&path);
    return st;
}

static const int quarters[4][3] = {
    {250, 20, 20}, {20, 250, 20}, {20, 20, 250}, {200, 200, 200}};

/* The middle of quarter k (0 1 above 2 3) of the upright picture is near
 * want, multiplied by share. */
static void assert_quarter(const dms_image *im, const char *name, int k,
                           const int want[3], double share, int tolerance)
{
    int x = im->width * (1 + 2 * (k & 1)) / 4;
    int y = im->height * (1 + 2 * (k >> 1)) / 4;
    const uint8_t *p = im->rgb + 3 * (y * im->width + x);

    for (int c = 0; c < 3; c++)
        if (abs(p[c] - (int)(want[c] * share)) > tolerance)
            fail_msg("%s: quarter %d channel %d is %d, want %g", name, k, c,
                     p[c], want[c] * share);
}

static void every_form_decodes_to_the_same_colours(void **state)
{
    static const struct {
        const char *name;
        double share;
        int tolerance;
    } files[] = {
        {"baseline.jpg", 1, 8}, {"444.jpg", 1, 8},    {"progressive.jpg", 1, 8},
        {"cmyk.jpg", 1, 8},     {"rgb.png", 1, 0},    {"palette.png", 1, 2},
        {"alpha.png", 1, 0},    {"half.png", 0.5, 2}, {"rgb.tif", 1, 0},
        {"lzw.tif", 1, 0},      {"lossy.webp", 1, 8}, {"lossless.webp", 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        dms_image im = {0};
        dms_error err = {0};

        if (read_fixture(&im, files[i].name, 0, &err) != DMS_OK)
            fail_msg("%s", err.message);
        assert_int_equal(im.width, 32);
        assert_int_equal(im.height, 24);
        for (int k = 0; k < 4; k++)
            assert_quarter(&im, files[i].name, k, quarters[k], files[i].share,
                           files[i].tolerance);
        dms_image_release(&im);
    }
}

static void grey_pictures_become_rgb(void **state)
{
    static const char *const names[] = {"grey.jpg", "grey16.png"};
    static const int last[3] = {200, 200, 200};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        dms_image im = {0};

        assert_int_equal(read_fixture(&im, names[i], 0, NULL), DMS_OK);
        assert_quarter(&im, names[i], 3, last, 1, 3);
        dms_image_release(&im);
    }
}

/* Which stored quarter is seen in each upright quarter, by EXIF 2.3. */
static void exif_orientations_are_undone(void **state)
{
    static const struct {
        const char *name;
        int seen[4];
    } files[] = {
        {"orient1.jpg", {0, 1, 2, 3}},  {"orient2.jpg", {1, 0, 3, 2}},
        {"orient3.jpg", {3, 2, 1, 0}},  {"orient4.jpg", {2, 3, 0, 1}},
        {"orient5.jpg", {0, 2, 1, 3}},  {"orient6.jpg", {2, 0, 3, 1}},
        {"orient7.jpg", {3, 1, 2, 0}},  {"orient8.jpg", {1, 3, 0, 2}},
        {"orient6.png", {2, 0, 3, 1}},  {"orient6.tif", {2, 0, 3, 1}},
        {"orient6.webp", {2, 0, 3, 1}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        dms_image im = {0};
        dms_error err = {0};

        if (read_fixture(&im, files[i].name, 0, &err) != DMS_OK)
            fail_msg("%s", err.message);
        for (int k = 0; k < 4; k++)
            assert_quarter(&im, files[i].name, k, quarters[files[i].seen[k]], 1,
                           8);
        dms_image_release(&im);
    }
}

static void bad_files_are_refused_with_a_reason(void **state)
{
    static const struct {
        const char *name;
        dms_status status;
        const char *says;
    } files[] = {
        {"empty", DMS_EFORMAT, "empty"},
        {"text.jpg", DMS_EFORMAT, "not a JPEG"},
        {"absent.jpg", DMS_EIO, "absent.jpg"},
        {"truncated_baseline.jpg", DMS_EFORMAT, "truncated"},
        {"truncated_progressive.jpg", DMS_EFORMAT, "truncated"},
        {"truncated_rgb.png", DMS_EFORMAT, "truncated"},
        {"truncated_rgb.tif", DMS_EFORMAT, "truncated"},
        {"truncated_lossless.webp", DMS_EFORMAT, "truncated"},
        {"bomb.jpg", DMS_ELIMIT, "20000 x 20000"},
        {"bomb.png", DMS_ELIMIT, "30000 x 30000"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        dms_image im = {0};
        dms_error err = {0};
        dms_status st = read_fixture(&im, files[i].name, 0, &err);

        if (st != files[i].status || !strstr(err.message, files[i].says))
            fail_msg("%s: status %d '%s'", files[i].name, (int)st, err.message);
        assert_null(im.rgb);
    }
}

static void a_jpeg_is_decoded_at_the_smallest_sufficient_scale(void **state)
{
    static const int want[][2] = {{0, 24}, {24, 24}, {13, 24}, {12, 12},
                                  {6, 6},  {3, 3},   {1, 3},   {99, 24}};

    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        dms_image im = {0};

        assert_int_equal(read_fixture(&im, "444.jpg", want[i][0], NULL),
                         DMS_OK);
        assert_int_equal(im.height, want[i][1]);
        dms_image_release(&im);
    }
}

/* Of corpus/jpeg_scan, decoded at 1/8 or refused in err. */
static dms_picture reduce(const char *name, bool libjpeg_alone, dms_error *err)
{
    dms_codec_input in = {
        .name = name, .side_min = 1, .libjpeg_alone = libjpeg_alone};
    dms_picture picture = {0};
    uint8_t *data = NULL;
    dms_strbuf path;

    dms_strbuf_init(&path);
    dms_strbuf_printf(&path, "%s/fuzz/corpus/jpeg_scan/%s", DMS_TESTS_DIR,
                      name);
    assert_int_equal(dms_file_read(&data, &in.size, path.data, 1 << 20, NULL),
                     DMS_OK);
    in.data = data;
    dms_picture_decode(&picture, &in, err);
    dms_free(data);
    dms_strbuf_release(&path);
    return picture;
}

/* What tests/fuzz/fuzz_jpeg_scan.c replays is no proof where it is libjpeg's
 * work. */
static void
usual_jpegs_are_reduced_by_our_decoder_others_by_libjpeg(void **state)
{
    static const struct {
        const char *name;
        bool own, good;
    } files[] = {
        {"420.jpg", true, true},
        {"420_restart.jpg", true, true},
        {"422.jpg", true, true},
        {"440_restart.jpg", true, true},
        {"444.jpg", true, true},
        {"grey.jpg", true, true},
        {"two_of_three.jpg", true, true},
        {"long_codes.jpg", true, true},
        {"progressive.jpg", false, true},
        {"mean_beyond_16_bits.jpg", false, true},
        {"all_ones_code.jpg", false, false},
        {"longest_codes.jpg", false, false},
        {"truncated_baseline.jpg", false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        dms_error err = {0}, peer_err = {0};
        dms_picture ours = reduce(files[i].name, false, &err);
        dms_picture peer = reduce(files[i].name, true, &peer_err);

        if (ours.own_scan != files[i].own || peer.own_scan ||
            !ours.image.rgb == files[i].good)
            fail_msg("%s: by %s, %s", files[i].name,
                     ours.own_scan ? "our decoder" : "libjpeg",
                     ours.image.rgb ? "decoded" : err.message);
        assert_int_equal(err.code, peer_err.code);
        assert_string_equal(err.message, peer_err.message);
        dms_image_release(&ours.image);
        dms_image_release(&peer.image);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_decodes_to_the_same_colours),
        cmocka_unit_test(grey_pictures_become_rgb),
        cmocka_unit_test(exif_orientations_are_undone),
        cmocka_unit_test(bad_files_are_refused_with_a_reason),
        cmocka_unit_test(a_jpeg_is_decoded_at_the_smallest_sufficient_scale),
        cmocka_unit_test(
            usual_jpegs_are_reduced_by_our_decoder_others_by_libjpeg),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
