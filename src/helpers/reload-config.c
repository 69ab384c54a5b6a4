/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bastion-reload-config TMP TARGET: helpers/reload.h with the parser of config.json. The daemon would take a file with a wrong value and go
 * on with that key's last good one; here somebody is present who can put it right, so a wrong value is refused.
 */
#include "helpers/reload.h"

#include "wire/conffile.h"

struct first_warning {
        struct file_error warning;
        bool any;
};

static void on_warning(void *userdata, const struct file_error *warning)
{
        struct first_warning *first = userdata;

        if (!first->any)
                first->warning = *warning;
        first->any = true;
}

static int check(const char *data, size_t n, struct file_error *ret_error)
{
        struct first_warning first = { .any = false };
        struct config config;
        int r = conffile_parse(data, n, NULL, "/var/log", &config, on_warning, &first, ret_error);

        if (r != 0 || !first.any)
                return r;
        *ret_error = first.warning;
        return CONFFILE_E_SYNTAX;
}

int main(int argc, char **argv)
{
        static const struct reload CONFIG = {
                .program = "bastion-reload-config",
                .max = LIMIT_CONFIG_FILE,
                .check = check,
                .target_is_ours = reload_is_configuration,
                .target_words = "a file under /etc/bastion",
        };

        return reload_main(&CONFIG, argc, argv);
}
