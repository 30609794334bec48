/* Every JSON that holds reals is read back by jansson, and each of its numbers
 * has the bits of the one that was written, or of that one rounded to the
 * digits that the output promises. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "report/answer.h"
#include "base/alloc.h"
#include "base/number.h"
#include "base/rng.h"
#include "data/labels.h"
#include "dms/bench.h"
#include "dms/metrics.h"
#include "dms/quantize.h"
#include "dms/session.h"
#include "net/model_file.h"
#include "train/checkpoint_state.h"

enum { EXACT = 17, ROUNDED = 6 };

/* Numbers that need all their digits, large and small ones among them. */
static double awkward(dms_rng *rng)
{
    return ldexp(dms_rng_uniform(rng), (int)dms_rng_below(rng, 60) - 30);
}

static json_t *read_back(const char *text)
{
    json_error_t problem;
    json_t *root;

    assert_non_null(text);
    root = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
    if (!root)
        fail_msg("line %d: %s", problem.line, problem.text);
    return root;
}

static void assert_number(const json_t *object, const char *key, double want,
                          int digits)
{
    const json_t *item = json_object_get(object, key);
    double got = json_number_value(item);
    char text[40];

    if (!isfinite(want)) {
        if (!json_is_null(item))
            fail_msg("%s is not null", key);
        return;
    }
    dms_format(text, sizeof text, "%.*g", digits, want);
    want = digits == EXACT ? want : dms_real_read(text, NULL);
    if (!json_is_number(item) || memcmp(&got, &want, sizeof got) != 0)
        fail_msg("%s is %a, was %a", key, got, want);
}

static void assert_figure(const json_t *object, const char *name,
                          const dms_figure *figure)
{
    const json_t *item = json_object_get(object, name);

    assert_number(item, "value", figure->value, EXACT);
    assert_number(item, "low", figure->low, EXACT);
    assert_number(item, "high", figure->high, EXACT);
}

static dms_figure make_figure(dms_rng *rng)
{
    return (dms_figure){awkward(rng), awkward(rng), NAN};
}

static dms_report *make_report(void)
{
    dms_rng rng = dms_rng_seeded(1);
    dms_report *r = dms_calloc(1, sizeof *r);

    assert_non_null(r);
    r->patients = 9, r->resamples = 7, r->seed = 1u << 31;
    assert_int_equal(
        dms_label_set_copy(&r->label_set, dms_label_set_odir(), NULL), DMS_OK);
    r->labels = dms_calloc(DMS_ODIR_LABELS, sizeof *r->labels);
    r->metrics = dms_calloc((1 + DMS_FLOORS) * DMS_METRICS, sizeof *r->metrics);
    assert_non_null(r->labels);
    assert_non_null(r->metrics);
    for (int f = 0; f < DMS_FLOORS; f++)
        r->floors[f] = r->metrics + (1 + f) * DMS_METRICS;

    for (int m = 0; m < DMS_METRICS; m++) {
        r->metrics[m] = make_figure(&rng);
        for (int f = 0; f < DMS_FLOORS; f++)
            r->floors[f][m] = make_figure(&rng);
    }
    for (int k = 0; k < DMS_ODIR_LABELS; k++) {
        for (int m = 0; m < DMS_LABEL_METRICS; m++)
            r->labels[k].metrics[m] = make_figure(&rng);
        r->labels[k].threshold = awkward(&rng);
        r->labels[k].prior = awkward(&rng);
    }
    return r;
}

static void figures_of_a_report(void **state)
{
    dms_report *report = make_report();
    char *text = NULL;
    json_t *root, *metrics, *floors;
    const char *name;
    json_t *item;
    int count = 0;

    (void)state;
    assert_int_equal(dms_report_json(&text, report, NULL), DMS_OK);
    root = read_back(text);
    metrics = json_object_get(root, "metrics");
    json_object_foreach(metrics, name, item)
    {
        dms_metric m = DMS_METRICS;

        assert_true(dms_metric_find(&m, name));
        assert_figure(metrics, name, &report->metrics[m]);
        floors = json_object_get(json_object_get(root, "floors"),
                                 dms_floor_name((dms_floor)0));
        assert_figure(floors, name, &report->floors[0][m]);
        count++;
    }
    assert_true(count > 8);
    for (int k = 0; k < DMS_ODIR_LABELS; k++) {
        const char letter[] = {"NDGCAHMO"[k], '\0'};
        json_t *label =
            json_object_get(json_object_get(root, "labels"), letter);

        assert_number(label, "threshold", report->labels[k].threshold, EXACT);
        assert_number(label, "prior", report->labels[k].prior, EXACT);
        for (int m = 0; m < DMS_LABEL_METRICS; m++)
            assert_figure(label, dms_label_metric_name((dms_label_metric)m),
                          &report->labels[k].metrics[m]);
    }
    json_decref(root);
    dms_free(text);
    dms_report_destroy(report);
}

