/* What changes between epochs: frozen parts that are trained later, and
 * photographs that grow; also stopped and resumed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "dms/train.h"
#include "formats/safetensors.h"
#include "train/phase.h"
#include "unit/small_training.h"

enum { PATIENTS = 12, PATH = 256 + 64 };

static int setup(void **state)
{
    return small_training_make(state, PATIENTS);
}

/* Steps begin in one epoch and end in the next. */
static dms_train_options options_of(const small_training *f, const char *run)
{
    dms_train_options o = small_training_options(f, run);

    o.epochs = 3, o.batch = 3, o.accumulate = 2;
    o.val = 0.25;
    return o;
}

/* With every buffer that an optimiser can have. */
static dms_train_options full_options_of(const small_training *f,
                                         const char *run)
{
    dms_train_options o = options_of(f, run);

    o.optimizer = DMS_OPTIMIZER_ADAMW;
    o.ema_decay = 0.9;
    return o;
}

static bool stop_at(void *user)
{
    int *left = user;

    return --*left == 0;
}

static dms_status train_until(const dms_train_options *o, int asked)
{
    dms_monitor monitor = {.user = &asked, .should_stop = stop_at};
    dms_error err = {0};
    dms_status st = dms_train(NULL, o, &monitor, &err);

    if (st != DMS_OK && st != DMS_ESTOPPED)
        fail_msg("%s", err.message);
    return st;
}

static void train(const dms_train_options *o)
{
    assert_int_equal(train_until(o, 100000), DMS_OK);
}

static dms_safetensors *file_of(const dms_train_options *o, const char *name)
{
    dms_safetensors *file = NULL;
    char path[PATH];

    snprintf(path, sizeof path, "%s/%s", o->run, name);
    if (dms_safetensors_open(&file, path, NULL) != DMS_OK)
        fail_msg("%s cannot be opened", path);
    return file;
}

typedef struct tally {
    size_t same, all;
} tally;

/* How many tensors under prefix ("": all) are the same in both runs' last
 * models, and of how many. */
static tally compare(const dms_train_options *a, const dms_train_options *b,
                     const char *prefix)
{
    dms_safetensors *x = file_of(a, "last.safetensors");
    dms_safetensors *y = file_of(b, "last.safetensors");
    tally found = {0};

    for (size_t i = 0; i < dms_safetensors_count(x); i++) {
        const dms_tensor_view *own = dms_safetensors_at(x, i);
        const dms_tensor_view *other = dms_safetensors_find(y, own->name);

        if (strncmp(own->name, prefix, strlen(prefix)) != 0)
            continue;
        assert_non_null(other);
        assert_int_equal(own->size, other->size);
        found.all++;
        found.same += memcmp(own->data, other->data, own->size) == 0;
    }
    assert_true(found.all > 0);
    dms_safetensors_close(x);
    dms_safetensors_close(y);
    return found;
}

static void assert_same(const dms_train_options *a, const dms_train_options *b,
                        const char *prefix)
{
    tally found = compare(a, b, prefix);

    assert_int_equal(found.same, found.all);
}

/* All but the norms' counts of batches, one tensor in six. */
static void assert_other(const dms_train_options *a, const dms_train_options *b,
                         const char *prefix)
{
    tally found = compare(a, b, prefix);

    assert_true(found.same <= found.all / 5);
}

static void sizes_share_the_epochs_and_the_last_is_the_whole(void **state)
{
    static const struct row {
        int start, size, epochs;
        int sizes[11];
    } rows[] = {
        {0, 224, 2, {224, 224}},
        {160, 224, 10, {160, 160, 160, 192, 192, 192, 224, 224, 224, 224}},
        {160, 224, 3, {160, 192, 224}},
        {160, 224, 1, {224}},
        {160, 224, 2, {192, 224}},
        {128, 150, 2, {128, 150}}, /* the last step is shorter */
        {224, 224, 2, {224, 224}},
    };

    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        dms_train_options o = default_train_options();

        o.start_size = rows[r].start, o.size = rows[r].size;
        o.epochs = rows[r].epochs;
        for (int e = 0; e < o.epochs; e++)
            assert_int_equal(dms_train_phase_at(&o, e).size, rows[r].sizes[e]);
    }
}

