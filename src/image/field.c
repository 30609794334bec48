/* Finds the field of view: on a reduced picture, separate the retina from its
 * surroundings and fit a circle to its edge, the picture's own border left
 * out. Relies on surroundings.c to describe the corners. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/rng.h"
#include "image/codec.h"
#include "image/surroundings.h"

enum {
    SMALL_SIDE = 320, /* longer side of the picture searched */
    TRIALS = 400,     /* circles tried */
    EDGE_POINTS_MIN = 24,
    PLAIN_STEP = 10, /* least grey levels between black and the retina */
    FAINT_STEP = 3   /* the same for an underexposed retina */
};

/* A fit must explain this share of the edge within this distance. */
#define INLIER_SHARE    0.4
#define INLIER_DISTANCE 0.012 /* of the longer side */

/* A disc counts as whole if at least this share of it lies in the picture. */
#define WHOLE 0.98

typedef struct point {
    double x, y;
} point;

typedef struct circle {
    double x, y, r;
    size_t inliers;
} circle;

/* How the retina is told from its surroundings. */
typedef enum look {
    LOOK_PLAIN,   /* brighter than black, or different from white */
    LOOK_FAINT,   /* the same for an underexposed retina */
    LOOK_COLOURED /* different in colour from the corners */
} look;

typedef struct search {
    look look;
    bool faint; /* the retina stands out by less than PLAIN_STEP */
    dms_surroundings around;
    int width, height;
    uint8_t *signal; /* height*width: difference from the surroundings */
    uint8_t *inside; /* 1 in the retina; padded by one pixel of 0 all round */
    int stride;      /* of inside: width + 2 */
    int *stack;
    double *edge_x, *edge_y; /* edge_count points */
    size_t edge_count;
    size_t area; /* pixels inside */
    circle bound;
} search;

const char *dms_field_kind_name(dms_field_kind kind)
{
    static const char *const names[] = {"none", "circle", "cut", "cropped"};

    return (unsigned)kind < 4 ? names[kind] : NULL;
}

static void fill_signal(search *s, const dms_image *im)
{
    size_t count = (size_t)s->width * (size_t)s->height;
    bool white = s->around.white;

    for (size_t i = 0; i < count; i++) {
        const uint8_t *p = im->rgb + 3 * i;
        int low = p[0] < p[1] ? p[0] : p[1];
        int high = p[0] > p[1] ? p[0] : p[1];

        low = low < p[2] ? low : p[2];
        high = high > p[2] ? high : p[2];
        /* a white picture may hold a black frame round the retina */
        s->signal[i] =
            s->look == LOOK_COLOURED
                ? dms_surroundings_distance(&s->around, p)
                : (uint8_t)(white && 255 - low < high ? 255 - low : high);
    }
}

static int percentile(const uint8_t *values, size_t count, double share)
{
    size_t histogram[256] = {0}, seen = 0;
    int v = 0;

    for (size_t i = 0; i < count; i++)
        histogram[values[i]]++;
    for (; v < 255; v++) {
        seen += histogram[v];
        if ((double)seen > share * (double)count)
            break;
    }
    return v;
}

/* The threshold lies above the surroundings by a share of the retina's own
 * brightness, because rims are dark and sensors are noisy. */
static int threshold(search *s)
{
    size_t count = (size_t)s->width * (size_t)s->height;
    int base = percentile(s->signal, count, 0.02);
    int retina = percentile(s->signal, count, 0.75);
    int step = (int)(0.18 * (retina - base));

    if (base > 40) /* no surroundings to be seen */
        base = 0, step = (int)(0.18 * retina);
    s->faint = step < PLAIN_STEP;
    if (s->faint)
        step = s->look == LOOK_FAINT && step < FAINT_STEP ? FAINT_STEP
               : s->look == LOOK_FAINT                    ? step
                                                          : PLAIN_STEP;
    return base + step;
}

/* Where the pixel (x, y) lies in s->inside. */
static inline int place(const search *s, int x, int y)
{
    return (y + 1) * s->stride + x + 1;
}

