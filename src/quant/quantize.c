/* From a model file to a quantised one.
 *
 *     photographs -> fp32 net -> ranges -> integers -> int8 net -> compare
 *                                   ^                                |
 *                                   +---- keep the worst layers <----+ */
#include "dms/quantize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/model.h"
#include "engine/model_split.h"
#include "quant/quantize.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "base/growing.h"
#include "base/log.h"
#include "data/loader.h"
#include "eval/probability.h"
#include "net/compute.h"
#include "net/model_file.h"
#include "machine/threads.h"

enum { COMPARED_PATIENTS = 8 };

/* K, the model's. */
static size_t label_count(const dms_quantising *q)
{
    return (size_t)q->model->config.architecture.labels;
}

static dms_status open_model(dms_quantising *q, dms_error *err)
{
    const char *path = q->options->model;
    dms_status st = dms_model_open(&q->model, path, q->monitor, err);

    if (st == DMS_OK && dms_params_quantised(q->model->params))
        st = dms_fail(err, DMS_EINVAL,
                      "%s: is quantised already; quantise the model that it "
                      "was made from",
                      path);
    return st;
}

static dms_status make_net(dms_net **net, const dms_quantising *q,
                           dms_params *params, dms_precision precision,
                           bool sums_apart, dms_error *err)
{
    const dms_model_config *config = &q->model->config;
    dms_net_options options = {.patients = 1,
                               .size = config->preprocess.size,
                               .sums_apart = sums_apart,
                               .labels = config->labels};
    dms_status st;

    TRY(dms_compute_apply(&options, &(dms_compute){.precision = precision},
                          params, (size_t)q->options->patients, err));
    options.winograd = false;
    TRY(dms_net_create(net, &config->architecture, params, &options, err));
done:
    return st;
}

static dms_status stopped(const dms_quantising *q, dms_error *err)
{
    return dms_should_stop(q->monitor)
               ? dms_fail(err, DMS_ESTOPPED,
                          "quantising stopped; nothing was "
                          "written")
               : DMS_OK;
}

static void read_answer(double *p, const dms_quantising *q, const dms_net *net)
{
    dms_probabilities(p, dms_net_patient_logits(net), q->model->config.labels,
                      q->model->config.temperature);
}

static float find_limit(const dms_histogram *seen,
                        const dms_quantize_options *o, bool relu)
{
    return o->method == DMS_QUANTIZE_ENTROPY
               ? dms_histogram_entropy(seen, relu ? 256 : 128)
               : dms_histogram_percentile(seen, o->percentile);
}

/* What the float model gives: ranges and answers. */
static dms_status calibrate(dms_quantising *q, dms_error *err)
{
    dms_status st;
    dms_net *apart = NULL;

    TRY(make_net(&apart, q, q->model->params, DMS_PRECISION_FP32, true, err));
    for (size_t i = 0; i < q->patients; i++) {
        TRY(stopped(q, err));
        dms_quantising_show(q, q->exact, i);
        TRY(dms_quant_count(q->exact, &q->layers, false, err));
        TRY(dms_quantising_check(q, q->exact, i, err));
        read_answer(q->answers + i * label_count(q), q, q->exact);
        dms_quantising_show(q, apart, i);
        TRY(dms_quant_count(apart, &q->layers, true, err));
        TRY(dms_quantising_check(q, apart, i, err));
        dms_progress(q->monitor, "calibrate", i + 1, q->patients, NULL);
    }
    for (size_t i = 0; i < q->layers.count; i++) {
        dms_quant_layer *layer = &q->layers.items[i];

        layer->limit = find_limit(&layer->seen, q->options, layer->relu);
        layer->branch_limit =
            find_limit(&layer->branch_seen, q->options, false);
    }
done:
    dms_net_destroy(apart);
    return st;
}

/* Errors of each layer on the first patients: forced, its own; else in the
 * network as it is. */
static dms_status compare_layers(dms_quantising *q, bool forced, dms_error *err)
{
    dms_status st;
    dms_quant_outputs *outputs = NULL;
    size_t count =
        q->patients < COMPARED_PATIENTS ? q->patients : COMPARED_PATIENTS;

    for (size_t i = 0; i < q->layers.count; i++)
        q->layers.items[i].signal = 0;
    TRY(dms_quant_outputs_create(&outputs, q->exact, &q->layers, err));
    for (size_t i = 0; i < count; i++) {
        TRY(stopped(q, err));
        dms_quantising_show(q, q->exact, i);
        TRY(dms_quant_outputs_take(outputs, q->exact, err));
        dms_quantising_show(q, q->coarse, i);
        TRY(dms_quant_outputs_compare(outputs, q->coarse, forced, err));
        dms_progress(q->monitor, forced ? "layers" : "network", i + 1, count,
                     NULL);
    }
done:
    dms_quant_outputs_destroy(outputs);
    return st;
}

/* How far the quantised answers are from the float ones. */
static dms_status compare_answers(dms_quantising *q, dms_error *err)
{
    dms_status st = DMS_OK;
    double sum = 0;
    size_t count = label_count(q);

    q->largest_difference = 0;
    for (size_t i = 0; i < q->patients; i++) {
        double p[DMS_LABELS_MAX];

        TRY(stopped(q, err));
        dms_quantising_show(q, q->coarse, i);
        TRY(dms_net_forward(q->coarse, 0, err));
        TRY(dms_quantising_check(q, q->coarse, i, err));
        read_answer(p, q, q->coarse);
        for (size_t k = 0; k < count; k++) {
            double d = fabs(p[k] - q->answers[i * count + k]);

            sum += d;
            q->largest_difference = fmax(q->largest_difference, d);
        }
        dms_progress(q->monitor, "compare", i + 1, q->patients, NULL);
    }
    q->mean_difference = sum / (double)(q->patients * count);
done:
    return st;
}

