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
        LIMIT_ASIDE = 256, /* packets that wait for the name of where they go */
        /* Open questions: for one uid, in all. From the fourth of one program on they are folded into one. */
        LIMIT_QUESTIONS_UID = 256,
        LIMIT_QUESTIONS = 1024,
        LIMIT_QUESTIONS_PROGRAM = 3,
        /* Questions that ended, remembered so that a late answer gets a reason. */
        LIMIT_QUESTIONS_CLOSED = 256,
        /* Of those that nobody answered in time, kept to be answered for the future. */
        LIMIT_QUESTIONS_MISSED = 64,

        /* What the kernel says of a process. */
        LIMIT_PATH = 4096,
        LIMIT_ARGS = 1024,
        LIMIT_ANCESTORS = 8,
        LIMIT_ANCESTOR_PATHS = 2048, /* of all ancestors of one process together */
        LIMIT_CGROUP = 512,
        LIMIT_SUBJECTS = 4096,
        LIMIT_EXECUTABLES = 2048, /* files whose path is remembered */
        LIMIT_FLOWS = 4096,  /* remembered by the queue rung */
        LIMIT_OWNERS = 4, /* possible owners of one packet */

        /* Rules and files. */
        LIMIT_RULES = 200000,
        LIMIT_RULE_VALUES = 64, /* of one criterion */
        LIMIT_PATTERN = 512,
        LIMIT_HOSTS = 8, /* names of one address that one program knows */
        LIMIT_PROCESS_RULES = 256, /* that end with a process: each holds a descriptor */
        LIMIT_RULE_NOTE = 1024,
        LIMIT_RULE_ID = 4352, /* a flat key: path, colon, port */
        LIMIT_RULE_FILE = 64 << 20,
        LIMIT_CONFIG_FILE = 1 << 20,
        LIMIT_DROPINS = 256,           /* files of rules.d; those after them are left out */
        LIMIT_DROPIN_NAME = 128,       /* bytes of such a file's name */
        LIMIT_DROPIN_BYTES = 16 << 20, /* of all of them together */
        LIMIT_DROPIN_RULES = LIMIT_RULES - 1000, /* the shipped ones have room beside them */
        LIMIT_SENTENCE = 8192,
        /* Lists of host names: how many files rules speak of; names and bytes of one, bytes of a line and of a path. */
        LIMIT_LISTS = 16,
        LIMIT_LIST_NAMES = 1 << 20,
        LIMIT_LIST_FILE = 64 << 20,
        LIMIT_LIST_LINE = 1024,
        LIMIT_LIST_PATH = 512,
        /* What `bastion import` reads of others: files of a directory, bytes of one. */
        LIMIT_IMPORT_FILES = 4096,
        LIMIT_IMPORT_FILE = 1 << 20,

        /* The journal of the rules: changes and bytes, then the older half goes; rules and bytes of one change, beyond which only counts are kept. */
        LIMIT_JOURNAL_CHANGES = 1000,
        LIMIT_JOURNAL_BYTES = 4 << 20,
        LIMIT_JOURNAL_RULES = 1000,
        LIMIT_JOURNAL_LINE = 512 << 10,
        LIMIT_JOURNAL_TOLD = 20, /* rules of one change in a reply */

        /* The socket. A client that sends a longer line, or does not read what it asked for, is disconnected. */
        LIMIT_CLIENTS = 128,
        LIMIT_LINE = 64 << 10,
        LIMIT_CLIENT_OUTPUT = 4 << 20,
        LIMIT_PARKED_CLIENT = 16, /* messages of one client that wait for polkit, */
        LIMIT_PARKED = 256,       /* and of all: each may be as long as a line */
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
        /* What `bastion learn review` looks at: programs, endpoints of all of them, of one. */
        LIMIT_LEARN_PROGRAMS = 4096,
        LIMIT_LEARN_ENDPOINTS = 65536,
        LIMIT_LEARN_ENDPOINTS_PROGRAM = 4096,
        /* One request to the parser, and one answer. */
        LIMIT_PROBE_BYTES = 4096,

        /* Names: CNAME links and addresses of one DNS answer; entries of the table of who was told what, in all and of one program; bytes of a name. */
        LIMIT_DNS_CHAIN = 16,
        LIMIT_DNS_ADDRESSES = 128, /* 75 fit into the 1,232 bytes that name servers agreed on (DNS flag day 2020) */
        LIMIT_NAMES = 20000,
        LIMIT_NAMES_PROGRAM = 2000,
        LIMIT_NAME = 253,

        /* The machine's own addresses that scopes depend on, and its interfaces whose names are known. */
        LIMIT_BROADCASTS = 64,
        LIMIT_RESOLVERS = 16,
        LIMIT_INTERFACES = 256,
};
