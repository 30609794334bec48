/* `dmsnet synth`: draws the patients, photographs their eyes in parallel, and
 * writes pictures and tables. annotations.csv is written last. */
#include "synth/synth.h"

#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/growing.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "synth/synth_canvas.h"
#include "synth/synth_findings.h"
#include "synth/synth_optics.h"
#include "synth/synth_retina.h"

/* BATCH: patients between two calls of the monitor. */
enum { BATCH = 16, JPEG_QUALITY = 90 };

static const char *const side_names[2] = {"left", "right"};

dms_status dms_synth_picture(dms_image *image, const dms_synth_patient *patient,
                             const dms_synth_shot *shot, dms_error *err)
{
    dms_status st = DMS_OK;
    uint64_t patient_seed =
        dms_hash_mix(dms_hash_mix(shot->seed, (uint64_t)shot->number), 3);
    uint64_t eye_seed = dms_hash_mix(patient_seed, (uint64_t)shot->eye + 61);
    const dms_synth_eye *eye = &patient->eye[shot->eye];
    dms_camera camera = dms_camera_draw(patient_seed);
    size_t side = (size_t)shot->size;
    dms_canvas canvas;
    dms_retina retina;
    uint8_t *rgb = NULL;

    TRY(dms_canvas_init(&canvas, shot->size,
                        .5f * camera.fill * (float)shot->size, err));
    rgb = dms_calloc(side * side, 3);
    if (!rgb)
        TRY(dms_fail_memory(err, "synthetic picture"));
    dms_retina_draw(&retina, patient_seed, eye_seed, eye);
    dms_retina_paint(&canvas, &retina);
    dms_findings_paint(&canvas, &retina, eye);
    dms_camera_expose(&canvas, &camera, eye, eye_seed);
    dms_camera_develop(rgb, &canvas, &camera, eye_seed, shot->eye == DMS_RIGHT);
    *image = (dms_image){shot->size, shot->size, rgb};
    rgb = NULL;
done:
    dms_free(rgb);
    dms_canvas_release(&canvas);
    return st;
}

static dms_status eye_write(const char *images,
                            const dms_synth_patient *patient,
                            const dms_synth_shot *shot, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_image image = {0};
    dms_strbuf path;

    dms_strbuf_init(&path);
    dms_strbuf_printf(&path, "%s/%d_%s.jpg", images, shot->number,
                      side_names[shot->eye]);
    if (path.failed)
        TRY(dms_fail_memory(err, "path of a picture"));
    TRY(dms_synth_picture(&image, patient, shot, err));
    TRY(dms_image_write_jpeg(&image, path.data, JPEG_QUALITY, err));
done:
    dms_image_release(&image);
    dms_strbuf_release(&path);
    return st;
}

static dms_status patient_write(const char *images,
                                const dms_synth_options *options, int number,
                                dms_error *err)
{
    dms_status st = DMS_OK;
    dms_synth_shot shot = {options->seed, number, DMS_LEFT, options->size};
    dms_synth_patient patient;

    dms_synth_patient_draw(&patient, options->seed, number);
    TRY(eye_write(images, &patient, &shot, err));
    shot.eye = DMS_RIGHT;
    TRY(eye_write(images, &patient, &shot, err));
done:
    return st;
}

/* Write patients first..first+count-1, count <= BATCH, in parallel. Of several
 * failures, the one of the lowest number is reported. */
static dms_status batch_write(const char *images,
                              const dms_synth_options *options, int first,
                              int count, dms_error *err)
{
    dms_status st[BATCH] = {DMS_OK};
    dms_error errors[BATCH] = {{0}};

#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < count; i++)
        st[i] = patient_write(images, options, first + i, &errors[i]);
    for (int i = 0; i < count; i++)
        if (st[i] != DMS_OK)
            return dms_fail(err, st[i], "%s", errors[i].message);
    return DMS_OK;
}

