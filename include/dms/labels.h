/* Labels are data: what a model is asked about a patient, and in which order.
 * Every K-long array of this library follows a label set; K is its count.
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
 * docs/labels.md says how tables carry labels.
 *
 * Threads: a label set never changes once it is made and may be read by any
 * number of threads; one destroys it, last. Every function here may be called
 * from any thread at any time. */
#ifndef DMS_LABELS_H
#define DMS_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#include "dms/architecture.h"
#include "dms/status.h"

#include "dms/public_begin.h"

enum {
    DMS_LABELS_MAX = 256,    /* K is 1 to 256 */
    DMS_LABEL_CODE_MAX = 32, /* bytes of a code, without the final zero */
    DMS_LABEL_NAME_MAX = 96, /* bytes of a name or a column */
    /* Bytes that hold dms_label_set_text of any set. */
    DMS_LABEL_TEXT_MAX =
        DMS_LABELS_MAX * (DMS_LABEL_CODE_MAX + 1) + DMS_LABEL_NAME_MAX + 2
};

/* A label's value: 0 (not there), 1 (there), or nobody knows. An unknown
 * value counts neither in a loss nor in a figure. */
enum { DMS_LABEL_UNKNOWN = 255 };

typedef struct dms_label_set dms_label_set;

typedef struct dms_label {
    const char *code; /* one printable ASCII word of 1 to 32 bytes, none of
                         , ; = " ' \ in it; unique, case set aside */
    const char *name; /* UTF-8 for a person; NULL: the code */
} dms_label;

/* What a label set is made of; copied. Filled by dms_label_options_init. */
typedef struct dms_label_options {
    size_t struct_size;
    const dms_label *labels; /* count, in the order of every K-long array */
    int count;
    dms_task task; /* MULTI_LABEL: any of them; SINGLE_LABEL: exactly one */
    bool ordered;  /* one of: they are grades, the last one the worst */
    const char *column; /* one of: the table's column that holds the class;
                           NULL: a column of 0 and 1 for each label */
    int nothing_found;  /* the label that means so; -1: none does */
} dms_label_options;

/* Any of, no labels yet, none of which means that nothing was found.
 * struct_size: sizeof *options. */
void dms_label_options_init(dms_label_options *options, size_t struct_size);

/* DMS_EINVAL naming the label that is no word, or is there twice. */
dms_status dms_label_set_create(dms_label_set **out,
                                const dms_label_options *options,
                                dms_error *err);

/* What --labels takes:
 *
 * N,D,G                   any of, a column of 0 and 1 for each
 * grade=none,mild,severe  one of, in this order; the column `grade` holds 0 to
 *                         2, the codes or the names
 * labels.yaml             a file (.yaml, .yml, .json): docs/labels.md
 *
 * ODIR's eight codes in their order give dms_label_set_odir's names. */
dms_status dms_label_set_parse(dms_label_set **out, const char *text,
                               dms_error *err);

dms_status dms_label_set_copy(dms_label_set **out, const dms_label_set *set,
                              dms_error *err);

/* The same labels, one of which a patient has if task is single-label; then
 * without an order. */
dms_status dms_label_set_with_task(dms_label_set **out,
                                   const dms_label_set *set, dms_task task,
                                   dms_error *err);
void dms_label_set_destroy(dms_label_set *set);

/* ODIR-5K's N, D, G, C, A, H, M, O, any of them; N means that nothing was
 * found. The default wherever a table has these columns. Not to be destroyed.*/
const dms_label_set *dms_label_set_odir(void);

/* The five grades of diabetic retinopathy, none to proliferative, in which
 * EyePACS (column `level`) and APTOS (column `diagnosis`) grade. */
const dms_label_set *dms_label_set_eyepacs(void);
const dms_label_set *dms_label_set_aptos(void);

/* Are these ODIR's eight codes, in their order? */
bool dms_label_set_is_odir(const dms_label_set *set);

/* K; 0 for NULL. */
int dms_label_set_count(const dms_label_set *set);

/* Of label k, borrowed from the set; NULL out of range. */
const char *dms_label_set_code(const dms_label_set *set, int k);
const char *dms_label_set_name(const dms_label_set *set, int k);

/* The label of that code, case set aside; -1: there is none. */
int dms_label_set_find(const dms_label_set *set, const char *code);

dms_task dms_label_set_task(const dms_label_set *set);
bool dms_label_set_ordered(const dms_label_set *set);
const char *dms_label_set_column(const dms_label_set *set); /* NULL: none */
int dms_label_set_nothing_found(const dms_label_set *set);  /* -1: none */

/* The same codes, task, order and nothing-found? Names and the table's column
 * may differ. */
bool dms_label_sets_equal(const dms_label_set *a, const dms_label_set *b);

/* The same codes in the same order, whatever else differs? */
bool dms_label_sets_same_codes(const dms_label_set *a, const dms_label_set *b);

/* The set as --labels takes it, "N,D,G" or "grade=none,mild". Returns as
 * snprintf. */
int dms_label_set_text(char *text, size_t capacity, const dms_label_set *set);

#include "dms/public_end.h"

#endif
