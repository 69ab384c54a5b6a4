/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The socket protocol (PROTOCOL.md): JSON objects, one a line, both ways. Two generations share it. Old-style messages have no
 * `id` and get no error replies; new-style requests have one, and every one of them is answered by a `reply` or an `error` with the same
 * id. This file turns lines into structs and structs into lines, for the daemon and for the client library; both
 * directions stand here so that they cannot drift apart. Pure. JSON is known to no other layer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/authority.h"
#include "core/config.h"
#include "core/explain.h"
#include "core/question.h"
#include "core/record.h"
#include "core/rule.h"
#include "core/ruleset.h"
#include "wire/expect.h"
#include "wire/journal.h"

/* ---- client to daemon ------------------------------------------------------------------------------------------- */

/* MESSAGE(constant, "type on the wire", new-style: needs an id) */
#define MESSAGE_TYPES(MESSAGE)                                                                               \
        MESSAGE(GUI_RESPONSE, "gui_response", false)                                                         \
        MESSAGE(ADD_RULE, "add_rule", false)                                                                 \
        MESSAGE(DELETE_RULE, "delete_rule", false)                                                           \
        MESSAGE(LIST_RULES, "list_rules", false)                                                             \
        MESSAGE(CLEAR_CACHE, "clear_cache", false)                                                           \
        MESSAGE(CANCEL_POPUP, "cancel_popup", false)                                                         \
        MESSAGE(HELLO, "hello", true)                                                                        \
        MESSAGE(SUBSCRIBE, "subscribe", true)                                                                \
        MESSAGE(STATUS, "status", true)                                                                      \
        MESSAGE(DECISIONS, "decisions", true)                                                                \
        MESSAGE(CONNECTIONS, "connections", true)                                                            \
        MESSAGE(CONNECTION_END, "connection_end", true)                                                      \
        MESSAGE(TRAFFIC, "traffic", true)                                                                    \
        MESSAGE(QUESTIONS, "questions", true)                                                                \
        MESSAGE(ANSWER, "answer", true)                                                                      \
        MESSAGE(RULES, "rules", true)                                                                        \
        MESSAGE(RULE_ADD, "rule_add", true)                                                                  \
        MESSAGE(RULE_CHECK, "rule_check", true)                                                              \
        MESSAGE(RULE_DELETE, "rule_delete", true)                                                            \
        MESSAGE(RULE_ENABLE, "rule_enable", true)                                                            \
        MESSAGE(RULES_HISTORY, "rules_history", true)                                                        \
        MESSAGE(RULES_UNDO, "rules_undo", true)                                                              \
        MESSAGE(MODE, "mode", true)                                                                          \
        MESSAGE(CONFIG, "config", true)                                                                      \
        MESSAGE(CONFIG_SET, "config_set", true)                                                              \
        MESSAGE(DOCTOR, "doctor", true)                                                                      \
        MESSAGE(KERNEL, "kernel", true)                                                                      \
        MESSAGE(WHY, "why", true)

enum message_type {
#define MESSAGE(constant, word, has_id) MESSAGE_##constant,
        MESSAGE_TYPES(MESSAGE)
#undef MESSAGE
        MESSAGE_TYPE_COUNT,
};

enum subscription {
        SUBSCRIBE_DECISIONS = 1 << 0, /* `decision` and `decisions` events */
        SUBSCRIBE_QUESTIONS = 1 << 1, /* `question` and `question_closed` events; the subscriber counts as somebody to ask */
        SUBSCRIBE_STATS = 1 << 2,     /* stats_update every 2 s */
        SUBSCRIBE_NOTIFICATIONS = 1 << 3,
        SUBSCRIBE_RULES = 1 << 4, /* `rule_gone` and `rules_changed` events */
};

/* Where a page of rules ended: after the rule of this number (ruleset_number()) and id, in the set that was loaded as `load`. */
struct rules_mark {
        uint64_t load, number; /* at most INT64_MAX */
        char *rule;
};
void rules_mark_deinit(struct rules_mark *mark);

/* Which rules are wanted. */
struct rules_page {
        bool has_after;
        struct rules_mark after;
        unsigned limit; /* 1..LIMIT_RULES, default that */
};

/* Which changes of the rules are wanted, the newest first. */
struct history_page {
        uint64_t before; /* only changes with a smaller number; 0: from the newest */
        unsigned limit;  /* 1..LIMIT_JOURNAL_CHANGES, default that */
};

