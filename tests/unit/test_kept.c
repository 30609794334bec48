/* Weights in the order of the kernels: one block a form, whoever asks; filled
 * once; and the memory file that carries one to another process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "graph/kept.h"

enum { SIZE = 10000, VALUES = 77 };

static void one_form_has_one_block_another_form_another(void **state)
{
    dms_kept_store *store = dms_kept_store_create();
    dms_kept *a = NULL, *again = NULL, *b = NULL, *longer = NULL, *own = NULL;

    (void)state;
    assert_int_equal(dms_kept_acquire(&a, store, 1, SIZE, NULL), DMS_OK);
    assert_int_equal(dms_kept_acquire(&again, store, 1, SIZE, NULL), DMS_OK);
    assert_int_equal(dms_kept_acquire(&b, store, 2, SIZE, NULL), DMS_OK);
    assert_int_equal(dms_kept_acquire(&longer, store, 1, SIZE + 1, NULL),
                     DMS_OK);
    assert_int_equal(dms_kept_acquire(&own, NULL, 1, SIZE, NULL), DMS_OK);
    assert_ptr_equal(a, again);
    assert_ptr_not_equal(a, b);
    assert_ptr_not_equal(a, longer);
    assert_ptr_not_equal(a, own);
    assert_int_equal(dms_kept_users(a), 2);
    dms_kept_release(a);
    assert_int_equal(dms_kept_users(again), 1);
    dms_kept_release(again);
    dms_kept_release(b);
    dms_kept_release(longer);
    dms_kept_release(own);
    dms_kept_store_destroy(store);
}

static atomic_int fills;

static dms_status slow_fill(void *user, dms_error *err)
{
    (void)err;
    fills++;
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    memset(dms_kept_data(user), 7, SIZE);
    return DMS_OK;
}

static dms_status bad_fill(void *user, dms_error *err)
{
    (void)user;
    return dms_fail(err, DMS_EIO, "no weights today");
}

static void *fill_and_read(void *kept)
{
    const unsigned char *data = dms_kept_data(kept);

    if (dms_kept_fill(kept, slow_fill, kept, NULL) != DMS_OK)
        return NULL;
    return data[0] == 7 && data[SIZE - 1] == 7 ? kept : NULL;
}

static void a_block_is_filled_once_and_all_wait_for_it(void **state)
{
    dms_kept_store *store = dms_kept_store_create();
    dms_kept *kept = NULL;
    pthread_t threads[4];

    (void)state;
    fills = 0;
    assert_int_equal(dms_kept_acquire(&kept, store, 1, SIZE, NULL), DMS_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fill_and_read, kept),
                         0);
    for (int i = 0; i < 4; i++) {
        void *seen = NULL;

        pthread_join(threads[i], &seen);
        assert_ptr_equal(seen, kept);
    }
    assert_int_equal(fills, 1);
    dms_kept_release(kept);
    dms_kept_store_destroy(store);
}

static void a_failed_filling_is_told_and_tried_again(void **state)
{
    dms_kept *kept = NULL;
    dms_error err = {0};

    (void)state;
    assert_int_equal(dms_kept_acquire(&kept, NULL, 1, SIZE, NULL), DMS_OK);
    assert_int_equal(dms_kept_fill(kept, bad_fill, kept, &err), DMS_EIO);
    assert_string_equal(err.message, "no weights today");
    fills = 0;
    assert_int_equal(dms_kept_fill(kept, slow_fill, kept, NULL), DMS_OK);
    assert_int_equal(dms_kept_fill(kept, slow_fill, kept, NULL), DMS_OK);
    assert_int_equal(fills, 1);
    dms_kept_empty(kept);
    assert_int_equal(dms_kept_fill(kept, slow_fill, kept, NULL), DMS_OK);
    assert_int_equal(fills, 2);
    dms_kept_release(kept);
}

/* A filled block of form 5 as a file. */
static int write_file(void)
{
    dms_kept *kept = NULL;
    int fd = -1;

    assert_int_equal(dms_kept_acquire(&kept, NULL, 5, SIZE, NULL), DMS_OK);
    assert_int_equal(dms_kept_fill(kept, slow_fill, kept, NULL), DMS_OK);
    assert_int_equal(dms_kept_write(&fd, kept, VALUES, NULL), DMS_OK);
    dms_kept_release(kept);
    return fd;
}

