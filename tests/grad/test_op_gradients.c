/* Every op's gradient against finite differences.
 *
 * A scene composes an op from random inputs; L = <out, r> for a random r. For
 * each input and each parameter alone, along random directions v:
 *
 *     (L(x + h v) - L(x - h v)) / 2h   against   <dL/dx, v>                 */
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
#include "ops/ops.h"

enum { INPUTS_MAX = 3, SHAPES = 40, CHOSEN_SHAPES = 10, DIRECTIONS = 3 };

/* What a scene is built with: drawn anew for each of SHAPES rounds. */
typedef struct dims {
    int64_t n, c, h, w; /* n even */
} dims;

typedef struct scene {
    const char *name;
    dms_node *(*build)(dms_graph *g, dms_node **in, dms_rng *rng);
    void (*shape)(dms_shape *in, const dims *d); /* NULL: all N x C x H x W */
    int inputs;
    int64_t channels; /* a multiple of which C is */
    dms_layout layout;
    double step;      /* h */
    double tolerance; /* relative */
    bool spaced;      /* inputs far apart and from 0: no kink is crossed */
} scene;

/* --- scenes ------------------------------------------------------------- */

static dms_node *build_conv3(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_conv(g, in[0], "conv", 6, 3, 1, 1, DMS_INIT_FAN_IN);
}

static dms_node *build_conv_stride(dms_graph *g, dms_node **in, dms_rng *rng)
{
    int kernel = 1 + 2 * (int)dms_rng_below(rng, 4);

    return dms_conv(g, in[0], "conv", 16, kernel, 2, 1, DMS_INIT_FAN_IN);
}

static dms_node *build_conv7_to_one(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_conv(g, in[0], "conv", 1, 7, 1, 1, DMS_INIT_FAN_IN);
}

static dms_node *build_depthwise(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_conv(g, in[0], "conv", in[0]->shape.c, 3, 1, (int)in[0]->shape.c,
                    DMS_INIT_FAN_IN);
}

/* The backbone's layouts: plain pixels, then blocked maps. */
static dms_node *build_blocked(dms_graph *g, dms_node **in, dms_rng *rng)
{
    dms_node *x = dms_conv(g, in[0], "stem", 32, 7, 2, 1, DMS_INIT_FAN_IN);

    (void)rng;
    x = dms_batch_norm(g, x, "bn1", DMS_INIT_ONE);
    x = dms_conv(g, x, "conv", 48, 3, 1, 1, DMS_INIT_FAN_IN);
    return dms_conv(g, x, "point", 16, 1, 2, 1, DMS_INIT_FAN_IN);
}

static dms_node *build_batch_norm(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_batch_norm(g, in[0], "bn", DMS_INIT_ONE);
}

static dms_node *build_norm_relu(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_relu(g, dms_batch_norm(g, in[0], "bn", DMS_INIT_ONE));
}

static dms_node *build_blocked_norm_relu(dms_graph *g, dms_node **in,
                                         dms_rng *rng)
{
    dms_node *x = dms_conv(g, in[0], "stem", 16, 3, 1, 1, DMS_INIT_FAN_IN);

    (void)rng;
    return dms_relu(g, dms_batch_norm(g, x, "bn", DMS_INIT_ONE));
}

static dms_node *build_blocked_max_pool(dms_graph *g, dms_node **in,
                                        dms_rng *rng)
{
    (void)rng;
    return dms_max_pool(
        g, dms_conv(g, in[0], "stem", 16, 3, 1, 1, DMS_INIT_FAN_IN));
}

/* A residual block: a value read twice, add and relu in one. */
static dms_node *build_residual(dms_graph *g, dms_node **in, dms_rng *rng)
{
    dms_node *x = dms_conv(g, in[0], "stem", 16, 3, 1, 1, DMS_INIT_FAN_IN);
    dms_node *y = dms_conv(g, x, "conv", 16, 3, 1, 1, DMS_INIT_FAN_IN);

    (void)rng;
    return dms_relu(g, dms_add(g, y, x));
}