struct message {
        enum message_type type;
        bool has_id;
        int64_t id;
        union {
                struct {
                        char *request_id; /* of CANCEL_POPUP too */
                        struct answer answer;
                } response; /* GUI_RESPONSE, ANSWER, CANCEL_POPUP */
                struct {
                        struct rule *rule; /* built from the old fields (ADD_RULE), from `rule` or `sentence` (RULE_ADD, RULE_CHECK) */
                        char *replaces;    /* RULE_ADD: the id of the rule whose place it takes, or NULL */
                } add;
                struct {
                        char *key; /* flat key or rule id; CLEAR_CACHE: cache_key */
                        bool enabled; /* RULE_ENABLE */
                } key;                /* DELETE_RULE, RULE_DELETE, RULE_ENABLE, CLEAR_CACHE */
                struct {
                        char *client; /* what it calls itself, may be "" */
                        int64_t protocol;
                } hello;
                struct {
                        unsigned events; /* mask of enum subscription; replaces the one before */
                } subscribe;
                struct {
                        unsigned limit; /* 1..LIMIT_RECORDS, default all */
                } decisions;
                struct rules_page rules;
                struct history_page history; /* RULES_HISTORY */
                struct {
                        uint64_t change; /* 0: the last that can be */
                } undo; /* RULES_UNDO */
                struct {
                        bool has_mode; /* absent: only asks */
                        enum mode mode;
                        unsigned try_seconds; /* 0: for good; else back to the mode before unless kept */
                        bool keep;            /* confirms a running try */
                } mode;
                struct flow flow; /* CONNECTION_END */
                struct {
                        char *key;   /* of config.json, but never "mode" */
                        char *value; /* JSON; what it may be is conffile_set()'s */
                } config_set;
                struct {
                        uint64_t seq;             /* of a decision in memory; 0: of none, but */
                        struct supposed supposed; /* this connection */
                } why;
        };
};

struct message *message_free(struct message *m);
DEFINE_FREEP(struct message, message_free)

/* Codes of `error` replies; the words are in PROTOCOL.md. */
enum message_error_code {
        MESSAGE_ERROR_NONE,
        MESSAGE_ERROR_NOT_JSON,      /* "not-json" */
        MESSAGE_ERROR_UNKNOWN_TYPE,  /* "unknown-type" */
        MESSAGE_ERROR_BAD_FIELD,     /* "bad-field": missing, or of the wrong type or range */
        MESSAGE_ERROR_NOT_PERMITTED, /* "not-permitted" */
        MESSAGE_ERROR_NOT_FOUND,     /* "not-found" */
        MESSAGE_ERROR_CLOSED,        /* "closed": the question, or the listing of rules, has ended already */
        MESSAGE_ERROR_FULL,          /* "full": a cap is reached */
        MESSAGE_ERROR_CONFLICT,      /* "conflict": what it is about was changed since */
        MESSAGE_ERROR_INTERNAL,      /* "internal" */
};

struct message_error {
        enum message_error_code code;
        bool has_id;
        int64_t id;
        char text[512]; /* for a person: what was wrong, where, what was expected */
};

/* One line without its newline. 0 with *ret, -ENOMEM, or 1 with *ret_error filled (has_id: the sender expects a reply). */
int message_parse(const char *line, size_t n, struct message **ret, struct message_error *ret_error);

const char *message_type_word(enum message_type type);

/* ---- shapes that both sides use --------------------------------------------------------------------------------- */

/* A question as a person sees it: a projection of struct question. */
struct prompt {
        char ref[QUESTION_REF_MAX];
        struct subject *subject; /* referenced */
        struct subject *others[LIMIT_OWNERS - 1];
        unsigned n_others;
        struct flow flow;
        struct hosts hosts; /* a copy */
        char *domain;       /* that an answer may cover, or NULL */
        enum reason reason;
        bool whole_program, learning;
        unsigned n_more;
        uint64_t n_connections;
        uint64_t left_ms; /* until it ends */
        enum question_state state; /* OPEN, or of a missed one: */
        int64_t ended_us;          /* CLOCK_REALTIME, microseconds */
        enum verdict verdict;      /* what became of its connections */
};
void prompt_deinit(struct prompt *p);

/* Of TCP; others have none. */
enum connection_state { CONNECTION_STATELESS, CONNECTION_CONNECTING, CONNECTION_ESTABLISHED, CONNECTION_CLOSING };
const char *connection_state_word(enum connection_state state); /* "connecting", "established", "closing"; NULL */

