/* Splitting a column's name into known words. Relies on word lists in lower
 * case without separators. */
#include "data/near_column.h"

#include <stdint.h>
#include <string.h>

#include "base/ascii.h"
#include "base/fail.h"
#include "base/utf8.h"
#include "data/table_cell.h"

enum {
    NAME_MAX_BYTES = 80,
    SHORT_MAX = 2,   /* bytes of "os", "le", "r": parts of many words */
    PLAIN_WORDS = 2, /* "left" and "right", the first of dms_side_words */
    FULLWIDTH_OPENING = 0xff08,
    FULLWIDTH_CLOSING = 0xff09
};

static bool is_between_words(uint32_t code)
{
    return code == '.' || code == '(' || code == ')' || code == '[' ||
           code == ']' || code == FULLWIDTH_OPENING ||
           code == FULLWIDTH_CLOSING || dms_utf8_is_separator(code);
}

/* The header's name in lower case, with one blank between its parts; "": empty,
 * or too long to match. */
static void fold_name(char folded[NAME_MAX_BYTES], const dms_table *table,
                      size_t column)
{
    size_t len, step, count = 0;
    const char *name = dms_cell_text(table, 0, column, &len);

    if (len >= NAME_MAX_BYTES)
        len = 0;
    for (; len > 0; name += step, len -= step) {
        uint32_t code;

        step = dms_utf8_decode(&code, name, len);
        if (step > 0 && is_between_words(code)) {
            if (count > 0 && folded[count - 1] != ' ')
                folded[count++] = ' ';
            continue;
        }
        step = 1;
        folded[count++] = dms_ascii_lower(*name);
    }
    if (count > 0 && folded[count - 1] == ' ')
        count--;
    folded[count] = '\0';
}

/* The text after the word, in which separators do not count; NULL: it does not
 * begin with the word. */
static const char *skip_word(const char *text, const char *word)
{
    for (; *word; word++, text++) {
        text += *text == ' ';
        if (*text != *word)
            return NULL;
    }
    return text;
}

/* The same for a word for a side; text is within or at the start of folded. */
static const char *skip_side(const char *folded, const char *text,
                             const char *word)
{
    const char *rest = skip_word(text, word);

    if (!rest || strlen(word) > SHORT_MAX)
        return rest;
    text += *text == ' ';
    return (text == folded || text[-1] == ' ') && rest == text + strlen(word) &&
                   (*rest == '\0' || *rest == ' ')
               ? rest
               : NULL;
}

/* Is text, the end of folded, made of the name's words? word, side: the name's
 * own must still follow. */
static bool made_of(const char *folded, const char *text,
                    const dms_near_name *name, bool word, bool side)
{
    const char *rest;

    if (!*text)
        return !word && !side;
    if (word && (rest = skip_word(text, name->word)) &&
        made_of(folded, rest, name, false, side))
        return true;
    for (int i = 0;
         side && dms_side_words[i].text && (name->any_word || i < PLAIN_WORDS);
         i++)
        if (dms_side_words[i].side == name->side &&
            (rest = skip_side(folded, text, dms_side_words[i].text)) &&
            made_of(folded, rest, name, word, false))
            return true;
    for (int i = 0; name->others[i]; i++)
        if ((rest = skip_word(text, name->others[i])) &&
            made_of(folded, rest, name, word, side))
            return true;
    return false;
}

dms_status dms_near_column_find(size_t *out, const dms_table *table,
                                const dms_near_name *name, dms_error *err)
{
    *out = DMS_TABLE_NONE;
    for (size_t i = 0; i < table->rows[0].count; i++) {
        char folded[NAME_MAX_BYTES];

        fold_name(folded, table, i);
        if (!made_of(folded, folded, name, name->word != NULL,
                     name->side != DMS_SIDE_NONE))
            continue;
        if (*out != DMS_TABLE_NONE)
            return dms_fail(err, DMS_EFORMAT,
                            "%s:%d: columns '%.60s' and '%.60s' may both be "
                            "'%s'; give one of them this name",
                            table->name, table->rows[0].line,
                            dms_table_cell(table, 0, *out),
                            dms_table_cell(table, 0, i), name->usual);
        *out = i;
    }
    return DMS_OK;
}
