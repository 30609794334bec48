#!/usr/bin/python3
"""What our own JPEG scan decoder gains: ours against libjpeg's scaled
decoding, and its share of a prediction.

Each round reads each photograph with both decoders, in turns, in one process
and one thread (tests/tools/jpeg_pair.c; one process for each photograph and
size). Every eighth round runs each network once on one patient, also in one
thread. All figures are CPU time, the minimum over the rounds, so that other
programs disturb them little; ratios are of the minima, and `of pairs` is the
median of the ratios within each round.

  cmake --preset release && cmake --build build
  bench/bench_jpeg.py [--rounds N] [--sizes 224,448] [PHOTOGRAPH...]

Without PHOTOGRAPH synthetic ones are used, in the frames of cameras, smooth
and with a sensor's noise. Writes bench/results/jpeg-MACHINE.json and the
tables of docs/decisions/0005-own-jpeg-scan-decoder.md.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from PIL import Image, ImageChops, features

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
from bench_images import BUILD, REPO, commit, machine  # noqa: E402
from race import put_between  # noqa: E402

DECISION = pathlib.Path(REPO, "docs/decisions/0005-own-jpeg-scan-decoder.md")
# frame, quality, Pillow's subsampling (1: 4:2:2, 2: 4:2:0), noise in levels
DRAWN = [((2048, 1536), 90, 2, 0), ((2592, 1728), 92, 2, 2),
         ((3696, 2448), 75, 2, 0), ((3696, 2448), 92, 2, 2),
         ((4288, 2848), 92, 1, 2)]
NETWORKS = [("resnet152", "fp32"), ("resnet152", "bf16"),
            ("resnet152", "int8"), ("resnet18", "int8")]


def draw(folder):
    side = max(frame[1] for frame, *_ in DRAWN)
    subprocess.run([os.path.join(BUILD, "dmsnet"), "synth", "-n", "1",
                    "--size", str(side), "--log", "error", folder],
                   check=True, stdout=subprocess.DEVNULL)
    images = os.path.join(folder, "images")
    eye = Image.open(os.path.join(images, sorted(os.listdir(images))[0]))
    paths = []
    for (width, height), quality, subsampling, noise in DRAWN:
        frame = Image.new("RGB", (width, height))
        frame.paste(eye.resize((height, height), Image.LANCZOS),
                    ((width - height) // 2, 0))
        if noise:
            frame = Image.merge("RGB", [
                ImageChops.add(band, Image.effect_noise(band.size, noise),
                               1, -128) for band in frame.split()])
        paths.append(os.path.join(folder, "%dx%d-q%d-4%s%s.jpg" % (
            width, height, quality, {1: "22", 2: "20"}[subsampling],
            "-noise" if noise else "")))
        frame.save(paths[-1], quality=quality, subsampling=subsampling)
    return paths


class Pair:
    def __init__(self):
        self.run = subprocess.Popen(
            [os.path.join(BUILD, "tests-tools", "jpeg_pair")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, path, size):
        self.run.stdin.write("%d %s\n" % (size, path))
        self.run.stdin.flush()
        answer = self.run.stdout.readline()
        if not answer or answer[0] == "!":
            raise SystemExit("jpeg_pair: " + answer)
        return [float(v) for v in answer.split()]

    def close(self):
        self.run.stdin.close()
        self.run.wait()


class Network:
    """One patient's forward by bench_step; its CPU time as the kernel counts
    it."""

    def __init__(self, backbone, precision, size, model):
        self.name = {"backbone": backbone, "precision": precision,
                     "size": size}
        self.ms = []
        self.run = subprocess.Popen(
            [os.path.join(BUILD, "bench_step"), model, precision, "auto", "1",
             str(size), "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        if self.run.stdout.readline() != "ready\n":
            raise SystemExit("bench_step does not start")
        self()
        self.ms = []

    def cpu_ns(self):
        tasks = pathlib.Path("/proc/%d/task" % self.run.pid)
        return sum(int((task / "schedstat").read_text().split()[0])
                   for task in tasks.iterdir())

    def __call__(self):
        before = self.cpu_ns()
        self.run.stdin.write("\n")
        self.run.stdin.flush()
        if not self.run.stdout.readline():
            raise SystemExit("bench_step ended")
        self.ms.append((self.cpu_ns() - before) / 1e6)

    def close(self):
        self.run.stdin.close()
        self.run.wait()


def make_models(folder):
    """{backbone: {precision: file}}, random weights, quantised on synthetic
    photographs."""
    def dmsnet(*words):
        subprocess.run([os.path.join(BUILD, "dmsnet"), *words, "--log",
                        "error"], check=True, stdout=subprocess.DEVNULL)

    eyes = os.path.join(folder, "eyes")
    dmsnet("synth", eyes, "--patients", "4")
    models = {}
    for backbone in sorted({b for b, _ in NETWORKS}):
        whole, int8 = (os.path.join(folder, backbone + end)
                       for end in (".safetensors", "-int8.safetensors"))
        dmsnet("init", "--backbone", backbone, "--out", whole)
        dmsnet("quantize", "--model", whole, "--data", eyes, "--split", "all",
               "--tolerance", "1", "--out", int8)
        models[backbone] = {"fp32": whole, "bf16": whole, "int8": int8}
    return models


def decoding(path, size, rounds):
    ours, libjpeg = ({"input_ms": min(r[i] for r in rounds),
                      "decode_ms": min(r[i + 1] for r in rounds)}
                     for i in (0, 2))
    with Image.open(path) as image:
        pixels = list(image.size)
    return {"photograph": os.path.basename(path), "pixels": pixels,
            "bytes": os.path.getsize(path), "size": size,
            "eighths": -(-int(rounds[0][4]) * 8 // int(rounds[0][5])),
            "ours": ours, "libjpeg": libjpeg,
            "ratio": {k[:-3]: libjpeg[k] / ours[k] for k in ours},
            "ratio_of_pairs": {
                "input": statistics.median(r[2] / r[0] for r in rounds),
                "decode": statistics.median(r[3] / r[1] for r in rounds)}}


def prediction(network, decodings):
    """One pair through the network with each way of reading the photographs:
    the range over the photographs."""
    forward = min(network.ms)
    saved = [2 * (d["libjpeg"]["input_ms"] - d["ours"]["input_ms"])
             for d in decodings if d["size"] == network.name["size"]]
    whole = [2 * d["libjpeg"]["input_ms"] + forward
             for d in decodings if d["size"] == network.name["size"]]
    shares = [s / w for s, w in zip(saved, whole)]
    return {**network.name, "forward_ms": forward, "all_ms": network.ms,
            "saved_ms": [min(saved), max(saved)],
            "saved_share": [min(shares), max(shares)]}


def tables(decodings, predictions):
    lines = ["| photograph | KB | S | n/8 | decoding: libjpeg | ours | ratio "
             "| of pairs | file to input: libjpeg | ours | ratio |",
             "| --- " + "| ---: " * 10 + "|"]
    for d in decodings:
        lines.append(
            "| %s | %d | %d | %d | %.2f | %.2f | **%.2f** | %.2f | %.2f "
            "| %.2f | %.2f |" % (
                d["photograph"][:-4], d["bytes"] // 1024, d["size"],
                d["eighths"], d["libjpeg"]["decode_ms"],
                d["ours"]["decode_ms"], d["ratio"]["decode"],
                d["ratio_of_pairs"]["decode"], d["libjpeg"]["input_ms"],
                d["ours"]["input_ms"], d["ratio"]["input"]))
    lines += ["", "| one pair, one thread | S | forward | saved by ours "
              "| of the whole with libjpeg |",
              "| --- | ---: | ---: | ---: | ---: |"]
    for p in predictions:
        lines.append("| %s %s | %d | %.1f | %.1f to %.1f | %.1f to %.1f %% |"
                     % (p["backbone"], p["precision"], p["size"],
                        p["forward_ms"], *p["saved_ms"],
                        *(100 * s for s in p["saved_share"])))
    return lines


def measure(paths, sizes, models, count):
    """Rounds of every photograph with both decoders, and in some the
    networks."""
    cases = [(p, s) for p in paths for s in sizes]
    # one each: memory that the allocator keeps for one size slows down others
    pairs = {case: Pair() for case in cases}
    networks = [Network(b, precision, s, models[b][precision])
                for b, precision in NETWORKS for s in sizes]
    rounds = {case: [] for case in cases}
    for i in range(-1, count):
        for case in cases:
            answer = pairs[case](*case)
            if i >= 0:
                rounds[case].append(answer)
        if i % 8 == 0:
            for network in networks:
                network()
    for process in [*pairs.values(), *networks]:
        process.close()
    decodings = [decoding(*case, rounds[case]) for case in cases]
    return decodings, [prediction(n, decodings) for n in networks]


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--rounds", type=int, default=80)
    options.add_argument("--sizes", default="224,448")
    options.add_argument("--out", type=pathlib.Path,
                         help="write here instead of bench/results/"
                              "jpeg-MACHINE.json and the decision")
    options.add_argument("photographs", nargs="*")
    options = options.parse_args()
    sizes = [int(s) for s in options.sizes.split(",")]
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        paths = options.photographs or draw(os.path.join(folder, "drawn"))
        decodings, predictions = measure(paths, sizes, make_models(folder),
                                         options.rounds)
    lines = ["%s, one thread, CPU ms, minimum of %d rounds; load %.1f; dmsnet "
             "%s, libjpeg-turbo %s." % (
                 machine(), options.rounds, load, commit(),
                 features.version("libjpeg_turbo")), "",
             *tables(decodings, predictions)]
    print("\n".join(lines))
    slug = "-".join(machine().lower().split())
    out = options.out or pathlib.Path(REPO, "bench/results",
                                      "jpeg-%s.json" % slug)
    out.write_text(json.dumps(
        {"machine": machine(), "load": load, "commit": commit(),
         "libjpeg_turbo": features.version("libjpeg_turbo"),
         "rounds": options.rounds, "decodings": decodings,
         "predictions": predictions}, indent=1) + "\n")
    if not options.out:
        put_between(DECISION, "jpeg", lines)


if __name__ == "__main__":
    main()
