/* The three switches of a run: statistics, dropout, and all together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "graph/run.h"
#include "mode_rig.h"
#include "ops/ops.h"

/* --- statistics -------------------------------------------------------------
 */

static float *copy_of(const dms_params *params)
{
    float *copy = dms_calloc(params->total, sizeof *copy);

    memcpy(copy, params->value, params->total * sizeof *copy);
    return copy;
}

static dms_net_options by_statistics(dms_statistics statistics)
{
    return (dms_net_options){.patients = PATIENTS,
                             .mode = {.statistics = statistics}};
}

static void the_batchs_statistics_need_no_gradients(void **state)
{
    dms_net_options training = {.patients = PATIENTS, .mode = DMS_RUN_TRAINING};
    dms_net_options adapting = by_statistics(DMS_STATISTICS_UPDATE);
    rig a = {0}, b = {0};

    (void)state;
    rig_init(&a, &training);
    rig_init(&b, &adapting);
    go_forward(&a, 0);
    go_forward(&b, 0);
    assert_true(distance(dms_net_patient_logits(b.net),
                         dms_net_patient_logits(a.net), CELLS) < 1e-4);
    for (size_t i = 0; i < a.params->count; i++) {
        const dms_param *p = &a.params->items[i], *q = &b.params->items[i];

        if (p->role == DMS_PARAM_COUNT)
            assert_true(b.params->value[q->offset] == 1);
        if (p->role == DMS_PARAM_STAT)
            assert_true(distance(b.params->value + q->offset,
                                 a.params->value + p->offset, p->len) < 1e-4);
    }
    rig_release(&a);
    rig_release(&b);
}

static void a_look_at_the_batch_leaves_the_table_alone(void **state)
{
    dms_net_options looking = by_statistics(DMS_STATISTICS_BATCH);
    dms_net_options following = by_statistics(DMS_STATISTICS_UPDATE);
    float logits[CELLS];
    rig r = {0}, other = {0};
    float *before;

    (void)state;
    rig_init(&r, &looking);
    before = copy_of(r.params);
    go_forward(&r, 0);
    assert_memory_equal(before, r.params->value,
                        r.params->total * sizeof *before);
    memcpy(logits, dms_net_patient_logits(r.net), sizeof logits);
    rig_init(&other, &following);
    go_forward(&other, 0);
    assert_memory_equal(logits, dms_net_patient_logits(other.net),
                        sizeof logits);
    dms_free(before);
    rig_release(&r);
    rig_release(&other);
}

/* The first norm sees the same values whatever the others do. */
static void the_mean_of_all_batches_weighs_each_the_same(void **state)
{
    enum { BATCHES = 3 };
    dms_net_options options = by_statistics(DMS_STATISTICS_MEAN);
    const dms_param *mean, *count;
    double sum[64] = {0};
    rig r = {0};

    (void)state;
    rig_init(&r, &options);
    mean = dms_params_find(r.params, "backbone.bn1.running_mean");
    count = dms_params_find(r.params, "backbone.bn1.num_batches_tracked");
    for (int i = 0; i < BATCHES; i++) { /* each alone, then all in a row */
        r.params->value[count->offset] = 0;
        fill(dms_net_images(r.net), 20 + (uint64_t)i,
             2 * PATIENTS * 3 * SIZE * SIZE);
        go_forward(&r, 0);
        for (size_t c = 0; c < mean->len; c++)
            sum[c] += (double)r.params->value[mean->offset + c] / BATCHES;
    }
    r.params->value[count->offset] = 0;
    for (int i = 0; i < BATCHES; i++) {
        fill(dms_net_images(r.net), 20 + (uint64_t)i,
             2 * PATIENTS * 3 * SIZE * SIZE);
        go_forward(&r, 0);
    }
    assert_true(r.params->value[count->offset] == BATCHES);
    for (size_t c = 0; c < mean->len; c++)
        assert_true(fabs(r.params->value[mean->offset + c] - sum[c]) < 1e-6);
    rig_release(&r);
}

/* --- dropout ----------------------------------------------------------------
 */

static void dropout_alone_changes_the_patients_logits_only(void **state)
{
    dms_net_options options = {
        .patients = PATIENTS, .mode = {.dropout = true}, .dropout = 0.5f};
    dms_net_options without = {.patients = PATIENTS, .dropout = 0.5f};
    enum { DRAWS = 400 };
    double mean[CELLS] = {0}, squares[CELLS] = {0};
    float first[CELLS];
    rig r = {0}, exact = {0};

    (void)state;
    rig_init(&r, &options);
    rig_init(&exact, &without);
    go_forward(&exact, 0);
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        const float *logits = dms_net_patient_logits(r.net);

        go_forward(&r, seed);
        if (seed == 0)
            memcpy(first, logits, sizeof first);
        for (int i = 0; i < CELLS; i++) {
            mean[i] += (double)logits[i] / DRAWS;
            squares[i] += (double)logits[i] * logits[i] / DRAWS;
        }
        assert_memory_equal(dms_net_eye_logits(r.net),
                            dms_net_eye_logits(exact.net),
                            2 * CELLS * sizeof(float));
    }
    for (int i = 0; i < CELLS; i++) {
        double sd = sqrt(squares[i] - mean[i] * mean[i]);
        double want = dms_net_patient_logits(exact.net)[i];

        assert_true(sd > 0);
        if (fabs(mean[i] - want) > 5 * sd / sqrt(DRAWS))
            fail_msg("logit %d: mean %g, %g without dropout, sd %g", i, mean[i],
                     want, sd);
    }
    go_forward(&r, 0);
    assert_memory_equal(first, dms_net_patient_logits(r.net), sizeof first);
    go_forward(&r, 1);
    assert_true(memcmp(first, dms_net_patient_logits(r.net), sizeof first));
    rig_release(&r);
    rig_release(&exact);
}

