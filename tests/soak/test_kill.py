"""A run that is killed again and again, at any moment, ends like one that was
left alone. DMS_SOAK_KILLS says how often (default 200)."""

import os
import pathlib
import random
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMS_BUILD", ROOT / "build")).resolve()
KILLS = int(os.environ.get("DMS_SOAK_KILLS", "200"))


class Kill(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = pathlib.Path(folder.name)
        subprocess.run([BUILD / "dmsnet", "synth", "set", "--patients", "24",
                        "--size", "64", "--seed", "5"], cwd=self.work,
                       check=True, capture_output=True)

    def train(self, run, *more):
        return subprocess.Popen(
            [BUILD / "dmsnet", "train", "--data", "set", "--run", run,
             "--cache", run, "--backbone", "resnet18", "--width", "32",
             "--size", "64", "--batch", "4", "--epochs", "8", "--seed", "7",
             "--checkpoint-interval", "1s", "--deterministic", *more],
            cwd=self.work, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, process):
        out, err = process.communicate()
        self.assertEqual(process.returncode, 0, err.decode()[-2000:])
        return out

    def test_kill_9_at_any_moment_changes_nothing_in_the_end(self):
        self.finish(self.train("whole"))
        moments, killed = random.Random(11), 0
        for _ in range(KILLS):
            process = self.train("killed", "--resume=auto")
            try:
                process.communicate(timeout=moments.uniform(0.05, 3))
                break  # it came to its end in between
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                self.assertEqual(process.returncode, -9)
                killed += 1
        self.finish(self.train("killed", "--resume=auto"))
        self.assertGreater(killed, 3)
        for name in ("best.safetensors", "last.safetensors"):
            self.assertEqual((self.work / "whole" / name).read_bytes(),
                             (self.work / "killed" / name).read_bytes(), name)


if __name__ == "__main__":
    unittest.main()
