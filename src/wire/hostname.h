/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Host names as people write them. Letters beyond ASCII become the form that is asked for in the DNS (IDNA 2008 with the mapping of UTS 46,
 * nontransitional, as browsers and the C library do): bücher.example is xn--bcher-kva.example. Rules keep and show that form, because letters of
 * different scripts look alike, and a name on a rule must be one name. What is ASCII already is left as it is, xn-- included: it is what a program asks for.
 *
 * A public suffix is what everybody may register names below: com, co.uk. The list is the one that libpsl was built with, of which the registries' part
 * counts: a suffix that a company offers (github.io) is that company's domain, and a top-level name that no registry has (lan, test) is nobody's. So
 * is home.arpa, whatever the list says: it is everybody's own (RFC 8375). Pure.
 */
#pragma once

#include <stdbool.h>

#include "wire/dns.h"

/* `text` is UTF-8 or not; a dot at its end is left out. `ret` is in lower case and a name as the parser tells it of answers,
 * dns_is_hostname(): what a rule can say is what can be asked for. */
bool hostname_parse(const char *text, char ret[DNS_NAME_MAX]);
/* Of a name in the form of hostname_parse(). */
bool hostname_is_public_suffix(const char *name);
/* The end of `name` that is one owner's domain: example.co.uk of a.example.co.uk; NULL where it is below none. Here what a company offers is a suffix
 * too: who takes all below user.github.io does not mean the others there. Borrowed from `name`. */
const char *hostname_domain(const char *name);
