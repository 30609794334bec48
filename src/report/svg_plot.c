/* Draws panel by panel into one string; the page's size is known at its end,
 * when the outer element is put around it. */
#include "report/svg_plot.h"

#include <math.h>

#include "base/fail.h"
#include "base/number.h"
#include "report/svg_text.h"

/* Pixels. */
enum {
    MARGIN = 12,
    FONT = 12,
    SMALL = 10,
    TITLE = 14,
    TICK = 4,
    LINE = 18, /* between two lines of the legend */
    SAMPLE = 34,
    SIDE_DEFAULT = 300,
    MARKER = 4
};

/* How much wider bold letters are. */
#define BOLD 1.12

#define INK  "#222222"
#define GREY "#888888"
#define GRID "#e4e4e4"

/* Okabe and Ito's colours, which differ for colour-blind readers too, without
 * yellow, which does not show on white. Four dash patterns and five markers
 * beside them: 20 series differ in black and white. */
static const char *colour_of(int series)
{
    static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73",
                                          "#cc79a7", "#000000", "#e69f00",
                                          "#56b4e9"};

    return colours[series % 7];
}

static const char *dashes_of(int series)
{
    static const char *const dashes[] = {"none", "7 3", "2 2.5", "9 3 2 3"};

    return dashes[series % 4];
}

/* The marker as a path around the origin. */
static const char *marker_of(int series)
{
    static const char *const markers[] = {
        "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z", /* circle */
        "M-3.5 -3.5H3.5V3.5H-3.5Z",            /* square */
        "M0 -4.5L4.3 3.2H-4.3Z",               /* triangle */
        "M0 -5L5 0L0 5L-5 0Z",                 /* diamond */
        "M-4 -4L4 4M4 -4L-4 4"};               /* cross */

    return markers[series % 5];
}

static void put_text(dms_svg_page *page, double x, double y, int size,
                     const char *attributes, const char *text)
{
    dms_strbuf_printf(&page->body,
                      "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%d\" %s>", x, y,
                      size, attributes);
    dms_svg_put_text(&page->body, text);
    dms_strbuf_puts(&page->body, "</text>\n");
}

static void put_segment(dms_svg_page *page, double x0, double y0, double x1,
                        double y1, const char *attributes)
{
    dms_strbuf_printf(&page->body,
                      "<path d=\"M%.1f %.1fL%.1f %.1f\" fill=\"none\" %s/>\n",
                      x0, y0, x1, y1, attributes);
}

void dms_svg_page_begin(dms_svg_page *page, const char *title, int columns)
{
    *page = (dms_svg_page){.title = title,
                           .columns = columns > 0 ? columns : 1,
                           .x = MARGIN,
                           .y = 2 * MARGIN + TITLE,
                           .width = 2 * MARGIN +
                                    BOLD * dms_svg_text_width(title, TITLE)};
    dms_strbuf_init(&page->body);
    put_text(page, MARGIN, MARGIN + TITLE, TITLE, "font-weight=\"bold\"",
             title);
    page->height = page->y;
}

void dms_svg_caption(dms_svg_page *page, const char *text)
{
    put_text(page, MARGIN, page->y + SMALL, FONT, "", text);
    page->width =
        fmax(page->width, 2 * MARGIN + dms_svg_text_width(text, FONT));
    page->y += LINE;
    page->height = page->y;
}

void dms_svg_page_release(dms_svg_page *page)
{
    dms_strbuf_release(&page->body);
}

dms_status dms_svg_page_end(char **text, dms_svg_page *page, dms_error *err)
{
    dms_strbuf out;
    char *whole;

    dms_strbuf_init(&out);
    dms_strbuf_printf(&out,
                      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                      "<svg xmlns=\"http://www.w3.org/2000/svg\" "
                      "width=\"%.0f\" height=\"%.0f\" "
                      "viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
                      "font-family=\"Helvetica, Arial, sans-serif\" "
                      "fill=\"" INK "\">\n<title>",
                      page->width, page->height, page->width, page->height);
    dms_svg_put_text(&out, page->title);
    dms_strbuf_puts(&out, "</title>\n<rect width=\"100%\" height=\"100%\" "
                          "fill=\"#ffffff\"/>\n");
    dms_strbuf_add(&out, page->body.data, page->body.len);
    dms_strbuf_puts(&out, "</svg>\n");
    out.failed = out.failed || page->body.failed;
    whole = dms_strbuf_detach(&out);
    dms_strbuf_release(&out);
    dms_svg_page_release(page);
    if (!whole)
        return dms_fail_memory(err, "a chart");
    *text = whole;
    return DMS_OK;
}

