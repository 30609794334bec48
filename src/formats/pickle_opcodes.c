/* What each opcode does to the machine; an opcode not listed here is refused.
 * Relies on pickle_machine.c for limits and stack underflow. */
#include <string.h>

#include "base/fail.h"
#include "formats/pickle_machine.h"

static dms_status play_proto(pickle_machine *m)
{
    enum { HIGHEST = 5 };

    if (dms_bytes_u8(&m->bytes) > HIGHEST)
        return dms_pickle_refuse(m, DMS_EFORMAT,
                                 "a protocol above 5 is not supported");
    return DMS_OK;
}

static dms_status play_frame(pickle_machine *m)
{
    if (dms_bytes_u64le(&m->bytes) > dms_bytes_left(&m->bytes))
        m->bytes.failed = true;
    return DMS_OK;
}

static dms_status play_mark(pickle_machine *m)
{
    return dms_pickle_push(m, PICKLE_MARK);
}

/* As in CPython, POP removes a mark too. */
static dms_status play_pop(pickle_machine *m)
{
    if (m->height == 0)
        return dms_pickle_refuse(m, DMS_EFORMAT, "the stack is empty");
    m->height--;
    return DMS_OK;
}

static dms_status play_pop_mark(pickle_machine *m)
{
    return dms_pickle_find_mark(m, &m->height);
}

static dms_status play_constant(pickle_machine *m)
{
    enum { NONE = 'N', NEWTRUE = 0x88 };
    dms_status st;
    bool none = m->opcode == NONE;
    dms_pickle_value *value =
        dms_pickle_push_new(m, none ? DMS_PICKLE_NONE : DMS_PICKLE_BOOL, &st);

    if (value && !none)
        value->truth = m->opcode == NEWTRUE;
    return st;
}

static dms_status play_integer(pickle_machine *m)
{
    dms_status st;
    dms_pickle_value *value = dms_pickle_push_new(m, DMS_PICKLE_INT, &st);

    if (!value)
        return st;
    if (m->opcode == 'J')
        value->integer = (int32_t)dms_bytes_u32le(&m->bytes);
    else if (m->opcode == 'K')
        value->integer = dms_bytes_u8(&m->bytes);
    else
        value->integer = dms_bytes_u16le(&m->bytes);
    return DMS_OK;
}

/* LONG1, LONG4: a length, then that many bytes of little-endian two's
 * complement. */
static dms_status play_long(pickle_machine *m)
{
    enum { LONG1 = 0x8a };
    dms_status st;
    size_t len = m->opcode == LONG1 ? dms_bytes_u8(&m->bytes)
                                    : dms_bytes_u32le(&m->bytes);
    const uint8_t *data;
    dms_pickle_value *value;
    uint64_t bits = 0;

    if (len > DMS_PICKLE_LONG_MAX)
        return dms_pickle_refuse(m, DMS_ELIMIT,
                                 "an integer of more than 256 bytes");
    data = dms_bytes_take(&m->bytes, len);
    value = dms_pickle_push_new(
        m, len <= 8 ? DMS_PICKLE_INT : DMS_PICKLE_BIGINT, &st);
    if (!value || !data)
        return st;
    if (len > 8) {
        value->text.data = (const char *)data;
        value->text.len = len;
        return DMS_OK;
    }
    if (len > 0 && data[len - 1] & 0x80)
        bits = UINT64_MAX;
    for (size_t i = len; i-- > 0;)
        bits = bits << 8 | data[i];
    memcpy(&value->integer, &bits, sizeof bits);
    return DMS_OK;
}

/* Eight bytes, big-endian. */
static dms_status play_float(pickle_machine *m)
{
    dms_status st;
    dms_pickle_value *value = dms_pickle_push_new(m, DMS_PICKLE_FLOAT, &st);
    uint64_t bits = __builtin_bswap64(dms_bytes_u64le(&m->bytes));

    if (value)
        memcpy(&value->number, &bits, sizeof bits);
    return st;
}