static void the_mask_drops_its_share_and_scales_the_rest(void **state)
{
    enum { WIDTH = 20000 };
    dms_params *params = dms_params_create();
    dms_graph *g = dms_graph_create(params, (dms_run_mode){.dropout = true});
    dms_node *x = dms_input(g, (dms_shape){1, WIDTH, 1, 1});
    dms_node *y = dms_dropout(g, x, 0.3f);
    dms_run *run = NULL;
    size_t dropped = 0;

    (void)state;
    assert_int_equal(dms_pass_layout(g, &dms_op_reorder, NULL), DMS_OK);
    assert_int_equal(dms_params_allocate(params, false, NULL), DMS_OK);
    assert_int_equal(dms_run_create(&run, g, &y, 1, NULL, NULL), DMS_OK);
    for (int i = 0; i < WIDTH; i++)
        dms_run_value(run, x)[i] = 1;
    assert_int_equal(dms_run_forward(run, 3, NULL), DMS_OK);
    for (int i = 0; i < WIDTH; i++) {
        float value = dms_run_value(run, y)[i];

        assert_true(value == 0 || fabsf(value - 1 / 0.7f) < 1e-6f);
        dropped += value == 0;
    }
    assert_true(fabs((double)dropped / WIDTH - 0.3) < 5 * sqrt(0.21 / WIDTH));
    dms_run_destroy(run);
    dms_graph_destroy(g);
    dms_params_destroy(params);
}

/* --- together ---------------------------------------------------------------
 */

/* What the logits are is not the gradients' business. */
static void each_switch_leaves_the_others_alone(void **state)
{
    float want[4][2][CELLS];

    (void)state;
    for (int gradients = 0; gradients < 3; gradients++)
        for (int statistics = 0; statistics < 4; statistics++)
            for (int dropout = 0; dropout < 2; dropout++) {
                dms_net_options options = {.patients = PATIENTS,
                                           .dropout = 0.5f,
                                           .mode = {(dms_gradients)gradients,
                                                    (dms_statistics)statistics,
                                                    dropout > 0}};
                float *logits = want[statistics][dropout];
                rig r = {0};

                options.gradient_of[DMS_PLACE_CONTEXT] =
                    gradients == DMS_GRADIENTS_NODES;
                rig_init(&r, &options);
                loss(&r);
                if (gradients != DMS_GRADIENTS_NONE)
                    go_back(&r);
                if (gradients == DMS_GRADIENTS_NONE)
                    memcpy(logits, dms_net_patient_logits(r.net),
                           sizeof want[0][0]);
                else if (!dropout) /* its mask goes by the nodes' places */
                    assert_true(distance(dms_net_patient_logits(r.net), logits,
                                         CELLS) < 1e-4);
                rig_release(&r);
            }
    assert_true(distance(want[0][0], want[1][0], CELLS) > 1e-2);
    assert_true(distance(want[0][0], want[0][1], CELLS) > 1e-2);
    assert_memory_equal(want[1], want[2], sizeof want[1]);
    assert_memory_equal(want[1], want[3], sizeof want[1]);
}

static void refused(dms_net_options options, const char *reason)
{
    dms_error err = {0};
    rig r = {0};

    assert_int_equal(rig_try(&r, &options, &err), DMS_EINVAL);
    if (!strstr(err.message, reason))
        fail_msg("%s", err.message);
    rig_release(&r);
}

static void what_cannot_be_asked_for_is_refused_with_the_reason(void **state)
{
    dms_net_options options = explaining(DMS_PLACE_MAP);

    (void)state;
    options.mode.gradients = DMS_GRADIENTS_NONE;
    refused(options, "in a mode without gradients");
    options = explaining(DMS_PLACE_MAP);
    options.gradient_of[DMS_PLACE_MAP] = false;
    refused(options, "none is chosen");
    options = explaining(DMS_PLACE_IMAGES);
    options.part = DMS_NET_FROM_MAP;
    refused(options, "no gradient of the images");
    options = explaining(DMS_PLACE_MAP);
    options.part = DMS_NET_TO_MAP;
    refused(options, "cannot be trained");
    options = by_statistics(DMS_STATISTICS_BATCH);
    options.patients = 1;
    refused(options, "a training batch of one patient");
}

/* One patient is enough where the norms do not look at the batch. */
static void one_patient_can_be_explained(void **state)
{
    dms_net_options options = explaining(DMS_PLACE_MAP);
    dms_error err = {0};
    rig r = {0};

    (void)state;
    options.patients = 1;
    assert_int_equal(rig_try(&r, &options, &err), DMS_OK);
    rig_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_batchs_statistics_need_no_gradients),
        cmocka_unit_test(a_look_at_the_batch_leaves_the_table_alone),
        cmocka_unit_test(the_mean_of_all_batches_weighs_each_the_same),
        cmocka_unit_test(dropout_alone_changes_the_patients_logits_only),
        cmocka_unit_test(the_mask_drops_its_share_and_scales_the_rest),
        cmocka_unit_test(each_switch_leaves_the_others_alone),
        cmocka_unit_test(what_cannot_be_asked_for_is_refused_with_the_reason),
        cmocka_unit_test(one_patient_can_be_explained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
