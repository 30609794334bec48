/* The words for an eye's side, in names and in tables: the closed list of
 * docs/data-format.md. */
#ifndef DMS_DATA_SIDE_WORD_H
#define DMS_DATA_SIDE_WORD_H

#include <stdbool.h>
#include <stddef.h>

/* The Chinese words are one character, and one more that says "eye". */
#define DMS_CJK_LEFT  "\xe5\xb7\xa6"
#define DMS_CJK_RIGHT "\xe5\x8f\xb3"
#define DMS_CJK_EYE   "\xe7\x9c\xbc"

enum { DMS_SIDE_NONE = -1 }; /* beside DMS_LEFT and DMS_RIGHT */

typedef struct dms_side_word {
    const char *text; /* in lower case */
    int side;         /* DMS_LEFT or DMS_RIGHT */
    bool weak; /* it is also an article or a family name: in a photograph's
                  name it counts only at the end, without another word */
} dms_side_word;

/* All words, "left" and "right" first; the last text is NULL. */
extern const dms_side_word dms_side_words[];

/* The word that the whole text is, ignoring case; NULL: none. */
const dms_side_word *dms_side_word_find(const char *text, size_t len);

/* Its side: DMS_LEFT, DMS_RIGHT or DMS_SIDE_NONE. */
int dms_side_word_side(const char *text, size_t len);

#endif
