/* Fills in a comparison: figures of all sets from one bootstrap, differences of
 * pairs, DeLong's and McNemar's tests of each label, Holm's correction. */
#include "eval/comparison.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/growing.h"
#include "eval/bootstrap.h"
#include "eval/delong.h"
#include "eval/holm.h"
#include "eval/mcnemar.h"
#include "eval/scored.h"

enum { RESAMPLES_MAX = 100000 };

void dms_compare_options_init(dms_compare_options *options, size_t struct_size)
{
    const dms_compare_options plain = {
        .threshold = 0.5, .resamples = 10000, .seed = 1};

    dms_growing_init(options, struct_size, &plain, sizeof plain);
}

void dms_comparison_destroy(dms_comparison *c)
{
    if (!c)
        return;
    for (size_t s = 0; s < c->set_count; s++) {
        if (c->names)
            dms_free(c->names[s]);
        if (c->scorings)
            dms_scoring_release(&c->scorings[s]);
    }
    dms_label_set_destroy(c->label_set);
    dms_free(c->names);
    dms_free(c->scorings);
    dms_free(c->figures);
    dms_free(c->pairs);
    dms_free(c->metrics);
    dms_free(c->aucs);
    dms_free(c->decisions);
    dms_free(c);
}

static dms_status choose_metrics(dms_comparison *c,
                                 const dms_compare_options *options,
                                 dms_error *err)
{
    /* by default without a count and the second names of figures */
    for (int m = 0; m < DMS_METRICS; m++)
        c->tested[m] = !options->metrics && m != DMS_METRIC_MACRO_AUC_LABELS &&
                       m != DMS_METRIC_ODIR_KAPPA &&    /* kappa */
                       m != DMS_METRIC_TOP1_ACCURACY && /* accuracy */
                       dms_metric_applies((dms_metric)m, c->label_set);
    for (size_t i = 0; options->metrics && i < options->metric_count; i++) {
        dms_metric metric = options->metrics[i];

        if (metric == DMS_METRIC_MACRO_AUC_LABELS || !dms_metric_name(metric) ||
            !dms_metric_applies(metric, c->label_set))
            return dms_fail(err, DMS_EINVAL,
                            "metric '%s' cannot be compared for these labels",
                            dms_metric_name(metric) ? dms_metric_name(metric)
                                                    : "?");
        c->tested[metric] = true;
    }
    return DMS_OK;
}

static dms_status check(const dms_compare_input *input,
                        const dms_compare_options *options, dms_error *err)
{
    dms_status st = DMS_OK;

    if (input->set_count < 2 || input->set_count > DMS_COMPARED_MAX)
        return dms_fail(err, DMS_EINVAL,
                        "%zu sets of predictions, expected 2 to %d",
                        input->set_count, DMS_COMPARED_MAX);
    if (options->resamples < 0 || options->resamples > RESAMPLES_MAX)
        return dms_fail(err, DMS_EINVAL,
                        "%d bootstrap resamples, expected 0 to %d",
                        options->resamples, RESAMPLES_MAX);
    if (!(options->threshold >= 0 && options->threshold <= 1))
        return dms_fail(err, DMS_EINVAL, "threshold %g, expected 0 to 1",
                        options->threshold);
    for (size_t s = 0; s < input->set_count; s++) {
        const dms_answers answers = {input->label_set, input->labels,
                                     input->sets[s].probabilities,
                                     input->patients};

        TRY(dms_scored_check(&answers, err));
    }
done:
    return st;
}

