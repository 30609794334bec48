"""A quantised model exported as ONNX in QDQ form: what other programs make of
its integers against dmsnet's own.

Tolerance: a number near the middle between two integers is rounded up by one
program and down by another, and dmsnet keeps the float layers in bf16 where it
can. Behind twenty layers of random norms logits come to differ by 2 to 4 % of
the largest, as far as ONNX Runtime's and OpenVINO's differ from each other and
as int8's from fp32's; 6 % are allowed (a trained model: about 1 %). A wrong
scale or sign anywhere costs tens of percents."""
import functools
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import numpy as np
import onnx
import onnx.numpy_helper

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
FOLDER = None
HAS_VNNI = True
LIMIT = 0.06  # of the largest logit


def run_dmsnet(*words):
    return subprocess.run([DMSNET, *map(str, words)], capture_output=True,
                          text=True, check=False, cwd=FOLDER,
                          env={**os.environ, "OMP_WAIT_POLICY": "passive"})


def dmsnet(*words):
    done = run_dmsnet(*words)
    if done.returncode:
        raise AssertionError(f"dmsnet {words[0]}: {done.stderr}")
    return done


def setUpModule():
    global FOLDER, HAS_VNNI
    holder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(holder.cleanup)
    FOLDER = pathlib.Path(holder.name)
    dmsnet("synth", "set", "-n", 12, "--size", 96)
    dmsnet("init", "--backbone", "resnet18", "--width", 64, "--size", 96,
           "--out", "m")
    stir(FOLDER / "m")
    done = run_dmsnet("quantize", "--model", "m", "--data", "set", "--split",
                      "all", "--out", "q", "--json")
    HAS_VNNI = "no VNNI" not in done.stderr
    if HAS_VNNI and done.returncode:
        raise AssertionError(done.stderr)
    (FOLDER / "report").write_text(done.stdout)


def tolerance():
    """What makes some layers stay in float."""
    report = json.loads((FOLDER / "report").read_text())
    return 0.9 * report["mean_difference"]


def stir(path):
    """Norms as after training, some scales below 0 and some of 0."""
    draw = np.random.default_rng(1)
    tensors, metadata = safetensors_io.read(path)
    for name in [n for n in tensors if n.endswith(".running_var")]:
        norm = name[:-len(".running_var")]
        shape = tensors[name].shape
        near = 0.3 if re.search(r"layer\d\.\d\.bn2$", norm) else 1.0
        scale = near * draw.uniform(0.8, 1.2, shape)
        if norm.endswith("bn3"):
            scale *= 0.3
        if "backbone" in norm:
            scale[3::7] *= -1
            scale[5::11] = 0
        for suffix, value in ((".weight", scale),
                              (".bias", draw.normal(0, 0.1, shape)),
                              (".running_mean", draw.normal(0, 0.1, shape)),
                              (".running_var", draw.uniform(0.5, 1.5, shape))):
            tensors[norm + suffix] = value.astype(np.float32)
    safetensors_io.write(path, tensors, metadata)


def images(patients, size, seed=3):
    """Smooth as photographs are."""
    draw = np.random.default_rng(seed)
    row, column = np.mgrid[0:size, 0:size] / size
    batch = {}
    for eye in ("left", "right"):
        out = np.zeros((patients, 3, size, size), np.float32)
        for plane in out.reshape(-1, size, size):
            plane += 0.5 * draw.standard_normal()
            for _ in range(6):
                x, y = draw.integers(-6, 7, 2)
                plane += 0.5 * draw.standard_normal() * np.cos(
                    2 * np.pi * (x * column + y * row + draw.random()))
        batch[eye] = out
    return batch


def forward(model, batch, precision):
    safetensors_io.write(FOLDER / "in", batch)
    dmsnet("tensor", "forward", "--model", model, "--in", "in", "--out",
           "out", "--precision", precision)
    tensors = safetensors_io.read(FOLDER / "out")[0]
    return {name: tensors[name] for name in OUTPUTS}


@functools.lru_cache
def exported(*words, model="q"):
    path = FOLDER / ("-".join(map(str, (model, *words))) + ".onnx")
    dmsnet("export", "--model", model, "--onnx", path, *words)
    return path


def distance(got, want):
    return max(np.abs(got[name] - want[name]).max() / np.abs(want[name]).max()
               for name in OUTPUTS)


def session(path, optimised=None, level=None):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if level is not None:
        options.graph_optimization_level = level
    if optimised:
        options.optimized_model_filepath = str(optimised)
    return onnxruntime.InferenceSession(str(path), options,
                                        providers=["CPUExecutionProvider"])


def run_onnxruntime(path, batch):
    made = session(path)
    return dict(zip([out.name for out in made.get_outputs()],
                    made.run(None, batch)))


def run_openvino(path, batch):
    compiled = openvino.Core().compile_model(
        str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32",
                           "INFERENCE_NUM_THREADS": 2})
    results = compiled(batch)
    return {out.get_any_name(): np.array(results[out])
            for out in compiled.outputs}


class Case(unittest.TestCase):
    def setUp(self):
        if not HAS_VNNI:
            self.skipTest("this CPU has no VNNI instructions")


