#!/usr/bin/env python3
"""Run clang-tidy (.clang-tidy) on src, cli and examples: one test per file.

usage: tools/tidy.py BUILD [PART...]   BUILD: a clang build folder
                                       PART: only files whose path contains it
"""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("src", "cli", "examples")


def sources(parts):
    found = [p for folder in FOLDERS for p in (ROOT / folder).rglob("*.c")]
    return sorted(p for p in found
                  if not parts or any(part in str(p) for part in parts))


def built_files(build):
    """Files with known compiler flags; no target builds the examples."""
    commands = json.loads((build / "compile_commands.json").read_text())
    return {command["file"] for command in commands}


def check(path, build, known):
    words = ["clang-tidy", "--quiet", str(path)]
    if str(path) in known:
        words += ["-p", str(build)]
    else:
        words += ["--", "-std=c11", f"-I{ROOT / 'include'}", "-D_GNU_SOURCE"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT,
                          check=False)
    return path, done.returncode, done.stdout


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    build = pathlib.Path(sys.argv[1]).resolve()
    known = built_files(build)
    files = sources(sys.argv[2:])
    failed, found = 0, ""  # findings are printed last
    with concurrent.futures.ThreadPoolExecutor(
            len(os.sched_getaffinity(0))) as pool:
        for path, status, text in pool.map(
                lambda path: check(path, build, known), files):
            name = path.relative_to(ROOT)
            failed += status != 0
            print(f"{'FAILED' if status else 'ok':7}{name}", flush=True)
            found += text if status else ""
    print(found)
    print(f"{len(files) - failed} passed, {failed} failed, 0 skipped")
    return failed > 0 or not files


if __name__ == "__main__":
    sys.exit(main())
