/* Charts: what is escaped, where points lie, which ticks an axis gets. Python's
 * XML parser reads whole charts in tests/cli/test_compare.py. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "report/svg_plot.h"
#include "report/svg_text.h"

static const dms_svg_panel unit_square = {.x = {.low = 0, .high = 1},
                                          .y = {.low = 0, .high = 1},
                                          .width = 100,
                                          .height = 100};

static void names_are_escaped(void **state)
{
    static const struct {
        const char *given, *written;
    } cases[] = {
        {"a<b>&\"'", "a&lt;b&gt;&amp;&quot;&#39;"},
        {"caf\xC3\xA9", "caf\xC3\xA9"},
        {"caf\xE9", "caf\\xE9"},
        {"a\nb\x01", "a\\x0Ab\\x01"},
        {"\xEF\xBF\xBE", "\xEF\xBF\xBD"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dms_strbuf out;

        dms_strbuf_init(&out);
        dms_svg_put_text(&out, cases[i].given);
        assert_string_equal(out.data, cases[i].written);
        dms_strbuf_release(&out);
    }
}

/* text  out: the page's, to be freed */
static void finish(char **text, dms_svg_page *page)
{
    dms_svg_panel_end(page);
    assert_int_equal(dms_svg_page_end(text, page, NULL), DMS_OK);
}

/* The last d="..." of a chart. */
static void read_last_path(double *numbers, int count, const char *text)
{
    const char *at = NULL;

    for (const char *next = text; (next = strstr(next, " d=\"")); next++)
        at = next + 4;
    assert_non_null(at);
    for (int i = 0; i < count; i++) {
        char *end;

        while (strchr("ML ", *at))
            at++;
        numbers[i] = strtod(at, &end);
        assert_ptr_not_equal(at, end);
        at = end;
    }
}

static void points_lie_where_their_numbers_say(void **state)
{
    static const double x[] = {0, 1, 0.25, 7}, y[] = {0, 1, 0.5, -7};
    dms_svg_page page;
    double at[8];
    char *text;

    (void)state;
    dms_svg_page_begin(&page, "", 1);
    dms_svg_panel_begin(&page, &unit_square);
    dms_svg_line(&page, 0, x, y, 4);
    finish(&text, &page);
    read_last_path(at, 8, text);
    assert_float_equal(at[2] - at[0], 100, 0.02);
    assert_float_equal(at[1] - at[3], 100, 0.02); /* y grows upwards */
    assert_float_equal(at[4] - at[0], 25, 0.02);
    assert_float_equal(at[1] - at[5], 50, 0.02);
    assert_float_equal(at[6], at[2], 0.02); /* beyond: at the end */
    assert_float_equal(at[7], at[1], 0.02);
    dms_free(text);
}

static size_t occurrences(const char *text, const char *what)
{
    size_t count = 0;

    for (; (text = strstr(text, what)); text++)
        count++;
    return count;
}

static void a_nan_interrupts_a_line_and_has_no_marker(void **state)
{
    static const double x[] = {0, 0.2, 0.4, 0.6}, y[] = {0, NAN, 1, 1};
    dms_svg_page page;
    char *text;

    (void)state;
    dms_svg_page_begin(&page, "", 1);
    dms_svg_panel_begin(&page, &unit_square);
    dms_svg_points(&page, 0, x, y, 4);
    dms_svg_line(&page, 0, x, y, 4);
    finish(&text, &page);
    assert_int_equal(occurrences(text, "translate("), 3);
    assert_null(strstr(text, "nan"));
    text[strlen(text) - strlen("\"/>\n</g>\n</svg>\n")] = '\0';
    assert_int_equal(occurrences(strrchr(text, '"'), "M"), 2);
    dms_free(text);
}