static dms_status play_text(pickle_machine *m)
{
    enum { SHORT_BINUNICODE = 0x8c, BINUNICODE8 = 0x8d, BINBYTES8 = 0x8e };
    dms_status st;
    bool bytes = m->opcode == 'B' || m->opcode == 'C' || m->opcode == BINBYTES8;
    dms_pickle_value *value =
        dms_pickle_push_new(m, bytes ? DMS_PICKLE_BYTES : DMS_PICKLE_TEXT, &st);
    uint64_t len;

    if (!value)
        return st;
    if (m->opcode == SHORT_BINUNICODE || m->opcode == 'U' || m->opcode == 'C')
        len = dms_bytes_u8(&m->bytes);
    else if (m->opcode == BINUNICODE8 || m->opcode == BINBYTES8)
        len = dms_bytes_u64le(&m->bytes);
    else
        len = dms_bytes_u32le(&m->bytes);
    value->text.data = (const char *)dms_bytes_take(&m->bytes, (size_t)len);
    value->text.len = value->text.data ? (size_t)len : 0;
    return DMS_OK;
}

static dms_status play_memo(pickle_machine *m)
{
    enum { MEMOIZE = 0x94 };

    switch (m->opcode) {
    case 'q':
        return dms_pickle_memo_put(m, dms_bytes_u8(&m->bytes));
    case 'r':
        return dms_pickle_memo_put(m, dms_bytes_u32le(&m->bytes));
    case 'h':
        return dms_pickle_memo_get(m, dms_bytes_u8(&m->bytes));
    case 'j':
        return dms_pickle_memo_get(m, dms_bytes_u32le(&m->bytes));
    default: /* MEMOIZE */
        return dms_pickle_memo_put(m, m->memo_count);
    }
}

static dms_status play_empty(pickle_machine *m)
{
    dms_status st;

    dms_pickle_push_new(m,
                        m->opcode == '}'   ? DMS_PICKLE_DICT
                        : m->opcode == ']' ? DMS_PICKLE_LIST
                                           : DMS_PICKLE_TUPLE,
                        &st);
    return st;
}

/* Append everything above stack[from], in order, to the container at
 * stack[from - 1 - marks], then pop it together with the marks. */
static dms_status append_from(pickle_machine *m, size_t from, size_t marks,
                              dms_pickle_kind kind)
{
    dms_status st = DMS_OK;
    size_t count = m->height - from;
    dms_pickle_ref into;

    if (from < marks + 1 || m->stack[from - 1 - marks] == PICKLE_MARK)
        return dms_pickle_refuse(m, DMS_EFORMAT, "the stack is empty");
    into = m->stack[from - 1 - marks];
    if (m->pickle->values[into].kind != kind)
        return dms_pickle_refuse(m, DMS_EFORMAT,
                                 kind == DMS_PICKLE_DICT
                                     ? "that is not a dict"
                                     : "that is not a list");
    if (kind == DMS_PICKLE_DICT && count % 2 != 0)
        return dms_pickle_refuse(m, DMS_EFORMAT, "a key without a value");
    for (size_t i = from; i < m->height && st == DMS_OK; i++)
        st = m->stack[i] == PICKLE_MARK
                 ? dms_pickle_refuse(m, DMS_EFORMAT, "the stack is empty")
                 : dms_pickle_append(m, into, m->stack[i]);
    m->height = from - marks;
    return st;
}

static dms_status play_append(pickle_machine *m)
{
    bool pair = m->opcode == 's';
    size_t count = pair ? 2 : 1;

    if (m->height < count)
        return dms_pickle_refuse(m, DMS_EFORMAT, "the stack is empty");
    return append_from(m, m->height - count, 0,
                       pair ? DMS_PICKLE_DICT : DMS_PICKLE_LIST);
}

