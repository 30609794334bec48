#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/labels.h"
#include "data/loader.h"
#include "unit/small_set.h"

enum {
    PATIENTS = 40, /* twice as many images as the loader has lanes */
    SIZE = 32,
    K = DMS_ODIR_LABELS,
    AREA = 3 * SIZE * SIZE
};

/* Patient 0 lacks the left photograph, 1 has a broken right one, 2 an
 * ungradable left eye, 3 neither photograph, 4 no labels. */
typedef struct fixture {
    small_set set;
    dms_cache *cache;
    float images[2 * PATIENTS * AREA];
    float labels[PATIENTS * K];
    float eye_labels[2 * PATIENTS * K];
    dms_batch batch;
} fixture;

enum { WITHOUT_LEFT, BROKEN_RIGHT, UNGRADABLE_LEFT, BLIND, UNLABELLED, WHOLE };

static int setup(void **state)
{
    static fixture f;
    const dms_preprocess settings = dms_preprocess_default(SIZE);
    dms_patient *p = f.set.patients;

    small_set_make(&f.set, PATIENTS);
    p[WITHOUT_LEFT].eye[DMS_LEFT].path = NULL;
    small_set_write(f.set.paths[BROKEN_RIGHT][DMS_RIGHT], "broken", 6);
    p[UNGRADABLE_LEFT].eye[DMS_LEFT].labelled = false;
    memset(p[UNGRADABLE_LEFT].eye[DMS_LEFT].labels, 0, K);
    p[BLIND].eye[DMS_LEFT].path = p[BLIND].eye[DMS_RIGHT].path = NULL;
    p[UNLABELLED].labelled = false;
    p[WHOLE].labels[0] = 0, p[WHOLE].labels[2] = p[WHOLE].labels[7] = 1;
    memcpy(p[WHOLE].eye[DMS_LEFT].labels, (uint8_t[K]){[2] = 1}, K);
    memcpy(p[WHOLE].eye[DMS_RIGHT].labels, (uint8_t[K]){[7] = 1}, K);
    p[WHOLE].split = DMS_SPLIT_VAL;
    f.batch = (dms_batch){f.images, f.labels, f.eye_labels, 0};
    *state = &f;
    return dms_cache_open(&f.cache, f.set.folder, &f.set.dataset, &settings,
                          NULL, NULL) == DMS_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    fixture *f = *state;

    dms_cache_close(f->cache);
    small_set_remove(&f->set);
    return 0;
}

static const dms_augment strong = {.flip_horizontal = true,
                                   .flip_vertical = true,
                                   .rotation_deg = 20,
                                   .scale = 0.1,
                                   .shift = 0.05,
                                   .brightness = 0.2,
                                   .contrast = 0.2,
                                   .saturation = 0.2,
                                   .gamma = 0.2,
                                   .blur = 0.5,
                                   .cutout = 0.5};

static dms_loader *made(const fixture *f, dms_eyes eyes,
                        const dms_augment *augment)
{
    const dms_loader_options options = {eyes, augment, 7};
    dms_loader *loader = NULL;

    assert_int_equal(
        dms_loader_create(&loader, &f->set.dataset, f->cache, &options, NULL),
        DMS_OK);
    return loader;
}

static void fill(fixture *f, dms_eyes eyes, const size_t *patients, int count)
{
    dms_loader *loader = made(f, eyes, NULL);

    dms_loader_fill(loader, &f->batch, patients, count, 0);
    dms_loader_destroy(loader);
}

static void assert_image(const fixture *f, int place, size_t patient, int eye)
{
    float want[AREA];

    dms_pixels_normalise(want, dms_cache_pixels(f->cache, patient, eye), SIZE);
    assert_memory_equal(f->images + (size_t)place * AREA, want, sizeof want);
}

static void assert_labels(const float *got, const uint8_t *want)
{
    for (int k = 0; k < K; k++)
        assert_true(got[k] == (float)want[k]);
}

static void assert_silent(const float *labels)
{
    for (int k = 0; k < K; k++)
        assert_true(isnan(labels[k]));
}

