/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What Bastion has in the kernel is the daemon's knowledge, and history is the recorder's: some commands run their programs in place of this one.
 *
 * `argv`: [0] is filled in (client/programs.h). Each returns only when that failed, with words.
 */
#pragma once

void daemon_program_exec(char **argv);
void recorder_program_exec(char **argv);
