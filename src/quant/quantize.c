/* From a model file to a quantised one; the search for layers to keep in float.
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
#include "base/file.h"
#include "base/growing.h"
#include "base/log.h"
#include "data/loader.h"
#include "eval/probability.h"
#include "net/compute.h"
#include "net/model_file.h"
#include "machine/threads.h"

enum { COMPARED_PATIENTS = 8 };

/* K, the model's number of labels. */
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
                      "%s: the model is already quantised; quantise the "
                      "original model",
                      path);
    return st;
}

static dms_status make_engine(dms_engine **engine, const dms_quantising *q,
                              dms_params *params, dms_precision precision,
                              bool sums_apart, dms_error *err)
{
    const dms_compute compute = {.struct_size = sizeof compute,
                                 .precision = precision,
                                 .winograd = DMS_WINOGRAD_NO,
                                 .workers = 1};
    dms_engine_options options = dms_engine_options_of(q->model);

    options.params = params;
    options.store = NULL;
    options.compute = &compute;
    options.patients = (size_t)q->options->patients;
    options.sums_apart = sums_apart;
    return dms_engine_create(engine, &options, err);
}

static dms_status fail_stopped(dms_error *err)
{
    return dms_fail(err, DMS_ESTOPPED,
                    "quantising stopped; nothing was written");
}

static dms_status stopped(const dms_quantising *q, dms_error *err)
{
    return dms_should_stop(q->monitor) ? fail_stopped(err) : DMS_OK;
}

/* The argument of an engine's feed: which patients to run. */
typedef struct showing {
    const dms_quantising *q;
    size_t first;    /* the patient that the feed starts with */
    bool checked;    /* NaN and infinity are errors */
    double *answers; /* K per patient; NULL: not wanted */
} showing;

static dms_status show(void *user, const dms_engine_batch *batch,
                       dms_error *err)
{
    const showing *s = user;

    (void)err; /* cannot fail: the photographs are in memory */
    dms_quantising_show(s->q, batch->net, s->first + batch->at);
    return DMS_OK;
}

static dms_status take(void *user, const dms_engine_batch *batch,
                       dms_error *err)
{
    const showing *s = user;
    const dms_model_config *config = &s->q->model->config;
    dms_status st = DMS_OK;

    if (s->checked)
        st = dms_quantising_check(s->q, batch->net, s->first + batch->at, err);
    if (st == DMS_OK && s->answers)
        dms_probabilities(s->answers + batch->at * label_count(s->q),
                          batch->patient_logits, config->labels,
                          config->calibration);
    return st;
}

/* Run one patient; watch: see compare.h. */
static dms_status run_one(dms_engine *engine, showing *s, dms_quant_watch watch,
                          dms_error *err)
{
    const dms_feed feed = {.fill = show,
                           .take = take,
                           .user = s,
                           .observer = watch.observer,
                           .observer_user = watch.user,
                           .total = 1};
    size_t done;

    return dms_engine_run(&done, engine, &feed, NULL, err);
}

static float find_limit(const dms_histogram *seen,
                        const dms_quantize_options *o, bool relu)
{
    return o->method == DMS_QUANTIZE_ENTROPY
               ? dms_histogram_entropy(seen, relu ? 256 : 128)
               : dms_histogram_percentile(seen, o->percentile);
}

/* Run the float model: collect ranges and answers. */
static dms_status calibrate(dms_quantising *q, dms_error *err)
{
    dms_status st;
    dms_engine *apart = NULL;

    TRY(make_engine(&apart, q, q->model->params, DMS_PRECISION_FP32, true,
                    err));
    for (size_t i = 0; i < q->patients; i++) {
        showing whole = {q, i, true, q->answers + i * label_count(q)};
        showing parts = {q, i, true, NULL};

        TRY(stopped(q, err));
        TRY(run_one(q->exact, &whole, dms_quant_count(&q->layers, false), err));
        TRY(run_one(apart, &parts, dms_quant_count(&q->layers, true), err));
        dms_progress(q->monitor, "calibrate", i + 1, q->patients, NULL);
    }
    for (size_t i = 0; i < q->layers.count; i++) {
        dms_quant_layer *layer = &q->layers.items[i];

        layer->limit = find_limit(&layer->seen, q->options, layer->relu);
        layer->branch_limit =
            find_limit(&layer->branch_seen, q->options, false);
    }
done:
    dms_engine_destroy(apart);
    return st;
}

/* Measure each layer's error on the first patients: with forced, its own;
 * otherwise the total error in the quantised network. */
