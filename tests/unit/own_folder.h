/* A folder of each test's own, removed with all that is in it. Include behind
 * cmocka.h. */
#ifndef DMS_TESTS_OWN_FOLDER_H
#define DMS_TESTS_OWN_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define TEST_IN_FOLDER(name)                                                   \
    cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

static char folder[] = "/tmp/dms_test.XXXXXX";

static inline int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/dms_test.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_one(const char *path, const struct stat *info,
                             int type, struct FTW *ftw)
{
    (void)info, (void)type, (void)ftw;
    return remove(path);
}

static inline int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* folder/name; valid until the next but three calls. */
static inline const char *at(const char *name)
{
    static char paths[4][512];
    static int turn;

    turn = (turn + 1) % 4;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", folder, name);
    return paths[turn];
}

/* Write the file folder/name, and the folders that lead to it. */
static inline const char *put(const char *name, const char *text)
{
    const char *path = at(name);
    char parent[512];

    snprintf(parent, sizeof parent, "%s", path);
    *strrchr(parent, '/') = '\0';
    assert_int_equal(dms_folder_make(parent, NULL), DMS_OK);
    assert_int_equal(dms_file_write(path, text, strlen(text), NULL), DMS_OK);
    return path;
}

#endif
