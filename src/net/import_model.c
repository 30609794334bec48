/* Creates models from other programs' weights, and the report of what was
 * taken. Relies on import.c to find and read the tensors. */
#include <string.h>

#include "net/model.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/growing.h"
#include "base/log.h"
#include "base/name.h"
#include "data/labels.h"
#include "base/strbuf.h"
#include "formats/json.h"
#include "net/import.h"
#include "net/infer.h"
#include "net/model_file.h"
#include "net/provenance.h"

/* Record where the weights came from in the model's own provenance. */
static dms_status set_provenance(dms_model_config *config, const char *path,
                                 const dms_import_report *report, uint64_t seed,
                                 dms_error *err)
{
    json_t *root = json_pack("{s:{s:o, s:s, s:o, s:I, s:I}, s:s}", "import",
                             "file", dms_json_name(dms_path_name(path)),
                             "network", report->whole ? "dmsnet" : "backbone",
                             "prefix", dms_json_name(report->prefix), "taken",
                             (json_int_t)report->fates[DMS_IMPORT_TAKEN],
                             "seed", (json_int_t)seed, "dmsnet", dms_version());

    return dms_provenance_write(config, root, path, err);
}

/* Choose the labels that the caller asked for; the heads of a whole network
 * must match them. */
static dms_status choose_labels(dms_label_set **labels,
                                const dms_architecture *arch,
                                const dms_import *import,
                                const dms_import_options *options,
                                dms_error *err)
{
    const dms_label_set *asked = options->labels;
    int count = dms_label_set_count(asked);

    if (import->whole && !asked)
        return dms_label_set_numbered(labels, arch->labels, arch->task, err);
    if (import->whole && count != arch->labels)
        return dms_fail(err, DMS_EMISMATCH,
                        "%s: its heads give %d labels, --labels names %d",
                        dms_tensor_file_path(import->file), arch->labels,
                        count);
    return dms_label_set_asked(labels, asked ? asked : dms_label_set_odir(),
                               arch->task, err);
}

/* Use the file's own description if it has one. Otherwise infer what the
 * tensors show and take the rest from the options. */
static dms_status choose_config(dms_model_config *config, bool *described,
                                const dms_import *import,
                                const dms_import_options *options,
                                dms_error *err)
{
    dms_architecture arch = *options->architecture;
    dms_label_set *labels = NULL;
    const char *path = dms_tensor_file_path(import->file);
    dms_status st = DMS_OK;

    *described = import->whole &&
                 dms_tensor_file_metadata(import->file, DMS_MODEL_METADATA_KEY);
    if (*described) {
        TRY(dms_model_metadata_read(config, import->file, err));
        if (options->labels &&
            !dms_label_sets_same_codes(options->labels, config->labels))
            st = dms_fail(err, DMS_EMISMATCH,
                          "%s: its own description names other labels than "
                          "--labels",
                          path);
        goto done;
    }
    arch.backbone = import->backbone;
    if (import->whole)
        TRY(dms_infer_architecture(&arch, import->file, import->prefix, err));
    TRY(choose_labels(&labels, &arch, import, options, err));
    TRY(dms_model_config_init(config, labels, err));
    arch.labels = dms_label_set_count(labels);
    arch.task = dms_label_set_task(labels);
    config->architecture = arch;
    config->preprocess.size = arch.size;
    TRY(dms_architecture_check(&arch, err));
done:
    dms_label_set_destroy(labels);
    return st;
}

static dms_status fill(dms_model *model, dms_import_report *report,
                       const dms_import *import,
                       const dms_import_options *options, dms_error *err)
{
    dms_status st;
    bool described;
    bool *taken = NULL;

    TRY(choose_config(&model->config, &described, import, options, err));
    TRY(dms_model_new_params(&model->params, &model->config.architecture, false,
                             err));
    taken = dms_calloc(model->params->count, sizeof *taken);
    if (!taken) {
        st = dms_fail_memory(err, "import");
        goto done;
    }
    TRY(dms_import_take(model->params, taken, report, import, false, err));
    TRY(dms_params_fill_rest(model->params, options->seed, taken, err));
    if (!described)
        TRY(set_provenance(&model->config, dms_tensor_file_path(import->file),
                           report, options->seed, err));
done:
    dms_free(taken);
    return st;
}

void dms_import_options_init(dms_import_options *options, size_t struct_size)
{
    const dms_import_options plain = {.seed = 1};

    dms_growing_init(options, struct_size, &plain, sizeof plain);
}

/* Copy the caller's options and replace each NULL by its default. architecture:
 * storage for the default one. */
static dms_status take_options(dms_import_options *own,
                               dms_architecture *architecture,
                               const dms_import_options *given, dms_error *err)
{
    dms_status st;

    dms_import_options_init(own, sizeof *own);
    TRY(dms_growing_take(own, sizeof *own, given, "dms_import_options", err));
    *architecture = dms_architecture_default();
    if (!own->architecture)
        own->architecture = architecture;
    if (!own->prefix)
        own->prefix = "";
done:
    return st;
}

