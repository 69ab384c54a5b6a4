/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory in the header. Two tables find what is there already: programs by what makes them one (subject_same_program()), connections by their flow. */
#include "gui/talk.h"

#include <string.h>

#include "gui/panel-text.h"
#include "gui/rates.h"

struct _BastionTalk {
        GObject parent;
        GListStore *children;      /* of a program, else NULL */
        BastionTalk *program;      /* of a connection; borrowed: it lives as long as that has children */
        struct connection connection;
        struct boottime at;        /* when the connection was told */
        uint64_t rate_in, rate_out;
        bool seen;                 /* in the state that is being carried over */
};

static guint signal_changed;

G_DEFINE_FINAL_TYPE(BastionTalk, bastion_talk, G_TYPE_OBJECT)

struct _BastionTalks {
        GObject parent;
        GListStore *programs;
        GHashTable *connections; /* flow → BastionTalk, both borrowed: the flow is the talk's */
};

G_DEFINE_FINAL_TYPE(BastionTalks, bastion_talks, G_TYPE_OBJECT)

/* ---- one ------------------------------------------------------------------------------------------------------------------- */

GListModel *bastion_talk_get_children(BastionTalk *talk)
{
        return talk->children ? G_LIST_MODEL(talk->children) : NULL;
}

static BastionTalk *child(BastionTalk *program, guint i)
{
        g_autoptr(BastionTalk) talk = g_list_model_get_item(G_LIST_MODEL(program->children), i);

        return talk; /* the list holds it */
}

static guint n_children(BastionTalk *program)
{
        return g_list_model_get_n_items(G_LIST_MODEL(program->children));
}

const struct connection *bastion_talk_get_connection(BastionTalk *talk)
{
        return &talk->connection;
}

uint64_t bastion_talk_get_rate_in(BastionTalk *talk)
{
        return talk->rate_in;
}

uint64_t bastion_talk_get_rate_out(BastionTalk *talk)
{
        return talk->rate_out;
}

static char *words_of(BastionTalk *talk)
{
        const struct connection *c = &talk->connection;
        g_autofree char *name = panel_program_name(c->subject), *path = panel_program_path(c->subject), *place = panel_place(&c->flow, hosts_first(&c->hosts)),
                        *details = panel_flow_details(c);
        g_autofree char *all = g_strjoin(" ", name, path, place, details, NULL);

        return g_utf8_strdown(all, -1);
}

static bool one_has_words(BastionTalk *talk, char **words)
{
        g_autofree char *text = words_of(talk);

        for (; *words; words++)
                if (!strstr(text, *words))
                        return false;
        return true;
}

bool bastion_talk_has_words(BastionTalk *talk, const char *words)
{
        g_auto(GStrv) each = g_strsplit(words, " ", -1);

        if (!talk->children)
                return one_has_words(talk, each);
        for (guint i = 0; i < n_children(talk); i++)
                if (one_has_words(child(talk, i), each))
                        return true;
        return false;
}

static void bastion_talk_finalize(GObject *object)
{
        BastionTalk *talk = BASTION_TALK(object);

        g_clear_object(&talk->children);
        connection_deinit(&talk->connection);
        G_OBJECT_CLASS(bastion_talk_parent_class)->finalize(object);
}

