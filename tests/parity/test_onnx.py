"""Exported ONNX: its structure by onnx's own checker, its numbers in ONNX
Runtime and OpenVINO against `dmsnet tensor forward`.

tools/install-peers.sh makes the Python that has the two; where one is not to
be had, its tests are skipped."""
import functools
import itertools
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import tempfile
import unittest
import weakref

import numpy as np
import onnx
import PIL.Image

import safetensors_io

try:
    import onnxruntime
except ImportError:
    onnxruntime = None
try:
    import openvino
except ImportError:
    openvino = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMS_BUILD", ROOT / "build")).resolve()
DMSNET = str(BUILD / "dmsnet")
OUTPUTS = ("patient", "eye_left", "eye_right")
MEAN = np.array([0.485, 0.456, 0.406], np.float64)
STD = np.array([0.229, 0.224, 0.225], np.float64)

CHOICES = {
    "backbone": ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    "context": ("mscam", "none"), "fusion": ("dmff", "concat"),
    "eyes": ("both", "left", "right"),
    "task": ("multi-label", "single-label"), "width": (16, 64, 512),
    "patients": (1, 2, 5), "size": (96, 224, 448),
    "norms": ("folded", "kept")}
# Each choice meets each other one, but 448 pixels only the small backbones.
PAIRS = [dict(zip(CHOICES, row)) for row in (
    ("resnet18", "none", "concat", "left", "multi-label", 512, 1, 96, "folded"),
    ("resnet18", "none", "concat", "right", "single-label", 16, 2, 448, "kept"),
    ("resnet18", "none", "concat", "both", "multi-label", 64, 5, 448, "folded"),
    ("resnet18", "mscam", "dmff", "left", "multi-label", 512, 1, 448, "kept"),
    ("resnet18", "none", "concat", "right", "single-label", 64, 1, 224,
     "folded"),
    ("resnet34", "mscam", "dmff", "right", "single-label", 64, 1, 448, "kept"),
    ("resnet34", "mscam", "concat", "both", "multi-label", 512, 1, 96,
     "folded"),
    ("resnet34", "none", "concat", "left", "single-label", 16, 1, 224,
     "folded"),
    ("resnet34", "none", "dmff", "left", "single-label", 64, 2, 96, "kept"),
    ("resnet34", "none", "concat", "right", "single-label", 16, 5, 96, "kept"),
    ("resnet50", "none", "dmff", "both", "multi-label", 512, 2, 224, "kept"),
    ("resnet50", "mscam", "dmff", "left", "multi-label", 16, 5, 96, "kept"),
    ("resnet50", "mscam", "concat", "right", "single-label", 64, 1, 224,
     "folded"),
    ("resnet101", "mscam", "concat", "both", "single-label", 16, 5, 224,
     "folded"),
    ("resnet101", "none", "dmff", "right", "multi-label", 512, 5, 96,
     "folded"),
    ("resnet101", "none", "concat", "left", "multi-label", 64, 2, 96, "kept"),
    ("resnet101", "none", "concat", "right", "single-label", 512, 1, 96,
     "kept"),
    ("resnet152", "mscam", "dmff", "left", "multi-label", 64, 2, 96, "folded"),
    ("resnet152", "none", "concat", "right", "single-label", 16, 5, 96,
     "kept"),
    ("resnet152", "mscam", "concat", "both", "single-label", 512, 1, 224,
     "kept"))]
ROWS = {"_".join(map(str, row.values())).replace("-", "_"): row
        for row in PAIRS}
SMALL = dict(backbone="resnet18", context="mscam", fusion="dmff", eyes="both",
             task="multi-label", width=64, patients=2, size=96, norms="folded")

FOLDER = None  # of this run; made and removed by the module


def setUpModule():
    global FOLDER
    holder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(holder.cleanup)
    FOLDER = pathlib.Path(holder.name)


def run_dmsnet(*words, **options):
    return subprocess.run([DMSNET, *map(str, words)], capture_output=True,
                          text=True, check=False, **options)


