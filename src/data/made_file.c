/* Making a file once. Relies on flock on a lock file beside it to keep other
 * processes out, and on base/file to rename the complete file into place. */
#include "data/made_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/strbuf.h"

/* A damaged file counts as missing. */
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

/* "<path>.lock", locked with flock and removed before it is unlocked. The
 * kernel unlocks the lock of a killed process; the next process takes over the
 * lock file that is left, and removes it. */
typedef struct file_lock {
    char *name;
    int fd; /* -1: not held */
} file_lock;

static dms_status open_locked(file_lock *lock, dms_error *err)
{
    lock->fd = open(lock->name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock->fd < 0)
        return dms_fail_errno(err, "%s: cannot open the lock", lock->name);
    while (flock(lock->fd, LOCK_EX) != 0)
        if (errno != EINTR)
            return dms_fail_errno(err, "%s: cannot lock", lock->name);
    return DMS_OK;
}

/* Is the locked file still the one at lock->name? The previous holder may have
 * removed it meanwhile, and a lock on a removed file keeps nobody out. */
static bool is_in_place(const file_lock *lock)
{
    struct stat held, there;

    return fstat(lock->fd, &held) == 0 && stat(lock->name, &there) == 0 &&
           held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

static void let_go(file_lock *lock)
{
    if (lock->fd >= 0)
        close(lock->fd);
    lock->fd = -1;
}

static dms_status take_lock(file_lock *lock, const char *path, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_strbuf name;

    dms_strbuf_init(&name);
    dms_strbuf_printf(&name, "%s.lock", path);
    lock->name = dms_strbuf_detach(&name);
    dms_strbuf_release(&name);
    if (!lock->name)
        return dms_fail_memory(err, "cache");
    TRY(open_locked(lock, err));
    while (!is_in_place(lock)) {
        let_go(lock);
        TRY(open_locked(lock, err));
    }
done:
    if (st != DMS_OK)
        let_go(lock);
    return st;
}

/* Remove "<name>.<pid>.tmp" files of killed processes. While the lock is held
 * no other process writes one. */
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
    file_lock lock = {.fd = -1};

    if (!path)
        return dms_fail_memory(err, "cache");
    if (made)
        *made = false;
    if (open_finished(map, path, file))
        goto done;
    TRY(dms_folder_make(file->folder, err));
    TRY(take_lock(&lock, path, err));
    if (open_finished(map, path, file)) /* another process made it */
        goto done;
    TRY(make(path, file, err));
    if (made)
        *made = true;
    if (!open_finished(map, path, file))
        st = dms_fail(err, DMS_EIO,
                      "%s: the file is invalid although it was just written",
                      path);
done:
    if (lock.fd >= 0)
        unlink(lock.name);
    let_go(&lock);
    dms_free(lock.name);
    dms_free(path);
    return st;
}
