#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "data/made_file.h"

enum { MAKERS = 8, ROUNDS = 40 };

/* Of all processes: who makes the file now, how often it was made. */
typedef struct tally {
    int inside;
    int most;
    int made;
} tally;

typedef struct fixture {
    char folder[64];
    char path[96];
    char lock[104];
    tally *tally; /* shared memory */
    dms_made_file file;
    dms_status end; /* of making */
} fixture;

static bool is_whole(const dms_file_map *map, const void *user)
{
    (void)user;
    return map->size == 5 && memcmp(map->data, "whole", 5) == 0;
}

static dms_status make(dms_file_writer *writer, void *user, dms_error *err)
{
    fixture *f = user;
    int inside = __atomic_add_fetch(&f->tally->inside, 1, __ATOMIC_SEQ_CST);
    dms_status st;

    if (inside > f->tally->most)
        f->tally->most = inside;
    __atomic_add_fetch(&f->tally->made, 1, __ATOMIC_SEQ_CST);
    usleep(300);
    st = f->end != DMS_OK ? dms_fail(err, f->end, "stopped")
                          : dms_file_writer_write(writer, "whole", 5, err);
    __atomic_sub_fetch(&f->tally->inside, 1, __ATOMIC_SEQ_CST);
    return st;
}

static int setup(void **state)
{
    static fixture f;

    f = (fixture){.end = DMS_OK};
    snprintf(f.folder, sizeof f.folder, "/tmp/dms_made_XXXXXX");
    if (!mkdtemp(f.folder))
        return -1;
    snprintf(f.path, sizeof f.path, "%s/x.cache", f.folder);
    snprintf(f.lock, sizeof f.lock, "%s.lock", f.path);
    f.tally = mmap(NULL, sizeof *f.tally, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    f.file = (dms_made_file){f.folder, "x.cache", is_whole, make, &f};
    *state = &f;
    return f.tally == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state)
{
    fixture *f = *state;

    munmap(f->tally, sizeof *f->tally);
    unlink(f->path);
    return rmdir(f->folder); /* which says that nothing else was left */
}

static void no_lock_is_left_behind(void **state)
{
    fixture *f = *state;
    dms_file_map map;
    bool made;

    assert_int_equal(dms_made_file_open(&map, &made, &f->file, NULL), DMS_OK);
    assert_true(made);
    dms_file_map_close(&map);
    assert_int_equal(access(f->path, F_OK), 0);
    assert_int_not_equal(access(f->lock, F_OK), 0);
}

static void nor_after_a_stop(void **state)
{
    fixture *f = *state;
    dms_file_map map;

    f->end = DMS_ESTOPPED;
    assert_int_equal(dms_made_file_open(&map, NULL, &f->file, NULL),
                     DMS_ESTOPPED);
    assert_int_not_equal(access(f->lock, F_OK), 0);
    assert_int_not_equal(access(f->path, F_OK), 0);
}

/* What a killed process, or a version that kept locks, has left. */
static void a_lock_that_nobody_holds_is_taken_over_and_removed(void **state)
{
    fixture *f = *state;
    dms_file_map map;

    assert_int_equal(dms_file_write(f->lock, "", 0, NULL), DMS_OK);
    assert_int_equal(dms_made_file_open(&map, NULL, &f->file, NULL), DMS_OK);
    dms_file_map_close(&map);
    assert_int_not_equal(access(f->lock, F_OK), 0);
}

/* held: what the child must not hold too, or -1. */
static pid_t maker(const fixture *f, int held)
{
    pid_t child = fork();

    if (child == 0) {
        dms_file_map map;

        alarm(60); /* a deadlock is a failure, and no wait */
        if (held >= 0)
            close(held);
        _exit(dms_made_file_open(&map, NULL, &f->file, NULL));
    }
    assert_true(child > 0);
    return child;
}

/* Its maker removes the lock that the next one waits for. Who then went on with
 * the removed file would keep nobody out. The lock is held here until the maker
 * waits, and by the removed file no longer is one. */
static void a_lock_removed_while_waited_for_is_none(void **state)
{
    fixture *f = *state;
    int first = open(f->lock, O_RDWR | O_CREAT, 0666), second;
    pid_t child;
    int status;

    assert_int_equal(flock(first, LOCK_EX), 0);
    child = maker(f, first);
    usleep(100000);
    assert_int_equal(f->tally->made, 0);
    assert_int_equal(unlink(f->lock), 0);
    second = open(f->lock, O_RDWR | O_CREAT, 0666);
    assert_int_equal(flock(second, LOCK_EX), 0);
    close(first);
    usleep(100000);
    assert_int_equal(f->tally->made, 0); /* it waits for the second one */
    close(second);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(f->tally->made, 1);
    assert_int_not_equal(access(f->lock, F_OK), 0);
}

static void of_many_processes_one_makes_it_and_no_two_at_once(void **state)
{
    fixture *f = *state;

    for (int round = 0; round < ROUNDS; round++) {
        pid_t child[MAKERS];
        int status;

        unlink(f->path);
        *f->tally = (tally){0};
        for (int i = 0; i < MAKERS; i++)
            child[i] = maker(f, -1);
        for (int i = 0; i < MAKERS; i++) {
            assert_int_equal(waitpid(child[i], &status, 0), child[i]);
            assert_int_equal(status, 0);
        }
        assert_int_equal(f->tally->most, 1);
        assert_int_equal(f->tally->made, 1);
        assert_int_not_equal(access(f->lock, F_OK), 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_lock_is_left_behind),
        TEST(nor_after_a_stop),
        TEST(a_lock_that_nobody_holds_is_taken_over_and_removed),
        TEST(a_lock_removed_while_waited_for_is_none),
        TEST(of_many_processes_one_makes_it_and_no_two_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