static void a_frozen_part_stays_and_what_is_behind_it_learns(void **state)
{
    static const char *const parts[] = {"backbone.conv1.",  "backbone.bn1.",
                                        "backbone.layer1.", "backbone.layer2.",
                                        "backbone.layer3.", "backbone.layer4."};
    const small_training *f = *state;
    dms_train_options first = options_of(f, "initial");

    first.optimizer = DMS_OPTIMIZER_ADAMW; /* small gradients move too */
    first.freeze = DMS_FREEZE_STAGE4, first.epochs = 1;
    train(&first); /* its backbone is the initial one */
    for (int part = DMS_FREEZE_STEM; part <= DMS_FREEZE_STAGE3; part += 3) {
        dms_train_options o =
            options_of(f, keep_text("frozen-%s", dms_freeze_name(part)));

        o.optimizer = first.optimizer;
        o.freeze = (dms_freeze)part, o.epochs = 1;
        train(&o);
        for (int i = 0; i < 6; i++) /* the stem has two names */
            (i <= part ? assert_same : assert_other)(&first, &o, parts[i]);
    }
}

static void freezing_the_last_stage_is_a_backbone_rate_of_zero(void **state)
{
    const small_training *f = *state;
    dms_train_options a = options_of(f, "stage4"), b = options_of(f, "rate-0");

    a.augment = b.augment = false;
    a.freeze = DMS_FREEZE_STAGE4, b.backbone_lr = 0;
    train(&a), train(&b);
    assert_same(&a, &b, "");
}

static bool holds(const dms_train_options *o, const char *name)
{
    dms_safetensors *file = file_of(o, "checkpoint.safetensors");
    bool found = dms_safetensors_find(file, name) != NULL;

    dms_safetensors_close(file);
    return found;
}

static void
what_is_unfrozen_learns_and_joins_the_checkpoint_from_then_on(void **state)
{
    const small_training *f = *state;
    dms_train_options o = full_options_of(f, "unfrozen");
    dms_train_options frozen = full_options_of(f, "still-frozen");

    o.schedule = frozen.schedule = DMS_SCHEDULE_CONSTANT;
    o.freeze = frozen.freeze = DMS_FREEZE_STAGE2;
    frozen.epochs = 1, train(&frozen);
    o.unfreeze_after = 2;
    o.epochs = 1, train(&o);
    assert_same(&o, &frozen, "");
    assert_false(holds(&o, "model.backbone.conv1.weight"));
    o.resume = DMS_TRAIN_RESUME_YES;
    o.epochs = 2, train(&o);
    assert_same(&o, &frozen, "backbone.layer1.");
    assert_true(holds(&o, "model.backbone.conv1.weight"));
    assert_true(holds(&o, "average.backbone.bn1.running_mean"));
    assert_true(holds(&o, "moment2.backbone.layer1.0.conv1.weight"));
    o.epochs = 3, train(&o);
    assert_other(&o, &frozen, "backbone.layer1.");
}

/* Stops after every fourth batch, of three per epoch. Two runs with the same
 * bits at the end also show that a run repeats. */
static void assert_broken_equals_whole(const dms_train_options *whole,
                                       const char *run)
{
    dms_train_options broken = *whole;
    dms_status st = DMS_ESTOPPED;
    int parts = 0;

    broken.run = keep_text("%s-%s", whole->run, run);
    train(whole);
    for (; st == DMS_ESTOPPED && parts < 50; parts++) {
        broken.resume = parts > 0 ? DMS_TRAIN_RESUME_YES : DMS_TRAIN_RESUME_NO;
        st = train_until(&broken, 5);
    }
    assert_int_equal(st, DMS_OK);
    assert_true(parts >= 3);
    assert_same(whole, &broken, "");
}

