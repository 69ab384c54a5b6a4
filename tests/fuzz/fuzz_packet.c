/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A packet as the queue hands it over. Besides what each field may hold: a packet that the copy range cut
 * says the same as the whole one, or that it is cut; it never says something else.
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "wire/packet.h"

enum { ICMP = 1, ICMPV6 = 58 };

static bool all_is(const void *data, uint8_t byte, size_t n)
{
        const uint8_t *b = data;

        for (size_t i = 0; i < n; i++)
                if (b[i] != byte)
                        return false;
        return true;
}

static bool is_echo(const struct packet *p)
{
        return p->flow.protocol == ICMP
                       ? p->icmp_type == 0 || p->icmp_type == 8
                       : p->flow.protocol == ICMPV6 && (p->icmp_type == 128 || p->icmp_type == 129);
}

static void check_packet(const struct packet *p, const uint8_t *data, size_t size)
{
        bool v4 = data[0] >> 4 == 4;

        fuzz_check(size >= (v4 ? 20 : 40));
        fuzz_check(p->flow.interface == 0);
        fuzz_check(v4 || p->ip_id == 0);
        if (v4)
                fuzz_check(addr_is_v4(&p->flow.local) && addr_is_v4(&p->flow.remote));
        fuzz_check(memcmp(p->flow.local.bytes + (v4 ? 12 : 0), data + (v4 ? 12 : 8), v4 ? 4 : 16) == 0);
        fuzz_check(memcmp(p->flow.remote.bytes + (v4 ? 12 : 0), data + (v4 ? 16 : 24), v4 ? 4 : 16) == 0);
        if (p->later_fragment || !protocol_has_ports(p->flow.protocol))
                fuzz_check(p->flow.local_port == 0 && p->flow.remote_port == 0);
        if (p->later_fragment || p->flow.protocol != 6)
                fuzz_check(!p->tcp_syn && !p->tcp_ack && !p->tcp_rst);
        if (p->later_fragment || (p->flow.protocol != ICMP && p->flow.protocol != ICMPV6))
                fuzz_check(p->icmp_type == 0);
        if (p->later_fragment || !is_echo(p))
                fuzz_check(p->flow.icmp_id == 0);
}

static void check_cut(const uint8_t *data, size_t n, int whole, const struct packet *of_whole)
{
        struct packet cut = {0};
        uint8_t *copy = malloc(n ? n : 1);
        int r;

        fuzz_check(copy);
        memcpy(copy, data, n);
        r = packet_parse(copy, n, &cut);
        if (r != PACKET_E_TRUNCATED)
                fuzz_check(r == whole);
        if (r == 0)
                fuzz_check(memcmp(&cut, of_whole, sizeof(cut)) == 0);
        free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct packet p;
        int r;

        memset(&p, 0xa5, sizeof(p));
        r = packet_parse(data, size, &p);
        fuzz_check(r >= 0 && r <= PACKET_E_HEADERS);
        if (r != 0)
                fuzz_check(all_is(&p, 0xa5, sizeof(p)));
        else
                check_packet(&p, data, size);
        for (size_t n = 0; n < size && n < 80; n++)
                check_cut(data, n, r, &p);
        if (size > 80)
                check_cut(data, size - 1, r, &p);
        return 0;
}
