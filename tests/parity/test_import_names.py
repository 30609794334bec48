"""dmsnet import of a ResNet under other programs' names: what is recognised
gives torchvision's values and outputs; other networks and other files are told
apart by what they are."""
import argparse
import collections
import gzip
import io
import json
import types
import unittest
import zipfile

import numpy as np
import torch
import torchvision

import oracle
import safetensors_io
import weights
from weights import backbone_of, resnet, save, without_fc


def prefixed(prefix, state):
    return {prefix + name: tensor for name, tensor in state.items()}


def hugging_face_name(name):
    """transformers' ResNetModel calls it so (modeling_resnet.py)."""
    parts = name.split(".")
    kinds = {"conv": "convolution", "bn": "normalization"}
    if parts[0] in ("conv1", "bn1"):
        return ".".join(["embedder.embedder", kinds[parts[0][:-1]],
                         *parts[1:]])
    stage = f"encoder.stages.{int(parts[0][5:]) - 1}.layers.{parts[1]}"
    if parts[2] == "downsample":
        kind = ("convolution", "normalization")[int(parts[3])]
        return ".".join([stage, "shortcut", kind, *parts[4:]])
    return ".".join([stage, "layer", str(int(parts[2][-1]) - 1),
                     kinds[parts[2][:-1]], *parts[3:]])


def hugging_face(state):
    renamed = {hugging_face_name(k): v for k, v in without_fc(state).items()}
    return {**prefixed("resnet.", renamed),
            "classifier.1.weight": state["fc.weight"],
            "classifier.1.bias": state["fc.bias"]}


def children(net, *lasts):
    """The Sequential of a net's children, without the last ones."""
    return torch.nn.Sequential(*list(net.children())[:-2], *lasts)


def stem_apart(net):
    stem = torch.nn.Sequential(*list(net.children())[:4])
    return torch.nn.Sequential(stem, net.layer1, net.layer2, net.layer3,
                               net.layer4)


class UNet(torch.nn.Module):
    """The stem as layer0, as many segmentation networks have it."""

    def __init__(self, net):
        super().__init__()
        self.layer0 = torch.nn.Sequential(net.conv1, net.bn1, net.relu)
        for i in range(1, 5):
            setattr(self, f"layer{i}", getattr(net, f"layer{i}"))
        self.up = torch.nn.ConvTranspose2d(512, 3, 2)


class Lightning(torch.nn.Module):
    def __init__(self, **members):
        super().__init__()
        for name, member in members.items():
            setattr(self, name, member)


