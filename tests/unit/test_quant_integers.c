/* A quantised network's integers, node by node, against plain loops: exact sums
 * of integers, one factor, the nearest integer, cut off at the ends. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/alloc.h"
#include "ops/ops.h"
#include "quant_net.h"

enum { NODES_MAX = 512 };

/* What each node has made, as it made it. */
typedef struct witness {
    int block;
    float *made[NODES_MAX]; /* N x H x W x C, integers in units of 1 */
} witness;

static void see(void *user, const dms_node *node, void *y)
{
    witness *w = user;
    size_t len = dms_shape_len(&node->shape);
    float *plain = w->made[node->index];

    assert_true(node->index < NODES_MAX);
    if (!plain)
        plain = w->made[node->index] = dms_calloc(len, sizeof *plain);
    assert_non_null(plain);
    dms_value_read(plain, node, y, w->block);
    for (size_t i = 0; i < len && dms_type_is_integer(node->type); i++)
        plain[i] = rintf(plain[i] / node->scale);
}

/* What an integer sum at channel o counts in, and what is added to it. */
static void affine(double *unit, double *bias, const dms_node *node,
                   const dms_params *params, int64_t o)
{
    const dms_param *weight = &params->items[node->param[0]];
    double k = 1, b = 0;

    if (node->attr.bias)
        b = (double)dms_param_value(params, node->param[1])[o];
    if (node->attr.norm) {
        const size_t *row = &node->param[node->param_count - 4];
        double gamma = (double)dms_param_value(params, row[0])[o];
        double beta = (double)dms_param_value(params, row[1])[o];
        double mean = (double)dms_param_value(params, row[2])[o];
        double variance = (double)dms_param_value(params, row[3])[o];

        k = gamma / sqrt(variance + 1e-5);
        b = (b - mean) * k + beta;
    }
    *unit = k * (double)node->in[0]->scale *
            (double)dms_param_value(params, weight->scale[0])[o];
    *bias = b;
}

/* sum of w * x around (y, x) of image n, exactly. */
static int64_t sum_of_products(const dms_node *node, const float *x,
                               const int8_t *w, const int64_t at[3])
{
    const dms_shape *in = &node->in[0]->shape;
    int side = node->attr.kernel;
    int64_t sum = 0;

    for (int i = 0; i < side; i++)
        for (int j = 0; j < side; j++) {
            int64_t row = at[1] * node->attr.stride + i - side / 2;
            int64_t column = at[2] * node->attr.stride + j - side / 2;
            const float *pixel =
                x + ((at[0] * in->h + row) * in->w + column) * in->c;

            if (row < 0 || row >= in->h || column < 0 || column >= in->w)
                continue;
            for (int64_t c = 0; c < in->c; c++)
                sum += (int32_t)pixel[c] * w[(c * side + i) * side + j];
        }
    return sum;
}

typedef struct tally {
    size_t nodes, integer, mixed_sums; /* mixed: s8 added to what is u8 */
    size_t reorders;
    size_t numbers, off;
} tally;

static void check_number(tally *t, const dms_node *node, double value,
                         double found)
{
    double wanted = value;

    if (node->attr.relu)
        wanted = fmax(wanted, 0);
    if (dms_type_is_integer(node->type)) {
        double low = node->type == DMS_TYPE_U8 ? 0 : -128;

        wanted /= (double)node->scale;
        wanted = rint(fmin(fmax(wanted, low), low + 255));
        t->off += wanted != found;
        if (!(fabs(wanted - found) <= 1))
            fail_msg("node %zu: %g, expected %g", node->index, found, wanted);
    } else if (!(fabs(wanted - found) <= 5e-6 * (1 + fabs(wanted)))) {
        fail_msg("node %zu: %g, expected %g", node->index, found, wanted);
    }
    t->numbers++;
}

