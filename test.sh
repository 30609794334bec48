#!/usr/bin/env bash
set -uo pipefail
cd "$(dirname "$0")"

usage() {
    cat <<'TXT'
usage: ./test.sh [--all | --soak] [--list] [NAME...]

Install missing packages, build, run the tests, and print the sum of the test
runners' counts: "N passed, N failed, N skipped". The exit status is 0 if nothing
failed. The output of each suite is kept in build/test-logs.

  (nothing)  build with gcc (warnings are errors), layers, unit tests, replays
             of the fuzz corpora, parity with PyTorch and others, the command
             line, Python, the installed library: at most 15 minutes on two
             cores
  --all      also: build with clang (warnings are errors), clang-tidy, the unit
             tests and replays with address and undefined-behaviour sanitizers,
             threads with the thread sanitizer, coverage of the parsers, and 30
             seconds of fuzzing per parser with a fixed seed: at most 75
             minutes; .ci/run calls this
  --soak     only the tests that take hours, to be run by hand: 10 minutes of
             fuzzing per parser with a new seed, and tests/soak
  --list     print the names of the suites and run none
  NAME       run only the suites whose name contains NAME, such as test_csv,
             parity- or asan-
TXT
}

# Suites that run with --all or by name only: whole runs of many epochs.
slow="test_folds test_phases"
# What runs on several threads, for the thread sanitizer.
threaded="test_engine test_kept test_session test_loader test_compute test_bench"

level=usual list=no filters=()
for word in "$@"; do
    case $word in
    --all) level=all ;;
    --soak) level=soak ;;
    --list) list=yes ;;
    --help | -h) usage && exit ;;
    -*) usage >&2 && exit 2 ;;
    *) filters+=("$word") ;;
    esac
done

# Spinning barriers are very slow on shared cores.
export OMP_WAIT_POLICY=passive

passed=0 failed=0 skipped=0 suites=0
logs=$PWD/build/test-logs

