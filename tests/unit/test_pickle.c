#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alloc_fault.h"
#include "formats/pickle.h"
#include "torch_writer.h"

static const dms_pickle_global globals[] = {
    {"collections", "OrderedDict", DMS_PICKLE_CALLS_DICT, true, 0},
    {"torch", "make", DMS_PICKLE_CALLS_LATER, false, 1},
    {"torch", "FloatStorage", DMS_PICKLE_CALLS_NOT, false, 2},
};

static const char *hint(const dms_pickle_refusal *refusal)
{
    return refusal->module_len > 0 && refusal->module[0] == 't' ? ": a hint"
                                                                : "";
}

static const dms_pickle_rules rules = {
    .file = "x.pth", .globals = globals, .count = 3, .hint = hint};

typedef struct literal {
    const char *data;
    size_t size;
} literal;
#define L(text)                                                                \
    {                                                                          \
        text, sizeof text - 1                                                  \
    }

/* Parse a copy of exactly size bytes. */
static dms_status parse(dms_pickle **out, uint8_t **copy, literal pickle,
                        dms_error *err)
{
    *copy = malloc(pickle.size ? pickle.size : 1);
    assert_non_null(*copy);
    memcpy(*copy, pickle.data, pickle.size);
    return dms_pickle_create(out, NULL, *copy, pickle.size, &rules, err);
}

