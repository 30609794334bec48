/* Relies on newlocale(LC_ALL_MASK, "C", 0), which glibc and musl answer with a
 * constant, and on uselocale, which is the calling thread's alone. */
#include "base/c_locale.h"

#include <string.h>

locale_t dms_c_locale(void)
{
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

locale_t dms_c_locale_enter(void)
{
    return uselocale(dms_c_locale());
}

void dms_c_locale_leave(locale_t before)
{
    uselocale(before);
}

const char *dms_errno_text(int cause)
{
    return strerror_l(cause, dms_c_locale());
}
