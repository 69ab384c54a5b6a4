#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Measures what Bastion costs, beside no firewall and beside the plainest program that a packet can be queued to, all in one run and in private
# network namespaces. `sudo bench/run.sh --help` has the words; bench/measure.py says what is measured and how.
set -eu
cd "$(dirname "$0")/.."

case " $* " in
*" -h "*|*" --help "*) ;;
*)
        [ "$(id -u)" = 0 ] || {
                echo "bench/run.sh: network namespaces need root: sudo bench/run.sh" >&2
                exit 4
        }
        tools/build.sh build ;;
esac
PATH=$PATH:/usr/sbin:/sbin
export PATH
exec /usr/bin/python3 -B bench/measure.py "$@"
