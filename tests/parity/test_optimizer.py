"""Twenty steps of AdamW and SGD on prescribed gradients equal torch's to 1e-6,
with decay, clipping, accumulation and a changing learning rate."""

import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import safetensors_io  # noqa: E402

BUILD = os.environ.get("DMS_BUILD",
                       os.path.join(os.path.dirname(os.path.dirname(HERE)),
                                    "build"))
TOOL = os.path.join(BUILD, "tests-tools", "optimizer_steps")
STEPS = 20
SHAPES = {"weight.0": (16, 33), "weight.1": (3, 5), "bias.0": (7,)}


def rate(step):
    return float(np.float32(1e-2 * (1 + step % 5) / 5))


def tensors(accumulate, seed):
    rng = np.random.default_rng(seed)
    values = {name: rng.standard_normal(shape).astype("f4")
              for name, shape in SHAPES.items()}
    batches = STEPS * accumulate
    gradients = {
        name: (rng.standard_normal((batches, *shape))
               * rng.uniform(0.01, 3, (batches,) + (1,) * len(shape))
               ).astype("f4")
        for name, shape in SHAPES.items()}
    return values, gradients


def torch_steps(values, gradients, settings):
    params = {name: torch.nn.Parameter(torch.from_numpy(v.copy()))
              for name, v in values.items()}
    decay = settings.get("decay", 0)
    groups = [
        {"params": [p], "weight_decay": decay if p.dim() > 1 else 0.0}
        for p in params.values()]
    if settings.get("sgd"):
        rule = torch.optim.SGD(groups, lr=1.0,
                               momentum=settings.get("momentum", 0),
                               nesterov=bool(settings.get("nesterov")))
    else:
        rule = torch.optim.AdamW(groups, lr=1.0)
    accumulate = settings.get("accumulate", 1)
    for step in range(STEPS):
        for name, param in params.items():
            batch = slice(step * accumulate, (step + 1) * accumulate)
            param.grad = torch.from_numpy(gradients[name][batch]).mean(0)
        if settings.get("clip"):
            torch.nn.utils.clip_grad_norm_(params.values(), settings["clip"])
        for group in rule.param_groups:
            group["lr"] = rate(step)
        rule.step()
    return {name: p.detach().numpy() for name, p in params.items()}


def our_steps(values, gradients, settings):
    content = dict(values)
    content.update({"grad." + n: g for n, g in gradients.items()})
    content["lr"] = np.array([rate(s) for s in range(STEPS)], "f4")
    metadata = {key: repr(float(v)) for key, v in settings.items()}
    metadata.setdefault("accumulate", "1")
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "in.safetensors")
        result = os.path.join(folder, "out.safetensors")
        safetensors_io.write(source, content, metadata)
        subprocess.run([TOOL, source, result], check=True)
        return safetensors_io.read(result)[0]


class OptimizerAgreesWithTorch(unittest.TestCase):
    def agree(self, **settings):
        for seed in range(5):
            values, gradients = tensors(settings.get("accumulate", 1), seed)
            want = torch_steps(values, gradients, settings)
            got = our_steps(values, gradients, settings)
            for name in SHAPES:
                error = np.abs(got[name] - want[name]) / np.maximum(
                    1, np.abs(want[name]))
                self.assertLessEqual(error.max(), 1e-6,
                                     f"{name} seed {seed} {settings}")

    def test_adamw(self):
        self.agree()

    def test_adamw_with_decay_of_weights_only(self):
        self.agree(decay=0.05)

    def test_adamw_clipped(self):
        self.agree(decay=0.01, clip=1.0)

    def test_adamw_accumulated(self):
        self.agree(decay=0.01, accumulate=4, clip=2.0)

    def test_sgd(self):
        self.agree(sgd=1)

    def test_sgd_with_momentum_and_decay(self):
        self.agree(sgd=1, momentum=0.9, decay=0.05)

    def test_sgd_with_nesterov(self):
        self.agree(sgd=1, momentum=0.9, nesterov=1, decay=0.01)


if __name__ == "__main__":
    unittest.main()
