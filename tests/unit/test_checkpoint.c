#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc_fault.h"
#include "base/file.h"
#include "base/rng.h"
#include "formats/safetensors.h"
#include "net/dmsnet.h"
#include "train/checkpoint.h"

static const dms_param table[] = {
    {.name = "backbone.conv1.weight",
     .role = DMS_PARAM_WEIGHT,
     .axes = 4,
     .shape = {32, 16, 3, 3},
     .block_out = 16,
     .block_in = 16},
    {.name = "backbone.bn1.running_mean",
     .role = DMS_PARAM_STAT,
     .axes = 1,
     .shape = {33},
     .block_out = 1,
     .block_in = 1},
    {.name = "head.weight",
     .role = DMS_PARAM_WEIGHT,
     .axes = 2,
     .shape = {64, 500},
     .block_out = 1,
     .block_in = 1},
};

static const dms_optimizer_options options = {.kind = DMS_OPTIMIZER_ADAMW,
                                              .beta1 = 0.9,
                                              .beta2 = 0.999,
                                              .backbone_lr = 1,
                                              .stage_decay = 1,
                                              .ema_decay = 0.9,
                                              .accumulate = 4};

typedef struct fixture {
    char folder[64];
    char path[128];
    char previous[160];
    dms_optimizer *optimizer;
} fixture;

/* frozen: the prefix of rows that are; NULL: none. */
static dms_optimizer *optimizer_behind(const char *frozen, size_t count)
{
    dms_params *params = dms_params_create();
    dms_optimizer *o = NULL;

    for (size_t i = 0; i < count; i++)
        assert_non_null(dms_params_declare(params, &table[i]));
    if (frozen)
        assert_true(dms_params_freeze(params, frozen) > 0);
    assert_int_equal(dms_params_allocate(params, true, NULL), DMS_OK);
    assert_int_equal(dms_optimizer_create(&o, params, &options, NULL), DMS_OK);
    return o;
}

static dms_optimizer *optimizer_of(size_t count)
{
    return optimizer_behind(NULL, count);
}

static void destroy(dms_optimizer *o)
{
    dms_params_destroy(o->params);
    dms_optimizer_destroy(o);
}

static void randomise(float *x, const dms_params *params, bool stats,
                      dms_rng *rng)
{
    for (size_t i = 0; i < params->count; i++) {
        const dms_param *p = &params->items[i];

        for (size_t k = 0; k < p->len; k++)
            if (stats || dms_param_trained(p))
                x[p->offset + k] = (float)dms_rng_normal(rng);
    }
}

static void randomise_all(dms_optimizer *o, uint64_t seed)
{
    dms_rng rng = dms_rng_seeded(seed);

    randomise(o->params->value, o->params, true, &rng);
    randomise(o->average, o->params, true, &rng);
    randomise(o->moment1, o->params, false, &rng);
    randomise(o->moment2, o->params, false, &rng);
    for (size_t i = 0; i < o->params->trained; i++)
        o->moment2[i] = fabsf(o->moment2[i]); /* means of squares */
    randomise(o->accumulated, o->params, false, &rng);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);

    snprintf(f->folder, sizeof f->folder, "/tmp/dms_checkpoint_XXXXXX");
    if (!mkdtemp(f->folder))
        return -1;
    snprintf(f->path, sizeof f->path, "%s/c.safetensors", f->folder);
    snprintf(f->previous, sizeof f->previous, "%s.previous", f->path);
    f->optimizer = optimizer_of(3);
    randomise_all(f->optimizer, 1);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    char command[128];

    destroy(f->optimizer);
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    free(f);
    return system(command);
}

static dms_train_state *state_of(int64_t epoch)
{
    dms_train_state *s = calloc(1, sizeof *s);
    dms_epoch_record record = {
        .epoch = 1, .train_loss = 1.0 / 3, .val_loss = NAN, .best = true};

    s->epoch = epoch, s->batch = 7, s->loss_sum = 0.1 + 0.2;
    s->best_metric = 2.0 / 3, s->stale_epochs = 3, s->elapsed = 12.25;
    s->data_digest = UINT64_C(0xfedcba9876543210);
    strcpy(s->options, "lr: 0.001\nmetric: \"odir_final\"\n");
    assert_int_equal(dms_metrics_log_add(&s->log, &record, NULL), DMS_OK);
    return s;
}

