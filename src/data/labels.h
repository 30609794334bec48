/* What the data room knows of label sets beside include/dms/labels.h: ODIR's
 * own, and how a patient's labels follow from those of the eyes. */
#ifndef DMS_DATA_LABELS_H
#define DMS_DATA_LABELS_H

#include <stdint.h>

#include "dms/labels.h"

/* Of dms_label_set_odir; its places. Only labels.c, keywords.c and what writes
 * or reads ODIR's own tables may count on them. */
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

/* The places among ODIR's labels of a set whose codes are all theirs, as "D,G"
 * has; columns name the labels. places, out: K. false: it is no such set. */
bool dms_odir_places(int *places, const dms_label_set *set);

/* What tables call that label of ODIR's in their header; ends with NULL. */
const char *const *dms_odir_label_columns(int k);

/* How many fields of a text are diagnostic keywords that keywords.c has a rule
 * for, and how many full-width commas part them: a dms_text_known. */
size_t dms_keywords_known(const char *text, size_t len);

/* A label set from a file of YAML (or JSON, which is YAML). DMS_EFORMAT names
 * file and line. parse reads from memory; path is its name in messages. */
dms_status dms_label_set_read(dms_label_set **out, const char *path,
                              dms_error *err);
dms_status dms_label_set_parse_yaml(dms_label_set **out, const void *data,
                                    size_t size, const char *path,
                                    dms_error *err);

/* The labels of a model of which only K is known: ODIR's where K is theirs,
 * else "1" to "K". */
dms_status dms_label_set_numbered(dms_label_set **out, int count, dms_task task,
                                  dms_error *err);

/* A copy; of single labels where that task is asked for, as `--task
 * single-label` does. */
dms_status dms_label_set_asked(dms_label_set **out, const dms_label_set *set,
                               dms_task task, dms_error *err);

/* A patient's labels from those of the eyes: of an ordered set the worse
 * grade, of any-of the labels of either eye, nothing-found only where nothing
 * was; unknown wherever an unknown eye could change it.
 *
 * patient      out: K of 0, 1 or DMS_LABEL_UNKNOWN
 * left, right  K each; NULL: the patient has no such eye to judge by */
void dms_labels_of_eyes(uint8_t *patient, const dms_label_set *set,
                        const uint8_t *left, const uint8_t *right);

/* Are all of K labels known, and exactly one of them 1? */
bool dms_labels_single(const uint8_t *labels, int count);

/* Is at least one of K labels known? */
bool dms_labels_known(const uint8_t *labels, int count);

#endif
