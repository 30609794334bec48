/* Gradients of chosen nodes: of a network's places, of any node of any graph.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "graph/run.h"
#include "mode_rig.h"
#include "ops/ops.h"

static float *gradient_of(rig *r, dms_net_place place, size_t *len)
{
    dms_shape shape = dms_net_place_shape(r->net, place);
    float *gradient;

    *len = dms_shape_len(&shape);
    gradient = dms_calloc(*len, sizeof *gradient);
    dms_net_read_gradient(gradient, r->net, place);
    return gradient;
}

/* --- gradients ------------------------------------------------------------ */

static void a_pixels_gradient_is_the_slope_of_the_logits(void **state)
{
    const double step = 1e-4; /* few kinks are crossed */
    dms_net_options options = explaining(DMS_PLACE_IMAGES);
    size_t len, area = SIZE * SIZE;
    float *gradient, *direction, *pixels;
    double analytic = 0, numeric = 0, norm = 0;
    rig r = {0};

    (void)state;
    rig_init(&r, &options);
    loss(&r);
    go_back(&r);
    gradient = gradient_of(&r, DMS_PLACE_IMAGES, &len);
    direction = dms_calloc(len, sizeof *direction);
    fill(direction, 5, len);
    pixels = dms_net_images(r.net);
    for (size_t i = 0; i < len; i++) { /* N x H x W x C beside N x C x H x W */
        size_t n = i / (3 * area), p = i / 3 % area, c = i % 3;

        analytic += (double)gradient[i] * direction[(n * 3 + c) * area + p];
        norm += (double)gradient[i] * gradient[i];
    }
    for (int sign = -1; sign <= 1; sign += 2) {
        for (size_t i = 0; i < len; i++)
            pixels[i] += (float)(sign == -1 ? -step : 2 * step) * direction[i];
        numeric += sign * loss(&r) / (2 * step);
    }
    if (fabs(analytic - numeric) > 0.02 * (sqrt(norm) + fabs(analytic)))
        fail_msg("differences give %g, backward %g, |gradient| %g", numeric,
                 analytic, sqrt(norm));
    assert_true(norm > 0);
    dms_free(direction);
    dms_free(gradient);
    rig_release(&r);
}

/* Each place alone and all in one run; and beside the parameters' gradients. */
static void a_gradient_is_the_same_whatever_else_is_asked_for(void **state)
{
    dms_net_options all = explaining(DMS_PLACE_IMAGES), trained;
    rig together = {0}, training = {0};

    (void)state;
    for (int i = 0; i < DMS_NET_PLACES; i++)
        all.gradient_of[i] = true;
    trained = all;
    trained.mode.gradients = DMS_GRADIENTS_PARAMS;
    rig_init(&together, &all);
    rig_init(&training, &trained);
    loss(&together);
    loss(&training);
    go_back(&together);
    go_back(&training);
    for (int i = 0; i < DMS_NET_PLACES; i++) {
        dms_net_place place = (dms_net_place)i;
        dms_net_options one = explaining(place);
        rig alone = {0};
        float *a, *b, *c;
        size_t len;

        rig_init(&alone, &one);
        loss(&alone);
        go_back(&alone);
        a = gradient_of(&alone, place, &len);
        b = gradient_of(&together, place, &len);
        c = gradient_of(&training, place, &len);
        assert_true(distance(a, b, len) < 1e-4);
        assert_true(distance(a, c, len) < 1e-4);
        dms_free(a);
        dms_free(b);
        dms_free(c);
        rig_release(&alone);
    }
    rig_release(&together);
    rig_release(&training);
}

static void the_head_of_a_divided_net_has_the_gradient_of_its_map(void **state)
{
    dms_net_options whole = explaining(DMS_PLACE_MAP);
    dms_net_options head = explaining(DMS_PLACE_MAP);
    dms_net_options to_map = {.patients = PATIENTS, .part = DMS_NET_TO_MAP};
    dms_architecture arch = small();
    rig a = {0}, b = {0}, c = {0};
    float *of_whole, *of_head;
    size_t len;

    (void)state;
    head.part = DMS_NET_FROM_MAP;
    rig_init(&a, &whole);
    rig_init(&b, &head);
    rig_init(&c, &to_map);
    go_forward(&c, 0);
    memcpy(dms_net_map(b.net), dms_net_map(c.net),
           2 * PATIENTS * dms_net_map_bytes(&arch, DMS_TYPE_F32));
    loss(&a);
    loss(&b);
    go_back(&a);
    go_back(&b);
    of_whole = gradient_of(&a, DMS_PLACE_MAP, &len);
    of_head = gradient_of(&b, DMS_PLACE_MAP, &len);
    assert_true(distance(of_head, of_whole, len) < 1e-5);
    dms_free(of_whole);
    dms_free(of_head);
    rig_release(&a);
    rig_release(&b);
    rig_release(&c);
}

static size_t memory_of(dms_net_options options)
{
    rig r = {0};
    size_t bytes;

    rig_init(&r, &options);
    bytes = dms_net_memory(r.net);
    rig_release(&r);
    return bytes;
}

