/* Imports weights of another program: finds the network in the file, matches
 * its tensor names with the parameter table, and reads the values. Relies on
 * import_names.c for naming schemes, infer.c for the backbone, and
 * weights_file.c, which checks each tensor's type and shape. */
#include "net/import.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "net/depth_slice.h"
#include "net/infer.h"
#include "net/weights_file.h"

#define BACKBONE "backbone."

/* The first tensors of a network. They identify its prefix. */
#define STEM  "conv1.weight"
#define BLOCK "layer1.0.conv1.weight"

/* Is the word a known wrapper's name, or an index in a Sequential or list? */
static bool is_wrapping_word(const char *word, size_t len)
{
    static const char *const words[] = {
        "state_dict", "model_state_dict",  "model_state", "model",
        "net",        "network",           "teacher",     "student",
        "module",     "backbone",          "body",        "encoder",
        "features",   "feature_extractor", "base_model",  "resnet",
        "_orig_mod"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == len && memcmp(words[i], word, len) == 0)
            return true;
    return len > 0 && strspn(word, "0123456789") >= len;
}

/* Does prefix consist only of known wrappers? */
static bool is_wrapping(const char *prefix, size_t len)
{
    while (len > 0) {
        const char *dot = memchr(prefix, '.', len);
        size_t word = dot ? (size_t)(dot - prefix) : len;

        if (!dot || !is_wrapping_word(prefix, word))
            return false;
        prefix += word + 1;
        len -= word + 1;
    }
    return true;
}

static bool is_network(const dms_tensor_file *file, const char *prefix,
                       dms_naming naming)
{
    return dms_naming_find(file, prefix, naming, STEM) &&
           dms_naming_find(file, prefix, naming, BLOCK);
}

/* Store prefix, without the trailing "backbone." if this is a whole DMS-Net. */
static void settle(dms_import *import, const char *prefix, dms_naming naming)
{
    char *end;

    snprintf(import->prefix, sizeof import->prefix, "%s", prefix);
    import->naming = naming;
    if (!dms_ends_with(prefix, strlen(prefix), BACKBONE) ||
        naming != DMS_NAMING_TORCHVISION)
        return;
    end = import->prefix + strlen(prefix) - strlen(BACKBONE);
    *end = '\0';
    import->whole = dms_tensor_file_find(import->file, import->prefix,
                                         "context.reduce.conv.weight") != NULL;
    if (!import->whole)
        *end = BACKBONE[0];
}

/* DINO and related methods save two networks; the teacher is the one to use. */
static bool is_teacher_of(const char *a, const char *b)
{
    return strncmp(a, "teacher.", 8) == 0 && strncmp(b, "student.", 8) == 0;
}

/* State of the search for networks in a file. */
typedef struct search {
    const dms_tensor_file *file;
    bool found, strange_found;
    char best[DMS_IMPORT_PREFIX_MAX];
    dms_naming naming;
    char strange[DMS_IMPORT_PREFIX_MAX]; /* under an unknown wrapper */
} search;

static dms_status no_network(const search *s, dms_error *err)
{
    const char *path = dms_tensor_file_path(s->file);
    const char *whose = dms_names_of_others(s->file);
    size_t count = dms_tensor_file_count(s->file);

    if (count == 0)
        return dms_fail(err, DMS_EFORMAT, "%s: there are no tensors in it",
                        path);
    if (s->strange_found)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: no ResNet backbone in its %zu tensors under a "
                        "known name, but one under '%.80s': name it as prefix",
                        path, count, s->strange);
    if (whose)
        return dms_fail(err, DMS_EFORMAT,
                        "%s: no ResNet backbone in its %zu tensors: these are "
                        "%s names; expected a ResNet-18, 34, 50, 101 or 152 of "
                        "torchvision",
                        path, count, whose);
    return dms_fail(err, DMS_EFORMAT,
                    "%s: no ResNet backbone in its %zu tensors: expected "
                    "conv1.weight and layer1.0.conv1.weight, alone or under "
                    "names like state_dict.module.backbone; the first is "
                    "%.80s; another wrapping can be named as prefix",
                    path, count, dms_tensor_file_at(s->file, 0)->name);
}

