"""Models whose numbers overflow, or are no numbers: every verb says which
tensor, or whose answer, and gives none."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "parity"))
import safetensors_io

BUILD = pathlib.Path(
    os.environ.get("DMS_BUILD", HERE.parent.parent / "build")).resolve()
DMSNET = str(BUILD / "dmsnet")
FOLDER = None
SIZE = 64
PATIENTS = 8


def dmsnet(*words):
    env = {**os.environ, "LC_ALL": "C", "OMP_NUM_THREADS": "2",
           "OMP_WAIT_POLICY": "passive"}
    return subprocess.run([DMSNET, *map(str, words)], cwd=FOLDER, env=env,
                          capture_output=True, text=True, timeout=120,
                          check=False)


def must(*words):
    done = dmsnet(*words)
    if done.returncode:
        raise AssertionError(f"dmsnet {words[0]}: {done.stderr}")
    return done


def setUpModule():
    """A set, a model of random weights, and pixels for the open door."""
    global FOLDER
    holder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(holder.cleanup)
    FOLDER = pathlib.Path(holder.name)
    must("synth", "set", "-n", PATIENTS, "--size", SIZE, "--log", "error")
    must("init", "--backbone", "resnet18", "--width", 16, "--size", SIZE,
         "--out", "m")
    pixels = np.random.default_rng(1).standard_normal(
        (3, 3, SIZE, SIZE)).astype(np.float32)
    safetensors_io.write(FOLDER / "in", {"left": pixels, "right": -pixels})


def train(*words):
    return dmsnet("train", "--data", "set", "--backbone", "resnet18",
                  "--width", 16, "--size", SIZE, "--batch", 4,
                  "--cache", FOLDER, "--log", "error", *words)


VERBS = {
    "predict": ("predict", "--model", "x", "set/images", "--json"),
    "evaluate": ("evaluate", "--model", "x", "--data", "set", "--split",
                 "all", "--resamples", 0, "--out", "results", "--cache", "."),
    "quantize": ("quantize", "--model", "x", "--data", "set", "--split",
                 "all", "--out", "q"),
    "tensor forward": ("tensor", "forward", "--model", "x", "--in", "in",
                       "--out", "out"),
}


class Case(unittest.TestCase):
    def setUp(self):
        self.tensors, self.metadata = safetensors_io.read(FOLDER / "m")
        self.addCleanup(self.forget)

    def forget(self):
        for name in ("x", "out", "q", "results/metrics.json"):
            (FOLDER / name).unlink(missing_ok=True)

    def write(self):
        safetensors_io.write(FOLDER / "x", self.tensors, self.metadata)

    def refuse(self, status, says, *words):
        done = dmsnet(*words, "--log", "error")
        if "this CPU has no" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIn(says, done.stderr)
        for name in ("out", "q", "results/metrics.json"):
            self.assertFalse((FOLDER / name).exists(), name)
        return done

    def refuse_everywhere(self, what, *words):
        """Patients and rows have no answer: what is not finite, and whose."""
        for verb, command in VERBS.items():
            with self.subTest(verb=verb):
                whose = " of row 0 of in" if verb == "tensor forward" \
                    else " of patient "
                done = self.refuse(1 if verb == "predict" else 3,
                                   what + whose, *command,
                                   *(words if verb != "quantize" else ()))
                self.assertIn("overflows in fp32", done.stderr)
                if verb != "predict":
                    continue
                answers = json.loads(done.stdout)
                self.assertEqual(len(answers), PATIENTS)
                for answer in answers:
                    self.assertEqual(set(answer), {"id", "error"})
                    self.assertIn(f"{what} of patient {answer['id']} overflows",
                                  answer["error"])


class AtLoad(Case):
    CASES = (
        ("backbone.layer3.0.conv1.weight", (5, 1, 2, 0), np.nan,
         "not finite, nan at [5, 1, 2, 0]"),
        ("backbone.layer3.0.bn1.running_mean", (7,), np.inf,
         "not finite, inf at [7]"),
        ("context.fuse.bn.running_var", (3,), -1e-20,
         "negative, and no variance, -1e-20 at [3]"),
        ("head.bias", (2,), -np.inf, "not finite, -inf at [2]"),
    )

    def test_a_tensor_that_is_wrong_is_named_with_its_place(self):
        for name, place, value, says in self.CASES:
            good = self.tensors[name][place]
            self.tensors[name][place] = value
            self.write()
            self.tensors[name][place] = good
            for verb, words in (
                    *VERBS.items(),
                    ("import", ("import", "x", "--out", "out")),
                    ("train --init", ("train", "--data", "set", "--run",
                                      "never", "--init", "x", "--backbone",
                                      "resnet18", "--width", 16, "--size",
                                      SIZE, "--cache", "."))):
                with self.subTest(name=name, verb=verb):
                    self.refuse(3, f"x: tensor {name} holds a value that is "
                                f"{says}", *words)

    def test_a_pretrained_backbone_is_read_as_strictly(self):
        self.tensors["backbone.layer1.0.conv1.weight"][1, 2, 0, 1] = np.nan
        self.write()
        self.refuse(3, "layer1.0.conv1.weight holds a value that is not "
                    "finite, nan at [1, 2, 0, 1]", "train", "--data", "set",
                    "--run", "never", "--pretrained", "x", "--backbone",
                    "resnet18", "--width", 16, "--size", SIZE, "--cache", ".")

    def test_finite_weights_whose_product_with_the_norm_is_not(self):
        self.tensors["backbone.layer2.0.bn1.weight"][:] = 3e38
        self.tensors["backbone.layer2.0.bn1.running_var"][:] = 0
        self.write()
        for words in VERBS.values():
            self.refuse(3, "tensor backbone.layer2.0.conv1.weight times the "
                        "scales that belong to it is not finite", *words)


class AtRunTime(Case):
    def overflow(self, name):
        self.tensors[name][:] = 3e38
        self.write()

    def test_a_patients_logit(self):
        self.tensors["head.weight"][2] = 3e38
        self.tensors["fuse_bn.bias"][:] = 5
        self.write()
        self.refuse_everywhere("logit G")

    def test_an_eyes_logit(self):
        self.tensors["eye_head.weight"][4] = 3e38
        self.tensors["eye_head.bias"][4] = 3e38
        self.write()
        self.refuse_everywhere("logit A of the left eye")

    def test_a_stage_whose_overflow_the_relus_behind_it_hide(self):
        self.overflow("backbone.layer2.1.bn2.weight")
        self.refuse_everywhere("layer2 of the left eye")

    def test_a_block_whose_overflow_the_next_block_hides(self):
        self.overflow("backbone.layer1.0.bn2.weight")
        self.refuse_everywhere(".weight makes of the left eye")

    def test_values_that_grow_from_block_to_block(self):
        for scale in (2e5, 5e5, 1e7):
            for name, values in self.tensors.items():
                if name.endswith("bn2.weight"):
                    values[:] = scale
            self.write()
            self.refuse_everywhere(" of the left eye")

    def test_each_precision_is_named(self):
        self.overflow("backbone.layer2.1.bn2.weight")
        for precision in ("fp32", "bf16"):
            with self.subTest(precision=precision):
                self.refuse(3, f"layer2 of the left eye of row 0 of in "
                            f"overflows in {precision}", *VERBS["tensor forward"],
                            "--precision", precision)

    def test_an_overflow_beside_integers(self):
        done = dmsnet("quantize", "--model", "m", "--data", "set", "--split",
                      "all", "--out", "good", "--tolerance", 1)
        if "this CPU has no" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 0, done.stderr)
        data = bytearray((FOLDER / "good").read_bytes())
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8:8 + length])
        for name in ("head.bias", "head.weight_scale", "head.weight"):
            if header.get(name, {}).get("dtype") == "F32":
                begin, end = header[name]["data_offsets"]
                data[8 + length + begin:8 + length + end] = np.full(
                    (end - begin) // 4, 1e12 if "scale" in name else 3.4e38,
                    "<f4").tobytes()
        begin, end = header["fuse_bn.bias"]["data_offsets"]
        data[8 + length + begin:8 + length + end] = np.full(
            (end - begin) // 4, 3e37, "<f4").tobytes()
        (FOLDER / "x").write_bytes(data)
        done = self.refuse(1, " overflows in int8", *VERBS["predict"],
                           "--precision", "int8")
        self.assertNotIn("probabilities", done.stdout)

    def test_the_others_keep_their_answers(self):
        """A head scaled so that the largest logit alone overflows."""
        done = must("predict", "--model", "m", "set/images", "--json",
                    "--log", "error")
        plain = json.loads(done.stdout)
        logits = np.array([[np.log(p / (1 - p)) for p in
                            answer["probabilities"].values()]
                           for answer in plain])
        worst = np.abs(logits).max(1)
        last, first = np.sort(worst)[-2:]
        scale = 3.4028e38 / ((last + first) / 2)
        for name in ("head.weight", "head.bias"):
            self.tensors[name] = (self.tensors[name].astype(np.float64)
                                  * scale).astype(np.float32)
        self.write()
        for words in ((), ("--batch", 1), ("--workers", 2)):
            done = self.refuse(1, "", *VERBS["predict"], *words)
            answers = json.loads(done.stdout)
            bad = plain[worst.argmax()]["id"]
            self.assertEqual([a["id"] for a in answers if "error" in a], [bad])
            self.assertIn(f" of patient {bad} overflows in fp32",
                          done.stderr)
            for answer in answers:
                if answer["id"] != bad:
                    self.assertEqual(len(answer["probabilities"]), 8)

    def test_maps_of_a_frozen_backbone(self):
        self.overflow("backbone.layer4.1.bn2.weight")
        done = train("--run", "frozen", "--init", "x", "--backbone-lr", 0,
                     "--no-augment")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertRegex(done.stderr, r"layer4 of the (left|right) eye of "
                         r"patient \d+ overflows in fp32")
        self.assertEqual(list(FOLDER.glob("maps-*.cache")), [])

    def test_validation_is_an_inference_too(self):
        """The batch's statistics hide what the running ones do not."""
        self.tensors["backbone.layer3.1.bn2.running_mean"][:] = -1e37
        self.write()
        done = train("--run", "judged", "--init", "x", "--lr", 1e-12,
                     "--epochs", 1, "--ema-decay", 0)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"epoch 1, validation: .* of the (left|"
                         r"right) eye of patient \d+ overflows in fp32")
        self.assertFalse((FOLDER / "judged/last.safetensors").exists())


