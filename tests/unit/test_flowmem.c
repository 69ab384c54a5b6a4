/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The queue rung's memory: whose a flow is and what was decided, by cookie and remote end, bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/limits.h"
#include "daemon/flowmem.h"

static struct flow flow_to(uint8_t last, uint16_t port)
{
        const uint8_t bytes[4] = { 192, 0, 2, last };

        return (struct flow){ .remote = addr_from_v4(bytes), .remote_port = port, .protocol = 17 };
}

static void test_each_remote_end_for_itself(_unused_ void **state)
{
        _cleanup_(flowmem_freep) struct flowmem *m = flowmem_new(1);
        _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "/bin/a", "a");
        const struct flow here = flow_to(1, 53), there = flow_to(2, 53);

        assert_non_null(m);
        assert_int_equal(flowmem_put(m, 7, &here, &s, 1), 0);
        assert_null(flowmem_find(m, 7, &there));
        assert_null(flowmem_find(m, 8, &here));
        assert_ptr_equal(flowmem_find(m, 7, &here)->subjects[0], s);
        assert_int_equal(flowmem_find(m, 7, &here)->state, TAG_UNDECIDED);
        flowmem_decide(m, 7, &here, TAG_ALLOWED, 3, 4);
        flowmem_decide(m, 7, &there, TAG_DENIED, 3, 4); /* unknown: nothing happens */
        assert_int_equal(flowmem_find(m, 7, &here)->state, TAG_ALLOWED);
        assert_int_equal(flowmem_find(m, 7, &here)->mode_epoch, 4);
        assert_null(flowmem_find(m, 7, &there));
}

static void test_no_cookie_is_never_known(_unused_ void **state)
{
        _cleanup_(flowmem_freep) struct flowmem *m = flowmem_new(1);
        _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "/bin/a", "a");
        const struct flow flow = flow_to(1, 53);

        assert_int_equal(flowmem_put(m, 0, &flow, &s, 1), 0);
        assert_null(flowmem_find(m, 0, &flow));
}

static void test_new_owners_take_the_place_of_old_ones(_unused_ void **state)
{
        _cleanup_(flowmem_freep) struct flowmem *m = flowmem_new(1);
        _cleanup_(subject_unrefp) struct subject *a = subject_new(SUBJECT_PROGRAM, "/bin/a", "a");
        _cleanup_(subject_unrefp) struct subject *b = subject_new(SUBJECT_PROGRAM, "/bin/b", "b");
        struct subject *both[] = { a, b };
        const struct flow flow = flow_to(1, 53);

        assert_int_equal(flowmem_put(m, 7, &flow, &a, 1), 0);
        flowmem_decide(m, 7, &flow, TAG_ALLOWED, 1, 1);
        assert_int_equal(flowmem_put(m, 7, &flow, both, 2), 0);
        assert_int_equal(flowmem_find(m, 7, &flow)->n_subjects, 2);
        assert_int_equal(flowmem_find(m, 7, &flow)->state, TAG_UNDECIDED); /* what was decided was about others */
        assert_int_equal(a->n_refs, 2);
}

static void test_the_longest_unused_goes(_unused_ void **state)
{
        _cleanup_(flowmem_freep) struct flowmem *m = flowmem_new(1);
        _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "/bin/a", "a");
        const struct flow flow = flow_to(1, 53);

        for (uint64_t cookie = 1; cookie <= LIMIT_FLOWS; cookie++)
                assert_int_equal(flowmem_put(m, cookie, &flow, &s, 1), 0);
        assert_non_null(flowmem_find(m, 1, &flow)); /* used just now */
        assert_int_equal(flowmem_put(m, LIMIT_FLOWS + 1, &flow, &s, 1), 0);
        assert_non_null(flowmem_find(m, 1, &flow));
        assert_null(flowmem_find(m, 2, &flow));
        assert_int_equal(s->n_refs, LIMIT_FLOWS + 1);
}

struct seen {
        unsigned n;
        uint64_t cookies;
        uint32_t ports;
};

static void on_flow(void *userdata, uint64_t cookie, const struct flow *flow)
{
        struct seen *seen = userdata;

        assert_int_equal(flow->protocol, 17);
        seen->n++;
        seen->cookies += cookie;
        seen->ports += flow->remote_port;
}

static void test_what_has_ended_is_forgotten(_unused_ void **state)
{
        _cleanup_(flowmem_freep) struct flowmem *m = flowmem_new(1);
        _cleanup_(subject_unrefp) struct subject *s = subject_new(SUBJECT_PROGRAM, "/bin/a", "a");
        const struct flow here = flow_to(1, 53), there = flow_to(2, 100);
        struct seen seen = { 0 };

        assert_int_equal(flowmem_put(m, 7, &here, &s, 1), 0);
        assert_int_equal(flowmem_put(m, 7, &there, &s, 1), 0);
        flowmem_each(m, on_flow, &seen);
        assert_int_equal(seen.n, 2);
        assert_int_equal(seen.cookies, 14);
        assert_int_equal(seen.ports, 153);
        flowmem_forget(m, 7, &here);
        flowmem_forget(m, 7, &here); /* gone already */
        flowmem_forget(m, 0, &there);
        assert_null(flowmem_find(m, 7, &here));
        assert_non_null(flowmem_find(m, 7, &there));
        assert_int_equal(s->n_refs, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_remote_end_for_itself),
                cmocka_unit_test(test_no_cookie_is_never_known),
                cmocka_unit_test(test_new_owners_take_the_place_of_old_ones),
                cmocka_unit_test(test_the_longest_unused_goes),
                cmocka_unit_test(test_what_has_ended_is_forgotten),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
