/* Unicode forms. Relies on utf8proc, which nothing else uses. */
#include "data/unicode_form.h"

#include <string.h>

#include <utf8proc.h>

char *dms_unicode_compose(const char *text, bool fold_case)
{
    utf8proc_uint8_t *composed = NULL;
    int options = UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE |
                  (fold_case ? UTF8PROC_CASEFOLD : 0);

    if (utf8proc_map((const utf8proc_uint8_t *)text, 0, &composed,
                     (utf8proc_option_t)options) >= 0)
        return (char *)composed;
    return strdup(text);
}
