/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's memory of flows (ctnetlink), which the queue rung asks for what is new: a flow can be made new again. */
#pragma once

#include "base/macros.h"
#include "core/flow.h"

struct conntrack;

int conntrack_open(struct conntrack **ret);
struct conntrack *conntrack_close(struct conntrack *c); /* takes NULL, returns NULL */
DEFINE_FREEP(struct conntrack, conntrack_close)

/* Forgets a flow that this machine opened, whatever state it is in. 0, -ENOENT: not known (any more), or another negative errno: -EINVAL where
 * the kernel has no ctnetlink. Blocks only for the kernel's answer. */
int conntrack_forget(struct conntrack *c, const struct flow *flow);