/* Flood from `start` over mask 1, marking with `mark`; the area. */
static size_t flood(search *s, int start, uint8_t mark)
{
    const int step[4] = {-1, 1, -s->stride, s->stride};
    size_t top = 0, area = 0;

    s->stack[top++] = start;
    s->inside[start] = mark;
    while (top > 0) {
        int at = s->stack[--top];

        area++;
        for (int k = 0; k < 4; k++)
            if (s->inside[at + step[k]] == 1) {
                s->inside[at + step[k]] = mark;
                s->stack[top++] = at + step[k];
            }
    }
    return area;
}

/* inside <- the largest connected part above the threshold. */
static void find_largest(search *s)
{
    int end = place(s, 0, s->height), best = -1, level = threshold(s);

    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++)
            s->inside[place(s, x, y)] = s->signal[y * s->width + x] > level;
    for (int i = place(s, 0, 0); i < end; i++)
        if (s->inside[i] == 1) {
            size_t area = flood(s, i, 2);

            if (area > s->area)
                s->area = area, best = i;
        }
    for (int i = 0; i < end; i++)
        s->inside[i] = s->inside[i] != 0;
    if (best >= 0)
        flood(s, best, 2);
    for (int i = 0; i < end; i++)
        s->inside[i] = s->inside[i] == 2;
}

static void add_edge(search *s, int x, int y)
{
    if (x > 1 && y > 1 && x < s->width - 2 && y < s->height - 2) {
        s->edge_x[s->edge_count] = x + 0.5;
        s->edge_y[s->edge_count++] = y + 0.5;
    }
}

/* The outermost retina pixels of each row and column, except on the picture's
 * border, where the retina is cut off. */
static void find_edge(search *s)
{
    int a, b;

    for (int y = 0; y < s->height; y++) {
        const uint8_t *row = s->inside + place(s, 0, y);

        for (a = 0; a < s->width && !row[a]; a++)
            ;
        for (b = s->width - 1; b > a && !row[b]; b--)
            ;
        if (a < b)
            add_edge(s, a, y), add_edge(s, b, y);
    }
    for (int x = 0; x < s->width; x++) {
        const uint8_t *column = s->inside + place(s, x, 0);

        for (a = 0; a < s->height && !column[a * s->stride]; a++)
            ;
        for (b = s->height - 1; b > a && !column[b * s->stride]; b--)
            ;
        if (a < b)
            add_edge(s, x, a), add_edge(s, x, b);
    }
}

static bool through(circle *c, point p, point q, point t)
{
    double ax = q.x - p.x, ay = q.y - p.y, bx = t.x - p.x, by = t.y - p.y;
    double det = 2 * (ax * by - ay * bx);
    double a = ax * ax + ay * ay, b = bx * bx + by * by, x, y;

    if (fabs(det) < 1e-6)
        return false;
    x = (by * a - ay * b) / det;
    y = (ax * b - bx * a) / det;
    *c = (circle){p.x + x, p.y + y, sqrt(x * x + y * y), 0};
    return true;
}

/* The range of squared distances from the centre of a point that is on c. */
typedef struct ring {
    double x, y, inner, outer;
} ring;

static ring ring_of(const search *s, const circle *c)
{
    int side = s->width > s->height ? s->width : s->height;
    double reach = INLIER_DISTANCE * side;
    double inner = c->r > reach ? c->r - reach : 0;

    return (ring){c->x, c->y, inner * inner, (c->r + reach) * (c->r + reach)};
}

static inline bool in_ring(ring r, double x, double y)
{
    double square = (x - r.x) * (x - r.x) + (y - r.y) * (y - r.y);

    return (square > r.inner) & (square < r.outer);
}

__attribute__((target_clones("avx2", "default"))) static int
count_in_ring(const double *x, const double *y, size_t count, ring r)
{
    int n = 0;

    for (size_t i = 0; i < count; i++)
        n += in_ring(r, x[i], y[i]);
    return n;
}

static size_t count_inliers(const search *s, const circle *c)
{
    return (size_t)count_in_ring(s->edge_x, s->edge_y, s->edge_count,
                                 ring_of(s, c));
}

/* Round the middle of the retina's bounding box, out to its farther sides. */
static circle bounding_circle(const search *s)
{
    int left = s->width, right = 0, top = s->height, bottom = 0;

    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++)
            if (s->inside[place(s, x, y)]) {
                left = x < left ? x : left;
                right = x + 1 > right ? x + 1 : right;
                top = y < top ? y : top;
                bottom = y + 1 > bottom ? y + 1 : bottom;
            }
    return (circle){(left + right) / 2.0, (top + bottom) / 2.0,
                    fmax(right - left, bottom - top) / 2.0, 0};
}

