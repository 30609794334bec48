"""dmsnet import and train --pretrained against torchvision and PyTorch: what
their files hold arrives unchanged, and what does not fit is refused."""
import json
import unittest

import numpy as np
import torch

import oracle
import safetensors_io
import weights
from weights import FORMS, backbone_of, resnet, save, without_fc

BACKBONES = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
MEMORY_MAX = 600e6
SECONDS_MAX = 2.0


def prefixed(prefix, state):
    return {prefix + name: tensor for name, tensor in state.items()}


def changed(state, name, tensor):
    """state with another tensor of that name, None: with none."""
    state = dict(state)
    state.pop(name)
    if tensor is not None:
        state[name] = tensor
    return state


class Backbones(weights.Case):
    """Every backbone, in every form of file."""

    def oracle_of(self, name, net, tensors):
        """The oracle with torchvision's backbone and the model's other
        tensors."""
        model = oracle.DmsNet(name, 16, fusion="concat", context="none")
        state = {k: v for k, v in tensors.items()
                 if not k.startswith("backbone.")}
        state.update(prefixed("backbone.", without_fc(net.state_dict())))
        model.load_state_dict(state, strict=True)
        return model.eval()

    def logits(self, name, net, tensors):
        """Ours and PyTorch's, of the same two photographs."""
        g = torch.Generator().manual_seed(3)
        left, right = torch.randn(2, 2, 3, 64, 64, generator=g)
        safetensors_io.write(self.folder / "in", {"left": left.numpy(),
                                                  "right": right.numpy()})
        self.dmsnet("tensor", "forward", "--model", "model", "--in", "in",
                    "--out", "out")
        out, _ = safetensors_io.read(self.folder / "out")
        with torch.no_grad():
            want = self.oracle_of(name, net, tensors)(left, right)
        return (np.concatenate([out["patient"], out["eye_left"],
                                out["eye_right"]]), torch.cat(want).numpy())

    def test_torchvisions_files_give_torchvisions_features(self):
        for name in BACKBONES:
            net = resnet(name)
            for form in FORMS:
                with self.subTest(backbone=name, form=form):
                    save(net.state_dict(), self.folder / form)
                    got, report = self.imported(
                        form, "--fusion", "concat", "--context", "none")
                    self.assertEqual(report["backbone"], name)
                    self.assertEqual(
                        report["counts"],
                        {"taken": len(net.state_dict()) - 2, "left": 2,
                         "missing": 0, "misshapen": 0})
                    self.assert_bits(backbone_of(got),
                                     without_fc(net.state_dict()))
            ours, want = self.logits(name, net, got)
            self.assertLessEqual(np.abs(ours - want).max() / np.abs(want).max(),
                                 1e-4, name)

    def test_a_240_mb_file_takes_little_time_and_memory(self):
        state = resnet("resnet152").state_dict()
        for form in FORMS:
            save(state, self.folder / form)
            self.assertGreater((self.folder / form).stat().st_size, 240e6)
            runs = [weights.measure("import", form, "--out", "model", "--log",
                                    "error", cwd=self.folder)
                    for _ in range(3)]
            with self.subTest(form=form, runs=runs):
                self.assertEqual({status for status, _, _ in runs}, {0})
                self.assertLess(min(seconds for _, seconds, _ in runs),
                                SECONDS_MAX)
                self.assertLess(max(peak for _, _, peak in runs), MEMORY_MAX)


