/* A comparison for people: text of 80 columns, or Markdown. Sets are called A,
 * B, C ... so that tables stay narrow whatever the files are called. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/name.h"
#include "base/strbuf.h"
#include "eval/comparison.h"
#include "report/grid.h"

/* Where a document is written, and how. */
typedef struct document {
    dms_strbuf out;
    const dms_comparison *comparison;
    bool markdown;
} document;

static void put_heading(document *d, const char *text)
{
    dms_strbuf_printf(&d->out, d->markdown ? "\n## %s\n\n" : "\n%s\n\n", text);
}

static void put_grid(document *d, const dms_grid *grid)
{
    if (d->markdown)
        dms_grid_put_markdown(&d->out, grid);
    else
        dms_grid_put_text(&d->out, grid);
}

/* A name in a line; in Markdown its signs are only signs. */
static void put_name(document *d, const char *name)
{
    char next[DMS_NAME_NEXT_MAX];

    while (*name) {
        name += dms_name_next(next, name, true);
        for (const char *c = next; *c; c++) {
            if (d->markdown && strchr("\\`*_{}[]<>()#+!|&~", *c))
                dms_strbuf_puts(&d->out, "\\");
            dms_strbuf_add(&d->out, c, 1);
        }
    }
}

static void put_left_out(document *d)
{
    const dms_compare_counts *counts = &d->comparison->counts;
    const char *mark = d->markdown ? "* " : "";

    if (counts->unlabelled)
        dms_strbuf_printf(&d->out, "%sleft out: %zu patients without labels\n",
                          mark, counts->unlabelled);
    if (counts->several_labels)
        dms_strbuf_printf(&d->out,
                          "%sleft out: %zu patients with several labels\n",
                          mark, counts->several_labels);
    if (counts->incomplete)
        dms_strbuf_printf(
            &d->out, "%sleft out: %zu patients whom not every set predicts\n",
            mark, counts->incomplete);
    if (counts->other)
        dms_strbuf_printf(&d->out,
                          "%sleft out: %zu predictions for ids outside of the "
                          "table or split\n",
                          mark, counts->other);
}

static void put_head(document *d)
{
    const dms_comparison *c = d->comparison;
    const char *mark = d->markdown ? "* " : "";

    if (d->markdown)
        dms_strbuf_puts(&d->out, "# Comparison of predictions\n\n");
    dms_strbuf_printf(&d->out, "%s%zu patients, ", mark, c->counts.patients);
    if (dms_label_set_task(c->label_set) == DMS_TASK_SINGLE_LABEL)
        dms_strbuf_puts(
            &d->out, "single-label: the most probable class is the decision\n");
    else if (isnan(c->threshold))
        dms_strbuf_puts(&d->out, "multi-label: each set's own thresholds\n");
    else
        dms_strbuf_printf(&d->out,
                          "multi-label: positive where probability > %g\n",
                          c->threshold);
    put_left_out(d);
    for (size_t s = 0; s < c->set_count; s++) {
        dms_strbuf_printf(&d->out, "%s%c: ", mark, (int)('A' + s));
        put_name(d, c->names[s]);
        dms_strbuf_puts(&d->out, "\n");
    }
    if (c->resamples)
        dms_strbuf_printf(&d->out,
                          "%s%zu bootstrap resamples of patients, the same for "
                          "all sets; seed %" PRIu64 "\n",
                          mark, c->resamples, c->seed);
}

static void put_figures(document *d)
{
    static const char *const header[] = {"figure", "set", "value", "low",
                                         "high"};
    const dms_comparison *c = d->comparison;
    dms_grid grid;

    put_heading(d, "Figures, with 95 % intervals");
    dms_grid_init(&grid, 5, 2);
    for (size_t i = 0; i < 5; i++)
        dms_grid_add(&grid, header[i]);
    for (int m = 0; m < DMS_METRICS; m++)
        for (size_t s = 0; c->tested[m] && s < c->set_count; s++) {
            const char letter[] = {(char)('A' + s), '\0'};
            const dms_figure *figure =
                dms_comparison_figure(c, s, (dms_metric)m);

            dms_grid_add(&grid, s ? "" : dms_metric_name((dms_metric)m));
            dms_grid_add(&grid, letter);
            dms_grid_add_real(&grid, figure->value, false);
            dms_grid_add_real(&grid, figure->low, false);
            dms_grid_add_real(&grid, figure->high, false);
        }
    put_grid(d, &grid);
    dms_grid_release(&grid);
}

static void add_pair(dms_grid *grid, const dms_comparison *c, size_t pair)
{
    const char text[] = {(char)('A' + c->pairs[pair].second), ' ', '-', ' ',
                         (char)('A' + c->pairs[pair].first),  '\0'};

    dms_grid_add(grid, text);
}

static void add_difference(dms_grid *grid, const dms_difference *difference)
{
    dms_grid_add_real(grid, difference->value, true);
    dms_grid_add_real(grid, difference->low, true);
    dms_grid_add_real(grid, difference->high, true);
    dms_grid_add_p(grid, difference->p);
    dms_grid_add_p(grid, difference->p_holm);
}

