/* The graph's own parts: table, plan, passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "graph/op.h"
#include "graph/plan.h"
#include "graph/run.h"
#include "ops/ops.h"

static void buffers_alive_together_never_overlap(void **state)
{
    enum { COUNT = 300 };
    dms_rng rng = dms_rng_seeded(2);
    dms_buffer b[COUNT];
    size_t total, sum = 0;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        b[i] = (dms_buffer){.size = dms_rng_below(&rng, 5000),
                            .first = dms_rng_below(&rng, 100)};
        b[i].last = b[i].first + dms_rng_below(&rng, 20);
    }
    assert_int_equal(dms_plan_buffers(b, COUNT, &total, NULL), DMS_OK);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(b[i].offset % 64, 0);
        assert_true(b[i].size == 0 || b[i].offset + b[i].size <= total);
        sum += b[i].size;
        for (int j = 0; j < i; j++) {
            bool meet = b[i].first <= b[j].last && b[j].first <= b[i].last;
            bool apart = b[i].offset >= b[j].offset + b[j].size ||
                         b[j].offset >= b[i].offset + b[i].size;

            assert_true(!meet || apart || !b[i].size || !b[j].size);
        }
    }
    assert_true(total < sum / 2); /* sharing pays */
}

static dms_param weight(const char *name, int64_t out, int64_t in, int block)
{
    dms_param p = {.role = DMS_PARAM_WEIGHT,
                   .init = DMS_INIT_HE_FAN_OUT,
                   .axes = 4,
                   .shape = {out, in, 3, 3},
                   .block_out = block,
                   .block_in = in % block ? 1 : block};

    snprintf(p.name, sizeof p.name, "%s", name);
    return p;
}

static void packing_and_unpacking_give_the_same_tensor(void **state)
{
    static const struct {
        int64_t out, in;
        int block;
    } cases[] = {{32, 48, 16}, {16, 3, 16}, {8, 24, 8}, {5, 7, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dms_param p = weight("w", cases[i].out, cases[i].in, cases[i].block);
        size_t len = (size_t)(p.shape[0] * p.shape[1] * 9);
        float *plain = dms_calloc(len, sizeof *plain);
        float *physical = dms_calloc(len, sizeof *plain);
        float *again = dms_calloc(len, sizeof *plain);

        p.len = p.size = len;
        for (size_t k = 0; k < len; k++)
            plain[k] = (float)k;
        dms_param_pack(&p, physical, plain);
        dms_param_unpack(&p, again, physical);
        assert_memory_equal(plain, again, len * sizeof *plain);
        if (cases[i].block == 16 && cases[i].in == 48) {
            /* [O/16][I/16][h][w][16 i][16 o]: next to w[0,0] stands w[1,0] */
            assert_true(physical[1] == plain[48 * 9]);
            assert_true(physical[16] == plain[9]);
        }
        dms_free(plain);
        dms_free(physical);
        dms_free(again);
    }
}

static void
a_tensor_named_twice_is_one_and_other_shapes_are_refused(void **state)
{
    dms_params *params = dms_params_create();
    dms_param a = weight("w", 16, 16, 16), b = weight("w", 16, 32, 16);

    (void)state;
    assert_non_null(dms_params_declare(params, &a));
    assert_non_null(dms_params_declare(params, &a));
    assert_int_equal(params->count, 1);
    assert_null(dms_params_declare(params, &b));
    assert_int_equal(dms_params_allocate(params, true, NULL), DMS_OK);
    b = weight("late", 16, 16, 16);
    assert_null(dms_params_declare(params, &b)); /* the table is closed */
    dms_params_destroy(params);
}

/* A tensor's values depend on the seed and its name, not on its neighbours. */
static void fresh_values_depend_on_seed_and_name_alone(void **state)
{
    float first[16 * 16 * 9];

    (void)state;
    for (int round = 0; round < 2; round++) {
        dms_params *params = dms_params_create();
        dms_param other = weight("other", 16, 16, 1);
        dms_param w = weight("w", 16, 16, round ? 16 : 1);
        float plain[16 * 16 * 9];
        const dms_param *found;

        if (round)
            dms_params_declare(params, &other);
        dms_params_declare(params, &w);
        assert_int_equal(dms_params_allocate(params, false, NULL), DMS_OK);
        assert_int_equal(dms_params_fill(params, 9, NULL), DMS_OK);
        found = dms_params_find(params, "w");
        dms_param_unpack(found, plain, params->value + found->offset);
        if (round)
            assert_memory_equal(plain, first, sizeof first);
        memcpy(first, plain, sizeof first);
        dms_params_destroy(params);
    }
}

static void a_constructor_handed_null_hands_null_on(void **state)
{
    dms_params *params = dms_params_create();
    dms_graph *g = dms_graph_create(params, DMS_RUN_INFERENCE);
    dms_node *x = dms_input(g, (dms_shape){1, 6, 4, 4});

    (void)state;
    x = dms_attention(g, x, x, x, 4); /* 6 channels, 4 heads */
    assert_null(x);
    assert_null(dms_relu(g, dms_linear(g, dms_add(g, x, x), "a", 3)));
    assert_int_equal(g->error.code, DMS_EINVAL);
    assert_non_null(strstr(g->error.message, "6 channels cannot be divided"));
    assert_int_equal(g->count, 1);
    dms_graph_destroy(g);
    dms_params_destroy(params);
}

static size_t count_op(const dms_graph *g, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < g->count; i++)
        count += strcmp(g->nodes[i]->op->name, name) == 0;
    return count;
}

