/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Protocol names are our own small table, not getprotobyname(3): core reads no file, and a decision line must say the same
 * word on every machine. The first name of a number is the one we write; the others are read only.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "core/flow.h"

bool flow_equal(const struct flow *a, const struct flow *b)
{
        return a->protocol == b->protocol && a->local_port == b->local_port && a->remote_port == b->remote_port &&
               a->icmp_id == b->icmp_id && addr_equal(&a->local, &b->local) && addr_equal(&a->remote, &b->remote);
}

static const struct {
        uint8_t number;
        bool has_ports;
        const char *name;
} protocols[] = {
        { 6, true, "TCP" },       { 17, true, "UDP" },       { 1, false, "ICMP" },       { 58, false, "ICMPv6" },
        { 58, false, "IPv6-ICMP" }, { 136, true, "UDPLite" },  { 136, true, "UDP-Lite" },  { 132, true, "SCTP" },
        { 33, true, "DCCP" },     { 2, false, "IGMP" },      { 4, false, "IPIP" },       { 41, false, "IPv6" },
        { 47, false, "GRE" },     { 50, false, "ESP" },      { 51, false, "AH" },        { 89, false, "OSPF" },
        { 103, false, "PIM" },    { 112, false, "VRRP" },
};

bool protocol_has_ports(uint8_t protocol)
{
        for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
                if (protocols[i].number == protocol)
                        return protocols[i].has_ports;
        return false;
}

bool protocol_is_datagram(uint8_t protocol)
{
        return protocol == 17 || protocol == 136;
}

const char *protocol_name(uint8_t protocol, char scratch[4])
{
        for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
                if (protocols[i].number == protocol)
                        return protocols[i].name;
        snprintf(scratch, 4, "%u", protocol);
        return scratch;
}

bool protocol_parse(const char *text, uint8_t *ret)
{
        uint64_t number;

        for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
                if (strcasecmp(protocols[i].name, text) == 0) {
                        *ret = protocols[i].number;
                        return true;
                }
        if (!str_parse_u64(text, 255, &number))
                return false;
        *ret = (uint8_t)number;
        return true;
}