static dms_node *build_layer_norm(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_layer_norm(g, in[0], "norm");
}

static dms_node *build_linear(dms_graph *g, dms_node **in, dms_rng *rng)
{
    return dms_linear(g, in[0], "linear", 1 + (int)dms_rng_below(rng, 9));
}

/* One weight read by two nodes. */
static dms_node *build_shared_linear(dms_graph *g, dms_node **in, dms_rng *rng)
{
    dms_node *a = dms_linear(g, in[0], "linear", 5);
    dms_node *b = dms_linear(g, in[1], "linear", 5);

    (void)rng;
    return dms_mul(g, a, b);
}

static dms_node *build_relu(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_relu(g, in[0]);
}

static dms_node *build_sigmoid(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_sigmoid(g, in[0]);
}

static dms_node *build_abs(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_abs(g, in[0]);
}

static dms_node *build_add(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_add(g, in[0], in[1]);
}

static dms_node *build_sub(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_sub(g, in[0], in[1]);
}

static dms_node *build_mul(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_mul(g, in[0], in[1]);
}

static void shape_channel_gate(dms_shape *in, const dims *d)
{
    in[1] = (dms_shape){d->n, d->c, 1, 1};
}

static void shape_position_gate(dms_shape *in, const dims *d)
{
    in[1] = (dms_shape){d->n, 1, d->h, d->w};
}

static dms_node *build_max_pool(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_max_pool(g, in[0]);
}

static dms_node *build_adaptive_pool(dms_graph *g, dms_node **in, dms_rng *rng)
{
    return dms_adaptive_pool(g, in[0], 1 + (int)dms_rng_below(rng, 6));
}

static dms_node *build_upsample(dms_graph *g, dms_node **in, dms_rng *rng)
{
    int64_t h = in[0]->shape.h + (int64_t)dms_rng_below(rng, 9);
    int64_t w = in[0]->shape.w + (int64_t)dms_rng_below(rng, 9);

    return dms_upsample(g, in[0], h, w);
}

static dms_node *build_spatial_mean(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_spatial_mean(g, in[0]);
}

static dms_node *build_spatial_max(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_spatial_max(g, in[0]);
}

static dms_node *build_attention_map(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_attention_map(g, in[0]);
}

/* As in the network, whose map is blocked. */
static dms_node *build_blocked_attention_map(dms_graph *g, dms_node **in,
                                             dms_rng *rng)
{
    dms_node *x = dms_conv(g, in[0], "stem", 16, 3, 1, 1, DMS_INIT_FAN_IN);

    (void)rng;
    return dms_attention_map(g, x);
}

static dms_node *build_channel_mean(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_channel_mean(g, in[0]);
}

static dms_node *build_channel_max(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_channel_max(g, in[0]);
}

static dms_node *build_concat(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_concat(g, in, 3);
}

static void shape_concat(dms_shape *in, const dims *d)
{
    in[1].c = d->c + 1;
    in[2].c = 2;
}

static dms_node *build_attention(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_attention(g, in[0], in[1], in[2], 4);
}

static dms_node *build_swap(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_mul(g, in[0], dms_swap_halves(g, in[0]));
}

static dms_node *build_slices(dms_graph *g, dms_node **in, dms_rng *rng)
{
    int64_t half = in[0]->shape.n / 2;

    (void)rng;
    return dms_sub(g, dms_slice_batch(g, in[0], 0, half),
                   dms_slice_batch(g, in[0], half, half));
}

static dms_node *build_dropout(dms_graph *g, dms_node **in, dms_rng *rng)
{
    (void)rng;
    return dms_dropout(g, in[0], 0.4f);
}

/* --- the check ---------------------------------------------------------- */

typedef struct stage {
    dms_run_mode mode;
    dms_params *params;
    dms_graph *graph;
    dms_backend *backend;
    dms_run *run;
    dms_node *in[INPUTS_MAX];
    dms_node *out;
    float *weights; /* r */
    size_t out_len;
} stage;

