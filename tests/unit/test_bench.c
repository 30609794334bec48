/* Bench: what it counts, what it says, what it refuses; never how quick. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <sched.h>
#include <string.h>

#include "dms/bench.h"
#include "graph/op.h"
#include "machine/machine.h"
#include "net/network.h"

/* 1e9 operations of the network for one patient; of one part, or of all. */
static double count_gflop(dms_backbone backbone, int size, const char *part)
{
    dms_architecture arch = dms_architecture_default();
    dms_net_options options = {.patients = 1, .size = size};
    dms_params *params = dms_params_create();
    dms_network network;
    double sum = 0;

    arch.backbone = backbone;
    assert_int_equal(dms_network_build(&network, &arch, params, &options, NULL),
                     DMS_OK);
    for (size_t i = 0; i < network.graph->count; i++) {
        const dms_node *node = network.graph->nodes[i];

        if (node->op->flops && (!part || strcmp(node->part, part) == 0))
            sum += node->op->flops(node, params) / 1e9;
    }
    dms_network_release(&network);
    dms_params_destroy(params);
    return sum;
}

static void assert_near(double got, double want, double relative)
{
    if (!(fabs(got - want) <= relative * fabs(want)))
        fail_msg("got %.6g, want %.6g within %g", got, want, relative);
}

/* torchvision gives 11.51 G multiply-adds for an image, fc (0.002) included:
 * 46.04 for two images. The modules behind it, by hand: reduce 0.2055, pyramid
 * 0.0262, fuse 0.9249, DMFF's four linear layers 0.2055, local 0.0514. */
static void a_patient_through_resnet152_at_224_is_47_5_gflop(void **state)
{
    (void)state;
    assert_near(count_gflop(DMS_BACKBONE_RESNET152, 224, NULL), 47.5, 0.005);
}

/* 7x7x3x64 at 112x112, two images */
static void the_stem_counts_its_padding(void **state)
{
    (void)state;
    assert_near(count_gflop(DMS_BACKBONE_RESNET18, 224, "stem"),
                2 * 2 * 7 * 7 * 3 * 64 * 112.0 * 112.0 / 1e9, 1e-12);
}

static void four_times_the_pixels_are_four_times_the_work_of_a_stage(void **s)
{
    (void)s;
    assert_near(count_gflop(DMS_BACKBONE_RESNET18, 448, "stage 3"),
                4 * count_gflop(DMS_BACKBONE_RESNET18, 224, "stage 3"), 1e-12);
}

static void every_node_belongs_to_a_part(void **state)
{
    static const char *const parts[] = {"stem",    "stage 1", "stage 2",
                                        "stage 3", "stage 4", "MSCAM",
                                        "DMFF",    "heads"};
    double sum = 0;

    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        sum += count_gflop(DMS_BACKBONE_RESNET50, 224, parts[i]);
    assert_near(count_gflop(DMS_BACKBONE_RESNET50, 224, NULL), sum, 1e-12);
}

static dms_model *small_model(void)
{
    dms_architecture arch = dms_architecture_default();
    dms_model *model = NULL;

    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = 32;
    arch.size = 64;
    assert_int_equal(dms_model_create(&model, &arch, NULL, 1, NULL), DMS_OK);
    return model;
}

static dms_bench_options quick(void)
{
    static dms_compute compute; /* until the next call */
    dms_bench_options options;

    dms_compute_init(&compute, sizeof compute);
    compute.winograd = DMS_WINOGRAD_NO;
    compute.threads = 1;
    dms_bench_options_init(&options, sizeof options);
    options.seconds = 0.01;
    options.compute = &compute;
    return options;
}

static json_t *run_to_json(const dms_bench_options *options)
{
    dms_model *model = small_model();
    dms_bench_report *report = NULL;
    dms_error err = {0};
    char *text;
    json_t *root;

    if (dms_bench_run(&report, model, options, NULL, &err) != DMS_OK)
        fail_msg("%s", err.message);
    assert_int_equal(dms_bench_print(&text, report, true, true, NULL), DMS_OK);
    root = json_loads(text, 0, NULL);
    assert_non_null(root);
    dms_text_free(text);
    dms_bench_report_destroy(report);
    dms_model_destroy(model);
    return root;
}