static void state_free(dms_train_state *s)
{
    dms_metrics_log_release(&s->log);
    free(s);
}

static dms_status write_epoch(fixture *f, int64_t epoch, dms_error *err)
{
    dms_train_state *s = state_of(epoch);
    dms_status st = dms_checkpoint_write(f->path, s, f->optimizer, err);

    state_free(s);
    return st;
}

/* The epoch that the checkpoint holds, -1 where none can be read. */
static int64_t epoch_of(const char *path, dms_error *err)
{
    dms_train_state *s = calloc(1, sizeof *s);
    dms_status st = dms_checkpoint_read_state(s, path, NULL, err);
    int64_t epoch = st == DMS_OK ? s->epoch : -1;

    state_free(s);
    return epoch;
}

static void everything_reads_back_bit_equal(void **state)
{
    fixture *f = *state;
    dms_optimizer *a = f->optimizer, *b = optimizer_of(3);
    dms_train_state *s = state_of(5), *back = calloc(1, sizeof *back);
    size_t trained = a->params->trained * sizeof(float);
    size_t total = a->params->total * sizeof(float);

    a->step = 123, a->pending = 2;
    assert_int_equal(dms_checkpoint_write(f->path, s, a, NULL), DMS_OK);
    assert_int_equal(dms_checkpoint_read_state(back, f->path, NULL, NULL),
                     DMS_OK);
    assert_int_equal(dms_checkpoint_read_tensors(b, f->path, NULL), DMS_OK);
    assert_int_equal(b->step, 123);
    assert_int_equal(b->pending, 2);
    assert_memory_equal(a->params->value, b->params->value, total);
    assert_memory_equal(a->average, b->average, total);
    assert_memory_equal(a->moment1, b->moment1, trained);
    assert_memory_equal(a->moment2, b->moment2, trained);
    assert_memory_equal(a->accumulated, b->accumulated, trained);
    assert_true(back->loss_sum == s->loss_sum);
    assert_true(back->best_metric == s->best_metric);
    assert_true(back->data_digest == s->data_digest);
    assert_int_equal(back->stale_epochs, 3);
    assert_string_equal(back->options, s->options);
    assert_int_equal(back->log.count, 1);
    assert_true(back->log.records[0].train_loss == 1.0 / 3);
    assert_true(isnan(back->log.records[0].val_loss));
    assert_true(back->log.records[0].best);
    state_free(s);
    state_free(back);
    destroy(b);
}

static size_t size_of(const char *path)
{
    struct stat info;

    assert_int_equal(stat(path, &info), 0);
    return (size_t)info.st_size;
}

/* Of a whole step only: there is nothing in them at its end. */
static void accumulated_gradients_are_written_within_a_step_only(void **state)
{
    fixture *f = *state;
    dms_optimizer *a = f->optimizer, *b = optimizer_of(3);
    dms_train_state *s = state_of(5);
    size_t within;

    a->pending = 1;
    assert_int_equal(dms_checkpoint_write(f->path, s, a, NULL), DMS_OK);
    within = size_of(f->path);
    a->pending = 0;
    assert_int_equal(dms_checkpoint_write(f->path, s, a, NULL), DMS_OK);
    assert_true(within - size_of(f->path) > a->params->trained * sizeof(float));
    memcpy(b->accumulated, a->accumulated, a->params->trained * sizeof(float));
    assert_int_equal(dms_checkpoint_read_tensors(b, f->path, NULL), DMS_OK);
    for (size_t i = 0; i < b->params->trained; i++)
        assert_true(b->accumulated[i] == 0);
    state_free(s);
    destroy(b);
}

/* A whole file with a good checksum: another program's, or of a run that went
 * wrong without being seen. No run can go on from it. */