static float *random_floats(size_t len, dms_rng *rng)
{
    float *x = dms_calloc(len, sizeof *x);

    assert_non_null(x);
    for (size_t i = 0; i < len; i++)
        x[i] = (float)dms_rng_normal(rng);
    return x;
}

/* A shuffle of evenly spaced values about 0, none of them 0. */
static float *spaced_floats(size_t len, dms_rng *rng)
{
    float *x = dms_calloc(len, sizeof *x);
    size_t *order = dms_calloc(len, sizeof *order);

    assert_non_null(x);
    assert_non_null(order);
    for (size_t i = 0; i < len; i++)
        order[i] = i;
    dms_rng_shuffle(rng, order, len);
    for (size_t i = 0; i < len; i++)
        x[i] = 0.02f * ((float)order[i] - (float)(len / 2) + 0.5f);
    dms_free(order);
    return x;
}

static void describe(stage *s, const scene *sc, const dims *d, dms_rng *rng)
{
    dms_shape shapes[INPUTS_MAX];

    for (int i = 0; i < INPUTS_MAX; i++)
        shapes[i] = (dms_shape){d->n, d->c, d->h, d->w};
    if (sc->shape)
        sc->shape(shapes, d);
    for (int i = 0; i < sc->inputs; i++) {
        s->in[i] = dms_input(s->graph, shapes[i]);
        s->in[i]->layout = sc->layout;
        dms_graph_want_gradient(s->graph, s->in[i]);
    }
    s->out = sc->build(s->graph, s->in, rng);
}

static void stage_init(stage *s, const scene *sc, const dims *d, dms_rng *rng)
{
    dms_rng replay = *rng; /* both builds draw the same choices */
    dms_error err = {0};

    s->params = dms_params_create();
    for (int round = 0; round < 2; round++) {
        s->graph = dms_graph_create(s->params, s->mode);
        s->graph->map_layout = DMS_LAYOUT_BLOCKED;
        s->graph->block = dms_backend_block();
        *rng = replay;
        describe(s, sc, d, rng);
        assert_int_equal(s->graph->error.code, DMS_OK);
        if (round == 0) { /* parameters are known now */
            assert_int_equal(
                dms_params_allocate(
                    s->params, s->mode.gradients == DMS_GRADIENTS_PARAMS, &err),
                DMS_OK);
            dms_graph_destroy(s->graph);
        }
    }
    dms_params_fill(s->params, dms_rng_u64(rng), &err);
    for (size_t i = 0; i < s->params->trained; i++)
        if (s->params->value[i] == 1.0f) /* norms' scales */
            s->params->value[i] = (float)dms_rng_range(rng, 0.5, 1.5);
    dms_pass_fuse_relu(s->graph, &dms_op_relu);
    s->out = s->graph->nodes[s->graph->count - 1];
    assert_int_equal(dms_pass_layout(s->graph, &dms_op_reorder, &err), DMS_OK);
    assert_int_equal(dms_backend_create(&s->backend, &err), DMS_OK);
    assert_int_equal(
        dms_run_create(&s->run, s->graph, &s->out, 1, s->backend, &err),
        DMS_OK);
    s->out_len = dms_shape_len(&s->out->shape);
    s->weights = random_floats(s->out_len, rng);
    for (int i = 0; i < sc->inputs; i++) {
        size_t len = dms_shape_len(&s->in[i]->shape);
        float *x =
            sc->spaced ? spaced_floats(len, rng) : random_floats(len, rng);

        memcpy(dms_run_value(s->run, s->in[i]), x, len * sizeof *x);
        dms_free(x);
    }
}

static void stage_release(stage *s)
{
    dms_run_destroy(s->run);
    dms_backend_destroy(s->backend);
    dms_graph_destroy(s->graph);
    dms_params_destroy(s->params);
    dms_free(s->weights);
}

