/* Prepared weights: weights in the order that the kernels read, prepared once
 * for several processes on one machine. Sessions of one process share them
 * anyway.
 *
 *     dms_prepared_create(&mine, model, 1, &compute, 0, &err);
 *     send_descriptor(dms_prepared_fd(mine));
 *
 * in the first process and, with the received descriptor, in every other one
 *
 *     dms_prepared_open(&theirs, model, fd, &err);
 *     dms_session_create_with(&session, model, 1, &compute, 0, &err);
 *
 * The weights are in a memory file that is sealed against change.
 *
 * Threads: every function here may be called from any thread; a dms_prepared
 * belongs to one thread at a time. */
#ifndef DMS_PREPARED_H
#define DMS_PREPARED_H

#include <stddef.h>

#include "dms/compute.h"
#include "dms/model.h"
#include "dms/status.h"

#include "dms/public_begin.h"

typedef struct dms_prepared dms_prepared;

/* Prepare model's weights for sessions that dms_session_create_with creates
 * with the same batch, compute and patients, in this process or another.
 * Threads and workers must be given, or be chosen the same there. model is
 * borrowed and must outlive the result. Briefly needs twice the memory of the
 * weights. DMS_EINVAL, DMS_ENOMEM; DMS_EIO if the memory file cannot be
 * created. */
dms_status dms_prepared_create(dms_prepared **out, const dms_model *model,
                               int batch, const dms_compute *compute,
                               size_t patients, dms_error *err);

/* Use weights that another process has prepared. Sessions of model created
 * while the result exists read these weights if their kernels need this order,
 * and otherwise prepare their own. fd comes from dms_prepared_fd; it stays the
 * caller's and may be closed. model must be the same in both processes; it is
 * borrowed and must outlive the result. DMS_EFORMAT: fd is not such a file, or
 * can still be changed. DMS_EMISMATCH: another model or another version. */
dms_status dms_prepared_open(dms_prepared **out, const dms_model *model, int fd,
                             dms_error *err);

/* The memory file, borrowed, to be inherited or sent over a socket
 * (SCM_RIGHTS). Closed on exec unless the caller changes that. */
int dms_prepared_fd(const dms_prepared *prepared);

/* Bytes of shared weights. */
size_t dms_prepared_bytes(const dms_prepared *prepared);

/* Sessions that read the weights keep them until they are destroyed. Accepts
 * NULL. */
void dms_prepared_destroy(dms_prepared *prepared);

#include "dms/public_end.h"

#endif
