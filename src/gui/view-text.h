/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every sentence that the desktop's programs put together for a person; labels that never change stand in the .ui files. No GTK here, no
 * markup: whoever shows these shows them as plain text. What a stranger chose (names, paths, arguments, hosts) is made visible on the way
 * (client/words.h): control and bidirectional characters, bad UTF-8. Pure but for the user's name.
 */
#pragma once

#include "wire/message.h"

const char *view_lost(void); /* the daemon went away before it answered */
const char *view_history_garbled(void); /* what reads history said something that is none of its words */
