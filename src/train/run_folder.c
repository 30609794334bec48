/* Creates and cleans the run folder, and writes config.yaml and run.json.
 * Relies on outputs.c, which decides first whether the folder may be used. */
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

dms_status dms_run_folder_open(const char *path, dms_error *err)
{
    char *config = dms_path_join(path, "config.yaml");
    DIR *folder = NULL;
    const struct dirent *entry;
    dms_status st = DMS_OK;

    if (!config) {
        st = dms_fail_memory(err, path);
        goto done;
    }
    TRY(dms_folder_make(path, err));
    TRY(dms_file_try(config, err));
    folder = opendir(path);
    if (!folder) {
        st = dms_fail_errno(err, "%s: cannot list the run folder", path);
        goto done;
    }
    while ((entry = readdir(folder))) {
        const char *dot = strrchr(entry->d_name, '.');

        if (strstr(entry->d_name, ".safetensors.") && strcmp(dot, ".tmp") == 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    closedir(folder);
done:
    dms_free(config);
    return st;
}

/* The processor's name as the kernel reports it; "unknown" on other systems. */
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
        "{s:o, s:o, s:s, s:o, s:I, s:I}", "host",
        dms_json_name(system.nodename), "system", dms_json_name(system.release),
        "architecture", system.machine, "processor", dms_json_name(processor),
        "processors", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "memory_bytes",
        (json_int_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
}

static json_t *run_of(const dms_trainer *t)
{
    char digest[17], seed[24], when[32], backend[64];
    json_t *run;
    time_t now = time(NULL);
    struct tm utc;

    snprintf(digest, sizeof digest, "%016" PRIx64, t->state.data_digest);
    snprintf(seed, sizeof seed, "%" PRIu64, t->options->seed);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    dms_net_backend(backend, sizeof backend);
    run = json_pack("{s:s, s:s, s:s, s:i, s:s, s:o, s:s, s:s, s:s, s:I, s:I,"
                    " s:o}",
                    "started", when, "dmsnet", dms_version(), "backend",
                    backend, "threads", dms_threads_use(0), "seed", seed,
                    "data", dms_json_name(t->options->data), "data_digest",
                    digest, "labels", t->state.labels, "compiler", __VERSION__,
                    "train_patients", (json_int_t)t->patients.train_count,
                    "val_patients", (json_int_t)t->patients.val_count,
                    "machine", machine());
    if (t->teacher.digest[0])
        dms_json_set(&run, "teacher",
                     json_pack("{s:o, s:s}", "file",
                               dms_json_name(t->options->teacher), "sha256",
                               t->teacher.digest));
    return run;
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

void dms_run_folder_labels(char *text, size_t capacity,
                           const dms_label_set *labels)
{
    size_t len = (size_t)dms_label_set_text(text, capacity, labels);

    if (dms_label_set_task(labels) == DMS_TASK_SINGLE_LABEL &&
        !dms_label_set_column(labels) && len < capacity)
        snprintf(text + len, capacity - len, " (one of)");
}
