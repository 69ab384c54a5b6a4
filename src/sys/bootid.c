/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "sys/bootid.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/macros.h"

static const char *const BOOT_ID = "/proc/sys/kernel/random/boot_id";

static int read_text(char ret[BOOT_ID_TEXT_MAX])
{
        int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC), r;
        ssize_t n;

        if (fd < 0)
                return -errno;
        n = read(fd, ret, BOOT_ID_TEXT_MAX - 1);
        r = n < 0 ? -errno : 0;
        close(fd);
        ret[MAX(n, (ssize_t)0)] = '\0';
        return r;
}

int bootid_read(struct boot_id *ret)
{
        char text[BOOT_ID_TEXT_MAX];
        int r = read_text(text);

        if (r == 0 && boot_id_parse(text, ret) && boot_id_is_set(ret))
                return 0;
        /* Of the version that RFC 9562 keeps for custom formats, so that it is never all zero nor the kernel's. */
        if (getrandom(ret->bytes, sizeof(ret->bytes), 0) != (ssize_t)sizeof(ret->bytes))
                memset(ret->bytes, 0, sizeof(ret->bytes));
        ret->bytes[6] = (uint8_t)((ret->bytes[6] & 0x0f) | 0x80);
        return r < 0 ? r : -EBADMSG;
}
