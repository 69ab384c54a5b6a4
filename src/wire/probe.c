/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "wire/probe.h"

#include <string.h>

#include "base/cursor.h"
#include "core/limits.h"

int probe_parse(const void *datagram, size_t n, struct probe *ret)
{
        struct cursor c = cursor_of(datagram, n);
        uint32_t id;
        uint16_t kind, length;

        if (!cursor_be32(&c, &id) || !cursor_be16(&c, &kind) || !cursor_be16(&c, &length))
                return PROBE_E_MALFORMED;
        if ((kind != PROBE_ECHO_CHECK && kind != PROBE_DNS) || length > LIMIT_PROBE_BYTES || c.left != length)
                return PROBE_E_MALFORMED;
        *ret = (struct probe){ .id = id, .kind = (enum probe_kind)kind, .data = c.at, .n = length };
        return 0;
}

static void put_be16(uint8_t *at, uint16_t value)
{
        at[0] = (uint8_t)(value >> 8);
        at[1] = (uint8_t)value;
}

size_t probe_format(const struct probe *probe, uint8_t *ret)
{
        if (probe->n > LIMIT_PROBE_BYTES)
                return 0;
        put_be16(ret, (uint16_t)(probe->id >> 16));
        put_be16(ret + 2, (uint16_t)probe->id);
        put_be16(ret + 4, (uint16_t)probe->kind);
        put_be16(ret + 6, probe->n);
        memcpy(ret + PROBE_HEADER, probe->data, probe->n);
        return PROBE_HEADER + (size_t)probe->n;
}