static void only_the_way_from_logits_to_target_is_kept(void **state)
{
    size_t training = memory_of(
        (dms_net_options){.patients = PATIENTS, .mode = DMS_RUN_TRAINING});
    dms_run_map map = {0};
    dms_net_options options = explaining(DMS_PLACE_MAP);
    rig r = {0};

    (void)state;
    /* the weights in the kernels' order are the run's own: 47 MB */
    assert_true(memory_of(explaining(DMS_PLACE_IMAGES)) <
                training + (50 << 20));
    rig_init(&r, &options);
    assert_int_equal(dms_net_memory_map(&map, r.net, NULL), DMS_OK);
    for (size_t i = 0; i < map.count; i++) {
        const dms_run_buffer *b = &map.buffers[i];
        bool backbone = strncmp(b->node->part, "st", 2) == 0;

        if (backbone && strstr(b->what, "gradient"))
            assert_true(b->node->wanted); /* that of the map itself */
        if (backbone && b->plan.last >= map.forward_steps)
            assert_true(b->node->wanted || b->node->in_count == 0);
    }
    dms_run_map_release(&map);
    rig_release(&r);
}

static size_t arena_of(dms_net_options options)
{
    dms_run_map map = {0};
    rig r = {0};
    size_t bytes;

    rig_init(&r, &options);
    assert_int_equal(dms_net_memory_map(&map, r.net, NULL), DMS_OK);
    bytes = map.arena_size;
    dms_run_map_release(&map);
    rig_release(&r);
    return bytes;
}

static void a_target_takes_less_memory_than_training(void **state)
{
    size_t inference = arena_of((dms_net_options){.patients = PATIENTS});
    size_t map = arena_of(explaining(DMS_PLACE_MAP));
    size_t images = arena_of(explaining(DMS_PLACE_IMAGES));
    size_t training = arena_of(
        (dms_net_options){.patients = PATIENTS, .mode = DMS_RUN_TRAINING});

    (void)state;
    print_message("arenas: inference %zu, map %zu, images %zu, training %zu\n",
                  inference, map, images, training);
    assert_true(inference <= map && map < images);
    assert_true(images < 0.7 * (double)training);
    assert_true(map < 0.3 * (double)training);
}

static void made_again_instead_of_kept_it_is_the_same_bits(void **state)
{
    dms_net_options options = explaining(DMS_PLACE_IMAGES);
    rig kept = {0}, again = {0};
    float *a, *b;
    size_t len;

    (void)state;
    rig_init(&kept, &options);
    options.recompute = true;
    rig_init(&again, &options);
    loss(&kept);
    loss(&again);
    go_back(&kept);
    go_back(&again);
    a = gradient_of(&kept, DMS_PLACE_IMAGES, &len);
    b = gradient_of(&again, DMS_PLACE_IMAGES, &len);
    assert_memory_equal(a, b, len * sizeof *a);
    dms_free(a);
    dms_free(b);
    rig_release(&kept);
    rig_release(&again);
}

static void steps_of_a_chosen_gradient_allocate_nothing(void **state)
{
    dms_net_options options = explaining(DMS_PLACE_IMAGES);
    rig r = {0};
    size_t before;

    (void)state;
    rig_init(&r, &options);
    before = dms_alloc_count();
    for (int i = 0; i < 2; i++) {
        go_forward(&r, 0);
        go_back(&r);
    }
    assert_int_equal(dms_alloc_count(), before);
    rig_release(&r);
}

static void changed_weights_reach_a_chosen_gradient(void **state)
{
    dms_net_options options = explaining(DMS_PLACE_IMAGES);
    rig r = {0};
    float *first, *second, *third;
    size_t len;

    (void)state;
    rig_init(&r, &options);
    loss(&r);
    go_back(&r);
    first = gradient_of(&r, DMS_PLACE_IMAGES, &len);
    for (size_t i = 0; i < r.params->trained; i++)
        r.params->value[i] *= 1.125f;
    dms_net_weights_changed(r.net);
    loss(&r);
    go_back(&r);
    second = gradient_of(&r, DMS_PLACE_IMAGES, &len);
    for (size_t i = 0; i < r.params->trained; i++)
        r.params->value[i] /= 1.125f;
    dms_net_weights_changed(r.net);
    loss(&r);
    go_back(&r);
    third = gradient_of(&r, DMS_PLACE_IMAGES, &len);
    assert_true(distance(second, first, len) > 0.1);
    assert_true(distance(third, first, len) < 1e-5);
    dms_free(first);
    dms_free(second);
    dms_free(third);
    rig_release(&r);
}

/* --- any node of any graph --------------------------------------------------
 */

enum { LEN = 16, NODES = 14 };

typedef struct web {
    dms_graph *graph;
    dms_params *params;
    dms_run *run;
    dms_node *node[NODES];
    int kind[NODES], a[NODES], b[NODES]; /* 0: input; +, -, sigmoid */
} web;

/* Two inputs, then sums, differences and sigmoids of what stands before; the
 * last is the output. */
