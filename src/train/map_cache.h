/* The maps that a frozen backbone makes of photographs without augmentation. An
 * inference net computes them once, and one memory-mapped file keeps them, so
 * that a step runs only the layers after the backbone.
 *
 *     [ header | one checksum per map | map 0 | map 1 | ... ]
 *
 * The file's name contains a hash of the photographs, their preprocessing,
 * which of them are used, the backbone's weights, the precision and the
 * kernels: another backbone makes another file, never a wrong one. A damaged
 * file is computed again. */
#ifndef DMS_TRAIN_MAP_CACHE_H
#define DMS_TRAIN_MAP_CACHE_H

#include "net/dmsnet.h"
#include "train/patients.h"

typedef struct dms_map_cache dms_map_cache;

/* Open the maps of the training and validation patients, in the folder of the
 * prepared photographs. If they do not exist, compute them first.
 *
 * patients  borrowed, must outlive the cache
 * params    of the whole network in plain order; its backbone is used
 * compute   the backbone's precision, which is also that of the stored maps
 * DMS_ESTOPPED, DMS_EIO (also a full disk) and DMS_ENOMEM leave no partial
 * file. */
dms_status dms_map_cache_open(dms_map_cache **out,
                              const dms_train_patients *patients,
                              const dms_architecture *arch, dms_params *params,
                              const dms_compute *compute,
                              const dms_monitor *monitor, dms_error *err);
void dms_map_cache_close(dms_map_cache *cache);

/* Copy the maps of a batch, as dms_net_map expects them: left eyes first.
 * places: patients of the training or validation split. Allocates nothing. */
void dms_map_cache_fill(const dms_map_cache *cache, void *maps,
                        const size_t *places, size_t count);

#endif