static void relu_is_fused_where_it_is_the_only_reader(void **state)
{
    dms_params *params = dms_params_create();
    dms_graph *g = dms_graph_create(params, DMS_RUN_TRAINING);
    dms_node *x = dms_input(g, (dms_shape){2, 16, 4, 4});
    dms_node *a = dms_batch_norm(g, x, "a", DMS_INIT_ONE);
    dms_node *b = dms_batch_norm(g, dms_relu(g, a), "b", DMS_INIT_ONE);
    dms_node *c = dms_relu(g, b);

    (void)state;
    dms_add(g, b, c); /* b has two readers: its relu stays */
    dms_pass_fuse_relu(g, &dms_op_relu);
    assert_int_equal(count_op(g, "relu"), 1);
    assert_true(a->attr.relu);
    assert_false(b->attr.relu);
    for (size_t i = 0; i < g->count; i++)
        assert_int_equal(g->nodes[i]->index, i);
    dms_graph_destroy(g);
    dms_params_destroy(params);
}

static void a_value_is_reordered_once_for_all_its_readers(void **state)
{
    dms_params *params = dms_params_create();
    dms_graph *g = dms_graph_create(params, DMS_RUN_TRAINING);
    dms_node *x, *y;

    (void)state;
    g->map_layout = DMS_LAYOUT_BLOCKED;
    g->block = 16;
    x = dms_input(g, (dms_shape){2, 3, 8, 8});
    x = dms_conv(g, x, "stem", 32, 3, 1, 1, DMS_INIT_FAN_IN);
    y = dms_spatial_mean(g, x); /* NHWC, as the next */
    y = dms_mul(g, dms_channel_mean(g, x), y);
    assert_non_null(y);
    assert_int_equal(dms_pass_layout(g, &dms_op_reorder, NULL), DMS_OK);
    assert_int_equal(x->layout, DMS_LAYOUT_BLOCKED);
    assert_int_equal(count_op(g, "reorder"), 1);
    dms_graph_destroy(g);
    dms_params_destroy(params);
}

/* y = 2a, a = 2x, dy = k + 1 at k, and da = dy where a is an output too:
 * what x's gradient is then, as a multiple of dy. dead: a node reads a that
 * leads nowhere. */
static float slope(bool also_a, bool dead)
{
    dms_params *params = dms_params_create();
    dms_graph *g = dms_graph_create(params, DMS_RUN_TRAINING);
    dms_node *x = dms_input(g, (dms_shape){2, 16, 1, 1});
    dms_node *a, *y;
    dms_run *run = NULL;
    const float *dx;
    float found;

    x->needs_grad = true;
    a = dms_add(g, x, x);
    y = dms_add(g, a, a);
    if (dead)
        dms_sigmoid(g, a);
    dms_pass_layout(g, &dms_op_reorder, NULL);
    assert_int_equal(dms_params_allocate(params, true, NULL), DMS_OK);
    assert_int_equal(dms_run_create(&run, g, (dms_node *[]){y, a},
                                    also_a ? 2 : 1, NULL, NULL),
                     DMS_OK);
    dx = dms_run_gradient(run, x);
    for (int round = 0; round < 2; round++) {
        memset(dms_run_value(run, x), 0, 32 * sizeof(float));
        assert_int_equal(dms_run_forward(run, 0, NULL), DMS_OK);
        for (int k = 0; k < 32; k++) {
            dms_run_gradient(run, y)[k] = (float)(k + 1);
            if (also_a)
                dms_run_gradient(run, a)[k] = (float)(k + 1);
        }
        assert_int_equal(dms_run_backward(run, NULL), DMS_OK);
        for (int k = 0; k < 32; k++)
            assert_true(dx[k] == dx[0] * (float)(k + 1));
    }
    found = dx[0];
    dms_run_destroy(run);
    dms_graph_destroy(g);
    dms_params_destroy(params);
    return found;
}

static void an_output_that_is_read_too_gets_the_sum(void **state)
{
    (void)state;
    assert_true(slope(false, false) == 4);
    assert_true(slope(true, false) == 6);
}

static void a_node_that_leads_nowhere_has_no_share_of_the_gradient(void **state)
{
    (void)state;
    assert_true(slope(false, true) == 4);
    assert_true(slope(true, true) == 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_alive_together_never_overlap),
        cmocka_unit_test(packing_and_unpacking_give_the_same_tensor),
        cmocka_unit_test(
            a_tensor_named_twice_is_one_and_other_shapes_are_refused),
        cmocka_unit_test(fresh_values_depend_on_seed_and_name_alone),
        cmocka_unit_test(a_constructor_handed_null_hands_null_on),
        cmocka_unit_test(relu_is_fused_where_it_is_the_only_reader),
        cmocka_unit_test(a_value_is_reordered_once_for_all_its_readers),
        cmocka_unit_test(an_output_that_is_read_too_gets_the_sum),
        cmocka_unit_test(
            a_node_that_leads_nowhere_has_no_share_of_the_gradient),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
