/* The list of words for a side. Relies on words in UTF-8, in lower case. */
#include "data/side_word.h"

#include <string.h>

#include "base/ascii.h"
#include "dms/data.h"

const dms_side_word dms_side_words[] = {
    {"left", DMS_LEFT, false},
    {"right", DMS_RIGHT, false},
    {"l", DMS_LEFT, false},
    {"r", DMS_RIGHT, false},
    {"os", DMS_LEFT, false},
    {"od", DMS_RIGHT, false},
    {"oi", DMS_LEFT, false},
    {"le", DMS_LEFT, true},
    {"re", DMS_RIGHT, true},
    {"links", DMS_LEFT, false},
    {"rechts", DMS_RIGHT, false},
    {"gauche", DMS_LEFT, false},
    {"droit", DMS_RIGHT, false},
    {"droite", DMS_RIGHT, false},
    {"izquierdo", DMS_LEFT, false},
    {"izquierda", DMS_LEFT, false},
    {"derecho", DMS_RIGHT, false},
    {"derecha", DMS_RIGHT, false},
    {DMS_CJK_LEFT, DMS_LEFT, false},
    {DMS_CJK_RIGHT, DMS_RIGHT, false},
    {DMS_CJK_LEFT DMS_CJK_EYE, DMS_LEFT, false},
    {DMS_CJK_RIGHT DMS_CJK_EYE, DMS_RIGHT, false},
    {NULL, DMS_SIDE_NONE, false},
};

const dms_side_word *dms_side_word_find(const char *text, size_t len)
{
    for (const dms_side_word *w = dms_side_words; w->text; w++)
        if (strlen(w->text) == len && dms_ascii_same_start(text, w->text, len))
            return w;
    return NULL;
}

int dms_side_word_side(const char *text, size_t len)
{
    const dms_side_word *word = dms_side_word_find(text, len);

    return word ? word->side : DMS_SIDE_NONE;
}
