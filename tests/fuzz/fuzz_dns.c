/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One DNS message, and the same bytes as what the parser sent. Whatever comes out is within its bounds, is a hostname with addresses of the type that
 * was asked for, and reads back as itself; what is refused writes nothing.
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "wire/dns.h"

static void check_answer(const struct dns_answer *a)
{
        fuzz_check(dns_is_hostname(a->name));
        fuzz_check(strlen(a->name) < DNS_NAME_MAX);
        fuzz_check(a->rcode <= 15);
        fuzz_check(a->n_addresses <= LIMIT_DNS_ADDRESSES);
        fuzz_check(a->n_addresses == 0 || a->is_response);
        for (unsigned i = 0; i < a->n_addresses; i++) {
                fuzz_check(a->addresses[i].ttl <= INT32_MAX);
                fuzz_check(a->qtype == DNS_TYPE_AAAA || a->qtype == DNS_TYPE_ANY || (a->qtype == DNS_TYPE_A && addr_is_v4(&a->addresses[i].addr)));
                for (unsigned k = 0; k < i; k++)
                        fuzz_check(!addr_equal(&a->addresses[i].addr, &a->addresses[k].addr));
        }
}

static void check_message(const uint8_t *data, size_t size)
{
        uint8_t serial[DNS_SERIAL_MAX], again[DNS_SERIAL_MAX];
        struct dns_answer answer, untouched, back;
        size_t n;
        int error;

        memset(&answer, 0xa5, sizeof(answer));
        untouched = answer;
        error = dns_parse(data, size, &answer);
        fuzz_check(error >= 0 && error < DNS_E_SERIAL);
        n = dns_answer_write(&answer, error, serial);
        fuzz_check(n <= DNS_SERIAL_MAX);
        fuzz_check(dns_answer_read(serial, n, &back) == error);
        if (error != 0) {
                fuzz_check(memcmp(&answer, &untouched, sizeof(answer)) == 0);
                return;
        }
        check_answer(&answer);
        fuzz_check(dns_answer_write(&back, 0, again) == n && memcmp(serial, again, n) == 0);
}

static void check_serial(const uint8_t *data, size_t size)
{
        uint8_t again[DNS_SERIAL_MAX];
        struct dns_answer answer;
        int error = dns_answer_read(data, size, &answer);

        fuzz_check(error >= 0 && error < DNS_ERROR_COUNT);
        if (error == DNS_E_SERIAL)
                return;
        if (error == 0)
                check_answer(&answer);
        fuzz_check(dns_answer_write(&answer, error, again) == size && memcmp(again, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        check_message(data, size);
        check_serial(data, size);
        return 0;
}