static double x_of(const dms_svg_page *page, double value)
{
    return page->left +
           page->panel.width * dms_svg_axis_place(&page->panel.x, value);
}

/* Numbers grow upwards, names follow each other downwards. */
static double y_of(const dms_svg_page *page, double value)
{
    double place = dms_svg_axis_place(&page->panel.y, value);

    return page->top +
           page->panel.height * (page->panel.y.names ? place : 1 - place);
}

static void draw_x_tick(dms_svg_page *page, double at, const char *text)
{
    double bottom = page->top + page->panel.height;
    double x = x_of(page, at);

    put_segment(page, x, page->top, x, bottom, "stroke=\"" GRID "\"");
    put_segment(page, x, bottom, x, bottom + TICK, "stroke=\"" INK "\"");
    put_text(page, x, bottom + TICK + FONT, SMALL, "text-anchor=\"middle\"",
             text);
}

static void draw_y_tick(dms_svg_page *page, double at, const char *text)
{
    double right = page->left + page->panel.width;
    double y = y_of(page, at);

    put_segment(page, page->left, y, right, y, "stroke=\"" GRID "\"");
    put_segment(page, page->left - TICK, y, page->left, y,
                "stroke=\"" INK "\"");
    put_text(page, page->left - TICK - 3, y + SMALL / 2.0 - 1.5, SMALL,
             "text-anchor=\"end\"", text);
}

static void draw_ticks(dms_svg_page *page, const dms_svg_axis *axis,
                       void (*draw)(dms_svg_page *, double, const char *))
{
    dms_svg_ticks ticks;

    for (size_t i = 0; axis->names && i < axis->count; i++)
        draw(page, (double)i, axis->names[i]);
    if (axis->names)
        return;
    dms_svg_ticks_find(&ticks, axis);
    for (size_t i = 0; i < ticks.count; i++)
        draw(page, ticks.at[i], ticks.text[i]);
}

/* The width of the widest text beside the y axis. */
static double tick_width(const dms_svg_axis *axis)
{
    dms_svg_ticks ticks = {.count = 0};
    double widest = 0;

    if (!axis->names)
        dms_svg_ticks_find(&ticks, axis);
    for (size_t i = 0; i < (axis->names ? axis->count : ticks.count); i++)
        widest = fmax(widest,
                      dms_svg_text_width(
                          axis->names ? axis->names[i] : ticks.text[i], SMALL));
    return widest;
}

static void draw_axis_titles(dms_svg_page *page)
{
    double middle = page->top + page->panel.height / 2;
    double x = page->x + FONT;
    char turned[96];

    if (page->panel.x.title)
        put_text(page, page->left + page->panel.width / 2,
                 page->top + page->panel.height + TICK + 2.5 * FONT, FONT,
                 "text-anchor=\"middle\"", page->panel.x.title);
    if (!page->panel.y.title)
        return;
    dms_format(turned, sizeof turned,
               "text-anchor=\"middle\" transform=\"rotate(-90 %.1f %.1f)\"", x,
               middle);
    put_text(page, x, middle, FONT, turned, page->panel.y.title);
}

void dms_svg_panel_begin(dms_svg_page *page, const dms_svg_panel *panel)
{
    page->panel = *panel;
    if (page->panel.width <= 0)
        page->panel.width = SIDE_DEFAULT;
    if (page->panel.height <= 0)
        page->panel.height = SIDE_DEFAULT;
    page->left = page->x + (panel->y.title ? 2 * FONT : 0) +
                 tick_width(&panel->y) + TICK + 3;
    page->top = page->y + (panel->title ? 2 * FONT : FONT);
    page->entries = 0;
    page->widest =
        panel->title ? BOLD * dms_svg_text_width(panel->title, FONT) : 0;
    dms_strbuf_puts(&page->body, "<g>\n");
    if (panel->title)
        put_text(page, page->left, page->top - FONT / 2.0, FONT,
                 "font-weight=\"bold\"", panel->title);
    draw_ticks(page, &page->panel.x, draw_x_tick);
    draw_ticks(page, &page->panel.y, draw_y_tick);
    dms_strbuf_printf(&page->body,
                      "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                      "height=\"%.1f\" fill=\"none\" stroke=\"" INK "\"/>\n",
                      page->left, page->top, page->panel.width,
                      page->panel.height);
    draw_axis_titles(page);
}

