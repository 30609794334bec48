/* ODIR-5K and its like: tables of patients with two eyes each, in any of the
 * forms of docs/data-format.md.
 *
 * Threads: every function here may be called from any thread at any time, each
 * call with outputs of its own. A data set may be read by several threads while
 * none groups, splits or closes it. */
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

/* "none", "train", "val", "test"; NULL out of range. */
const char *dms_split_name(dms_split split);

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

/* The labels that an eye's diagnostic keywords give (the rules of
 * docs/data-format.md).
 * labels out: 8 of 0 or 1. false: no label, the eye is ungradable. */
bool dms_keywords_label(uint8_t labels[DMS_LABELS], const char *keywords);

/* Find patients whose decoded pictures are the same and join them into one
 * group with the smallest id. DMS_ESTOPPED when the monitor says so. */
dms_status dms_dataset_group_duplicates(dms_dataset *dataset,
                                        const dms_monitor *monitor,
                                        dms_error *err);

/* Filled by dms_split_options_init. */
typedef struct dms_split_options {
    size_t struct_size;
    double val;  /* share of patients, 0 to 0.5 */
    double test; /* share of patients, 0 to 0.5 */
    uint64_t seed;
    bool override_column; /* assign anew although the table has a split */
} dms_split_options;

/* 15 % validation, no test, seed 1. struct_size: sizeof *options. */
void dms_split_options_init(dms_split_options *options, size_t struct_size);

/* Assign every patient to a split: by group, stratified by the group's rarest
 * label, decided by a hash of id and seed. The table's own column wins unless
 * overridden. */
dms_status dms_dataset_split(dms_dataset *dataset,
                             const dms_split_options *options, dms_error *err);

/* `dmsnet data check`: what docs/data-format.md tells to look out for, counted,
 * as text and as JSON. Made by dms_data_check. */
typedef struct dms_data_report {
    size_t patients, eyes, labelled_eyes, ungradable_eyes;
    size_t missing, unreadable, identical, suspicious, contradictions;
    char *text; /* the report's: for a person */
    char *json; /* the report's: for a machine */
} dms_data_report;

/* Opens every photograph. out: the caller's to destroy; unchanged on failure.
 * DMS_ESTOPPED when the monitor asks. */
dms_status dms_data_check(dms_data_report **out, const dms_dataset *dataset,
                          const dms_monitor *monitor, dms_error *err);
void dms_data_report_destroy(dms_data_report *report); /* accepts NULL */

/* `dmsnet synth`: a procedural set in challenge form, no substitute for data.
 * Writes <folder>/annotations.csv and <folder>/images/ID_{left,right}.jpg. */
typedef struct dms_synth_options {
    size_t struct_size;
    int patients; /* 1 to 100000 */
    uint64_t seed;
    int size; /* picture side in pixels, 64 to 4096 */
} dms_synth_options;

/* 200 patients, seed 1, 512 px. struct_size: sizeof *options. */
void dms_synth_options_init(dms_synth_options *options, size_t struct_size);

/* Write the set; options: NULL for the defaults. DMS_ESTOPPED when the monitor
 * asks. */
dms_status dms_synth_write(const char *folder, const dms_synth_options *options,
                           const dms_monitor *monitor, dms_error *err);

#include "dms/public_end.h"

#endif
