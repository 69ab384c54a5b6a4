/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two words of `bastion rules` that are about changes: cmd-changes.c. */
#pragma once

#include "cli/cli.h"

int changes_show(const struct cli *cli);
int changes_undo(const struct cli *cli);
