/* Grows the vessel tree: trunks along Bezier curves, branches as random walks.
 * Each pass over a kind of vessel grows the same tree. */
#include "synth/synth_vessels.h"

#include <math.h>

typedef struct point {
    float x, y;
} point;

/* One pass over the tree: the kind, the widths, the mask drawn into. */
typedef struct tree {
    const dms_canvas *canvas;
    const dms_retina *retina;
    float *mask;
    float widen; /* factor on every width */
    dms_rng rng; /* seeded by the kind, so that its passes agree */
} tree;

/* The start of a branch and its direction. */
typedef struct branch {
    point at;
    float heading; /* radians */
    float width, length;
    int depth; /* further generations */
} branch;

static void tree_line(tree *t, point from, point to, float width0, float width1)
{
    dms_stroke stroke = {
        from.x, from.y, to.x, to.y, width0 * t->widen, width1 * t->widen};

    dms_canvas_stroke(t->canvas, t->mask, &stroke);
}

static branch branch_off(tree *t, point at, float heading, float width,
                         int side)
{
    return (branch){.at = at,
                    .heading =
                        heading + (float)side * dms_rng_float(&t->rng, .45f, 1),
                    .width = width * dms_rng_float(&t->rng, .5f, .72f)};
}

/* A branch is a random walk of the heading, tapering to half its width; it
 * forks to alternating sides. */
static void branch_grow(tree *t, branch b)
{
    const float step = .022f;
    int steps = (int)(b.length / step);
    int side = dms_rng_below(&t->rng, 2) ? 1 : -1;
    float bend = dms_rng_float(&t->rng, -1.2f, 1.2f);
    float phase = dms_rng_float(&t->rng, 0, 6.28f);
    float wave = .09f + .045f * t->retina->tortuosity;
    int fork = dms_rng_int(&t->rng, 3, 7);

    for (int i = 0; i < steps; i++) {
        float done = (float)i / (float)steps;
        float width = b.width * (1 - .5f * done);
        float heading =
            b.heading + bend * done + 2 * wave * sinf(phase + .8f * (float)i);
        point next = {b.at.x + step * cosf(heading),
                      b.at.y + step * sinf(heading)};

        /* vessels avoid the fovea and end beyond the rim */
        if (hypotf(next.x - t->retina->fovea_x, next.y - t->retina->fovea_y) <
                .11f ||
            hypotf(next.x, next.y) > 1.05f)
            return;
        tree_line(t, b.at, next, width, width);
        b.at = next;
        if (b.depth > 0 && i == fork) {
            branch child = branch_off(t, b.at, heading, width, side);

            child.length = b.length * (1 - .6f * done) * .6f;
            child.depth = b.depth - 1;
            branch_grow(t, child);
            side = -side;
            fork += dms_rng_int(&t->rng, 4, 8);
        }
    }
}

static point bezier_at(const point *p, float t)
{
    float s = 1 - t;
    float a = s * s * s, b = 3 * s * s * t, c = 3 * s * t * t, d = t * t * t;

    return (point){a * p[0].x + b * p[1].x + c * p[2].x + d * p[3].x,
                   a * p[0].y + b * p[1].y + c * p[2].y + d * p[3].y};
}

/* A trunk follows a slightly wavy cubic Bezier and gives off branches. */
static void trunk_grow(tree *t, const point *control, float width)
{
    enum { STEPS = 44 };
    float amplitude = .007f * t->retina->tortuosity;
    float wave = dms_rng_float(&t->rng, 16, 24);
    float phase = dms_rng_float(&t->rng, 0, 6.28f);
    int side = dms_rng_below(&t->rng, 2) ? 1 : -1;
    int fork = dms_rng_int(&t->rng, 6, 10);
    point at = control[0];

    for (int i = 1; i <= STEPS; i++) {
        float u = (float)i / STEPS, taper = width * (1 - .55f * u);
        float shift = amplitude * fminf(1, 4 * u) * sinf(phase + wave * u);
        point next = bezier_at(control, u);
        float heading;

        next.x += shift;
        next.y += shift;
        heading = atan2f(next.y - at.y, next.x - at.x);
        tree_line(t, at, next, taper, taper);
        at = next;
        if (i == fork) {
            branch child = branch_off(t, at, heading, taper, side);

            child.length = dms_rng_float(&t->rng, .3f, .65f);
            child.depth = 2;
            branch_grow(t, child);
            side = -side;
            fork += dms_rng_int(&t->rng, 4, 8);
        }
    }
}

