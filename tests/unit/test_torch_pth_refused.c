#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "torch_files.h"

static void expect_refusal(const dms_strbuf *sb, const char *what,
                           const char *says)
{
    dms_torch_file *file = NULL;
    dms_error err = {0};
    uint8_t *copy = malloc(sb->len ? sb->len : 1);
    dms_status st;

    assert_non_null(copy);
    memcpy(copy, sb->data, sb->len);
    st = dms_torch_parse(&file, copy, sb->len, "x.pth", &err);
    if (st == DMS_OK || !strstr(err.message, says) ||
        strchr(err.message, '\n') || strncmp(err.message, "x.pth: ", 7))
        fail_msg("%s: said '%s', want '%s'", what, err.message, says);
    dms_torch_close(file);
    free(copy);
}

static void tensors_that_leave_their_storage_are_refused(void **state)
{
    static const struct {
        tensor_call call;
        const char *says;
    } cases[] = {
        {{.elements = 12, .axes = 1, .shape = {13}, .stride = {1}},
         "tensor 'w' reaches over 13 elements, its storage has 12"},
        {{.elements = 12, .first = 1, .axes = 1, .shape = {12}, .stride = {1}},
         "reaches over 12 elements, its storage has 11"},
        {{.elements = 12, .axes = 2, .shape = {3, 4}, .stride = {5, 1}},
         "reaches over 14"},
        {{.elements = 12, .first = -1, .axes = 1, .shape = {1}, .stride = {1}},
         "begins past"},
        {{.elements = 12, .first = 13, .axes = 1, .shape = {0}, .stride = {1}},
         "begins past"},
        {{.elements = 12, .axes = 1, .shape = {-1}, .stride = {1}},
         "is negative"},
        {{.elements = 12, .axes = 1, .shape = {2}, .stride = {-1}},
         "is negative"},
        {{.elements = 12,
          .axes = 2,
          .shape = {INT64_MAX, INT64_MAX},
          .stride = {0, 0}},
         "shape overflows"},
        {{.elements = 12, .axes = 1, .shape = {3}, .stride = {INT64_MAX}},
         "reaches over"},
        {{.elements = 12, .axes = 1, .shape = {5}, .stride = {INT64_MAX}},
         "shape overflows"},
        {{.elements = 12, .axes = 1, .shape = {1 << 30}, .stride = {0}},
         "repeats the 12 elements"},
        {{.elements = 12, .axes = 9}, "at most 8"},
        {{.elements = 13, .axes = 0}, "has 48 bytes, but its 13 elements"},
        {{.elements = 11, .axes = 0}, "has 48 bytes, but its 11 elements"},
        {{.elements = -12, .axes = 0}, "of an impossible size"},
        {{.elements = INT64_MAX, .axes = 0}, "of an impossible size"},
        {{.key = "1", .elements = 12, .axes = 0},
         "storage '1' is missing: there is no entry data/1"},
        {{.key = "../0", .elements = 12, .axes = 0}, "is missing"},
        {{.key = "", .elements = 12, .axes = 0}, "without a key"},
        {{.storage_class = "torch\nDoubleStorage\n", .elements = 12},
         "of F64 are 96"},
        {{.storage_class = "torch\nQInt8Storage\n", .elements = 12},
         "global torch.QInt8Storage at byte"},
        {{.storage_class = "torch\nComplexFloatStorage\n", .elements = 12},
         "global torch.ComplexFloatStorage at byte"},
        {{.storage_class = "torch.storage\nTypedStorage\n", .elements = 12},
         "torch.storage.TypedStorage, which gives no element type"},
        {{.storage_class = "torch\nSize\n", .elements = 12},
         "torch.Size, which gives no element type"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dms_strbuf object = one_tensor(&cases[i].call);
        dms_strbuf zip = zip_of(&object);

        expect_refusal(&zip, cases[i].says, cases[i].says);
        dms_strbuf_release(&zip);
        dms_strbuf_release(&object);
    }
}

typedef struct literal {
    const char *data;
    size_t size;
} literal;
#define L(text)                                                                \
    {                                                                          \
        text, sizeof text - 1                                                  \
    }

static void objects_that_are_no_state_dict_are_refused(void **state)
{
    static const struct {
        literal object;
        const char *says;
    } cases[] = {
        {L("\x80\2]q\1h\1a."), "contains itself"},
        {L("\x80\2}q\1X\1\0\0\0ah\1s."), "contains itself"},
        {L("\x80\2}(X\1\0\0\0aNX\1\0\0\0aNu."), "has the key 'a' twice"},
        {L("\x80\2}(K\1NJ\1\0\0\0Nu."), "twice"},
        {L("\x80\2NQ."), "persistent id at byte 3 is not that of a storage"},
        {L("\x80\2(X\6\0\0\0moduleNNNNtQ."), "not that of a storage"},
        {L("\x80\2(X\7\0\0\0storageNNNNtQ."),
         "of something other than a storage class"},
        {L("\x80\2ctorch._utils\n_rebuild_tensor_v2\n)R."),
         "tensor 'tensor': a call with too few or many arguments"},
        {L("\x80\2ctorch._utils\n_rebuild_tensor\n(NNNNtR."),
         "does not have a storage"},
        {L("\x80\2ctorch._utils\n_rebuild_parameter\nN\x85R."),
         "not made of a tensor"},
        {L("\x80\2ctorch._utils\n_rebuild_parameter\nq\1"
           "h\1h\1)R\x85R\x85R."),
         "not made of a tensor"},
        {L("\x80\2ctorch.nn.modules.linear\nLinear\n)\x81."),
         "a whole module was saved, not its weights"},
        {L("\x80\2ctorch._utils\n_rebuild_sparse_tensor\n)R."),
         "global torch._utils._rebuild_sparse_tensor at byte 2: a kind of "
         "tensor that is not supported"},
        {L("\x80\2ctorch._utils\n_rebuild_qtensor\n)R."),
         "global torch._utils._rebuild_qtensor"},
        {L("\x80\2cposix\nsystem\nX\4\0\0\0true\x85R."),
         "x.pth: refused: global posix.system at byte 2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dms_strbuf object = {.data = (char *)(uintptr_t)cases[i].object.data,
                             .len = cases[i].object.size};
        dms_strbuf zip = zip_of(&object);

        expect_refusal(&zip, cases[i].says, cases[i].says);
        dms_strbuf_release(&zip);
    }
}

static void names_that_cannot_be_are_refused(void **state)
{
    static const char *const names[] = {"",      "a\nb",     "a\x1b[2J",
                                        "a\xff", "\xc2\x85", "\xed\xa0\x80"};
    char longest[300];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        dms_strbuf object = object_begin(), zip;

        add_tensor(&object, names[i], &dense);
        PUT(&object, "u.");
        zip = zip_of(&object);
        expect_refusal(&zip, names[i], "is not a name for a tensor");
        dms_strbuf_release(&zip);
        dms_strbuf_release(&object);
    }
    memset(longest, 'a', sizeof longest);
    longest[257] = '\0';
    for (int i = 0; i < 2; i++, longest[256] = '\0') {
        dms_strbuf object = object_begin(), zip;

        add_tensor(&object, longest, &dense);
        PUT(&object, "u.");
        zip = zip_of(&object);
        if (i == 0)
            expect_refusal(&zip, "long", "at most 256");
        else
            dms_torch_close(parse(&zip));
        dms_strbuf_release(&zip);
        dms_strbuf_release(&object);
    }
}

