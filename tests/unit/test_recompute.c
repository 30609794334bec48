/* Activations made again instead of kept: the same bits from less memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "data/labels.h"
#include "net/dmsnet.h"

enum { K = DMS_ODIR_LABELS };

typedef struct rig {
    dms_params *params;
    dms_net *net;
    int patients;
} rig;

static bool trains(const dms_net_options *options)
{
    return options->mode.gradients == DMS_GRADIENTS_PARAMS;
}

/* frozen: the prefix of rows that are; NULL: none. */
static void rig_init_frozen(rig *r, dms_backbone backbone, const char *frozen,
                            const dms_net_options *options)
{
    dms_architecture arch = dms_architecture_default();
    dms_error err = {0};

    arch.backbone = backbone;
    arch.width = 32;
    r->patients = options->patients;
    r->params = dms_params_create();
    assert_int_equal(
        dms_net_declare(r->params, &arch, trains(options), false, NULL),
        DMS_OK);
    if (frozen)
        assert_true(dms_params_freeze(r->params, frozen) > 0);
    assert_int_equal(dms_params_allocate(r->params, trains(options), NULL),
                     DMS_OK);
    if (dms_net_create(&r->net, &arch, r->params, options, &err) != DMS_OK)
        fail_msg("%s", err.message);
}

static void rig_init(rig *r, dms_backbone backbone,
                     const dms_net_options *options)
{
    rig_init_frozen(r, backbone, NULL, options);
}

static void rig_release(rig *r)
{
    dms_net_destroy(r->net);
    dms_params_destroy(r->params);
}

static void fill(float *values, uint64_t seed, size_t len)
{
    dms_rng rng = dms_rng_seeded(seed);

    for (size_t i = 0; i < len; i++)
        values[i] = (float)dms_rng_normal(&rng);
}

static void go_forward(rig *r, int size, uint64_t seed)
{
    size_t pixels = (size_t)(r->patients * 2 * 3 * size * size);

    fill(dms_net_images(r->net), seed, pixels);
    assert_int_equal(dms_net_forward(r->net, seed, NULL), DMS_OK);
}

static void go_back(rig *r)
{
    size_t cells = (size_t)(r->patients * K);

    fill(dms_net_patient_gradient(r->net), 7, cells);
    fill(dms_net_eye_gradient(r->net), 8, 2 * cells);
    assert_int_equal(dms_net_backward(r->net, NULL), DMS_OK);
}

static void assert_same(const char *what, const char *name, const float *a,
                        const float *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0)
            fail_msg("%s of %s at %zu: %.9g kept, %.9g made again", what, name,
                     i, (double)a[i], (double)b[i]);
}

/* Gradients and statistics, the count of batches among them. */
static void assert_same_params(const char *what, const rig *a, const rig *b)
{
    for (size_t i = 0; i < a->params->count; i++) {
        const dms_param *p = &a->params->items[i];

        assert_same(what, p->name, a->params->value + p->offset,
                    b->params->value + p->offset, p->len);
        if (dms_param_trained(p))
            assert_same(what, p->name, a->params->grad + p->offset,
                        b->params->grad + p->offset, p->len);
    }
}

/* A small step down the gradient: the weights change from step to step. */
static void descend(rig *r)
{
    for (size_t i = 0; i < r->params->trained; i++)
        r->params->value[i] -= 1e-5f * r->params->grad[i];
}

static void step_both(rig *kept, rig *again, int size, const char *what)
{
    size_t cells = (size_t)(kept->patients * K);

    for (uint64_t step = 0; step < 2; step++) {
        go_forward(kept, size, step);
        go_forward(again, size, step);
        assert_same(what, "logits", dms_net_patient_logits(kept->net),
                    dms_net_patient_logits(again->net), cells);
        assert_same(what, "eye logits", dms_net_eye_logits(kept->net),
                    dms_net_eye_logits(again->net), 2 * cells);
        go_back(kept);
        go_back(again);
        assert_same_params(what, kept, again);
        descend(kept);
        descend(again);
    }
}

/* Two steps; the memory that the second way takes, as a share of the first's.*/
static double compare_frozen(dms_backbone backbone, const char *frozen,
                             dms_net_options options)
{
    rig kept = {0}, again = {0};
    char what[96];
    double share;

    snprintf(what, sizeof what, "backbone %d, %d px, type %d, frozen %s",
             (int)backbone, options.size, (int)options.type,
             frozen ? frozen : "none");
    options.mode = DMS_RUN_TRAINING;
    options.dropout = 0.3f;
    rig_init_frozen(&kept, backbone, frozen, &options);
    options.recompute = true;
    rig_init_frozen(&again, backbone, frozen, &options);
    assert_int_equal(dms_params_fill(kept.params, 3, NULL), DMS_OK);
    memcpy(again.params->value, kept.params->value,
           kept.params->total * sizeof(float));
    step_both(&kept, &again, options.size, what);
    share =
        (double)dms_net_memory(again.net) / (double)dms_net_memory(kept.net);
    rig_release(&kept);
    rig_release(&again);
    return share;
}

static double compare(dms_backbone backbone, dms_net_options options)
{
    return compare_frozen(backbone, NULL, options);
}

