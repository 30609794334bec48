/* Reading a label set from its command-line form: "N,D,G", "grade=none,mild" or
 * the path of a file, which labels_yaml.c reads. Relies on labels.c to check
 * it. */
#include <string.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/fail.h"
#include "data/labels.h"

/* Create the set whose codes are the words of text between commas; text is
 * overwritten. */
static dms_status parse_list(dms_label_set **out, dms_label_options *o,
                             char *text, dms_error *err)
{
    dms_label list[DMS_LABELS_MAX];
    char *at = text;
    dms_status st;

    o->count = 0;
    for (bool more = true; more; o->count++) {
        size_t len = strcspn(at, ",");

        if (o->count == DMS_LABELS_MAX)
            return dms_fail(err, DMS_ELIMIT, "labels: more than %d labels",
                            DMS_LABELS_MAX);
        more = at[len] == ',';
        at[len] = '\0';
        list[o->count] = (dms_label){.code = at};
        at += len + 1;
    }
    o->labels = list;
    st = dms_label_set_create(out, o, err);
    o->labels = NULL; /* list goes out of scope */
    return st;
}

static bool is_file(const char *text)
{
    const char *dot = strrchr(text, '.');

    return dot && (dms_ascii_same(dot, ".yaml") ||
                   dms_ascii_same(dot, ".yml") || dms_ascii_same(dot, ".json"));
}

/* If the codes are ODIR's, use ODIR's set, which has names. */
static dms_status take_odir(dms_label_set **set, dms_error *err)
{
    dms_label_set *copy = NULL;
    dms_status st;

    if (!dms_label_set_is_odir(*set) ||
        dms_label_set_task(*set) != dms_label_set_task(dms_label_set_odir()))
        return DMS_OK;
    st = dms_label_set_copy(&copy, dms_label_set_odir(), err);
    if (st == DMS_OK) {
        dms_label_set_destroy(*set);
        *set = copy;
    }
    return st;
}

dms_status dms_label_set_parse(dms_label_set **out, const char *text,
                               dms_error *err)
{
    const char *equals = strchr(text, '=');
    dms_label_options options;
    dms_label_set *set = NULL;
    dms_status st = DMS_OK;
    char *copy;

    dms_label_options_init(&options, sizeof options);
    if (is_file(text))
        return dms_label_set_read(out, text, err);
    copy = dms_strdup(text);
    if (!copy)
        return dms_fail_memory(err, "labels");
    if (equals) {
        copy[equals - text] = '\0';
        options.task = DMS_TASK_SINGLE_LABEL;
        options.ordered = true;
        options.column = copy;
        TRY(parse_list(&set, &options, copy + (equals - text) + 1, err));
    } else {
        TRY(parse_list(&set, &options, copy, err));
    }
    TRY(take_odir(&set, err));
    *out = set, set = NULL;
done:
    dms_label_set_destroy(set);
    dms_free(copy);
    return st;
}
