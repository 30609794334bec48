/* Weights brought once into the order of the kernels, for several processes of
 * one machine: sessions of one process share them anyway.
 *
 *     dms_prepared_create(&mine, model, 1, &compute, 0, &err);
 *     send_descriptor(dms_prepared_fd(mine));
 *
 * in the first process, and in every other one, with the descriptor received,
 *
 *     dms_prepared_open(&theirs, model, fd, &err);
 *     dms_session_create_with(&session, model, 1, &compute, 0, &err);
 *
 * The weights lie in a memory file that is sealed against change.
 *
 * Threads: any may call these; one dms_prepared belongs to one at a time. */
#ifndef DMS_PREPARED_H
#define DMS_PREPARED_H

#include <stddef.h>

#include "dms/compute.h"
#include "dms/model.h"
#include "dms/status.h"

#include "dms/public_begin.h"

typedef struct dms_prepared dms_prepared;

/* Prepare model for the sessions that dms_session_create_with makes of the same
 * batch, compute and patients, here and elsewhere; their threads and workers
 * must be given, or be chosen alike there. model is borrowed and must outlive
 * the result. Takes the memory of the weights twice for a moment. DMS_EINVAL,
 * DMS_ENOMEM, DMS_EIO where the system gives no memory file. */
dms_status dms_prepared_create(dms_prepared **out, const dms_model *model,
                               int batch, const dms_compute *compute,
                               size_t patients, dms_error *err);

/* Use what another process has prepared: sessions of model made from now on, as
 * long as the result lives, read their weights there if their kernels want this
 * order, and prepare their own if not. fd: of dms_prepared_fd; stays the
 * caller's and may be closed. model is the same there and here, borrowed, and
 * must outlive the result. DMS_EFORMAT: fd is no such file, or could still be
 * changed. DMS_EMISMATCH: of another model, or by another version. */
dms_status dms_prepared_open(dms_prepared **out, const dms_model *model, int fd,
                             dms_error *err);

/* The memory file, borrowed, closed on exec unless the caller says otherwise:
 * to be inherited or sent over a socket (SCM_RIGHTS). */
int dms_prepared_fd(const dms_prepared *prepared);

/* Bytes of weights that are shared. */
size_t dms_prepared_bytes(const dms_prepared *prepared);

/* Sessions that read it keep it until they are destroyed. Accepts NULL. */
void dms_prepared_destroy(dms_prepared *prepared);

#include "dms/public_end.h"

#endif
