/* Drawing patients by their labels: how often each comes, and what an epoch
 * depends on. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "train/sampler.h"

enum { LABELS = 3, COUNT = 20, EPOCHS = 200 };

/* Twelve patients of label 0, four of 1, one of 1 and 2, three of none; the
 * last of them does not know. */
typedef struct fixture {
    uint8_t labels[COUNT][LABELS];
    dms_patient patients[COUNT];
    dms_dataset dataset;
    size_t places[COUNT];
} fixture;

static fixture *make(void)
{
    static fixture f;

    f = (fixture){0};
    for (size_t i = 0; i < COUNT; i++) {
        f.labels[i][0] = i < 12;
        f.labels[i][1] = i >= 12 && i < 17;
        f.labels[i][2] = i == 16;
        f.patients[i].labels = f.labels[i];
        f.places[i] = i;
    }
    f.labels[COUNT - 1][2] = DMS_LABEL_UNKNOWN;
    f.dataset = (dms_dataset){
        .patients = f.patients, .count = COUNT, .label_count = LABELS};
    return &f;
}

static dms_train_sampler *sampler_of(const fixture *f, dms_sampling how)
{
    dms_train_sampler *s = NULL;

    assert_int_equal(
        dms_train_sampler_create(&s, &f->dataset, f->places, COUNT, how, NULL),
        DMS_OK);
    return s;
}

static void assert_near(double got, double want)
{
    if (fabs(got - want) > 1e-12)
        fail_msg("got %.15g, want %.15g", got, want);
}

static void patients_are_expected_as_the_formula_says(void **state)
{
    const double root = sqrt(12) + sqrt(5) + 1 + sqrt(3);
    dms_train_sampler *s = sampler_of(make(), DMS_SAMPLING_BALANCED);
    const double *e = dms_train_sampler_expected(s);
    double sum = 0;

    (void)state;
    assert_near(e[0], COUNT / 4.0 / 12);
    assert_near(e[12], COUNT / 4.0 / 5);
    assert_near(e[16], COUNT / 4.0 / 5 + COUNT / 4.0 / 1);
    assert_near(e[19], COUNT / 4.0 / 3);
    for (int i = 0; i < COUNT; i++)
        sum += e[i];
    assert_near(sum, COUNT);
    dms_train_sampler_destroy(s);
    s = sampler_of(make(), DMS_SAMPLING_SQRT);
    e = dms_train_sampler_expected(s);
    assert_near(e[0], COUNT * sqrt(12) / root / 12);
    assert_near(e[16], COUNT * (sqrt(5) / 5 + 1) / root);
    dms_train_sampler_destroy(s);
}

static void each_comes_as_often_as_expected_in_every_epoch(void **state)
{
    dms_train_sampler *s = sampler_of(make(), DMS_SAMPLING_BALANCED);
    const double *e = dms_train_sampler_expected(s);
    double total[COUNT] = {0};

    (void)state;
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        size_t order[COUNT], times[COUNT] = {0};

        dms_train_sampler_draw(order, s, 1, epoch);
        for (int i = 0; i < COUNT; i++) {
            assert_true(order[i] < COUNT);
            times[order[i]]++;
        }
        for (int i = 0; i < COUNT; i++) {
            assert_true((double)times[i] >= floor(e[i] - 1e-9));
            assert_true((double)times[i] <= ceil(e[i] + 1e-9));
            total[i] += (double)times[i];
        }
    }
    for (int i = 0; i < COUNT; i++)
        assert_true(fabs(total[i] / EPOCHS - e[i]) < 0.15);
    dms_train_sampler_destroy(s);
}

static void an_epoch_depends_on_seed_and_number_alone(void **state)
{
    dms_train_sampler *s = sampler_of(make(), DMS_SAMPLING_SQRT);
    dms_train_sampler *other = sampler_of(make(), DMS_SAMPLING_SQRT);
    size_t a[COUNT], b[COUNT];

    (void)state;
    dms_train_sampler_draw(a, s, 1, 7);
    dms_train_sampler_draw(b, other, 1, 3);
    assert_memory_not_equal(a, b, sizeof a);
    dms_train_sampler_draw(b, other, 2, 7);
    assert_memory_not_equal(a, b, sizeof a);
    dms_train_sampler_draw(b, other, 1, 7);
    assert_memory_equal(a, b, sizeof a);
    dms_train_sampler_destroy(s);
    dms_train_sampler_destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patients_are_expected_as_the_formula_says),
        cmocka_unit_test(each_comes_as_often_as_expected_in_every_epoch),
        cmocka_unit_test(an_epoch_depends_on_seed_and_number_alone)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