static double loss(const stage *s)
{
    const float *out;
    double sum = 0;

    assert_int_equal(dms_run_forward(s->run, 7, NULL), DMS_OK);
    out = dms_run_value(s->run, s->out);
    for (size_t i = 0; i < s->out_len; i++)
        sum += (double)out[i] * s->weights[i];
    return sum;
}

/* One tensor, moved along random directions and put back. */
static void check_tensor(const stage *s, const scene *sc, const char *name,
                         float *value, const float *gradient, size_t len,
                         dms_rng *rng)
{
    float *kept = dms_calloc(len, sizeof *kept);
    double norm = 0;

    for (size_t i = 0; i < len; i++)
        norm += (double)gradient[i] * gradient[i];
    memcpy(kept, value, len * sizeof *kept);
    for (int k = 0; k < DIRECTIONS; k++) {
        float *v = random_floats(len, rng);
        double analytic = 0, numeric = 0;

        for (size_t i = 0; i < len; i++)
            analytic += (double)gradient[i] * v[i];
        for (int sign = -1; sign <= 1; sign += 2) {
            for (size_t i = 0; i < len; i++)
                value[i] = kept[i] + (float)(sign * sc->step) * v[i];
            numeric += sign * loss(s);
        }
        numeric /= 2 * sc->step;
        memcpy(value, kept, len * sizeof *kept);
        dms_free(v);
        /* <g, v> is about |g|: what the differences can resolve */
        if (fabs(numeric - analytic) >
            sc->tolerance * (sqrt(norm) + fabs(analytic)) + 1e-4)
            fail_msg("%s: d%s: differences give %g, backward gives %g "
                     "(|gradient| %g)",
                     sc->name, name, numeric, analytic, sqrt(norm));
    }
    dms_free(kept);
}

static void check_scene(const scene *sc, const dims *d, dms_run_mode mode,
                        dms_rng *rng)
{
    stage s = {.mode = mode};
    float *dx[INPUTS_MAX] = {0};
    float *grad;

    stage_init(&s, sc, d, rng);
    loss(&s);
    memcpy(dms_run_gradient(s.run, s.out), s.weights,
           s.out_len * sizeof(float));
    assert_int_equal(dms_run_backward(s.run, NULL), DMS_OK);
    grad = dms_calloc(s.params->trained + 1, sizeof *grad);
    if (s.params->grad)
        memcpy(grad, s.params->grad, s.params->trained * sizeof *grad);
    for (int i = 0; i < sc->inputs; i++) {
        size_t len = dms_shape_len(&s.in[i]->shape);

        dx[i] = dms_calloc(len, sizeof **dx);
        memcpy(dx[i], dms_run_gradient(s.run, s.in[i]), len * sizeof **dx);
    }
    for (int i = 0; i < sc->inputs; i++)
        check_tensor(&s, sc, "input", dms_run_value(s.run, s.in[i]), dx[i],
                     dms_shape_len(&s.in[i]->shape), rng);
    for (size_t i = 0; i < s.params->count; i++) {
        const dms_param *p = &s.params->items[i];

        if (s.params->grad && dms_param_trained(p))
            check_tensor(&s, sc, p->name, s.params->value + p->offset,
                         grad + p->offset, p->len, rng);
    }
    for (int i = 0; i < sc->inputs; i++)
        dms_free(dx[i]);
    dms_free(grad);
    stage_release(&s);
}

#define NHWC DMS_LAYOUT_NHWC
#define NCHW DMS_LAYOUT_NCHW

