/* Which dmsnet: of the headers at compile time, of the library at run time.
 *
 * Threads: every function here may be called from any thread at any time. */
#ifndef DMS_VERSION_H
#define DMS_VERSION_H

#include "dms/public_begin.h"

/* The one place where the version stands; CMake reads it from here. Within one
 * MAJOR.MINOR the library's binary interface only grows: a program built
 * against an earlier patch goes on working. */
#define DMS_VERSION_MAJOR 0
#define DMS_VERSION_MINOR 2
#define DMS_VERSION_PATCH 0

/* 200 for 0.2.0: one number to compare. */
#define DMS_VERSION_NUMBER                                                     \
    (DMS_VERSION_MAJOR * 10000 + DMS_VERSION_MINOR * 100 + DMS_VERSION_PATCH)

/* Of the library that runs: "0.2.0". */
const char *dms_version(void);

/* Of the library that runs, to be compared with DMS_VERSION_NUMBER, the number
 * of the headers that the program was compiled with. */
int dms_version_number(void);

#include "dms/public_end.h"

#endif
