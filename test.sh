#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Tests everything: layers, units, tables and fuzz corpora; the real programs end to end in private network namespaces, and the
# desktop; and beside them the units and corpora under sanitizers (built by clang) and the units under valgrind. The machine's
# own network is not touched. The last line sums up.
set -eu
cd "$(dirname "$0")"

usage() {
        cat <<'EOF'
Usage: sudo ./test.sh [full] [--no-deps] [--rung=gate|queue]

  full           the full counts (2,000 programs instead of 200, and so on)
  --no-deps      install nothing
  --rung=RUNG    end-to-end tests on one rung of the ladder only
EOF
}

deps=yes rung=all
for word in "$@"; do
        case "$word" in
        full) export BASTION_TEST_FULL=1 ;;
        --no-deps) deps=no ;;
        --rung=gate|--rung=queue) rung=${word#--rung=} ;;
        -h|--help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
        esac
done

PATH=$PATH:/usr/sbin:/sbin
export PATH
# The distribution's Python has the distribution's pytest; another one earlier in PATH may not.
python=/usr/bin/python3
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
passed=0 failed=0

step() {
        printf '\n== %s\n' "$*"
}

# Counts a command as one test.
check() {
        name=$1
        shift
        if "$@" </dev/null; then
                passed=$((passed + 1))
        else
                failed=$((failed + 1))
                echo "FAILED   $name"
        fi
}

# Runs meson's tests in a build folder; their results are counted at the end. No results at all count as a failure.
meson_tests() {
        folder=$1 name=$2
        shift 2
        rm -f "$folder/meson-logs/$name"*
        meson test -C "$folder" --no-rebuild --print-errorlogs --logbase "$name" "$@" </dev/null || true
        # meson appends the wrapper's name to the file's.
        cat "$folder/meson-logs/$name"*.junit.xml >"$results/$name.xml" || true
}

# --- build ------------------------------------------------------------------------------------------------------------
if [ "$deps" = yes ]; then
        step "packages"
        tools/install-deps.sh run test
fi
step "build (gcc)"
# A compiler of another kind, chosen by the environment, would make the two builds the same.
CC=gcc tools/build.sh build -Dunit=enabled

# --- what needs no network --------------------------------------------------------------------------------------------
step "layers and scripts"
check "tools/check-layers" tools/check-layers
check "tools/check-words" tools/check-words
scripts='run.sh test.sh .ci/run tools/build.sh tools/check-layers tools/check-words tools/install-deps.sh tools/rescue.sh tools/start_daemon.sh
        tools/test_safe.sh tests/vm/run.sh tests/vm/guest.sh src/helpers/bastion-launch.in'
# shellcheck disable=SC2086  # a list of words
check "shellcheck" shellcheck --severity=warning $scripts

step "units, tables, corpora"
meson_tests build plain

# What only computes: the other build, and the same as above in it and under valgrind.
compute() {
        renice -n 19 -p "$(exec sh -c 'echo $PPID')" >/dev/null
        step "build (clang, address and undefined behaviour sanitizers)"
        CC=clang tools/build.sh build-asan -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debug -Dunit=enabled
        step "units, tables, corpora under sanitizers"
        export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
        meson_tests build-asan sanitizers --timeout-multiplier 20
        unset ASAN_OPTIONS UBSAN_OPTIONS
        step "the units under valgrind"
        # What is random there was tried five hundred times as often above: here each line has to run, not each case.
        export BASTION_TEST_ROUNDS=200
        meson_tests build valgrind --suite unit --timeout-multiplier 40 \
                --wrapper 'valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=99'
}
# The tests below wait more than they compute: beside them, and behind them where both want to, it takes little time of its own.
compute >"$results/compute.log" 2>&1 &
computing=$!

# --- end to end -------------------------------------------------------------------------------------------------------
# Most of them wait for something; three files at a time, each in namespaces of its own, do so at once.
workers="-n 3 --dist loadfile"
step "end to end, in private network namespaces"
# 5 is pytest's word for "no tests there"; anything else wrong is in the results, or they are missing, which counts as well.
# shellcheck disable=SC2086  # words
"$python" -m pytest tests/e2e -q -rs $workers --rung="$rung" --build="$PWD/build" -p no:cacheprovider \
        --junitxml="$results/e2e.xml" </dev/null || true
[ -f "$results/e2e.xml" ] || : >"$results/e2e.xml"

step "the desktop, on a display of its own"
# shellcheck disable=SC2086  # words
"$python" -m pytest tests/gui -q -rs $workers --build="$PWD/build" -p no:cacheprovider --junitxml="$results/gui.xml" </dev/null || true
[ -f "$results/gui.xml" ] || : >"$results/gui.xml"

wait "$computing" || { failed=$((failed + 1)); echo "FAILED   the build with sanitizers"; }
cat "$results/compute.log"

# The daemon's life under sanitizers: a leak at its end, a use after free or an undefined shift fails the test that it served.
# Waiting for questions to expire takes the same time there and shows nothing more.
step "end to end under sanitizers, a part"
# shellcheck disable=SC2086  # words
ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
        "$python" -m pytest tests/e2e/test_first_light.py tests/e2e/test_old_client.py tests/e2e/test_life.py -q -rs $workers \
        -k 'not no_answer_in_time' --rung="$rung" --build="$PWD/build-asan" -p no:cacheprovider \
        --junitxml="$results/e2e-sanitizers.xml" </dev/null || true
[ -f "$results/e2e-sanitizers.xml" ] || : >"$results/e2e-sanitizers.xml"

if [ "${BASTION_TEST_FULL-}" = 1 ]; then
        step "stock kernels, emulated (half an hour)"
        # Without an emulator they are skipped, with the reason.
        [ "$deps" = no ] || tools/install-deps.sh vm || true
        check "tests/vm/run.sh" tests/vm/run.sh --junit="$results"
fi

step "summary"
"$python" tools/count-tests --passed="$passed" --failed="$failed" "$results"/*.xml
