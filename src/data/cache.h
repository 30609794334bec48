/* Preprocessed photographs in one memory-mapped file, so that the second epoch
 * decodes nothing.
 *
 *     [ header | a digest an eye | a status byte an eye | pixels of eye 0 | ...
 *
 * The file's name carries a hash of the preprocessing settings and of every
 * photograph's path, size and time of change: other settings or photographs
 * make another file, never a wrong one. It is built beside its place under a
 * lock and renamed, so two processes may want it at once. */
#ifndef DMS_DATA_CACHE_H
#define DMS_DATA_CACHE_H

#include "dms/data.h"

typedef struct dms_cache dms_cache;

/* Open the cache of this data set in folder, building it first where there is
 * none or a damaged one. An unreadable photograph stops nothing: each is
 * warned of when the cache is made, their number when it is found. DMS_EIO
 * (also a full disk), DMS_ESTOPPED, DMS_ENOMEM; after a failure no half file is
 * left. */
dms_status dms_cache_open(dms_cache **out, const char *folder,
                          const dms_dataset *dataset,
                          const dms_preprocess *settings,
                          const dms_monitor *monitor, dms_error *err);
void dms_cache_close(dms_cache *cache);

/* size*size*3 bytes, borrowed; NULL: no such photograph, or unreadable. */
const uint8_t *dms_cache_pixels(const dms_cache *cache, size_t patient,
                                int eye);

/* The photograph's digest (image/digest.h), whatever the settings; 0: there is
 * none that can be read. */
uint64_t dms_cache_digest(const dms_cache *cache, size_t patient, int eye);

/* Photographs that the table names and that could not be read. */
size_t dms_cache_unreadable(const dms_cache *cache);

/* S of the settings it was made with. */
int dms_cache_size(const dms_cache *cache);

/* The hash in its name: of the settings and of every photograph. */
uint64_t dms_cache_key(const dms_cache *cache);

#endif
