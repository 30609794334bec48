/* The synthetic set: labels, keywords, pictures, files. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc_fault.h"
#include "base/alloc.h"
#include "base/file.h"
#include "data/labels.h"
#include "synth/synth.h"

enum { SEED = 20, DRAWN = 3000 };

/* docs/data-format.md: patients of 3,500 with each label; share of one eye
 * only. */
static const double frequency[DMS_ODIR_LABELS] = {1140, 1128, 215, 212,
                                                  164,  103,  174, 979};
static const double one_eye[DMS_ODIR_LABELS] = {0,   .40, .48, .52,
                                                .29, .13, .46, .77};

static void within_four_deviations(const char *what, double got, double share,
                                   double count)
{
    double deviation = sqrt(share * (1 - share) / count);

    if (fabs(got - share) > 4 * deviation)
        fail_msg("%s: share %.4f, want %.4f +- %.4f", what, got, share,
                 4 * deviation);
}

static void labels_come_as_often_as_in_odir(void **state)
{
    double seen[DMS_ODIR_LABELS] = {0}, carry[4] = {0};

    (void)state;
    for (int i = 1; i <= DRAWN; i++) {
        dms_synth_patient p;
        int labels = 0;

        dms_synth_patient_draw(&p, SEED, i);
        for (int k = 0; k < DMS_ODIR_LABELS; k++) {
            seen[k] += p.labels[k];
            labels += p.labels[k];
        }
        assert_in_range(labels, 1, 3);
        carry[labels]++;
    }
    for (int k = 0; k < DMS_ODIR_LABELS; k++) {
        char name[] = {"NDGCAHMO"[k], '\0'};
        within_four_deviations(name, seen[k] / DRAWN, frequency[k] / 3500,
                               DRAWN);
    }
    within_four_deviations("one label", carry[1] / DRAWN, 2914. / 3500, DRAWN);
    within_four_deviations("two labels", carry[2] / DRAWN, 557. / 3500, DRAWN);
    within_four_deviations("three labels", carry[3] / DRAWN, 29. / 3500, DRAWN);
}

static void findings_stay_in_one_eye_as_often_as_in_odir(void **state)
{
    double has[DMS_ODIR_LABELS] = {0}, one[DMS_ODIR_LABELS] = {0}, left = 0,
           sides = 0;

    (void)state;
    for (int i = 1; i <= DRAWN; i++) {
        dms_synth_patient p;

        dms_synth_patient_draw(&p, SEED, i);
        for (int k = 1; k < DMS_ODIR_LABELS; k++) {
            bool in_left = p.eye[DMS_LEFT].labels[k];
            bool in_right = p.eye[DMS_RIGHT].labels[k];

            has[k] += p.labels[k];
            one[k] += in_left != in_right;
            sides += in_left != in_right;
            left += in_left && !in_right;
        }
    }
    for (int k = 1; k < DMS_ODIR_LABELS; k++) {
        char name[] = {"NDGCAHMO"[k], '\0'};
        within_four_deviations(name, one[k] / has[k], one_eye[k], has[k]);
    }
    within_four_deviations("left of one-sided", left / sides, .5, sides);
}

static void a_hundred_patients_show_every_label(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        int seen[DMS_ODIR_LABELS] = {0};

        for (int i = 1; i <= 100; i++) {
            dms_synth_patient p;

            dms_synth_patient_draw(&p, seed, i);
            for (int k = 0; k < DMS_ODIR_LABELS; k++)
                seen[k] += p.labels[k];
        }
        for (int k = 0; k < DMS_ODIR_LABELS; k++)
            assert_true(seen[k] > 0);
    }
}

static void keywords_of_both_eyes_unite_to_the_patients_labels(void **state)
{
    int ungradable = 0;

    (void)state;
    for (int i = 1; i <= DRAWN; i++) {
        uint8_t both[DMS_ODIR_LABELS] = {0};
        bool finding = false;
        dms_synth_patient p;

        dms_synth_patient_draw(&p, SEED, i);
        for (int e = 0; e < 2; e++) {
            uint8_t labels[DMS_ODIR_LABELS] = {0};
            bool labelled = dms_keywords_label(labels, p.eye[e].keywords);

            assert_int_equal(labelled, !p.eye[e].ungradable);
            ungradable += !labelled;
            assert_memory_equal(labels, p.eye[e].labels, sizeof labels);
            for (int k = 0; k < DMS_ODIR_LABELS; k++)
                both[k] |= labels[k];
        }
        for (int k = 1; k < DMS_ODIR_LABELS; k++)
            finding = finding || both[k];
        both[0] = both[0] && !finding;
        assert_memory_equal(both, p.labels, sizeof both);
    }
    assert_in_range(ungradable, 1, DRAWN / 50);
}

