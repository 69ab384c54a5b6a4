/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every sentence that the control panel puts together for a person, as view-text.h does for both programs: plain text, a stranger's words made visible.
 * What is returned is the caller's to free and never NULL (memory that runs out ends the program, as everywhere in GLib), except where NULL is said to
 * mean something. Pure but for a user's name and, where a date is shown, the time zone.
 */
#pragma once

#include "gui/rule-line.h"
#include "wire/message.h"

/* ---- the whole ---------------------------------------------------------------------------------------------------------- */

enum panel_mode { PANEL_MODE_LOST, PANEL_MODE_LEARNING, PANEL_MODE_ENFORCEMENT, PANEL_MODE_PAUSED };
enum panel_mode panel_mode(bool is_up, enum mode mode, bool tried);
/* "Enforcement", "Paused 4:59". */
char *panel_mode_text(enum panel_mode mode, bool tried, uint64_t left_seconds);
const char *panel_not_permitted(void);
char *panel_problems(const struct status *status); /* NULL: there are none */
char *panel_config_file(const char *path, const char *problem);
/* A stranger's line, as it is shown. */
char *panel_plain(const char *text);

/* ---- rules -------------------------------------------------------------------------------------------------------------- */

char *panel_rule_sentence(const struct rule_line *line);
char *panel_rule_note(const struct rule_line *line); /* NULL: it has none */
/* "Yours · 12 decisions · 42 minutes left · changed 3 days ago". `now_s`: seconds since 1970. */
char *panel_rule_details(const struct rule_line *line, struct boottime now, int64_t now_s);
/* Of a group of rules: its name, and where it differs from that the whole of what it is about, else "". */
char *panel_group_title(const struct rule_line *line, bool by_origin);
char *panel_group_details(const struct rule_line *line, bool by_origin, unsigned count);
/* Why it cannot be changed here; NULL: it can. */
char *panel_rule_locked(const struct rule_line *line);
char *panel_rules_count(size_t n_shown, size_t n, unsigned n_findings);
/* "29 Nov, 12:04 · 1 added · alice with bastion". */
char *panel_change_title(const struct journal_entry *entry);
/* A line for each rule of it. */
char *panel_change_rules(const struct journal_entry *entry);

/* ---- connections -------------------------------------------------------------------------------------------------------- */

char *panel_program_name(const struct subject *subject);
char *panel_program_path(const struct subject *subject); /* or why there is none */
/* To whom, as view_place() says it. */
char *panel_place(const struct flow *flow, const char *host);
/* "93.184.216.34 · https · TCP · from outside · established": what the place does not say. */
char *panel_flow_details(const struct connection *connection);
char *panel_rates(uint64_t in, uint64_t out); /* "↓ 1.2 MB/s  ↑ 12 kB/s", of bytes a second */
char *panel_rate(uint64_t bytes);             /* "1.2 MB/s" */
char *panel_connections_count(uint64_t n);

/* What a rule about a connection can be about. */
enum panel_reach { REACH_DESTINATION, REACH_HOST, REACH_PORT, REACH_PROGRAM, REACH_COUNT };
const char *panel_reach_title(enum panel_reach reach);
/* The sentence of that rule; NULL where the connection has no such thing (no host, no port), or no program that a rule could name. `host` or NULL. */
char *panel_flow_sentence(const struct subject *subject, const struct flow *flow, const char *host, enum action action, enum panel_reach reach);
