/* Axes of charts: their ends, from data to pixels, ticks. */
#ifndef DMS_REPORT_SVG_AXIS_H
#define DMS_REPORT_SVG_AXIS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* Borrowed strings; zero fields are "none". */
typedef struct dms_svg_axis {
    const char *title;
    double low, high; /* low < high; low > 0 if logarithmic */
    bool logarithmic;
    /* A name per place 0, 1, ... instead of numbers; low and high are then
     * not used. On a y axis, place 0 is the topmost. */
    const char *const *names;
    size_t count;
} dms_svg_axis;

/* Numbers that hold nothing yet, for dms_svg_axis_hold. */
#define DMS_SVG_AXIS_EMPTY                                                     \
    {                                                                          \
        .low = INFINITY, .high = -INFINITY                                     \
    }

/* Widen the axis so that it holds all finite values (of a logarithmic axis: all
 * positive ones). */
void dms_svg_axis_hold(dms_svg_axis *axis, const double *values, size_t count);

/* Move both ends outwards to round numbers. An axis that holds nothing becomes
 * 0 to 1, and one that holds a single value gets room around it. */
void dms_svg_axis_round(dms_svg_axis *axis);

/* Where a value lies between the axis's ends: 0 at its low end (or before its
 * first name), 1 at its high end; values beyond are clamped. Not for NaN. */
double dms_svg_axis_place(const dms_svg_axis *axis, double value);

enum { DMS_SVG_TICKS_MAX = 16, DMS_SVG_TICK_TEXT_MAX = 32 };

/* Ticks of an axis with numbers: multiples of 1, 2 or 5 times a power of ten
 * (powers of ten if logarithmic), within its ends. */
typedef struct dms_svg_ticks {
    double at[DMS_SVG_TICKS_MAX];
    char text[DMS_SVG_TICKS_MAX][DMS_SVG_TICK_TEXT_MAX];
    size_t count;
} dms_svg_ticks;

void dms_svg_ticks_find(dms_svg_ticks *ticks, const dms_svg_axis *axis);

#endif
