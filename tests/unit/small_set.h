/* A few made-up patients whose tiny photographs lie in a folder of their own:
 * what the tests of cache, loader, duplicates and check begin with. */
#ifndef TESTS_SMALL_SET_H
#define TESTS_SMALL_SET_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "data/labels.h"
#include "dms/data.h"

enum { SMALL_SET_MAX = 48, SMALL_SET_SIDE = 160 };

typedef struct small_set {
    char folder[64];
    dms_dataset dataset; /* of the members below; never closed */
    dms_patient patients[SMALL_SET_MAX];
    uint8_t labels[SMALL_SET_MAX][3]
                  [DMS_ODIR_LABELS]; /* patient, left, right */
    char ids[SMALL_SET_MAX][24];
    char paths[SMALL_SET_MAX][2][128];
} small_set;

/* A reddish disc on black, unlike any of another seed. */
static inline dms_image small_set_picture(uint64_t seed, int side)
{
    size_t bytes = (size_t)side * (size_t)side * 3;
    dms_image image = {side, side, dms_calloc(bytes, 1)};
    dms_rng rng = dms_rng_seeded(seed);
    double middle = (side - 1) / 2.0;

    for (int y = 0; image.rgb && y < side; y++)
        for (int x = 0; x < side; x++) {
            uint8_t *p = image.rgb + 3 * ((size_t)y * (size_t)side + (size_t)x);
            int noise = (int)dms_rng_below(&rng, 24);

            if (hypot(x - middle, y - middle) > 0.47 * side)
                continue;
            p[0] = (uint8_t)(150 + x * 60 / side + noise);
            p[1] = (uint8_t)(60 + y * 60 / side + noise);
            p[2] = (uint8_t)(20 + noise);
        }
    return image;
}

static inline void small_set_paint(const char *path, uint64_t seed, int side)
{
    dms_image image = small_set_picture(seed, side);

    assert_int_equal(dms_image_write_png(&image, path, NULL), DMS_OK);
    dms_image_release(&image);
}

/* Patients "1", "2", ... labelled normal, both eyes too; all of train. */
static inline void small_set_make(small_set *s, size_t count)
{
    memset(s, 0, sizeof *s);
    snprintf(s->folder, sizeof s->folder, "/tmp/dms_small_XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    s->dataset = (dms_dataset){
        .table = (char *)"table.csv",
        .folder = s->folder,
        .patients = s->patients,
        .count = count,
        .labels = (dms_label_set *)(uintptr_t)dms_label_set_odir(),
        .label_count = DMS_ODIR_LABELS};
    for (size_t i = 0; i < count; i++) {
        dms_patient *p = &s->patients[i];

        snprintf(s->ids[i], sizeof s->ids[i], "%zu", i + 1);
        *p = (dms_patient){.id = s->ids[i],
                           .age = 60,
                           .sex = 'F',
                           .line = (int)i + 2,
                           .labelled = true,
                           .labels = s->labels[i][0],
                           .split = DMS_SPLIT_TRAIN,
                           .group = i};
        p->labels[DMS_ODIR_N] = 1;
        for (int eye = 0; eye < 2; eye++) {
            snprintf(s->paths[i][eye], sizeof s->paths[i][eye], "%s/%zu_%s.png",
                     s->folder, i + 1, eye == DMS_LEFT ? "left" : "right");
            p->eye[eye] = (dms_eye){.path = s->paths[i][eye],
                                    .keywords = (char *)"normal fundus",
                                    .labelled = true,
                                    .labels = s->labels[i][eye + 1]};
            p->eye[eye].labels[DMS_ODIR_N] = 1;
            small_set_paint(s->paths[i][eye], 2 * i + (size_t)eye,
                            SMALL_SET_SIDE);
        }
    }
}

static inline void small_set_remove(small_set *s)
{
    char command[96];

    snprintf(command, sizeof command, "rm -rf '%s'", s->folder);
    assert_int_equal(system(command), 0);
}

static inline void small_set_write(const char *path, const void *data,
                                   size_t size)
{
    assert_int_equal(dms_file_write(path, data, size, NULL), DMS_OK);
}

#endif
