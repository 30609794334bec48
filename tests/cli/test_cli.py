"""Golden tests of the command line, and what goldens cannot show.

A case is a file cases/NAME.txt, run in an empty folder of its own:

    $ dmsnet synth      a shell command; $DMS_BUILD is first on the PATH
    ? 2                 its exit status
    > text              its standard output, line by line
    ! text              its standard error
    # text              a comment

In expected lines {*} stands for any text of a line, and a line of {**} alone
for any number of lines. DMS_CLI_UPDATE=1 rewrites the expectations that do not
hold (look at the difference before committing it).
"""

import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(
    os.environ.get("DMS_BUILD", HERE.parent.parent / "build")).resolve()
DMSNET = str(BUILD / "dmsnet")
UPDATE = os.environ.get("DMS_CLI_UPDATE") == "1"


def setUpModule():
    if not os.access(DMSNET, os.X_OK):
        raise FileNotFoundError(f"{DMSNET} is not built; DMS_BUILD names the "
                                "build folder")


def environment(folder):
    return {
        **os.environ,
        "PATH": f"{BUILD}:{os.environ['PATH']}",
        "LC_ALL": "C",
        "HOME": folder,
        "CASES": str(HERE / "cases"),
    }


class Step:
    """One command of a case and what is expected of it."""

    def __init__(self, command, before):
        self.command = command
        self.before = before  # comments and empty lines above it
        self.status = 0
        self.out = []
        self.err = []

    def text(self):
        lines = self.before + [f"$ {self.command}", f"? {self.status}"]
        lines += [f"> {line}".rstrip() for line in self.out]
        lines += [f"! {line}".rstrip() for line in self.err]
        return "".join(line + "\n" for line in lines)


def read_case(path):
    steps, before = [], []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        mark, rest = line[:1], line[2:]
        if mark == "$":
            steps.append(Step(rest, before))
            before = []
        elif mark == "?":
            steps[-1].status = int(rest)
        elif mark == ">":
            steps[-1].out.append(rest)
        elif mark == "!":
            steps[-1].err.append(rest)
        elif mark in ("#", ""):
            before.append(line)
        else:
            raise ValueError(f"{path}:{number}: cannot read '{line}'")
    return steps


def matches(expected, lines):
    """Do the lines satisfy the expected ones with their wildcards?"""
    pattern = ""
    for line in expected:
        if line == "{**}":
            pattern += r"(?:.*\n)*"
        else:
            parts = [re.escape(part) for part in line.split("{*}")]
            pattern += ".*".join(parts) + r"\n"
    text = "".join(line.rstrip() + "\n" for line in lines)
    return re.fullmatch(pattern, text) is not None


def run_shell(command, folder):
    done = subprocess.run(["bash", "-c", command], cwd=folder,
                          env=environment(folder), stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=300, check=False)
    return (done.returncode, done.stdout.decode().splitlines(),
            done.stderr.decode().splitlines())


class Cases(unittest.TestCase):
    """Every file in cases/ gives one test."""

    maxDiff = None

    def run_case(self, path):
        steps = read_case(path)
        with tempfile.TemporaryDirectory() as folder:
            for step in steps:
                self.run_step(path.stem, step, folder)
        if UPDATE:
            path.write_text("".join(step.text() for step in steps))

    def run_step(self, name, step, folder):
        status, out, err = run_shell(step.command, folder)
        if UPDATE:
            step.status = status
            step.out = step.out if matches(step.out, out) else out
            step.err = step.err if matches(step.err, err) else err
            return
        where = f"{name}: $ {step.command}"
        if not matches(step.err, err):
            self.assertEqual(step.err, err, where + ": standard error")
        self.assertEqual(step.status, status, where + ": exit status")
        if not matches(step.out, out):
            self.assertEqual(step.out, out, where + ": standard output")


def add_cases():
    for path in sorted((HERE / "cases").glob("*.txt")):
        def test(self, path=path):
            self.run_case(path)
        setattr(Cases, f"test_{path.stem}", test)


add_cases()


def verbs():
    out = subprocess.run([DMSNET, "--help"], capture_output=True, text=True,
                         check=True).stdout
    section = out.split("Verbs:\n")[1].split("\n\n")[0]
    return [line[2:].split("  ")[0] for line in section.splitlines()
            if re.match(r"  \S", line)]


