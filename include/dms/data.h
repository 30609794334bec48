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

/* "none", "train", "val", "test"; NULL out of range. */
const char *dms_split_name(dms_split split);

enum { DMS_LEFT = 0, DMS_RIGHT = 1 };

/* K is dms_label_set_count of the data set's labels. */
typedef struct dms_eye {
    char *path;     /* the photograph, resolved; NULL when the table has none */
    char *keywords; /* diagnostic keywords as written; NULL when none */
    bool labelled;  /* at least one label of this eye by itself is known: by
                       its keywords, its own columns or its own row */
    uint8_t *labels; /* K of 0, 1 or DMS_LABEL_UNKNOWN; the data set's */
    uint64_t digest; /* of the photograph's pixels; 0 until
                        dms_dataset_group_duplicates has read them */
} dms_eye;

typedef struct dms_patient {
    char *id;
    int age;           /* years; -1 unknown (the table's placeholder 1 too) */
    char sex;          /* 'M', 'F', or '?' */
    int line;          /* in the table, for messages; 1 is the header */
    bool labelled;     /* at least one label is known */
    uint8_t *labels;   /* K of 0, 1 or DMS_LABEL_UNKNOWN; the data set's; one-of
                          labels are all known or all unknown */
    dms_eye eye[2];    /* DMS_LEFT, DMS_RIGHT */
    bool side_unknown; /* there is one photograph, kept as the left eye's, and
                          nobody said which eye it shows; it stands in for
                          both */
    dms_split split;
    size_t group; /* index of the group's first patient: same pictures, or the
                     eyes of one person by the ids, "1_left" and "1_right" */
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
    uint8_t *cells;        /* owned: what all labels point into */
    const char *encoding;  /* of the table, "utf-8", "gb18030", ...; not owned;
                              NULL: a workbook */
} dms_dataset;

/* What becomes of a table in which the labels are not found. */
typedef enum dms_labels_wanted {
    DMS_LABELS_WANTED,   /* it is refused when labels were asked for by name */
    DMS_LABELS_OPTIONAL, /* it is read without labels */
    DMS_LABELS_UNWANTED  /* labels are not looked for */
} dms_labels_wanted;

/* Filled by dms_dataset_options_init, or zero but for struct_size. All pointers
 * are borrowed for the call. */
typedef struct dms_dataset_options {
    size_t struct_size;
    const char *images; /* folder of the photographs; NULL: found beside */
    /* Which labels; NULL: ODIR's eight where their columns are, the grades of
     * EyePACS (image,level) and APTOS (id_code,diagnosis), or none. */
    const dms_label_set *labels;
    dms_labels_wanted wanted;
    const dms_monitor *monitor; /* may be NULL */
    /* Of a table that is text: "utf-8", "utf-16le", "utf-16be", "gb18030" or
     * "windows-1252"; NULL, "" or "auto": found by what is valid and by the
     * keywords, and refused where that leaves two. */
    const char *encoding;
    bool split_ignored; /* the column `split` is not read: another split is
                           made, or none */
} dms_dataset_options;

/* Photographs beside the table, labels as they are found, no monitor.
 * struct_size: sizeof *options. */
void dms_dataset_options_init(dms_dataset_options *options, size_t struct_size);

/* Read a data set.
 *
 * path     a folder (its table is found: .csv or .xlsx) or a table
 * options  NULL for the defaults
 * Errors name file, line and cell. Photographs are not opened. A column that
 * is not used is named once. */
dms_status dms_dataset_open_with(dms_dataset **out, const char *path,
                                 const dms_dataset_options *options,
                                 dms_error *err);

/* The same with the labels that are found by themselves.
 *
 * images  folder of the photographs; NULL: found beside the table */
dms_status dms_dataset_open(dms_dataset **out, const char *path,
                            const char *images, const dms_monitor *monitor,
                            dms_error *err);
void dms_dataset_close(dms_dataset *dataset);

/* DMS_EFORMAT where the data set has no labels, naming its columns and how to
 * say which of them are. */
dms_status dms_dataset_need_labels(const dms_dataset *dataset, dms_error *err);

/* DMS_EFORMAT where no row names a photograph, naming the table's columns and
 * what was expected. */
dms_status dms_dataset_need_photographs(const dms_dataset *dataset,
                                        dms_error *err);

/* ODIR's labels that an eye's diagnostic keywords give (the rules of
 * docs/data-format.md).
 *
 * labels  out: as many of 0 or 1 as dms_label_set_odir has
 * false: no label, the eye is ungradable. */
bool dms_keywords_label(uint8_t *labels, const char *keywords);

/* Find patients whose decoded pictures are the same and join them, with those
 * whose ids are one person's, into one group with the smallest id. DMS_ESTOPPED
 * when the monitor says so. */
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