/* Is c about as large as the retina found, and about where it is? */
static bool plausible(const search *s, const circle *c)
{
    double shorter = s->width < s->height ? s->width : s->height;

    return c->r > 0.15 * shorter && c->r < 1.5 * s->bound.r &&
           hypot(c->x - s->bound.x, c->y - s->bound.y) < 0.5 * s->bound.r;
}

/* Kasa's least squares over the inliers: x^2 + y^2 = 2ax + 2by + c, centred
 * on their mean so that the normal equations are 2 x 2. */
static void refine(const search *s, circle *c)
{
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0, xz = 0, yz = 0, zz = 0;
    double n = 0, det;
    ring r = ring_of(s, c);

    for (size_t i = 0; i < s->edge_count; i++)
        if (in_ring(r, s->edge_x[i], s->edge_y[i]))
            mx += s->edge_x[i], my += s->edge_y[i], n++;
    mx /= n, my /= n;
    for (size_t i = 0; i < s->edge_count; i++) {
        double x = s->edge_x[i] - mx, y = s->edge_y[i] - my;
        double z = x * x + y * y;

        if (!in_ring(r, s->edge_x[i], s->edge_y[i]))
            continue;
        xx += x * x, yy += y * y, xy += x * y;
        xz += x * z, yz += y * z, zz += z;
    }
    det = 2 * (xx * yy - xy * xy);
    if (fabs(det) > 1e-9) {
        double a = (yy * xz - xy * yz) / det, b = (xx * yz - xy * xz) / det;

        *c = (circle){mx + a, my + b, sqrt(a * a + b * b + zz / n), 0};
    }
}

static point random_edge(const search *s, dms_rng *rng)
{
    size_t i = dms_rng_below(rng, s->edge_count);

    return (point){s->edge_x[i], s->edge_y[i]};
}

static bool fit_circle(const search *s, circle *best)
{
    dms_rng rng = dms_rng_seeded(1);
    circle c;

    *best = (circle){0};
    if (s->edge_count < EDGE_POINTS_MIN)
        return false;
    for (int trial = 0; trial < TRIALS; trial++) {
        point p = random_edge(s, &rng);
        point q = random_edge(s, &rng);
        point t = random_edge(s, &rng);

        if (!through(&c, p, q, t) || !plausible(s, &c))
            continue;
        c.inliers = count_inliers(s, &c);
        if (c.inliers > best->inliers)
            *best = c;
    }
    for (int pass = 0; pass < 3 && best->inliers > 0; pass++) {
        c = *best;
        refine(s, &c);
        c.inliers = count_inliers(s, &c);
        if (plausible(s, &c) && c.inliers >= best->inliers)
            *best = c;
    }
    return (double)best->inliers > INLIER_SHARE * (double)s->edge_count;
}

/* Share of the disc that lies inside width x height, by rows. */
static double coverage(const circle *c, double width, double height)
{
    const int rows = 512;
    double seen = 0, all = 0;

    for (int i = 0; i < rows; i++) {
        double y = ((i + 0.5) / rows * 2 - 1) * c->r;
        double half = sqrt(c->r * c->r - y * y);
        double left = fmax(c->x - half, 0), right = fmin(c->x + half, width);

        all += 2 * half;
        if (c->y + y >= 0 && c->y + y <= height && right > left)
            seen += right - left;
    }
    return all > 0 ? fmin(seen / all, 1) : 0;
}

static void classify(dms_field *out, const search *s, const circle *c,
                     bool fitted)
{
    double w = s->width, h = s->height, slack = 0.02 * fmax(w, h);
    circle found = {w / 2, h / 2, fmin(w, h) / 2, 0};

    out->kind = DMS_FIELD_NONE;
    if (fitted) {
        found = *c;
        out->kind = DMS_FIELD_CIRCLE;
        if (c->x - c->r < slack && c->y - c->r < slack &&
            c->x + c->r > w - slack && c->y + c->r > h - slack)
            out->kind = DMS_FIELD_CROPPED;
        else if (coverage(c, w, h) < 0.99)
            out->kind = DMS_FIELD_CUT;
    } else if (s->around.white && (double)s->area > 0.1 * w * h) {
        found = s->bound; /* already cropped by someone: no circle left */
        out->kind = DMS_FIELD_CUT;
    } else if ((double)s->area > 0.7 * w * h) {
        out->kind = DMS_FIELD_CROPPED;
    }
    out->white_background = s->around.white && out->kind != DMS_FIELD_NONE;
    out->coloured_background = fitted && s->look == LOOK_COLOURED;
    for (int k = 0; k < 3; k++)
        out->background[k] = out->coloured_background ? s->around.colour[k] : 0;
    out->center_x = found.x;
    out->center_y = found.y;
    out->radius = found.r;
    out->coverage = coverage(&found, w, h);
}

