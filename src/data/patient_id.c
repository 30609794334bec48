/* Comparing patients' ids: as numbers if both are numbers. */
#include "data/patient_id.h"

#include <stdbool.h>
#include <string.h>

#include "base/number.h"

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
