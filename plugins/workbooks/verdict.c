/* Writing: what Workbooks says became of each record of a batch. */
#include <string.h>
#include <strings.h>

#include "write.h"

static const char *field_of_column(const struct wb_table *t, const char *column)
{
    size_t n;
    const struct wb_field *rows = wb_rows(t->call->conn, t->kind, &n);
    if (!strcmp(column, WB_EMPLOYER))
        return "org";
    for (size_t i = 0; i < n; i++)
        if (!strcmp(rows[i].column, column))
            return rows[i].name;
    return NULL;
}

static bool is_stale(const char *text)
{
    return text && strstr(text, "already been updated elsewhere") != NULL;
}

/* What an errors object says: {"[]": {column: text}}, {column: text} or {column: [text]}. */
static void take_errors(struct wb_table *t, size_t op, const json_t *errors, bool *stale)
{
    const char *column;
    json_t *value;
    if (json_is_string(errors))
        *stale |= is_stale(json_string_value(errors));
    if (!json_is_object(errors))
        return;
    json_object_foreach((json_t *)(uintptr_t)errors, column, value)
    {
        const char *text =
            json_string_value(json_is_array(value) ? json_array_get(value, 0) : value);
        const char *field = field_of_column(t, column);
        *stale |= is_stale(text);
        if (json_is_object(value))
            take_errors(t, op, value, stale);
        else if (field && t->ops[op].what != WESS_DELETE)
            /* The remote's words may quote the value: only the field is told. */
            wb_refuse(t, op, field, "Workbooks refuses this value", "validation");
        else if (!t->out[op].text)
            t->out[op].text = "Workbooks refuses this record";
    }
}

static bool mentions_failure(const json_t *failures, bool *stale)
{
    if (json_is_string(failures))
        *stale |= is_stale(json_string_value(failures));
    for (size_t i = 0; json_is_array(failures) && i < json_array_size(failures); i++)
        mentions_failure(json_array_get(failures, i), stale);
    if (json_is_object(failures)) {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)failures, key, value)
            mentions_failure(value, stale);
    }
    return *stale;
}

/* What the whole answer says; the arrays have an element for each record sent, or are NULL. */
struct verdict {
    const json_t *rows, *infos, *errors;
    bool whole, stale; /* everything that is not named was done; somebody's lock_version was old */
    size_t sent;
};

/* `errors`: what is said of this record outside of its information. A record of which no reason is
 * told takes that of the whole. */
static void failed(struct wb_table *t, size_t op, const json_t *info, const json_t *errors,
                   bool stale_above)
{
    bool stale = false;
    struct wess_result *r = &t->out[op];
    r->n_refused = 0;
    take_errors(t, op, json_object_get(info, "errors"), &stale);
    take_errors(t, op, errors, &stale);
    mentions_failure(json_object_get(info, "failures"), &stale);
    stale |= stale_above && !r->n_refused && !r->text;
    const char *text = r->text;
    r->code = stale ? WESS_CONFLICT : WESS_REJECTED;
    if (!stale && !text)
        r->text = "Workbooks refuses this record";
    for (size_t i = 0; i < json_array_size(json_object_get(info, "message")); i++) {
        const json_t *m = json_array_get(json_object_get(info, "message"), i);
        const char *title = json_string_value(json_object_get(m, "title"));
        if (title && !strcasecmp(title, "inaccessible"))
            r->code = WESS_GONE;
    }
    if (r->code == WESS_REJECTED && json_is_true(json_object_get(info, "inaccessible")))
        r->code = WESS_GONE;
}

