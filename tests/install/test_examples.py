"""Every example that a user may copy, from the public headers, the pages of
docs and examples/, is compiled with warnings as errors and run: as it is meant,
with wrong paths and with wrong use. And dms.h is the tour of all headers."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMS_BUILD", ROOT / "build")).resolve()
HEADERS = sorted(p for p in (ROOT / "include" / "dms").glob("*.h")
                 if not p.name.startswith("public_"))
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
OTHER_LANGUAGES = {"", "sh", "python", "json", "yaml"}
TOUR = re.compile(r"\w+\.h +\S")


def blocks_of_header(path):
    """The indented blocks of its comments: each stands behind an empty line
    of the comment, five blanks to the right."""
    blocks, lines, empty_before = [], None, False
    for line in [*path.read_text().splitlines(), ""]:
        inside = re.match(r" \*     (.*)$", line)
        if lines is not None and (inside or line == " *"):
            lines.append(inside[1] if inside else "")
        elif lines is not None:
            blocks.append("\n".join(lines).rstrip() + "\n")
            lines = None
        elif inside and empty_before:
            lines = [inside[1]]
        empty_before = line == " *"
    return blocks


def blocks_of_page(path):
    """[(language, text)] of its fenced blocks."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", path.read_text(), re.M | re.S)


def found():
    """{(file, number): text} of every example in C."""
    examples = {}
    for path in HEADERS:
        for i, text in enumerate(blocks_of_header(path)):
            examples[f"{path.name}:{i}"] = text
    for path in PAGES:
        texts = [text for language, text in blocks_of_page(path)
                 if language == "c"]
        for i, text in enumerate(texts):
            examples[f"{path.name}:{i}"] = text
    return examples


def kind_of(text):
    if re.search(r"\bint main\(", text):
        return "program"
    if all(TOUR.match(line) for line in text.splitlines()):
        return "tour"
    return "fragment"


