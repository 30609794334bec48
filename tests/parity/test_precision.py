"""How near bf16 and Winograd stay to fp32, and bf16 training to PyTorch's own.

The photographs here differ from each other as real ones do: among images of
noise alone, batch statistics blow any rounding up.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import types
import unittest

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import oracle
import safetensors_io

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("DMS_BUILD", ROOT / "build")) / "dmsnet"
PATIENTS = 8
SIZE = 128


def photographs(generator, size=SIZE):
    """PATIENTS x 3 x size x size: each its own colour and its own waves."""
    row, column = np.mgrid[0:size, 0:size] / size
    out = np.zeros((PATIENTS, 3, size, size), np.float32)
    for plane in out.reshape(-1, size, size):
        plane += generator.standard_normal()
        for _ in range(6):
            x, y = generator.integers(-6, 7, 2)
            phase = 2 * np.pi * generator.random()
            plane += 0.6 * generator.standard_normal() * np.cos(
                2 * np.pi * (x * column + y * row) + phase)
    return out


def calm(tensors, backbone):
    """Each block's last norm at a fifth: as after some training."""
    last = "bn2" if backbone in ("resnet18", "resnet34") else "bn3"
    for name in tensors:
        if re.fullmatch(rf"backbone\.layer.*\.{last}\.weight", name):
            tensors[name] = tensors[name] * np.float32(0.2)


def relative(found, wanted):
    return np.linalg.norm(found - wanted) / np.linalg.norm(wanted)


class Precision(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def prepare(self, backbone):
        run = [PROGRAM, "init", "--backbone", backbone, "--seed", "5",
               "--size", str(SIZE), "--out", self.folder / "m"]
        subprocess.run(run, check=True)
        tensors, metadata = safetensors_io.read(self.folder / "m")
        calm(tensors, backbone)
        safetensors_io.write(self.folder / "m", tensors, metadata)
        generator = np.random.default_rng(0)
        self.inputs = {
            "left": photographs(generator),
            "right": photographs(generator),
            "labels": (generator.random((PATIENTS, 8)) < 0.3)
            .astype(np.float32),
        }
        safetensors_io.write(self.folder / "in", self.inputs)
        return tensors

    def run_tensor(self, direction, *options):
        run = [PROGRAM, "tensor", direction, "--model",
               self.folder / "m", "--in", self.folder / "in", "--out",
               self.folder / "out", *options]
        done = subprocess.run(run, capture_output=True, text=True)
        if "this CPU has no" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 0, done.stderr)
        return safetensors_io.read(self.folder / "out")[0]

    def logits_error(self, *options):
        plain = self.run_tensor("forward", "--winograd", "no")
        other = self.run_tensor("forward", *options)
        return max(np.abs(other[name] - plain[name]).max() /
                   np.abs(plain[name]).max() for name in plain)

    def test_winograd_logits_are_within_1e_4_of_direct_ones(self):
        for backbone in ("resnet18", "resnet50"):
            with self.subTest(backbone):
                self.prepare(backbone)
                error = self.logits_error("--winograd", "yes")
                self.assertLess(error, 1e-4)

    def test_bf16_logits_are_within_3_percent_of_fp32_ones(self):
        for backbone in ("resnet18", "resnet50"):
            with self.subTest(backbone):
                self.prepare(backbone)
                error = self.logits_error("--precision", "bf16")
                self.assertLess(error, 3e-2)
                self.assertGreater(error, 0)

    def torch_gradients(self, backbone, tensors, bf16):
        """PyTorch's, with its backbone under autocast if bf16."""
        net = oracle.DmsNet(backbone=backbone, dropout=0)
        net.load_state_dict({name: torch.from_numpy(value.copy())
                             for name, value in tensors.items()})
        forward = type(net.backbone).forward

        def under_autocast(module, images):
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                return forward(module, images).float()

        net.backbone.forward = types.MethodType(under_autocast, net.backbone)
        net.train()
        patient = net(torch.from_numpy(self.inputs["left"]),
                      torch.from_numpy(self.inputs["right"]))[0]
        torch.nn.functional.binary_cross_entropy_with_logits(
            patient, torch.from_numpy(self.inputs["labels"])).backward()
        return np.concatenate(
            [p.grad.numpy().ravel() for p in net.parameters()
             if p.grad is not None])

    def gradients(self, precision):
        out = self.run_tensor("backward", "--precision", precision)
        return out["loss"], np.concatenate(
            [value.ravel() for name, value in out.items()
             if name.startswith("grad.")])

    def test_bf16_gradients_are_as_near_fp32_as_pytorchs_autocast(self):
        for backbone in ("resnet18", "resnet50"):
            with self.subTest(backbone):
                tensors = self.prepare(backbone)
                loss, plain = self.gradients("fp32")
                loss16, ours = self.gradients("bf16")
                theirs = relative(
                    self.torch_gradients(backbone, tensors, True),
                    self.torch_gradients(backbone, tensors, False))
                self.assertLess(abs(loss16 - loss), 0.01 * loss)
                self.assertLess(relative(ours, plain), 1.25 * theirs)


if __name__ == "__main__":
    unittest.main()