def dmsnet(*words):
    done = run_dmsnet(*words)
    if done.returncode:
        raise AssertionError(f"dmsnet {words[0]}: {done.stderr}")


def random_norms(tensors, seed):
    """Batch norms as after training, the last one of each block near 0.2, such
    that activations stay of one size."""
    draw = np.random.default_rng(seed)
    deep = "backbone.layer1.0.bn3.weight" in tensors
    last = re.compile(r"layer\d\.\d+\.bn" + ("3" if deep else "2") + "$")
    for name in [n for n in tensors if n.endswith(".running_var")]:
        norm = name[:-len(".running_var")]
        shape = tensors[name].shape
        near = 0.2 if last.search(norm) else 1.0
        tensors[norm + ".weight"] = near * draw.uniform(0.8, 1.2, shape)
        tensors[norm + ".bias"] = draw.normal(0, 0.1, shape)
        tensors[norm + ".running_mean"] = draw.normal(0, 0.1, shape)
        tensors[norm + ".running_var"] = draw.uniform(0.5, 1.5, shape)


SLOPES = [0.5, 0.6, 0.7, 0.8, 1, 1.2, 1.5, 1 / 1.7]
INTERCEPTS = [-1, 0.5, 0, 0.25, 1, -0.5, -0.25, 0]


class Model:
    """A model file of the row's architecture with random norms, temperature
    1.7, if any-of then slopes and intercepts too, and uneven thresholds; a
    batch; what dmsnet makes of it."""

    def __init__(self, row, seed=1):
        self.row = row
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=FOLDER))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.file = self.folder / "model"
        words = itertools.chain(*(("--" + key, row[key]) for key in
                                  ("backbone", "context", "fusion", "eyes",
                                   "task", "width", "size")))
        dmsnet("init", *words, "--seed", seed, "--out", self.file)
        tensors, metadata = safetensors_io.read(self.file)
        random_norms(tensors, seed)
        self.tensors = {name: value if value.dtype == np.int64
                        else value.astype(np.float32)
                        for name, value in tensors.items()}
        self.about = json.loads(metadata["dmsnet"])
        self.about["calibration"] = {"temperature": 1.7}
        if row["task"] == "multi-label":
            self.about["calibration"] |= {"slopes": SLOPES,
                                          "intercepts": INTERCEPTS}
        self.about["thresholds"] = [0.1 * k for k in range(1, 9)]
        safetensors_io.write(self.file, self.tensors,
                             {"dmsnet": json.dumps(self.about)})
        draw = np.random.default_rng(seed + 1)
        shape = (row["patients"], 3, row["size"], row["size"])
        self.batch = {eye: draw.standard_normal(shape, np.float32)
                      for eye in ("left", "right")}

    @functools.cached_property
    def logits(self):
        return self.forward(self.batch)

    def forward(self, batch):
        into, out = self.folder / "in", self.folder / "out"
        safetensors_io.write(into, batch)
        dmsnet("tensor", "forward", "--model", self.file, "--in", into,
               "--out", out)
        tensors = safetensors_io.read(out)[0]
        return {name: tensors[name] for name in OUTPUTS}

    def onnx(self, *words):
        """The path of an export with these options, made once."""
        path = self.folder / ("-".join(map(str, ("m", *words))) + ".onnx")
        if self.row["norms"] == "kept":
            words += ("--keep-norms",)
        if not path.exists():
            dmsnet("export", "--model", self.file, "--onnx", path, *words)
        return path


@functools.lru_cache
def small_of(changes):
    return Model({**SMALL, **dict(changes)})


def small(**changes):
    return small_of(tuple(changes.items()))


def distance(got, want):
    return max(np.abs(got[name] - want[name]).max() / np.abs(want[name]).max()
               for name in OUTPUTS)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def run_onnxruntime(path, batch):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"])
    return dict(zip([out.name for out in session.get_outputs()],
                    session.run(None, batch)))