static double number(const json_t *root, const char *key)
{
    const json_t *value = json_object_get(root, key);

    if (!json_is_number(value))
        fail_msg("no number %s", key);
    return json_number_value(value);
}

static double sum_of(const json_t *root, const char *list, const char *key)
{
    double sum = 0;
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(root, list), i, item)
    {
        sum += number(item, key);
    }
    return sum;
}

static void the_json_holds_what_was_measured(void **state)
{
    static const char *const keys[] = {
        "machine", "versions", "model", "task",    "precision", "batch",
        "size",    "threads",  "parts", "ops",     "nodes",     "memory_bytes",
        "ready_s", "repeats",  "gflop", "winograd"};
    const json_t *root = *state;
    double rate = number(root, "gflops");

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!json_object_get(root, keys[i]))
            fail_msg("no key %s", keys[i]);
    assert_true(number(root, "latency_ms") > 0);
    assert_true(number(root, "peak_gflops") > 0);
    assert_near(rate, number(root, "gflop") / number(root, "latency_ms") * 1e3,
                1e-4);
    assert_near(number(root, "fraction_of_peak"),
                rate / number(root, "peak_gflops"), 1e-4);
}

static void parts_ops_and_nodes_are_the_same_work(void **state)
{
    static const char *const lists[] = {"parts", "ops", "nodes"};
    const json_t *root = *state;

    for (size_t i = 0; i < 3; i++) {
        assert_near(sum_of(root, lists[i], "gflop"), number(root, "gflop"),
                    1e-4);
        assert_near(sum_of(root, lists[i], "share"), 1, 1e-4);
    }
}

/* Both gradients cost what the forward does, but nobody asks for the pixels'.*/
static void a_training_step_is_three_forwards_without_the_pixels(void **state)
{
    dms_bench_options options = quick();
    const json_t *infer = *state;
    json_t *train;
    double stem = 2 * 4 * 7 * 7 * 3 * 64 * 32.0 * 32.0 / 1e9;

    options.patients = 2;
    options.train = true;
    train = run_to_json(&options);
    assert_near(number(train, "gflop"), 3 * number(infer, "gflop") - stem,
                1e-4);
    assert_true(number(json_object_get(train, "median_ms"), "backward") > 0);
    assert_true(number(train, "weight_bytes") > number(infer, "weight_bytes"));
    json_decref(train);
}

static json_t *memory_map(bool again)
{
    dms_model *model = small_model();
    dms_bench_options options = quick();
    dms_bench *bench = NULL;
    char *text;
    json_t *root;

    options.patients = 2;
    options.train = true;
    options.checkpoint_activations = again;
    assert_int_equal(dms_bench_create(&bench, model, &options, NULL), DMS_OK);
    assert_int_equal(dms_bench_print_memory(&text, bench, true, NULL), DMS_OK);
    root = json_loads(text, 0, NULL);
    assert_non_null(root);
    dms_text_free(text);
    dms_bench_destroy(bench);
    dms_model_destroy(model);
    return root;
}

static void the_memory_map_says_what_is_made_again_and_saves(void **state)
{
    json_t *kept = memory_map(false), *again = memory_map(true);

    (void)state;
    assert_true(number(again, "memory_bytes") <
                0.7 * number(kept, "memory_bytes"));
    assert_true(number(json_object_get(kept, "steps"), "forward_again") == 0);
    assert_true(number(json_object_get(again, "steps"), "forward_again") > 0);
    assert_true(sum_of(kept, "buffers", "size") >= number(kept, "arena_bytes"));
    json_decref(kept);
    json_decref(again);
}

static void a_repeat_count_is_kept(void **state)
{
    assert_int_equal((int)number(*state, "repeats"), 2);
}

