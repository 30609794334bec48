/* A folder of photographs whose names say whose eye they show. */
#ifndef DMS_DATA_PHOTOGRAPH_FOLDER_H
#define DMS_DATA_PHOTOGRAPH_FOLDER_H

#include "base/strbuf.h"
#include "dms/monitor.h"
#include "dms/status.h"

typedef struct dms_folder_eye {
    char *name; /* the file's */
    char *id;
    int side; /* DMS_LEFT or DMS_RIGHT */
} dms_folder_eye;

/* Files of which there is something to say, by why. */
typedef enum dms_folder_reason {
    DMS_FOLDER_NO_SIDE,       /* a picture whose name says no side */
    DMS_FOLDER_UNREAD_FORMAT, /* .bmp */
    DMS_FOLDER_NO_PICTURE,    /* .txt */
    DMS_FOLDER_FOLDER,        /* it is not looked into */
    DMS_FOLDER_ODD,           /* an eye without a fellow; it is used */
    DMS_FOLDER_TWO_SIDES,     /* refused */
    DMS_FOLDER_BARE,          /* refused */
    DMS_FOLDER_REASONS
} dms_folder_reason;

typedef struct dms_folder_tally {
    size_t count;
    dms_strbuf names; /* the first few */
} dms_folder_tally;

/* Every file of the folder but litter is an eye or stands in a tally. */
typedef struct dms_photograph_folder {
    dms_folder_eye *eyes; /* by id, the left before the right */
    size_t count, capacity;
    dms_folder_tally tallies[DMS_FOLDER_REASONS];
} dms_photograph_folder;

/* DMS_EMISMATCH, listing them, where names are of two sides or of nobody, or
 * where two files are the same eye. Release also after a failure. */
dms_status dms_photograph_folder_read(dms_photograph_folder *out,
                                      const char *path, dms_error *err);
void dms_photograph_folder_release(dms_photograph_folder *folder);

/* What of the folder is not used, and which eyes are alone: a line a reason. */
void dms_photograph_folder_tell(const dms_photograph_folder *folder,
                                const char *path, const dms_monitor *monitor);

#endif
