# SPDX-License-Identifier: GPL-3.0-or-later
from harness.fixtures import *  # noqa: F401,F403  pylint: disable=wildcard-import,unused-wildcard-import
