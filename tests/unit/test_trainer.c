#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/rng.h"
#include "dms/data.h"
#include "dms/train.h"
#include "train/metrics_log.h"
#include "unit/small_training.h"

enum { PATIENTS = 16 };

static int setup(void **state)
{
    return small_training_make(state, PATIENTS);
}

static dms_train_options tiny(const small_training *f, const char *run)
{
    dms_train_options o = small_training_options(f, run);

    o.size = 32;
    return o;
}

/* Wishes to stop at the n-th time of being asked. */
static bool stop_at(void *user)
{
    int *left = user;

    return --*left == 0;
}

static void assert_ok(dms_status st, const dms_error *err)
{
    if (st != DMS_OK)
        fail_msg("%s: %s", dms_status_name(st), err->message);
}

static uint8_t *content(size_t *size, const dms_train_options *o,
                        const char *name)
{
    char path[400];
    uint8_t *data = NULL;

    snprintf(path, sizeof path, "%s/%s", o->run, name);
    assert_int_equal(dms_file_read(&data, size, path, 1 << 30, NULL), DMS_OK);
    return data;
}

static void assert_same_file(const dms_train_options *a,
                             const dms_train_options *b, const char *name)
{
    size_t size_a, size_b;
    uint8_t *data_a = content(&size_a, a, name);
    uint8_t *data_b = content(&size_b, b, name);

    assert_int_equal(size_a, size_b);
    assert_memory_equal(data_a, data_b, size_a);
    dms_free(data_a);
    dms_free(data_b);
}

