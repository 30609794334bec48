#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "alloc_fault.h"
#include "base/alloc.h"
#include "base/rng.h"
#include "train/optimizer.h"

static const dms_param table[] = {
    {.name = "backbone.conv1.weight",
     .role = DMS_PARAM_WEIGHT,
     .axes = 2,
     .shape = {40, 50},
     .init = DMS_INIT_ONE,
     .block_out = 1,
     .block_in = 1},
    {.name = "backbone.bn1.weight",
     .role = DMS_PARAM_NORM,
     .axes = 1,
     .shape = {40},
     .init = DMS_INIT_ONE,
     .block_out = 1,
     .block_in = 1},
    {.name = "backbone.bn1.running_mean",
     .role = DMS_PARAM_STAT,
     .axes = 1,
     .shape = {40},
     .init = DMS_INIT_ZERO,
     .block_out = 1,
     .block_in = 1},
    {.name = "head.weight",
     .role = DMS_PARAM_WEIGHT,
     .axes = 2,
     .shape = {300, 400},
     .init = DMS_INIT_ONE,
     .block_out = 1,
     .block_in = 1},
    {.name = "head.bias",
     .role = DMS_PARAM_BIAS,
     .axes = 1,
     .shape = {8},
     .init = DMS_INIT_ONE,
     .block_out = 1,
     .block_in = 1},
};

static const dms_optimizer_options plain = {.kind = DMS_OPTIMIZER_ADAMW,
                                            .beta1 = 0.9,
                                            .beta2 = 0.999,
                                            .backbone_lr = 1,
                                            .stage_decay = 1,
                                            .accumulate = 1};

/* frozen: the prefix of rows that are; NULL: none. */
static dms_optimizer *optimizer_behind(const char *frozen,
                                       const dms_optimizer_options *options)
{
    dms_params *params = dms_params_create();
    dms_optimizer *o = NULL;

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_non_null(dms_params_declare(params, &table[i]));
    if (frozen)
        assert_true(dms_params_freeze(params, frozen) > 0);
    assert_int_equal(dms_params_allocate(params, true, NULL), DMS_OK);
    assert_int_equal(dms_params_fill(params, 1, NULL), DMS_OK);
    assert_int_equal(dms_optimizer_create(&o, params, options, NULL), DMS_OK);
    return o;
}

static dms_optimizer *optimizer_of(const dms_optimizer_options *options)
{
    return optimizer_behind(NULL, options);
}

static void release(dms_optimizer *o)
{
    dms_params_destroy(o->params);
    dms_optimizer_destroy(o);
}

static float *value_of(dms_optimizer *o, const char *name)
{
    return o->params->value + dms_params_find(o->params, name)->offset;
}

static void set_gradient(dms_optimizer *o, uint64_t seed)
{
    dms_rng rng = dms_rng_seeded(seed);

    for (size_t i = 0; i < o->params->count; i++) {
        const dms_param *p = &o->params->items[i];

        for (size_t k = 0; dms_param_trained(p) && k < p->len; k++)
            o->params->grad[p->offset + k] = (float)dms_rng_normal(&rng);
    }
}

static void decay_spares_biases_and_norms(void **state)
{
    dms_optimizer_options options = plain;
    dms_optimizer *o;

    (void)state;
    options.weight_decay = 0.5;
    o = optimizer_of(&options);
    assert_true(dms_optimizer_add(o));
    dms_optimizer_step(o, 0.1); /* all gradients are 0 */
    assert_true(fabsf(value_of(o, "head.weight")[7] - 0.95f) < 1e-6f);
    assert_true(value_of(o, "head.bias")[7] == 1.0f);
    assert_true(value_of(o, "backbone.bn1.weight")[7] == 1.0f);
    release(o);
}

