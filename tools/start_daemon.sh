#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Starts the daemon: the installed service where there is one, else a freshly built daemon with the system's directories, in
# the foreground, until Ctrl-C. `sudo ./run.sh` is the friendlier way to try Bastion without installing it.
set -eu
cd "$(dirname "$0")/.."

case "${1-}" in
-h|--help)
        echo "Usage: sudo tools/start_daemon.sh [DAEMON-OPTION...]"
        exit 0 ;;
esac
if [ "$(id -u)" != 0 ]; then
        echo "start_daemon: must be root: sudo tools/start_daemon.sh" >&2
        exit 1
fi

if [ $# -eq 0 ] && [ -d /run/systemd/system ] && systemctl cat bastion-firewall.service >/dev/null 2>&1; then
        systemctl start bastion-firewall.service
        exec systemctl --no-pager --lines=5 status bastion-firewall.service
fi

daemon=$(command -v bastion-daemon || true)
if [ -z "$daemon" ]; then
        tools/build.sh
        daemon=$PWD/build/src/daemon/bastion-daemon
fi
mkdir -p /etc/bastion
exec "$daemon" --foreground "$@"
