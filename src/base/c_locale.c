/* Relies on newlocale(LC_ALL_MASK, "C", 0), which returns a constant in glibc
 * and musl, and on uselocale, which affects only the calling thread. */
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