static void a_frozen_backbone_does_not_move(void **state)
{
    dms_optimizer_options options = plain;
    dms_optimizer *o;

    (void)state;
    options.weight_decay = 0.5, options.ema_decay = 0.9;
    o = optimizer_behind("backbone.", &options);
    set_gradient(o, 1);
    assert_true(dms_optimizer_add(o));
    dms_optimizer_step(o, 0.1);
    assert_true(value_of(o, "backbone.conv1.weight")[3] == 1.0f);
    assert_true(value_of(o, "head.weight")[3] != 1.0f);
    /* its average is its value */
    assert_ptr_equal(dms_optimizer_weights(o, 0),
                     value_of(o, "backbone.conv1.weight"));
    assert_ptr_equal(dms_optimizer_weights(o, 3),
                     o->average + o->params->items[3].offset);
    release(o);
}

/* And no rate of zero does: the gradient is there, the step is of length 0. */
static void a_backbone_at_rate_zero_does_not_move(void **state)
{
    dms_optimizer_options options = plain;
    dms_optimizer *o;

    (void)state;
    options.backbone_lr = 0, options.weight_decay = 0.5;
    o = optimizer_of(&options);
    set_gradient(o, 1);
    assert_true(dms_optimizer_add(o));
    dms_optimizer_step(o, 0.1);
    assert_true(value_of(o, "backbone.conv1.weight")[3] == 1.0f);
    assert_true(value_of(o, "head.weight")[3] != 1.0f);
    release(o);
}

/* Held rows rest, and then step as under an optimiser that begins with them. */
static void a_thawed_row_starts_like_the_first_step_of_a_run(void **state)
{
    static const dms_optimizer_kind kinds[] = {DMS_OPTIMIZER_ADAMW,
                                               DMS_OPTIMIZER_SGD};
    dms_optimizer_options options = plain;

    (void)state;
    options.weight_decay = 0.5, options.ema_decay = 0.9;
    options.momentum = 0.9, options.accumulate = 2;
    for (int k = 0; k < 2; k++) {
        dms_optimizer *fresh, *held;
        const dms_param *row;

        options.kind = kinds[k];
        fresh = optimizer_of(&options), held = optimizer_of(&options);
        row = dms_params_find(held->params, "backbone.conv1.weight");
        dms_params_hold(held->params, "backbone.", true);
        for (int i = 0; i < 6; i++) {
            set_gradient(held, (uint64_t)i);
            if (dms_optimizer_add(held))
                dms_optimizer_step(held, 0.1);
            memset(held->params->grad, 0,
                   held->params->trained * sizeof(float));
        }
        assert_int_equal(held->step, 3);
        assert_memory_equal(value_of(held, row->name),
                            value_of(fresh, row->name),
                            row->len * sizeof(float));
        dms_optimizer_thaw(held, held->step);
        assert_false(row->frozen);
        for (int i = 0; i < 4; i++) {
            set_gradient(held, (uint64_t)(10 + i));
            set_gradient(fresh, (uint64_t)(10 + i));
            if (dms_optimizer_add(held))
                dms_optimizer_step(held, 0.1);
            if (dms_optimizer_add(fresh))
                dms_optimizer_step(fresh, 0.1);
        }
        assert_memory_equal(value_of(held, row->name),
                            value_of(fresh, row->name),
                            row->len * sizeof(float));
        assert_true(value_of(held, row->name)[3] != 1.0f);
        release(fresh);
        release(held);
    }
}

/* Bytes that the table and all of an optimiser take beside the values. */
static size_t bytes_beside_values(const char *frozen)
{
    dms_optimizer_options options = plain;
    size_t before = dms_alloc_bytes();
    dms_optimizer *o;
    size_t bytes;

    options.ema_decay = 0.9, options.accumulate = 2;
    o = optimizer_behind(frozen, &options);
    bytes = dms_alloc_bytes() - before - o->params->total * sizeof(float);
    release(o);
    return bytes;
}

static void a_frozen_row_takes_no_memory_beside_its_value(void **state)
{
    /* conv1: gradient, two moments, accumulated, average; mean: average */
    size_t row = 40 * 50 * sizeof(float), norm = 48 * sizeof(float);

    (void)state;
    assert_int_equal(bytes_beside_values(NULL) -
                         bytes_beside_values("backbone.conv1."),
                     5 * row);
    assert_int_equal(bytes_beside_values(NULL) -
                         bytes_beside_values("backbone."),
                     5 * (row + norm) + norm);
}

