"""What the tests of the Python door share: the build, photographs, a model."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

# Read when the first library with OpenMP is loaded, so before numpy: spinning
# barriers collapse where the cores are shared.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMS_BUILD", ROOT / "build")).resolve()
DMSNET = str(BUILD / "dmsnet")
LIBRARY = str(BUILD / "libdmsnet.so")

os.environ.setdefault("DMSNET_LIBRARY", LIBRARY)
sys.path.insert(0, str(ROOT / "python"))


def check_build():
    for path in (DMSNET, os.environ["DMSNET_LIBRARY"]):
        if not os.access(path, os.X_OK):
            raise FileNotFoundError(f"{path} is not built; DMS_BUILD names "
                                    "the build folder")


def cli(*arguments):
    """What the command line says: the finished process."""
    return subprocess.run([DMSNET, *map(str, arguments)], capture_output=True,
                          text=True, stdin=subprocess.DEVNULL)


def retina(seed, width=150, height=120):
    """A disc of its own colours on black: uint8, height x width x 3."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    disc = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (0.47 * height) ** 2
    base = np.array([170, 80, 30]) + rng.integers(-25, 25, 3)
    slope = rng.uniform(-0.3, 0.3, (2, 3))
    waves = 12 * np.sin(x / (3 + seed % 5) + y / 7)
    picture = (base + (x - width / 2)[..., None] * slope[0] +
               (y - height / 2)[..., None] * slope[1] + waves[..., None])
    return (disc[..., None] * picture.clip(0, 255)).astype(np.uint8)


def write_photographs(folder, count=4):
    """count pairs as ID_left.png, ID_right.jpg; the list of (left, right)."""
    pairs = []
    for i in range(1, count + 1):
        left = pathlib.Path(folder, f"{i}_left.png")
        right = pathlib.Path(folder, f"{i}_right.jpg")
        Image.fromarray(retina(2 * i)).save(left)
        Image.fromarray(retina(2 * i + 1)).save(right, quality=95)
        pairs.append((str(left), str(right)))
    return pairs


class Fixture:
    """A folder with photographs and a small model."""

    def __init__(self):
        import dmsnet
        check_build()
        self._folder = tempfile.TemporaryDirectory(prefix="dmsnet-door-")
        self.folder = self._folder.name
        self.path = self.at("m.safetensors")
        made = cli("init", "--backbone", "resnet18", "--width", 16, "--size",
                   64, "--out", self.path)
        assert made.returncode == 0, made.stderr
        self.pairs = write_photographs(self.folder)
        self.model = dmsnet.load(self.path)

    def at(self, name):
        return os.path.join(self.folder, name)

    def close(self):
        self.model.close()
        self._folder.cleanup()


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def content(path):
    return pathlib.Path(path).read_bytes()


def read_safetensors(path):
    data = memoryview(content(path))
    size = int.from_bytes(data[:8], "little")
    header = json.loads(bytes(data[8:8 + size]))
    header.pop("__metadata__", None)
    values = data[8 + size:]
    return {
        name: np.frombuffer(
            values[slice(*row["data_offsets"])],
            {"F32": np.float32, "I64": np.int64}[row["dtype"]],
        ).reshape(row["shape"])
        for name, row in header.items()}