static void every_bit_of_resnet18_is_the_same(void **state)
{
    (void)state;
    compare(DMS_BACKBONE_RESNET18,
            (dms_net_options){.patients = 3, .size = 64});
    compare(DMS_BACKBONE_RESNET18,
            (dms_net_options){.patients = 2, .size = 45});
}

static void resnet50_is_the_same_in_two_fifths_of_the_memory(void **state)
{
    double share = compare(DMS_BACKBONE_RESNET50,
                           (dms_net_options){.patients = 2, .size = 71});

    (void)state;
    if (share > 0.4)
        fail_msg("%.3f of the memory", share);
}

static void every_bit_is_the_same_in_bf16(void **state)
{
    dms_net_options options = {
        .patients = 2, .size = 64, .type = DMS_TYPE_BF16};

    (void)state;
    if (!dms_net_has_type(DMS_TYPE_BF16))
        skip();
    compare(DMS_BACKBONE_RESNET18, options);
    options.size = 39;
    compare(DMS_BACKBONE_RESNET50, options);
}

/* Nothing of it is kept in any case. */
static void with_a_frozen_backbone_nothing_changes(void **state)
{
    double share = compare_frozen(DMS_BACKBONE_RESNET18, "backbone.",
                                  (dms_net_options){.patients = 2, .size = 64});

    (void)state;
    assert_true(share == 1);
}

static void steps_allocate_nothing(void **state)
{
    dms_net_options options = {
        .patients = 2, .size = 64, .mode = DMS_RUN_TRAINING, .recompute = true};
    rig r = {0};
    size_t before;

    (void)state;
    rig_init(&r, DMS_BACKBONE_RESNET18, &options);
    before = dms_alloc_count();
    for (uint64_t step = 0; step < 2; step++) {
        go_forward(&r, options.size, step);
        go_back(&r);
    }
    assert_int_equal(dms_alloc_count(), before);
    rig_release(&r);
}

static bool overlap(const dms_buffer *a, const dms_buffer *b)
{
    return a->first <= b->last && b->first <= a->last &&
           a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

static void check_map(const dms_run_map *map)
{
    size_t used = 0, live = 0;

    for (size_t i = 0; i < map->count; i++) {
        const dms_run_buffer *x = &map->buffers[i];
        const dms_buffer *a = &x->plan;

        assert_true(a->first <= a->last && a->last <= map->steps);
        assert_int_equal(a->offset % 64, 0);
        if (a->offset + a->size > used)
            used = a->offset + a->size;
        if (a->first <= map->peak_step && map->peak_step <= a->last)
            live += a->size;
        for (size_t j = 0; j < i; j++)
            if (overlap(a, &map->buffers[j].plan))
                fail_msg("%s of node %zu and %s of node %zu overlap", x->what,
                         x->node->index, map->buffers[j].what,
                         map->buffers[j].node->index);
    }
    assert_int_equal(used, map->arena_size);
    assert_int_equal(live, map->peak_live);
}

static void no_two_buffers_alive_at_once_overlap(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        dms_net_options options = {.patients = 2,
                                   .size = 64,
                                   .mode = i > 0 ? DMS_RUN_TRAINING
                                                 : DMS_RUN_INFERENCE,
                                   .recompute = i > 1};
        dms_run_map map = {0};
        rig r = {0};

        rig_init(&r, DMS_BACKBONE_RESNET18, &options);
        assert_int_equal(dms_net_memory_map(&map, r.net, NULL), DMS_OK);
        check_map(&map);
        assert_true(map.count > 40);
        assert_int_equal(map.again_steps > 0, i > 1);
        assert_int_equal(map.arena_size + map.scratch_size + map.spare_size,
                         dms_net_memory(r.net));
        assert_int_equal(map.kept_size, dms_kept_size(dms_net_kept(r.net)));
        dms_run_map_release(&map);
        rig_release(&r);
    }
}

/* A sound profile: what runs again is in backward's time. */
static void the_profile_counts_the_second_forward_to_backward(void **state)
{
    dms_net_options options = {
        .patients = 2, .size = 64, .mode = DMS_RUN_TRAINING, .recompute = true};
    double forward[512], backward[512];
    rig r = {0};
    const dms_graph *graph;

    (void)state;
    rig_init(&r, DMS_BACKBONE_RESNET18, &options);
    graph = dms_net_graph(r.net);
    assert_true(graph->count <= 512);
    for (size_t i = 0; i < graph->count; i++)
        forward[i] = backward[i] = 1e9;
    dms_net_profile(r.net, forward, backward);
    go_forward(&r, options.size, 1);
    go_back(&r);
    for (size_t i = 0; i < graph->count; i++) {
        if (!(forward[i] >= 0 && forward[i] < 600 && backward[i] >= 0 &&
              backward[i] < 600))
            fail_msg("node %zu: %g s forward, %g s backward", i, forward[i],
                     backward[i]);
    }
    rig_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_of_resnet18_is_the_same),
        cmocka_unit_test(resnet50_is_the_same_in_two_fifths_of_the_memory),
        cmocka_unit_test(every_bit_is_the_same_in_bf16),
        cmocka_unit_test(with_a_frozen_backbone_nothing_changes),
        cmocka_unit_test(steps_allocate_nothing),
        cmocka_unit_test(no_two_buffers_alive_at_once_overlap),
        cmocka_unit_test(the_profile_counts_the_second_forward_to_backward),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