class Generated(unittest.TestCase):
    """Help, manual page and completion, made from the tables."""

    def help_of(self, verb):
        return subprocess.run([DMSNET, *verb.split(), "--help"],
                              capture_output=True, text=True,
                              check=True).stdout

    def test_every_verb_has_a_golden_help(self):
        for verb in verbs():
            path = HERE / "cases" / f"help-{verb.replace(' ', '-')}.txt"
            if UPDATE and not path.exists():
                step = Step(f"dmsnet {verb} --help", [])
                step.out = self.help_of(verb).splitlines()
                path.write_text(step.text())
            self.assertTrue(path.exists(), f"{path} is missing")

    def test_help_is_at_most_80_columns_wide(self):
        for verb in verbs():
            for line in self.help_of(verb).splitlines():
                self.assertLessEqual(len(line), 80, f"{verb}: {line}")

    def test_no_verb_has_an_option_twice(self):
        for verb in verbs():
            options = re.findall(r"^  .{4}--(?:\[no-\])?([a-z0-9-]+)",
                                 self.help_of(verb), re.MULTILINE)
            letters = re.findall(r"^  -(\w), ", self.help_of(verb),
                                 re.MULTILINE)
            self.assertIn("help", options)
            self.assertEqual(len(options), len(set(options)), verb)
            self.assertEqual(len(letters), len(set(letters)), verb)

    def test_the_manual_page_names_every_verb_and_option(self):
        page = subprocess.run([DMSNET, "man"], capture_output=True, text=True,
                              check=True).stdout.replace("\\-", "-")
        for verb in verbs():
            self.assertIn(f".SS dmsnet {verb}", page)
            for option in re.findall(r"--[a-z0-9-]+", self.help_of(verb)):
                self.assertIn(option, page)

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed")
    def test_groff_reads_the_manual_page_without_a_warning(self):
        page = subprocess.run([DMSNET, "man"], capture_output=True, check=True)
        done = subprocess.run(["groff", "-man", "-ww", "-Tascii", "-z"],
                              input=page.stdout, capture_output=True,
                              check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def complete(self, *words):
        """What bash offers for the last of the words."""
        quoted = " ".join(f"'{word}'" for word in words)
        script = (f"source <('{DMSNET}' completion bash)\n"
                  f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}\n"
                  '_dmsnet; printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-c", script], capture_output=True,
                              text=True, check=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.splitlines()

    def test_completion_offers_verbs_options_and_values(self):
        self.assertEqual(self.complete("dmsnet", "compl"), ["completion"])
        self.assertIn("man", self.complete("dmsnet", ""))
        self.assertEqual(self.complete("dmsnet", "man", "--he"), ["--help"])
        self.assertEqual(self.complete("dmsnet", "tens"), ["tensor"])
        self.assertEqual(self.complete("dmsnet", "imp"), ["import"])
        self.assertEqual(self.complete("dmsnet", "export", "--ba"),
                         ["--backbone"])
        self.assertEqual(
            self.complete("dmsnet", "export", "--precision", ""),
            ["f32", "f16", "bf16"])
        self.assertEqual(self.complete("dmsnet", "tensor", ""),
                         ["forward", "backward"])
        self.assertEqual(self.complete("dmsnet", "tensor", "forward", "--o"),
                         ["--out"])
        backbones = ["resnet18", "resnet101", "resnet152"]
        self.assertEqual(
            self.complete("dmsnet", "init", "--backbone", "resnet1"),
            backbones)
        self.assertEqual(
            self.complete("dmsnet", "init", "--backbone", "=", "resnet1"),
            backbones)
        self.assertEqual(self.complete("dmsnet", "init", "--seed", ""), [""])


class Talk(unittest.TestCase):
    """Progress and signals, seen by a terminal and by a pipe."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def start(self, words, stderr):
        process = subprocess.Popen([DMSNET, *words], cwd=self.folder,
                                   stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=stderr)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        return process

    def start_on_terminal(self, *words):
        ours, theirs = pty.openpty()
        process = self.start(words, theirs)
        os.close(theirs)
        self.addCleanup(os.close, ours)
        return process, ours

    def read_until(self, terminal, wanted):
        """Read until wanted has come or the other side is closed."""
        seen, end = b"", time.monotonic() + 60
        while wanted not in seen and time.monotonic() < end:
            try:
                seen += os.read(terminal, 4096)
            except OSError:  # Linux: EIO when the other side is closed
                break
        return seen

    def test_a_terminal_shows_a_bar_and_a_pipe_a_line(self):
        size = ["-n", "3", "--size", "64"]
        process, terminal = self.start_on_terminal("synth", "a", *size)
        seen = self.read_until(terminal, b"nothing such")
        self.assertEqual(process.wait(60), 0)
        self.assertIn(b"\r", seen)
        self.assertRegex(seen, rb"\[#{24}\] 3/3")
        process = self.start(["synth", "b", *size], subprocess.PIPE)
        out, seen = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (0, b""))
        self.assertRegex(seen, rb"\Admsnet: .* 3/3.*\n\Z")
        self.assertNotIn(b"\r", seen)

    def test_log_error_silences_progress(self):
        process = self.start(["synth", "a", "-n", "2", "--size", "64", "--log",
                              "error"], subprocess.PIPE)
        self.assertEqual(process.communicate(timeout=60), (b"", b""))

    def test_a_signal_ends_the_work_in_order(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process, terminal = self.start_on_terminal(
                "synth", "a", "-n", "100000", "--size", "64")
            seen = self.read_until(terminal, b"/100000")
            self.assertIn(b"/100000", seen)
            process.send_signal(number)
            seen = self.read_until(terminal, b"nothing such")
            self.assertEqual(process.wait(60), 3)
            self.assertIn(b"stopping", seen)


if __name__ == "__main__":
    unittest.main()
