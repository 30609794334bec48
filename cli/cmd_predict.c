/* `dmsnet predict`: probabilities for one patient or for many. */
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "compute_options.h"
#include "dms/ensemble.h"
#include "fail.h"

typedef struct predict_options {
    char *model;
    char *left;
    char *right;
    char *id;
    char *encoding;
    int format; /* dms_prediction_format */
    bool json;
    int batch;
} predict_options;

static const char *format_word(int i)
{
    return dms_prediction_format_name((dms_prediction_format)i);
}

static const predict_options predict_defaults = {.id = "pair", .batch = 8};

static const dms_option predict_list[] = {
    {.name = "model",
     .letter = 'm',
     .type = DMS_OPTION_TEXT,
     .unit = "MODEL",
     DMS_OPTION_FIELD(predict_options, model),
     .help = CLI_MODEL_HELP
     ", or the folder of a run with folds; given several times, an "
     "ensemble; without it, odir-small"},
    {.name = "left",
     .type = DMS_OPTION_TEXT,
     .unit = "FILE",
     DMS_OPTION_FIELD(predict_options, left),
     .help = "photograph of the left eye"},
    {.name = "right",
     .type = DMS_OPTION_TEXT,
     .unit = "FILE",
     DMS_OPTION_FIELD(predict_options, right),
     .help = "photograph of the right eye"},
    {.name = "id",
     .type = DMS_OPTION_TEXT,
     .unit = "NAME",
     DMS_OPTION_FIELD(predict_options, id),
     .help = "ID of the patient of --left and --right"},
    {.name = "encoding",
     .type = DMS_OPTION_TEXT,
     .unit = "NAME",
     DMS_OPTION_FIELD(predict_options, encoding),
     .help = "text encoding of a .csv list, as for train's --encoding"},
    {.name = "format",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(predict_options, format),
     .choice = format_word,
     .help = "output format; csv is that of the ODIR challenge, without the "
             "patients that failed"},
    {.name = "json",
     .type = DMS_OPTION_FLAG,
     DMS_OPTION_FIELD(predict_options, json),
     .help = "the same as --format json; not with another format"},
    {.name = "batch",
     .type = DMS_OPTION_INT,
     .unit = "patients",
     DMS_OPTION_FIELD(predict_options, batch),
     .min = 1,
     .max = 256,
     .help = "patients per batch; more need more memory"}};

static const dms_option_table predict_table = {
    predict_list, sizeof(predict_list) / sizeof(*predict_list),
    &predict_defaults, sizeof(predict_options)};

static const char *path_or_null(const char *path)
{
    return *path != '\0' ? path : NULL;
}

static const char default_model[] = "odir-small";

/* Find the model to use if none is given. */
static dms_status find_default(char **path, const cli_run *run, dms_error *err)
{
    if (dms_model_find(path, default_model, NULL) != DMS_OK)
        return cli_fail(err, DMS_EINVAL,
                        "--model is required: %s, which would be used without "
                        "it, does not ship with this dmsnet; give a model "
                        "file, or a name that 'dmsnet models' lists",
                        default_model);
    run->monitor->message(run->monitor->user, DMS_LOG_INFO,
                          "no --model is given: predicting with odir-small");
    return DMS_OK;
}

/* Exactly one of a list from disk and the pair of the options, and one
 * format. */
static dms_status check_options(const cli_args *args, dms_error *err)
{
    const predict_options *options = args->values[0];
    bool pair = *options->left != '\0' || *options->right != '\0';

    if (pair && args->count > 0)
        return cli_fail(err, DMS_EINVAL,
                        "'%.80s': a list and --left or --right are both given, "
                        "expected only one",
                        args->arguments[0]);
    if (!pair && *options->id != '\0' &&
        strcmp(options->id, predict_defaults.id) != 0)
        return cli_fail(err, DMS_EINVAL,
                        "--id is for --left and --right; a list has its own");
    if (!pair && args->count == 0)
        return cli_fail(err, DMS_EINVAL,
                        "no photographs: expected --left and --right (or one "
                        "of them), or a list of pairs");
    if (options->json && cli_args_given(args, "format") &&
        options->format != (int)DMS_PREDICTION_JSON)
        return cli_fail(err, DMS_EINVAL,
                        "--json and --format %s contradict each other; give "
                        "only one of them",
                        format_word(options->format));
    return DMS_OK;
}

/* Does the message name the patient, as who ("patient 7") does? */
static bool names_patient(const char *message, const char *who)
{
    const char *found = strstr(message, who);
    size_t len = strlen(who);

    return found != NULL && (found[len] == ':' || found[len] == ' ');
}

