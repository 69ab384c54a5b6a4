#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Fuzzes every parser, one at a time: run.sh [SECONDS EACH, 60] [TARGET…]. Builds with clang into build-fuzz, keeps what reached new
# code in tests/fuzz/corpus (small inputs only, at most 200 files and 300 KB a target), and ends with 1 when a target
# crashed; the input that did it is then in build-fuzz/crashes. Touches nothing else.
set -eu
cd "$(dirname "$0")/../.."

seconds=${1:-60}
[ $# -gt 0 ] && shift
build=build-fuzz
max_files=200
max_bytes=300000
max_input=16384

if [ ! -f $build/build.ninja ]; then
        CC=clang meson setup -Dfuzz=true -Db_lundef=false $build >/dev/null
fi
ninja -C $build -j 1 fuzz >/dev/null || { ninja -C $build -j 1 fuzz; exit 1; }
mkdir -p $build/crashes

corpus_bytes() {
        find "$1" -type f -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }'
}

# Copies the smallest of the inputs in $1 to the corpus $2, until it is full.
keep() {
        find "$1" -type f -size -8k -printf '%s %f\n' | sort -n | while read -r size name; do
                [ "$(find "$2" -type f | wc -l)" -lt $max_files ] || break
                [ $(($(corpus_bytes "$2") + size)) -le $max_bytes ] || break
                cp "$1/$name" "$2/$name"
        done
}

fuzz_one() {
        program=$build/tests/fuzz/fuzz_$1
        corpus=tests/fuzz/corpus/$1
        work=$build/runs/$1
        rm -rf "$work"
        mkdir -p "$work/found" "$work/new" "$work/stay"
        dict=
        [ ! -f "tests/fuzz/$1.dict" ] || dict=-dict=tests/fuzz/$1.dict
        # shellcheck disable=SC2086  # a word or none
        if ! "$program" $dict -max_total_time="$seconds" -max_len=$max_input -timeout=60 -rss_limit_mb=1024 -print_final_stats=1 \
                -artifact_prefix="$build/crashes/$1-" "$work/found" "$corpus" >"$work/log" 2>&1; then
                tail -n 40 "$work/log"
                echo "$1: CRASHED, see $build/crashes" >&2
                return 1
        fi
        # Merging by code reached, without counting how often, keeps the corpus small: first what is there, then what adds to it.
        cp "$corpus"/* "$work/stay"
        "$program" -merge=1 -use_counters=0 -max_len=$max_input "$work/stay" "$work/found" >"$work/merge.log" 2>&1
        for input in "$work/stay"/*; do
                [ -e "$corpus/$(basename "$input")" ] || mv "$input" "$work/new"
        done
        keep "$work/new" "$corpus"
        echo "$1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log") runs," \
                "$(find "$work/new" -type f | wc -l) new inputs, corpus $(find "$corpus" -type f | wc -l) files," \
                "$(corpus_bytes "$corpus") bytes"
}

[ $# -gt 0 ] || set -- $(sed -n "/^fuzz_targets/,/^]/s/^ *'\([a-z]*\)',\$/\1/p" tests/fuzz/meson.build)
failed=0
for target in "$@"; do
        fuzz_one "$target" || failed=1
done
exit $failed
