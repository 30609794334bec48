#include "graph/kept_file.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"

/* The header takes a whole page, so that the block is page-aligned. */
enum { PAGE = 4096 };

static const char magic[16] = "DMS prepared 1";

/* No process can change or shorten the file while others read it. */
enum { SEALS = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW };

struct dms_kept_file {
    unsigned char *mapped;
    size_t size; /* of the whole file, header included */
};

static bool write_all(int fd, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        ssize_t written = write(fd, at, size);

        if (written <= 0)
            return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

dms_status dms_kept_file_write(int *fd, const void *data,
                               const dms_kept_head *head, dms_error *err)
{
    unsigned char page[PAGE] = {0};
    dms_kept_head full = *head;
    int file = memfd_create("dmsnet weights", MFD_ALLOW_SEALING | MFD_CLOEXEC);
    dms_status st;

    memcpy(full.magic, magic, sizeof magic);
    snprintf(full.version, sizeof full.version, "%s", dms_version());
    memcpy(page, &full, sizeof full);
    if (file >= 0 && write_all(file, page, PAGE) &&
        write_all(file, data, (size_t)head->size) &&
        fcntl(file, F_ADD_SEALS, SEALS | F_SEAL_SEAL) == 0) {
        *fd = file;
        return DMS_OK;
    }
    st = dms_fail_errno(err,
                        "prepared weights: cannot write a memory file of %zu "
                        "bytes",
                        (size_t)head->size + PAGE);
    if (file >= 0)
        close(file);
    return st;
}

static dms_status check_head(const dms_kept_head *head, size_t file_size,
                             uint64_t values, dms_error *err)
{
    if (memcmp(head->magic, magic, sizeof magic) != 0)
        return dms_fail(err, DMS_EFORMAT,
                        "prepared weights: the file does not contain any; "
                        "expected one from dms_prepared_create");
    if (strncmp(head->version, dms_version(), sizeof head->version) != 0)
        return dms_fail(err, DMS_EMISMATCH,
                        "prepared weights: made by dmsnet %.16s, but this is "
                        "%s",
                        head->version, dms_version());
    if (head->size != file_size - PAGE)
        return dms_fail(err, DMS_EFORMAT,
                        "prepared weights: the file has %zu bytes, but its "
                        "header says %llu",
                        file_size - PAGE, (unsigned long long)head->size);
    if (head->values != values)
        return dms_fail(err, DMS_EMISMATCH,
                        "prepared weights: made from another model");
    return DMS_OK;
}

/* The file's size; fails unless the file is sealed against change. */
static dms_status check_seals(size_t *size, int fd, dms_error *err)
{
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat info;

    if (seals < 0 || (seals & SEALS) != SEALS)
        return dms_fail(err, DMS_EFORMAT,
                        "prepared weights: the descriptor is not a memory "
                        "file sealed against change");
    if (fstat(fd, &info) != 0)
        return dms_fail_errno(err, "prepared weights: cannot stat the file");
    if (info.st_size < PAGE)
        return dms_fail(err, DMS_EFORMAT,
                        "prepared weights: the file has only %lld bytes",
                        (long long)info.st_size);
    *size = (size_t)info.st_size;
    return DMS_OK;
}

dms_status dms_kept_file_open(dms_kept_file **out, dms_kept_head *head, int fd,
                              uint64_t values, dms_error *err)
{
    dms_status st;
    dms_kept_file *file = NULL;
    void *mapped = MAP_FAILED;
    size_t size = 0;

    TRY(check_seals(&size, fd, err));
    mapped = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        return dms_fail_errno(err, "prepared weights: cannot map the file");
    memcpy(head, mapped, sizeof *head);
    TRY(check_head(head, size, values, err));
    file = dms_calloc(1, sizeof *file);
    if (!file) {
        st = dms_fail_memory(err, "prepared weights");
        goto done;
    }
    *file = (dms_kept_file){mapped, size};
    *out = file;
done:
    if (st != DMS_OK && mapped != MAP_FAILED)
        munmap(mapped, size);
    return st;
}

void dms_kept_file_close(dms_kept_file *file)
{
    munmap(file->mapped, file->size);
    dms_free(file);
}

void *dms_kept_file_data(const dms_kept_file *file)
{
    return file->mapped + PAGE;
}
