#!/usr/bin/python3
"""From JPEG file to network input: ours against Pillow and libvips.

Every round runs ours, Pillow and libvips once, one after another, in one
thread each, on files in the page cache. The figures are minimum and median
over the rounds; ratios are of the medians. Ours finds the retina, crops it,
resamples and normalises. The others do not search or normalise: Pillow is
given the square and decodes with draft() at the smallest sufficient scale,
libvips' thumbnailer cuts the centred square.

  cmake --build build --target bench_images dmsnet
  bench/bench_images.py [--rounds N] [--sizes 224,448] [PHOTOGRAPH...]

Without PHOTOGRAPH a synthetic one of 3696 x 2448 pixels is used, at two
qualities. Needs python3-pil and libvips42 (without the latter its column is
null). Writes bench/results/images-MACHINE.json.
"""
import argparse
import ctypes
import ctypes.util
import json
import math
import os
import re
import statistics
import subprocess
import tempfile
import time

import PIL
from PIL import Image, features

REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("DMS_BUILD", os.path.join(REPO, "build"))
FRAME = (3696, 2448)


class Ours:
    def __init__(self):
        self.run = subprocess.Popen(
            [os.path.join(BUILD, "bench_images")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)

    def __call__(self, path, size):
        self.run.stdin.write("%d %s\n" % (size, path))
        self.run.stdin.flush()
        answer = self.run.stdout.readline()
        if not answer or answer[0] == "!":
            raise SystemExit("ours: " + answer)
        ms, x, y, radius = map(float, answer.split())
        return ms, (x - radius, y - radius, x + radius, y + radius)

    def close(self):
        self.run.stdin.close()
        self.run.wait()


def pillow(path, size, square):
    image = Image.open(path)
    width, height = image.size
    side = square[2] - square[0]
    image.draft("RGB", (math.ceil(width * size / side),
                        math.ceil(height * size / side)))
    zoom = image.size[0] / width
    box = (max(0, square[0] * zoom), max(0, square[1] * zoom),
           min(image.size[0], square[2] * zoom),
           min(image.size[1], square[3] * zoom))
    return image.resize((size, size), Image.BICUBIC, box).tobytes()


class Vips:
    CENTRE = 1  # VIPS_INTERESTING_CENTRE

    def __init__(self):
        name = ctypes.util.find_library("vips") or "libvips.so.42"
        self.lib = ctypes.CDLL(name)
        self.lib.vips_version_string.restype = ctypes.c_char_p
        self.lib.vips_image_write_to_memory.restype = ctypes.c_void_p
        self.unref = self.lib.g_object_unref
        self.free = self.lib.g_free
        self.unref.argtypes = self.free.argtypes = [ctypes.c_void_p]
        if self.lib.vips_init(b"bench_images"):
            raise OSError("libvips cannot be initialised")
        self.lib.vips_concurrency_set(1)
        self.lib.vips_cache_set_max(0)
        self.version = self.lib.vips_version_string().decode()

    def __call__(self, path, size):
        image, length = ctypes.c_void_p(), ctypes.c_size_t()
        if self.lib.vips_thumbnail(
                path.encode(), ctypes.byref(image), ctypes.c_int(size),
                b"height", ctypes.c_int(size), b"crop",
                ctypes.c_int(self.CENTRE), None):
            raise OSError("libvips cannot read " + path)
        pixels = self.lib.vips_image_write_to_memory(image,
                                                     ctypes.byref(length))
        assert length.value == size * size * 3
        self.free(pixels)
        self.unref(image)


def timed(call, *arguments):
    start = time.perf_counter()
    call(*arguments)
    return (time.perf_counter() - start) * 1e3


def measure(ours, vips, path, size, rounds):
    times = {"ours": [], "pillow": [], "libvips": []}
    for i in range(rounds + 2):
        ms, square = ours(path, size)
        row = {"ours": ms, "pillow": timed(pillow, path, size, square),
               "libvips": timed(vips, path, size) if vips else None}
        for who, value in row.items():
            if i >= 2 and value is not None:
                times[who].append(value)
    with Image.open(path) as image:
        result = {"photograph": os.path.basename(path),
                  "pixels": list(image.size),
                  "bytes": os.path.getsize(path), "size": size}
    for who, values in times.items():
        result[who + "_ms"] = {
            "min": round(min(values), 3),
            "median": round(statistics.median(values), 3)} if values else None
    for who in ("pillow", "libvips"):
        result["ratio_" + who] = round(
            result["ours_ms"]["median"] / result[who + "_ms"]["median"],
            3) if times[who] else None
    return result


def draw(folder):
    """A synthetic retina in a camera's frame, at two qualities."""
    subprocess.run([os.path.join(BUILD, "dmsnet"), "synth", "-n", "1",
                    "--size", str(FRAME[1]), "--log", "error", folder],
                   check=True, stdout=subprocess.DEVNULL)
    images = os.path.join(folder, "images")
    eye = Image.open(os.path.join(images, sorted(os.listdir(images))[0]))
    frame = Image.new("RGB", FRAME)
    frame.paste(eye, ((FRAME[0] - FRAME[1]) // 2, 0))
    paths = []
    for quality in (75, 92):
        paths.append(os.path.join(folder, "drawn-q%d.jpg" % quality))
        frame.save(paths[-1], quality=quality, subsampling=2)
    return paths


def machine():
    with open("/proc/cpuinfo") as info:
        found = re.search(r"model name\s*:\s*(.*)", info.read())
    return found.group(1).strip() if found else os.uname().machine


def commit():
    run = subprocess.run(["git", "-C", REPO, "describe", "--always",
                          "--dirty", "--abbrev=12"], capture_output=True,
                         text=True)
    return run.stdout.strip() or None


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--rounds", type=int, default=40)
    options.add_argument("--sizes", default="224,448,512")
    options.add_argument("photographs", nargs="*")
    options = options.parse_args()
    ours = Ours()
    try:
        vips = Vips()
    except OSError:
        vips = None
    with tempfile.TemporaryDirectory() as folder:
        results = [measure(ours, vips, path, int(size), options.rounds)
                   for path in options.photographs or draw(folder)
                   for size in options.sizes.split(",")]
    ours.close()
    for r in results:
        print("%-22s %4d  ours %6.2f  pillow %6.2f (%.2f)%s" % (
            r["photograph"], r["size"], r["ours_ms"]["median"],
            r["pillow_ms"]["median"], r["ratio_pillow"],
            "  libvips %6.2f (%.2f)" % (r["libvips_ms"]["median"],
                                        r["ratio_libvips"]) if vips else ""))
    report = {"machine": machine(), "cores": os.cpu_count(), "threads": 1,
              "load": round(os.getloadavg()[0], 2), "commit": commit(),
              "rounds": options.rounds,
              "versions": {"pillow": PIL.__version__,
                           "libjpeg_turbo": features.version(
                               "libjpeg_turbo"),
                           "libvips": vips.version if vips else None},
              "results": results}
    slug = re.sub(r"[^a-z0-9]+", "-", machine().lower()).strip("-")
    path = os.path.join(REPO, "bench", "results", "images-%s.json" % slug)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        json.dump(report, out, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main()
