#!/usr/bin/env python3
"""dmsnet against other programs on the same network, this machine, one run.

    bench/peers/race.py [--build build] [--python build/peers/bin/python]
                        [--quick] [--stages one,batch,train]

Writes bench/results/<machine>.json and the table between the markers of
docs/performance.md. Programs that are not installed are named and left out.
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from peer import Peer, race  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
STAGES = {  # patients, training, rounds, seconds of a turn
    "one": (1, False, 5, 1.2),
    "batch": (8, False, 3, 2.0),
    "train": (8, True, 3, 1.0),
}
TITLES = {"one": "one patient", "batch": "8 patients",
          "train": "training step, 8 patients"}


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=ROOT / "build", type=pathlib.Path)
    parser.add_argument("--python", type=pathlib.Path,
                        help="a Python with onnxruntime and openvino "
                             "(build/peers/bin/python)")
    parser.add_argument("--torch-python", default="/usr/bin/python3")
    parser.add_argument("--reference", type=pathlib.Path,
                        default=ROOT / "tests/parity/oracle.py",
                        help="DMS-Net in PyTorch")
    parser.add_argument("--backbone", default="resnet152")
    parser.add_argument("--size", default=224, type=int)
    parser.add_argument("--threads", default=2, type=int)
    parser.add_argument("--stages", default="one,batch,train")
    parser.add_argument("--quick", action="store_true",
                        help="one short round, to check the setup")
    parser.add_argument("--out", type=pathlib.Path,
                        help="write here instead of bench/results/"
                             "<machine>.json and docs/performance.md")
    a = parser.parse_args()
    a.python = a.python or ROOT / "build/peers/bin/python"
    return a


def make_model(a):
    """A model with random weights, a quantised one and their ONNX files, in the
    build folder. Random weights cannot show what rounding costs, so any
    difference is tolerated."""
    model = a.build / f"bench-{a.backbone}.safetensors"
    int8 = a.build / f"bench-{a.backbone}-int8.safetensors"
    photographs = a.build / "bench-photographs"

    def dmsnet(*words):
        subprocess.run([a.build / "dmsnet", *map(str, words)], check=True,
                       stdout=subprocess.DEVNULL)

    dmsnet("init", "--backbone", a.backbone, "--out", model)
    if not photographs.exists():
        dmsnet("synth", photographs, "--patients", 8)
    dmsnet("quantize", "--model", model, "--data", photographs, "--split",
           "all", "--tolerance", 1, "--out", int8)
    for made in model, int8:
        dmsnet("export", "--model", made, "--onnx", made.with_suffix(".onnx"))
    return model, int8


def ours(a, model, precision, winograd, patients, training):
    name = "dmsnet" + (" Winograd" if winograd == "yes" else "")
    words = [a.build / "bench_step", model, precision, winograd, patients,
             a.size, a.threads] + (["train"] if training else [])
    return Peer(name, precision, words)


def torch(a, precision, how, note, patients):
    words = [a.torch_python, HERE / "peer_torch.py", a.reference, a.backbone,
             patients, a.size, a.threads, how]
    return Peer("PyTorch " + how.replace("train-", "").replace("train", "eager"),
                precision, words, note=note)


def exported(a, name, script, precision, onnx, patients, *more):
    words = [a.python, HERE / script, onnx, patients, a.size, a.threads, *more]
    return Peer(name, precision, words)


def inference_peers(a, model, int8, patients):
    onnx, qdq = model.with_suffix(".onnx"), int8.with_suffix(".onnx")
    openvino = ("OpenVINO", "peer_openvino.py")
    runtime = ("ONNX Runtime", "peer_onnxruntime.py")
    return [
        ours(a, model, "fp32", "no", patients, False),
        exported(a, *runtime, "fp32", onnx, patients),
        ours(a, model, "fp32", "yes", patients, False),
        exported(a, *openvino, "fp32", onnx, patients, "f32"),
        torch(a, "fp32", "optimized", "optimize_for_inference of the traced "
              "backbone", patients),
        torch(a, "fp32", "eager", "channels_last", patients),
        ours(a, model, "bf16", "no", patients, False),
        exported(a, *openvino, "bf16", onnx, patients, "bf16"),
        torch(a, "bf16", "bf16", "weights and images in bfloat16", patients),
        torch(a, "bf16", "autocast", "channels_last", patients),
        ours(a, int8, "int8", "no", patients, False),
        exported(a, *runtime, "int8", qdq, patients),
        exported(a, *openvino, "int8", qdq, patients, "f32")]


def training_peers(a, model, patients):
    return [ours(a, model, "fp32", "yes", patients, True),
            torch(a, "fp32", "train", "channels_last", patients),
            ours(a, model, "bf16", "no", patients, True),
            torch(a, "bf16", "train-autocast", "channels_last", patients)]


def result(stage, peer):
    row = {"stage": stage, "peer": peer.name, "precision": peer.precision,
           "note": peer.note, "env": peer.env}
    if peer.failure is not None:
        return {**row, "failure": peer.failure}
    times = [1e3 * s for s in peer.seconds]
    return {**row, "median_ms": round(statistics.median(times), 3),
            "min_ms": round(min(times), 3),
            "all_ms": [round(t, 2) for t in times]}


def run_stage(a, stage, model, int8):
    patients, training, rounds, seconds = STAGES[stage]
    if a.quick:
        rounds, seconds = 1, 0.1
    print(f"{TITLES[stage]}, {a.size} px, {a.threads} threads", flush=True)
    peers = (training_peers(a, model, patients) if training
             else inference_peers(a, model, int8, patients))
    race(peers, rounds, seconds)
    rows = [result(stage, peer) for peer in peers]
    for row in rows:
        print(f"  {row['precision']:5} {row['peer']:24} "
              f"{row.get('median_ms', row.get('failure'))}", flush=True)
    return rows


def own_bench(a, model, int8):
    """The reports of `dmsnet bench` at each precision."""
    answers = []
    for file, *words in ((model, "fp32", "--winograd", "no"),
                         (model, "fp32", "--winograd", "yes"),
                         (model, "bf16"), (int8, "int8")):
        answer = subprocess.run(
            [a.build / "dmsnet", "bench", "--model", file, "--json",
             "--threads", str(a.threads), "--size", str(a.size), "--time",
             "0" if a.quick else "5", "--precision", *words],
            capture_output=True, text=True)
        if answer.returncode == 0:
            answers.append(json.loads(answer.stdout))
    return answers


def versions(a):
    def ask(python, module):
        answer = subprocess.run(
            [python, "-c", f"import {module}; print({module}.__version__)"],
            capture_output=True, text=True)
        return answer.stdout.strip() or None

    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always",
                             "--dirty"], capture_output=True, text=True)
    return {"dmsnet commit": commit.stdout.strip(),
            "torch": ask(a.torch_python, "torch"),
            "onnxruntime": ask(a.python, "onnxruntime")
            if a.python.exists() else None,
            "openvino": ask(a.python, "openvino")
            if a.python.exists() else None}


def slug(machine):
    words = f"{machine['cpu']} {machine['cores']} cores {machine['isa']}"
    words = re.sub(r" avx2.*avx512f.*", " avx512", words)
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def table(report):
    """Markdown: a row per peer, with its time and the ratio to ours."""
    lines = ["| | precision | program | median ms | minimum ms | of dmsnet's |",
             "| --- | --- | --- | ---: | ---: | ---: |"]
    own = {}
    for r in report["runs"]:
        if r["peer"].startswith("dmsnet") and "median_ms" in r:
            key = r["stage"], r["precision"]
            own[key] = min(r["median_ms"], own.get(key, r["median_ms"]))
    for row in report["runs"]:
        begin = (f"| {TITLES[row['stage']]} | {row['precision']} "
                 f"| {row['peer']} ")
        base = own.get((row["stage"], row["precision"]))
        if "failure" in row:
            lines.append(begin + f"| {row['failure'][:60]} | | |")
        else:
            share = f"{row['median_ms'] / base:.2f}" if base else ""
            lines.append(begin + f"| {row['median_ms']:.1f} "
                         f"| {row['min_ms']:.1f} | {share} |")
    return lines


def own_table(report):
    lines = ["", "| `dmsnet bench`, one patient | ms | GFLOP/s | measured peak "
             "| of it |", "| --- | ---: | ---: | ---: | ---: |"]
    for b in report["bench"]:
        name = b["precision"] + (", Winograd" if b["winograd"] else "")
        lines.append(f"| {name} | {b['latency_ms']:.1f} | {b['gflops']:.0f} "
                     f"| {b['peak_gflops']:.0f} "
                     f"| {100 * b['fraction_of_peak']:.1f} % |")
    return lines


def put_between(path, mark, lines):
    begin, end = f"<!-- {mark}:begin -->", f"<!-- {mark}:end -->"
    text = path.read_text(encoding="utf-8")
    head, rest = text.split(begin, 1)
    tail = rest.split(end, 1)[1]
    body = "\n".join(lines)
    path.write_text(f"{head}{begin}\n{body}\n{end}{tail}", encoding="utf-8")


def heading(report):
    m, v = report["machine"], report["versions"]
    peers = ", ".join(f"{k} {v[k].split('-')[0]}" for k in ("torch", "onnxruntime",
                                              "openvino") if v.get(k))
    return [f"{m['cpu']}, {m['cores']} cores, {report['threads']} threads; "
            f"{report['backbone']}, {report['size']} px; {report['date']}; "
            f"dmsnet {v['dmsnet commit']}, {v.get('backend', '')}; {peers}.",
            ""]


def main():
    a = arguments()
    stages = a.stages.split(",")
    model, int8 = make_model(a)
    report = {"date": datetime.date.today().isoformat(),
              "backbone": a.backbone, "size": a.size, "threads": a.threads,
              "versions": versions(a), "bench": own_bench(a, model, int8)}
    report["machine"] = report["bench"][0]["machine"]
    report["versions"]["backend"] = \
        report["bench"][0]["versions"]["backend"].split(",")[0]
    report["runs"] = [row for stage in stages
                      for row in run_stage(a, stage, model, int8)]
    out = a.out or ROOT / "bench/results" / f"{slug(report['machine'])}.json"
    out.parent.mkdir(exist_ok=True)
    if out.exists():  # the busy-core experiment's part is kept
        report = {**json.loads(out.read_text()), **report}
    out.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written: {os.path.relpath(out)}")
    if not a.out:
        put_between(ROOT / "docs/performance.md", "peers",
                    heading(report) + table(report) + own_table(report))


if __name__ == "__main__":
    main()