static void a_mapped_block_is_found_and_not_filled_again(void **state)
{
    dms_kept_store *store = dms_kept_store_create();
    dms_kept *mapped = NULL, *found = NULL;
    int fd = write_file();

    (void)state;
    fills = 0;
    assert_int_equal(dms_kept_map(&mapped, store, fd, VALUES, NULL), DMS_OK);
    close(fd);
    assert_int_equal(dms_kept_acquire(&found, store, 5, SIZE, NULL), DMS_OK);
    assert_ptr_equal(found, mapped);
    assert_int_equal((uintptr_t)dms_kept_data(found) % 64, 0);
    assert_ptr_equal(fill_and_read(found), found);
    assert_int_equal(fills, 0);
    dms_kept_release(mapped); /* the other still has it */
    assert_ptr_equal(fill_and_read(found), found);
    dms_kept_release(found);
    dms_kept_store_destroy(store);
}

static void nobody_can_change_a_written_file(void **state)
{
    int fd = write_file();

    (void)state;
    assert_int_equal(pwrite(fd, "x", 1, 5000), -1);
    assert_int_equal(ftruncate(fd, 100), -1);
    assert_ptr_equal(
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
        MAP_FAILED);
    close(fd);
}

static void assert_refused(int fd, uint64_t values, dms_status want,
                           const char *reason)
{
    dms_kept_store *store = dms_kept_store_create();
    dms_kept *kept = NULL;
    dms_error err = {0};

    assert_int_equal(dms_kept_map(&kept, store, fd, values, &err), want);
    if (!strstr(err.message, reason))
        fail_msg("'%s' does not say '%s'", err.message, reason);
    assert_null(kept);
    dms_kept_store_destroy(store);
}

/* A sealed file with these bytes at its beginning. */
static int make_file(const void *head, size_t size, off_t length)
{
    int fd = memfd_create("test", MFD_ALLOW_SEALING);

    assert_int_equal(write(fd, head, size), size);
    assert_int_equal(ftruncate(fd, length), 0);
    assert_int_equal(
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW), 0);
    return fd;
}

static void a_file_that_is_something_else_is_refused(void **state)
{
    char head[4096] = "DMS prepared 1";
    int good = write_file(), open_file = memfd_create("open", 0), fd;

    (void)state;
    assert_refused(good, VALUES + 1, DMS_EMISMATCH, "another model");
    assert_refused(open_file, VALUES, DMS_EFORMAT, "sealed against change");
    assert_refused(-1, VALUES, DMS_EFORMAT, "sealed against change");
    fd = make_file("short", 5, 5);
    assert_refused(fd, VALUES, DMS_EFORMAT, "only 5 bytes");
    close(fd);
    fd = make_file("something else", 14, 9000);
    assert_refused(fd, VALUES, DMS_EFORMAT, "does not contain any");
    close(fd);
    fd = make_file(head, sizeof head, 9000);
    assert_refused(fd, VALUES, DMS_EMISMATCH, "made by dmsnet");
    close(fd);
    assert_int_equal(pread(good, head, sizeof head, 0), sizeof head);
    fd = make_file(head, sizeof head, 9000);
    assert_refused(fd, VALUES, DMS_EFORMAT, "its header says 10000");
    close(fd);
    close(open_file);
    close(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_form_has_one_block_another_form_another),
        cmocka_unit_test(a_block_is_filled_once_and_all_wait_for_it),
        cmocka_unit_test(a_failed_filling_is_told_and_tried_again),
        cmocka_unit_test(a_mapped_block_is_found_and_not_filled_again),
        cmocka_unit_test(nobody_can_change_a_written_file),
        cmocka_unit_test(a_file_that_is_something_else_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
