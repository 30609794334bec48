#!/usr/bin/python3
"""Compare the speed of this build with that of another version.

  bench/versions.py OTHER [--minutes N] [--backbone resnet152] [--size 224]

OTHER is the build folder of another checkout (built as CONTRIBUTING.md says,
targets dmsnet and bench_step). Each pair of runs has one of this build and one
of the other, which take turns to be first. The ratio is the other's time over
this one's: above 1 this build is faster. Printed are the median of the pairs
and the 2.5 and 97.5 percentiles of 2,000 bootstrap resamples of them. A row
passes if its interval contains 1 or is above .98.

Measured are forwards of one and of eight patients in every precision, and a
whole `dmsnet predict` of a synthetic set. OTHER makes the model, so that both
can read it. Writes bench/results/versions-MACHINE.json.
"""
import argparse
import json
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "peers"))
from peer import Peer  # noqa: E402

BUILD = pathlib.Path(os.environ.get("DMS_BUILD", HERE.parent / "build"))
RESAMPLES = 2000


def interval(ratios):
    """Median, and the interval of the median."""
    draw = random.Random(1)
    medians = sorted(statistics.median(draw.choices(ratios, k=len(ratios)))
                     for _ in range(RESAMPLES))
    return (statistics.median(ratios), medians[int(RESAMPLES * .025)],
            medians[int(RESAMPLES * .975)])


def passes(low, high):
    return low > .98 or low <= 1 <= high


class Forward:
    """bench_step of one build, stopped between its turns."""

    def __init__(self, build, words):
        self.peer = Peer("", "", [build / "bench_step", *words])
        self.peer.start()
        if self.peer.failure:
            raise SystemExit(f"{build}: {self.peer.failure}")

    def __call__(self):
        self.peer.turn(0)
        return self.peer.seconds[-1]

    def close(self):
        self.peer.stop()


class Whole:
    """A whole process, from start to end."""

    def __init__(self, build, words):
        self.command = [build / "dmsnet", *words]

    def __call__(self):
        began = time.monotonic()
        subprocess.run(self.command, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        return time.monotonic() - began

    def close(self):
        pass


def pair(kind, other, words, seconds):
    ours, theirs = kind(BUILD, words), kind(other, words)
    ours(), theirs()  # pages and kernels are there
    ratios, first, end = [], True, time.monotonic() + seconds
    while time.monotonic() < end or len(ratios) < 5:
        times = {}
        for own in (first, not first):
            times[own] = (ours if own else theirs)()
        ratios.append(times[False] / times[True])
        first = not first
    ours.close(), theirs.close()
    return ratios


def make_models(folder, other, backbone, size):
    """A float model, a quantised model and a data set to predict."""
    run = [other / "dmsnet"]
    files = {name: str(folder / name) for name in ("m.st", "q.st", "set")}
    for words in (["init", "--backbone", backbone, "--size", str(size),
                   "--out", files["m.st"]],
                  ["synth", files["set"], "--patients", "160", "--size",
                   "256", "--seed", "1"],
                  ["quantize", "--model", files["m.st"], "--data",
                   files["set"], "--split", "all", "--patients", "2",
                   "--tolerance", "1", "--out", files["q.st"]]):
        subprocess.run(run + words, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    return files


def cases(files, size, threads):
    for precision, winograd in (("fp32", "no"), ("fp32", "yes"),
                                ("bf16", "no"), ("int8", "no")):
        for patients in (1, 8):
            model = files["q.st" if precision == "int8" else "m.st"]
            yield (f"{precision}{' winograd' if winograd == 'yes' else ''}, "
                   f"{patients} patient{'s' if patients > 1 else ''}", Forward,
                   [model, precision, winograd, patients, size, threads])
    yield ("predict, 160 patients, int8", Whole,
           ["predict", "--model", files["q.st"], "--precision", "int8",
            "--format", "csv", files["set"] + "/images"])


def machine():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    return re.search(r"model name\s*:\s*(.*)", text).group(1)


def commit(folder):
    return subprocess.run(["git", "-C", folder, "rev-parse", "--short",
                           "HEAD"], capture_output=True,
                          text=True).stdout.strip()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("other", type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--backbone", default="resnet152")
    parser.add_argument("--size", type=int, default=224)
    options = parser.parse_args()
    other, threads = options.other.resolve(), os.cpu_count()
    rows, wrong = [], 0
    with tempfile.TemporaryDirectory() as folder:
        files = make_models(pathlib.Path(folder), other, options.backbone,
                            options.size)
        todo = list(cases(files, options.size, threads))
        for name, kind, words in todo:
            ratios = pair(kind, other, words,
                          options.minutes * 60 / len(todo))
            median, low, high = interval(ratios)
            good = passes(low, high)
            wrong += not good
            rows.append({"case": name, "pairs": len(ratios), "ratio": median,
                         "low": low, "high": high, "passes": good})
            print(f"{name:32} {median:.3f}  ({low:.3f} to {high:.3f}) of "
                  f"{len(ratios)} pairs{'' if good else '  SLOWER'}",
                  flush=True)
    result = {"machine": machine(), "threads": threads,
              "backbone": options.backbone, "size": options.size,
              "commit": commit(HERE), "other": commit(other),
              "when": time.strftime("%Y-%m-%d"), "rows": rows}
    name = re.sub(r"[^a-z0-9]+", "-", machine().lower()).strip("-")
    (HERE / "results" / f"versions-{name}.json").write_text(
        json.dumps(result, indent=1) + "\n")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