static void what_is_not_a_state_dicts_is_refused_with_its_byte(void **state)
{
    static const struct {
        literal pickle;
        const char *says;
    } cases[] = {
        {L("\x80\2cposix\nsystem\n(X\1\0\0\0xtR."),
         "x.pth: refused: global posix.system at byte 2"},
        {L("\x80\4\x8c\5posix\x8c\6system\x93."),
         "x.pth: refused: global posix.system at byte 17"},
        {L("\x80\2ctorch.nn.modules\nLinear\n."),
         "global torch.nn.modules.Linear at byte 2: a hint"},
        {L("\x80\2ccollections\nOrderedDict.x\n."), "OrderedDict.x"},
        {L("\x80\2ccollections.OrderedDict\n\n."), "refused: global"},
        {L("\x80\2c\xff\x1b[2J\nname\n."), "global ??[2J.name at byte 2"},
        {L("(iposix\nsystem\n."), "opcode 'i' (INST) at byte 1"},
        {L("(o."), "opcode 'o' (OBJ) at byte 1"},
        {L("\x80\2\x82\1."), "opcode 0x82 (EXT1) at byte 2"},
        {L("\x80\2\x83\1\1."), "(EXT2)"},
        {L("\x80\2\x84\1\1\1\1."), "(EXT4)"},
        {L("Pid\n."), "(PERSID)"},
        {L("I1\n."), "(INT)"},
        {L("\x80\4\x8f."), "(EMPTY_SET)"},
        {L("\x80\2ctorch\nmake\n)\x81."), "(NEWOBJ)"},
        {L("\x80\4ctorch\nmake\n)}\x92."), "(NEWOBJ_EX)"},
        {L("\x80\5\x97."), "(NEXT_BUFFER)"},
        {L("\xff."), "opcode 0xff (unknown) at byte 0"},
        {L("\x80\6."), "a protocol above 5"},
        {L("\x80\2ctorch\nFloatStorage\n)R."),
         "refused: a call of torch.FloatStorage at byte 23"},
        {L("})R."), "a call of something that is not a global"},
        {L("ctorch\nmake\n]R."), "the arguments are not a tuple"},
        {L("}}b."), "may have a state"},
        {L("ctorch\nmake\n)R}b."), "may have a state"},
        {L("ccollections\nOrderedDict\n(NNtR."), "of several arguments"},
        {L("ccollections\nOrderedDict\nN\x85R."), "other than a list of pairs"},
        {L("ccollections\nOrderedDict\n]N]ea\x85R."), "(APPENDS)"},
        {L("ccollections\nOrderedDict\n]]a\x85R."),
         "other than a list of pairs"},
        {L("."), "the stack is empty"},
        {L("N"), "ends at byte 1 without STOP"},
        {L(""), "ends at byte 0 without STOP"},
        {L("NN."), "more than one value"},
        {L("(."), "the stack is empty"},
        {L("0."), "the stack is empty"},
        {L("N1."), "there is no mark"},
        {L("a."), "the stack is empty"},
        {L("]a."), "the stack is empty"},
        {L("}Na."), "that is not a list"},
        {L("]NNs."), "that is not a dict"},
        {L("](NNu."), "that is not a dict"},
        {L("}(Nu."), "a key without a value"},
        {L("(Nd."), "a key without a value"},
        {L("]((Ne."), "the stack is empty"},
        {L("N\x87."), "the stack is empty"},
        {L("(N\x86."), "the stack is empty"},
        {L("Nu."), "there is no mark"},
        {L("h\0."), "is not set"},
        {L("j\xff\xff\xff\xff."), "is not set"},
        {L("Nr\xff\xff\xff\x7f."), "memo index beyond the limit"},
        {L("(q\0."), "the stack is empty"},
        {L("X\xff\xff\xff\x7f."), "past the pickle's end"},
        {L("\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), "past the pickle's"},
        {L("\x8b\0\0\0\x80."), "more than 256 bytes"},
        {L("\x8b\xff\xff\xff\x7f."), "more than 256 bytes"},
        {L("\x8a\5\1."), "past the pickle's end"},
        {L("\x95\0\0\0\0\0\0\0\x80N."), "past the pickle's end"},
        {L("cposix"), "past the pickle's end"},
        {L("\x80\4NN\x93."), "a name that is not text"},
        {L("Q."), "the stack is empty"},
        {L("N.N"), "1 bytes follow"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dms_pickle *pickle = NULL;
        dms_error err = {0};
        uint8_t *copy;
        dms_status st = parse(&pickle, &copy, cases[i].pickle, &err);

        if (st == DMS_OK || !strstr(err.message, cases[i].says) ||
            strchr(err.message, '\n') || strncmp(err.message, "x.pth: ", 7))
            fail_msg("case %zu: said '%s', want '%s'", i, err.message,
                     cases[i].says);
        dms_pickle_destroy(pickle);
        free(copy);
    }
}

/* A bounded, plain rendering, so that a case is one line. */
static void show(dms_strbuf *sb, const dms_pickle *p, dms_pickle_ref ref,
                 int depth)
{
    static const char *const brackets[] = {"()", "[]", "{}"};
    const dms_pickle_value *v = dms_pickle_at(p, ref);
    const char *around;

    assert_true(depth < 10);
    switch ((dms_pickle_kind)v->kind) {
    case DMS_PICKLE_NONE:
        dms_strbuf_puts(sb, "None");
        break;
    case DMS_PICKLE_BOOL:
        dms_strbuf_puts(sb, v->truth ? "True" : "False");
        break;
    case DMS_PICKLE_INT:
        dms_strbuf_printf(sb, "%lld", (long long)v->integer);
        break;
    case DMS_PICKLE_FLOAT:
        dms_strbuf_printf(sb, "%g", v->number);
        break;
    case DMS_PICKLE_TEXT:
    case DMS_PICKLE_BYTES:
        dms_strbuf_printf(sb, "%s'%.*s'",
                          v->kind == DMS_PICKLE_BYTES ? "b" : "",
                          (int)v->text.len, v->text.data);
        break;
    case DMS_PICKLE_BIGINT:
        dms_strbuf_printf(sb, "big%zu", v->text.len);
        break;
    case DMS_PICKLE_GLOBAL:
        dms_strbuf_puts(sb, globals[v->link.global].name);
        break;
    case DMS_PICKLE_CALL:
        dms_strbuf_puts(sb, globals[v->link.global].name);
        show(sb, p, v->link.value, depth + 1);
        break;
    case DMS_PICKLE_PERSISTENT:
        dms_strbuf_puts(sb, "@");
        show(sb, p, v->link.value, depth + 1);
        break;
    default:
        around = brackets[v->kind - DMS_PICKLE_TUPLE];
        dms_strbuf_add(sb, around, 1);
        for (uint32_t cell = v->items.first; cell;
             cell = dms_pickle_cell_next(p, cell)) {
            show(sb, p, dms_pickle_cell_value(p, cell), depth + 1);
            dms_strbuf_puts(sb, ",");
        }
        dms_strbuf_add(sb, around + 1, 1);
    }
}

static void opcodes_of_state_dicts_give_their_values(void **state)
{
    static const struct {
        literal pickle;
        const char *value;
    } cases[] = {
        {L("\x80\2N."), "None"},
        {L("\x88."), "True"},
        {L("\x89."), "False"},
        {L("J\xff\xff\xff\xff."), "-1"},
        {L("K\xff."), "255"},
        {L("M\1\2."), "513"},
        {L("\x8a\0."), "0"},
        {L("\x8a\1\x80."), "-128"},
        {L("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f."), "9223372036854775807"},
        {L("\x8b\2\0\0\0\xff\xff."), "-1"},
        {L("\x8a\x09\0\0\0\0\0\0\0\0\1."), "big9"},
        {L("G?\xf8\0\0\0\0\0\0."), "1.5"},
        {L("X\2\0\0\0ab."), "'ab'"},
        {L("\x8c\2ab."), "'ab'"},
        {L("\x8d\2\0\0\0\0\0\0\0ab."), "'ab'"},
        {L("U\2ab."), "'ab'"},
        {L("T\2\0\0\0ab."), "'ab'"},
        {L("C\2ab."), "b'ab'"},
        {L("B\2\0\0\0ab."), "b'ab'"},
        {L("\x8e\2\0\0\0\0\0\0\0ab."), "b'ab'"},
        {L(")."), "()"},
        {L("(K\1K\2t."), "(1,2,)"},
        {L("K\1\x85."), "(1,)"},
        {L("K\1K\2\x86."), "(1,2,)"},
        {L("K\1K\2K\3\x87."), "(1,2,3,)"},
        {L("]K\1a."), "[1,]"},
        {L("](K\1K\2e."), "[1,2,]"},
        {L("(K\1l."), "[1,]"},
        {L("}K\1K\2s."), "{1,2,}"},
        {L("}(K\1K\2K\3K\4u."), "{1,2,3,4,}"},
        {L("(K\1K\2d."), "{1,2,}"},
        {L("NK\1(K\2K\3"
           "10\x85."),
         "(None,)"},
        {L("]q\1h\1a0h\1K\7a0K\x08."), "8"},
        {L("K\5r\0\1\0\0"
           "0j\0\1\0\0."),
         "5"},
        {L("\x80\4\x95\5\0\0\0\0\0\0\0K\1\x94"
           "0h\0."),
         "1"},
        {L("ctorch\nmake\n(K\1tR."), "make(1,)"},
        {L("\x80\4\x8c\5torch\x8c\4make\x93)R."), "make()"},
        {L("ccollections\nOrderedDict\n)R(K\1K\2u}X\1\0\0\0mNsb."), "{1,2,}"},
        {L("ccollections\nOrderedDict\n]](K\1K\2ea\x85R."), "{1,2,}"},
        {L("ctorch\nFloatStorage\nK\1\x86Q."), "@(FloatStorage,1,)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dms_pickle *pickle = NULL;
        dms_error err = {0};
        dms_strbuf sb;
        uint8_t *copy;

        if (parse(&pickle, &copy, cases[i].pickle, &err) != DMS_OK)
            fail_msg("case %zu: %s", i, err.message);
        dms_strbuf_init(&sb);
        show(&sb, pickle, dms_pickle_root(pickle), 0);
        assert_string_equal(sb.data, cases[i].value);
        dms_strbuf_release(&sb);
        dms_pickle_destroy(pickle);
        free(copy);
    }
}

static void a_pickle_cut_anywhere_is_refused(void **state)
{
    static const literal whole =
        L("\x80\2}(X\1\0\0\0actorch\nmake\n(K\1G?\xf8\0\0\0\0\0\0\x8a\1\1tRq\1"
          "X\1\0\0\0bh\1u.");

    (void)state;
    for (size_t len = 0; len <= whole.size; len++) {
        dms_pickle *pickle = NULL;
        dms_error err = {0};
        uint8_t *copy;
        literal cut = {whole.data, len};
        dms_status st = parse(&pickle, &copy, cut, &err);

        assert_int_equal(st == DMS_OK, len == whole.size);
        dms_pickle_destroy(pickle);
        free(copy);
    }
}

/* Repeat a literal, then parse in less than a second or be refused. */
static dms_status parse_many(const char *part, size_t len, size_t times,
                             const char *head, const char *tail, dms_error *err)
{
    dms_strbuf sb;
    dms_pickle *pickle = NULL;
    clock_t start;
    size_t used;
    dms_status st;

    dms_strbuf_init(&sb);
    dms_strbuf_puts(&sb, head);
    for (size_t i = 0; i < times; i++)
        dms_strbuf_add(&sb, part, len);
    dms_strbuf_puts(&sb, tail);
    assert_false(sb.failed);
    start = clock();
    st = dms_pickle_create(&pickle, &used, sb.data, sb.len, &rules, err);
    assert_true(clock() - start < 2 * CLOCKS_PER_SEC);
    dms_pickle_destroy(pickle);
    dms_strbuf_release(&sb);
    return st;
}

static void floods_are_refused_quickly(void **state)
{
    dms_error err = {0};

    (void)state;
    assert_int_equal(parse_many("N0", 2, 3 << 20, "", "N.", &err), DMS_ELIMIT);
    err = (dms_error){0};
    assert_int_equal(parse_many("(", 1, 3 << 20, "", "N.", &err), DMS_ELIMIT);
    err = (dms_error){0};
    assert_int_equal(parse_many("h\1", 2, 3 << 20, "Nq\1", ".", &err),
                     DMS_ELIMIT);
    err = (dms_error){0};
    assert_int_equal(parse_many("h\1a", 3, 5 << 20, "]q\1", ".", &err),
                     DMS_ELIMIT);
    err = (dms_error){0};
    assert_int_equal(parse_many("(1", 2, 8 << 20, "", "N.", &err), DMS_OK);
    assert_int_equal(parse_many("]", 1, 100000, "", "N.", &err), DMS_EFORMAT);
    err = (dms_error){0}; /* a hundred thousand lists in each other */
    assert_int_equal(parse_many("\x85", 1, 100000, "N", ".", &err), DMS_OK);
}

static void a_failed_allocation_is_an_error_and_no_leak(void **state)
{
    static const char pickle[] = "}q\1K\1K\2s.";
    alloc_fault fault = {0};

    (void)state;
    while (alloc_fault_next(&fault)) {
        dms_pickle *out = NULL;

        alloc_fault_end(&fault,
                        dms_pickle_create(&out, NULL, pickle, sizeof pickle - 1,
                                          &rules, NULL));
        dms_pickle_destroy(out);
    }
    assert_int_equal(fault.count,
                     6); /* pickle, values, stack, memo, cells, then none */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_a_state_dicts_is_refused_with_its_byte),
        cmocka_unit_test(opcodes_of_state_dicts_give_their_values),
        cmocka_unit_test(a_pickle_cut_anywhere_is_refused),
        cmocka_unit_test(floods_are_refused_quickly),
        cmocka_unit_test(a_failed_allocation_is_an_error_and_no_leak),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
