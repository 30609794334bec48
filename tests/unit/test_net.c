/* The network as a whole: symmetry, bits, memory, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "alloc_fault.h"
#include "base/alloc.h"
#include "base/rng.h"
#include "data/labels.h"
#include "net/dmsnet.h"

enum { K = DMS_ODIR_LABELS, PATIENTS = 3, SIZE = 64 };

typedef struct rig {
    dms_params *params;
    dms_net *net;
} rig;

static dms_architecture small(void)
{
    dms_architecture arch = dms_architecture_default();

    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = 32;
    arch.size = SIZE;
    return arch;
}

static bool trains(const dms_net_options *options)
{
    return options->mode.gradients == DMS_GRADIENTS_PARAMS;
}

/* frozen: prefixes of rows, NULL behind the last. */
static void rig_init_frozen(rig *r, const dms_net_options *options,
                            const char *const *frozen)
{
    dms_architecture arch = small();
    dms_error err = {0};

    r->params = dms_params_create();
    assert_int_equal(
        dms_net_declare(r->params, &arch, trains(options), false, &err),
        DMS_OK);
    for (; *frozen; frozen++)
        assert_true(dms_params_freeze(r->params, *frozen) > 0);
    assert_int_equal(dms_params_allocate(r->params, trains(options), &err),
                     DMS_OK);
    assert_int_equal(dms_params_fill(r->params, 3, &err), DMS_OK);
    if (dms_net_create(&r->net, &arch, r->params, options, &err) != DMS_OK)
        fail_msg("%s", err.message);
}

static void rig_init(rig *r, const dms_net_options *options)
{
    static const char *const none[] = {NULL};

    rig_init_frozen(r, options, none);
}

static void rig_release(rig *r)
{
    dms_net_destroy(r->net);
    dms_params_destroy(r->params);
}

static void fill_images(float *images, uint64_t seed, size_t count)
{
    dms_rng rng = dms_rng_seeded(seed);

    for (size_t i = 0; i < count; i++)
        images[i] = (float)dms_rng_normal(&rng);
}

static size_t half(void)
{
    return (size_t)PATIENTS * 3 * SIZE * SIZE;
}

static void fill_gradients(dms_net *net)
{
    for (int i = 0; i < PATIENTS * K; i++)
        dms_net_patient_gradient(net)[i] = 0.01f * (float)(i % 7 - 3);
    for (int i = 0; i < 2 * PATIENTS * K; i++)
        dms_net_eye_gradient(net)[i] = 0.01f * (float)(i % 5 - 2);
}

static void exchanging_eyes_exchanges_eye_logits_only(void **state)
{
    dms_net_options options = {.patients = PATIENTS};
    rig r = {0};
    float patient[PATIENTS * K], eye[2 * PATIENTS * K];
    float *images;

    (void)state;
    rig_init(&r, &options);
    images = dms_net_images(r.net);
    fill_images(images, 1, 2 * half());
    assert_int_equal(dms_net_forward(r.net, 0, NULL), DMS_OK);
    memcpy(patient, dms_net_patient_logits(r.net), sizeof patient);
    memcpy(eye, dms_net_eye_logits(r.net), sizeof eye);
    for (size_t i = 0; i < half(); i++) {
        float left = images[i];

        images[i] = images[half() + i];
        images[half() + i] = left;
    }
    assert_int_equal(dms_net_forward(r.net, 0, NULL), DMS_OK);
    for (int i = 0; i < PATIENTS * K; i++) {
        const float *now = dms_net_eye_logits(r.net);

        assert_true(fabsf(dms_net_patient_logits(r.net)[i] - patient[i]) <
                    1e-5f);
        assert_true(fabsf(now[i] - eye[PATIENTS * K + i]) < 1e-5f);
        assert_true(fabsf(now[PATIENTS * K + i] - eye[i]) < 1e-5f);
        assert_true(fabsf(eye[i] - eye[PATIENTS * K + i]) > 1e-6f);
    }
    rig_release(&r);
}

/* All gradients of one training step. */
static float *one_step(uint64_t dropout_seed, size_t *len)
{
    dms_net_options options = {
        .patients = PATIENTS, .mode = DMS_RUN_TRAINING, .dropout = 0.5f};
    rig r = {0};
    float *grad;

    rig_init(&r, &options);
    fill_images(dms_net_images(r.net), 1, 2 * half());
    assert_int_equal(dms_net_forward(r.net, dropout_seed, NULL), DMS_OK);
    fill_gradients(r.net);
    assert_int_equal(dms_net_backward(r.net, NULL), DMS_OK);
    *len = r.params->trained;
    grad = dms_calloc(*len, sizeof *grad);
    memcpy(grad, r.params->grad, *len * sizeof *grad);
    rig_release(&r);
    return grad;
}