static const scene scenes[] = {
    {"conv 3x3", build_conv3, NULL, 1, 1, NHWC, 1e-2, 1e-2, false},
    {"conv, stride 2", build_conv_stride, NULL, 1, 16, NHWC, 1e-2, 1e-2, false},
    {"conv 7x7 to one channel", build_conv7_to_one, NULL, 1, 2, NHWC, 1e-2,
     1e-2, false},
    {"depthwise conv", build_depthwise, NULL, 1, 16, NHWC, 1e-2, 1e-2, false},
    {"blocked convs", build_blocked, NULL, 1, 3, NCHW, 3e-3, 2e-2, false},
    {"batch norm", build_batch_norm, NULL, 1, 16, NHWC, 3e-3, 1e-2, false},
    {"batch norm and relu", build_norm_relu, NULL, 1, 16, NHWC, 1e-4, 1e-1,
     false},
    {"blocked batch norm and relu", build_blocked_norm_relu, NULL, 1, 3, NCHW,
     1e-4, 8e-2, false},
    {"blocked max pool", build_blocked_max_pool, NULL, 1, 3, NCHW, 1e-4, 1e-1,
     false},
    {"residual", build_residual, NULL, 1, 3, NCHW, 1e-4, 1e-1, false},
    {"layer norm", build_layer_norm, NULL, 1, 8, NHWC, 3e-3, 1e-2, false},
    {"linear", build_linear, NULL, 1, 1, NHWC, 1e-2, 1e-2, false},
    {"shared linear", build_shared_linear, NULL, 2, 1, NHWC, 3e-3, 1e-2, false},
    {"relu", build_relu, NULL, 1, 1, NHWC, 1e-3, 1e-2, true},
    {"sigmoid", build_sigmoid, NULL, 1, 1, NHWC, 3e-3, 1e-2, false},
    {"abs", build_abs, NULL, 1, 1, NHWC, 1e-3, 1e-2, true},
    {"add", build_add, NULL, 2, 1, NHWC, 1e-2, 1e-2, false},
    {"sub", build_sub, NULL, 2, 1, NHWC, 1e-2, 1e-2, false},
    {"mul", build_mul, NULL, 2, 1, NHWC, 1e-2, 1e-2, false},
    {"mul by channels", build_mul, shape_channel_gate, 2, 2, NHWC, 1e-2, 1e-2,
     false},
    {"mul by positions", build_mul, shape_position_gate, 2, 2, NHWC, 1e-2, 1e-2,
     false},
    {"max pool", build_max_pool, NULL, 1, 16, NHWC, 1e-3, 1e-2, true},
    {"adaptive pool", build_adaptive_pool, NULL, 1, 1, NHWC, 1e-2, 1e-2, false},
    {"upsample", build_upsample, NULL, 1, 1, NHWC, 1e-2, 1e-2, false},
    {"spatial mean", build_spatial_mean, NULL, 1, 1, NHWC, 1e-2, 1e-2, false},
    {"spatial max", build_spatial_max, NULL, 1, 1, NHWC, 1e-3, 1e-2, true},
    {"channel mean", build_channel_mean, NULL, 1, 1, NHWC, 1e-2, 1e-2, false},
    {"channel max", build_channel_max, NULL, 1, 1, NHWC, 1e-3, 1e-2, true},
    {"attention map", build_attention_map, NULL, 1, 1, NHWC, 3e-3, 1e-2, false},
    {"blocked attention map", build_blocked_attention_map, NULL, 1, 3, NCHW,
     3e-3, 1e-2, false},
    {"concat", build_concat, shape_concat, 3, 1, NHWC, 1e-2, 1e-2, false},
    {"attention", build_attention, NULL, 3, 4, NHWC, 3e-3, 1e-2, false},
    {"swap halves", build_swap, NULL, 1, 1, NHWC, 3e-3, 1e-2, false},
    {"slices", build_slices, NULL, 1, 1, NHWC, 1e-2, 1e-2, false},
    {"dropout", build_dropout, NULL, 1, 1, NHWC, 1e-2, 1e-2, false},
};

static void check_scenes(dms_run_mode mode, int rounds)
{
    dms_rng rng = dms_rng_seeded(5);

    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
        for (int round = 0; round < rounds; round++) {
            const scene *sc = &scenes[i];
            dims d = {
                .n = 2 + 2 * (int64_t)dms_rng_below(&rng, 2),
                .c = sc->channels * (1 + (int64_t)dms_rng_below(&rng, 3)),
                .h = 2 + (int64_t)dms_rng_below(&rng, 8),
                .w = 2 + (int64_t)dms_rng_below(&rng, 8),
            };

            if (sc->layout == NCHW)
                d.c = 3, d.h += 6, d.w += 6;
            check_scene(sc, &d, mode, &rng);
        }
}

