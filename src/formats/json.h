/* jansson's values from text and to text. Reading goes through jansson,
 * writing through base/json_write: both in every locale the same. */
#ifndef DMS_FORMATS_JSON_H
#define DMS_FORMATS_JSON_H

#include <jansson.h>

#include "base/json_write.h"

/* jansson's parser calls itself for each list in a list, as deep as 2,048,
 * which takes 180 KB of stack. */
enum { DMS_JSON_DEPTH_MAX = 64 };

/* json_loadb, but a locale's decimal point changes nothing, and lists and
 * objects deeper in each other than DMS_JSON_DEPTH_MAX are refused. NULL as
 * there; problem may be NULL. Free with json_decref. */
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
