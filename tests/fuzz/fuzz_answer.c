/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A record of the ring of DNS answers. The kernel programs write its head, a stranger the bytes behind it: what is taken is all that lies behind,
 * within its bound, and the head is read as it stands.
 */
#include "bpf/abi.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/ring.h"
#include "wire/answer.h"

_Static_assert(sizeof(struct abi_answer) == 80, "make-seeds.py composes records of this layout");

static void check_datagram(const struct dns_datagram *d, const uint8_t *record, size_t size)
{
        struct abi_answer head;

        memcpy(&head, record, sizeof(head));
        fuzz_check(d->n > 0 && d->n <= ANSWER_DATA_MAX);
        fuzz_check(d->data == record + sizeof(head) && d->data + d->n == record + size);
        fuzz_check(d->cut == !!(head.flags & ABI_ANSWER_CUT));
        fuzz_check(d->process.pid == head.process.pid && d->process.start_ns == head.process.start_ns && d->process.exec_id == head.process.exec_id);
        fuzz_check(d->program_key == head.program && d->cookie == head.cookie && d->at.ns == head.at_ns);
        fuzz_check(d->uid == head.uid && d->gid == head.gid);
        fuzz_check(memcmp(d->server.bytes, head.server, sizeof(head.server)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) uint8_t *record = ring_record(data, size);
        struct dns_datagram datagram, untouched;
        int r;

        memset(&datagram, 0xa5, sizeof(datagram));
        untouched = datagram;
        r = answer_parse(record, size, &datagram);
        fuzz_check(r == 0 || r == ANSWER_E_MALFORMED || r == ANSWER_E_ABI);
        if (r == 0)
                check_datagram(&datagram, record, size);
        else
                fuzz_check(memcmp(&datagram, &untouched, sizeof(datagram)) == 0);
        return 0;
}
