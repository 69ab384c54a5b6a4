/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/ask-guard.h"

void ask_guard_disturb(struct ask_guard *guard, struct boottime now)
{
        guard->opens = boottime_add(now, ASK_GUARD_MS * NS_PER_MSEC);
}

bool ask_guard_engage(struct ask_guard *guard, struct boottime now)
{
        if (!ask_guard_buttons(guard, now))
                return false;
        guard->engaged = true;
        return true;
}

void ask_guard_leave(struct ask_guard *guard)
{
        guard->engaged = false;
}

bool ask_guard_buttons(const struct ask_guard *guard, struct boottime now)
{
        return boottime_left(guard->opens, now) == 0;
}

bool ask_guard_keys(const struct ask_guard *guard, struct boottime now)
{
        return guard->engaged && ask_guard_buttons(guard, now);
}

unsigned ask_guard_wait_ms(const struct ask_guard *guard, struct boottime now)
{
        return (unsigned)((boottime_left(guard->opens, now) + NS_PER_MSEC - 1) / NS_PER_MSEC);
}
