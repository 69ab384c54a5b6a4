/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "gui/view-text.h"

#include "client/words.h"
#include "gui/i18n.h"

void view_place(struct buf *out, const struct flow *flow, const char *host, unsigned max)
{
        char scratch[4];

        if (!host) {
                record_format_remote(flow, out);
        } else {
                words_short(out, host, max);
                if (protocol_has_ports(flow->protocol) && flow->remote_port != 0)
                        buf_printf(out, ":%u", flow->remote_port);
        }
        if (!protocol_has_ports(flow->protocol))
                buf_printf(out, " (%s)", protocol_name(flow->protocol, scratch));
}

const char *view_port_name(uint16_t port)
{
        static const struct {
                uint16_t port;
                const char *name;
        } names[] = {
                { 20, "ftp-data" }, { 21, "ftp" },    { 22, "ssh" },    { 23, "telnet" },  { 25, "smtp" },   { 53, "dns" },    { 67, "dhcp" },
                { 80, "http" },     { 110, "pop3" },  { 123, "ntp" },   { 143, "imap" },   { 443, "https" }, { 445, "smb" },   { 465, "smtps" },
                { 587, "smtp" },    { 631, "ipp" },   { 853, "dns over tls" }, { 873, "rsync" }, { 993, "imaps" }, { 995, "pop3s" }, { 1900, "ssdp" },
                { 3306, "mysql" },  { 3389, "rdp" },  { 5222, "xmpp" }, { 5353, "mdns" },  { 5432, "postgresql" }, { 5900, "vnc" }, { 6667, "irc" },
                { 8080, "http" },   { 9418, "git" },  { 51820, "wireguard" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (names[i].port == port)
                        return names[i].name;
        return NULL;
}

const char *view_lost(void)
{
        return _("The firewall's daemon went away before it answered.");
}

const char *view_history_garbled(void)
{
        return _("The program that reads history said something that this one does not understand.");
}
