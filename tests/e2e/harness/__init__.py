# SPDX-License-Identifier: GPL-3.0-or-later
"""What the end-to-end tests stand on: namespaces, servers, programs, the daemon and its clients. Nothing in here knows a
rule or a verdict; a test says what it expects, the harness only makes it happen and cleans up."""