# What is no whole program: how it becomes one, and what that says and returns.
# @option.h:0@ stands for that example's text.
HEAD = "#include <dms/dms.h>\n#include <stdio.h>\n"
PREPARED = HEAD + """static int sent;

        static void send_descriptor(int descriptor) { sent = descriptor; }

        int main(void)
        {
            dms_error err = {0};
            dms_model *model = NULL;
            dms_compute compute;
            dms_prepared *mine = NULL, *theirs = NULL;
            dms_session *session = NULL;

            (void)theirs, (void)session;
            dms_compute_init(&compute, sizeof compute);
            if (dms_model_open(&model, "m.safetensors", NULL, &err) != DMS_OK)
                return 1;
"""
FRAGMENTS = {
    "compare.h:0": (  # its table is not there
        HEAD + """int main(void)
        {
            @compare.h:0@
            return err.code != DMS_OK;
        }
        """, 1, ""),
    "ensemble.h:0": (
        HEAD + """#include <stdlib.h>
        int main(void)
        {
            dms_error err = {0};
            dms_pair_list list = {0};

            if (system("for k in 1 2; do mkdir -p runs/folds/fold$k; cp "
                       "m.safetensors runs/folds/fold$k/best.safetensors; "
                       "done") != 0 ||
                dms_pair_list_read(&list, "set/images", &err) != DMS_OK)
                return 1;
            @ensemble.h:0@
            if (err.code == DMS_OK)
                printf("%zu models, %zu patients\\n",
                       dms_ensemble_count(ensemble),
                       dms_predictions_count(answers));
            dms_session_destroy(session);
            dms_predictions_destroy(answers);
            dms_ensemble_destroy(ensemble);
            dms_pair_list_release(&list);
            return err.code != DMS_OK;
        }
        """, 0, "2 models, 12 patients\n"),
    "labels.h:0": (
        HEAD + """int main(void)
        {
            @labels.h:0@
            return err.code != DMS_OK;
        }
        """, 0, "0 none\n1 mild\n2 moderate\n3 severe\n"),
    "option.h:0": (
        HEAD + """@option.h:0@
        int main(void)
        {
            return !dms_option_find(&fit_table, "epochs");
        }
        """, 0, ""),
    "option.h:1": (
        HEAD + """@option.h:0@
        int main(void)
        {
            dms_error err = {0};
            @option.h:1@
            return err.code != DMS_OK;
        }
        """, 0, "90 epochs into run\n"),
    "prepared.h:0": (PREPARED + """
            @prepared.h:0@
            printf("%d\\n", sent > 2);
            dms_prepared_destroy(mine);
            dms_model_destroy(model);
            return err.code != DMS_OK;
        }
        """, 0, "1\n"),
    "prepared.h:1": (PREPARED + """
            int fd;

            @prepared.h:0@
            fd = sent;
            @prepared.h:1@
            printf("%d\\n", session != NULL);
            dms_session_destroy(session);
            dms_prepared_destroy(theirs);
            dms_prepared_destroy(mine);
            dms_model_destroy(model);
            return err.code != DMS_OK;
        }
        """, 0, "1\n"),
    "train.h:0": (  # its data set is not there
        HEAD + """int main(void)
        {
            dms_error err = {0};
            @train.h:0@
            fputs(err.message, stdout);
            return err.code != DMS_OK;
        }
        """, 1, "odir384: cannot read: No such file or directory"),
}


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.work = pathlib.Path(folder.name)
        cls.model = cls.work / "m.safetensors"
        cls.data = cls.work / "set"
        program = BUILD / "dmsnet"
        for words in (["init", "--backbone", "resnet18", "--width", "16",
                       "--size", "64", "--out", cls.model],
                      ["synth", cls.data, "--patients", "12", "--size", "64"],
                      ["export", "--model", cls.model, "--backbone",
                       cls.work / "backbone.safetensors"]):
            subprocess.run([program, *words], check=True, capture_output=True)
        cls.left, cls.right = (
            next(cls.data.rglob(f"*_{eye}.jpg")) for eye in ("left", "right"))

    def compile(self, name, text):
        out = self.work / name.replace(":", "-").replace(".", "-")
        source = out.with_suffix(".c")
        source.write_text(text)
        done = subprocess.run(
            ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-I",
             ROOT / "include", source, "-o", out, "-pthread", "-L", BUILD,
             "-ldmsnet"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, f"{name}: {done.stderr}\n{text}")
        return out

    def run_it(self, program, *words):
        done = subprocess.run(
            [program, *words], capture_output=True, text=True, cwd=self.work,
            env=dict(os.environ, OMP_WAIT_POLICY="passive",
                     LD_LIBRARY_PATH=str(BUILD)))
        return done.returncode, done.stdout, done.stderr

    def check_program(self, program, words, lines):
        """words: good arguments, of which those that name an existing file are
        tried wrong, too; lines: what each line of the answer looks like."""
        status, out, err = self.run_it(program, *words)
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(len(out.splitlines()), len(lines), out)
        for line, expected in zip(out.splitlines(), lines):
            self.assertRegex(line, f"^{expected}$")
        for at, word in enumerate(words):
            if not pathlib.Path(word).exists():
                continue
            wrong = [*words]
            wrong[at] = "no/such.file"
            status, out, err = self.run_it(program, *wrong)
            self.assertEqual((status, out), (1, ""), f"argument {at + 1}")
            self.assertRegex(err, r"^no/such\.file: .*\n$")
        for count in (0, len(words) - 1, len(words) + 1):
            status, out, err = self.run_it(program, *(["x"] * count))
            self.assertEqual((status, out), (2, ""), f"{count} arguments")
            self.assertRegex(err, r"^usage: \S+ [A-Z]+( [A-Z]+)*\n$")

    PAIR = [r"\w+ +0\.\d+(  found)?"] * 8

    def test_every_example_of_headers_and_pages_is_known(self):
        kinds = {name: kind_of(text) for name, text in found().items()}
        fragments = {n for n, kind in kinds.items() if kind == "fragment"}
        self.assertEqual(fragments, set(FRAGMENTS))
        programs = {n for n, kind in kinds.items() if kind == "program"}
        self.assertEqual(programs, {"dms.h:0", "c-api.md:0"})
        self.assertEqual([n for n, kind in kinds.items() if kind == "tour"],
                         ["dms.h:1"])

    def test_every_fenced_block_says_a_language_that_is_known(self):
        for path in PAGES:
            for language, _ in blocks_of_page(path):
                self.assertIn(language, OTHER_LANGUAGES | {"c"}, path.name)

    def test_the_first_program_of_the_tour(self):
        program = self.compile("dms.h:0", found()["dms.h:0"])
        self.check_program(program, [self.model, self.left, self.right],
                           self.PAIR)

    def test_the_program_of_the_page(self):
        program = self.compile("c-api.md:0", found()["c-api.md:0"])
        status, out, err = self.run_it(program, self.model, self.data)
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(len(out.splitlines()), 12)
        (self.work / "broken").mkdir()
        for eye in ("left", "right"):
            (self.work / "broken" / f"1_{eye}.jpg").write_bytes(b"no picture")
        status, out, err = self.run_it(program, self.model, "broken")
        self.assertEqual((status, out), (1, ""))
        self.assertRegex(err, r"^1: broken/1_left\.jpg: .*\n$")
        for words in ([], [self.model], [self.model, self.data, "x"]):
            status, out, err = self.run_it(program, *words)
            self.assertEqual((status, out), (2, ""))
            self.assertIn("usage: ", err)
        for words in (["no/such.file", self.data], [self.model, "no/such"]):
            status, out, err = self.run_it(program, *words)
            self.assertEqual((status, out), (1, ""))
            self.assertIn("no/such", err)

    def test_fragments_compile_and_say_what_they_promise(self):
        texts = found()
        for name, (wrapping, status, said) in FRAGMENTS.items():
            with self.subTest(name):
                whole = re.sub("@(.*)@", lambda m: texts[m[1]], wrapping)
                program = self.compile(name, whole)
                self.assertEqual(self.run_it(program)[:2], (status, said))

    def test_the_programs_of_examples(self):
        cases = {
            "01_predict_pair": ([self.model, self.left, self.right],
                                self.PAIR),
            "02_evaluate": ([self.model, self.data, "results"],
                            [r"\w+ +\S+  \(95 %: \S+ to \S+\)"] * 3),
            "03_import_and_export": (
                [self.work / "backbone.safetensors", "n.safetensors", "n.onnx",
                 "c.safetensors"], ["120 taken, 0 left, 0 missing"]),
            "04_threads_share_a_model": ([self.model, self.left, self.right],
                                         [r"0\.\d+"] * 2),
        }
        paths = sorted((ROOT / "examples").glob("*.c"))
        self.assertEqual([p.stem for p in paths], sorted(cases))
        for path in paths:
            with self.subTest(path.stem):
                program = self.compile(path.stem, path.read_text())
                self.check_program(program, *cases[path.stem])


