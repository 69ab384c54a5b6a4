#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Sets a machine free that Bastion keeps from its network: stops the service, ends what runs of the daemon in this network
# namespace, removes the nftables tables and the pinned BPF links. Plain shell; needs no binary of Bastion. The order
# matters: tables first, then pins, for a rule whose links are gone would block everything new. Files stay as they are.
set -u
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

usage() {
        cat <<'EOF'
Usage: sudo tools/rescue.sh [--pins=DIR]

Stops bastion-firewall.service (if systemd runs it) and every bastion-daemon of this network namespace, then removes the
tables `ip bastion` and `ip6 bastion` and the pins /sys/fs/bpf/bastion. Rules and configuration are kept.

  --pins=DIR    the daemon ran with this --pins (default: /sys/fs/bpf/bastion, outside the first network namespace
                /sys/fs/bpf/bastion-<inode of the namespace>)
EOF
}

pins=''
for word in "$@"; do
        case "$word" in
        --pins=?*) pins=${word#--pins=} ;;
        -h|--help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
        esac
done
if [ "$(id -u)" != 0 ]; then
        echo "rescue: must be root: sudo $0" >&2
        exit 4
fi

problems=0
say() { echo "rescue: $*"; }
problem() { echo "rescue: $*" >&2; problems=1; }

# Daemons of other network namespaces (containers, tests) are not ours to end.
our_network=$(readlink /proc/self/ns/net)
daemons() {
        for entry in /proc/[0-9]*; do
                [ "$(cat "$entry/comm" 2>/dev/null)" = bastion-daemon ] || continue
                [ "$(readlink "$entry/ns/net" 2>/dev/null)" = "$our_network" ] && echo "${entry#/proc/}"
        done
}

# Waits at most five seconds for the daemons to be gone.
wait_for_daemons() {
        tries=50
        while [ -n "$(daemons)" ] && [ "$tries" -gt 0 ]; do
                sleep 0.1
                tries=$((tries - 1))
        done
        [ -z "$(daemons)" ]
}

# The service belongs to the first namespace; from inside another one it is left alone.
if [ -d /run/systemd/system ] && [ "$(readlink /proc/1/ns/net)" = "$our_network" ] &&
        systemctl is-active --quiet bastion-firewall.service 2>/dev/null; then
        if systemctl stop bastion-firewall.service; then
                say "stopped bastion-firewall.service (start it again with: systemctl start bastion-firewall)"
        else
                problem "systemctl could not stop bastion-firewall.service"
        fi
fi
for signal in TERM KILL; do
        for pid in $(daemons); do
                kill -s "$signal" "$pid" 2>/dev/null && say "sent SIG$signal to bastion-daemon, process $pid"
        done
        wait_for_daemons && break
done
[ -z "$(daemons)" ] || problem "bastion-daemon does not end: $(daemons | tr '\n' ' ')"

removed=0
if command -v nft >/dev/null; then
        for family in ip ip6; do
                nft list tables "$family" 2>/dev/null | grep -qx "table $family bastion" || continue
                if nft delete table "$family" bastion; then
                        say "removed nftables table $family bastion"
                        removed=1
                else
                        problem "could not remove nftables table $family bastion"
                fi
        done
else
        problem "nft is not installed: tables were not looked for (apt-get install nftables)"
fi

# The daemon's own choice of place: other namespaces' daemons keep their pins.
if [ -z "$pins" ]; then
        pins=/sys/fs/bpf/bastion
        [ "$(readlink /proc/1/ns/net)" = "$our_network" ] || pins=$pins-$(stat -L -c %i /proc/self/ns/net)
fi
if [ -e "$pins" ]; then
        if rm -rf "$pins"; then
                say "removed $pins"
                removed=1
        else
                problem "could not remove $pins"
        fi
fi

[ "$problems" = 0 ] || exit 1
[ "$removed" = 1 ] || say "nothing of Bastion was in this network namespace's way"
say "done; the network is as it would be without Bastion"