def run_openvino(path, batch):
    compiled = openvino.Core().compile_model(
        str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32",
                           "INFERENCE_NUM_THREADS": 2})
    results = compiled(batch)
    return {out.get_any_name(): np.array(results[out])
            for out in compiled.outputs}


needs_onnxruntime = unittest.skipUnless(
    onnxruntime, "onnxruntime is not to be had from PyPI")
needs_openvino = unittest.skipUnless(
    openvino, "openvino is not to be had from PyPI")


class Case(unittest.TestCase):
    def assert_near(self, got, want, limit):
        self.assertEqual(list(got), list(OUTPUTS))
        for name in OUTPUTS:
            self.assertEqual(got[name].shape, want[name].shape, name)
            self.assertEqual(got[name].dtype, np.float32, name)
        self.assertLessEqual(distance(got, want), limit)


class Pairs(Case):
    """The rows; a large model is there for one row at a time."""

    @classmethod
    @functools.lru_cache(maxsize=1)
    def model(cls, name):
        return Model(ROWS[name])

    def hold(self, name, run):
        case = self.model(name)
        deepest = case.row["backbone"] == "resnet152"
        self.assert_near(run(case.onnx(), case.batch), case.logits,
                         3e-4 if deepest else 1e-4)


def add_rows():
    """A test of each row in each program, by their names."""
    for name in ROWS:
        for needs, run in ((needs_onnxruntime, run_onnxruntime),
                           (needs_openvino, run_openvino)):
            test = lambda self, name=name, run=run: self.hold(name, run)
            setattr(Pairs, f"test_{name}_{run.__name__[4:]}", needs(test))


add_rows()


class Numbers:
    """What every program that runs the file must give, with the program's
    run_onnx(path, batch)."""

    def test_one_file_runs_any_number_of_patients(self):
        case = small()
        draw = np.random.default_rng(5)
        for patients in (1, 3, 5):
            batch = {eye: draw.standard_normal((patients, 3, 96, 96),
                                               np.float32)
                     for eye in ("left", "right")}
            self.assert_near(self.run_onnx(case.onnx(), batch),
                             case.forward(batch), 1e-4)

    def test_another_size_than_the_models_own(self):
        case = small()
        draw = np.random.default_rng(6)
        for size in (64, 100):
            batch = {eye: draw.standard_normal((2, 3, size, size), np.float32)
                     for eye in ("left", "right")}
            self.assert_near(self.run_onnx(case.onnx("--size", size), batch),
                             case.forward(batch), 1e-4)

    def test_exchanging_the_photographs_exchanges_the_eyes(self):
        case = small()
        one = self.run_onnx(case.onnx(), case.batch)
        other = self.run_onnx(case.onnx(), {"left": case.batch["right"],
                                            "right": case.batch["left"]})
        self.assert_near({"patient": other["patient"],
                          "eye_left": other["eye_right"],
                          "eye_right": other["eye_left"]}, one, 1e-5)
        self.assertGreater(np.abs(one["eye_left"] - one["eye_right"]).max(),
                           1e-2 * np.abs(one["eye_left"]).max())

    def test_probabilities_are_calibrated(self):
        for task, function in (
                ("multi-label",
                 lambda z: sigmoid(np.array(SLOPES) * z + INTERCEPTS)),
                ("single-label", lambda z: softmax(z / 1.7))):
            case = small(task=task)
            got = self.run_onnx(case.onnx("--probabilities"), case.batch)
            for name, logits in case.logits.items():
                want = function(logits.astype(np.float64))
                self.assertLessEqual(np.abs(got[name] - want).max(), 1e-5)

    def test_pixels_are_normalised_inside(self):
        case = small()
        draw = np.random.default_rng(7)
        pixels = {eye: draw.integers(0, 256, (3, 96, 96, 3), np.uint8)
                  for eye in ("left", "right")}
        outside = {eye: ((x / 255 - MEAN) / STD).astype(np.float32)
                   .transpose(0, 3, 1, 2).copy() for eye, x in pixels.items()}
        self.assert_near(
            self.run_onnx(case.onnx("--with-preprocessing"), pixels),
            self.run_onnx(case.onnx(), outside), 1e-5)

    def test_predict_says_the_same_of_two_photographs(self):
        draw = np.random.default_rng(8)
        for task in ("multi-label", "single-label"):
            case = small(task=task)
            folder = pathlib.Path(tempfile.mkdtemp(dir=FOLDER))
            about = {**case.about, "preprocessing": {
                **case.about["preprocessing"], "crop": False}}
            safetensors_io.write(folder / "model", case.tensors,
                                 {"dmsnet": json.dumps(about)})
            pixels = {eye: draw.integers(0, 256, (1, 96, 96, 3), np.uint8)
                      for eye in ("left", "right")}
            words = ["predict", "--model", folder / "model", "--json"]
            for eye, picture in pixels.items():
                PIL.Image.fromarray(picture[0]).save(folder / f"{eye}.png")
                words += [f"--{eye}", folder / f"{eye}.png"]
            said = json.loads(run_dmsnet(*words).stdout)[0]
            got = self.run_onnx(
                case.onnx("--with-preprocessing", "--probabilities"), pixels)
            for name, part in zip(OUTPUTS, (said, said["left"],
                                            said["right"])):
                self.assertEqual("".join(part["probabilities"]), "NDGCAHMO")
                want = list(part["probabilities"].values())
                self.assertLessEqual(np.abs(got[name][0] - want).max(), 1e-5)


