/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client library over a socketpair: lines in any pieces, long ones, wrong ones, and ends. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/client.h"

struct heard {
        unsigned n;
        enum event_type last;
        size_t last_length;
        int64_t last_id;
        bool asks; /* send a request from the callback */
};

static void on_event(struct client *c, struct event *event, const char *raw, size_t n, void *userdata)
{
        struct heard *heard = userdata;

        assert_int_equal(strlen(raw), n);
        heard->n++;
        heard->last = event->type;
        heard->last_length = n;
        heard->last_id = event->id;
        if (heard->asks)
                message_format_request(client_output(c), MESSAGE_STATUS, client_next_id(c));
}

static struct client *pair(struct heard *heard, int *ret_peer)
{
        struct client *c;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(client_new(fds[0], on_event, heard, &c), 0);
        *ret_peer = fds[1];
        return c;
}

static void say(int fd, const char *data, size_t n)
{
        while (n > 0) {
                ssize_t k = write(fd, data, n);

                assert_true(k > 0);
                data += k;
                n -= (size_t)k;
        }
}

static const char two_lines[] = "{\"type\":\"mode_changed\",\"mode\":\"learning\",\"try_left_seconds\":0}\n{"
                                "\"type\":\"reply\",\"id\":7}\n";

static void lines_split_at_every_byte_are_whole(void **state)
{
        size_t n = strlen(two_lines);

        (void)state;
        for (size_t cut = 0; cut <= n; cut++) {
                struct heard heard = {0};
                int peer;
                struct client *c = pair(&heard, &peer);

                say(peer, two_lines, cut);
                assert_int_equal(client_dispatch(c), 0);
                say(peer, two_lines + cut, n - cut);
                assert_int_equal(client_dispatch(c), 0);
                assert_int_equal(heard.n, 2);
                assert_int_equal(heard.last, EVENT_REPLY);
                assert_int_equal(heard.last_id, 7);
                assert_int_equal(client_n_garbage(c), 0);
                client_free(c);
                close(peer);
        }
}

static void lines_byte_by_byte_are_whole(void **state)
{
        struct heard heard = {0};
        int peer;
        struct client *c = pair(&heard, &peer);

        (void)state;
        for (size_t i = 0; i < strlen(two_lines); i++) {
                say(peer, two_lines + i, 1);
                assert_int_equal(client_dispatch(c), 0);
        }
        assert_int_equal(heard.n, 2);
        client_free(c);
        close(peer);
}

/* A notification whose line has `n` bytes. */
static char *line_of(size_t n)
{
        static const char head[] =
                "{\"type\":\"notification\",\"title\":\"t\",\"level\":\"info\",\"message\":\"",
                          tail[] = "\"}";
        char *line = malloc(n + 2);

        assert_non_null(line);
        memset(line, 'x', n);
        memcpy(line, head, strlen(head));
        memcpy(line + n - strlen(tail), tail, strlen(tail));
        line[n] = '\n';
        line[n + 1] = '\0';
        return line;
}

static void a_line_longer_than_one_read_is_whole(void **state)
{
        static const size_t lengths[] = {65535, 65536, 65537, 3 << 16};

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
                _cleanup_(freep) char *line = line_of(lengths[i]);
                struct heard heard = {0};
                int peer;
                struct client *c = pair(&heard, &peer);

                for (size_t at = 0; at < lengths[i] + 1; at += 4096) {
                        say(peer, line + at, MIN((size_t)4096, lengths[i] + 1 - at));
                        assert_int_equal(client_dispatch(c), 0);
                }
                assert_int_equal(heard.n, 1);
                assert_int_equal(heard.last, EVENT_NOTIFICATION);
                assert_int_equal(heard.last_length, lengths[i]);
                client_free(c);
                close(peer);
        }
}

static void a_line_without_end_is_refused(void **state)
{
        struct heard heard = {0};
        static char junk[64 << 10];
        int peer, r = 0;
        struct client *c = pair(&heard, &peer);
        size_t n = 0;

        (void)state;
        memset(junk, 'j', sizeof(junk));
        while (r == 0) {
                say(peer, junk, sizeof(junk));
                n += sizeof(junk);
                assert_true(n <= (size_t)CLIENT_LINE_MAX + 4 * sizeof(junk));
                r = client_dispatch(c);
        }
        assert_int_equal(r, CLIENT_E_TOO_LONG);
        assert_true(n > CLIENT_LINE_MAX);
        assert_int_equal(heard.n, 0);
        client_free(c);
        close(peer);
}

