/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `bastion`: one table of commands. The dispatch, the help and the shell's completion are made from its rows,
 * so that none of them can forget a command that another knows.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/text.h"

const struct command commands[] = {
        {.name = "status",
         .synopsis = "[--kernel]",
         .summary = "what the firewall does now: mode, counts, holes, problems",
         .help = "Shows the mode, how connections are seen (the rung, and why not the better\n"
                 "one), how long the daemon has been running, what it decided, how many\n"
                 "questions wait, and which holes the configuration leaves open.\n"
                 "With --kernel: what Bastion has in the kernel, as text.",
         .options = OPTION_BIT(KERNEL),
         .run = cmd_status},
        {.name = "watch",
         .synopsis = "[--ask | --count=N]",
         .summary = "each decision as it is made",
         .help = "One line a decision: time, verdict, program (process, user), destination, and\n"
                 "the rule or the reason.\n"
                 "With --ask: a screen with who is talking already, each new connection, and the\n"
                 "open questions at the bottom, to be answered with single keys; 'e' tries\n"
                 "enforcement for 60 seconds, 'q' leaves.",
         .options = OPTION_BIT(COUNT) | OPTION_BIT(ASK),
         .run = cmd_watch},
        {.name = "ask",
         .synopsis = "",
         .summary = "answer the firewall's questions here",
         .help = "Shows one open question at a time. Keys: a allow once, s allow for this\n"
                 "session, A allow always, h allow for an hour, r allow while this process runs,\n"
                 "b allow until reboot; d deny once, x deny for this session, D deny always;\n"
                 "p changes what the answer covers (this port, all ports, this destination), n\n"
                 "or Tab shows the next question, q leaves.\n"
                 "Without a terminal on standard input, lines are read, as 'bastion answer' takes\n"
                 "them; REF is a question's name or 'next'. It ends when the input ends.",
         .run = cmd_ask},
        {.name = "questions",
         .synopsis = "",
         .summary = "the questions that are open now",
         .help = "One line a question: its name (REF for 'bastion answer'), the seconds left,\n"
                 "program and destination.\n"
                 "The exit code is 0 whether there are any or none.",
         .run = cmd_questions},
        {.name = "answer",
         .synopsis = "REF allow|deny [once|process|session|reboot|always|DURATION]\n"
                     "                      [port|all-ports|destination]",
         .summary = "answer one question",
         .help = "Answers the question that 'bastion questions' calls REF. Without more words:\n"
                 "once, and this port only. 'process': until that process has exited. A duration\n"
                 "is one word: 30s, 90m, 12h, 7d.\n"
                 "A question that has ended already takes no answer: exit code 1.",
         .words = "allow deny once process session reboot always 1h port all-ports destination",
         .min_words = 2,
         .max_words = 4,
         .run = cmd_answer},
        {.name = "rules",
         .synopsis = "[list | add SENTENCE… | delete ID | enable ID | disable ID | history [--limit=N] | undo [N]]",
         .summary = "list, add and delete rules; who changed which, and taking it back",
         .help = "A rule is a sentence:\n"
                 "  allow|deny|ask SUBJECT [to DESTINATION] [port PORTS] [tcp|udp|icmp|protocol N]\n"
                 "          [user NAME] [group NAME] [argument PATTERN] [parent PATH] [ancestor PATH]\n"
                 "          [unit NAME] [cgroup PATH] [interface NAME] [LIFETIME] [priority N]\n"
                 "          [disabled] [note \"…\"]\n"
                 "  SUBJECT      /path/to/program, a pattern like /opt/*/run, name COMM, anyone,\n"
                 "               unknown, kernel\n"
                 "  DESTINATION  an address, a network, a host like example.com or .example.com, or\n"
                 "               loopback, lan, link, multicast, broadcast, internet, resolver\n"
                 "  PORTS        443, or 80,443, or 8000-8999\n"
                 "Several values are joined by 'or', before them 'not' means none of them. All of\n"
                 "it is in bastion-rules(5).\n"
                 "  LIFETIME     for 1 hour, for 90 minutes, for 2d, until 2026-12-31, until\n"
                 "               2026-12-31 18:00 (local time), until reboot, for session\n"
                 "A word with blanks in it is quoted for you:\n"
                 "  bastion rules add deny '/opt/my game/play' to internet\n"
                 "history: each change of the rules, the newest first, with its number, when, who\n"
                 "and what; an edit of rules.json too. undo: takes change N back, or the last one\n"
                 "that is neither an undoing nor undone. It is refused where the rule was changed\n"
                 "since, and says by which change.",
         .words = "list add delete enable disable history undo",
         .options = OPTION_BIT(LIMIT),
         .max_words = SIZE_MAX,
         .run = cmd_rules},
        {.name = "why",
         .synopsis = "PROGRAM DEST[:PORT] [PROTOCOL] [user NAME] [group NAME] | --last [denied] [PROGRAM]",
         .summary = "which rules meet a connection, which one decides, and how to change that",
         .help = "PROGRAM is a path, a command's name, 'name COMM', unknown or kernel; DEST is an\n"
                 "address. Without a protocol: tcp. Without a user: rules about users do not\n"
                 "match. The rules are those in force now, answers for this session included.\n"
                 "  bastion why curl 93.184.216.34:443\n"
                 "  bastion why /usr/bin/dig [2001:db8::1]:53 udp user alice\n"
                 "  bastion why kernel 192.0.2.1 icmp\n"
                 "With --last: the last decision in the daemon's memory, the last that denied\n"
                 "(or, in learning, would have), or the last of the programs that match a GLOB.",
         .words = "denied",
         .options = OPTION_BIT(LAST),
         .max_words = SIZE_MAX,
         .run = cmd_why},
        {.name = "check",
         .synopsis = "[FILE]",
         .summary = "rules that never decide, match nothing, or name a program that is not there",
         .help = "Judges the rules in force, or those of a rules.json (and the rules.d beside it) or\n"
                 "of one file of sentences, NAME.rules, without a daemon. A rule is\n"
                 "said never to decide only where one other rule comes before it and matches all\n"
                 "that it matches. Of a file, keys that mean nothing are found too; in learning,\n"
                 "that rules which deny have no effect. Shipped rules, and those that are switched\n"
                 "off, are not judged. Exit code 0 when nothing was found, else 1.",
         .max_words = 1,
         .run = cmd_check},
        {.name = "test",
         .synopsis = "FILE [--rules=FILE] [--config=FILE] [--factory=FILE]",
         .summary = "hold rules to a file of expectations, without a daemon",
         .help = "One expectation a line, in the words of a rule; '#' begins a comment; '-' is\n"
                 "standard input:\n"
                 "  expect allow|deny|ask SUBJECT to ADDRESS [port N] [tcp|udp|icmp|protocol N]\n"
                 "          [user NAME] [group NAME] [to lan|resolver|broadcast|…]\n"
                 "deny holds for what a rule denies and for what is denied where nobody answers,\n"
                 "ask for what raises a question. The mode does not matter: the rules are judged\n"
                 "as enforcement judges them. Exit code 0 when all hold, 1 when one does not, 2\n"
                 "for a file that cannot be read or understood.",
         .options = OPTION_BIT(RULES) | OPTION_BIT(CONFIG) | OPTION_BIT(FACTORY),
         .min_words = 1,
         .max_words = 1,
         .run = cmd_test},
        {.name = "import",
         .synopsis = "opensnitch|flat|sentences PATH [--dry-run | --yes]",
         .summary = "add the rules of another firewall, or of another machine",
         .help = "opensnitch: a folder of OpenSnitch's rules, one a file, or one such file.\n"
                 "flat:       a rules.json, of any version.\n"
                 "sentences:  what 'bastion export' writes: a rule a line.\n"
                 "Shows what is new, what is there already, what is in conflict with a rule that\n"
                 "is there (which stays), and what cannot be added and why; then asks once. A\n"
                 "restriction that cannot be said here is never left out: then the rule is not\n"
                 "added. Exit code 0 when all is there now, 5 when something is left out, 1 when\n"
                 "nothing was wanted or the daemon did not take a rule.",
         .words = "opensnitch flat sentences",
         .options = OPTION_BIT(YES) | OPTION_BIT(DRY_RUN),
         .min_words = 2,
         .max_words = 2,
         .run = cmd_import},
        {.name = "export",
         .synopsis = "[--sentences [--all] | --json] [FILE [--force]]",
         .summary = "the rules as text, to keep or to take elsewhere",
         .help = "A sentence a line, in the order in which they decide, for 'bastion import\n"
                 "sentences'; with --json a rules.json. What came with Bastion, or stands in other\n"
                 "files, only with --all; answers for this session never. FILE is created for you\n"
                 "alone to read.",
         .options = OPTION_BIT(SENTENCES) | OPTION_BIT(ALL) | OPTION_BIT(FORCE),
         .max_words = 1,
         .run = cmd_export},
        {.name = "mode",
         .synopsis = "[learning|enforcement] [--try=SECONDS | --keep]",
         .summary = "show or change the mode",
         .help = "learning lets everything through and records what would have been denied;\n"
                 "enforcement holds what no rule decides, and asks. With --try the mode before\n"
                 "comes back by itself, unless 'bastion mode --keep' is said in time.",
         .words = "learning enforcement",
         .options = OPTION_BIT(TRY) | OPTION_BIT(KEEP),
         .max_words = 1,
         .run = cmd_mode},
        {.name = "config",
         .synopsis = "[KEY [VALUE]]",
         .summary = "the keys of config.json, and changing one",
         .help = "Every key with the value that is in force and its default; with KEY, its value\n"
                 "alone. With VALUE the key is changed, in force at once and in the file, where\n"
                 "all else stays as it is; 'default' takes the key out of it. What the keys mean\n"
                 "is in bastion.conf(5). The mode is changed by 'bastion mode'.",
         .words = "timeout_seconds default_action on_failure popup_enabled notifications_enabled allow_localhost allow_lan allow_root_bypass "
                  "allow_systemd_bypass cache_decisions log_decisions log_every_connection log_file deny_errno inbound_protection true false default",
         .max_words = 2,
         .run = cmd_config},
        {.name = "learn",
         .synopsis = "review [--since=TIME] [--yes] [--json] [--state=DIR]",
         .summary = "the rules that what was recorded would need, to accept, edit or refuse",
         .help = "Proposes the fewest rules a person can read for what no rule decided and nobody\n"
                 "answered: ports, addresses and hosts are grouped. What deserves a second look is\n"
                 "marked with '!': a file that others than root can change, an address without a\n"
                 "name, a program that was first seen today, what was denied.\n"
                 "Each is answered by a line: a accepts it, e edits its sentence ('e SENTENCE' at\n"
                 "once), r refuses, q leaves the rest. Then enforcement can be tried.\n"
                 "With --yes all without a mark are accepted. With --json they are printed, one\n"
                 "object a line, and nothing is changed. TIME as for 'bastion log'.",
         .words = "review",
         .options = OPTION_BIT(SINCE) | OPTION_BIT(YES) | OPTION_BIT(STATE),
         .min_words = 1,
         .max_words = 1,
         .run = cmd_learn},
        {.name = "log",
         .synopsis = "[--limit=N] [--since=TIME] [--until=TIME] [--program=GLOB] [--host=WHERE] [--port=PORT]\n"
                     "                   [--verdict=allow|deny] [--rule=ID] [--reason=WORD] [--user=NAME]\n"
                     "                   [--follow] [--csv] [--state=DIR]",
         .summary = "past decisions: search history, thirty days of it",
         .help = "The newest last; of those that are found the last 100, or --limit (--count). What\n"
                 "the kernel decided by itself is summed up, one line with its count. With\n"
                 "--follow, new decisions come after them.\n"
                 "GLOB is compared with the program's path and with its last part: curl,\n"
                 "'/opt/*'. WHERE is an address, a network or a host name, '*.example.com' too.\n"
                 "TIME is so long ago (90s, 30m, 2h, 3d, 2w), today, yesterday, 10:00, 2026-11-20\n"
                 "or 2026-11-20T10:00.\n"
                 "History is for root and members of group bastion, also without a daemon.",
         .options = OPTION_BIT(COUNT) | OPTION_BIT(FOLLOW) | OPTION_BIT(PROGRAM) | OPTION_BIT(VERDICT) | OPTION_BIT(HOST) | OPTION_BIT(PORT) |
                    OPTION_BIT(RULE) | OPTION_BIT(REASON) | OPTION_BIT(USER) | OPTION_BIT(SINCE) | OPTION_BIT(UNTIL) | OPTION_BIT(LIMIT) |
                    OPTION_BIT(CSV) | OPTION_BIT(STATE),
         .run = cmd_log},
        {.name = "connections",
         .synopsis = "",
         .summary = "who is talking now",
         .help = "One line a connection that exists: program, process, user, remote end, how much\n"
                 "it has sent and received (TCP), and what started the program.",
         .run = cmd_connections},
        {.name = "doctor",
         .synopsis = "",
         .summary = "check that the firewall really works here",
         .help = "Each check is ok, a warning, or failed. The exit code is 0 when none failed,\n"
                 "else 1.",
         .run = cmd_doctor},
        {.name = "selftest",
         .synopsis = "[SECONDS] [ADDRESS:PORT…]",
         .summary = "apply the firewall for some seconds and see what is still reached",
         .help = "For a machine that is far away: the firewall stands for at most SECONDS (20), in\n"
                 "learning, while loopback, the default gateway, the name servers and each\n"
                 "ADDRESS:PORT are tried; then it is removed, whatever happens meanwhile. Exit code\n"
                 "0 when everything is reached that is reached without it, else 1. More words are\n"
                 "handed on to bastion-daemon --selftest (write '--' before options).",
         .max_words = SIZE_MAX,
         .run = cmd_selftest},
        {.name = "rescue",
         .synopsis = "",
         .summary = "remove everything of Bastion from the kernel, daemon or not",
         .help = "For the day when the network is gone and Bastion is suspected: takes Bastion's\n"
                 "tables and hooks out of this network namespace, with or without a daemon.\n"
                 "Rules and configuration stay. More words are handed on to bastion-daemon\n"
                 "--rescue (write '--' before options).",
         .max_words = SIZE_MAX,
         .run = cmd_rescue},
        {.name = "completion",
         .synopsis = "bash",
         .summary = "print the completion for a shell",
         .help = "Prints a script for the shell to source.",
         .words = "bash",
         .hidden = true,
         .min_words = 1,
         .max_words = 1,
         .run = cmd_completion},
        {0},
};

