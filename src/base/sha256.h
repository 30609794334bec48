/* SHA-256 (FIPS 180-4): names a file's content in records and listings. */
#ifndef DMS_BASE_SHA256_H
#define DMS_BASE_SHA256_H

#include <stddef.h>

#include "dms/status.h"

enum { DMS_SHA256_TEXT = 65 }; /* 64 lower-case hexadecimal digits and a NUL */

void dms_sha256(char text[DMS_SHA256_TEXT], const void *data, size_t size);

/* Of a regular file's content. DMS_EIO. */
dms_status dms_sha256_file(char text[DMS_SHA256_TEXT], const char *path,
                           dms_error *err);

#endif
