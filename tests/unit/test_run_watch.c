/* Values that are not finite: seen wherever they lie, and told by image and
 * node, through all of inference's passes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "graph/run.h"
#include "graph/value.h"
#include "ops/ops.h"

enum { IMAGES = 3, CHANNELS = 32, SIDE = 5 };
enum { IMAGE = CHANNELS * SIDE * SIDE };

static void one_value_among_many_is_seen_wherever_it_lies(void **state)
{
    enum { LEN = (1 << 17) + 13 };
    static float values[LEN];
    static uint16_t halves[LEN];
    static const size_t places[] = {0, 1, 15, 16, 4097, LEN - 2, LEN - 1};
    static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};

    (void)state;
    values[7] = -3.5f, halves[7] = dms_bf16_of(-3.5f);
    assert_true(dms_value_magnitude(values, LEN, DMS_TYPE_F32) == 3.5f);
    assert_true(dms_value_magnitude(halves, LEN, DMS_TYPE_BF16) == 3.5f);
    assert_true(dms_value_magnitude(values, 0, DMS_TYPE_F32) == 0);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
            size_t at = places[i];

            values[at] = bad[k], halves[at] = dms_bf16_of(bad[k]);
            assert_true(isinf(dms_value_magnitude(values, LEN, DMS_TYPE_F32)));
            assert_true(isinf(dms_value_magnitude(halves, LEN, DMS_TYPE_BF16)));
            assert_true(dms_value_magnitude(values, at, DMS_TYPE_F32) <= 3.5f);
            assert_true(dms_value_magnitude(halves, at, DMS_TYPE_BF16) <= 3.5f);
            values[at] = 0, halves[at] = 0;
        }
}

static void the_first_tensor_that_is_wrong_is_found(void **state)
{
    static const char *const names[] = {"a.weight", "b.weight",
                                        "b.running_mean", "b.running_var"};
    dms_params *params = dms_params_create();
    float *value[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        dms_param p = {.role = i < 2 ? DMS_PARAM_WEIGHT : DMS_PARAM_STAT,
                       .axes = 1,
                       .shape = {20},
                       .block_out = 1,
                       .block_in = 1};

        strcpy(p.name, names[i]);
        assert_non_null(dms_params_declare(params, &p));
    }
    assert_int_equal(dms_params_allocate(params, false, NULL), DMS_OK);
    for (int i = 0; i < 4; i++)
        value[i] = params->value + params->items[i].offset;
    value[2][3] = -1;
    assert_null(dms_params_find_wrong(params, params->value, 0));
    value[3][19] = -1e-30f;
    assert_ptr_equal(dms_params_find_wrong(params, params->value, 0),
                     &params->items[3]);
    value[0][0] = NAN;
    assert_ptr_equal(dms_params_find_wrong(params, params->value, 0),
                     &params->items[0]);
    value[1][19] = -INFINITY;
    assert_ptr_equal(
        dms_params_find_wrong(params, params->value, params->items[1].offset),
        &params->items[1]);
    assert_ptr_equal(
        dms_params_find_wrong(params, params->value, params->trained),
        &params->items[3]);
    dms_params_destroy(params);
}

/* Two residual blocks, the first one's end watched, and what is read. */
typedef struct rig {
    dms_params *params;
    dms_graph *graph;
    dms_node *x, *y;
    dms_backend *backend;
    dms_run *run;
} rig;

static dms_node *conv_norm(dms_graph *g, dms_node *x, const char *conv,
                           const char *norm)
{
    x = dms_conv(g, x, conv, CHANNELS, 3, 1, 1, DMS_INIT_HE_FAN_OUT);
    return dms_batch_norm(g, x, norm, DMS_INIT_ONE);
}

static dms_node *block(dms_graph *g, dms_node *x, const char *conv1,
                       const char *norm1, const char *conv2, const char *norm2)
{
    dms_node *z = dms_relu(g, conv_norm(g, x, conv1, norm1));

    return dms_relu(g, dms_add(g, conv_norm(g, z, conv2, norm2), x));
}

