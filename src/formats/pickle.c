/* Executes a pickle from its first opcode to STOP. Relies on the other
 * pickle*.c files, which check each opcode and bound the memory. */
#include "formats/pickle.h"

#include "base/alloc.h"
#include "base/fail.h"
#include "formats/pickle_machine.h"

static dms_status play(pickle_machine *m)
{
    enum { STOP = '.' };
    dms_status st = DMS_OK;

    for (;;) {
        m->at = m->bytes.at;
        if (m->at == DMS_PICKLE_SIZE_MAX)
            return dms_fail(m->err, DMS_ELIMIT,
                            "%s: a pickle of more than %d bytes is not read",
                            m->rules->file, DMS_PICKLE_SIZE_MAX);
        if (dms_bytes_left(&m->bytes) == 0)
            return dms_fail(m->err, DMS_EFORMAT,
                            "%s: the pickle ends at byte %zu without STOP",
                            m->rules->file, m->at);
        m->opcode = dms_bytes_u8(&m->bytes);
        if (m->opcode == STOP)
            break;
        if ((st = dms_pickle_play(m)) != DMS_OK)
            return st;
        if (m->bytes.failed)
            return dms_pickle_refuse(m, DMS_EFORMAT,
                                     "it reaches past the pickle's end");
    }
    if ((st = dms_pickle_pop(m, &m->pickle->root)) != DMS_OK)
        return st;
    if (m->height > 0)
        return dms_pickle_refuse(m, DMS_EFORMAT,
                                 "the stack holds more than one value");
    return DMS_OK;
}

dms_status dms_pickle_create(dms_pickle **out, size_t *used, const void *data,
                             size_t size, const dms_pickle_rules *rules,
                             dms_error *err)
{
    dms_status st = DMS_OK;
    pickle_machine m = {.rules = rules, .err = err};
    size_t taken = size < DMS_PICKLE_SIZE_MAX ? size : DMS_PICKLE_SIZE_MAX;
    dms_pickle *pickle = dms_calloc(1, sizeof *pickle);

    if (!pickle)
        return dms_fail_memory(err, rules->file);
    m.pickle = pickle;
    m.bytes = dms_bytes_over(data, taken);
    st = play(&m);
    if (st == DMS_OK && !used && m.bytes.at != size)
        st = dms_fail(err, DMS_EFORMAT, "%s: %zu bytes follow the pickle's end",
                      rules->file, size - m.bytes.at);
    if (st == DMS_OK && used)
        *used = m.bytes.at;
    dms_free(m.stack);
    dms_free(m.memo);
    if (st != DMS_OK)
        dms_pickle_destroy(pickle);
    else
        *out = pickle;
    return st;
}