static void patients_are_adults_of_both_sexes(void **state)
{
    int women = 0;

    (void)state;
    for (int i = 1; i <= DRAWN; i++) {
        dms_synth_patient p;

        dms_synth_patient_draw(&p, SEED, i);
        assert_in_range(p.age, 18, 92);
        assert_true(p.sex == 'M' || p.sex == 'F');
        women += p.sex == 'F';
    }
    assert_in_range(women, DRAWN / 3, DRAWN * 2 / 3);
}

/* Column of the brightest block well inside the field. */
static int brightest_column(const dms_image *image)
{
    enum { BLOCK = 8 };
    int best = -1, column = 0, side = image->width;

    for (int y = side / 4; y < side * 3 / 4; y++)
        for (int x = side / 10; x < side * 9 / 10 - BLOCK; x++) {
            int sum = 0;

            for (int i = 0; i < BLOCK * BLOCK; i++)
                sum +=
                    image
                        ->rgb[((y + i / BLOCK) * side + x + i % BLOCK) * 3 + 1];
            if (sum > best)
                best = sum, column = x;
        }
    return column;
}

static dms_image picture_of(int number, int eye, const dms_synth_patient *p)
{
    dms_synth_shot shot = {SEED, number, eye, 128};
    dms_image image = {0};
    dms_error err = {0};

    if (dms_synth_picture(&image, p, &shot, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return image;
}

static void discs_lie_left_in_left_eyes_and_right_in_right_eyes(void **state)
{
    (void)state;
    for (int i = 1; i <= 12; i++) {
        dms_synth_patient healthy = {.eye = {{.labels = {1}}, {.labels = {1}}},
                                     .labels = {1}};
        dms_image left = picture_of(i, DMS_LEFT, &healthy);
        dms_image right = picture_of(i, DMS_RIGHT, &healthy);

        assert_in_range(brightest_column(&left), 0, 50);
        assert_in_range(brightest_column(&right), 70, 128);
        dms_image_release(&left);
        dms_image_release(&right);
    }
}

/* Pixels of two 128 x 128 pictures that differ by 20 grey levels or more in a
 * channel. The noise is the same in both, so each is a finding's; a mean over
 * the picture would hide small sharp lesions behind a faint wide haze. */
static int changed_pixels(const dms_image *a, const dms_image *b)
{
    int count = 0;

    for (size_t i = 0; i < 128 * 128; i++) {
        int most = 0;

        for (size_t k = 3 * i; k < 3 * i + 3; k++) {
            int apart = abs(a->rgb[k] - b->rgb[k]);
            most = apart > most ? apart : most;
        }
        count += most >= 20;
    }
    return count;
}

/* Patient `number`, healthy but for one finding in the left eye. */
static void check_finding(int number, int label, int severity, int other)
{
    dms_synth_patient p = {.eye = {{.labels = {1}}}};
    dms_image healthy = picture_of(number, DMS_LEFT, &p), ill;
    int changed;

    p.eye[0].labels[0] = 0;
    p.eye[0].labels[label] = 1;
    p.eye[0].severity[label] = (uint8_t)severity;
    p.eye[0].other = (dms_synth_other)other;
    ill = picture_of(number, DMS_LEFT, &p);
    changed = changed_pixels(&healthy, &ill);
    dms_image_release(&healthy);
    dms_image_release(&ill);
    if (changed < 50)
        fail_msg("patient %d, label %c, kind %d, severity %d: %d pixels",
                 number, "NDGCAHMO"[label], other, severity, changed);
}

static void every_finding_can_be_seen_at_128_pixels(void **state)
{
    (void)state;
    for (int number = 1; number <= 3; number++) {
        for (int label = 1; label < DMS_SYNTH_O; label++)
            for (int severity = 0; severity < 4; severity++)
                check_finding(number, label, severity, 0);
        for (int other = 0; other < DMS_SYNTH_OTHERS; other++)
            check_finding(number, DMS_SYNTH_O, 0, other);
    }
}

static void corners_are_black_and_the_middle_is_not(void **state)
{
    dms_synth_patient p;
    dms_image image;
    const uint8_t *middle;

    (void)state;
    dms_synth_patient_draw(&p, SEED, 1);
    image = picture_of(1, DMS_LEFT, &p);
    middle = image.rgb + (64 * 128 + 64) * 3;
    assert_int_equal(image.rgb[0] + image.rgb[1] + image.rgb[2], 0);
    assert_true(middle[0] > 20);
    dms_image_release(&image);
}

static void another_seed_gives_another_picture(void **state)
{
    dms_synth_patient healthy = {.eye = {{.labels = {1}}}};
    dms_synth_shot shot = {SEED + 1, 1, DMS_LEFT, 128};
    dms_image image = picture_of(1, DMS_LEFT, &healthy), again, other = {0};

    (void)state;
    again = picture_of(1, DMS_LEFT, &healthy);
    assert_int_equal(changed_pixels(&image, &again), 0);
    assert_int_equal(dms_synth_picture(&other, &healthy, &shot, NULL), DMS_OK);
    assert_true(changed_pixels(&image, &other) > 1000);
    dms_image_release(&image);
    dms_image_release(&again);
    dms_image_release(&other);
}

static void missing_memory_is_said_and_leaks_nothing(void **state)
{
    dms_synth_shot shot = {SEED, 1, DMS_LEFT, 64};
    dms_synth_patient p;
    alloc_fault fault = {0};

    (void)state;
    dms_synth_patient_draw(&p, SEED, 1);
    while (alloc_fault_next(&fault)) {
        dms_image image = {0};
        dms_error err = {0};

        alloc_fault_end(&fault, dms_synth_picture(&image, &p, &shot, &err));
        assert_int_equal(image.rgb == NULL, fault.fired);
        assert_int_equal(strlen(err.message) > 0, fault.fired);
        dms_image_release(&image);
    }
    assert_true(fault.count > 4);
}

/* A folder of a test's own, and the files it may hold. */
static int folder_make(void **state)
{
    char name[] = "/tmp/dms-synth-XXXXXX";

    *state = mkdtemp(name) ? dms_strdup(name) : NULL;
    return *state ? 0 : -1;
}

static int folder_remove(void **state)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r '%s'", (char *)*state);
    dms_free(*state);
    return system(command);
}

static void set_write(const char *root, const char *name, int patients)
{
    dms_synth_options options = {sizeof options, patients, SEED, 64};
    char *folder = dms_path_join(root, name);
    dms_error err = {0};

    if (dms_synth_write(folder, &options, NULL, &err) != DMS_OK)
        fail_msg("%s", err.message);
    dms_free(folder);
}

static uint8_t *file_bytes(const char *root, const char *set, const char *name,
                           size_t *size)
{
    char path[256];
    uint8_t *data = NULL;
    dms_error err = {0};

    snprintf(path, sizeof path, "%s/%s/%s", root, set, name);
    if (dms_file_read(&data, size, path, 1 << 20, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return data;
}

static void a_larger_set_begins_with_the_smaller_one(void **state)
{
    size_t small_size, large_size;
    uint8_t *small, *large;

    set_write(*state, "ten", 10);
    set_write(*state, "twenty", 20);
    for (int i = 0; i < 20; i++) {
        char name[64];

        snprintf(name, sizeof name, "images/%d_%s.jpg", i / 2 + 1,
                 i % 2 ? "right" : "left");
        small = file_bytes(*state, "ten", name, &small_size);
        large = file_bytes(*state, "twenty", name, &large_size);
        assert_int_equal(small_size, large_size);
        assert_memory_equal(small, large, small_size);
        dms_free(small);
        dms_free(large);
    }
    small = file_bytes(*state, "ten", "annotations.csv", &small_size);
    large = file_bytes(*state, "twenty", "annotations.csv", &large_size);
    assert_true(small_size < large_size);
    assert_memory_equal(small, large, small_size);
    dms_free(small);
    dms_free(large);
}

static void the_written_set_opens_as_a_data_set(void **state)
{
    dms_dataset *dataset = NULL;
    char *folder = dms_path_join(*state, "set");
    dms_error err = {0};

    set_write(*state, "set", 18);
    if (dms_dataset_open(&dataset, folder, NULL, NULL, &err) != DMS_OK)
        fail_msg("%s", err.message);
    assert_int_equal(dataset->count, 18);
    for (size_t i = 0; i < dataset->count; i++) {
        dms_synth_patient p;

        dms_synth_patient_draw(&p, SEED, (int)i + 1);
        assert_memory_equal(dataset->patients[i].labels, p.labels,
                            DMS_ODIR_LABELS);
        assert_int_equal(dataset->patients[i].age, p.age);
        assert_int_equal(access(dataset->patients[i].eye[1].path, R_OK), 0);
    }
    dms_dataset_close(dataset);
    dms_free(folder);
}

static void an_existing_set_is_not_overwritten(void **state)
{
    dms_synth_options options = {sizeof options, 1, SEED, 64};
    char *folder = dms_path_join(*state, "set");
    dms_error err = {0};

    set_write(*state, "set", 1);
    assert_int_equal(dms_synth_write(folder, &options, NULL, &err), DMS_EINVAL);
    assert_non_null(strstr(err.message, "already contains annotations.csv"));
    dms_free(folder);
}

static void progress_note(void *user, const char *stage, size_t done,
                          size_t total, const char *detail)
{
    size_t *seen = user;

    (void)stage;
    (void)detail;
    assert_true(done > *seen && done <= total);
    *seen = done;
}

static void progress_grows_to_the_number_of_patients(void **state)
{
    size_t seen = 0;
    dms_synth_options options = {sizeof options, 20, SEED, 64};
    dms_monitor monitor = {.user = &seen, .progress = progress_note};
    char *folder = dms_path_join(*state, "set");

    assert_int_equal(dms_synth_write(folder, &options, &monitor, NULL), DMS_OK);
    assert_int_equal(seen, 20);
    dms_free(folder);
}

static bool stop_at_once(void *user)
{
    (void)user;
    return true;
}

static void stopping_writes_no_table(void **state)
{
    dms_synth_options options = {sizeof options, 5, SEED, 64};
    dms_monitor monitor = {.should_stop = stop_at_once};
    char *folder = dms_path_join(*state, "set");
    char *table = dms_path_join(folder, "annotations.csv");
    dms_error err = {0};

    assert_int_equal(dms_synth_write(folder, &options, &monitor, &err),
                     DMS_ESTOPPED);
    assert_int_not_equal(access(table, F_OK), 0);
    dms_free(table);
    dms_free(folder);
}

static void options_out_of_range_are_named(void **state)
{
    dms_synth_options none = {sizeof none, 0, SEED, 64},
                      tiny = {sizeof tiny, 1, SEED, 63};
    dms_error err = {0};

    (void)state;
    assert_int_equal(dms_synth_write("x", &none, NULL, &err), DMS_EINVAL);
    assert_non_null(strstr(err.message, "patients is 0"));
    err = (dms_error){0};
    assert_int_equal(dms_synth_write("x", &tiny, NULL, &err), DMS_EINVAL);
    assert_non_null(strstr(err.message, "size is 63"));
}

#define FOLDER_TEST(test)                                                      \
    cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_come_as_often_as_in_odir),
        cmocka_unit_test(findings_stay_in_one_eye_as_often_as_in_odir),
        cmocka_unit_test(a_hundred_patients_show_every_label),
        cmocka_unit_test(keywords_of_both_eyes_unite_to_the_patients_labels),
        cmocka_unit_test(patients_are_adults_of_both_sexes),
        cmocka_unit_test(discs_lie_left_in_left_eyes_and_right_in_right_eyes),
        cmocka_unit_test(every_finding_can_be_seen_at_128_pixels),
        cmocka_unit_test(corners_are_black_and_the_middle_is_not),
        cmocka_unit_test(another_seed_gives_another_picture),
        cmocka_unit_test(missing_memory_is_said_and_leaks_nothing),
        FOLDER_TEST(a_larger_set_begins_with_the_smaller_one),
        FOLDER_TEST(the_written_set_opens_as_a_data_set),
        FOLDER_TEST(an_existing_set_is_not_overwritten),
        FOLDER_TEST(progress_grows_to_the_number_of_patients),
        FOLDER_TEST(stopping_writes_no_table),
        cmocka_unit_test(options_out_of_range_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
