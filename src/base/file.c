/* Files by POSIX calls. A new file is written under a temporary name in the
 * same folder, synced and renamed, so that a reader never sees a part of it. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/strbuf.h"

static dms_status open_regular(int *fd, size_t *size, const char *path,
                               dms_error *err)
{
    struct stat info;

    /* a named pipe without a writer would block */
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0)
        return dms_fail_errno(err, "%s: cannot open", path);
    if (fstat(*fd, &info) != 0)
        return dms_fail_errno(err, "%s: cannot stat", path);
    if (S_ISDIR(info.st_mode))
        return dms_fail(err, DMS_EIO, "%s: is a folder, expected a file", path);
    if (!S_ISREG(info.st_mode))
        return dms_fail(err, DMS_EIO, "%s: not a regular file", path);
    *size = (size_t)info.st_size;
    return DMS_OK;
}

static dms_status read_all(int fd, uint8_t *data, size_t size, const char *path,
                           dms_error *err)
{
    for (size_t at = 0; at < size;) {
        ssize_t got = read(fd, data + at, size - at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return dms_fail_errno(err, "%s: cannot read", path);
        if (got == 0)
            return dms_fail(err, DMS_EIO, "%s: shrank while being read", path);
        at += (size_t)got;
    }
    return DMS_OK;
}

dms_status dms_file_read(uint8_t **data, size_t *size, const char *path,
                         size_t size_max, dms_error *err)
{
    dms_status st = DMS_OK;
    uint8_t *buffer = NULL;
    size_t len = 0;
    int fd = -1;

    TRY(open_regular(&fd, &len, path, err));
    if (len > size_max) {
        st = dms_fail(err, DMS_ELIMIT, "%s: %zu bytes, at most %zu are read",
                      path, len, size_max);
        goto done;
    }
    buffer = dms_resize(NULL, len + 1, 1);
    if (!buffer) {
        st = dms_fail_memory(err, path);
        goto done;
    }
    TRY(read_all(fd, buffer, len, path, err));
    buffer[len] = '\0';
    *data = buffer, buffer = NULL;
    *size = len;
done:
    dms_free(buffer);
    if (fd >= 0)
        close(fd);
    return st;
}

dms_status dms_file_map_open(dms_file_map *map, const char *path,
                             dms_error *err)
{
    dms_status st = DMS_OK;
    size_t size = 0;
    void *data = NULL;
    int fd = -1;

    *map = (dms_file_map){0};
    TRY(open_regular(&fd, &size, path, err));
    if (size > 0) {
        data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            st = dms_fail_errno(err, "%s: cannot map", path);
            goto done;
        }
    }
    *map = (dms_file_map){data, size};
done:
    if (fd >= 0)
        close(fd);
    return st;
}

void dms_file_map_close(dms_file_map *map)
{
    if (map->data)
        munmap((void *)(uintptr_t)map->data, map->size);
    *map = (dms_file_map){0};
}

struct dms_file_writer {
    char *path;
    char *temporary;
    int fd;
    bool committed;
};

/* Otherwise the rename would replace a device or a pipe by a file. */
static dms_status check_replaceable(const char *path, dms_error *err)
{
    struct stat info;

    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return dms_fail(err, DMS_EIO,
                        "%s: exists and is not a regular file; not replaced",
                        path);
    return DMS_OK;
}

