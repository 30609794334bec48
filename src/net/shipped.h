/* The models that ship with dmsnet: a folder of files dmsnet-NAME.safetensors,
 * each with a card dmsnet-NAME.md. */
#ifndef DMS_NET_SHIPPED_H
#define DMS_NET_SHIPPED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"
#include "dms/status.h"

/* Zero-initialise; release. */
typedef struct dms_shipped {
    char *folder; /* owned; NULL: no folder holds a model */
    char **names; /* owned, sorted: "odir-small" */
    size_t count;
} dms_shipped;

/* Look for the models. None is no error. DMS_ENOMEM. */
dms_status dms_shipped_read(dms_shipped *shipped, dms_error *err);
void dms_shipped_release(dms_shipped *shipped);

/* Folder + "/dmsnet-NAME" + ending (dms_free); NULL if out of memory. */
char *dms_shipped_path(const dms_shipped *shipped, const char *name,
                       const char *ending);

/* Append the folders that are searched, each on a line of its own. */
void dms_shipped_searched(dms_strbuf *text);

/* The file that a user means who gives a path or a name: that of a shipped
 * model if `given` is its name, else a copy of `given` (dms_free). DMS_EIO if
 * it could be a name, but is neither that of a shipped model nor of a file;
 * DMS_ENOMEM. */
dms_status dms_shipped_resolve(char **path, const char *given, dms_error *err);

#endif