static void all_of_it_resumes_to_the_same_bits(void **state)
{
    const small_training *f = *state;
    dms_train_options o = full_options_of(f, "all");

    o.epochs = 4;
    o.freeze = DMS_FREEZE_STAGE3, o.unfreeze_after = 2;
    o.start_size = 32;
    o.sampling = DMS_SAMPLING_SQRT;
    o.mixup = 0.3, o.cutmix = 1;
    assert_broken_equals_whole(&o, "broken");
}

/* The first epochs read maps, the others photographs. */
static void
maps_first_and_photographs_later_resume_to_the_same_bits(void **state)
{
    const small_training *f = *state;
    dms_train_options maps = options_of(f, "maps"), o = options_of(f, "later");

    maps.augment = o.augment = false;
    maps.freeze = o.freeze = DMS_FREEZE_STAGE4;
    maps.epochs = 1, train(&maps); /* computes them, which asks to stop too */
    o.unfreeze_after = 1;
    assert_broken_equals_whole(&o, "broken");
}

static void photographs_of_another_size_train_another_model(void **state)
{
    const small_training *f = *state;
    dms_train_options whole = options_of(f, "whole-size");
    dms_train_options grown = options_of(f, "grown");

    whole.epochs = grown.epochs = 2;
    grown.start_size = 32;
    train(&whole), train(&grown);
    assert_other(&whole, &grown, "backbone.layer1.");
}

static void keep_memory_line(void *user, dms_log_level level, const char *text)
{
    (void)level;
    if (strncmp(text, "memory:", 7) == 0)
        snprintf(user, PATH, "%s", text);
}

/* A run that would not fit later is known at its start. */
static void memory_is_that_of_the_largest_epoch(void **state)
{
    const small_training *f = *state;
    dms_train_options plain = options_of(f, "memory");
    dms_train_options small = options_of(f, "less-at-first");
    char said[2][PATH] = {"", ""};

    small.start_size = 32;
    small.freeze = DMS_FREEZE_STAGE4, small.unfreeze_after = 2;
    for (int i = 0; i < 2; i++) {
        dms_monitor monitor = {.user = said[i], .message = keep_memory_line};
        dms_train_options *o = i ? &small : &plain;

        o->time_limit = 1e-9; /* no step is done */
        assert_int_equal(dms_train(NULL, o, &monitor, NULL), DMS_OK);
    }
    assert_true(said[0][0] != '\0');
    assert_string_equal(said[0], said[1]);
}

static void assert_refused(const dms_train_options *o, const char *why)
{
    dms_error err = {0};

    assert_int_equal(dms_train(NULL, o, NULL, &err), DMS_EINVAL);
    if (!strstr(err.message, why))
        fail_msg("said: %s", err.message);
}

static void what_makes_no_sense_together_is_refused(void **state)
{
    const small_training *f = *state;
    dms_train_options o = options_of(f, "refused");

    o.unfreeze_after = 1;
    assert_refused(&o, "nothing is frozen");
    o.backbone_lr = 0;
    assert_refused(&o, "for the whole run");
    o = options_of(f, "refused");
    o.start_size = 40;
    assert_refused(&o, "multiple of 32");
    o.start_size = 96;
    assert_refused(&o, "up to size 64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_share_the_epochs_and_the_last_is_the_whole),
        cmocka_unit_test(a_frozen_part_stays_and_what_is_behind_it_learns),
        cmocka_unit_test(freezing_the_last_stage_is_a_backbone_rate_of_zero),
        cmocka_unit_test(
            what_is_unfrozen_learns_and_joins_the_checkpoint_from_then_on),
        cmocka_unit_test(all_of_it_resumes_to_the_same_bits),
        cmocka_unit_test(
            maps_first_and_photographs_later_resume_to_the_same_bits),
        cmocka_unit_test(photographs_of_another_size_train_another_model),
        cmocka_unit_test(memory_is_that_of_the_largest_epoch),
        cmocka_unit_test(what_makes_no_sense_together_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, small_training_remove);
}