static void the_same_seed_gives_the_same_bits(void **state)
{
    size_t len;
    float *a = one_step(5, &len), *b = one_step(5, &len),
          *c = one_step(6, &len);

    (void)state;
    assert_memory_equal(a, b, len * sizeof *a);
    assert_true(memcmp(a, c, len * sizeof *a) != 0);
    dms_free(a);
    dms_free(b);
    dms_free(c);
}

static void forward_and_backward_allocate_nothing(void **state)
{
    dms_net_options options = {.patients = PATIENTS, .mode = DMS_RUN_TRAINING};
    rig r = {0};
    size_t before;

    (void)state;
    rig_init(&r, &options);
    fill_images(dms_net_images(r.net), 1, 2 * half());
    before = dms_alloc_count();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dms_net_forward(r.net, 0, NULL), DMS_OK);
        fill_gradients(r.net);
        assert_int_equal(dms_net_backward(r.net, NULL), DMS_OK);
    }
    assert_int_equal(dms_alloc_count(), before);
    rig_release(&r);
}

static bool begins_with_one(const char *name, const char *const *prefixes)
{
    for (; *prefixes; prefixes++)
        if (strncmp(name, *prefixes, strlen(*prefixes)) == 0)
            return true;
    return false;
}

/* One step, after which nothing under the prefixes has changed or has a
 * gradient, and all else that is trained has one. */
static void assert_frozen(const char *const *prefixes)
{
    dms_net_options options = {.patients = PATIENTS, .mode = DMS_RUN_TRAINING};
    rig r = {0};
    float *before;
    bool reached = false;

    rig_init_frozen(&r, &options, prefixes);
    before = dms_calloc(r.params->total, sizeof *before);
    memcpy(before, r.params->value, r.params->total * sizeof *before);
    fill_images(dms_net_images(r.net), 1, 2 * half());
    assert_int_equal(dms_net_forward(r.net, 0, NULL), DMS_OK);
    fill_gradients(r.net);
    assert_int_equal(dms_net_backward(r.net, NULL), DMS_OK);
    for (size_t i = 0; i < r.params->count; i++) {
        const dms_param *p = &r.params->items[i];
        bool frozen = begins_with_one(p->name, prefixes);

        assert_int_equal(p->frozen, frozen);
        if (!dms_param_trained(p))
            assert_int_equal(memcmp(before + p->offset,
                                    r.params->value + p->offset,
                                    p->len * sizeof *before) == 0,
                             frozen);
        for (size_t j = 0; dms_param_trained(p) && j < p->len; j++)
            if (r.params->grad[p->offset + j] != 0) {
                assert_false(frozen);
                reached = true;
            }
    }
    assert_true(reached);
    dms_free(before);
    rig_release(&r);
}

static void
a_frozen_backbone_has_no_gradient_and_keeps_its_statistics(void **state)
{
    static const char *const backbone[] = {"backbone.", NULL};

    (void)state;
    assert_frozen(backbone);
}

static void any_first_stages_can_be_frozen(void **state)
{
    static const char *const stages[] = {"backbone.conv1.", "backbone.bn1.",
                                         "backbone.layer1.", "backbone.layer2.",
                                         NULL};

    (void)state;
    for (int first = 2; first >= 0; first--) {
        const char *some[5] = {NULL};

        memcpy(some, stages, (size_t)(4 - first) * sizeof *some);
        assert_frozen(some);
    }
}

/* The more is frozen, the fewer values are kept for backward. */
static void what_is_frozen_is_not_kept_for_backward(void **state)
{
    static const char *const names[] = {"backbone.layer4.",
                                        "backbone.layer3.",
                                        "backbone.layer2.",
                                        "backbone.layer1.",
                                        "backbone.conv1.",
                                        "backbone.bn1.",
                                        NULL};
    dms_net_options options = {.patients = PATIENTS, .mode = DMS_RUN_TRAINING};
    size_t before = 0;

    (void)state;
    for (int first = 0; first < 7; first += first == 4 ? 2 : 1) {
        rig r = {0};
        size_t bytes;

        rig_init_frozen(&r, &options, names + first);
        bytes = dms_net_memory(r.net);
        assert_true(bytes >= before);
        /* the widest maps are those of the stem and stage 1 */
        assert_true(first < 4 || bytes > before);
        before = bytes;
        rig_release(&r);
    }
}