/* Some connection that exists now, for "who is talking already". */
struct connection {
        struct subject *subject; /* referenced */
        struct flow flow;
        struct hosts hosts; /* a copy */
        enum direction direction;
        enum connection_state state;
        bool has_bytes; /* the kernel counts them, which it does for TCP */
        uint64_t bytes_out, bytes_in;
};
void connection_deinit(struct connection *c);

/* What all interfaces but loopback have carried since they exist, both in bytes. */
struct traffic {
        struct boottime at;
        uint64_t bytes_out, bytes_in;
};

enum check_level { CHECK_OK, CHECK_WARNING, CHECK_FAILED };
/* One line of `doctor`. */
struct check {
        enum check_level level;
        char *name; /* short, stable: "hooks", "queue", … */
        char *text; /* for a person; may have several lines */
};
void check_deinit(struct check *c);

/* A file with names of hosts that rules speak of. */
struct list_status {
        char *path;
        bool in_force;       /* what was read last without a mistake; false: there is none */
        uint64_t n_names, n_skipped; /* of that: names, and lines that are none */
        int64_t since;       /* it is in force, seconds since 1970 */
        char *problem;       /* why what the file says now is not in force, or NULL */
};
void list_status_deinit(struct list_status *l);

struct status {
        char version[32];
        uint32_t pid;
        enum mode mode;
        unsigned try_left_seconds; /* 0: no try is running */
        char rung[16];             /* "gate" or "queue" */
        char *rung_reason;         /* why not the better one; NULL when it is the best, or was asked for */
        enum authority authority;  /* GROUP or POLKIT: whose word a member of the group needs to change policy */
        uint64_t uptime_seconds;
        uint64_t n_allowed, n_denied, n_learned_denials;
        uint64_t by_reason[REASON_COUNT];
        unsigned n_rules, n_questions, n_held, n_clients;
        uint64_t n_root_bypass, n_systemd_bypass;
        bool root_bypass, systemd_bypass; /* switched on */
        uint64_t n_queue_overruns; /* packets that found the queue full and were dropped */
        uint64_t n_track_lost, n_tag_failed, n_log_lost;
        struct list_status lists[LIMIT_LISTS];
        unsigned n_lists;
        char *problems; /* newline-separated words about bad files and the like, or NULL */
};
void status_deinit(struct status *s);

/* A rule, and what became of it: a projection of struct explain_candidate. */
struct why_candidate {
        struct rule *rule;
        enum explain_fate fate;
        enum order_step step; /* EXPLAIN_LOSES */
        bool not_known;       /* the criterion fails because that is not known of the connection */
        char *list, *listed;  /* the rule speaks of lists, and this one has this entry (".name": and all below it) for the connection; or NULL */
};

struct why_change {
        enum action action;
        char *delete[EXPLAIN_RULES]; /* ids */
        unsigned n_delete;
        char *add; /* a sentence, or NULL */
        bool enforce;
};

/* Why a connection meets its verdict: a projection of struct explanation. */
struct why {
        struct subject *subject; /* referenced */
        struct flow flow;
        struct hosts hosts; /* a copy */
        unsigned scopes; /* of flow.remote */
        enum mode mode;
        enum verdict verdict, unanswered; /* `unanswered`: where it is asked and nobody answers */
        enum reason reason;
        char *rule; /* the id of the one that decides, before any mode; or NULL */
        bool would_deny;
        unsigned n_considered, n_rules; /* that can be about this program; in all */
        struct why_candidate candidates[EXPLAIN_RULES];
        unsigned n_candidates;
        struct why_change changes[EXPLAIN_CHANGES];
        unsigned n_changes;
};
void why_deinit(struct why *w);

/* ---- daemon to client ------------------------------------------------------------------------------------------- */
/* Each appends one whole line, newline included. Errors stick in the buffer. */

void message_format_connection_request(struct buf *out, const struct question *q);
void message_format_stats_update(struct buf *out, uint64_t total, uint64_t allowed, uint64_t blocked, bool learning);
void message_format_cancel_popup(struct buf *out, const char *ref);
void message_format_rule_deleted(struct buf *out, const char *key, bool success);
/* The flat entries of `rules`, as in rules.json: all of them, which takes some 50 bytes each and more than LIMIT_CLIENT_OUTPUT for many. So the
 * line is made in pieces of `n` rules, fewer where they are long, while the set may change: `*at` is zero before the first (mark.load is the caller's) and the caller's to free.
 * True: the line is whole. */
