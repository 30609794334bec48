/* The only JSON writer.
 *
 * Values are written in the order of the calls; the writer adds commas, quotes
 * and line breaks. Names and texts are UTF-8. Calls must follow JSON's grammar
 * (asserted): in an object, a key precedes each value. */
#ifndef DMS_BASE_JSON_WRITE_H
#define DMS_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* The layout; all zeros: one line, `{"a": 1.0, "b": [2, 3]}`. */
typedef struct dms_json_style {
    int indent;   /* spaces per level, one value per line; 0: one line */
    bool compact; /* no space after commas and colons */
    bool ascii;   /* escape other characters as \uXXXX */
    bool plain;   /* reals as %g writes them, 1 and 1e-05, not 1.0 and 1e-5 */
    int digits;   /* significant digits of a real; 0: 17, which read back to
                     the same bits */
} dms_json_style;

typedef struct dms_json_writer {
    dms_strbuf *out; /* borrowed; its `failed` reports an allocation failure */
    dms_json_style style;
    int depth;   /* open containers */
    int line;    /* spaces at the start of a requested new line, or -1 */
    bool filled; /* the innermost container already holds a value */
    bool keyed;  /* a key was written and its value was not */
} dms_json_writer;

void dms_json_write_begin(dms_json_writer *w, dms_strbuf *out,
                          dms_json_style style);

void dms_json_write_object(dms_json_writer *w);
void dms_json_write_object_end(dms_json_writer *w);
void dms_json_write_array(dms_json_writer *w);
void dms_json_write_array_end(dms_json_writer *w);
void dms_json_write_key(dms_json_writer *w, const char *name);

void dms_json_write_text(dms_json_writer *w, const char *text);
void dms_json_write_bytes(dms_json_writer *w, const char *text, size_t len);
/* NaN and infinity become null: JSON cannot represent them. */
void dms_json_write_real(dms_json_writer *w, double value);
void dms_json_write_integer(dms_json_writer *w, int64_t value);
void dms_json_write_count(dms_json_writer *w, uint64_t value);
void dms_json_write_bool(dms_json_writer *w, bool value);
void dms_json_write_null(dms_json_writer *w);
/* A name, whose bytes may be any (base/name.h). */
void dms_json_write_name(dms_json_writer *w, const char *name);

/* A key and its value. */
void dms_json_write_key_real(dms_json_writer *w, const char *key, double value);
void dms_json_write_key_count(dms_json_writer *w, const char *key,
                              uint64_t value);

/* With indent = 0: start the next value, key or end on a new line, after
 * `blanks` spaces. */
void dms_json_write_line(dms_json_writer *w, int blanks);

#endif
