#!/usr/bin/env python3
"""Time the forward of one patient while another process keeps one core busy,
for each way of waiting; and parallel workers against threads in one worker.

    bench/busy.py [--build build] [--precision fp32] [--quick]

Adds to bench/results/<machine>.json and to docs/performance.md.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench/peers"))
from peer import Peer  # noqa: E402
from race import make_model, put_between, slug  # noqa: E402

# Settings of libgomp, which reads them only when it is loaded.
SETTINGS = [
    ("nothing said", {}),
    ("OMP_WAIT_POLICY=active", {"OMP_WAIT_POLICY": "active"}),
    ("OMP_WAIT_POLICY=passive", {"OMP_WAIT_POLICY": "passive"}),
    ("GOMP_SPINCOUNT=1000", {"GOMP_SPINCOUNT": "1000"}),
    ("GOMP_SPINCOUNT=2000", {"GOMP_SPINCOUNT": "2000"}),
    ("GOMP_SPINCOUNT=10000", {"GOMP_SPINCOUNT": "10000"}),
    ("GOMP_SPINCOUNT=100000", {"GOMP_SPINCOUNT": "100000"}),
    ("passive, OMP_PROC_BIND=true",
     {"OMP_WAIT_POLICY": "passive", "OMP_PROC_BIND": "true"}),
]


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=ROOT / "build", type=pathlib.Path)
    parser.add_argument("--backbone", default="resnet152")
    parser.add_argument("--precision", default="fp32,bf16")
    parser.add_argument("--size", default=224, type=int)
    parser.add_argument("--threads", default=2, type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=pathlib.Path)
    return parser.parse_args()


def worker(a, model, precision, threads, env, name=""):
    return Peer(name, precision,
                [a.build / "bench_step", model, precision, "no", 1, a.size,
                 threads], env)


class Burner:
    """A process that keeps one core busy."""

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", "while True: pass"])
        time.sleep(0.2)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def start(peer):
    peer.start()
    if peer.failure is not None:
        raise SystemExit(f"{peer.name or 'bench_step'}: {peer.failure}")


def take(peer, seconds):
    """The median of one turn in ms; its times are not kept."""
    peer.seconds = []
    peer.turn(seconds)
    return 1e3 * statistics.median(peer.seconds)


def waiting(a, model, precision, rounds, seconds):
    peers = [worker(a, model, precision, a.threads, env, name)
             for name, env in SETTINGS]
    peers.append(worker(a, model, precision, 1, {}, "one thread"))
    quiet, busy = {p.name: [] for p in peers}, {p.name: [] for p in peers}
    try:
        for peer in peers:
            start(peer)
        for _ in range(rounds):
            for peer in peers:
                quiet[peer.name].append(take(peer, seconds))
                with Burner():
                    busy[peer.name].append(take(peer, seconds))
    finally:
        for peer in peers:
            peer.stop()
    return [{"precision": precision, "setting": p.name,
             "quiet_ms": round(statistics.median(quiet[p.name]), 1),
             "busy_ms": round(statistics.median(busy[p.name]), 1)}
            for p in peers]


def together(peers, seconds):
    """Patients per second of all peers at once."""
    def turn(peer):
        peer.seconds = []
        peer.turn(seconds)

    threads = [threading.Thread(target=turn, args=(p,)) for p in peers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(1 / statistics.median(p.seconds) for p in peers)


def workers(a, model, precision, rounds, seconds):
    """One worker with all threads against workers of one thread each."""
    one = [worker(a, model, precision, a.threads, {})]
    many = [worker(a, model, precision, 1, {}) for _ in range(a.threads)]
    rates = {"one": [], "many": [], "one busy": [], "many busy": []}
    try:
        for peer in one + many:
            start(peer)
        for _ in range(rounds):
            for name, peers in (("one", one), ("many", many)):
                rates[name].append(together(peers, seconds))
                with Burner():
                    rates[name + " busy"].append(together(peers, seconds))
    finally:
        for peer in one + many:
            peer.stop()
    return {"precision": precision, "threads": a.threads,
            **{k: round(statistics.median(v), 2) for k, v in rates.items()}}


def table(waits, rates):
    lines = ["| one patient | threads wait by | quiet ms | one core busy, ms "
             "| ratio |", "| --- | --- | ---: | ---: | ---: |"]
    for w in waits:
        lines.append(f"| {w['precision']} | {w['setting']} "
                     f"| {w['quiet_ms']:.0f} | {w['busy_ms']:.0f} "
                     f"| {w['busy_ms'] / w['quiet_ms']:.2f} |")
    lines += ["", "| patients per second | quiet | one core busy |",
              "| --- | ---: | ---: |"]
    for r in rates:
        t = r["threads"]
        lines += [f"| {r['precision']}, one worker of {t} threads "
                  f"| {r['one']:.2f} | {r['one busy']:.2f} |",
                  f"| {r['precision']}, {t} workers of one thread "
                  f"| {r['many']:.2f} | {r['many busy']:.2f} |"]
    return lines


def main():
    a = arguments()
    rounds, seconds = (1, 0.1) if a.quick else (2, 1.0)
    model, _ = make_model(a)
    machine = json.loads(subprocess.run(
        [a.build / "dmsnet", "bench", "--backbone", "resnet18", "--width",
         "16", "--size", "32", "--time", "0", "--json"],
        capture_output=True, text=True, check=True).stdout)["machine"]
    waits, rates = [], []
    for precision in a.precision.split(","):
        waits += waiting(a, model, precision, rounds, seconds)
        rates.append(workers(a, model, precision, rounds, seconds))
    lines = table(waits, rates)
    print("\n".join(lines))
    out = a.out or ROOT / "bench/results" / f"{slug(machine)}.json"
    report = json.loads(out.read_text()) if out.exists() else {
        "machine": machine}
    out.write_text(json.dumps({**report, "busy": waits, "workers": rates},
                              indent=1) + "\n")
    if not a.out:
        put_between(ROOT / "docs/performance.md", "busy", lines)


if __name__ == "__main__":
    main()
