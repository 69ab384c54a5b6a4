#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Bastion on the kernels that people have: Debian 12's (6.1) and Debian 13's (6.12), each in a machine of its own, emulated by
# QEMU, with that release's compiler, libraries and tools. They have what a machine for tests may lack (nft's own `queue`,
# netfilter as modules, systemd as PID 1), and their verifiers are not ours.
#
# For each kernel: a root from the distribution's packages (kept in build-vm/), where Bastion's packages are installed as
# README says; a build and the units in there, at full speed; a boot, and in it tests/vm/guest.sh. Only the guest's own
# network is touched. The emulator is some 30 times slower than the machine: for behaviour, never for figures.
set -eu
cd "$(dirname "$0")/../.."
source=$PWD
cache=$source/build-vm
mkdir -p "$cache"

usage() {
        cat <<'EOF'
Usage: sudo tests/vm/run.sh [--all] [--junit=DIR] [6.1|6.12]...

  --all         every end-to-end test, not only those that depend on the kernel
  --junit=DIR   leave the results there for a caller that counts them itself
EOF
}

versions='' junit='' all=no
for word in "$@"; do
        case "$word" in
        6.1|6.12) versions="$versions $word" ;;
        --all) all=yes ;;
        --junit=*) junit=${word#--junit=} ;;
        -h|--help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
        esac
done
versions=${versions:-6.1 6.12}
PATH=$PATH:/usr/sbin:/sbin
export PATH

fail() {
        echo "tests/vm: $*" >&2
        exit 1
}

suite_of() {
        case "$1" in
        6.1) echo bookworm ;;
        6.12) echo trixie ;;
        esac
}

# A program inside the root, with the sources at /src and mounts that nobody else sees.
in_root() {
        vm=$1
        shift
        # shellcheck disable=SC2016  # the inner shell's words
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive \
                unshare --mount --fork -- sh -euc '
                        vm=$1
                        shift
                        mkdir -p "$vm/root/src"
                        mount --bind "$vm/share/src" "$vm/root/src"
                        mount -t proc proc "$vm/root/proc"
                        mount --rbind /dev "$vm/root/dev"
                        exec chroot "$vm/root" "$@"
                ' sh "$vm" "$@"
}

# The sources as they stand, the uncommitted ones too; the build folder in there is kept.
copy_sources() {
        mkdir -p "$1/share/src"
        (cd "$1/share/src" && find . -mindepth 1 -maxdepth 1 ! -name 'build*' -exec rm -rf {} +)
        git -c safe.directory='*' ls-files -z --cached --others --exclude-standard --deduplicate |
                tar --null --files-from=- --ignore-failed-read -cf - 2>/dev/null | tar -C "$1/share/src" --no-same-owner -xf -
}

# What the root is made from; another recipe makes another root.
recipe() {
        { sed -n '/^make_root() {$/,/^}$/p' tests/vm/run.sh; cat tools/install-deps.sh; } | sha256sum
}

make_root() {
        vm=$1 suite=$2
        rm -rf "$vm/root" "$vm/recipe" "$vm/disk.img"
        mmdebstrap --quiet --mode=root --variant=minbase --aptopt='Acquire::Languages "none"' \
                --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
                --dpkgopt='path-exclude=/usr/share/man/*' \
                --include=systemd-sysv,udev,dbus,git,initramfs-tools,linux-image-amd64 "$suite" "$vm/root" ||
                fail "no root of Debian's $suite could be made"
        in_root "$vm" /src/tools/install-deps.sh run test >"$vm/packages.log" 2>&1 ||
                { tail -n 30 "$vm/packages.log" >&2; fail "$suite: tools/install-deps.sh failed"; }
        cat >"$vm/root/etc/systemd/system/bastion-vm.service" <<'EOF'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
StandardOutput=journal+console
StandardError=journal+console
TimeoutStartSec=infinity
ExecStartPre=/bin/mkdir -p /share
ExecStartPre=/bin/mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 share /share
ExecStart=/bin/sh /share/src/tests/vm/guest.sh
ExecStopPost=/bin/systemctl --no-block --force poweroff
[Install]
WantedBy=multi-user.target
EOF
        ln -s ../bastion-vm.service "$vm/root/etc/systemd/system/multi-user.target.wants/bastion-vm.service"
        truncate -s 6G "$vm/disk.img"
        mke2fs -q -t ext4 -d "$vm/root" "$vm/disk.img"
        recipe >"$vm/recipe"
}

