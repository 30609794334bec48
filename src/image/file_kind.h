/* What a file that is not a readable picture is, by its first bytes: people's
 * folders hold more than photographs, under any name. */
#ifndef DMS_IMAGE_FILE_KIND_H
#define DMS_IMAGE_FILE_KIND_H

#include <stddef.h>
#include <stdint.h>

/* "a Git LFS pointer, not a photograph: run git lfs pull" and the like, to
 * stand behind "is "; NULL: unknown. */
const char *dms_file_kind(const uint8_t *data, size_t size);

#endif
