/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may do what, carried out (core/authority.h has the roles). What a member of the group asks for and polkit has to allow is parked here: the message
 * waits, its client goes on, and so does the loop. A client has one question to polkit at a time, "may this process manage the firewall?", and its
 * answer is that of all messages that wait by then; so they are carried out in the order in which they came, and one dialog is shown, not eight.
 * Nothing is remembered beyond that: for how long an authentication holds is polkit's to say (auth_admin_keep).
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/polkit.h"

struct parked {
        struct list link;
        struct message *message;
};

/* A client that waits for polkit. */
struct applicant {
        struct list link;
        struct daemon *d;
        struct client *client;
        struct list parked;
        unsigned n_parked;
        struct polkit_call *call;
};

struct authority_desk {
        struct polkit *polkit;
        struct list applicants;
        unsigned n_parked;
};

static struct applicant *applicant_of(struct list *link)
{
        return CONTAINER_OF(link, struct applicant, link);
}

static struct applicant *find(const struct authority_desk *desk, const struct client *c)
{
        list_for_each(link, &desk->applicants)
                if (applicant_of(link)->client == c)
                        return applicant_of(link);
        return NULL;
}

static struct applicant *applicant_new(struct daemon *d, struct client *c)
{
        struct applicant *a = calloc(1, sizeof(*a));

        if (!a)
                return NULL;
        a->d = d;
        a->client = c;
        list_init(&a->parked);
        list_append(&d->desk->applicants, &a->link);
        return a;
}

/* Messages that are still parked go with it. */
static void applicant_free(struct applicant *a)
{
        list_for_each_safe(at, next, &a->parked) {
                struct parked *p = CONTAINER_OF(at, struct parked, link);

                list_unlink(&p->link);
                message_free(p->message);
                free(p);
        }
        a->d->desk->n_parked -= a->n_parked;
        polkit_call_cancel(a->call);
        list_unlink(&a->link);
        free(a);
}

static void on_answer(void *userdata, enum polkit_answer answer, const char *why)
{
        struct applicant *a = userdata;

        a->call = NULL;
        list_for_each(at, &a->parked) {
                struct parked *p = CONTAINER_OF(at, struct parked, link);

                if (answer == POLKIT_NO)
                        requests_refuse(a->d, a->client, p->message, MESSAGE_ERROR_NOT_PERMITTED, why);
                else
                        requests_carry_out(a->d, a->client, p->message);
        }
        applicant_free(a);
}

/* Takes the message, where it can be parked. */
static int park(struct applicant *a, struct message **message)
{
        struct parked *p = calloc(1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        p->message = TAKE_PTR(*message);
        list_append(&a->parked, &p->link);
        a->n_parked++;
        a->d->desk->n_parked++;
        return 0;
}

/* The first that a client parks is what polkit is asked for. */
static int apply(struct daemon *d, struct client *c, struct message **message)
{
        const struct peer *peer = server_peer(c);
        const struct polkit_subject subject = { .pid = peer->pid, .start_ticks = peer->start_ticks, .uid = peer->uid };
        struct applicant *a = find(d->desk, c);
        int r;

        if (d->desk->n_parked == LIMIT_PARKED || (a && a->n_parked == LIMIT_PARKED_CLIENT))
                return -ENOBUFS;
        if (a)
                return park(a, message);
        if (!peer_is_alive(peer))
                return -ESRCH;
        a = applicant_new(d, c);
        if (!a)
                return -ENOMEM;
        r = polkit_ask(d->desk->polkit, &subject, on_answer, a, &a->call);
        if (r >= 0)
                r = park(a, message);
        if (r < 0)
                applicant_free(a);
        return r;
}

bool authority_must_ask(struct daemon *d, const struct client *c)
{
        return server_peer(c)->authority == AUTHORITY_GROUP && polkit_is_there(d->desk->polkit);
}

void authority_ask(struct daemon *d, struct client *c, struct message *message)
{
        _cleanup_(message_freep) struct message *m = message;
        int r = apply(d, c, &m);

        if (r == -ENOBUFS)
                requests_refuse(d, c, m, MESSAGE_ERROR_FULL, "too many requests wait for polkit already");
        else if (r == -ESRCH)
                requests_refuse(d, c, m, MESSAGE_ERROR_NOT_PERMITTED, "the process that connected has exited, so polkit cannot be asked about it");
        else if (r < 0)
                requests_refuse(d, c, m, MESSAGE_ERROR_NOT_PERMITTED, "polkit cannot be reached; root is not asked");
}

void authority_forget(struct daemon *d, const struct client *c)
{
        struct applicant *a = find(d->desk, c);

        if (a)
                applicant_free(a);
}

enum authority authority_of(struct daemon *d, const struct client *c)
{
        return authority_must_ask(d, c) ? AUTHORITY_POLKIT : server_peer(c)->authority;
}

enum authority authority_in_force(struct daemon *d)
{
        return polkit_is_there(d->desk->polkit) ? AUTHORITY_POLKIT : AUTHORITY_GROUP;
}

bool authority_is_lost(const struct daemon *d)
{
        return polkit_is_lost(d->desk->polkit);
}

int authority_start(struct daemon *d)
{
        struct authority_desk *desk = calloc(1, sizeof(*desk));
        int r;

        if (!desk)
                return -ENOMEM;
        list_init(&desk->applicants);
        r = polkit_new(d->loop, &desk->polkit);
        if (r < 0) {
                free(desk);
                return r;
        }
        d->desk = desk;
        return 0;
}

void authority_stop(struct daemon *d)
{
        if (!d->desk)
                return;
        polkit_free(d->desk->polkit);
        free(TAKE_PTR(d->desk));
}