static void all_left_eyes_come_first(void **state)
{
    fixture *f = *state;
    const size_t patients[] = {WHOLE, 9, 6};
    const dms_patient *p = f->set.patients;

    fill(f, DMS_EYES_BOTH, patients, 3);
    for (int i = 0; i < 3; i++) {
        assert_image(f, i, patients[i], DMS_LEFT);
        assert_image(f, 3 + i, patients[i], DMS_RIGHT);
        assert_labels(f->labels + i * K, p[patients[i]].labels);
        assert_labels(f->eye_labels + i * K,
                      p[patients[i]].eye[DMS_LEFT].labels);
        assert_labels(f->eye_labels + (3 + i) * K,
                      p[patients[i]].eye[DMS_RIGHT].labels);
    }
}

static void an_ungradable_eye_is_seen_but_has_no_labels(void **state)
{
    fixture *f = *state;
    const size_t patient = UNGRADABLE_LEFT;

    fill(f, DMS_EYES_BOTH, &patient, 1);
    assert_image(f, 0, patient, DMS_LEFT);
    assert_silent(f->eye_labels);
    assert_labels(f->eye_labels + K,
                  f->set.patients[patient].eye[DMS_RIGHT].labels);
}

static void the_fellow_stands_in_for_a_missing_eye_without_labels(void **state)
{
    fixture *f = *state;
    const size_t patients[] = {WITHOUT_LEFT, BROKEN_RIGHT};

    fill(f, DMS_EYES_BOTH, patients, 2);
    assert_image(f, 0, WITHOUT_LEFT, DMS_RIGHT);
    assert_image(f, 1, BROKEN_RIGHT, DMS_LEFT);
    assert_image(f, 2, WITHOUT_LEFT, DMS_RIGHT);
    assert_image(f, 3, BROKEN_RIGHT, DMS_LEFT);
    assert_silent(f->eye_labels);
    assert_labels(f->eye_labels + K, (uint8_t[K]){1});
    assert_labels(f->eye_labels + 2 * K, (uint8_t[K]){1});
    assert_silent(f->eye_labels + 3 * K);
}

static void one_eye_alone_stands_in_both_halves_with_its_labels(void **state)
{
    static const dms_eyes eyes[] = {DMS_EYES_LEFT, DMS_EYES_RIGHT};
    fixture *f = *state;
    const size_t patients[] = {WHOLE, 8};

    for (int eye = 0; eye < 2; eye++) {
        fill(f, eyes[eye], patients, 2);
        for (int i = 0; i < 4; i++) {
            assert_image(f, i, patients[i % 2], eye);
            assert_labels(f->eye_labels + i * K,
                          f->set.patients[patients[i % 2]].eye[eye].labels);
        }
        assert_labels(f->labels, f->set.patients[WHOLE].labels);
    }
}

static void an_image_depends_on_patient_eye_and_epoch_alone(void **state)
{
    static float alone[2 * AREA];
    fixture *f = *state;
    dms_loader *loader = made(f, DMS_EYES_BOTH, &strong);
    const dms_batch single = {alone, f->labels, f->eye_labels, 0};
    size_t patients[PATIENTS];

    for (size_t i = 0; i < PATIENTS; i++)
        patients[i] = i == BLIND ? WHOLE : i;
    dms_loader_fill(loader, &f->batch, patients, PATIENTS, 3);
    for (size_t i = 0; i < PATIENTS; i++) {
        dms_loader_fill(loader, &single, &patients[i], 1, 3);
        for (size_t side = 0; side < 2; side++)
            if (memcmp(alone + side * AREA,
                       f->images + (side * PATIENTS + i) * AREA,
                       AREA * sizeof(float)) != 0)
                fail_msg("patient %zu, side %zu: another image in the batch", i,
                         side);
    }
    dms_loader_destroy(loader);
}