static void rig_init(rig *r, dms_type type)
{
    dms_node *z;

    r->params = dms_params_create();
    r->graph = dms_graph_create(r->params, DMS_RUN_INFERENCE);
    r->graph->block = dms_backend_block();
    r->graph->map_layout = DMS_LAYOUT_BLOCKED;
    r->x = dms_input(r->graph, (dms_shape){IMAGES, CHANNELS, SIDE, SIDE});
    z = dms_relu(r->graph, conv_norm(r->graph, r->x, "s", "t"));
    z = block(r->graph, z, "a", "b", "c", "d");
    assert_non_null(z);
    z->watched = "first block";
    z = block(r->graph, z, "e", "f", "g", "h");
    r->y = dms_linear(r->graph, dms_spatial_mean(r->graph, z), "l", 8);
    assert_non_null(r->y);
    r->y->watched = "answer";
    assert_int_equal(dms_params_allocate(r->params, false, NULL), DMS_OK);
    assert_int_equal(dms_params_fill(r->params, 5, NULL), DMS_OK);
    dms_pass_type(r->graph, &dms_op_conv, NULL, type);
    dms_pass_fold_norm(r->graph, &dms_op_batch_norm);
    dms_pass_fuse_relu(r->graph, &dms_op_relu);
    dms_pass_fuse_add(r->graph, &dms_op_add);
    assert_int_equal(dms_pass_layout(r->graph, &dms_op_reorder, NULL), DMS_OK);
    assert_int_equal(dms_backend_create(&r->backend, NULL), DMS_OK);
    assert_int_equal(
        dms_run_create(&r->run, r->graph, &r->y, 1, r->backend, NULL), DMS_OK);
}

static void rig_release(rig *r)
{
    dms_run_destroy(r->run);
    dms_backend_destroy(r->backend);
    dms_graph_destroy(r->graph);
    dms_params_destroy(r->params);
}

/* Every image of ones, but one of other values. */
static void run_with(rig *r, size_t image, float value)
{
    float *x = dms_run_value(r->run, r->x);

    for (size_t i = 0; i < IMAGES * IMAGE; i++)
        x[i] = i / IMAGE == image ? value : 1.0f;
    assert_int_equal(dms_run_forward(r->run, 0, NULL), DMS_OK);
}

static void assert_flaw(const rig *r, size_t image, const char *name)
{
    for (size_t i = 0; i < IMAGES; i++)
        if (i != image)
            assert_null(dms_run_flaw(r->run, i));
    assert_non_null(dms_run_flaw(r->run, image));
    assert_string_equal(dms_run_flaw(r->run, image)->watched, name);
}

static void check_images(dms_type type)
{
    rig r = {0};

    rig_init(&r, type);
    run_with(&r, 1, 3e38f);
    assert_null(dms_run_flaw(r.run, 1)); /* nobody watches yet */
    assert_int_equal(dms_run_watch(r.run, NULL), DMS_OK);
    for (size_t image = 0; image < IMAGES; image++) {
        run_with(&r, image, 3e38f);
        assert_flaw(&r, image, "first block");
        run_with(&r, image, 2.0f);
        assert_null(dms_run_flaw(r.run, image)); /* not from before */
    }
    rig_release(&r);
}

static void the_image_and_the_node_are_told_through_all_passes(void **state)
{
    (void)state;
    check_images(DMS_TYPE_F32);
    if (dms_backend_has_type(DMS_TYPE_BF16))
        check_images(DMS_TYPE_BF16);
}

/* inf - inf is NaN, which the second block's relu makes 0: the answer is sound
 * to look at, the last layer's bias. */
static void what_a_relu_hides_behind_the_watched_node_is_told(void **state)
{
    rig r = {0};
    const float *y;
    const dms_param *scale;

    (void)state;
    rig_init(&r, DMS_TYPE_F32);
    scale = dms_params_find(r.params, "f.weight");
    for (size_t i = 0; i < CHANNELS; i++)
        r.params->value[scale->offset + i] = 3e38f;
    assert_int_equal(dms_run_watch(r.run, NULL), DMS_OK);
    run_with(&r, 0, 2.0f);
    y = dms_run_value(r.run, r.y);
    for (size_t i = 0; i < 8 * IMAGES; i++)
        assert_true(fabsf(y[i]) < 1);
    for (size_t i = 0; i < IMAGES; i++)
        assert_non_null(dms_run_flaw(r.run, i));
    rig_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_value_among_many_is_seen_wherever_it_lies),
        cmocka_unit_test(the_first_tensor_that_is_wrong_is_found),
        cmocka_unit_test(the_image_and_the_node_are_told_through_all_passes),
        cmocka_unit_test(what_a_relu_hides_behind_the_watched_node_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
