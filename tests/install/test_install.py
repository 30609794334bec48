"""What `cmake --install` leaves is a library that others build against: its
symbols, pkg-config, the CMake package, the examples, the manual."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMS_BUILD", ROOT / "build")).resolve()
EXAMPLES = sorted((ROOT / "examples").glob("*.c"))
DECLARED = re.compile(r"^(?!typedef|static|#|\s|/|\})[\w\s*]*?\b(dms_\w+)\(",
                      re.M)
BACKBONE = "resnet18"


def run(*words, **more):
    done = subprocess.run([str(w) for w in words], capture_output=True,
                          text=True, **more)
    if done.returncode != 0:
        raise AssertionError(f"{words}: {done.stdout}{done.stderr}")
    return done.stdout


def declared_functions():
    names = set()
    for header in (ROOT / "include" / "dms").glob("*.h"):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        names.update(DECLARED.findall(text))
    return names


class BuiltAsTheDemoBuilds(unittest.TestCase):
    def test_a_folder_that_the_demo_built_can_be_installed(self):
        """demo.sh's own two cmake lines in a folder of this test's, without
        optimisation: what is built counts, not how fast it runs."""
        demo = (ROOT / "demo.sh").read_text()
        configure, = re.findall(r"^cmake --preset (\w+)", demo, re.M)
        built, = re.findall(r"^cmake --build build ([^|\n]*)", demo, re.M)
        with tempfile.TemporaryDirectory() as work:
            work = pathlib.Path(work)
            run("cmake", "--preset", configure, "-B", work / "build",
                "-DCMAKE_BUILD_TYPE=Debug", cwd=ROOT)
            run("cmake", "--build", work / "build", *built.split())
            run("cmake", "--install", work / "build", "--prefix",
                work / "prefix")
            self.assertTrue(next(
                (work / "prefix").glob("lib*/**/libdmsnet.so")).exists())
            run(work / "prefix" / "bin" / "dmsnet", "--version")


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.work = pathlib.Path(cls.folder.name)
        cls.prefix = cls.work / "prefix"
        run("cmake", "--install", BUILD, "--prefix", cls.prefix)
        library = next(cls.prefix.glob("lib*/**/libdmsnet.so")).parent
        cls.environment = dict(
            os.environ, OMP_WAIT_POLICY="passive",
            LD_LIBRARY_PATH=str(library),
            PKG_CONFIG_PATH=str(library / "pkgconfig"))
        cls.program = cls.prefix / "bin" / "dmsnet"
        run(cls.program, "synth", cls.work / "set", "--patients", "40",
            "--seed", "3", "--size", "128")
        run(cls.program, "init", "--backbone", BACKBONE, "--size", "64",
            "--width", "64", "--out", cls.work / "m.safetensors")
        photographs = sorted((cls.work / "set").rglob("*_left.jpg"))
        cls.left = photographs[0]
        cls.right = cls.left.with_name(
            cls.left.name.replace("_left", "_right"))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def flags(self, *options):
        return run("pkg-config", *options, "dmsnet",
                   env=self.environment).split()

    def compile(self, source, out, *flags):
        run("cc", "-Wall", "-Wextra", "-Werror", source, "-o", out,
            "-pthread", *flags)
        return out

    def predicted(self):
        text = run(self.program, "predict", "--model",
                   self.work / "m.safetensors", "--left", self.left, "--right",
                   self.right, "--format", "json", env=self.environment)
        return json.loads(text)[0]["probabilities"]

    def test_the_shared_library_exports_the_public_headers_and_nothing_else(
            self):
        shared = next(self.prefix.glob("lib*/**/libdmsnet.so"))
        lines = run("nm", "-D", "--defined-only", shared).splitlines()
        exported = {line.split()[-1].split("@")[0] for line in lines}
        self.assertEqual(exported, declared_functions())

    def test_each_example_is_short(self):
        self.assertGreaterEqual(len(EXAMPLES), 4)
        for path in EXAMPLES:
            self.assertLess(len(path.read_text().splitlines()), 60, path)

    def check_predict_pair(self, program):
        out = run(program, self.work / "m.safetensors", self.left, self.right,
                  env=self.environment)
        wanted = list(self.predicted().values())
        found = [float(line.split()[1]) for line in out.splitlines()]
        self.assertEqual(len(found), 8)
        for value, expected in zip(found, wanted):
            self.assertAlmostEqual(value, expected, places=5)

    def test_pkg_config_builds_and_runs_the_first_example(self):
        for name, options in (("shared", ["--cflags", "--libs"]),):
            program = self.compile(EXAMPLES[0], self.work / name,
                                   *self.flags(*options))
            self.check_predict_pair(program)

    def test_the_static_library_serves_too(self):
        flags = [f for f in self.flags("--static", "--cflags", "--libs")
                 if f != "-ldmsnet"]
        archive = next(self.prefix.glob("lib*/**/libdmsnet.a"))
        program = self.compile(EXAMPLES[0], self.work / "static", archive,
                               *flags)
        self.check_predict_pair(program)

    def test_the_cmake_package_builds_every_example_and_they_run(self):
        built = self.work / "examples"
        run("cmake", "-S", ROOT / "examples", "-B", built,
            f"-DCMAKE_PREFIX_PATH={self.prefix}")
        run("cmake", "--build", built)
        model, work = self.work / "m.safetensors", self.work
        self.check_predict_pair(built / "01_predict_pair")
        out = run(built / "02_evaluate", model, work / "set",
                  work / "results", env=self.environment)
        self.assertRegex(out, r"macro_auc +0\.\d+ +\(95 %")
        run(self.program, "export", "--model", model, "--backbone",
            work / "b.safetensors")
        out = run(built / "03_import_and_export", work / "b.safetensors",
                  work / "n.safetensors", work / "n.onnx",
                  work / "c.safetensors", env=self.environment)
        self.assertEqual(out, "120 taken, 0 left, 0 missing\n")
        self.assertEqual((work / "b.safetensors").read_bytes(),
                         (work / "c.safetensors").read_bytes())
        out = run(built / "04_threads_share_a_model", model, self.left,
                  self.right, env=self.environment)
        first, second = out.splitlines()
        self.assertEqual(first, second)
        self.assertAlmostEqual(float(first), self.predicted()["N"], places=5)

    def test_a_cpp_program_can_include_the_headers(self):
        source = self.work / "use.cpp"
        source.write_text("#include <dms/dms.h>\n"
                          "int main() { return dms_version()[0] == 0; }\n")
        run("g++", "-Wall", "-Wextra", source, "-o", self.work / "use",
            *self.flags("--cflags", "--libs"))
        run(self.work / "use", env=self.environment)

    def test_manual_completion_and_python_are_installed(self):
        manual = (self.prefix / "share/man/man1/dmsnet.1").read_text()
        self.assertIn(".TH", manual)
        script = (self.prefix /
                  "share/bash-completion/completions/dmsnet").read_text()
        self.assertIn("complete", script)
        package = next(self.prefix.glob("lib*/**/dist-packages/dmsnet"))
        out = run("/usr/bin/python3", "-c",
                  "import dmsnet; print(dmsnet.library_path())",
                  env=dict(self.environment, PYTHONPATH=str(package.parent)))
        self.assertIn(str(self.prefix), out)

    def test_recipes_are_installed(self):
        installed = (self.prefix / "share/dmsnet/configs").glob("*.yaml")
        written = (ROOT / "configs").glob("*.yaml")
        self.assertEqual({p.name for p in installed},
                         {p.name for p in written})

    def test_the_models_of_the_tree_and_their_cards_are_installed(self):
        """And nothing else of models/; test_shipped.py runs installed ones."""
        wanted = {p.name: p.read_bytes()
                  for p in (ROOT / "models").glob("dmsnet-*.*")}
        found = {p.name: p.read_bytes()
                 for p in (self.prefix / "share/dmsnet/models").glob("*")}
        self.assertEqual(found, wanted)


if __name__ == "__main__":
    unittest.main()
