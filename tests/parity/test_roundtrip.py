"""Weights that travel out and back are the same to the last bit: dmsnet,
PyTorch, torchvision and other writers of safetensors."""
import json
import os
import re
import struct
import subprocess
import sys
import unittest

import numpy as np
import torch
import torchvision

import oracle
import safetensors_io
import weights
from weights import backbone_of, read_safetensors, save

HALVES = {"f16": torch.float16, "bf16": torch.bfloat16}


def rounded(state, dtype):
    """torch's own rounding; batch counts stay."""
    return {name: tensor.to(dtype) if tensor.is_floating_point() else tensor
            for name, tensor in state.items()}


class Model(weights.Case):
    """A model file `m` with random norms and batch counts, and the oracle that
    holds the same."""

    backbone, context, fusion = "resnet18", "mscam", "dmff"

    def setUp(self):
        super().setUp()
        self.dmsnet("init", "--backbone", self.backbone, "--width", 32,
                    "--context", self.context, "--fusion", self.fusion,
                    "--out", "fresh")
        tensors, self.metadata = read_safetensors(self.folder / "fresh")
        self.net = self.oracle()
        self.net.load_state_dict(tensors, strict=True)
        weights.randomise(self.net, 6)
        self.state = self.net.state_dict()
        weights.write_safetensors(self.folder / "m", self.state, self.metadata,
                                  gap=8)

    def oracle(self):
        return oracle.DmsNet(self.backbone, 32, context=self.context,
                             fusion=self.fusion)

    def read(self, name):
        return read_safetensors(self.folder / name)[0]


class Safetensors(Model):
    def test_out_and_back_is_the_same_file_to_the_bit(self):
        self.dmsnet("export", "--model", "m", "--safetensors", "out",
                    "--backbone", "body")
        self.assert_bits(self.read("out"), self.state)
        self.assert_bits(self.read("body"), backbone_of(self.state))
        metadata = read_safetensors(self.folder / "out")[1]
        self.assertEqual(metadata["format"], "pt")
        self.assertEqual(json.loads(metadata["dmsnet"]),
                         json.loads(self.metadata["dmsnet"]))
        self.assertEqual(read_safetensors(self.folder / "body")[1],
                         {"format": "pt"})
        self.dmsnet("import", "out", "--out", "again")
        self.assert_bits(self.read("again"), self.state)
        self.dmsnet("export", "--model", "again", "--safetensors", "twice")
        self.assertEqual((self.folder / "twice").read_bytes(),
                         (self.folder / "out").read_bytes())

    def test_a_backbone_alone_comes_back(self):
        self.dmsnet("export", "--model", "m", "--backbone", "body")
        got, report = self.imported("body")
        self.assertEqual(report["counts"]["left"], 0)
        self.assert_bits(backbone_of(got), backbone_of(self.state))

    def test_an_exported_file_is_a_model_file(self):
        self.dmsnet("export", "--model", "m", "--safetensors", "out")
        self.assertEqual(self.dmsnet("info", "out").stdout,
                         self.dmsnet("info", "m").stdout)


class Ablated(Safetensors):
    backbone, context, fusion = "resnet50", "none", "concat"


class PyTorch(Model):
    def test_the_reference_and_torchvision_load_it_and_it_comes_back(self):
        self.dmsnet("export", "--model", "m", "--safetensors", "out",
                    "--backbone", "body")
        net = self.oracle()
        net.load_state_dict(self.read("out"), strict=True)
        for form in ("zip.pth", "legacy.pth"):
            save(net.state_dict(), self.folder / form)
            self.dmsnet("import", form, "--out", form + ".model")
            self.assert_bits(self.read(form + ".model"), self.state)
        resnet = torchvision.models.resnet18(weights=None)
        keys = resnet.load_state_dict(self.read("body"), strict=False)
        self.assertEqual((sorted(keys.missing_keys), keys.unexpected_keys),
                         (["fc.bias", "fc.weight"], []))
        for form in ("zip.pth", "legacy.pth"):
            save(resnet.state_dict(), self.folder / form)
            got, _ = self.imported(form)
            self.assert_bits(backbone_of(got), backbone_of(self.state))

    def test_half_precision_is_torchs_own_rounding(self):
        weight = self.state["backbone.layer1.0.conv1.weight"].view(-1)
        weight[:12] = torch.tensor(
            [0.0, -0.0, 65504, -65519, 1 + 2**-11, 1 + 3 * 2**-11, 2**-24,
             2**-25, 3 * 2**-26, -(2**-14) + 2**-26, 1 + 2**-8, 1e-40])
        g = torch.Generator().manual_seed(1)
        weight[12:5000] = torch.randn(4988, generator=g) * torch.exp(
            torch.empty(4988).uniform_(-20, 6, generator=g))
        weights.write_safetensors(self.folder / "m", self.state, self.metadata)
        for name, dtype in HALVES.items():
            want = rounded(self.state, dtype)
            self.dmsnet("export", "--model", "m", "--safetensors", "out",
                        "--backbone", "body", "--precision", name)
            self.assert_bits(self.read("out"), want)
            self.assert_bits(self.read("body"), backbone_of(want))
            self.oracle().to(dtype).load_state_dict(self.read("out"),
                                                    strict=True)
            self.dmsnet("import", "out", "--out", "again")
            self.assert_bits(self.read("again"), rounded(want, torch.float32))

    def test_what_half_precision_cannot_hold_is_refused(self):
        name = "backbone.layer1.0.bn1.running_var"
        for value, kind in ((65520.0, "f16"), (3.4e38, "bf16")):
            self.state[name][3] = value
            weights.write_safetensors(self.folder / "m", self.state,
                                      self.metadata)
            done = self.run_dmsnet("export", "--model", "m", "--safetensors",
                                   "out", "--precision", kind)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(name, done.stderr)
            self.assertFalse((self.folder / "out").exists())


