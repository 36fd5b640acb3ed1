/* Which people an activity concerns: those who bear the address of who takes part in it. A link is
 * added after what it belongs to, is looked for before, and is never taken away. */
#include "links.h"

#include <stdlib.h>
#include <string.h>

#include "keys.h"

#define PATH "activity/activity_links.api"
#define ADDRESSES_AT_ONCE 49u /* two people for each fit into one page */
#define LINKS_MOST 500u       /* of one record, as of one mail */

static const char *const person_columns[] = {
    "id", "type", "main_location[email]", "main_location[alternate_email]", "home_location[email]",
    NULL};
static const char *const link_columns[] = {"id",          "activity_id",   "activity_type",
                                           "resource_id", "resource_type", NULL};

struct link {
    size_t op;
    const char *id, *type, *person, *person_type;
    bool there;
};
struct linking {
    struct wb_table *t;
    const char *const *fields;
    const char **addresses; /* folded, each once */
    size_t n, cap;
    json_t *people;     /* rows, several times the same perhaps */
    struct wess_vec of; /* struct link */
    bool refused, lost; /* not all of them were taken; none could be made */
    bool cut;           /* a record has more of them than LINKS_MOST */
};

static const char *id_of(const struct wb_table *t, size_t op)
{
    return t->out[op].id ? t->out[op].id : wb_id_of(&t->ops[op]);
}

static bool is_written(const struct wb_table *t, size_t op)
{
    return t->ops[op].what != WESS_DELETE && t->out[op].code == WESS_OK;
}

static bool is_listed(const struct linking *l, const char *address)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->addresses[i], address))
            return true;
    return false;
}

static bool is_field(const struct linking *l, const char *name)
{
    for (size_t i = 0; l->fields[i]; i++)
        if (!strcmp(l->fields[i], name))
            return true;
    return false;
}

/* Calls `each` with every address of the fields of an operation; their keys are folded. */
static bool each_address(struct linking *l, size_t op,
                         bool (*each)(struct linking *, size_t op, const char *address))
{
    const struct wess_item *item = &l->t->ops[op].item;
    for (size_t i = 0; i < item->n_fields; i++) {
        const struct wess_field *f = &item->fields[i];
        if (f->type != WESS_RECORDS || !is_field(l, f->name))
            continue;
        for (size_t k = 0; k < f->records.n; k++)
            if (*f->records.of[k].key && !each(l, op, f->records.of[k].key))
                return false;
    }
    return true;
}

static bool collect(struct linking *l, size_t op, const char *address)
{
    (void)op;
    if (is_listed(l, address))
        return true;
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        const char **more = l->t->call->conn->host->alloc(l->t->call->arena, cap * sizeof(*more));
        if (!more)
            return false;
        if (l->n)
            memcpy(more, l->addresses, l->n * sizeof(*more));
        l->addresses = more;
        l->cap = cap;
    }
    l->addresses[l->n++] = address;
    return true;
}

static enum wess_code find_people(struct linking *l)
{
    struct wess_call *call = l->t->call;
    enum wess_code rc = WESS_OK;
    for (size_t at = 0; rc == WESS_OK && at < l->n; at += ADDRESSES_AT_ONCE)
        for (size_t c = 2; rc == WESS_OK && person_columns[c]; c++) {
            size_t some = l->n - at < ADDRESSES_AT_ONCE ? l->n - at : ADDRESSES_AT_ONCE;
            rc = wb_rows_all(call, wb_person_kind.path, person_columns[c], l->addresses + at, some,
                             person_columns, l->people);
        }
    return rc;
}

static bool bears(struct linking *l, const json_t *row, const char *address)
{
    for (size_t c = 2; person_columns[c]; c++) {
        const char *text = json_string_value(json_object_get(row, person_columns[c]));
        const char *fold = text ? l->t->call->conn->host->fold(l->t->call->arena, text) : NULL;
        l->t->spent |= text && !fold;
        if (fold && !strcmp(fold, address))
            return true;
    }
    return false;
}

