/* What quantising makes of a network: which layers, which numbers, and that all
 * that does not multiply integers goes on as before. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/alloc.h"
#include "data/labels.h"
#include "ops/ops.h"
#include "quant_net.h"

static int setup(void **state)
{
    static quant_net q;

    quant_net_init(&q, DMS_BACKBONE_RESNET18, 64);
    *state = &q;
    return 0;
}

static int teardown(void **state)
{
    quant_net_release(*state);
    return 0;
}

static void all_of_the_backbone_but_the_stem_is_quantised(void **state)
{
    const quant_net *q = *state;
    size_t backbone = 0;

    assert_int_equal(dms_quant_layer_of(&q->layers, SIZE_MAX), NULL);
    assert_false(quant_net_layer(q, "backbone.conv1.weight")->can);
    assert_true(quant_net_layer(q, "backbone.conv1.weight")->makes);
    for (size_t i = 0; i < q->params->count; i++) {
        const dms_param *from = &q->params->items[i];
        const dms_param *to = &q->table.params->items[i];

        assert_string_equal(from->name, to->name);
        if (strncmp(from->name, "backbone.", 9) != 0 || from->axes != 4)
            continue;
        backbone++;
        assert_int_equal(to->integers != NULL,
                         strcmp(from->name, "backbone.conv1.weight") != 0);
    }
    assert_int_equal(backbone, 20);
    assert_true(dms_params_quantised(q->table.params));
    assert_false(dms_params_quantised(q->params));
}

static void each_channels_largest_weight_is_127(void **state)
{
    const quant_net *q = *state;
    const dms_params *to = q->table.params;

    for (size_t i = 0; i < q->params->count; i++) {
        const dms_param *p = &to->items[i];
        const float *from = dms_param_value(q->params, i);
        size_t row;

        if (!p->integers) {
            assert_ptr_equal(dms_param_value(to, i), from); /* not copied */
            continue;
        }
        assert_null(dms_param_value(to, i));
        row = p->len / (size_t)p->shape[0];
        for (size_t o = 0; o < (size_t)p->shape[0]; o++) {
            float scale = dms_param_value(to, p->scale[DMS_SCALE_WEIGHT])[o];
            int largest = 0;

            for (size_t k = o * row; k < (o + 1) * row; k++) {
                largest = abs(p->integers[k]) > largest ? abs(p->integers[k])
                                                        : largest;
                if (fabsf((float)p->integers[k] * scale - from[k]) >
                    0.5001f * scale)
                    fail_msg("%s[%zu]: %d", p->name, k, p->integers[k]);
            }
            assert_int_equal(largest, 127);
        }
    }
}

static void scales_stand_behind_all_else_and_have_names(void **state)
{
    const quant_net *q = *state;
    const dms_params *to = q->table.params;
    const dms_quant_layer *layer =
        quant_net_layer(q, "backbone.layer1.0.conv2.weight");
    const dms_param *weight = &to->items[layer->weight];
    const dms_param *w =
        dms_params_find(to, "backbone.layer1.0.conv2.weight_scale");
    const dms_param *y =
        dms_params_find(to, "backbone.layer1.0.conv2.output_scale");

    assert_non_null(w);
    assert_non_null(y);
    assert_non_null(
        dms_params_find(to, "backbone.layer1.0.conv2.branch_scale"));
    assert_null(dms_params_find(to, "backbone.conv1.weight_scale"));
    assert_null(dms_params_find(to, "backbone.conv1.branch_scale"));
    assert_int_equal(w->axes, 1);
    assert_int_equal(w->shape[0], weight->shape[0]);
    assert_int_equal(y->axes, 0);
    assert_false(dms_param_trained(w));
    for (size_t i = 0; i < to->count; i++)
        assert_int_equal(to->items[i].role == DMS_PARAM_SCALE,
                         i >= q->params->count);
    assert_true(*dms_param_value(to, (size_t)(y - to->items)) ==
                layer->limit / 255); /* a relu is behind it */
}