static void help_options(struct buf *out, uint64_t mask)
{
        char name[64];

        for (unsigned i = 0; i < OPTION_COUNT_OF_ALL; i++) {
                const struct option_row *row = &option_rows[i];

                if (!(mask & UINT64_C(1) << i))
                        continue;
                snprintf(name, sizeof(name), "--%s%s%s", row->name, row->argument ? "=" : "",
                         row->argument ? row->argument : "");
                buf_puts(out, "  ");
                text_pad(out, name, 22);
                buf_printf(out, "  %s\n", row->help);
        }
}

static void help_exit_codes(struct buf *out)
{
        buf_puts(out, "\nExit codes: 0 yes, 1 no or denied, 2 wrong input, 3 no daemon, 4 not permitted,\n"
                      "5 done in part.\n");
}

static int help_all(void)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        buf_puts(&out, "Usage: bastion COMMAND [WORDS] [OPTIONS]\n\nBastion Firewall: which program may talk "
                       "to whom.\n\n");
        for (const struct command *command = commands; command->name; command++) {
                if (command->hidden)
                        continue;
                buf_puts(&out, "  ");
                text_pad(&out, command->name, 12);
                buf_printf(&out, "  %s\n", command->summary);
        }
        buf_puts(&out, "\nOptions of every command:\n");
        help_options(&out, OPTIONS_GLOBAL);
        help_exit_codes(&out);
        buf_puts(&out, "More: bastion COMMAND --help, bastion(1)\n");
        return cli_print(&out);
}