/* Record the network of this naming if the tensor `name` is its stem. */
static dms_status consider(search *s, const char *name, dms_naming naming,
                           dms_error *err)
{
    char stem[DMS_IMPORT_NAME_MAX], prefix[DMS_IMPORT_PREFIX_MAX];
    size_t len;

    dms_naming_write(stem, naming, STEM);
    len = strlen(name) - strlen(stem);
    if (!dms_ends_with(name, strlen(name), stem) || len >= sizeof prefix ||
        (len > 0 && name[len - 1] != '.'))
        return DMS_OK;
    snprintf(prefix, sizeof prefix, "%.*s", (int)len, name);
    if (!is_network(s->file, prefix, naming))
        return DMS_OK;
    if (!is_wrapping(prefix, len)) {
        if (!s->strange_found)
            memcpy(s->strange, prefix, sizeof prefix);
        s->strange_found = true;
        return DMS_OK;
    }
    if (s->found && is_teacher_of(s->best, prefix))
        return DMS_OK;
    if (s->found && !is_teacher_of(prefix, s->best))
        return dms_fail(err, DMS_EFORMAT,
                        "%s: holds several networks, '%.80s' and '%.80s'; "
                        "name one as prefix",
                        dms_tensor_file_path(s->file), s->best, prefix);
    memcpy(s->best, prefix, sizeof prefix);
    s->naming = naming;
    s->found = true;
    return DMS_OK;
}

static dms_status find_prefix(dms_import *import, dms_error *err)
{
    search s = {.file = import->file};
    dms_status st = DMS_OK;

    for (size_t i = 0; i < dms_tensor_file_count(s.file); i++)
        for (int naming = 0; naming < DMS_NAMINGS; naming++)
            TRY(consider(&s, dms_tensor_file_at(s.file, i)->name,
                         (dms_naming)naming, err));
    if (!s.found)
        return no_network(&s, err);
    settle(import, s.best, s.naming);
done:
    return st;
}

/* Use the prefix that the caller asked for: of a backbone, or of a whole
 * DMS-Net. */
static dms_status take_prefix(dms_import *import, const char *asked,
                              dms_error *err)
{
    char prefix[sizeof import->prefix];
    const char *dot = dms_ends_with(asked, strlen(asked), ".") ? "" : ".";
    int len = snprintf(prefix, sizeof prefix, "%s%s", asked, dot);

    if (len > 0 && (size_t)len < sizeof prefix - strlen(BACKBONE)) {
        for (int n = 0; n < DMS_NAMINGS; n++)
            if (is_network(import->file, prefix, (dms_naming)n)) {
                settle(import, prefix, (dms_naming)n);
                return DMS_OK;
            }
        strcat(prefix, BACKBONE);
        if (is_network(import->file, prefix, DMS_NAMING_TORCHVISION)) {
            settle(import, prefix, DMS_NAMING_TORCHVISION);
            return DMS_OK;
        }
    }
    return dms_fail(err, DMS_EFORMAT,
                    "%s: no ResNet backbone under the prefix '%.80s': no "
                    "tensor %.80s%sconv1.weight beside "
                    "%.80s%slayer1.0.conv1.weight",
                    dms_tensor_file_path(import->file), asked, asked, dot,
                    asked, dot);
}

dms_status dms_import_open(dms_import *out, const char *path,
                           const char *prefix, dms_error *err)
{
    dms_status st;
    static const dms_tensor_file_wanted wanted = {
        "weights in a PyTorch or safetensors file", NULL};
    dms_import import = {0};
    char backbone[sizeof import.prefix + sizeof BACKBONE];

    TRY(dms_tensor_file_open(&import.file, path, &wanted, err));
    TRY(prefix[0] ? take_prefix(&import, prefix, err)
                  : find_prefix(&import, err));
    snprintf(backbone, sizeof backbone, "%s%s", import.prefix,
             import.whole ? BACKBONE : "");
    TRY(dms_infer_backbone(&import.backbone, import.file, backbone,
                           import.naming, err));
    *out = import;
    import.file = NULL;
done:
    dms_import_close(&import);
    return st;
}

void dms_import_close(dms_import *import)
{
    dms_tensor_file_close(import->file);
    import->file = NULL;
}

/* The parameter that a tensor of the file belongs to; NULL if there is none. */
static const dms_param *place_of(const dms_params *params,
                                 const dms_import *import, bool backbone_only,
                                 const char *name)
{
    size_t prefix = strlen(import->prefix);
    char full[DMS_PARAM_NAME_MAX + sizeof BACKBONE];
    char own[DMS_IMPORT_NAME_MAX];
    int len;

    if (strncmp(name, import->prefix, prefix) != 0 ||
        !dms_naming_read(own, import->naming, name + prefix))
        return NULL;
    len =
        snprintf(full, sizeof full, "%s%s", import->whole ? "" : BACKBONE, own);
    if (len < 0 || (size_t)len >= sizeof full ||
        (backbone_only && strncmp(full, BACKBONE, strlen(BACKBONE)) != 0))
        return NULL;
    return dms_params_find(params, full);
}