class Inflated(weights.Case):
    """A network for volumes is read back as the picture's."""

    def volumes(self, dtype=torch.float32):
        """ResNet-18 with a depth on every convolution, each slice its own."""
        g = torch.Generator().manual_seed(5)
        state = without_fc(resnet("resnet18").state_dict())
        return {name: (torch.randn(*tensor.shape[:2], 3, *tensor.shape[2:],
                                   generator=g).to(dtype)
                       if tensor.dim() == 4 else tensor)
                for name, tensor in state.items()}

    def assert_taken(self, got, state, picture):
        self.assert_bits(got, {
            name: (picture(tensor.float()) if tensor.dim() == 5 else tensor)
            for name, tensor in state.items()})

    def test_the_centre_of_the_depth_is_taken(self):
        for dtype in (torch.float32, torch.bfloat16):
            state = self.volumes(dtype)
            for form in FORMS:
                with self.subTest(form=form, dtype=dtype):
                    save(state, self.folder / form)
                    got, report = self.imported(form)
                    self.assertEqual(report["depth_slice"], "centre")
                    self.assertEqual(report["counts"]["misshapen"], 0)
                    self.assert_taken(backbone_of(got), state,
                                      lambda volume: volume[:, :, 1])

    def test_the_sum_over_the_depth_is_taken_where_it_is_asked_for(self):
        state = self.volumes()
        save(state, self.folder / FORMS[0])
        got, report = self.imported(FORMS[0], "--depth-slice", "sum")
        self.assertEqual(report["depth_slice"], "sum")
        self.assert_taken(backbone_of(got), state,
                          lambda volume: volume[:, :, 0] + volume[:, :, 1]
                          + volume[:, :, 2])

    def test_another_size_is_no_depth(self):
        state = self.volumes()
        state["conv1.weight"] = state["conv1.weight"][:, :, :, :5]
        save(state, self.folder / FORMS[0])
        done = self.run_dmsnet("import", FORMS[0], "--out", "model")
        self.assertEqual(done.returncode, 3)
        self.assertIn("conv1.weight has shape [64, 3, 3, 5, 7], expected "
                      "[64, 3, 7, 7]", done.stderr)


