/* Identifies a photograph by its pixels, whatever its file is called. */
#ifndef DMS_IMAGE_DIGEST_H
#define DMS_IMAGE_DIGEST_H

#include "dms/image.h"

/* A hash of width, height and all pixels of a picture decoded at full size and
 * turned upright; never 0. Files that decode to the same pixels have the same
 * digest: renamed, with other EXIF, saved again without loss. Model files store
 * digests, so the hash must never change. */
uint64_t dms_image_digest(const dms_image *image);

/* As dms_preprocess_file, plus the photograph's digest, which does not depend
 * on the settings: a picture decoded at reduced size is decoded again at full
 * size. digest is 0 if that fails. further_pages: those of the file that were
 * not read (dms_picture in codec.h). */
dms_status dms_preprocess_file_digest(uint8_t *rgb, uint64_t *digest,
                                      int *further_pages, const char *path,
                                      const dms_preprocess *settings,
                                      dms_error *err);

#endif
