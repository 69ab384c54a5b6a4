# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions are awaited, never slept for. The limits are generous: they end a broken run, they do not measure."""

import os
import time

# An emulated machine (tests/vm) needs more.
PATIENCE = float(os.environ.get("BASTION_TEST_PATIENCE", "20"))


class NeverHappened(AssertionError):
    pass


def until(condition, what, seconds=PATIENCE):
    """Calls `condition` until it returns something true, and returns that."""
    deadline = time.monotonic() + seconds
    pause = 0.002
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise NeverHappened(f"waited {seconds:.0f} s in vain: {what() if callable(what) else what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