static int help_command(const struct command *command)
{
        _cleanup_(buf_deinit) struct buf out = {0};

        buf_printf(&out, "Usage: bastion %s%s%s\n\n", command->name, *command->synopsis ? " " : "",
                   command->synopsis);
        buf_printf(&out, "bastion %s: %s.\n\n%s\n\nOptions:\n", command->name, command->summary,
                   command->help);
        help_options(&out, command->options | OPTIONS_GLOBAL);
        help_exit_codes(&out);
        return cli_print(&out);
}

static const struct command *command_find(const char *name)
{
        for (const struct command *command = commands; command->name; command++)
                if (strcmp(command->name, name) == 0)
                        return command;
        return NULL;
}

/* Options and number of words that this command takes; what does not fit is refused and not passed over. */
static int check_arguments(const struct cli *cli)
{
        uint64_t strange = cli->arguments->seen & ~(cli->command->options | OPTIONS_GLOBAL);

        if (strange)
                return cli_wrong_input(cli, "'%s' has no option '--%s'", cli->command->name,
                                       option_rows[__builtin_ctzll(strange)].name);
        if (cli->n_words < cli->command->min_words)
                return cli_wrong_input(cli, "'%s' needs more words: bastion %s %s", cli->command->name,
                                       cli->command->name, cli->command->synopsis);
        if (cli->n_words > cli->command->max_words)
                return cli_wrong_input(cli, "'%s' is a word too much for '%s'",
                                       cli->words[cli->command->max_words], cli->command->name);
        return EXIT_YES;
}

