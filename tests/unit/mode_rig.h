/* A small network in any mode, for the tests of the three switches. */
#ifndef DMS_TESTS_MODE_RIG_H
#define DMS_TESTS_MODE_RIG_H

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "data/labels.h"
#include "net/dmsnet.h"

enum { K = DMS_ODIR_LABELS, PATIENTS = 2, SIZE = 64, CELLS = PATIENTS * K };

typedef struct rig {
    dms_params *params;
    dms_net *net;
} rig;

static inline dms_architecture small(void)
{
    dms_architecture arch = dms_architecture_default();

    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = 32;
    arch.size = SIZE;
    return arch;
}

static inline void fill(float *x, uint64_t seed, size_t len)
{
    dms_rng rng = dms_rng_seeded(seed);

    for (size_t i = 0; i < len; i++)
        x[i] = (float)dms_rng_normal(&rng);
}

/* Statistics that are not those of the batch; the same for any block order. */
static inline void fill_statistics(dms_params *params)
{
    for (size_t i = 0; i < params->count; i++) {
        const dms_param *p = &params->items[i];
        bool variance = strstr(p->name, "running_var") != NULL;
        dms_rng rng = dms_rng_seeded(i);

        for (size_t k = 0; p->role == DMS_PARAM_STAT && k < p->len; k++)
            params->value[p->offset + k] =
                (float)(variance ? dms_rng_range(&rng, 0.5, 1.5)
                                 : dms_rng_range(&rng, -0.1, 0.1));
    }
}

static inline dms_status rig_try(rig *r, const dms_net_options *options,
                                 dms_error *err)
{
    dms_architecture arch = small();
    bool trains = options->mode.gradients == DMS_GRADIENTS_PARAMS;

    r->params = dms_params_create();
    assert_int_equal(dms_net_declare(r->params, &arch, trains, false, err),
                     DMS_OK);
    assert_int_equal(dms_params_allocate(r->params, trains, err), DMS_OK);
    assert_int_equal(dms_params_fill(r->params, 3, err), DMS_OK);
    fill_statistics(r->params);
    return dms_net_create(&r->net, &arch, r->params, options, err);
}

static inline void rig_init(rig *r, const dms_net_options *options)
{
    dms_error err = {0};

    if (rig_try(r, options, &err) != DMS_OK)
        fail_msg("%s", err.message);
    if (dms_net_images(r->net))
        fill(dms_net_images(r->net), 1, 2 * PATIENTS * 3 * SIZE * SIZE);
}

static inline void rig_release(rig *r)
{
    dms_net_destroy(r->net);
    dms_params_destroy(r->params);
}

static inline void go_forward(rig *r, uint64_t seed)
{
    assert_int_equal(dms_net_forward(r->net, seed, NULL), DMS_OK);
}

/* L = <patient logits, r> + <eye logits, s> for fixed random r, s. */
static inline void go_back(rig *r)
{
    fill(dms_net_patient_gradient(r->net), 7, CELLS);
    fill(dms_net_eye_gradient(r->net), 8, 2 * CELLS);
    assert_int_equal(dms_net_backward(r->net, NULL), DMS_OK);
}

static inline double loss(rig *r)
{
    float patient[CELLS], eye[2 * CELLS];
    double sum = 0;

    fill(patient, 7, CELLS);
    fill(eye, 8, 2 * CELLS);
    go_forward(r, 0);
    for (int i = 0; i < CELLS; i++)
        sum += (double)patient[i] * dms_net_patient_logits(r->net)[i];
    for (int i = 0; i < 2 * CELLS; i++)
        sum += (double)eye[i] * dms_net_eye_logits(r->net)[i];
    return sum;
}

static inline double distance(const float *a, const float *b, size_t len)
{
    double difference = 0, norm = 0;

    for (size_t i = 0; i < len; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        norm += (double)b[i] * b[i];
    }
    return sqrt(difference / norm);
}

static inline dms_net_options explaining(dms_net_place place)
{
    dms_net_options options = {.patients = PATIENTS,
                               .mode = {.gradients = DMS_GRADIENTS_NODES}};

    options.gradient_of[place] = true;
    return options;
}

#endif