static void garbage_is_counted_and_the_next_line_is_heard(void **state)
{
        static const char *const garbage[] = {"\n",
                                              "nonsense\n",
                                              "[]\n",
                                              "{\"type\":1}\n",
                                              "{\"type\":\"reply\"}\n",
                                              "\xff\xfe\n",
                                              "{\"type\":\"decision\"}\n",
                                              "{\"a\"\n"};
        struct heard heard = {0};
        int peer;
        struct client *c = pair(&heard, &peer);

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(garbage); i++)
                say(peer, garbage[i], strlen(garbage[i]));
        say(peer, two_lines, strlen(two_lines));
        assert_int_equal(client_dispatch(c), 0);
        assert_int_equal(client_n_garbage(c), ARRAY_SIZE(garbage));
        assert_int_equal(heard.n, 2);
        client_free(c);
        close(peer);
}

static void unknown_types_are_passed_on(void **state)
{
        struct heard heard = {0};
        int peer;
        struct client *c = pair(&heard, &peer);

        (void)state;
        say(peer, "{\"type\":\"weather\"}\n", 19);
        assert_int_equal(client_dispatch(c), 0);
        assert_int_equal(heard.n, 1);
        assert_int_equal(heard.last, EVENT_OTHER);
        client_free(c);
        close(peer);
}

static void the_last_words_are_heard_before_the_end(void **state)
{
        struct heard heard = {0};
        int peer;
        struct client *c = pair(&heard, &peer);

        (void)state;
        /* Something waits to be sent, too: the broken pipe must not hide what was said. */
        message_format_request(client_output(c), MESSAGE_STATUS, client_next_id(c));
        say(peer, two_lines, strlen(two_lines));
        say(peer, "{\"type\":", 8);
        close(peer);
        assert_int_equal(client_dispatch(c), CLIENT_E_CLOSED);
        assert_int_equal(heard.n, 2);
        client_free(c);
}

static void requests_from_the_callback_are_sent(void **state)
{
        struct heard heard = {.asks = true};
        char data[256] = {0};
        int peer;
        struct client *c = pair(&heard, &peer);

        (void)state;
        say(peer, "{\"type\":\"reply\",\"id\":1}\n", 24);
        assert_int_equal(client_poll_events(c), POLLIN);
        assert_int_equal(client_dispatch(c), 0);
        assert_true(read(peer, data, sizeof(data) - 1) > 0);
        assert_string_equal(data, "{\"type\":\"status\",\"id\":1}\n");
        client_free(c);
        close(peer);
}

static void what_cannot_be_sent_waits_up_to_its_bound(void **state)
{
        struct heard heard = {0};
        int peer, r = 0;
        struct client *c = pair(&heard, &peer);
        unsigned n = 0;

        (void)state;
        while (r == 0 && n < 1000000) {
                message_format_request(client_output(c), MESSAGE_STATUS, client_next_id(c));
                if (n++ % 64 == 0)
                        r = client_dispatch(c);
        }
        assert_true(client_poll_events(c) & POLLOUT);
        assert_int_equal(r, -E2BIG);
        client_free(c);
        close(peer);
}

static void connecting_says_what_is_wrong(void **state)
{
        char folder[] = "/tmp/bastion-test-XXXXXX", path[64], too_long[256];
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct heard heard = {0};
        struct client *c = NULL;
        int fd;

        (void)state;
        assert_non_null(mkdtemp(folder));
        snprintf(path, sizeof(path), "%s/s", folder);
        assert_int_equal(client_connect(path, on_event, &heard, &c), CLIENT_E_NO_DAEMON);
        memset(too_long, 'p', sizeof(too_long) - 1);
        too_long[sizeof(too_long) - 1] = '\0';
        assert_int_equal(client_connect(too_long, on_event, &heard, &c), -ENAMETOOLONG);

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(client_connect(path, on_event, &heard, &c), CLIENT_E_NO_DAEMON); /* nobody listens */
        assert_int_equal(listen(fd, 0), 0);
        assert_int_equal(client_connect(path, on_event, &heard, &c), 0);
        c = client_free(c);
        if (geteuid() == 0 && seteuid(65534) == 0) {
                assert_int_equal(client_connect(path, on_event, &heard, &c), CLIENT_E_NOT_PERMITTED);
                assert_int_equal(seteuid(0), 0);
        }
        assert_null(c);
        close(fd);
        unlink(path);
        rmdir(folder);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_split_at_every_byte_are_whole),
                cmocka_unit_test(lines_byte_by_byte_are_whole),
                cmocka_unit_test(a_line_longer_than_one_read_is_whole),
                cmocka_unit_test(a_line_without_end_is_refused),
                cmocka_unit_test(garbage_is_counted_and_the_next_line_is_heard),
                cmocka_unit_test(unknown_types_are_passed_on),
                cmocka_unit_test(the_last_words_are_heard_before_the_end),
                cmocka_unit_test(requests_from_the_callback_are_sent),
                cmocka_unit_test(what_cannot_be_sent_waits_up_to_its_bound),
                cmocka_unit_test(connecting_says_what_is_wrong),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