static bool add_link(struct linking *l, size_t op, const json_t *row)
{
    const struct wess_host *h = l->t->call->conn->host;
    struct link *all = l->of.of;
    char number[24];
    const char *id = wb_text(row, "id", number);
    const char *type = json_string_value(json_object_get(row, "type"));
    size_t own = 0; /* those of one operation stand together */
    if (!id || !type || !l->t->types[op])
        return true;
    for (size_t i = l->of.n; i && all[i - 1].op == op; i--, own++)
        if (!strcmp(all[i - 1].person, id))
            return true;
    if (own == LINKS_MOST) {
        if (!l->cut)
            h->log(h->ctx, WESS_LOG_WARN,
                   "workbooks: a record is related to %u people and no more; who lacks may be "
                   "added there by hand",
                   LINKS_MOST);
        l->cut = true;
        return true;
    }
    struct link *link = wess_vec_push(h, l->t->call->arena, &l->of);
    if (!link)
        return false;
    *link = (struct link){.op = op,
                          .id = id_of(l->t, op),
                          .type = l->t->types[op],
                          .person = wess_arena_text(h, l->t->call->arena, id),
                          .person_type = wess_arena_text(h, l->t->call->arena, type)};
    return link->person && link->person_type;
}

static bool tie(struct linking *l, size_t op, const char *address)
{
    for (size_t i = 0; i < json_array_size(l->people); i++) {
        const json_t *row = json_array_get(l->people, i);
        if (bears(l, row, address) && !add_link(l, op, row))
            return false;
    }
    return !l->t->spent;
}

/* ---- those that are there already
 * ------------------------------------------------------------------------------------------ */

static bool is_of(const json_t *row, const char *column, const char *value)
{
    char number[24];
    const char *text = wb_text(row, column, number);
    return text && !strcmp(text, value);
}

/* Those that a row stands for, of the n links of one activity. */
static void mark_row(const json_t *row, struct link *of, size_t n)
{
    for (size_t k = 0; k < n; k++)
        of[k].there |= is_of(row, "activity_id", of[k].id) &&
                       is_of(row, "activity_type", of[k].type) &&
                       is_of(row, "resource_id", of[k].person) &&
                       is_of(row, "resource_type", of[k].person_type);
}

static enum wess_code mark_of(struct wess_call *call, struct link *of, size_t n)
{
    json_t *rows = json_array();
    enum wess_code rc = rows
                            ? wb_rows_all(call, PATH, "activity_id", &of->id, 1, link_columns, rows)
                            : WESS_TOO_BIG;
    for (size_t r = 0; rc == WESS_OK && r < json_array_size(rows); r++)
        mark_row(json_array_get(rows, r), of, n);
    json_decref(rows);
    return rc;
}

static enum wess_code mark_there(struct linking *l)
{
    struct link *of = l->of.of;
    enum wess_code rc = WESS_OK;
    /* One activity at a time: how many links it has nobody can tell. */
    for (size_t i = 0, n; rc == WESS_OK && i < l->of.n; i += n) {
        for (n = 1; i + n < l->of.n && of[i + n].op == of[i].op; n++)
            ;
        rc = mark_of(l->t->call, of + i, n);
    }
    return rc;
}

/* ---- adding
 * ------------------------------------------------------------------------------------------ */

static size_t link_form(const struct link *of, size_t n, struct form *f)
{
    size_t sent = 0;
    form_add(f, "_per_object_transactions", "true");
    form_add(f, "_fm", "or");
    for (size_t i = 0; i < n; i++) {
        if (of[i].there)
            continue;
        form_add(f, "_ff[]", "id");
        form_add(f, "_ft[]", "eq");
        form_add(f, "_fc[]", "0");
        sent++;
    }
    for (size_t i = 0; i < n; i++) {
        if (of[i].there)
            continue;
        form_add(f, "__method[]", "POST");
        form_add(f, "id[]", "0");
        form_add(f, "lock_version[]", "0");
        form_add(f, "activity_id[]", of[i].id);
        form_add(f, "activity_type[]", of[i].type);
        form_add(f, "resource_id[]", of[i].person);
        form_add(f, "resource_type[]", of[i].person_type);
    }
    return sent;
}

static bool was_taken(const json_t *answer)
{
    const json_t *infos = json_object_get(answer, "affected_object_information");
    bool ok = json_is_true(json_object_get(answer, "success"));
    for (size_t i = 0; i < json_array_size(infos); i++)
        ok &= !json_is_false(json_object_get(json_array_get(infos, i), "success"));
    return ok;
}

static enum wess_code add_some(struct linking *l, const struct link *of, size_t n)
{
    struct wess_call *call = l->t->call;
    struct form f = {0};
    json_t *answer = NULL;
    enum wess_code rc = wb_begin(call, "PUT", &f);
    size_t sent = rc == WESS_OK ? link_form(of, n, &f) : 0;
    if (sent)
        rc = wb_post(call, PATH, &f, true, &answer);
    form_fini(&f);
    l->refused |= rc == WESS_OK && sent && !was_taken(answer);
    if (l->refused)
        call->conn->host->log(call->conn->host->ctx, WESS_LOG_WARN,
                              "workbooks: %zu links of %s to people were not all taken", sent,
                              l->t->kind->collection);
    json_decref(answer);
    return rc;
}

