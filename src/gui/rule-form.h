/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A rule as a form: the parts of its sentence, each in a field, in the words of the sentence's grammar (wire/sentence.h). Form and sentence say the same
 * and are made of each other; what has no field of its own stands in `more`. Whether it is a rule is not known here. Pure.
 */
#pragma once

#include "core/rule.h"

struct rule_form {
        enum action action;
        char *subject;   /* "/usr/bin/curl", "anyone" */
        char *to;        /* "example.com", "lan to 10.0.0.0/8", "": anywhere */
        char *ports;     /* "443", "": any */
        char *protocol;  /* "tcp", "": any */
        char *more;      /* "user 1000 priority 5 disabled" */
        char *lifetime;  /* "for session", "until reboot", "until 2026-12-31Z", "": always */
        char *note;      /* as it is read, without quotes; "": none */
};
void rule_form_deinit(struct rule_form *form);

/* 0 or -ENOMEM. */
int rule_form_parse(const struct rule *rule, struct rule_form *ret);
/* The sentence that the fields say. */
void rule_form_format(const struct rule_form *form, struct buf *out);
