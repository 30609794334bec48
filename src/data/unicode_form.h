/* Unicode writes one text in several forms: e with an acute accent is one
 * character, composed (NFC), or two, decomposed (NFD). */
#ifndef DMS_DATA_UNICODE_FORM_H
#define DMS_DATA_UNICODE_FORM_H

#include <stdbool.h>

/* The text composed (NFC), and case-folded if fold_case; a copy of a text that
 * is not UTF-8. To be released with free; NULL: out of memory. */
char *dms_unicode_compose(const char *text, bool fold_case);

#endif