class Recognised(weights.Case):
    def check(self, value, net, prefix, form="zip.pth", words=()):
        save(value, self.folder / form)
        got, report = self.imported(form, *words)
        self.assertEqual(report["prefix"], prefix)
        self.assertEqual(report["counts"]["missing"], 0)
        self.assert_bits(backbone_of(got), without_fc(net.state_dict()))
        return got

    def test_other_names_give_torchvisions_values(self):
        net = resnet("resnet18")
        state = net.state_dict()
        head = torch.nn.Sequential(torch.nn.Flatten(),
                                   torch.nn.Linear(8, 8))
        for what, value, prefix in (
                ("children", children(net).state_dict(), ""),
                ("children and head", children(net, head).state_dict(),
                 ""),
                ("fastai", torch.nn.Sequential(children(net),
                                               head).state_dict(), "0."),
                ("Sequential of a net",
                 torch.nn.Sequential(torch.nn.BatchNorm2d(3),
                                     net).state_dict(), "1."),
                ("children in a module",
                 Lightning(features=children(net)).state_dict(),
                 "features."),
                ("children, wrapped",
                 {"state_dict": prefixed("module.backbone.",
                                         children(net).state_dict())},
                 "state_dict.module.backbone."),
                ("stem apart", stem_apart(net).state_dict(), ""),
                ("layer0", UNet(net).state_dict(), ""),
                ("layer0 in encoder",
                 {"net": prefixed("encoder.", UNet(net).state_dict())},
                 "net.encoder."),
                ("Hugging Face", hugging_face(state), "resnet."),
                ("Hugging Face, in DataParallel",
                 prefixed("module.", hugging_face(state)),
                 "module.resnet."),
                ("Hugging Face, in a classifier of one's own",
                 {"model_state_dict":
                  prefixed("net.backbone.", hugging_face(state))},
                 "model_state_dict.net.backbone.resnet."),
                ("Hugging Face, bare",
                 {k[len("resnet."):]: v
                  for k, v in hugging_face(state).items()
                  if k.startswith("resnet.")}, "")):
            with self.subTest(what=what):
                self.check(value, net, prefix)

    def test_prefixes_may_nest_in_any_order(self):
        net = resnet("resnet18")
        for prefix in ("module.", "backbone.", "encoder.", "model.", "net.",
                       "module.model.", "model.module.net.",
                       "net.encoder.backbone.module.", "network.",
                       "backbone.body.", "feature_extractor.resnet.",
                       "base_model.0.", "model.1."):
            with self.subTest(prefix=prefix):
                self.check(prefixed(prefix, net.state_dict()), net, prefix,
                           "safetensors")

    def test_a_named_prefix_is_of_any_naming(self):
        net = resnet("resnet18")
        for value in (children(net).state_dict(),
                      hugging_face(net.state_dict())):
            prefix = "resnet." if "resnet.embedder.embedder.convolution." \
                "weight" in value else ""
            self.check(prefixed("eye.", value), net, "eye." + prefix,
                       words=("--prefix", "eye." + prefix))

    def test_outputs_of_renamed_weights_are_torchvisions(self):
        for name in ("resnet18", "resnet50"):
            net = resnet(name)
            model = oracle.DmsNet(name, 16, fusion="concat", context="none")
            for value, prefix in ((children(net).state_dict(), ""),
                                  (hugging_face(net.state_dict()),
                                   "resnet.")):
                got = self.check(value, net, prefix, words=(
                    "--fusion", "concat", "--context", "none"))
                state = {k: v for k, v in got.items()
                         if not k.startswith("backbone.")}
                state.update(prefixed("backbone.",
                                      without_fc(net.state_dict())))
                model.load_state_dict(state, strict=True)
                g = torch.Generator().manual_seed(3)
                left, right = torch.randn(2, 2, 3, 64, 64, generator=g)
                safetensors_io.write(self.folder / "in",
                                     {"left": left.numpy(),
                                      "right": right.numpy()})
                self.dmsnet("tensor", "forward", "--model", "model", "--in",
                            "in", "--out", "out")
                out, _ = safetensors_io.read(self.folder / "out")
                with torch.no_grad():
                    want = torch.cat(model.eval()(left, right)).numpy()
                ours = np.concatenate([out["patient"], out["eye_left"],
                                       out["eye_right"]])
                np.testing.assert_allclose(ours, want, rtol=1e-3, atol=1e-4)

    def test_the_log_says_whose_names_were_read(self):
        net = resnet("resnet18")
        save(hugging_face(net.state_dict()), self.folder / "zip.pth")
        done = self.dmsnet("import", "zip.pth", "--out", "model")
        self.assertIn("zip.pth: resnet18 under Hugging Face's names, 120 "
                      "tensors taken, 2 left out", done.stderr)

    def test_a_missing_tensor_is_named_as_the_file_would(self):
        state = hugging_face(resnet("resnet18").state_dict())
        name = ("resnet.encoder.stages.1.layers.0.shortcut.convolution."
                "weight")
        del state[name]
        save(state, self.folder / "zip.pth")
        done = self.run_dmsnet("import", "zip.pth", "--out", "model")
        self.assertEqual(done.returncode, 3)
        self.assertIn(f"zip.pth: tensor {name} is missing", done.stderr)

    def test_numbers_from_elsewhere_are_not_taken_for_layers(self):
        """A leading zero or a number out of range is another tensor."""
        net = resnet("resnet18")
        state = dict(hugging_face(net.state_dict()))
        for odd in ("resnet.encoder.stages.00.layers.0.layer.0.convolution."
                    "weight", "resnet.encoder.stages.99999.layers.0.layer.0."
                    "convolution.weight"):
            state[odd] = torch.ones(2)
        self.check(state, net, "resnet.")