/* The temporal arcade above (up = -1) or below (up = 1) the macula. */
static void arcade_grow(tree *t, float up, float width, float apart)
{
    const dms_retina *r = t->retina;
    dms_rng *rng = &t->rng;
    float rise = dms_rng_float(rng, .44f, .64f) + apart;
    point disc = {r->disc_x - .02f + apart, r->disc_y};
    point control[4] = {
        disc,
        {disc.x + .02f, disc.y + up * rise},
        {r->fovea_x - .1f, r->fovea_y + up * (rise + .16f)},
        {r->fovea_x + dms_rng_float(rng, .55f, .75f),
         r->fovea_y + up * dms_rng_float(rng, .15f, .48f)},
    };

    trunk_grow(t, control, width);
}

static void nasal_grow(tree *t, float up, float width, float apart)
{
    const dms_retina *r = t->retina;
    dms_rng *rng = &t->rng;
    point disc = {r->disc_x - .02f + apart, r->disc_y};
    point control[4] = {
        disc,
        {disc.x - .02f, disc.y + up * .22f},
        {disc.x - dms_rng_float(rng, .1f, .2f), disc.y + up * .4f},
        {disc.x - dms_rng_float(rng, .2f, .4f),
         disc.y + up * dms_rng_float(rng, .6f, .9f)},
    };

    trunk_grow(t, control, .7f * width);
}

static void tree_grow(tree *t, uint64_t kind, float width, float apart)
{
    const dms_retina *r = t->retina;

    t->rng = dms_rng_seeded(dms_hash_mix(r->seed, kind));
    for (int i = -1; i <= 1; i += 2) {
        branch macular = {.at = {r->disc_x, r->disc_y},
                          .heading = (float)i * .45f,
                          .width = .4f * width,
                          .length = .6f,
                          .depth = 1};

        arcade_grow(t, (float)i, width, apart);
        nasal_grow(t, (float)i, width, apart);
        branch_grow(t, macular);
    }
}

void dms_vessels_paint(dms_canvas *canvas, const dms_retina *r)
{
    enum { VEIN = 31, ARTERY = 32 };
    const dms_color vein = {.62f, .34f, .36f}, artery = {.78f, .48f, .46f};
    const dms_color reflex = {1, .8f, .58f};
    size_t pixels = (size_t)canvas->size * (size_t)canvas->size;
    tree t = {.canvas = canvas, .retina = r, .mask = canvas->mask, .widen = 1};

    dms_canvas_mask_clear(canvas, canvas->mask);
    tree_grow(&t, VEIN, r->vein_width, .012f);
    if (r->nicking > 0) {
        dms_canvas_mask_clear(canvas, canvas->second);
        t.mask = canvas->second, t.widen = 3.5f;
        tree_grow(&t, ARTERY, r->artery_width, -.012f);
        /* The artery, widened, hides the vein below it. */
        for (size_t i = 0; i < pixels; i++)
            canvas->mask[i] *= 1 - r->nicking * canvas->second[i];
        t.mask = canvas->mask, t.widen = 1;
    }
    dms_canvas_mask_apply(canvas, canvas->mask, vein, .95f, true);

    dms_canvas_mask_clear(canvas, canvas->mask);
    tree_grow(&t, ARTERY, r->artery_width, -.012f);
    dms_canvas_mask_apply(canvas, canvas->mask, artery, .95f, true);

    dms_canvas_mask_clear(canvas, canvas->mask);
    t.widen = .3f + .35f * r->wiring;
    tree_grow(&t, ARTERY, r->artery_width, -.012f);
    dms_canvas_mask_apply(canvas, canvas->mask, reflex, .6f * r->wiring, false);
}
