/* jansson's values from text and to text. Reading goes through jansson,
 * writing through base/json_write: both in every locale the same. */
#ifndef DMS_FORMATS_JSON_H
#define DMS_FORMATS_JSON_H

#include <jansson.h>

#include "base/json_write.h"

/* json_loadb, but a locale's decimal point changes nothing. NULL as there;
 * problem may be NULL. Free with json_decref. */
json_t *dms_json_read(const char *text, size_t len, size_t flags,
                      json_error_t *problem);

/* A real, or null where value is not finite. */
json_t *dms_json_real(double value);

/* One value and all below it, at the place where the writer is. */
void dms_json_write_value(dms_json_writer *w, json_t *value);

/* A text of its own (dms_free); NULL without memory or where root is NULL. */
char *dms_json_dump(json_t *root, dms_json_style style);

/* The same on one line without blanks, into text, a terminating 0 included.
 * Returns the whole length, beyond capacity - 1 where it did not fit; 0 without
 * memory or where root is NULL. */
size_t dms_json_print(char *text, size_t capacity, json_t *root);

#endif
