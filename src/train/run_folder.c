/* What a run folder says of its run, and whether a run may go on in it. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "formats/json.h"
#include "machine/threads.h"
#include "train/trainer.h"

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

dms_status dms_run_folder_open(const char *path, dms_error *err)
{
    dms_status st = dms_folder_make(path, err);
    DIR *folder = st == DMS_OK ? opendir(path) : NULL;
    const struct dirent *entry;

    if (st != DMS_OK)
        return st;
    if (!folder)
        return dms_fail_errno(err, "%s: cannot list the run folder", path);
    while ((entry = readdir(folder)))
        if (strstr(entry->d_name, ".safetensors.") &&
            ends_with(entry->d_name, ".tmp"))
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    return DMS_OK;
}

/* The processor's name as the kernel gives it; "unknown" elsewhere. */
static void processor_name(char *name, size_t capacity)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[256];

    snprintf(name, capacity, "unknown");
    while (file && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');

        if (strncmp(line, "model name", 10) != 0 || !colon)
            continue;
        snprintf(name, capacity, "%.*s", (int)strcspn(colon + 2, "\n"),
                 colon + 2);
        break;
    }
    if (file)
        fclose(file);
}

static json_t *machine(void)
{
    struct utsname system = {0};
    char processor[256];

    uname(&system);
    processor_name(processor, sizeof processor);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I}", "host", system.nodename, "system",
        system.release, "architecture", system.machine, "processor", processor,
        "processors", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "memory_bytes",
        (json_int_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
}

static json_t *run_of(const dms_trainer *t)
{
    char digest[17], seed[24], when[32], backend[64];
    time_t now = time(NULL);
    struct tm utc;

    snprintf(digest, sizeof digest, "%016" PRIx64, t->state.data_digest);
    snprintf(seed, sizeof seed, "%" PRIu64, t->options->seed);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    dms_net_backend(backend, sizeof backend);
    return json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:I,"
                     " s:o}",
                     "started", when, "dmsnet", dms_version(), "backend",
                     backend, "threads", dms_threads_use(0), "seed", seed,
                     "data", t->options->data, "data_digest", digest, "labels",
                     t->state.labels, "compiler", __VERSION__, "train_patients",
                     (json_int_t)t->patients.train_count, "val_patients",
                     (json_int_t)t->patients.val_count, "machine", machine());
}

dms_status dms_run_folder_describe(const dms_trainer *t, dms_error *err)
{
    dms_status st;
    json_t *run = run_of(t);
    char *text =
        dms_json_dump(run, (dms_json_style){.indent = 2, .ascii = true});

    if (!text) {
        st = dms_fail_memory(err, "run.json");
        goto done;
    }
    TRY(dms_folder_write(t->options->run, "run.json", text, err));
    TRY(dms_folder_write(t->options->run, "config.yaml", t->state.options,
                         err));
done:
    dms_free(text);
    json_decref(run);
    return st;
}

/* Options that may change between two parts of one run: they say where
 * things lie and how long to go on, not what a step computes. */
static bool may_differ(const char *name, const dms_train_options *options)
{
    static const char *const free_names[] = {
        "data",     "images",     "run",
        "cache",    "init",       "pretrained",
        "resume",   "threads",    "checkpoint-activations",
        "patience", "time-limit", "checkpoint-interval"};

    for (size_t i = 0; i < sizeof free_names / sizeof free_names[0]; i++)
        if (strcmp(name, free_names[i]) == 0)
            return true;
    return strcmp(name, "epochs") == 0 &&
           (options->schedule == DMS_SCHEDULE_STEP ||
            options->schedule == DMS_SCHEDULE_CONSTANT);
}

void dms_run_folder_labels(char *text, size_t capacity,
                           const dms_label_set *labels)
{
    size_t len = (size_t)dms_label_set_text(text, capacity, labels);

    if (dms_label_set_task(labels) == DMS_TASK_SINGLE_LABEL &&
        !dms_label_set_column(labels) && len < capacity)
        snprintf(text + len, capacity - len, " (one of)");
}

/* The labels may change while the options name the same file of them. */
static dms_status check_labels(const dms_train_state *state,
                               const dms_label_set *labels, dms_error *err)
{
    char now[DMS_LABEL_TEXT_MAX + 16];
    const char *was = state->labels;

    dms_run_folder_labels(now, sizeof now, labels);
    if (strcmp(was, now) == 0 || (!*was && dms_label_set_is_odir(labels)))
        return DMS_OK;
    return dms_fail(err, DMS_EMISMATCH,
                    "labels: the run to resume has %.160s, now they are "
                    "%.160s: give the same or another run folder",
                    *was ? was : "ODIR's eight", now);
}

dms_status dms_resume_check(const dms_train_state *state,
                            const dms_train_options *options,
                            const dms_label_set *labels, uint64_t data_digest,
                            dms_error *err)
{
    const dms_option_table *table = dms_train_option_table();
    dms_train_options was;
    dms_status st = dms_options_init(&was, table, err);

    if (st == DMS_OK)
        st = dms_options_parse_yaml(&was, table, state->options,
                                    strlen(state->options), "checkpoint", NULL,
                                    err);
    for (size_t i = 0; st == DMS_OK && i < table->count; i++) {
        const dms_option *option = &table->options[i];
        char before[128], now[128]; /* longer values differ early enough */

        dms_option_get(before, sizeof before, &was, option);
        dms_option_get(now, sizeof now, options, option);
        if (strcmp(before, now) != 0 && !may_differ(option->name, options))
            st = dms_fail(err, DMS_EMISMATCH,
                          "%s: the run to resume has %s, now it is %s: give "
                          "the same or another run folder",
                          option->name, before, now);
    }
    dms_options_release(&was, table);
    if (st == DMS_OK)
        st = check_labels(state, labels, err);
    if (st == DMS_OK && state->data_digest != data_digest)
        st = dms_fail(err, DMS_EMISMATCH,
                      "%s: the data is not what the run to resume was "
                      "trained on (patients, labels, splits or photographs "
                      "differ)",
                      options->data);
    return st;
}