static bool is_needed(const dms_param *param, const dms_import *import,
                      bool backbone_only)
{
    if (param->role == DMS_PARAM_COUNT) /* PyTorch before 0.4.1 lacks it */
        return false;
    return (import->whole && !backbone_only) ||
           strncmp(param->name, BACKBONE, strlen(BACKBONE)) == 0;
}

static dms_status add_row(dms_import_report *report, dms_import_fate fate,
                          const char *prefix, const char *name,
                          const dms_tensor_view *view, const dms_param *param,
                          dms_error *err)
{
    dms_import_row *row = &report->rows[report->count];
    size_t size = strlen(prefix) + strlen(name) + 1;

    row->name = dms_calloc(size, 1);
    if (!row->name)
        return dms_fail_memory(err, "import report");
    snprintf(row->name, size, "%s%s", prefix, name);
    row->fate = fate;
    row->dtype = view ? dms_dtype_name(view->dtype) : "";
    if (view)
        dms_shape_text(row->shape, sizeof row->shape, view->shape, view->axes);
    if (param)
        dms_shape_text(row->wanted, sizeof row->wanted, param->shape,
                       param->axes);
    report->count++;
    report->fates[fate]++;
    return DMS_OK;
}

/* State while tensors are taken. */
typedef struct taking {
    dms_params *params;
    bool *taken;
    const dms_import *import;
    bool backbone_only;
    dms_import_report *report;
    float *scratch;
    float *picture;  /* the same size, for a convolution that is summed over
                        depth */
    dms_error first; /* the first tensor that is missing or misshapen */
} taking;

/* Read a tensor into its parameter; reduce one that was inflated over depth. */
static dms_status read_tensor(taking *t, const dms_param *param,
                              const dms_tensor_view *view, dms_error *err)
{
    const char *path = dms_tensor_file_path(t->import->file);
    dms_tensor_view flat = *view;
    dms_status st = DMS_OK;

    if (dms_depth_inflated(view, param)) {
        TRY(dms_depth_flatten(&flat, t->picture, view, t->import->depth_slice,
                              err));
        t->report->inflated++;
    }
    TRY(dms_weights_read_one(t->params, param, &flat, path, t->scratch, err));
done:
    return st;
}

static dms_status take_tensor(taking *t, const dms_tensor_view *view,
                              dms_error *err)
{
    const dms_param *param =
        place_of(t->params, t->import, t->backbone_only, view->name);
    dms_import_fate fate = DMS_IMPORT_LEFT;
    dms_error wrong = {0};

    if (param) {
        dms_status st = read_tensor(t, param, view, &wrong);

        if (st != DMS_OK && st != DMS_EMISMATCH)
            return dms_fail(err, st, "%s", wrong.message);
        fate = st == DMS_OK ? DMS_IMPORT_TAKEN : DMS_IMPORT_MISSHAPEN;
        t->taken[param - t->params->items] = true;
        if (st != DMS_OK && t->first.code == DMS_OK)
            t->first = wrong;
    }
    return add_row(t->report, fate, "", view->name, view, param, err);
}

static dms_status add_missing(taking *t, const dms_param *param, dms_error *err)
{
    char name[DMS_IMPORT_NAME_MAX];

    dms_naming_write(name, t->import->naming,
                     param->name + (t->import->whole ? 0 : strlen(BACKBONE)));
    if (t->first.code == DMS_OK)
        dms_fail(&t->first, DMS_EMISMATCH, "%s: tensor %s%s is missing",
                 dms_tensor_file_path(t->import->file), t->import->prefix,
                 name);
    return add_row(t->report, DMS_IMPORT_MISSING, t->import->prefix, name, NULL,
                   param, err);
}