/* The node's output at some positions, every one of a small map. */
static void check_node(tally *t, const witness *w, const dms_node *node,
                       const dms_params *params)
{
    const dms_param *weight = &params->items[node->param[0]];
    const dms_node *term = node->attr.sum ? node->in[node->in_count - 1] : NULL;
    double term_unit =
        term && dms_type_is_integer(term->type) ? (double)term->scale : 1;
    int64_t row = (int64_t)weight->len / node->shape.c;
    int64_t positions = node->shape.n * node->shape.h * node->shape.w;

    for (int64_t o = 0; o < node->shape.c; o++) {
        double unit, bias;

        affine(&unit, &bias, node, params, o);
        for (int64_t p = o % 5; p < positions; p += 1 + positions / 16) {
            int64_t area = node->shape.h * node->shape.w;
            int64_t at[] = {p / area, p % area / node->shape.w,
                            p % node->shape.w};
            size_t place = (size_t)(p * node->shape.c + o);
            double sum =
                (double)sum_of_products(node, w->made[node->in[0]->index],
                                        weight->integers + o * row, at);

            sum = unit * sum + bias;
            if (term)
                sum += term_unit * (double)w->made[term->index][place];
            check_number(t, node, sum, (double)w->made[node->index][place]);
        }
    }
    t->nodes++;
    t->integer += dms_type_is_integer(node->type);
    t->mixed_sums += term && term->type == DMS_TYPE_S8;
}

/* A value brought into integers, or back. */
static void check_reorder(tally *t, const witness *w, const dms_node *node)
{
    const dms_node *in = node->in[0];
    const float *x = w->made[in->index], *y = w->made[node->index];
    double unit = dms_type_is_integer(in->type) ? (double)in->scale : 1;

    if (!dms_type_is_integer(node->type) && !dms_type_is_integer(in->type))
        return;
    for (size_t i = 0; i < dms_shape_len(&node->shape); i++)
        check_number(t, node, unit * (double)x[i], (double)y[i]);
    t->reorders++;
}

static tally check_net(const quant_net *q, int patients, int size)
{
    tally t = {0};
    dms_error err = {0};
    dms_net *net = quant_net_make(
        q, q->table.params,
        &(dms_net_options){.patients = patients, .size = size, .int8 = true});
    const dms_graph *graph = dms_net_graph(net);
    witness w = {.block = graph->block};

    quant_net_show(net, 77, patients, size);
    dms_net_observe(net, see, &w);
    quant_net_ok(dms_net_forward(net, 0, &err), &err);
    for (size_t i = 0; i < graph->count; i++) {
        if (graph->nodes[i]->attr.quantised)
            check_node(&t, &w, graph->nodes[i], q->table.params);
        else if (graph->nodes[i]->op == &dms_op_reorder)
            check_reorder(&t, &w, graph->nodes[i]);
    }
    dms_net_destroy(net);
    for (size_t i = 0; i < NODES_MAX; i++)
        dms_free(w.made[i]);
    /* halves that round the other way are rare */
    assert_true(t.off * 5000 <= t.numbers);
    return t;
}

static void each_convolution_is_the_exact_sum_rounded(void **state)
{
    static const struct {
        int patients, size;
    } cases[] = {{1, 64}, {1, 33}, {2, 47}, {5, 64}, {1, 97}, {2, 100}};
    quant_net q;

    (void)state;
    if (!dms_net_has_type(DMS_TYPE_U8))
        skip();
    quant_net_init(&q, DMS_BACKBONE_RESNET18, 64);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tally t = check_net(&q, cases[i].patients, cases[i].size);

        assert_in_range(t.nodes, 19, 32);
        assert_in_range(t.integer, 18, t.nodes);
        assert_int_equal(t.mixed_sums, 3);
        assert_in_range(t.reorders, 2, 4);
    }
    quant_net_release(&q);
}

static void bottlenecks_too(void **state)
{
    quant_net q;

    (void)state;
    if (!dms_net_has_type(DMS_TYPE_U8))
        skip();
    quant_net_init(&q, DMS_BACKBONE_RESNET50, 64);
    assert_in_range(check_net(&q, 1, 64).nodes, 52, 70);
    quant_net_release(&q);
}

static void layers_kept_in_float_leave_the_others_right(void **state)
{
    static const char *const kept[] = {"backbone.layer1.0.conv2.weight",
                                       "backbone.layer2.0.downsample.0.weight",
                                       "backbone.layer3.0.conv1.weight",
                                       "backbone.layer4.1.conv2.weight"};
    quant_net q;
    size_t all;

    (void)state;
    if (!dms_net_has_type(DMS_TYPE_U8))
        skip();
    quant_net_init(&q, DMS_BACKBONE_RESNET18, 64);
    all = check_net(&q, 1, 64).nodes;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        quant_net_layer(&q, kept[i])->kept = true;
        quant_net_remake(&q);
        assert_int_equal(check_net(&q, 2, 64).nodes, all - i - 1);
    }
    quant_net_release(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_convolution_is_the_exact_sum_rounded),
        cmocka_unit_test(bottlenecks_too),
        cmocka_unit_test(layers_kept_in_float_leave_the_others_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
