"""A calibrated model's probabilities are the same wherever they are read, and
the file says on what they were fitted."""
import csv
import json
import math
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "parity"))
import safetensors_io

BUILD = pathlib.Path(
    os.environ.get("DMS_BUILD", HERE.parent.parent / "build")).resolve()
PATIENTS = 12
CODES = list("NDGCAHMO")
FOLDER = None


def dmsnet(*words):
    env = {**os.environ, "LC_ALL": "C", "OMP_NUM_THREADS": "2",
           "OMP_WAIT_POLICY": "passive"}
    return subprocess.run([BUILD / "dmsnet", *map(str, words)], cwd=FOLDER,
                          env=env, capture_output=True, text=True, timeout=120,
                          check=False)


def must(*words):
    done = dmsnet(*words)
    if done.returncode:
        raise AssertionError(f"dmsnet {words[0]}: {done.stderr}")
    return done


def rows(path):
    with open(FOLDER / path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(path, table):
    with open(FOLDER / path, "w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, list(table[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(table)


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def logit(p):
    return math.log(p / (1 - p))


def make_outcomes(count=200):
    """labels.csv with a split, and probabilities that are too sure of all
    labels; of O only 7 are positive, of M 3, and those of A are upside down."""
    draw = random.Random(3)
    labels, predictions = [], []
    for i in range(count):
        truth = {code: int(draw.random() < 0.3) for code in CODES}
        truth["O"], truth["M"] = int(i % 30 == 0), int(i % 70 == 0)
        logits = {code: 6 * (truth[code] + draw.gauss(-1, 1)) *
                  (-1 if code == "A" else 1) for code in CODES}
        split = ("val", "train", "test")[i % 3]
        labels.append({"ID": f"p{i}", **truth, "split": split})
        predictions.append({"ID": f"p{i}", **{
            code: repr(sigmoid(z)) for code, z in logits.items()}})
    write_rows("labels.csv", labels)
    write_rows("p1.csv", predictions[:80])
    write_rows("p2.csv", predictions[80:])


def calibrate(*words, model="m", out="c", log="warning"):
    return dmsnet("calibrate", "--model", model, "--data", "labels.csv",
                  "--out", out, "--log", log, *words, "--predictions",
                  "p1.csv", "p2.csv")


def about(path):
    """The description in the file's header, whatever its tensors are."""
    with open(FOLDER / path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return json.loads(header["__metadata__"]["dmsnet"])


def setUpModule():
    global FOLDER
    holder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(holder.cleanup)
    FOLDER = pathlib.Path(holder.name)
    must("synth", "set", "-n", PATIENTS, "--size", 64, "--log", "error")
    must("init", "--backbone", "resnet18", "--width", 16, "--size", 64,
         "--out", "m")
    make_outcomes()
    done = calibrate()
    if done.returncode:
        raise AssertionError(done.stderr)


class Applied(unittest.TestCase):
    """c is m, calibrated to outcomes that have nothing to do with it: whatever
    a calibration is, it is applied."""

    def lines(self):
        calibration = about("c")["calibration"]
        return list(zip(calibration["slopes"], calibration["intercepts"]))

    def assert_calibrated(self, before, after, delta):
        for code, (slope, intercept) in zip(CODES, self.lines()):
            self.assertAlmostEqual(
                float(after[code]),
                sigmoid(slope * logit(float(before[code])) + intercept),
                delta=delta)

    def predict(self, model, *words):
        return json.loads(must("predict", "--model", model, "--format", "json",
                               "--log", "error", *words, "set").stdout)

    def test_predict_calibrates_patient_and_eyes_and_decides(self):
        thresholds = about("c")["thresholds"]
        for before, after in zip(self.predict("m"), self.predict("c")):
            for part in (lambda p: p, lambda p: p["left"],
                         lambda p: p["right"]):
                self.assert_calibrated(part(before)["probabilities"],
                                       part(after)["probabilities"], 1e-6)
            found = [code for code, t in zip(CODES, thresholds)
                     if after["probabilities"][code] > t]
            self.assertEqual(after["findings"], found)

    def test_evaluate_says_the_same(self):
        for model in "mc":
            must("evaluate", "--model", model, "--data", "set", "--split",
                 "all", "--resamples", 0, "--out", f"e{model}", "--log",
                 "error")
        for before, after in zip(rows("em/predictions.csv"),
                                 rows("ec/predictions.csv")):
            self.assert_calibrated(before, after, 1e-12)

    def test_tensors_are_the_same_bits(self):
        before, after = (safetensors_io.read(FOLDER / name)[0] for name in "mc")
        self.assertEqual(list(before), list(after))
        for name, values in before.items():
            self.assertEqual(values.tobytes(), after[name].tobytes(), name)

    def test_export_and_import_keep_it(self):
        must("export", "--model", "c", "--safetensors", "x")
        must("import", "x", "--out", "i")
        self.assertEqual(about("i")["calibration"], about("c")["calibration"])
        self.assertEqual(about("i")["thresholds"], about("c")["thresholds"])
        self.assertEqual(*(about(name)["provenance"]["calibrated"]
                           for name in "ic"))

    def test_adapting_drops_it_and_says_so(self):
        done = must("adapt", "--model", "c", "--data", "set", "--split", "all",
                    "--batches", 1, "--batch", 2, "--out", "a")
        self.assertIn("calibration and thresholds were fitted", done.stderr)
        self.assertEqual(about("a")["calibration"], {"temperature": 1})
        self.assertEqual(about("a")["thresholds"], [0.5] * 8)
        self.assertNotIn("calibrated", about("a")["provenance"])
        done = must("adapt", "--model", "m", "--data", "set", "--split", "all",
                    "--batches", 1, "--batch", 2, "--out", "a")
        self.assertNotIn("calibration", done.stderr)

    def test_quantising_keeps_it_and_says_so(self):
        done = must("quantize", "--model", "c", "--data", "set", "--split",
                    "all", "--patients", 2, "--tolerance", 1, "--out", "q")
        self.assertIn("the calibration and thresholds are those of c",
                      done.stderr)
        for part in ("calibration", "thresholds"):
            self.assertEqual(about("q")[part], about("c")[part])


class Fitted(unittest.TestCase):
    def report(self, *words, **more):
        done = calibrate("--json", *words, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout), done.stderr

    def test_labels_that_cannot_be_fitted_have_the_common_temperature(self):
        report, said = self.report(out="f")
        own = [code for code in CODES if report["labels"][code]["own"]]
        self.assertEqual(own, ["N", "D", "G", "C", "H"])
        self.assertIn("M, O: fewer than 10", said)
        self.assertIn("A: no slope fits the logits", said)
        self.assertIn("M: fewer than 5", said)
        for code in "AMO":
            label = report["labels"][code]
            self.assertEqual((label["slope"], label["intercept"]),
                             (1 / report["temperature"], 0))
        self.assertEqual(report["labels"]["M"]["threshold"], 0.5)

    def test_calibration_makes_held_out_probabilities_more_reliable(self):
        report = self.report(out="f")[0]
        for figure in ("ece", "brier", "log_loss"):
            figures = {stage: values[figure] for stage, values
                       in report["reliability"].items()}
            self.assertLess(figures["held_out"], figures["before"], figure)
        for code in "NDGCH":
            ece = {stage: values["ece"] for stage, values in
                   report["labels"][code]["reliability"].items()}
            self.assertLess(ece["held_out"], ece["before"] / 2)

    def test_the_split_is_fitted_to_alone_and_recorded(self):
        report, said = self.report("--split", "val", out="f")
        self.assertEqual(report["splits"],
                         {"none": 0, "train": 0, "val": 67, "test": 0})
        self.assertIn("133 of 200 predictions are not used", said)
        self.assertNotIn("held out", said)
        made = about("f")["provenance"]["calibrated"]
        self.assertEqual(made["patients"], {"val": 67})
        self.assertEqual((made["method"], made["point"], made["table"]),
                         ("platt", "f1", "labels.csv"))
        self.assertIn("platt, fitted to 67 val patients; thresholds for f1",
                      must("info", "f").stdout)

    def test_the_test_split_is_said_aloud(self):
        said = self.report("--split", "test", out="f")[1]
        self.assertIn("fitted to 66 patients of the test split: results on it "
                      "are no longer held out", said)
        self.assertEqual(about("f")["provenance"]["calibrated"]["patients"],
                         {"test": 66})

    def test_without_a_method_only_thresholds_are_chosen(self):
        report = self.report("--method", "none", "--point", "0.25", out="f")[0]
        self.assertEqual(about("f")["calibration"], {"temperature": 1})
        self.assertEqual(about("f")["thresholds"], [0.25] * 8)
        self.assertEqual(report["reliability"]["before"],
                         report["reliability"]["after"])

    def test_a_point_is_reached_on_the_patients_of_the_fit(self):
        report = self.report("--point", "sensitivity=0.8", out="f")[0]
        for code in "NDGCH":
            self.assertGreaterEqual(report["labels"][code]["recall"], 0.8)
            self.assertLess(report["labels"][code]["recall"], 0.9)

    def test_the_model_run_on_photographs_is_fitted_as_its_predictions(self):
        words = ("--data", "set", "--split", "all", "--method", "temperature",
                 "--json", "--log", "error")
        run = json.loads(must("calibrate", "--model", "m", "--out", "f", *words,
                              "--precision", "fp32").stdout)
        must("evaluate", "--model", "m", "--data", "set", "--split", "all",
             "--resamples", 0, "--out", "e", "--log", "error", "--precision",
             "fp32")
        read = json.loads(must("calibrate", "--model", "m", "--out", "g",
                               *words, "--predictions",
                               "e/predictions.csv").stdout)
        self.assertEqual(run["patients"], PATIENTS)
        self.assertAlmostEqual(run["temperature"] / read["temperature"], 1,
                               delta=1e-4)
        for stage, figures in run["reliability"].items():
            self.assertAlmostEqual(figures["brier"],
                                   read["reliability"][stage]["brier"],
                                   delta=1e-5)

    def test_one_of_labels_have_one_temperature(self):
        must("init", "--backbone", "resnet18", "--width", 16, "--size", 64,
             "--labels", "grade=a,b,c", "--out", "g3")
        draw = random.Random(4)
        labels, predictions = [], []
        for i in range(90):
            powers = [math.exp(5 * ((i % 3 == k) + draw.gauss(0, 1)))
                      for k in range(3)]
            labels.append({"ID": i, "grade": i % 3})
            predictions.append({"ID": i, **{
                code: repr(p / sum(powers)) for code, p in
                zip("abc", powers)}})
        write_rows("grades.csv", labels)
        write_rows("pg.csv", predictions)
        done = must("calibrate", "--model", "g3", "--data", "grades.csv",
                    "--predictions", "pg.csv", "--out", "g3c", "--json")
        report = json.loads(done.stdout)
        self.assertEqual(done.stderr.count("fewer"), 0)
        self.assertEqual(list(about("g3c")["calibration"]), ["temperature"])
        self.assertGreater(report["temperature"], 1.5)
        self.assertLess(report["reliability"]["held_out"]["log_loss"],
                        report["reliability"]["before"]["log_loss"])


class Marked(unittest.TestCase):
    """Whoever evaluates on the patients of the fit is told."""

    def tuned(self, model, split):
        return json.loads(must(
            "evaluate", "--model", model, "--data", "marked", "--split", split,
            "--resamples", 0, "--out", "e", "--json", "--log",
            "error").stdout)["thresholds_tuned_on_same_split"]

    def test_only_the_split_of_the_fit_is_marked(self):
        must("synth", "marked", "-n", 6, "--size", 64, "--log", "error")
        table = rows("marked/annotations.csv")
        for i, row in enumerate(table):
            row["split"] = ("val", "test", "train")[i % 3]
        write_rows("marked/annotations.csv", table)
        words = ("calibrate", "--model", "m", "--data", "marked", "--log",
                 "warning")
        self.assertIn("m was trained on the training split and is too sure",
                      must(*words, "--split", "train", "--out", "k").stderr)
        must(*words, "--tta", "flips", "--out", "k")
        self.assertEqual(about("k")["provenance"]["calibrated"]["tta"],
                         "flips")
        self.assertNotIn("too sure", must(*words, "--out", "k").stderr)
        self.assertNotIn("tta", about("k")["provenance"]["calibrated"])
        self.assertTrue(self.tuned("k", "val"))
        self.assertTrue(self.tuned("k", "all"))
        self.assertFalse(self.tuned("k", "test"))
        self.assertFalse(self.tuned("m", "val"))
        self.assertFalse(self.tuned("c", "val"))  # another table
        must("evaluate", "--model", "k", "--data", "marked", "--tune", "kappa",
             "--tuned-model", "t", "--resamples", 0, "--out", "e")
        made = [about(name)["provenance"]["calibrated"] for name in "kt"]
        self.assertEqual([m.pop("point") for m in made], ["f1", "kappa"])
        self.assertEqual(*made)


class Refused(unittest.TestCase):
    def refused(self, status, says, *words, **more):
        done = calibrate(*words, out="never", **more)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(says, done.stderr)
        self.assertFalse((FOLDER / "never").exists())

    def test_predictions_of_a_model_that_is_already_calibrated(self):
        self.refused(3, "c: is already calibrated", model="c")

    def test_a_patient_in_two_files(self):
        self.refused(3, "patient 'p0' is both in p1.csv and in p1.csv",
                     "p1.csv")

    def test_a_point_that_is_none(self):
        for point in ("f2", "sensitivity=2", "specificity=", "1.5", "f1x", ""):
            self.refused(2, f"operating point '{point}' is not", "--point",
                         point)

    def test_the_model_itself_as_output(self):
        done = calibrate(out="m")
        self.assertEqual(done.returncode, 2)
        self.assertIn("already the file of --model", done.stderr)

    def test_predictions_of_nobody(self):
        write_rows("nobody.csv", [{"ID": "x", **dict.fromkeys(CODES, 0.5)}])
        done = dmsnet("calibrate", "--model", "m", "--data", "labels.csv",
                      "--predictions", "nobody.csv", "--out", "never")
        self.assertEqual(done.returncode, 3)
        self.assertIn("no labelled patient with a prediction", done.stderr)

    def test_a_file_without_predictions_before_it(self):
        done = dmsnet("calibrate", "--model", "m", "--data", "labels.csv",
                      "p1.csv", "--out", "never")
        self.assertEqual(done.returncode, 2)
        self.assertIn("'p1.csv' is not an option", done.stderr)


if __name__ == "__main__":
    unittest.main()
