"""How the tree is laid out: the layer rule of ARCHITECTURE.md, and style."""
import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROOMS = {room: (set(below.split()) | {"base"}) - {room} for room, below in {
    "base": "",
    "formats": "",
    "image": "",
    "options": "",
    "eval": "data",
    "machine": "",
    "graph": "",
    "ops": "graph formats",
    "data": "image formats options",
    "synth": "data image",
    "report": "eval data image formats",
    "net": "ops graph formats image data",
    "export": "net ops graph formats image data",
    "engine": "net graph data image eval report machine formats",
    "quant": "engine net graph data eval image report formats machine",
    "train": "engine quant data net graph eval report options image formats "
             "machine",
    "bench": "engine train quant machine net graph report formats",
}.items()}
INCLUDE = re.compile(r'^\s*#include\s+[<"]([^>"]+)[>"]', re.M)
# A library's header: the only files that may include it.
QUARANTINE = {
    r"oneapi/dnnl|dnnl": r"src/ops/dnnl_util\.h$",
    r"jpeglib\.h|jerror\.h": r"src/image/codec_jpeg\.c$",
    r"png\.h": r"src/image/codec_png\.c$",
    r"tiff(io)?\.h": r"src/image/codec_tiff\.c$",
    r"webp/": r"src/image/codec_webp\.c$",
    r"libexif/": r"src/image/exif\.c$",
    r"onnx\.pb-c\.h": r"src/formats/onnx\.c$",
    r"event\.pb-c\.h": r"src/formats/event_file\.c$",
    r"mpi\.h": r"src/train/comm_mpi\.c$",
    r"zlib\.h": r"src/formats/zip_store\.c$",
    r"yaml\.h": r"src/(options/option_yaml|data/labels_yaml)\.c$",
    r"zip\.h": r"src/formats/xlsx.*\.[ch]$",
    r"expat\.h": r"src/(formats/xlsx_part|image/xmp)\.c$",
    r"jansson\.h": r"src/formats/json\.h$",
}

# What a library leaves to its program: the streams, the end, the environment,
# the locale, the signals. assert() is its own, for a bug of ours.
FORBIDDEN = set("""
    printf vprintf fprintf vfprintf dprintf vdprintf puts putchar perror
    stdout stderr stdin errx warnx syslog
    exit _exit _Exit quick_exit abort atexit raise kill signal sigaction system
    getenv secure_getenv setenv unsetenv putenv clearenv environ
    setlocale""".split())