static dms_status compare_layers(dms_quantising *q, bool forced, dms_error *err)
{
    dms_status st;
    dms_quant_outputs *outputs = NULL;
    size_t count =
        q->patients < COMPARED_PATIENTS ? q->patients : COMPARED_PATIENTS;

    for (size_t i = 0; i < q->layers.count; i++)
        q->layers.items[i].signal = 0;
    TRY(dms_quant_outputs_create(&outputs, dms_engine_net(q->exact, 0),
                                 &q->layers, err));
    for (size_t i = 0; i < count; i++) {
        showing s = {q, i, false, NULL};

        TRY(stopped(q, err));
        TRY(run_one(q->exact, &s, dms_quant_outputs_keep(outputs), err));
        TRY(run_one(q->coarse, &s, dms_quant_outputs_compare(outputs, forced),
                    err));
        dms_progress(q->monitor, forced ? "layers" : "network", i + 1, count,
                     NULL);
    }
done:
    dms_quant_outputs_destroy(outputs);
    return st;
}

/* Measure how far the quantised answers are from the float ones. */
static dms_status compare_answers(dms_quantising *q, dms_error *err)
{
    dms_status st = DMS_OK;
    size_t cells = q->patients * label_count(q), done;
    showing all = {q, 0, true, dms_calloc(cells, sizeof(double))};
    const dms_feed feed = {.fill = show,
                           .take = take,
                           .user = &all,
                           .total = q->patients,
                           .stage = "compare"};
    dms_error own = {0};
    double sum = 0;

    if (!all.answers)
        return dms_fail_memory(err, "answers");
    st = dms_engine_run(&done, q->coarse, &feed, q->monitor, &own);
    if (st != DMS_OK) {
        st = st == DMS_ESTOPPED ? fail_stopped(err)
                                : dms_fail(err, st, "%s", own.message);
        goto done;
    }
    q->largest_difference = 0;
    for (size_t i = 0; i < cells; i++) {
        double d = fabs(all.answers[i] - q->answers[i]);

        sum += d;
        q->largest_difference = fmax(q->largest_difference, d);
    }
    q->mean_difference = sum / (double)cells;
done:
    dms_free(all.answers);
    return st;
}

static dms_status remake(dms_quantising *q, dms_error *err)
{
    dms_status st;

    dms_engine_destroy(q->coarse);
    q->coarse = NULL;
    dms_quant_table_release(&q->table);
    TRY(dms_quant_table_make(&q->table, &q->model->config.architecture,
                             q->model->params, &q->layers, err));
    TRY(make_engine(&q->coarse, q, q->table.params, DMS_PRECISION_AUTO, false,
                    err));
done:
    return st;
}

/* The quantised layer with the most noise relative to its signal. */
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

/* Keep another twentieth of the layers in float, the noisiest. */
static void keep_worst(dms_quant_layers *layers)
{
    for (size_t i = 0; i < layers->count / 20 + 1; i++) {
        dms_quant_layer *worst = find_worst(layers);

        if (worst)
            worst->kept = true;
    }
}

/* Save which layers are kept, or restore it. */
static void copy_kept(bool *kept, dms_quant_layers *layers, bool back)
{
    for (size_t i = 0; i < layers->count; i++)
        if (back)
            layers->items[i].kept = kept[i];
        else
            kept[i] = layers->items[i].kept;
}

/* While the answers are too far off, keep more layers in float. If that does
 * not help STALE times in a row, go back to the nearest answers. */
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
                "mean difference %.4f, above %g: the noisiest layers are kept "
                "in float",
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

/* Quantise all layers, then fewer, until the answers are near enough. */
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
                      "%s: no layer can multiply integers within a tolerance "
                      "of %g; nothing was written",
                      q->options->model, q->options->tolerance);
        goto done;
    }
    if (q->mean_difference > q->options->tolerance)
        dms_log(q->monitor, DMS_LOG_WARNING,
                "the probabilities differ from fp32 by %.4f on average, more "
                "than %g; keeping layers in float did not help",
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
    TRY(dms_file_try(q->options->out, err));
    TRY(dms_quantising_read(q, err));
    q->answers = dms_calloc(q->patients * label_count(q), sizeof *q->answers);
    if (!q->answers) {
        st = dms_fail_memory(err, "calibration");
        goto done;
    }
    TRY(make_engine(&q->exact, q, q->model->params, DMS_PRECISION_FP32, false,
                    err));
    TRY(dms_quant_layers_find(&q->layers,
                              dms_net_graph(dms_engine_net(q->exact, 0)), err));
    TRY(calibrate(q, err));
    TRY(search(q, err));
    TRY(dms_quantising_write(q, err));
done:
    return st;
}

static void release(dms_quantising *q)
{
    dms_engine_destroy(q->coarse);
    dms_engine_destroy(q->exact);
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
