"""A decision that is made again is checked against the record: whom a model
was trained on, which run is resumed, what its best epoch is chosen by."""
import csv
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "parity"))
import safetensors_io

BUILD = pathlib.Path(
    os.environ.get("DMS_BUILD", HERE.parent.parent / "build")).resolve()
PATIENTS = 24
KEY = "dmsnet-trained-on"
TINY = ("--backbone", "resnet18", "--width", 16, "--size", 32, "--batch", 4,
        "--ema-decay", 0, "--optimizer", "sgd", "--lr", 0.001, "--epochs", 1,
        "--threads", 1)
FOLDER = None


def dmsnet(*words, cwd=None):
    env = {**os.environ, "LC_ALL": "C", "OMP_NUM_THREADS": "2",
           "OMP_WAIT_POLICY": "passive"}
    return subprocess.run([BUILD / "dmsnet", *map(str, words)],
                          cwd=cwd or FOLDER, env=env, capture_output=True,
                          text=True, timeout=120, check=False)


def must(*words):
    done = dmsnet(*words)
    if done.returncode:
        raise AssertionError(f"dmsnet {words[0]}: {done.stderr}")
    return done


def train(*words, data="set"):
    return dmsnet("train", "--data", data, "--cache", "cache", *TINY, *words)


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(path, table):
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, list(table[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(table)


def setUpModule():
    """A set, and a model trained on part of it."""
    global FOLDER
    holder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(holder.cleanup)
    FOLDER = pathlib.Path(holder.name)
    must("synth", "set", "-n", PATIENTS, "--size", 64, "--log", "error")
    done = train("--run", "r", "--val", 0.3)
    if done.returncode:
        raise AssertionError(done.stderr)


class TrainedOn(unittest.TestCase):
    """Nobody's table says who was trained on; the photographs do."""

    def evaluate(self, data, *words, model="r/best.safetensors"):
        return dmsnet("evaluate", "--model", model, "--data", data, "--cache",
                      "cache", "--resamples", 0, "--out", "e", "--json",
                      "--log", "warning", *words)

    def count(self, data, *words, **more):
        """Patients who were trained on, as the report has it; the warning
        says the same."""
        done = self.evaluate(data, *words, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["trained_on"], json.loads(
            (FOLDER / "e/metrics.json").read_text())["trained_on"])
        says = f"{report['trained_on']} of {report['patients']} "
        self.assertEqual(says in done.stderr, report["trained_on"] > 0,
                         done.stderr)
        text = (FOLDER / "e/report.txt").read_text()
        self.assertEqual("WERE TRAINED ON" in text, report["trained_on"] > 0)
        return report["trained_on"]

    def refused(self, says, data, *words, **more):
        shutil.rmtree(FOLDER / "e", ignore_errors=True)
        done = self.evaluate(data, "--strict", *words, **more)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(says, done.stderr)
        self.assertFalse((FOLDER / "e/metrics.json").exists())

    def other(self, name, change=lambda path: path.name):
        """Another table of the same patients: new ids, and so another split;
        change(path) writes a photograph and says what it is called."""
        folder = FOLDER / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(FOLDER / "set", folder)
        self.addCleanup(shutil.rmtree, folder)
        table = rows(folder / "annotations.csv")
        for row in table:
            row["ID"] = str(int(row["ID"]) * 31 + 1000)
            for eye in ("Left-Fundus", "Right-Fundus"):
                if row[eye]:
                    row[eye] = change(folder / "images" / row[eye])
        write_rows(folder / "annotations.csv", table)
        return name

    @staticmethod
    def rename(path):
        path.rename(path.with_name("n" + path.name))
        return "n" + path.name

    @staticmethod
    def as_png(path):
        """The same pixels in another format."""
        with Image.open(path) as image:
            image.convert("RGB").save(path.with_suffix(".png"))
        path.unlink()
        return path.with_suffix(".png").name

    @staticmethod
    def repaint(path):
        """One pixel is another one."""
        with Image.open(path) as image:
            image = image.convert("RGB")
            red, green, blue = image.getpixel((30, 30))
            image.putpixel((30, 30), (red, green, blue ^ 64))
            image.save(path.with_suffix(".png"))
        path.unlink()
        return path.with_suffix(".png").name

    def test_the_trainings_own_validation_split_is_new_to_the_model(self):
        self.assertEqual(self.count("set"), 0)
        done = self.evaluate("set", "--strict")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_the_training_split_is_known_and_needs_no_warning(self):
        done = self.evaluate("set", "--split", "train", "--strict")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        report = json.loads(done.stdout)
        self.assertEqual(report["trained_on"], report["patients"])

    def test_all_patients_include_those_of_the_training(self):
        trained = len(safetensors_io.read(
            FOLDER / "r/best.safetensors")[1][KEY]) // 32
        self.assertEqual(self.count("set", "--split", "all"), trained)
        self.refused(f"{trained} of {PATIENTS} labelled patients", "set",
                     "--split", "all")

    def test_another_table_puts_trained_patients_into_val(self):
        for name, change in (("same", lambda path: path.name),
                             ("named", self.rename), ("png", self.as_png)):
            with self.subTest(name):
                data = self.other(name, change)
                known = self.count(data)
                self.assertGreater(known, 0)
                self.refused(f"{known} of ", data)
                self.refused("val patients have photographs that "
                             "r/best.safetensors was trained on", data)

    def test_other_pixels_are_other_photographs(self):
        self.assertEqual(self.count(self.other("pixel", self.repaint)), 0)

    def test_tuning_looks_at_the_validation_split_too(self):
        data = self.other("tuned")
        table = rows(FOLDER / data / "annotations.csv")
        for i, row in enumerate(table):
            row["split"] = "val" if i % 2 else "test"
        write_rows(FOLDER / data / "annotations.csv", table)
        self.refused("val patients", data, "--tune", "f1", "--split", "test",
                     "--tuned-model", "never")
        self.assertFalse((FOLDER / "never").exists())

    def test_a_model_that_does_not_say_is_not_strictly_evaluated(self):
        tensors, metadata = safetensors_io.read(FOLDER / "r/best.safetensors")
        del metadata[KEY]
        safetensors_io.write(FOLDER / "old", tensors, metadata)
        done = self.evaluate("set", model="old")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIsNone(json.loads(done.stdout)["trained_on"])
        self.refused("old: does not say which photographs it was trained on",
                     "set", model="old")

    def test_a_damaged_record_is_refused(self):
        tensors, metadata = safetensors_io.read(FOLDER / "r/best.safetensors")
        good = metadata[KEY]
        for bad in (good[:-1], "x" + good[1:], good[16:] + good[:16],
                    good[:16] + good, "0" * 16 + good, " " + good[1:]):
            metadata[KEY] = bad
            safetensors_io.write(FOLDER / "bad", tensors, metadata)
            done = self.evaluate("set", model="bad")
            self.assertEqual(done.returncode, 3, bad[:20])
            self.assertIn(f"bad: metadata '{KEY}' is not", done.stderr)

    def test_the_record_goes_with_the_model(self):
        was = safetensors_io.read(FOLDER / "r/best.safetensors")[1][KEY]
        must("quantize", "--model", "r/best.safetensors", "--data", "set",
             "--split", "all", "--tolerance", 1, "--out", "q")
        must("export", "--model", "r/best.safetensors", "--safetensors", "x",
             "--onnx", "o")
        must("import", "x", "--out", "i")
        must("evaluate", "--model", "r/best.safetensors", "--data", "set",
             "--tune", "f1", "--tuned-model", "t", "--resamples", 0, "--cache",
             "cache", "--out", "e")
        must("adapt", "--model", "r/best.safetensors", "--data", "set",
             "--batches", 2, "--out", "a")
        for name in ("x", "i", "t", "a"):
            self.assertEqual(safetensors_io.read(FOLDER / name)[1][KEY], was)
        for name in ("q", "o"):
            self.assertIn(was.encode(), (FOLDER / name).read_bytes())
        self.refused(f"of {PATIENTS} labelled patients", "set", "--split",
                     "all", model="q")

    def test_the_size_of_the_network_is_no_part_of_it(self):
        done = train("--run", "larger", "--val", 0.3, "--size", 64)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(*(safetensors_io.read(
            FOLDER / run / "best.safetensors")[1][KEY]
            for run in ("r", "larger")))

    def test_who_trained_the_model_to_start_from_is_known_too(self):
        """Also when the run was stopped on the way and the first model is
        gone."""
        shutil.copy(FOLDER / "r/best.safetensors", FOLDER / "first")
        done = train("--run", "second", "--init", "first", "--seed", 5,
                     "--val", 0.3, "--epochs", 2, "--schedule", "constant",
                     "--time-limit", "1s")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("validation patients have photographs that the model to "
                      "start from was trained on", done.stderr)
        (FOLDER / "first").unlink()
        done = dmsnet("train", "--resume", "--run", "second", "--time-limit",
                      "none")
        self.assertEqual(done.returncode, 0, done.stderr)
        before, after = (
            {value[i:i + 16] for i in range(0, len(value), 16)}
            for value in (safetensors_io.read(
                FOLDER / run / "last.safetensors")[1][KEY]
                for run in ("r", "second")))
        self.assertLess(before, after)

    def test_one_eye_alone_is_trained_on(self):
        done = train("--run", "left", "--val", 0.3, "--eyes", "left")
        self.assertEqual(done.returncode, 0, done.stderr)
        both, left = (safetensors_io.read(
            FOLDER / run / "best.safetensors")[1][KEY]
            for run in ("r", "left"))
        self.assertLess(len(left), len(both))


class Resume(unittest.TestCase):
    def setUp(self):
        self.run_folder = FOLDER / "run"
        self.addCleanup(shutil.rmtree, self.run_folder, ignore_errors=True)

    def begun(self, *parts):
        """A run folder with these files of the finished run."""
        self.run_folder.mkdir()
        for name in parts:
            shutil.copy(FOLDER / "r" / name, self.run_folder / name)

    def files(self):
        return {path.name: path.read_bytes()
                for path in self.run_folder.glob("*.safetensors")}

    def test_models_without_a_checkpoint_are_never_overwritten(self):
        for parts in (("best.safetensors", "last.safetensors"),
                      ("best.safetensors", "run.json", "config.yaml"),
                      ("last.safetensors",)):
            for how in ((), ("--resume",), ("--resume=auto",),
                        ("--resume", "auto"), ("--resume", "--init",
                                               "r/best.safetensors")):
                with self.subTest(parts=parts, how=how):
                    self.begun(*parts)
                    before = self.files()
                    done = train("--run", "run", *how)
                    self.assertEqual(done.returncode, 2, done.stderr)
                    self.assertIn("run: there are models of a run, but not its "
                                  "checkpoint", done.stderr)
                    self.assertEqual(self.files(), before)
                    shutil.rmtree(self.run_folder)

    def test_a_folder_left_before_its_first_checkpoint_begins_anew(self):
        for parts in ((), ("run.json",), ("run.json", "config.yaml")):
            for how in (("--resume",), ("--resume=auto",)):
                with self.subTest(parts=parts, how=how):
                    self.begun(*parts)
                    (self.run_folder / "train.log").write_text("begun\n")
                    done = train("--run", "run", *how)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertIn("run: no checkpoint yet; the run starts at "
                                  "its beginning", done.stderr)
                    self.assertIn("best.safetensors", self.files())
                    shutil.rmtree(self.run_folder)

    def test_there_is_no_such_run(self):
        for words in (("--resume", "--run", "typo"),
                      ("--run", "typo", "--resume"),
                      ("--resume=true", "--run", "typo"),
                      ("--resume", "true", "-o", "typo", "--data", "set"),
                      ("--resume", "--run", "r/typo", "--epochs", 3)):
            done = dmsnet("train", *words)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("typo: there is no such run to resume", done.stderr)
            self.assertNotIn("--data", done.stderr)
            self.assertFalse((FOLDER / "typo").exists())

    def test_auto_begins_then_goes_on_then_has_nothing_left_to_do(self):
        words = ("--run", "run", "--schedule", "constant")
        for how, epochs, says in ((("--resume=auto",), 1, "epoch 1:"),
                                  (("--resume", "auto"), 2, "resuming in"),
                                  (("--resume=auto",), 2, "resuming in")):
            done = train(*words, "--epochs", epochs, *how)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(says, done.stderr)
            self.assertEqual(json.loads(done.stdout)["epochs"], epochs)

    def test_auto_needs_data_to_begin_with(self):
        done = dmsnet("train", "--resume=auto", "--run", "run")
        self.assertEqual(done.returncode, 2)
        self.assertIn("data: no folder or table", done.stderr)
        self.assertFalse(self.run_folder.exists())

    def test_a_run_is_not_begun_twice(self):
        for how in ((), ("--no-resume",), ("--resume=false",),
                    ("--resume", "false")):
            done = train("--run", "r", *how)
            self.assertEqual(done.returncode, 2)
            self.assertIn("r: there is already a run", done.stderr)

    def test_the_checkpoint_before_the_last_one_is_a_run_too(self):
        self.begun("best.safetensors", "last.safetensors", "config.yaml")
        shutil.copy(FOLDER / "r/checkpoint.safetensors",
                    self.run_folder / "checkpoint.safetensors.previous")
        done = train("--run", "run")
        self.assertIn("there is already a run", done.stderr)
        done = train("--run", "run", "--resume", "--val", 0.3)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("resuming in epoch 2", done.stderr)

    def test_a_resumed_runs_configuration_can_begin_another(self):
        words = ("--run", "run", "--schedule", "constant")
        train(*words)
        done = train(*words, "--epochs", 2, "--resume")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("resume: false",
                      (self.run_folder / "config.yaml").read_text())
        self.addCleanup(shutil.rmtree, FOLDER / "again", ignore_errors=True)
        done = dmsnet("train", "--config", "run/config.yaml", "--run", "again")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_help_names_what_may_be_given_anew(self):
        train("--run", "run", "--val", 0.3)
        said = " ".join(dmsnet("train", "--help").stdout.split())
        said = said[said.index("Only these options may change"):said.index(
            "--init and --pretrained")]
        anew = {"data": "./set", "images": "set/images", "cache": "run",
                "encoding": "utf-8",
                "threads": 2, "checkpoint-activations": "true", "patience": 3,
                "time-limit": "5h", "checkpoint-interval": "7m",
                "tensorboard": "no"}
        self.assertEqual(set(re.findall("--([a-z-]+)", said)),
                         {*anew, "schedule", "epochs", "start-size",
                          "teacher"})
        done = dmsnet("train", "--resume", "--run", "run", *(
            f"--{name}={value}" for name, value in anew.items()))
        self.assertEqual(done.returncode, 0, done.stderr)
        for name, value in (("epochs", 2), ("lr", 0.5), ("batch", 5),
                            ("seed", 9), ("augment", "no"), ("metric", "f1")):
            with self.subTest(name):
                done = dmsnet("train", "--resume", "--run", "run",
                              f"--{name}={value}")
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertNotIn("photographs", done.stderr)
                self.assertIn(f"train: {name}: the run to resume has",
                              done.stderr)


class Metric(unittest.TestCase):
    """What cannot choose a best epoch is refused before photographs are
    read."""

    def setUp(self):
        self.addCleanup(shutil.rmtree, FOLDER / "run", ignore_errors=True)
        self.addCleanup(shutil.rmtree, FOLDER / "fresh", ignore_errors=True)

    def table(self, labels):
        """labels(i): of the i-th patient; the last six are to validate."""
        table = rows(FOLDER / "set/annotations.csv")
        made = [{"id": row["ID"], "left": row["Left-Fundus"],
                 "right": row["Right-Fundus"], **labels(i),
                 "split": "val" if i >= PATIENTS - 6 else "train"}
                for i, row in enumerate(table)]
        write_rows(FOLDER / "own.csv", made)

    def run_with(self, metric, labels, *words):
        return dmsnet("train", "--data", "own.csv", "--images", "set/images",
                      "--labels", labels, "--metric", metric, "--run", "run",
                      "--cache", "fresh", *TINY, *words)

    def refused(self, says, *words):
        done = self.run_with(*words)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(says, done.stderr)
        self.assertEqual(list(FOLDER.glob("fresh/*")), [])
        self.assertEqual(list(FOLDER.glob("run/*")), [])

    def test_a_figure_of_other_labels(self):
        self.table(lambda i: {"a": i % 2, "b": i % 3 // 2, "g": "xyz"[i % 3]})
        for metric in ("top1_accuracy", "class_kappa", "class_kappa_quadratic",
                       "odir_final", "odir_auc"):
            with self.subTest(metric):
                self.refused(f"metric: {metric} is not measured of these "
                             "labels; without the option it is macro_auc",
                             metric, "a,b")
        self.refused("metric: odir_kappa is not measured", "odir_kappa",
                     "g=x,y,z")

    def test_a_class_that_no_validation_patient_has(self):
        self.table(lambda i: {"a": int(i % 2 and i < PATIENTS - 6),
                              "b": int(i % 3 == 0 and i < PATIENTS - 6)})
        for fault, metrics in (
                ("undefined", ("macro_auc", "micro_auc", "kappa",
                               "macro_kappa")),
                ("the same for all answers", ("macro_ap", "recall", "f1"))):
            for metric in metrics:
                with self.subTest(metric):
                    self.refused(f"metric: {metric} is {fault} on the 6 "
                                 "validation patients; none has a, b", metric,
                                 "a,b")

    def test_a_count_of_labels_tells_no_epoch_from_another(self):
        self.table(lambda i: {"a": i % 2, "b": i % 3 // 2})
        self.refused("metric: macro_auc_labels is the same for all answers",
                     "macro_auc_labels", "a,b")

    def test_a_class_that_every_validation_patient_has(self):
        self.table(lambda i: {"a": int(i % 2 or i >= PATIENTS - 6),
                              "b": int(i % 3 == 0 or i >= PATIENTS - 6)})
        self.refused("metric: macro_auc is undefined on the 6 validation "
                     "patients; none is without a, b", "macro_auc", "a,b")

    def test_grades_of_which_there_is_one(self):
        self.table(lambda i: {"g": "xyz"[i % 3] if i < PATIENTS - 6 else "y"})
        for metric in ("class_kappa", "macro_auc", "class_kappa_quadratic"):
            self.refused(f"metric: {metric} is undefined on the 6 validation "
                         "patients; none has x, z; none is without y", metric,
                         "g=x,y,z")

    def test_no_validation_patient_at_all(self):
        done = train("--run", "run", "--val", 0, "--metric", "macro_f1")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("metric: macro_f1 cannot choose the best epoch: there "
                      "are no validation patients", done.stderr)

    def test_a_figure_that_was_not_asked_for_is_warned_of(self):
        self.table(lambda i: {"g": "xyz"[i % 3] if i < PATIENTS - 6 else "y"})
        done = self.run_with("", "g=x,y,z")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count(
            "class_kappa_quadratic is undefined on the 6 validation patients"),
            1, done.stderr)
        self.assertIn("it does not tell which epoch is the best", done.stderr)

    def test_one_label_of_both_classes_is_enough_for_a_mean(self):
        self.table(lambda i: {"a": i % 2, "b": int(i == 0)})
        done = self.run_with("macro_auc", "a,b")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIsNotNone(json.loads(done.stdout)["best_metric"])

    def test_photographs_that_cannot_be_read_take_the_class_away(self):
        """Known only once they are read."""
        broken = FOLDER / "broken"
        shutil.copytree(FOLDER / "set/images", broken)
        self.addCleanup(shutil.rmtree, broken)
        self.table(lambda i: {"a": int(i in (1, 3, 5, PATIENTS - 1)),
                              "b": int(i in (2, PATIENTS - 1))})
        last = rows(FOLDER / "own.csv")[-1]
        for eye in ("left", "right"):
            if last[eye]:
                (broken / last[eye]).write_bytes(b"no picture")
        done = dmsnet("train", "--data", "own.csv", "--images", "broken",
                      "--labels", "a,b", "--metric", "macro_auc", "--run",
                      "run", "--cache", "fresh", *TINY)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("metric: macro_auc is undefined on the 5 validation "
                      "patients; none has a, b", done.stderr)


if __name__ == "__main__":
    unittest.main()