static void a_channel_of_zeros_stays_zero(void **state)
{
    quant_net *q = *state;
    size_t i = quant_net_layer(q, "backbone.layer2.1.conv1.weight")->weight;
    const dms_param *p = &q->params->items[i];
    size_t row = p->len / (size_t)p->shape[0];
    float *value = q->params->value + p->offset + 3 * row;
    float *kept = dms_calloc(row, sizeof *kept);
    const int8_t *integers;

    memcpy(kept, value, row * sizeof *kept);
    memset(value, 0, row * sizeof *value);
    quant_net_remake(q);
    integers = q->table.params->items[i].integers + 3 * row;
    for (size_t k = 0; k < row; k++)
        assert_int_equal(integers[k], 0);
    assert_true(dms_param_value(q->table.params,
                                q->table.params->items[i].scale[0])[3] == 1);
    memcpy(value, kept, row * sizeof *kept);
    dms_free(kept);
    quant_net_remake(q);
}

static size_t count_reorders(const quant_net *q)
{
    dms_net *net = quant_net_make(
        q, q->table.params, &(dms_net_options){.patients = 1, .int8 = true});
    const dms_graph *graph = dms_net_graph(net);
    size_t count = 0;

    for (size_t i = 0; i < graph->count; i++)
        count += graph->nodes[i]->op == &dms_op_reorder;
    dms_net_destroy(net);
    return count;
}

static void integers_go_from_node_to_node_without_reorders(void **state)
{
    quant_net *q = *state;
    dms_quant_layer *middle =
        quant_net_layer(q, "backbone.layer3.0.conv2.weight");

    if (!dms_net_has_type(DMS_TYPE_U8))
        skip();
    /* behind the stem's pooling, MSCAM's concatenation and DMFF's edges, which
     * are float */
    assert_int_equal(count_reorders(q), 3);
    /* conv1 and the branch now make floats: those are brought into blocks, and
     * the sum back */
    middle->kept = true;
    quant_net_remake(q);
    assert_int_equal(count_reorders(q), 5);
    middle->kept = false;
    quant_net_remake(q);
}

static float *logits_of(const quant_net *q, dms_params *params,
                        const dms_net_options *options)
{
    enum { LEN = 3 * DMS_ODIR_LABELS };
    dms_error err = {0};
    dms_net *net = quant_net_make(q, params, options);
    float *out = dms_calloc(LEN, sizeof *out);

    quant_net_show(net, 31, 3, options->size);
    quant_net_ok(dms_net_forward(net, 0, &err), &err);
    memcpy(out, dms_net_patient_logits(net), LEN * sizeof *out);
    dms_net_destroy(net);
    return out;
}

static void assert_near(const float *found, const float *wanted, float within)
{
    float largest = 0, worst = 0;

    for (size_t i = 0; i < 3 * DMS_ODIR_LABELS; i++) {
        largest = fmaxf(largest, fabsf(wanted[i]));
        worst = fmaxf(worst, fabsf(wanted[i] - found[i]));
    }
    if (!(worst <= within * largest))
        fail_msg("%g off of %g", (double)worst, (double)largest);
}

/* The floats that the integers stand for. */
static dms_params *dequantise(const quant_net *q)
{
    dms_params *params = dms_params_create();

    quant_net_ok(dms_net_declare(params, &q->arch, false, false, NULL), NULL);
    quant_net_ok(dms_params_allocate(params, false, NULL), NULL);
    for (size_t i = 0; i < params->count; i++)
        dms_param_read(params->value + params->items[i].offset, q->table.params,
                       i);
    return params;
}

static void in_float_it_is_the_model_of_the_rounded_weights(void **state)
{
    const quant_net *q = *state;
    dms_params *plain = dequantise(q);
    dms_net_options options = {.patients = 3, .size = 64};
    float *wanted = logits_of(q, plain, &options);

    for (int winograd = 0; winograd < 2; winograd++) {
        float *found;

        options.winograd = winograd;
        found = logits_of(q, q->table.params, &options);
        assert_near(found, wanted, 1e-4f);
        dms_free(found);
    }
    options.winograd = false;
    if (dms_net_has_type(DMS_TYPE_BF16)) {
        float *found, *same;

        options.type = DMS_TYPE_BF16;
        found = logits_of(q, q->table.params, &options);
        same = logits_of(q, plain, &options);
        assert_near(found, wanted, 3e-2f);
        assert_near(found, same, 1e-2f);
        dms_free(found);
        dms_free(same);
    }
    dms_free(wanted);
    dms_params_destroy(plain);
}

