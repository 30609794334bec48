/* ODIR-5K and its like: tables of patients with two eyes each, read in
 * whatever of odir.md's forms they are. */
#ifndef DMS_DATA_H
#define DMS_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/architecture.h"
#include "dms/image.h"
#include "dms/monitor.h"
#include "dms/status.h"

#include "dms/public_begin.h"

typedef enum dms_split {
    DMS_SPLIT_NONE, /* not assigned */
    DMS_SPLIT_TRAIN,
    DMS_SPLIT_VAL,
    DMS_SPLIT_TEST
} dms_split;

const char *dms_split_name(dms_split split); /* "train", "val", "test" */

enum { DMS_LEFT = 0, DMS_RIGHT = 1 };

typedef struct dms_eye {
    char *path;     /* the photograph, resolved; NULL when the table has none */
    char *keywords; /* diagnostic keywords as written; NULL when none */
    bool labelled;  /* keywords give this eye at least one label */
    uint8_t labels[DMS_LABELS]; /* 0 or 1; all 0 unless labelled */
} dms_eye;

typedef struct dms_patient {
    char *id;
    int age;       /* years; -1 unknown (the table's placeholder 1 too) */
    char sex;      /* 'M', 'F', or '?' */
    int line;      /* in the table, for messages; 1 is the header */
    bool labelled; /* the table has the eight labels for this patient */
    uint8_t labels[DMS_LABELS];
    dms_eye eye[2]; /* DMS_LEFT, DMS_RIGHT */
    dms_split split;
    size_t group; /* index of the group's first patient: same pictures */
} dms_patient;

typedef struct dms_dataset {
    char *table;           /* path of the table that was read */
    char *folder;          /* path of the images */
    dms_patient *patients; /* in the table's order */
    size_t count;
    bool has_split_column;
} dms_dataset;

/* Read a data set.
 *
 * path        a folder (its table is found: .csv or .xlsx) or a table
 * images      folder of the photographs; NULL: found beside the table
 * Errors name file, line and cell. Photographs are not opened. */
dms_status dms_dataset_open(dms_dataset **out, const char *path,
                            const char *images, const dms_monitor *monitor,
                            dms_error *err);
void dms_dataset_close(dms_dataset *dataset);

/* The labels that an eye's diagnostic keywords give (odir.md's rules).
 * labels out: 8 of 0 or 1. false: no label, the eye is ungradable. */
bool dms_keywords_label(uint8_t labels[DMS_LABELS], const char *keywords);

/* Find patients whose decoded pictures are the same and join them into one
 * group with the smallest id. DMS_ESTOPPED when the monitor says so. */
dms_status dms_dataset_group_duplicates(dms_dataset *dataset,
                                        const dms_monitor *monitor,
                                        dms_error *err);

typedef struct dms_split_options {
    double val;  /* share of patients, 0 to 0.5 */
    double test; /* share of patients, 0 to 0.5 */
    uint64_t seed;
    bool override_column; /* assign anew although the table has a split */
} dms_split_options;

/* Assign every patient to a split: by group, stratified by the group's rarest
 * label, decided by a hash of id and seed. The table's own column wins unless
 * overridden. */
dms_status dms_dataset_split(dms_dataset *dataset,
                             const dms_split_options *options, dms_error *err);

/* `dmsnet data check`: everything odir.md warns of, as text and as JSON. */
typedef struct dms_data_report {
    size_t patients, eyes, labelled_eyes, ungradable_eyes;
    size_t missing, unreadable, identical, suspicious, contradictions;
    char *text; /* owned: for a person */
    char *json; /* owned: for a machine */
} dms_data_report;
dms_status dms_data_check(dms_data_report *out, const dms_dataset *dataset,
                          const dms_monitor *monitor, dms_error *err);
void dms_data_report_release(dms_data_report *report);

/* `dmsnet synth`: a procedural set in challenge form, no substitute for data.
 * Writes <folder>/annotations.csv and <folder>/images/ID_{left,right}.jpg. */
typedef struct dms_synth_options {
    int patients; /* 1 to 100000 */
    uint64_t seed;
    int size; /* picture side in pixels, 64 to 4096 */
} dms_synth_options;
dms_status dms_synth_write(const char *folder, const dms_synth_options *options,
                           const dms_monitor *monitor, dms_error *err);

#include "dms/public_end.h"

#endif