ALSO_NOUNS = {"signal", "system"}  # forbidden where they are called
FORMAT = re.compile(r"format\(printf,")  # an attribute
COMMENT_OR_TEXT = re.compile(
    r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""", re.S)


def forbidden_words(source):
    """(line, word) of each, outside of comments and texts; a field or an
    argument may be called so."""
    code = COMMENT_OR_TEXT.sub(
        lambda found: "\n" * found.group().count("\n"), source)
    code = FORMAT.sub("format(", code)
    return [(code.count("\n", 0, found.start()) + 1, found[1])
            for found in re.finditer(r"(?<![\w.>])([A-Za-z_]\w*)\s*(\(?)", code)
            if found[1] in FORBIDDEN and
            (found[2] or found[1] not in ALSO_NOUNS)]


def sources(folder):
    return sorted(p for p in (ROOT / folder).rglob("*.[ch]"))


def includes(path):
    return INCLUDE.findall(path.read_text(encoding="utf-8"))


class Layers(unittest.TestCase):
    def test_every_room_of_src_has_a_rule(self):
        rooms = {p.name for p in (ROOT / "src").iterdir() if p.is_dir()}
        self.assertEqual(rooms, set(ROOMS))

    def test_rooms_include_only_the_rooms_below_them(self):
        wrong = []
        for room, below in ROOMS.items():
            for path in sources(f"src/{room}"):
                for name in includes(path):
                    other = name.split("/")[0]
                    if other in ROOMS and other != room and other not in below:
                        wrong.append(f"{path.relative_to(ROOT)}: {name}")
        self.assertEqual(wrong, [])

    # The program prints numbers, names and JSON too, with the one printer of each,
    # and checks its output files before it works.
    def test_the_command_line_and_the_examples_see_the_public_headers_only(self):
        wrong = []
        shared = {"base/number.h", "base/json_write.h", "base/c_locale.h",
                  "base/name.h", "base/clock.h", "base/file.h"}
        for folder in ("cli", "examples", "bench"):
            for path in sources(folder):
                for name in includes(path):
                    if folder == "cli" and name in shared:
                        continue
                    if name.split("/")[0] in ROOMS:
                        wrong.append(f"{path.relative_to(ROOT)}: {name}")
        self.assertEqual(wrong, [])

    def test_public_headers_include_public_headers_only(self):
        wrong = []
        for path in sources("include"):
            for name in includes(path):
                if name.split("/")[0] in ROOMS:
                    wrong.append(f"{path.relative_to(ROOT)}: {name}")
        self.assertEqual(wrong, [])

    def test_a_librarys_headers_stay_in_their_files(self):
        wrong = []
        for path in sources("src") + sources("cli"):
            place = path.relative_to(ROOT).as_posix()
            for name in includes(path):
                for header, allowed in QUARANTINE.items():
                    if re.match(f"(?:{header})", name) and \
                            not name.startswith("ops/") and \
                            not re.search(allowed, place):
                        wrong.append(f"{place}: {name}")
        self.assertEqual(wrong, [])

    def test_the_library_neither_prints_nor_exits_nor_reads_the_environment(self):
        wrong = [f"{path.relative_to(ROOT)}:{number}: {word}"
                 for path in sources("src")
                 for number, word in forbidden_words(
                     path.read_text(encoding="utf-8"))]
        self.assertEqual(wrong, [])

    def test_a_forbidden_word_is_seen_wherever_it_stands(self):
        for line in ("fprintf(stderr, x);", "    if (bad) _exit(1);",
                     "int n = printf (x);", "handler = abort;",
                     'puts("/*");', "home = getenv(name); /* why */", "system(x);",
                     "for (char **e = environ; *e; e++)"):
            with self.subTest(line=line):
                self.assertTrue(forbidden_words(line))
        for line in ("/* exit, abort, getenv */", "// puts(x)",
                     'fail(err, "abort (%s)", x);', "dms_job_exit(j);",
                     "job->exit(j);", "snprintf(text, 3, x);",
                     "__attribute__((format(printf, 1, 2)));",
                     "double signal = 1;"):
            with self.subTest(line=line):
                self.assertEqual(forbidden_words(line), [])

    def test_the_objects_neither_print_nor_exit_nor_read_the_environment(self):
        """What a macro or a library's inline function brings in, too."""
        build = pathlib.Path(os.environ.get("DMS_BUILD", ROOT / "build"))
        objects = sorted(build.glob("CMakeFiles/room_*.dir/**/*.o"))
        if not objects:
            self.skipTest(f"no objects in {build}")
        run = subprocess.run(
            ["nm", "--undefined-only", "--format=posix", "-A", *objects],
            capture_output=True, text=True, check=True)
        wrong, seen = [], set()
        for line in run.stdout.splitlines():
            place, symbol = line.split(": ")[0], line.split(": ")[1].split()[0]
            name = re.sub(r"^__(\w+)_chk$", r"\1", symbol.split("@")[0])
            seen.add(name)
            if name in FORBIDDEN | {"err", "warn"}:
                wrong.append(f"{place}: {symbol}")
        self.assertEqual(wrong, [])
        self.assertIn("snprintf", seen)  # the lines were read as nm writes them

    def test_file_names_are_unique_in_src(self):
        seen, twice = {}, []
        for path in sources("src"):
            if path.name in seen:
                twice.append(f"{path} and {seen[path.name]}")
            seen[path.name] = path
        # a loss, a model or a field may have its public header too
        self.assertEqual([t for t in twice if "include" not in t], [])

    def test_every_source_is_as_clang_format_leaves_it(self):
        paths = [str(p) for f in ("src", "cli", "include", "tests")
                 for p in sources(f)]
        run = subprocess.run(["clang-format", "--dry-run", "-Werror", *paths],
                             capture_output=True, text=True)
        self.assertEqual(run.stderr, "")

    def test_files_stay_under_500_lines(self):
        long = [f"{p.relative_to(ROOT)}: {n}" for f in ("src", "cli", "include")
                for p in sources(f)
                if (n := len(p.read_text().splitlines())) > 500]
        self.assertEqual(long, [])


if __name__ == "__main__":
    unittest.main()
