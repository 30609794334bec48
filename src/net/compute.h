/* From a user's dms_compute to a net's options. */
#ifndef DMS_NET_COMPUTE_H
#define DMS_NET_COMPUTE_H

#include <stddef.h>

#include "dms/compute.h"
#include "net/dmsnet.h"

/* Copy the caller's choice, whatever version it was compiled with; given = NULL
 * is the default. DMS_EINVAL like dms_growing_take. */
dms_status dms_compute_take(dms_compute *own, const dms_compute *given,
                            dms_error *err);

/* Set the fields of options that concern computing. DMS_EINVAL if that is
 * impossible; a net has one view, so compute->tta must be NONE.
 *
 * compute   NULL: the default
 * params    the parameters to be run; NULL in training
 * patients  how many will be run; 0: unknown, few */
dms_status dms_compute_apply(dms_net_options *options,
                             const dms_compute *compute,
                             const dms_params *params, size_t patients,
                             dms_error *err);

#endif
