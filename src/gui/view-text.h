/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every sentence that the desktop's programs put together for a person; labels that never change stand in the .ui files. No GTK here, no
 * markup: whoever shows these shows them as plain text. What a stranger chose (names, paths, arguments, hosts) is made visible on the way
 * (client/words.h): control and bidirectional characters, bad UTF-8. Pure but for the user's name.
 */
#pragma once

#include "wire/message.h"

/* "example.com:443", "[2001:db8::7]:53", "192.0.2.9 (ICMP)": to whom, in one form wherever it is said in a few words. `host`: or NULL; of one of more than
 * `max` characters the middle is left out. */
void view_place(struct buf *out, const struct flow *flow, const char *host, unsigned max);
/* The name by which people know that port, or NULL. The services database would be a file to read and, by the name service, more than that. */
const char *view_port_name(uint16_t port);

const char *view_lost(void); /* the daemon went away before it answered */
const char *view_history_garbled(void); /* what reads history said something that is none of its words */
