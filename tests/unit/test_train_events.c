#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <unistd.h>

#include "train/metrics_log.h"
#include "unit/event_reader.h"
#include "unit/small_training.h"

enum { PATIENTS = 16 };

static int setup(void **state)
{
    return small_training_make(state, PATIENTS);
}

static dms_train_options watched(const small_training *f, const char *run)
{
    dms_train_options o = small_training_options(f, run);

    o.size = 32;
    o.tensorboard = true;
    return o;
}

static void train(const dms_train_options *o)
{
    dms_error err = {0};

    if (dms_train(NULL, o, NULL, &err) != DMS_OK)
        fail_msg("%s", err.message);
}

/* Stops when it is asked for the n-th time; it is asked before each batch. */
static bool stop_at(void *user)
{
    int *left = user;

    return --*left == 0;
}

static void train_and_stop(const dms_train_options *o, int asked)
{
    dms_monitor monitor = {.user = &asked, .should_stop = stop_at};

    assert_int_equal(dms_train(NULL, o, &monitor, NULL), DMS_ESTOPPED);
}

static read_events *events_of(const dms_train_options *o)
{
    return read_event_folder(keep_text("%s/tensorboard", o->run));
}

/* The only value of a tag at a step; NaN: there is none. */
static double value_at(const read_events *events, const char *tag, int64_t step)
{
    double value = NAN;

    for (size_t i = 0; i < events->count; i++) {
        const read_event *item = &events->items[i];

        if (item->step != step || strcmp(item->tag, tag) != 0)
            continue;
        if (!isnan(value))
            fail_msg("%s twice at step %lld", tag, (long long)step);
        value = (double)item->value;
    }
    return value;
}

static void assert_value(const read_events *events, const char *tag,
                         int64_t step, double expected)
{
    double value = value_at(events, tag, step);

    if (isfinite(expected) ? value != (double)(float)expected : !isnan(value))
        fail_msg("%s at step %lld is %.9g, not %.9g", tag, (long long)step,
                 value, expected);
}

static dms_metrics_log log_of(const dms_train_options *o)
{
    dms_metrics_log log = {0};
    uint8_t *text = NULL;
    size_t size;

    assert_int_equal(dms_file_read(&text, &size,
                                   keep_text("%s/metrics.jsonl", o->run),
                                   1 << 20, NULL),
                     DMS_OK);
    assert_int_equal(dms_metrics_log_parse(&log, (char *)text, NULL), DMS_OK);
    dms_free(text);
    return log;
}

/* The label's AUCs that are defined; macro_auc is their mean. */
static double mean_auc(size_t *count, const read_events *events, int64_t step)
{
    const dms_label_set *labels = dms_label_set_odir();
    double sum = 0;

    *count = 0;
    for (int k = 0; k < dms_label_set_count(labels); k++) {
        char tag[64];
        double auc;

        snprintf(tag, sizeof tag, "validation_auc/%s",
                 dms_label_set_code(labels, k));
        auc = value_at(events, tag, step);
        if (!isnan(auc))
            sum += auc, ++*count;
    }
    return sum / (double)*count;
}

static void events_are_those_of_the_steps_and_of_the_log(void **state)
{
    dms_train_options o = watched(*state, "whole");
    dms_metrics_log log;
    read_events *events;
    int64_t steps;

    train(&o);
    log = log_of(&o);
    events = events_of(&o);
    assert_int_equal(log.count, 2);
    steps = log.records[1].step;
    for (int64_t step = 1; step <= steps; step++) {
        assert_true(isfinite(value_at(events, "train/loss", step)));
        assert_true(value_at(events, "train/lr", step) > 0);
    }
    assert_true(isnan(value_at(events, "train/loss", 0)));
    assert_true(isnan(value_at(events, "train/loss", steps + 1)));
    for (size_t i = 0; i < log.count; i++) {
        const dms_epoch_record *r = &log.records[i];
        double mean, macro = r->metrics[DMS_METRIC_MACRO_AUC];
        size_t labels;

        assert_value(events, "train/epoch", r->step, (double)r->epoch);
        assert_value(events, "train/epoch_loss", r->step, r->train_loss);
        assert_value(events, "train/lr", r->step, r->lr);
        assert_value(events, "validation/loss", r->step, r->val_loss);
        for (int m = 0; m < DMS_METRICS; m++) {
            char tag[64];

            snprintf(tag, sizeof tag, "validation/%s",
                     dms_metric_name((dms_metric)m));
            assert_value(events, tag, r->step, r->metrics[m]);
        }
        mean = mean_auc(&labels, events, r->step);
        assert_int_equal(labels, r->metrics[DMS_METRIC_MACRO_AUC_LABELS]);
        assert_true(labels > 0 && fabs(mean - macro) < 1e-6);
    }
    dms_metrics_log_release(&log);
    free(events);
}

static void without_the_option_there_are_none(void **state)
{
    dms_train_options o = watched(*state, "unwatched");

    o.tensorboard = false, o.epochs = 1;
    train(&o);
    assert_int_not_equal(access(keep_text("%s/tensorboard", o.run), F_OK), 0);
}

