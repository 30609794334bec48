#include "data/patient_id.h"

#include <stdlib.h>
#include <string.h>

int dms_patient_id_compare(const char *a, const char *b)
{
    char *a_end, *b_end;
    long long x = strtoll(a, &a_end, 10);
    long long y = strtoll(b, &b_end, 10);

    if (*a_end == '\0' && *b_end == '\0' && x != y)
        return x < y ? -1 : 1;
    return strcmp(a, b);
}