static void what_cannot_be_frozen_is_said_by_name(void **state)
{
    static const char *const rows[][2] = {
        {"backbone.bn1.running", "only part of its layer"},
        {"fuse.bias", "only part of its layer"},
        {"eye_head.", "a layer before it is trained"},
        {"backbone.layer3.", "a layer before it is trained"}};
    dms_net_options options = {.patients = PATIENTS, .mode = DMS_RUN_TRAINING};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dms_architecture arch = small();
        dms_params *params = dms_params_create();
        dms_error err = {0};
        dms_net *net = NULL;

        assert_int_equal(dms_net_declare(params, &arch, true, false, NULL),
                         DMS_OK);
        assert_true(dms_params_freeze(params, rows[i][0]) > 0);
        assert_int_equal(dms_params_allocate(params, true, NULL), DMS_OK);
        assert_int_equal(dms_net_create(&net, &arch, params, &options, &err),
                         DMS_EINVAL);
        assert_non_null(strstr(err.message, rows[i][0]));
        assert_non_null(strstr(err.message, rows[i][1]));
        dms_params_destroy(params);
    }
}

static void frozen_rows_lie_last_and_have_no_gradient_buffer(void **state)
{
    static const char *const backbone[] = {"backbone.", NULL};
    dms_net_options options = {.patients = PATIENTS, .mode = DMS_RUN_TRAINING};
    size_t ends[3] = {0}, expected = 0;
    rig r = {0};

    (void)state;
    rig_init_frozen(&r, &options, backbone);
    for (size_t i = 0; i < r.params->count; i++) {
        const dms_param *p = &r.params->items[i];
        int part = p->frozen ? 2 : !dms_param_trained(p);
        size_t end = p->offset + p->size;

        ends[part] = end > ends[part] ? end : ends[part];
        expected += dms_param_trained(p) ? p->size : 0;
        assert_true(part == 0 || p->offset >= r.params->trained);
        assert_true(part < 2 || p->offset >= r.params->changing);
    }
    assert_int_equal(r.params->trained, expected);
    assert_int_equal(ends[0], r.params->trained);
    assert_int_equal(ends[1], r.params->changing);
    assert_int_equal(ends[2], r.params->total);
    rig_release(&r);
}

static void gradients_behind_the_tensors_stay_zero(void **state)
{
    dms_net_options options = {.patients = PATIENTS, .mode = DMS_RUN_TRAINING};
    rig r = {0};

    (void)state;
    rig_init(&r, &options);
    fill_images(dms_net_images(r.net), 1, 2 * half());
    for (int round = 0; round < 2; round++) {
        assert_int_equal(dms_net_forward(r.net, 0, NULL), DMS_OK);
        fill_gradients(r.net);
        assert_int_equal(dms_net_backward(r.net, NULL), DMS_OK);
    }
    for (size_t i = 0; i < r.params->count; i++) {
        const dms_param *p = &r.params->items[i];

        for (size_t j = p->len; dms_param_trained(p) && j < p->size; j++)
            assert_true(r.params->grad[p->offset + j] == 0);
    }
    rig_release(&r);
}

static void nets_of_two_batch_sizes_share_their_parameters(void **state)
{
    dms_architecture arch = small();
    dms_net_options options = {.patients = PATIENTS, .mode = DMS_RUN_TRAINING};
    dms_net_options pair = {.patients = 2, .mode = DMS_RUN_TRAINING};
    dms_net *other = NULL;
    dms_error err = {0};
    rig r = {0};

    (void)state;
    rig_init(&r, &options);
    assert_int_equal(dms_net_create(&other, &arch, r.params, &pair, &err),
                     DMS_OK);
    fill_images(dms_net_images(other), 1, 2 * half() / PATIENTS * 2);
    assert_int_equal(dms_net_forward(other, 0, &err), DMS_OK);
    dms_net_destroy(other);
    rig_release(&r);
}

static void changed_weights_are_seen_when_said_so(void **state)
{
    dms_net_options options = {.patients = PATIENTS};
    float before[PATIENTS * K];
    rig r = {0};

    (void)state;
    rig_init(&r, &options);
    fill_images(dms_net_images(r.net), 1, 2 * half());
    assert_int_equal(dms_net_forward(r.net, 0, NULL), DMS_OK);
    memcpy(before, dms_net_patient_logits(r.net), sizeof before);
    assert_int_equal(dms_params_fill(r.params, 4, NULL), DMS_OK);
    dms_net_weights_changed(r.net);
    assert_int_equal(dms_net_forward(r.net, 0, NULL), DMS_OK);
    assert_true(memcmp(before, dms_net_patient_logits(r.net), sizeof before));
    assert_int_equal(dms_params_fill(r.params, 3, NULL), DMS_OK);
    dms_net_weights_changed(r.net);
    assert_int_equal(dms_net_forward(r.net, 0, NULL), DMS_OK);
    assert_memory_equal(before, dms_net_patient_logits(r.net), sizeof before);
    rig_release(&r);
}

