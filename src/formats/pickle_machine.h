/* The stack machine that executes a pickle. Only for pickle*.c. */
#ifndef DMS_FORMATS_PICKLE_MACHINE_H
#define DMS_FORMATS_PICKLE_MACHINE_H

#include "base/bytes.h"
#include "formats/pickle.h"

typedef struct pickle_cell {
    dms_pickle_ref value;
    uint32_t next; /* 0: last cell; cell 0 is unused */
} pickle_cell;

struct dms_pickle {
    dms_pickle_value *values;
    pickle_cell *cells;
    size_t count, capacity; /* of values */
    size_t cell_count, cell_capacity;
    dms_pickle_ref root;
};

typedef struct pickle_machine {
    dms_pickle *pickle;
    dms_bytes bytes;
    const dms_pickle_rules *rules;
    dms_error *err;
    size_t at; /* byte offset of the current opcode */
    uint8_t opcode;
    dms_pickle_ref *stack; /* PICKLE_MARK stands for a mark */
    size_t height, stack_capacity;
    uint32_t *memo; /* ref + 1; 0: unset */
    size_t memo_capacity, memo_count;
} pickle_machine;

#define PICKLE_MARK UINT32_MAX

/* For example "BINPUT"; "unknown" if the byte is not an opcode. */
const char *dms_pickle_opcode_name(uint8_t opcode);

/* Record "FILE: refused: opcode 'q' (BINPUT) at byte 7: why" and return
 * status. */
dms_status dms_pickle_refuse(pickle_machine *m, dms_status status,
                             const char *why);

/* Execute m->opcode, which is not STOP. */
dms_status dms_pickle_play(pickle_machine *m);

/* Create a value of the current opcode and push it. NULL on failure, with the
 * status in *st. The pointer is valid until the next value is created. */
dms_pickle_value *dms_pickle_push_new(pickle_machine *m, dms_pickle_kind kind,
                                      dms_status *st);
dms_status dms_pickle_push(pickle_machine *m, dms_pickle_ref ref);
/* Pop the top value, which must not be a mark. */
dms_status dms_pickle_pop(pickle_machine *m, dms_pickle_ref *ref);
/* Append to a tuple, list or dict. */
dms_status dms_pickle_append(pickle_machine *m, dms_pickle_ref container,
                             dms_pickle_ref value);
/* Find the index of the topmost mark. */
dms_status dms_pickle_find_mark(pickle_machine *m, size_t *mark);
/* The memo. dms_pickle_memo_put refuses an index of DMS_PICKLE_MEMO_MAX or
 * more. */
dms_status dms_pickle_memo_put(pickle_machine *m, uint64_t index);
dms_status dms_pickle_memo_get(pickle_machine *m, uint64_t index);

/* Execute GLOBAL, STACK_GLOBAL, REDUCE, BUILD, BINPERSID. */
dms_status dms_pickle_play_global(pickle_machine *m);
dms_status dms_pickle_play_stack_global(pickle_machine *m);
dms_status dms_pickle_play_reduce(pickle_machine *m);
dms_status dms_pickle_play_build(pickle_machine *m);
dms_status dms_pickle_play_persistent(pickle_machine *m);

#endif
