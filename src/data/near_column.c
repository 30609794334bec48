/* Splitting a column's name into known words. Relies on word lists in lower
 * case without separators. */
#include "data/near_column.h"

#include <string.h>

#include "base/ascii.h"
#include "base/fail.h"
#include "data/table_cell.h"

#define NO_BREAK_SPACE "\xc2\xa0"

enum { NAME_MAX_BYTES = 80 };

/* The header's name in lower case without separators; "": empty, or too long to
 * match. */
static void fold_name(char folded[NAME_MAX_BYTES], const dms_table *table,
                      size_t column)
{
    size_t len, count = 0;
    const char *name = dms_cell_text(table, 0, column, &len);

    folded[0] = '\0';
    if (len >= NAME_MAX_BYTES)
        return;
    for (size_t i = 0; i < len; i++) {
        if (strncmp(name + i, NO_BREAK_SPACE, 2) == 0)
            i++;
        else if (!dms_ascii_is_space(name[i]) && !strchr("_-.()", name[i]))
            folded[count++] = dms_ascii_lower(name[i]);
    }
    folded[count] = '\0';
}

/* The text after the word; NULL: it does not begin with the word. */
static const char *skip_word(const char *text, const char *word)
{
    size_t len = strlen(word);

    return strncmp(text, word, len) == 0 ? text + len : NULL;
}

/* Is text made of the name's words? missing: a bit per word that must follow.
 */
static bool made_of(const char *text, const dms_near_name *name,
                    unsigned missing)
{
    const char *rest;

    if (!*text)
        return missing == 0;
    for (unsigned i = 0; name->words[i]; i++)
        if ((missing >> i & 1) && (rest = skip_word(text, name->words[i])) &&
            made_of(rest, name, missing & ~(1U << i)))
            return true;
    for (int i = 0; name->others[i]; i++)
        if ((rest = skip_word(text, name->others[i])) &&
            made_of(rest, name, missing))
            return true;
    return false;
}

dms_status dms_near_column_find(size_t *out, const dms_table *table,
                                const dms_near_name *name, dms_error *err)
{
    unsigned all = 0;

    for (unsigned i = 0; name->words[i]; i++)
        all |= 1U << i;
    *out = DMS_TABLE_NONE;
    for (size_t i = 0; i < table->rows[0].count; i++) {
        char folded[NAME_MAX_BYTES];

        fold_name(folded, table, i);
        if (!made_of(folded, name, all))
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