/* Below the axis and its title. */
static double legend_top(const dms_svg_page *page)
{
    return page->top + page->panel.height + TICK +
           (page->panel.x.title ? 3 : 1.5) * FONT;
}

void dms_svg_panel_end(dms_svg_page *page)
{
    /* half of the last tick's text may stick out on the right */
    double right =
        page->left + fmax(page->panel.width + SMALL + FONT, page->widest);
    double bottom = legend_top(page) + page->entries * LINE + MARGIN;

    dms_strbuf_puts(&page->body, "</g>\n");
    page->width = fmax(page->width, right + MARGIN);
    page->row_height = fmax(page->row_height, bottom - page->y);
    page->height = fmax(page->height, page->y + page->row_height);
    page->x = right + MARGIN;
    if (++page->column == page->columns) {
        page->column = 0;
        page->x = MARGIN;
        page->y += page->row_height;
        page->row_height = 0;
    }
}

static void begin_line(dms_svg_page *page, int series)
{
    dms_strbuf_printf(&page->body,
                      "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" "
                      "stroke-linejoin=\"round\" stroke-dasharray=\"%s\" d=\"",
                      colour_of(series), dashes_of(series));
}

void dms_svg_line(dms_svg_page *page, int series, const double *x,
                  const double *y, size_t count)
{
    bool drawing = false;

    begin_line(page, series);
    for (size_t i = 0; i < count; i++) {
        bool known = !isnan(x[i]) && !isnan(y[i]);

        if (known)
            dms_strbuf_printf(&page->body, "%s%.2f %.2f", drawing ? "L" : "M",
                              x_of(page, x[i]), y_of(page, y[i]));
        drawing = known;
    }
    dms_strbuf_puts(&page->body, "\"/>\n");
}

static void put_marker(dms_svg_page *page, int series, double x, double y)
{
    dms_strbuf_printf(&page->body,
                      "<path transform=\"translate(%.2f %.2f)\" fill=\"%s\" "
                      "stroke=\"%s\" stroke-width=\"1.2\" d=\"%s\"/>\n",
                      x, y, colour_of(series), colour_of(series),
                      marker_of(series));
}

void dms_svg_points(dms_svg_page *page, int series, const double *x,
                    const double *y, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isnan(x[i]) && !isnan(y[i]))
            put_marker(page, series, x_of(page, x[i]), y_of(page, y[i]));
}

void dms_svg_interval(dms_svg_page *page, int series, double y, double low,
                      double value, double high)
{
    double at = y_of(page, y);

    if (!isnan(low) && !isnan(high)) {
        double from = x_of(page, low), to = x_of(page, high);

        dms_strbuf_printf(
            &page->body,
            "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" "
            "d=\"M%.2f %.2fH%.2fM%.2f %.2fv%dM%.2f %.2fv%d\"/>\n",
            colour_of(series), from, at, to, from, at - MARKER, 2 * MARKER, to,
            at - MARKER, 2 * MARKER);
    }
    if (!isnan(value))
        put_marker(page, series, x_of(page, value), at);
}

void dms_svg_rule(dms_svg_page *page, double x0, double y0, double x1,
                  double y1)
{
    put_segment(page, x_of(page, x0), y_of(page, y0), x_of(page, x1),
                y_of(page, y1), "stroke=\"" GREY "\" stroke-dasharray=\"4 4\"");
}

void dms_svg_text(dms_svg_page *page, double x, double y, dms_svg_anchor anchor,
                  const char *text)
{
    static const char *const anchors[] = {"text-anchor=\"start\"",
                                          "text-anchor=\"middle\"",
                                          "text-anchor=\"end\""};

    put_text(page, x_of(page, x), y_of(page, y), SMALL, anchors[anchor], text);
}

void dms_svg_legend(dms_svg_page *page, int series, dms_svg_sample sample,
                    const char *text)
{
    double y = legend_top(page) + (page->entries + 0.5) * LINE;

    if (sample != DMS_SVG_AS_POINTS) {
        begin_line(page, series);
        dms_strbuf_printf(&page->body, "M%.1f %.1fh%d\"/>\n", page->left, y,
                          SAMPLE);
    }
    if (sample != DMS_SVG_AS_LINE)
        put_marker(page, series, page->left + SAMPLE / 2.0, y);
    put_text(page, page->left + SAMPLE + 6, y + FONT / 2.0 - 2, FONT, "", text);
    page->widest =
        fmax(page->widest, SAMPLE + 6 + dms_svg_text_width(text, FONT));
    page->entries++;
}
