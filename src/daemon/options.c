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
        "  --selftest[=N]  apply the firewall for at most N seconds (20) and try what this machine should reach: exit 0 or 1\n"
        "  --reach=A:PORT  with --selftest: this must be reached, too (as often as needed; [::1]:80 for IPv6)\n"
        "  --enforcement   with --selftest: the rules of --etc act; else learning, which blocks nothing\n"
        "  --version, --help\n";

enum option_id { OPT_ETC = 256, OPT_RUN, OPT_STATE, OPT_LOG_DIR, OPT_DATA, OPT_PINS, OPT_RUNG, OPT_QUEUE, OPT_FOREGROUND, OPT_DEBUG, OPT_CHECK, OPT_RESCUE, OPT_SELFTEST, OPT_REACH, OPT_ENFORCEMENT, OPT_VERSION, OPT_HELP };

enum { SELFTEST_SECONDS = 20, SELFTEST_SECONDS_MAX = 3600 };

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
        { "selftest", optional_argument, NULL, OPT_SELFTEST },
        { "reach", required_argument, NULL, OPT_REACH },
        { "enforcement", no_argument, NULL, OPT_ENFORCEMENT },
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

static int parse_seconds(const char *word, unsigned *ret)
{
        uint64_t number = SELFTEST_SECONDS;

        if (word && (!str_parse_u64(word, SELFTEST_SECONDS_MAX, &number) || number == 0)) {
                fprintf(stderr, "bastion-daemon: --selftest=%s: expected a number of seconds 1..%d\n", word, SELFTEST_SECONDS_MAX);
                return -EINVAL;
        }
        *ret = (unsigned)number;
        return 0;
}

/* 192.0.2.1:80 or [2001:db8::1]:80 */
static bool parse_addr_port(const char *word, struct addr *ret_addr, uint16_t *ret_port)
{
        const char *colon = strrchr(word, ':');
        char text[ADDR_TEXT_MAX];
        size_t n = colon ? (size_t)(colon - word) : 0;
        uint64_t port;

        if (n >= 2 && word[0] == '[' && word[n - 1] == ']') {
                word++;
                n -= 2;
        } else if (n > 0 && memchr(word, ':', n)) {
                return false;
        }
        if (n == 0 || n >= sizeof(text) || !str_parse_u64(colon + 1, UINT16_MAX, &port) || port == 0)
                return false;
        memcpy(text, word, n);
        text[n] = '\0';
        *ret_port = (uint16_t)port;
        return addr_parse(text, ret_addr);
}

static int parse_reach(const char *word, struct options *o)
{
        if (o->n_reach == OPTIONS_REACH_MAX) {
                fprintf(stderr, "bastion-daemon: --reach=%s: at most %d of them\n", word, OPTIONS_REACH_MAX);
                return -EINVAL;
        }
        if (!parse_addr_port(word, &o->reach[o->n_reach].addr, &o->reach[o->n_reach].port)) {
                fprintf(stderr, "bastion-daemon: --reach=%s: expected ADDRESS:PORT, as in 192.0.2.1:443 or [2001:db8::1]:443\n", word);
                return -EINVAL;
        }
        o->n_reach++;
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
        case OPT_SELFTEST:
                return parse_seconds(optarg, &o->selftest_seconds);
        case OPT_REACH:
                return parse_reach(optarg, o);
        case OPT_ENFORCEMENT:
                o->enforcement = true;
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
        if ((o.n_reach > 0 || o.enforcement) && o.selftest_seconds == 0) {
                fputs("bastion-daemon: --reach and --enforcement belong to --selftest\n", stderr);
                return -EINVAL;
        }
        *ret = o;
        return 0;
}