class Tour(unittest.TestCase):
    def test_the_tour_names_every_header_once_and_includes_it(self):
        text = (ROOT / "include/dms/dms.h").read_text()
        others = sorted(p.name for p in HEADERS if p.name != "dms.h")
        tour = [block for block in blocks_of_header(ROOT / "include/dms/dms.h")
                if kind_of(block) == "tour"]
        self.assertEqual(len(tour), 1)
        named = [line.split()[0] for line in tour[0].splitlines()]
        self.assertEqual(sorted(named), others)
        included = re.findall(r'^#include "dms/(.*)"$', text, re.M)
        self.assertEqual(sorted(included), others)

    def test_every_header_says_what_holds_for_threads(self):
        for path in HEADERS:
            first = path.read_text().split("*/")[0]
            self.assertIn("Threads: ", first, path.name)

    def test_every_header_stands_alone(self):
        for path in HEADERS:
            done = subprocess.run(
                ["cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                 "-fsyntax-only", "-I", ROOT / "include", "-x", "c", "-"],
                input=f"#include <dms/{path.name}>\n", capture_output=True,
                text=True)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_no_header_sends_a_reader_to_a_page_that_is_not_there(self):
        for path in HEADERS:
            text = path.read_text()
            for page in re.findall(r"\b[\w/-]+\.md\b", text):
                self.assertTrue((ROOT / page).exists(), f"{path.name}: {page}")


if __name__ == "__main__":
    unittest.main()
