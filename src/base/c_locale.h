/* The C locale, for the calling thread and for the duration of a call.
 *
 * A program that uses the library may have called setlocale: printf then
 * writes a decimal comma, strtod stops at a decimal point and strerror answers
 * in the user's language. What dmsnet reads and writes must not depend on it.
 */
#ifndef DMS_BASE_C_LOCALE_H
#define DMS_BASE_C_LOCALE_H

#include <locale.h>

/* Switch this thread to the C locale; the process's locale and other threads
 * are not affected. Cannot fail, takes no lock and allocates nothing: libc
 * keeps the C locale as a constant. Pass the result to dms_c_locale_leave. */
locale_t dms_c_locale_enter(void);
void dms_c_locale_leave(locale_t before);

/* That constant, for strtod_l and similar functions. Never freed. */
locale_t dms_c_locale(void);

/* strerror in English, regardless of LC_MESSAGES. Valid until this thread's
 * next call. */
const char *dms_errno_text(int cause);

#endif
