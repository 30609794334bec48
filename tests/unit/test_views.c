/* Test-time augmentation: whose logits are averaged, and what does not change
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "net/compute.h"
#include "unit/mode_rig.h"

enum { PLANES = 2 * PATIENTS * 3, IMAGES = PLANES * SIZE * SIZE };

typedef struct logits {
    float patient[CELLS], eye[2 * CELLS];
} logits;

static void mirror(float *images, bool sideways, bool upside_down)
{
    static float was[IMAGES];

    memcpy(was, images, sizeof was);
    for (int i = 0; i < IMAGES; i++) {
        int x = i % SIZE, y = i / SIZE % SIZE, plane = i / (SIZE * SIZE);

        x = sideways ? SIZE - 1 - x : x;
        y = upside_down ? SIZE - 1 - y : y;
        images[i] = was[(plane * SIZE + y) * SIZE + x];
    }
}

static void exchange_halves(float *table, size_t len)
{
    for (size_t i = 0; i < len / 2; i++) {
        float left = table[i];

        table[i] = table[len / 2 + i];
        table[len / 2 + i] = left;
    }
}

/* A batch of photographs, as an engine is fed with them. */
typedef struct feeding {
    const float *images;
    logits *out;
} feeding;

static dms_status show(void *user, const dms_engine_batch *b, dms_error *err)
{
    const feeding *f = user;

    (void)err;
    memcpy(dms_net_images(b->net), f->images, IMAGES * sizeof(float));
    return DMS_OK;
}

static dms_status take(void *user, const dms_engine_batch *b, dms_error *err)
{
    const feeding *f = user;

    memcpy(f->out->patient, b->patient_logits, sizeof f->out->patient);
    memcpy(f->out->eye, b->eye_logits, sizeof f->out->eye);
    /* the net is left with the photographs themselves */
    assert_memory_equal(dms_net_images(b->net), f->images,
                        IMAGES * sizeof(float));
    return dms_net_check(b->net, 0, "patient 1", err);
}

static dms_status try_engine(logits *out, const rig *r, const float *images,
                             dms_tta tta, dms_error *err)
{
    const dms_architecture arch = small();
    const dms_compute compute = {
        .struct_size = sizeof compute, .tta = tta, .workers = 1};
    const dms_engine_options options = {.arch = &arch,
                                        .params = r->params,
                                        .batch = PATIENTS,
                                        .size = SIZE,
                                        .compute = &compute};
    feeding f = {images, out};
    const dms_feed feed = {
        .fill = show, .take = take, .user = &f, .total = PATIENTS};
    dms_engine *engine = NULL;
    size_t done;
    dms_status st = dms_engine_create(&engine, &options, err);

    if (st == DMS_OK)
        st = dms_engine_run(&done, engine, &feed, NULL, err);
    dms_engine_destroy(engine);
    return st;
}

