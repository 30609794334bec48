#!/usr/bin/env python3
"""Fuzz each parser for a while.

BUILD is a build of the preset `fuzz`.

Starts from tests/fuzz/corpus/TARGET and keeps new inputs in
BUILD/corpus/TARGET, where the next run continues. An input that fails is
minimised and put into tests/fuzz/corpus/TARGET, so that every later replay
runs it: commit it together with the fix.

With --seed, libFuzzer's random numbers start at N and earlier results are not
used: the same code gets the same inputs in the same order, as far as the time
allows.
"""
import argparse
import concurrent.futures
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SEEDS = ROOT / "tests/fuzz/corpus"
LIMITS = ["-rss_limit_mb=2048", "-timeout=25", "-max_len=65536"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1",
               "ASAN_OPTIONS": "allocator_may_return_null=1:detect_leaks=1"}


def minimise(program, finding, what):
    """Store the smallest input that still fails among the seeds."""
    small = finding.with_name(finding.name + ".small")
    subprocess.run([str(program), "-minimize_crash=1", "-max_total_time=30",
                    f"-exact_artifact_path={small}", *LIMITS, str(finding)],
                   env=ENVIRONMENT, capture_output=True, check=False)
    data = (small if small.exists() else finding).read_bytes()
    kept = SEEDS / what / f"found-{hashlib.sha256(data).hexdigest()[:12]}"
    kept.write_bytes(data)
    return kept


def start(build, seed, what):
    """Arguments for where to continue, and for the random numbers."""
    if seed is None:
        learned = build / "corpus" / what
        learned.mkdir(parents=True, exist_ok=True)
        return [str(learned), str(SEEDS / what)]
    learned = build / "corpus-of-seed" / what
    shutil.rmtree(learned, ignore_errors=True)
    learned.mkdir(parents=True)
    names = learned.with_name(what + ".list")  # in order: readdir has none
    names.write_text(",".join(map(str, sorted((SEEDS / what).iterdir()))))
    # What comparisons teach has addresses in it, which differ each time.
    return [f"-seed={seed}", "-use_cmp=0", f"-seed_inputs=@{names}",
            str(learned)]


def fuzz(build, seconds, seed, what):
    """None if nothing failed, else the message."""
    program = build / f"fuzz_{what}"
    findings = build / "findings" / what
    shutil.rmtree(findings, ignore_errors=True)
    findings.mkdir(parents=True)
    words = [str(program), f"-max_total_time={seconds}", "-print_final_stats=1",
             f"-artifact_prefix={findings}/", *LIMITS,
             *start(build, seed, what)]
    try:
        done = subprocess.run(words, env=ENVIRONMENT, capture_output=True,
                              check=False)
    except OSError as error:
        return None, str(error)
    text = done.stderr.decode(errors="replace")
    runs = [line.split()[-1] for line in text.splitlines()
            if line.startswith("stat::number_of_executed_units")]
    if done.returncode == 0 and runs:
        return runs[0], None
    kept = [minimise(program, finding, what)
            for finding in sorted(findings.iterdir())]
    kept = "".join(f"\nkept as {path.relative_to(ROOT)}" for path in kept)
    return None, text[-6000:] + kept


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, metavar="N")
    parser.add_argument("build", type=pathlib.Path, metavar="BUILD")
    parser.add_argument("seconds", type=int, metavar="SECONDS")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    args = parser.parse_args()
    build, seconds = args.build.resolve(), args.seconds
    targets = [name.removeprefix("fuzz_") for name in args.targets] or sorted(
        path.stem.removeprefix("fuzz_")
        for path in (ROOT / "tests/fuzz").glob("fuzz_*.c"))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(
            len(os.sched_getaffinity(0))) as pool:
        for what, (runs, trouble) in zip(targets, pool.map(
                lambda what: fuzz(build, seconds, args.seed, what), targets)):
            failed += trouble is not None
            print(f"FAILED {what}\n{trouble}" if trouble is not None else
                  f"ok     {what}: {runs} inputs in {seconds} s")
    print(f"{len(targets) - failed} passed, {failed} failed, 0 skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