static void nets_of_one_store_keep_the_weights_once(void **state)
{
    const dms_architecture arch = small();
    dms_kept_store *store = dms_kept_store_create();
    dms_net_options options = {.patients = PATIENTS, .store = store};
    dms_net *other = NULL;
    float first[PATIENTS * K];
    dms_error err = {0};
    rig r = {0};

    (void)state;
    rig_init(&r, &options);
    assert_int_equal(dms_net_create(&other, &arch, r.params, &options, &err),
                     DMS_OK);
    assert_ptr_equal(dms_net_kept(other), dms_net_kept(r.net));
    fill_images(dms_net_images(r.net), 1, 2 * half());
    fill_images(dms_net_images(other), 1, 2 * half());
    assert_int_equal(dms_net_forward(r.net, 0, &err), DMS_OK);
    memcpy(first, dms_net_patient_logits(r.net), sizeof first);
    dms_net_destroy(r.net); /* the other has them still */
    r.net = NULL;
    assert_int_equal(dms_net_forward(other, 0, &err), DMS_OK);
    assert_memory_equal(dms_net_patient_logits(other), first, sizeof first);
    dms_net_destroy(other);
    rig_release(&r);
    dms_kept_store_destroy(store);
}

static void refused(const dms_net_options *options, const char *reason)
{
    dms_architecture arch = small();
    dms_params *params = dms_params_create();
    dms_net *net = NULL;
    dms_error err = {0};

    assert_int_equal(
        dms_net_declare(params, &arch, trains(options), false, &err), DMS_OK);
    assert_int_equal(dms_params_allocate(params, trains(options), &err),
                     DMS_OK);
    assert_int_equal(dms_net_create(&net, &arch, params, options, &err),
                     DMS_EINVAL);
    assert_non_null(strstr(err.message, reason));
    assert_null(net);
    dms_params_destroy(params);
}

static void what_cannot_be_trained_is_refused_with_the_reason(void **state)
{
    (void)state;
    refused(&(dms_net_options){.patients = 1, .mode = DMS_RUN_TRAINING},
            "a training batch of one patient");
    refused(&(dms_net_options){.patients = 0},
            "0 patients, expected at least 1");
    refused(&(dms_net_options){.patients = 2, .size = 16},
            "16 pixels per side");
    refused(&(dms_net_options){.patients = 2,
                               .mode = DMS_RUN_TRAINING,
                               .dropout = 1},
            "dropout 1, expected 0 <= p < 1");
}

static void architectures_out_of_range_are_refused_by_name(void **state)
{
    dms_architecture arch = small();
    dms_error err = {0};

    (void)state;
    arch.width = 40;
    assert_int_equal(dms_architecture_check(&arch, &err), DMS_EINVAL);
    assert_non_null(strstr(err.message, "width 40 is not a multiple of 16"));
    err = (dms_error){0};
    arch = small();
    arch.backbone = (dms_backbone)9;
    assert_int_equal(dms_architecture_check(&arch, &err), DMS_EINVAL);
    assert_non_null(strstr(err.message, "backbone number 9 does not exist"));
}

static void a_failed_allocation_anywhere_is_out_of_memory(void **state)
{
    dms_architecture arch = small();
    dms_net_options options = {
        .patients = 2, .size = 32, .mode = DMS_RUN_TRAINING};
    dms_params *params = dms_params_create();
    dms_error err = {0};
    alloc_fault fault = {0};

    (void)state;
    assert_int_equal(dms_net_declare(params, &arch, true, false, &err), DMS_OK);
    assert_int_equal(dms_params_allocate(params, true, &err), DMS_OK);
    while (alloc_fault_next(&fault)) {
        dms_net *net = NULL;
        dms_status st;

        err = (dms_error){0};
        st = dms_net_create(&net, &arch, params, &options, &err);
        alloc_fault_end(&fault, st);
        assert_int_equal(st, err.code);
        dms_net_destroy(net);
    }
    dms_params_destroy(params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchanging_eyes_exchanges_eye_logits_only),
        cmocka_unit_test(the_same_seed_gives_the_same_bits),
        cmocka_unit_test(forward_and_backward_allocate_nothing),
        cmocka_unit_test(
            a_frozen_backbone_has_no_gradient_and_keeps_its_statistics),
        cmocka_unit_test(any_first_stages_can_be_frozen),
        cmocka_unit_test(what_is_frozen_is_not_kept_for_backward),
        cmocka_unit_test(what_cannot_be_frozen_is_said_by_name),
        cmocka_unit_test(frozen_rows_lie_last_and_have_no_gradient_buffer),
        cmocka_unit_test(gradients_behind_the_tensors_stay_zero),
        cmocka_unit_test(nets_of_two_batch_sizes_share_their_parameters),
        cmocka_unit_test(changed_weights_are_seen_when_said_so),
        cmocka_unit_test(nets_of_one_store_keep_the_weights_once),
        cmocka_unit_test(what_cannot_be_trained_is_refused_with_the_reason),
        cmocka_unit_test(architectures_out_of_range_are_refused_by_name),
        cmocka_unit_test(a_failed_allocation_anywhere_is_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