struct rules_list_at {
        struct rules_mark mark;
        uint64_t stop; /* rules of higher numbers came later; one that was told and added again is not told twice */
};
bool message_format_rules_list(struct buf *out, const struct ruleset *rules, struct rules_list_at *at, unsigned n);
enum notification_level { NOTIFICATION_INFO, NOTIFICATION_WARNING, NOTIFICATION_ERROR };
void message_format_notification(struct buf *out, const char *title, const char *text, enum notification_level level);

/* New-style events. */
void message_format_decision(struct buf *out, const struct record *r); /* {"type":"decision", …}; a summary: "decisions" */
void message_format_question(struct buf *out, const struct question *q, struct boottime now);
void message_format_question_closed(struct buf *out, const struct question *q);
/* Why a rule is in force no more: somebody deleted it, its time is over, its process has exited. */
enum rule_gone { RULE_GONE_DELETED, RULE_GONE_EXPIRED, RULE_GONE_EXITED };
const char *rule_gone_word(enum rule_gone why); /* "deleted", "expired", "exited" */
void message_format_rule_gone(struct buf *out, const struct rule *rule, enum rule_gone why);
void message_format_rules_changed(struct buf *out);
void message_format_mode_changed(struct buf *out, enum mode mode, unsigned try_left_seconds);
/* What is in force; `defaults` what would be without the file `path`; `problem` words about it, or NULL. */
void message_format_config_changed(struct buf *out, const struct config *config, const struct config *defaults, const char *path, const char *problem);

/* Replies. */
void message_format_error(struct buf *out, const struct message_error *error);
void message_format_reply_ok(struct buf *out, int64_t id); /* nothing more to say */
void message_format_reply_hello(struct buf *out, int64_t id, enum authority authority, enum mode mode);
void message_format_reply_status(struct buf *out, int64_t id, const struct status *s);
/* `records`: n pointers, oldest first; `history`: the folder in which older ones are. */
void message_format_reply_decisions(struct buf *out, int64_t id, const struct record *const *records, size_t n, const char *history);
void message_format_reply_connections(struct buf *out, int64_t id, const struct connection *connections, size_t n);
/* The open ones, and the missed ones as far as LIMIT_RULES_TEXT has room for them. */
void message_format_reply_questions(struct buf *out, int64_t id, const struct question_table *table, struct boottime now);
/* The rules after page->after, as many as it wants and LIMIT_RULES_TEXT has room for, and where to go on. `load` is of `rules`. */
void message_format_reply_rules(struct buf *out, int64_t id, const struct ruleset *rules, uint64_t load, const struct config *config,
                                const struct rules_page *page);
/* What an answer or rule_add wrote, or would write (it has no id then); NULL: nothing. */
void message_format_reply_rule(struct buf *out, int64_t id, const struct rule *rule);
/* The changes before page->before, as many as it wants and LIMIT_RULES_TEXT has room for; "next" says where to go on. */
void message_format_reply_history(struct buf *out, int64_t id, const struct journal *journal, const struct history_page *page);
/* One of them: what an undoing was. */
void message_format_reply_change(struct buf *out, int64_t id, const struct journal *journal, uint64_t change);
void message_format_reply_mode(struct buf *out, int64_t id, enum mode mode, unsigned try_left_seconds);
void message_format_reply_config(struct buf *out, int64_t id, const struct config *config, const struct config *defaults, const char *path,
                                 const char *problem); /* as the event's */
void message_format_reply_traffic(struct buf *out, int64_t id, const struct traffic *traffic);
void message_format_reply_doctor(struct buf *out, int64_t id, const struct check *checks, size_t n);
void message_format_reply_kernel(struct buf *out, int64_t id, const char *text);
void message_format_reply_why(struct buf *out, int64_t id, const struct explanation *e, const struct facts *facts, const struct config *config,
                              size_t n_rules);

/* ---- the client's side ------------------------------------------------------------------------------------------ */

enum event_type {
        EVENT_DECISION,
        EVENT_QUESTION,
        EVENT_QUESTION_CLOSED,
        EVENT_MODE_CHANGED,
        EVENT_CONFIG_CHANGED,
        EVENT_RULE_GONE,
        EVENT_RULES_CHANGED,
        EVENT_STATS,
        EVENT_NOTIFICATION,
        EVENT_REPLY,
        EVENT_ERROR,
        EVENT_OTHER, /* a type this client does not know: ignore it */
};

