/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words for a person go through gettext: _() where they are shown, N_() where they only stand. The domain is bound by app_new(). */
#pragma once

#include <libintl.h>

#define _(text)                  gettext(text)
#define N_(text)                 text
#define ngettext_(one, many, n)  ngettext(one, many, n)