class Structure(Case):
    def test_the_checker_passes_every_form(self):
        for words in ((), ("--probabilities",),
                      ("--with-preprocessing", "--size", 100)):
            onnx.checker.check_model(onnx.load(exported(*words)),
                                     full_check=True)

    def test_each_quantised_weight_stands_once_in_8_bits(self):
        proto = onnx.load(exported())
        about = json.loads(dmsnet("info", "q", "--json").stdout)["quantised"]
        weights = [t for t in proto.graph.initializer
                   if t.data_type == onnx.TensorProto.INT8]
        self.assertEqual(len(weights), about["tensors"])
        self.assertEqual(sum(int(np.prod(t.dims)) for t in weights),
                         about["parameters"])
        for tensor in weights:
            values = onnx.numpy_helper.to_array(tensor)
            self.assertGreaterEqual(values.min(), -127, tensor.name)
        size = exported().stat().st_size
        self.assertLess(size, 1.1 * (FOLDER / "q").stat().st_size)

    def test_scales_are_above_0_whatever_the_norms(self):
        proto = onnx.load(exported())
        scales = [onnx.numpy_helper.to_array(t)
                  for t in proto.graph.initializer
                  if t.name.endswith("scale")]
        self.assertGreater(len(scales), 40)
        for scale in scales:
            self.assertTrue(np.isfinite(scale).all())
            self.assertGreater(scale.min(), 0)

    def test_every_rounding_is_a_pair(self):
        proto = onnx.load(exported())
        made = {node.output[0]: node for node in proto.graph.node}
        readers = [name for node in proto.graph.node for name in node.input]
        for node in proto.graph.node:
            if node.op_type == "QuantizeLinear":
                self.assertEqual(readers.count(node.output[0]), 1)
            if node.op_type == "DequantizeLinear" and node.input[0] in made:
                self.assertEqual(made[node.input[0]].op_type,
                                 "QuantizeLinear")

    def test_norms_cannot_be_kept_apart(self):
        done = run_dmsnet("export", "--model", "q", "--onnx", "apart.onnx",
                          "--keep-norms")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("a quantised model has its norms folded into its "
                      "convolutions: they cannot be kept separate", done.stderr)
        self.assertFalse((FOLDER / "apart.onnx").exists())

    def test_the_same_export_twice_gives_the_same_bytes(self):
        dmsnet("export", "--model", "q", "--onnx", "again.onnx")
        self.assertEqual((FOLDER / "again.onnx").read_bytes(),
                         exported().read_bytes())


@functools.lru_cache
def bottlenecks():
    """Quantised, of one eye, softmax."""
    dmsnet("init", "--backbone", "resnet50", "--width", 64, "--size", 96,
           "--eyes", "left", "--task", "single-label", "--out", "m50")
    stir(FOLDER / "m50")
    dmsnet("quantize", "--model", "m50", "--data", "set", "--split", "all",
           "--out", "q50")
    return "q50"


class Numbers:
    """What each program must give, with its run_onnx(path, batch)."""

    def test_any_number_of_patients_gives_dmsnets_logits(self):
        for patients in (1, 2, 5):
            batch = images(patients, 96)
            got = self.run_onnx(exported(), batch)
            self.assertLess(distance(got, forward("q", batch, "int8")), LIMIT)

    def test_other_sizes(self):
        for size in (64, 100, 160):
            batch = images(2, size)
            got = self.run_onnx(exported("--size", size), batch)
            self.assertLess(distance(got, forward("q", batch, "int8")), LIMIT)

    def test_bottlenecks_of_one_eye(self):
        batch = images(2, 96)
        got = self.run_onnx(exported(model=bottlenecks()), batch)
        self.assertLess(distance(got, forward("q50", batch, "int8")), LIMIT)

    def test_layers_kept_in_float(self):
        dmsnet("quantize", "--model", "m", "--data", "set", "--split", "all",
               "--tolerance", tolerance(), "--out", "kept")
        about = json.loads(dmsnet("info", "kept", "--json").stdout)
        all_of_it = json.loads(dmsnet("info", "q", "--json").stdout)
        self.assertIn(about["quantised"]["tensors"],
                      range(1, all_of_it["quantised"]["tensors"]))
        batch = images(2, 96)
        got = self.run_onnx(exported(model="kept"), batch)
        self.assertLess(distance(got, forward("kept", batch, "int8")), LIMIT)


@unittest.skipUnless(onnxruntime, "onnxruntime is not to be had from PyPI")
class InOnnxRuntime(Numbers, Case):
    run_onnx = staticmethod(run_onnxruntime)

    def test_convolutions_multiply_integers(self):
        """All but those whose output is not wanted as integers: at the
        network's end, and before what works in float."""
        for model, least in (("q", 19), (bottlenecks(), 52)):
            path = FOLDER / "optimised.onnx"
            session(exported(model=model), path,
                    onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED)
            kinds = [node.op_type for node in onnx.load(path).graph.node]
            whole = rounded_convolutions(onnx.load(exported(model=model)).graph)
            self.assertGreaterEqual(len(whole), least)  # of the backbone
            self.assertEqual(kinds.count("QLinearConv"), len(whole))


def rounded_convolutions(graph):
    """Those of 8-bit weights whose output, behind a relu or not, is rounded
    and read by nobody else."""
    made = {node.output[0]: node for node in graph.node}
    integers = {t.name for t in graph.initializer
                if t.data_type == onnx.TensorProto.INT8}
    readers = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)

    def follow(node):
        after = readers.get(node.output[0], [])
        return after[0] if len(after) == 1 else None

    found = []
    for node in graph.node:
        if node.op_type != "Conv" or node.input[1] not in made:
            continue
        if made[node.input[1]].input[0] not in integers:
            continue
        after = follow(node)
        if after is not None and after.op_type == "Relu":
            after = follow(after)
        if after is not None and after.op_type == "QuantizeLinear":
            found.append(node.name)
    return found


@unittest.skipUnless(openvino, "openvino is not to be had from PyPI")
class InOpenVino(Numbers, Case):
    run_onnx = staticmethod(run_openvino)


if __name__ == "__main__":
    unittest.main()
