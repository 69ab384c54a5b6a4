/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One loop over three sources: the daemon's socket, the keyboard, the second hand. Events change the panel of
 * questions (panel.h) or add a line to the log (screen.h); after each round the picture is drawn once.
 * Requests are remembered by id, because replies come when they come: nothing here waits for one.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/live.h"
#include "cli/panel.h"
#include "cli/screen.h"
#include "cli/show.h"
#include "cli/text.h"
#include "client/words.h"

enum { TRY_SECONDS = 60, STATUS_EVERY_MS = 2000, KEYS_MAX = 64, OUTCOME_COLUMNS = 14 };

struct live {
        const struct cli *cli;
        bool watch;
        struct client *client;
        struct panel panel;
        struct screen screen;
        int64_t connections_id, status_id; /* requests on their way, 0 none */
        bool has_status;
        struct status status; /* the last one, for the status line */
        bool has_mode;
        enum mode mode;
        struct boottime try_ends; /* BOOTTIME_NEVER: no try is running */
        struct boottime next_status;
        uint64_t n_garbage;
        int error; /* sticks: memory */
        bool leave;
};

/* ---- the log
 * ------------------------------------------------------------------------------------------------------ */

static void log_buf(struct live *l, struct buf *line)
{
        int r = buf_error(line);

        if (r == 0)
                r = screen_log(&l->screen, line->n > 0 ? line->data : "");
        if (r < 0)
                l->error = r;
}

static void log_words(struct live *l, const char *look, const char *words)
{
        _cleanup_(buf_deinit) struct buf line = {0};

        buf_puts(&line, look);
        words_plain(&line, words, strlen(words));
        buf_puts(&line, l->cli->style->reset);
        log_buf(l, &line);
}

/* "✓ allow once  curl (812, alice) → example.com:443  make ▸ sh ▸ curl" */
static void log_question(struct live *l, const char *look, const char *what, const struct prompt *prompt)
{
        _cleanup_(buf_deinit) struct buf line = {0};

        buf_puts(&line, look);
        text_pad(&line, what, OUTCOME_COLUMNS);
        buf_printf(&line, "%s ", l->cli->style->reset);
        show_prompt(&line, l->cli->style, l->screen.columns, prompt);
        log_buf(l, &line);
}

static void log_connections(struct live *l, const struct event *event)
{
        log_words(l, l->cli->style->bold,
                  event->n_connections > 0 ? "Talking already:" : "Nobody is talking yet.");
        for (size_t i = 0; i < event->n_connections; i++) {
                _cleanup_(buf_deinit) struct buf line = {0};

                buf_puts(&line, "               "); /* where decisions have their time and verdict */
                show_connection(&line, l->cli->style, l->screen.columns, &event->connections[i]);
                log_buf(l, &line);
        }
        log_words(l, l->cli->style->bold, "From now on:");
}

/* ---- requests
 * ----------------------------------------------------------------------------------------------------- */

static int64_t request_plain(struct live *l, enum message_type type)
{
        int64_t id = client_next_id(l->client);

        message_format_request(client_output(l->client), type, id);
        return id;
}

static int64_t request_mode(struct live *l, enum mode mode, unsigned try_seconds, bool keep)
{
        int64_t id = client_next_id(l->client);

        message_format_request_mode(client_output(l->client), id, mode, try_seconds, keep);
        return id;
}

static void start_requests(struct live *l)
{
        unsigned events = SUBSCRIBE_QUESTIONS | (l->watch ? SUBSCRIBE_DECISIONS : 0);
        struct buf *out = client_output(l->client);

        if (l->watch)
                l->connections_id = request_plain(l, MESSAGE_CONNECTIONS);
        message_format_request_subscribe(out, client_next_id(l->client), events);
        /* Those that were open before we subscribed; one that comes both ways is known by its name. */
        request_plain(l, MESSAGE_QUESTIONS);
}

/* ---- what the daemon says
 * ----------------------------------------------------------------------------------------- */

static void set_mode(struct live *l, enum mode mode, unsigned try_left_seconds)
{
        bool was_trying = l->try_ends.ns != UINT64_MAX, tries = try_left_seconds > 0;

        if (l->has_mode && (mode != l->mode || was_trying != tries)) {
                const struct style *style = l->cli->style;

                if (mode == MODE_ENFORCEMENT && tries)
                        log_words(l, style->yellow,
                                  "Enforcement is being tried: what no rule decides is held, and asked about "
                                  "here.");
                else if (mode == MODE_ENFORCEMENT)
                        log_words(l, style->yellow,
                                  was_trying ? "Enforcement is kept." : "The mode is enforcement now.");
                else
                        log_words(l, style->yellow,
                                  was_trying ? "Enforcement was not kept: back in learning mode."
                                             : "The mode is learning now.");
        }
        l->has_mode = true;
        l->mode = mode;
        l->try_ends = tries ? boottime_add(client_now(), try_left_seconds * NS_PER_SEC) : BOOTTIME_NEVER;
}

