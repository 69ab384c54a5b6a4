/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include "client/findings.h"

#include <errno.h>
#include <unistd.h>

#include "base/str.h"

bool findings_file_exists(_unused_ void *userdata, const char *path)
{
        return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

void findings_words(const struct finding *finding, struct buf *out)
{
        switch (finding->kind) {
        case FINDING_SHADOWED:
                buf_puts(out, "never decides: before it comes ");
                break;
        case FINDING_DUPLICATE:
                buf_puts(out, "says again what this says: ");
                break;
        case FINDING_OVERRULED:
                buf_puts(out, "does not decide in this session, for ");
                break;
        case FINDING_NEVER:
                buf_printf(out, "matches nothing: %s", finding->why);
                return;
        case FINDING_NO_LIST:
                buf_puts(out, "there is no such list: ");
                str_escape(out, finding->why);
                return;
        case FINDING_NO_FILE:
        case FINDING_KIND_COUNT:
                buf_puts(out, "there is no such program");
                return;
        }
        str_escape(out, finding->other ? finding->other->id : "");
}
