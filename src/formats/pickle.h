/* Python's pickles as data: the opcodes of protocols 2 to 5 that a state dict
 * uses, played into a flat table of values. Nothing is imported or called: a
 * global is a row of the caller's list, a call is a value that says which
 * global and which arguments, and any other global or opcode is refused.
 *
 * Source: Lib/pickletools.py of CPython 3.11. */
#ifndef DMS_FORMATS_PICKLE_H
#define DMS_FORMATS_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/status.h"

enum {
    DMS_PICKLE_SIZE_MAX = 64 << 20, /* bytes that are read of one pickle */
    DMS_PICKLE_VALUES_MAX = 2 << 20,
    DMS_PICKLE_CELLS_MAX = 4 << 20, /* places in tuples, lists and dicts */
    DMS_PICKLE_MEMO_MAX = 2 << 20,
    DMS_PICKLE_STACK_MAX = 1 << 20,
    DMS_PICKLE_LONG_MAX = 256 /* bytes of an integer */
};

typedef enum dms_pickle_kind {
    DMS_PICKLE_NONE,
    DMS_PICKLE_BOOL,
    DMS_PICKLE_INT,    /* 64 bits hold it */
    DMS_PICKLE_BIGINT, /* text: little-endian two's complement */
    DMS_PICKLE_FLOAT,
    DMS_PICKLE_TEXT, /* text: as it stands, perhaps no UTF-8 */
    DMS_PICKLE_BYTES,
    DMS_PICKLE_TUPLE,
    DMS_PICKLE_LIST,
    DMS_PICKLE_DICT,      /* items: key, value, key, value ... */
    DMS_PICKLE_GLOBAL,    /* link.global */
    DMS_PICKLE_CALL,      /* link.global of link.value, a tuple */
    DMS_PICKLE_PERSISTENT /* link.value: what the persistent id is */
} dms_pickle_kind;

/* A value by its place in the table. */
typedef uint32_t dms_pickle_ref;

typedef struct dms_pickle_value {
    uint8_t kind;    /* dms_pickle_kind */
    bool attributes; /* a BUILD may set attributes, which are not kept */
    uint32_t at;     /* byte of its opcode in the pickle */
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

/* What a call of a global gives. */
typedef enum dms_pickle_calls {
    DMS_PICKLE_CALLS_NOT,  /* it must not be called */
    DMS_PICKLE_CALLS_DICT, /* a dict, of no arguments or one list of pairs */
    DMS_PICKLE_CALLS_LATER /* a DMS_PICKLE_CALL, for the caller to judge */
} dms_pickle_calls;

typedef struct dms_pickle_global {
    const char *module, *name;
    dms_pickle_calls calls;
    bool attributes; /* its objects may have a BUILD, which is read over */
    int what;        /* the caller's own */
} dms_pickle_global;

/* A global that is refused. */
typedef struct dms_pickle_refusal {
    const char *module; /* not terminated */
    size_t module_len;
    const void *data; /* the pickle from its start, and what follows it */
    size_t size;
    bool is_root; /* the pickle is an object of that class, no dict of some */
} dms_pickle_refusal;

/* What may stand in the pickle, and how it is named in messages. */
typedef struct dms_pickle_rules {
    const char *file;
    const dms_pickle_global *globals;
    size_t count;
    /* Appended to the refusal of a global; "" or a clause. May be NULL. */
    const char *(*hint)(const dms_pickle_refusal *refusal);
} dms_pickle_rules;

typedef struct dms_pickle dms_pickle;

/* Read one pickle from the size bytes at data, which must outlive the result,
 * as must rules->globals. *used gets its length up to and with STOP (may be
 * NULL: then bytes behind STOP are refused).
 *
 * DMS_EFORMAT: an opcode, global or call that is not allowed, a value where
 * another kind must stand, a stack that runs empty, an unset memo entry, no
 * STOP; with opcode and byte within the pickle. DMS_ELIMIT past the limits
 * above. Memory is at most 128 MB; time is linear in size. Lists and dicts may
 * contain themselves: who walks them must bound the depth. */
dms_status dms_pickle_create(dms_pickle **out, size_t *used, const void *data,
                             size_t size, const dms_pickle_rules *rules,
                             dms_error *err);
void dms_pickle_destroy(dms_pickle *pickle);

dms_pickle_ref dms_pickle_root(const dms_pickle *pickle);
/* Values in the table; their refs are 0 to count - 1. */
size_t dms_pickle_count(const dms_pickle *pickle);
/* Borrowed. */
const dms_pickle_value *dms_pickle_at(const dms_pickle *pickle,
                                      dms_pickle_ref ref);

/* Walk a tuple, list or dict: cells from items.first to 0. */
dms_pickle_ref dms_pickle_cell_value(const dms_pickle *pickle, uint32_t cell);
uint32_t dms_pickle_cell_next(const dms_pickle *pickle, uint32_t cell);

/* The values of a tuple, at most max of them; their number, or -1 when ref is
 * no tuple or a longer one. */
int dms_pickle_tuple(const dms_pickle_value **values, int max,
                     const dms_pickle *pickle, dms_pickle_ref ref);
/* The value of a dict's text key, NULL when ref is no dict or has it not. */
const dms_pickle_value *dms_pickle_get(const dms_pickle *pickle,
                                       dms_pickle_ref ref, const char *key);

#endif
