/* Text in SVG: escaping, and how wide it is drawn. */
#ifndef DMS_REPORT_SVG_TEXT_H
#define DMS_REPORT_SVG_TEXT_H

#include "base/strbuf.h"

/* Append a name or UTF-8 text as XML character data, fit for an attribute in
 * double quotes too: &, <, >, " and ' become entities, bytes that are not UTF-8
 * and control characters \xHH (base/name.h), and the two characters that XML
 * forbids U+FFFD. */
void dms_svg_put_text(dms_strbuf *out, const char *text);

/* About how many pixels the text needs in a sans-serif font of that size; on
 * the safe side for Latin letters. */
double dms_svg_text_width(const char *text, double size);

#endif
