/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every size that somebody outside controls, in one place. Each has a test that reaches it and a documented result when
 * it is passed; none is a magic number elsewhere.
 */
#pragma once

enum {
        /* Held packets: for one question, for one program, in all (design: beyond that the reason is `cap`). */
        LIMIT_HELD_QUESTION = 8,
        LIMIT_HELD_PROGRAM = 64,
        LIMIT_HELD = 4096,
        /* Open questions: for one uid, in all. From the fourth of one program on they are folded into one. */
        LIMIT_QUESTIONS_UID = 256,
        LIMIT_QUESTIONS = 1024,
        LIMIT_QUESTIONS_PROGRAM = 3,
        /* Questions that ended, remembered so that a late answer gets a reason. */
        LIMIT_QUESTIONS_CLOSED = 256,

        /* What the kernel says of a process. */
        LIMIT_PATH = 4096,
        LIMIT_ARGS = 1024,
        LIMIT_ANCESTORS = 8,
        LIMIT_CGROUP = 512,
        LIMIT_SUBJECTS = 4096,
        LIMIT_EXECUTABLES = 2048, /* files whose path is remembered */
        LIMIT_FLOWS = 4096,  /* remembered by the queue rung */
        LIMIT_OWNERS = 4, /* possible owners of one packet */

        /* Rules and files. */
        LIMIT_RULES = 200000,
        LIMIT_RULE_VALUES = 64, /* of one criterion */
        LIMIT_RULE_PORTS = 64,  /* the same; ports and ranges */
        LIMIT_PATTERN = 512,
        LIMIT_RULE_NOTE = 1024,
        LIMIT_RULE_ID = 4352, /* a flat key: path, colon, port */
        LIMIT_RULE_FILE = 64 << 20,
        LIMIT_CONFIG_FILE = 1 << 20,
        LIMIT_SENTENCE = 8192,
        /* What `bastion import` reads of others: files of a directory, bytes of one. */
        LIMIT_IMPORT_FILES = 4096,
        LIMIT_IMPORT_FILE = 1 << 20,

        /* The socket. A client that sends a longer line, or does not read what it asked for, is disconnected. */
        LIMIT_CLIENTS = 128,
        LIMIT_LINE = 64 << 10,
        LIMIT_CLIENT_OUTPUT = 4 << 20,
        LIMIT_RULES_TEXT = 3 << 20, /* of one reply to `rules`; the rule that reaches it is the last of the page */

        /* Decisions kept in memory for `bastion log`. */
        LIMIT_RECORDS = 1024,

        /* What waits in the daemon for the recorder, one datagram to it, one report from it. */
        LIMIT_FEED = 4 << 20,
        LIMIT_FEED_DATAGRAM = 64 << 10,
        LIMIT_FEED_REPORT = 2048,
        /* History on disk; the oldest rows go first. */
        LIMIT_HISTORY_ROWS = 1000000,
        LIMIT_HISTORY_BYTES = 200 << 20,
        LIMIT_HISTORY_DAYS = 30,
        /* One request to the parser, and one answer. */
        LIMIT_PROBE_BYTES = 4096,

        /* The machine's own addresses that scopes depend on. */
        LIMIT_BROADCASTS = 64,
        LIMIT_RESOLVERS = 16,
};
