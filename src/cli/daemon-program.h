/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Bastion has in the kernel is the daemon's knowledge: some commands run its program in place of this one. */
#pragma once

/*
 * Runs bastion-daemon with `argv`, whose [0] is filled in; it is looked for beside this program first, so that a tree that was built and never
 * installed works, then where it is installed. Returns only when that failed, with words about every file that was there and did not run.
 */
void daemon_program_exec(char **argv);