static dms_status search_init(search *s, const dms_image *small, dms_error *err)
{
    size_t count = (size_t)small->width * (size_t)small->height;
    size_t around = 2 * (size_t)(small->width + small->height);

    s->width = small->width;
    s->height = small->height;
    s->signal = dms_calloc(count, 1);
    s->stride = s->width + 2;
    s->inside = dms_calloc((size_t)s->stride, (size_t)s->height + 2);
    s->stack = dms_resize(NULL, count, sizeof *s->stack);
    s->edge_x = dms_calloc(around, sizeof *s->edge_x);
    s->edge_y = dms_calloc(around, sizeof *s->edge_y);
    if (!s->signal || !s->inside || !s->stack || !s->edge_x || !s->edge_y)
        return dms_fail_memory(err, "field of view");
    return DMS_OK;
}

/* Share of the edge that the circle explains; 0 if no circle is fitted. */
static double try_look(search *s, circle *c, const dms_image *small, look how)
{
    s->look = how;
    s->area = s->edge_count = 0;
    fill_signal(s, small);
    find_largest(s);
    s->bound = bounding_circle(s);
    find_edge(s);
    return fit_circle(s, c) ? (double)c->inliers / (double)s->edge_count : 0;
}

/* The same but for what a threshold moves? */
static bool agree(const circle *a, const circle *b)
{
    double reach = 0.02 * a->r;

    return hypot(a->x - b->x, a->y - b->y) < reach && fabs(a->r - b->r) < reach;
}

/* The plain look stands unless it misses part of the retina. If the corners are
 * coloured, or the retina is so dark that its rim looks like noise, another
 * look is better when it explains its edge as well and finds a different
 * circle that lies whole in the picture. */
static bool find(search *s, circle *c, const dms_image *small)
{
    circle faint = {0}, bound;
    double plain, share;
    size_t area;

    dms_surroundings_look(&s->around, small);
    if (s->around.coloured && try_look(s, c, small, LOOK_COLOURED) > 0)
        return true;
    plain = try_look(s, c, small, LOOK_PLAIN);
    if (!s->faint || s->around.coloured)
        return plain > 0;
    area = s->area, bound = s->bound;
    share = try_look(s, &faint, small, LOOK_FAINT);
    if (share > 0 && share >= plain && !(plain > 0 && agree(c, &faint)) &&
        coverage(&faint, s->width, s->height) > WHOLE) {
        *c = faint;
        return true;
    }
    s->look = LOOK_PLAIN, s->area = area, s->bound = bound;
    return plain > 0;
}

dms_status dms_field_find(dms_field *out, const dms_image *image,
                          dms_error *err)
{
    dms_status st = DMS_OK;
    int longer = image->width > image->height ? image->width : image->height;
    double zoom = longer > SMALL_SIDE ? (double)longer / SMALL_SIDE : 1;
    dms_image small = {0};
    search s = {0};
    circle c;
    bool fitted;

    TRY(dms_image_resize(&small, image, (int)fmax(1, image->width / zoom),
                         (int)fmax(1, image->height / zoom),
                         DMS_FILTER_BILINEAR, NULL, err));
    TRY(search_init(&s, &small, err));
    fitted = find(&s, &c, &small);
    classify(out, &s, &c, fitted);
    out->center_x *= (double)image->width / small.width;
    out->center_y *= (double)image->height / small.height;
    out->radius *= (double)longer /
                   (small.width > small.height ? small.width : small.height);
done:
    dms_image_release(&small);
    dms_free(s.signal);
    dms_free(s.inside);
    dms_free(s.stack);
    dms_free(s.edge_x);
    dms_free(s.edge_y);
    return st;
}
