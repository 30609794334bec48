/* Which photograph replaces an eye's missing or unreadable one. All code that
 * feeds a patient's pictures to a network uses these functions. */
#ifndef DMS_DATA_EYES_H
#define DMS_DATA_EYES_H

#include "dms/architecture.h"

/* The photographs that a patient has. Invariant: with side_unknown, eye[1] is
 * false. */
typedef struct dms_eyes_present {
    bool eye[2];       /* by side: the photograph is there and readable */
    bool side_unknown; /* there is one photograph, kept as the left; which eye
                          it shows is unknown */
} dms_eyes_present;

/* The eye whose photograph goes to `side` of the network's input, for a model
 * that uses `eyes`. A model of one eye gets that eye on both sides. A model of
 * both gets the eye itself, or the fellow eye if it is missing. A photograph of
 * unknown side is used on both sides. -1: none. */
int dms_eyes_source(dms_eyes eyes, const dms_eyes_present *present, int side);

/* The eye whose labels apply to that side of the network's input, because its
 * own photograph is there; -1: the photograph is missing or the fellow eye's.
 */
int dms_eyes_own(dms_eyes eyes, const dms_eyes_present *present, int side);

#endif
