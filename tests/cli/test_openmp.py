"""What the environment says of OpenMP changes how quick an answer is, never
which: a kernel that gets fewer threads than it was made for leaves part of its
work undone."""
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("DMS_BUILD", ROOT / "build"))


class OpenMP(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.work = pathlib.Path(folder.name)
        cls.run_it({}, "init", "--backbone", "resnet18", "--width", "16",
                   "--size", "64", "--out", "m.safetensors")
        cls.run_it({}, "synth", "set", "--patients", "4", "--size", "64")

    @classmethod
    def run_it(cls, environment, *words):
        plain = {k: v for k, v in os.environ.items()
                 if not k.startswith(("OMP_", "GOMP_"))}
        return subprocess.run(
            [BUILD / "dmsnet", *words], check=True, capture_output=True,
            cwd=cls.work, env={**plain, **environment}).stdout

    def predict(self, environment, threads):
        return self.run_it(
            environment, "predict", "--model", "m.safetensors", "--threads",
            threads, "--format", "csv", "set/images")

    def test_a_team_that_openmp_may_shrink_gives_the_same_answers(self):
        self.assertEqual(self.predict({"OMP_DYNAMIC": "true"}, "2"),
                         self.predict({}, "2"))

    def test_a_limit_of_one_thread_gives_one_threads_answers(self):
        self.assertEqual(self.predict({"OMP_THREAD_LIMIT": "1"}, "2"),
                         self.predict({}, "1"))


if __name__ == "__main__":
    unittest.main()