static void put_metrics(document *d)
{
    static const char *const header[] = {"pair", "figure", "difference", "low",
                                         "high", "p",      "p (Holm)"};
    const dms_comparison *c = d->comparison;
    dms_grid grid;

    put_heading(d, "Differences: paired bootstrap");
    dms_grid_init(&grid, 7, 2);
    for (size_t i = 0; i < 7; i++)
        dms_grid_add(&grid, header[i]);
    for (size_t p = 0; p < c->pair_count; p++)
        for (int m = 0; m < DMS_METRICS; m++) {
            const dms_difference *difference =
                dms_comparison_metric(c, p, (dms_metric)m);

            if (!difference)
                continue;
            add_pair(&grid, c, p);
            dms_grid_add(&grid, dms_metric_name((dms_metric)m));
            add_difference(&grid, difference);
        }
    put_grid(d, &grid);
    dms_grid_release(&grid);
}

static void put_aucs(document *d)
{
    static const char *const header[] = {"pair",   "label",      "first",
                                         "second", "difference", "low",
                                         "high",   "p",          "p (Holm)"};
    const dms_comparison *c = d->comparison;
    dms_grid grid;

    put_heading(d, "AUC of each label: DeLong's test");
    dms_grid_init(&grid, 9, 2);
    for (size_t i = 0; i < 9; i++)
        dms_grid_add(&grid, header[i]);
    for (size_t p = 0; p < c->pair_count; p++)
        for (int k = 0; k < (int)c->width; k++) {
            const size_t sets[] = {c->pairs[p].first, c->pairs[p].second};

            add_pair(&grid, c, p);
            dms_grid_add(&grid, dms_label_set_code(c->label_set, k));
            for (int i = 0; i < 2; i++)
                dms_grid_add_real(&grid,
                                  dms_comparison_label_figure(
                                      c, sets[i], k, DMS_LABEL_METRIC_AUC)
                                      ->value,
                                  false);
            add_difference(&grid, dms_comparison_auc(c, p, k));
        }
    put_grid(d, &grid);
    dms_grid_release(&grid);
}

static void put_decisions(document *d)
{
    static const char *const header[] = {
        "pair", "label",   "only first right", "only second right",
        "p",    "p (Holm)"};
    const dms_comparison *c = d->comparison;
    dms_grid grid;

    put_heading(d,
                "Decisions of each label: McNemar's exact test, in patients");
    dms_grid_init(&grid, 6, 2);
    for (size_t i = 0; i < 6; i++)
        dms_grid_add(&grid, header[i]);
    for (size_t p = 0; p < c->pair_count; p++)
        for (int k = 0; k < (int)c->width; k++) {
            const dms_discordance *found = dms_comparison_decisions(c, p, k);

            add_pair(&grid, c, p);
            dms_grid_add(&grid, dms_label_set_code(c->label_set, k));
            dms_grid_add_count(&grid, found->first_only);
            dms_grid_add_count(&grid, found->second_only);
            dms_grid_add_p(&grid, found->p);
            dms_grid_add_p(&grid, found->p_holm);
        }
    put_grid(d, &grid);
    dms_grid_release(&grid);
}

/* If all tests of the bootstrap had the least p there is, Holm's correction
 * would multiply it by their number. */
static void put_resamples_note(document *d)
{
    const dms_comparison *c = d->comparison;
    size_t tests = 0;
    double least;

    for (size_t i = 0; i < c->pair_count * DMS_METRICS; i++)
        tests += !isnan(c->metrics[i].p);
    least = 2 * (double)tests / (1 + (double)c->resamples);
    if (tests && least > 0.05)
        dms_strbuf_printf(&d->out,
                          "TOO FEW RESAMPLES: of %zu tests the least p (Holm) "
                          "that they can give is %.2f.\n",
                          tests, fmin(1, least));
}

static dms_status write_document(char **text, const dms_comparison *comparison,
                                 bool markdown, dms_error *err)
{
    document d = {.comparison = comparison, .markdown = markdown};
    char *whole;

    dms_strbuf_init(&d.out);
    put_head(&d);
    put_figures(&d);
    put_metrics(&d);
    put_aucs(&d);
    put_decisions(&d);
    dms_strbuf_puts(
        &d.out,
        "\nB - A: what B has more than A; B is the second, A the first.\n"
        "Holm: corrected for all tests of the same table. '-': undefined.\n");
    put_resamples_note(&d);
    whole = dms_strbuf_detach(&d.out);
    if (!whole)
        return dms_fail_memory(err, "the comparison's text");
    *text = whole;
    return DMS_OK;
}

dms_status dms_comparison_text(char **text, const dms_comparison *comparison,
                               dms_error *err)
{
    return write_document(text, comparison, false, err);
}

dms_status dms_comparison_markdown(char **text,
                                   const dms_comparison *comparison,
                                   dms_error *err)
{
    return write_document(text, comparison, true, err);
}
