"""`dmsnet quantize` end to end, what the other verbs make of a quantised
model, and files that pretend to be one."""
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "parity"))
import safetensors_io

BUILD = pathlib.Path(
    os.environ.get("DMS_BUILD", HERE.parent.parent / "build")).resolve()
DMSNET = str(BUILD / "dmsnet")
FOLDER = None
HAS_VNNI = True
TENSORS = 0  # quantised ones of the model q
LAYER = "backbone.layer2.0.conv1"


def dmsnet(*words, isa=None, cwd=None):
    env = {**os.environ, "LC_ALL": "C", "OMP_NUM_THREADS": "2",
           "OMP_WAIT_POLICY": "passive"}
    if isa:
        env["ONEDNN_MAX_CPU_ISA"] = isa
    return subprocess.run([DMSNET, *map(str, words)], cwd=cwd or FOLDER,
                          env=env, capture_output=True, text=True,
                          timeout=120, check=False)


def must(*words, **options):
    done = dmsnet(*words, **options)
    if done.returncode:
        raise AssertionError(f"dmsnet {words[0]}: {done.stderr}")
    return done


def setUpModule():
    """A set, a model of one epoch, and two quantised ones of it."""
    global FOLDER, HAS_VNNI, TENSORS
    holder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(holder.cleanup)
    FOLDER = pathlib.Path(holder.name)
    must("synth", "set", "-n", 24, "--size", 96)
    must("train", "--data", "set", "--run", "run", "--backbone", "resnet18",
         "--width", 16, "--size", 64, "--batch", 8, "--epochs", 1,
         "--val", 0.25, "--log", "error")
    shutil.copy(FOLDER / "run/best.safetensors", FOLDER / "m")
    done = quantize("--out", "q")
    HAS_VNNI = "no VNNI" not in done.stderr
    if HAS_VNNI and done.returncode:
        raise AssertionError(done.stderr)
    if HAS_VNNI:
        TENSORS = sum(dtype == "I8" for dtype, _, _ in
                      read_raw(FOLDER / "q")[0].values())


def quantize(*words, **options):
    return dmsnet("quantize", "--model", "m", "--data", "set", "--patients",
                  8, *words, **options)


