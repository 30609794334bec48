/* Writing event files, which TensorBoard shows: values over steps, under names
 * called tags. A tag's part before the first '/' is the group in which
 * TensorBoard shows it.
 *
 * The events are kept in memory until dms_event_file_flush appends them. What
 * runs out of memory on the way is reported there. */
#ifndef DMS_FORMATS_EVENT_FILE_H
#define DMS_FORMATS_EVENT_FILE_H

#include <stdint.h>

#include "dms/status.h"

typedef struct dms_event_file dms_event_file;

/* Create events.out.tfevents.SECONDS.HOST.PID in a folder, which is created
 * too. TensorBoard reads a folder's files by their names: this one comes after
 * all that are there, and says that from first_step on it replaces them.
 *
 * first_step  the lowest step that will be given
 * DMS_EIO, DMS_ENOMEM */
dms_status dms_event_file_create(dms_event_file **out, const char *folder,
                                 int64_t first_step, dms_error *err);

/* tag: UTF-8. The value is written as a float. */
void dms_event_file_scalar(dms_event_file *file, const char *tag, int64_t step,
                           double value);

/* DMS_EIO names the file, of which the last record may then be cut off: close
 * it and write no more. */
dms_status dms_event_file_flush(dms_event_file *file, dms_error *err);

/* Events that are not flushed are lost. Accepts NULL. */
void dms_event_file_close(dms_event_file *file);

#endif
