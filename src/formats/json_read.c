#include "formats/json_read.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Of what is no JSON it may say either: the parser refuses that itself. */
static bool is_too_deep(const char *text, size_t len)
{
    bool quoted = false;
    int depth = 0;

    for (size_t i = 0; i < len; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && (text[i] == '[' || text[i] == '{')) {
            if (++depth > DMS_JSON_DEPTH_MAX)
                return true;
        } else if (!quoted && (text[i] == ']' || text[i] == '}'))
            depth--;
    }
    return false;
}

json_t *dms_json_read(const char *text, size_t len, size_t flags,
                      json_error_t *problem)
{
    if (!is_too_deep(text, len))
        return json_loadb(text, len, flags, problem);
    if (problem) {
        memset(problem, 0, sizeof *problem);
        snprintf(problem->text, sizeof problem->text,
                 "more than %d lists and objects in each other",
                 DMS_JSON_DEPTH_MAX);
        /* where json_error_code looks for it */
        problem->text[sizeof problem->text - 1] = json_error_stack_overflow;
    }
    return NULL;
}
