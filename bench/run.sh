#!/usr/bin/env bash
# Measure all figures of docs/performance.md, on a quiet machine: about ten
# minutes. Writes bench/results/<machine>.json and the tables.
#
#   bench/run.sh [--install] [options of bench/peers/race.py]
#
# --install   create build/peers, a Python with ONNX Runtime and OpenVINO
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = --install ]; then
    shift
    tools/install-peers.sh build
fi
cmake --preset release >/dev/null
cmake --build build --target dmsnet bench_step >/dev/null

/usr/bin/python3 bench/peers/race.py "$@"
/usr/bin/python3 bench/busy.py
