#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs inside the machine that tests/vm/run.sh booted: the end-to-end tests that depend on the kernel, on both rungs, from a
# copy on the guest's own disk (9p is slow, and not every file system takes a mapped file). Results go back to the share.
set -u
share=/share
results=$share/results
exec >"$results/guest.log" 2>&1
uname -a
mkdir /root/bastion && tar -C /root/bastion -xf "$share/bastion.tar"
cd /root/bastion || exit 1
export HOME=/root LANG=C.UTF-8 BASTION_TEST_PATIENCE=240 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

selection='test_the_rung_is_the_one_asked_for or test_auto_takes_the_gate or test_the_queue_is_nfts_own or test_doctor_has_no_complaint
        or test_allow_lets_it_through or test_deny_fails_at_once or test_short_lived_programs_are_named
        or test_arguments_and_parents or test_a_stop_leaves_nothing or test_after_a_crash
        or test_what_is_older_than_the_daemon or test_a_service_answers or test_loopback'
selection=$(echo "$selection" | tr -s ' \n' ' ')
[ "$(cat "$share/all")" = no ] || selection=''

for rung in gate queue; do
        /usr/bin/python3 -m pytest tests/e2e -v -rs --rung="$rung" --build="$PWD/build" -p no:cacheprovider -k "$selection" \
                --junitxml="$results/$rung.xml.new" </dev/null
        # pytest writes it at its end; a torn file is worse than none.
        mv "$results/$rung.xml.new" "$results/$rung.xml"
done
dmesg --level=err,crit,alert,emerg
echo "guest: done"