class Refused(weights.Case):
    def refusal(self, name, *words):
        done = self.run_dmsnet("import", name, "--out", "model", *words)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(f"import: {name}: ", done.stderr)
        self.assertFalse((self.folder / "model").exists())
        return done.stderr

    def check_state(self, names, says):
        save({name: torch.zeros(1) for name in names}, self.folder / "zip.pth")
        self.assertIn(says, self.refusal("zip.pth"))

    def test_torchvisions_other_networks_are_named(self):
        models = torchvision.models
        vit = models.VisionTransformer(image_size=32, patch_size=16,
                                       num_layers=1, num_heads=1, hidden_dim=8,
                                       mlp_dim=8)
        nets = {"a vision transformer's (ViT)": vit}
        for name, says in (("densenet121", "a DenseNet's"),
                           ("efficientnet_b0", "an EfficientNet's"),
                           ("mobilenet_v2", "a MobileNet's"),
                           ("mobilenet_v3_small", "a MobileNet's"),
                           ("shufflenet_v2_x0_5", "a ShuffleNet's"),
                           ("squeezenet1_0", "a SqueezeNet's"),
                           ("regnet_y_400mf", "a RegNet's"),
                           ("convnext_tiny", "a ConvNeXt's"),
                           ("googlenet", "a GoogLeNet's"),
                           ("inception_v3", "an Inception's"),
                           ("swin_t", "a Swin transformer's")):
            build = getattr(models, name)
            more = {"init_weights": False} if name in (
                "googlenet", "inception_v3") else {}
            net = build(weights=None, **more)
            with self.subTest(net=name):
                self.check_state(net.state_dict(), f"these are {says} names")
        for says, net in nets.items():
            self.check_state(prefixed("module.", net.state_dict()),
                             f"these are {says} names")

    def test_other_programs_networks_are_named(self):
        for says, names in (
                ("a vision transformer's (ViT)",
                 ("cls_token", "patch_embed.proj.weight",
                  "blocks.0.attn.qkv.weight")),
                ("a vision transformer's (ViT)",
                 ("vit.embeddings.patch_embeddings.projection.weight",)),
                ("an EfficientNet's or MobileNet's",
                 ("conv_stem.weight", "blocks.0.0.conv_dw.weight")),
                ("an EfficientNet's or MobileNet's",
                 ("_conv_stem.weight", "_blocks.0._depthwise_conv.weight")),
                ("a ConvNeXt's", ("downsample_layers.0.0.weight",)),
                ("a ConvNeXt's", ("stem.0.weight",
                                  "stages.0.blocks.0.conv_dw.weight")),
                ("a RegNet's", ("regnet.embedder.embedder.convolution."
                                "weight",)),
                ("a VGG's", ("features.0.weight", "classifier.0.weight")),
                ("a ResNet-D's, whose stem is three convolutions,",
                 ("conv1.0.weight", "layer1.0.conv1.weight")),
                ("a pre-activation ResNet's (resnetv2)",
                 ("stem.conv.weight", "stages.0.blocks.0.conv1.weight")),
                ("a Detectron2 ResNet's",
                 ("backbone.bottom_up.stem.conv1.weight",
                  "backbone.bottom_up.res2.0.conv1.weight")),
                ("a CLIP's", ("visual.conv1.weight",
                              "token_embedding.weight"))):
            with self.subTest(says=says, names=names):
                self.check_state(names, f"these are {says} names")

    def test_a_network_under_an_unknown_name_is_told_with_its_prefix(self):
        net = resnet("resnet18")
        for value, prefix in (
                (prefixed("visual.", net.state_dict()), "visual."),
                (prefixed("eyes.left.", children(net).state_dict()),
                 "eyes.left."),
                ({"online": hugging_face(net.state_dict())},
                 "online.resnet.")):
            save(value, self.folder / "zip.pth")
            self.assertIn(f"but one under '{prefix}': name it as prefix",
                          self.refusal("zip.pth"))
            self.dmsnet("import", "zip.pth", "--out", "model", "--prefix",
                        prefix)
            (self.folder / "model").unlink()

    def test_two_networks_in_a_list_are_not_chosen_from(self):
        state = resnet("resnet18").state_dict()
        save([state, state], self.folder / "zip.pth")
        self.assertIn("holds several networks, '0.' and '1.'",
                      self.refusal("zip.pth"))

    def advice(self, value):
        texts = set()
        for form in ("zip.pth", "legacy.pth"):
            save(value, self.folder / form)
            texts.add(self.refusal(form).split(": refused: ")[1].split(": ", 1)
                      [1])
        self.assertEqual(len(texts), 1, texts)
        return texts.pop()

    def test_a_file_with_more_than_weights_says_which_key_to_save(self):
        state = torch.nn.Linear(2, 2).state_dict()
        args = argparse.Namespace(lr=0.1)
        for key in ("state_dict", "model_state_dict", "model", "net",
                    "teacher"):
            for value in ({"args": args, key: state},
                          {key: state, "args": args},
                          {"args": args, key: dict(state)},
                          {"args": args, "kind": "weights", key: state},
                          {"best": np.float64(0.5), key: state}):
                said = self.advice(value)
                self.assertIn("the file holds more than weights", said)
                self.assertIn(f'torch.save(ckpt["{key}"], "weights.pth")',
                              said)
        said = self.advice({"args": args, "model": state,
                            "state_dict": dict(state)})
        self.assertIn('ckpt["state_dict"]', said)
        said = self.advice({"args": args, "w": torch.ones(2)})
        self.assertNotIn("ckpt[", said)
        self.assertIn("the file holds more than weights", said)

    def test_what_the_advice_says_makes_a_file_that_is_read(self):
        net = resnet("resnet18")
        save({"args": argparse.Namespace(lr=0.1),
              "state_dict": net.state_dict()}, self.folder / "zip.pth")
        self.assertIn('ckpt["state_dict"]', self.refusal("zip.pth"))
        ckpt = torch.load(self.folder / "zip.pth")
        torch.save(ckpt["state_dict"], self.folder / "weights.pth")
        self.dmsnet("import", "weights.pth", "--out", "model")

    def test_a_whole_module_is_named(self):
        for value in (torch.nn.Linear(2, 2), resnet("resnet18"),
                      torch.nn.DataParallel(torch.nn.Linear(2, 2))):
            for form in ("zip.pth", "legacy.pth"):
                save(value, self.folder / form)
                said = self.refusal(form)
                self.assertIn("a whole module was saved, not its weights",
                              said)
                self.assertIn(".state_dict(), \"weights.pth\")", said)
        said = self.advice({"epoch": 3, "model": torch.nn.Linear(2, 2)})
        self.assertIn("a whole module was saved in it", said)

    def test_a_file_without_tensors_says_what_it_holds(self):
        many = {f"key{i}": i for i in range(9)}
        for value, says in (
                ({"epoch": 3, "lr": 0.1, 7: {"x": 1}},
                 "a dict with the keys 'epoch', 'lr', 7;"),
                (many, "a dict with the keys 'key0', 'key1', 'key2', 'key3', "
                 "'key4', 'key5' and 3 more;"),
                ({("a", 1): 2, "b\n\x1b": 3},
                 "a dict with the keys ?, 'b??';"),
                ({}, "an empty dict;"), ([1, [2]], "a list;"), (5, "a number;"),
                ("words", "a text;"), (None, "None;")):
            for form in ("zip.pth", "legacy.pth"):
                with self.subTest(value=value, form=form):
                    save(value, self.folder / form)
                    said = self.refusal(form)
                    self.assertIn("there are no tensors in the file: it holds "
                                  + says, said)

    def test_files_that_are_no_weights_are_named(self):
        def zipped(*names, method=zipfile.ZIP_STORED):
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", method) as archive:
                for name in names:
                    archive.writestr(name, b"content")
            return out.getvalue()

        def numpy(write, value):
            out = io.BytesIO()
            write(out, value)
            return out.getvalue()

        script = io.BytesIO()
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), script)
        for name, data, says in (
                ("lfs.pth", b"version https://git-lfs.github.com/spec/v1\n"
                 b"oid sha256:00\nsize 12\n", "is a Git LFS pointer"),
                ("lfs.safetensors",
                 b"version https://git-lfs.github.com/spec/v1\n",
                 "is a Git LFS pointer"),
                ("page", b"<!DOCTYPE html><html></html>", "is an HTML page"),
                ("page2", b"\xef\xbb\xbf\n\n <HTML lang=en>", "is an HTML page"),
                ("refusal", b"<?xml version='1.0'?><Error>AccessDenied",
                 "is an XML document"),
                ("json", b'{"error": "not found"}', "is JSON"),
                ("net.h5", b"\x89HDF\r\n\x1a\n" + bytes(100),
                 "is HDF5 (.h5) of TensorFlow or Keras"),
                ("net.keras", zipped("metadata.json", "config.json",
                                     "model.weights.h5"), "a Keras model"),
                ("net.pb", b"\x08\x01\x12\x10" + bytes(20),
                 "is a SavedModel of TensorFlow"),
                ("net.tflite", b"\x1c\0\0\0TFL3" + bytes(20),
                 "is a TensorFlow Lite model"),
                ("net.onnx", b"\x08\x08\x12\x07pytorch\x1a\x051.13.",
                 "is an ONNX model"),
                ("net2.onnx", b"\x08\x07:\xf4\x01\n\x04" + bytes(40),
                 "is an ONNX model"),
                ("script.pt", script.getvalue(), "a TorchScript archive"),
                ("a.npy", numpy(np.save, np.zeros(3)), "is a NumPy array"),
                ("a.npz", numpy(lambda f, v: np.savez(f, w=v), np.zeros(3)),
                 "it is NumPy's (.npz)"),
                ("a.gz", gzip.compress(b"x" * 100), "is compressed by gzip"),
                ("a.zip", zipped("release/resnet18.pth",
                                 method=zipfile.ZIP_DEFLATED),
                 "unpack it: there is a .pth in it"),
                ("photo.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(20),
                 "is a photograph"),
                ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(20),
                 "is a picture"),
                ("paper.pdf", b"%PDF-1.7\n" + bytes(20), "is a PDF"),
                ("model.gguf", b"GGUF\3\0\0\0" + bytes(20), "is a GGUF file"),
                ("config.yaml", b"# options\ntrain:\n  lr: 0.1\n",
                 "is a YAML file of options"),
                ("t.csv", b"ID,N,D\n1,0,1\n", "is a table (CSV)"),
                ("t2.csv", b"\xef\xbb\xbfID;N\n1;0\n", "is a table (CSV)"),
                ("words", b"Dear all\n", "is text"),
                ("d.dcm", bytes(128) + b"DICM\2\0\0\0UL", "is a DICOM file"),
                ("zeros", bytes(5000), "is nothing but zero bytes"),
                ("nothing", b"", "is empty")):
            with self.subTest(name=name):
                (self.folder / name).write_bytes(data)
                said = self.refusal(name)
                self.assertIn(says, said)
                if b"PK\3\4" not in data[:4]:
                    self.assertIn(
                        ", expected weights in a PyTorch or safetensors file",
                        said)
                (self.folder / name).unlink()

    def test_onnx_that_dmsnet_wrote_is_named(self):
        self.dmsnet("init", "--backbone", "resnet18", "--width", 16, "--size",
                    32, "--out", "fresh")
        self.dmsnet("export", "--model", "fresh", "--onnx", "net.onnx")
        self.assertIn("is an ONNX model", self.refusal("net.onnx"))


if __name__ == "__main__":
    unittest.main()
