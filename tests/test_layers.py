"""How the tree is laid out: the layer rule of ARCHITECTURE.md, and style."""
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROOMS = {
    "base": set(),
    "formats": {"base"},
    "image": {"base"},
    "eval": {"base"},
    "graph": {"base"},
    "ops": {"graph", "formats", "base"},
    "net": {"ops", "graph", "formats", "base"},
    "quant": {"net", "graph", "base"},
    "machine": {"base"},
    "data": {"image", "formats", "base"},
    "train": {"data", "eval", "net", "graph", "formats", "image", "base"},
    "api": {"train", "quant", "eval", "data", "net", "graph", "image", "formats",
            "machine", "base"},
}
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
    r"mpi\.h": r"src/train/comm_mpi\.c$",
    r"zlib\.h": r"src/formats/zip_store\.c$",
    r"yaml\.h": r"src/api/option_yaml\.c$",
    r"zip\.h|expat\.h": r"src/formats/xlsx.*\.[ch]$",
    r"jansson\.h": r"src/formats/json\.h$",
}


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

    # The program prints numbers and JSON too, with the one printer of each.
    def test_the_command_line_and_the_examples_see_the_public_headers_only(self):
        wrong = []
        printers = {"base/number.h", "base/json_write.h", "base/c_locale.h"}
        for folder in ("cli", "examples", "bench"):
            for path in sources(folder):
                for name in includes(path):
                    if folder == "cli" and name in printers:
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
        call = re.compile(
            r"(?<![\w.>])(printf|puts|putchar|exit|abort|getenv|perror)\s*\(")
        wrong = []
        for path in sources("src"):
            for number, line in enumerate(
                    path.read_text(encoding="utf-8").splitlines(), 1):
                if call.search(line) and not line.lstrip().startswith("*"):
                    wrong.append(f"{path.relative_to(ROOT)}:{number}: {line}")
        self.assertEqual(wrong, [])

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
