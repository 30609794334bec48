/* Label sets. A set that is created is one block of memory: the struct, its
 * labels, their texts. Relies on sets being immutable, so that ODIR's, EyePACS'
 * and APTOS' are static. */
#include "data/labels.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/fail.h"
#include "base/growing.h"
#include "formats/text_plain.h"

struct dms_label_set {
    int count; /* K */
    dms_task task;
    bool ordered;          /* only SINGLE_LABEL */
    int nothing_found;     /* index of the label; -1: none */
    const char *column;    /* only SINGLE_LABEL, holds the class; NULL: a column
                              of 0 and 1 per label */
    const dms_label *list; /* K; names are never NULL */
};

static const dms_label odir_list[DMS_ODIR_LABELS] = {
    {"N", "Normal"},   {"D", "Diabetes"}, {"G", "Glaucoma"},
    {"C", "Cataract"}, {"A", "AMD"},      {"H", "Hypertension"},
    {"M", "Myopia"},   {"O", "Other"}};

static const struct dms_label_set odir = {.count = DMS_ODIR_LABELS,
                                          .task = DMS_TASK_MULTI_LABEL,
                                          .nothing_found = DMS_ODIR_N,
                                          .list = odir_list};

/* International Clinical Diabetic Retinopathy scale, Wilkinson et al. 2003. */
static const dms_label grade_list[] = {{"none", "No retinopathy"},
                                       {"mild", "Mild"},
                                       {"moderate", "Moderate"},
                                       {"severe", "Severe"},
                                       {"proliferative", "Proliferative"}};

#define GRADES(column_)                                                        \
    {                                                                          \
        .count = sizeof grade_list / sizeof *grade_list,                       \
        .task = DMS_TASK_SINGLE_LABEL, .ordered = true, .nothing_found = 0,    \
        .column = column_, .list = grade_list                                  \
    }

static const struct dms_label_set eyepacs = GRADES("level");
static const struct dms_label_set aptos = GRADES("diagnosis");

const dms_label_set *dms_label_set_odir(void)
{
    return &odir;
}

const dms_label_set *dms_label_set_eyepacs(void)
{
    return &eyepacs;
}

const dms_label_set *dms_label_set_aptos(void)
{
    return &aptos;
}

const char *const *dms_odir_label_columns(int k)
{
    static const char *const columns[DMS_ODIR_LABELS][6] = {
        {"N", "Normal", "Normal fundus"},
        {"D", "Diabetes", "Diabetic retinopathy"},
        {"G", "Glaucoma"},
        {"C", "Cataract"},
        {"A", "AMD", "Age related macular degeneration"},
        {"H", "Hypertension", "Hypertensive retinopathy"},
        {"M", "Myopia", "Pathological myopia"},
        {"O", "Other", "Others", "Other diseases/abnormalities",
         "Other diseases"}};

    return columns[k];
}

static dms_status check_code(const char *code, int k, dms_error *err)
{
    size_t len = code ? strlen(code) : 0;

    if (len == 0)
        return dms_fail(err, DMS_EINVAL, "labels: code %d is empty", k + 1);
    if (len > DMS_LABEL_CODE_MAX)
        return dms_fail(err, DMS_EINVAL,
                        "labels: code '%.40s' has %zu bytes, expected at most "
                        "%d",
                        code, len, DMS_LABEL_CODE_MAX);
    for (const char *c = code; *c; c++)
        if (*c <= ' ' || *c > '~' || strchr(",;=\"'\\", *c))
            return dms_fail(err, DMS_EINVAL,
                            "labels: code '%.40s' is not one word of ASCII "
                            "without , ; = quotes or backslashes; a name may "
                            "contain them",
                            code);
    return DMS_OK;
}

/* Must be one line of UTF-8, not empty and not too long. */
static dms_status check_text(const char *text, const char *what, dms_error *err)
{
    char shown[DMS_TEXT_SHOWN + 4];
    size_t len = strlen(text);

    if (len > 0 && len <= DMS_LABEL_NAME_MAX && dms_text_is_plain(text, len))
        return DMS_OK;
    return dms_fail(err, DMS_EINVAL,
                    "labels: %s '%s' is not a line of 1 to %d bytes of "
                    "UTF-8 without control characters",
                    what, dms_text_show(shown, text, len), DMS_LABEL_NAME_MAX);
}

