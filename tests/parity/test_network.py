"""The whole network against PyTorch: logits, gradients, statistics, steps.

Truth is the oracle in float64 for gradients and float32 for logits; the
tolerances are docs/numerics.md's, which say how near fp32 can be."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import numpy as np
import torch

import oracle
import safetensors_io

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMS_BUILD", ROOT / "build"))
DMSNET = str(BUILD / "dmsnet")
STEPS = str(BUILD / "tests-tools" / "train_steps")
MODE = str(BUILD / "tests-tools" / "net_mode")

torch.set_num_threads(2)

# backbone, context, fusion, width, patients, size: pairwise
EVALUATION = [
    ("resnet18", "mscam", "dmff", 64, 1, 64),
    ("resnet18", "none", "concat", 512, 2, 224),
    ("resnet34", "none", "dmff", 128, 2, 96),
    ("resnet34", "mscam", "concat", 64, 4, 64),
    ("resnet50", "mscam", "dmff", 64, 1, 224),
    ("resnet50", "mscam", "concat", 256, 3, 64),
    ("resnet101", "none", "concat", 64, 4, 96),
    ("resnet101", "mscam", "dmff", 256, 1, 100),
    ("resnet152", "mscam", "dmff", 512, 1, 224),
    ("resnet152", "none", "dmff", 128, 3, 64),
]
TRAINING = [
    ("resnet18", "mscam", "dmff", 64, 4, 64),
    ("resnet18", "mscam", "concat", 512, 4, 100),
    ("resnet34", "none", "dmff", 64, 4, 96),
    ("resnet50", "mscam", "concat", 128, 5, 96),
    ("resnet50", "mscam", "dmff", 64, 4, 96),
    ("resnet101", "mscam", "dmff", 64, 4, 64),
    ("resnet152", "none", "concat", 512, 4, 64),
]
EXPLAINED = [
    ("resnet18", "mscam", "dmff", 64, 1, 64),
    ("resnet50", "mscam", "dmff", 64, 2, 96),
    ("resnet34", "none", "concat", 128, 1, 100),
]


def random_norms(net, seed):
    """Random batch-norm values, the last norm of each block near 0.2."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in net.modules():
            last = [getattr(module, "bn3", None) or getattr(module, "bn2", None)] \
                if isinstance(module, (oracle.BasicBlock, oracle.Bottleneck)) else []
            for norm in last:
                norm.is_last = True
        for module in net.modules():
            if not isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                continue
            scale = 0.2 if getattr(module, "is_last", False) else 1.0
            shape = module.weight.shape
            module.weight.copy_(scale * (0.8 + 0.4 * torch.rand(shape, generator=g)))
            module.bias.copy_(0.1 * torch.randn(shape, generator=g))
            module.running_mean.copy_(0.1 * torch.randn(shape, generator=g))
            module.running_var.copy_(0.5 + torch.rand(shape, generator=g))


class Case:
    """One architecture with one batch, in a folder of files."""

    def __init__(self, folder, backbone, context, fusion, width, patients, size,
                 eyes="both", eye_labels=True, seed=1):
        self.folder = pathlib.Path(folder)
        self.backbone = backbone
        self.run("init", "--backbone", backbone, "--context", context,
                 "--fusion", fusion, "--width", str(width), "--eyes", eyes,
                 "--size", str(max(32, size)), "--seed", str(seed),
                 "--out", self.path("fresh"))
        tensors, metadata = safetensors_io.read(self.path("fresh"))
        self.net = oracle.DmsNet(backbone, width, context=context,
                                 fusion=fusion, dropout=0.0)
        self.net.load_state_dict(
            {k: torch.from_numpy(np.array(v)) for k, v in tensors.items()},
            strict=True)
        random_norms(self.net, seed)
        safetensors_io.write(
            self.path("model"),
            {k: v.numpy() for k, v in self.net.state_dict().items()}, metadata)
        g = torch.Generator().manual_seed(seed + 1)
        draw = lambda: (torch.rand(patients, 8, generator=g) < 0.3).float()
        self.batch = {"left": torch.randn(patients, 3, size, size, generator=g),
                      "right": torch.randn(patients, 3, size, size, generator=g),
                      "labels": draw()}
        if eye_labels:
            self.batch["labels_left"], self.batch["labels_right"] = draw(), draw()
            self.batch["labels_left"][0] = float("nan")
        safetensors_io.write(self.path("in"),
                             {k: v.numpy() for k, v in self.batch.items()})

    def path(self, name):
        return str(self.folder / f"{name}.safetensors")

    def run(self, *words):
        subprocess.run([DMSNET, *words, "--log", "error"], check=True)

    def forward(self):
        self.run("tensor", "forward", "--model", self.path("model"),
                 "--in", self.path("in"), "--out", self.path("out"))
        out, _ = safetensors_io.read(self.path("out"))
        return np.concatenate([out["patient"], out["eye_left"], out["eye_right"]])

    def backward(self):
        self.run("tensor", "backward", "--model", self.path("model"), "--dropout",
                 "0", "--in", self.path("in"), "--out", self.path("out"))
        return safetensors_io.read(self.path("out"))[0]

    def oracle_logits(self, left, right):
        self.net.eval()
        with torch.no_grad():
            return torch.cat(self.net(left, right)).numpy()

    def oracle_loss(self, net):
        b = {k: v.to(next(net.parameters()).dtype) for k, v in self.batch.items()}
        return oracle.loss(*net(b["left"], b["right"]), b["labels"],
                           b.get("labels_left"), b.get("labels_right"))