static void another_epoch_looks_at_it_otherwise(void **state)
{
    static float first[2 * AREA];
    fixture *f = *state;
    dms_loader *loader = made(f, DMS_EYES_BOTH, &strong);
    const size_t patient = WHOLE;

    dms_loader_fill(loader, &f->batch, &patient, 1, 1);
    memcpy(first, f->images, sizeof first);
    dms_loader_fill(loader, &f->batch, &patient, 1, 2);
    assert_memory_not_equal(first, f->images, AREA * sizeof(float));
    assert_memory_not_equal(first + AREA, f->images + AREA,
                            AREA * sizeof(float));
    dms_loader_fill(loader, &f->batch, &patient, 1, 1);
    assert_memory_equal(first, f->images, sizeof first);
    dms_loader_destroy(loader);
}

/* Half the side: each pixel is the mean of the four that it covers. */
static void a_smaller_picture_is_the_mean_of_what_it_covers(void **state)
{
    enum { HALF = SIZE / 2 };
    static const dms_augment nothing = {.scale = 0};
    fixture *f = *state;
    dms_loader *loader = made(f, DMS_EYES_BOTH, &nothing);
    const dms_batch smaller = {.images = f->images, .size = HALF};
    const size_t patient = WHOLE;
    const uint8_t *p = dms_cache_pixels(f->cache, WHOLE, DMS_LEFT);
    uint8_t mean[3 * HALF * HALF];
    float want[3 * HALF * HALF];

    for (int i = 0; i < 3 * HALF * HALF; i++) {
        int c = i % 3, x = i / 3 % HALF, y = i / 3 / HALF;
        const uint8_t *at = p + 3 * (2 * y * SIZE + 2 * x) + c;

        mean[i] =
            (uint8_t)((at[0] + at[3] + at[3 * SIZE] + at[3 * SIZE + 3] + 2) /
                      4);
    }
    dms_pixels_normalise(want, mean, HALF);
    dms_loader_fill(loader, &smaller, &patient, 1, 1);
    assert_memory_equal(f->images, want, sizeof want);
    dms_loader_destroy(loader);
}

/* The same flips, angle and colours at every size. */
static void augmentation_is_the_same_at_a_smaller_size(void **state)
{
    enum { PART = 24, CELLS = 3 * PART * PART };
    static float first[CELLS];
    fixture *f = *state;
    dms_loader *loader = made(f, DMS_EYES_BOTH, &strong);
    const dms_batch smaller = {.images = f->images, .size = PART};
    const size_t patient = WHOLE;
    double means[2] = {0};

    dms_loader_fill(loader, &smaller, &patient, 1, 4);
    memcpy(first, f->images, sizeof first);
    dms_loader_fill(loader, &smaller, &patient, 1, 4);
    assert_memory_equal(first, f->images, sizeof first);
    dms_loader_fill(loader, &f->batch, &patient, 1, 4);
    for (int i = 0; i < CELLS; i++)
        means[0] += first[i] / CELLS;
    for (int i = 0; i < AREA; i++)
        means[1] += f->images[i] / AREA;
    assert_true(fabs(means[0] - means[1]) < 0.15);
    dms_loader_destroy(loader);
}

static void filling_allocates_nothing(void **state)
{
    const dms_augment *const augments[] = {NULL, &strong};
    fixture *f = *state;
    size_t patients[PATIENTS];

    for (size_t i = 0; i < PATIENTS; i++)
        patients[i] = WHOLE + i % (PATIENTS - WHOLE);
    for (int i = 0; i < 2; i++) {
        dms_loader *loader = made(f, DMS_EYES_BOTH, augments[i]);
        size_t before = dms_alloc_count();

        dms_loader_fill(loader, &f->batch, patients, PATIENTS, 1);
        assert_int_equal(dms_alloc_count(), before);
        dms_loader_destroy(loader);
    }
}

static void assert_usable(const fixture *f, dms_split split, dms_eyes eyes,
                          const size_t *left_out, size_t left_out_count,
                          size_t count)
{
    size_t *indices = NULL, found = 0;

    assert_int_equal(dms_loader_usable(&indices, &found, &f->set.dataset,
                                       f->cache, split, eyes, NULL),
                     DMS_OK);
    assert_int_equal(found, count);
    for (size_t i = 0; i < found; i++) {
        assert_true(i == 0 || indices[i] > indices[i - 1]);
        for (size_t j = 0; j < left_out_count; j++)
            assert_int_not_equal(indices[i], left_out[j]);
    }
    dms_free(indices);
}

