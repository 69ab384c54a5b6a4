#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds Bastion into build/ (or into the folder named first; what follows goes to `meson setup`). Under sudo the
# compiler runs as the owner of the source tree, so that no root-owned files stay behind in somebody's clone.
set -eu
cd "$(dirname "$0")/.."

case "${1-}" in
-h|--help)
        echo "Usage: tools/build.sh [FOLDER [MESON-OPTION...]]"
        echo "Builds into FOLDER (build). CC chooses the compiler of a new folder."
        exit 0 ;;
esac
folder=${1:-build}
[ $# -eq 0 ] || shift

fail() {
        echo "build: $*" >&2
        exit 1
}

for tool in meson ninja clang bpftool; do
        PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null && continue
        [ "$tool" != bpftool ] || ! ls /usr/lib/linux-tools*/*/bpftool /usr/lib/linux-tools-*/bpftool >/dev/null 2>&1 || continue
        fail "$tool is not installed; run 'sudo tools/install-deps.sh run' first"
done

owner=$(stat -c %u .)
group=$(stat -c %g .)
as_owner() {
        if [ "$(id -u)" = 0 ] && [ "$owner" != 0 ]; then
                HOME=$(getent passwd "$owner" | cut -d: -f6) \
                        setpriv --reuid="$owner" --regid="$group" --clear-groups -- "$@"
        else
                "$@"
        fi
}
if [ "$(id -u)" = 0 ] && [ -d "$folder" ] && [ "$(stat -c %u "$folder")" != "$owner" ]; then
        chown -R "$owner:$group" "$folder"
fi

quietly() {
        as_owner "$@" >"$log" 2>&1 || {
                cat "$log" >&2
                fail "failed: $*"
        }
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

if [ ! -f "$folder/build.ninja" ]; then
        quietly meson setup "$folder" "$@"
elif [ $# -gt 0 ]; then
        # Options of an existing folder; `meson setup --reconfigure` takes the same words.
        quietly meson setup --reconfigure "$folder" "$@"
fi
quietly meson compile -C "$folder"
