/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The daemon as one structure: what it owns and what its modules offer each other. One thread, one loop; every module below acts on the
 * packet, message, signal or deadline at hand and returns. Ownership and lifetimes: ARCHITECTURE.md, "Who owns what".
 *
 *      packet_path   one packet, from the queue to its verdict
 *      raw           whether the sender of a raw packet is sure (queue rung)
 *      probe         the proof that packets take that path
 *      prompts       open questions: who is asked, what an answer does
 *      policy        configuration and rules: load, change, undo, save, tell everybody
 *      journal       who changed which rules when
 *      history       decisions told to the outside: counters, memory, log, events
 *      summaries     what the kernel decided by itself, told now and then
 *      server        clients and their bytes; requests.c is what they may say
 *      authority     who may do what; polkit.c asks polkit on the system bus
 *      helpers       the recorder and the parser, at arm's length; nursery.c starts them
 *      report        status, doctor, connections: the daemon about itself
 *      adopt         sockets that are older than the daemon; walk.c lists sockets and who holds them
 *      sweep         a change of rules reaches the flows that live
 *      start         the kernel's side, put in place; taken over from a daemon that was killed
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "core/config.h"
#include "core/question.h"
#include "core/record.h"
#include "core/ruleset.h"
#include "daemon/flowmem.h"
#include "daemon/nursery.h"
#include "daemon/options.h"
#include "sys/hook.h"
#include "sys/listener.h"
#include "sys/queue.h"
#include "sys/saver.h"
#include "sys/sockets.h"
#include "sys/tracker.h"
#include "wire/dropins.h"
#include "wire/journal.h"
#include "wire/message.h"
#include "wire/probe.h"
#include "wire/rulefile.h"

struct server;
struct authority_desk;
struct helpers;
struct sweep;
struct lifetimes;
struct lists;

struct counters {
        uint64_t n_allowed, n_denied, n_learned_denials;
        uint64_t n_reported; /* connections that the last "Stats" line of the log counted */
        uint64_t by_reason[REASON_COUNT];
        uint64_t n_queue_overruns;
        uint64_t n_ignored_messages; /* old-style lines that meant nothing */
        uint64_t n_records_lost;     /* no memory for a record; the verdict stood */
        uint64_t n_answers_unread;   /* DNS answers that came and whose names are not known */
        uint64_t n_not_ended;        /* live flows that a rule denies and that the kernel would not end */
};

/* A raw packet that was let go or refused: for a moment it may still count at its sender's socket. */
struct raw_verdict {
        uint32_t pid;
        struct boottime when;
};

enum { RAW_VERDICTS = 8 };

struct daemon {
        struct options options;
        sd_event *loop;
        uint32_t pid;
        uid_t owner; /* beside root and the group: who may manage (SUDO_UID of run.sh) */
        struct boottime started;
        uint64_t seed; /* of every hash table */
        struct boot_id boot;

        /* policy */
        struct config config;
        struct ruleset *rules;
        uint64_t rules_load; /* names the set: CLOCK_BOOTTIME when it was put in force, ns */
        struct rulefile_rest rest;
        struct dropins dropins; /* rules.d, as its files were when each was right */
        struct netinfo net;
        struct lifetimes *lifetimes;
        struct lists *lists;      /* files with names that rules speak of */
        struct hostsets hostsets; /* of those, what is in force */
        uint16_t mode_epoch; /* counts changes of mode */
        enum mode mode_before_try;
        struct boottime try_ends; /* BOOTTIME_NEVER: no try is running */
        struct {
                char *text; /* as it will lie on disk; NULL: no save of it is under way */
                size_t n;
                int64_t ticket;
        } config_saving;
        char *config_problem, *rules_problem, *dropins_problem; /* words about a bad file, or NULL */
        int64_t rules_ticket; /* of our own save that is not finished, 0: none */
        bool rules_reload_due; /* asked for while that save was not finished */
        int rules_save_error;  /* negative: why the last save failed; what is in force is tried again until it is on disk */
        unsigned n_stale_saves; /* in a row: somebody else's file lay there */
        struct journal journal;
        bool journal_unsaved;       /* the file lacks lines of it: the next change writes it whole */
        const struct peer *speaker; /* the client whose message is being dealt with, or NULL */
        struct rule **deleted;  /* in force no more, perhaps still in the file */
        size_t n_deleted;

