/* Photographs in a data set's folder that no row names. */
#ifndef DMS_DATA_UNLISTED_H
#define DMS_DATA_UNLISTED_H

#include "dms/data.h"

/* Warn of how many there are, with the first few names. Silent if the folder
 * has none of the listed pictures, as it then belongs to something else. */
dms_status dms_unlisted_tell(const dms_dataset *dataset,
                             const dms_monitor *monitor, dms_error *err);

#endif