/* gflops are those of all workers together, latency_ms is one's. */
static void workers_side_by_side_are_counted_together(void **state)
{
    dms_bench_options options = quick();
    dms_compute compute = *options.compute;
    json_t *root;

    compute.workers = 2;
    options.compute = &compute;
    options.repeats = 6;
    root = run_to_json(&options);
    assert_int_equal((int)number(root, "workers"), 2);
    assert_int_equal((int)number(root, "repeats"), 6);
    assert_near(number(root, "gflops"),
                number(root, "gflop") * number(root, "patients_per_second"),
                1e-4);
    assert_true(number(root, "patients_per_second") > 0);
    assert_true(number(root, "latency_ms") > 0);
    assert_near(number(root, "memory_bytes"),
                2 * number(*state, "memory_bytes"), 0.5);
    json_decref(root);
}

static void assert_refused(dms_bench_options options, const char *word)
{
    dms_model *model = small_model();
    dms_bench *bench = NULL;
    dms_error err = {0};

    assert_int_equal(dms_bench_create(&bench, model, &options, &err),
                     DMS_EINVAL);
    if (!strstr(err.message, word))
        fail_msg("'%s' does not say '%s'", err.message, word);
    assert_null(bench);
    dms_model_destroy(model);
}

static void what_cannot_be_run_is_refused(void **state)
{
    dms_bench_options options = quick();
    dms_compute compute = *options.compute;

    (void)state;
    options.compute = &compute;
    options.patients = 0;
    assert_refused(options, "0 patients");
    options.patients = 1;
    options.train = true;
    assert_refused(options, "one patient");
    options.patients = 2;
    compute.threads = -1;
    assert_refused(options, "-1 threads");
    compute.threads = 1;
    compute.workers = 2;
    assert_refused(options, "2 workers");
    options.train = false;
    compute.workers = -1;
    assert_refused(options, "-1 workers");
}

static void the_machine_has_a_peak_wherever_it_has_an_instruction(void **state)
{
    (void)state;
    for (int kind = 0; kind < DMS_PEAK_KINDS; kind++)
        assert_int_equal(dms_peak_measure((dms_peak_kind)kind, 1, 0) > 0,
                         dms_peak_instruction((dms_peak_kind)kind) != NULL);
    assert_non_null(dms_peak_instruction(DMS_PEAK_F32));
    assert_true(dms_bandwidth_measure(1, 0) > 0);
    assert_true(dms_machine_cores() >= 1);
}

static void measuring_leaves_the_thread_where_it_may_run(void **state)
{
    cpu_set_t before, after;

    (void)state;
    sched_getaffinity(0, sizeof before, &before);
    dms_peak_measure(DMS_PEAK_F32, 2, 0);
    sched_getaffinity(0, sizeof after, &after);
    assert_true(CPU_EQUAL(&before, &after));
}

static int run_once(void **state)
{
    dms_bench_options options = quick();

    options.patients = 2;
    options.repeats = 2;
    *state = run_to_json(&options);
    return 0;
}

static int release(void **state)
{
    json_decref(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_patient_through_resnet152_at_224_is_47_5_gflop),
        cmocka_unit_test(the_stem_counts_its_padding),
        cmocka_unit_test(
            four_times_the_pixels_are_four_times_the_work_of_a_stage),
        cmocka_unit_test(every_node_belongs_to_a_part),
        cmocka_unit_test(the_json_holds_what_was_measured),
        cmocka_unit_test(parts_ops_and_nodes_are_the_same_work),
        cmocka_unit_test(a_training_step_is_three_forwards_without_the_pixels),
        cmocka_unit_test(the_memory_map_says_what_is_made_again_and_saves),
        cmocka_unit_test(a_repeat_count_is_kept),
        cmocka_unit_test(workers_side_by_side_are_counted_together),
        cmocka_unit_test(what_cannot_be_run_is_refused),
        cmocka_unit_test(the_machine_has_a_peak_wherever_it_has_an_instruction),
        cmocka_unit_test(measuring_leaves_the_thread_where_it_may_run),
    };

    return cmocka_run_group_tests(tests, run_once, release);
}
