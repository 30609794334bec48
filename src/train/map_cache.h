/* The maps that a frozen backbone makes of photographs that no augmentation
 * changes: computed once, by a net for inference, and kept in one memory-mapped
 * file, so that a step runs only what stands behind the backbone.
 *
 *     [ header | one checksum a map | map 0 | map 1 | ... ]
 *
 * The file's name carries a hash of the photographs, their preprocessing, which
 * of them there are, the backbone's weights, the numbers and the kernels:
 * another backbone makes another file, never a wrong one. A damaged file is
 * made again. */
#ifndef DMS_TRAIN_MAP_CACHE_H
#define DMS_TRAIN_MAP_CACHE_H

#include "net/dmsnet.h"
#include "train/patients.h"

typedef struct dms_map_cache dms_map_cache;

/* Open the maps of the training and validation patients, in the folder of the
 * prepared photographs, computing them first where there are none.
 *
 * patients  borrowed, must outlive the cache
 * params    of the whole network in plain order; its backbone is used
 * compute   in which numbers the backbone runs; the maps are stored so
 * DMS_ESTOPPED, DMS_EIO (also a full disk), DMS_ENOMEM leave no half file. */
dms_status dms_map_cache_open(dms_map_cache **out,
                              const dms_train_patients *patients,
                              const dms_architecture *arch, dms_params *params,
                              const dms_compute *compute,
                              const dms_monitor *monitor, dms_error *err);
void dms_map_cache_close(dms_map_cache *cache);

/* The maps of a batch, as dms_net_map wants them: left eyes first. places:
 * patients of the training or validation split. Allocates nothing. */
void dms_map_cache_fill(const dms_map_cache *cache, void *maps,
                        const size_t *places, size_t count);

#endif
