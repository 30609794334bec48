/* Data sets such as ODIR-5K: tables of patients with two eyes each, in any of
 * the forms of docs/data-format.md.
 *
 * Threads: every function here may be called from any thread at any time with
 * separate outputs. Several threads may read a data set while none groups,
 * splits or closes it. */
#ifndef DMS_DATA_H
#define DMS_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/architecture.h"
#include "dms/image.h"
#include "dms/labels.h"
#include "dms/monitor.h"
#include "dms/status.h"

#include "dms/public_begin.h"

typedef enum dms_split {
    DMS_SPLIT_NONE, /* not assigned */
    DMS_SPLIT_TRAIN,
    DMS_SPLIT_VAL,
    DMS_SPLIT_TEST
} dms_split;

/* "none", "train", "val", "test"; NULL if out of range. */
const char *dms_split_name(dms_split split);

enum { DMS_LEFT = 0, DMS_RIGHT = 1 };

/* K is dms_label_set_count of the data set's labels. */
typedef struct dms_eye {
    char *path;      /* the photograph's full path; NULL: the table has none */
    char *keywords;  /* diagnostic keywords as written; NULL: none */
    bool labelled;   /* at least one label of this eye itself is known, from its
                        keywords, its own columns or its own row */
    uint8_t *labels; /* K of 0, 1 or DMS_LABEL_UNKNOWN; owned by the data set */
    uint64_t digest; /* of the photograph's pixels; 0 until
                        dms_dataset_group_duplicates has read them */
} dms_eye;

typedef struct dms_patient {
    char *id;
    int age;           /* years; -1: unknown (also ODIR's placeholder 1) */
    char sex;          /* 'M', 'F', or '?' */
    int line;          /* in the table's file, for messages; from 1 */
    bool labelled;     /* at least one label is known */
    uint8_t *labels;   /* K of 0, 1 or DMS_LABEL_UNKNOWN; owned by the data set;
                          single-label: all known or all unknown */
    dms_eye eye[2];    /* DMS_LEFT, DMS_RIGHT */
    bool side_unknown; /* there is one photograph, kept as the left eye's; which
                          eye it shows is unknown, so it is used for both */
    dms_split split;
    size_t group; /* index of the patient with the group's smallest id. A group
                     has the same pictures, or ids of one person's eyes,
                     "1_left" and "1_right" */
} dms_patient;

typedef struct dms_dataset {
    char *table;           /* path of the table that was read */
    char *folder;          /* path of the images */
    char *columns;         /* the table's header, for messages */
    dms_patient *patients; /* in the table's order */
    size_t count;
    bool has_split_column;
    dms_label_set *labels; /* owned; NULL: no labels were found */
    int label_count;       /* K; 0 without labels */
    uint8_t *cells;        /* owned: the block that all labels point into */
    const char *encoding;  /* the table's, "utf-8", "gb18030", ...; static;
                              NULL: a workbook */
} dms_dataset;

/* What to do if a table does not have the labels. */
typedef enum dms_labels_wanted {
    DMS_LABELS_WANTED,   /* fail if options.labels is set */
    DMS_LABELS_OPTIONAL, /* read the table without labels */
    DMS_LABELS_UNWANTED  /* do not search for labels */
} dms_labels_wanted;

/* Set by dms_dataset_options_init, or all zero except struct_size. All pointers
 * are borrowed for the call. */
typedef struct dms_dataset_options {
    size_t struct_size;
    const char *images; /* folder of the photographs; NULL: found near
                           the table */
    /* The labels; NULL: ODIR's eight if their columns are there, the grades of
     * EyePACS (image,level) or APTOS (id_code,diagnosis), else none. */
    const dms_label_set *labels;
    dms_labels_wanted wanted;
    const dms_monitor *monitor; /* may be NULL */
    /* Encoding of a text table: "utf-8", "utf-16le", "utf-16be", "gb18030" or
     * "windows-1252"; NULL, "" or "auto": detected from which encodings are
     * valid and from the keywords; an error if two remain. */
    const char *encoding;
    bool split_ignored; /* do not read the column `split`: the caller makes
                           another split, or none */
} dms_dataset_options;

/* Photographs near the table, labels detected, no monitor.
 * struct_size: sizeof *options. */