static void tell_failures(cli_run *run, const dms_predictions *predictions,
                          const dms_pair_list *list)
{
    char who[128];
    char text[sizeof(who) + sizeof(((dms_error *)NULL)->message) + 2];

    for (size_t i = 0; i < list->count; i++) {
        const dms_prediction *p = dms_predictions_get(predictions, i);
        bool named;

        if (p->error.code == DMS_OK)
            continue;
        run->failed_inputs++;
        snprintf(who, sizeof(who), "patient %.100s", list->pairs[i].id);
        named = names_patient(p->error.message, who);
        snprintf(text, sizeof(text), "%s%s%s", named ? "" : who,
                 named ? "" : ": ", p->error.message);
        run->monitor->message(run->monitor->user, DMS_LOG_ERROR, text);
    }
}

/* Predict the list and print the results; after a stop, those that exist. */
static dms_status predict(cli_run *run, const dms_ensemble *ensemble,
                          const dms_pair_list *list, dms_error *err)
{
    dms_status st = DMS_OK;
    const predict_options *options = run->args->values[0];
    int format = options->json ? (int)DMS_PREDICTION_JSON : options->format;
    size_t batch = (size_t)options->batch;
    dms_session *session = NULL;
    dms_predictions *predictions = NULL;
    dms_status stopped;
    char *text = NULL;

    if (batch > list->count)
        batch = list->count > 0 ? list->count : 1;
    TRY(dms_predictions_create(&predictions, dms_ensemble_get(ensemble, 0),
                               list->count, err));
    TRY(dms_session_create_ensemble(&session, ensemble, (int)batch,
                                    run->args->values[1], list->count, err));
    stopped = dms_session_predict(session, predictions, list->pairs,
                                  list->count, run->monitor, err);
    if (stopped != DMS_OK && stopped != DMS_ESTOPPED)
        TRY(stopped);
    TRY(dms_predictions_print(&text, predictions, list->pairs,
                              (dms_prediction_format)format, err));
    fputs(text, stdout);
    tell_failures(run, predictions, list);
    st = stopped;
done:
    dms_text_free(text);
    dms_session_destroy(session);
    dms_predictions_destroy(predictions);
    return st;
}

static dms_status open_models(dms_ensemble **ensemble, cli_run *run,
                              dms_error *err)
{
    const char **paths = NULL;
    size_t count = cli_args_values(&paths, run->args, "model");
    char *shipped = NULL;
    dms_status st = DMS_OK;

    if (paths == NULL)
        return cli_fail(err, DMS_ENOMEM, "out of memory (models)");
    if (count == 0) {
        TRY(find_default(&shipped, run, err));
        paths[count++] = shipped;
    }
    TRY(dms_ensemble_open(ensemble, paths, count, run->monitor, err));
done:
    dms_text_free(shipped);
    free(paths);
    return st;
}

static dms_status run_predict(cli_run *run, dms_error *err)
{
    dms_status st = DMS_OK;
    const cli_args *args = run->args;
    const predict_options *options = args->values[0];
    dms_pair pair = {
        .id = options->id,
        .path = {path_or_null(options->left), path_or_null(options->right)}};
    const dms_pair_list one = {&pair, 1};
    const dms_dataset_options reading = {.struct_size = sizeof reading,
                                         .monitor = run->monitor,
                                         .encoding = options->encoding};
    dms_pair_list list = {0};
    dms_ensemble *ensemble = NULL;

    TRY(check_options(args, err));
    TRY(open_models(&ensemble, run, err));
    if (args->count > 0)
        TRY(dms_pair_list_read_with(&list, args->arguments[0], &reading, err));
    TRY(predict(run, ensemble, args->count > 0 ? &list : &one, err));
done:
    dms_pair_list_release(&list);
    dms_ensemble_destroy(ensemble);
    return st;
}

const cli_command cli_command_predict = {
    .name = "predict",
    .summary = "predict the findings of one patient or of many",
    .arguments = "[LIST]",
    .text =
        "Print the probability of each finding for a patient, from the "
        "photographs of both eyes, and for each eye by itself. One eye alone "
        "is allowed: it stands in for both, and the output says so.\n\nGive "
        "one patient with --left and --right, or many with LIST: a CSV file "
        "with the columns id,left,right, or a folder of photographs named "
        "ID_left.jpg and ID_right.jpg or with other words for the eyes "
        "(docs/data-format.md); files that are not used are named. If a "
        "photograph cannot be read, only "
        "its patient fails: the others are still printed, and the exit status "
        "is 1.\n\nSeveral models, or the models of a run with folds, are an "
        "ensemble: their logits are averaged.\n\nA research tool, not a "
        "medical device.",
    .arguments_max = 1,
    .tables = {{.options = &predict_table},
               {.options = &cli_compute_answer_table}},
    .computes = true,
    .run = run_predict};