@needs_onnxruntime
class InOnnxRuntime(Numbers, Case):
    run_onnx = staticmethod(run_onnxruntime)


@needs_openvino
class InOpenVino(Numbers, Case):
    run_onnx = staticmethod(run_openvino)


def dims(value):
    return [dim.dim_param or dim.dim_value
            for dim in value.type.tensor_type.shape.dim]


class Structure(unittest.TestCase):
    def test_the_rows_are_pairwise(self):
        held = {pair for row in PAIRS
                for pair in itertools.combinations(row.items(), 2)}
        deep = CHOICES["backbone"][2:]
        for (a, b) in itertools.combinations(CHOICES, 2):
            for x, y in itertools.product(CHOICES[a], CHOICES[b]):
                if x not in deep or y != 448:
                    self.assertIn(((a, x), (b, y)), held)

    def test_the_checker_passes_every_form(self):
        forms = ((), ("--keep-norms",), ("--probabilities",),
                 ("--with-preprocessing", "--probabilities", "--size", 100))
        for case in (small(), small(context="none", fusion="concat",
                                    eyes="left", task="single-label")):
            for words in forms:
                onnx.checker.check_model(onnx.load(case.onnx(*words)),
                                         full_check=True)

    def test_opset_inputs_and_outputs(self):
        proto = onnx.load(small().onnx())
        self.assertEqual(proto.ir_version, 8)
        self.assertEqual([(o.domain, o.version) for o in proto.opset_import],
                         [("", 17)])
        self.assertEqual(proto.producer_name, "dmsnet")
        for value in proto.graph.input:
            self.assertEqual(dims(value), ["N", 3, 96, 96])
            self.assertEqual(value.type.tensor_type.elem_type,
                             onnx.TensorProto.FLOAT)
        self.assertEqual([v.name for v in proto.graph.input],
                         ["left", "right"])
        self.assertEqual([(v.name, dims(v)) for v in proto.graph.output],
                         [(name, ["N", 8]) for name in OUTPUTS])
        proto = onnx.load(small().onnx("--with-preprocessing", "--size", 64))
        for value in proto.graph.input:
            self.assertEqual(dims(value), ["N", 64, 64, 3])
            self.assertEqual(value.type.tensor_type.elem_type,
                             onnx.TensorProto.UINT8)

    def test_norms_are_folded_or_kept(self):
        count = lambda *words: sum(
            node.op_type == "BatchNormalization"
            for node in onnx.load(small().onnx(*words)).graph.node)
        norms = sum(n.endswith("running_var") for n in small().tensors)
        self.assertEqual(count("--keep-norms"), norms)
        self.assertLessEqual(count(), 1)

    def test_each_weight_stands_once(self):
        case = small()
        for words in ((), ("--keep-norms",)):
            path = case.onnx(*words)
            bodies = [t.raw_data for t in onnx.load(path).graph.initializer
                      if len(t.raw_data) > 1024]
            self.assertEqual(len(bodies), len(set(bodies)))
            weights = sum(t.nbytes for t in case.tensors.values())
            self.assertLess(abs(path.stat().st_size / weights - 1), 0.03)

    def test_nothing_lies_outside_the_file(self):
        case = small()
        for tensor in onnx.load(case.onnx()).graph.initializer:
            self.assertFalse(tensor.external_data, tensor.name)
        case.onnx("--probabilities")
        names = {path.name for path in case.folder.iterdir()}
        self.assertEqual({n for n in names if not n.endswith(".onnx")} -
                         {"model", "in", "out"}, set())

    def test_metadata_tells_what_the_model_file_tells(self):
        case = small()
        about = {p.key: p.value
                 for p in onnx.load(case.onnx()).metadata_props}
        self.assertEqual(about["labels"], "N,D,G,C,A,H,M,O")
        self.assertIn("Apache License", about["licence"])
        self.assertIn("0.485", about["normalisation"])
        for key in ("architecture", "preprocessing", "calibration",
                    "provenance"):
            self.assertEqual(json.loads(about[key]), case.about[key], key)
        np.testing.assert_allclose(json.loads(about["thresholds"]),
                                   case.about["thresholds"])

    def test_the_same_export_twice_gives_the_same_bytes(self):
        case = small()
        dmsnet("export", "--model", case.file, "--onnx", case.folder / "again")
        again = case.folder / "again"
        self.assertEqual(case.onnx().read_bytes(), again.read_bytes())
        again.unlink()


