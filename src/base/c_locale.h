/* The C locale, for the calling thread and for as long as a call lasts.
 *
 * A program that uses the library may have called setlocale: printf then
 * writes a decimal comma, strtod stops at a point and strerror speaks the
 * user's language. What dmsnet reads and writes is the same everywhere. */
#ifndef DMS_BASE_C_LOCALE_H
#define DMS_BASE_C_LOCALE_H

#include <locale.h>

/* Make the C locale this thread's own; the process's locale and the other
 * threads are left alone. Cannot fail, takes no lock and no memory: libc keeps
 * the C locale as a constant. Returns what dms_c_locale_leave wants back. */
locale_t dms_c_locale_enter(void);
void dms_c_locale_leave(locale_t before);

/* That constant, for strtod_l and its like. Never freed. */
locale_t dms_c_locale(void);

/* strerror in English, whatever LC_MESSAGES says. Valid until this thread
 * calls it again. */
const char *dms_errno_text(int cause);

#endif
