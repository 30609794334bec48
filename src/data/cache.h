/* Preprocessed photographs in one memory-mapped file, so that photographs are
 * decoded only once.
 *
 *     [ header | a digest per eye | a status byte per eye | pixels of eye 0 |
 *
 * The file's name contains a hash of the preprocessing settings and of every
 * photograph's path, size and time of change: different settings or photographs
 * give a different file. The file is built under a temporary name with a lock
 * held, then renamed, so two processes may open the same cache at once. */
#ifndef DMS_DATA_CACHE_H
#define DMS_DATA_CACHE_H

#include "dms/data.h"

typedef struct dms_cache dms_cache;

/* Open the cache of this data set in folder; build it first if it is missing or
 * damaged. Unreadable photographs do not fail the call: the build warns of
 * each, and opening a finished cache warns of their number. DMS_EIO (also if
 * the disk is full), DMS_ESTOPPED, DMS_ENOMEM; a failure leaves no partial
 * file. */
dms_status dms_cache_open(dms_cache **out, const char *folder,
                          const dms_dataset *dataset,
                          const dms_preprocess *settings,
                          const dms_monitor *monitor, dms_error *err);
void dms_cache_close(dms_cache *cache);

/* S x S x 3 bytes, borrowed; NULL: the photograph is missing or unreadable. */
const uint8_t *dms_cache_pixels(const dms_cache *cache, size_t patient,
                                int eye);

/* The photograph's digest (image/digest.h), which does not depend on the
 * settings; 0: the photograph is missing or unreadable. */
uint64_t dms_cache_digest(const dms_cache *cache, size_t patient, int eye);

/* The number of photographs that the table names but that are unreadable. */
size_t dms_cache_unreadable(const dms_cache *cache);

/* S: the picture side in pixels. */
int dms_cache_size(const dms_cache *cache);

/* The hash of settings and photographs that is in the file's name. */
uint64_t dms_cache_key(const dms_cache *cache);

#endif
