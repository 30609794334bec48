#include "net/label_set_json.h"

#include <string.h>

#include "base/fail.h"
#include "data/labels.h"

json_t *dms_label_codes_json(const dms_label_set *set)
{
    json_t *codes = json_array();

    for (int k = 0; k < dms_label_set_count(set); k++)
        dms_json_append(&codes, json_string(dms_label_set_code(set, k)));
    return codes;
}

json_t *dms_label_set_json(const dms_label_set *set)
{
    bool one_of = dms_label_set_task(set) == DMS_TASK_SINGLE_LABEL;
    int nothing = dms_label_set_nothing_found(set);
    json_t *labels = json_array();

    for (int k = 0; k < dms_label_set_count(set); k++)
        dms_json_append(&labels, json_pack("{s:s, s:s}", "code",
                                           dms_label_set_code(set, k), "name",
                                           dms_label_set_name(set, k)));
    return json_pack("{s:s, s:b, s:s?, s:s?, s:o}", "kind",
                     one_of ? "one-of" : "any-of", "ordered",
                     dms_label_set_ordered(set), "column",
                     dms_label_set_column(set), "nothing_found",
                     nothing < 0 ? NULL : dms_label_set_code(set, nothing),
                     "labels", labels);
}

static dms_status refuse(const char *name, const char *why, dms_error *err)
{
    return dms_fail(err, DMS_EFORMAT, "%s: metadata: label_set: %s", name, why);
}

/* Codes and names into list, room for DMS_LABELS_MAX; codes alone are texts. */
static dms_status read_list(dms_label *list, int *count, const json_t *labels,
                            const char *name, dms_error *err)
{
    size_t found = json_array_size(labels);

    if (found < 1 || found > DMS_LABELS_MAX)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: metadata: labels are no list of 1 to %d", name,
                        DMS_LABELS_MAX);
    for (size_t k = 0; k < found; k++) {
        const json_t *item = json_array_get(labels, k);

        list[k] = (dms_label){
            .code = json_is_string(item)
                        ? json_string_value(item)
                        : json_string_value(json_object_get(item, "code")),
            .name = json_string_value(json_object_get(item, "name"))};
        if (!list[k].code)
            return refuse(name, "a label has no code", err);
    }
    *count = (int)found;
    return DMS_OK;
}

static dms_status read_kind(dms_label_options *o, const json_t *set,
                            const char *name, dms_error *err)
{
    const char *kind = json_string_value(json_object_get(set, "kind"));
    const char *nothing =
        json_string_value(json_object_get(set, "nothing_found"));

    if (!kind || (strcmp(kind, "one-of") != 0 && strcmp(kind, "any-of") != 0))
        return refuse(name, "kind is neither one-of nor any-of", err);
    o->task = strcmp(kind, "one-of") == 0 ? DMS_TASK_SINGLE_LABEL
                                          : DMS_TASK_MULTI_LABEL;
    o->ordered = json_is_true(json_object_get(set, "ordered"));
    o->column = json_string_value(json_object_get(set, "column"));
    for (int k = 0; nothing && k < o->count; k++)
        if (strcmp(o->labels[k].code, nothing) == 0)
            o->nothing_found = k;
    if (nothing && o->nothing_found < 0)
        return refuse(name, "nothing_found is none of the labels", err);
    return DMS_OK;
}

/* The codes of the architecture are those of the set, where both are there. */
static bool agree(const dms_label_options *o, const json_t *codes)
{
    bool same = !codes || json_array_size(codes) == (size_t)o->count;

    for (int k = 0; codes && same && k < o->count; k++) {
        const char *code = json_string_value(json_array_get(codes, (size_t)k));

        same = code && strcmp(code, o->labels[k].code) == 0;
    }
    return same;
}

static dms_status create(dms_label_set **out, const dms_label_options *o,
                         const char *name, dms_error *err)
{
    dms_error cause = {0};
    dms_status st = dms_label_set_create(out, o, &cause);

    return st == DMS_EINVAL ? dms_fail(err, DMS_EFORMAT, "%s: metadata: %s",
                                       name, cause.message)
           : st == DMS_OK   ? st
                            : dms_fail(err, st, "%s", cause.message);
}

dms_status dms_label_set_from_json(dms_label_set **out, const json_t *root,
                                   dms_task task, const char *name,
                                   dms_error *err)
{
    const json_t *set = json_object_get(root, "label_set");
    const json_t *codes =
        json_object_get(json_object_get(root, "architecture"), "labels");
    dms_label list[DMS_LABELS_MAX];
    dms_label_options o;
    dms_status st;

    if (!set && !codes)
        return dms_label_set_asked(out, dms_label_set_odir(), task, err);
    dms_label_options_init(&o, sizeof o);
    o.labels = list, o.task = task;
    TRY(read_list(list, &o.count, set ? json_object_get(set, "labels") : codes,
                  name, err));
    if (set)
        TRY(read_kind(&o, set, name, err));
    if (!agree(&o, codes))
        return refuse(name, "its codes are not the architecture's labels", err);
    TRY(create(out, &o, name, err));
    if (!set && dms_label_set_is_odir(*out)) {
        dms_label_set_destroy(*out);
        *out = NULL;
        TRY(dms_label_set_asked(out, dms_label_set_odir(), task, err));
    }
done:
    return st;
}