        /* the kernel */
        struct queue *queue;
        struct tracker *tracker; /* NULL: queue rung */
        char *rung_reason;       /* why not the gate rung, or NULL */
        enum hook_form hook_form;
        struct hook_options hook; /* as installed */
        bool hook_installed;
        bool was_guarded;           /* a daemon that was killed left its rule: what got out since was decided, or let go by on_failure */
        uint32_t first_generation;  /* of the tags that are ours; lower: a daemon before wrote them */
        struct sockets *sockets;
        struct flowmem *flows; /* queue rung */
        struct sweep *sweep;
        struct naming *naming;
        struct list aside; /* of packet_path.c: packets that wait for a name */
        unsigned n_aside;
        struct raw_verdict raw_verdicts[RAW_VERDICTS]; /* queue rung: a ring */
        unsigned next_raw_verdict;

        /* people and memory */
        struct question_table *questions;
        struct server *server;
        struct authority_desk *desk; /* of what waits for polkit */
        struct saver *saver;
        struct nursery nursery;
        struct helpers *helpers;
        struct counters counters;
        struct record *records; /* ring of LIMIT_RECORDS */
        uint64_t n_records;     /* ever; the newest is at (n_records - 1) % LIMIT_RECORDS */
        uint64_t n_told;        /* of those, to the recorder and to whoever watches; at most LIMIT_RECORDS fewer */
        sd_event_source *tell_source;

        sd_event_source *rules_timer; /* `rules_changed` is due */
        uint64_t rules_told_us;       /* CLOCK_MONOTONIC: of the last one */
        bool rules_told_later;        /* there will be one */
        sd_event_source *question_timer, *aside_timer, *expiry_timer, *try_timer, *save_timer, *summary_timer, *resolv_watch;
        int64_t summaries_told_us; /* CLOCK_REALTIME: what the kernel decided until then was told */
};

/* Why something is not done, for who asked for it. */
struct policy_error {
        enum message_error_code code;
        char text[512];
};
enum { POLICY_E_REFUSED = 4 }; /* with a struct policy_error */
/* Fills *error and returns POLICY_E_REFUSED. */
int policy_refuse(struct policy_error *error, enum message_error_code code, const char *format, ...) _printf_(3, 4);

/* ---- packet_path.c */
int packet_path_start(struct daemon *d);
/* What is aside is decided now. */
void packet_path_stop(struct daemon *d);
/* The parser has answered, or is gone: what waited for that is decided. */
void packet_path_resume(struct daemon *d);
/* Reads the queue until it is empty or it is somebody else's turn. */
int packet_path_on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata);
/* Carries out a verdict on one held packet: maps first, then the packet, then the record. */
void packet_path_finish(struct daemon *d, const struct held *held, const struct hosts *hosts, const struct decision *decision, struct boottime opened);

/* What a packet of this flow would meet: rules, mode and precedents. Nothing is carried out. ASK also where a closed program's last packets go,
 * and where it depends on what only a packet tells: its interface, a host's name, facts about a process that was never described. */
struct decision packet_path_judge(struct daemon *d, const struct owner *owners, unsigned n, const struct flow *flow, enum owners certainty,
                                  struct boottime now);
/* What the tag of a socket says after such a decision. */
enum tag_state packet_path_tag_for(const struct decision *decision);

/* ---- raw.c */
/* Whether the packet at hand is certainly this program's, a raw socket of which has something under way. */
bool raw_sender_is_sure(struct daemon *d, uint32_t pid, struct boottime now);
/* To be told of every verdict. */
void raw_on_verdict(struct daemon *d, const struct flow *flow, uint32_t pid, struct boottime now);

/* ---- probe.c */
/* Sends a packet of our own through hook, gate and queue; appends a line to `report`. */
bool probe_packet_path(struct daemon *d, struct buf *report);

/* ---- prompts.c */
/* Holds the packet in a question; false: it is not held and *ret says what happens instead. */
bool prompts_hold(struct daemon *d, const struct facts *facts, unsigned n_facts, enum reason reason, const struct held *held,
                  struct boottime now, struct decision *ret);
