/* Describes the surroundings of the retina by the picture's corners. Three of
 * the four must agree, because a label or a date often fills one. */
#include "image/surroundings.h"

#include <stdlib.h>
#include <string.h>

enum {
    CORNERS = 4,
    WHITE = 200,    /* above this in every channel is white */
    BLACK = 40,     /* up to this in every channel is black */
    EVEN = 6,       /* mean distance from a corner's own mean colour */
    ONE_COLOUR = 12 /* largest difference between the corners' colours */
};

/* A small square in a corner of the picture. */
typedef struct corner {
    int mean[3];   /* of each channel */
    int darkest;   /* mean of the pixels' lowest channel */
    int brightest; /* mean of the pixels' highest channel */
    int spread;    /* mean distance of the pixels from `mean`, worst channel */
} corner;

static int least(const uint8_t *p)
{
    int low = p[0] < p[1] ? p[0] : p[1];

    return low < p[2] ? low : p[2];
}

static int most(const uint8_t *p)
{
    int high = p[0] > p[1] ? p[0] : p[1];

    return high > p[2] ? high : p[2];
}

static corner look_at(const dms_image *im, int number)
{
    int side = (im->width < im->height ? im->width : im->height) / 32 + 1;
    int x0 = number & 1 ? im->width - side : 0;
    int y0 = number & 2 ? im->height - side : 0;
    long sum[3] = {0}, low = 0, high = 0, off[3] = {0};
    long count = (long)side * side;
    corner c = {{0}, 0, 0, 0};

    for (int pass = 0; pass < 2; pass++) {
        for (int y = y0; y < y0 + side; y++)
            for (int x = x0; x < x0 + side; x++) {
                const uint8_t *p =
                    im->rgb + 3 * ((size_t)y * (size_t)im->width + (size_t)x);

                for (int k = 0; k < 3; k++)
                    if (pass == 0)
                        sum[k] += p[k];
                    else
                        off[k] += abs(p[k] - c.mean[k]);
                low += pass == 0 ? least(p) : 0;
                high += pass == 0 ? most(p) : 0;
            }
        for (int k = 0; k < 3; k++)
            c.mean[k] = (int)(sum[k] / count);
    }
    for (int k = 0; k < 3; k++)
        if ((int)(off[k] / count) > c.spread)
            c.spread = (int)(off[k] / count);
    c.darkest = (int)(low / count);
    c.brightest = (int)(high / count);
    return c;
}

static bool same_colour(const corner *a, const corner *b)
{
    for (int k = 0; k < 3; k++)
        if (abs(a->mean[k] - b->mean[k]) > ONE_COLOUR)
            return false;
    return true;
}

/* The colour that three even corners share. */
static bool find_colour(uint8_t colour[3], const corner *corners)
{
    for (int i = 0; i < CORNERS; i++) {
        int same = 0;

        for (int k = 0; k < CORNERS; k++)
            same += corners[k].spread <= EVEN &&
                    same_colour(&corners[i], &corners[k]);
        if (same < CORNERS - 1 || corners[i].spread > EVEN)
            continue;
        for (int k = 0; k < 3; k++)
            colour[k] = (uint8_t)corners[i].mean[k];
        return true;
    }
    return false;
}

/* The second highest of the corners' levels. */
static int level_of(const corner *corners)
{
    int first = 0, second = 0;

    for (int i = 0; i < CORNERS; i++) {
        int level = corners[i].brightest;

        if (level >= first)
            second = first, first = level;
        else if (level > second)
            second = level;
    }
    return second;
}

void dms_surroundings_look(dms_surroundings *out, const dms_image *im)
{
    corner corners[CORNERS];
    int white = 0;

    *out = (dms_surroundings){.white = false};
    for (int i = 0; i < CORNERS; i++) {
        corners[i] = look_at(im, i);
        white += corners[i].darkest > WHITE;
    }
    out->white = white >= CORNERS - 1;
    out->level = level_of(corners);
    out->coloured = !out->white && find_colour(out->colour, corners) &&
                    most(out->colour) > BLACK;
}

uint8_t dms_surroundings_distance(const dms_surroundings *around,
                                  const uint8_t rgb[3])
{
    int most_apart = 0;

    for (int c = 0; c < 3; c++)
        if (abs(rgb[c] - around->colour[c]) > most_apart)
            most_apart = abs(rgb[c] - around->colour[c]);
    return (uint8_t)most_apart;
}
