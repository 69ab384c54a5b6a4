/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests: what is taken can be written again and is taken as the same; what is refused says why. */
#include "tests/fuzz/rules.h"
#include "wire/message.h"

/* False for the types that a client of ours never sends. */
static bool format(const struct message *m, struct buf *out)
{
        switch (m->type) {
        case MESSAGE_ANSWER:
                message_format_request_answer(out, m->id, m->response.request_id, &m->response.answer);
                return true;
        case MESSAGE_HELLO:
                message_format_request_hello(out, m->id, m->hello.client);
                return true;
        case MESSAGE_SUBSCRIBE:
                message_format_request_subscribe(out, m->id, m->subscribe.events);
                return true;
        case MESSAGE_DECISIONS:
                message_format_request_decisions(out, m->id, m->decisions.limit);
                return true;
        case MESSAGE_RULES:
                message_format_request_rules(out, m->id, &m->rules);
                return true;
        case MESSAGE_RULE_DELETE:
                message_format_request_rule_delete(out, m->id, m->key.key);
                return true;
        case MESSAGE_RULE_ENABLE:
                message_format_request_rule_enable(out, m->id, m->key.key, m->key.enabled);
                return true;
        case MESSAGE_RULES_HISTORY:
                message_format_request_history(out, m->id, &m->history);
                return true;
        case MESSAGE_RULES_UNDO:
                message_format_request_undo(out, m->id, m->undo.change);
                return true;
        case MESSAGE_MODE:
                if (!m->mode.has_mode && !m->mode.keep)
                        return false;
                message_format_request_mode(out, m->id, m->mode.mode, m->mode.try_seconds, m->mode.keep);
                return true;
        case MESSAGE_CONNECTION_END:
                message_format_request_connection_end(out, m->id, &m->flow);
                return true;
        case MESSAGE_CONFIG_SET:
                message_format_request_config_set(out, m->id, m->config_set.key, m->config_set.value);
                return true;
        case MESSAGE_WHY:
                if (m->why.seq == 0)
                        return false;
                message_format_request_why_decision(out, m->id, m->why.seq);
                return true;
        case MESSAGE_STATUS:
        case MESSAGE_CONNECTIONS:
        case MESSAGE_TRAFFIC:
        case MESSAGE_CONFIG:
        case MESSAGE_QUESTIONS:
        case MESSAGE_DOCTOR:
        case MESSAGE_KERNEL:
                message_format_request(out, m->type, m->id);
                return true;
        case MESSAGE_GUI_RESPONSE:
        case MESSAGE_ADD_RULE:
        case MESSAGE_DELETE_RULE:
        case MESSAGE_LIST_RULES:
        case MESSAGE_CLEAR_CACHE:
        case MESSAGE_CANCEL_POPUP:
        case MESSAGE_RULE_ADD:
        case MESSAGE_RULE_CHECK:
        case MESSAGE_TYPE_COUNT:
                break;
        }
        return false;
}

static void check_again(const struct message *m)
{
        _cleanup_(buf_deinit) struct buf text = {}, text2 = {};
        _cleanup_(message_freep) struct message *again = NULL;
        struct message_error error;

        if (!format(m, &text))
                return;
        fuzz_check(buf_error(&text) == 0 && text.data[text.n - 1] == '\n' && memchr(text.data, '\n', text.n) == text.data + text.n - 1);
        if (text.n - 1 > LIMIT_LINE) /* escapes are longer than what they stand for */
                return;
        fuzz_check(message_parse(text.data, text.n - 1, &again, &error) == 0);
        fuzz_check(again->type == m->type && again->has_id && again->id == m->id);
        fuzz_check(format(again, &text2) && strcmp(text.data, text2.data) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(message_freep) struct message *m = NULL;
        struct message_error error = {};

        if (message_parse((const char *)data, size, &m, &error) != 0) {
                fuzz_check(!m && error.code != MESSAGE_ERROR_NONE && error.text[0]);
                return 0;
        }
        if (m->type == MESSAGE_ADD_RULE || m->type == MESSAGE_RULE_ADD || m->type == MESSAGE_RULE_CHECK) {
                fuzz_check(m->add.rule && m->add.rule->origin != ORIGIN_FACTORY && !(m->add.rule->has & CRITERION_BIT(CRITERION_PROCESS)));
                fuzz_check_rule(m->add.rule);
        }
        check_again(m);
        return 0;
}