void wb_done(struct wb_table *t, size_t op, const json_t *row)
{
    const struct wess_host *h = t->call->conn->host;
    struct wess_result *r = &t->out[op];
    char number[24], lock[24], type[24];
    const char *id = wb_text(row, "id", number), *rev = wb_text(row, "lock_version", lock);
    bool create = t->ops[op].what == WESS_CREATE;
    bool is_id = id && *id >= '1' && *id <= '9';
    if (!is_id || (!create && strcmp(id, wb_id_of(&t->ops[op])))) {
        r->code = WESS_UNKNOWN; /* said to be done, but not what */
        return;
    }
    r->id = wess_arena_text(h, t->call->arena, id);
    r->revision = wess_arena_text(h, t->call->arena, rev);
    t->types[op] = wess_arena_text(h, t->call->arena, wb_text(row, "type", type));
    r->code = r->id ? WESS_OK : WESS_UNKNOWN;
    if (!create)
        return;
    struct wess_item *item = h->alloc(t->call->arena, sizeof(*item));
    if (item && wb_item(t->call, row, true, item) == WESS_OK)
        r->current = item;
}

/* The verdict rule of the vendor's bindings: a record is done unless something says that it is not.
 */
static bool is_ok(const json_t *info)
{
    const json_t *success = json_object_get(info, "success"),
                 *errors = json_object_get(info, "errors");
    if (json_is_false(success))
        return false;
    return !(json_is_object(errors) && json_object_size(errors)) &&
           !(json_is_array(errors) && json_array_size(errors));
}

static const json_t *one_each(const json_t *answer, const char *name, size_t n)
{
    const json_t *of = json_object_get(answer, name);
    return json_array_size(of) == n ? of : NULL;
}

/* All or nothing, and nobody is named: a smaller batch will tell. */
static enum wess_code nobody(struct wb_table *t, const struct verdict *v, const json_t *answer)
{
    for (size_t i = 0; i < t->n; i++)
        if (wb_is_sent(t, i) && v->sent == 1)
            failed(t, i, NULL, json_object_get(answer, "errors"), v->stale);
        else if (wb_is_sent(t, i))
            t->out[i].code = WESS_NOT_TRIED;
    return v->sent == 1 ? WESS_OK
                        : wess_fail(&t->call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL,
                                    "Workbooks refuses the batch and names no record");
}

/* How many records it blames. */
static size_t read_each(struct wb_table *t, const struct verdict *v)
{
    size_t at = 0, bad = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (!wb_is_sent(t, i))
            continue;
        const json_t *info = json_array_get(v->infos, at), *errors = json_array_get(v->errors, at);
        const json_t *row = json_array_get(v->rows, at);
        at++;
        if (!is_ok(info) || json_object_size(errors)) {
            failed(t, i, info, errors, v->stale);
            bad++;
        } else if (v->whole) {
            wb_done(t, i, row);
        } else {
            t->out[i].code = WESS_NOT_TRIED; /* rolled back with its neighbours */
        }
    }
    return bad;
}

enum wess_code wb_read_answer(struct wb_table *t, const json_t *answer)
{
    const json_t *success = json_object_get(answer, "success");
    struct verdict v = {.whole = json_is_true(success)};
    for (size_t i = 0; i < t->n; i++)
        v.sent += wb_is_sent(t, i);
    if (!json_is_boolean(success))
        return wess_fail(&t->call->error, WESS_UNKNOWN, WESS_OF_COLLECTION, NULL,
                         "Workbooks does not say what became of a write");
    v.rows = one_each(answer, "affected_objects", v.sent);
    v.infos = one_each(answer, "affected_object_information", v.sent);
    v.errors = one_each(answer, "affected_object_errors", v.sent);
    struct wess_error before = t->call->error;
    if (wb_queues_of(t->call, v.rows) != WESS_OK) /* what was written stands without a name */
        t->call->error = before;
    mentions_failure(json_object_get(answer, "failures"), &v.stale);
    if (v.whole && !v.infos && !v.rows)
        return wess_fail(&t->call->error, WESS_UNKNOWN, WESS_OF_COLLECTION, NULL,
                         "Workbooks answered for another number of records");
    return read_each(t, &v) || v.whole ? WESS_OK : nobody(t, &v, answer);
}