static dms_status remake(dms_quantising *q, dms_error *err)
{
    dms_status st;

    dms_net_destroy(q->coarse);
    q->coarse = NULL;
    dms_quant_table_release(&q->table);
    TRY(dms_quant_table_make(&q->table, &q->model->config.architecture,
                             q->model->params, &q->layers, err));
    TRY(make_net(&q->coarse, q, q->table.params, DMS_PRECISION_AUTO, false,
                 err));
done:
    return st;
}

/* The quantised layer that adds the most noise to its signal. */
static dms_quant_layer *find_worst(const dms_quant_layers *layers)
{
    dms_quant_layer *worst = NULL;

    for (size_t i = 0; i < layers->count; i++) {
        dms_quant_layer *layer = &layers->items[i];

        if (layer->can && !layer->kept &&
            (!worst || layer->own_noise * worst->signal >
                           worst->own_noise * layer->signal))
            worst = layer;
    }
    return worst;
}

/* Keep one layer in twenty more as it was. */
static void keep_worst(dms_quant_layers *layers)
{
    for (size_t i = 0; i < layers->count / 20 + 1; i++) {
        dms_quant_layer *worst = find_worst(layers);

        if (worst)
            worst->kept = true;
    }
}

/* Put what is kept aside, or back. */
static void copy_kept(bool *kept, dms_quant_layers *layers, bool back)
{
    for (size_t i = 0; i < layers->count; i++)
        if (back)
            layers->items[i].kept = kept[i];
        else
            kept[i] = layers->items[i].kept;
}

/* While the answers are too far off, keep more layers; where that does not
 * help, STALE times on end, go back to what was nearest. */
static dms_status keep_until_near(dms_quantising *q, bool *nearest_kept,
                                  dms_error *err)
{
    enum { STALE = 3 };
    dms_status st = DMS_OK;
    double nearest = q->mean_difference;

    copy_kept(nearest_kept, &q->layers, false);
    for (int stale = 0; q->mean_difference > q->options->tolerance;) {
        if (stale == STALE || !find_worst(&q->layers)) {
            copy_kept(nearest_kept, &q->layers, true);
            TRY(remake(q, err));
            return compare_answers(q, err);
        }
        dms_log(q->monitor, DMS_LOG_INFO,
                "mean difference %.4f, above %g: the noisiest layers stay in "
                "float",
                q->mean_difference, q->options->tolerance);
        keep_worst(&q->layers);
        TRY(remake(q, err));
        TRY(compare_answers(q, err));
        stale++;
        if (q->mean_difference < nearest) {
            nearest = q->mean_difference;
            copy_kept(nearest_kept, &q->layers, false);
            stale = 0;
        }
    }
done:
    return st;
}

/* Quantise all, then less, until the answers are near enough. */
static dms_status search(dms_quantising *q, dms_error *err)
{
    dms_status st;
    bool *kept = dms_calloc(q->layers.count, sizeof *kept);

    if (!kept)
        return dms_fail_memory(err, "layers");
    TRY(remake(q, err));
    TRY(compare_layers(q, true, err));
    TRY(compare_answers(q, err));
    TRY(keep_until_near(q, kept, err));
    if (!dms_params_quantised(q->table.params)) {
        st = dms_fail(err, DMS_EINVAL,
                      "%s: with a tolerance of %g no layer may multiply "
                      "integers; nothing was written",
                      q->options->model, q->options->tolerance);
        goto done;
    }
    if (q->mean_difference > q->options->tolerance)
        dms_log(q->monitor, DMS_LOG_WARNING,
                "the probabilities differ from fp32's by %.4f in the mean, "
                "more than %g: keeping layers did not help",
                q->mean_difference, q->options->tolerance);
    TRY(compare_layers(q, false, err));
done:
    dms_free(kept);
    return st;
}

static dms_status quantise(dms_quantising *q, dms_error *err)
{
    dms_status st;

    TRY(open_model(q, err));
    TRY(dms_quantising_read(q, err));
    q->answers = dms_calloc(q->patients * label_count(q), sizeof *q->answers);
    if (!q->answers) {
        st = dms_fail_memory(err, "calibration");
        goto done;
    }
    TRY(make_net(&q->exact, q, q->model->params, DMS_PRECISION_FP32, false,
                 err));
    TRY(dms_quant_layers_find(&q->layers, dms_net_graph(q->exact), err));
    TRY(calibrate(q, err));
    TRY(search(q, err));
    TRY(dms_quantising_write(q, err));
done:
    return st;
}

static void release(dms_quantising *q)
{
    dms_net_destroy(q->coarse);
    dms_net_destroy(q->exact);
    dms_quant_table_release(&q->table);
    dms_quant_layers_release(&q->layers);
    dms_free(q->answers);
    dms_free(q->pixels);
    dms_free(q->present);
    dms_free(q->places);
    dms_dataset_close(q->dataset);
    dms_model_destroy(q->model);
}

dms_status dms_quantize(dms_quantize_report **out,
                        const dms_quantize_options *given,
                        const dms_monitor *monitor, dms_error *err)
{
    dms_quantize_options options;
    dms_quantising q = {.options = &options, .monitor = monitor};
    dms_status st;
    int threads = 0;

    dms_quantize_options_init(&options, sizeof options);
    TRY(dms_growing_take(&options, sizeof options, given,
                         "dms_quantize_options", err));
    TRY(dms_quantize_check(&options, err));
    threads = dms_threads_use(options.threads);
    TRY(quantise(&q, err));
    TRY(dms_quantising_report(out, &q, err));
done:
    dms_threads_use(threads);
    release(&q);
    return st;
}
