/* jansson values from text and to text. Reading uses jansson, writing uses
 * base/json_write; both work the same in every locale. */
#ifndef DMS_FORMATS_JSON_H
#define DMS_FORMATS_JSON_H

#include <jansson.h>

#include "base/json_write.h"
#include "dms/status.h"

/* jansson's parser recurses once per nested list. Its own limit of 2,048 takes
 * 180 KB of stack. */
enum { DMS_JSON_DEPTH_MAX = 64 };

/* json_loadb, with two differences: the locale's decimal point has no effect,
 * and lists and objects nested deeper than DMS_JSON_DEPTH_MAX are refused. NULL
 * on failure, as json_loadb. problem may be NULL; its code is
 * json_error_out_of_memory whenever memory runs out. Free with json_decref. */
json_t *dms_json_read(const char *text, size_t len, size_t flags,
                      json_error_t *problem);

/* Parse a whole NUL-terminated text in memory; name is for messages. *out is
 * NULL on failure. DMS_EFORMAT if text is not JSON, DMS_ENOMEM. */
dms_status dms_json_parse(json_t **out, const char *text, const char *name,
                          dms_error *err);

/* A JSON string of a name or any other bytes, written as base/name.h does; JSON
 * null if text is NULL. NULL only if memory runs out, never because of the
 * content. */
json_t *dms_json_name(const char *text);

/* Set value under key, or append value; takes value. If memory ran out for
 * value or runs out here, or if *to is already NULL, *to is freed and set to
 * NULL. So a tree built with these and json_pack is either complete or NULL,
 * and dms_json_dump then returns NULL. key is UTF-8. */
void dms_json_set(json_t **to, const char *key, json_t *value);
void dms_json_append(json_t **to, json_t *value);

/* A JSON real; JSON null if value is not finite. */
json_t *dms_json_real(double value);

/* Write one value and everything below it at the writer's position. */
void dms_json_write_value(dms_json_writer *w, json_t *value);

/* A new text, which the caller frees (dms_free); NULL if memory runs out or
 * root is NULL. */
char *dms_json_dump(json_t *root, dms_json_style style);

#endif
