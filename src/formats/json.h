/* jansson's values from text and to text. Reading goes through jansson,
 * writing through base/json_write: both in every locale the same. */
#ifndef DMS_FORMATS_JSON_H
#define DMS_FORMATS_JSON_H

#include <jansson.h>

#include "base/json_write.h"
#include "dms/status.h"

/* jansson's parser calls itself for each list in a list, as deep as 2,048,
 * which takes 180 KB of stack. */
enum { DMS_JSON_DEPTH_MAX = 64 };

/* json_loadb, but a locale's decimal point changes nothing, and lists and
 * objects deeper in each other than DMS_JSON_DEPTH_MAX are refused. NULL as
 * there, and problem, which may be NULL, has the code
 * json_error_out_of_memory for every want of memory. Free with json_decref. */
json_t *dms_json_read(const char *text, size_t len, size_t flags,
                      json_error_t *problem);

/* The value of a whole text in memory, which name is of; *out is NULL on
 * failure. DMS_EFORMAT for what is no JSON, DMS_ENOMEM. */
dms_status dms_json_parse(json_t **out, const char *text, const char *name,
                          dms_error *err);

/* A name or another text of any bytes, as base/name.h writes it, or null where
 * text is NULL. NULL without memory, never for its content. */
json_t *dms_json_name(const char *text);

/* Put value under key, or at the end; takes value. Without memory for either,
 * or where *to is NULL already, *to is freed and NULL: so a tree built by these
 * and by json_pack is whole, or it is NULL and dms_json_dump says so. key is
 * UTF-8. */
void dms_json_set(json_t **to, const char *key, json_t *value);
void dms_json_append(json_t **to, json_t *value);

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
