/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/polkit.h"

#define POLKIT_NAME      "org.freedesktop.PolicyKit1"
#define POLKIT_PATH      "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

#define BUS_NAME      "org.freedesktop.DBus"
#define BUS_PATH      "/org/freedesktop/DBus"
#define BUS_INTERFACE "org.freedesktop.DBus"

enum { CANCELLATION_MAX = 32, WHY_MAX = 384 };

enum check_flags { CHECK_QUIETLY = 0, CHECK_WITH_PERSON = 1 }; /* AllowUserInteraction */

struct polkit {
        sd_event *loop;
        sd_bus *bus;      /* or NULL; may have closed by itself */
        bool runs;        /* its name has an owner */
        bool seen;        /* it had one, once */
        bool startable;   /* the bus would start it */
        bool looked;      /* `startable` is known of this bus */
        unsigned n_open;  /* calls that were not answered yet */
        uint64_t n_calls; /* ever: names a call to polkit, which may be told to forget it */
};

struct polkit_call {
        struct polkit *polkit;
        struct polkit_subject subject;
        polkit_answer_fn answer;
        void *userdata;
        enum check_flags flags;
        char cancellation[CANCELLATION_MAX];
        sd_bus_slot *slot;
};

/* ---- the bus, and whether polkit is on it --------------------------------------------------------------------------------------- */

static void set_runs(struct polkit *p, bool runs)
{
        if (p->runs == runs)
                return;
        p->runs = runs;
        p->seen = p->seen || runs;
        log_info("%s", runs ? "polkit decides who of group bastion may change policy" :
                              "polkit has ended: members of group bastion may change policy when it is back");
}

static int on_owner_changed(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *error)
{
        const char *name, *before, *after;

        if (sd_bus_message_read(m, "sss", &name, &before, &after) >= 0 && strcmp(name, POLKIT_NAME) == 0)
                set_runs(userdata, *after != '\0');
        return 0;
}

static int on_has_owner(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *error)
{
        int has_owner;

        if (sd_bus_message_read(m, "b", &has_owner) > 0 && has_owner)
                set_runs(userdata, true);
        return 0;
}

static int on_activatable(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *error)
{
        struct polkit *p = userdata;
        const char *name;

        if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_enter_container(m, 'a', "s") <= 0)
                return 0; /* not known: whether there is one shows when it is asked */
        while (sd_bus_message_read(m, "s", &name) > 0)
                if (strcmp(name, POLKIT_NAME) == 0)
                        p->startable = true;
        p->looked = true;
        return 0;
}

/* In the order in which the bus is asked it answers, so that `runs` is known before `looked` is. */
static int look_for_polkit(struct polkit *p)
{
        int r;

        r = sd_bus_add_match_async(p->bus, NULL, "type='signal',sender='" BUS_NAME "',member='NameOwnerChanged',arg0='" POLKIT_NAME "'",
                                   on_owner_changed, NULL, p);
        if (r >= 0)
                r = sd_bus_call_method_async(p->bus, NULL, BUS_NAME, BUS_PATH, BUS_INTERFACE, "NameHasOwner", on_has_owner, p, "s", POLKIT_NAME);
        if (r >= 0)
                r = sd_bus_call_method_async(p->bus, NULL, BUS_NAME, BUS_PATH, BUS_INTERFACE, "ListActivatableNames", on_activatable, p, NULL);
        return r;
}