/* Answers to be filled by hand. */
static dms_predictions *make_answers(size_t count)
{
    dms_architecture arch = dms_architecture_default();
    dms_model *model = NULL;
    dms_predictions *p = NULL;

    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = 16, arch.size = 32;
    assert_int_equal(dms_model_create(&model, &arch, NULL, 1, NULL), DMS_OK);
    assert_int_equal(dms_predictions_create(&p, model, count, NULL), DMS_OK);
    dms_answers_clear(p, count);
    dms_model_destroy(model);
    return p;
}

static void probabilities_of_predictions(void **state)
{
    dms_rng rng = dms_rng_seeded(2);
    dms_pair pair = {.id = "7", .path = {"l.jpg", "r.jpg"}};
    dms_predictions *answers = make_answers(1);
    dms_prediction *p = dms_answer_at(answers, 0);
    char *text = NULL;
    json_t *root, *answer, *left, *field;

    (void)state;
    p->present[DMS_LEFT] = p->present[DMS_RIGHT] = true;
    for (int k = 0; k < DMS_ODIR_LABELS; k++) {
        p->patient[k] = dms_rng_uniform(&rng);
        p->eye[DMS_LEFT][k] = awkward(&rng);
    }
    p->field[DMS_LEFT].center_x = awkward(&rng);
    p->field[DMS_LEFT].coverage = awkward(&rng);
    assert_int_equal(
        dms_predictions_print(&text, answers, &pair, DMS_PREDICTION_JSON, NULL),
        DMS_OK);
    root = read_back(text);
    answer = json_array_get(root, 0);
    left = json_object_get(answer, "left");
    field = json_object_get(left, "field");
    for (int k = 0; k < DMS_ODIR_LABELS; k++) {
        const char letter[] = {"NDGCAHMO"[k], '\0'};

        assert_number(json_object_get(answer, "probabilities"), letter,
                      p->patient[k], EXACT);
        assert_number(json_object_get(left, "probabilities"), letter,
                      p->eye[DMS_LEFT][k], EXACT);
    }
    assert_number(field, "center_x", p->field[DMS_LEFT].center_x, EXACT);
    assert_number(field, "coverage", p->field[DMS_LEFT].coverage, EXACT);
    json_decref(root);
    dms_predictions_destroy(answers);
    dms_text_free(text);
}

static void decisions_and_provenance_of_a_model(void **state)
{
    dms_rng rng = dms_rng_seeded(3);
    dms_model_config config;
    double value = awkward(&rng);
    char *text;
    json_t *root, *item;

    (void)state;
    assert_int_equal(dms_model_config_init(&config, dms_label_set_odir(), NULL),
                     DMS_OK);
    config.temperature = awkward(&rng);
    for (int k = 0; k < DMS_ODIR_LABELS; k++)
        config.thresholds[k] = dms_rng_uniform(&rng);
    dms_format(config.provenance, sizeof config.provenance,
               "{\"value\": %.17g}", value);
    text = dms_model_config_json(&config);
    root = read_back(text);
    assert_number(json_object_get(root, "calibration"), "temperature",
                  config.temperature, EXACT);
    assert_number(json_object_get(root, "provenance"), "value", value, EXACT);
    for (size_t k = 0; k < DMS_ODIR_LABELS; k++) {
        item = json_array_get(json_object_get(root, "thresholds"), k);
        assert_true(json_real_value(item) == config.thresholds[k]);
    }
    dms_model_config_release(&config);
    json_decref(root);
    dms_free(text);
}

