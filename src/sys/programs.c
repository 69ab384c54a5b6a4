/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. Everything that is pinned has one of two prefixes, and only such names are ever removed, and only on a BPF file
 * system: a mistyped --pins must not cost anybody a file.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/magic.h>

#include "base/log.h"
#include "base/str.h"
#include "bastion.skel.h"
#include "sys/programs.h"
#include "wire/procfs.h"

enum {
        MOUNTINFO_MAX = 1 << 20,
        LAST_WORDS = 2048, /* what is kept of libbpf's complaints: the verifier's verdict is at the end */
        PIN_PATH_MAX = 512,
};

static const struct {
        const char *name; /* as the kernel shows it */
        const char *hook; /* as people know it */
        enum bpf_attach_type type;
} PROGRAMS[PROGRAM_N] = {
        [PROGRAM_CONN4] = { "bastion_conn4", "connect4", BPF_CGROUP_INET4_CONNECT },
        [PROGRAM_CONN6] = { "bastion_conn6", "connect6", BPF_CGROUP_INET6_CONNECT },
        [PROGRAM_SEND4] = { "bastion_send4", "sendmsg4", BPF_CGROUP_UDP4_SENDMSG },
        [PROGRAM_SEND6] = { "bastion_send6", "sendmsg6", BPF_CGROUP_UDP6_SENDMSG },
        [PROGRAM_RECV4] = { "bastion_recv4", "recvmsg4", BPF_CGROUP_UDP4_RECVMSG },
        [PROGRAM_RECV6] = { "bastion_recv6", "recvmsg6", BPF_CGROUP_UDP6_RECVMSG },
        [PROGRAM_CREATE] = { "bastion_create", "sock_create", BPF_CGROUP_INET_SOCK_CREATE },
        [PROGRAM_RELEASE] = { "bastion_release", "sock_release", BPF_CGROUP_INET_SOCK_RELEASE },
        [PROGRAM_STATE] = { "bastion_state", "inet_sock_set_state", BPF_TRACE_RAW_TP },
        [PROGRAM_ANSWER] = { "bastion_answer", "ingress", BPF_CGROUP_INET_INGRESS },
        [PROGRAM_GATE] = { "bastion_gate", "gate", 0 },
};

static const char *const MAPS[MAP_N] = {
        [MAP_CONFIG] = "config", [MAP_SOCKETS] = "sockets", [MAP_PEERS] = "peers",       [MAP_QUEUED] = "queued",
        [MAP_SEEN] = "seen",     [MAP_VERDICTS] = "verdicts", [MAP_TALLIES] = "tallies", [MAP_TRACKS] = "tracks",
        [MAP_QUESTIONS] = "questions", [MAP_ANSWERS] = "answers", [MAP_COUNTERS] = "counters", [MAP_HEARD] = "heard",
};

/* libbpf's printer has no argument for a context, so what it said last is kept here while programs_open() runs. */
static struct buf last_words;

static int _printf_(2, 0) print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
        _cleanup_(freep) char *text = NULL;
        size_t skip;
        int n;

        if (level == LIBBPF_DEBUG)
                return 0;
        n = vasprintf(&text, format, args); /* the verifier's whole log comes at once, and its end is what matters */
        if (n < 0)
                return 0;
        skip = (size_t)n > LAST_WORDS ? (size_t)n - LAST_WORDS : 0;
        log_debug("libbpf: %s", text + skip);
        buf_append(&last_words, text + skip, (size_t)n - skip);
        if (last_words.n > LAST_WORDS)
                buf_consume(&last_words, last_words.n - LAST_WORDS);
        return 0;
}

/* Appends "what: strerror" and, when there are any, libbpf's last words; returns `error`. */
static int explain(struct buf *why, const char *what, int error)
{
        buf_printf(why, "%s: %s", what, strerror(-error));
        if (last_words.n > 0)
                buf_printf(why, "\n%s", last_words.data);
        buf_deinit(&last_words);
        return error;
}

