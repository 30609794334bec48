/* Files are written beside their place and renamed into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc_fault.h"
#include "base/alloc.h"
#include "base/file.h"

typedef struct fixture {
    char folder[64], path[96];
} fixture;

static int setup(void **state)
{
    static fixture f;

    snprintf(f.folder, sizeof f.folder, "/tmp/dms_file_XXXXXX");
    if (!mkdtemp(f.folder))
        return -1;
    snprintf(f.path, sizeof f.path, "%s/f", f.folder);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    const fixture *f = *state;

    remove(f->path);
    return rmdir(f->folder); /* which says that nothing else was left */
}

static void assert_holds(const char *path, const char *text)
{
    uint8_t *data;
    size_t size;

    assert_int_equal(dms_file_read(&data, &size, path, 100, NULL), DMS_OK);
    assert_string_equal((char *)data, text);
    assert_int_equal(size, strlen(text));
    dms_free(data);
}

static size_t entries_in(const char *folder)
{
    DIR *entries = opendir(folder);
    size_t count = 0;

    assert_non_null(entries);
    while (readdir(entries))
        count++;
    closedir(entries);
    return count - 2; /* . and .. */
}

static void what_is_written_takes_the_old_files_place(void **state)
{
    const fixture *f = *state;

    assert_int_equal(dms_file_write(f->path, "old", 3, NULL), DMS_OK);
    assert_int_equal(dms_file_write(f->path, "newer", 5, NULL), DMS_OK);
    assert_holds(f->path, "newer");
    assert_int_equal(entries_in(f->folder), 1);
}

static void what_is_appended_follows_what_is_there(void **state)
{
    const fixture *f = *state;
    dms_error err = {0};

    assert_int_equal(dms_file_append(f->path, "x", 1, &err), DMS_EIO);
    assert_non_null(strstr(err.message, f->path));
    assert_int_equal(dms_file_write(f->path, "one", 3, NULL), DMS_OK);
    assert_int_equal(dms_file_append(f->path, ", two", 5, NULL), DMS_OK);
    assert_int_equal(dms_file_append(f->path, ", three", 7, NULL), DMS_OK);
    assert_holds(f->path, "one, two, three");
}

static void a_writer_closed_without_a_commit_leaves_the_old_file(void **state)
{
    const fixture *f = *state;
    dms_file_writer *writer = NULL;

    assert_int_equal(dms_file_write(f->path, "old", 3, NULL), DMS_OK);
    assert_int_equal(dms_file_writer_open(&writer, f->path, NULL), DMS_OK);
    assert_int_equal(dms_file_writer_write(writer, "new", 3, NULL), DMS_OK);
    assert_int_equal(entries_in(f->folder), 2);
    dms_file_writer_close(writer);
    assert_holds(f->path, "old");
    assert_int_equal(entries_in(f->folder), 1);
}

/* Root may rename over /dev/null. */
static void pipes_devices_and_folders_are_not_replaced(void **state)
{
    const fixture *f = *state;
    struct stat info;
    dms_error err = {0};

    assert_int_equal(mkfifo(f->path, 0600), 0);
    assert_int_equal(dms_file_write(f->path, "new", 3, &err), DMS_EIO);
    assert_non_null(strstr(err.message, f->path));
    assert_non_null(strstr(err.message, "not a regular file"));
    assert_int_equal(stat(f->path, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
    assert_int_equal(remove(f->path), 0);

    assert_int_equal(symlink("/dev/null", f->path), 0);
    assert_int_equal(dms_file_write(f->path, "new", 3, NULL), DMS_EIO);
    assert_int_equal(lstat(f->path, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(remove(f->path), 0);

    assert_int_equal(dms_file_write(f->folder, "new", 3, NULL), DMS_EIO);
    assert_int_equal(entries_in(f->folder), 0);
}

static void trying_to_write_changes_nothing(void **state)
{
    const fixture *f = *state;
    dms_error err = {0};
    char below[512];

    assert_int_equal(dms_file_try(f->path, NULL), DMS_OK);
    assert_int_equal(entries_in(f->folder), 0);
    assert_int_equal(dms_file_write(f->path, "old", 3, NULL), DMS_OK);
    assert_int_equal(dms_file_try(f->path, NULL), DMS_OK);
    assert_holds(f->path, "old");
    assert_int_equal(entries_in(f->folder), 1);
    assert_int_equal(dms_file_try(f->folder, NULL), DMS_EIO);
    snprintf(below, sizeof below, "%s/no/such", f->folder);
    assert_int_equal(dms_file_try(below, &err), DMS_EIO);
    assert_non_null(strstr(err.message, "no/such: cannot write"));
}

static void a_folder_is_not_made_of_a_file(void **state)
{
    const fixture *f = *state;
    char below[512];

    snprintf(below, sizeof below, "%s/a/b", f->folder);
    assert_int_equal(dms_folder_make(below, NULL), DMS_OK);
    assert_int_equal(dms_folder_make(below, NULL), DMS_OK);
    assert_int_equal(dms_file_write(f->path, "old", 3, NULL), DMS_OK);
    snprintf(below, sizeof below, "%s/below", f->path);
    for (int i = 0; i < 2; i++) {
        dms_error err = {0};

        assert_int_equal(dms_folder_make(i ? below : f->path, &err), DMS_EIO);
        assert_non_null(strstr(err.message, "is a file, expected a folder"));
    }
    assert_holds(f->path, "old");
    snprintf(below, sizeof below, "%s/a/b", f->folder);
    assert_int_equal(remove(below), 0);
    snprintf(below, sizeof below, "%s/a", f->folder);
    assert_int_equal(remove(below), 0);
}

static void no_memory_is_an_error_and_leaves_nothing(void **state)
{
    const fixture *f = *state;
    alloc_fault fault = {0};

    while (alloc_fault_next(&fault)) {
        dms_status st = dms_file_write(f->path, "new", 3, NULL);

        alloc_fault_end_lenient(&fault, st); /* its folder may go unsynced */
        assert_int_equal(entries_in(f->folder), st == DMS_OK);
        if (st == DMS_OK && fault.fired)
            assert_int_equal(remove(f->path), 0);
    }
    assert_true(fault.count > 4);
    assert_holds(f->path, "new");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_is_written_takes_the_old_files_place, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_appended_follows_what_is_there,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_writer_closed_without_a_commit_leaves_the_old_file, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            pipes_devices_and_folders_are_not_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(trying_to_write_changes_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_folder_is_not_made_of_a_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            no_memory_is_an_error_and_leaves_nothing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
