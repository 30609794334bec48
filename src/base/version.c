/* The version of the loaded library; dms/version.h has the version of the
 * caller's headers. */
#include "dms/version.h"

#define TEXT_OF(number) #number
#define TEXT(number)    TEXT_OF(number)

const char *dms_version(void)
{
    return TEXT(DMS_VERSION_MAJOR) "." TEXT(DMS_VERSION_MINOR) "." TEXT(
        DMS_VERSION_PATCH);
}

int dms_version_number(void)
{
    return DMS_VERSION_NUMBER;
}