# Two minutes pass natively in what takes an hour here; a guest that hangs ends.
boot() {
        vm=$1
        set -- "$vm"/root/boot/vmlinuz-*
        kernel=$1
        timeout --foreground --kill-after=10 3600 qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -m 2048 -nodefaults -no-user-config \
                -nographic -serial stdio -monitor none -no-reboot -kernel "$kernel" -initrd "$vm/root/boot/initrd.img-${kernel##*/vmlinuz-}" \
                -append 'root=/dev/vda rw console=ttyS0 quiet panic=-1 mitigations=off systemd.show_status=false' \
                -drive "file=$vm/disk.img,format=raw,if=virtio,snapshot=on" \
                -virtfs "local,path=$vm/share,mount_tag=share,security_model=none,multidevs=remap" \
                -device virtio-rng-pci </dev/null >"$vm/console.log" 2>&1
}

test_version() {
        version=$1 suite=$(suite_of "$1")
        vm=$cache/$version results=$cache/$version/share/results
        printf '\n-- Debian %s, Linux %s\n' "$suite" "$version"
        copy_sources "$vm"
        [ "$(cat "$vm/recipe" 2>/dev/null)" = "$(recipe)" ] || make_root "$vm" "$suite"
        rm -rf "$results"
        mkdir -p "$results"
        in_root "$vm" sh -euc '
                cd /src
                tools/build.sh build -Dunit=enabled
                rm -f build/meson-logs/*.junit.xml
                meson test -C build --no-rebuild --print-errorlogs --quiet </dev/null || true
        ' || fail "$suite: the build failed"
        cat "$vm"/share/src/build/meson-logs/*.junit.xml >"$results/units.xml" || true
        # One file: the guest's own disk is quicker than many small files over 9p.
        tar -C "$vm/share/src" -cf "$vm/share/bastion.tar" data tests/e2e tests/vm tools build/src/daemon/bastion-daemon build/src/cli/bastion
        echo "$all" >"$vm/share/all"
        boot "$vm" || true
        for rung in gate queue; do
                # Results that never came count as a failure.
                [ -f "$results/$rung.xml" ] || : >"$results/$rung.xml"
        done
        grep -q '^guest: done' "$results/guest.log" 2>/dev/null || tail -n 30 "$vm/console.log"
        for file in "$results"/*.xml; do
                cp "$file" "$junit/$version-$(basename "$file")"
        done
}

# Why this machine cannot run these tests; nothing when it can.
obstacle() {
        [ "$(id -u)" = 0 ] || echo "needs root, to make a root file system"
        [ "$(uname -m)" = x86_64 ] || echo "needs an x86-64 machine, to build at full speed"
        for tool in qemu-system-x86_64 mmdebstrap mke2fs; do
                command -v "$tool" >/dev/null || echo "needs $tool: sudo tools/install-deps.sh vm"
        done
}

own=''
if [ -z "$junit" ]; then
        own=$(mktemp -d)
        junit=$own
        trap 'rm -rf "$own"' EXIT
fi
why=$(obstacle | head -n 1)
for version in $versions; do
        if [ -n "$why" ]; then
                echo "<testsuite><testcase name=\"Linux $version\"><skipped message=\"$why\"/></testcase></testsuite>" >"$junit/$version.xml"
        else
                test_version "$version"
        fi
done
[ -z "$own" ] || /usr/bin/python3 tools/count-tests "$junit"/*.xml