/* Moves the event's prompts into the panel; the event is the client's, so what was taken is left empty there.
 */
static void take_prompts(struct live *l, const struct event *event)
{
        for (size_t i = 0; i < event->n_prompts; i++) {
                int r = panel_add(&l->panel, &event->prompts[i], client_now());

                if (r == -E2BIG)
                        log_words(l, l->cli->style->red, "More questions are open than can be shown here.");
                else if (r < 0)
                        l->error = r;
        }
}

static const char *closed_words(enum question_state state)
{
        switch (state) {
        case QUESTION_ANSWERED:
                return "· elsewhere";
        case QUESTION_EXPIRED:
                return "· no answer";
        case QUESTION_ABANDONED:
                return "· given up";
        case QUESTION_SUPERSEDED:
                return "· a rule now";
        case QUESTION_OPEN:
                break;
        }
        return "· ended";
}

static void on_question_closed(struct live *l, const struct event *event)
{
        struct panel_question *q = panel_find(&l->panel, event->ref);

        if (!q || q->request != 0)
                return; /* ours: the reply says how it went */
        log_question(l, l->cli->style->dim, closed_words(event->state), &q->prompt);
        panel_remove(&l->panel, q, client_now());
}

static void on_answer_reply(struct live *l, struct panel_question *q, const struct event *event)
{
        _cleanup_(buf_deinit) struct buf what = {0};
        const struct style *style = l->cli->style;

        if (event->type == EVENT_ERROR) {
                log_words(l, style->red, event->text ? event->text : message_error_word(event->error));
                if (event->error != MESSAGE_ERROR_CLOSED && event->error != MESSAGE_ERROR_NOT_FOUND) {
                        panel_set_request(&l->panel, q, 0, client_now());
                        return;
                }
        } else {
                buf_printf(&what, "%s %s ", q->answer.allow ? "✓" : "✗", q->answer.allow ? "allow" : "deny");
                show_lifetime(&what, &q->answer);
                if (!buf_error(&what))
                        log_question(l, q->answer.allow ? style->green : style->red, what.data, &q->prompt);
                if (q->prompt.learning)
                        log_words(l, style->yellow, "               recorded, takes effect in enforcement");
        }
        panel_remove(&l->panel, q, client_now());
}

/* Moves the status out of the event. */
static void take_status(struct live *l, struct event *event)
{
        status_deinit(&l->status);
        l->status = event->status;
        event->status = (struct status){0};
        l->has_status = true;
        set_mode(l, l->status.mode, l->status.try_left_seconds);
}

static void on_reply(struct live *l, struct event *event)
{
        struct panel_question *q = panel_find_request(&l->panel, event->id);

        if (q && event->id != 0)
                on_answer_reply(l, q, event);
        else if (event->type == EVENT_ERROR)
                log_words(l, l->cli->style->red,
                          event->text ? event->text : message_error_word(event->error));
        else if (event->id == l->connections_id && event->id != 0)
                log_connections(l, event);
        else if (event->has_status)
                take_status(l, event);
        else if (event->has_mode)
                set_mode(l, event->mode, event->try_left_seconds);
        else
                take_prompts(l, event);
        if (event->id == CLI_HELLO_ID && event->type == EVENT_REPLY && !event->may_manage)
                log_words(l, l->cli->style->yellow,
                          "You may neither look nor answer here: be root, or a member of group 'bastion'.");
        if (event->id == l->status_id)
                l->status_id = 0;
}

static void on_event(struct client *c, struct event *event, const char *raw, size_t n, void *userdata)
{
        struct live *l = userdata;

        (void)c;
        (void)raw;
        (void)n;
        switch (event->type) {
        case EVENT_DECISION:
                if (event->n_records > 0) {
                        _cleanup_(buf_deinit) struct buf line = {0};

                        show_record(&line, l->cli->style, l->screen.columns, &event->records[0]);
                        log_buf(l, &line);
                }
                break;
        case EVENT_QUESTION:
                take_prompts(l, event);
                break;
        case EVENT_QUESTION_CLOSED:
                on_question_closed(l, event);
                break;
        case EVENT_MODE_CHANGED:
                set_mode(l, event->mode, event->try_left_seconds);
                break;
        case EVENT_REPLY:
        case EVENT_ERROR:
                on_reply(l, event);
                break;
        case EVENT_NOTIFICATION:
                if (event->text)
                        log_words(l, l->cli->style->yellow, event->text);
                break;
        case EVENT_CONFIG_CHANGED:
        case EVENT_RULE_GONE:
        case EVENT_RULES_CHANGED:
        case EVENT_STATS:
        case EVENT_OTHER:
                break;
        }
}