dms_status dms_file_writer_open(dms_file_writer **out, const char *path,
                                dms_error *err)
{
    dms_status st = check_replaceable(path, err);
    dms_file_writer *writer;
    dms_strbuf name;

    if (st != DMS_OK)
        return st;
    writer = dms_calloc(1, sizeof *writer);
    dms_strbuf_init(&name);
    dms_strbuf_printf(&name, "%s.%ld.tmp", path, (long)getpid());
    if (!writer || !(writer->path = dms_strdup(path)) ||
        !(writer->temporary = dms_strbuf_detach(&name))) {
        st = dms_fail_memory(err, path);
        goto done;
    }
    writer->fd =
        open(writer->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (writer->fd < 0) {
        st = dms_fail_errno(err, "%s: cannot write", path);
        writer->committed = true; /* no temporary file to remove */
        goto done;
    }
    *out = writer, writer = NULL;
done:
    dms_strbuf_release(&name);
    dms_file_writer_close(writer);
    return st;
}

static dms_status write_all(int fd, const void *data, size_t size,
                            const char *path, dms_error *err)
{
    const uint8_t *p = data;

    while (size > 0) {
        ssize_t put = write(fd, p, size);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return dms_fail_errno(err, "%s: cannot write", path);
        p += put;
        size -= (size_t)put;
    }
    return DMS_OK;
}

dms_status dms_file_writer_write(dms_file_writer *writer, const void *data,
                                 size_t size, dms_error *err)
{
    return write_all(writer->fd, data, size, writer->path, err);
}

dms_status dms_file_writer_rewrite(dms_file_writer *writer, size_t at,
                                   const void *data, size_t size,
                                   dms_error *err)
{
    dms_status st = DMS_OK;

    if (lseek(writer->fd, (off_t)at, SEEK_SET) < 0)
        return dms_fail_errno(err, "%s: cannot seek", writer->path);
    TRY(dms_file_writer_write(writer, data, size, err));
    if (lseek(writer->fd, 0, SEEK_END) < 0)
        st = dms_fail_errno(err, "%s: cannot seek", writer->path);
done:
    return st;
}

/* The rename is durable only once its folder is synced. A file system that
 * cannot sync folders is not an error. */
static void sync_folder_of(const char *path)
{
    char *copy = dms_strdup(path);
    int fd =
        copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    dms_free(copy);
}

dms_status dms_file_writer_commit(dms_file_writer *writer, dms_error *err)
{
    if (fsync(writer->fd) != 0)
        return dms_fail_errno(err, "%s: cannot sync", writer->path);
    if (rename(writer->temporary, writer->path) != 0)
        return dms_fail_errno(err, "%s: cannot rename into place",
                              writer->path);
    writer->committed = true;
    sync_folder_of(writer->path);
    return DMS_OK;
}

void dms_file_writer_close(dms_file_writer *writer)
{
    if (!writer)
        return;
    if (writer->fd > 0)
        close(writer->fd);
    if (!writer->committed && writer->temporary)
        unlink(writer->temporary);
    dms_free(writer->temporary);
    dms_free(writer->path);
    dms_free(writer);
}

dms_status dms_file_write(const char *path, const void *data, size_t size,
                          dms_error *err)
{
    dms_status st = DMS_OK;
    dms_file_writer *writer = NULL;

    TRY(dms_file_writer_open(&writer, path, err));
    TRY(dms_file_writer_write(writer, data, size, err));
    TRY(dms_file_writer_commit(writer, err));
done:
    dms_file_writer_close(writer);
    return st;
}

dms_status dms_file_append(const char *path, const void *data, size_t size,
                           dms_error *err)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    dms_status st;

    if (fd < 0)
        return dms_fail_errno(err, "%s: cannot open to append", path);
    st = write_all(fd, data, size, path, err);
    /* some file systems report a failed write only here */
    if (close(fd) != 0 && st == DMS_OK)
        st = dms_fail_errno(err, "%s: cannot write", path);
    return st;
}

dms_status dms_file_try(const char *path, dms_error *err)
{
    dms_file_writer *writer = NULL;
    dms_status st = dms_file_writer_open(&writer, path, err);

    dms_file_writer_close(writer);
    return st;
}

bool dms_file_share(const char *path, const char *source)
{
    dms_strbuf name;
    bool shared;

    dms_strbuf_init(&name);
    dms_strbuf_printf(&name, "%s.%ld.tmp", path, (long)getpid());
    if (name.failed)
        return false;
    unlink(name.data);
    shared = link(source, name.data) == 0 && rename(name.data, path) == 0;
    unlink(name.data); /* rename between two names of one file keeps both */
    if (shared)
        sync_folder_of(path);
    dms_strbuf_release(&name);
    return shared;
}

dms_status dms_folder_make(const char *path, dms_error *err)
{
    dms_status st = DMS_OK;
    char *copy = dms_strdup(path);
    struct stat info;

    if (!copy)
        return dms_fail_memory(err, path);
    for (char *p = copy + 1;; p++) {
        char end = *p;

        if (end != '/' && end != '\0')
            continue;
        *p = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST) {
            st = dms_fail_errno(err, "%s: cannot create the folder", copy);
            break;
        }
        if (stat(copy, &info) == 0 && !S_ISDIR(info.st_mode)) {
            st = dms_fail(err, DMS_EIO, "%s: is a file, expected a folder",
                          copy);
            break;
        }
        *p = end;
        if (end == '\0')
            break;
    }
    dms_free(copy);
    return st;
}

bool dms_path_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool dms_path_is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

char *dms_path_join(const char *folder, const char *name)
{
    dms_strbuf path;
    size_t len = strlen(folder);

    dms_strbuf_init(&path);
    dms_strbuf_puts(&path, folder);
    if (len > 0 && folder[len - 1] != '/')
        dms_strbuf_puts(&path, "/");
    dms_strbuf_puts(&path, name);
    return dms_strbuf_detach(&path);
}

dms_status dms_folder_write(const char *folder, const char *name,
                            const char *text, dms_error *err)
{
    char *path = dms_path_join(folder, name);
    dms_status st = path ? dms_file_write(path, text, strlen(text), err)
                         : dms_fail_memory(err, name);

    dms_free(path);
    return st;
}

const char *dms_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}