void dms_dataset_options_init(dms_dataset_options *options, size_t struct_size);

/* Read a data set.
 *
 * path     a folder (its table is found: .csv or .xlsx) or a table
 * options  NULL for the defaults
 * Errors name file, line and cell. Photographs are not opened. Unused columns
 * are logged. */
dms_status dms_dataset_open_with(dms_dataset **out, const char *path,
                                 const dms_dataset_options *options,
                                 dms_error *err);

/* The same with detected labels and the other defaults.
 *
 * images  folder of the photographs; NULL: found near the table */
dms_status dms_dataset_open(dms_dataset **out, const char *path,
                            const char *images, const dms_monitor *monitor,
                            dms_error *err);
void dms_dataset_close(dms_dataset *dataset);

/* DMS_EFORMAT if the data set has no labels; the message names its columns and
 * how to choose the label columns. */
dms_status dms_dataset_need_labels(const dms_dataset *dataset, dms_error *err);

/* DMS_EFORMAT if no row names a photograph; the message names the table's
 * columns and what was expected. */
dms_status dms_dataset_need_photographs(const dms_dataset *dataset,
                                        dms_error *err);

/* ODIR's labels that an eye's diagnostic keywords give (the rules of
 * docs/data-format.md).
 *
 * labels  out: 0 or 1 for each label of dms_label_set_odir
 * false: there is no label, the eye is ungradable. */
bool dms_keywords_label(uint8_t *labels, const char *keywords);

/* Join patients with the same decoded pictures, and those whose ids are one
 * person's, into groups. Sets dms_eye.digest. DMS_ESTOPPED if the monitor asks.
 */
dms_status dms_dataset_group_duplicates(dms_dataset *dataset,
                                        const dms_monitor *monitor,
                                        dms_error *err);

/* Set by dms_split_options_init. */
typedef struct dms_split_options {
    size_t struct_size;
    double val;  /* share of patients, 0 to 0.5 */
    double test; /* share of patients, 0 to 0.5 */
    uint64_t seed;
    bool override_column; /* ignore the table's own split */
} dms_split_options;

/* 15 % validation, no test, seed 1. struct_size: sizeof *options. */
void dms_split_options_init(dms_split_options *options, size_t struct_size);

/* Assign every patient to a split: by group, stratified by the group's rarest
 * label, in the order of a hash of id and seed. The table's own split column is
 * used unless override_column is set. */
dms_status dms_dataset_split(dms_dataset *dataset,
                             const dms_split_options *options, dms_error *err);

/* `dmsnet data check`: counts of the problems that docs/data-format.md
 * describes, also as text and as JSON. Made by dms_data_check. */
typedef struct dms_data_report {
    size_t patients, eyes, labelled_eyes, ungradable_eyes;
    size_t missing, unreadable, identical, suspicious, contradictions;
    char *text; /* for people; owned by the report */
    char *json; /* for programs; owned by the report */
} dms_data_report;

/* Check a data set; opens every photograph. out: to be destroyed by the caller;
 * unchanged on failure. DMS_ESTOPPED if the monitor asks. */
dms_status dms_data_check(dms_data_report **out, const dms_dataset *dataset,
                          const dms_monitor *monitor, dms_error *err);
void dms_data_report_destroy(dms_data_report *report); /* accepts NULL */

/* `dmsnet synth`: a generated data set in the challenge's form, for tests; it
 * is not a substitute for real data. Writes <folder>/annotations.csv and
 * <folder>/images/ID_{left,right}.jpg. */
typedef struct dms_synth_options {
    size_t struct_size;
    int patients; /* 1 to 100000 */
    uint64_t seed;
    int size; /* picture side in pixels, 64 to 4096 */
} dms_synth_options;

/* 200 patients, seed 1, 512 px. struct_size: sizeof *options. */
void dms_synth_options_init(dms_synth_options *options, size_t struct_size);

/* Write the set; options: NULL for the defaults. DMS_ESTOPPED if the monitor
 * asks. */
dms_status dms_synth_write(const char *folder, const dms_synth_options *options,
                           const dms_monitor *monitor, dms_error *err);

#include "dms/public_end.h"

#endif