static dms_status play_appends(pickle_machine *m)
{
    size_t mark;
    dms_status st = dms_pickle_find_mark(m, &mark);

    if (st != DMS_OK)
        return st;
    return append_from(m, mark + 1, 1,
                       m->opcode == 'u' ? DMS_PICKLE_DICT : DMS_PICKLE_LIST);
}

/* Replace everything above stack[from] with a new container of it. */
static dms_status collect(pickle_machine *m, size_t from, size_t marks,
                          dms_pickle_kind kind)
{
    dms_status st;
    size_t height = m->height;
    dms_pickle_ref into;

    if (kind == DMS_PICKLE_DICT && (height - from) % 2 != 0)
        return dms_pickle_refuse(m, DMS_EFORMAT, "a key without a value");
    if (!dms_pickle_push_new(m, kind, &st))
        return st;
    into = m->stack[height];
    for (size_t i = from; i < height && st == DMS_OK; i++)
        st = m->stack[i] == PICKLE_MARK
                 ? dms_pickle_refuse(m, DMS_EFORMAT, "the stack is empty")
                 : dms_pickle_append(m, into, m->stack[i]);
    m->height = from - marks + 1;
    m->stack[from - marks] = into;
    return st;
}

/* TUPLE, LIST, DICT: everything above the mark. */
static dms_status play_collect(pickle_machine *m)
{
    size_t mark;
    dms_status st = dms_pickle_find_mark(m, &mark);

    if (st != DMS_OK)
        return st;
    return collect(m, mark + 1, 1,
                   m->opcode == 't'   ? DMS_PICKLE_TUPLE
                   : m->opcode == 'l' ? DMS_PICKLE_LIST
                                      : DMS_PICKLE_DICT);
}

/* TUPLE1, TUPLE2, TUPLE3. */
static dms_status play_tuple(pickle_machine *m)
{
    size_t count = (size_t)m->opcode - 0x84;

    if (m->height < count)
        return dms_pickle_refuse(m, DMS_EFORMAT, "the stack is empty");
    return collect(m, m->height - count, 0, DMS_PICKLE_TUPLE);
}

typedef dms_status (*player)(pickle_machine *m);

/* An opcode not listed here is refused. */
static const player players[256] = {
    ['('] = play_mark,
    ['0'] = play_pop,
    ['1'] = play_pop_mark,
    ['J'] = play_integer,
    ['K'] = play_integer,
    ['M'] = play_integer,
    ['N'] = play_constant,
    ['Q'] = dms_pickle_play_persistent,
    ['R'] = dms_pickle_play_reduce,
    ['T'] = play_text,
    ['U'] = play_text,
    ['X'] = play_text,
    ['a'] = play_append,
    ['b'] = dms_pickle_play_build,
    ['c'] = dms_pickle_play_global,
    ['d'] = play_collect,
    ['}'] = play_empty,
    ['e'] = play_appends,
    ['h'] = play_memo,
    ['j'] = play_memo,
    ['l'] = play_collect,
    [']'] = play_empty,
    ['q'] = play_memo,
    ['r'] = play_memo,
    ['s'] = play_append,
    ['t'] = play_collect,
    [')'] = play_empty,
    ['u'] = play_appends,
    ['G'] = play_float,
    [0x80] = play_proto,
    [0x85] = play_tuple,
    [0x86] = play_tuple,
    [0x87] = play_tuple,
    [0x88] = play_constant,
    [0x89] = play_constant,
    [0x8a] = play_long,
    [0x8b] = play_long,
    ['B'] = play_text,
    ['C'] = play_text,
    [0x8c] = play_text,
    [0x8d] = play_text,
    [0x8e] = play_text,
    [0x93] = dms_pickle_play_stack_global,
    [0x94] = play_memo,
    [0x95] = play_frame,
};

dms_status dms_pickle_play(pickle_machine *m)
{
    player play = players[m->opcode];

    return play ? play(m) : dms_pickle_refuse(m, DMS_EFORMAT, NULL);
}