/* A line from the daemon. What a reply holds depends on what was asked; absent parts are zero. */
struct event {
        enum event_type type;
        int64_t id; /* REPLY, ERROR */
        struct record *records; /* DECISION: one, which may be a summary; REPLY to decisions */
        size_t n_records;
        char *history; /* REPLY to decisions: the folder that it is in */
        struct prompt *prompts; /* QUESTION: one; REPLY to questions */
        size_t n_prompts;
        struct prompt *missed; /* REPLY to questions: those that ended without a person, newest first */
        size_t n_missed;
        char ref[QUESTION_REF_MAX];     /* QUESTION_CLOSED */
        enum question_state state;      /* QUESTION_CLOSED */
        struct connection *connections; /* REPLY to connections */
        size_t n_connections;
        enum rule_gone gone; /* RULE_GONE */
        struct rule **rules; /* RULE_GONE: one; REPLY to rules, rule_add, rule_check, answer; `rule->id` is set, but in a preview */
        size_t n_rules;
        bool has_next; /* REPLY to rules: there are more */
        struct rules_mark next;
        struct journal_entry *changes; /* REPLY to rules_history, newest first, and rules_undo: one */
        size_t n_changes;
        uint64_t older;       /* REPLY to rules_history: there are more, before this number; else 0 */
        struct check *checks; /* REPLY to doctor */
        size_t n_checks;
        bool has_status;
        struct status status; /* REPLY to status */
        bool has_mode;
        enum mode mode; /* MODE_CHANGED, REPLY to hello, mode */
        unsigned try_left_seconds;
        bool may_manage; /* REPLY to hello */
        enum authority authority; /* the same, more closely */
        bool has_config; /* CONFIG_CHANGED, REPLY to config */
        struct config config, config_defaults;
        char *config_file, *config_problem; /* its path; words about it, or NULL */
        bool has_traffic;
        struct traffic traffic; /* REPLY to traffic */
        struct why *why; /* REPLY to why */
        char *text;      /* NOTIFICATION: title and text; REPLY to kernel; ERROR: words */
        enum message_error_code error;
};

struct event *event_free(struct event *e);
DEFINE_FREEP(struct event, event_free)

/* 0, -ENOMEM, or 1 for a line that is not of this protocol. */
int event_parse(const char *line, size_t n, struct event **ret);

/* The `--json` form of an event's payload, on one line without newline: for DECISION the object that PROTOCOL.md documents for `watch`. `raw`
 * is the line it was parsed from; type and id are left out. */
int event_format_json(const char *raw, size_t n, struct buf *out);
/* The rules of a reply alone, with a comma between two: a page of a list that the caller puts together. */
int event_format_json_rules(const char *raw, size_t n, struct buf *out);
/* The changes of a reply alone, a line each. */
int event_format_json_changes(const char *raw, size_t n, struct buf *out);

/* Requests, one line each, newline included. */
void message_format_request(struct buf *out, enum message_type type, int64_t id); /* those without fields */
void message_format_request_hello(struct buf *out, int64_t id, const char *client);
void message_format_request_subscribe(struct buf *out, int64_t id, unsigned events);
void message_format_request_decisions(struct buf *out, int64_t id, unsigned limit);
void message_format_request_rules(struct buf *out, int64_t id, const struct rules_page *page);
void message_format_request_answer(struct buf *out, int64_t id, const char *ref, const struct answer *answer);
/* `replaces`: the id of the rule whose place it takes, or NULL. */
void message_format_request_rule_add(struct buf *out, int64_t id, const char *sentence, const char *replaces);
void message_format_request_rule_check(struct buf *out, int64_t id, const char *sentence);
void message_format_request_rule_delete(struct buf *out, int64_t id, const char *rule_id);
void message_format_request_rule_enable(struct buf *out, int64_t id, const char *rule_id, bool enabled);
void message_format_request_history(struct buf *out, int64_t id, const struct history_page *page);
void message_format_request_undo(struct buf *out, int64_t id, uint64_t change); /* 0: the last */
void message_format_request_mode(struct buf *out, int64_t id, enum mode mode, unsigned try_seconds, bool keep);

/* `value`: JSON, "null" for the default; conffile_format_word() makes it of a person's word. */
void message_format_request_config_set(struct buf *out, int64_t id, const char *key, const char *value);
void message_format_request_connection_end(struct buf *out, int64_t id, const struct flow *flow);

/* `words`: a connection as wire/expect.h reads it. */
void message_format_request_why(struct buf *out, int64_t id, const char *words);
void message_format_request_why_decision(struct buf *out, int64_t id, uint64_t seq);

const char *message_error_word(enum message_error_code code);
