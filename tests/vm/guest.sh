#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs inside the machine that tests/vm/run.sh booted: the end-to-end tests that depend on the kernel, on both rungs, then the
# installed service, from a copy on the guest's own disk (9p is slow, and not every file system takes a mapped file).
# Results go back to the share.
set -u
share=/share
results=$share/results
exec >"$results/guest.log" 2>&1
uname -a
mkdir -p /src && tar -C /src -xf "$share/bastion.tar" # built there, so run.sh has nothing to build
cd /src || exit 1
export BASTION_TEST_OWN_MACHINE=1 HOME=/root LANG=C.UTF-8 BASTION_TEST_PATIENCE=240 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

selection='test_the_rung_is_the_one_asked_for or test_auto_takes_the_gate or test_the_queue_is_nfts_own or test_doctor_has_no_complaint
        or test_allow_lets_it_through or test_deny_fails_at_once or test_short_lived_programs_are_named
        or test_arguments_and_parents or test_a_stop_leaves_nothing or test_after_a_crash
        or test_what_is_older_than_the_daemon or test_a_service_answers or test_loopback
        or test_an_answer_is_copied or test_real_programs_ask_a_real_server'
selection=$(echo "$selection" | tr -s ' \n' ' ')
[ "$(cat "$share/all")" = no ] || selection=''

# The name of the result, then words for pytest, which writes at its end; a torn file is worse than none.
tests() {
        part=$1
        shift
        /usr/bin/python3 -m pytest -v -rs -p no:cacheprovider --junitxml="$results/$part.new" "$@" </dev/null
        mv "$results/$part.new" "$results/$part.xml"
}
for rung in gate queue; do
        tests "$rung" tests/e2e --rung="$rung" --build="$PWD/build" -k "$selection"
done
tests service tests/vm/test_service.py
dmesg --level=err,crit,alert,emerg
echo "guest: done"