class Backward(Case):
    """A training step of the open door: loss, gradients and statistics."""

    def step(self, says, labels=None, **tensors):
        pixels = safetensors_io.read(FOLDER / "in")[0]
        if labels is None:
            labels = np.eye(8, dtype=np.float32)[:3]
        safetensors_io.write(FOLDER / "step", {**pixels, "labels": labels,
                                               **tensors})
        self.addCleanup((FOLDER / "step").unlink, missing_ok=True)
        words = ("tensor", "backward", "--model", "x", "--in", "step",
                 "--out", "out")
        if says:
            return self.refuse(3, says, *words)
        done = dmsnet(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name, values in safetensors_io.read(FOLDER / "out")[0].items():
            self.assertTrue(np.isfinite(values).all(), name)

    def test_a_sound_step_is_written(self):
        self.write()
        self.step(None)

    def test_labels_that_are_unknown_are_no_fault(self):
        self.write()
        labels = np.full((3, 8), np.nan, np.float32)
        self.step(None, labels)
        labels[0, 0] = 1
        self.step(None, labels)

    def test_a_label_that_is_infinite_makes_the_loss_so(self):
        self.write()
        labels = np.zeros((3, 8), np.float32)
        labels[1, 2] = np.inf
        self.step("step: loss holds a value that is not finite", labels)

    def test_an_eyes_label_too(self):
        self.write()
        eyes = np.full((3, 8), -np.inf, np.float32)
        self.step("step: loss holds a value that is not finite",
                  labels_left=eyes, labels_right=eyes)

    def test_what_overflows_on_the_way_shows_in_a_tensor_that_is_named(self):
        eyes = np.eye(8, dtype=np.float32)[:3]
        for name in ("backbone.conv1.weight", "backbone.layer2.1.bn2.weight",
                     "backbone.layer4.0.bn1.weight", "fuse_bn.weight",
                     "head.weight", "eye_head.weight", "context.fuse.bn.bias"):
            with self.subTest(name):
                good = self.tensors[name].copy()
                self.tensors[name][:] = 3e38
                self.write()
                self.tensors[name] = good
                self.step(" holds a value that is not finite: the model "
                          "overflows on these tensors", labels_left=eyes,
                          labels_right=eyes)

    def test_a_gradient_alone(self):
        """The logits are sound, the way back is not."""
        self.tensors["head.weight"][:] = 0
        self.tensors["fuse_bn.weight"][:] = 3e38
        self.tensors["fuse_bn.bias"][:] = 0
        self.write()
        self.step("that is not finite")


class Training(Case):
    def test_a_run_that_diverges_names_step_and_tensor_and_can_be_resumed(self):
        words = ("--run", "wild", "--optimizer", "sgd", "--lr", 100,
                 "--momentum", 0.99, "--clip-norm", "none", "--warmup", 0,
                 "--weight-decay", 0.5,
                 "--schedule", "constant", "--ema-decay", 0, "--epochs", 30, "--val", 0)
        done = train(*words)
        self.assertEqual(done.returncode, 2, done.stderr)
        says = (r"epoch \d+, batch \d+, step (\d+): tensor [a-z0-9_.]+ holds a "
                r"value that is not finite: training diverged; try a smaller "
                r"lr than 100; the last good checkpoint is kept")
        self.assertRegex(done.stderr, says)
        run = FOLDER / "wild"
        for path in run.glob("*.safetensors*"):
            with self.subTest(file=path.name):
                for name, values in safetensors_io.read(path)[0].items():
                    self.assertTrue(np.isfinite(values).all(), name)
        before = (run / "checkpoint.safetensors").read_bytes()
        again = train(*words, "--resume", "--log", "info")
        self.assertIn("resuming in epoch", again.stderr)
        self.assertEqual(again.returncode, 2, again.stderr)
        self.assertRegex(again.stderr, says)
        self.assertGreater(len(before), 0)


if __name__ == "__main__":
    unittest.main()
