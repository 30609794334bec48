/* Mirrors a net's images in place, runs it, and averages its logits. Relies on
 * the four mirrorings to end with the images as they were. */
#include "engine/views.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

enum { VIEWS = 4, CHANNELS = 3 };

static size_t logits_of_view(const dms_views *v)
{
    return 3 * (size_t)v->patients * (size_t)v->labels;
}

dms_status dms_views_init(dms_views *v, int patients, int labels, int size,
                          dms_error *err)
{
    *v = (dms_views){.patients = patients, .labels = labels, .size = size};
    v->logits = dms_calloc(VIEWS * logits_of_view(v), sizeof *v->logits);
    return v->logits ? DMS_OK : dms_fail_memory(err, "logits of views");
}

void dms_views_release(dms_views *views)
{
    dms_free(views->logits);
    *views = (dms_views){0};
}

static void exchange(float *a, float *b)
{
    float own = *a;

    *a = *b;
    *b = own;
}

/* One channel of one image. */
static void mirror_sideways(float *x, size_t side)
{
    for (size_t row = 0; row < side; row++, x += side)
        for (size_t i = 0; i < side / 2; i++)
            exchange(&x[i], &x[side - 1 - i]);
}

static void mirror_upside_down(float *x, size_t side)
{
    for (size_t row = 0; row < side / 2; row++)
        for (size_t i = 0; i < side; i++)
            exchange(&x[row * side + i], &x[(side - 1 - row) * side + i]);
}

static void mirror(const dms_views *v, dms_net *net, bool sideways)
{
    size_t side = (size_t)v->size;
    float *images = dms_net_images(net);

#pragma omp parallel for schedule(static)
    for (int i = 0; i < 2 * v->patients * CHANNELS; i++) {
        float *channel = images + (size_t)i * side * side;

        if (sideways)
            mirror_sideways(channel, side);
        else
            mirror_upside_down(channel, side);
    }
}

dms_status dms_views_forward(dms_views *v, dms_net *net, dms_error *err)
{
    size_t patients = (size_t)v->patients * (size_t)v->labels;
    size_t len = logits_of_view(v);
    float *a = v->logits, *b = a + len, *c = b + len, *d = c + len;
    dms_status st = DMS_OK;

    for (int i = 0; i < VIEWS; i++) {
        float *logits = v->logits + (size_t)i * len;

        mirror(v, net, i % 2 == 0);
        dms_net_keep_flaws(net, i > 0);
        TRY(dms_net_forward(net, 0, err));
        memcpy(logits, dms_net_patient_logits(net), patients * sizeof *logits);
        memcpy(logits + patients, dms_net_eye_logits(net),
               2 * patients * sizeof *logits);
    }
    /* In pairs: mirroring a photograph exchanges the pairs or the views in
     * them, and neither changes a sum of two. Quarters, so that no sum
     * overflows. */
    for (size_t i = 0; i < len; i++)
        a[i] = (a[i] / VIEWS + b[i] / VIEWS) + (c[i] / VIEWS + d[i] / VIEWS);
done:
    return st;
}

const float *dms_views_patient_logits(const dms_views *v)
{
    return v->logits;
}

const float *dms_views_eye_logits(const dms_views *v)
{
    return v->logits + (size_t)v->patients * (size_t)v->labels;
}
