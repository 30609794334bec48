"""Files that PyTorch writes, read by torch_dump: names, shapes and values.

Truth is torch.load of the same file. What PyTorch after Debian's adds to the
zip, and what old versions wrote, is made by hand."""
import collections
import io
import os
import pathlib
import pickle
import struct
import subprocess
import tempfile
import unittest
import zipfile

import numpy as np
import torch
import torchvision

import safetensors_io

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMS_BUILD", ROOT / "build"))
DUMP = str(BUILD / "tests-tools" / "torch_dump")
MAGIC = 0x1950A86A20F9469CFC6C


def leaves(value, name=""):
    """The tensors of nested dicts, lists and tuples by their joined keys."""
    if isinstance(value, torch.Tensor):
        return {name or "tensor": value.detach()}
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
        items = enumerate(value)
    else:
        return {}
    found = {}
    for key, inner in items:
        found.update(leaves(inner, f"{name}.{key}" if name else str(key)))
    return found


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def read(self, path):
        out = self.folder / "out.safetensors"
        done = subprocess.run([DUMP, path, out], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return safetensors_io.read(out)[0]

    def table(self, path):
        done = subprocess.run([DUMP, path], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [line.split("\t") for line in done.stdout.splitlines()]
        return {row[0]: row[1:] for row in rows}

    def compare(self, path, expected):
        values = self.read(path)
        self.assertEqual(set(values), set(expected))
        for name, tensor in expected.items():
            want = tensor.to(torch.float32).numpy()
            self.assertEqual(values[name].shape, want.shape, name)
            self.assertTrue(np.array_equal(values[name], want,
                                           equal_nan=True), name)

    def both_forms(self, value, **options):
        for zipped in (True, False):
            with self.subTest(zip=zipped):
                path = self.folder / f"file-{zipped}.pth"
                torch.save(value, path, **options,
                           _use_new_zipfile_serialization=zipped)
                self.compare(path, leaves(torch.load(path)))


class Torch(Case):
    def test_a_state_dict_of_torchvision_is_read_in_both_forms(self):
        net = torchvision.models.resnet18(weights=None)
        self.both_forms(net.state_dict())

    def test_every_element_type_is_read(self):
        g = torch.Generator().manual_seed(1)
        floats = torch.randn(5, 3, generator=g) * 100
        self.both_forms({
            str(dtype): floats.to(dtype)
            for dtype in (torch.float64, torch.float32, torch.float16,
                          torch.bfloat16, torch.int64, torch.int32,
                          torch.int16, torch.int8, torch.uint8, torch.bool)})

    def test_values_at_the_rim_of_a_type_are_read(self):
        self.both_forms({
            "half": torch.tensor([65504.0, 6e-8, -0.0, float("inf"),
                                  float("nan")]).half(),
            "bf16": torch.tensor([3e38, 1e-40, float("-inf")]).bfloat16(),
            "f32": torch.tensor([1e-45, 3.4e38])})

    def test_views_of_any_stride_are_read(self):
        base = torch.arange(120.0).reshape(2, 3, 4, 5)
        value = {
            "turned": base.permute(3, 1, 0, 2),
            "piece": base[1:, ::2, 1:3, 4:],
            "expanded": base[:1, :1, :1].expand(7, 3, 4, 5),
            "last": base.to(memory_format=torch.channels_last),
            "scalar": base[1, 2, 3, 4],
            "empty": torch.zeros(0, 3),
            "none": base[2:],
            "column": base[:, :, :, :1],
        }
        self.both_forms(value)
        path = self.folder / "strides.pth"
        torch.save(value, path)
        table = self.table(path)
        for name, tensor in value.items():
            dense = tensor.is_contiguous()
            self.assertEqual(table[name][2], "dense" if dense else "strided")

    def test_shared_storages_are_views_of_the_same_bytes(self):
        base = torch.arange(12.0)
        self.both_forms({"all": base, "left": base[:6], "again": base,
                         "square": base.view(3, 4), "t": base.view(3, 4).t()})

    def test_a_checkpoint_with_optimiser_state_is_read(self):
        net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3),
                                  torch.nn.BatchNorm2d(4))
        optimizer = torch.optim.AdamW(net.parameters())
        net(torch.randn(2, 3, 8, 8)).square().sum().backward()
        optimizer.step()
        self.both_forms({"model": net.state_dict(), "epoch": 3,
                         "optimizer": optimizer.state_dict(), "best": 0.5,
                         "name": "a", "list": [torch.ones(2), 1, None],
                         "pair": (torch.ones(3), (torch.zeros(1),)),
                         "size": torch.Size([1, 2])})

    def test_parameters_and_bare_tensors_are_read(self):
        self.both_forms({"p": torch.nn.Parameter(torch.randn(3, 2)),
                         "q": torch.nn.Parameter(torch.ones(2).half(),
                                                 requires_grad=False)})
        self.both_forms(torch.arange(4.0))
        self.both_forms([torch.arange(4.0), {"a": torch.ones(1)}])

    def test_every_pickle_protocol_from_2_on_is_read(self):
        for protocol in (2, 3, 4, 5):
            self.both_forms({"w": torch.randn(3), "x": {"y": torch.ones(2)}},
                            pickle_protocol=protocol)

    def test_keys_that_are_not_ascii_are_read(self):
        self.both_forms({"größe": torch.ones(1), "眼": torch.ones(2)})

    def test_many_tensors_are_read(self):
        self.both_forms({f"w{i}": torch.full((1,), float(i))
                         for i in range(3000)})


