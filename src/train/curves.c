/* Draws the log of epochs. Relies on report/svg_plot.c for axes and marks. */
#include "train/curves.h"

#include <math.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/number.h"
#include "report/svg_plot.h"

enum {
    PANEL_WIDTH = 360,
    PANEL_HEIGHT = 260,
    EPOCHS_SHOWN_MIN = 5, /* below, an axis would have ticks between epochs */
    MARKERS_MAX = 40      /* above, markers would hide the line */
};

/* The log's columns, one value per epoch. */
typedef struct columns {
    size_t count;
    double *epoch; /* owned; the others lie behind it */
    double *train_loss, *val_loss, *metric, *lr;
    size_t best; /* index of the last best epoch; count: none */
} columns;

static dms_status columns_init(columns *c, const dms_metrics_log *log,
                               dms_metric metric, dms_error *err)
{
    size_t n = log->count;

    *c = (columns){.count = n, .best = n};
    c->epoch = dms_calloc(5 * n, sizeof *c->epoch);
    if (!c->epoch)
        return dms_fail_memory(err, "learning curves");
    c->train_loss = c->epoch + n;
    c->val_loss = c->train_loss + n;
    c->metric = c->val_loss + n;
    c->lr = c->metric + n;
    for (size_t i = 0; i < n; i++) {
        const dms_epoch_record *record = &log->records[i];

        c->epoch[i] = (double)record->epoch;
        c->train_loss[i] = record->train_loss;
        c->val_loss[i] = record->val_loss;
        c->metric[i] = record->metrics[metric];
        c->lr[i] = record->lr;
        c->best = record->best ? i : c->best;
    }
    return DMS_OK;
}

static bool has_values(const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i]))
            return true;
    return false;
}

/* other: a second column that the panel must hold, or NULL. */
static void begin_panel(dms_svg_page *page, const columns *c, const char *title,
                        const double *values, const double *other)
{
    dms_svg_panel panel = {
        .title = title,
        .x = {.title = "epoch",
              .high = fmax(c->epoch[c->count - 1], EPOCHS_SHOWN_MIN)},
        .y = DMS_SVG_AXIS_EMPTY,
        .width = PANEL_WIDTH,
        .height = PANEL_HEIGHT};

    dms_svg_axis_hold(&panel.y, values, c->count);
    if (other)
        dms_svg_axis_hold(&panel.y, other, c->count);
    dms_svg_axis_round(&panel.y);
    dms_svg_panel_begin(page, &panel);
}

static void draw(dms_svg_page *page, const columns *c, int series,
                 const double *values, const char *name)
{
    bool marked = c->count <= MARKERS_MAX;

    if (!has_values(values, c->count))
        return;
    dms_svg_line(page, series, c->epoch, values, c->count);
    if (marked)
        dms_svg_points(page, series, c->epoch, values, c->count);
    dms_svg_legend(page, series, marked ? DMS_SVG_AS_BOTH : DMS_SVG_AS_LINE,
                   name);
}

static void draw_losses(dms_svg_page *page, const columns *c)
{
    begin_panel(page, c, "loss", c->train_loss, c->val_loss);
    draw(page, c, 0, c->train_loss, "training");
    draw(page, c, 1, c->val_loss, "validation");
    dms_svg_panel_end(page);
}

static void draw_metric(dms_svg_page *page, const columns *c, const char *name)
{
    char best[64];

    if (!has_values(c->metric, c->count))
        return;
    begin_panel(page, c, name, c->metric, NULL);
    draw(page, c, 0, c->metric, "validation");
    if (c->best < c->count && isfinite(c->metric[c->best])) {
        dms_format(best, sizeof best, "best: epoch %.0f, %.4f",
                   c->epoch[c->best], c->metric[c->best]);
        dms_svg_points(page, 3, &c->epoch[c->best], &c->metric[c->best], 1);
        dms_svg_legend(page, 3, DMS_SVG_AS_POINTS, best);
    }
    dms_svg_panel_end(page);
}

static void draw_rate(dms_svg_page *page, const columns *c)
{
    begin_panel(page, c, "learning rate", c->lr, NULL);
    draw(page, c, 0, c->lr, "at the end of the epoch");
    dms_svg_panel_end(page);
}

dms_status dms_curves_format(char **text, const dms_metrics_log *log,
                             dms_metric metric, dms_error *err)
{
    columns c;
    dms_svg_page page;
    dms_status st;

    TRY(columns_init(&c, log, metric, err));
    dms_svg_page_begin(&page, "Learning curves", 3);
    draw_losses(&page, &c);
    draw_metric(&page, &c, dms_metric_name(metric));
    draw_rate(&page, &c);
    st = dms_svg_page_end(text, &page, err);
done:
    dms_free(c.epoch);
    return st;
}

dms_status dms_curves_write(const dms_metrics_log *log, dms_metric metric,
                            const char *folder, dms_error *err)
{
    char *text = NULL;
    dms_status st;

    TRY(dms_curves_format(&text, log, metric, err));
    TRY(dms_folder_write(folder, "curves.svg", text, err));
done:
    dms_free(text);
    return st;
}