class OtherWriters(Model):
    def setUp(self):
        super().setUp()
        g = torch.Generator().manual_seed(3)
        draw = lambda: torch.randn(1, 3, 64, 64, generator=g).numpy()
        safetensors_io.write(self.folder / "in", {"left": draw(),
                                                  "right": draw()})
        self.want = self.logits("m")[0]

    def logits(self, name):
        done = self.dmsnet("tensor", "forward", "--model", name, "--in", "in",
                           "--out", "out")
        out, _ = safetensors_io.read(self.folder / "out")
        return np.concatenate([out["patient"], out["eye_left"],
                               out["eye_right"]]), done.stderr

    def check(self, metadata, warned):
        got, said = self.logits("other")
        np.testing.assert_array_equal(got, self.want)
        self.assertEqual("assuming resnet18, width 32" in said, warned, said)
        self.dmsnet("import", "other", "--out", "again")
        self.assert_bits(self.read("again"), self.state)
        if metadata:
            self.assertEqual(read_safetensors(self.folder / "again")[1],
                             metadata)

    def test_another_order_loads(self):
        for order in (sorted, lambda names: list(names)[::-1]):
            state = {name: self.state[name] for name in order(self.state)}
            weights.write_safetensors(self.folder / "other", state,
                                      self.metadata)
            self.check(None, False)

    def test_any_alignment_loads(self):
        for gap in (1, 2, 64):
            text = self.metadata["dmsnet"]
            for pad in range(4):
                metadata = {"dmsnet": text, "x": "y" * pad}
                weights.write_safetensors(self.folder / "other", self.state,
                                          metadata, gap)
                self.check(None, False)

    def test_the_official_writers_order_by_type_loads(self):
        """The safetensors library sorts by element size, then by name."""
        state = dict(sorted(self.state.items(),
                            key=lambda item: (-item[1].element_size(),
                                              item[0])))
        weights.write_safetensors(self.folder / "other", state, self.metadata,
                                  gap=8)
        self.check(None, False)

    def test_without_metadata_the_architecture_is_inferred_with_a_warning(self):
        for metadata in (None, {"format": "pt"}):
            weights.write_safetensors(self.folder / "other", self.state,
                                      metadata)
            self.check(None, True)

    def test_offsets_that_do_not_follow_the_headers_order_load(self):
        """The header's names and the data may lie in different orders."""
        weights.write_safetensors(self.folder / "plain", self.state,
                                  self.metadata)
        data = (self.folder / "plain").read_bytes()
        (size,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8:8 + size])
        text = json.dumps(dict(sorted(header.items(), reverse=True))).encode()
        (self.folder / "other").write_bytes(
            struct.pack("<Q", len(text)) + text + data[8 + size:])
        self.check(None, False)


# What the page takes of the safetensors library, where that is not installed.
SAFETENSORS = """import sys
sys.path.append({tests!r})
from weights import read_safetensors
def load_file(path):
    return read_safetensors(path)[0]
"""


class Page(weights.Case):
    """The commands of docs/import-export.md, its weights half, as they stand."""

    def setUp(self):
        super().setUp()
        page = (weights.ROOT / "docs" / "import-export.md").read_text()
        section = page.split("\n## Weights\n")[1].split("\n## ")[0]
        self.blocks = re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", section)
        library = self.folder / "library" / "safetensors"
        library.mkdir(parents=True)
        (library / "__init__.py").write_text("")
        (library / "torch.py").write_text(SAFETENSORS.format(
            tests=str(weights.ROOT / "tests" / "parity")))

    def run_block(self, kind, text):
        env = dict(os.environ, PYTHONPATH=str(self.folder / "library"),
                   PATH=f"{weights.BUILD}:{os.environ['PATH']}")
        words = {"sh": ["bash", "-ec"], "python": [sys.executable, "-c"]}[kind]
        done = subprocess.run([*words, text], cwd=self.folder, env=env,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, text + done.stderr)
        return done.stdout

    def test_the_pages_lines_run_and_give_what_it_says(self):
        scripts = [b for b in self.blocks if b[0]]
        self.assertEqual([kind for kind, _ in scripts],
                         ["sh", "python", "sh", "python"])
        first, save_it, out, load_it = scripts
        self.run_block(*save_it)
        self.run_block("sh", "dmsnet synth my-data -n 12 --size 64")
        self.run_block("sh", first[1].rstrip() +
                       " --size 32 --batch 4 --width 16 --epochs 1")
        self.run_block(*out)
        self.assertEqual(self.run_block(*load_it), self.blocks[-1][1])

    def test_the_pages_table_and_refusal_are_the_programs_own(self):
        table = next(text for _, text in self.blocks if "$ dmsnet" in text)
        lines = table.splitlines()
        state = torchvision.models.resnet18(weights=None).state_dict()
        torch.save({"state_dict": {"module." + k: v for k, v in state.items()}},
                   self.folder / "checkpoint.pth")
        said = self.run_block("sh", lines[0][2:]).splitlines()
        for line in lines[1:]:
            self.assertTrue(line == "…" or line in said, line)
        (self.folder / "bad.pth").write_bytes(b"\x80\x02cposix\nsystem\n.")
        done = self.run_dmsnet("import", "bad.pth", "--out", "x")
        self.assertIn(("", done.stderr), self.blocks)


if __name__ == "__main__":
    unittest.main()