static void a_frozen_row_is_no_part_of_the_norm_that_is_clipped(void **state)
{
    dms_optimizer *o = optimizer_behind("head.weight", &plain);
    double sum = 0;

    (void)state;
    set_gradient(o, 1);
    for (size_t i = 0; i < o->params->count; i++) {
        const dms_param *p = &o->params->items[i];

        for (size_t k = 0; dms_param_trained(p) && k < p->len; k++)
            sum += pow((double)o->params->grad[p->offset + k], 2);
    }
    assert_true(dms_optimizer_add(o));
    assert_true(fabs(dms_optimizer_step(o, 0.1) / sqrt(sum) - 1) < 1e-9);
    assert_int_equal(o->params->trained, 40 * 50 + 48 + 16);
    release(o);
}

static void clipped_and_unclipped_sgd_differ_by_the_ratio_of_norms(void **state)
{
    dms_optimizer_options options = plain;
    dms_optimizer *o;
    double norm;
    float step[2];

    (void)state;
    options.kind = DMS_OPTIMIZER_SGD;
    for (int clipped = 0; clipped < 2; clipped++) {
        options.clip_norm = clipped ? 2.0 : 0.0;
        o = optimizer_of(&options);
        set_gradient(o, 5);
        assert_true(dms_optimizer_add(o));
        norm = dms_optimizer_step(o, 0.1);
        step[clipped] = 1.0f - value_of(o, "head.weight")[0];
        release(o);
    }
    assert_true(norm > 100); /* 122,048 standard normals */
    assert_true(fabs(step[1] / step[0] - 2.0 / norm) <
                1e-3 * 2.0 / norm + 1e-6);
}

static void four_accumulated_batches_step_like_their_mean(void **state)
{
    dms_optimizer_options options = plain;
    dms_optimizer *o, *mean;

    (void)state;
    options.kind = DMS_OPTIMIZER_SGD;
    mean = optimizer_of(&options);
    options.accumulate = 4;
    o = optimizer_of(&options);
    for (uint64_t i = 0; i < 4; i++) {
        set_gradient(o, i);
        assert_int_equal(dms_optimizer_add(o), i == 3);
    }
    for (size_t i = 0; i < o->params->trained; i++)
        mean->params->grad[i] = o->accumulated[i] / 4;
    assert_true(dms_optimizer_add(mean));
    dms_optimizer_step(mean, 0.1);
    dms_optimizer_step(o, 0.1);
    for (size_t i = 0; i < o->params->trained; i++)
        assert_true(fabsf(o->params->value[i] - mean->params->value[i]) <
                    1e-6f);
    assert_int_equal(o->pending, 0);
    assert_true(o->accumulated[0] == 0.0f);
    release(o);
    release(mean);
}

/* An infinite second moment would hold its weight still, unseen. */
static void no_gradient_makes_a_moment_infinite(void **state)
{
    static const struct {
        float gradient;
        double clip_norm;
        bool taken;
    } cases[] = {{1e17f, 0, true},   {1e21f, 0, false}, {3e38f, 0, false},
                 {-1e21f, 0, false}, {1e21f, 5, true},  {-3e38f, 5, true},
                 {1e17f, 1e9, true}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dms_optimizer_options options = plain;
        dms_optimizer *o;

        options.clip_norm = cases[i].clip_norm;
        o = optimizer_of(&options);
        set_gradient(o, 1);
        o->params->grad[7] = cases[i].gradient;
        assert_true(dms_optimizer_add(o));
        assert_true(isfinite(dms_optimizer_step(o, 0.1)) == cases[i].taken);
        assert_int_equal(o->step, cases[i].taken);
        assert_true(isfinite(o->moment1[7]));
        assert_true(isfinite(o->moment2[7]));
        release(o);
    }
}

