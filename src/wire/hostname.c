/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. libidn2 and libpsl are known here and nowhere else. */
#include "wire/hostname.h"

#include <idn2.h>
#include <libpsl.h>
#include <string.h>

/* Four bytes of UTF-8 a letter, and none of a name's letters is less than a byte of its ASCII form. */
enum { HOSTNAME_TEXT_MAX = 4 * DNS_NAME_MAX };

static bool is_ascii(const char *text)
{
        for (; *text; text++)
                if ((unsigned char)*text >= 0x80)
                        return false;
        return true;
}

/* Lower case, without the dot at the end. */
static bool take_ascii(const char *text, char ret[DNS_NAME_MAX])
{
        size_t n = strlen(text);

        if (n > 0 && text[n - 1] == '.')
                n--;
        if (n >= DNS_NAME_MAX)
                return false;
        for (size_t i = 0; i < n; i++)
                ret[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
        ret[n] = 0;
        return dns_is_hostname(ret);
}

bool hostname_parse(const char *text, char ret[DNS_NAME_MAX])
{
        char *ascii = NULL;
        bool good;

        if (is_ascii(text))
                return take_ascii(text, ret);
        if (strnlen(text, HOSTNAME_TEXT_MAX) == HOSTNAME_TEXT_MAX)
                return false;
        if (idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
                return false;
        good = take_ascii(ascii, ret);
        idn2_free(ascii);
        return good;
}

bool hostname_is_public_suffix(const char *name)
{
        return strcmp(name, "home.arpa") != 0 && psl_is_public_suffix2(psl_builtin(), name, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) == 1;
}

const char *hostname_domain(const char *name)
{
        return psl_registrable_domain(psl_builtin(), name);
}