static dms_status check_labels(const dms_label_options *o, dms_error *err)
{
    dms_status st = DMS_OK;

    for (int k = 0; k < o->count; k++) {
        TRY(check_code(o->labels[k].code, k, err));
        if (o->labels[k].name)
            TRY(check_text(o->labels[k].name, "name", err));
        for (int i = 0; i < k; i++)
            if (dms_ascii_same(o->labels[i].code, o->labels[k].code))
                return dms_fail(err, DMS_EINVAL,
                                "labels: duplicate code '%s', labels %d and %d",
                                o->labels[k].code, i + 1, k + 1);
    }
done:
    return st;
}

static dms_status check_options(const dms_label_options *o, dms_error *err)
{
    bool one_of = o->task == DMS_TASK_SINGLE_LABEL;
    dms_status st;

    if (o->count < 1 || o->count > DMS_LABELS_MAX)
        return dms_fail(err, DMS_EINVAL, "labels: found %d, expected 1 to %d",
                        o->count, DMS_LABELS_MAX);
    TRY(check_labels(o, err));
    if (o->column)
        TRY(check_text(o->column, "column", err));
    if (one_of && o->count < 2)
        st = dms_fail(err, DMS_EINVAL,
                      "labels: single-label with 1 label, expected 2 or more");
    else if (!one_of && (o->column || o->ordered))
        st =
            dms_fail(err, DMS_EINVAL,
                     "labels: a multi-label set cannot have a single column or "
                     "an order");
    else if (o->nothing_found < -1 || o->nothing_found >= o->count)
        st = dms_fail(err, DMS_EINVAL,
                      "labels: nothing-found is label %d of %d, counted from 0",
                      o->nothing_found, o->count);
done:
    return st;
}

/* Append a text to the block; returns the copy. */
static const char *put(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);

    *at += size;
    return copy;
}

static const char *name_of(const dms_label *label)
{
    return label->name ? label->name : label->code;
}

static dms_status build(dms_label_set **out, const dms_label_options *o,
                        dms_error *err)
{
    size_t count = (size_t)o->count;
    size_t size = sizeof(dms_label_set) + count * sizeof(dms_label);
    size_t texts = o->column ? strlen(o->column) + 1 : 0;
    dms_label_set *set;
    dms_label *list;
    char *at;

    for (size_t k = 0; k < count; k++)
        texts += strlen(o->labels[k].code) + strlen(name_of(&o->labels[k])) + 2;
    set = dms_calloc(1, size + texts);
    if (!set)
        return dms_fail_memory(err, "labels");
    list = (dms_label *)(set + 1);
    at = (char *)(list + count);
    for (size_t k = 0; k < count; k++) {
        list[k].code = put(&at, o->labels[k].code);
        list[k].name = put(&at, name_of(&o->labels[k]));
    }
    *set = (dms_label_set){.count = o->count,
                           .task = o->task,
                           .ordered = o->ordered,
                           .nothing_found = o->nothing_found,
                           .column = o->column ? put(&at, o->column) : NULL,
                           .list = list};
    *out = set;
    return DMS_OK;
}

void dms_label_options_init(dms_label_options *options, size_t struct_size)
{
    const dms_label_options plain = {.nothing_found = -1};

    dms_growing_init(options, struct_size, &plain, sizeof plain);
}

dms_status dms_label_set_create(dms_label_set **out,
                                const dms_label_options *given, dms_error *err)
{
    dms_status st;
    dms_label_options options;

    dms_label_options_init(&options, sizeof options);
    TRY(dms_growing_take(&options, sizeof options, given, "dms_label_options",
                         err));
    TRY(check_options(&options, err));
    TRY(build(out, &options, err));
done:
    return st;
}

static dms_label_options options_of(const dms_label_set *set)
{
    return (dms_label_options){.struct_size = sizeof(dms_label_options),
                               .labels = set->list,
                               .count = set->count,
                               .task = set->task,
                               .ordered = set->ordered,
                               .column = set->column,
                               .nothing_found = set->nothing_found};
}

dms_status dms_label_set_copy(dms_label_set **out, const dms_label_set *set,
                              dms_error *err)
{
    dms_label_options options = options_of(set);

    return build(out, &options, err);
}