class Wrappings(weights.Case):
    @classmethod
    def setUpClass(cls):
        cls.net = resnet("resnet18")
        cls.state = cls.net.state_dict()
        cls.other = resnet("resnet18", seed=2).state_dict()

    def check(self, value, prefix, *words, want=None):
        for form in FORMS[:2]:
            save(value, self.folder / form)
            got, report = self.imported(form, *words)
            self.assertEqual(report["prefix"], prefix)
            self.assertEqual(report["network"], "backbone")
            self.assert_bits(backbone_of(got),
                             without_fc(want or self.state))

    def test_known_wrappings_are_found(self):
        state, other = self.state, self.other
        for value, prefix in (
                (state, ""),
                ({"state_dict": state}, "state_dict."),
                ({"model": state, "epoch": 9}, "model."),
                (prefixed("module.", state), "module."),
                (prefixed("backbone.", state), "backbone."),
                (prefixed("encoder.", state), "encoder."),
                (prefixed("_orig_mod.", state), "_orig_mod."),
                ({"state_dict": prefixed("module.encoder.", state)},
                 "state_dict.module.encoder."),
                ({"model": {"state_dict":
                            prefixed("_orig_mod.module.backbone.", state)}},
                 "model.state_dict._orig_mod.module.backbone."),
                ({"student": prefixed("module.backbone.", other),
                  "teacher": prefixed("backbone.", state)},
                 "teacher.backbone."),
                ({"teacher": state, "student": other}, "teacher."),
                ({"student": state}, "student.")):
            with self.subTest(prefix=prefix):
                self.check(value, prefix)

    def test_safetensors_under_a_wrapping_is_found(self):
        save(prefixed("module.backbone.", self.state),
             self.folder / "safetensors")
        got, report = self.imported("safetensors")
        self.assertEqual(report["prefix"], "module.backbone.")
        self.assert_bits(backbone_of(got), without_fc(self.state))

    def test_a_prefix_that_is_named_is_taken(self):
        value = {"state_dict": {**prefixed("module.encoder_q.", self.state),
                                **prefixed("module.encoder_k.", self.other)}}
        for word in ("state_dict.module.encoder_q",
                     "state_dict.module.encoder_q."):
            self.check(value, "state_dict.module.encoder_q.", "--prefix", word)
        self.check(value, "state_dict.module.encoder_k.", "--prefix",
                   "state_dict.module.encoder_k", want=self.other)

    def test_optimiser_state_beside_is_left(self):
        optimiser = torch.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)
        self.net(torch.randn(2, 3, 64, 64)).sum().backward()
        self.addCleanup(self.net.zero_grad)
        before = {k: v.clone() for k, v in self.state.items()}
        optimiser.step()
        self.net.load_state_dict(before)
        self.check({"epoch": 3, "arch": "resnet18", "best_acc1": torch.ones(1),
                    "state_dict": before, "optimizer": optimiser.state_dict()},
                   "state_dict.", want=before)

    def test_other_storages_become_float32(self):
        for dtype in (torch.float16, torch.bfloat16, torch.float64):
            state = {k: v.to(dtype) if v.is_floating_point() else v
                     for k, v in self.state.items()}
            want = {k: v.float() if v.is_floating_point() else v
                    for k, v in without_fc(state).items()}
            for form in FORMS:
                with self.subTest(dtype=dtype, form=form):
                    save(state, self.folder / form)
                    self.assert_bits(backbone_of(self.imported(form)[0]), want)

    def test_weights_that_lie_channels_last_are_read_by_their_strides(self):
        state = {k: v.contiguous(memory_format=torch.channels_last)
                 if v.dim() == 4 else v for k, v in self.state.items()}
        self.assertFalse(state["layer1.0.conv1.weight"].is_contiguous())
        self.check(state, "")

    def test_what_a_backbone_lacks_gets_the_values_of_init(self):
        save(self.state, self.folder / "zip.pth")
        for seed in (1, 3):
            got, _ = self.imported("zip.pth", "--seed", seed)
            self.dmsnet("init", "--backbone", "resnet18", "--width", 16,
                        "--seed", seed, "--out", "fresh")
            fresh, _ = weights.read_safetensors(self.folder / "fresh")
            beside = [n for n in fresh if not n.startswith("backbone.")]
            self.assert_bits({n: got[n] for n in beside},
                             {n: fresh[n] for n in beside})

    def test_batch_counts_may_be_missing(self):
        state = {k: v for k, v in self.state.items()
                 if "num_batches_tracked" not in k}
        save(state, self.folder / "zip.pth")
        got, report = self.imported("zip.pth")
        self.assertEqual(report["counts"]["missing"], 0)
        self.assertEqual(got["backbone.bn1.num_batches_tracked"], 0)


class Whole(weights.Case):
    def test_a_whole_dms_net_needs_no_options(self):
        for context, fusion in (("mscam", "dmff"), ("none", "concat")):
            net = weights.randomise(
                oracle.DmsNet("resnet18", 32, context=context, fusion=fusion),
                4)
            state = net.state_dict()
            for form, value in (("zip.pth", {"model": state, "epoch": 1}),
                                ("legacy.pth", prefixed("module.", state)),
                                ("safetensors", state)):
                with self.subTest(context=context, form=form):
                    save(value, self.folder / form)
                    done = self.dmsnet("import", form, "--out", "model")
                    self.assertIn("DMS-Net with resnet18", done.stdout)
                    got, _ = weights.read_safetensors(self.folder / "model")
                    self.assert_bits(got, state)

    def test_what_the_shapes_do_not_tell_comes_from_the_options(self):
        save(oracle.DmsNet("resnet18", 16).state_dict(), self.folder / "whole")
        save(resnet("resnet18").state_dict(), self.folder / "body")
        for name, width in (("whole", 16), ("body", 32)):
            self.dmsnet("import", name, "--out", "model", "--width", 32,
                        "--size", 96, "--eyes", "left", "--task",
                        "single-label")
            about = json.loads(self.dmsnet("info", "model", "--json").stdout)
            told = about["architecture"]
            self.assertEqual(
                [told[key] for key in ("backbone", "width", "context",
                                       "fusion", "size", "eyes", "task")],
                ["resnet18", width, "mscam", "dmff", 96, "left",
                 "single-label"])
            self.assertEqual(about["preprocessing"]["size"], 96)

    def test_a_whole_dms_net_without_a_tensor_is_refused(self):
        state = oracle.DmsNet("resnet18", 16).state_dict()
        save(changed(state, "head.bias", None), self.folder / "zip.pth")
        done = self.run_dmsnet("import", "zip.pth", "--out", "model")
        self.assertEqual(done.returncode, 3)
        self.assertIn("zip.pth: tensor head.bias is missing", done.stderr)


