/* Comparing patients' ids: as numbers if both are numbers, as texts in one
 * Unicode form. Relies on unicode_form.h for the form. */
#include "data/patient_id.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/fail.h"
#include "base/number.h"
#include "data/unicode_form.h"

static bool is_number(const char *id, int64_t *value)
{
    const char *end;

    *value = dms_integer_read(id, &end, NULL);
    return *end == '\0';
}

int dms_patient_id_compare(const char *a, const char *b)
{
    int64_t x, y;
    bool a_is = is_number(a, &x);
    bool b_is = is_number(b, &y);

    if (a_is != b_is) /* else 2 < 10 < 1a < 2 would not be an order */
        return a_is ? -1 : 1;
    if (a_is && x != y)
        return x < y ? -1 : 1;
    return strcmp(a, b);
}

/* An id that is not ASCII: only such have several forms. */
typedef struct form {
    char *composed; /* to be released with free */
    size_t index;   /* of the id */
} form;

static int by_form(const void *a, const void *b)
{
    const form *x = a;
    const form *y = b;
    int order = strcmp(x->composed, y->composed);

    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

dms_status dms_patient_id_twins(size_t *first, size_t *second,
                                const char *const *ids, size_t count,
                                dms_error *err)
{
    dms_status st = DMS_OK;
    form *forms = dms_calloc(count + 1, sizeof *forms);
    size_t found = 0;

    *first = *second = count;
    if (!forms)
        return dms_fail_memory(err, "ids");
    for (size_t i = 0; i < count && st == DMS_OK; i++) {
        if (dms_ascii_is_all(ids[i], strlen(ids[i])))
            continue;
        forms[found] = (form){dms_unicode_compose(ids[i], false), i};
        st = forms[found].composed ? DMS_OK : dms_fail_memory(err, "ids");
        found += st == DMS_OK;
    }
    if (st == DMS_OK && found > 0)
        qsort(forms, found, sizeof *forms, by_form);
    for (size_t i = 1; i < found && st == DMS_OK; i++)
        if (*first == count &&
            strcmp(forms[i - 1].composed, forms[i].composed) == 0 &&
            strcmp(ids[forms[i - 1].index], ids[forms[i].index]) != 0) {
            *first = forms[i - 1].index;
            *second = forms[i].index;
        }
    for (size_t i = 0; i < found; i++)
        free(forms[i].composed);
    dms_free(forms);
    return st;
}