class Case(unittest.TestCase):
    def setUp(self):
        if not HAS_VNNI:
            self.skipTest("this CPU has no VNNI instructions")
        holder = tempfile.TemporaryDirectory(dir=FOLDER)
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def report(self, *words):
        done = quantize("--out", self.folder / "r", "--json", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def refuse(self, status, says, *words, **options):
        done = dmsnet(*words, **options)
        self.assertEqual(done.returncode, status, done.stderr + done.stdout)
        errors = [line for line in done.stderr.splitlines()
                  if "error:" in line]
        self.assertEqual(len(errors), 1, done.stderr)
        self.assertIn(says, errors[0])


class Report(Case):
    def test_each_layer_has_its_row(self):
        done = quantize("--out", self.folder / "r")
        table, totals = done.stdout.split("\n\n")
        lines = table.splitlines()
        self.assertRegex(lines[0], r"^layer +as +kernel/stride +GFLOP +limit "
                                   r"+cut % +own dB +dB$")
        for line in lines[1:]:
            self.assertRegex(
                line, r"^[a-z0-9_.]+ +(int8|float|kept) +\d+x\d+/\d \d+x\d+ +"
                      r"[\d.]+ +(- +-|[\d.e-]+ +[\d.]+) +[-\d.]+ +[-\d.]+$")
        self.assertRegex(totals, r"^2\d of 2\d layers multiply 8-bit integers: "
                                 r"[\d.]+ % of [\d.]+ GFLOP; 0 kept in float\n"
                                 r"ranges by percentile 99.99 of 8 patients; "
                                 r"on these the probabilities differ from "
                                 r"fp32 by [\d.]+ on average, [\d.]+ at "
                                 r"most\n[\d.]+ MB of values, were [\d.]+ MB")
        self.assertLess(max(map(len, lines)), 101)

    def test_json_has_the_same_and_adds_up(self):
        for method in ("percentile", "entropy"):
            report = self.report("--method", method)
            layers = report.pop("layers")
            self.assertEqual(
                set(report),
                {"method", "percentile", "patients", "layers_listed",
                 "quantised", "kept", "gflop", "quantised_gflop",
                 "mean_difference", "largest_difference", "bytes",
                 "float_bytes"})
            self.assertEqual(report["method"], method)
            self.assertEqual(report["layers_listed"], len(layers))
            self.assertEqual(report["quantised"],
                             sum(l["as"] == "int8" for l in layers))
            self.assertEqual(report["kept"], 0)
            self.assertEqual(report["quantised"], TENSORS)
            names = [l["name"] for l in layers if l["as"] == "int8"]
            self.assertEqual(sum(n.startswith("backbone.") for n in names), 19)
            self.assertAlmostEqual(report["gflop"],
                                   sum(l["gflop"] for l in layers), 4)
            self.assertLess(report["mean_difference"], 0.01)
            self.assertLess(report["bytes"], 0.35 * report["float_bytes"])
            first = layers[0]
            self.assertEqual((first["name"], first["as"], first["kernel"],
                              first["stride"], first["in"], first["out"]),
                             ("backbone.conv1", "float", 7, 2, 3, 64))
            for layer in layers:
                self.assertEqual(
                    set(layer), {"name", "as", "kernel", "stride", "in", "out",
                                 "gflop", "limit", "cut_off", "own_db", "db"})
                self.assertLess(layer["cut_off"], 0.05)
                self.assertGreater(layer["own_db"], 15)

    def test_a_percentile_of_100_cuts_nothing_off(self):
        whole = self.report("--percentile", 100)["layers"]
        part = self.report("--percentile", 99)["layers"]
        self.assertEqual({layer["cut_off"] for layer in whole}, {0})
        for a, b in zip(whole, part):
            self.assertGreaterEqual(a["limit"], b["limit"], a["name"])

    def test_the_same_options_give_the_same_bytes(self):
        self.report()
        self.assertEqual((self.folder / "r").read_bytes(),
                         (FOLDER / "q").read_bytes())
        self.report("--seed", 2)
        self.assertNotEqual((self.folder / "r").read_bytes(),
                            (FOLDER / "q").read_bytes())

    def test_a_tolerance_keeps_layers_in_float(self):
        near = self.report()["mean_difference"]
        report = self.report("--tolerance", near * 0.8)
        kept = [l for l in report["layers"] if l["as"] == "kept"]
        self.assertEqual(len(kept), report["kept"])
        self.assertGreater(len(kept), 0)
        self.assertEqual(report["quantised"] + len(kept), TENSORS)
        self.assertLess(report["mean_difference"], near)
        tensors, _ = read_raw(self.folder / "r")
        for layer in kept:
            self.assertEqual(tensors[layer["name"] + ".weight"][0], "F32")
        got = must("predict", "--model", self.folder / "r", "--precision",
                   "int8", "--left", "set/images/1_left.jpg")
        self.assertIn("N Normal", got.stdout)


class Photographs(Case):
    def test_missing_ones_are_warned_of(self):
        shutil.copytree(FOLDER / "set", self.folder / "set")
        gone = sorted((self.folder / "set/images").iterdir())[:6]
        for path in gone:
            path.write_bytes(b"no picture")
        done = dmsnet("quantize", "--model", "m", "--data",
                      self.folder / "set", "--split", "all", "--out",
                      self.folder / "r")
        self.assertEqual(done.returncode, 0, done.stderr)
        warnings = re.findall(r"warning: .*; left out", done.stderr)
        self.assertEqual(len(warnings), len(gone), done.stderr)

    def test_none_at_all_is_an_error(self):
        shutil.copytree(FOLDER / "set", self.folder / "set")
        for path in (self.folder / "set/images").iterdir():
            path.write_bytes(b"no picture")
        self.refuse(2, "no patient with a readable photograph in the train "
                       "split", "quantize", "--model", "m", "--data",
                    self.folder / "set", "--out", self.folder / "r")
        self.assertFalse((self.folder / "r").exists())

    def wait_for_handler(self, pid):
        """Until it catches the signal, and a little longer."""
        for _ in range(600):
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            caught = int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16)
            if caught & 1 << signal.SIGINT - 1:
                break
            time.sleep(0.05)
        time.sleep(0.2)

    def test_a_signal_leaves_no_file(self):
        child = subprocess.Popen(
            [DMSNET, "quantize", "--model", "m", "--data", "set", "--split",
             "all", "--tolerance", "0", "--out", self.folder / "r"],
            cwd=FOLDER, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"})
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.stderr.close)
        self.addCleanup(child.kill)
        self.wait_for_handler(child.pid)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
        self.assertEqual((child.returncode, out), (3, b""), err)
        self.assertEqual(list(self.folder.iterdir()), [])


