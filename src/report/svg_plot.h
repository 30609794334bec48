/* Charts as SVG files: panels with axes, lines, points with intervals, legends.
 *
 *     dms_svg_page page;
 *     dms_svg_panel panel = {.title = "loss",
 *                            .x = {.title = "epoch", .low = 1, .high = 7},
 *                            .y = DMS_SVG_AXIS_EMPTY};
 *
 *     dms_svg_page_begin(&page, "Learning curves", 2);
 *     dms_svg_axis_hold(&panel.y, losses, 7);
 *     dms_svg_axis_round(&panel.y);
 *     dms_svg_panel_begin(&page, &panel);
 *     dms_svg_line(&page, 0, epochs, losses, 7);
 *     dms_svg_legend(&page, 0, DMS_SVG_AS_LINE, "train");
 *     dms_svg_panel_end(&page);
 *     st = dms_svg_page_end(&text, &page, err);
 *
 * Coordinates are the data's. A value beyond an axis is drawn at the axis's
 * end. Texts are UTF-8 or names (base/name.h); they are escaped here.
 *
 * A series has a number, from 0: it chooses a colour, a dash pattern and a
 * marker together, so that series differ without colour too. */
#ifndef DMS_REPORT_SVG_PLOT_H
#define DMS_REPORT_SVG_PLOT_H

#include <stddef.h>

#include "base/strbuf.h"
#include "dms/status.h"
#include "report/svg_axis.h"

typedef struct dms_svg_panel {
    const char *title;
    dms_svg_axis x, y;
    double width, height; /* of the plotted area, in pixels; 0: 300 */
} dms_svg_panel;

/* A page being written. The fields belong to svg_plot.c. */
typedef struct dms_svg_page {
    dms_strbuf body; /* the page without its outer element */
    const char *title;
    int columns, column;  /* panels per row; the next panel's place */
    double width, height; /* so far */
    double x, y;          /* where the next panel starts */
    double row_height;
    /* The open panel. */
    dms_svg_panel panel;
    double left, top; /* of the plotted area, on the page */
    int entries;      /* of the legend */
    double widest;    /* text of title and legend */
} dms_svg_page;

/* Start a page of panels from left to right, `columns` per row.
 * title is borrowed until the end. Nothing here fails: a lack of memory shows
 * at dms_svg_page_end. */
void dms_svg_page_begin(dms_svg_page *page, const char *title, int columns);

/* A line of text under the title, before the first panel. */
void dms_svg_caption(dms_svg_page *page, const char *text);

/* text  out: the file, to be freed with dms_free; unchanged on failure.
 * Releases the page in any case. DMS_ENOMEM. */
dms_status dms_svg_page_end(char **text, dms_svg_page *page, dms_error *err);

/* Frees a page that is given up before its end. */
void dms_svg_page_release(dms_svg_page *page);

/* One panel is open at a time; the strings are borrowed until its end. */
void dms_svg_panel_begin(dms_svg_page *page, const dms_svg_panel *panel);
void dms_svg_panel_end(dms_svg_page *page);

/* A line through count points; a NaN interrupts it. */
void dms_svg_line(dms_svg_page *page, int series, const double *x,
                  const double *y, size_t count);

/* The series' marker at each point; none where x or y is NaN. */
void dms_svg_points(dms_svg_page *page, int series, const double *x,
                    const double *y, size_t count);

/* A horizontal bar with ends from low to high, and the series' marker at value.
 * Draws what is not NaN. */
void dms_svg_interval(dms_svg_page *page, int series, double y, double low,
                      double value, double high);

/* A thin grey dashed line for reference. */
void dms_svg_rule(dms_svg_page *page, double x0, double y0, double x1,
                  double y1);

typedef enum dms_svg_anchor {
    DMS_SVG_START, /* the text begins at the point */
    DMS_SVG_MIDDLE,
    DMS_SVG_END
} dms_svg_anchor;

/* A small text beside a point of the panel. */
void dms_svg_text(dms_svg_page *page, double x, double y, dms_svg_anchor anchor,
                  const char *text);

/* How the legend shows a series. */
typedef enum dms_svg_sample {
    DMS_SVG_AS_LINE,
    DMS_SVG_AS_POINTS,
    DMS_SVG_AS_BOTH
} dms_svg_sample;

/* Add a line to the legend below the panel. */
void dms_svg_legend(dms_svg_page *page, int series, dms_svg_sample sample,
                    const char *text);

#endif