static void records_and_state_of_a_run(void **state)
{
    dms_rng rng = dms_rng_seeded(4);
    dms_train_state run = {0};
    dms_optimizer optimizer = {.step = 11};
    dms_epoch_record record = {.epoch = 2, .val_loss = NAN};
    char *text = NULL;
    json_t *root, *line;

    (void)state;
    record.train_loss = awkward(&rng), record.lr = awkward(&rng);
    for (int m = 0; m < DMS_METRICS; m++)
        record.metrics[m] = awkward(&rng);
    run.loss_sum = awkward(&rng), run.best_metric = NAN;
    assert_int_equal(dms_metrics_log_add(&run.log, &record, NULL), DMS_OK);
    assert_int_equal(dms_train_state_format(&text, &run, &optimizer, NULL),
                     DMS_OK);
    root = read_back(text);
    line = read_back(json_string_value(json_object_get(root, "log")));
    assert_number(root, "loss_sum", run.loss_sum, EXACT);
    assert_number(root, "best_metric", NAN, EXACT);
    assert_number(root, "step", 11, EXACT);
    assert_number(line, "train_loss", record.train_loss, EXACT);
    assert_number(line, "lr", record.lr, EXACT);
    assert_number(line, "val_loss", NAN, EXACT);
    for (int m = 0; m < DMS_METRIC_CELL_ACCURACY; m++) /* ODIR's */
        assert_number(line, dms_metric_name((dms_metric)m), record.metrics[m],
                      EXACT);
    json_decref(line);
    json_decref(root);
    dms_free(text);
    dms_metrics_log_release(&run.log);
}

static void layers_of_a_quantised_model(void **state)
{
    dms_rng rng = dms_rng_seeded(5);
    dms_quantize_layer layer = {.name = "conv", .db = INFINITY};
    dms_quantize_report report = {
        .percentile = 99.99, .layers = &layer, .count = 1};
    char *text = NULL;
    json_t *root, *item;

    (void)state;
    layer.gflop = awkward(&rng), layer.limit = awkward(&rng);
    layer.own_db = awkward(&rng);
    report.mean_difference = awkward(&rng);
    assert_int_equal(dms_quantize_report_print(&text, &report, true, NULL),
                     DMS_OK);
    root = read_back(text);
    item = json_array_get(json_object_get(root, "layers"), 0);
    assert_number(item, "gflop", layer.gflop, ROUNDED);
    assert_number(item, "limit", layer.limit, ROUNDED);
    assert_number(item, "own_db", layer.own_db, ROUNDED);
    assert_number(item, "db", layer.db, ROUNDED);
    assert_number(root, "mean_difference", report.mean_difference, ROUNDED);
    json_decref(root);
    dms_text_free(text);
}

static void times_of_a_bench(void **state)
{
    dms_rng rng = dms_rng_seeded(6);
    dms_compute compute = {.workers = 1};
    dms_bench_options options = {.patients = 1, .compute = &compute};
    dms_bench_node node = {.name = "conv", .op = "conv", .part = "stem"};
    dms_bench_report report = {.architecture = dms_architecture_default(),
                               .options = &options,
                               .nodes = &node,
                               .node_count = 1};
    char *text = NULL;
    json_t *root, *item;

    (void)state;
    report.patients_per_s = awkward(&rng), report.gflop = awkward(&rng);
    report.median.total = 0.125, node.forward_gflop = awkward(&rng);
    assert_int_equal(dms_bench_print(&text, &report, true, true, NULL), DMS_OK);
    root = read_back(text);
    item = json_array_get(json_object_get(root, "nodes"), 0);
    assert_number(root, "patients_per_second", report.patients_per_s, ROUNDED);
    assert_number(root, "gflop", report.gflop, ROUNDED);
    assert_number(root, "latency_ms", 125, ROUNDED);
    assert_number(item, "gflop", node.forward_gflop, ROUNDED);
    json_decref(root);
    dms_text_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_of_a_report),
        cmocka_unit_test(probabilities_of_predictions),
        cmocka_unit_test(decisions_and_provenance_of_a_model),
        cmocka_unit_test(records_and_state_of_a_run),
        cmocka_unit_test(layers_of_a_quantised_model),
        cmocka_unit_test(times_of_a_bench),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
