/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who asks a person for their password when polkit wants it: in a desktop session its agent does, on a bare terminal nobody, so `bastion` brings
 * pkttyagent along. It registers for this process alone, and behind the agent of the session where there is one.
 */
#pragma once

#include <sys/types.h>

/* Starts it, and returns when it is registered; 0 where there is no terminal, no pkttyagent, or no need of one (root). */
pid_t agent_open(void);
/* Ends it; takes 0, and sets *agent to that. */
void agent_close(pid_t *agent);
