"""One reader and printer of numbers, one writer of JSON: who goes round them.

base/number.c reads and prints numbers, base/ascii.c compares letters,
formats/json.c hands text to jansson, base/json_write.c writes JSON; all else
of src and cli calls these. What libc offers instead obeys the locale of the
program that uses the library.
"""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
TEXT = r'"(?:[^"\\\n]|\\.)*"'
# What is forbidden, where it may stand, and what to call.
CALLS = {
    r"w?(?:strto(?:f|d|ld|l|ll|ul|ull|imax|umax)|ato(?:f|i|l|ll))(?:_l)?|"
    r"[fv]*s?scanf":
        ("src/base/number.c", "dms_real_read, dms_integer_read"),
    r"v[a-z]*printf|strfrom[dfl]|[ef]cvt|gcvt|strfmon":
        ("src/base/number.c", "dms_format, dms_vformat"),
    r"is(?:alpha|alnum|digit|xdigit|space|blank|upper|lower|punct|print|graph|"
    r"cntrl)|to(?:upper|lower)|strn?casecmp|strcasestr|strcoll|strxfrm|fnmatch":
        ("src/base/ascii.c", "base/ascii.h"),
    r"strerror(?:_r|_l)?|perror":
        ("src/base/c_locale.c", "dms_errno_text"),
    r"setlocale|localeconv|uselocale|newlocale":
        ("src/base/c_locale.c", "base/c_locale.h"),
    r"json_(?:load|dump)\w*":
        ("src/formats/json.c", "dms_json_read, dms_json_dump"),
}
# A conversion that a locale changes: reals, and digits in groups.
LOCAL = re.compile(r"%(?:[-+ #0']*(?:\d+|\*)?(?:\.(?:\d+|\*)?)?L?l?[efgaEFGA]|"
                   r"[-+ #0]*'[-+ #0']*\S)")
PRINTS = re.compile(r"(?<![\w.>])[fsd]?n?(?:as)?printf\s*\(")
# A member's name written by hand, as in "\"epoch\": ".
MEMBER = re.compile(r'\\"\s*:')


def arguments(code, start):
    """From behind a call's bracket to the one that closes it."""
    depth, i = 1, start
    while depth and i < len(code):
        text = re.compile(TEXT).match(code, i)
        if text:
            i = text.end()
            continue
        depth += {"(": 1, ")": -1}.get(code[i], 0)
        i += 1
    return code[start:i]


def breaches(code, place):
    """Each thing in code, a file's text, that goes round base."""
    code = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), code)
    bare = re.sub(TEXT, lambda m: '"' + " " * (len(m[0]) - 2) + '"', code)
    found = []

    def note(at, what):
        line = code.count("\n", 0, at) + 1
        found.append(f"{place}:{line}: {what}")

    for name, (allowed, instead) in CALLS.items():
        if place != allowed:
            for m in re.finditer(rf"(?<![\w.>])({name})\s*\(", bare):
                note(m.start(), f"{m[1]}; call {instead}")
    for m in PRINTS.finditer(bare):
        given = "".join(re.findall(TEXT, arguments(code, m.end())))
        if LOCAL.search(given.replace("%%", "")):
            note(m.start(), "a real goes to printf; call dms_format")
    if place != "src/base/json_write.c":
        for m in re.finditer(TEXT, code):
            if MEMBER.search(m[0]):
                note(m.start(), "JSON by hand; call dms_json_write_key")
    return found


class Numbers(unittest.TestCase):
    def test_nothing_goes_round_base(self):
        found = []
        for folder in ("src", "cli"):
            for path in sorted((ROOT / folder).rglob("*.[ch]")):
                found += breaches(path.read_text(encoding="utf-8"),
                                  path.relative_to(ROOT).as_posix())
        self.assertEqual(found, [])

    def test_a_planted_breach_is_found(self):
        for code in (
                'x = strtod(text, &end);', 'n = atoi(t);', 'strtoull (a, 0, 9)',
                'sscanf(t, "%d", &n);', 'vsnprintf(t, 9, format, args);',
                'printf("%g", x);', 'fprintf(stderr, "%5.1f %%", x);',
                'snprintf(t, 9,\n    "%d "\n    "%-8.*e", 1, 2, x);',
                'snprintf(t, f(")", 9), "%a", x);', 'printf("%\'d", n);',
                'if (isspace(c))', 'strcasecmp(a, b)', 'strcasestr(a, b)',
                'tolower((unsigned char)c)', 'strerror(errno)',
                'json_loads(text, 0, NULL)', 'json_dumps(root, 0)',
                'setlocale(LC_ALL, "")',
                r'puts("{\"a\": 1}");', r'dms_strbuf_puts(sb, "\"low\": ");'):
            self.assertNotEqual(breaches(code, "src/x.c"), [], code)

    def test_what_no_locale_changes_is_let_be(self):
        for code in (
                'snprintf(t, 9, "%d %s %zu %% f", 1, "g", n);',
                'dms_format(t, 9, "%g", x);', 'dms_strbuf_printf(sb, "%f", x)',
                '/* strtod("1,5") */', '// printf("%g")',
                'puts("strtod(x)");', r'fail("\"%s\" is no number", t);'):
            self.assertEqual(breaches(code, "src/x.c"), [], code)


if __name__ == "__main__":
    unittest.main()
