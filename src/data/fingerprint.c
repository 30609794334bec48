/* Hashing and measuring the decoded photographs, in parallel. Relies on image/
 * for decoding, finding the retina and the digest. */
#include "data/fingerprint.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/c_locale.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "data/name_twin.h"
#include "image/codec.h"
#include "image/digest.h"

enum { CHUNK = 64 };

static void measure_grey(dms_fingerprint *print, const dms_image *image)
{
    size_t count = (size_t)image->width * (size_t)image->height;
    double sum = 0, squares = 0;

    for (size_t i = 0; i < count; i++) {
        const uint8_t *p = image->rgb + 3 * i;
        double grey = 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];

        sum += grey;
        squares += grey * grey;
    }
    print->mean = sum / (double)count;
    print->deviation =
        sqrt(fmax(0, squares / (double)count - print->mean * print->mean));
}

/* Fails only if memory runs out, which says nothing about the photograph. */
static dms_status take(dms_fingerprint *print, const char *path)
{
    dms_picture picture = {0};
    dms_codec_input in = {.name = path};
    uint8_t *data = NULL;
    dms_error err = {0};

    if (access(path, F_OK) != 0) {
        const char *cause = dms_errno_text(errno);
        char twin[256];

        dms_name_twin_text(twin, sizeof twin, path);
        dms_format(print->message, sizeof print->message, "%s: %s%s", path,
                   cause, twin);
        return DMS_OK;
    }
    print->present = true;
    if (dms_file_read(&data, &in.size, path, DMS_IMAGE_FILE_MAX, &err) ==
        DMS_OK)
        in.data = data;
    if (err.code != DMS_OK ||
        dms_picture_decode(&picture, &in, &err) != DMS_OK ||
        dms_field_find(&print->field, &picture.image, &err) != DMS_OK) {
        snprintf(print->message, sizeof print->message, "%.399s", err.message);
    } else {
        print->readable = true;
        print->width = picture.image.width;
        print->height = picture.image.height;
        print->further_pages = picture.further_pages;
        print->digest = dms_image_digest(&picture.image);
        measure_grey(print, &picture.image);
    }
    dms_image_release(&picture.image);
    dms_free(data);
    return err.code == DMS_ENOMEM ? DMS_ENOMEM : DMS_OK;
}

/* Photographs [at, end); false: out of memory. */
static bool take_chunk(dms_fingerprint *prints, size_t at, size_t end,
                       const dms_dataset *dataset)
{
    bool starved = false;

#pragma omp parallel for schedule(dynamic) reduction(|| : starved)
    for (size_t i = at; i < end; i++) {
        size_t eye = prints[i].eye;

        if (take(&prints[i], dataset->patients[eye / 2].eye[eye % 2].path) !=
            DMS_OK)
            starved = true;
    }
    return !starved;
}

dms_status dms_fingerprints_take(dms_fingerprint **out, size_t *count,
                                 const dms_dataset *dataset,
                                 const dms_monitor *monitor, dms_error *err)
{
    dms_fingerprint *prints = dms_calloc(2 * dataset->count, sizeof *prints);
    size_t total = 0;

    if (!prints)
        return dms_fail_memory(err, "photographs");
    for (size_t i = 0; i < 2 * dataset->count; i++)
        if (dataset->patients[i / 2].eye[i % 2].path)
            prints[total++].eye = i;
    for (size_t at = 0; at < total; at += CHUNK) {
        size_t end = at + CHUNK < total ? at + CHUNK : total;

        if (dms_should_stop(monitor)) {
            dms_free(prints);
            return dms_fail(err, DMS_ESTOPPED,
                            "stopped while reading photographs");
        }
        if (!take_chunk(prints, at, end, dataset)) {
            dms_free(prints);
            return dms_fail_memory(err, "photographs");
        }
        dms_progress(monitor, "read photographs", end, total, NULL);
    }
    *out = prints;
    *count = total;
    return DMS_OK;
}

static int compare(const void *a, const void *b)
{
    const dms_fingerprint *x = a, *y = b;

    if (x->readable != y->readable)
        return x->readable ? -1 : 1;
    if (x->digest != y->digest)
        return x->digest < y->digest ? -1 : 1;
    return (x->eye > y->eye) - (x->eye < y->eye);
}

void dms_fingerprints_sort(dms_fingerprint *prints, size_t count)
{
    if (count > 0)
        qsort(prints, count, sizeof *prints, compare);
}

bool dms_fingerprint_equal(const dms_fingerprint *a, const dms_fingerprint *b)
{
    return a->readable && b->readable && a->digest == b->digest &&
           a->width == b->width && a->height == b->height;
}