/* A comparison with room for everything, and its pairs. */
static dms_status create(dms_comparison **out, const dms_compare_input *input,
                         const dms_compare_options *options, dms_error *err)
{
    dms_status st = DMS_OK;
    const dms_label_set *set =
        input->label_set ? input->label_set : dms_label_set_odir();
    size_t sets = input->set_count, pairs = sets * (sets - 1) / 2;
    dms_comparison *c = dms_calloc(1, sizeof *c);

    if (!c)
        return dms_fail_memory(err, "comparison");
    *out = c; /* the caller destroys it in any case */
    c->width = (size_t)dms_label_set_count(set);
    c->set_count = sets;
    c->counts.patients = input->patients;
    c->resamples = (size_t)options->resamples;
    c->seed = options->seed;
    c->threshold = options->threshold;
    TRY(dms_label_set_copy(&c->label_set, set, err));
    TRY(choose_metrics(c, options, err));
    c->names = dms_calloc(sets, sizeof *c->names);
    c->scorings = dms_calloc(sets, sizeof *c->scorings);
    c->figures =
        dms_calloc(sets * dms_figure_count(c->width), sizeof *c->figures);
    c->pairs = dms_calloc(pairs, sizeof *c->pairs);
    c->metrics = dms_calloc(pairs * DMS_METRICS, sizeof *c->metrics);
    c->aucs = dms_calloc(pairs * c->width, sizeof *c->aucs);
    c->decisions = dms_calloc(pairs * c->width, sizeof *c->decisions);
    if (!c->names || !c->scorings || !c->figures || !c->pairs || !c->metrics ||
        !c->aucs || !c->decisions)
        return dms_fail_memory(err, "comparison");
    for (size_t i = 0; i < (options->all_pairs ? sets : 1); i++)
        for (size_t j = i + 1; j < sets; j++)
            c->pairs[c->pair_count++] = (dms_comparison_pairing){i, j};
done:
    return st;
}

static dms_status score_sets(dms_comparison *c, const dms_compare_input *input,
                             dms_error *err)
{
    dms_status st = DMS_OK;
    double thresholds[DMS_LABELS_MAX];

    for (size_t k = 0; k < c->width; k++)
        thresholds[k] = c->threshold;
    for (size_t s = 0; s < c->set_count; s++) {
        const dms_compared *given = &input->sets[s];
        const dms_answers answers = {input->label_set, input->labels,
                                     given->probabilities, input->patients};

        c->names[s] = dms_strdup(given->name);
        if (!c->names[s])
            return dms_fail_memory(err, "comparison");
        TRY(dms_scoring_init(&c->scorings[s], &answers,
                             given->thresholds ? given->thresholds : thresholds,
                             err));
        if (given->thresholds)
            c->threshold = NAN;
    }
done:
    return st;
}

/* Fits dms_bootstrap.measure: the figures of all sets, one after the other. */
static void measure_sets(double *figures, const void *context,
                         const uint32_t *weights)
{
    const dms_comparison *c = context;

    for (size_t s = 0; s < c->set_count; s++)
        dms_scoring_measure(figures + s * dms_figure_count(c->width),
                            &c->scorings[s], weights);
}

/* samples  resamples x sets x figures
 * scratch  resamples */
static void summarise_sets(dms_comparison *c, const double *samples,
                           double *scratch)
{
    size_t figures = c->set_count * dms_figure_count(c->width);

    for (size_t f = 0; f < figures; f++) {
        size_t count;

        for (size_t r = 0; r < c->resamples; r++)
            scratch[r] = samples[r * figures + f];
        count = dms_bootstrap_sort(scratch, c->resamples);
        c->figures[f].low = dms_percentile(scratch, count, 0.025);
        c->figures[f].high = dms_percentile(scratch, count, 0.975);
    }
}

static dms_difference difference_of(const dms_comparison *c, size_t first,
                                    size_t second, const double *samples,
                                    double *scratch)
{
    size_t figures = c->set_count * dms_figure_count(c->width), count;
    dms_difference d = {.value =
                            c->figures[second].value - c->figures[first].value,
                        .p_holm = NAN};

    for (size_t r = 0; r < c->resamples; r++)
        scratch[r] =
            samples[r * figures + second] - samples[r * figures + first];
    count = dms_bootstrap_sort(scratch, c->resamples);
    d.low = dms_percentile(scratch, count, 0.025);
    d.high = dms_percentile(scratch, count, 0.975);
    d.p = isnan(d.value) ? NAN : dms_bootstrap_p(scratch, count);
    return d;
}

static void compare_metrics(dms_comparison *c, const double *samples,
                            double *scratch)
{
    size_t figures = dms_figure_count(c->width);

    for (size_t p = 0; p < c->pair_count; p++)
        for (size_t m = 0; m < DMS_METRICS; m++)
            c->metrics[p * DMS_METRICS + m] =
                c->tested[m] ? difference_of(c, c->pairs[p].first * figures + m,
                                             c->pairs[p].second * figures + m,
                                             samples, scratch)
                             : (dms_difference){NAN, NAN, NAN, NAN, NAN};
}