static void bastion_talk_class_init(BastionTalkClass *class)
{
        G_OBJECT_CLASS(class)->finalize = bastion_talk_finalize;
        signal_changed = g_signal_new("changed", BASTION_TYPE_TALK, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void bastion_talk_init(_unused_ BastionTalk *talk)
{
}

/* ---- all ------------------------------------------------------------------------------------------------------------------- */

static guint flow_hash(gconstpointer key)
{
        const struct flow *flow = key;
        guint hash = flow->protocol * 31U + flow->local_port;

        for (size_t i = 0; i < sizeof(flow->remote.bytes); i++)
                hash = hash * 31 + flow->remote.bytes[i];
        return hash * 31 + flow->remote_port;
}

static gboolean flows_equal(gconstpointer a, gconstpointer b)
{
        return flow_equal(a, b);
}

static int compare_programs(gconstpointer a, gconstpointer b, _unused_ gpointer userdata)
{
        const struct subject *of_a = ((const BastionTalk *)a)->connection.subject, *of_b = ((const BastionTalk *)b)->connection.subject;
        int order = g_utf8_collate(subject_display_name(of_a), subject_display_name(of_b));

        return order ? order : strcmp(of_a->path, of_b->path);
}

/* What a program shows is its first connection's subject; copies that alone. */
static void set_subject(BastionTalk *program, struct subject *subject)
{
        struct subject *old = program->connection.subject;

        program->connection.subject = subject_ref(subject);
        subject_unref(old);
}

static BastionTalk *find_program(BastionTalks *talks, struct subject *subject)
{
        BastionTalk *program;

        for (guint i = 0; i < g_list_model_get_n_items(G_LIST_MODEL(talks->programs)); i++) {
                g_autoptr(BastionTalk) other = g_list_model_get_item(G_LIST_MODEL(talks->programs), i);

                if (subject_same_program(other->connection.subject, subject))
                        return other;
        }
        program = g_object_new(BASTION_TYPE_TALK, NULL);
        program->children = g_list_store_new(BASTION_TYPE_TALK);
        set_subject(program, subject);
        g_list_store_insert_sorted(talks->programs, program, compare_programs, NULL);
        g_object_unref(program);
        return program;
}

static void set_rates(BastionTalk *talk, const struct connection *now, struct boottime at)
{
        uint64_t ns = boottime_left(at, talk->at);

        talk->rate_in = talk->rate_out = 0;
        if (!now->has_bytes || !talk->connection.has_bytes)
                return;
        rate_between(talk->connection.bytes_in, now->bytes_in, ns, &talk->rate_in);
        rate_between(talk->connection.bytes_out, now->bytes_out, ns, &talk->rate_out);
}

/* The connection's content moves into the object. */
static void take_connection(BastionTalks *talks, BastionTalk *talk, struct connection *connection, struct boottime now)
{
        g_hash_table_steal(talks->connections, &talk->connection.flow); /* the key is in what goes now */
        connection_deinit(&talk->connection);
        talk->connection = *connection;
        *connection = (struct connection){ 0 };
        talk->at = now;
        talk->seen = true;
        g_hash_table_insert(talks->connections, &talk->connection.flow, talk);
}

static void remove_connection(BastionTalks *talks, BastionTalk *talk)
{
        guint i;

        g_hash_table_steal(talks->connections, &talk->connection.flow);
        if (g_list_store_find(talk->program->children, talk, &i))
                g_list_store_remove(talk->program->children, i);
}

static void add_connection(BastionTalks *talks, struct connection *connection, struct boottime now)
{
        BastionTalk *program = find_program(talks, connection->subject);
        g_autoptr(BastionTalk) talk = g_object_new(BASTION_TYPE_TALK, NULL);

        talk->program = program;
        talk->connection = *connection;
        *connection = (struct connection){ 0 };
        talk->at = now;
        talk->seen = true;
        g_hash_table_insert(talks->connections, &talk->connection.flow, talk);
        g_list_store_append(program->children, talk);
}

/* The program's sums, and what did not come again. False: nothing is left of it. */
static bool settle(BastionTalks *talks, BastionTalk *program)
{
        program->rate_in = program->rate_out = 0;
        for (guint i = n_children(program); i-- > 0;) {
                BastionTalk *talk = child(program, i);

                if (!talk->seen) {
                        g_hash_table_steal(talks->connections, &talk->connection.flow);
                        g_list_store_remove(program->children, i);
                        continue;
                }
                talk->seen = false;
                program->rate_in += talk->rate_in;
                program->rate_out += talk->rate_out;
                g_signal_emit(talk, signal_changed, 0);
        }
        if (n_children(program) == 0)
                return false;
        set_subject(program, child(program, 0)->connection.subject);
        g_signal_emit(program, signal_changed, 0);
        return true;
}

void bastion_talks_update(BastionTalks *talks, struct connection *connections, size_t n, struct boottime now)
{
        for (size_t i = 0; i < n; i++) {
                BastionTalk *talk = g_hash_table_lookup(talks->connections, &connections[i].flow);

                if (talk && talk->seen)
                        continue; /* told twice */
                if (talk && !subject_same_program(talk->connection.subject, connections[i].subject)) {
                        remove_connection(talks, talk); /* handed over to another program */
                        talk = NULL;
                }
                if (talk) {
                        set_rates(talk, &connections[i], now);
                        take_connection(talks, talk, &connections[i], now);
                } else {
                        add_connection(talks, &connections[i], now);
                }
        }
        for (guint i = g_list_model_get_n_items(G_LIST_MODEL(talks->programs)); i-- > 0;) {
                g_autoptr(BastionTalk) program = g_list_model_get_item(G_LIST_MODEL(talks->programs), i);

                if (!settle(talks, program))
                        g_list_store_remove(talks->programs, i);
        }
}

GListModel *bastion_talks_get_programs(BastionTalks *talks)
{
        return G_LIST_MODEL(talks->programs);
}

unsigned bastion_talks_get_n_connections(BastionTalks *talks)
{
        return g_hash_table_size(talks->connections);
}

static void bastion_talks_finalize(GObject *object)
{
        BastionTalks *talks = BASTION_TALKS(object);

        g_hash_table_unref(talks->connections);
        g_object_unref(talks->programs);
        G_OBJECT_CLASS(bastion_talks_parent_class)->finalize(object);
}

static void bastion_talks_class_init(BastionTalksClass *class)
{
        G_OBJECT_CLASS(class)->finalize = bastion_talks_finalize;
}

static void bastion_talks_init(BastionTalks *talks)
{
        talks->programs = g_list_store_new(BASTION_TYPE_TALK);
        talks->connections = g_hash_table_new(flow_hash, flows_equal);
}

BastionTalks *bastion_talks_new(void)
{
        return g_object_new(BASTION_TYPE_TALKS, NULL);
}
