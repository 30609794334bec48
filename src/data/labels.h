/* Label sets beyond include/dms/labels.h: ODIR's own set, and how a patient's
 * labels follow from those of the eyes. */
#ifndef DMS_DATA_LABELS_H
#define DMS_DATA_LABELS_H

#include <stdint.h>

#include "dms/data.h"

/* Indices into dms_label_set_odir. Only labels.c, keywords.c and code that
 * writes or reads ODIR's own tables may rely on them. */
enum {
    DMS_ODIR_LABELS = 8,
    DMS_ODIR_N = 0,
    DMS_ODIR_D,
    DMS_ODIR_G,
    DMS_ODIR_C,
    DMS_ODIR_A,
    DMS_ODIR_H,
    DMS_ODIR_M,
    DMS_ODIR_O
};

/* For a set whose codes are all ODIR's, such as "D,G", with a column per label.
 * places, out: K indices into ODIR's labels. false: it is not such a set. */
bool dms_odir_places(int *places, const dms_label_set *set);

/* The names of ODIR's label k in the headers of tables; ends with NULL. */
const char *const *dms_odir_label_columns(int k);

/* The number of fields in a text that are diagnostic keywords with a rule in
 * keywords.c, plus the number of full-width commas: a dms_text_known. */
size_t dms_keywords_known(const char *text, size_t len);

/* Read a label set from a YAML file (or JSON, which is YAML). DMS_EFORMAT names
 * file and line. parse_yaml reads from memory; path is the name in messages. */
dms_status dms_label_set_read(dms_label_set **out, const char *path,
                              dms_error *err);
dms_status dms_label_set_parse_yaml(dms_label_set **out, const void *data,
                                    size_t size, const char *path,
                                    dms_error *err);

/* The labels of a model of which only K is known: ODIR's if K is 8, else "1" to
 * "K". */
dms_status dms_label_set_numbered(dms_label_set **out, int count, dms_task task,
                                  dms_error *err);

/* A copy, changed to single-label if that task is asked for, as by `--task
 * single-label`. */
dms_status dms_label_set_asked(dms_label_set **out, const dms_label_set *set,
                               dms_task task, dms_error *err);

/* A patient's labels from those of the eyes: the worse grade of an ordered set;
 * the labels of either eye of a multi-label set, with nothing-found only if
 * neither eye has a finding; unknown if an unknown eye could change the result.
 *
 * patient      out: K of 0, 1 or DMS_LABEL_UNKNOWN
 * left, right  K each; NULL: the patient does not have this eye */
void dms_labels_of_eyes(uint8_t *patient, const dms_label_set *set,
                        const uint8_t *left, const uint8_t *right);

/* Do the eyes of one side alone have labels of their own, though the others
 * have photographs too? Then a column is probably missing or misspelled.
 *
 * text, out: says which side; unchanged otherwise */
enum { DMS_ONE_SIDED_MAX = 160 };
bool dms_labels_one_sided(char text[DMS_ONE_SIDED_MAX],
                          const dms_dataset *dataset);

/* Are all K labels known, and is exactly one of them 1? */
bool dms_labels_single(const uint8_t *labels, int count);

/* Is at least one of the K labels known? */
bool dms_labels_known(const uint8_t *labels, int count);

#endif
