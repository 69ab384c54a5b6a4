/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * polkit on the system bus: may this process manage the firewall? The one file that knows sd-bus. Nothing here waits: the connection is made, and every
 * call answered, in the loop.
 *
 * A question has two steps. The first asks without bothering anybody, and polkit answers at once or is taken for hung after POLKIT_SECONDS. Where it
 * says that somebody could authenticate, the second lets its agent ask, which takes a person's time: POLKIT_PERSON_SECONDS.
 *
 * Whether there is a polkit is known from the bus: its name has an owner, or the bus could start it. A machine without a bus, or whose bus knows
 * no polkit or cannot start it, has none, and the question is answered with NOBODY. But once polkit was seen to run, its word alone counts until
 * this daemon ends: it may be killed, hang or lose its bus, and then the answer is no.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/macros.h"

#define POLKIT_ACTION "com.bastion.firewall.manage-firewall"

enum { POLKIT_SECONDS = 10, POLKIT_PERSON_SECONDS = 120 };

struct polkit;

/* A process for sure: the pid alone may have been given again, and its user may be another by now. */
struct polkit_subject {
        pid_t pid;
        uint64_t start_ticks;
        uid_t uid;
};

enum polkit_answer { POLKIT_YES, POLKIT_NO, POLKIT_NOBODY };

/* `why`: of NO, words for a person; else NULL. The call is gone already. */
typedef void (*polkit_answer_fn)(void *userdata, enum polkit_answer answer, const char *why);

/* Connects where there is a bus; where there is none that is tried again with each question. -ENOMEM only. */
int polkit_new(sd_event *loop, struct polkit **ret);
struct polkit *polkit_free(struct polkit *p); /* takes NULL, returns NULL; no call may be open */
DEFINE_FREEP(struct polkit, polkit_free)

/* polkit would be asked now. */
bool polkit_is_there(struct polkit *p);
/* It was seen to run, is not there now, and the bus would not start it: the answer will be no. */
bool polkit_is_lost(const struct polkit *p);

struct polkit_call;
/* Asks; `fn` is called later, once. Negative errno where it cannot be asked at all. */
int polkit_ask(struct polkit *p, const struct polkit_subject *subject, polkit_answer_fn fn, void *userdata, struct polkit_call **ret);
/* The answer is of no more use: `fn` is not called, and a dialog that stands open is closed. Takes NULL, returns NULL. */
struct polkit_call *polkit_call_cancel(struct polkit_call *call);
