/* A run behind a frozen backbone: its files, and going on from them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "dms/data.h"
#include "dms/train.h"
#include "formats/safetensors.h"
#include "unit/small_training.h"

enum { PATIENTS = 12, SIZE = SMALL_TRAINING_SIDE, PATH = 256 + 64 };

static int setup(void **state)
{
    return small_training_make(state, PATIENTS);
}

/* Every buffer that an optimiser can have. */
static dms_train_options frozen(const small_training *f, const char *run)
{
    dms_train_options o = small_training_options(f, run);

    o.epochs = 3, o.batch = 3, o.accumulate = 2;
    o.optimizer = default_train_options().optimizer;
    o.ema_decay = 0.9;
    o.val = 0.25;
    o.backbone_lr = 0, o.augment = false;
    return o;
}

static const char *path_of(char path[PATH], const dms_train_options *o,
                           const char *name)
{
    snprintf(path, PATH, "%s/%s", o->run, name);
    return path;
}

static struct stat status_of(const dms_train_options *o, const char *name)
{
    char path[PATH];
    struct stat info;

    if (stat(path_of(path, o, name), &info) != 0)
        fail_msg("%s is not there", path);
    return info;
}

static bool is_there(const dms_train_options *o, const char *name)
{
    char path[PATH];

    return access(path_of(path, o, name), F_OK) == 0;
}

/* Wishes to stop at the n-th time of being asked. */
static bool stop_at(void *user)
{
    int *left = user;

    return --*left == 0;
}

static dms_status train_until(const dms_train_options *o, int asked,
                              dms_error *err)
{
    dms_monitor monitor = {.user = &asked, .should_stop = stop_at};

    return dms_train(NULL, o, &monitor, err);
}

static void train(const dms_train_options *o)
{
    dms_error err = {0};

    if (dms_train(NULL, o, NULL, &err) != DMS_OK)
        fail_msg("%s", err.message);
}

/* Compute the maps, so that being asked to stop is counted from the first batch
 * on. */
static void make_maps(const small_training *f)
{
    dms_train_options o = frozen(f, "maps");

    if (is_there(&o, "last.safetensors"))
        return;
    o.epochs = 1;
    train(&o);
}

static void assert_same_file(const dms_train_options *a,
                             const dms_train_options *b, const char *name)
{
    char path[PATH];
    dms_file_map x, y;

    assert_int_equal(dms_file_map_open(&x, path_of(path, a, name), NULL),
                     DMS_OK);
    assert_int_equal(dms_file_map_open(&y, path_of(path, b, name), NULL),
                     DMS_OK);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    dms_file_map_close(&x);
    dms_file_map_close(&y);
}

static void a_run_stopped_again_and_again_equals_an_unbroken_one(void **state)
{
    const small_training *f = *state;
    dms_train_options whole = frozen(f, "whole"), broken = frozen(f, "broken");
    dms_status st = DMS_ESTOPPED;
    int parts = 0;

    train(&whole);
    for (; st == DMS_ESTOPPED && parts < 50; parts++) {
        broken.resume = parts > 0;
        st = train_until(&broken, 3, NULL); /* within a step of two batches */
        if (st == DMS_ESTOPPED)
            assert_true(is_there(&broken, "last.safetensors"));
    }
    assert_int_equal(st, DMS_OK);
    assert_true(parts >= 4);
    assert_same_file(&whole, &broken, "last.safetensors");
    assert_same_file(&whole, &broken, "best.safetensors");
}

static ino_t file_of(const dms_train_options *o, const char *name)
{
    return is_there(o, name) ? status_of(o, name).st_ino : 0;
}

/* The moments around the writing of files are the dangerous ones: wait for
 * one file to be written, and then a little. */