static void weave(web *w, uint64_t seed, const bool *wanted)
{
    dms_rng rng = dms_rng_seeded(seed);

    w->params = dms_params_create();
    w->graph = dms_graph_create(
        w->params, (dms_run_mode){.gradients = DMS_GRADIENTS_NODES});
    assert_int_equal(dms_params_allocate(w->params, false, NULL), DMS_OK);
    for (int i = 0; i < NODES; i++) {
        if (i < 2) {
            w->kind[i] = 0;
            w->node[i] = dms_input(w->graph, (dms_shape){1, LEN, 1, 1});
            continue;
        }
        w->kind[i] = 1 + (int)dms_rng_below(&rng, 3);
        w->a[i] = i - 1 - (int)dms_rng_below(&rng, i < 4 ? 2 : 3);
        w->b[i] = (int)dms_rng_below(&rng, (uint64_t)i);
        if (w->kind[i] == 3)
            w->node[i] = dms_sigmoid(w->graph, w->node[w->a[i]]);
        else
            w->node[i] = (w->kind[i] == 1 ? dms_add : dms_sub)(
                w->graph, w->node[w->a[i]], w->node[w->b[i]]);
    }
    for (int i = 0; i < NODES; i++)
        if (wanted[i])
            dms_graph_want_gradient(w->graph, w->node[i]);
    assert_int_equal(dms_pass_layout(w->graph, &dms_op_reorder, NULL), DMS_OK);
    assert_int_equal(
        dms_run_create(&w->run, w->graph, &w->node[NODES - 1], 1, NULL, NULL),
        DMS_OK);
    for (int i = 0; i < 2; i++)
        fill(dms_run_value(w->run, w->node[i]), 10 + seed + (uint64_t)i, LEN);
    assert_int_equal(dms_run_forward(w->run, 0, NULL), DMS_OK);
}

static void unravel(web *w)
{
    dms_run_destroy(w->run);
    dms_graph_destroy(w->graph);
    dms_params_destroy(w->params);
}

/* dL/d(every node) at one place, L = the output there. */
static void by_the_chain_rule(double *d, const web *w, int k)
{
    double y[NODES];

    for (int i = 0; i < NODES; i++) {
        d[i] = i == NODES - 1;
        if (w->kind[i] == 0)
            y[i] = dms_run_value(w->run, w->node[i])[k];
        else if (w->kind[i] == 3)
            y[i] = 1 / (1 + exp(-y[w->a[i]]));
        else
            y[i] = y[w->a[i]] + (w->kind[i] == 1 ? 1 : -1) * y[w->b[i]];
    }
    for (int i = NODES; i-- > 0;) {
        if (w->kind[i] == 0)
            continue;
        d[w->a[i]] += w->kind[i] == 3 ? d[i] * y[i] * (1 - y[i]) : d[i];
        if (w->kind[i] != 3)
            d[w->b[i]] += w->kind[i] == 1 ? d[i] : -d[i];
    }
}

static void check_web(uint64_t seed, const bool *wanted)
{
    web w = {0};
    bool leads_out[NODES] = {[NODES - 1] = true};

    weave(&w, seed, wanted);
    for (int i = NODES; i-- > 0;)
        if (leads_out[i] && w.kind[i] != 0) {
            leads_out[w.a[i]] = true;
            leads_out[w.b[i]] |= w.kind[i] != 3;
        }
    if (dms_run_gradient(w.run, w.node[NODES - 1]))
        for (int k = 0; k < LEN; k++)
            dms_run_gradient(w.run, w.node[NODES - 1])[k] = 1;
    assert_int_equal(dms_run_backward(w.run, NULL), DMS_OK);
    for (int i = 0; i < NODES; i++) {
        const float *got = dms_run_gradient(w.run, w.node[i]);

        if (!wanted[i])
            continue;
        assert_int_equal(got != NULL, leads_out[i]);
        for (int k = 0; got && k < LEN; k++) {
            double d[NODES];

            by_the_chain_rule(d, &w, k);
            if (fabs(got[k] - d[i]) > 1e-4 * (1 + fabs(d[i])))
                fail_msg("graph %d, node %d: %g, the chain rule gives %g",
                         (int)seed, i, (double)got[k], d[i]);
        }
    }
    unravel(&w);
}

static void any_node_of_a_graph_can_be_the_target(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        bool all[NODES];

        for (int i = 0; i < NODES; i++) {
            bool one[NODES] = {false};

            one[i] = all[i] = true;
            check_web(seed, one);
        }
        check_web(seed, all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pixels_gradient_is_the_slope_of_the_logits),
        cmocka_unit_test(a_gradient_is_the_same_whatever_else_is_asked_for),
        cmocka_unit_test(the_head_of_a_divided_net_has_the_gradient_of_its_map),
        cmocka_unit_test(only_the_way_from_logits_to_target_is_kept),
        cmocka_unit_test(a_target_takes_less_memory_than_training),
        cmocka_unit_test(made_again_instead_of_kept_it_is_the_same_bits),
        cmocka_unit_test(steps_of_a_chosen_gradient_allocate_nothing),
        cmocka_unit_test(changed_weights_reach_a_chosen_gradient),
        cmocka_unit_test(any_node_of_a_graph_can_be_the_target),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
