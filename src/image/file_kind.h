/* What a file that is not a readable picture is, by its first bytes: people's
 * folders hold more than photographs, under any name. */
#ifndef DMS_IMAGE_FILE_KIND_H
#define DMS_IMAGE_FILE_KIND_H

#include <stddef.h>
#include <stdint.h>

/* A text to follow "is ", such as "a Git LFS pointer, not the photograph
 * itself: run 'git lfs pull'"; NULL: unknown. */
const char *dms_file_kind(const uint8_t *data, size_t size);

#endif