static void a_gradient_that_is_not_finite_changes_nothing(void **state)
{
    dms_optimizer_options options = plain;
    dms_optimizer *o;

    (void)state;
    options.weight_decay = 0.1;
    o = optimizer_of(&options);
    set_gradient(o, 1);
    o->params->grad[100] = INFINITY;
    assert_true(dms_optimizer_add(o));
    assert_false(isfinite(dms_optimizer_step(o, 0.1)));
    assert_int_equal(o->step, 0);
    assert_true(value_of(o, "head.weight")[0] == 1.0f);
    assert_true(o->moment1[0] == 0.0f);
    release(o);
}

static void
average_starts_near_the_weights_and_takes_statistics_in(void **state)
{
    dms_optimizer_options options = plain;
    dms_optimizer *o;
    float *mean;
    size_t at;

    (void)state;
    options.ema_decay = 0.99;
    o = optimizer_of(&options);
    mean = value_of(o, "backbone.bn1.running_mean");
    at = (size_t)(mean - o->params->value);
    mean[0] = 1.0f;
    assert_true(dms_optimizer_add(o));
    dms_optimizer_step(o, 0.1);
    /* decay of the first step: (1 + 1) / (10 + 1) */
    assert_true(fabsf(o->average[at] - 9.0f / 11.0f) < 1e-6f);
    assert_ptr_equal(dms_optimizer_weights(o, 2), &o->average[at]);
    assert_true(mean[0] == 1.0f);
    release(o);
}

static void a_step_allocates_nothing_and_padding_stays_zero(void **state)
{
    dms_optimizer_options options = plain;
    dms_optimizer *o;
    const dms_param *bias;
    size_t before;

    (void)state;
    options.ema_decay = 0.9, options.accumulate = 2, options.clip_norm = 1;
    o = optimizer_of(&options);
    before = dms_alloc_count();
    for (uint64_t i = 0; i < 6; i++) {
        set_gradient(o, i);
        if (dms_optimizer_add(o))
            dms_optimizer_step(o, 0.1);
    }
    assert_int_equal(dms_alloc_count(), before);
    bias = dms_params_find(o->params, "head.bias");
    for (size_t i = bias->len; i < bias->size; i++)
        assert_true(o->params->value[bias->offset + i] == 0.0f);
    release(o);
}

static void without_memory_create_says_so_and_leaks_nothing(void **state)
{
    dms_optimizer_options options = plain;
    dms_optimizer *o = optimizer_of(&plain);
    alloc_fault fault = {0};

    (void)state;
    options.ema_decay = 0.9, options.accumulate = 2;
    while (alloc_fault_next(&fault)) {
        dms_optimizer *other = NULL;
        dms_error err = {0};

        alloc_fault_end(
            &fault, dms_optimizer_create(&other, o->params, &options, &err));
        assert_int_equal(strstr(err.message, "optimiser") != NULL, fault.fired);
        dms_optimizer_destroy(other);
    }
    assert_true(fault.count > 5);
    release(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decay_spares_biases_and_norms),
        cmocka_unit_test(a_frozen_backbone_does_not_move),
        cmocka_unit_test(a_backbone_at_rate_zero_does_not_move),
        cmocka_unit_test(a_thawed_row_starts_like_the_first_step_of_a_run),
        cmocka_unit_test(a_frozen_row_takes_no_memory_beside_its_value),
        cmocka_unit_test(a_frozen_row_is_no_part_of_the_norm_that_is_clipped),
        cmocka_unit_test(
            clipped_and_unclipped_sgd_differ_by_the_ratio_of_norms),
        cmocka_unit_test(four_accumulated_batches_step_like_their_mean),
        cmocka_unit_test(a_gradient_that_is_not_finite_changes_nothing),
        cmocka_unit_test(no_gradient_makes_a_moment_infinite),
        cmocka_unit_test(
            average_starts_near_the_weights_and_takes_statistics_in),
        cmocka_unit_test(a_step_allocates_nothing_and_padding_stays_zero),
        cmocka_unit_test(without_memory_create_says_so_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
