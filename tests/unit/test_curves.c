#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_fault.h"
#include "train/curves.h"

/* A run whose third of four epochs is the best. */
static dms_metrics_log log_of(size_t epochs)
{
    static dms_epoch_record records[200];

    for (size_t i = 0; i < epochs; i++) {
        double k = (double)i;

        records[i] = (dms_epoch_record){.epoch = (int64_t)i + 1,
                                        .train_loss = 1 / (k + 1),
                                        .val_loss = 1 / (k + 1) + 0.1,
                                        .lr = 0.01 * k,
                                        .best = i <= 2};
        for (int m = 0; m < DMS_METRICS; m++)
            records[i].metrics[m] = NAN;
        records[i].metrics[DMS_METRIC_MACRO_AUC] = 0.9 - 0.1 * fabs(k - 2);
    }
    return (dms_metrics_log){.records = records, .count = epochs};
}

static char *drawn(const dms_metrics_log *log)
{
    char *text = NULL;

    assert_int_equal(dms_curves_format(&text, log, DMS_METRIC_MACRO_AUC, NULL),
                     DMS_OK);
    return text;
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;

    for (; (text = strstr(text, word)); text++)
        count++;
    return count;
}

static bool has_text(const char *svg, const char *text)
{
    char element[128];

    snprintf(element, sizeof element, ">%s</text>", text);
    return strstr(svg, element) != NULL;
}

static void losses_metric_and_rate_have_a_panel_each(void **state)
{
    dms_metrics_log log = log_of(4);
    char *svg = drawn(&log);

    (void)state;
    assert_int_equal(count_of(svg, "<g>"), 3);
    assert_true(has_text(svg, "loss"));
    assert_true(has_text(svg, "training"));
    assert_true(has_text(svg, "macro_auc"));
    assert_true(has_text(svg, "learning rate"));
    assert_int_equal(count_of(svg, ">epoch</text>"), 3);
    /* 4 curves of 4 epochs, the best epoch, and 5 entries of legends */
    assert_int_equal(count_of(svg, "translate("), 4 * 4 + 1 + 5);
    dms_free(svg);
}

static void the_last_best_epoch_is_marked(void **state)
{
    dms_metrics_log log = log_of(4);
    char *svg = drawn(&log);

    (void)state;
    assert_true(has_text(svg, "best: epoch 3, 0.9000"));
    dms_free(svg);
}

static void what_was_not_measured_is_left_out(void **state)
{
    dms_metrics_log log = log_of(4);
    char *svg;

    (void)state;
    for (size_t i = 0; i < log.count; i++) {
        log.records[i].val_loss = NAN;
        log.records[i].metrics[DMS_METRIC_MACRO_AUC] = NAN;
    }
    svg = drawn(&log);
    assert_int_equal(count_of(svg, "<g>"), 2);
    assert_false(has_text(svg, "validation"));
    assert_false(has_text(svg, "macro_auc"));
    assert_null(strstr(svg, "best"));
    assert_null(strstr(svg, "nan"));
    dms_free(svg);
}

/* Whatever a run that goes wrong logs. */
static void infinite_values_stay_in_the_chart(void **state)
{
    dms_metrics_log log = log_of(2);
    char *svg;

    (void)state;
    log.records[1].val_loss = INFINITY;
    log.records[1].metrics[DMS_METRIC_MACRO_AUC] = NAN;
    svg = drawn(&log);
    assert_null(strstr(svg, "inf"));
    assert_null(strstr(svg, "nan"));
    dms_free(svg);
}

static void one_epoch_is_a_point(void **state)
{
    dms_metrics_log log = log_of(1);
    char *svg = drawn(&log);

    (void)state;
    assert_int_equal(count_of(svg, "translate("), 4 + 1 + 5);
    assert_null(strstr(svg, "nan"));
    dms_free(svg);
}

static void many_epochs_are_lines_without_markers(void **state)
{
    dms_metrics_log log = log_of(200);
    char *svg = drawn(&log);

    (void)state;
    assert_int_equal(count_of(svg, "translate("), 2);
    assert_true(has_text(svg, "200"));
    dms_free(svg);
}

static void a_lack_of_memory_is_reported(void **state)
{
    dms_metrics_log log = log_of(4);
    alloc_fault fault = {0};

    (void)state;
    while (alloc_fault_next(&fault)) {
        char *svg = NULL;
        dms_status st =
            dms_curves_format(&svg, &log, DMS_METRIC_MACRO_AUC, NULL);

        alloc_fault_end(&fault, st);
        dms_free(svg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_metric_and_rate_have_a_panel_each),
        cmocka_unit_test(the_last_best_epoch_is_marked),
        cmocka_unit_test(what_was_not_measured_is_left_out),
        cmocka_unit_test(infinite_values_stay_in_the_chart),
        cmocka_unit_test(one_epoch_is_a_point),
        cmocka_unit_test(many_epochs_are_lines_without_markers),
        cmocka_unit_test(a_lack_of_memory_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
