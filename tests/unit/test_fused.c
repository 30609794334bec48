/* Inference's passes: what they make of a graph computes the same. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "graph/op.h"
#include "graph/run.h"
#include "ops/ops.h"

/* A graph to be built: from x, 2 x C x H x W, to the value that is compared. */
typedef dms_node *builder(dms_graph *g, dms_node *x);

enum { IMAGES = 2, CHANNELS = 32, SIDE = 7 };

static dms_node *norm_of(dms_graph *g, dms_node *x, const char *name)
{
    return dms_batch_norm(g, x, name, DMS_INIT_ONE);
}

static dms_node *conv(dms_graph *g, dms_node *x, const char *name, int kernel)
{
    return dms_conv(g, x, name, CHANNELS, kernel, 1, 1, DMS_INIT_HE_FAN_OUT);
}

static dms_node *conv_norm(dms_graph *g, dms_node *x)
{
    return norm_of(g, conv(g, x, "a", 3), "b");
}

static dms_node *conv_norm_relu(dms_graph *g, dms_node *x)
{
    return dms_relu(g, conv_norm(g, x));
}

/* A residual block's end: the term is read by nobody after. */
static dms_node *residual(dms_graph *g, dms_node *x)
{
    dms_node *start = dms_relu(g, norm_of(g, conv(g, x, "s", 1), "t"));
    dms_node *z = dms_relu(g, norm_of(g, conv(g, start, "a", 3), "b"));

    z = norm_of(g, conv(g, z, "c", 1), "d");
    return dms_relu(g, dms_add(g, z, start));
}

/* The term is needed again: its place must not be taken. */
static dms_node *term_read_again(dms_graph *g, dms_node *x)
{
    dms_node *start = norm_of(g, conv(g, x, "s", 1), "t");
    dms_node *z = norm_of(g, conv(g, start, "a", 3), "b");

    z = dms_relu(g, dms_add(g, start, z));
    return dms_mul(g, z, dms_sigmoid(g, start));
}

/* The convolution's own value is needed too: nothing may be folded into it. */
static dms_node *value_read_twice(dms_graph *g, dms_node *x)
{
    dms_node *z = conv(g, x, "a", 3);

    return dms_add(g, dms_relu(g, norm_of(g, z, "b")), z);
}

static dms_node *linear_norm_relu(dms_graph *g, dms_node *x)
{
    dms_node *z = dms_linear(g, dms_spatial_mean(g, x), "a", CHANNELS);

    return dms_relu(g, norm_of(g, z, "b"));
}

static dms_node *linear_sum(dms_graph *g, dms_node *x)
{
    dms_node *start = dms_relu(g, dms_linear(g, x, "s", CHANNELS));

    return dms_add(g, dms_linear(g, start, "a", CHANNELS), start);
}

static const struct {
    const char *name;
    builder *build;
    size_t left; /* additions, and norms, that stay nodes of their own */
} cases[] = {
    {"conv_norm", conv_norm, 0},
    {"conv_norm_relu", conv_norm_relu, 0},
    {"residual", residual, 0},
    {"term_read_again", term_read_again, 0},
    {"value_read_twice", value_read_twice, 1},
    {"linear_norm_relu", linear_norm_relu, 0},
    {"linear_sum", linear_sum, 0},
};

typedef struct rig {
    dms_params *params;
    dms_graph *graph;
    dms_node *x, *y;
    dms_backend *backend;
    dms_run *run;
} rig;

static void randomise(dms_params *params)
{
    dms_rng rng = dms_rng_seeded(5);

    for (size_t i = 0; i < params->count; i++) {
        const dms_param *p = &params->items[i];
        float *value = params->value + p->offset;

        for (size_t k = 0; k < p->len; k++)
            value[k] = strstr(p->name, "running_var")
                           ? (float)dms_rng_range(&rng, 0.5, 2)
                           : (float)(0.3 * dms_rng_normal(&rng));
    }
}

static void rewrite(rig *r, dms_type type)
{
    dms_pass_type(r->graph, &dms_op_conv, NULL, type);
    dms_pass_type(r->graph, &dms_op_linear, NULL, type);
    dms_pass_fold_norm(r->graph, &dms_op_batch_norm);
    dms_pass_fuse_relu(r->graph, &dms_op_relu);
    dms_pass_fuse_add(r->graph, &dms_op_add);
}

