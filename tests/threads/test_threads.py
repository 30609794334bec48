"""Threads of a user's and of ours, run from a build with the thread sanitizer
(DMS_BUILD=build-tsan): a race ends a program with exit status 66."""

import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(
    os.environ.get("DMS_BUILD", ROOT / "build-tsan")).resolve()
# libgomp's barriers are not seen: oneDNN runs on one thread.
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1",
               "TSAN_OPTIONS": f"suppressions={ROOT}/tests/tsan.supp",
               "LD_LIBRARY_PATH": str(BUILD)}


def run(*words):
    done = subprocess.run([str(w) for w in words], capture_output=True,
                          text=True, env=ENVIRONMENT, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{words}: {done.returncode}: {done.stderr}")
    return done.stdout


class Threads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.work = pathlib.Path(folder.name)
        cls.model = cls.work / "m.safetensors"
        run(BUILD / "dmsnet", "synth", cls.work / "set", "--patients", "12",
            "--size", "64", "--seed", "1")
        run(BUILD / "dmsnet", "init", "--backbone", "resnet18", "--size", "64",
            "--width", "32", "--out", cls.model)

    def test_the_build_sees_races(self):
        """Else the other tests could not fail."""
        racy = self.work / "racy"
        racy.with_suffix(".c").write_text(
            "#include <pthread.h>\n"
            "static int count;\n"
            "static void *add(void *u) { count++; return u; }\n"
            "int main(void) {\n"
            "    pthread_t one, two;\n"
            "    pthread_create(&one, 0, add, 0);\n"
            "    pthread_create(&two, 0, add, 0);\n"
            "    pthread_join(one, 0);\n"
            "    return pthread_join(two, 0);\n"
            "}\n")
        run("gcc", "-fsanitize=thread", racy.with_suffix(".c"), "-o", racy)
        with self.assertRaisesRegex(AssertionError, "(?s)66.*data race"):
            run(racy)
        flags = (BUILD / "CMakeCache.txt").read_text()
        self.assertIn("DMS_SANITIZE:STRING=thread", flags)

    def test_workers_evaluate_side_by_side(self):
        run(BUILD / "dmsnet", "evaluate", "--model", self.model, "--data",
            self.work / "set", "--out", self.work / "results", "--workers",
            "2", "--batch", "4", "--resamples", "20", "--split", "all")
        self.assertTrue((self.work / "results" / "report.txt").exists())

    def test_a_users_threads_share_a_model(self):
        left = sorted((self.work / "set").rglob("*_left.jpg"))[0]
        right = left.with_name(left.name.replace("_left", "_right"))
        program = self.work / "share"
        run("gcc", "-g", "-fsanitize=thread", f"-I{ROOT / 'include'}",
            ROOT / "examples" / "04_threads_share_a_model.c", "-o", program,
            f"-L{BUILD}", "-ldmsnet", "-pthread")
        lines = run(program, self.model, left, right).splitlines()
        self.assertEqual((len(lines), len(set(lines))), (2, 1), lines)


if __name__ == "__main__":
    unittest.main()