/* Asks about a connection that went already (learning). */
void prompts_mention(struct daemon *d, const struct facts *facts, unsigned n_facts, enum reason reason, struct boottime now);
/* The rule that an answer would write; nothing is done. The caller frees it. NULL: it cannot be carried out, and *ret_error says why. */
struct rule *prompts_preview(struct daemon *d, const struct question *question, const struct answer *answer, struct policy_error *ret_error);
/* Carries out an answer to an open question or, for the future, to a missed one, which ends here. True with *ret_rule borrowed (NULL where none was
 * written). False with *ret_error: as of prompts_preview(), when nothing has happened; or its connections have their verdict, and no rule could be kept. */
bool prompts_answer(struct daemon *d, struct question *question, const struct answer *answer, const struct rule **ret_rule,
                    struct policy_error *ret_error);
/* Rules or mode changed: every question, open or missed, is decided again. */
void prompts_reconsider(struct daemon *d);
/* Somebody to ask came or went. */
void prompts_askers_changed(struct daemon *d);
/* The daemon stops: everything held gets its verdict. */
void prompts_abandon_all(struct daemon *d);
int prompts_start(struct daemon *d);

/* ---- policy.c, policy_dropins.c, policy_files.c, policy_lifetimes.c, policy_lists.c, policy_mode.c, policy_replace.c, policy_rules.c, policy_watchers.c (policy.h) */
int policy_start(struct daemon *d); /* first load; never fails for bad files, only for want of memory */
void policy_reload(struct daemon *d); /* SIGHUP */
int policy_check(const struct options *options); /* --check: prints, returns the exit code */
/* Takes `rule`, whose lifetime begins. 0, a RULESET_E_…, POLICY_E_OVER (it has ended already), or negative errno. *ret is NULL where the process
 * has exited that it was bound to; *ret_ticket is 0 where nothing needs saving. */
enum { POLICY_E_OVER = 3 };
int policy_add_rule(struct daemon *d, struct rule *rule, const struct rule **ret, int64_t *ret_ticket);
/* The same of a rule that is only looked at: it gets what it would be told with. */
int policy_preview_rule(struct daemon *d, struct rule *rule);
/* Takes `rule`, which comes into the place of the one with this id (none of a file or the factory): both, as one change, or neither. As
 * policy_add_rule(), or POLICY_E_REFUSED. */
int policy_replace_rule(struct daemon *d, const char *id, struct rule *rule, const struct rule **ret, int64_t *ret_ticket,
                        struct policy_error *ret_error);
/* False: there is no such rule, or one of the factory or of rules.d, which are not deleted here. */
bool policy_delete_rule(struct daemon *d, const char *id, int64_t *ret_ticket);
/* Switches a rule on or off. 0 with the rule in *ret, -ENOENT where there is none or none that clients change, or another negative errno. */
int policy_enable_rule(struct daemon *d, const char *id, bool enabled, const struct rule **ret, int64_t *ret_ticket);
/* Where the rule of rules.d with this id stands, for a person: file and line. */
void policy_dropin_place(const struct daemon *d, const char *id, char *ret, size_t size);
/* Session decisions of a program forgotten; `port` 0: all. */
void policy_clear_cache(struct daemon *d, const char *subject, uint16_t port);
int policy_set_mode(struct daemon *d, enum mode mode, unsigned try_seconds, bool keep, int64_t *ret_ticket);
unsigned policy_try_left(const struct daemon *d);
/* What those are told who wait for the save: 0, a negative errno, or that a later save speaks for this one too. */
enum { POLICY_E_LATER = 1 };
int policy_on_saved(struct daemon *d, const char *path, int64_t ticket, int error);
/* The negative result of a save as words for a person. */
const char *policy_save_error(const struct daemon *d, int error);
/* The thread that reads lists begins, and changes of their files are noticed. 0 or negative errno. */
int policy_run_lists(struct daemon *d);
/* Every list that rules speak of, list_status_deinit() each; returns how many. */
unsigned policy_list_status(const struct daemon *d, struct list_status ret[LIMIT_LISTS]);
/* Words about those that are not in force as their files say, a line each; "" where there is none. */
void policy_list_problems(const struct daemon *d, struct buf *out);
/* The machine's addresses, or its resolvers, may have changed. */
void policy_read_net(struct daemon *d);
/* Puts the tables in place, or exchanges their rules where the configuration now says something else of them. 0 or negative errno. */
int policy_install_hook(struct daemon *d);
void policy_stop(struct daemon *d);

/* ---- policy_undo.c */
/* Undoes a change of the journal, 0: the last one that can be. *ret_change: the number of the change that this is. 0, a negative errno, or
 * POLICY_E_REFUSED; only 0 has changed anything. */
