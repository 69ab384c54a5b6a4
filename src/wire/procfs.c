/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The texts of /proc are made for people, and programs choose parts of them: a comm may hold ") (", a path "
 * (deleted)". Where a line can be trusted to be one (the kernel escapes or refuses newlines there),
 * everything goes by lines and by the fields' delimiters, never by a search through the whole text. A text
 * that was cut ends inside a number that looks whole; therefore a value counts only when its delimiter was
 * seen too. Files that people write (resolv.conf) may lack the last newline.
 */
#include <string.h>

#include "base/cursor.h"
#include "base/macros.h"
#include "wire/procfs.h"

enum {
        STAT_FIELD_STATE = 3,
        STAT_FIELD_START = 22,
        MOUNTINFO_FIELD_ROOT = 4,
};

static bool text_is(struct cursor text, const char *word)
{
        size_t n = strlen(word);

        return text.left == n && memcmp(text.at, word, n) == 0;
}

static bool text_skip(struct cursor *text, const char *prefix)
{
        size_t n = strlen(prefix);

        return text->left >= n && memcmp(text->at, prefix, n) == 0 && cursor_skip(text, n);
}

/* Splits off what precedes the next `delimiter` and drops the delimiter; false when there is none. */
static bool text_until(struct cursor *text, char delimiter, struct cursor *ret)
{
        const uint8_t *end = text->left > 0 ? memchr(text->at, delimiter, text->left) : NULL;

        return end && cursor_sub(text, (size_t)(end - text->at), ret) && cursor_skip(text, 1);
}

/* As text_until(), but the end of the text delimits too; false only when nothing is left. */
static bool text_until_or_end(struct cursor *text, char delimiter, struct cursor *ret)
{
        return text_until(text, delimiter, ret) || (text->left > 0 && cursor_sub(text, text->left, ret));
}

/* What precedes the next of `delimiters` or NUL, perhaps nothing or all of it; the delimiter stays. */
static bool text_until_any(struct cursor *text, const char *delimiters, struct cursor *ret)
{
        size_t n = 0;

        while (n < text->left && !strchr(delimiters, text->at[n]))
                n++;
        return cursor_sub(text, n, ret);
}

/* The whole of `text` as a decimal number of digits only. */
static bool text_number(struct cursor text, uint64_t max, uint64_t *ret)
{
        uint64_t value = 0;
        uint8_t c;

        if (text.left == 0)
                return false;
        while (cursor_u8(&text, &c)) {
                if (c < '0' || c > '9')
                        return false;
                if (value > (max - (c - '0')) / 10)
                        return false;
                value = value * 10 + (c - '0');
        }
        *ret = value;
        return true;
}

/* As it is: unlike in status, the kernel escapes nothing here, not even a newline. Kernel threads have names
 * longer than a comm; they are cut. */
static void stat_comm(struct cursor comm, char ret[16])
{
        memset(ret, 0, 16);
        cursor_bytes(&comm, ret, MIN(comm.left, (size_t)15));
}

/* Splits "PID (COMM) " off. The fields behind it are numbers and one letter, so the last ')' is the kernel's.
 */
static bool stat_head(struct cursor *text, struct cursor *ret_pid, struct cursor *ret_comm)
{
        const uint8_t *end;

        if (!text_until(text, ' ', ret_pid) || !text_skip(text, "("))
                return false;
        end = text->left > 0 ? memrchr(text->at, ')', text->left) : NULL;
        return end && cursor_sub(text, (size_t)(end - text->at), ret_comm) && text_skip(text, ") ");
}

int procfs_parse_stat(const char *data, size_t n, struct procfs_stat *ret)
{
        struct cursor text = cursor_of(data, n), pid, comm, field;
        uint64_t number, parent, start;
        struct procfs_stat stat = {0};

        if (!stat_head(&text, &pid, &comm) || !text_number(pid, UINT32_MAX, &number))
                return PROCFS_E_MALFORMED;
        if (!text_until(&text, ' ', &field) || field.left != 1)
                return PROCFS_E_MALFORMED;
        if (!text_until(&text, ' ', &field) || !text_number(field, UINT32_MAX, &parent))
                return PROCFS_E_MALFORMED;
        for (unsigned i = STAT_FIELD_STATE + 2; i <= STAT_FIELD_START; i++)
                if (!text_until(&text, ' ', &field))
                        return PROCFS_E_MALFORMED;
        if (!text_number(field, UINT64_MAX, &start))
                return PROCFS_E_MALFORMED;

        stat.pid = (uint32_t)number;
        stat.parent_pid = (uint32_t)parent;
        stat.start_ticks = start;
        stat_comm(comm, stat.comm);
        *ret = stat;
        return 0;
}

/* proc(5): real, effective, saved and file system id, each after a tab. */
static bool status_effective_id(struct cursor line, uint32_t *ret)
{
        struct cursor field;
        uint64_t id;

        if (!text_skip(&line, "\t") || !text_until(&line, '\t', &field))
                return false;
        if (!text_until(&line, '\t', &field) || !text_number(field, UINT32_MAX, &id))
                return false;
        *ret = (uint32_t)id;
        return true;
}

