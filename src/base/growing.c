/* Copies option structs between versions of different length; relies on
 * struct_size being the first member. */
#include "base/growing.h"

#include <string.h>

#include "base/fail.h"

/* No options struct is this large; a larger size was never initialised. */
enum { SIZE_MAX_BELIEVED = 1 << 16 };

void dms_growing_init(void *given, size_t given_size, const void *defaults,
                      size_t size)
{
    if (given_size < sizeof given_size)
        return;
    memset(given, 0, given_size);
    memcpy(given, defaults, given_size < size ? given_size : size);
    memcpy(given, &given_size, sizeof given_size);
}

dms_status dms_growing_take(void *own, size_t size, const void *given,
                            const char *name, dms_error *err)
{
    const unsigned char *bytes = given;
    size_t given_size;

    if (!given)
        return DMS_OK;
    memcpy(&given_size, given, sizeof given_size);
    if (given_size < sizeof given_size || given_size > SIZE_MAX_BELIEVED)
        return dms_fail(err, DMS_EINVAL,
                        "%s: struct_size is %zu; fill the struct with its "
                        "init function first",
                        name, given_size);
    for (size_t i = size; i < given_size; i++)
        if (bytes[i] != 0)
            return dms_fail(err, DMS_EINVAL,
                            "%s: the field at byte %zu is set, but libdmsnet "
                            "%s does not know it; use a newer libdmsnet",
                            name, i, dms_version());
    memcpy(own, given, given_size < size ? given_size : size);
    memcpy(own, &size, sizeof size);
    return DMS_OK;
}
