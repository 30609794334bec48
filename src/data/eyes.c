/* Choosing the photograph for each side of the network's input. Relies on a
 * photograph of unknown side being kept as the left one. */
#include "data/eyes.h"

/* The eye that the model uses at `side` of its input. */
static int wanted_side(dms_eyes eyes, int side)
{
    return eyes == DMS_EYES_BOTH ? side : eyes == DMS_EYES_RIGHT;
}

int dms_eyes_source(dms_eyes eyes, const dms_eyes_present *present, int side)
{
    int wanted = wanted_side(eyes, side);

    if (present->eye[wanted])
        return wanted;
    if (present->side_unknown)
        return present->eye[0] ? 0 : -1;
    return eyes == DMS_EYES_BOTH && present->eye[!wanted] ? !wanted : -1;
}

int dms_eyes_own(dms_eyes eyes, const dms_eyes_present *present, int side)
{
    int wanted = wanted_side(eyes, side);

    if (present->side_unknown && eyes != DMS_EYES_BOTH)
        wanted = 0;
    return present->eye[wanted] ? wanted : -1;
}
