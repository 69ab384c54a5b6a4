/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nothing is guessed: an answer changes what a program may do, so a word too much or twice is refused. */
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "cli/answer-line.h"

enum { WORDS_MAX = 5, LINE_MAX_BYTES = 256 };

/* Takes one of the optional words. */
static bool take_word(const char *word, struct answer *answer, bool *has_lifetime, bool *has_scope)
{
        enum lifetime lifetime;
        uint32_t seconds = 0;

        if (!*has_lifetime && (duration_parse(word, &seconds) ||
                               (lifetime_parse(word, &lifetime) && lifetime != LIFETIME_UNTIL))) {
                answer->lifetime = seconds > 0 ? LIFETIME_UNTIL : lifetime;
                answer->ending.lasts = seconds;
                *has_lifetime = true;
                return true;
        }
        if (!*has_scope && answer_scope_parse(word, &answer->scope)) {
                *has_scope = true;
                return true;
        }
        if (!answer->late && strcmp(word, "late") == 0) {
                answer->late = true;
                return true;
        }
        return false;
}

bool answer_line_parse(const char *const *words, size_t n, struct answer_line *ret,
                       char ret_error[ANSWER_LINE_ERROR_MAX])
{
        struct answer_line line = {.answer = {.lifetime = LIFETIME_ONCE, .scope = ANSWER_PORT}};
        bool has_lifetime = false, has_scope = false;

        if (n < 2 || n > WORDS_MAX) {
                snprintf(ret_error, ANSWER_LINE_ERROR_MAX,
                         "expected REF allow|deny [once|process|session|reboot|always|DURATION] "
                         "[port|all-ports|destination|address|host|domain] [late]");
                return false;
        }
        if (!*words[0] || strlen(words[0]) >= sizeof(line.ref)) {
                snprintf(ret_error, ANSWER_LINE_ERROR_MAX, "'%.60s' is no question's name", words[0]);
                return false;
        }
        memcpy(line.ref, words[0], strlen(words[0]) + 1);
        if (strcmp(words[1], "allow") != 0 && strcmp(words[1], "deny") != 0) {
                snprintf(ret_error, ANSWER_LINE_ERROR_MAX, "expected allow or deny, not '%.60s'", words[1]);
                return false;
        }
        line.answer.allow = strcmp(words[1], "allow") == 0;
        for (size_t i = 2; i < n; i++)
                if (!take_word(words[i], &line.answer, &has_lifetime, &has_scope)) {
                        snprintf(ret_error, ANSWER_LINE_ERROR_MAX,
                                 "expected one of once, process, session, reboot, always or a duration like 90m, "
                                 "one of port, all-ports, destination, address, host, domain, and late, not '%.60s'",
                                 words[i]);
                        return false;
                }
        if (line.answer.late && (line.answer.lifetime == LIFETIME_ONCE || line.answer.lifetime == LIFETIME_PROCESS)) {
                snprintf(ret_error, ANSWER_LINE_ERROR_MAX,
                         "late is for the future: expected one of session, reboot, always or a duration like 90m");
                return false;
        }
        *ret = line;
        return true;
}

bool answer_line_parse_text(const char *text, struct answer_line *ret, char ret_error[ANSWER_LINE_ERROR_MAX])
{
        const char *words[WORDS_MAX + 1];
        char copy[LINE_MAX_BYTES];
        size_t n = 0;
        char *save = NULL;

        if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy)) {
                snprintf(ret_error, ANSWER_LINE_ERROR_MAX, "an answer has at most %d bytes",
                         LINE_MAX_BYTES - 1);
                return false;
        }
        for (char *word = strtok_r(copy, " \t\r", &save); word && n < ARRAY_SIZE(words);
             word = strtok_r(NULL, " \t\r", &save))
                words[n++] = word;
        return answer_line_parse(words, n, ret, ret_error);
}
