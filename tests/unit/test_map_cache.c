/* Training behind a frozen backbone whose maps are computed once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "data/labels.h"
#include "dms/data.h"
#include "dms/train.h"
#include "net/dmsnet.h"
#include "train/metrics_log.h"
#include "unit/small_training.h"

enum { PATIENTS = 12, SIZE = SMALL_TRAINING_SIDE, K = DMS_ODIR_LABELS };

static int setup(void **state)
{
    return small_training_make(state, PATIENTS);
}

static void forget(const small_training *f, const char *pattern)
{
    char command[160];

    snprintf(command, sizeof command, "rm -rf '%s'/%s", f->folder, pattern);
    assert_int_equal(system(command), 0);
}

/* A frozen backbone, nothing augmented; SGD and no average: small files. */
static dms_train_options frozen(const small_training *f, const char *run)
{
    dms_train_options o = small_training_options(f, run);

    o.backbone_lr = 0, o.augment = false;
    return o;
}

/* What a monitor has seen; what it wishes. */
typedef struct watch {
    int computed; /* calls of progress of the backbone's stage */
    int asked;
    int stop_at; /* the n-th time of being asked; 0: never */
    char said[4096];
} watch;

static void see_progress(void *user, const char *stage, size_t done,
                         size_t total, const char *detail)
{
    watch *w = user;

    (void)done, (void)total, (void)detail;
    w->computed += strcmp(stage, "frozen backbone") == 0;
}

static void see_message(void *user, dms_log_level level, const char *text)
{
    watch *w = user;
    size_t len = strlen(w->said);

    (void)level;
    snprintf(w->said + len, sizeof w->said - len, "%s\n", text);
}

static bool wish_to_stop(void *user)
{
    watch *w = user;

    return ++w->asked == w->stop_at;
}

static dms_status train(const dms_train_options *o, watch *w,
                        dms_train_result *result, dms_error *err)
{
    dms_monitor monitor = {.user = w,
                           .progress = see_progress,
                           .message = see_message,
                           .should_stop = wish_to_stop};
    dms_train_result unwanted;

    w->computed = w->asked = 0;
    w->said[0] = '\0';
    return train_to(result ? result : &unwanted, o, &monitor, err);
}

