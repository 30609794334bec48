/* A comparison as charts: ROC and precision-recall curves of each label, and
 * intervals of the differences. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/number.h"
#include "eval/comparison.h"
#include "eval/curve.h"
#include "report/svg_plot.h"

enum { CURVES_PER_ROW = 4, CURVE_SIDE = 240, ROW_HEIGHT = 20 };

/* Which letter is which set. */
static void put_sets(dms_svg_page *page, const dms_comparison *c)
{
    for (size_t s = 0; s < c->set_count; s++) {
        dms_strbuf text;

        dms_strbuf_init(&text);
        dms_strbuf_printf(&text, "%c: %s", (int)('A' + s), c->names[s]);
        dms_svg_caption(page, text.data);
        page->body.failed = page->body.failed || text.failed;
        dms_strbuf_release(&text);
    }
}

/* Precision by recall as steps: average precision is the area below them. */
static dms_status draw_steps(dms_svg_page *page, int series,
                             const dms_curve *curve, dms_error *err)
{
    double *x = dms_calloc(2 * curve->count, 2 * sizeof *x);
    double *y = x ? x + 2 * curve->count : NULL;
    size_t count = 0;

    if (!x)
        return dms_fail_memory(err, "the points of a curve");
    for (size_t i = 1; i < curve->count; i++) {
        if (curve->recall[i] == curve->recall[i - 1])
            continue; /* no step: only more false positives */
        x[count] = curve->recall[i - 1];
        x[count + 1] = curve->recall[i];
        y[count] = y[count + 1] = curve->precision[i];
        count += 2;
    }
    dms_svg_line(page, series, x, y, count);
    dms_free(x);
    return DMS_OK;
}

/* area  what the legend says of the curve: AUC of ROC curves, else AP */
static dms_status draw_curve(dms_svg_page *page, const dms_comparison *c,
                             size_t s, int k, dms_label_metric area,
                             dms_error *err)
{
    dms_status st = DMS_OK;
    dms_curve curve = {0};
    bool roc = area == DMS_LABEL_METRIC_AUC;
    char text[64];

    TRY(dms_curve_init(&curve, &c->scorings[s].columns[k], err));
    if (roc)
        dms_svg_line(page, (int)s, curve.false_alarm, curve.recall,
                     curve.count);
    else
        TRY(draw_steps(page, (int)s, &curve, err));
    dms_format(text, sizeof text, "%c: %s %.3f", (int)('A' + s),
               roc ? "AUC" : "AP",
               dms_comparison_label_figure(c, s, k, area)->value);
    dms_svg_legend(page, (int)s, DMS_SVG_AS_LINE, text);
done:
    dms_curve_release(&curve);
    return st;
}

/* The label's share of positives: a precision without any knowledge. */
static double share_of(const dms_comparison *c, int k)
{
    const dms_ranking *ranking = &c->scorings[0].columns[k];
    size_t positives = 0;

    for (size_t i = 0; i < ranking->count; i++)
        positives += ranking->cells[i] & 1;
    return (double)positives / (double)ranking->count;
}

static dms_status draw_label(dms_svg_page *page, const dms_comparison *c, int k,
                             dms_label_metric area, dms_error *err)
{
    dms_status st = DMS_OK;
    bool roc = area == DMS_LABEL_METRIC_AUC;
    const dms_svg_panel panel = {
        .title = dms_label_set_name(c->label_set, k),
        .x = {.title = roc ? "false positive rate" : "recall",
              .low = 0,
              .high = 1},
        .y = {.title = roc ? "true positive rate" : "precision",
              .low = 0,
              .high = 1},
        .width = CURVE_SIDE,
        .height = CURVE_SIDE};

    dms_svg_panel_begin(page, &panel);
    if (roc)
        dms_svg_rule(page, 0, 0, 1, 1);
    else
        dms_svg_rule(page, 0, share_of(c, k), 1, share_of(c, k));
    for (size_t s = 0; s < c->set_count; s++)
        TRY(draw_curve(page, c, s, k, area, err));
    dms_svg_panel_end(page);
done:
    return st;
}

static dms_status draw_curves(const char *folder, const char *name,
                              const char *title, const dms_comparison *c,
                              dms_label_metric area, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_svg_page page;
    char *text = NULL;

    dms_svg_page_begin(&page, title, CURVES_PER_ROW);
    put_sets(&page, c);
    for (int k = 0; k < (int)c->width; k++) {
        const dms_figure *auc =
            dms_comparison_label_figure(c, 0, k, DMS_LABEL_METRIC_AUC);

        if (!isnan(auc->value)) /* both classes occur */
            TRY(draw_label(&page, c, k, area, err));
    }
    TRY(dms_svg_page_end(&text, &page, err));
    TRY(dms_folder_write(folder, name, text, err));
done:
    dms_svg_page_release(&page);
    dms_free(text);
    return st;
}

