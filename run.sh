#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Bastion without reading anything first. Each word below may be said again and again: what is there already is left alone,
# and what a trial run made is removed when it ends, whichever way it ends.
set -eu
cd "$(dirname "$0")"

usage() {
        cat <<'EOF'
Usage: sudo ./run.sh [COMMAND]

  (none)      look at this machine in learning mode: nothing is held, nothing is denied, Ctrl-C removes every trace
  demo        one minute in private networks: a question, a deny that costs no packet, the figures
  install     build and install to stay: programs, group, service, started now and at boot
  uninstall   remove all of that, history and log included; only /etc/bastion stays
  rescue      free this machine's network from Bastion, whatever happened

Environment: PREFIX (/usr/local) and DESTDIR for install and uninstall.
EOF
}

prefix=${PREFIX:-/usr/local}
destdir=${DESTDIR:-}
etc=$destdir/etc/bastion
share=$destdir$prefix/share/bastion
PATH=$PATH:/usr/sbin:/sbin
export PATH

say() { echo "run.sh: $*"; }
fail() {
        echo "run.sh: $*" >&2
        exit 1
}

need_linux_and_root() {
        [ "$(uname -s)" = Linux ] || fail "Bastion is a firewall for Linux; this is $(uname -s)"
        [ "$(id -u)" = 0 ] || fail "a firewall needs root: sudo ./run.sh $command"
}

build() {
        tools/install-deps.sh run
        say "building (a minute the first time)"
        tools/build.sh build "$@"
}

systemd_runs() { [ -z "$destdir" ] && [ -d /run/systemd/system ]; }

# A daemon of this network namespace that is not ours to disturb, by its process id.
running_daemon() {
        our_network=$(readlink /proc/self/ns/net)
        for entry in /proc/[0-9]*; do
                [ "$(cat "$entry/comm" 2>/dev/null)" = bastion-daemon ] || continue
                [ "$(readlink "$entry/ns/net" 2>/dev/null)" = "$our_network" ] && echo "${entry#/proc/}"
        done
        return 0
}

# --- this machine, for as long as the screen is open ------------------------------------------------------------------

# Tables of Bastion in this network namespace, as words.
tables() { nft list tables 2>/dev/null | sed -n 's/^table \(ip6*\) bastion$/\1/p' | tr '\n' ' '; }

end_trial() {
        trap - EXIT
        trap '' INT TERM HUP
        [ -z "$screen" ] || kill -TERM "$screen" 2>/dev/null || true
        if [ -n "$daemon" ]; then
                kill -TERM "$daemon" 2>/dev/null || true
                tries=50
                while kill -0 "$daemon" 2>/dev/null && [ "$tries" -gt 0 ]; do
                        sleep 0.1
                        tries=$((tries - 1))
                done
                kill -KILL "$daemon" 2>/dev/null || true
                wait "$daemon" 2>/dev/null || true
        fi
        # The daemon cleans up after itself; this is for the one that was killed.
        build/src/daemon/bastion-daemon --run="$trial/run" --pins="$trial/bpffs/bastion" --rescue >/dev/null 2>&1 || true
        for family in $(tables); do
                nft delete table "$family" bastion || true
        done
        left=$(tables)
        if mountpoint -q "$trial/bpffs"; then
                umount "$trial/bpffs" 2>/dev/null || umount --lazy "$trial/bpffs"
        fi
        rm -rf "$trial"
        [ -z "$left" ] || fail "the nftables tables of Bastion could not be removed: try sudo ./run.sh rescue"
        [ -z "$daemon" ] || say "Bastion has gone and nothing of it is left on this machine."
}

wait_until_ready() {
        tries=100
        while ! $bastion status >/dev/null 2>&1; do
                if ! kill -0 "$daemon" 2>/dev/null || [ "$tries" -eq 0 ]; then
                        cat "$trial/output" >&2
                        fail "the daemon did not start; its words are above"
                fi
                sleep 0.1
                tries=$((tries - 1))
        done
}