/* {"a.b": x, "a": {"b": x}} */
static void two_paths_to_one_name_are_refused(void **state)
{
    dms_strbuf object = object_begin(), zip;

    (void)state;
    add_tensor(&object, "a.b", &dense);
    PUT(&object, "X\1\0\0\0a}");
    add_tensor(&object, "b", &dense);
    PUT(&object, "su.");
    zip = zip_of(&object);
    expect_refusal(&zip, "a.b", "two tensors are named 'a.b'");
    dms_strbuf_release(&zip);
    dms_strbuf_release(&object);
}

/* Lists of two references to the next: 2^depth leaves. */
static void an_explosion_of_shared_lists_is_refused(void **state)
{
    dms_strbuf object, zip;

    (void)state;
    for (int depth = 40; depth <= 80; depth += 40) {
        dms_strbuf_init(&object);
        PUT(&object, "\x80\2]");
        for (int i = 0; i < depth; i++)
            PUT(&object, "q\1"
                         "0](h\1h\1e");
        PUT(&object, ".");
        zip = zip_of(&object);
        expect_refusal(&zip, "explosion",
                       depth == 40 ? "more than 1048576 elements"
                                   : "nest deeper than 64");
        dms_strbuf_release(&zip);
        dms_strbuf_release(&object);
    }
}