/* Rows of a panel, labels' or metrics': a name and an interval. */
static_assert((int)DMS_METRICS <= (int)DMS_LABELS_MAX, "rows of a forest");
typedef struct forest {
    const char *names[DMS_LABELS_MAX];
    char texts[DMS_LABELS_MAX][DMS_LABEL_CODE_MAX + 64];
    dms_difference rows[DMS_LABELS_MAX];
    size_t count;
} forest;

/* Append ", p 0.012" or the like. */
static void put_p(char *text, size_t size, const char *what, double p)
{
    size_t len = strlen(text);

    if (p < 0.001)
        dms_format(text + len, size - len, "%s <0.001", what);
    else
        dms_format(text + len, size - len, "%s %.3f", what, p);
}

static void add_row(forest *f, const char *name, const dms_difference *row)
{
    char *text = f->texts[f->count];
    size_t size = sizeof f->texts[f->count];

    dms_format(text, size, "%s", name);
    if (!isnan(row->p)) {
        put_p(text, size, ", p", row->p);
        put_p(text, size, ", Holm", row->p_holm);
    }
    f->names[f->count] = text;
    f->rows[f->count++] = *row;
}

static void draw_forest(dms_svg_page *page, const forest *f,
                        const dms_comparison *c, size_t pair, const char *what,
                        const dms_svg_axis *x)
{
    char title[96], axis[64];
    int first = (int)('A' + c->pairs[pair].first);
    int second = (int)('A' + c->pairs[pair].second);
    dms_svg_panel panel = {.title = title,
                           .x = *x,
                           .y = {.names = f->names, .count = f->count},
                           .height = (double)f->count * ROW_HEIGHT};

    dms_format(title, sizeof title, "%c and %c: %s", second, first, what);
    dms_format(axis, sizeof axis, "%c minus %c, 95 %% interval", second, first);
    panel.x.title = axis;
    dms_svg_panel_begin(page, &panel);
    dms_svg_rule(page, 0, -0.5, 0, (double)f->count - 0.5);
    for (size_t i = 0; i < f->count; i++)
        dms_svg_interval(page, (int)c->pairs[pair].second, (double)i,
                         f->rows[i].low, f->rows[i].value, f->rows[i].high);
    dms_svg_panel_end(page);
}

static void hold(dms_svg_axis *x, const dms_difference *rows, size_t count)
{
    const double zero = 0;

    dms_svg_axis_hold(x, &zero, 1);
    for (size_t i = 0; i < count; i++) {
        const double ends[] = {rows[i].low, rows[i].value, rows[i].high};

        dms_svg_axis_hold(x, ends, 3);
    }
}

/* A row of panels per pair, all metrics' and all labels' on the same scale. */
static dms_status draw_differences(const char *folder, const dms_comparison *c,
                                   dms_error *err)
{
    dms_status st = DMS_OK;
    dms_svg_page page;
    dms_svg_axis metrics = DMS_SVG_AXIS_EMPTY, aucs = DMS_SVG_AXIS_EMPTY;
    char *text = NULL;
    forest *f = dms_calloc(1, sizeof *f);

    if (!f)
        return dms_fail_memory(err, "a chart");
    hold(&metrics, c->metrics, c->pair_count * DMS_METRICS);
    hold(&aucs, c->aucs, c->pair_count * c->width);
    dms_svg_axis_round(&metrics);
    dms_svg_axis_round(&aucs);
    dms_svg_page_begin(&page, "Differences", 2);
    put_sets(&page, c);
    for (size_t p = 0; p < c->pair_count; p++) {
        f->count = 0;
        for (int m = 0; m < DMS_METRICS; m++)
            if (c->tested[m])
                add_row(f, dms_metric_name((dms_metric)m),
                        dms_comparison_metric(c, p, (dms_metric)m));
        draw_forest(&page, f, c, p, "metrics, paired bootstrap", &metrics);
        f->count = 0;
        for (int k = 0; k < (int)c->width; k++)
            add_row(f, dms_label_set_code(c->label_set, k),
                    dms_comparison_auc(c, p, k));
        draw_forest(&page, f, c, p, "AUC of each label, DeLong's test", &aucs);
    }
    TRY(dms_svg_page_end(&text, &page, err));
    TRY(dms_folder_write(folder, "differences.svg", text, err));
done:
    dms_free(text);
    dms_free(f);
    return st;
}

dms_status dms_comparison_draw(const char *folder,
                               const dms_comparison *comparison, dms_error *err)
{
    dms_status st = DMS_OK;

    TRY(dms_folder_make(folder, err));
    TRY(draw_curves(folder, "roc.svg", "ROC curves", comparison,
                    DMS_LABEL_METRIC_AUC, err));
    TRY(draw_curves(folder, "precision-recall.svg", "Precision-recall curves",
                    comparison, DMS_LABEL_METRIC_AP, err));
    TRY(draw_differences(folder, comparison, err));
done:
    return st;
}