int procfs_parse_status_ids(const char *data, size_t n, uint32_t *ret_uid, uint32_t *ret_gid)
{
        struct cursor text = cursor_of(data, n), line;
        bool has_uid = false, has_gid = false;
        uint32_t uid = 0, gid = 0;

        while (!(has_uid && has_gid) && text_until(&text, '\n', &line))
                if (text_skip(&line, "Uid:"))
                        has_uid = status_effective_id(line, &uid);
                else if (text_skip(&line, "Gid:"))
                        has_gid = status_effective_id(line, &gid);
        if (!has_uid || !has_gid)
                return PROCFS_E_MALFORMED;
        *ret_uid = uid;
        *ret_gid = gid;
        return 0;
}

/* The kernel refuses newlines in the names of cgroups (cgroup_mkdir), so a line is a line. */
int procfs_parse_cgroup(const char *data, size_t n, const char **ret, size_t *ret_n)
{
        struct cursor text = cursor_of(data, n), line;

        while (text_until(&text, '\n', &line)) {
                if (!text_skip(&line, "0::"))
                        continue;
                if (line.left == 0 || line.at[0] != '/')
                        return PROCFS_E_MALFORMED;
                *ret = (const char *)line.at;
                *ret_n = line.left;
                return 0;
        }
        return PROCFS_E_MALFORMED;
}

bool procfs_parse_socket_link(const char *text, size_t n, uint64_t *ret_inode)
{
        struct cursor rest = cursor_of(text, n), number;

        return text_skip(&rest, "socket:[") && text_until(&rest, ']', &number) && rest.left == 0 &&
               text_number(number, UINT64_MAX, ret_inode);
}

bool procfs_exe_is_deleted(const char *text, size_t n, size_t *ret_path_n)
{
        static const char suffix[] = " (deleted)";
        struct cursor rest = cursor_of(text, n);

        *ret_path_n = n;
        if (n <= strlen(suffix) || !cursor_skip(&rest, n - strlen(suffix)) || !text_is(rest, suffix))
                return false;
        *ret_path_n = n - strlen(suffix);
        return true;
}

/* resolv.conf(5) as glibc reads it: the keyword at the start of the line, one blank at least, an address,
 * perhaps with a scope id, which names no other server. */
static bool resolv_conf_nameserver(struct cursor line, struct addr *ret)
{
        struct cursor blank, word;
        char address[ADDR_TEXT_MAX] = "";

        if (!text_skip(&line, "nameserver"))
                return false;
        blank = line;
        while (text_skip(&line, " ") || text_skip(&line, "\t"))
                ;
        if (line.left == blank.left || !text_until_any(&line, " \t\r;#%", &word))
                return false;
        if (word.left == 0 || word.left >= sizeof(address))
                return false;
        return cursor_bytes(&word, address, word.left) && addr_parse(address, ret);
}

unsigned procfs_parse_resolv_conf(const char *data, size_t n, struct addr *ret, unsigned max)
{
        struct cursor text = cursor_of(data, n), line;
        unsigned count = 0;

        while (count < max && text_until_or_end(&text, '\n', &line))
                if (resolv_conf_nameserver(line, &ret[count]))
                        count++;
        return count;
}

static bool octal_digit(struct cursor *text, unsigned *value)
{
        uint8_t c;

        if (text->left == 0 || text->at[0] < '0' || text->at[0] > '7' || !cursor_u8(text, &c))
                return false;
        *value = *value * 8 + (c - '0');
        return true;
}

/* fs/proc_namespace.c, mangle(): blank, tab, newline, backslash and '#' are written as a backslash and three
 * octal digits. False when `ret` is too small or an escape is none. */
static bool mountinfo_unescape(struct cursor escaped, char *ret, size_t ret_size)
{
        size_t n = 0;
        uint8_t c;

        while (cursor_u8(&escaped, &c)) {
                unsigned value = 0;

                if (c == '\\') {
                        if (!octal_digit(&escaped, &value) || !octal_digit(&escaped, &value) ||
                            !octal_digit(&escaped, &value) || value > UINT8_MAX)
                                return false;
                        c = (uint8_t)value;
                }
                if (c == '\0' || n + 1 >= ret_size)
                        return false;
                ret[n++] = (char)c;
        }
        if (n == 0)
                return false;
        ret[n] = '\0';
        return true;
}

/* proc_pid_mountinfo(5): ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG…] - TYPE SOURCE OPTIONS. */
static bool mountinfo_line(struct cursor line, const char *fstype, struct cursor *ret_point)
{
        struct cursor root, field;

        for (unsigned i = 1; i <= MOUNTINFO_FIELD_ROOT; i++)
                if (!text_until(&line, ' ', &root))
                        return false;
        if (!text_is(root, "/") || !text_until(&line, ' ', ret_point))
                return false;
        do
                if (!text_until(&line, ' ', &field))
                        return false;
        while (!text_is(field, "-"));
        return text_until(&line, ' ', &field) && text_is(field, fstype);
}

bool procfs_parse_mountinfo(const char *data, size_t n, const char *fstype, char *ret, size_t ret_size)
{
        struct cursor text = cursor_of(data, n), line, point;

        while (text_until(&text, '\n', &line))
                if (mountinfo_line(line, fstype, &point))
                        return mountinfo_unescape(point, ret, ret_size);
        return false;
}
