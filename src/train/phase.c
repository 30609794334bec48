/* Says what an epoch trains, and on photographs of which size. Relies on
 * options that dms_train_options_check has accepted. */
#include "train/phase.h"

enum { STEP = 32 }; /* the network halves the side five times */

/* A learning rate of 0 freezes the backbone too, and nothing thaws it. */
dms_freeze dms_train_frozen_always(const dms_train_options *o)
{
    if (o->backbone_lr == 0)
        return DMS_FREEZE_STAGE4;
    return o->unfreeze_after ? DMS_FREEZE_NONE : o->freeze;
}

dms_freeze dms_train_frozen_first(const dms_train_options *o)
{
    return o->backbone_lr == 0 ? DMS_FREEZE_STAGE4 : o->freeze;
}

static int size_at(const dms_train_options *o, int64_t epoch)
{
    int64_t sizes, number, size;

    if (o->start_size == 0)
        return o->size;
    sizes = (o->size - o->start_size + STEP - 1) / STEP + 1;
    number = ((epoch + 1) * sizes + o->epochs - 1) / o->epochs; /* from 1 */
    size = o->start_size + (number - 1) * STEP;
    return size < o->size ? (int)size : o->size;
}

dms_train_phase dms_train_phase_at(const dms_train_options *o, int64_t epoch)
{
    return (dms_train_phase){.frozen = o->unfreeze_after > epoch
                                           ? dms_train_frozen_first(o)
                                           : dms_train_frozen_always(o),
                             .size = size_at(o, epoch)};
}

dms_train_phase dms_train_phase_largest(const dms_train_options *o)
{
    return (dms_train_phase){.frozen = dms_train_frozen_always(o),
                             .size = o->size};
}

const char *const *dms_train_frozen_names(dms_freeze part)
{
    /* from the last part to the first; each part's list is a tail of it */
    static const char *const names[] = {"backbone.layer4.",
                                        "backbone.layer3.",
                                        "backbone.layer2.",
                                        "backbone.layer1.",
                                        "backbone.conv1.",
                                        "backbone.bn1.",
                                        NULL};
    enum { END = sizeof names / sizeof *names - 1 };

    return part == DMS_FREEZE_NONE ? names + END
                                   : names + (DMS_FREEZE_STAGE4 - part);
}
