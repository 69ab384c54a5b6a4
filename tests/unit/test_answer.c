/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ring records of DNS answers against bpf/abi.h; each lies in a block of its exact size, so that a sanitizer sees every read beyond it. */
#include "unit.h"
#include "bpf/abi.h"
#include "wire/answer.h"

static const struct abi_answer GOOD = {
        .abi = BASTION_ABI,
        .process = {.start_ns = 123456789, .pid = 1000, .exec_id = 3},
        .program = UINT64_C(0x1122334455667788),
        .cookie = 77,
        .at_ns = UINT64_C(987654321012),
        .uid = 1001,
        .gid = 1002,
        .server = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 53},
        .length = 12,
};

/* Parses the header and `n` bytes 0, 1, 2, … behind it; ret->data then points to nothing any more, so it is looked at here. */
static int parse(const struct abi_answer *header, size_t n, struct dns_datagram *ret)
{
        uint8_t *record = malloc(sizeof(*header) + n);
        int r;

        assert_non_null(record);
        memcpy(record, header, sizeof(*header));
        for (size_t i = 0; i < n; i++)
                record[sizeof(*header) + i] = (uint8_t)i;
        r = answer_parse(record, sizeof(*header) + n, ret);
        if (r == 0) {
                assert_int_equal(ret->n, n);
                assert_ptr_equal(ret->data, record + sizeof(*header));
        }
        free(record);
        return r;
}

static void test_who_whom_and_what(void **state)
{
        struct dns_datagram d;
        const struct addr stub = address("127.0.0.53");

        (void)state;
        assert_int_equal(parse(&GOOD, 12, &d), 0);
        assert_true(process_equal(&d.process, &(struct process){.start_ns = 123456789, .pid = 1000, .exec_id = 3}));
        assert_true(d.program_key == UINT64_C(0x1122334455667788));
        assert_int_equal(d.uid, 1001);
        assert_int_equal(d.gid, 1002);
        assert_int_equal(d.cookie, 77);
        assert_true(d.at.ns == UINT64_C(987654321012));
        assert_true(addr_equal(&d.server, &stub));
        assert_false(d.cut);
}

static void test_the_longest(void **state)
{
        struct abi_answer header = GOOD;
        struct dns_datagram d;

        (void)state;
        header.length = ANSWER_DATA_MAX;
        header.flags = ABI_ANSWER_CUT;
        assert_int_equal(parse(&header, ANSWER_DATA_MAX, &d), 0);
        assert_true(d.cut);
        header.length++;
        assert_int_equal(parse(&header, ANSWER_DATA_MAX + 1, &d), ANSWER_E_MALFORMED);
}

static void test_lengths_that_do_not_add_up(void **state)
{
        struct abi_answer header = GOOD;
        struct dns_datagram d;

        (void)state;
        assert_int_equal(parse(&GOOD, 11, &d), ANSWER_E_MALFORMED);
        assert_int_equal(parse(&GOOD, 13, &d), ANSWER_E_MALFORMED);
        header.length = 0;
        assert_int_equal(parse(&header, 0, &d), ANSWER_E_MALFORMED);
        for (size_t n = 0; n < sizeof(header); n++) {
                uint8_t *cut = malloc(n ? n : 1);

                assert_non_null(cut);
                memcpy(cut, &GOOD, n);
                assert_int_equal(answer_parse(cut, n, &d), ANSWER_E_MALFORMED);
                free(cut);
        }
}

static void test_another_abi(void **state)
{
        struct abi_answer header = GOOD;
        struct dns_datagram d;

        (void)state;
        header.abi = BASTION_ABI - 1;
        assert_int_equal(parse(&header, 12, &d), ANSWER_E_ABI);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_who_whom_and_what),
                cmocka_unit_test(test_the_longest),
                cmocka_unit_test(test_lengths_that_do_not_add_up),
                cmocka_unit_test(test_another_abi),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
