/* A folder of photographs whose names contain patient and side. */
#ifndef DMS_DATA_PHOTOGRAPH_FOLDER_H
#define DMS_DATA_PHOTOGRAPH_FOLDER_H

#include "base/strbuf.h"
#include "dms/monitor.h"
#include "dms/status.h"

typedef struct dms_folder_eye {
    char *name; /* the file's, without the folder; owned */
    char *id;   /* the patient's; owned */
    int side;   /* DMS_LEFT or DMS_RIGHT */
} dms_folder_eye;

/* Why a file is reported. */
typedef enum dms_folder_reason {
    DMS_FOLDER_NO_SIDE,       /* a picture without a side in its name */
    DMS_FOLDER_UNREAD_FORMAT, /* .bmp */
    DMS_FOLDER_OTHER_ENDING,  /* a picture named 7_left.jpg.part */
    DMS_FOLDER_NO_PICTURE,    /* .txt */
    DMS_FOLDER_NO_ENDING,     /* 7_left, but the content is not a picture's */
    DMS_FOLDER_FOLDER,        /* it is not searched */
    DMS_FOLDER_ODD,           /* an eye without a fellow; it is used */
    DMS_FOLDER_TWO_SIDES,     /* an error */
    DMS_FOLDER_BARE,          /* an error */
    DMS_FOLDER_REASONS
} dms_folder_reason;

typedef struct dms_folder_tally {
    size_t count;
    dms_strbuf names; /* the first few */
} dms_folder_tally;

/* Every file of the folder except litter is one of the eyes or is counted in a
 * tally. */
typedef struct dms_photograph_folder {
    dms_folder_eye *eyes; /* by id, the left before the right */
    size_t count, capacity;
    dms_folder_tally tallies[DMS_FOLDER_REASONS];
} dms_photograph_folder;

/* A file without any ending is a photograph if its content is one.
 *
 * DMS_EMISMATCH, listing the names, if a name has two sides or no patient, if
 * two files are the same eye, or if two ids are one text in two Unicode forms;
 * DMS_EFORMAT if an id is too long (patient_id.h). Release also after a
 * failure.
 */
dms_status dms_photograph_folder_read(dms_photograph_folder *out,
                                      const char *path, dms_error *err);
void dms_photograph_folder_release(dms_photograph_folder *folder);

/* Log the files that are not used and the eyes without a fellow: one line per
 * reason. */
void dms_photograph_folder_tell(const dms_photograph_folder *folder,
                                const char *path, const dms_monitor *monitor);

#endif