static enum wess_code add_all(struct linking *l)
{
    enum wess_code rc = WESS_OK;
    const struct link *of = l->of.of;
    for (size_t at = 0; rc == WESS_OK && at < l->of.n; at += WB_BATCH) {
        size_t some = l->of.n - at < WB_BATCH ? l->of.n - at : WB_BATCH;
        rc = add_some(l, of + at, some);
    }
    return rc;
}

/* Only a create shows every column. */
enum wess_code wb_learn_types(struct wb_table *t)
{
    static const char *const columns[] = {"id", "type", NULL};
    struct wess_call *call = t->call;
    const char **ids = call->conn->host->alloc(call->arena, (t->n + 1) * sizeof(*ids));
    json_t *rows = NULL;
    size_t n = 0;
    for (size_t i = 0; ids && i < t->n; i++)
        if (is_written(t, i) && !t->types[i])
            ids[n++] = id_of(t, i);
    if (!ids || !n)
        return ids ? WESS_OK : WESS_TOO_BIG;
    enum wess_code rc = wb_rows_of(call, t->kind->path, "id", ids, n, columns, &rows);
    for (size_t r = 0; r < json_array_size(rows); r++)
        for (size_t i = 0; i < t->n; i++) {
            const json_t *row = json_array_get(rows, r);
            const char *type = json_string_value(json_object_get(row, "type"));
            if (!type || !is_written(t, i) || t->types[i] || !is_of(row, "id", id_of(t, i)))
                continue;
            t->types[i] = wess_arena_text(call->conn->host, call->arena, type);
            t->spent |= !t->types[i];
        }
    json_decref(rows);
    return t->spent ? WESS_TOO_BIG : rc;
}

/* What was written stands without them: they are made up for as if those people came later. */
static void tell(struct wess_call *call)
{
    const struct wess_host *h = call->conn->host;
    h->log(h->ctx, WESS_LOG_WARN, "workbooks: not everything written was related to people: %s",
           call->error.text);
}

/* ---- who is nobody yet
 * ------------------------------------------------------------------------------------------ */

static bool is_somebody(struct linking *l, const char *address)
{
    for (size_t i = 0; i < json_array_size(l->people); i++)
        if (bears(l, json_array_get(l->people, i), address))
            return true;
    return false;
}

static bool miss(struct linking *l, size_t op, const char *address)
{
    struct wess_result *out = &l->t->out[op];
    struct wess_unmet *of = (struct wess_unmet *)(uintptr_t)out->unmet; /* of miss_all() */
    if (out->n_unmet < LINKS_MOST && (l->lost || !is_somebody(l, address)))
        of[out->n_unmet++] =
            (struct wess_unmet){"people", {"email", address}, l->lost ? WESS_UNMET_UNSURE : 0};
    return !l->t->spent;
}

/* The core tells when they are there. Where they could not be tied, that counts for all of them. */
static bool miss_all(struct linking *l)
{
    const struct wess_host *h = l->t->call->conn->host;
    for (size_t i = 0; i < l->t->n; i++) {
        if (!is_written(l->t, i))
            continue;
        l->t->out[i].unmet = h->alloc(l->t->call->arena, (l->n + 1) * sizeof(struct wess_unmet));
        if (!l->t->out[i].unmet || !each_address(l, i, miss))
            return false;
    }
    return true;
}

static enum wess_code tie_all(struct linking *l)
{
    struct wb_table *t = l->t;
    l->people = json_array();
    enum wess_code rc = l->people ? find_people(l) : WESS_TOO_BIG;
    if (rc == WESS_OK && json_array_size(l->people))
        rc = wb_learn_types(t);
    for (size_t i = 0; rc == WESS_OK && i < t->n; i++)
        if (is_written(t, i) && !each_address(l, i, tie))
            rc = WESS_TOO_BIG;
    if (rc == WESS_OK && l->of.n)
        rc = mark_there(l);
    return rc == WESS_OK ? add_all(l) : rc;
}

enum wess_code wb_link_people(struct wb_table *t, const char *const *fields)
{
    struct linking l = {.t = t, .fields = fields, .of = {.size = sizeof(struct link)}};
    bool ok = true;
    for (size_t i = 0; ok && i < t->n; i++)
        ok = !is_written(t, i) || each_address(&l, i, collect);
    if (ok && !l.n)
        return WESS_OK;
    enum wess_code rc = ok ? tie_all(&l) : WESS_TOO_BIG;
    l.lost = rc != WESS_OK;
    if (rc != WESS_OK)
        tell(t->call);
    ok = ok && miss_all(&l);
    json_decref(l.people);
    if (rc == WESS_BROKEN) { /* it does not know such links at all */
        t->call->error = (struct wess_error){0};
        rc = WESS_OK;
    }
    return rc == WESS_OK && !ok ? WESS_TOO_BIG : rc;
}