dms_status dms_label_set_with_task(dms_label_set **out,
                                   const dms_label_set *set, dms_task task,
                                   dms_error *err)
{
    dms_label_options options = options_of(set);

    if (task != options.task) {
        options.task = task;
        options.ordered = false;
        options.column = NULL;
    }
    return dms_label_set_create(out, &options, err);
}

dms_status dms_label_set_asked(dms_label_set **out, const dms_label_set *set,
                               dms_task task, dms_error *err)
{
    if (task == DMS_TASK_SINGLE_LABEL)
        return dms_label_set_with_task(out, set, task, err);
    return dms_label_set_copy(out, set, err);
}

dms_status dms_label_set_numbered(dms_label_set **out, int count, dms_task task,
                                  dms_error *err)
{
    char codes[DMS_LABELS_MAX][8];
    dms_label list[DMS_LABELS_MAX];
    dms_label_options options;

    if (count == odir.count)
        return dms_label_set_asked(out, &odir, task, err);
    for (int k = 0; k < count && k < DMS_LABELS_MAX; k++) {
        snprintf(codes[k], sizeof codes[k], "%d", k + 1);
        list[k] = (dms_label){.code = codes[k]};
    }
    dms_label_options_init(&options, sizeof options);
    options.labels = list, options.count = count, options.task = task;
    return dms_label_set_create(out, &options, err);
}

void dms_label_set_destroy(dms_label_set *set)
{
    assert(set != &odir && set != &eyepacs && set != &aptos);
    dms_free(set);
}

bool dms_label_set_is_odir(const dms_label_set *set)
{
    if (!set || set->count != DMS_ODIR_LABELS)
        return false;
    for (int k = 0; k < DMS_ODIR_LABELS; k++)
        if (strcmp(set->list[k].code, odir_list[k].code) != 0)
            return false;
    return true;
}

bool dms_odir_places(int *places, const dms_label_set *set)
{
    if (!set || dms_label_set_column(set) || set->count > DMS_ODIR_LABELS)
        return false;
    for (int k = 0; k < set->count; k++) {
        places[k] = 0;
        while (places[k] < DMS_ODIR_LABELS &&
               strcmp(set->list[k].code, odir_list[places[k]].code) != 0)
            places[k]++;
        if (places[k] == DMS_ODIR_LABELS)
            return false;
    }
    return true;
}

int dms_label_set_count(const dms_label_set *set)
{
    return set ? set->count : 0;
}

const char *dms_label_set_code(const dms_label_set *set, int k)
{
    return k >= 0 && k < dms_label_set_count(set) ? set->list[k].code : NULL;
}

const char *dms_label_set_name(const dms_label_set *set, int k)
{
    return k >= 0 && k < dms_label_set_count(set) ? set->list[k].name : NULL;
}

int dms_label_set_find(const dms_label_set *set, const char *code)
{
    for (int k = 0; k < dms_label_set_count(set); k++)
        if (dms_ascii_same(set->list[k].code, code))
            return k;
    return -1;
}

dms_task dms_label_set_task(const dms_label_set *set)
{
    return set->task;
}

bool dms_label_set_ordered(const dms_label_set *set)
{
    return set->ordered;
}

const char *dms_label_set_column(const dms_label_set *set)
{
    return set->column;
}

int dms_label_set_nothing_found(const dms_label_set *set)
{
    return set->nothing_found;
}

bool dms_label_sets_same_codes(const dms_label_set *a, const dms_label_set *b)
{
    bool same = a->count == b->count;

    for (int k = 0; same && k < a->count; k++)
        same = strcmp(a->list[k].code, b->list[k].code) == 0;
    return same;
}

bool dms_label_sets_equal(const dms_label_set *a, const dms_label_set *b)
{
    return a->task == b->task && a->ordered == b->ordered &&
           a->nothing_found == b->nothing_found &&
           dms_label_sets_same_codes(a, b);
}

int dms_label_set_text(char *text, size_t capacity, const dms_label_set *set)
{
    size_t len = 0;

    if (capacity > 0)
        text[0] = '\0';
    for (int k = 0; k < set->count; k++) {
        const char *before = k ? "," : set->column ? "=" : "";
        size_t at = len < capacity ? len : capacity;

        len += (size_t)snprintf(text + at, capacity - at, "%s%s%s",
                                k == 0 && set->column ? set->column : "",
                                before, set->list[k].code);
    }
    return (int)len;
}
