/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "recorder/fold.h"
#include "recorder/query.h"
#include "recorder/reader.h"
#include "recorder/timeline.h"
#include "sys/privs.h"

enum { PATIENCE_MS = 20000, STANDSTILL_MS = 2000, MOMENT_MS = 20, FOLD_MAX = 65536 };

static const char DATABASE[] = "history.db"; /* in the folder that we are in */

static int refuse(const char *words)
{
        fprintf(stderr, "bastion: %s\n", words);
        return SEARCH_EXIT_FAILED;
}

static int refuse_errno(const char *what, int error)
{
        fprintf(stderr, "bastion: cannot search history: %s: %s\n", what, strerror(error));
        return SEARCH_EXIT_FAILED;
}

static int exit_code_of(int r, const char *words)
{
        switch (r) {
        case 0:
                return SEARCH_EXIT_FINE;
        case QUERY_E_MISSING:
                return SEARCH_EXIT_MISSING;
        case QUERY_E_DENIED:
                return SEARCH_EXIT_DENIED;
        case -ENOMEM:
                return refuse("out of memory");
        default:
                return refuse(words);
        }
}

/* An exit code. */
static int enter(const char *folder)
{
        if (chdir(folder) == 0)
                return SEARCH_EXIT_FINE;
        if (errno == ENOENT || errno == ENOTDIR)
                return SEARCH_EXIT_MISSING;
        return errno == EACCES ? SEARCH_EXIT_DENIED : refuse_errno(folder, errno);
}

#ifdef BASTION_SANITIZED
/* At exit the leak checker reads /proc and traces its own process: under sanitizers nothing is given up, as in sys/privs.c. */
static int give_up_privileges(void)
{
        return 0;
}
#else
static int give_up_privileges(void)
{
        struct stat st;
        int r = 0;

        if (geteuid() == 0) {
                if (stat(".", &st) < 0 || chroot(".") < 0)
                        return -errno;
                /* A folder of root's own is not the recorder's; nobody else can have written there. */
                r = st.st_uid != 0 ? privs_become(st.st_uid, st.st_gid) : 0;
        }
        return r < 0 ? r : privs_confine(PRIVS_RECORDER, PRIVS_DIE);
}
#endif

/* The recorder is some tenths of a second behind, more when much is decided at once. Who has all from a decision on and asks for the older ones is
 * not given a gap: the recorder is waited for while it gets on. */
static void await_recorder(struct query *q, const struct search *search)
{
        const struct timespec a_moment = { .tv_nsec = MOMENT_MS * 1000000 };
        int64_t newest, before = 0;

        if (!(search->has & SEARCH_OLDER) || search->older_seq <= 1)
                return;
        for (int all_ms = 0, ms = 0; ms < STANDSTILL_MS && all_ms < PATIENCE_MS; ms += MOMENT_MS, all_ms += MOMENT_MS) {
                if (query_has_reached(q, search, &newest))
                        return;
                if (newest != before)
                        ms = 0;
                before = newest;
                nanosleep(&a_moment, NULL);
        }
        fprintf(stderr, "bastion: history is behind, or not kept ('bastion status'): decisions may be missing\n");
}

static int write_all(struct buf *out)
{
        size_t done = 0;

        while (done < out->n) {
                ssize_t n = write(STDOUT_FILENO, out->data + done, out->n - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                done += (size_t)n;
        }
        buf_reset(out);
        return 0;
}

/* NULL: no memory. */
static struct fold *new_fold(void)
{
        uint64_t seed = 0;

        if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
                seed = (uint64_t)getpid(); /* before there is entropy: this process lives for seconds */
        return fold_new(FOLD_MAX, seed);
}

/* What becomes of the rows that are found. */
struct sums {
        bool fold;
        unsigned pieces; /* of a timeline; 0: none is wanted */
};

/* "fold", "timeline=PIECES": true, and *ret says so. */
static bool parse_sums(const char *word, struct sums *ret)
{
        uint64_t pieces;

        if (strcmp(word, "fold") == 0) {
                ret->fold = true;
                return true;
        }
        if (!str_has_prefix(word, "timeline=") || !str_parse_u64(word + strlen("timeline="), TIMELINE_PIECES, &pieces) || pieces == 0)
                return false;
        ret->pieces = (unsigned)pieces;
        return true;
}

static int search_history(const struct search *search, uint64_t limit, const struct sums *sums)
{
        _cleanup_(fold_freep) struct fold *fold = sums->fold ? new_fold() : NULL;
        _cleanup_(timeline_freep) struct timeline *timeline =
                sums->pieces > 0 ? timeline_new(search->since_us, search->until_us, sums->pieces) : NULL;
        _cleanup_(query_freep) struct query *q = NULL;
        _cleanup_(buf_deinit) struct buf out = { 0 };
        char words[QUERY_ERROR_MAX];
        int r, w;

        r = query_open(DATABASE, &q, words);
        if (r != 0)
                return exit_code_of(r, words);
        if ((sums->fold && !fold) || (sums->pieces > 0 && !timeline))
                return refuse("out of memory");
        query_fold(q, fold);
        query_timeline(q, timeline);
        await_recorder(q, search);
        r = query_begin(q, search, limit, words);
        if (r != 0)
                return exit_code_of(r, words);
        do {
                r = query_next(q, &out, words);
                w = write_all(&out);
        } while (r == QUERY_MORE && w == 0);
        if (w < 0)
                return refuse_errno("cannot write", -w);
        if (query_n_unreadable(q) > 0)
                fprintf(stderr, "bastion: %llu rows of history cannot be understood and were left out\n",
                        (unsigned long long)query_n_unreadable(q));
        return r == QUERY_END ? SEARCH_EXIT_FINE : exit_code_of(r, words);
}

static bool has_stretch(const struct search *s)
{
        return s->has & SEARCH_SINCE && s->has & SEARCH_UNTIL && s->since_us < s->until_us;
}

int reader_main(int argc, char **argv)
{
        _cleanup_(search_deinit) struct search search = { 0 };
        char error[SEARCH_ERROR_MAX] = "out of memory";
        struct sums sums = { 0 };
        const int words = argc > 2 && parse_sums(argv[2], &sums) ? 3 : 2;
        uint64_t limit;
        int r;

        if (argc < 2 || !str_parse_u64(argv[1], LIMIT_HISTORY_ROWS, &limit) || limit == 0) {
                fprintf(stderr, "bastion: usage: bastion-recorder --query FOLDER LIMIT [fold | timeline=PIECES] [KEY=VALUE …]; 'bastion log' runs it\n");
                return SEARCH_EXIT_WRONG;
        }
        for (int i = words; i < argc; i++)
                if (search_set_word(&search, argv[i], error) != 0) {
                        refuse(error);
                        return SEARCH_EXIT_WRONG;
                }
        if (sums.pieces > 0 && !has_stretch(&search)) {
                refuse("timeline: expected since=TIME and a later until=TIME");
                return SEARCH_EXIT_WRONG;
        }
        r = enter(argv[0]);
        if (r != SEARCH_EXIT_FINE)
                return r;
        r = give_up_privileges();
        if (r < 0)
                return refuse_errno("cannot give up privileges", -r);
        return search_history(&search, limit, &sums);
}
