/* The one writer of JSON: jansson reads what it writes, to the same values, and
 * is the oracle of its bytes. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fault.h"
#include "base/alloc.h"
#include "base/rng.h"
#include "formats/json.h"

static const struct {
    dms_json_style style;
    size_t flags;
} styles[] = {
    {{0}, 0},
    {{.compact = true}, JSON_COMPACT},
    {{.indent = 2}, JSON_INDENT(2)},
    {{.indent = 1, .digits = 6}, JSON_INDENT(1) | JSON_REAL_PRECISION(6)},
    {{.indent = 2, .ascii = true}, JSON_INDENT(2) | JSON_ENSURE_ASCII},
};
enum { STYLES = sizeof styles / sizeof styles[0] };

static void assert_as_jansson(json_t *root)
{
    assert_non_null(root);
    for (int i = 0; i < STYLES; i++) {
        char *want = json_dumps(root, styles[i].flags | JSON_ENCODE_ANY);
        char *got = dms_json_dump(root, styles[i].style);

        assert_string_equal(got, want);
        free(want);
        dms_free(got);
    }
    json_decref(root);
}

static void the_bytes_are_janssons(void **state)
{
    static const double reals[] = {0,       -0.0,    1,      0.1,     1e-5,
                                   1e16,    1e17,    1e20,   1e100,   -2.5e-10,
                                   DBL_MAX, DBL_MIN, 5e-324, 123456.5};
    json_t *list = json_array();

    (void)state;
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++)
        json_array_append_new(list, json_real(reals[i]));
    assert_as_jansson(list);
    assert_as_jansson(json_pack(
        "{s:s, s:{}, s:[], s:{s:[I, I, b], s:n}, s:[[], {}, [i]], s:s}", "text",
        "a \"b\" \\ / \b\f\n\r\t \x01", "none", "empty", "inner", "list",
        (json_int_t)INT64_MAX, (json_int_t)INT64_MIN, 1, "null", "nested", 3,
        "\xc3\xa4 \xe2\x82\xac", "\xf0\x9f\x91\x81 eye"));
    assert_as_jansson(json_string("alone"));
    assert_as_jansson(json_integer(-1));
    assert_as_jansson(json_object());
}

static void any_real_reads_back_to_its_bits(void **state)
{
    dms_rng rng = dms_rng_seeded(8);

    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = dms_rng_u64(&rng);
        double value, back;
        dms_json_writer w;
        dms_strbuf out;
        json_t *read;

        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        dms_strbuf_init(&out);
        dms_json_write_begin(&w, &out, (dms_json_style){.plain = i % 2});
        dms_json_write_real(&w, value);
        read = dms_json_read(out.data, out.len, JSON_DECODE_ANY, NULL);
        back = json_number_value(read);
        if (memcmp(&back, &value, sizeof back) != 0)
            fail_msg("%a as %s is %a", value, out.data, back);
        json_decref(read);
        dms_strbuf_release(&out);
    }
}

static void what_is_not_finite_is_null(void **state)
{
    dms_json_writer w;
    dms_strbuf out;

    (void)state;
    dms_strbuf_init(&out);
    dms_json_write_begin(&w, &out, (dms_json_style){0});
    dms_json_write_array(&w);
    dms_json_write_real(&w, NAN);
    dms_json_write_real(&w, -INFINITY);
    dms_json_write_null(&w);
    dms_json_write_array_end(&w);
    assert_string_equal(out.data, "[null, null, null]");
    dms_strbuf_release(&out);
}

static void lines_break_where_they_are_asked_to(void **state)
{
    dms_json_writer w;
    dms_strbuf out;

    (void)state;
    dms_strbuf_init(&out);
    dms_json_write_begin(&w, &out, (dms_json_style){.plain = true});
    dms_json_write_object(&w);
    dms_json_write_line(&w, 2);
    dms_json_write_key(&w, "a");
    dms_json_write_array(&w);
    dms_json_write_count(&w, UINT64_MAX);
    dms_json_write_real(&w, 1);
    dms_json_write_array_end(&w);
    dms_json_write_line(&w, 2);
    dms_json_write_key(&w, "b");
    dms_json_write_bool(&w, true);
    dms_json_write_line(&w, 0);
    dms_json_write_object_end(&w);
    assert_string_equal(
        out.data, "{\n  \"a\": [18446744073709551615, 1],\n  \"b\": true\n}");
    dms_strbuf_release(&out);
}

/* In ASCII, bytes that are no UTF-8 must not become wrong characters. */
static void bytes_that_are_no_utf8_are_marked(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {{"\xff", "\"\\uFFFD\""},
                 {"\xc3", "\"\\uFFFD\""},
                 {"\xc0\xaf", "\"\\uFFFD\\uFFFD\""},
                 {"\xed\xa0\x80", "\"\\uFFFD\\uFFFD\\uFFFD\""},
                 {"\xc3(", "\"\\uFFFD(\""},
                 {"\xf4\x8f\xbf\xbf", "\"\\uDBFF\\uDFFF\""}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dms_json_writer w;
        dms_strbuf out;

        dms_strbuf_init(&out);
        dms_json_write_begin(&w, &out, (dms_json_style){.ascii = true});
        dms_json_write_text(&w, cases[i].text);
        assert_string_equal(out.data, cases[i].want);
        dms_strbuf_release(&out);
    }
}

static void nothing_gives_no_text(void **state)
{
    (void)state;
    assert_null(dms_json_dump(NULL, (dms_json_style){0}));
}

static void want_of_memory_gives_no_text(void **state)
{
    json_t *root = json_pack("{s:s}", "name", "text");
    alloc_fault fault = {0};

    (void)state;
    while (alloc_fault_next(&fault)) {
        char *text = dms_json_dump(root, (dms_json_style){0});

        alloc_fault_end(&fault, text ? DMS_OK : DMS_ENOMEM);
        dms_free(text);
    }
    assert_true(fault.count > 1);
    json_decref(root);
}

static void what_steers_a_terminal_is_escaped(void **state)
{
    json_t *text = json_string("\x7f\xc2\x80\xc2\x9f\xc2\xa0\x1b");
    char *got = dms_json_dump(text, (dms_json_style){0});

    (void)state;
    assert_string_equal(got, "\"\\u007F\\u0080\\u009F\xc2\xa0\\u001B\"");
    dms_free(got);
    json_decref(text);
}

static void a_name_is_written_whatever_its_bytes_are(void **state)
{
    dms_strbuf out;
    dms_json_writer w;

    (void)state;
    dms_strbuf_init(&out);
    dms_json_write_begin(&w, &out, (dms_json_style){0});
    dms_json_write_array(&w);
    dms_json_write_name(&w, "caf\xc3\xa9");
    dms_json_write_name(&w, "caf\xe9");
    dms_json_write_name(&w, "");
    dms_json_write_array_end(&w);
    assert_string_equal(out.data, "[\"caf\xc3\xa9\", \"caf\\\\xE9\", \"\"]");
    dms_strbuf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_written_whatever_its_bytes_are),
        cmocka_unit_test(the_bytes_are_janssons),
        cmocka_unit_test(what_steers_a_terminal_is_escaped),
        cmocka_unit_test(any_real_reads_back_to_its_bits),
        cmocka_unit_test(what_is_not_finite_is_null),
        cmocka_unit_test(lines_break_where_they_are_asked_to),
        cmocka_unit_test(bytes_that_are_no_utf8_are_marked),
        cmocka_unit_test(nothing_gives_no_text),
        cmocka_unit_test(want_of_memory_gives_no_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
