/* Round numbers for axes: steps of 1, 2 or 5 times a power of ten. */
#include "report/svg_axis.h"

#include <math.h>

#include "base/number.h"

enum { STEPS_WANTED = 5 };

void dms_svg_axis_hold(dms_svg_axis *axis, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double v = values[i];

        if (!isfinite(v) || (axis->logarithmic && v <= 0))
            continue;
        axis->low = v < axis->low ? v : axis->low;
        axis->high = v > axis->high ? v : axis->high;
    }
}

/* The step between ticks of an axis that is `span` long. */
static double round_step(double span)
{
    double rough = span / STEPS_WANTED;
    double power = pow(10, floor(log10(rough)));
    double leading = rough / power;

    /* 1e-9: a fifth of a round span is round itself */
    return power * (leading < 1.5 - 1e-9 ? 1
                    : leading < 3 - 1e-9 ? 2
                    : leading < 7 - 1e-9 ? 5
                                         : 10);
}

void dms_svg_axis_round(dms_svg_axis *axis)
{
    double step;

    if (!(axis->low <= axis->high)) {
        axis->low = axis->logarithmic ? 0.1 : 0;
        axis->high = 1;
    }
    if (axis->logarithmic) {
        axis->low = pow(10, floor(log10(axis->low)));
        axis->high = pow(10, ceil(log10(axis->high)));
        axis->high *= axis->low < axis->high ? 1 : 10;
        return;
    }
    if (axis->low == axis->high) {
        double room = axis->low != 0 ? fabs(axis->low) / 10 : 1;

        axis->low -= room;
        axis->high += room;
    }
    step = round_step(axis->high - axis->low);
    /* 1e-9: an end that is a multiple up to rounding stays */
    axis->low = step * floor(axis->low / step + 1e-9);
    axis->high = step * ceil(axis->high / step - 1e-9);
}

double dms_svg_axis_place(const dms_svg_axis *axis, double value)
{
    double place;

    if (axis->names)
        place = (value + 0.5) / (double)axis->count;
    else if (axis->logarithmic)
        place = value > axis->low
                    ? log(value / axis->low) / log(axis->high / axis->low)
                    : 0;
    else
        place = (value - axis->low) / (axis->high - axis->low);
    return fmin(fmax(place, 0), 1);
}

static void add_tick(dms_svg_ticks *ticks, double at, int decimals)
{
    char *text = ticks->text[ticks->count];

    if (ticks->count == DMS_SVG_TICKS_MAX)
        return;
    if (decimals < 0)
        dms_format(text, DMS_SVG_TICK_TEXT_MAX, "%.6g", at);
    else
        dms_format(text, DMS_SVG_TICK_TEXT_MAX, "%.*f", decimals, at);
    ticks->at[ticks->count++] = at;
}

/* Powers of ten, every second or third of them if there are many. */
static void find_powers(dms_svg_ticks *ticks, const dms_svg_axis *axis)
{
    int first = (int)ceil(log10(axis->low) - 1e-9);
    int last = (int)floor(log10(axis->high) + 1e-9);
    int step = (last - first) / 8 + 1;

    for (int power = first; power <= last; power += step)
        add_tick(ticks, pow(10, power), -1);
}

void dms_svg_ticks_find(dms_svg_ticks *ticks, const dms_svg_axis *axis)
{
    double step, first, last;
    int decimals;

    ticks->count = 0;
    if (axis->logarithmic) {
        find_powers(ticks, axis);
        return;
    }
    step = round_step(axis->high - axis->low);
    first = ceil(axis->low / step - 1e-9);
    last = floor(axis->high / step + 1e-9);
    decimals = (int)fmax(0, -floor(log10(step) + 1e-9));
    /* very large and very small numbers are written with exponents */
    if (decimals > 6 || fmax(fabs(axis->low), fabs(axis->high)) >= 1e7)
        decimals = -1;
    for (int i = 0; i <= (int)(last - first); i++) {
        double at = first + i;

        add_tick(ticks, at == 0 ? 0 : at * step, decimals);
    }
}