static int open_bus(struct polkit *p)
{
        int r;

        r = sd_bus_open_system(&p->bus); /* begins: the rest of it is done in the loop */
        if (r >= 0)
                r = sd_bus_attach_event(p->bus, p->loop, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_set_close_on_exit(p->bus, false); /* that would wait for a bus that does not read */
        return r >= 0 ? look_for_polkit(p) : r;
}

static void close_bus(struct polkit *p)
{
        p->runs = p->startable = p->looked = false;
        sd_bus_close(p->bus);
        p->bus = sd_bus_unref(p->bus);
}

/* A bus that is not there costs one connect(): so it is looked for whenever it would be of use, and no timer has to. */
static bool have_bus(struct polkit *p)
{
        int r;

        if (p->bus && sd_bus_is_open(p->bus) > 0)
                return true;
        if (p->n_open > 0)
                return false; /* it is closing, and tells the calls so first */
        if (p->bus) {
                log_info("the system bus has gone");
                close_bus(p);
        }
        r = open_bus(p);
        if (r >= 0)
                return true;
        log_debug("no system bus: %s", strerror(-r));
        close_bus(p);
        return false;
}

bool polkit_is_there(struct polkit *p)
{
        return have_bus(p) ? p->seen || p->startable || !p->looked : p->seen;
}

bool polkit_is_lost(const struct polkit *p)
{
        return p->seen && !p->runs && !p->startable;
}

/* ---- one question ------------------------------------------------------------------------------------------------------------- */

/* A dialog that stands open is closed. Not said to a polkit that has ended: that would start another one. */
static void forget(struct polkit_call *call)
{
        struct polkit *p = call->polkit;

        sd_bus_slot_unref(call->slot);
        if (call->flags == CHECK_WITH_PERSON && p->runs &&
            sd_bus_call_method_async(p->bus, NULL, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE, "CancelCheckAuthorization", NULL, NULL, "s",
                                     call->cancellation) < 0)
                log_debug("polkit was not told that %s is of no more use", call->cancellation);
        p->n_open--;
        free(call);
}

/* Calls back as the last thing that is done with the call. */
static void finish(struct polkit_call *call, enum polkit_answer answer, const char *why)
{
        polkit_answer_fn fn = call->answer;
        void *userdata = call->userdata;

        forget(call);
        fn(userdata, answer, why);
}

static void finish_with_error(struct polkit_call *call, const sd_bus_error *error)
{
        bool not_started = sd_bus_error_has_names(error, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
                           str_has_prefix(error->name, "org.freedesktop.DBus.Error.Spawn.") ||
                           str_has_prefix(error->name, "org.freedesktop.systemd1.");
        const char *words = error->message ? error->message : error->name;
        char why[WHY_MAX];

        if (not_started && !call->polkit->seen) {
                log_info("there is no polkit (%s): group bastion decides", words);
                finish(call, POLKIT_NOBODY, NULL);
                return;
        }
        snprintf(why, sizeof(why), "polkit did not decide (%.256s); root is not asked", words);
        log_debug("process %d of uid %u may not change policy: %s", (int)call->subject.pid, (unsigned)call->subject.uid, why);
        finish(call, POLKIT_NO, why);
}

/* Of the details, whether a person sent the dialog away. */
static bool was_dismissed(sd_bus_message *m)
{
        const char *key, *value;
        bool dismissed = false;

        if (sd_bus_message_enter_container(m, 'a', "{ss}") <= 0)
                return false;
        while (sd_bus_message_read(m, "{ss}", &key, &value) > 0)
                dismissed = dismissed || strcmp(key, "polkit.dismissed") == 0;
        return dismissed;
}

static int send_check(struct polkit_call *call, enum check_flags flags);

/* What a polkit that does not say yes says. */
static const char *refusal(enum check_flags flags, bool could_be, sd_bus_message *m)
{
        if (was_dismissed(m))
                return "the authentication was dismissed";
        if (could_be)
                return "authentication is needed, and nothing is there to ask for it: try as root, in a session with an authentication agent, or with "
                       "'bastion' in a terminal";
        return flags == CHECK_QUIETLY ? "polkit does not allow it to this user" : "the authentication failed";
}

static int on_checked(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *error)
{
        struct polkit_call *call = userdata;
        int is_authorized, could_be, r;

        if (sd_bus_message_is_method_error(m, NULL)) {
                finish_with_error(call, sd_bus_message_get_error(m));
                return 0;
        }
        r = sd_bus_message_enter_container(m, 'r', "bba{ss}");
        if (r >= 0)
                r = sd_bus_message_read(m, "bb", &is_authorized, &could_be);
        if (r < 0)
                finish(call, POLKIT_NO, "polkit said something that is not of its protocol");
        else if (is_authorized)
                finish(call, POLKIT_YES, NULL);
        else if (!could_be || call->flags == CHECK_WITH_PERSON)
                finish(call, POLKIT_NO, refusal(call->flags, could_be, m));
        else if (send_check(call, CHECK_WITH_PERSON) < 0)
                finish(call, POLKIT_NO, "polkit cannot be reached");
        return 0;
}

static int send_check(struct polkit_call *call, enum check_flags flags)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        const struct polkit_subject *s = &call->subject;
        unsigned seconds = flags == CHECK_QUIETLY ? POLKIT_SECONDS : POLKIT_PERSON_SECONDS;
        int r;

        call->flags = flags;
        call->slot = sd_bus_slot_unref(call->slot);
        snprintf(call->cancellation, sizeof(call->cancellation), "bastion-%llu", (unsigned long long)++call->polkit->n_calls);
        r = sd_bus_message_new_method_call(call->polkit->bus, &m, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE, "CheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(m, "(sa{sv})sa{ss}us", "unix-process", 3, "pid", "u", (uint32_t)s->pid, "start-time", "t", s->start_ticks,
                                          "uid", "i", (int32_t)s->uid, POLKIT_ACTION, 0, (uint32_t)flags, call->cancellation);
        if (r >= 0)
                r = sd_bus_call_async(call->polkit->bus, &call->slot, m, on_checked, call, (uint64_t)seconds * 1000000);
        return r < 0 ? r : 0;
}

int polkit_ask(struct polkit *p, const struct polkit_subject *subject, polkit_answer_fn fn, void *userdata, struct polkit_call **ret)
{
        struct polkit_call *call;
        int r;

        if (!have_bus(p))
                return -ENOTCONN;
        call = calloc(1, sizeof(*call));
        if (!call)
                return -ENOMEM;
        *call = (struct polkit_call){ .polkit = p, .subject = *subject, .answer = fn, .userdata = userdata };
        r = send_check(call, CHECK_QUIETLY);
        if (r < 0) {
                free(call);
                return r;
        }
        p->n_open++;
        *ret = call;
        return 0;
}

struct polkit_call *polkit_call_cancel(struct polkit_call *call)
{
        if (call)
                forget(call);
        return NULL;
}

/* ---- coming and going ---------------------------------------------------------------------------------------------------------- */

int polkit_new(sd_event *loop, struct polkit **ret)
{
        struct polkit *p = calloc(1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        p->loop = loop;
        have_bus(p);
        *ret = p;
        return 0;
}

struct polkit *polkit_free(struct polkit *p)
{
        if (!p)
                return NULL;
        if (p->bus)
                close_bus(p);
        free(p);
        return NULL;
}
