#!/usr/bin/env bash
# Install what is missing, build, run every test, and close with the sum of
# the runners' own counts: "N passed, N failed, N skipped".
#
#   ./test.sh          everything
#   ./test.sh --quick  no sanitizers
set -uo pipefail
cd "$(dirname "$0")"

# Spinning barriers collapse where the cores are shared.
export OMP_WAIT_POLICY=passive

passed=0 failed=0 skipped=0
logs=$PWD/build/test-logs

# Add the counts that a runner printed at the end of its log; a log without
# counts, or a bad exit without a failure counted, is one failure.
count() { # name log status
    local p f s
    read -r p f s < <(tools/count-tests "$2")
    if [ "$3" -ne 0 ] && [ "$f" -eq 0 ] || [ $((p + f + s)) -eq 0 ]; then
        f=$((f + 1))
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    printf '%-44s %4d passed %3d failed %3d skipped\n' "$1" "$p" "$f" "$s"
    if [ "$f" -gt 0 ]; then
        tail -n 60 "$2"
    fi
}

run() { # name command...
    local name=$1 status=0
    shift
    "$@" >"$logs/$name.log" 2>&1 </dev/null || status=$?
    count "$name" "$logs/$name.log" "$status"
}

build_folder() { # preset
    if [ "$1" = release ]; then echo build; else echo "build-$1"; fi
}

build() { # preset
    cmake --preset "$1" -DDMS_WERROR=ON >"$logs/configure-$1.log" 2>&1 &&
        cmake --build "$(build_folder "$1")" >"$logs/build-$1.log" 2>&1 && return
    cat "$logs/configure-$1.log" "$logs/build-$1.log" 2>/dev/null | tail -n 60
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
}

run_programs() { # prefix folder
    local program name
    for program in "$2"/test_* "$2"/fuzz_*; do
        [ -x "$program" ] || continue
        name=$(basename "$program")
        case $name in
        fuzz_*) run "$1$name" "$program" "tests/fuzz/corpus/${name#fuzz_}" ;;
        *) run "$1$name" "$program" ;;
        esac
    done
}

tools/install-packages.sh --tests || exit 1
mkdir -p "$logs"
build release
tools/install-peers.sh build
python=build/peers/bin/python # Debian's, and the programs that run ONNX
[ -x "$python" ] || python=/usr/bin/python3

run layers /usr/bin/python3 tests/test_layers.py -v
run numbers /usr/bin/python3 tests/test_numbers.py -v
run_programs "" build
for script in tests/parity/test_*.py tests/cli/test_*.py \
    tests/python/test_*.py tests/install/test_*.py; do
    [ -f "$script" ] || continue
    interpreter=/usr/bin/python3
    [[ $script != tests/parity/test_onnx*.py ]] || interpreter=$python
    folder=${script%/*} # parity/test_onnx.py and test_onnx have logs of their own
    run "${folder##*/}-$(basename "$script" .py)" \
        env DMS_BUILD="$PWD/build" "$interpreter" "$script" -v
done

if [ "${1:-}" != --quick ]; then
    build asan
    export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1
    export LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0
    run_programs asan- build-asan
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
