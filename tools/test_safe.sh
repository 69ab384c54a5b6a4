#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The safe test, under the name that people know: applies the firewall to this machine for a few seconds, looks whether the machine still
# reaches what it should, and takes it away again whatever happens. All of that is `bastion selftest`; here it is only found.
set -eu
cd "$(dirname "$0")/.."

case "${1-}" in
-h|--help)
        echo "Usage: sudo tools/test_safe.sh [OPTION-OF-BASTION-SELFTEST...]"
        exit 0 ;;
esac
if [ "$(id -u)" != 0 ]; then
        echo "test_safe: must be root: sudo tools/test_safe.sh" >&2
        exit 4
fi

bastion=$(command -v bastion || true)
if [ -z "$bastion" ]; then
        tools/build.sh
        bastion=$PWD/build/src/cli/bastion
fi
exec "$bastion" selftest "$@"
