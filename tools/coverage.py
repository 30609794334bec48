#!/usr/bin/env python3
"""Line coverage of each room by the unit tests and the fuzz corpora.

usage: tools/coverage.py BUILD [ROOM...]   a build of the preset `coverage`

Runs the programs and collects the coverage with gcovr. Without ROOM: the rooms
that read bytes from outside, each of which needs 90 % (else the exit status is
1).
"""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROOMS = ("formats", "image", "data")
FLOOR = 90.0


def programs(build):
    """(name, command) of each program that there must be by the sources."""
    for source in sorted((ROOT / "tests").glob("*/*.c")):
        name = source.stem
        if source.parent.name in ("unit", "grad") and name.startswith("test_"):
            yield name, [build / name]
        elif name.startswith("fuzz_"):
            corpus = ROOT / "tests/fuzz/corpus" / name.removeprefix("fuzz_")
            yield name, [build / name, corpus]


def run(words):
    try:
        done = subprocess.run([str(w) for w in words], cwd=ROOT,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              env={**os.environ, "OMP_NUM_THREADS": "1"},
                              check=False)
    except OSError as error:
        return str(error)
    return done.returncode and done.stdout[-2000:].decode(errors="replace")


def measure(build, room):
    out = build / f"coverage-{room}.json"
    subprocess.run(["gcovr", "--root", str(ROOT), "--filter", f"src/{room}/",
                    "--json-summary", str(out), str(build)], cwd=ROOT,
                   stderr=subprocess.DEVNULL, check=True)
    return json.loads(out.read_text())


def report(room, found):
    share = found["line_percent"]
    good = found["line_total"] > 0 and share >= FLOOR
    print(f"{'ok' if good else 'FAILED':7}{room}: {share:.1f} % of "
          f"{found['line_total']} lines")
    for entry in sorted(found["files"], key=lambda e: e["line_percent"]):
        if entry["line_percent"] < FLOOR:
            print(f"         {entry['line_percent']:5.1f} % "
                  f"{entry['filename']}")
    return good


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    build = pathlib.Path(sys.argv[1]).resolve()
    for old in build.rglob("*.gcda"):
        old.unlink()
    passed = failed = 0
    named = list(programs(build))
    with concurrent.futures.ThreadPoolExecutor(
            len(os.sched_getaffinity(0))) as pool:
        for (name, _), trouble in zip(
                named, pool.map(run, (words for _, words in named))):
            if trouble:
                failed += 1
                print(f"FAILED {name}\n{trouble}")
    for room in sys.argv[2:] or ROOMS:
        good = report(room, measure(build, room))
        passed, failed = passed + good, failed + (not good)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
