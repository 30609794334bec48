"""Resampling against Pillow: within one grey level, whatever the sizes."""
import os
import subprocess
import unittest

import numpy as np
from PIL import Image

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("DMS_BUILD", os.path.join(REPO, "build"))
DRIVER = os.path.join(BUILD, "tests-tools", "resize_driver")
FILTERS = [Image.BILINEAR, Image.BICUBIC, Image.LANCZOS]


def cases(rng, count):
    for i in range(count):
        w, h, ow, oh = (int(v) for v in rng.integers(1, 180, 4))
        box = (0.0, 0.0, float(w), float(h))
        if i % 2:
            x = np.sort(rng.uniform(0, w, 2))
            y = np.sort(rng.uniform(0, h, 2))
            box = (x[0], y[0], max(x[1], min(w, x[0] + 0.5)),
                   max(y[1], min(h, y[0] + 0.5)))
        box = tuple(float(np.float32(b)) for b in box)
        if box[0] >= box[2] or box[1] >= box[3] or box[2] > w or box[3] > h:
            continue
        pixels = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
        yield pixels, (ow, oh), i % 3, box


class Resize(unittest.TestCase):
    def test_equals_pillow_within_one_grey_level(self):
        todo = list(cases(np.random.default_rng(5), 300))
        self.assertGreater(len(todo), 250)
        stdin = b"".join(
            ("%d %d %d %d %d %.9g %.9g %.9g %.9g\n" % (
                (p.shape[1], p.shape[0]) + size + (f,) + box)).encode()
            + p.tobytes() for p, size, f, box in todo)
        run = subprocess.run([DRIVER], input=stdin, capture_output=True)
        self.assertEqual(run.returncode, 0, run.stderr.decode())
        at = 0
        for pixels, size, f, box in todo:
            count = size[0] * size[1] * 3
            got = np.frombuffer(run.stdout, np.uint8, count, at).astype(int)
            at += count
            want = np.asarray(Image.fromarray(pixels).resize(
                size, FILTERS[f], box)).astype(int).ravel()
            worst = int(np.abs(got - want).max())
            self.assertLessEqual(worst, 1, (pixels.shape, size, f, box))
        self.assertEqual(at, len(run.stdout))


if __name__ == "__main__":
    unittest.main()