int policy_undo(struct daemon *d, uint64_t change, uint64_t *ret_change, int64_t *ret_ticket, struct policy_error *ret_error);

/* ---- policy_config.c */
/* Changes one key of the configuration (not the mode), in force at once; `value` is JSON. Results as of policy_undo(). */
int policy_set_key(struct daemon *d, const char *key, const char *value, int64_t *ret_ticket, struct policy_error *ret_error);
/* The configuration as it is told: a reply to `id`, or, without one, an event. */
void policy_format_config(const struct daemon *d, struct buf *out, const int64_t *id);

/* ---- history.c */
/* Counts and remembers one decision; it is told to log and clients when no packet waits. `hosts` may be NULL. */
void history_add(struct daemon *d, const struct decision *decision, struct subject *subject, const struct flow *flow, enum direction direction,
                 const struct hosts *hosts, uint64_t latency_ns);
/* The same for what the kernel decided by itself, and the rule's hits. Nothing when there was no connection. */
void history_add_summary(struct daemon *d, const struct summary *summary);
/* What is not told yet is told now: before anything that has to come after it. */
void history_tell(struct daemon *d);
/* The same when no packet waits. */
void history_tell_soon(struct daemon *d);
/* Tells the rest, to the recorder if nobody else is there any more. */
void history_stop(struct daemon *d);
/* A line of the decision log that is no decision. */
void history_log(struct daemon *d, const char *format, ...) _printf_(2, 3);
void history_log_question(struct daemon *d, const struct question *question);
int history_start(struct daemon *d);

/* ---- summaries.c */
int summaries_start(struct daemon *d);
/* What the kernel decided until now becomes history: before anything that shows sums. */
void summaries_tell(struct daemon *d);
/* Somebody watches, or there is no room for more in the kernel: told soon, and again as long as somebody watches. */
void summaries_due(struct daemon *d);

/* ---- helpers.c */
#define HELPERS_HISTORY "history" /* folder of the state directory */
int helpers_start(struct daemon *d);
/* Hands out what waits, closes the sockets, and lets the nursery end. */
void helpers_stop(struct daemon *d);
/* A line (wire/feed.h) for the recorder. Never waits; what cannot be kept is counted. */
void helpers_record(struct daemon *d, const struct buf *line);
/* A line will come: history_tell_soon() is called when it is time for it. */
void helpers_gather(struct daemon *d);
/* All is told that was to be told soon: what has gathered long enough goes out. */
void helpers_on_told(struct daemon *d);
/* Opens the decision log anew (NULL: none is wanted). 0 or a negative errno, when there is none. */
int helpers_set_log(struct daemon *d, const char *path);
/* Something for the parser. 0 or a negative errno: it is not there, or has enough to do. */
int helpers_parse(struct daemon *d, const struct probe *request);
/* Lines that reached neither log nor history, as far as is known. */
uint64_t helpers_lost(const struct daemon *d);
const char *helpers_problem(const struct daemon *d); /* "" when all is well */
enum check_level helpers_check_recorder(struct daemon *d, char *ret, size_t size);
enum check_level helpers_check_parser(struct daemon *d, char *ret, size_t size);

/* ---- server.c, requests.c */
struct client;
int server_start(struct daemon *d);
void server_stop(struct daemon *d);
/* Somebody who may answer is listening, and the configuration lets us ask. */
bool server_can_ask(const struct daemon *d);
/* Clients that have connected but were not served yet are served now: somebody who may answer may be among them. */
void server_take_waiting(struct daemon *d);
unsigned server_client_count(const struct daemon *d);
/* One line to everybody whom it concerns: old-style clients when `old`, subscribers of `events` (enum subscription) else. */
void server_broadcast(struct daemon *d, const struct buf *line, bool old, unsigned events);
/* One line to every new-style client, whatever it subscribes to. */
void server_broadcast_new_style(struct daemon *d, const struct buf *line);
bool server_has_subscribers(const struct daemon *d, bool old, unsigned events);
void server_notify(struct daemon *d, const char *title, enum notification_level level, const char *format, ...) _printf_(4, 5);
/* A save is done: replies that waited for it go out. */
void server_on_saved(struct daemon *d, int64_t ticket, int error);
/* Reply to `client` when the save behind `ticket` is done; at once when it is 0. */
void server_reply_after(struct client *client, int64_t ticket, int64_t id, struct buf *line);
void server_send(struct client *client, const struct buf *line);
/* An old-style client's `list_rules` is answered: one line, however long. */
void server_send_rules_list(struct client *client);
void server_send_error(struct client *client, int64_t id, enum message_error_code code, const char *format, ...) _printf_(4, 5);
const struct peer *server_peer(const struct client *client);
void server_set_new_style(struct client *client);
void server_subscribe(struct client *client, unsigned events);
/* Takes the message: it is carried out, refused, or waits for polkit. */
void requests_handle(struct daemon *d, struct client *client, struct message *message);
void requests_carry_out(struct daemon *d, struct client *client, struct message *message);
/* Tells the client that it may not, or not now, and counts it. */
void requests_refuse(struct daemon *d, struct client *client, struct message *message, enum message_error_code code, const char *why);

