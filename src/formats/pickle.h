/* Python pickles read as data. The opcodes of protocols 2 to 5 that a state
 * dict uses are executed into a flat table of values. Nothing is imported or
 * called: a global is a row of the caller's list, and a call is a value that
 * records the global and its arguments. Any other global or opcode is refused.
 *
 * Source: Lib/pickletools.py of CPython 3.11. */
#ifndef DMS_FORMATS_PICKLE_H
#define DMS_FORMATS_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/status.h"

enum {
    DMS_PICKLE_SIZE_MAX = 64 << 20, /* bytes read of one pickle */
    DMS_PICKLE_VALUES_MAX = 2 << 20,
    DMS_PICKLE_CELLS_MAX = 4 << 20, /* elements of tuples, lists and dicts */
    DMS_PICKLE_MEMO_MAX = 2 << 20,
    DMS_PICKLE_STACK_MAX = 1 << 20,
    DMS_PICKLE_LONG_MAX = 256 /* bytes of an integer */
};

typedef enum dms_pickle_kind {
    DMS_PICKLE_NONE,
    DMS_PICKLE_BOOL,
    DMS_PICKLE_INT,    /* fits in 64 bits */
    DMS_PICKLE_BIGINT, /* text: little-endian two's complement */
    DMS_PICKLE_FLOAT,
    DMS_PICKLE_TEXT, /* text: raw bytes, may be invalid UTF-8 */
    DMS_PICKLE_BYTES,
    DMS_PICKLE_TUPLE,
    DMS_PICKLE_LIST,
    DMS_PICKLE_DICT,      /* items: key, value, key, value ... */
    DMS_PICKLE_GLOBAL,    /* link.global */
    DMS_PICKLE_CALL,      /* calls link.global with tuple link.value */
    DMS_PICKLE_PERSISTENT /* link.value: the persistent id */
} dms_pickle_kind;

/* A value's index in the table. */
typedef uint32_t dms_pickle_ref;

typedef struct dms_pickle_value {
    uint8_t kind;    /* dms_pickle_kind */
    bool attributes; /* a BUILD may set attributes; they are dropped */
    uint32_t at;     /* byte offset of its opcode in the pickle */
    union {
        bool truth;
        int64_t integer;
        double number;
        struct {
            const char *data; /* borrowed from the pickle */
            size_t len;
        } text;
        struct {
            uint32_t first, last; /* cells; 0: none */
            uint32_t count;
        } items;
        struct {
            uint32_t global; /* row of the caller's list */
            dms_pickle_ref value;
        } link;
    };
} dms_pickle_value;

/* The result of calling a global. */
typedef enum dms_pickle_calls {
    DMS_PICKLE_CALLS_NOT,  /* it must not be called */
    DMS_PICKLE_CALLS_DICT, /* a dict; takes nothing or one list of pairs */
    DMS_PICKLE_CALLS_LATER /* a DMS_PICKLE_CALL, for the caller to judge */
} dms_pickle_calls;

typedef struct dms_pickle_global {
    const char *module, *name;
    dms_pickle_calls calls;
    bool attributes; /* its objects may have a BUILD, which is skipped */
    int what;        /* free for the caller's use */
} dms_pickle_global;

/* A refused global. */
typedef struct dms_pickle_refusal {
    const char *module; /* not NUL-terminated */
    size_t module_len;
    const void *data; /* the whole pickle and what follows it */
    size_t size;
    bool is_root; /* the pickle is such an object, not a dict of them */
} dms_pickle_refusal;

/* What a pickle may contain, and the file name for messages. */
typedef struct dms_pickle_rules {
    const char *file;
    const dms_pickle_global *globals;
    size_t count;
    /* Returns what to append to the refusal of a global: "" or a clause. May be
     * NULL. */
    const char *(*hint)(const dms_pickle_refusal *refusal);
} dms_pickle_rules;

typedef struct dms_pickle dms_pickle;

/* Read one pickle from the size bytes at data. data and rules->globals must
 * outlive the result. *used is set to the pickle's length including STOP. If
 * used is NULL, bytes after STOP are refused.
 *
 * DMS_EFORMAT, with the opcode and its byte in the pickle, for: an opcode,
 * global or call that is not allowed, a value of the wrong kind, a stack
 * underflow, an unset memo entry, a missing STOP. DMS_ELIMIT past the limits
 * above. Memory is at most 128 MB; time is linear in size. Lists and dicts may
 * contain themselves, so a caller that walks them must bound the depth. */
dms_status dms_pickle_create(dms_pickle **out, size_t *used, const void *data,
                             size_t size, const dms_pickle_rules *rules,
                             dms_error *err);
void dms_pickle_destroy(dms_pickle *pickle);

dms_pickle_ref dms_pickle_root(const dms_pickle *pickle);
/* The number of values in the table; their refs are 0 to count - 1. */
size_t dms_pickle_count(const dms_pickle *pickle);
/* The value of a ref, borrowed. */
const dms_pickle_value *dms_pickle_at(const dms_pickle *pickle,
                                      dms_pickle_ref ref);

/* Walk a tuple, list or dict: cells from items.first until 0. */
dms_pickle_ref dms_pickle_cell_value(const dms_pickle *pickle, uint32_t cell);
uint32_t dms_pickle_cell_next(const dms_pickle *pickle, uint32_t cell);

/* Get the values of a tuple, at most max. Returns their number, or -1 if ref is
 * not a tuple or the tuple is longer. */
int dms_pickle_tuple(const dms_pickle_value **values, int max,
                     const dms_pickle *pickle, dms_pickle_ref ref);
/* The value under a dict's text key; NULL if ref is not a dict or the key is
 * missing. */
const dms_pickle_value *dms_pickle_get(const dms_pickle *pickle,
                                       dms_pickle_ref ref, const char *key);

#endif
