/* Who stands in for an eye whose photograph is missing or ungradable. Every
 * room that puts a patient's pictures into a network asks here. */
#ifndef DMS_DATA_EYES_H
#define DMS_DATA_EYES_H

#include "dms/architecture.h"

/* The photographs that a patient has. */
typedef struct dms_eyes_present {
    bool eye[2];       /* by side: the photograph is there and readable */
    bool side_unknown; /* there is one, kept as the left: nobody said of which
                          eye it is */
} dms_eyes_present;

/* The eye whose photograph stands at `side` of the network, where the model
 * looks at `eyes`: itself; the one eye that is looked at; its fellow where it
 * is missing and both are looked at; a photograph of unknown side everywhere.
 * -1: none. */
int dms_eyes_source(dms_eyes eyes, const dms_eyes_present *present, int side);

/* The eye whose own labels belong to that side of the network, since its own
 * photograph stands there; -1: only a stand-in does. */
int dms_eyes_own(dms_eyes eyes, const dms_eyes_present *present, int side);

#endif
