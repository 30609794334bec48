#!/usr/bin/env python3
"""Time an epoch behind a frozen backbone, with validation and files, against
its minimum: the forward and backward of the modules alone.

    bench/bench_frozen.py [--build build] [--rounds 5] [--patients 500] [--size 224]

Each round trains a few epochs on stored maps (wall-clock time between their
lines in the log: steps, validation, model files, checkpoint) and times
training steps of the same modules with `dmsnet bench`. The result is the
median over rounds of the ratio. The modules are the same behind any bottleneck
backbone, so they are timed behind resnet50, which is faster. Needs a quiet
machine, and at the defaults about a quarter of an hour.
"""
import argparse
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BOUND = 1.25
MODULES = ("MSCAM", "DMFF", "heads")


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=ROOT / "build", type=pathlib.Path)
    parser.add_argument("--backbone", default="resnet152")
    parser.add_argument("--beside", default="resnet50",
                        help="backbone behind which the modules are timed; its "
                             "map must have the same number of channels")
    parser.add_argument("--width", default=512, type=int)
    parser.add_argument("--size", default=224, type=int)
    parser.add_argument("--batch", default=16, type=int)
    parser.add_argument("--patients", default=500, type=int)
    parser.add_argument("--epochs", default=4, type=int, help="epochs per round")
    parser.add_argument("--rounds", default=5, type=int)
    parser.add_argument("--folder", type=pathlib.Path,
                        help="for data, maps and runs; the speed of its disk "
                             "counts too (default: a temporary folder)")
    return parser.parse_args()


def train(a, folder, run):
    """Seconds of each epoch but the first, and the number of training
    patients."""
    shutil.rmtree(run, ignore_errors=True)
    process = subprocess.Popen(
        [a.build / "dmsnet", "train", "--data", folder / "data", "--run", run,
         "--cache", folder, "--backbone", a.backbone, "--width", str(a.width),
         "--size", str(a.size), "--batch", str(a.batch), "--epochs",
         str(a.epochs), "--backbone-lr", "0", "--no-augment"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    ends, said, patients = [], [], 0
    for line in process.stderr:
        said.append(line)
        if re.search(r"epoch \d+: loss", line):
            ends.append(time.monotonic())
        found = re.search(r"training on (\d+) patients", line)
        patients = int(found[1]) if found else patients
    if process.wait() != 0:
        raise SystemExit("".join(said))
    return [b - a for a, b in zip(ends, ends[1:])], patients


def modules(a):
    """Seconds of the modules' forward and backward, per patient."""
    done = subprocess.run(
        [a.build / "dmsnet", "bench", "--train", "--backbone", a.beside,
         "--width", str(a.width), "--size", str(a.size), "--batch",
         str(a.batch), "--repeat", "5", "--json"],
        check=True, capture_output=True, text=True)
    parts = json.loads(done.stdout)["parts"]
    return sum(p["ms"] for p in parts
               if p["name"] in MODULES) / 1e3 / a.batch


def megabytes(folder):
    """Size of the files' blocks; a file with two names counts once."""
    files = {f.stat().st_ino: f.stat().st_blocks
             for f in folder.iterdir() if f.is_file()}
    return sum(files.values()) * 512 / 1e6


def writing(run):
    """Seconds that the last epoch's checkpoint took, from the end of the file
    written before it until it had its name (a rename sets the time of its
    inode's change)."""
    return ((run / "checkpoint.safetensors").stat().st_ctime
            - (run / "metrics.csv").stat().st_mtime)


def measure(a, folder):
    if not (folder / "data").exists():
        subprocess.run([a.build / "dmsnet", "synth", folder / "data",
                        "--patients", str(a.patients), "--size",
                        str(a.size)], check=True)
    train(a, folder, folder / "first")
    checkpoint = folder / "first/checkpoint.safetensors"
    print(f"checkpoint {checkpoint.stat().st_size / 1e6:.0f} MB, "
          f"run folder {megabytes(folder / 'first'):.0f} MB")
    ratios = []
    for number in range(a.rounds):
        seconds, patients = train(a, folder, folder / f"run{number}")
        epoch = statistics.median(seconds)
        own = modules(a) * patients
        ratios.append(epoch / own)
        print(f"round {number + 1}: epoch {epoch:.2f} s, modules {own:.2f} s, "
              f"ratio {ratios[-1]:.3f}, checkpoint written in "
              f"{writing(folder / f'run{number}'):.2f} s", flush=True)
    median = statistics.median(ratios)
    print(f"median ratio {median:.3f} (at most {BOUND})")
    return median <= BOUND


def main():
    a = arguments()
    if a.folder:
        a.folder.mkdir(parents=True, exist_ok=True)
        return 0 if measure(a, a.folder) else 1
    with tempfile.TemporaryDirectory() as folder:
        return 0 if measure(a, pathlib.Path(folder)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
