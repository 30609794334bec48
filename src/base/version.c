#include "dms/status.h"

const char *dms_version(void)
{
    return DMS_VERSION;
}