class Refused(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def refuse(self, path, *words, **options):
        done = run_dmsnet("export", "--model", small().file, "--onnx", path,
                          *words, **options)
        self.assertGreater(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        return done.stderr

    def test_a_path_that_cannot_be_written(self):
        self.assertIn("none/m.onnx", self.refuse(self.folder / "none/m.onnx"))
        self.assertIn(str(self.folder), self.refuse(self.folder))
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_full_disk_leaves_the_old_file(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

        path = self.folder / "m.onnx"
        path.write_text("old")
        # Python ignores the signal of a file too large, and so does its child
        says = self.refuse(path, preexec_fn=limit, restore_signals=False)
        self.assertIn("m.onnx", says)
        self.assertIn("File too large", says)
        self.assertEqual([p.name for p in self.folder.iterdir()], ["m.onnx"])
        self.assertEqual(path.read_text(), "old")

    def test_sizes_out_of_range(self):
        for size in (31, 2049):
            done = run_dmsnet("export", "--model", small().file, "--onnx",
                              self.folder / "m.onnx", "--size", size)
            self.assertIn("expected 32 to 2048 px", done.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])


class Page(unittest.TestCase):
    """The snippet of docs/import-export.md."""

    @needs_onnxruntime
    def test_the_onnxruntime_snippet_runs(self):
        text = (ROOT / "docs/import-export.md").read_text()
        snippets = [s for s in re.findall(r"```python\n(.*?)```", text, re.S)
                    if "onnxruntime" in s]
        self.assertEqual(len(snippets), 1)
        case = small()
        names = {}
        was = os.getcwd()
        path = case.onnx("--with-preprocessing", "--probabilities")
        os.chdir(case.folder)
        try:
            (case.folder / "model.onnx").write_bytes(path.read_bytes())
            exec(compile(snippets[0], "docs/import-export.md", "exec"), names)
        finally:
            os.chdir(was)
        self.assertEqual(names["patient"].shape, (1, 8))
        self.assertTrue(((0 < names["patient"]) & (names["patient"] < 1)).all())


if __name__ == "__main__":
    unittest.main()