static dms_metrics_log log_of(const dms_train_options *o)
{
    dms_metrics_log log = {0};
    size_t size;
    uint8_t *text = content(&size, o, "metrics.jsonl");

    assert_int_equal(dms_metrics_log_parse(&log, (char *)text, NULL), DMS_OK);
    dms_free(text);
    return log;
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void assert_same_curve(const dms_train_options *a,
                              const dms_train_options *b)
{
    dms_metrics_log log_a = log_of(a), log_b = log_of(b);

    assert_int_equal(log_a.count, log_b.count);
    for (size_t i = 0; i < log_a.count; i++) {
        const dms_epoch_record *x = &log_a.records[i], *y = &log_b.records[i];

        if (!same_bits(x->train_loss, y->train_loss) ||
            !same_bits(x->val_loss, y->val_loss))
            fail_msg("epoch %zu: losses %.17g %.17g and %.17g %.17g", i + 1,
                     x->train_loss, x->val_loss, y->train_loss, y->val_loss);
        assert_int_equal(x->step, y->step);
        assert_int_equal(x->best, y->best);
    }
    dms_metrics_log_release(&log_a);
    dms_metrics_log_release(&log_b);
}

static void a_run_stopped_again_and_again_equals_an_unbroken_one(void **state)
{
    const small_training *f = *state;
    dms_train_options whole = tiny(f, "whole"), broken;
    dms_train_result result = {0};
    dms_error err = {0};
    dms_status st = DMS_ESTOPPED;
    int parts = 0;

    whole.optimizer = DMS_OPTIMIZER_ADAMW, whole.accumulate = 2;
    whole.ema_decay = 0.9;
    broken = whole;
    broken.run = keep_text("%s/broken", f->folder);
    assert_ok(train_to(&result, &whole, NULL, &err), &err);
    assert_int_equal(result.epochs, 2);
    assert_true(result.best_epoch >= 1);
    for (; st == DMS_ESTOPPED && parts < 50; parts++) {
        int asked = 3; /* two batches, then stop */
        dms_monitor monitor = {.user = &asked, .should_stop = stop_at};

        broken.resume = parts > 0;
        st = train_to(&result, &broken, &monitor, NULL);
    }
    assert_int_equal(st, DMS_OK);
    assert_true(parts >= 3);
    assert_same_curve(&whole, &broken);
    assert_same_file(&whole, &broken, "last.safetensors");
    assert_same_file(&whole, &broken, "best.safetensors");
    assert_same_file(&whole, &broken, "curves.svg");
}

/* The option saves memory and changes no bit, so it may change on the way. */
static void a_run_goes_on_with_activations_made_again(void **state)
{
    const small_training *f = *state;
    dms_train_options kept = tiny(f, "kept"), again = tiny(f, "made-again");
    int asked = 3;
    dms_monitor monitor = {.user = &asked, .should_stop = stop_at};
    dms_error err = {0};

    assert_ok(dms_train(NULL, &kept, NULL, &err), &err);
    assert_int_equal(dms_train(NULL, &again, &monitor, NULL), DMS_ESTOPPED);
    again.resume = again.checkpoint_activations = true;
    assert_ok(dms_train(NULL, &again, NULL, &err), &err);
    assert_same_curve(&kept, &again);
    assert_same_file(&kept, &again, "last.safetensors");
}

/* Without a chance to say goodbye; the run folder is all that is left. */
static void a_run_killed_at_any_moment_resumes_to_the_same_end(void **state)
{
    const small_training *f = *state;
    dms_train_options whole = tiny(f, "alive"), killed = tiny(f, "killed");
    dms_rng rng = dms_rng_seeded(4);
    dms_error err = {0};

    assert_ok(dms_train(NULL, &whole, NULL, &err), &err);
    killed.resume = DMS_TRAIN_RESUME_AUTO;
    for (int round = 0; round < 4; round++) {
        pid_t child = fork();

        if (child == 0)
            _exit(dms_train(NULL, &killed, NULL, NULL) == DMS_OK ? 0 : 1);
        usleep(200000 + (useconds_t)dms_rng_below(&rng, 700000));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
    assert_ok(dms_train(NULL, &killed, NULL, &err), &err);
    assert_same_curve(&whole, &killed);
    assert_same_file(&whole, &killed, "last.safetensors");
}

static void resuming_with_another_rate_is_refused_by_name(void **state)
{
    const small_training *f = *state;
    dms_train_options o = tiny(f, "changed");
    int asked = 2;
    dms_monitor monitor = {.user = &asked, .should_stop = stop_at};
    dms_error err = {0};

    assert_int_equal(dms_train(NULL, &o, &monitor, NULL), DMS_ESTOPPED);
    assert_int_equal(dms_train(NULL, &o, NULL, &err), DMS_EINVAL);
    assert_non_null(strstr(err.message, "there is already a run"));
    o.resume = true, o.lr = 0.5;
    err = (dms_error){0};
    assert_int_equal(dms_train(NULL, &o, NULL, &err), DMS_EINVAL);
    assert_non_null(strstr(err.message, "lr: the run to resume has"));
    o = tiny(f, "changed");
    o.resume = true;
    err = (dms_error){0};
    assert_ok(dms_train(NULL, &o, NULL, &err), &err);
}

static void a_time_limit_ends_validated_and_saved(void **state)
{
    const small_training *f = *state;
    dms_train_options o = tiny(f, "limited");
    dms_train_result result = {0};
    dms_error err = {0};
    size_t size;

    o.epochs = 100000, o.time_limit = 1;
    assert_ok(train_to(&result, &o, NULL, &err), &err);
    assert_int_equal(result.end, DMS_TRAIN_END_TIME);
    assert_true(isfinite(result.val_loss));
    dms_free(content(&size, &o, "best.safetensors"));
    dms_free(content(&size, &o, "config.yaml"));
    dms_free(content(&size, &o, "run.json"));
    dms_free(content(&size, &o, "metrics.csv"));
}

static void
a_run_stopped_before_it_began_took_no_longer_than_its_call(void **state)
{
    const small_training *f = *state;
    dms_train_options o = tiny(f, "unprepared");
    int left = 1;
    dms_monitor monitor = {.user = &left, .should_stop = stop_at};
    dms_train_result result = {0};
    dms_error err = {0};
    double began = dms_clock_now();

    o.cache = keep_text("%s/unprepared", f->folder); /* no photograph yet */
    assert_int_equal(train_to(&result, &o, &monitor, &err), DMS_ESTOPPED);
    assert_int_equal(left, 0);
    assert_int_equal(result.end, DMS_TRAIN_END_STOPPED);
    assert_int_equal(result.epochs, 0);
    assert_true(result.seconds >= 0);
    assert_true(result.seconds <= dms_clock_now() - began);
    assert_true(isnan(result.best_metric));
}

static void patience_stops_early(void **state)
{
    const small_training *f = *state;
    dms_train_options o = tiny(f, "patient");
    dms_train_result result = {0};
    dms_error err = {0};

    o.epochs = 60, o.patience = 1, o.lr = 1e-12;
    assert_ok(train_to(&result, &o, NULL, &err), &err);
    assert_int_equal(result.end, DMS_TRAIN_END_EARLY);
    assert_int_equal(result.epochs, result.best_epoch + 1);
}

static void a_rate_far_too_high_is_said_with_advice(void **state)
{
    const small_training *f = *state;
    dms_train_options o = tiny(f, "diverged");
    dms_error err = {0};

    o.lr = 100, o.optimizer = DMS_OPTIMIZER_SGD, o.clip_norm = 0;
    assert_int_equal(dms_train(NULL, &o, NULL, &err), DMS_EINVAL);
    assert_non_null(strstr(err.message, "smaller lr"));
}

static void single_label_with_a_frozen_backbone_trains(void **state)
{
    const small_training *f = *state;
    dms_train_options o = tiny(f, "single");
    dms_train_result result = {0};
    dms_error err = {0};

    o.task = DMS_TRAIN_TASK_SINGLE_LABEL, o.several = DMS_SEVERAL_RAREST;
    o.backbone_lr = 0, o.epochs = 1;
    assert_ok(train_to(&result, &o, NULL, &err), &err);
    assert_true(isfinite(result.train_loss));
}

static void options_that_do_not_fit_are_refused_by_name(void **state)
{
    const small_training *f = *state;
    dms_train_options o = tiny(f, "refused");
    dms_error err = {0};

    o.metric = keep_text("odir_finale");
    assert_int_equal(dms_train(NULL, &o, NULL, &err), DMS_EINVAL);
    assert_non_null(strstr(err.message, "odir_final"));
    o = tiny(f, "refused");
    o.width = 17, err = (dms_error){0};
    assert_int_equal(dms_train(NULL, &o, NULL, &err), DMS_EINVAL);
    assert_non_null(strstr(err.message, "width"));
    o = tiny(f, "refused");
    o.task = DMS_TRAIN_TASK_SINGLE_LABEL, o.pos_weight = true;
    err = (dms_error){0};
    assert_int_equal(dms_train(NULL, &o, NULL, &err), DMS_EINVAL);
    assert_non_null(strstr(err.message, "single-label"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_stopped_again_and_again_equals_an_unbroken_one),
        cmocka_unit_test(a_run_goes_on_with_activations_made_again),
        cmocka_unit_test(a_run_killed_at_any_moment_resumes_to_the_same_end),
        cmocka_unit_test(resuming_with_another_rate_is_refused_by_name),
        cmocka_unit_test(a_time_limit_ends_validated_and_saved),
        cmocka_unit_test(
            a_run_stopped_before_it_began_took_no_longer_than_its_call),
        cmocka_unit_test(patience_stops_early),
        cmocka_unit_test(a_rate_far_too_high_is_said_with_advice),
        cmocka_unit_test(single_label_with_a_frozen_backbone_trains),
        cmocka_unit_test(options_that_do_not_fit_are_refused_by_name),
    };

    return cmocka_run_group_tests(tests, setup, small_training_remove);
}
