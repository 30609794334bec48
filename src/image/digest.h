/* What tells one photograph from another, whatever its file is called. */
#ifndef DMS_IMAGE_DIGEST_H
#define DMS_IMAGE_DIGEST_H

#include "dms/image.h"

/* A hash of width, height and all pixels of a picture that was decoded whole
 * and turned upright; never 0. Files that decode to the same pixels have the
 * same digest: renamed, with other EXIF, saved anew without loss. A digest is
 * kept in model files, so what it is may not change. */
uint64_t dms_image_digest(const dms_image *image);

/* As dms_preprocess_file, and the photograph's digest, which depends on no
 * setting: a picture that the settings let decode reduced is decoded once
 * more. 0 where that cannot be done. */
dms_status dms_preprocess_file_digest(uint8_t *rgb, uint64_t *digest,
                                      const char *path,
                                      const dms_preprocess *settings,
                                      dms_error *err);

#endif
