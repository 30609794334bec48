/* JSON from outside, for jansson: its parser calls itself for each list in a
 * list, as deep as 2,048, which takes 180 KB of stack. */
#ifndef DMS_FORMATS_JSON_READ_H
#define DMS_FORMATS_JSON_READ_H

#include <jansson.h>

enum { DMS_JSON_DEPTH_MAX = 64 };

/* json_loadb of len bytes at text, refused where lists and objects lie deeper
 * in each other than DMS_JSON_DEPTH_MAX. NULL on failure; *problem, which may
 * be NULL, then says why. */
json_t *dms_json_read(const char *text, size_t len, size_t flags,
                      json_error_t *problem);

#endif