look_at_this_machine() {
        other=$(running_daemon | tr '\n' ' ')
        [ -z "$other" ] || fail "Bastion runs already (process ${other% }); look at it with: bastion watch --ask"
        [ -z "$(tables)" ] || fail "tables of an earlier Bastion are still there; free the machine first: sudo ./run.sh rescue"
        build

        daemon='' screen=''
        trial=$(mktemp -d /run/bastion-trial.XXXXXX)
        trap end_trial EXIT
        trap 'exit 0' INT # how one leaves
        trap 'exit 143' TERM
        trap 'exit 129' HUP
        # The user who called sudo may reach the socket and answer (SUDO_UID); the rest is root's.
        chmod 0755 "$trial"
        mkdir "$trial/run"
        mkdir -m 0700 "$trial/etc" "$trial/state" "$trial/log" "$trial/bpffs"
        sed "s|\"log_file\": \"[^\"]*\"|\"log_file\": \"$trial/log/bastion-daemon.log\"|" data/config.json >"$trial/etc/config.json"
        # Pins in a file system of their own: unmounting it removes what a killed daemon leaves.
        mount -t bpf bpf "$trial/bpffs" 2>/dev/null || say "no BPF file system here; the daemon will say what that means"

        # A session of its own: Ctrl-C is for the screen, and the daemon is ended in order.
        setsid build/src/daemon/bastion-daemon --foreground --etc="$trial/etc" --run="$trial/run" --state="$trial/state" \
                --log-dir="$trial/log" --data="$PWD/data" --pins="$trial/bpffs/bastion" </dev/null >"$trial/output" 2>&1 &
        daemon=$!
        bastion="build/src/cli/bastion --socket=$trial/run/bastion-daemon.sock"
        wait_until_ready

        if [ -t 0 ] && [ -t 1 ]; then
                $bastion watch --ask || status=$?
        else
                say "learning mode: each new connection is a line; nothing is held"
                # Behind a wait, a signal ends this at once; a foreground command would have to end first.
                $bastion watch </dev/null &
                screen=$!
                wait "$screen" || status=$?
        fi
        # 130: left by Ctrl-C, as one does. 3: the daemon went away.
        if [ "${status:-0}" = 3 ]; then
                tail -n 20 "$trial/output" >&2
                fail "the daemon ended; its last words are above"
        fi
}

# --- to stay ----------------------------------------------------------------------------------------------------------

make_group() {
        if command -v systemd-sysusers >/dev/null; then
                systemd-sysusers "$prefix/lib/sysusers.d/bastion-firewall.conf"
        elif ! getent group bastion >/dev/null; then
                groupadd --system bastion
                useradd --system --gid bastion --no-create-home --home-dir / --shell /usr/sbin/nologin bastion
        fi
}

start_service() {
        if ! systemd_runs; then
                [ -n "$destdir" ] || say "systemd does not run here; start it with: sudo $prefix/sbin/bastion-daemon"
                return
        fi
        systemctl daemon-reload
        systemctl enable --quiet bastion-firewall.service
        systemctl restart bastion-firewall.service ||
                fail "the service did not start; see: journalctl -u bastion-firewall"
        say "bastion-firewall.service is enabled and runs"
}

