/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <string.h>

#include "base/cursor.h"
#include "bpf/abi.h"
#include "wire/answer.h"

_Static_assert((int)ANSWER_DATA_MAX == ABI_ANSWER_DATA, "the kernel's bound is ours");

int answer_parse(const void *record, size_t n, struct dns_datagram *ret)
{
        struct cursor c = cursor_of(record, n);
        struct abi_answer answer;

        if (!cursor_bytes(&c, &answer, sizeof(answer)))
                return ANSWER_E_MALFORMED;
        if (answer.abi != BASTION_ABI)
                return ANSWER_E_ABI;
        if (answer.length == 0 || answer.length > ABI_ANSWER_DATA || answer.length != c.left)
                return ANSWER_E_MALFORMED;
        *ret = (struct dns_datagram){
                .process = {.start_ns = answer.process.start_ns, .pid = answer.process.pid, .exec_id = answer.process.exec_id},
                .program_key = answer.program,
                .uid = answer.uid,
                .gid = answer.gid,
                .cookie = answer.cookie,
                .at = {.ns = answer.at_ns},
                .cut = answer.flags & ABI_ANSWER_CUT,
                .data = c.at,
                .n = c.left,
        };
        memcpy(ret->server.bytes, answer.server, sizeof(ret->server.bytes));
        return 0;
}