static void values_that_no_run_can_go_on_from_are_refused_by_name(void **state)
{
    enum { MODEL, MOMENT1, MOMENT2, ACCUMULATED, AVERAGE, PLACES };
    static const struct {
        int buffer;
        float value;
        const char *says;
    } cases[] = {
        {MODEL, NAN,
         "tensor model.head.weight holds a value that is not finite"},
        {MODEL, INFINITY, "tensor model.head.weight holds"},
        {MOMENT1, -INFINITY, "tensor moment1.head.weight holds"},
        {MOMENT2, INFINITY, "tensor moment2.head.weight holds"},
        {MOMENT2, -1e-3f, "negative, which no second moment can be, -0.001"},
        {ACCUMULATED, NAN, "tensor accumulated.head.weight holds"},
        {AVERAGE, NAN, "tensor average.head.weight holds"},
    };
    fixture *f = *state;
    dms_optimizer *a = f->optimizer, *b = optimizer_of(3);
    size_t at = dms_params_find(a->params, "head.weight")->offset + 3;
    float *const places[PLACES] = {&a->params->value[at], &a->moment1[at],
                                   &a->moment2[at], &a->accumulated[at],
                                   &a->average[at]};

    a->pending = 1;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float *place = places[cases[i].buffer], good = *place;
        dms_error err = {0};

        *place = cases[i].value;
        assert_int_equal(write_epoch(f, 1, NULL), DMS_OK);
        *place = good;
        assert_int_equal(dms_checkpoint_read_tensors(b, f->path, &err),
                         DMS_EFORMAT);
        if (!strstr(err.message, cases[i].says))
            fail_msg("case %zu: %s", i, err.message);
    }
    assert_int_equal(write_epoch(f, 1, NULL), DMS_OK);
    assert_int_equal(dms_checkpoint_read_tensors(b, f->path, NULL), DMS_OK);
    destroy(b);
}

/* Every buffer of the one trained row, and nothing else. */
static void frozen_rows_have_no_place_in_the_file(void **state)
{
    static const char *const expected[] = {
        "model.head.weight", "moment1.head.weight", "moment2.head.weight",
        "accumulated.head.weight", "average.head.weight"};
    fixture *f = *state;
    dms_optimizer *a = optimizer_behind("backbone.", 3);
    dms_optimizer *b = optimizer_behind("backbone.", 3);
    dms_train_state *s = state_of(5), *back = calloc(1, sizeof *back);
    size_t changing = a->params->changing * sizeof(float);
    dms_safetensors *file = NULL;
    float before;

    randomise(a->params->value, a->params, true, &(dms_rng){{1, 2, 3, 4}});
    a->average[7] = a->moment1[7] = a->moment2[7] = a->accumulated[7] = 2;
    a->step = 12, a->pending = 1;
    s->frozen_digest = 77;
    assert_int_equal(dms_checkpoint_write(f->path, s, a, NULL), DMS_OK);
    assert_int_equal(dms_safetensors_open(&file, f->path, NULL), DMS_OK);
    assert_int_equal(dms_safetensors_count(file), 5);
    for (size_t i = 0; i < 5; i++)
        assert_non_null(dms_safetensors_find(file, expected[i]));
    dms_safetensors_close(file);
    before = b->params->value[b->params->items[0].offset] = 5;
    assert_int_equal(dms_checkpoint_read_state(back, f->path, NULL, NULL),
                     DMS_OK);
    assert_true(back->frozen_digest == 77);
    assert_int_equal(dms_checkpoint_read_tensors(b, f->path, NULL), DMS_OK);
    assert_memory_equal(a->params->value, b->params->value, changing);
    assert_memory_equal(a->average, b->average, changing);
    assert_memory_equal(a->moment1, b->moment1, changing);
    assert_memory_equal(a->moment2, b->moment2, changing);
    assert_memory_equal(a->accumulated, b->accumulated, changing);
    assert_true(b->params->value[b->params->items[0].offset] == before);
    state_free(s);
    state_free(back);
    destroy(a);
    destroy(b);
}

