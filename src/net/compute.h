/* From a user's dms_compute to a net's options. */
#ifndef DMS_NET_COMPUTE_H
#define DMS_NET_COMPUTE_H

#include <stddef.h>

#include "dms/compute.h"
#include "net/dmsnet.h"

/* A caller's choice, whatever version it was compiled with; given: NULL is the
 * default. DMS_EINVAL as of dms_growing_take. */
dms_status dms_compute_take(dms_compute *own, const dms_compute *given,
                            dms_error *err);

/* Set what concerns computing in options. compute: NULL is the default; params:
 * those that will be run, NULL in training; patients: how many are to be run,
 * 0 if unknown (few). */
dms_status dms_compute_apply(dms_net_options *options,
                             const dms_compute *compute,
                             const dms_params *params, size_t patients,
                             dms_error *err);

#endif
