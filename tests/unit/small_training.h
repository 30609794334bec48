/* A drawn data set in a folder of its own, and options of runs on it that take
 * seconds. Include behind cmocka.h. */
#ifndef DMS_TESTS_SMALL_TRAINING_H
#define DMS_TESTS_SMALL_TRAINING_H

#include <stdio.h>
#include <stdlib.h>

#include "dms/data.h"
#include "dms/train.h"
#include "unit/train_texts.h"

/* One for all tests of a program; runs and caches lie in the folder too. */
typedef struct small_training {
    char folder[64];
} small_training;

enum { SMALL_TRAINING_SIDE = 64 };

/* For a group's setup: *state becomes the small_training. */
static inline int small_training_make(void **state, int patients)
{
    static small_training s;
    dms_synth_options synth = {.struct_size = sizeof synth,
                               .patients = patients,
                               .seed = 3,
                               .size = SMALL_TRAINING_SIDE};
    char data[128];

    snprintf(s.folder, sizeof s.folder, "/tmp/dms_training_XXXXXX");
    if (!mkdtemp(s.folder))
        return -1;
    snprintf(data, sizeof data, "%s/data", s.folder);
    *state = &s;
    return dms_synth_write(data, &synth, NULL, NULL) == DMS_OK ? 0 : -1;
}

/* A group's teardown. */
static inline int small_training_remove(void **state)
{
    const small_training *s = *state;
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", s->folder);
    return system(command);
}

/* SGD and no average: small checkpoints. */
static inline dms_train_options small_training_options(const small_training *s,
                                                       const char *run)
{
    dms_train_options o = default_train_options();

    o.data = keep_text("%s/data", s->folder);
    o.run = keep_text("%s/%s", s->folder, run);
    o.cache = keep_text("%s", s->folder);
    o.backbone = DMS_BACKBONE_RESNET18;
    o.width = 16, o.size = SMALL_TRAINING_SIDE;
    o.epochs = 2, o.batch = 4;
    o.optimizer = DMS_OPTIMIZER_SGD, o.lr = 0.01;
    o.ema_decay = 0;
    o.val = 0.3, o.threads = 1;
    return o;
}

#endif