/* ---- who came later
 * ------------------------------------------------------------------------------------------ */

/* Class names are those that the records say of themselves. */
static enum wess_code types_of(struct wess_call *call, const char *path, const char *const *ids,
                               size_t n, const char **out)
{
    static const char *const columns[] = {"id", "type", NULL};
    json_t *rows = NULL;
    enum wess_code rc = wb_rows_of(call, path, "id", ids, n, columns, &rows);
    for (size_t r = 0; r < json_array_size(rows); r++) {
        const json_t *row = json_array_get(rows, r);
        const char *type = json_string_value(json_object_get(row, "type"));
        for (size_t i = 0; type && i < n; i++)
            if (is_of(row, "id", ids[i]) && !out[i])
                out[i] = wess_arena_text(call->conn->host, call->arena, type);
    }
    json_decref(rows);
    return rc;
}

static int by_activity(const void *a, const void *b)
{
    const struct link *x = a, *y = b;
    int order = strcmp(x->id, y->id);
    return order ? order : strcmp(x->person, y->person);
}

/* Side by side by their activity, as mark_there() wants them; the same one is tied once. */
static void sort_links(struct wess_vec *links)
{
    struct link *of = links->of;
    size_t kept = 0;
    qsort(of, links->n, sizeof(*of), by_activity);
    for (size_t i = 0; i < links->n; i++) {
        bool same = kept && !strcmp(of[i].id, of[kept - 1].id);
        if (same && !strcmp(of[i].person, of[kept - 1].person))
            continue;
        of[i].op = same ? of[kept - 1].op : kept;
        of[kept++] = of[i];
    }
    links->n = kept;
}

/* What is there no more is tied to nobody. */
static enum wess_code relate_some(struct wess_call *call, const struct wess_relation *of, size_t n,
                                  struct wess_result *out)
{
    const struct wess_host *h = call->conn->host;
    struct wb_table t = {.call = call, .kind = wb_kind_of(call)};
    struct linking l = {.t = &t, .of = {.size = sizeof(struct link)}};
    const char **ids = h->alloc(call->arena, 4 * n * sizeof(*ids));
    if (!ids)
        return WESS_TOO_BIG;
    const char **people = ids + n, **types = ids + 2 * n, **person_types = ids + 3 * n;
    for (size_t i = 0; i < n; i++) {
        ids[i] = of[i].id;
        people[i] = of[i].to.id;
    }
    enum wess_code rc = types_of(call, t.kind->path, ids, n, types);
    if (rc == WESS_OK)
        rc = types_of(call, wb_person_kind.path, people, n, person_types);
    for (size_t i = 0; rc == WESS_OK && i < n; i++) {
        struct link *link =
            types[i] && person_types[i] ? wess_vec_push(h, call->arena, &l.of) : NULL;
        out[i].code = types[i] && person_types[i] ? WESS_OK : WESS_GONE;
        if (link)
            *link = (struct link){i, ids[i], types[i], people[i], person_types[i], false};
        else if (out[i].code == WESS_OK)
            rc = WESS_TOO_BIG;
    }
    if (rc == WESS_OK && l.of.n) {
        sort_links(&l.of);
        rc = mark_there(&l);
    }
    return rc == WESS_OK ? add_all(&l) : rc;
}

enum wess_code wb_relate(struct wess_call *call, const struct wess_relation *of, size_t n,
                         struct wess_result *out)
{
    enum wess_code rc = WESS_OK;
    bool wanted =
        wb_kind_of(call) == &wb_email_kind ? call->conn->link_people : call->conn->link_attendees;
    for (size_t i = 0; i < n && !wanted; i++)
        out[i].code = WESS_REJECTED;
    for (size_t at = 0; wanted && rc == WESS_OK && at < n; at += WB_PAGE / 2) {
        size_t some = n - at < WB_PAGE / 2 ? n - at : WB_PAGE / 2;
        rc = relate_some(call, of + at, some, out + at);
        for (size_t i = 0; rc != WESS_OK && i < some; i++)
            out[at + i].code = rc == WESS_BROKEN ? WESS_REJECTED : WESS_UNKNOWN;
    }
    return wb_told(call, rc);
}