dms_status dms_model_import(dms_model **out, dms_import_report **report,
                            const char *path, const dms_import_options *given,
                            const dms_monitor *monitor, dms_error *err)
{
    dms_status st;
    dms_import import = {0};
    dms_import_options options;
    dms_architecture plain;
    bool renamed;
    dms_import_report *own = dms_calloc(1, sizeof *own);
    dms_model *model = NULL;

    if (report)
        *report = NULL;
    if (!own)
        return dms_fail_memory(err, "report");
    TRY(dms_model_new(&model, err));
    TRY(take_options(&options, &plain, given, err));
    TRY(dms_import_open(&import, path, options.prefix, err));
    import.depth_slice = options.depth_slice;
    TRY(fill(model, own, &import, &options, err));
    renamed = import.naming != DMS_NAMING_TORCHVISION;
    dms_log(monitor, DMS_LOG_INFO,
            "%s: %s%s%s, %zu tensors taken, %zu left out", path,
            import.whole ? "a whole DMS-Net"
                         : dms_backbone_name(import.backbone),
            renamed ? " under " : "",
            renamed ? dms_naming_title(import.naming) : "",
            own->fates[DMS_IMPORT_TAKEN], own->fates[DMS_IMPORT_LEFT]);
    dms_import_warn(&import, own, monitor);
    *out = model, model = NULL;
done:
    if (report && own && own->count > 0)
        *report = own, own = NULL;
    dms_import_report_destroy(own);
    dms_import_close(&import);
    dms_model_destroy(model);
    return st;
}

void dms_import_report_destroy(dms_import_report *report)
{
    if (!report)
        return;
    dms_import_report_release(report);
    dms_free(report);
}

/* Names come from the file: escape what could control a terminal. */
static void print_row(dms_strbuf *text, const dms_import_row *row)
{
    dms_strbuf_printf(text, "%-9s  %-4s  %-17s  ",
                      dms_import_fate_name(row->fate), row->dtype, row->shape);
    dms_name_put_line(text, row->name);
    if (row->fate == DMS_IMPORT_MISSING || row->fate == DMS_IMPORT_MISSHAPEN)
        dms_strbuf_printf(text, "  (expected %s)", row->wanted);
    dms_strbuf_puts(text, "\n");
}

static void print_for_person(dms_strbuf *text, const dms_import_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        print_row(text, &report->rows[i]);
    dms_strbuf_printf(text, "%s%s, prefix '",
                      report->whole ? "DMS-Net with " : "backbone ",
                      dms_backbone_name(report->backbone));
    dms_name_put_line(text, report->prefix);
    dms_strbuf_puts(text, "':");
    for (int f = 0; f < DMS_IMPORT_FATES; f++)
        dms_strbuf_printf(text, "%s %zu %s", f ? "," : "", report->fates[f],
                          dms_import_fate_name((dms_import_fate)f));
    if (report->inflated > 0)
        dms_strbuf_printf(text, "; %zu inflated over depth, %s taken",
                          report->inflated,
                          dms_depth_slice_name((int)report->depth_slice));
    dms_strbuf_puts(text, "\n");
}

static json_t *row_json(const dms_import_row *row)
{
    json_t *json = json_pack("{s:o, s:s}", "name", dms_json_name(row->name),
                             "fate", dms_import_fate_name(row->fate));

    if (row->dtype[0])
        dms_json_set(&json, "dtype", json_string(row->dtype));
    if (row->shape[0])
        dms_json_set(&json, "shape",
                     dms_json_read(row->shape, strlen(row->shape), 0, NULL));
    if (row->wanted[0])
        dms_json_set(&json, "expected",
                     dms_json_read(row->wanted, strlen(row->wanted), 0, NULL));
    return json;
}

static void print_for_machine(dms_strbuf *text, const dms_import_report *report)
{
    json_t *counts = json_object(), *tensors = json_array(), *root;
    char *dumped;

    for (int f = 0; f < DMS_IMPORT_FATES; f++)
        dms_json_set(&counts, dms_import_fate_name((dms_import_fate)f),
                     json_integer((json_int_t)report->fates[f]));
    for (size_t i = 0; i < report->count; i++)
        dms_json_append(&tensors, row_json(&report->rows[i]));
    root = json_pack("{s:s, s:s, s:o, s:o, s:o}", "network",
                     report->whole ? "dmsnet" : "backbone", "backbone",
                     dms_backbone_name(report->backbone), "prefix",
                     dms_json_name(report->prefix), "counts", counts, "tensors",
                     tensors);
    if (report->inflated > 0)
        dms_json_set(
            &root, "depth_slice",
            json_string(dms_depth_slice_name((int)report->depth_slice)));
    dumped = dms_json_dump(root, (dms_json_style){.indent = 1});
    text->failed = text->failed || !dumped;
    dms_strbuf_puts(text, dumped ? dumped : "");
    dms_strbuf_puts(text, "\n");
    dms_free(dumped);
    json_decref(root);
}

dms_status dms_import_report_print(char **text, const dms_import_report *report,
                                   bool json, dms_error *err)
{
    dms_strbuf buffer;

    dms_strbuf_init(&buffer);
    if (json)
        print_for_machine(&buffer, report);
    else
        print_for_person(&buffer, report);
    *text = dms_strbuf_detach(&buffer);
    dms_strbuf_release(&buffer);
    return *text ? DMS_OK : dms_fail_memory(err, "import report");
}