wanted() { # name
    local filter
    [ ${#filters[@]} -gt 0 ] || return 0
    for filter in "${filters[@]}"; do
        [[ $1 != *"$filter"* ]] || return 0
    done
    return 1
}

deferred() { # name
    [ $level = usual ] && [ ${#filters[@]} -eq 0 ] && [[ " $slow " == *" $1 "* ]]
}

# Add the counts that a runner printed at the end of its log. A log without
# counts, or a nonzero exit status without a counted failure, is one failure.
count() { # name log status seconds
    local p f s
    read -r p f s < <(tools/count-tests "$2")
    if [ "$3" -ne 0 ] && [ "$f" -eq 0 ] || [ $((p + f + s)) -eq 0 ]; then
        f=$((f + 1))
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    printf '%-44s %4d passed %3d failed %3d skipped %5d s\n' \
        "$1" "$p" "$f" "$s" "$4"
    if [ "$f" -gt 0 ]; then
        tail -n 60 "$2"
    fi
}

run() { # name command...
    local name=$1 status=0 start=$SECONDS
    shift
    wanted "$name" || return 0
    suites=$((suites + 1))
    if [ $list = yes ]; then
        echo "$name"
        return
    fi
    "$@" >"$logs/$name.log" 2>&1 </dev/null || status=$?
    count "$name" "$logs/$name.log" "$status" $((SECONDS - start))
}

folder_of() { # preset
    if [ "$1" = release ]; then echo build; else echo "build-$1"; fi
}

# The build of a preset is a test: it passes if there is no warning. A preset
# that does not build fails here, and each suite that needs it fails too.
build_preset() { # preset
    cmake --preset "$1" -DDMS_WERROR=ON &&
        cmake --build "$(folder_of "$1")" &&
        echo "1 passed, 0 failed"
}

# Build what the named suites need, whether or not "build-x" itself is named.
build() { # preset suite...
    local preset=$1 suite need=no
    shift
    for suite in "build-$preset" "$@"; do
        ! wanted "$suite" || need=yes
    done
    if [ $need = yes ]; then
        local filters=()
        run "build-$preset" build_preset "$preset"
    fi
}

# The programs that there must be according to the sources, built or not.
programs() {
    local source
    for source in tests/unit/test_*.c tests/grad/test_*.c tests/fuzz/fuzz_*.c; do
        basename "$source" .c
    done
}

run_programs() { # prefix folder program...
    local prefix=$1 folder=$2 name
    shift 2
    for name in "$@"; do
        ! deferred "$name" || continue
        case $name in
        fuzz_*)
            run "$prefix$name" "$folder/$name" "tests/fuzz/corpus/${name#fuzz_}"
            ;;
        *) run "$prefix$name" "$folder/$name" ;;
        esac
    done
}

run_scripts() { # script...
    local script folder name interpreter
    for script in "$@"; do
        folder=${script%/*} # parity/test_onnx.py and test_onnx differ in name
        name=${folder##*/}-$(basename "$script" .py)
        ! deferred "$name" || continue
        interpreter=/usr/bin/python3
        case $script in
        tests/parity/test_onnx*.py | tests/parity/test_tensorboard.py)
            interpreter=$python
            ;;
        esac
        run "$name" env DMS_BUILD="$PWD/build" "$interpreter" "$script" -v
    done
}

usual() {
    local script
    for script in tests/test_*.py; do # of the sources: layers, numbers
        run "$(basename "$script" .py | sed s/test_//)" \
            /usr/bin/python3 "$script" -v
    done
    # shellcheck disable=SC2046
    run_programs "" build $(programs)
    run_scripts tests/parity/test_*.py tests/cli/test_*.py \
        tests/python/test_*.py tests/install/test_*.py
}

sanitized() {
    # shellcheck disable=SC2046
    build asan $(programs | sed 's/^/asan-/')
    export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1
    export LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0
    run_programs asan- build-asan $(programs)
    unset ASAN_OPTIONS LSAN_OPTIONS

    # shellcheck disable=SC2086
    build tsan tsan-threads $(printf 'tsan-%s ' $threaded)
    # One thread for oneDNN: ThreadSanitizer cannot see libgomp's barriers.
    export OMP_NUM_THREADS=1
    export TSAN_OPTIONS=suppressions=$PWD/tests/tsan.supp
    # shellcheck disable=SC2086
    run_programs tsan- build-tsan $threaded
    run tsan-threads env DMS_BUILD="$PWD/build-tsan" \
        /usr/bin/python3 tests/threads/test_threads.py -v
    unset OMP_NUM_THREADS TSAN_OPTIONS
}

all() {
    build clang tidy
    run tidy tools/tidy.py build-clang
    sanitized
    build coverage coverage
    run coverage tools/coverage.py build-coverage
    build fuzz fuzz
    # No luck in it: the same code meets the same inputs each time.
    run fuzz tools/fuzz.py --seed 1 build-fuzz 30
}

soak() {
    local script
    build fuzz fuzz-long
    run fuzz-long tools/fuzz.py build-fuzz 600
    for script in tests/soak/test_*.py; do
        run "soak-$(basename "$script" .py)" env DMS_BUILD="$PWD/build" \
            /usr/bin/python3 "$script" -v
    done
}

mkdir -p "$logs"
if [ $list = no ]; then
    packages=--tests
    [ $level = usual ] || packages=--all
    tools/install-packages.sh $packages || exit 1
    start=$SECONDS
    build_preset release >"$logs/build-gcc.log" 2>&1
    status=$?
    count build-gcc "$logs/build-gcc.log" $status $((SECONDS - start))
    if [ $status -ne 0 ]; then
        echo "$passed passed, $failed failed, $skipped skipped"
        exit 1
    fi
    tools/install-peers.sh build
fi
python=build/peers/bin/python # Debian's Python with what PyPI has besides
[ -x "$python" ] || python=/usr/bin/python3

[ $level = soak ] || usual
[ $level != all ] || all
[ $level != soak ] || soak

if [ $suites -eq 0 ]; then
    echo "no suite's name contains: ${filters[*]} (./test.sh --all --list)" >&2
    exit 2
fi
[ $list = no ] || exit 0
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
