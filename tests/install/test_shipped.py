"""Models that ship with dmsnet are found from the place of the program or the
library, and from nowhere else. The models here are tiny and of random weights,
in folders of the tests' own."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMS_BUILD", ROOT / "build")).resolve()
PAIR = ["--left", ROOT / "examples/photographs/normal_left.jpg",
        "--right", ROOT / "examples/photographs/normal_right.jpg"]
CONFIGURED = pathlib.Path("/usr/local/share/dmsnet/models")
CARD = """# {name}

A model of tests.

## Figures

| figure | value | 95 % interval | measured on |
| --- | --- | --- | --- |
| macro AUC | 0.861 | 0.840 to 0.881 | validation, 304 patients |
| ECE | 0.031 |  | the same |

## File

* SHA-256: `{digest}`
"""


def run(program, *words, cwd=None, status=0):
    done = subprocess.run([str(program), *map(str, words)], cwd=cwd,
                          capture_output=True, text=True,
                          stdin=subprocess.DEVNULL,
                          env=dict(os.environ, OMP_WAIT_POLICY="passive",
                                   LC_ALL="C"))
    if done.returncode != status:
        raise AssertionError(f"{words}: status {done.returncode}, expected "
                             f"{status}: {done.stdout}{done.stderr}")
    return done


def write_model(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    run(BUILD / "dmsnet", "init", "--backbone", "resnet18", "--width", "16",
        "--size", "64", "--seed", seed, "--out", path)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files_in(folder):
    return sorted(str(p) for p in folder.rglob("*"))


class Shipped(unittest.TestCase):
    """A prefix with the program, the library and two models."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.work = pathlib.Path(cls.folder.name)
        cls.prefix = cls.work / "prefix"
        cls.models = cls.prefix / "share/dmsnet/models"
        cls.program = cls.prefix / "bin/dmsnet"
        cls.library = cls.prefix / "lib/x86_64-linux-gnu/libdmsnet.so"
        for path, name in ((cls.program, "dmsnet"),
                           (cls.library, "libdmsnet.so")):
            path.parent.mkdir(parents=True)
            shutil.copy(BUILD / name, path)
        cls.small = cls.models / "dmsnet-odir-small.safetensors"
        cls.tiny = cls.models / "dmsnet-tiny.safetensors"
        write_model(cls.small, 1)
        write_model(cls.tiny, 2)
        (cls.models / "dmsnet-tiny.md").write_text(
            CARD.format(name="tiny", digest=digest(cls.tiny)))
        (cls.models / "dmsnet-odir-small.md").write_text(
            CARD.format(name="odir-small", digest="0" * 64))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def setUp(self):
        self.cwd = pathlib.Path(tempfile.mkdtemp(dir=self.work))

    def predict(self, *words, **more):
        return run(self.program, "predict", *words, *PAIR, "--json",
                   cwd=self.cwd, **more)

    def bare_program(self):
        """The program in a prefix that has no models."""
        if list(CONFIGURED.glob("dmsnet-*.safetensors")):
            self.skipTest(f"{CONFIGURED} has models")
        program = self.cwd / "bare/bin/dmsnet"
        program.parent.mkdir(parents=True)
        shutil.copy(BUILD / "dmsnet", program)
        return program

    def test_the_list_says_what_each_file_is_and_what_its_card_claims(self):
        found = json.loads(run(self.program, "models", "--json").stdout)
        self.assertEqual([m["name"] for m in found], ["odir-small", "tiny"])
        tiny = found[1]
        self.assertTrue(os.path.samefile(tiny["file"], self.tiny))
        self.assertEqual(tiny["bytes"], self.tiny.stat().st_size)
        self.assertEqual(tiny["sha256"], digest(self.tiny))
        self.assertEqual(tiny["labels"], list("NDGCAHMO"))
        self.assertEqual((tiny["backbone"], tiny["width"], tiny["size"]),
                         ("resnet18", 16, 64))
        self.assertIs(tiny["quantised"], False)
        self.assertEqual(tiny["figures"], [
            {"figure": "macro AUC", "value": "0.861",
             "interval": "0.840 to 0.881",
             "measured_on": "validation, 304 patients"},
            {"figure": "ECE", "value": "0.031", "interval": "",
             "measured_on": "the same"}])
        text = run(self.program, "models").stdout
        self.assertIn("macro AUC  0.861 (0.840 to 0.881), validation, 304 "
                      "patients\n", text)

    def test_the_figures_of_a_card_of_another_file_are_not_shown(self):
        small = json.loads(run(self.program, "models", "--json").stdout)[0]
        self.assertEqual(small["figures"], [])
        self.assertIsNone(small["card"])
        self.assertIn("of another file", run(self.program, "models").stdout)

    def test_a_name_gives_the_same_answer_as_its_file(self):
        self.assertEqual(self.predict("--model", "tiny").stdout,
                         self.predict("--model", self.tiny).stdout)
        self.assertNotEqual(self.predict("--model", "tiny").stdout,
                            self.predict("--model", "odir-small").stdout)

    def test_predict_uses_odir_small_without_a_model_and_says_so(self):
        done = self.predict()
        self.assertEqual(done.stdout, self.predict("--model",
                                                   self.small).stdout)
        self.assertIn("predicting with odir-small", done.stderr)

    def test_a_file_of_that_name_does_not_take_the_models_place(self):
        shutil.copy(self.small, self.cwd / "tiny")
        self.assertEqual(self.predict("--model", "tiny").stdout,
                         self.predict("--model", self.tiny).stdout)
        self.assertEqual(self.predict("--model", "./tiny").stdout,
                         self.predict("--model", self.small).stdout)

    def test_a_file_without_an_ending_is_a_file_if_no_model_has_its_name(self):
        shutil.copy(self.small, self.cwd / "mine")
        self.assertEqual(self.predict("--model", "mine").stdout,
                         self.predict("--model", self.small).stdout)

    def test_an_unknown_name_is_refused_with_the_known_ones(self):
        done = self.predict("--model", "odir-smal", status=3)
        self.assertIn("odir-smal: no such file and no model of that name",
                      done.stderr)
        self.assertIn("odir-small, tiny", done.stderr)

    def test_the_working_directory_is_never_searched(self):
        program = self.bare_program()
        for folder in ("models", "share/dmsnet/models"):
            (self.cwd / folder).mkdir(parents=True)
            shutil.copy(self.tiny, self.cwd / folder)
            shutil.copy(self.small, self.cwd / folder)
        shutil.copy(self.small, self.cwd / "odir-small")
        done = run(program, "predict", "--model", "tiny", *PAIR, cwd=self.cwd,
                   status=3)
        self.assertIn("none ships with this dmsnet", done.stderr)
        done = run(program, "predict", *PAIR, cwd=self.cwd, status=2)
        self.assertIn("--model is required", done.stderr)

    def test_without_a_model_the_searched_folders_are_named(self):
        program = self.bare_program()
        text = run(program, "models", cwd=self.cwd).stdout
        self.assertIn("no model ships", text)
        self.assertIn("bin/../share/dmsnet/models", text)
        self.assertEqual(
            json.loads(run(program, "models", "--json").stdout), [])

    def test_a_build_folder_finds_the_models_of_its_tree(self):
        program = self.bare_program()
        models = self.cwd / "bare/models"
        models.mkdir()
        shutil.copy(self.tiny, models)
        names = [json.loads(run(program, "models", "--json").stdout)]
        (program.parent / "CMakeCache.txt").touch()
        names.append(json.loads(run(program, "models", "--json").stdout))
        self.assertEqual([[m["name"] for m in found] for found in names],
                         [[], ["tiny"]])

    def test_a_program_started_through_a_link_finds_its_own_models(self):
        link = self.cwd / "dmsnet"
        link.symlink_to(self.program)
        found = json.loads(run(link, "models", "--json").stdout)
        self.assertEqual(len(found), 2)

    def test_the_library_finds_them_from_its_own_place_in_python(self):
        code = ("import dmsnet, json, sys\n"
                "with dmsnet.load('tiny') as model:\n"
                "    answer = model.predict(*sys.argv[1:])\n"
                "names = [m['name'] for m in dmsnet.shipped_models()]\n"
                "print(json.dumps([names, answer.to_dict()]))\n")
        done = subprocess.run(
            [sys.executable, "-c", code, PAIR[1], PAIR[3]], cwd=self.cwd,
            env=dict(os.environ, DMSNET_LIBRARY=str(self.library),
                     PYTHONPATH=str(ROOT / "python"),
                     OMP_WAIT_POLICY="passive"),
            capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        names, answer = json.loads(done.stdout)
        self.assertEqual(names, ["odir-small", "tiny"])
        wanted = json.loads(self.predict("--model", "tiny").stdout)[0]
        self.assertEqual(answer["probabilities"], wanted["probabilities"])

    def test_every_verb_takes_names_and_writes_nothing_beside_the_models(self):
        before = files_in(self.prefix)
        program, data = self.program, self.cwd / "set"
        common = ("--data", data, "--backbone", "resnet18", "--width", 16,
                  "--size", 64, "--batch", 4, "--epochs", 1)
        run(program, "synth", data, "--patients", 16, "--size", 64)
        run(program, "info", "tiny")
        run(program, "evaluate", "--model", "tiny", "--data", data, "--split",
            "all", "--out", "evaluation", "--resamples", 10, cwd=self.cwd)
        (self.cwd / "new").mkdir()
        run(program, "calibrate", "--model", "tiny", "--data", data, "--split",
            "all", "--out", "new/calibrated.safetensors", cwd=self.cwd)
        self.assertEqual(list(self.cwd.glob("*.cache")), [])
        self.assertTrue(list((self.cwd / "new").glob("photographs-*.cache")))
        run(program, "quantize", "--model", "tiny", "--data", data, "--split",
            "all", "--out", "int8.safetensors", cwd=self.cwd)
        run(program, "adapt", "--model", "tiny", "--data", data, "--split",
            "all", "--batches", 1, "--out", "adapted.safetensors",
            cwd=self.cwd)
        run(program, "export", "--model", "tiny", "--onnx", "tiny.onnx",
            cwd=self.cwd)
        run(program, "train", *common, "--run", "run", "--init", "tiny",
            "--teacher", "odir-small", cwd=self.cwd)
        self.assertIn("odir-small", (self.cwd / "run/run.json").read_text())
        self.assertEqual(files_in(self.prefix), before)


if __name__ == "__main__":
    unittest.main()