static void usable_are_the_labelled_with_an_eye_to_look_at(void **state)
{
    const fixture *f = *state;
    const size_t both[] = {BLIND, UNLABELLED};
    const size_t left[] = {BLIND, UNLABELLED, WITHOUT_LEFT};
    const size_t right[] = {BLIND, UNLABELLED, BROKEN_RIGHT};
    const size_t train[] = {BLIND, UNLABELLED, WHOLE};

    assert_usable(f, DMS_SPLIT_NONE, DMS_EYES_BOTH, both, 2, PATIENTS - 2);
    assert_usable(f, DMS_SPLIT_NONE, DMS_EYES_LEFT, left, 3, PATIENTS - 3);
    assert_usable(f, DMS_SPLIT_NONE, DMS_EYES_RIGHT, right, 3, PATIENTS - 3);
    assert_usable(f, DMS_SPLIT_TRAIN, DMS_EYES_BOTH, train, 3, PATIENTS - 3);
    assert_usable(f, DMS_SPLIT_VAL, DMS_EYES_BOTH, NULL, 0, 1);
    assert_usable(f, DMS_SPLIT_TEST, DMS_EYES_BOTH, NULL, 0, 0);
}

enum { MANY = 500 };

static void order_of(size_t order[MANY], uint64_t seed, uint64_t epoch)
{
    size_t patients[MANY];

    for (size_t i = 0; i < MANY; i++)
        patients[i] = 3 * i + 1;
    dms_sampler_order(order, patients, MANY, seed, epoch);
}

static void an_order_holds_every_patient_once(void **state)
{
    size_t order[MANY], seen[3 * MANY] = {0};

    (void)state;
    order_of(order, 1, 4);
    for (size_t i = 0; i < MANY; i++) {
        assert_in_range(order[i], 1, 3 * MANY - 1);
        seen[order[i]]++;
    }
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(seen[3 * i + 1], 1);
}

static void an_order_depends_on_seed_and_epoch_alone(void **state)
{
    size_t order[MANY], other[MANY];

    (void)state;
    order_of(order, 1, 4);
    order_of(other, 1, 5);
    assert_memory_not_equal(order, other, sizeof order);
    order_of(other, 2, 4);
    assert_memory_not_equal(order, other, sizeof order);
    order_of(other, 4, 1); /* seed and epoch do not change places */
    assert_memory_not_equal(order, other, sizeof order);
    order_of(other, 1, 4);
    assert_memory_equal(order, other, sizeof order);
}

static void an_order_may_be_made_in_place(void **state)
{
    size_t order[MANY], place[MANY];

    (void)state;
    order_of(order, 9, 2);
    for (size_t i = 0; i < MANY; i++)
        place[i] = 3 * i + 1;
    dms_sampler_order(place, place, MANY, 9, 2);
    assert_memory_equal(order, place, sizeof order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_left_eyes_come_first),
        cmocka_unit_test(an_ungradable_eye_is_seen_but_has_no_labels),
        cmocka_unit_test(the_fellow_stands_in_for_a_missing_eye_without_labels),
        cmocka_unit_test(one_eye_alone_stands_in_both_halves_with_its_labels),
        cmocka_unit_test(an_image_depends_on_patient_eye_and_epoch_alone),
        cmocka_unit_test(another_epoch_looks_at_it_otherwise),
        cmocka_unit_test(a_smaller_picture_is_the_mean_of_what_it_covers),
        cmocka_unit_test(augmentation_is_the_same_at_a_smaller_size),
        cmocka_unit_test(filling_allocates_nothing),
        cmocka_unit_test(usable_are_the_labelled_with_an_eye_to_look_at),
        cmocka_unit_test(an_order_holds_every_patient_once),
        cmocka_unit_test(an_order_depends_on_seed_and_epoch_alone),
        cmocka_unit_test(an_order_may_be_made_in_place),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