static bool is_bpffs(const char *path)
{
        struct statfs fs;

        return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

static const char NEW[] = "_new"; /* bpffs keeps dots for itself */

static bool has_suffix(const char *name, const char *suffix)
{
        const size_t n = strlen(name), m = strlen(suffix);

        return n >= m && strcmp(name + n - m, suffix) == 0;
}

static bool is_ours(const char *name)
{
        return str_has_prefix(name, "bastion_") || str_has_prefix(name, "map_");
}

static bool is_new(const char *name)
{
        return has_suffix(name, NEW);
}

static bool is_any(_unused_ const char *name)
{
        return true;
}

/* Neither a program nor a map of this version: a daemon of another one left it. */
static bool is_foreign(const char *name)
{
        for (enum program i = 0; i < PROGRAM_N; i++)
                if (strcmp(name, PROGRAMS[i].name) == 0)
                        return false;
        for (enum map i = 0; i < MAP_N; i++)
                if (str_has_prefix(name, "map_") && strcmp(name + strlen("map_"), MAPS[i]) == 0)
                        return false;
        return true;
}

/* Unpins what is Bastion's and is `wanted`. The directory stays. */
static int remove_pins(const char *pins, bool (*wanted)(const char *name))
{
        struct dirent *entry;
        int r = 0;
        DIR *dir;

        dir = opendir(pins);
        if (!dir)
                return errno == ENOENT ? 0 : -errno;
        if (!is_bpffs(pins)) {
                closedir(dir);
                return -EINVAL;
        }
        while ((entry = readdir(dir)))
                if (is_ours(entry->d_name) && wanted(entry->d_name))
                        if (unlinkat(dirfd(dir), entry->d_name, 0) < 0)
                                r = -errno;
        closedir(dir);
        return r;
}

int programs_remove_pins(const char *pins)
{
        int r = remove_pins(pins, is_any);

        if (rmdir(pins) < 0 && errno != EBUSY && errno != ENOTEMPTY && errno != ENOENT && r == 0)
                r = -errno;
        return r;
}

/* The mount point of cgroup v2's root, wherever the distribution put it. */
static int open_cgroup_root(void)
{
        _cleanup_(freep) char *text = malloc(MOUNTINFO_MAX);
        char path[PIN_PATH_MAX];
        size_t n = 0;
        FILE *f;
        int fd;

        if (!text)
                return -ENOMEM;
        f = fopen("/proc/self/mountinfo", "re");
        if (!f)
                return -errno;
        n = fread(text, 1, MOUNTINFO_MAX, f);
        fclose(f);
        if (!procfs_parse_mountinfo(text, n, "cgroup2", path, sizeof(path)))
                return -ENOENT;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static int pin_path(const struct programs *p, const char *prefix, const char *name, const char *suffix, char ret[PIN_PATH_MAX])
{
        int n = snprintf(ret, PIN_PATH_MAX, "%s/%s%s%s", p->pins, prefix, name, suffix);

        return n < 0 || n >= PIN_PATH_MAX ? -ENAMETOOLONG : 0;
}

static int keep_descriptor(int fd, int *ret)
{
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

        if (copy < 0)
                return -errno;
        *ret = copy;
        return 0;
}

static void close_all(int *fds, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (fds[i] >= 0)
                        close(fds[i]);
                fds[i] = -1;
        }
}

/* ---- a dead daemon's maps --------------------------------------------------------------------------------------------------- */

/* A map of that name is pinned and has the shape that `map` will have. */
static int open_like(const struct programs *p, const struct bpf_map *map, const char *name)
{
        struct bpf_map_info info = { 0 };
        uint32_t n = sizeof(info);
        char path[PIN_PATH_MAX];
        int fd, r;

        r = pin_path(p, "map_", name, "", path);
        if (r < 0)
                return r;
        fd = bpf_obj_get(path);
        if (fd < 0)
                return -errno;
        if (bpf_obj_get_info_by_fd(fd, &info, &n) == 0 && info.type == (uint32_t)bpf_map__type(map) &&
            info.key_size == bpf_map__key_size(map) && info.value_size == bpf_map__value_size(map) &&
            info.max_entries == bpf_map__max_entries(map))
                return fd;
        close(fd);
        return -ENOTUNIQ;
}

static bool open_all_maps(struct programs *p, struct bpf_object *object)
{
        for (enum map i = 0; i < MAP_N; i++) {
                struct bpf_map *map = bpf_object__find_map_by_name(object, MAPS[i]);

                p->map_fds[i] = map ? open_like(p, map, MAPS[i]) : -ENOENT;
                if (p->map_fds[i] < 0)
                        return false;
        }
        return true;
}

/* All of them or none: a tag that one map has and another does not know would be half a truth. */
static int take_over_maps(struct programs *p, struct bpf_object *object, const struct programs_owner *owner)
{
        int r = 0;

        if (!open_all_maps(p, object) || !owner->may_take_over(owner->userdata, p)) {
                close_all(p->map_fds, MAP_N);
                return 0;
        }
        for (enum map i = 0; i < MAP_N && r == 0; i++)
                r = bpf_map__reuse_fd(bpf_object__find_map_by_name(object, MAPS[i]), p->map_fds[i]);
        p->taken_over = r == 0;
        return r;
}

/* ---- what is loaded is kept ------------------------------------------------------------------------------------------------- */

static int keep_map(struct programs *p, struct bpf_object *object, enum map which)
{
        struct bpf_map *map = bpf_object__find_map_by_name(object, MAPS[which]);
        char path[PIN_PATH_MAX];
        int r;

        if (p->taken_over)
                return 0; /* open and pinned already */
        if (!map)
                return -ENOENT;
        r = pin_path(p, "map_", MAPS[which], NEW, path);
        if (r < 0)
                return r;
        r = bpf_map__pin(map, path);
        if (r < 0)
                return r;
        return keep_descriptor(bpf_map__fd(map), &p->map_fds[which]);
}

static int keep_program(struct programs *p, struct bpf_object *object, enum program which)
{
        struct bpf_program *program = bpf_object__find_program_by_name(object, PROGRAMS[which].name);

        if (!program)
                return -ENOENT;
        return keep_descriptor(bpf_program__fd(program), &p->program_fds[which]);
}

/* The gate has its final name at once, because the rule is built with it; a dead daemon's rule keeps the gate that it has. */
static int pin_gate(struct programs *p, struct bpf_object *object)
{
        char path[PIN_PATH_MAX], path_new[PIN_PATH_MAX];
        int r;

        r = pin_path(p, "", PROGRAMS[PROGRAM_GATE].name, "", path);
        if (r == 0)
                r = pin_path(p, "", PROGRAMS[PROGRAM_GATE].name, NEW, path_new);
        if (r < 0)
                return r;
        r = bpf_program__pin(bpf_object__find_program_by_name(object, PROGRAMS[PROGRAM_GATE].name), path_new);
        if (r < 0)
                return r;
        p->had_gate = access(path, F_OK) == 0;
        if (rename(path_new, path) < 0)
                return -errno;
        p->gate_pin = strdup(path);
        return p->gate_pin ? 0 : -ENOMEM;
}

static int attach(struct programs *p, struct bpf_object *object, enum program which, int cgroup_fd)
{
        struct bpf_program *program = bpf_object__find_program_by_name(object, PROGRAMS[which].name);
        struct bpf_link *link;
        char path[PIN_PATH_MAX];
        int r;

        r = pin_path(p, "", PROGRAMS[which].name, NEW, path);
        if (r < 0)
                return r;
        link = which == PROGRAM_STATE ? bpf_program__attach(program) : bpf_program__attach_cgroup(program, cgroup_fd);
        if (!link)
                return -errno;
        r = bpf_link__pin(link, path);
        if (r == 0)
                r = keep_descriptor(bpf_link__fd(link), &p->link_fds[which]);
        bpf_link__destroy(link); /* closes its descriptor; pin and copy keep the link */
        return r;
}

static int attach_all(struct programs *p, struct bpf_object *object, struct buf *why)
{
        int cgroup_fd, r = 0;

        cgroup_fd = open_cgroup_root();
        if (cgroup_fd < 0)
                return explain(why, cgroup_fd == -ENOENT ? "no cgroup v2 root is mounted" : "cgroup v2 root", cgroup_fd);
        for (enum program i = 0; i < PROGRAM_N && r == 0; i++) {
                if (i == PROGRAM_GATE)
                        continue;
                r = attach(p, object, i, cgroup_fd);
                if (r < 0)
                        explain(why, PROGRAMS[i].hook, r);
        }
        close(cgroup_fd);
        return r;
}

static int keep_all(struct programs *p, struct bpf_object *object, struct buf *why)
{
        int r;

        for (enum map i = 0; i < MAP_N; i++) {
                r = keep_map(p, object, i);
                if (r < 0)
                        return explain(why, MAPS[i], r);
        }
        for (enum program i = 0; i < PROGRAM_N; i++) {
                r = keep_program(p, object, i);
                if (r < 0)
                        return explain(why, PROGRAMS[i].name, r);
        }
        r = pin_gate(p, object);
        return r < 0 ? explain(why, "pinning the gate", r) : 0;
}

static int refuse_pins(const char *pins, struct buf *why)
{
        buf_printf(why, "%s is not on a BPF file system (mount -t bpf bpf /sys/fs/bpf)", pins);
        return -EINVAL;
}

/* The directory, and nothing in it that is left of an attempt that was cut short. */
static int make_pins(const char *pins, struct buf *why)
{
        char parent[PIN_PATH_MAX];
        int n = (int)(str_basename(pins) - pins), r;

        if (n >= PIN_PATH_MAX)
                return explain(why, pins, -ENAMETOOLONG);
        snprintf(parent, sizeof(parent), "%.*s", n > 0 ? n : 1, n > 0 ? pins : ".");
        if (!is_bpffs(parent))
                return refuse_pins(pins, why);
        if (mkdir(pins, 0700) < 0 && errno != EEXIST)
                return explain(why, pins, -errno);
        r = remove_pins(pins, is_new);
        return r < 0 ? explain(why, pins, r) : 0;
}

static void destroy_skeleton(struct bastion_bpf **s)
{
        bastion_bpf__destroy(*s);
        malloc_trim(0); /* the kernel's type information is some MiB */
}

static int load(struct programs *p, const struct programs_owner *owner, struct buf *why)
{
        _cleanup_(destroy_skeleton) struct bastion_bpf *skeleton = NULL;
        int r;

        skeleton = bastion_bpf__open();
        if (!skeleton)
                return explain(why, "opening the kernel programs", -errno);
        r = take_over_maps(p, skeleton->obj, owner);
        if (r < 0)
                return explain(why, "taking over the maps of the daemon before", r);
        r = bastion_bpf__load(skeleton);
        if (r < 0)
                return explain(why, "loading the kernel programs", r);
        r = keep_all(p, skeleton->obj, why);
        if (r < 0)
                return r;
        r = owner->configure(owner->userdata, p);
        if (r < 0)
                return explain(why, "configuring the kernel programs", r);
        return attach_all(p, skeleton->obj, why);
}

int programs_open(struct programs *p, const char *pins, const struct programs_owner *owner, struct buf *why)
{
        libbpf_print_fn_t previous;
        int r;

        *p = (struct programs){ 0 };
        memset(p->program_fds, -1, sizeof(p->program_fds));
        memset(p->link_fds, -1, sizeof(p->link_fds));
        memset(p->map_fds, -1, sizeof(p->map_fds));
        r = make_pins(pins, why);
        if (r < 0)
                return r;
        p->pins = strdup(pins);
        if (!p->pins)
                return -ENOMEM;
        previous = libbpf_set_print(print_libbpf);
        r = load(p, owner, why);
        libbpf_set_print(previous);
        buf_deinit(&last_words);
        if (r < 0)
                programs_close(p);
        return r;
}

static int rename_pin(const struct programs *p, const char *prefix, const char *name)
{
        char from[PIN_PATH_MAX], to[PIN_PATH_MAX];
        int r;

        r = pin_path(p, prefix, name, NEW, from);
        if (r == 0)
                r = pin_path(p, prefix, name, "", to);
        if (r < 0)
                return r;
        return rename(from, to) < 0 ? -errno : 0;
}

int programs_commit(struct programs *p)
{
        int r, result = 0;

        for (enum program i = 0; i < PROGRAM_N; i++) {
                r = i == PROGRAM_GATE ? 0 : rename_pin(p, "", PROGRAMS[i].name);
                result = r < 0 ? r : result;
        }
        for (enum map i = 0; i < MAP_N && !p->taken_over; i++) {
                r = rename_pin(p, "map_", MAPS[i]);
                result = r < 0 ? r : result;
        }
        p->committed = true;
        r = remove_pins(p->pins, is_foreign);
        return r < 0 ? r : result;
}

void programs_close(struct programs *p)
{
        int r;

        if (!p->pins)
                return;
        close_all(p->link_fds, PROGRAM_N);
        r = p->committed ? programs_remove_pins(p->pins) : remove_pins(p->pins, is_new);
        if (r < 0)
                log_warn("cannot remove the pins in %s: %s; `bastion rescue` will", p->pins, strerror(-r));
        if (!p->committed && !p->had_gate && p->gate_pin)
                unlink(p->gate_pin);
        if (!p->committed)
                rmdir(p->pins); /* stays while a dead daemon's pins are in it */
        close_all(p->program_fds, PROGRAM_N);
        close_all(p->map_fds, MAP_N);
        free(p->gate_pin);
        free(p->pins);
        *p = (struct programs){ 0 };
}

static bool read_program(int fd, struct bpf_prog_info *ret)
{
        struct bpf_prog_info info = { 0 };
        uint32_t n = sizeof(info);

        if (bpf_obj_get_info_by_fd(fd, &info, &n) < 0)
                return false;
        *ret = info;
        return true;
}

static bool read_link(int fd, struct bpf_link_info *ret)
{
        struct bpf_link_info info = { 0 };
        uint32_t n = sizeof(info);

        if (bpf_obj_get_info_by_fd(fd, &info, &n) < 0)
                return false;
        *ret = info;
        return true;
}

static bool link_is(const struct bpf_link_info *link, enum program which, uint32_t program_id)
{
        if (link->prog_id != program_id)
                return false;
        /* A link whose cgroup is gone reads cgroup id 0: detached. */
        if (link->type == BPF_LINK_TYPE_CGROUP)
                return link->cgroup.attach_type == PROGRAMS[which].type && link->cgroup.cgroup_id != 0;
        return link->type == BPF_LINK_TYPE_TRACING || link->type == BPF_LINK_TYPE_RAW_TRACEPOINT;
}

static bool check_program(const struct programs *p, enum program which, struct buf *report)
{
        struct bpf_prog_info program;
        struct bpf_link_info link;

        if (!read_program(p->program_fds[which], &program) || strcmp(program.name, PROGRAMS[which].name) != 0) {
                buf_printf(report, "%s: the kernel does not show the program\n", PROGRAMS[which].hook);
                return false;
        }
        if (which == PROGRAM_GATE) {
                buf_printf(report, "gate: pinned, program %s, id %u\n", program.name, program.id);
                return access(p->gate_pin, F_OK) == 0;
        }
        if (!read_link(p->link_fds[which], &link) || !link_is(&link, which, program.id)) {
                buf_printf(report, "%s: not attached\n", PROGRAMS[which].hook);
                return false;
        }
        buf_printf(report, "%s: attached, program %s, id %u\n", PROGRAMS[which].hook, program.name, program.id);
        return true;
}

bool programs_check(const struct programs *p, struct buf *report)
{
        bool good = true;

        for (enum program i = 0; i < PROGRAM_N; i++)
                good &= check_program(p, i, report);
        return good;
}