/* It has no digest of them, and holds them. */
static void a_checkpoint_of_dmsnet_0_1_gives_the_frozen_rows_back(void **state)
{
    fixture *f = *state;
    const dms_params *was = f->optimizer->params;
    dms_optimizer *b = optimizer_behind("backbone.", 3);

    assert_int_equal(write_epoch(f, 1, NULL), DMS_OK);
    assert_int_equal(dms_checkpoint_read_tensors(b, f->path, NULL), DMS_OK);
    for (size_t i = 0; i < was->count; i++)
        assert_memory_equal(was->value + was->items[i].offset,
                            b->params->value + b->params->items[i].offset,
                            was->items[i].len * sizeof(float));
    destroy(b);
}

/* Frozen: 58 million weights. Trained: nine, each four times. */
static void heads_behind_resnet152_take_less_than_150_mb(void **state)
{
    fixture *f = *state;
    dms_architecture arch = dms_architecture_default();
    dms_params *params = dms_params_create();
    dms_train_state *s = state_of(1);
    dms_optimizer_options adamw = options;
    dms_optimizer *o = NULL;

    arch.backbone = DMS_BACKBONE_RESNET152, arch.width = 512;
    adamw.accumulate = 1;
    assert_int_equal(dms_net_declare(params, &arch, true, false, NULL), DMS_OK);
    assert_true(dms_params_freeze(params, "backbone.") > 0);
    assert_int_equal(dms_params_allocate(params, true, NULL), DMS_OK);
    assert_int_equal(dms_optimizer_create(&o, params, &adamw, NULL), DMS_OK);
    assert_int_equal(dms_checkpoint_write(f->path, s, o, NULL), DMS_OK);
    assert_true(size_of(f->path) >= dms_checkpoint_bytes(o));
    assert_true(dms_checkpoint_bytes(o) > 100000000);
    assert_true(size_of(f->path) < 150000000);
    state_free(s);
    destroy(o);
}

static void damage(const char *path, long at_end)
{
    FILE *file = fopen(path, "r+b");
    int was;

    assert_non_null(file);
    fseek(file, at_end, SEEK_END);
    was = fgetc(file);
    fseek(file, at_end, SEEK_END);
    fputc(was ^ 1, file);
    fclose(file);
}

static void one_flipped_bit_falls_back_to_the_file_before(void **state)
{
    fixture *f = *state;

    assert_int_equal(write_epoch(f, 1, NULL), DMS_OK);
    assert_int_equal(write_epoch(f, 2, NULL), DMS_OK);
    assert_int_equal(epoch_of(f->path, NULL), 2);
    damage(f->path, -1001);
    assert_int_equal(epoch_of(f->path, NULL), 1);
    assert_int_equal(epoch_of(f->path, NULL), 1); /* it is the newest now */
}

static void truncated_at_any_length_is_a_clear_error(void **state)
{
    fixture *f = *state;
    struct stat info;

    assert_int_equal(write_epoch(f, 1, NULL), DMS_OK);
    assert_int_equal(stat(f->path, &info), 0);
    for (off_t size = info.st_size - 1; size > 0; size = size * 2 / 3) {
        dms_error err = {0};

        assert_int_equal(truncate(f->path, size), 0);
        assert_int_equal(epoch_of(f->path, &err), -1);
        assert_non_null(strstr(err.message, "c.safetensors"));
    }
}

static void a_missing_tensor_is_named(void **state)
{
    fixture *f = *state;
    dms_optimizer *small = optimizer_of(2);
    dms_train_state *s = state_of(1);
    dms_error err = {0};

    assert_int_equal(dms_checkpoint_write(f->path, s, small, NULL), DMS_OK);
    assert_int_equal(dms_checkpoint_read_tensors(f->optimizer, f->path, &err),
                     DMS_EMISMATCH);
    assert_non_null(strstr(err.message, "model.head.weight"));
    state_free(s);
    destroy(small);
}

