/* Packs TensorFlow's Event messages and appends them as records. Relies on
 * protobuf-c and on event.proto. */
#include "formats/event_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/number.h"
#include "base/strbuf.h"
#include "event.pb-c.h"
#include "formats/tfrecord.h"

/* By it TensorBoard knows that sessions mark their start. */
static const char file_version[] = "brain.Event:2";
static const char name_start[] = "events.out.tfevents.";

struct dms_event_file {
    char *path;
    dms_strbuf pending; /* records that are not in the file yet */
};

static Tensorboard__Event event_at(int64_t step)
{
    Tensorboard__Event event = TENSORBOARD__EVENT__INIT;

    event.wall_time = dms_clock_calendar();
    event.step = step;
    return event;
}

static void put(dms_event_file *file, const Tensorboard__Event *event)
{
    size_t size = tensorboard__event__get_packed_size(event);
    uint8_t *bytes = dms_calloc(size, 1);

    if (bytes) {
        tensorboard__event__pack(event, bytes);
        dms_tfrecord_add(&file->pending, bytes, size);
    } else {
        file->pending.failed = true;
    }
    dms_free(bytes);
}

/* protobuf-c has no const; packing only reads. */
static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void put_start(dms_event_file *file, int64_t first_step)
{
    Tensorboard__SessionLog log = TENSORBOARD__SESSION_LOG__INIT;
    Tensorboard__Event version = event_at(0), start = event_at(first_step);

    version.what_case = TENSORBOARD__EVENT__WHAT_FILE_VERSION;
    version.file_version = text_of(file_version);
    put(file, &version);
    log.status = TENSORBOARD__SESSION_LOG__SESSION_STATUS__START;
    start.what_case = TENSORBOARD__EVENT__WHAT_SESSION_LOG;
    start.session_log = &log;
    put(file, &start);
}

void dms_event_file_scalar(dms_event_file *file, const char *tag, int64_t step,
                           double value)
{
    Tensorboard__Summary__Value scalar = TENSORBOARD__SUMMARY__VALUE__INIT;
    Tensorboard__Summary__Value *values[] = {&scalar};
    Tensorboard__Summary summary = TENSORBOARD__SUMMARY__INIT;
    Tensorboard__Event event = event_at(step);

    scalar.tag = text_of(tag);
    scalar.value_case = TENSORBOARD__SUMMARY__VALUE__VALUE_SIMPLE_VALUE;
    scalar.simple_value = (float)value;
    summary.value = values, summary.n_value = 1;
    event.what_case = TENSORBOARD__EVENT__WHAT_SUMMARY;
    event.summary = &summary;
    put(file, &event);
}

/* The second to be named by: now, but later than in every name in the folder,
 * also if this machine's clock is behind the one that wrote them. */
static dms_status choose_second(int64_t *second, const char *folder,
                                dms_error *err)
{
    DIR *listing = opendir(folder);
    const struct dirent *entry;

    if (!listing)
        return dms_fail_errno(err, "%s: cannot list the folder", folder);
    *second = (int64_t)dms_clock_calendar();
    while ((entry = readdir(listing))) {
        const char *name = entry->d_name;
        size_t len = sizeof name_start - 1;
        int64_t taken = strncmp(name, name_start, len) == 0
                            ? dms_integer_read(name + len, NULL, NULL)
                            : 0;

        if (taken >= *second && taken < INT64_MAX)
            *second = taken + 1;
    }
    closedir(listing);
    return DMS_OK;
}

/* *path: dms_free. */
static dms_status choose_path(char **path, const char *folder, dms_error *err)
{
    char host[64] = {0}; /* longer names are cut off */
    dms_strbuf name;
    int64_t second = 0;
    dms_status st;

    dms_strbuf_init(&name);
    TRY(choose_second(&second, folder, err));
    gethostname(host, sizeof host - 1);
    for (char *c = host; *c; c++)
        if (*c == '/')
            *c = '-';
    dms_strbuf_printf(&name, "%s%010lld.%s.%ld", name_start, (long long)second,
                      host, (long)getpid());
    *path = name.failed ? NULL : dms_path_join(folder, name.data);
    if (!*path)
        st = dms_fail_memory(err, folder);
done:
    dms_strbuf_release(&name);
    return st;
}

dms_status dms_event_file_create(dms_event_file **out, const char *folder,
                                 int64_t first_step, dms_error *err)
{
    dms_event_file *file = dms_calloc(1, sizeof *file);
    int fd = -1;
    dms_status st;

    if (!file)
        return dms_fail_memory(err, folder);
    dms_strbuf_init(&file->pending);
    TRY(dms_folder_make(folder, err));
    TRY(choose_path(&file->path, folder, err));
    fd = open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        st = dms_fail_errno(err, "%s: cannot create", file->path);
        goto done;
    }
    put_start(file, first_step);
    TRY(dms_event_file_flush(file, err));
    *out = file, file = NULL;
done:
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && st != DMS_OK)
        unlink(file->path);
    dms_event_file_close(file);
    return st;
}

dms_status dms_event_file_flush(dms_event_file *file, dms_error *err)
{
    dms_strbuf *pending = &file->pending;
    dms_status st;

    if (pending->failed)
        return dms_fail_memory(err, file->path);
    st = dms_file_append(file->path, pending->data, pending->len, err);
    dms_strbuf_clear(pending);
    return st;
}

void dms_event_file_close(dms_event_file *file)
{
    if (!file)
        return;
    dms_strbuf_release(&file->pending);
    dms_free(file->path);
    dms_free(file);
}
