/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory in the header. Programs are told apart as rules tell them (subject_same_program()), their destinations by host, or address where there is
 * none, and port and protocol. Both tables have keys that strangers choose; GLib's string hash is no defence, so they are bounded instead: the most
 * that a stranger gets is slow look-ups in a table of some thousand entries, in his own user's window.
 */
#include "gui/programs-model.h"

#include "base/macros.h"
#include "core/limits.h"
#include "wire/message.h"

enum { PROGRAMS_MAX = 4096, DESTINATIONS_MAX = 200, DESTINATIONS_ALL_MAX = 20000 };

struct _BastionProgram {
        GObject parent;
        struct subject *subject;
        struct program_amounts amounts;
        GHashTable *table;       /* key → struct program_destination, while it is put together */
        GPtrArray *destinations; /* of them, owned */
        guint64 n_more;
};

G_DEFINE_FINAL_TYPE(BastionProgram, bastion_program, G_TYPE_OBJECT)

struct _BastionProgramsModel {
        GObject parent;
        GPtrArray *programs; /* shown */
        BastionHistoryQuery *query;
        GPtrArray *coming;
        GHashTable *table; /* key → BastionProgram, borrowed from `coming` */
        guint n_destinations; /* of `coming` */
        guint64 n_left_out, n_left_out_coming;
        BastionHistoryResult result;
        char *result_words;
};

enum { PROP_LOADING = 1, N_PROPS };
static GParamSpec *props[N_PROPS];

static void list_model_init(GListModelInterface *iface);
G_DEFINE_FINAL_TYPE_WITH_CODE(BastionProgramsModel, bastion_programs_model, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE(G_TYPE_LIST_MODEL, list_model_init))

/* ---- one program ----------------------------------------------------------------------------------------------------- */

static void amounts_take(struct program_amounts *to, const struct record *r)
{
        const gint64 first_us = r->is_summary ? r->since_us : r->time_us;

        if (r->verdict == VERDICT_DENY)
                to->n_denied += r->n_connections;
        else
                to->n_allowed += r->n_connections;
        to->n_bytes += r->n_bytes;
        to->first_us = to->first_us == 0 ? first_us : MIN(to->first_us, first_us);
        to->last_us = MAX(to->last_us, r->time_us);
}

static void destination_free(gpointer data)
{
        struct program_destination *d = data;

        g_free(d->host);
        g_free(d);
}

static char *destination_key(const struct record *r)
{
        const char *host = hosts_first(&r->hosts);
        char text[ADDR_TEXT_MAX];

        return g_strdup_printf("%u %u %s", r->flow.protocol, r->flow.remote_port, host ? host : addr_format(&r->flow.remote, text));
}

/* `*n_all`: destinations of all programs. */
static void program_take(BastionProgram *p, const struct record *r, guint *n_all)
{
        g_autofree char *key = destination_key(r);
        struct program_destination *d = g_hash_table_lookup(p->table, key);

        amounts_take(&p->amounts, r);
        if (!d && (p->destinations->len >= DESTINATIONS_MAX || *n_all >= DESTINATIONS_ALL_MAX)) {
                p->n_more += r->n_connections;
                return;
        }
        if (!d) {
                ++*n_all;
                d = g_new0(struct program_destination, 1);
                d->host = g_strdup(hosts_first(&r->hosts));
                g_ptr_array_add(p->destinations, d);
                g_hash_table_insert(p->table, g_steal_pointer(&key), d);
        }
        d->flow = r->flow;
        amounts_take(&d->amounts, r);
}

static int by_connections(gconstpointer a, gconstpointer b)
{
        const struct program_amounts *x = &(*(struct program_destination *const *)a)->amounts, *y = &(*(struct program_destination *const *)b)->amounts;
        const guint64 n = x->n_allowed + x->n_denied, m = y->n_allowed + y->n_denied;

        return n < m ? 1 : n > m ? -1 : 0;
}

const struct subject *bastion_program_get_subject(BastionProgram *program)
{
        return program->subject;
}

const struct program_amounts *bastion_program_get_amounts(BastionProgram *program)
{
        return &program->amounts;
}

const struct program_destination *const *bastion_program_get_destinations(BastionProgram *program, guint *ret_n, guint64 *ret_n_more)
{
        *ret_n = program->destinations->len;
        *ret_n_more = program->n_more;
        return (const struct program_destination *const *)program->destinations->pdata;
}

static void bastion_program_finalize(GObject *object)
{
        BastionProgram *p = BASTION_PROGRAM(object);

        subject_unref(p->subject);
        g_clear_pointer(&p->table, g_hash_table_unref);
        g_ptr_array_unref(p->destinations);
        G_OBJECT_CLASS(bastion_program_parent_class)->finalize(object);
}

static void bastion_program_class_init(BastionProgramClass *class)
{
        G_OBJECT_CLASS(class)->finalize = bastion_program_finalize;
}

static void bastion_program_init(BastionProgram *p)
{
        p->table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        p->destinations = g_ptr_array_new_with_free_func(destination_free);
}

/* ---- all of them ----------------------------------------------------------------------------------------------------- */

static char *program_key(const struct subject *s)
{
        return g_strdup_printf("%d %d %d %u %s", s->kind, s->path_deleted, s->path_foreign, s->uid, s->path[0] ? s->path : s->name);
}