/* ---- keys
 * ---------------------------------------------------------------------------------------------------------
 */

static void send_answer(struct live *l, const struct answer *answer)
{
        struct panel_question *q = panel_shown(&l->panel);
        int64_t id;

        if (!q)
                return;
        id = client_next_id(l->client);
        message_format_request_answer(client_output(l->client), id, q->prompt.ref, answer);
        q->answer = *answer;
        panel_set_request(&l->panel, q, id, client_now());
}

static void on_watch_key(struct live *l, char key)
{
        bool trying = l->try_ends.ns != UINT64_MAX;

        if (key == 'e' && l->mode == MODE_LEARNING)
                request_mode(l, MODE_ENFORCEMENT, TRY_SECONDS, false);
        else if (key == 'k' && trying)
                request_mode(l, l->mode, 0, true);
}

static void on_key(struct live *l, char key)
{
        struct answer answer;

        if (key == 'q' || key == '\x04') {
                l->leave = true;
                return;
        }
        if (l->watch)
                on_watch_key(l, key);
        if (panel_key(&l->panel, key, client_now(), &answer) == PANEL_ANSWER)
                send_answer(l, &answer);
}

/* Bytes of one escape sequence (arrows, function keys): they are no keys of ours, and their last letter must
 * not be taken for one. */
static size_t escape_length(const char *keys, size_t n)
{
        size_t i = 1;

        if (i < n && (keys[i] == '[' || keys[i] == 'O'))
                for (i++; i < n && !(keys[i] >= '@' && keys[i] <= '~'); i++)
                        ;
        return MIN(i + 1, n);
}

static void read_keys(struct live *l)
{
        char keys[KEYS_MAX];
        ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
                l->leave = true; /* the terminal went away */
        for (ssize_t i = 0; i < n && !l->leave; i++) {
                if (keys[i] == '\x1b')
                        i += (ssize_t)escape_length(keys + i, (size_t)(n - i)) - 1;
                else
                        on_key(l, keys[i]);
        }
}

/* ---- the picture
 * -------------------------------------------------------------------------------------------------- */

static void put_hint(const struct live *l, struct buf *out, const char *key, const char *word)
{
        const struct style *style = l->cli->style;

        buf_printf(out, "  %s%s%s %s", style->bold, key, style->reset, word);
}

static void put_mode(const struct live *l, struct buf *out)
{
        uint64_t left = (boottime_left(l->try_ends, client_now()) + NS_PER_SEC - 1) / NS_PER_SEC;
        const struct style *style = l->cli->style;

        if (!l->has_mode)
                return;
        buf_printf(out, "%s%s%s", l->mode == MODE_ENFORCEMENT ? style->green : style->yellow,
                   mode_name(l->mode), style->reset);
        if (l->try_ends.ns != UINT64_MAX)
                buf_printf(out, " for %llu s", (unsigned long long)left);
}

static void put_count(struct buf *out, uint64_t n, const char *what)
{
        buf_puts(out, " · ");
        words_number(out, n);
        buf_printf(out, " %s", what);
}

static void put_status(const struct live *l, struct buf *out)
{
        put_mode(l, out);
        if (!l->has_status)
                return;
        put_count(out, l->status.n_allowed, "allowed");
        put_count(out, l->status.n_denied, "denied");
        if (l->status.root_bypass)
                put_count(out, l->status.n_root_bypass, "of root, not asked");
        if (l->status.n_learned_denials > 0)
                put_count(out, l->status.n_learned_denials, "would be denied");
}

static void put_hints(const struct live *l, struct buf *out)
{
        if (l->watch && l->try_ends.ns != UINT64_MAX)
                put_hint(l, out, "k", "keep enforcement");
        else if (l->watch && l->has_mode && l->mode == MODE_LEARNING)
                put_hint(l, out, "e", "try enforcement for 60 s");
        if (panel_n_waiting(&l->panel) > 1)
                put_hint(l, out, "n", "next question");
        put_hint(l, out, "q", "quit");
}

/* Cuts `line` into the panel's last lines. */
static void add_line(struct buf *panel, struct buf *line, unsigned columns)
{
        if (buf_error(line)) {
                panel->error = buf_error(line);
                return;
        }
        text_cut(panel, line->n > 0 ? line->data : "", columns);
        buf_putc(panel, '\n');
        buf_reset(line);
}