static void series_differ_without_colour(void **state)
{
    char *texts[20];

    (void)state;
    for (int s = 0; s < 20; s++) {
        dms_svg_page page;

        dms_svg_page_begin(&page, "", 1);
        dms_svg_panel_begin(&page, &unit_square);
        dms_svg_legend(&page, s, DMS_SVG_AS_BOTH, "");
        finish(&texts[s], &page);
        for (char *hash; (hash = strchr(texts[s], '#'));)
            memset(hash, ' ', 7);
    }
    for (int s = 0; s < 20; s++)
        for (int t = 0; t < s; t++)
            assert_string_not_equal(texts[s], texts[t]);
    for (int s = 0; s < 20; s++)
        dms_free(texts[s]);
}

static void axes_end_at_round_numbers(void **state)
{
    static const struct {
        double values[2], low, high;
        bool logarithmic;
    } cases[] = {
        {{0.35, 0.95}, 0.3, 1, false},
        {{0, 1}, 0, 1, false},
        {{-0.03, 0.041}, -0.03, 0.05, false},
        {{5, 5}, 4.4, 5.6, false},
        {{NAN, INFINITY}, 0, 1, false},
        {{2e-6, 4e-4}, 1e-6, 1e-3, true},
        {{-1, 1}, 1, 10, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dms_svg_axis axis = DMS_SVG_AXIS_EMPTY;

        axis.logarithmic = cases[i].logarithmic;
        dms_svg_axis_hold(&axis, cases[i].values, 2);
        dms_svg_axis_round(&axis);
        assert_float_equal(axis.low, cases[i].low, 1e-9);
        assert_float_equal(axis.high, cases[i].high, 1e-9);
    }
}

static void ticks_are_round_and_have_as_many_decimals_as_they_need(void **state)
{
    static const struct {
        dms_svg_axis axis;
        size_t count;
        const char *first, *last;
    } cases[] = {
        {{.low = 0, .high = 1}, 6, "0.0", "1.0"},
        {{.low = -0.04, .high = 0.06}, 6, "-0.04", "0.06"},
        {{.low = 1, .high = 7}, 7, "1", "7"},
        {{.low = 0, .high = 1e9}, 6, "0", "1e+09"},
        {{.low = 0, .high = 3e-8}, 7, "0", "3e-08"},
        {{.low = 1e-6, .high = 1e-3, .logarithmic = true}, 4, "1e-06", "0.001"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dms_svg_ticks ticks;

        dms_svg_ticks_find(&ticks, &cases[i].axis);
        assert_int_equal(ticks.count, cases[i].count);
        assert_string_equal(ticks.text[0], cases[i].first);
        assert_string_equal(ticks.text[ticks.count - 1], cases[i].last);
    }
}

static void names_follow_each_other_downwards(void **state)
{
    static const char *const names[] = {"upper", "lower"};
    const dms_svg_panel panel = {.x = {.low = 0, .high = 1},
                                 .y = {.names = names, .count = 2},
                                 .height = 40};
    dms_svg_page page;
    char *text;

    (void)state;
    dms_svg_page_begin(&page, "", 1);
    dms_svg_panel_begin(&page, &panel);
    assert_float_equal(dms_svg_axis_place(&panel.y, 0), 0.25, 1e-12);
    assert_float_equal(dms_svg_axis_place(&panel.y, 1), 0.75, 1e-12);
    finish(&text, &page);
    assert_true(strstr(text, ">upper<") < strstr(text, ">lower<"));
    dms_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_escaped),
        cmocka_unit_test(points_lie_where_their_numbers_say),
        cmocka_unit_test(a_nan_interrupts_a_line_and_has_no_marker),
        cmocka_unit_test(series_differ_without_colour),
        cmocka_unit_test(axes_end_at_round_numbers),
        cmocka_unit_test(
            ticks_are_round_and_have_as_many_decimals_as_they_need),
        cmocka_unit_test(names_follow_each_other_downwards),
    };

    return cmocka_run_group_tests_name("svg_plot", tests, NULL, NULL);
}
