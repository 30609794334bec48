/* Label sets: the questions a model answers about a patient, and their order.
 * Every array of K elements in this library follows a label set of K labels.
 *
 *     dms_label_set *grades = NULL;
 *     dms_error err = {0};
 *
 *     if (dms_label_set_parse(&grades, "grade=none,mild,moderate,severe",
 *                             &err) != DMS_OK)
 *         return fprintf(stderr, "%s\n", err.message), 1;
 *     for (int k = 0; k < dms_label_set_count(grades); k++)
 *         printf("%d %s\n", k, dms_label_set_code(grades, k));
 *     dms_label_set_destroy(grades);
 *
 * docs/labels.md describes how tables contain labels.
 *
 * Threads: a label set is immutable and may be read by any number of threads;
 * destroying it is the last call. Every function here may be called from any
 * thread at any time. */
#ifndef DMS_LABELS_H
#define DMS_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#include "dms/architecture.h"
#include "dms/status.h"

#include "dms/public_begin.h"

enum {
    DMS_LABELS_MAX = 256,    /* K is 1 to 256 */
    DMS_LABEL_CODE_MAX = 32, /* bytes of a code, without the NUL */
    DMS_LABEL_NAME_MAX = 96, /* bytes of a name or a column, likewise */
    /* Buffer size that fits dms_label_set_text of any set. */
    DMS_LABEL_TEXT_MAX =
        DMS_LABELS_MAX * (DMS_LABEL_CODE_MAX + 1) + DMS_LABEL_NAME_MAX + 2
};

/* A label's value is 0 (absent), 1 (present) or unknown. Losses and metrics
 * ignore unknown values. */
enum { DMS_LABEL_UNKNOWN = 255 };

typedef struct dms_label_set dms_label_set;

typedef struct dms_label {
    const char *code; /* a printable ASCII word of 1 to 32 bytes without any of
                         , ; = " ' \; unique, ignoring case */
    const char *name; /* UTF-8, for display; NULL: the code */
} dms_label;

/* The description of a label set, which is copied. Filled in by
 * dms_label_options_init. */
typedef struct dms_label_options {
    size_t struct_size;
    const dms_label *labels; /* count, in the order of every array of K */
    int count;
    dms_task task; /* MULTI_LABEL: any of them; SINGLE_LABEL: exactly one */
    bool ordered;  /* one-of: the labels are grades, the last is the worst */
    const char *column; /* one-of: the table's column with the class; NULL: a
                           column of 0 and 1 per label */
    int nothing_found;  /* the label that means "nothing found"; -1: none */
} dms_label_options;

/* Any-of, no labels, nothing_found -1. struct_size: sizeof *options. */
void dms_label_options_init(dms_label_options *options, size_t struct_size);

/* DMS_EINVAL names the label whose code is invalid or a duplicate. */
dms_status dms_label_set_create(dms_label_set **out,
                                const dms_label_options *options,
                                dms_error *err);

/* Parse the argument of --labels:
 *
 * N,D,G                   any-of, a column of 0 and 1 per label
 * grade=none,mild,severe  one-of, in this order; the column `grade` contains 0
 *                         to 2, the codes or the names
 * labels.yaml             a file (.yaml, .yml, .json): docs/labels.md
 *
 * ODIR's eight codes in order get dms_label_set_odir's names. */
dms_status dms_label_set_parse(dms_label_set **out, const char *text,
                               dms_error *err);

dms_status dms_label_set_copy(dms_label_set **out, const dms_label_set *set,
                              dms_error *err);

/* The same labels with another task; single-label without an order. */
dms_status dms_label_set_with_task(dms_label_set **out,
                                   const dms_label_set *set, dms_task task,
                                   dms_error *err);
void dms_label_set_destroy(dms_label_set *set);

/* ODIR-5K's N, D, G, C, A, H, M, O, any-of; N means that nothing was found. The
 * default for tables with these columns. Do not destroy it. */
const dms_label_set *dms_label_set_odir(void);

/* The five grades of diabetic retinopathy, none to proliferative, of EyePACS
 * (column `level`) and APTOS (column `diagnosis`). Do not destroy it. */
const dms_label_set *dms_label_set_eyepacs(void);
const dms_label_set *dms_label_set_aptos(void);

/* Are the codes ODIR's eight, in order? */
bool dms_label_set_is_odir(const dms_label_set *set);

/* K; 0 for NULL. */
int dms_label_set_count(const dms_label_set *set);

/* The code and name of label k, borrowed from the set; NULL out of range. */
const char *dms_label_set_code(const dms_label_set *set, int k);
const char *dms_label_set_name(const dms_label_set *set, int k);

/* The index of the label with that code, ignoring case; -1 if there is none. */
int dms_label_set_find(const dms_label_set *set, const char *code);

dms_task dms_label_set_task(const dms_label_set *set);
bool dms_label_set_ordered(const dms_label_set *set);
const char *dms_label_set_column(const dms_label_set *set); /* NULL: none */
int dms_label_set_nothing_found(const dms_label_set *set);  /* -1: none */

/* Are codes, task, order and nothing_found the same? Names and the table's
 * column may differ. */
bool dms_label_sets_equal(const dms_label_set *a, const dms_label_set *b);

/* Are the codes the same, in the same order? All else may differ. */
bool dms_label_sets_same_codes(const dms_label_set *a, const dms_label_set *b);

/* The set in the form of --labels, "N,D,G" or "grade=none,mild". Returns like
 * snprintf. */
int dms_label_set_text(char *text, size_t capacity, const dms_label_set *set);

#include "dms/public_end.h"

#endif
