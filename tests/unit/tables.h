/* Small tables in a folder of the test's own, opened as data sets. Include
 * behind cmocka.h. */
#ifndef DMS_TESTS_TABLES_H
#define DMS_TESTS_TABLES_H

#include "dms/data.h"
#include "heard.h"
#include "own_folder.h"

#define CHALLENGE                                                              \
    "ID,Patient Age,Patient Sex,Left-Fundus,Right-Fundus,"                     \
    "Left-Diagnostic Keywords,Right-Diagnostic Keywords,"

static inline dms_dataset *open_with(const char *path,
                                     const dms_dataset_options *options)
{
    dms_dataset *dataset = NULL;
    dms_error err = {0};

    if (dms_dataset_open_with(&dataset, path, options, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return dataset;
}

static inline dms_dataset *open_set(const char *path, const char *images)
{
    dms_dataset *dataset = NULL;
    dms_error err = {0};

    if (dms_dataset_open(&dataset, path, images, NULL, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return dataset;
}

/* With what is said of it in `said`. */
static inline dms_dataset *open_heard(const char *table)
{
    static const dms_monitor monitor = {.message = hear};
    dms_dataset *dataset = NULL;
    dms_error err = {0};

    said[0] = '\0';
    if (dms_dataset_open(&dataset, put("t.csv", table), NULL, &monitor, &err) !=
        DMS_OK)
        fail_msg("%s", err.message);
    return dataset;
}

/* The table is refused and the message ends so. */
static inline void assert_refused(const char *text, const char *says)
{
    dms_dataset *dataset = NULL;
    dms_error err = {0};
    const char *path = put("bad.csv", text);

    if (dms_dataset_open(&dataset, path, NULL, NULL, &err) == DMS_OK)
        fail_msg("accepted: %s", text);
    if (strncmp(err.message, path, strlen(path)) != 0 ||
        strcmp(err.message + strlen(path), says) != 0)
        fail_msg("said '%s', want '%s%s'", err.message, path, says);
}

#endif
