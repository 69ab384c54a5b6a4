/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DNS answers on their way from the kernel programs (bpf/dns.h): the ring in which they lie, in the order in which they came. An answer is in it before
 * the program that asked can read it; so whoever empties the ring after he received a packet, and before he decides about it, knows the
 * name that the packet goes to. Nobody is woken for one answer: the descriptor becomes readable when a quarter of the ring is full.
 */
#pragma once

#include <stdbool.h>

#include "base/macros.h"
#include "wire/answer.h"

struct answers;

typedef void (*answer_fn)(void *userdata, const struct dns_datagram *datagram);

/* `map_fd` stays the caller's and must live as long. 0 or negative errno. */
int answers_new(int map_fd, struct answers **ret);
struct answers *answers_free(struct answers *a); /* takes NULL, returns NULL */
DEFINE_FREEP(struct answers, answers_free)

/* Who is told; the datagram is the callee's for the length of the call. Without anybody what comes is thrown away. */
void answers_set_handler(struct answers *a, answer_fn fn, void *userdata);
/* Tells all that was in the ring when this was called; of what comes meanwhile no more than a ring's worth. Cheap when empty. */
void answers_drain(struct answers *a);
/* Nothing is left in the ring, nor on its way into it. */
bool answers_is_empty(const struct answers *a);
/* To be polled for reading, level-triggered, and answered with answers_drain(). */
int answers_fd(const struct answers *a);