static void format_bottom(struct live *l, struct buf *panel)
{
        _cleanup_(buf_deinit) struct buf line = {0};
        const struct style *style = l->cli->style;
        unsigned columns = l->screen.columns;

        buf_puts(&line, style->dim);
        for (unsigned i = 0; i < columns; i++)
                buf_puts(&line, "─");
        buf_puts(&line, style->reset);
        add_line(panel, &line, columns);
        if (!l->watch && panel_n_waiting(&l->panel) == 0) {
                buf_puts(&line, "  No question is open.");
                add_line(panel, &line, columns);
        }
        if (l->watch) {
                buf_puts(&line, "  ");
                put_status(l, &line);
                add_line(panel, &line, columns);
        }
        put_hints(l, &line);
        add_line(panel, &line, columns);
}

static int draw(struct live *l)
{
        _cleanup_(buf_deinit) struct buf panel = {0};
        /* The log keeps a third of the terminal, where there is one to speak of. */
        unsigned rows = l->screen.rows > 20  ? l->screen.rows * 2 / 3
                        : l->screen.rows > 6 ? l->screen.rows - 3
                                             : 2;

        panel_format(&l->panel, l->cli->style, l->screen.columns, rows, client_now(), &panel);
        format_bottom(l, &panel);
        if (buf_error(&panel))
                return buf_error(&panel);
        return screen_draw(&l->screen, &panel);
}

/* ---- the loop
 * ----------------------------------------------------------------------------------------------------- */

static int sooner(int a, int b)
{
        return a < 0 ? b : b < 0 ? a : MIN(a, b);
}

static int timeout_ms(struct live *l)
{
        struct boottime now = client_now();
        int timeout = panel_timeout_ms(&l->panel, now);

        if (l->watch)
                timeout = sooner(timeout, (int)(boottime_left(l->next_status, now) / NS_PER_MSEC) + 1);
        if (l->try_ends.ns != UINT64_MAX)
                timeout = sooner(timeout, (int)(boottime_left(l->try_ends, now) / NS_PER_MSEC % 1000) + 1);
        return timeout;
}

static void ask_status(struct live *l)
{
        if (!l->watch || !boottime_reached(l->next_status, client_now()))
                return;
        l->next_status = boottime_add(client_now(), STATUS_EVERY_MS * NS_PER_MSEC);
        if (l->status_id == 0)
                l->status_id = request_plain(l, MESSAGE_STATUS);
}

static void note_garbage(struct live *l)
{
        if (client_n_garbage(l->client) == l->n_garbage)
                return;
        l->n_garbage = client_n_garbage(l->client);
        log_words(l, l->cli->style->red,
                  "The daemon said something that this program does not understand; it was left out.");
}

/* One round: draw, wait, take in. What client_dispatch() said; trouble of our own is in l->error. */
static int round_trip(struct live *l)
{
        struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = client_fd(l->client)}};
        unsigned wishes;
        int r;

        ask_status(l);
        l->error = draw(l);
        if (l->error)
                return 0;
        fds[1].events = client_poll_events(l->client);
        r = term_poll(fds, ARRAY_SIZE(fds), timeout_ms(l), &wishes);
        if (r < 0) {
                l->error = r;
                return 0;
        }
        if (wishes & TERM_WISH_RESIZE)
                screen_resize(&l->screen);
        if (wishes & TERM_WISH_LEAVE)
                l->leave = true;
        if (fds[0].revents)
                read_keys(l);
        r = client_dispatch(l->client);
        note_garbage(l);
        return r;
}

static void live_deinit(struct live *l)
{
        client_free(l->client);
        panel_deinit(&l->panel);
        screen_deinit(&l->screen);
        status_deinit(&l->status);
}

int live_run(const struct cli *cli, bool watch)
{
        _cleanup_(live_deinit) struct live l = {.cli = cli, .watch = watch, .try_ends = BOOTTIME_NEVER};
        int r;

        r = cli_connect(cli, on_event, &l, &l.client);
        if (r)
                return r;
        term_catch_signals();
        r = term_raw();
        if (r < 0) {
                cli_error("cannot use the terminal: %s", strerror(-r));
                return EXIT_NO;
        }
        screen_init(&l.screen);
        start_requests(&l);
        while (r == 0 && l.error == 0 && !l.leave)
                r = round_trip(&l);
        screen_leave(&l.screen);
        term_restore();
        if (l.error) {
                cli_error("cannot go on: %s", strerror(-l.error));
                return EXIT_NO;
        }
        return r ? cli_connection_lost(r) : EXIT_YES;
}
