#include "data/made_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/strbuf.h"

/* A finished file that is damaged is as good as none. */
static bool open_finished(dms_file_map *map, const char *path,
                          const dms_made_file *file)
{
    if (dms_file_map_open(map, path, NULL) != DMS_OK)
        return false;
    if (file->valid(map, file->user))
        return true;
    dms_file_map_close(map);
    return false;
}

/* The lock lives as long as its descriptor; the empty file stays. */
static dms_status take_lock(int *fd, const char *path, dms_error *err)
{
    dms_strbuf name;
    dms_status st = DMS_OK;

    dms_strbuf_init(&name);
    dms_strbuf_printf(&name, "%s.lock", path);
    if (name.failed) {
        dms_strbuf_release(&name);
        return dms_fail_memory(err, "cache");
    }
    *fd = open(name.data, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*fd < 0)
        st = dms_fail_errno(err, "%s: cannot open the lock", name.data);
    while (st == DMS_OK && flock(*fd, LOCK_EX) != 0)
        if (errno != EINTR)
            st = dms_fail_errno(err, "%s: cannot lock", name.data);
    dms_strbuf_release(&name);
    return st;
}

/* With the lock held nobody else makes this file: what lies beside it under
 * "<name>.<pid>.tmp" is of a process that was killed. */
static void clear_leftovers(const dms_made_file *file)
{
    size_t len = strlen(file->name);
    DIR *entries = opendir(file->folder);
    struct dirent *e;

    while (entries && (e = readdir(entries))) {
        size_t all = strlen(e->d_name);

        if (all > len + 4 && strncmp(e->d_name, file->name, len) == 0 &&
            strcmp(e->d_name + all - 4, ".tmp") == 0)
            unlinkat(dirfd(entries), e->d_name, 0);
    }
    if (entries)
        closedir(entries);
}

static dms_status make(const char *path, const dms_made_file *file,
                       dms_error *err)
{
    dms_status st;
    dms_file_writer *writer = NULL;

    clear_leftovers(file);
    TRY(dms_file_writer_open(&writer, path, err));
    TRY(file->make(writer, file->user, err));
    TRY(dms_file_writer_commit(writer, err));
done:
    dms_file_writer_close(writer);
    return st;
}

dms_status dms_made_file_open(dms_file_map *map, bool *made,
                              const dms_made_file *file, dms_error *err)
{
    dms_status st = DMS_OK;
    char *path = dms_path_join(file->folder, file->name);
    int lock = -1;

    if (!path)
        return dms_fail_memory(err, "cache");
    if (made)
        *made = false;
    if (open_finished(map, path, file))
        goto done;
    TRY(take_lock(&lock, path, err));
    if (open_finished(map, path, file)) /* somebody made it meanwhile */
        goto done;
    TRY(make(path, file, err));
    if (made)
        *made = true;
    if (!open_finished(map, path, file))
        st = dms_fail(err, DMS_EIO, "%s: is not as it was just written", path);
done:
    if (lock >= 0)
        close(lock);
    dms_free(path);
    return st;
}