class Network(unittest.TestCase):
    def case(self, *args, **options):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return Case(folder.name, *args, **options)

    def assert_near_logits(self, got, want, backbone):
        limit = 3e-4 if backbone == "resnet152" else 1e-4
        self.assertLessEqual(np.abs(got - want).max() / np.abs(want).max(), limit)

    def test_logits_in_evaluation_agree(self):
        for choice in EVALUATION:
            with self.subTest(choice=choice):
                case = self.case(*choice)
                want = case.oracle_logits(case.batch["left"], case.batch["right"])
                self.assert_near_logits(case.forward(), want, choice[0])

    def test_one_eye_stands_in_for_both(self):
        for eyes in ("left", "right"):
            with self.subTest(eyes=eyes):
                case = self.case("resnet18", "mscam", "dmff", 64, 2, 64, eyes=eyes)
                one = case.batch[eyes]
                self.assert_near_logits(case.forward(),
                                        case.oracle_logits(one, one), "resnet18")

    def test_no_reference_kernel_computes(self):
        case = self.case("resnet18", "mscam", "dmff", 64, 2, 96)
        for isa in ("ALL", "AVX2"):
            for verb in ("forward", "backward"):
                with self.subTest(isa=isa, verb=verb):
                    env = dict(os.environ, ONEDNN_MAX_CPU_ISA=isa,
                               DNNL_VERBOSE="1", ONEDNN_VERBOSE="1")
                    said = subprocess.run(
                        [DMSNET, "tensor", verb, "--model", case.path("model"),
                         "--in", case.path("in"), "--out", case.path("out")],
                        check=True, env=env, capture_output=True,
                        text=True).stdout
                    kernels = [line.split(",")[3:6]
                               for line in said.splitlines() if ",exec," in line]
                    self.assertGreater(len(kernels), 60)
                    self.assertEqual([k for k in kernels if "ref:" in k[1]], [])

    def test_without_avx512_the_numbers_agree_too(self):
        case = self.case("resnet18", "mscam", "dmff", 64, 4, 64)
        os.environ["ONEDNN_MAX_CPU_ISA"] = "AVX2"
        self.addCleanup(os.environ.pop, "ONEDNN_MAX_CPU_ISA")
        want = case.oracle_logits(case.batch["left"], case.batch["right"])
        self.assert_near_logits(case.forward(), want, "resnet18")
        self.assert_near_gradients(case)

    def assert_near_gradients(self, case):
        got = case.backward()
        net = case.net.double().train()
        loss = case.oracle_loss(net)
        loss.backward()
        self.assertLessEqual(abs(got["loss"] - loss.item()) / loss.item(), 2e-5)
        limit = 1e-1 if case.backbone in ("resnet101", "resnet152") else 5e-2
        norm = sum((p.grad ** 2).sum().item() for p in net.parameters()) ** 0.5
        total = 0.0
        for name, p in net.named_parameters():
            want = p.grad.numpy()
            error = np.linalg.norm(got["grad." + name] - want)
            total += error ** 2
            self.assertLessEqual(
                error, max(limit * np.linalg.norm(want), 1e-6 * norm), name)
        self.assertLessEqual(total ** 0.5 / norm, 3e-2)
        for name, stat in net.named_buffers():
            if "running" in name:
                want = stat.numpy()
                error = np.abs(got["stat." + name] - want).max()
                self.assertLessEqual(error / np.abs(want).max(), 5e-5, name)
        self.assertEqual(
            {k for k in got},
            {"loss"} | {"grad." + n for n, _ in net.named_parameters()}
            | {"stat." + n for n, _ in net.named_buffers() if "running" in n})

    def test_gradients_and_statistics_in_training_agree(self):
        for choice in TRAINING:
            with self.subTest(choice=choice):
                self.assert_near_gradients(self.case(*choice))

    def test_without_eye_labels_the_eye_head_has_gradient_zero(self):
        case = self.case("resnet18", "mscam", "dmff", 64, 4, 64, eye_labels=False)
        self.assert_near_gradients_without_eyes(case)

    def assert_near_gradients_without_eyes(self, case):
        got = case.backward()
        net = case.net.double().train()
        loss = case.oracle_loss(net)
        self.assertLessEqual(abs(got["loss"] - loss.item()) / loss.item(), 2e-5)
        self.assertEqual(np.abs(got["grad.eye_head.weight"]).max(), 0)
        self.assertEqual(np.abs(got["grad.eye_head.bias"]).max(), 0)

    def steps(self, case, count, rate, rule):
        out = subprocess.run([STEPS, case.path("model"), case.path("in"),
                              str(count), str(rate), rule], check=True,
                             capture_output=True, text=True).stdout
        net = case.net.train()
        optimizer = (torch.optim.SGD(net.parameters(), lr=rate) if rule == "sgd"
                     else torch.optim.AdamW(net.parameters(), lr=rate,
                                            weight_decay=0))
        want = []
        for _ in range(count):
            optimizer.zero_grad()
            loss = case.oracle_loss(net)
            loss.backward()
            optimizer.step()
            want.append(loss.item())
        return np.array(out.split(), float), np.array(want)

    def test_eight_sgd_steps_follow_pytorch(self):
        case = self.case("resnet18", "mscam", "dmff", 64, 4, 64)
        got, want = self.steps(case, 8, 1e-3, "sgd")
        np.testing.assert_allclose(got[:2], want[:2], rtol=1e-4)
        np.testing.assert_allclose(got, want, rtol=1e-3)

    def test_two_adamw_steps_follow_pytorch(self):
        case = self.case("resnet50", "mscam", "concat", 64, 4, 64)
        got, want = self.steps(case, 2, 1e-5, "adamw")
        np.testing.assert_allclose(got, want, rtol=1e-4)

    def mode(self, case, what, argument):
        subprocess.run([MODE, case.path("model"), case.path("in"),
                        case.path("out"), what, str(argument)], check=True)
        return safetensors_io.read(case.path("out"))[0]

    def oracle_gradients(self, case, patient, eyes):
        """Of all four places, by running statistics, as N x H x W x C."""
        net = case.net.double().eval()
        seen = {"images": torch.cat((case.batch["left"], case.batch["right"]))
                .double().requires_grad_()}
        descriptors = []

        def keep(name):
            def hook(_module, _inputs, output):
                output.retain_grad()
                seen[name] = output
            return hook

        def keep_input(_module, inputs):
            inputs[0].retain_grad()
            descriptors.append(inputs[0])
        hooks = [net.backbone.register_forward_hook(keep("map")),
                 net.context.register_forward_hook(keep("context")),
                 net.eye_head.register_forward_pre_hook(keep_input)]
        n = len(patient)
        p, left, right = net(seen["images"][:n], seen["images"][n:])
        for hook in hooks:
            hook.remove()
        ((p * patient).sum() + (torch.cat((left, right)) * eyes).sum()).backward()
        places = {k: (v.detach(), v.grad) for k, v in seen.items()}
        places["features"] = tuple(
            torch.cat(x)[:, :, None, None]
            for x in ([d.detach() for d in descriptors],
                      [d.grad for d in descriptors]))
        return {k: [x.permute(0, 2, 3, 1).numpy() for x in v]
                for k, v in places.items()}

    def test_the_gradient_of_any_place_agrees(self):
        for choice in EXPLAINED:
            case = self.case(*choice)
            g = torch.Generator().manual_seed(9)
            n = choice[4]
            case.batch["patient"] = torch.randn(n, 8, generator=g)
            case.batch["eyes"] = torch.randn(2 * n, 8, generator=g)
            safetensors_io.write(case.path("in"),
                                 {k: v.numpy() for k, v in case.batch.items()})
            want = self.oracle_gradients(case, case.batch["patient"].double(),
                                         case.batch["eyes"].double())
            for place, (value, gradient) in want.items():
                with self.subTest(choice=choice, place=place):
                    got = self.mode(case, "gradients", place)
                    for a, b in (got["value"], value), (got["gradient"], gradient):
                        error = np.linalg.norm(a - b) / np.linalg.norm(b)
                        self.assertLessEqual(error, 1e-2)

    def test_statistics_of_the_batch_without_gradients_agree(self):
        for which, momentum in ("update", 0.1), ("mean", None):
            with self.subTest(which=which):
                case = self.case("resnet18", "mscam", "dmff", 64, 4, 64)
                got = self.mode(case, which, 3)
                net = case.net.train()
                for module in net.modules():
                    if hasattr(module, "momentum"):
                        module.momentum = momentum
                with torch.no_grad():
                    for _ in range(3):
                        patient = net(case.batch["left"], case.batch["right"])[0]
                self.assert_near_logits(got.pop("patient"), patient.numpy(),
                                        "resnet18")
                self.assertEqual(set(got), {n for n, _ in net.named_buffers()})
                for name, stat in net.named_buffers():
                    want = stat.numpy()
                    error = np.abs(got[name] - want).max()
                    self.assertLessEqual(error, 5e-5 * np.abs(want).max(), name)

    def test_a_model_file_loads_strictly_and_rewritten_by_others_too(self):
        case = self.case("resnet18", "mscam", "dmff", 64, 1, 64)
        tensors, metadata = safetensors_io.read(case.path("model"))
        self.assertEqual(json.loads(metadata["dmsnet"])["format"], "dmsnet-1")
        want = case.forward()
        safetensors_io.write(case.path("model"),
                             dict(reversed(list(tensors.items()))))
        np.testing.assert_array_equal(case.forward(), want)


if __name__ == "__main__":
    unittest.main()
