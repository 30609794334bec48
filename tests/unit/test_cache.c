#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc_fault.h"
#include "data/cache.h"
#include "image/digest.h"
#include "unit/small_set.h"

enum { PATIENTS = 3, SIZE = 32, PICTURE = SIZE * SIZE * 3 };

/* What a monitor has seen. */
typedef struct watch {
    int prepared; /* calls of progress: 0 when nothing was decoded */
    int warnings;
    char text[1024]; /* the last warning */
    bool stop;
    bool stop_later; /* once something is prepared */
} watch;

static void see_progress(void *user, const char *stage, size_t done,
                         size_t total, const char *detail)
{
    watch *w = user;

    (void)stage, (void)done, (void)total, (void)detail;
    w->prepared++;
}

static void see_message(void *user, dms_log_level level, const char *text)
{
    watch *w = user;

    w->warnings += level == DMS_LOG_WARNING;
    snprintf(w->text, sizeof w->text, "%s", text);
}

static bool wish_to_stop(void *user)
{
    const watch *w = user;

    return w->stop || (w->stop_later && w->prepared > 0);
}

static dms_status open_cache(dms_cache **cache, const small_set *s, watch *w,
                             dms_error *err)
{
    const dms_preprocess settings = dms_preprocess_default(SIZE);
    const dms_monitor monitor = {.user = w,
                                 .progress = see_progress,
                                 .message = see_message,
                                 .should_stop = wish_to_stop};

    *cache = NULL;
    return dms_cache_open(cache, s->folder, &s->dataset, &settings, &monitor,
                          err);
}