static watch trained(const dms_train_options *o)
{
    watch w = {0};
    dms_error err = {0};

    if (train(o, &w, NULL, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return w;
}

static dms_metrics_log log_of(const dms_train_options *o)
{
    dms_metrics_log log = {0};
    char path[400];
    uint8_t *text;
    size_t size;

    snprintf(path, sizeof path, "%s/metrics.jsonl", o->run);
    assert_int_equal(dms_file_read(&text, &size, path, 1 << 20, NULL), DMS_OK);
    assert_int_equal(dms_metrics_log_parse(&log, (char *)text, NULL), DMS_OK);
    dms_free(text);
    return log;
}

/* Losses of training and validation, epoch by epoch. */
static void assert_curves_near(const dms_train_options *a,
                               const dms_train_options *b, double tolerance)
{
    dms_metrics_log log_a = log_of(a), log_b = log_of(b);

    assert_int_equal(log_a.count, log_b.count);
    for (size_t i = 0; i < log_a.count; i++) {
        const dms_epoch_record *x = &log_a.records[i], *y = &log_b.records[i];
        double off = fmax(fabs(x->train_loss / y->train_loss - 1),
                          fabs(x->val_loss / y->val_loss - 1));

        if (!(off <= tolerance))
            fail_msg("epoch %zu: losses %.9g %.9g and %.9g %.9g, off by %.1e",
                     i + 1, x->train_loss, x->val_loss, y->train_loss,
                     y->val_loss, off);
    }
    dms_metrics_log_release(&log_a);
    dms_metrics_log_release(&log_b);
}

static void assert_same_model(const dms_train_options *a,
                              const dms_train_options *b)
{
    char path_a[400], path_b[400];
    dms_file_map map_a, map_b;

    snprintf(path_a, sizeof path_a, "%s/last.safetensors", a->run);
    snprintf(path_b, sizeof path_b, "%s/last.safetensors", b->run);
    assert_int_equal(dms_file_map_open(&map_a, path_a, NULL), DMS_OK);
    assert_int_equal(dms_file_map_open(&map_b, path_b, NULL), DMS_OK);
    assert_int_equal(map_a.size, map_b.size);
    assert_memory_equal(map_a.data, map_b.data, map_a.size);
    dms_file_map_close(&map_a);
    dms_file_map_close(&map_b);
}

/* Files "maps-*<end>" of the fixture's folder; the last one's path. */
static int maps_ending(const small_training *f, const char *end, char path[400])
{
    DIR *folder = opendir(f->folder);
    int count = 0;

    assert_non_null(folder);
    for (struct dirent *e; (e = readdir(folder));) {
        size_t name = strlen(e->d_name), tail = strlen(end);

        if (strncmp(e->d_name, "maps-", 5) != 0 || name < tail ||
            strcmp(e->d_name + name - tail, end) != 0)
            continue;
        snprintf(path, 400, "%s/%s", f->folder, e->d_name);
        count++;
    }
    closedir(folder);
    return count;
}

/* A blur of nobody: photographs pass through augmentation as they are, and the
 * backbone runs in every step. Its norms are not folded there, and nothing else
 * is rounded otherwise. */
static void kept_maps_train_as_the_backbone_in_every_step_does(void **state)
{
    const small_training *f = *state;
    dms_train_options kept = frozen(f, "kept"), each = frozen(f, "each");
    watch w;

    kept.accumulate = each.accumulate = 2;
    kept.ema_decay = each.ema_decay = 0.9;
    each.augment = true, each.blur = 1e-12;
    each.flip_horizontal = each.flip_vertical = false;
    each.rotation = each.scale = each.shift = 0;
    each.brightness = each.contrast = each.saturation = each.gamma = 0;
    w = trained(&kept);
    assert_true(w.computed > 0);
    w = trained(&each);
    assert_int_equal(w.computed, 0);
    assert_curves_near(&kept, &each, 1e-5);
    forget(f, "kept"), forget(f, "each");
}

static void maps_in_bf16_train_nearly_as_those_in_fp32(void **state)
{
    const small_training *f = *state;
    dms_train_options fp32 = frozen(f, "fp32"), bf16 = frozen(f, "bf16");
    char path[400];
    watch w;

    if (!dms_net_has_type(DMS_TYPE_BF16))
        skip();
    bf16.precision = DMS_PRECISION_BF16;
    trained(&fp32);
    w = trained(&bf16);
    assert_non_null(strstr(w.said, "4.1 kB (bf16)")); /* 512 x 2 x 2 */
    assert_curves_near(&bf16, &fp32, 5e-2);
    assert_true(maps_ending(f, ".cache", path) >= 2);
    forget(f, "fp32"), forget(f, "bf16");
}

/* While maps are computed, in the first batches, anywhere. */
static void a_stopped_run_resumes_to_the_same_bits(void **state)
{
    const small_training *f = *state;
    dms_train_options whole = frozen(f, "whole"), broken = frozen(f, "broken");
    dms_train_result result = {0};
    dms_status st = DMS_ESTOPPED;
    char path[400];
    watch w = {0};
    int parts = 0;

    forget(f, "maps-*");
    trained(&whole);
    forget(f, "maps-*");
    w.stop_at = 1;
    st = train(&broken, &w, &result, NULL);
    assert_int_equal(st, DMS_ESTOPPED);
    assert_int_equal(result.end, DMS_TRAIN_END_STOPPED);
    assert_int_equal(result.steps, 0);
    assert_int_equal(maps_ending(f, ".cache", path), 0);
    assert_int_equal(maps_ending(f, ".tmp", path), 0);
    broken.resume = true;
    for (; st == DMS_ESTOPPED && parts < 50; parts++) {
        w.stop_at = 5; /* three batches of maps, then two of training */
        st = train(&broken, &w, &result, NULL);
        assert_int_equal(w.computed > 0, parts == 0);
    }
    assert_int_equal(st, DMS_OK);
    assert_true(parts >= 2);
    assert_curves_near(&whole, &broken, 0);
    assert_same_model(&whole, &broken);
    forget(f, "whole"), forget(f, "broken");
}

static void a_damaged_file_is_made_again(void **state)
{
    const small_training *f = *state;
    dms_train_options first = frozen(f, "first"), again = frozen(f, "again");
    char path[400];
    uint8_t *data;
    size_t size;

    forget(f, "maps-*");
    first.epochs = again.epochs = 1;
    trained(&first);
    assert_int_equal(trained(&again).computed, 0); /* shared by two runs */
    assert_int_equal(maps_ending(f, ".cache", path), 1);
    assert_int_equal(dms_file_read(&data, &size, path, 1 << 28, NULL), DMS_OK);
    for (int damage = 0; damage < 3; damage++) {
        uint8_t *at = &data[damage == 0 ? 20 : size / 2];
        uint8_t was = *at;

        forget(f, "again");
        *at ^= damage < 2; /* header, a map; cut off */
        assert_int_equal(
            dms_file_write(path, data, damage < 2 ? size : size - 1, NULL),
            DMS_OK);
        *at = was;
        assert_true(trained(&again).computed > 0);
        assert_same_model(&first, &again);
    }
    dms_free(data);
    forget(f, "first"), forget(f, "again");
}

/* And a run that stopped before its first checkpoint has not forgotten what it
 * was to start from. */
static void another_backbone_has_maps_of_its_own(void **state)
{
    const small_training *f = *state;
    dms_train_options own = frozen(f, "own"), other = frozen(f, "other");
    dms_train_options taken = frozen(f, "taken"), late = frozen(f, "late");
    char path[400];
    watch w = {.stop_at = 1};

    forget(f, "maps-*");
    own.epochs = other.epochs = taken.epochs = late.epochs = 1;
    own.val = other.val = taken.val = late.val = 0;
    other.seed = 2;
    trained(&other);
    assert_true(trained(&own).computed > 0);
    assert_int_equal(maps_ending(f, ".cache", path), 2);
    taken.pretrained = keep_text("%s/other/last.safetensors", f->folder);
    late.pretrained = taken.pretrained;
    assert_int_equal(trained(&taken).computed, 0);
    assert_int_equal(maps_ending(f, ".cache", path), 2);
    forget(f, "maps-*");
    assert_int_equal(train(&late, &w, NULL, NULL), DMS_ESTOPPED);
    late.resume = true;
    trained(&late);
    assert_same_model(&taken, &late);
    forget(f, "o[wt]*"), forget(f, "taken"), forget(f, "late");
}

static void a_full_disk_is_an_error_and_leaves_no_half_file(void **state)
{
    const small_training *f = *state;
    dms_train_options o = frozen(f, "full");
    struct rlimit old, small;
    dms_error err = {0};
    char path[400];
    watch w = {0};

    forget(f, "maps-*");
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old, small.rlim_cur = 100000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(train(&o, &w, NULL, &err), DMS_EIO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_non_null(strstr(err.message, "maps-resnet18"));
    assert_non_null(strstr(err.message, "cannot write"));
    assert_int_equal(maps_ending(f, ".cache", path), 0);
    assert_int_equal(maps_ending(f, ".tmp", path), 0);
    forget(f, "full");
}

static void with_augmentation_the_log_says_why_no_maps_are_kept(void **state)
{
    const small_training *f = *state;
    dms_train_options o = frozen(f, "augmented");
    char path[400];
    watch w;

    forget(f, "maps-*");
    o.augment = true, o.epochs = 1;
    w = trained(&o);
    assert_non_null(strstr(w.said, "--no-augment"));
    assert_int_equal(maps_ending(f, ".cache", path), 0);
    forget(f, "augmented");
}

/* The table with the photograph of one eye taken away. */
static void one_eyed_patients_and_models_have_maps_too(void **state)
{
    const small_training *f = *state;
    dms_train_options both = frozen(f, "both"), left = frozen(f, "left");
    char command[300], path[400];
    watch w;

    snprintf(command, sizeof command,
             "cp -r '%s/data' '%s/holes' && cd '%s/holes' && "
             "rm \"$(find . -name '*_right.*' | sort | head -n 1)\"",
             f->folder, f->folder, f->folder);
    assert_int_equal(system(command), 0);
    forget(f, "maps-*");
    both.epochs = left.epochs = 1;
    both.data = keep_text("%s/holes", f->folder);
    left.eyes = DMS_EYES_LEFT;
    w = trained(&both);
    assert_non_null(strstr(w.said, " 23 maps "));
    w = trained(&left);
    assert_non_null(strstr(w.said, " 12 maps "));
    assert_int_equal(maps_ending(f, ".cache", path), 2);
    forget(f, "both"), forget(f, "left"), forget(f, "holes");
}

static dms_net *net_of(const dms_architecture *arch, dms_params *params,
                       dms_net_part part, dms_type type)
{
    dms_net_options options = {
        .patients = 2, .part = part, .type = type, .map_type = type};
    dms_net *net = NULL;
    dms_error err = {0};

    if (dms_net_create(&net, arch, params, &options, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return net;
}

static void assert_cut_answers_as_whole(dms_architecture arch, dms_type type)
{
    size_t pixels = (size_t)4 * 3 * (size_t)(arch.size * arch.size);
    dms_params *params = dms_params_create();
    dms_rng rng = dms_rng_seeded(5);
    dms_net *whole, *first, *rest;

    assert_int_equal(dms_net_declare(params, &arch, false, false, NULL),
                     DMS_OK);
    assert_int_equal(dms_params_allocate(params, false, NULL), DMS_OK);
    assert_int_equal(dms_params_fill(params, 1, NULL), DMS_OK);
    whole = net_of(&arch, params, DMS_NET_WHOLE, type);
    first = net_of(&arch, params, DMS_NET_TO_MAP, type);
    rest = net_of(&arch, params, DMS_NET_FROM_MAP, type);
    assert_null(dms_net_map(whole));
    assert_null(dms_net_images(rest));
    for (size_t i = 0; i < pixels; i++)
        dms_net_images(whole)[i] = (float)dms_rng_normal(&rng);
    memcpy(dms_net_images(first), dms_net_images(whole),
           pixels * sizeof(float));
    assert_int_equal(dms_net_forward(whole, 0, NULL), DMS_OK);
    assert_int_equal(dms_net_forward(first, 0, NULL), DMS_OK);
    memcpy(dms_net_map(rest), dms_net_map(first),
           4 * dms_net_map_bytes(&arch, type));
    assert_int_equal(dms_net_forward(rest, 0, NULL), DMS_OK);
    assert_memory_equal(dms_net_patient_logits(rest),
                        dms_net_patient_logits(whole), 2 * K * sizeof(float));
    assert_memory_equal(dms_net_eye_logits(rest), dms_net_eye_logits(whole),
                        4 * K * sizeof(float));
    dms_net_destroy(whole);
    dms_net_destroy(first);
    dms_net_destroy(rest);
    dms_params_destroy(params);
}

static void a_network_cut_at_its_map_answers_as_the_whole(void **state)
{
    static const int sizes[] = {32, 64, 100};
    dms_architecture arch = dms_architecture_default();

    (void)state;
    arch.width = 32;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (int type = 0; type < 1 + dms_net_has_type(DMS_TYPE_BF16); type++) {
            arch.size = sizes[i];
            arch.backbone =
                i == 1 ? DMS_BACKBONE_RESNET50 : DMS_BACKBONE_RESNET18;
            assert_cut_answers_as_whole(arch,
                                        type ? DMS_TYPE_BF16 : DMS_TYPE_F32);
        }
}

static void the_backbone_alone_is_not_trained(void **state)
{
    dms_architecture arch = dms_architecture_default();
    dms_net_options options = {
        .patients = 2, .mode = DMS_RUN_TRAINING, .part = DMS_NET_TO_MAP};
    dms_params *params = dms_params_create();
    dms_net *net = NULL;
    dms_error err = {0};

    (void)state;
    assert_int_equal(dms_net_create(&net, &arch, params, &options, &err),
                     DMS_EINVAL);
    assert_non_null(strstr(err.message, "nothing to learn"));
    dms_params_destroy(params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_cut_at_its_map_answers_as_the_whole),
        cmocka_unit_test(the_backbone_alone_is_not_trained),
        cmocka_unit_test(kept_maps_train_as_the_backbone_in_every_step_does),
        cmocka_unit_test(maps_in_bf16_train_nearly_as_those_in_fp32),
        cmocka_unit_test(a_stopped_run_resumes_to_the_same_bits),
        cmocka_unit_test(a_damaged_file_is_made_again),
        cmocka_unit_test(another_backbone_has_maps_of_its_own),
        cmocka_unit_test(a_full_disk_is_an_error_and_leaves_no_half_file),
        cmocka_unit_test(with_augmentation_the_log_says_why_no_maps_are_kept),
        cmocka_unit_test(one_eyed_patients_and_models_have_maps_too),
    };

    return cmocka_run_group_tests(tests, setup, small_training_remove);
}
