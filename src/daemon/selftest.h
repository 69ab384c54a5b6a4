/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "daemon/options.h"

/* Applies the firewall for a while and says whether this machine still reaches what it should: 0 or 1, the exit code. */
int selftest_run(const struct options *options);