static dms_status check_complete(const taking *t, dms_error *err)
{
    const size_t *fates = t->report->fates;
    size_t wrong = fates[DMS_IMPORT_MISSING] + fates[DMS_IMPORT_MISSHAPEN];

    if (wrong > 1)
        return dms_fail(err, DMS_EMISMATCH,
                        "%s; in all %zu missing and %zu of another shape or "
                        "type",
                        t->first.message, fates[DMS_IMPORT_MISSING],
                        fates[DMS_IMPORT_MISSHAPEN]);
    if (wrong > 0)
        return dms_fail(err, DMS_EMISMATCH, "%s", t->first.message);
    return DMS_OK;
}

dms_status dms_import_take(dms_params *params, bool *taken,
                           dms_import_report *report, const dms_import *import,
                           bool backbone_only, dms_error *err)
{
    dms_status st = DMS_OK;
    const dms_tensor_file *file = import->file;
    size_t tensors = dms_tensor_file_count(file);
    taking t = {.params = params,
                .taken = taken,
                .import = import,
                .backbone_only = backbone_only,
                .report = report};

    *report = (dms_import_report){.whole = import->whole,
                                  .backbone = import->backbone,
                                  .depth_slice = import->depth_slice};
    memcpy(report->prefix, import->prefix, sizeof report->prefix);
    t.scratch = dms_calloc(dms_params_longest(params), sizeof *t.scratch);
    t.picture = dms_calloc(dms_params_longest(params), sizeof *t.picture);
    report->rows = dms_calloc(tensors + params->count, sizeof *report->rows);
    if (!t.scratch || !t.picture || !report->rows) {
        st = dms_fail_memory(err, dms_tensor_file_path(file));
        goto done;
    }
    for (size_t i = 0; i < tensors; i++)
        TRY(take_tensor(&t, dms_tensor_file_at(file, i), err));
    for (size_t i = 0; i < params->count; i++)
        if (!taken[i] && is_needed(&params->items[i], import, backbone_only))
            TRY(add_missing(&t, &params->items[i], err));
    TRY(check_complete(&t, err));
done:
    dms_free(t.scratch);
    dms_free(t.picture);
    return st;
}

/* Does the name belong to the backbone itself, not to something beside it? */
static bool is_inside(const char *name, const dms_import *import)
{
    static const char *const parts[] = {"conv1.", "bn1.", "layer"};
    size_t prefix = strlen(import->prefix);
    char own[DMS_IMPORT_NAME_MAX];

    if (strncmp(name, import->prefix, prefix) != 0)
        return false;
    name += prefix;
    if (dms_naming_read(own, import->naming, name))
        name = own;
    if (import->whole && strncmp(name, BACKBONE, strlen(BACKBONE)) == 0)
        name += strlen(BACKBONE);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strncmp(name, parts[i], strlen(parts[i])) == 0)
            return true;
    return false;
}

void dms_import_warn(const dms_import *import, const dms_import_report *report,
                     const dms_monitor *monitor)
{
    const char *first = NULL;
    size_t count = 0;

    for (size_t i = 0; i < report->count; i++) {
        const dms_import_row *row = &report->rows[i];

        if (row->fate != DMS_IMPORT_LEFT || !is_inside(row->name, import))
            continue;
        first = first ? first : row->name;
        count++;
    }
    if (report->inflated > 0)
        dms_log(monitor, DMS_LOG_INFO,
                "%s: %zu convolutions are inflated over depth; the %s of each "
                "is taken",
                dms_tensor_file_path(import->file), report->inflated,
                dms_depth_slice_name((int)report->depth_slice));
    if (count > 0)
        dms_log(monitor, DMS_LOG_WARNING,
                "%s: tensor %.80s is inside the backbone but %s has no place "
                "for it (%zu such): the file may hold another kind of network",
                dms_tensor_file_path(import->file), first,
                dms_backbone_name(import->backbone), count);
}

const dms_import_row *dms_import_report_row(const dms_import_report *report,
                                            size_t i)
{
    return i < report->count ? &report->rows[i] : NULL;
}

void dms_import_report_release(dms_import_report *report)
{
    for (size_t i = 0; report->rows && i < report->count; i++)
        dms_free(report->rows[i].name);
    dms_free(report->rows);
    *report = (dms_import_report){0};
}

const char *dms_depth_slice_name(int slice)
{
    static const char *const names[] = {"centre", "sum"};

    return (unsigned)slice < sizeof names / sizeof *names ? names[slice] : NULL;
}

const char *dms_import_fate_name(dms_import_fate fate)
{
    static const char *const names[] = {"taken", "left", "missing",
                                        "misshapen"};

    return (unsigned)fate < sizeof names / sizeof *names ? names[fate] : NULL;
}