static void kill_after(const char *name, pid_t child,
                       const dms_train_options *o, dms_rng *rng)
{
    ino_t before = file_of(o, name);
    int waited = 0;

    while (file_of(o, name) == before && waited++ < 20000)
        usleep(1000);
    usleep((useconds_t)dms_rng_below(rng, 40000));
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

/* Without a chance to say goodbye. Where there is a checkpoint, what it refers
 * to is there. */
static void a_run_killed_at_any_moment_resumes_to_the_same_end(void **state)
{
    const small_training *f = *state;
    dms_train_options whole = frozen(f, "alive"), killed = frozen(f, "killed");
    dms_rng rng = dms_rng_seeded(4);
    int seen = 0;

    make_maps(f);
    whole.epochs = killed.epochs = 9;
    train(&whole);
    killed.resume = DMS_TRAIN_RESUME_AUTO;
    for (int round = 0; round < 6; round++) {
        pid_t child = fork();

        if (child == 0)
            _exit(dms_train(NULL, &killed, NULL, NULL) == DMS_OK ? 0 : 1);
        kill_after(round % 2 ? "last.safetensors" : "checkpoint.safetensors",
                   child, &killed, &rng);
        if (is_there(&killed, "checkpoint.safetensors")) {
            assert_true(is_there(&killed, "last.safetensors"));
            seen++;
        }
    }
    assert_true(seen > 0);
    train(&killed);
    assert_same_file(&whole, &killed, "last.safetensors");
    assert_same_file(&whole, &killed, "best.safetensors");
}

static void the_checkpoint_holds_nothing_of_the_backbone(void **state)
{
    const small_training *f = *state;
    dms_train_options o = frozen(f, "files");
    dms_safetensors *file = NULL;
    char path[PATH];
    off_t model;

    train(&o);
    assert_int_equal(
        dms_safetensors_open(&file, path_of(path, &o, "checkpoint.safetensors"),
                             NULL),
        DMS_OK);
    assert_true(dms_safetensors_count(file) > 0);
    for (size_t i = 0; i < dms_safetensors_count(file); i++)
        assert_null(strstr(dms_safetensors_at(file, i)->name, "backbone."));
    dms_safetensors_close(file);
    model = status_of(&o, "last.safetensors").st_size;
    assert_true(model > 44000000); /* resnet18 */
    assert_true(status_of(&o, "checkpoint.safetensors").st_size < model / 20);
}

/* An epoch that is the best: one file, two names, and they part again. */
static void the_best_epoch_is_written_once(void **state)
{
    const small_training *f = *state;
    dms_train_options o = frozen(f, "once");
    struct stat best, last;

    o.epochs = 1;
    train(&o);
    best = status_of(&o, "best.safetensors");
    last = status_of(&o, "last.safetensors");
    assert_true(best.st_ino == last.st_ino);
    assert_true(status_of(&o, "best.safetensors").st_nlink == 2);
    o = frozen(f, "never-better");
    o.lr = 1e-12;
    train(&o);
    best = status_of(&o, "best.safetensors");
    last = status_of(&o, "last.safetensors");
    assert_true(best.st_ino != last.st_ino);
    assert_true(best.st_nlink == 1 && last.st_nlink == 1);
}

/* Whatever the checkpoint needs is named, and so is the checkpoint. */
static void assert_refused(const dms_train_options *o, dms_status expected,
                           const char *why)
{
    dms_error err = {0};

    assert_int_equal(train_until(o, 1000, &err), expected);
    if (!strstr(err.message, "last.safetensors") ||
        !strstr(err.message, "checkpoint.safetensors") ||
        !strstr(err.message, why))
        fail_msg("said: %s", err.message);
}

static void
frozen_weights_that_are_not_the_checkpoints_are_refused(void **state)
{
    const small_training *f = *state;
    dms_train_options o = frozen(f, "refused"), other = frozen(f, "other");
    char command[3 * PATH], path[PATH];

    make_maps(f);
    other.seed = 2, other.epochs = 1;
    train(&other);
    assert_int_equal(train_until(&o, 2, NULL), DMS_ESTOPPED);
    o.resume = true;
    snprintf(command, sizeof command,
             "cd '%s' && mv refused/last.safetensors kept && "
             "cp other/last.safetensors refused/",
             f->folder);
    assert_int_equal(system(command), 0);
    assert_refused(&o, DMS_EMISMATCH, "digest");
    assert_int_equal(truncate(path_of(path, &o, "last.safetensors"), 100000),
                     0);
    assert_refused(&o, DMS_EFORMAT, "put that file back");
    assert_int_equal(unlink(path), 0);
    assert_refused(&o, DMS_EIO, "cannot open");
    snprintf(command, sizeof command,
             "cd '%s' && mv kept refused/last.safetensors", f->folder);
    assert_int_equal(system(command), 0);
    train(&o);
}

/* Read from a model file too: --init, then --backbone-lr 0. */
static void a_run_from_a_model_file_keeps_its_backbone_bit_for_bit(void **state)
{
    const small_training *f = *state;
    dms_train_options first = frozen(f, "first"), next = frozen(f, "next");
    dms_safetensors *a = NULL, *b = NULL;
    size_t same = 0;
    char path[PATH];

    first.epochs = 1, first.backbone_lr = 1;
    train(&first);
    path_of(path, &first, "last.safetensors");
    next.init = keep_text("%s", path);
    train(&next);
    assert_int_equal(dms_safetensors_open(&a, path, NULL), DMS_OK);
    assert_int_equal(dms_safetensors_open(
                         &b, path_of(path, &next, "last.safetensors"), NULL),
                     DMS_OK);
    for (size_t i = 0; i < dms_safetensors_count(a); i++) {
        const dms_tensor_view *x = dms_safetensors_at(a, i);
        const dms_tensor_view *y = dms_safetensors_find(b, x->name);
        bool backbone = strncmp(x->name, "backbone.", 9) == 0;

        assert_non_null(y);
        assert_int_equal(x->size, y->size);
        same += memcmp(x->data, y->data, x->size) == 0;
        if (backbone)
            assert_memory_equal(x->data, y->data, x->size);
    }
    assert_true(same < dms_safetensors_count(a));
    dms_safetensors_close(a);
    dms_safetensors_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_stopped_again_and_again_equals_an_unbroken_one),
        cmocka_unit_test(a_run_killed_at_any_moment_resumes_to_the_same_end),
        cmocka_unit_test(the_checkpoint_holds_nothing_of_the_backbone),
        cmocka_unit_test(the_best_epoch_is_written_once),
        cmocka_unit_test(
            frozen_weights_that_are_not_the_checkpoints_are_refused),
        cmocka_unit_test(
            a_run_from_a_model_file_keeps_its_backbone_bit_for_bit),
    };

    return cmocka_run_group_tests(tests, setup, small_training_remove);
}