static void rig_init(rig *r, builder *build, bool fused, dms_layout layout,
                     dms_type type)
{
    r->params = dms_params_create();
    r->graph = dms_graph_create(r->params, DMS_RUN_INFERENCE);
    r->graph->block = dms_backend_block();
    r->graph->map_layout = layout;
    r->x = dms_input(r->graph, (dms_shape){IMAGES, CHANNELS, SIDE, SIDE});
    /* the input is NCHW: a convolution takes it in */
    r->y = build(r->graph, conv(r->graph, r->x, "first", 1));
    assert_non_null(r->y);
    /* outputs are read as float32 in NHWC */
    r->y = dms_swap_halves(r->graph, dms_spatial_mean(r->graph, r->y));
    assert_int_equal(dms_params_allocate(r->params, false, NULL), DMS_OK);
    randomise(r->params);
    if (fused)
        rewrite(r, type);
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

static size_t count_op(const dms_graph *graph, const dms_op *op)
{
    size_t count = 0;

    for (size_t i = 0; i < graph->count; i++)
        count += graph->nodes[i]->op == op;
    return count;
}

static void forward(float *out, const rig *r, size_t len)
{
    float *x = dms_run_value(r->run, r->x);
    dms_rng rng = dms_rng_seeded(6);

    for (size_t i = 0; i < (size_t)IMAGES * CHANNELS * SIDE * SIDE; i++)
        x[i] = (float)dms_rng_normal(&rng);
    for (int twice = 0; twice < 2; twice++) /* weights are taken once */
        assert_int_equal(dms_run_forward(r->run, 0, NULL), DMS_OK);
    memcpy(out, dms_run_value(r->run, r->y), len * sizeof *out);
}

static void compare(size_t i, dms_layout layout, dms_type type, float tolerance)
{
    enum { LEN = IMAGES * CHANNELS };
    rig plain = {0}, fused = {0};
    float wanted[LEN], found[LEN];
    float largest = 0, worst = 0;

    rig_init(&plain, cases[i].build, false, layout, DMS_TYPE_F32);
    rig_init(&fused, cases[i].build, true, layout, type);
    assert_int_equal(count_op(fused.graph, &dms_op_batch_norm), cases[i].left);
    assert_int_equal(count_op(fused.graph, &dms_op_add), cases[i].left);
    forward(wanted, &plain, LEN);
    forward(found, &fused, LEN);
    for (size_t k = 0; k < LEN; k++) {
        largest = fmaxf(largest, fabsf(wanted[k]));
        worst = fmaxf(worst, fabsf(found[k] - wanted[k]));
    }
    if (!(worst <= tolerance * largest))
        fail_msg("%s, layout %d, type %d: %g off of %g", cases[i].name,
                 (int)layout, (int)type, (double)worst, (double)largest);
    rig_release(&plain);
    rig_release(&fused);
}

static void fused_graphs_compute_the_same_in_either_layout(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        compare(i, DMS_LAYOUT_BLOCKED, DMS_TYPE_F32, 1e-5f);
        if (dms_backend_block() == 16)
            compare(i, DMS_LAYOUT_NHWC, DMS_TYPE_F32, 1e-5f);
    }
}

static void fused_graphs_in_bf16_are_near(void **state)
{
    (void)state;
    if (!dms_backend_has_type(DMS_TYPE_BF16))
        skip();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        compare(i, DMS_LAYOUT_BLOCKED, DMS_TYPE_BF16, 3e-2f);
}

static void a_sum_takes_its_terms_place(void **state)
{
    rig plain = {0}, fused = {0};

    (void)state;
    rig_init(&plain, residual, false, DMS_LAYOUT_BLOCKED, DMS_TYPE_F32);
    rig_init(&fused, residual, true, DMS_LAYOUT_BLOCKED, DMS_TYPE_F32);
    assert_true(fused.graph->count < plain.graph->count);
    rig_release(&plain);
    rig_release(&fused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fused_graphs_compute_the_same_in_either_layout),
        cmocka_unit_test(fused_graphs_in_bf16_are_near),
        cmocka_unit_test(a_sum_takes_its_terms_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
