/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The screen of `bastion ask` and `bastion watch --ask`: events in, keys in, pictures out. */
#pragma once

#include <stdbool.h>

#include "cli/cli.h"

/* Runs until the person leaves or the daemon does. `watch`: with connections, decisions, a status line and
 * the keys for trying enforcement. Needs a terminal on standard input and output. Returns an exit code. */
int live_run(const struct cli *cli, bool watch);
