/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "daemon/options.h"

static const char HELP[] =
        "bastion-daemon - the application firewall's daemon (bastion-daemon(8))\n"
        "\n"
        "  --etc=DIR       configuration and rules (/etc/bastion)\n"
        "  --run=DIR       the socket and the lock (/run/bastion)\n"
        "  --state=DIR     last good copies (/var/lib/bastion)\n"
        "  --log-dir=DIR   where log_file must lie (/var/log)\n"
        "  --data=DIR      factory.rules (" BASTION_DATADIR ")\n"
        "  --pins=DIR      pinned kernel objects, on a bpffs (/sys/fs/bpf/bastion)\n"
        "  --rung=WORD     auto, gate (BPF) or queue (no BPF)\n"
        "  --queue=N       NFQUEUE number (1)\n"
        "  --foreground    words, not journal priorities, on standard error\n"
        "  --debug         say more (also BASTION_LOG=debug)\n"
        "  --check         validate configuration and rules: exit 0 or 2\n"
        "  --rescue        remove everything of Bastion from this network namespace\n"
        "  --version, --help\n";

enum option_id { OPT_ETC = 256, OPT_RUN, OPT_STATE, OPT_LOG_DIR, OPT_DATA, OPT_PINS, OPT_RUNG, OPT_QUEUE, OPT_FOREGROUND, OPT_DEBUG, OPT_CHECK, OPT_RESCUE, OPT_VERSION, OPT_HELP };

static const struct option OPTIONS[] = {
        { "etc", required_argument, NULL, OPT_ETC },
        { "run", required_argument, NULL, OPT_RUN },
        { "state", required_argument, NULL, OPT_STATE },
        { "log-dir", required_argument, NULL, OPT_LOG_DIR },
        { "data", required_argument, NULL, OPT_DATA },
        { "pins", required_argument, NULL, OPT_PINS },
        { "rung", required_argument, NULL, OPT_RUNG },
        { "queue", required_argument, NULL, OPT_QUEUE },
        { "foreground", no_argument, NULL, OPT_FOREGROUND },
        { "debug", no_argument, NULL, OPT_DEBUG },
        { "check", no_argument, NULL, OPT_CHECK },
        { "rescue", no_argument, NULL, OPT_RESCUE },
        { "version", no_argument, NULL, OPT_VERSION },
        { "help", no_argument, NULL, OPT_HELP },
        { 0 },
};

static int parse_rung(const char *word, enum rung_choice *ret)
{
        static const char *const WORDS[] = { [RUNG_AUTO] = "auto", [RUNG_GATE] = "gate", [RUNG_QUEUE] = "queue" };

        for (size_t i = 0; i < ARRAY_SIZE(WORDS); i++)
                if (strcmp(word, WORDS[i]) == 0) {
                        *ret = (enum rung_choice)i;
                        return 0;
                }
        fprintf(stderr, "bastion-daemon: --rung=%s: expected auto, gate or queue\n", word);
        return -EINVAL;
}

static int parse_queue(const char *word, uint16_t *ret)
{
        uint64_t number;

        if (!str_parse_u64(word, UINT16_MAX, &number)) {
                fprintf(stderr, "bastion-daemon: --queue=%s: expected a number 0..65535\n", word);
                return -EINVAL;
        }
        *ret = (uint16_t)number;
        return 0;
}

static int parse_one(int option, struct options *o)
{
        switch (option) {
        case OPT_ETC:
                o->etc = optarg;
                return 0;
        case OPT_RUN:
                o->run = optarg;
                return 0;
        case OPT_STATE:
                o->state = optarg;
                return 0;
        case OPT_LOG_DIR:
                o->log_dir = optarg;
                return 0;
        case OPT_DATA:
                o->data = optarg;
                return 0;
        case OPT_PINS:
                o->pins = optarg;
                return 0;
        case OPT_RUNG:
                return parse_rung(optarg, &o->rung);
        case OPT_QUEUE:
                return parse_queue(optarg, &o->queue);
        case OPT_FOREGROUND:
                o->foreground = true;
                return 0;
        case OPT_DEBUG:
                o->debug = true;
                return 0;
        case OPT_CHECK:
                o->check = true;
                return 0;
        case OPT_RESCUE:
                o->rescue = true;
                return 0;
        case OPT_VERSION:
                puts("bastion-daemon " BASTION_VERSION);
                return OPTIONS_E_DONE;
        case OPT_HELP:
                fputs(HELP, stdout);
                return OPTIONS_E_DONE;
        default:
                return -EINVAL; /* getopt said why */
        }
}

int options_parse(int argc, char **argv, struct options *ret)
{
        struct options o = {
                .etc = "/etc/bastion",
                .run = "/run/bastion",
                .state = "/var/lib/bastion",
                .log_dir = "/var/log",
                .data = BASTION_DATADIR,
                .queue = 1,
        };
        int option, r;

        while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
                r = parse_one(option, &o);
                if (r != 0)
                        return r;
        }
        if (optind < argc) {
                fprintf(stderr, "bastion-daemon: unexpected argument '%s'\n", argv[optind]);
                return -EINVAL;
        }
        *ret = o;
        return 0;
}
