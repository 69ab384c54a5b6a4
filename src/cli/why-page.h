/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `bastion why` as a page for a person: what is known and from where, the verdict, the rules that were considered in the order in
 * which they decide, and commands to paste that turn the verdict.
 */
#pragma once

#include "base/buf.h"
#include "cli/term.h"
#include "wire/message.h"

/* `decision`: the one that is asked about, or NULL where the connection was only supposed. */
void why_page(struct buf *out, const struct style *style, const struct why *w, const struct record *decision);