def rezip(source, target, extra=(), prefix=None, drop=()):
    """The entries again through Python's zipfile, with more of them."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            folder, rest = name.split("/", 1)
            if rest not in drop:
                new.writestr(f"{prefix or folder}/{rest}", old.read(name))
        for name, content in extra:
            new.writestr(f"{prefix or folder}/{name}", content)


class Reference:
    """Pickles, through REDUCE, as a call of a global by its name."""

    def __init__(self, function, arguments, state=None):
        self.parts = (function, arguments) if state is None else (
            function, arguments, state)

    def __reduce__(self):
        return self.parts


class OtherVersions(Case):
    def test_entries_that_newer_versions_add_are_read_over(self):
        path, newer = self.folder / "old.pth", self.folder / "new.pth"
        value = {"w": torch.randn(3, 4)}
        torch.save(value, path)
        rezip(path, newer, [("byteorder", "little"), (".format_version", "1"),
                            (".storage_alignment", "64"),
                            (".data/serialization_id", "0123456789")], "archive")
        self.compare(newer, leaves(value))

    def stream(self, path, data, keys, storages):
        with open(path, "wb") as file:
            for part in (MAGIC, 1001, {"protocol_version": 1001,
                                       "little_endian": True,
                                       "type_sizes": {"short": 2, "int": 4,
                                                      "long": 4}}):
                pickle.dump(part, file, protocol=2)
            file.write(data)
            pickle.dump(keys, file, protocol=2)
            for values in storages:
                file.write(struct.pack("<q", len(values)))
                file.write(values.tobytes())

    def dump(self, value, storages):
        """Pickle, with storages (by identity) as their persistent ids."""
        buffer = io.BytesIO()
        pickler = pickle.Pickler(buffer, protocol=2)
        pickler.persistent_id = lambda x: storages.get(id(x))
        pickler.dump(value)
        return buffer.getvalue()

    def test_views_of_storages_and_old_parameters_are_read(self):
        values = np.arange(12, dtype=np.float32)
        whole, part = object(), object()
        ids = {id(whole): ("storage", torch.FloatStorage, "7", "cpu", 12, None),
               id(part): ("storage", torch.FloatStorage, "7", "cpu", 12,
                          ("8", 4, 6))}
        rebuild = torch._utils._rebuild_tensor
        old = Reference(torch.nn.parameter.Parameter,
                        (Reference(rebuild, (whole, 0, (3, 4), (4, 1))),),
                        (True, False, collections.OrderedDict()))
        tensor = Reference(rebuild, (part, 1, (5,), (1,)))
        path = self.folder / "old.pth"
        data = self.dump(collections.OrderedDict(a=old, b=tensor), ids)
        self.stream(path, data, ["7"], [values])
        self.compare(path, {"a": torch.arange(12.0).reshape(3, 4),
                            "b": torch.arange(5.0, 10.0)})

    def test_cuda_storages_and_python_2_ordered_dicts_are_read(self):
        values = np.arange(3, dtype=np.float16)
        tensor = (b"ctorch._utils\n_rebuild_tensor\n((U\x07storage"
                  b"ctorch.cuda\nHalfStorage\nU\x0270U\x06cuda:0K\x03N"
                  b"tQK\x00K\x03\x85K\x01\x85tR")
        data = (b"\x80\x02ccollections\nOrderedDict\nq\x01]q\x02]q\x03(U\x01w"
                + tensor + b"ea\x85R.")
        path = self.folder / "python2.pth"
        self.stream(path, data, ["70"], [values])
        self.compare(path, {"w": torch.arange(3.0)})

    def test_compressed_and_scripted_archives_are_refused_by_name(self):
        path = self.folder / "w.pth"
        torch.save({"w": torch.ones(64)}, path)
        packed = self.folder / "packed.pth"
        with zipfile.ZipFile(path) as old, \
                zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))
        self.refused(packed, "is compressed (method 8): PyTorch stores")
        script = self.folder / "script.pt"
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), script)
        self.refused(script, "TorchScript archive")

    def refused(self, path, says):
        done = subprocess.run([DUMP, path], capture_output=True, text=True)
        self.assertEqual(done.returncode, 3)
        self.assertIn(says, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)

    def test_what_is_more_than_weights_is_refused_by_name(self):
        cases = [
            (torch.nn.Linear(2, 2), "a whole module was saved, not its weights"),
            (torch.ones(2, dtype=torch.complex64), "ComplexFloatStorage"),
            (torch.eye(3).to_sparse(), "_rebuild_sparse_tensor"),
            (torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
             "_rebuild_qtensor"),
            ({"best": np.float64(0.5)}, "numpy.core.multiarray.scalar"),
            ({"t": torch.float32}, "torch.float32"),
        ]
        for value, says in cases:
            for zipped in (True, False):
                path = self.folder / "more.pth"
                torch.save(value, path, _use_new_zipfile_serialization=zipped)
                self.refused(path, says)


if __name__ == "__main__":
    unittest.main()