static logits run(const rig *r, const float *images, dms_tta tta)
{
    dms_error err = {0};
    logits out;

    if (try_engine(&out, r, images, tta, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return out;
}

static rig *new_rig(void)
{
    static rig r;

    r = (rig){0};
    rig_init(&r, &(dms_net_options){.patients = PATIENTS});
    return &r;
}

/* Mirrored sideways, an eye is of the other side: the eyes change places, and
 * their logits change back. */
static void add_view(logits *sum, const rig *r, const float *images,
                     bool sideways, bool upside_down)
{
    static float view[IMAGES];
    logits one;

    memcpy(view, images, sizeof view);
    mirror(view, sideways, upside_down);
    if (sideways)
        exchange_halves(view, IMAGES);
    one = run(r, view, DMS_TTA_NONE);
    if (sideways)
        exchange_halves(one.eye, 2 * CELLS);
    for (int i = 0; i < CELLS; i++)
        sum->patient[i] += one.patient[i] / 4;
    for (int i = 0; i < 2 * CELLS; i++)
        sum->eye[i] += one.eye[i] / 4;
}

static void assert_close(const logits *got, const logits *want)
{
    for (int i = 0; i < CELLS; i++)
        assert_true(fabsf(got->patient[i] - want->patient[i]) < 1e-5f);
    for (int i = 0; i < 2 * CELLS; i++)
        assert_true(fabsf(got->eye[i] - want->eye[i]) < 1e-5f);
}

static void
answers_are_the_mean_over_photographs_and_mirror_images(void **state)
{
    rig *r = new_rig();
    const float *images = dms_net_images(r->net);
    logits sum = {0}, got = run(r, images, DMS_TTA_FLIPS), plain;

    (void)state;
    for (int view = 0; view < 4; view++)
        add_view(&sum, r, images, view & 1, view & 2);
    assert_close(&got, &sum);
    plain = run(r, images, DMS_TTA_NONE);
    assert_true(distance(got.patient, plain.patient, CELLS) > 1e-3);
    rig_release(r);
}

static void a_mirrored_photograph_gets_the_same_bits(void **state)
{
    static float view[IMAGES];
    rig *r = new_rig();
    logits want = run(r, dms_net_images(r->net), DMS_TTA_FLIPS);

    (void)state;
    for (int i = 1; i < 4; i++) {
        logits got;

        memcpy(view, dms_net_images(r->net), sizeof view);
        mirror(view, i & 1, i & 2);
        got = run(r, view, DMS_TTA_FLIPS);
        assert_memory_equal(&got, &want, sizeof want);
    }
    rig_release(r);
}

static void exchanging_the_eyes_exchanges_their_bits(void **state)
{
    static const dms_tta both[] = {DMS_TTA_NONE, DMS_TTA_FLIPS};
    static float exchanged[IMAGES];
    rig *r = new_rig();

    (void)state;
    memcpy(exchanged, dms_net_images(r->net), sizeof exchanged);
    exchange_halves(exchanged, IMAGES);
    for (int i = 0; i < 2; i++) {
        logits want = run(r, dms_net_images(r->net), both[i]);
        logits got = run(r, exchanged, both[i]);

        exchange_halves(got.eye, 2 * CELLS);
        assert_memory_equal(&got, &want, sizeof want);
    }
    rig_release(r);
}

/* The last view, the photograph itself, would hide it. */
static void a_flaw_in_any_view_stays_a_flaw(void **state)
{
    rig *r = new_rig();
    float *images = dms_net_images(r->net);
    dms_error err = {0};
    float first = images[0];

    (void)state;
    images[0] = INFINITY;
    go_forward(r, 0);
    assert_int_equal(dms_net_check(r->net, 0, "patient 1", &err), DMS_EFORMAT);
    dms_net_keep_flaws(r->net, true);
    images[0] = first;
    go_forward(r, 0);
    assert_int_equal(dms_net_check(r->net, 0, "patient 1", NULL), DMS_EFORMAT);
    assert_int_equal(dms_net_check(r->net, 1, "patient 2", NULL), DMS_OK);
    dms_net_keep_flaws(r->net, false);
    go_forward(r, 0);
    assert_int_equal(dms_net_check(r->net, 0, "patient 1", NULL), DMS_OK);
    images[0] = INFINITY;
    assert_int_equal(
        try_engine(&(logits){{0}, {0}}, r, images, DMS_TTA_FLIPS, NULL),
        DMS_EFORMAT);
    rig_release(r);
}

static void who_cannot_average_refuses_to(void **state)
{
    const dms_compute compute = {.struct_size = sizeof compute,
                                 .tta = DMS_TTA_FLIPS};
    const dms_architecture arch = small();
    dms_net_options net = {.patients = PATIENTS};
    rig *r = new_rig();
    const dms_engine_options options = {.arch = &arch,
                                        .params = r->params,
                                        .batch = PATIENTS,
                                        .size = SIZE,
                                        .compute = &compute,
                                        .part = DMS_NET_FROM_MAP};
    dms_engine *engine = NULL;
    dms_error err = {0};

    (void)state;
    assert_int_equal(dms_compute_apply(&net, &compute, NULL, 0, &err),
                     DMS_EINVAL);
    assert_non_null(strstr(err.message, "tta flips"));
    err = (dms_error){0};
    assert_int_equal(dms_engine_create(&engine, &options, &err), DMS_EINVAL);
    assert_non_null(strstr(err.message, "no images to mirror"));
    rig_release(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            answers_are_the_mean_over_photographs_and_mirror_images),
        cmocka_unit_test(a_mirrored_photograph_gets_the_same_bits),
        cmocka_unit_test(exchanging_the_eyes_exchanges_their_bits),
        cmocka_unit_test(a_flaw_in_any_view_stays_a_flaw),
        cmocka_unit_test(who_cannot_average_refuses_to)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