/* A disk that is full: files may not grow past 64 KiB. */
static void a_full_disk_is_an_error_and_the_old_file_stays(void **state)
{
    fixture *f = *state;
    struct rlimit was, small;
    dms_error err = {0};
    dms_status st;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);

    assert_int_equal(write_epoch(f, 1, NULL), DMS_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    small = was, small.rlim_cur = 65536;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    st = write_epoch(f, 2, &err);
    setrlimit(RLIMIT_FSIZE, &was);
    signal(SIGXFSZ, handler);
    assert_int_equal(st, DMS_EIO);
    assert_non_null(strstr(err.message, "c.safetensors"));
    assert_int_equal(epoch_of(f->path, NULL), 1);
    assert_int_equal(write_epoch(f, 3, NULL), DMS_OK);
    assert_int_equal(epoch_of(f->path, NULL), 3);
}

static void a_folder_that_cannot_be_written_is_an_error(void **state)
{
    fixture *f = *state;
    char path[256];
    dms_error err = {0};
    dms_train_state *s = state_of(1);

    assert_int_equal(dms_file_write(f->path, "x", 1, NULL), DMS_OK);
    snprintf(path, sizeof path, "%s/under.safetensors", f->path);
    assert_int_equal(dms_checkpoint_write(path, s, f->optimizer, &err),
                     DMS_EIO);
    assert_non_null(strstr(err.message, "under.safetensors"));
    state_free(s);
}

/* A child writes epoch after epoch until it is killed; whatever the moment,
 * a checkpoint loads that is not older than the one seen before. */
static void kill_9_at_any_moment_leaves_a_loadable_file(void **state)
{
    fixture *f = *state;
    dms_rng rng = dms_rng_seeded(9);
    int64_t seen = 0;

    assert_int_equal(write_epoch(f, 0, NULL), DMS_OK);
    for (int round = 0; round < 20; round++) {
        int64_t epoch;
        pid_t child = fork();

        if (child == 0)
            for (int64_t i = seen + 1;; i++)
                write_epoch(f, i, NULL);
        usleep((useconds_t)dms_rng_below(&rng, 20000));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        epoch = epoch_of(f->path, NULL);
        assert_true(epoch >= seen);
        assert_int_equal(
            dms_checkpoint_read_tensors(f->optimizer, f->path, NULL), DMS_OK);
        seen = epoch;
    }
    assert_true(seen > 0);
}

static void without_memory_it_says_so_and_leaks_nothing(void **state)
{
    fixture *f = *state;
    dms_train_state *s = state_of(1);
    alloc_fault fault = {0};

    assert_int_equal(write_epoch(f, 1, NULL), DMS_OK);
    while (alloc_fault_next(&fault)) {
        dms_error err = {0};
        dms_status st = dms_checkpoint_write(f->path, s, f->optimizer, &err);

        alloc_fault_end_lenient(&fault, st); /* its folder may go unsynced */
        assert_int_equal(st == DMS_OK, err.message[0] == '\0');
        assert_int_equal(epoch_of(f->path, NULL), 1);
    }
    assert_true(fault.count > 10);
    state_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_reads_back_bit_equal, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            accumulated_gradients_are_written_within_a_step_only, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            values_that_no_run_can_go_on_from_are_refused_by_name, setup,
            teardown),
        cmocka_unit_test_setup_teardown(frozen_rows_have_no_place_in_the_file,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_checkpoint_of_dmsnet_0_1_gives_the_frozen_rows_back, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            heads_behind_resnet152_take_less_than_150_mb, setup, teardown),
        cmocka_unit_test_setup_teardown(
            one_flipped_bit_falls_back_to_the_file_before, setup, teardown),
        cmocka_unit_test_setup_teardown(
            truncated_at_any_length_is_a_clear_error, setup, teardown),
        cmocka_unit_test_setup_teardown(a_missing_tensor_is_named, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_full_disk_is_an_error_and_the_old_file_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_folder_that_cannot_be_written_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(
            kill_9_at_any_moment_leaves_a_loadable_file, setup, teardown),
        cmocka_unit_test_setup_teardown(
            without_memory_it_says_so_and_leaks_nothing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