/* ---- authority.c */
int authority_start(struct daemon *d);
void authority_stop(struct daemon *d); /* after the server: no client waits */
/* What this client asks for in ROLE_MANAGE is polkit's to allow. */
bool authority_must_ask(struct daemon *d, const struct client *client);
/* Takes the message, and carries it out or refuses it when polkit has spoken; or refuses it at once. */
void authority_ask(struct daemon *d, struct client *client, struct message *message);
/* The client leaves: what it asked for is not done any more. */
void authority_forget(struct daemon *d, const struct client *client);
/* What the client is told that it may count on. */
enum authority authority_of(struct daemon *d, const struct client *client);
/* What decides for members of the group: POLKIT or GROUP. */
enum authority authority_in_force(struct daemon *d);
/* It is polkit, which has ended or lost its bus. */
bool authority_is_lost(const struct daemon *d);

/* ---- report.c */
void report_status(struct daemon *d, struct status *ret); /* status_deinit() afterwards */
/* At most `max` checks; returns how many. */
enum { REPORT_CHECKS_MAX = 24 };
size_t report_doctor(struct daemon *d, struct check ret[REPORT_CHECKS_MAX]);
void report_kernel(struct daemon *d, struct buf *out);

/* ---- start.c */
/* Queue, hooks, older sockets, rule: in the order in which nothing slips past. Words are logged; negative errno. */
int start_kernel(struct daemon *d);

/* ---- naming.c */
int naming_start(struct daemon *d);
void naming_stop(struct daemon *d);
/* What came for this subject until now is under way to the parser; true where none is missing and rules ask for names. Once the parser has said all of it
 * (naming_knows_all()) a decision may be remembered for as long as the kernel counts *ret_heard answers (sys/tracker.h). */
bool naming_take(struct daemon *d, const struct subject *subject, uint64_t *ret_heard);
bool naming_knows_all(const struct daemon *d, const struct subject *subject);
/* The parser has not said yet what this subject was told, and a packet that came at `since` can wait for it, until the deadline. */
bool naming_awaits(const struct daemon *d, const struct subject *subject, struct boottime since, struct boottime now);
struct boottime naming_deadline(struct boottime since);
/* The names by which the subject knows the address, and how long; borrowed until the loop turns. */
void naming_find(const struct daemon *d, const struct subject *subject, const struct addr *addr, struct boottime now, struct hosts *ret);
void naming_on_parsed(struct daemon *d, const struct probe *result);
void naming_on_parser_gone(struct daemon *d);

/* ---- sweep.c */
int sweep_start(struct daemon *d);
/* What is allowed has changed: every live flow is decided again before the loop turns to anything else. Many requests make one sweep. */
void sweep_request(struct daemon *d);
/* Ends this live flow, at somebody's word: 0, -ENOENT: no socket has it, -EPROTONOSUPPORT: its protocol has no such end, or another negative errno
 * of the kernel, that will not end it. */
int sweep_end(struct daemon *d, const struct flow *flow);
/* The last one let a flow live for a rule that an answer "once" left behind, which may have stood before one that denies. */
bool sweep_used_once(const struct daemon *d);
void sweep_stop(struct daemon *d);

/* ---- adopt.c */
/* Writes tags for the sockets that exist already; on the queue rung only counts them. */
int adopt_sockets(struct daemon *d);
/* Who is talking now. *ret is an array of *ret_n that the caller deinits and frees. */
int adopt_list(struct daemon *d, struct connection **ret, size_t *ret_n);
