/* The version: of the headers at compile time, of the library at run time.
 *
 * Threads: every function here may be called from any thread at any time. */
#ifndef DMS_VERSION_H
#define DMS_VERSION_H

#include "dms/public_begin.h"

/* The only place that states the version; CMake reads it from here. Within one
 * MAJOR.MINOR the binary interface only grows: programs built against an
 * earlier patch release keep working. */
#define DMS_VERSION_MAJOR 0
#define DMS_VERSION_MINOR 2
#define DMS_VERSION_PATCH 0

/* The version as one number for comparisons: 200 for 0.2.0. */
#define DMS_VERSION_NUMBER                                                     \
    (DMS_VERSION_MAJOR * 10000 + DMS_VERSION_MINOR * 100 + DMS_VERSION_PATCH)

/* The version of the loaded library: "0.2.0". */
const char *dms_version(void);

/* The version number of the loaded library. Compare it with DMS_VERSION_NUMBER,
 * the number of the headers that the program was compiled with. */
int dms_version_number(void);

#include "dms/public_end.h"

#endif
