/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the policy_*.c files offer each other; everybody else knows daemon.h. */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "daemon/daemon.h"

/* ---- policy_files.c: files as they are read */
void policy_path(char ret[PATH_MAX], const char *directory, const char *name);
/* Words about a file that was refused, kept for status and doctor, and logged. */
void policy_set_problem(char **problem, const char *path, const struct file_error *error, const char *instead);
void policy_clear_problem(char **problem);

struct policy_warnings {
        struct daemon *d; /* NULL: print, as --check does */
        const char *path;
        bool quiet; /* only counted: they were told when the file was loaded */
        unsigned n;
        struct file_error first;
};

/* 0, -ENOENT, another negative errno or CONFFILE_E_SYNTAX with *ret_error. */
int policy_read_config(const char *path, const struct config *last_good, const struct options *options, struct policy_warnings *warnings,
                       struct config *ret, struct file_error *ret_error);
/* The same of a text that is at hand. */
int policy_parse_config(const char *text, size_t n, const struct config *last_good, const struct options *options, struct policy_warnings *warnings,
                        struct config *ret, struct file_error *ret_error);
/* `path` (PATH_MAX bytes) is written: where factory.rules was looked for. */
int policy_read_factory(const struct options *options, struct ruleset *set, char *path, struct file_error *ret_error);
/* As dropin_check() and dropin_add_rules(), with this machine's users and groups. */
int policy_check_dropin(const char *name, const char *text, size_t n, size_t *ret_rules, struct file_error *ret_error);
int policy_add_dropin(const struct dropin *file, struct ruleset *set, size_t *ret_replaced, struct file_error *ret_error);
/* *ret_text is the file's text, which the caller frees. */
int policy_read_rules(const char *path, const struct clocks *now, struct ruleset *set, struct rulefile_rest *ret_rest, char **ret_text, size_t *ret_n,
                      struct file_error *ret_error);
/* Takes `text`: a last good copy in the state directory. */
void policy_keep_good(struct daemon *d, const char *name, char *text, size_t n);

/* ---- policy_dropins.c */
/* Reads rules.d again into d->dropins; what is wrong with it is told. 0 or -ENOMEM, when nothing has changed. */
int policy_read_dropins(struct daemon *d, bool at_start);
/* Their rules, into a set that is being built. 0 or -ENOMEM. */
int policy_add_dropins(const struct dropins *dropins, struct ruleset *set);
/* --check: prints; false when something is wrong. */
bool policy_check_dropins(const struct options *options, struct ruleset *set);

/* ---- policy_lists.c: files with names of hosts that rules speak of */
/* Those that the rules in force speak of are read here and now. 0 or -ENOMEM. */
int policy_start_lists(struct daemon *d);
void policy_stop_lists(struct daemon *d);
/* The rules in force may speak of others than before: new ones will be read, those of which nobody speaks any more go. */
void policy_follow_lists(struct daemon *d);
/* Each file is looked at again: whoever asks for a reload may have changed it where nobody notices. */
void policy_reread_lists(struct daemon *d);

/* ---- policy_config.c: config.json */
int policy_start_config(struct daemon *d);
/* Reads config.json over `d->config`, whose mode must be the settled one: a wrong word keeps it. */
void policy_load_config(struct daemon *d, bool at_start);
/* A last good copy of what is in force, with this mode. */
void policy_keep_good_config(struct daemon *d, enum mode mode);
/* Has `key` written into config.json. A ticket of the saver, or a negative errno; with words where the file is no JSON. */
int64_t policy_save_key(struct daemon *d, const char *key, const char *value, struct file_error *ret_error);
/* `ticket` of a save that has finished; negative: there is none. */
void policy_on_config_saved(struct daemon *d, int64_t ticket);
/* To every new-style client: what is in force now. */
void policy_tell_config(struct daemon *d);

/* ---- policy.c */
/* The configuration is acted on everywhere; `mode` is the one to be in. */
void policy_follow_config(struct daemon *d, enum mode mode);

/* ---- policy_mode.c */
int policy_start_mode(struct daemon *d);
/* The mode that holds when no try is running. */
enum mode policy_settled_mode(const struct daemon *d);
void policy_enter_mode(struct daemon *d, enum mode mode);
/* `on_failure` (which follows the mode unless the file says otherwise) or `deny_errno` may have changed. */
void policy_refresh_hook(struct daemon *d);

/* ---- journal.c */
int journal_start(struct daemon *d); /* before rules.json is read; 0 or -ENOMEM */
void journal_stop(struct daemon *d); /* what could not be written is tried a last time */
/* False: this file is none of the journal's. */
bool journal_on_saved(struct daemon *d, const char *path, int error);
/* Numbers the entry, says when and (unless by_file) who, and keeps it; nothing where it holds no change. What cannot be kept is logged. */
void journal_keep(struct daemon *d, struct journal_entry *e);
/* One rule; takes `before`. */
void journal_keep_one(struct daemon *d, struct rule *before, const struct rule *after);
/* What an edit of rules.json made of the users' rules. */
void journal_keep_edit(struct daemon *d, const struct ruleset *from, const struct ruleset *to);
/* The same at the start, when `text` (NULL: there is no file) is what was read and d->rules what came of it; `good` is the last good copy, which is
 * what the daemon before had in force. */
void journal_keep_edit_while_stopped(struct daemon *d, const char *good, const char *text, size_t n);

/* ---- policy_rules.c */
int policy_start_rules(struct daemon *d);
int policy_load_rules(struct daemon *d, bool at_start);
int64_t policy_save_rules(struct daemon *d);
/* At the stop: waits until what is in force is on disk, or cannot be. */
void policy_finish_saving(struct daemon *d);
/* Somebody else wrote rules.json since it was read: their edit comes in. True when it did. */
bool policy_take_foreign_edit(struct daemon *d);
/* Takes `rule`, which is in force no more and perhaps still in the file. */
void policy_remember_deletion(struct daemon *d, struct rule *rule);
/* The configuration switches some factory rules. */
void policy_apply_config(struct daemon *d);
void policy_forget_session_answers(struct daemon *d);
/* Something that can end a flow has changed: live flows and open questions are decided again. */
void policy_changed(struct daemon *d);

/* When a new rule was made, and changed: `before` (NULL: none) is the one that it replaces. */
void policy_date_rule(struct rule *rule, const struct rule *before, const struct clocks *now);

/* ---- policy_watchers.c */
int policy_start_watchers(struct daemon *d);
/* A rule has left the set, or is about to: the log, and who watches the rules. */
void policy_tell_gone(struct daemon *d, const struct rule *rule, enum rule_gone why);
/* Some rule was added, changed or removed: told to who watches the rules, soon. */
void policy_rules_changed(struct daemon *d);

/* ---- policy_lifetimes.c: rules that end by themselves */
int policy_start_lifetimes(struct daemon *d);
void policy_stop_lifetimes(struct daemon *d);
/* The set in force may have another first end. */
void policy_arm_expiry(struct daemon *d);
/* A pidfd of this very process; -ESRCH when it has exited, or another negative errno. */
int policy_open_process(const struct process *process);
/* Takes `pidfd`: `rule`, which is in force, ends with its process. -ENOMEM; -EMFILE for too many. */
int policy_watch_process(struct daemon *d, const struct rule *rule, int pidfd);
