#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "train/schedule.h"

static void assert_near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-12))
        fail_msg("got %.17g, want %.17g", got, want);
}

static void warmup_rises_in_equal_steps_to_the_full_rate(void **state)
{
    dms_schedule s = {.kind = DMS_SCHEDULE_CONSTANT,
                      .lr = 0.5,
                      .steps = 100,
                      .warmup_steps = 4};

    (void)state;
    assert_near(dms_schedule_rate(&s, 0, 0), 0.125);
    assert_near(dms_schedule_rate(&s, 1, 0), 0.25);
    assert_near(dms_schedule_rate(&s, 3, 0), 0.5);
    assert_near(dms_schedule_rate(&s, 99, 0), 0.5);
}

static void cosine_falls_to_nothing_at_the_last_step(void **state)
{
    dms_schedule s = {
        .kind = DMS_SCHEDULE_COSINE, .lr = 1, .steps = 110, .warmup_steps = 10};

    (void)state;
    assert_near(dms_schedule_rate(&s, 10, 0), 1);
    assert_near(dms_schedule_rate(&s, 60, 0), 0.5);
    assert_near(dms_schedule_rate(&s, 110, 0), 0);
    for (int64_t i = 11; i < 110; i++)
        assert_true(dms_schedule_rate(&s, i, 0) <
                    dms_schedule_rate(&s, i - 1, 0));
}

static void elapsed_time_moves_a_falling_schedule_on(void **state)
{
    dms_schedule s = {.kind = DMS_SCHEDULE_COSINE, .lr = 1, .steps = 1000};

    (void)state;
    assert_near(dms_schedule_rate(&s, 10, 0.5), 0.5);
    assert_near(dms_schedule_rate(&s, 500, 0.1), 0.5);
    assert_near(dms_schedule_rate(&s, 10, 1.0), 0);
    assert_near(dms_schedule_rate(&s, 10, 7.0), 0);
}

static void step_falls_by_its_factor(void **state)
{
    dms_schedule s = {.kind = DMS_SCHEDULE_STEP,
                      .lr = 1,
                      .steps = 100,
                      .step_every = 30,
                      .step_factor = 0.1};

    (void)state;
    assert_near(dms_schedule_rate(&s, 29, 0), 1);
    assert_near(dms_schedule_rate(&s, 30, 0), 0.1);
    assert_near(dms_schedule_rate(&s, 60, 0), 0.01);
}

static void onecycle_has_torchs_three_corners(void **state)
{
    dms_schedule s = {.kind = DMS_SCHEDULE_ONECYCLE, .lr = 1, .steps = 100};

    (void)state;
    assert_near(dms_schedule_rate(&s, 0, 0), 0.04);
    assert_near(dms_schedule_rate(&s, 30, 0), 1);
    assert_near(dms_schedule_rate(&s, 100, 0), 4e-6);
}

static void no_schedule_gives_a_rate_out_of_range(void **state)
{
    (void)state;
    for (int kind = 0; kind <= DMS_SCHEDULE_CONSTANT; kind++)
        for (int64_t warmup = 0; warmup < 60; warmup += 20)
            for (int64_t i = 0; i < 60; i++) {
                dms_schedule s = {.kind = (dms_schedule_kind)kind,
                                  .lr = 2,
                                  .steps = 40,
                                  .warmup_steps = warmup,
                                  .step_every = 7,
                                  .step_factor = 0.5};
                double rate = dms_schedule_rate(&s, i, (double)i / 50);

                assert_true(rate >= 0 && rate <= 2);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warmup_rises_in_equal_steps_to_the_full_rate),
        cmocka_unit_test(cosine_falls_to_nothing_at_the_last_step),
        cmocka_unit_test(elapsed_time_moves_a_falling_schedule_on),
        cmocka_unit_test(step_falls_by_its_factor),
        cmocka_unit_test(onecycle_has_torchs_three_corners),
        cmocka_unit_test(no_schedule_gives_a_rate_out_of_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
