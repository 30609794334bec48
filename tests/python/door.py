"""What the tests of the Python door share: the build, photographs, a model."""

import os
import pathlib
import subprocess
import sys

import numpy as np
from PIL import Image

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