static void integers_are_near_the_float_model(void **state)
{
    quant_net *q = *state;
    float *wanted, *found;

    if (!dms_net_has_type(DMS_TYPE_U8))
        skip();
    wanted =
        logits_of(q, q->params, &(dms_net_options){.patients = 3, .size = 64});
    for (int type = DMS_TYPE_F32; type <= DMS_TYPE_BF16; type++) {
        dms_net_options options = {
            .patients = 3, .size = 64, .type = (dms_type)type, .int8 = true};

        if (!dms_net_has_type((dms_type)type))
            continue;
        found = logits_of(q, q->table.params, &options);
        assert_near(found, wanted, 0.08f);
        dms_free(found);
    }
    /* a layer kept in the middle of a block, and a sum of floats */
    quant_net_layer(q, "backbone.layer1.1.conv1.weight")->kept = true;
    quant_net_layer(q, "backbone.layer2.0.conv2.weight")->kept = true;
    quant_net_remake(q);
    found =
        logits_of(q, q->table.params,
                  &(dms_net_options){.patients = 3, .size = 64, .int8 = true});
    assert_near(found, wanted, 0.08f);
    dms_free(found);
    dms_free(wanted);
    quant_net_layer(q, "backbone.layer1.1.conv1.weight")->kept = false;
    quant_net_layer(q, "backbone.layer2.0.conv2.weight")->kept = false;
    quant_net_remake(q);
}

/* A forced net's layers get the float net's inputs: own noise is theirs. */
static void noise_is_told_apart_by_layer(void **state)
{
    quant_net *q = *state;
    dms_quant_outputs *outputs = NULL;
    dms_error err = {0};
    dms_net *coarse;
    size_t below = 0, count = 0;

    if (!dms_net_has_type(DMS_TYPE_U8))
        skip();
    coarse = quant_net_make(q, q->table.params,
                            &(dms_net_options){.patients = 1, .int8 = true});
    quant_net_ok(dms_quant_outputs_create(&outputs, q->exact, &q->layers, &err),
                 &err);
    quant_net_show(q->exact, 41, 1, 64);
    quant_net_ok(quant_net_run(q->exact, dms_quant_outputs_keep(outputs), &err),
                 &err);
    for (int forced = 0; forced < 2; forced++) {
        quant_net_show(coarse, 41, 1, 64);
        quant_net_ok(quant_net_run(coarse,
                                   dms_quant_outputs_compare(outputs, forced),
                                   &err),
                     &err);
    }
    for (size_t i = 0; i < q->layers.count; i++) {
        const dms_quant_layer *l = &q->layers.items[i];

        if (!l->can)
            continue;
        count++;
        below += l->own_noise <= l->noise;
        assert_true(l->signal > 0);
        assert_true(l->own_noise > 0);
        assert_true(l->own_noise < 0.01 * l->signal); /* 20 dB */
    }
    assert_in_range(below, count - 2, count);
    dms_quant_outputs_destroy(outputs);
    dms_net_destroy(coarse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_the_backbone_but_the_stem_is_quantised),
        cmocka_unit_test(each_channels_largest_weight_is_127),
        cmocka_unit_test(scales_stand_behind_all_else_and_have_names),
        cmocka_unit_test(a_channel_of_zeros_stays_zero),
        cmocka_unit_test(integers_go_from_node_to_node_without_reorders),
        cmocka_unit_test(in_float_it_is_the_model_of_the_rounded_weights),
        cmocka_unit_test(integers_are_near_the_float_model),
        cmocka_unit_test(noise_is_told_apart_by_layer),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
