"""Networks and weight files for the tests of import and export: torchvision's
and the oracle's, as torch.save and a safetensors writer of our own leave them."""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

import torch
import torchvision

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMS_BUILD", ROOT / "build")).resolve()
DMSNET = str(BUILD / "dmsnet")
FORMS = ("zip.pth", "legacy.pth", "safetensors")
DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16,
          "BF16": torch.bfloat16, "I64": torch.int64, "I32": torch.int32}

torch.set_num_threads(2)


def randomise(net, seed):
    """Random weights, statistics and batch counts, such that activations stay
    of one size: the last norm of each residual block is small."""
    g = torch.Generator().manual_seed(seed)
    last = "bn3" if any("layer1.0.bn3" in n for n, _ in net.named_modules()) \
        else "bn2"
    with torch.no_grad():
        for name, module in net.named_modules():
            if not isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                continue
            shape = module.weight.shape
            draw = lambda: torch.rand(shape, generator=g)
            scale = 0.2 if name.split(".")[-1] == last else 1.0
            module.weight.copy_(scale * (0.8 + 0.4 * draw()))
            module.bias.copy_(0.2 * draw() - 0.1)
            module.running_mean.copy_(0.2 * draw() - 0.1)
            module.running_var.copy_(0.5 + draw())
            module.num_batches_tracked.copy_(
                torch.randint(1 << 24, (), generator=g))
    return net.eval()


def resnet(name, seed=1):
    """torchvision's, with its fc."""
    torch.manual_seed(seed)
    return randomise(getattr(torchvision.models, name)(weights=None), seed)


def write_safetensors(path, tensors, metadata=None, gap=1):
    """Tensors by name in the dict's order; gap: the header's alignment."""
    names = {dtype: name for name, dtype in DTYPES.items()}
    header = {"__metadata__": metadata} if metadata else {}
    chunks, offset = [], 0
    for name, tensor in tensors.items():
        tensor = tensor.detach().contiguous()
        data = tensor.view(-1).numpy().tobytes() \
            if tensor.dtype != torch.bfloat16 \
            else tensor.view(-1).view(torch.int16).numpy().tobytes()
        header[name] = {"dtype": names[tensor.dtype],
                        "shape": list(tensor.shape),
                        "data_offsets": [offset, offset + len(data)]}
        chunks.append(data)
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % gap)
    pathlib.Path(path).write_bytes(
        struct.pack("<Q", len(text)) + text + b"".join(chunks))


def read_safetensors(path):
    """The tensors by name, in the file's order, and the metadata."""
    data = pathlib.Path(path).read_bytes()
    (size,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + size + at for at in entry["data_offsets"])
        raw = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.uint8)
        tensors[name] = raw.view(DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors, metadata


def save(value, path):
    """value, a state dict or what holds one, in the form of the path's name."""
    if str(path).endswith("safetensors"):
        write_safetensors(path, value, {"format": "pt"})
    else:
        torch.save(value, path, _use_new_zipfile_serialization="zip" in
                   pathlib.Path(path).name)


# A child's peak counts from its parent's size, so a small parent measures.
MEASURE = """import json, resource, subprocess, sys
status = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([status, usage.ru_utime + usage.ru_stime,
                  usage.ru_maxrss * 1024]))"""


def measure(*words, cwd):
    """Status, processor seconds and peak bytes of dmsnet."""
    done = subprocess.run([sys.executable, "-S", "-c", MEASURE, DMSNET, *words],
                          cwd=cwd, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


class Case(unittest.TestCase):
    """A test with a folder of its own in which dmsnet runs."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_dmsnet(self, *words):
        return subprocess.run([DMSNET, *map(str, words)], cwd=self.folder,
                              capture_output=True, text=True, check=False)

    def dmsnet(self, *words):
        done = self.run_dmsnet(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def imported(self, name, *words):
        """The imported model's tensors and the report."""
        done = self.dmsnet("import", name, "--out", "model", "--json",
                           "--width", 16, *words)
        return (read_safetensors(self.folder / "model")[0],
                json.loads(done.stdout))

    def assert_bits(self, got, want):
        """Dicts of tensors, the same to the last bit."""
        self.assertEqual(set(got), set(want))
        for name, tensor in want.items():
            self.assertEqual(got[name].dtype, tensor.dtype, name)
            self.assertEqual(got[name].shape, tensor.shape, name)
            self.assertTrue(
                got[name].numpy().tobytes() == tensor.numpy().tobytes()
                if tensor.dtype != torch.bfloat16
                else torch.equal(got[name].view(-1).view(torch.int16),
                                 tensor.contiguous().view(-1).view(torch.int16)),
                name)


def backbone_of(tensors):
    return {name[len("backbone."):]: tensor for name, tensor in tensors.items()
            if name.startswith("backbone.")}


def without_fc(state):
    return {name: tensor for name, tensor in state.items()
            if not name.startswith("fc.")}