class Refused(weights.Case):
    def check(self, value, says, *words):
        for form in FORMS[:2]:
            save(value, self.folder / form)
            done = self.run_dmsnet("import", form, "--out", "model", *words)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn(f"import: {form}: ", done.stderr)
            self.assertIn(says, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)
            self.assertFalse((self.folder / "model").exists())
        return done

    def test_what_does_not_fit_is_refused_and_nothing_is_written(self):
        state = resnet("resnet18").state_dict()
        conv, mean = "layer2.0.conv2.weight", "layer3.1.bn1.running_mean"
        bad = state[mean].clone()
        bad[7] = float("nan")
        huge = state[mean].double()
        huge[7] = 1e300
        for value, says in (
                (changed(state, conv, None), f"tensor {conv} is missing"),
                (changed(state, mean, None), f"tensor {mean} is missing"),
                (changed(state, conv, torch.zeros(128, 128, 1, 1)),
                 f"tensor {conv} has shape [128, 128, 1, 1], expected "
                 "[128, 128, 3, 3]"),
                (changed(state, conv, state[conv].long()),
                 f"tensor {conv} is of type I64, expected floating point"),
                (changed(state, mean, bad),
                 f"tensor {mean} holds a value that is not finite"),
                (changed(state, mean, huge),
                 f"tensor {mean} holds a value that is not finite"),
                (changed(state, "bn1.running_var", -state["bn1.running_var"]),
                 "tensor bn1.running_var holds a value that is negative"),
                (changed(state, "bn1.num_batches_tracked", torch.tensor(-1)),
                 "tensor bn1.num_batches_tracked holds a value that is no "
                 "count"),
                ({"model": state, "module": state},
                 "holds several networks, 'model.' and 'module.'"),
                ({"weight": torch.zeros(3)}, "no ResNet backbone in its 1 "
                 "tensors"),
                (prefixed("visual.", state), "no ResNet backbone in its")):
            with self.subTest(says=says):
                self.check(value, says)

    def test_all_that_is_wrong_is_counted_and_tabled(self):
        state = resnet("resnet18").state_dict()
        state = changed(changed(state, "bn1.weight", None), "bn1.bias",
                        torch.zeros(63))
        done = self.check(state, "tensor bn1.bias has shape [63], expected "
                          "[64]; in all 1 missing and 1 of another shape or "
                          "type")
        self.assertRegex(done.stdout, r"(?m)^misshapen  F32   \[63\] +bn1.bias "
                         r" \(expected \[64\]\)$")
        self.assertRegex(done.stdout, r"(?m)^missing +bn1.weight  \(expected "
                         r"\[64\]\)$")

    def test_a_prefix_without_a_network_is_refused(self):
        self.check(resnet("resnet18").state_dict(),
                   "no ResNet backbone under the prefix 'nets.eye'",
                   "--prefix", "nets.eye")

    def test_other_resnets_are_refused(self):
        import torchvision.models as models
        wide = models.wide_resnet50_2(weights=None).state_dict()
        self.check(wide, "has shape [128, 64, 1, 1], expected [64, 64, 1, 1]")
        odd = models.ResNet(models.resnet.BasicBlock, [1, 1, 1, 1])
        self.check(odd.state_dict(), "no known ResNet has these tensors: layer3 "
                   "has 1 blocks without conv3")