static void every_op_passes_a_finite_difference_check(void **state)
{
    (void)state;
    check_scenes(DMS_RUN_TRAINING, SHAPES);
}

/* Of the inputs alone, by running and by the batch's statistics. */
static void chosen_gradients_pass_it_without_the_parameters(void **state)
{
    (void)state;
    check_scenes(
        (dms_run_mode){.gradients = DMS_GRADIENTS_NODES, .dropout = true},
        CHOSEN_SHAPES);
    check_scenes((dms_run_mode){.gradients = DMS_GRADIENTS_NODES,
                                .statistics = DMS_STATISTICS_BATCH},
                 CHOSEN_SHAPES);
}

/* --- what differences cannot see: ties and zero -------------------------- */

/* Forward and backward of a one-input scene on given numbers, dy = 1. */
static void run_once(const scene *sc, const dims *d, const float *x, float *dx)
{
    stage s = {.mode = DMS_RUN_TRAINING};
    dms_rng rng = dms_rng_seeded(1);
    size_t len = (size_t)(d->n * d->c * d->h * d->w);

    stage_init(&s, sc, d, &rng);
    memcpy(dms_run_value(s.run, s.in[0]), x, len * sizeof *x);
    loss(&s);
    for (size_t i = 0; i < s.out_len; i++)
        dms_run_gradient(s.run, s.out)[i] = 1;
    assert_int_equal(dms_run_backward(s.run, NULL), DMS_OK);
    memcpy(dx, dms_run_gradient(s.run, s.in[0]), len * sizeof *dx);
    stage_release(&s);
}

static void equal_maxima_share_the_gradient(void **state)
{
    static const scene over_positions = {
        "spatial max", build_spatial_max, NULL, 1, 1, NHWC, 0, 0, false};
    static const scene over_channels = {
        "channel max", build_channel_max, NULL, 1, 1, NHWC, 0, 0, false};
    static const float x[] = {3, 1, 3, 3};
    static const float third[] = {1.0f / 3, 0, 1.0f / 3, 1.0f / 3};
    dims positions = {1, 1, 2, 2}, channels = {1, 4, 1, 1};
    float dx[4];

    (void)state;
    run_once(&over_positions, &positions, x, dx);
    assert_memory_equal(dx, third, sizeof third);
    run_once(&over_channels, &channels, x, dx);
    assert_memory_equal(dx, third, sizeof third);
}

static void an_image_of_zeros_has_no_attention_and_no_gradient(void **state)
{
    static const scene map_scene = {
        "attention map", build_attention_map, NULL, 1, 1, NHWC, 0, 0, false};
    static const float x[8] = {0}, none[8] = {0};
    dims d = {1, 2, 2, 2};
    float dx[8] = {1};

    (void)state;
    run_once(&map_scene, &d, x, dx);
    assert_memory_equal(dx, none, sizeof none);
}

static void the_slope_of_abs_at_zero_is_zero(void **state)
{
    static const scene abs_scene = {"abs", build_abs, NULL, 1,    1,
                                    NHWC,  0,         0,    false};
    static const float x[] = {-2, 0, 5}, slope[] = {-1, 0, 1};
    dims d = {1, 3, 1, 1};
    float dx[3];

    (void)state;
    run_once(&abs_scene, &d, x, dx);
    assert_memory_equal(dx, slope, sizeof slope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_op_passes_a_finite_difference_check),
        cmocka_unit_test(chosen_gradients_pass_it_without_the_parameters),
        cmocka_unit_test(equal_maxima_share_the_gradient),
        cmocka_unit_test(an_image_of_zeros_has_no_attention_and_no_gradient),
        cmocka_unit_test(the_slope_of_abs_at_zero_is_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