static void assert_same_events(const read_events *a, const read_events *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_string_equal(a->items[i].tag, b->items[i].tag);
        assert_int_equal(a->items[i].step, b->items[i].step);
        if (strcmp(a->items[i].tag, "train/images_per_s") != 0)
            assert_true(a->items[i].value == b->items[i].value);
    }
}

/* Each part has a file of its own, and none needs to replace another's steps:
 * what is in a file, is in a checkpoint too. */
static void a_resumed_run_goes_on_without_repeating_a_step(void **state)
{
    dms_train_options whole = watched(*state, "unbroken");
    dms_train_options broken = watched(*state, "broken");
    read_events *a, *b;

    train(&whole);
    train_and_stop(&broken, 2);
    broken.resume = DMS_TRAIN_RESUME_YES;
    train_and_stop(&broken, 4);
    train(&broken);
    a = events_of(&whole);
    b = events_of(&broken);
    assert_int_equal(b->files, 3);
    assert_int_equal(b->dropped, 0);
    assert_same_events(a, b);
    free(a);
    free(b);
}

/* Its steps after that checkpoint are in the file already. */
static void
a_run_resumed_from_the_checkpoint_before_replaces_steps(void **state)
{
    dms_train_options whole = watched(*state, "intact");
    dms_train_options damaged = watched(*state, "damaged");
    char *checkpoint = keep_text("%s/checkpoint.safetensors", damaged.run);
    read_events *a, *b;

    train(&whole);
    train_and_stop(&damaged, 6); /* in the second epoch */
    assert_int_equal(unlink(checkpoint), 0);
    damaged.resume = DMS_TRAIN_RESUME_YES;
    train(&damaged);
    a = events_of(&whole);
    b = events_of(&damaged);
    assert_true(b->dropped > 0);
    assert_same_events(a, b);
    free(a);
    free(b);
}

/* The mean over the batches of a step, weighted by their patients: over all
 * steps of an epoch that of the epoch. */
static void accumulated_batches_are_one_step(void **state)
{
    dms_train_options o = watched(*state, "accumulated");
    dms_metrics_log log;
    read_events *events;

    o.accumulate = 3, o.epochs = 1; /* 3 batches an epoch */
    train(&o);
    log = log_of(&o);
    events = events_of(&o);
    assert_int_equal(log.records[0].step, 1);
    assert_value(events, "train/loss", 1, log.records[0].train_loss);
    dms_metrics_log_release(&log);
    free(events);
}

static void a_folder_that_cannot_be_made_is_an_error(void **state)
{
    dms_train_options o = watched(*state, "refused");
    dms_error err = {0};

    assert_int_equal(dms_folder_make(o.run, NULL), DMS_OK);
    assert_int_equal(dms_folder_write(o.run, "tensorboard", "x", NULL), DMS_OK);
    assert_int_equal(dms_train(NULL, &o, NULL, &err), DMS_EIO);
    assert_non_null(strstr(err.message, "refused/tensorboard"));
}

typedef struct vandal {
    const char *folder;
    char said[512];
    int warnings;
} vandal;

static void remove_folder(void *user, const char *stage, size_t done,
                          size_t total, const char *detail)
{
    vandal *v = user;

    (void)done, (void)total, (void)detail;
    if (strncmp(stage, "epoch 1", 7) == 0)
        assert_int_equal(system(keep_text("rm -rf '%s'", v->folder)), 0);
}

static void keep_warning(void *user, dms_log_level level, const char *text)
{
    vandal *v = user;

    if (level == DMS_LOG_WARNING && strstr(text, "TensorBoard")) {
        v->warnings++;
        snprintf(v->said, sizeof v->said, "%s", text);
    }
}

static void
a_write_that_fails_later_is_a_warning_and_training_goes_on(void **state)
{
    dms_train_options o = watched(*state, "vandalised");
    vandal v = {.folder = keep_text("%s/tensorboard", o.run)};
    dms_monitor monitor = {
        .user = &v, .progress = remove_folder, .message = keep_warning};
    dms_train_result result = {0};
    dms_error err = {0};

    assert_int_equal(train_to(&result, &o, &monitor, &err), DMS_OK);
    assert_int_equal(result.epochs, 2);
    assert_int_equal(v.warnings, 1);
    assert_non_null(strstr(v.said, "vandalised/tensorboard/events.out"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_those_of_the_steps_and_of_the_log),
        cmocka_unit_test(without_the_option_there_are_none),
        cmocka_unit_test(a_resumed_run_goes_on_without_repeating_a_step),
        cmocka_unit_test(
            a_run_resumed_from_the_checkpoint_before_replaces_steps),
        cmocka_unit_test(accumulated_batches_are_one_step),
        cmocka_unit_test(a_folder_that_cannot_be_made_is_an_error),
        cmocka_unit_test(
            a_write_that_fails_later_is_a_warning_and_training_goes_on),
    };

    return cmocka_run_group_tests(tests, setup, small_training_remove);
}
