/* Label sets as texts, and small tables in a folder of each test's own. Include
 * behind cmocka.h. */
#ifndef DMS_TESTS_LABEL_TABLES_H
#define DMS_TESTS_LABEL_TABLES_H

#include <string.h>

#include "data/labels.h"
#include "dms/data.h"
#include "own_folder.h"

enum { UNKNOWN = DMS_LABEL_UNKNOWN };

#define GRADES "grade=none,mild,moderate,severe,proliferative"

static inline dms_label_set *parse(const char *text)
{
    dms_label_set *set = NULL;
    dms_error err = {0};

    if (dms_label_set_parse(&set, text, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return set;
}

static inline void assert_unparsed(const char *text, const char *says)
{
    dms_label_set *set = NULL;
    dms_error err = {0};

    assert_int_not_equal(dms_label_set_parse(&set, text, &err), DMS_OK);
    if (!strstr(err.message, says))
        fail_msg("'%s' does not say '%s'", err.message, says);
}

/* The table with these labels (NULL: found by itself). */
static inline dms_dataset *open_table(const char *path, const char *labels)
{
    dms_dataset *d = NULL;
    dms_error err = {0};
    dms_label_set *set = labels ? parse(labels) : NULL;
    const dms_dataset_options options = {.struct_size = sizeof options,
                                         .labels = set};

    if (dms_dataset_open_with(&d, path, &options, &err) != DMS_OK)
        fail_msg("%s", err.message);
    dms_label_set_destroy(set);
    return d;
}

static inline void assert_refused(const char *text, const char *labels,
                                  const char *says)
{
    dms_dataset *d = NULL;
    dms_error err = {0};
    dms_label_set *set = labels ? parse(labels) : NULL;
    const dms_dataset_options options = {.struct_size = sizeof options,
                                         .labels = set};

    assert_int_not_equal(
        dms_dataset_open_with(&d, put("bad.csv", text), &options, &err),
        DMS_OK);
    dms_label_set_destroy(set);
    if (!strstr(err.message, says))
        fail_msg("'%s' does not say '%s'", err.message, says);
}

/* The class that one-of labels say; -1: unknown. */
static inline int class_of(const uint8_t *labels, int count)
{
    int found = -1;

    for (int k = 0; k < count; k++)
        if (labels[k] == 1)
            found = k;
    return found;
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

#endif