static void on_record(struct record *record, gpointer userdata)
{
        BastionProgramsModel *model = userdata;
        g_autofree char *key = program_key(record->subject);
        BastionProgram *program = g_hash_table_lookup(model->table, key);

        if (!program && model->coming->len >= PROGRAMS_MAX) {
                model->n_left_out_coming += record->n_connections;
                record_deinit(record);
                return;
        }
        if (!program) {
                program = g_object_new(BASTION_TYPE_PROGRAM, NULL);
                program->subject = subject_ref(record->subject);
                g_ptr_array_add(model->coming, program);
                g_hash_table_insert(model->table, g_steal_pointer(&key), program);
        }
        program_take(program, record, &model->n_destinations);
        record_deinit(record);
}

static int by_last_seen(gconstpointer a, gconstpointer b)
{
        const BastionProgram *x = *(BastionProgram *const *)a, *y = *(BastionProgram *const *)b;

        return x->amounts.last_us < y->amounts.last_us ? 1 : x->amounts.last_us > y->amounts.last_us ? -1 : 0;
}

static void on_end(BastionHistoryResult result, const char *words, gpointer userdata)
{
        BastionProgramsModel *model = userdata;
        g_autoptr(GPtrArray) before = g_steal_pointer(&model->programs);

        model->query = NULL;
        model->result = result;
        g_free(model->result_words);
        model->result_words = g_strdup(words);
        g_clear_pointer(&model->table, g_hash_table_unref);
        model->programs = g_steal_pointer(&model->coming);
        model->n_left_out = model->n_left_out_coming;
        for (guint i = 0; i < model->programs->len; i++) {
                BastionProgram *program = model->programs->pdata[i];

                g_clear_pointer(&program->table, g_hash_table_unref);
                g_ptr_array_sort(program->destinations, by_connections);
        }
        g_ptr_array_sort(model->programs, by_last_seen);
        g_list_model_items_changed(G_LIST_MODEL(model), 0, before->len, model->programs->len);
        g_object_notify_by_pspec(G_OBJECT(model), props[PROP_LOADING]);
}

static void forget_query(BastionProgramsModel *model)
{
        bastion_history_query_cancel(model->query);
        model->query = NULL;
        g_clear_pointer(&model->table, g_hash_table_unref);
        g_clear_pointer(&model->coming, g_ptr_array_unref);
}

void bastion_programs_model_search(BastionProgramsModel *model, const char *folder, gint64 since_us)
{
        g_autofree char *since = g_strdup_printf("since=%" G_GINT64_FORMAT, since_us);
        const char *const words[] = { "fold", since, NULL };

        forget_query(model);
        model->n_left_out_coming = 0;
        model->n_destinations = 0;
        model->coming = g_ptr_array_new_with_free_func(g_object_unref);
        model->table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        model->query = bastion_history_query_start(folder, LIMIT_HISTORY_ROWS, words, on_record, on_end, model);
        g_object_notify_by_pspec(G_OBJECT(model), props[PROP_LOADING]);
}

gboolean bastion_programs_model_is_loading(BastionProgramsModel *model)
{
        return model->query != NULL;
}

BastionHistoryResult bastion_programs_model_get_result(BastionProgramsModel *model, const char **ret_words)
{
        *ret_words = model->result_words ? model->result_words : "";
        return model->result;
}

guint64 bastion_programs_model_get_n_left_out(BastionProgramsModel *model)
{
        return model->n_left_out;
}

/* ---- GListModel and GObject ------------------------------------------------------------------------------------------ */

static GType get_item_type(_unused_ GListModel *list)
{
        return BASTION_TYPE_PROGRAM;
}

static guint get_n_items(GListModel *list)
{
        return BASTION_PROGRAMS_MODEL(list)->programs->len;
}

static gpointer get_item(GListModel *list, guint position)
{
        GPtrArray *programs = BASTION_PROGRAMS_MODEL(list)->programs;

        return position < programs->len ? g_object_ref(programs->pdata[position]) : NULL;
}

static void list_model_init(GListModelInterface *iface)
{
        iface->get_item_type = get_item_type;
        iface->get_n_items = get_n_items;
        iface->get_item = get_item;
}

static void bastion_programs_model_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
        if (id == PROP_LOADING)
                g_value_set_boolean(value, bastion_programs_model_is_loading(BASTION_PROGRAMS_MODEL(object)));
        else
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void bastion_programs_model_finalize(GObject *object)
{
        BastionProgramsModel *model = BASTION_PROGRAMS_MODEL(object);

        forget_query(model);
        g_ptr_array_unref(model->programs);
        g_free(model->result_words);
        G_OBJECT_CLASS(bastion_programs_model_parent_class)->finalize(object);
}

static void bastion_programs_model_class_init(BastionProgramsModelClass *class)
{
        GObjectClass *object_class = G_OBJECT_CLASS(class);

        object_class->get_property = bastion_programs_model_get_property;
        object_class->finalize = bastion_programs_model_finalize;
        props[PROP_LOADING] = g_param_spec_boolean("loading", NULL, NULL, FALSE, G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);
        g_object_class_install_properties(object_class, N_PROPS, props);
}

static void bastion_programs_model_init(BastionProgramsModel *model)
{
        model->programs = g_ptr_array_new_with_free_func(g_object_unref);
}

BastionProgramsModel *bastion_programs_model_new(void)
{
        return g_object_new(BASTION_TYPE_PROGRAMS_MODEL, NULL);
}
