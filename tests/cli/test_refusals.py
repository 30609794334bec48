"""What cannot work is refused before the work: by what was given, what was
expected and, where an option is to blame, with the exit status of wrong use."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "parity"))
import safetensors_io

BUILD = pathlib.Path(
    os.environ.get("DMS_BUILD", HERE.parent.parent / "build")).resolve()
TINY = ("--data", "set", "--cache", "cache", "--backbone", "resnet18",
        "--width", 16, "--size", 32, "--batch", 4, "--ema-decay", 0,
        "--optimizer", "sgd", "--lr", 0.001, "--epochs", 1, "--threads", 1)
# Said when photographs are read, for duplicates or to prepare them.
WORK = re.compile(r"photographs \d+/\d+|epoch|evaluate \d|calibrate \d|adapting")
ONNX = b"\x08\x08\x12\x07pytorch\x1a\x051.13." + bytes(40)
MODEL = "expected a model file, such as a run's best.safetensors"
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


def setUpModule():
    """A set, and a run on it whose photographs are not where the tests
    prepare theirs."""
    global FOLDER
    holder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(holder.cleanup)
    FOLDER = pathlib.Path(holder.name)
    must("synth", "set", "-n", 12, "--size", 64, "--log", "error")
    must("train", *TINY, "--run", "r", "--val", 0.3)


class Refusal(unittest.TestCase):
    def refused(self, status, says, *words):
        """The command ends before any work, and says so in one line."""
        done = dmsnet(*words)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(says, done.stderr)
        self.assertIsNone(WORK.search(done.stderr), done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual("Try 'dmsnet" in done.stderr, status == 2)
        return done.stderr


class Models(Refusal):
    """A file that is given as a model and is none."""

    def wrong_files(self):
        (FOLDER / "net.onnx").write_bytes(ONNX)
        torch.save({"weight": torch.zeros(3)}, FOLDER / "net.pth")
        with zipfile.ZipFile(FOLDER / "w.docx", "w") as file:
            file.writestr("word/document.xml", "<w/>")
        (FOLDER / "target.csv").write_text("TARGET,ID\n1,2\n")
        photograph = next((FOLDER / "set/images").iterdir())
        return (
            ("r/config.yaml", f"is a YAML file of options, {MODEL}"),
            ("r/metrics.jsonl", "is JSON"),
            ("set/annotations.csv", f"is a table (CSV), {MODEL}"),
            ("target.csv", f"is a table (CSV), {MODEL}"),
            ("r/checkpoint.safetensors", "is a run's checkpoint, expected a "
             "model file, such as best.safetensors beside it"),
            ("net.onnx", "is an ONNX model (not supported: save the state_dict "
             f"of the PyTorch model that it was exported from), {MODEL}"),
            ("net.pth", f"is a PyTorch file, {MODEL}; `dmsnet import` converts "
             "it"),
            ("w.docx", "a zip without data.pkl is not a file of torch.save; it "
             f"is a Word document; {MODEL}"),
            (photograph.relative_to(FOLDER),
             f"is a photograph (JPEG), {MODEL}"))

    def test_each_is_named_wherever_a_model_is_expected(self):
        for name, says in self.wrong_files():
            for words in (("train", *TINY, "--run", "new", "--init", name),
                          ("train", *TINY, "--run", "new", "--teacher", name),
                          ("predict", "--model", name, "--left", "x.jpg"),
                          ("info", name)):
                with self.subTest(name=name, verb=words[0]):
                    self.addCleanup(shutil.rmtree, FOLDER / "new",
                                    ignore_errors=True)
                    self.refused(3, f"{name}: {says}", *words)

    def test_a_run_folder_is_not_its_model(self):
        self.refused(3, "r: is a folder, expected a file", "train", *TINY,
                     "--run", "new", "--init", "r")
        self.refused(3, "r: is a folder, expected a file", "info", "r")
        self.refused(2, "r: is a folder without fold1/best.safetensors",
                     "predict", "--model", "r", "--left", "x.jpg")

    def test_a_teacher_of_other_photographs_is_refused(self):
        self.refused(3, "reads photographs of 32 px, the student those of 64",
                     "train", *TINY, "--size", 64, "--run", "new",
                     "--teacher", "r/best.safetensors")

    def test_a_quantised_model_is_not_trained(self):
        must("quantize", "--model", "r/best.safetensors", "--data", "set",
             "--out", "int8", "--patients", 2, "--tolerance", 1)
        self.refused(3, "the model is quantised: use the one it was made from",
                     "train", *TINY, "--run", "new", "--init", "int8")

    def test_training_has_no_integers(self):
        self.refused(2, "precision int8: ", "train", *TINY, "--run", "new2",
                     "--precision", "int8")
        self.assertFalse((FOLDER / "new2").exists())

    def test_a_model_of_other_labels_is_refused(self):
        must("init", "--backbone", "resnet18", "--width", 16, "--size", 32,
             "--labels", "a,b", "--out", "ab")
        self.refused(3, "ab: is a model of the labels a,b", "train", *TINY,
                     "--run", "new", "--init", "ab")


class Lists(Refusal):
    """What predict is given as a list."""

    def test_a_photograph_is_no_list(self):
        photograph = next((FOLDER / "set/images").iterdir())
        (FOLDER / "d.dcm").write_bytes(bytes(128) + b"DICM\2\0\0\0UL")
        for name, what in ((photograph, "a photograph (JPEG)"),
                           ("d.dcm", "a DICOM file")):
            said = self.refused(3, f"{name}: is {what}, expected a list of "
                                "patients (CSV or .xlsx) or a folder of "
                                "photographs", "predict", "--model",
                                "r/best.safetensors", name)
            self.assertIn("--left", said)

    def test_a_document_and_a_model_are_no_list(self):
        (FOLDER / "p.pdf").write_bytes(b"%PDF-1.4\n%")
        for name, what in (
                ("p.pdf", "a PDF document"),
                ("r/best.safetensors", "a file of weights (safetensors)")):
            self.refused(3, f"{name}: is {what}, expected a table (.xlsx or "
                         "CSV)", "predict", "--model", "r/best.safetensors",
                         name)

    def test_a_failed_patient_is_named_once(self):
        (FOLDER / "list.csv").write_text("id,left,right\n1,,no.jpg\n")
        must("init", "--backbone", "resnet18", "--width", 16, "--size", 32,
             "--eyes", "left", "--out", "left")
        done = dmsnet("predict", "--model", "left", "list.csv")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count("patient 1: "), 1, done.stderr)
        self.assertIn("error: patient 1: no photograph that the model uses",
                      done.stderr)
        done = dmsnet("predict", "--model", "r/best.safetensors", "list.csv")
        self.assertRegex(done.stderr, r"error: patient 1: .*no\.jpg: cannot")

    def test_two_formats_contradict_each_other(self):
        words = ("predict", "--model", "r/best.safetensors", "--left",
                 next((FOLDER / "set/images").iterdir()))
        for more in (("--json", "--format", "csv"),
                     ("--format", "text", "--json")):
            self.refused(2, f"--json and --format {more[1].strip('-')}"
                         if more[0] == "--format" else
                         f"--json and --format {more[2]} contradict",
                         *words, *more)
        for more in (("--json", "--format", "json"), ("--json",)):
            json.loads(must(*words, *more).stdout)


class Outputs(Refusal):
    """An output that cannot be written."""

    def setUp(self):
        (FOLDER / "file").write_text("kept")
        (FOLDER / "folder/predictions.csv").mkdir(parents=True, exist_ok=True)
        self.addCleanup(self.check_file)

    def check_file(self):
        self.assertEqual((FOLDER / "file").read_text(), "kept")

    def test_evaluate(self):
        words = ("evaluate", "--model", "r/best.safetensors", "--data", "set",
                 "--cache", "cache")
        for out, says in (("file", "file: is a file, expected a folder"),
                          ("file/e", "file: is a file, expected a folder"),
                          ("folder", "folder/predictions.csv: exists and is "
                           "not a regular file")):
            self.refused(3, says, *words, "--out", out)
        self.refused(3, "no/such: cannot write", *words, "--out", "e",
                     "--tune", "f1", "--tuned-model", "no/such")

    def test_models_and_tensors(self):
        data = ("--model", "r/best.safetensors", "--data", "set", "--cache",
                "cache")
        for words in (("adapt", *data, "--batches", 1),
                      ("quantize", *data[:4]),
                      ("calibrate", *data, "--split", "all"),
                      ("import", "r/best.safetensors"),
                      ("average", *["r/best.safetensors"] * 2),
                      ("init", "--backbone", "resnet18")):
            for out, says in (("no/such", "no/such: cannot write"),
                              ("file/x", "file/x: cannot write"),
                              ("folder", "folder: exists and is not a regular "
                               "file")):
                with self.subTest(verb=words[0], out=out):
                    self.refused(3, says, *words, "--out", out)

    def test_tensor_checks_its_output_first(self):
        """Both faults are there; the output is seen before the tensors are."""
        safetensors_io.write(FOLDER / "in.st", {})
        for verb in ("forward", "backward"):
            self.refused(3, "no/such: cannot write", "tensor", verb, "--model",
                         "r/best.safetensors", "--in", "in.st", "--out",
                         "no/such")

    def test_export_writes_all_or_nothing(self):
        self.refused(3, "no/such: cannot write", "export", "--model",
                     "r/best.safetensors", "--safetensors", "all.st", "--onnx",
                     "no/such")
        self.assertFalse((FOLDER / "all.st").exists())

    def test_train_and_synth(self):
        self.refused(3, "file: is a file, expected a folder", "train", *TINY,
                     "--run", "file")
        self.refused(3, "file: is a file, expected a folder", "synth", "file")
        (FOLDER / "busy/config.yaml").mkdir(parents=True, exist_ok=True)
        self.refused(3, "busy/config.yaml: exists and is not a regular file",
                     "train", *TINY, "--run", "busy")


class Options(Refusal):
    def test_only_metrics_of_similar_names_are_suggested(self):
        for name, meant in (("macro_ac", "macro_auc"), ("odir-f1", "odir_f1"),
                            ("Kappa", "kappa")):
            self.refused(2, f"metric: '{name}' is unknown; did you mean "
                         f"'{meant}'?", "train", *TINY, "--run", "new",
                         "--metric", name)
        for name in ("foo", "loss", "best", "x"):
            said = self.refused(2, f"metric: '{name}' is unknown, expected one "
                                "of odir_kappa, ", "train", *TINY, "--run",
                                "new", "--metric", name)
            self.assertIn(", micro_auc\n", said)

    def test_a_fold_without_folds(self):
        self.refused(2, "fold 2: the number of folds is not given", "train",
                     *TINY, "--run", "new", "--fold", 2)

    def test_resume_has_three_words(self):
        for word in ("yes", "no", "on", "1", "TRUE"):
            self.refused(2, f"--resume: '{word}' is not false, true or auto",
                         "train", f"--resume={word}", "--run", "r")

    def test_a_resumed_run_keeps_its_options(self):
        said = self.refused(2, "lr: the run to resume has 0.001, now it is "
                            "0.5", "train", "--resume", "--run", "r", "--lr",
                            0.5)
        self.assertNotIn("labels", said)


class NoValidation(unittest.TestCase):
    def test_it_is_said_and_so_is_which_weights_are_kept(self):
        done = must("train", *TINY, "--run", "all", "--val", 0, "--epochs", 2)
        self.assertIn("there are no validation patients, so no epoch can be "
                      "chosen as the best: best.safetensors will hold the last "
                      "epoch, like last.safetensors", done.stderr)
        self.assertNotIn("nan", done.stderr)
        self.assertNotIn("(best)", done.stderr)
        self.assertRegex(done.stderr,
                         r"epoch 2: loss \d\.\d+, no validation patients\n")
        self.assertEqual((FOLDER / "all/best.safetensors").read_bytes(),
                         (FOLDER / "all/last.safetensors").read_bytes())
        self.assertIsNone(json.loads(done.stdout)["best_metric"])


if __name__ == "__main__":
    unittest.main()