class Verbs(Case):
    def test_info_says_so(self):
        text = must("info", "q").stdout
        self.assertRegex(text, r"\nquantised +\d+ parameters in "
                               rf"{TENSORS} tensors are 8-bit integers\n")
        about = json.loads(must("info", "q", "--json").stdout)
        self.assertEqual(about["quantised"]["tensors"], TENSORS)
        self.assertGreater(about["quantised"]["parameters"],
                           0.9 * about["parameters"])
        made = about["provenance"]["quantised"]
        self.assertEqual((made["method"], made["patients"], made["split"]),
                         ("percentile", 8, "train"))
        self.assertNotIn("quantised ", must("info", "m").stdout)
        plain = json.loads(must("info", "m", "--json").stdout)
        self.assertEqual(plain["quantised"], {"parameters": 0, "tensors": 0})
        self.assertEqual(plain["parameters"], about["parameters"])

    def predict(self, model, precision):
        done = must("predict", "--model", model, "--precision", precision,
                    "--json", "--left", "set/images/1_left.jpg", "--right",
                    "set/images/1_right.jpg")
        return np.array(list(json.loads(done.stdout)[0]["probabilities"]
                             .values()))

    def test_predict_in_every_precision(self):
        want = self.predict("m", "fp32")
        for precision in ("int8", "auto", "fp32"):
            got = self.predict("q", precision)
            self.assertLess(np.abs(got - want).max(), 0.05, precision)
        self.refuse(2, "precision int8: the model is not quantised; "
                       "quantise it with dmsnet quantize",
                    "predict", "--model", "m",
                    "--precision", "int8", "--left", "set/images/1_left.jpg")

    def test_evaluate_and_bench(self):
        score = {}
        for model, precision in (("m", "fp32"), ("q", "int8")):
            done = must("evaluate", "--model", model, "--data", "set",
                        "--split", "all", "--precision", precision, "--json",
                        "--out", self.folder / "out", "--cache", self.folder)
            score[model] = json.loads(done.stdout)
        self.assertEqual(set(score["m"]), set(score["q"]))
        self.assertNotEqual(score["m"], score["q"])
        done = must("bench", "--model", "q", "--precision", "int8", "--size",
                    64, "--repeat", 2, "--time", "0s", "--json")
        self.assertEqual(json.loads(done.stdout)["precision"], "int8")

    def test_safetensors_of_it_are_plain_floats(self):
        plain = self.folder / "plain"
        must("export", "--model", "q", "--safetensors", plain)
        got, _ = safetensors_io.read(plain)
        raw, _ = read_raw(FOLDER / "q")
        original, _ = safetensors_io.read(FOLDER / "m")
        self.assertEqual(set(got), set(original))
        weight = got[LAYER + ".weight"]
        self.assertEqual(weight.dtype, np.float32)
        integers = np.frombuffer(raw[LAYER + ".weight"][2], np.int8)
        scale = np.frombuffer(raw[LAYER + ".weight_scale"][2], "<f4")
        np.testing.assert_array_equal(
            weight, integers.reshape(weight.shape).astype(np.float32)
            * scale[:, None, None, None])
        self.assertLess(np.abs(weight - original[LAYER + ".weight"]).max(),
                        scale.max() / 2 * 1.001)
        # it is a model again, of the rounded weights, and no longer quantised
        near = np.abs(self.predict(plain, "fp32") - self.predict("q", "fp32"))
        self.assertLess(near.max(), 1e-5)
        must("quantize", "--model", plain, "--data", "set", "--patients", 2,
             "--out", self.folder / "again")

    def test_what_needs_floats_says_so(self):
        says = "is of type I8, expected floating point (the model is quantised"
        self.refuse(3, says, "import", "q", "--out", self.folder / "x")
        for option in ("--init", "--pretrained"):
            self.refuse(3, says, "train", "--data", "set", "--run",
                        self.folder / "run", "--backbone", "resnet18",
                        "--width", 16, "--size", 64, option, "q")
        self.refuse(2, "q: the model is already quantised; quantise the "
                       "original model", "quantize", "--model", "q", "--data",
                    "set", "--out", self.folder / "x")
        self.assertFalse((self.folder / "x").exists())

    def test_the_model_is_not_written_over(self):
        for path in ("m", "./m", FOLDER / "m"):
            self.refuse(2, "is already the file of --model", "quantize",
                        "--model", "m", "--data", "set", "--out", path)

    def test_a_cpu_without_the_instructions_says_so(self):
        says = ("precision int8: this CPU has no VNNI instructions; use fp32, "
                "which works on every CPU")
        words = ("predict", "--model", "q", "--left", "set/images/1_left.jpg")
        for isa in ("AVX512_CORE", "AVX2", "SSE41"):
            self.refuse(2, says, *words, "--precision", "int8", isa=isa)
            self.refuse(2, says, "quantize", "--model", "m", "--data", "set",
                        "--out", self.folder / "x", isa=isa)
        want = must(*words, "--json", "--precision", "fp32").stdout
        got = must(*words, "--json", "--precision", "auto", isa="AVX2").stdout
        for a, b in zip(json.loads(got)[0]["probabilities"].values(),
                        json.loads(want)[0]["probabilities"].values()):
            self.assertLess(abs(a - b), 1e-4)


