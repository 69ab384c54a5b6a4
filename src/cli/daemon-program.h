/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What Bastion has in the kernel is the daemon's knowledge, and history is the recorder's: some commands run their programs in place of this one.
 *
 * `argv`: [0] is filled in. A program is looked for beside this one first, so that a tree that was built and never installed works, then where it
 * is installed. Each returns only when that failed, with words about every file that was there and did not run.
 */
#pragma once

void daemon_program_exec(char **argv);
void recorder_program_exec(char **argv);