static void a_wrong_zip_is_refused_by_what_it_is(void **state)
{
    static const struct {
        zip_part parts[3];
        const char *says;
    } cases[] = {
        {{{"m/a", "", 0}, {"m/b", "", 0}, {"data.pkl", "", 0}},
         "without data.pkl"},
        {{{"m/data.pkl", "N.", 2}, {"n/data.pkl", "N.", 2}, {"x", "", 0}},
         "two data.pkl"},
        {{{"m/data.pkl", "N.", 2}, {"m/constants.pkl", "N.", 2}, {"x", "", 0}},
         "TorchScript"},
        {{{"m/data.pkl", "N.", 2}, {"m/code/a.py", "", 0}, {"x", "", 0}},
         "TorchScript"},
        {{{"m/data.pkl", "N.", 2}, {"m/byteorder", "big", 3}, {"x", "", 0}},
         "byte order is 'big', expected 'little': a big-endian"},
        {{{"m/data.pkl", "N.x", 3}, {"m/x", "", 0}, {"x", "", 0}},
         "1 bytes follow"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dms_strbuf zip;

        dms_strbuf_init(&zip);
        put_zip(&zip, cases[i].parts, 3);
        expect_refusal(&zip, cases[i].says, cases[i].says);
        dms_strbuf_release(&zip);
    }
}

static void damage_of_pickle_or_storage_is_told_by_the_crc(void **state)
{
    dms_strbuf object = one_tensor(&dense);
    dms_strbuf zip = zip_of(&object);
    char *at = memmem(zip.data, zip.len, twelve, sizeof twelve);

    (void)state;
    assert_non_null(at);
    at[5] ^= 1;
    expect_refusal(&zip, "storage", "entry 'm/data/0' is damaged");
    at[5] ^= 1;
    at = memmem(zip.data, zip.len, object.data, object.len);
    assert_non_null(at);
    at[5] ^= 1;
    expect_refusal(&zip, "pickle", "entry 'm/data.pkl' is damaged");
    dms_strbuf_release(&zip);
    dms_strbuf_release(&object);
}

/* Replace the first occurrence of what in the stream. */
static void expect_patched(const dms_strbuf *stream, literal what,
                           const char *with, const char *says)
{
    dms_strbuf copy;
    char *at;

    dms_strbuf_init(&copy);
    dms_strbuf_add(&copy, stream->data, stream->len);
    at = memmem(copy.data, copy.len, what.data, what.size);
    assert_non_null(at);
    memcpy(at, with, what.size);
    expect_refusal(&copy, says, says);
    dms_strbuf_release(&copy);
}

static void a_wrong_stream_is_refused_by_what_it_is(void **state)
{
    dms_strbuf object = one_tensor(&dense);
    dms_strbuf stream = stream_of(&object);
    literal magic = L("l\xfc"), version = L("M\xe9\3"), order = L("\x88s");
    literal key = L("X\1\0\0\0"
                    "0a."),
            count = L("\x0c\0\0\0\0\0\0\0\0\0");

    (void)state;
    expect_patched(&stream, magic, "xx", "a bare pickle");
    expect_patched(&stream, version, "M\xe8\3", "not 1001");
    expect_patched(&stream, order, "\x89s", "little-endian");
    expect_patched(&stream, key,
                   "X\1\0\0\0"
                   "1a.",
                   "no tensor uses");
    expect_patched(&stream, key, "00000\x5d.N", "x.pth: ");
    expect_patched(&stream, count, "\x0d\0\0\0\0\0\0\0\0\0", "has 13 elements");
    PUT(&stream, "x");
    expect_refusal(&stream, "more", "1 bytes follow the last storage");
    dms_strbuf_release(&stream);
    dms_strbuf_release(&object);
}

static void files_cut_anywhere_are_refused(void **state)
{
    dms_strbuf object = one_tensor(&dense);
    dms_strbuf form[2] = {zip_of(&object), stream_of(&object)};

    (void)state;
    for (int i = 0; i < 2; i++) {
        for (size_t len = form[i].len; len-- > 0;) {
            dms_strbuf cut = {.data = form[i].data, .len = len};

            expect_refusal(&cut, "cut", "x.pth: ");
        }
        dms_strbuf_release(&form[i]);
    }
    dms_strbuf_release(&object);
}

static void other_files_are_not_recognised(void **state)
{
    static const char safetensors[16] = "\x80\2\0\0\0\0\0\0{\"a\":{\"d";
    static const char framed[11] = "\x80\4\x95\x0d\0\0\0\0\0\0\0";
    char tar[512] = "pickle";

    (void)state;
    assert_false(dms_torch_recognise("", 0));
    assert_false(dms_torch_recognise(safetensors, sizeof safetensors));
    assert_false(dms_torch_recognise("PK", 2));
    assert_true(dms_torch_recognise(framed, sizeof framed)); /* protocol 4 */
    memcpy(tar + 257, "ustar", 5);
    assert_true(dms_torch_recognise(tar, sizeof tar));
    expect_refusal(&(dms_strbuf){.data = tar, .len = sizeof tar}, "tar",
                   "tar form");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_that_leave_their_storage_are_refused),
        cmocka_unit_test(objects_that_are_no_state_dict_are_refused),
        cmocka_unit_test(names_that_cannot_be_are_refused),
        cmocka_unit_test(two_paths_to_one_name_are_refused),
        cmocka_unit_test(an_explosion_of_shared_lists_is_refused),
        cmocka_unit_test(a_wrong_zip_is_refused_by_what_it_is),
        cmocka_unit_test(damage_of_pickle_or_storage_is_told_by_the_crc),
        cmocka_unit_test(a_wrong_stream_is_refused_by_what_it_is),
        cmocka_unit_test(files_cut_anywhere_are_refused),
        cmocka_unit_test(other_files_are_not_recognised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