static dms_status pictures_write(const char *images,
                                 const dms_synth_options *options,
                                 const dms_monitor *monitor, dms_error *err)
{
    dms_status st = DMS_OK;

    for (int done = 0; done < options->patients;) {
        int left = options->patients - done;
        int count = left < BATCH ? left : BATCH;

        if (dms_should_stop(monitor))
            return dms_fail(err, DMS_ESTOPPED,
                            "stopped after %d of %d synthetic patients; "
                            "annotations.csv was not written",
                            done, options->patients);
        TRY(batch_write(images, options, done + 1, count, err));
        done += count;
        if (monitor && monitor->progress)
            monitor->progress(monitor->user, "synth", (size_t)done,
                              (size_t)options->patients, NULL);
    }
done:
    return st;
}

static void row_add(dms_strbuf *sb, const dms_synth_patient *p, int number)
{
    dms_strbuf_printf(sb, "%d,%d,%s,%d_left.jpg,%d_right.jpg,%s,%s", number,
                      p->age, p->sex == 'M' ? "Male" : "Female", number, number,
                      p->eye[DMS_LEFT].keywords, p->eye[DMS_RIGHT].keywords);
    for (int i = 0; i < DMS_SYNTH_LABELS; i++)
        dms_strbuf_printf(sb, ",%d", p->labels[i]);
    dms_strbuf_puts(sb, "\n");
}

static dms_status table_write(const char *path,
                              const dms_synth_options *options, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_strbuf sb;

    dms_strbuf_init(&sb);
    dms_strbuf_puts(&sb, "ID,Patient Age,Patient Sex,Left-Fundus,Right-Fundus,"
                         "Left-Diagnostic Keywords,Right-Diagnostic Keywords,"
                         "N,D,G,C,A,H,M,O\n");
    for (int i = 1; i <= options->patients; i++) {
        dms_synth_patient patient;

        dms_synth_patient_draw(&patient, options->seed, i);
        row_add(&sb, &patient, i);
    }
    if (sb.failed)
        TRY(dms_fail_memory(err, "table of synthetic patients"));
    TRY(dms_file_write(path, sb.data, sb.len, err));
done:
    dms_strbuf_release(&sb);
    return st;
}

void dms_synth_options_init(dms_synth_options *options, size_t struct_size)
{
    const dms_synth_options plain = {.patients = 200, .seed = 1, .size = 512};

    dms_growing_init(options, struct_size, &plain, sizeof plain);
}

static dms_status take_options(dms_synth_options *options,
                               const dms_synth_options *given, dms_error *err)
{
    dms_status st;

    dms_synth_options_init(options, sizeof *options);
    TRY(dms_growing_take(options, sizeof *options, given, "dms_synth_options",
                         err));
    if (options->patients < 1 || options->patients > 100000)
        return dms_fail(err, DMS_EINVAL, "patients is %d; expected 1 to 100000",
                        options->patients);
    if (options->size < 64 || options->size > 4096)
        return dms_fail(err, DMS_EINVAL,
                        "size is %d pixels; expected 64 to 4096",
                        options->size);
done:
    return st;
}

dms_status dms_synth_write(const char *folder, const dms_synth_options *given,
                           const dms_monitor *monitor, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_synth_options own;
    const dms_synth_options *options = &own;
    char *images = dms_path_join(folder, "images");
    char *table = dms_path_join(folder, "annotations.csv");

    TRY(take_options(&own, given, err));
    if (!images || !table)
        TRY(dms_fail_memory(err, "path of a synthetic set"));
    if (access(table, F_OK) == 0)
        TRY(dms_fail(err, DMS_EINVAL,
                     "%s already contains annotations.csv; use another folder",
                     folder));
    TRY(dms_folder_make(images, err));
    TRY(pictures_write(images, options, monitor, err));
    TRY(table_write(table, options, err));
done:
    dms_free(images);
    dms_free(table);
    return st;
}
