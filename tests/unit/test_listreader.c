/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread that reads lists: results come back each once, a known version is not read, and the end does not wait for a long file. */
#include "unit.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "sys/listreader.h"

static const struct file_stamp none = { .exists = false };
static char directory[] = "/tmp/bastion-listreader-XXXXXX";

static const char *path_of(const char *name)
{
        static char path[64];

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        return path;
}

static void write_file(const char *name, unsigned n_names)
{
        FILE *file = fopen(path_of(name), "we");

        assert_non_null(file);
        for (unsigned i = 0; i < n_names; i++)
                fprintf(file, "host%u.example\n", i);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path_of(name), 0644), 0);
}

struct results {
        struct list_reading last;
        unsigned n;
};

static void on_read(void *userdata, struct list_reading *reading)
{
        struct results *results = userdata;

        hostset_free(results->last.set);
        results->last = *reading;
        reading->set = NULL;
        results->n++;
}

static void await(struct listreader *r, struct results *results, unsigned n)
{
        struct pollfd p = { .fd = listreader_fd(r), .events = POLLIN };

        while (results->n < n) {
                assert_int_equal(poll(&p, 1, 60000), 1);
                listreader_dispatch(r, on_read, results);
        }
}

/* What only root's files can show. */
static void skip_unless_root(void)
{
        if (geteuid() != 0)
                skip();
}

static void what_was_read_comes_back_once(_unused_ void **state)
{
        _cleanup_(listreader_stopp) struct listreader *r = NULL;
        struct results results = { .n = 0 };
        struct file_stamp version;

        skip_unless_root();
        assert_int_equal(listreader_new(1, &r), 0);
        write_file("a", 10);
        assert_true(listreader_ask(r, path_of("a"), &none));
        await(r, &results, 1);
        assert_int_equal(results.last.error, 0);
        assert_int_equal(hostset_count(results.last.set), 10);
        version = results.last.version;
        assert_true(listreader_ask(r, path_of("a"), &version));
        await(r, &results, 2);
        assert_int_equal(results.last.error, LISTREADER_E_SAME);
        write_file("a", 11);
        assert_true(listreader_ask(r, path_of("a"), &version));
        await(r, &results, 3);
        assert_int_equal(hostset_count(results.last.set), 11);
        assert_true(listreader_ask(r, path_of("missing"), &none));
        await(r, &results, 4);
        assert_int_equal(results.last.error, -ENOENT);
        hostset_free(results.last.set);
}

/* While the first is read the others wait, each once however often it is asked for; what nobody fetched is freed with the thread. */
static void each_file_waits_once_and_there_is_an_end_of_room(_unused_ void **state)
{
        _cleanup_(listreader_stopp) struct listreader *r = NULL;
        char name[16], long_path[LIMIT_LIST_PATH + 1];
        unsigned n = 0;

        skip_unless_root();
        memset(long_path, '/', sizeof(long_path));
        long_path[LIMIT_LIST_PATH] = '\0';
        assert_int_equal(listreader_new(1, &r), 0);
        write_file("long", 300000);
        assert_false(listreader_ask(r, long_path, &none));
        assert_true(listreader_ask(r, path_of("long"), &none));
        for (unsigned i = 0; i < 4 * LIMIT_LISTS; i++) {
                snprintf(name, sizeof(name), "%u", i / 2);
                n += listreader_ask(r, path_of(name), &none);
        }
        assert_true(n >= 2 * (LIMIT_LISTS - 1));
}

static void the_end_comes_in_the_middle_of_a_file(_unused_ void **state)
{
        const atomic_bool stop = true;
        struct list_reading reading;

        skip_unless_root();
        write_file("long", 300000);
        list_read(path_of("long"), 1, &none, &stop, &reading);
        assert_int_equal(reading.error, -ECANCELED);
        assert_null(reading.set);
        list_read(path_of("long"), 1, &none, NULL, &reading);
        assert_int_equal(reading.error, 0);
        hostset_free(reading.set);
}

static int make_directory(_unused_ void **state)
{
        return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(_unused_ void **state)
{
        unlink(path_of("a"));
        unlink(path_of("long"));
        return rmdir(directory);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_read_comes_back_once),
                cmocka_unit_test(each_file_waits_once_and_there_is_an_end_of_room),
                cmocka_unit_test(the_end_comes_in_the_middle_of_a_file),
        };

        return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