class Warned(weights.Case):
    def test_what_a_resnet_has_no_place_for_is_warned_of(self):
        """A squeeze and excitation in a block: another network."""
        state = resnet("resnet18").state_dict()
        state["layer1.0.se.fc1.weight"] = torch.zeros(4, 64, 1, 1)
        state["layer1.0.se.fc2.weight"] = torch.zeros(64, 4, 1, 1)
        for prefix in ("", "module."):
            save(prefixed(prefix, state), self.folder / "zip.pth")
            done = self.dmsnet("import", "zip.pth", "--out", "model")
            self.assertIn(f"warning: zip.pth: tensor {prefix}layer1.0.se.fc1."
                          "weight is inside the backbone but resnet18 has no "
                          "place for it (2 such)", done.stderr)

    def test_what_stands_beside_the_backbone_is_not_warned_of(self):
        net = oracle.DmsNet("resnet18", 16)
        save({"model": net.state_dict(), "momentum": torch.ones(3)},
             self.folder / "zip.pth")
        done = self.dmsnet("import", "zip.pth", "--out", "model")
        self.assertNotIn("warning", done.stderr)
        save(resnet("resnet18").state_dict(), self.folder / "zip.pth")
        done = self.dmsnet("import", "zip.pth", "--out", "model")
        self.assertNotIn("warning", done.stderr)


class Pretrained(weights.Case):
    def setUp(self):
        super().setUp()
        self.dmsnet("synth", "data", "-n", "12", "--size", "64")

    def train(self, *words):
        return self.run_dmsnet(
            "train", "--data", "data", "--run", "run", "--width", 16, "--size",
            32, "--batch", 4, "--epochs", 1, "--backbone", "resnet18", *words)

    def test_training_starts_from_the_files_weights(self):
        state = without_fc(resnet("resnet18").state_dict())
        learnt = {k: v for k, v in state.items()
                  if "running" not in k and "num_batches" not in k}
        for form in FORMS:
            with self.subTest(form=form):
                save(state, self.folder / form)
                done = self.train("--pretrained", form, "--backbone-lr", 0,
                                  "--run", form + "-run")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(f"{len(state)} tensors of resnet18 taken, 0 left",
                              done.stderr)
                got, _ = weights.read_safetensors(
                    self.folder / (form + "-run") / "last.safetensors")
                got = backbone_of(got)
                self.assert_bits({k: got[k] for k in learnt}, learnt)

    def test_of_a_whole_dms_net_the_backbone_is_taken(self):
        net = oracle.DmsNet("resnet18", 64)
        save({"model": net.state_dict()}, self.folder / "zip.pth")
        done = self.train("--pretrained", "zip.pth", "--backbone-lr", 0)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("warning: zip.pth", done.stderr)
        got, _ = weights.read_safetensors(
            self.folder / "run" / "last.safetensors")
        learnt = dict(net.backbone.named_parameters())
        self.assert_bits({k: backbone_of(got)[k] for k in learnt},
                         {k: v.detach() for k, v in learnt.items()})

    def test_a_backbone_that_does_not_fit_is_refused(self):
        save(resnet("resnet34").state_dict(), self.folder / "zip.pth")
        done = self.train("--pretrained", "zip.pth")
        self.assertEqual(done.returncode, 3)
        self.assertIn("zip.pth: holds resnet34; the options ask for resnet18",
                      done.stderr)
        self.assertFalse((self.folder / "run" / "last.safetensors").exists())

    def test_a_hostile_file_is_refused(self):
        (self.folder / "bad.pth").write_bytes(b"\x80\x02cposix\nsystem\n.")
        done = self.train("--pretrained", "bad.pth")
        self.assertEqual(done.returncode, 3)
        self.assertIn("bad.pth: ", done.stderr)


if __name__ == "__main__":
    unittest.main()