static dms_cache *opened(const small_set *s, watch *w)
{
    dms_cache *cache;
    dms_error err = {0};

    *w = (watch){0};
    if (open_cache(&cache, s, w, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return cache;
}

/* Files of the folder whose name ends so; the last one's path. */
static int files_ending(const small_set *s, const char *end, char path[400])
{
    DIR *folder = opendir(s->folder);
    int count = 0;

    assert_non_null(folder);
    for (struct dirent *e; (e = readdir(folder));) {
        size_t name = strlen(e->d_name), tail = strlen(end);

        if (name < tail || strcmp(e->d_name + name - tail, end) != 0)
            continue;
        snprintf(path, 400, "%s/%s", s->folder, e->d_name);
        count++;
    }
    closedir(folder);
    return count;
}

static void assert_pixels_of_preprocessing(const small_set *s,
                                           const dms_cache *cache)
{
    const dms_preprocess settings = dms_preprocess_default(SIZE);
    uint8_t want[PICTURE];

    for (size_t i = 0; i < s->dataset.count; i++)
        for (int eye = 0; eye < 2; eye++) {
            const uint8_t *got = dms_cache_pixels(cache, i, eye);

            assert_non_null(got);
            assert_int_equal(dms_preprocess_file(want, NULL, s->paths[i][eye],
                                                 &settings, NULL),
                             DMS_OK);
            assert_memory_equal(got, want, PICTURE);
        }
}

/* First of all tests: a child of a process whose OpenMP threads have begun
 * could not begin its own. */
static void two_processes_at_once_build_one_cache(void **state)
{
    small_set s;
    pid_t child[2];
    int built = 0, status;
    char path[400];

    (void)state;
    small_set_make(&s, PATIENTS);
    for (int i = 0; i < 2; i++) {
        child[i] = fork();
        assert_true(child[i] >= 0);
        if (child[i] == 0) {
            dms_cache *cache;
            watch w = {0};
            dms_status st = open_cache(&cache, &s, &w, NULL);

            _exit(st == DMS_OK && dms_cache_pixels(cache, 0, 0) ? w.prepared > 0
                                                                : 9);
        }
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_true(WIFEXITED(status));
        assert_in_range(WEXITSTATUS(status), 0, 1);
        built += WEXITSTATUS(status);
    }
    assert_int_equal(built, 1);
    assert_int_equal(files_ending(&s, ".cache", path), 1);
    assert_int_equal(files_ending(&s, ".tmp", path), 0);
    small_set_remove(&s);
}

static void pixels_are_those_of_the_preprocessing(void **state)
{
    small_set s;
    watch w;
    dms_cache *cache;

    (void)state;
    small_set_make(&s, PATIENTS);
    cache = opened(&s, &w);
    assert_true(w.prepared > 0);
    assert_int_equal(dms_cache_size(cache), SIZE);
    assert_int_equal(dms_cache_unreadable(cache), 0);
    assert_pixels_of_preprocessing(&s, cache);
    dms_cache_close(cache);
    small_set_remove(&s);
}

/* The photographs become rubbish of the same length and time, so a decoder
 * that looked at one would fail. */
/* A large JPEG is decoded reduced for its pixels, and whole for its digest;
 * who looked for duplicates has that already. */
static void digests_are_of_the_whole_pictures_at_any_size(void **state)
{
    enum { SIDE = 600 };
    static const int sizes[] = {32, 512, 64};
    small_set s;
    dms_image image = small_set_picture(77, SIDE), whole = {0};

    (void)state;
    small_set_make(&s, PATIENTS);
    assert_int_equal(
        dms_image_write_jpeg(&image, s.paths[1][DMS_RIGHT], 90, NULL), DMS_OK);
    assert_int_equal(dms_image_read(&whole, s.paths[1][DMS_RIGHT], 0, NULL),
                     DMS_OK);
    small_set_write(s.paths[2][DMS_LEFT], "no picture", 10);
    for (int round = 0; round < 3; round++) {
        const dms_preprocess settings = dms_preprocess_default(sizes[round]);
        dms_cache *cache = NULL;

        if (round == 2) /* from here on the digests are known before */
            assert_int_equal(
                dms_dataset_group_duplicates(&s.dataset, NULL, NULL), DMS_OK);
        else
            for (size_t i = 0; i < 2 * PATIENTS; i++)
                assert_true(s.patients[i / 2].eye[i % 2].digest == 0);
        assert_int_equal(
            dms_cache_open(&cache, s.folder, &s.dataset, &settings, NULL, NULL),
            DMS_OK);
        assert_true(dms_cache_digest(cache, 1, DMS_RIGHT) ==
                    dms_image_digest(&whole));
        assert_true(dms_cache_digest(cache, 0, DMS_LEFT) != 0);
        assert_true(dms_cache_digest(cache, 0, DMS_LEFT) !=
                    dms_cache_digest(cache, 0, DMS_RIGHT));
        assert_true(dms_cache_digest(cache, 2, DMS_LEFT) == 0);
        dms_cache_close(cache);
    }
    assert_true(s.patients[1].eye[DMS_RIGHT].digest ==
                dms_image_digest(&whole));
    assert_true(s.patients[2].eye[DMS_LEFT].digest == 0);
    dms_image_release(&whole);
    dms_image_release(&image);
    small_set_remove(&s);
}

static void a_second_open_decodes_nothing(void **state)
{
    small_set s;
    watch w;
    dms_cache *cache;
    uint8_t before[PICTURE];

    (void)state;
    small_set_make(&s, PATIENTS);
    cache = opened(&s, &w);
    memcpy(before, dms_cache_pixels(cache, 1, DMS_RIGHT), PICTURE);
    dms_cache_close(cache);
    for (int i = 0; i < 2 * PATIENTS; i++) {
        const char *path = s.paths[i / 2][i % 2];
        struct stat info;
        int fd = open(path, O_WRONLY);

        assert_int_equal(fstat(fd, &info), 0);
        assert_int_equal(pwrite(fd, "rubbish!", 8, 0), 8);
        assert_int_equal(
            futimens(fd, (struct timespec[]){info.st_atim, info.st_mtim}), 0);
        close(fd);
    }
    cache = opened(&s, &w);
    assert_int_equal(w.prepared, 0);
    assert_int_equal(w.warnings, 0);
    assert_memory_equal(dms_cache_pixels(cache, 1, DMS_RIGHT), before, PICTURE);
    dms_cache_close(cache);
    small_set_remove(&s);
}

static void damage(const char *path, off_t kept, off_t length, off_t poked)
{
    int fd = open(path, O_WRONLY);

    assert_int_equal(ftruncate(fd, kept), 0);
    assert_int_equal(ftruncate(fd, length), 0);
    if (poked >= 0)
        assert_int_equal(pwrite(fd, "\x5a", 1, poked), 1);
    close(fd);
}

static void a_damaged_cache_is_built_again(void **state)
{
    small_set s;
    watch w;
    char path[400];
    struct stat info;

    (void)state;
    small_set_make(&s, PATIENTS);
    dms_cache_close(opened(&s, &w));
    assert_int_equal(files_ending(&s, ".cache", path), 1);
    assert_int_equal(stat(path, &info), 0);
    const struct {
        const char *what;
        off_t kept, length, poked;
    } cases[] = {{"cut in half", info.st_size / 2, info.st_size / 2, -1},
                 {"empty", 0, 0, -1},
                 {"too long", info.st_size, info.st_size + 1, -1},
                 {"all zero", 0, info.st_size, -1},
                 {"a wrong header", info.st_size, info.st_size, 16},
                 {"a wrong status", info.st_size, info.st_size, 42}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dms_cache *cache;

        damage(path, cases[i].kept, cases[i].length, cases[i].poked);
        cache = opened(&s, &w);
        if (w.prepared == 0)
            fail_msg("%s: believed", cases[i].what);
        assert_pixels_of_preprocessing(&s, cache);
        dms_cache_close(cache);
    }
    small_set_remove(&s);
}

static void a_changed_photograph_is_seen(void **state)
{
    small_set s;
    watch w;
    dms_cache *cache;

    (void)state;
    small_set_make(&s, PATIENTS);
    dms_cache_close(opened(&s, &w));
    small_set_paint(s.paths[2][DMS_LEFT], 77, SMALL_SET_SIDE + 1);
    cache = opened(&s, &w);
    assert_true(w.prepared > 0);
    assert_pixels_of_preprocessing(&s, cache);
    dms_cache_close(cache);
    small_set_remove(&s);
}

/* The same length, another second of the same photograph's last change. */
static void a_photograph_of_another_time_is_read_again(void **state)
{
    small_set s;
    watch w;
    struct stat info;

    (void)state;
    small_set_make(&s, 1);
    dms_cache_close(opened(&s, &w));
    assert_int_equal(stat(s.paths[0][DMS_LEFT], &info), 0);
    info.st_mtim.tv_sec++;
    assert_int_equal(utimensat(AT_FDCWD, s.paths[0][DMS_LEFT],
                               (struct timespec[]){info.st_atim, info.st_mtim},
                               0),
                     0);
    dms_cache_close(opened(&s, &w));
    assert_true(w.prepared > 0);
    small_set_remove(&s);
}

static void another_sets_cache_under_this_name_is_not_believed(void **state)
{
    small_set s, other;
    watch w;
    dms_cache *cache;
    char path[400], foreign[400];

    (void)state;
    small_set_make(&s, PATIENTS);
    small_set_make(&other, PATIENTS);
    dms_cache_close(opened(&s, &w));
    small_set_paint(other.paths[0][DMS_LEFT], 55, SMALL_SET_SIDE);
    dms_cache_close(opened(&other, &w));
    assert_int_equal(files_ending(&s, ".cache", path), 1);
    assert_int_equal(files_ending(&other, ".cache", foreign), 1);
    assert_int_equal(rename(foreign, path), 0);
    cache = opened(&s, &w);
    assert_true(w.prepared > 0);
    assert_pixels_of_preprocessing(&s, cache);
    dms_cache_close(cache);
    small_set_remove(&s);
    small_set_remove(&other);
}

static void other_settings_have_a_cache_of_their_own(void **state)
{
    small_set s;
    watch w;
    char path[400];
    dms_preprocess settings = dms_preprocess_default(SIZE);
    dms_cache *cache = NULL;

    (void)state;
    small_set_make(&s, PATIENTS);
    dms_cache_close(opened(&s, &w));
    settings.crop = !settings.crop;
    assert_int_equal(
        dms_cache_open(&cache, s.folder, &s.dataset, &settings, NULL, NULL),
        DMS_OK);
    dms_cache_close(cache);
    assert_int_equal(files_ending(&s, ".cache", path), 2);
    dms_cache_close(opened(&s, &w));
    assert_int_equal(w.prepared, 0);
    small_set_remove(&s);
}

static void an_unreadable_photograph_is_told_and_stops_nothing(void **state)
{
    small_set s;
    watch w;
    dms_cache *cache;

    (void)state;
    small_set_make(&s, PATIENTS);
    small_set_write(s.paths[1][DMS_LEFT], "no picture", 10);
    s.patients[2].eye[DMS_RIGHT].path = NULL;
    for (int time = 0; time < 2; time++) { /* made, then found */
        cache = opened(&s, &w);
        assert_int_equal(dms_cache_unreadable(cache), 1);
        assert_null(dms_cache_pixels(cache, 1, DMS_LEFT));
        assert_null(dms_cache_pixels(cache, 2, DMS_RIGHT));
        assert_non_null(dms_cache_pixels(cache, 1, DMS_RIGHT));
        assert_non_null(dms_cache_pixels(cache, 2, DMS_LEFT));
        dms_cache_close(cache);
        assert_int_equal(w.warnings, 1);
        assert_non_null(strstr(w.text, time == 0
                                           ? s.paths[1][DMS_LEFT]
                                           : "1 unreadable photograph ("));
    }
    small_set_remove(&s);
}

static void a_stop_leaves_no_half_file(void **state)
{
    small_set s;
    watch w = {.stop = true};
    dms_cache *cache;
    char path[400];

    (void)state;
    small_set_make(&s, PATIENTS);
    assert_int_equal(open_cache(&cache, &s, &w, NULL), DMS_ESTOPPED);
    assert_null(cache);
    assert_int_equal(files_ending(&s, ".tmp", path), 0);
    assert_int_equal(files_ending(&s, ".cache", path), 0);
    dms_cache_close(opened(&s, &w));
    small_set_remove(&s);
}

static void a_stop_half_way_leaves_no_half_file(void **state)
{
    small_set s;
    watch w = {.stop_later = true};
    dms_cache *cache;
    char path[400];

    (void)state;
    small_set_make(&s, 33); /* 66 eyes: more than are prepared at a time */
    assert_int_equal(open_cache(&cache, &s, &w, NULL), DMS_ESTOPPED);
    assert_int_equal(w.prepared, 1);
    assert_null(cache);
    assert_int_equal(files_ending(&s, ".tmp", path), 0);
    assert_int_equal(files_ending(&s, ".cache", path), 0);
    small_set_remove(&s);
}

/* A disk that is full after 8 kB. */
static void a_full_disk_is_an_error_and_leaves_no_half_file(void **state)
{
    small_set s;
    watch w = {0};
    dms_cache *cache;
    dms_error err = {0};
    struct rlimit old, small;
    char path[400];

    (void)state;
    small_set_make(&s, PATIENTS);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old, small.rlim_cur = 8192;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(open_cache(&cache, &s, &w, &err), DMS_EIO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_non_null(strstr(err.message, "cannot write"));
    assert_int_equal(files_ending(&s, ".tmp", path), 0);
    assert_int_equal(files_ending(&s, ".cache", path), 0);
    small_set_remove(&s);
}

/* Else one bad moment would leave a good photograph out for ever. */
static void a_lack_of_memory_is_not_kept_as_a_bad_photograph(void **state)
{
    small_set s;
    watch w = {0};
    char path[400];
    alloc_fault fault = {0};

    (void)state;
    small_set_make(&s, 1);
    while (alloc_fault_next(&fault)) {
        dms_cache *cache = NULL;
        dms_status st = open_cache(&cache, &s, &w, NULL);

        alloc_fault_end_lenient(&fault, st); /* its folder may go unsynced */
        if (st != DMS_OK)
            continue;
        assert_int_equal(dms_cache_unreadable(cache), 0);
        assert_non_null(dms_cache_pixels(cache, 0, DMS_LEFT));
        assert_non_null(dms_cache_pixels(cache, 0, DMS_RIGHT));
        dms_cache_close(cache);
        assert_int_equal(files_ending(&s, ".cache", path), 1);
        assert_int_equal(unlink(path), 0);
    }
    assert_true(fault.count > 10);
    assert_int_equal(files_ending(&s, ".tmp", path), 0);
    small_set_remove(&s);
}

static void what_a_killed_builder_left_is_cleared_away(void **state)
{
    small_set s;
    watch w;
    char path[400], left[420];

    (void)state;
    small_set_make(&s, PATIENTS);
    dms_cache_close(opened(&s, &w));
    assert_int_equal(files_ending(&s, ".cache", path), 1);
    assert_int_equal(unlink(path), 0);
    snprintf(left, sizeof left, "%s.4711.tmp", path);
    small_set_write(left, "half", 4);
    dms_cache_close(opened(&s, &w));
    assert_int_equal(files_ending(&s, ".tmp", path), 0);
    assert_int_equal(files_ending(&s, ".cache", path), 1);
    small_set_remove(&s);
}

static void a_folder_that_is_not_there_is_made(void **state)
{
    small_set s;
    const dms_preprocess settings = dms_preprocess_default(SIZE);
    dms_cache *cache = NULL;
    dms_error err = {0};
    char folder[128], path[400];

    (void)state;
    small_set_make(&s, 1);
    snprintf(folder, sizeof folder, "%s/a/b", s.folder);
    if (dms_cache_open(&cache, folder, &s.dataset, &settings, NULL, &err))
        fail_msg("%s", err.message);
    dms_cache_close(cache);
    strcat(s.folder, "/a/b");
    assert_int_equal(files_ending(&s, ".cache", path), 1);
    s.folder[strlen(s.folder) - strlen("/a/b")] = '\0';
    small_set_remove(&s);
}

static void a_folder_that_is_none_is_an_error(void **state)
{
    small_set s;
    const dms_preprocess settings = dms_preprocess_default(SIZE);
    dms_cache *cache = NULL;
    dms_error err = {0};

    (void)state;
    small_set_make(&s, 1);
    assert_int_equal(dms_cache_open(&cache, s.paths[0][0], &s.dataset,
                                    &settings, NULL, &err),
                     DMS_EIO);
    assert_non_null(strstr(err.message, s.paths[0][0]));
    assert_null(cache);
    small_set_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_processes_at_once_build_one_cache),
        cmocka_unit_test(pixels_are_those_of_the_preprocessing),
        cmocka_unit_test(digests_are_of_the_whole_pictures_at_any_size),
        cmocka_unit_test(a_second_open_decodes_nothing),
        cmocka_unit_test(a_damaged_cache_is_built_again),
        cmocka_unit_test(a_changed_photograph_is_seen),
        cmocka_unit_test(a_photograph_of_another_time_is_read_again),
        cmocka_unit_test(another_sets_cache_under_this_name_is_not_believed),
        cmocka_unit_test(other_settings_have_a_cache_of_their_own),
        cmocka_unit_test(an_unreadable_photograph_is_told_and_stops_nothing),
        cmocka_unit_test(a_stop_leaves_no_half_file),
        cmocka_unit_test(a_stop_half_way_leaves_no_half_file),
        cmocka_unit_test(a_full_disk_is_an_error_and_leaves_no_half_file),
        cmocka_unit_test(a_lack_of_memory_is_not_kept_as_a_bad_photograph),
        cmocka_unit_test(what_a_killed_builder_left_is_cleared_away),
        cmocka_unit_test(a_folder_that_is_not_there_is_made),
        cmocka_unit_test(a_folder_that_is_none_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
