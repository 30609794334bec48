#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alloc_fault.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "formats/safetensors.h"

/* header behind its length, then data_size zero bytes; free with free. */
static uint8_t *file_of(size_t *size, const char *header, size_t data_size)
{
    size_t len = strlen(header);
    uint8_t *file = calloc(8 + len + data_size + 1, 1);

    assert_non_null(file);
    for (int i = 0; i < 8; i++)
        file[i] = (uint8_t)((uint64_t)len >> 8 * i);
    memcpy(file + 8, header, len);
    *size = 8 + len + data_size;
    return file;
}

static dms_status parse_text(dms_error *err, const char *header,
                             size_t data_size)
{
    dms_safetensors *parsed = NULL;
    size_t size;
    uint8_t *file = file_of(&size, header, data_size);
    dms_status st = dms_safetensors_parse(&parsed, file, size, "x.st", err);

    dms_safetensors_close(parsed);
    free(file);
    return st;
}

#define TENSOR(shape, begin, end)                                              \
    "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" begin "," end  \
    "]}"

static void hostile_headers_are_refused_with_one_line(void **state)
{
    static const struct {
        const char *header;
        size_t data_size;
        const char *says;
    } cases[] = {
        {"", 0, "not valid JSON"},
        {"[]", 0, "not a JSON object"},
        {"{\"a\":1}", 0, "dtype"},
        {"{\"a\":{\"b\":[[1]]}}", 0, "nests deeper"},
        {"{\"a\":" TENSOR("[2]", "0", "8") ",\"a\":" TENSOR("[0]", "8",
                                                            "8") "}",
         8, "duplicate"},
        {"{\"a\":" TENSOR("[2]", "0", "8") "}", 4, "ends at byte 8"},
        {"{\"a\":" TENSOR("[3]", "0", "8") "}", 8, "needs 12"},
        {"{\"a\":" TENSOR("[2]", "8", "0") "}", 8, "[begin, end]"},
        {"{\"a\":" TENSOR("[2]", "-8", "0") "}", 8, "[begin, end]"},
        {"{\"a\":" TENSOR("[-1]", "0", "4") "}", 4, "shape[0]"},
        {"{\"a\":" TENSOR("[1e2]", "0", "4") "}", 4, "shape[0]"},
        {"{\"a\":" TENSOR("2", "0", "8") "}", 8, "shape"},
        {"{\"a\":" TENSOR("[1,1,1,1,1,1,1,1,1]", "0", "4") "}", 4, "at most 8"},
        {"{\"a\":" TENSOR("[4611686018427387904,4]", "0", "0") "}", 0,
         "overflows"},
        {"{\"a\":" TENSOR("[99999999999999999999]", "0", "0") "}", 0, "JSON"},
        {"{\"a\":" TENSOR("[2]", "0", "8") ",\"b\":" TENSOR("[2]", "4",
                                                            "12") "}",
         12, "an overlap"},
        {"{\"a\":" TENSOR("[1]", "0", "4") ",\"b\":" TENSOR("[1]", "8",
                                                            "12") "}",
         12, "a hole"},
        {"{\"a\":" TENSOR("[1]", "4", "8") "}", 8, "a hole"},
        {"{\"a\":" TENSOR("[1]", "0", "4") "}", 12, "belong to no tensor"},
        {"{\"a\\u0000b\":" TENSOR("[1]", "0", "4") "}", 4, "\\u0000"},
        {"{\"a\\nb\":" TENSOR("[1]", "0", "4") "}", 4, "control character"},
        {"{\"a\":{\"dtype\":\"F31\",\"shape\":[],\"data_offsets\":[0,4]}}", 4,
         "dtype"},
        {"{\"__metadata__\":[]}", 0, "__metadata__"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "__metadata__"},
        {"{\"a\":\"\xff\xfe\n\"}", 0, "byte 0xff"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dms_error err = {0};
        dms_status st = parse_text(&err, cases[i].header, cases[i].data_size);

        if (st == DMS_OK || !strstr(err.message, cases[i].says) ||
            strchr(err.message, '\n') || strncmp(err.message, "x.st: ", 6))
            fail_msg("%s: said '%s', want '%s'", cases[i].header, err.message,
                     cases[i].says);
    }
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    size_t size;
    uint8_t *file = file_of(&size, "{\"a\":" TENSOR("[2]", "0", "8") "}", 8);

    (void)state;
    for (size_t len = 0; len < size; len++) {
        dms_error err = {0};
        dms_safetensors *parsed = NULL;
        uint8_t *cut = malloc(len + 1);

        assert_non_null(cut);
        memcpy(cut, file, len);
        assert_int_not_equal(
            dms_safetensors_parse(&parsed, cut, len, "cut", &err), DMS_OK);
        free(cut);
    }
    free(file);
}

static void a_header_length_of_2_to_the_64_is_refused(void **state)
{
    uint8_t file[16];
    dms_safetensors *parsed = NULL;
    dms_error err = {0};

    (void)state;
    memset(file, 0xff, sizeof file);
    assert_int_equal(dms_safetensors_parse(&parsed, file, 16, "x", &err),
                     DMS_EFORMAT);
}

static void a_hundred_thousand_tensors_are_refused_quickly(void **state)
{
    dms_strbuf text;
    dms_error err = {0};
    clock_t start = clock();

    (void)state;
    dms_strbuf_init(&text);
    for (int i = 0; i < 100000; i++)
        dms_strbuf_printf(&text, "%s\"t%d\":" TENSOR("[0]", "0", "0"),
                          i ? "," : "{", i);
    dms_strbuf_puts(&text, "}");
    assert_int_equal(parse_text(&err, text.data, 0), DMS_ELIMIT);
    assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
    dms_strbuf_release(&text);
}

static void millions_of_values_are_refused_before_they_are_built(void **state)
{
    dms_strbuf text;
    dms_error err = {0};

    (void)state;
    dms_strbuf_init(&text);
    dms_strbuf_puts(&text, "{\"a\":[0");
    for (int i = 0; i < 2000000; i++)
        dms_strbuf_puts(&text, ",0");
    dms_strbuf_puts(&text, "]}");
    assert_int_equal(parse_text(&err, text.data, 0), DMS_ELIMIT);
    assert_non_null(strstr(err.message, "values"));
    dms_strbuf_release(&text);
}

static char *temporary_path(void)
{
    static char path[64];

    snprintf(path, sizeof path, "/tmp/test_safetensors.%ld.st", (long)getpid());
    return path;
}

static const float values[6] = {0, -1.5f, 3e38f, 1e-45f, 2, 7};
static const int64_t counter = 42;
static const dms_tensor_view written[] = {
    {.name = "w",
     .dtype = DMS_DTYPE_F32,
     .axes = 2,
     .shape = {2, 3},
     .data = values,
     .size = sizeof values},
    {.name = "empty",
     .dtype = DMS_DTYPE_F32,
     .axes = 2,
     .shape = {0, 3},
     .data = values,
     .size = 0},
    {.name = "b\"\xc3\xa9",
     .dtype = DMS_DTYPE_I64,
     .data = &counter,
     .size = 8},
};
static const dms_metadata about[] = {{"format", "pt"}, {"dmsnet", "{\"a\":1}"}};

static void what_is_written_is_read_back(void **state)
{
    dms_safetensors *file = NULL;
    dms_error err = {0};
    const dms_tensor_view *view;

    (void)state;
    assert_int_equal(
        dms_safetensors_write(temporary_path(), written, 3, about, 2, &err),
        DMS_OK);
    assert_int_equal(dms_safetensors_open(&file, temporary_path(), &err),
                     DMS_OK);
    assert_int_equal(dms_safetensors_count(file), 3);
    assert_null(dms_safetensors_at(file, 3));
    view = dms_safetensors_find(file, "w");
    assert_non_null(view);
    assert_int_equal(view->axes, 2);
    assert_int_equal(view->shape[1], 3);
    assert_memory_equal(view->data, values, sizeof values);
    view = dms_safetensors_find(file, "b\"\xc3\xa9");
    assert_non_null(view);
    assert_int_equal(view->axes, 0);
    assert_memory_equal(view->data, &counter, 8);
    assert_non_null(dms_safetensors_find(file, "empty"));
    assert_null(dms_safetensors_find(file, "v"));
    assert_string_equal(dms_safetensors_metadata(file, "dmsnet"), "{\"a\":1}");
    assert_null(dms_safetensors_metadata(file, "other"));
    dms_safetensors_close(file);
    unlink(temporary_path());
}

static void the_same_tensors_give_the_same_aligned_bytes(void **state)
{
    static const char head[] =
        "{\"__metadata__\":{\"format\":\"pt\",\"dmsnet\":\"{\\\"a\\\":1}\"},"
        "\"w\":" TENSOR("[2,3]", "0", "24") ",";
    uint8_t *data = NULL;
    size_t size = 0;

    (void)state;
    assert_int_equal(
        dms_safetensors_write(temporary_path(), written, 3, about, 2, NULL),
        DMS_OK);
    assert_int_equal(dms_file_read(&data, &size, temporary_path(), 4096, NULL),
                     DMS_OK);
    assert_memory_equal(data + 8, head, sizeof head - 1);
    assert_int_equal(data[0] % 8, 0);
    assert_int_equal(size, 8 + data[0] + 256 * data[1] + sizeof values + 8);
    dms_free(data);
    unlink(temporary_path());
}

static void writing_refuses_what_could_not_be_read(void **state)
{
    dms_tensor_view twice[2] = {written[0], written[0]};
    dms_tensor_view bad = written[0];

    (void)state;
    assert_int_equal(
        dms_safetensors_write(temporary_path(), twice, 2, NULL, 0, NULL),
        DMS_EINVAL);
    bad.size = 20;
    assert_int_equal(
        dms_safetensors_write(temporary_path(), &bad, 1, NULL, 0, NULL),
        DMS_EINVAL);
    bad = written[0];
    bad.name = "\xff";
    assert_int_equal(
        dms_safetensors_write(temporary_path(), &bad, 1, NULL, 0, NULL),
        DMS_EINVAL);
    assert_int_not_equal(access(temporary_path(), F_OK), 0);
}

static void every_dtype_becomes_float32(void **state)
{
    static const double f64[2] = {1.5, -2};
    static const uint16_t f16[8] = {0x3c00, 0xc000, 0x0001, 0x8000,
                                    0x7bff, 0x7c00, 0x03ff, 0x7e00};
    static const uint16_t bf16[2] = {0x3f80, 0xc0a0};
    static const int32_t i32[2] = {-7, 1 << 24};
    static const int8_t i8[2] = {-128, 127};
    static const uint8_t u8[2] = {0, 255};
    static const dms_tensor_view views[] = {
        {.name = "f64",
         .dtype = DMS_DTYPE_F64,
         .axes = 1,
         .shape = {2},
         .data = f64,
         .size = 16},
        {.name = "f16",
         .dtype = DMS_DTYPE_F16,
         .axes = 1,
         .shape = {8},
         .data = f16,
         .size = 16},
        {.name = "bf16",
         .dtype = DMS_DTYPE_BF16,
         .axes = 1,
         .shape = {2},
         .data = bf16,
         .size = 4},
        {.name = "i32",
         .dtype = DMS_DTYPE_I32,
         .axes = 1,
         .shape = {2},
         .data = i32,
         .size = 8},
        {.name = "i8",
         .dtype = DMS_DTYPE_I8,
         .axes = 1,
         .shape = {2},
         .data = i8,
         .size = 2},
        {.name = "u8",
         .dtype = DMS_DTYPE_U8,
         .axes = 1,
         .shape = {2},
         .data = u8,
         .size = 2},
        {.name = "bool",
         .dtype = DMS_DTYPE_BOOL,
         .axes = 1,
         .shape = {2},
         .data = u8,
         .size = 2},
    };
    static const float expected[][7] = {
        {1.5f, -2},  {1, -2, 0x1p-24f, -0.0f, 65504, INFINITY, 0x1.ff8p-15f},
        {1, -5},     {-7, 16777216},
        {-128, 127}, {0, 255},
        {0, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        float out[8];
        size_t count = views[i].shape[0] == 8 ? 7 : 2;

        assert_int_equal(dms_tensor_to_f32(out, &views[i], NULL), DMS_OK);
        if (memcmp(out, expected[i], count * sizeof *out) != 0)
            fail_msg("%s: got %g %g", views[i].name, (double)out[0],
                     (double)out[1]);
        if (count == 7)
            assert_true(isnan(out[7]));
    }
}

static void a_view_of_the_wrong_size_is_not_converted(void **state)
{
    dms_tensor_view view = written[0];
    float out[6];

    (void)state;
    view.size = 20;
    assert_int_equal(dms_tensor_to_f32(out, &view, NULL), DMS_EMISMATCH);
}

static void a_failed_allocation_leaks_nothing(void **state)
{
    size_t size;
    uint8_t *file = file_of(&size, "{\"a\":" TENSOR("[2]", "0", "8") "}", 8);

    alloc_fault fault = {0};

    (void)state;
    while (alloc_fault_next(&fault)) {
        dms_safetensors *parsed = NULL;

        alloc_fault_end(&fault,
                        dms_safetensors_parse(&parsed, file, size, "x", NULL));
        assert_int_equal(parsed == NULL, fault.fired);
        dms_safetensors_close(parsed);
    }
    assert_true(fault.count > 2);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_headers_are_refused_with_one_line),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(a_header_length_of_2_to_the_64_is_refused),
        cmocka_unit_test(a_hundred_thousand_tensors_are_refused_quickly),
        cmocka_unit_test(millions_of_values_are_refused_before_they_are_built),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(the_same_tensors_give_the_same_aligned_bytes),
        cmocka_unit_test(writing_refuses_what_could_not_be_read),
        cmocka_unit_test(every_dtype_becomes_float32),
        cmocka_unit_test(a_view_of_the_wrong_size_is_not_converted),
        cmocka_unit_test(a_failed_allocation_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
