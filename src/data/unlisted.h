/* Photographs that lie in a data set's folder and that no row names. */
#ifndef DMS_DATA_UNLISTED_H
#define DMS_DATA_UNLISTED_H

#include "dms/data.h"

/* Tell the monitor how many there are, and a few names; nothing where the
 * folder holds no picture that is listed, as it is then another's. */
dms_status dms_unlisted_tell(const dms_dataset *dataset,
                             const dms_monitor *monitor, dms_error *err);

#endif