def read_raw(path):
    """name -> (dtype, shape, bytes), and the metadata."""
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    body = data[8 + length:]
    return {name: (entry["dtype"], entry["shape"],
                   body[slice(*entry["data_offsets"])])
            for name, entry in header.items()}, metadata


def write_raw(path, tensors, metadata):
    header, body = {"__metadata__": metadata}, b""
    chunks, at = [], 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [at, at + len(data)]}
        at += len(data)
        chunks.append(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    body = b"".join(chunks)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + body)


def floats(*values):
    return np.array(values, "<f4").tobytes()


class Hostile(Case):
    """Each is refused with one line, or runs; nothing else."""

    def setUp(self):
        super().setUp()
        self.tensors, self.metadata = read_raw(FOLDER / "q")
        self.file = self.folder / "f"
        self.words = ("predict", "--model", self.file, "--left",
                      "set/images/1_left.jpg", "--json")

    def change(self, name, dtype=None, shape=None, data=None):
        was = self.tensors[name]
        self.tensors[name] = (dtype or was[0],
                              was[1] if shape is None else shape,
                              was[2] if data is None else data)

    def refuse_file(self, says):
        write_raw(self.file, self.tensors, self.metadata)
        for precision in ("int8", "fp32"):
            self.refuse(3, says, *self.words, "--precision", precision)
        self.tensors, self.metadata = read_raw(FOLDER / "q")

    def run_file(self, precision="int8"):
        write_raw(self.file, self.tensors, self.metadata)
        done = must(*self.words, "--precision", precision)
        answer = json.loads(done.stdout)[0]["probabilities"]
        self.tensors, self.metadata = read_raw(FOLDER / "q")
        return np.array([np.nan if p is None else p for p in answer.values()])

    def test_integers_without_a_scale(self):
        del self.tensors[LAYER + ".weight_scale"]
        self.refuse_file(f"tensor {LAYER}.weight_scale is missing")

    def test_scales_of_another_shape(self):
        name = LAYER + ".weight_scale"
        data = self.tensors[name][2]
        for shape, size in (([1], 4), ([127], 508), ([], 4), ([128, 1], 512)):
            self.change(name, shape=shape, data=data[:size])
            self.refuse_file(f"tensor {name} has shape")
        name = LAYER + ".output_scale"
        self.change(name, shape=[1])
        self.refuse_file(f"tensor {name} has shape [1], expected []")

    def test_scales_that_are_none(self):
        for name in (LAYER + ".weight_scale", LAYER + ".output_scale",
                     "backbone.layer2.1.conv2.branch_scale"):
            size = len(self.tensors[name][2])
            for value, says in ((0.0, "not a scale"), (-0.0, "not a scale"),
                                (-1.0, "not a scale"), (np.nan, "not finite"),
                                (np.inf, "not finite")):
                self.change(name, data=floats(value) + b"\0\0\x80\x3f"
                            * (size // 4 - 1))
                self.refuse_file(f"tensor {name} holds a value that is {says}")

    def test_scales_of_another_type(self):
        name = LAYER + ".weight_scale"
        self.change(name, "I32")
        self.refuse_file("is of type I32, expected floating point")
        half = np.frombuffer(self.tensors[name][2], "<f4").astype("<f8")
        self.change(name, "F64", data=half.tobytes())
        self.assertEqual(self.run_file().shape, (8,))

    def test_integers_where_no_weight_stands(self):
        for name in ("backbone.bn1.weight", "backbone.bn1.running_mean",
                     "head.bias"):
            _, shape, data = self.tensors[name]
            self.change(name, "I8", data=data[:len(data) // 4])
            self.refuse_file(f"tensor {name} is of type I8, expected floating "
                             "point")

    def test_integers_of_another_shape(self):
        name = LAYER + ".weight"
        self.change(name, shape=[128, 64, 9, 1])
        self.refuse_file(f"tensor {name} has shape [128, 64, 9, 1], expected")

    def test_other_integers(self):
        self.change(LAYER + ".weight", "U8")
        self.refuse_file("is of type U8, expected floating point")

    def test_a_file_cut_off(self):
        whole = (FOLDER / "q").read_bytes()
        for end in (4, 100, len(whole) // 2, len(whole) - 1):
            self.file.write_bytes(whole[:end])
            self.refuse(3, "f:", *self.words)

    def test_a_range_that_is_missing_makes_its_readers_float(self):
        want = self.run_file()
        del self.tensors[LAYER + ".output_scale"]
        self.assertLess(np.abs(self.run_file() - want).max(), 0.05)
        for name in [n for n in self.tensors if n.endswith("branch_scale")]:
            del self.tensors[name]
        np.testing.assert_array_equal(self.run_file(), want)
        for name in [n for n in self.tensors if n.endswith("output_scale")]:
            del self.tensors[name]
        self.assertLess(np.abs(self.run_file() - want).max(), 0.05)

    def test_scales_that_nobody_asked_for_are_warned_of(self):
        self.tensors["backbone.bn1.weight_scale"] = ("F32", [1], floats(1))
        write_raw(self.file, self.tensors, self.metadata)
        done = must(*self.words)
        self.assertIn("backbone.bn1.weight_scale is not part of the model",
                      done.stderr)

    def test_every_weight_as_integers_runs(self):
        """Depthwise, grouped, of vectors, the heads', each with ranges."""
        for name in [n for n in self.tensors if n.endswith(".weight")]:
            dtype, shape, data = self.tensors[name]
            stem = name[:-len(".weight")]
            if len(shape) < 2:
                continue
            self.tensors.setdefault(stem + ".output_scale",
                                    ("F32", [], floats(0.05)))
            if dtype == "I8":
                continue
            values = np.frombuffer(data, "<f4").reshape(shape)
            rows = values.reshape(shape[0], -1)
            scale = np.maximum(np.abs(rows).max(axis=1), 1e-6) / 127
            self.tensors[name] = ("I8", shape, np.rint(
                rows / scale[:, None]).astype(np.int8).tobytes())
            self.tensors[stem + ".weight_scale"] = (
                "F32", [shape[0]], scale.astype("<f4").tobytes())
        kept = dict(self.tensors)
        plain = self.run_file("fp32")
        self.tensors = kept
        self.assertTrue(np.isfinite(plain).all())
        self.assertTrue(np.isfinite(self.run_file()).all())

    def test_extreme_scales_do_no_harm(self):
        for value in (1e-45, 1e-30, 2e-12, 5e11, 1e30, 3e38):
            for kind in ("weight_scale", "output_scale"):
                name = f"{LAYER}.{kind}"
                size = len(self.tensors[name][2])
                self.change(name, data=floats(value) * (size // 4))
                write_raw(self.file, self.tensors, self.metadata)
                done = dmsnet(*self.words, "--precision", "int8")
                sound = 1e-12 <= value <= 1e12
                self.assertEqual(done.returncode, 0 if sound else 3,
                                 done.stderr)
                self.tensors, self.metadata = read_raw(FOLDER / "q")


if __name__ == "__main__":
    unittest.main()