static int run(const struct arguments *arguments)
{
        struct cli cli = {
                .arguments = arguments, .socket = CLIENT_SOCKET, .style = term_style(STDOUT_FILENO)};
        int r;

        if (arguments_have(arguments, OPTION_VERSION)) {
                puts("bastion " BASTION_VERSION);
                return EXIT_YES;
        }
        if (arguments->n_words == 0 || strcmp(arguments->words[0], "help") == 0) {
                if (arguments->n_words > 1 && (cli.command = command_find(arguments->words[1])))
                        return help_command(cli.command);
                r = help_all();
                return arguments->n_words > 0 || arguments_have(arguments, OPTION_HELP) ? r
                                                                                        : EXIT_WRONG_INPUT;
        }
        cli.command = command_find(arguments->words[0]);
        if (!cli.command) {
                cli_error("there is no command '%s'; 'bastion --help' lists them", arguments->words[0]);
                return EXIT_WRONG_INPUT;
        }
        if (arguments_have(arguments, OPTION_HELP))
                return help_command(cli.command);
        cli.words = arguments->words + 1;
        cli.n_words = arguments->n_words - 1;
        cli.json = arguments_have(arguments, OPTION_JSON);
        if (arguments_have(arguments, OPTION_SOCKET))
                cli.socket = arguments->values[OPTION_SOCKET];
        r = check_arguments(&cli);
        if (r)
                return r;
        return cli.command->run(&cli);
}

int main(int argc, char **argv)
{
        _cleanup_(arguments_deinit) struct arguments arguments = {0};
        char error[ARGUMENTS_ERROR_MAX];
        int r;

        r = arguments_parse(MAX(argc - 1, 0), argv + MIN(argc, 1), &arguments, error);
        if (r < 0) {
                cli_error("out of memory");
                return EXIT_NO;
        }
        if (r > 0) {
                cli_error("%s; 'bastion --help' lists them", error);
                return EXIT_WRONG_INPUT;
        }
        return run(&arguments);
}
