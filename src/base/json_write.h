/* The one writer of JSON.
 *
 * Values are written in the order of the calls; the writer sets commas, quotes
 * and line breaks. Names and texts are UTF-8. Calls follow JSON's grammar,
 * which assert() holds: in an object each value has its key before it. */
#ifndef DMS_BASE_JSON_WRITE_H
#define DMS_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* How it looks; all zeros: one line, `{"a": 1.0, "b": [2, 3]}`. */
typedef struct dms_json_style {
    int indent;   /* blanks a level, each value on a line of its own; 0: none */
    bool compact; /* no blank behind commas and colons */
    bool ascii;   /* what is not ASCII as \uXXXX */
    bool plain;   /* reals as %g writes them, 1 and 1e-05, not 1.0 and 1e-5 */
    int digits;   /* significant digits of a real; 0: 17, which read back to
                     the same bits */
} dms_json_style;

typedef struct dms_json_writer {
    dms_strbuf *out; /* borrowed; its `failed` tells of want of memory */
    dms_json_style style;
    int depth;   /* containers that are open */
    int line;    /* the blanks of a line asked for, or -1 */
    bool filled; /* the innermost container holds a value already */
    bool keyed;  /* a key is written and its value is not */
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
/* What is not finite becomes null: JSON has no word for it. */
void dms_json_write_real(dms_json_writer *w, double value);
void dms_json_write_integer(dms_json_writer *w, int64_t value);
void dms_json_write_count(dms_json_writer *w, uint64_t value);
void dms_json_write_bool(dms_json_writer *w, bool value);
void dms_json_write_null(dms_json_writer *w);

/* Without an indent: begin the next value, key or end on a new line with so
 * many blanks. */
void dms_json_write_line(dms_json_writer *w, int blanks);

#endif