static dms_status bootstrap(dms_comparison *c, int threads, dms_error *err)
{
    dms_status st = DMS_OK;
    size_t figures = c->set_count * dms_figure_count(c->width);
    const dms_bootstrap drawing = {.patients = c->counts.patients,
                                   .resamples = c->resamples,
                                   .figures = figures,
                                   .seed = c->seed,
                                   .threads = threads,
                                   .measure = measure_sets,
                                   .context = c};
    double *samples = NULL;
    double *values = dms_calloc(figures, sizeof *values);
    double *scratch = dms_calloc(c->resamples, sizeof *scratch);
    uint32_t *ones = dms_calloc(c->counts.patients, sizeof *ones);

    if (!values || !scratch || !ones) {
        st = dms_fail_memory(err, "comparison");
        goto done;
    }
    for (size_t i = 0; i < c->counts.patients; i++)
        ones[i] = 1;
    measure_sets(values, c, ones);
    for (size_t f = 0; f < figures; f++)
        c->figures[f].value = values[f];
    TRY(dms_bootstrap_draw(&samples, &drawing, err));
    summarise_sets(c, samples, scratch);
    compare_metrics(c, samples, scratch);
done:
    dms_free(samples);
    dms_free(values);
    dms_free(scratch);
    dms_free(ones);
    return st;
}

static void compare_label(dms_comparison *c, double *components, size_t k)
{
    size_t patients = c->counts.patients;
    const dms_ranking *ranking = &c->scorings[0].columns[k];

    for (size_t s = 0; s < c->set_count; s++)
        dms_delong_components(components + s * patients,
                              &c->scorings[s].columns[k]);
    for (size_t p = 0; p < c->pair_count; p++) {
        size_t a = c->pairs[p].first, b = c->pairs[p].second;
        dms_discordance *d = &c->decisions[p * c->width + k];
        dms_delong t = dms_delong_test(ranking, components + a * patients,
                                       components + b * patients);

        c->aucs[p * c->width + k] =
            (dms_difference){t.difference, t.low, t.high, t.p, NAN};
        dms_scoring_discordant(&d->first_only, &d->second_only, &c->scorings[a],
                               &c->scorings[b], k);
        d->p =
            ranking->count ? dms_mcnemar_p(d->first_only, d->second_only) : NAN;
    }
}

static dms_status compare_labels(dms_comparison *c, dms_error *err)
{
    double *components =
        dms_calloc(c->set_count * c->counts.patients, sizeof *components);

    if (!components)
        return dms_fail_memory(err, "comparison");
    for (size_t k = 0; k < c->width; k++)
        compare_label(c, components, k);
    dms_free(components);
    return DMS_OK;
}

/* The p values of one family; p_holm is a field of the same struct, so that
 * both are reached by the same stride. */
static dms_status correct(char *p, char *p_holm, size_t stride, size_t count,
                          dms_error *err)
{
    dms_status st = DMS_OK;
    double *family = dms_calloc(count, sizeof *family);

    if (!family)
        return dms_fail_memory(err, "p values");
    for (size_t i = 0; i < count; i++)
        memcpy(&family[i], p + i * stride, sizeof *family);
    TRY(dms_holm_adjust(family, family, count, err));
    for (size_t i = 0; i < count; i++)
        memcpy(p_holm + i * stride, &family[i], sizeof *family);
done:
    dms_free(family);
    return st;
}

static dms_status correct_all(dms_comparison *c, dms_error *err)
{
    dms_status st = DMS_OK;

    TRY(correct((char *)&c->metrics->p, (char *)&c->metrics->p_holm,
                sizeof *c->metrics, c->pair_count * DMS_METRICS, err));
    TRY(correct((char *)&c->aucs->p, (char *)&c->aucs->p_holm, sizeof *c->aucs,
                c->pair_count * c->width, err));
    TRY(correct((char *)&c->decisions->p, (char *)&c->decisions->p_holm,
                sizeof *c->decisions, c->pair_count * c->width, err));
done:
    return st;
}

dms_status dms_compare(dms_comparison **out, const dms_compare_input *input,
                       const dms_compare_options *given, dms_error *err)
{
    dms_status st;
    dms_compare_options options;
    dms_comparison *c = NULL;

    dms_compare_options_init(&options, sizeof options);
    TRY(dms_growing_take(&options, sizeof options, given, "dms_compare_options",
                         err));
    TRY(check(input, &options, err));
    TRY(create(&c, input, &options, err));
    TRY(score_sets(c, input, err));
    TRY(bootstrap(c, options.threads, err));
    TRY(compare_labels(c, err));
    TRY(correct_all(c, err));
    *out = c, c = NULL;
done:
    dms_comparison_destroy(c);
    return st;
}