# Machines that people sit at get the tray and the control panel; a server gets no desktop libraries.
has_desktop() {
        for session in /usr/share/xsessions/*.desktop /usr/share/wayland-sessions/*.desktop; do
                [ ! -e "$session" ] || return 0
        done
        ldconfig -p | grep -q 'libgtk-4\.so\.1'
}

install_bastion() {
        if has_desktop; then
                say "graphical sessions are here: the desktop's programs come with it"
                tools/install-deps.sh gui || say "their libraries cannot be installed: without the desktop's programs"
        else
                say "no graphical session is here: without the desktop's programs"
        fi
        build --prefix="$prefix"
        if systemd_runs; then
                other=$(running_daemon)
                service=$(systemctl show -P MainPID bastion-firewall.service 2>/dev/null || echo 0)
                for pid in $other; do
                        [ "$pid" = "$service" ] || fail "a daemon that is not the service runs (process $pid); end it first"
                done
        fi

        # DESTDIR is meson's own word for the same.
        meson install -C build --no-rebuild --quiet
        mkdir -p "$etc/rules.d" "$destdir/etc/logrotate.d"
        # People's configuration is never replaced.
        [ -e "$etc/config.json" ] || install -m 0644 data/config.json "$etc/config.json"
        install -m 0644 data/bastion-firewall.logrotate "$destdir/etc/logrotate.d/bastion-firewall"
        autostart=$destdir/etc/xdg/autostart/com.bastion.firewall.desktop
        if [ -f "$share/autostart.desktop" ]; then
                mkdir -p "${autostart%/*}"
                install -m 0644 "$share/autostart.desktop" "$autostart"
        fi
        # uninstall must find what was installed without this build folder; meson names a folder only when it made it.
        {
                cat "$share/installed-files" 2>/dev/null || true
                sed '/^#/d' build/meson-logs/install-log.txt
                echo "$destdir/etc/logrotate.d/bastion-firewall"
                [ ! -f "$share/autostart.desktop" ] || echo "$autostart"
                echo "$share/installed-files"
        } | sort -u >"$share/installed-files.new"
        mv "$share/installed-files.new" "$share/installed-files"
        if [ -z "$destdir" ]; then
                make_group
                mkdir -p /var/lib/bastion
        fi
        start_service

        say "installed below $destdir$prefix; configuration in $etc, mode $(sed -n 's/.*"mode": *"\([a-z]*\)".*/\1/p' "$etc/config.json")"
        [ -n "$destdir" ] || [ -z "${SUDO_USER:-}" ] || id -nG "$SUDO_USER" 2>/dev/null | grep -qw bastion ||
                say "to answer questions as $SUDO_USER: sudo usermod -aG bastion $SUDO_USER (and log in again)"
        say "next: bastion status, bastion watch --ask, bastion mode enforcement --try 60"
}

# Files first, then the folders that were made for them, the deepest first and only when nothing else is in them.
remove_installed_files() {
        list=$(mktemp)
        sort -ru "$share/installed-files" >"$list"
        while IFS= read -r path; do
                case "$path" in
                "$etc"|"$etc"/*) continue ;;
                "$destdir"/?*) [ -d "$path" ] || rm -f -- "$path" ;;
                esac
        done <"$list"
        while IFS= read -r path; do
                [ ! -d "$path" ] || rmdir -- "$path" 2>/dev/null || true
        done <"$list"
        rm -f "$list"
}

uninstall_bastion() {
        if systemd_runs && systemctl cat bastion-firewall.service >/dev/null 2>&1; then
                systemctl disable --quiet --now bastion-firewall.service || say "the service could not be stopped in order"
        fi
        [ -n "$destdir" ] || tools/rescue.sh
        if [ -f "$share/installed-files" ]; then
                remove_installed_files
        else
                say "nothing is installed below $destdir$prefix"
        fi
        rm -rf "$destdir/var/lib/bastion" "$destdir/run/bastion"
        rm -f "$destdir/var/log/bastion-daemon.log" "$destdir"/var/log/bastion-daemon.log.*
        if [ -z "$destdir" ]; then
                ! getent passwd bastion >/dev/null || userdel bastion
                ! getent group bastion >/dev/null || groupdel bastion
        fi
        if systemd_runs; then
                systemctl daemon-reload
        fi
        if [ -d "$etc" ]; then
                say "uninstalled, with history and log; your configuration and rules stay in $etc"
        else
                say "uninstalled"
        fi
}

# What trial runs left that were killed before they could clean up.
rescue() {
        tools/rescue.sh
        for left in /run/bastion-trial.*; do
                [ -d "$left" ] || continue
                ! mountpoint -q "$left/bpffs" || umount --lazy "$left/bpffs"
                rm -rf "$left"
                say "removed $left"
        done
}

command=${1-}
[ $# -le 1 ] || [ "$command" = demo ] || { usage >&2; exit 2; }
case "$command" in
'') need_linux_and_root; look_at_this_machine ;;
demo) need_linux_and_root; shift; build; exec /usr/bin/python3 tools/demo "$@" ;;
install) need_linux_and_root; install_bastion ;;
uninstall) need_linux_and_root; uninstall_bastion ;;
rescue) need_linux_and_root; rescue ;;
help|-h|--help) usage ;;
*) usage >&2; exit 2 ;;
esac
