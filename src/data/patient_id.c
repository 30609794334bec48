/* Comparing patients' ids, by number where both are numbers. */
#include "data/patient_id.h"

#include <string.h>

#include "base/number.h"

int dms_patient_id_compare(const char *a, const char *b)
{
    const char *a_end, *b_end;
    int64_t x = dms_integer_read(a, &a_end, NULL);
    int64_t y = dms_integer_read(b, &b_end, NULL);

    if (*a_end == '\0' && *b_end == '\0' && x != y)
        return x < y ? -1 : 1;
    return strcmp(a, b);
}
