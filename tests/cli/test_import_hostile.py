"""Hostile files and `dmsnet import`: each is refused with status 3 and one
line that names it, in under a second and 256 MB, and nothing is written or
started."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import hostile_files

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(
    os.environ.get("DMS_BUILD", HERE.parent.parent / "build")).resolve()
DMSNET = str(BUILD / "dmsnet")
SECONDS_MAX = 1.0
BYTES_MAX = 256 << 20
TRACED = "execve,execveat,socket,connect,fork,vfork,clone,clone3"


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_import(self, name):
        """Status, error text, processor seconds and peak bytes."""
        with tempfile.TemporaryFile() as err:
            child = subprocess.Popen(
                [DMSNET, "import", name, "--out", "out.safetensors"],
                cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=err,
                env={**os.environ, "LC_ALL": "C", "OMP_NUM_THREADS": "2"})
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            err.seek(0)
            text = err.read().decode("utf-8", "backslashreplace")
        return (child.returncode, text, usage.ru_utime + usage.ru_stime,
                usage.ru_maxrss * 1024)

    def check_refusal(self, name, says):
        status, text, seconds, peak = self.run_import(name)
        self.assertEqual(status, 3, text)
        self.assertTrue(text.endswith("\n"), text)
        self.assertEqual(text.count("\n"), 1, text)
        self.assertIn(name, text)
        self.assertIn(says, text)
        self.assertIsNone(re.search(r"[^\x20-\x7e\n]", text), text)
        self.assertLess(seconds, SECONDS_MAX)
        self.assertLess(peak, BYTES_MAX)
        self.assertEqual(os.listdir(self.folder), [name])


class Hostile(Folder):
    def test_every_hostile_file_is_refused_with_one_line(self):
        count = 0
        for what, suffix, data, says in hostile_files.files():
            with self.subTest(what):
                name = f"file.{suffix}"
                path = self.folder / name
                path.write_bytes(data)
                self.check_refusal(name, says)
            for left in self.folder.iterdir():
                left.unlink()
            count += 1
        self.assertGreater(count, 200)

    def test_an_existing_model_is_left_as_it_is(self):
        (self.folder / "out.safetensors").write_bytes(b"precious")
        (self.folder / "bad.pth").write_bytes(
            hostile_files.packed(b"cposix\nsystem\n."))
        self.assertEqual(self.run_import("bad.pth")[0], 3)
        self.assertEqual((self.folder / "out.safetensors").read_bytes(),
                         b"precious")

    def test_what_is_no_file_is_refused_with_one_line(self):
        (self.folder / "dir.pth").mkdir()
        for name in ("dir.pth", "none.pth", "/dev/null", "/dev/zero"):
            status, text, _, _ = self.run_import(name)
            self.assertEqual(status, 3, text)
            self.assertEqual(text.count("\n"), 1, text)
            self.assertIn(name, text)
            self.assertEqual(os.listdir(self.folder), ["dir.pth"])


class Trace(Folder):
    """strace sees the one execve that starts the program, and no more."""

    def setUp(self):
        super().setUp()
        self.assertIsNotNone(shutil.which("strace"),
                             "strace is needed (Debian's strace)")
        probe = subprocess.run(["strace", "-o", os.devnull, "true"],
                               capture_output=True, text=True)
        if probe.returncode != 0:
            self.skipTest(f"this machine forbids tracing: {probe.stderr}")

    def trace(self, name):
        log = self.folder / "trace"
        done = subprocess.run(
            ["strace", "-f", "-qq", "-e", f"trace={TRACED}", "-e",
             "signal=none", "-o", log, DMSNET, "import", name, "--out",
             "out.safetensors"], cwd=self.folder, capture_output=True,
            text=True, timeout=60)
        return done, [line.split(None, 1)[1]
                      for line in log.read_text().splitlines()]

    def check_calls(self, calls):
        self.assertRegex(calls[0], "^execve\\(.*= 0$")
        for call in calls[1:]:
            # A thread is no process.
            self.assertRegex(call, "^(clone3?\\(.*CLONE_THREAD|<\\.\\.\\. clone)")

    def test_an_import_starts_and_calls_nobody(self):
        import torchvision
        import torch
        net = torchvision.models.resnet18(weights=None)
        for zipped in (True, False):
            torch.save({"state_dict": net.state_dict(), "epoch": 1},
                       self.folder / "good.pth",
                       _use_new_zipfile_serialization=zipped)
            done, calls = self.trace("good.pth")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue((self.folder / "out.safetensors").exists())
            self.check_calls(calls)

    def test_a_hostile_file_starts_and_calls_nobody(self):
        call = (b"cposix\nsystem\n" + hostile_files.text(hostile_files.COMMAND)
                + b"\x85R")
        for form in (hostile_files.packed, hostile_files.stream):
            (self.folder / "bad.pth").write_bytes(
                form(hostile_files.entry(call)))
            done, calls = self.trace("bad.pth")
            self.assertEqual(done.returncode, 3)
            self.check_calls(calls)
            self.assertEqual(set(os.listdir(self.folder)), {"bad.pth", "trace"})


if __name__ == "__main__":
    unittest.main()
