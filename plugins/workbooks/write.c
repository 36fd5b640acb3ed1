/* Writing: one request for a batch, a square array, each record a transaction of its own. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wb.h"

#define PEOPLE "crm/people.api"
#define COLUMNS_MAX 48u
#define EMPLOYER "employer_link"

/* The columns that any operation of the batch writes, and each operation's values. */
struct table {
    struct wess_call *call;
    const struct wess_op *ops;
    struct wess_result *out;
    size_t n;
    const char *columns[COLUMNS_MAX];
    size_t n_columns;
    const char **cells; /* n × n_columns' capacity; NULL: leave alone */
    bool *skip;         /* answered without being sent */
    bool spent;
};

static const char **cell(struct table *t, size_t op, const char *column)
{
    size_t i = 0;
    while (i < t->n_columns && strcmp(t->columns[i], column))
        i++;
    if (i == t->n_columns)
        t->columns[t->n_columns++] = column; /* bounded: the field table has fewer rows */
    return &t->cells[op * COLUMNS_MAX + i];
}

static void refuse(struct table *t, size_t op, const char *field, const char *text,
                   const char *code)
{
    struct wess_result *r = &t->out[op];
    for (size_t i = 0; i < r->n_refused; i++)
        if (!strcmp(r->refused[i].field, field))
            return; /* several columns are one field */
    struct wess_refused *of =
        t->call->conn->host->alloc(t->call->arena, (r->n_refused + 1) * sizeof(*of));
    field = wess_arena_text(t->call->conn->host, t->call->arena, field); /* it may be the op's */
    if (!of || !field) {
        t->spent = true;
        return;
    }
    if (r->n_refused)
        memcpy(of, r->refused, r->n_refused * sizeof(*of));
    of[r->n_refused] = (struct wess_refused){field, text, code};
    r->refused = of;
    r->n_refused++;
}

/* ---- values
 * ------------------------------------------------------------------------------------------------
 */

static char *blob_text(struct table *t, const struct wess_blob *blob)
{
    const struct wess_host *h = t->call->conn->host;
    struct wess_spool *s = NULL;
    char *text = h->alloc(t->call->arena, (size_t)blob->size + 1);
    size_t at = 0;
    int64_t n = 0;
    if (!text || h->blob_open(h->ctx, blob->digest, &s) != WESS_OK)
        return NULL;
    while (at < blob->size && (n = h->blob_get(s, text + at, (size_t)blob->size - at)) > 0)
        at += (size_t)n;
    h->blob_close(s);
    return at == blob->size ? text : NULL;
}

static const char *text_value(struct table *t, const struct wb_field *w, const struct wess_field *f)
{
    const struct wess_host *h = t->call->conn->host;
    const char *data = f->str.data;
    size_t len = f->str.len;
    if (f->type == WESS_NULL)
        return "";
    if (f->type == WESS_BLOB) {
        data = blob_text(t, &f->blob);
        len = (size_t)f->blob.size;
    }
    if (data && !len)
        return "";
    char *text = !data     ? NULL
                 : w->html ? wb_text_to_html(h, t->call->arena, data, len)
                           : wess_arena_textn(h, t->call->arena, data, len);
    t->spent |= !text;
    return text;
}

static void put(struct table *t, size_t op, const char *field, const char *column,
                const char *value)
{
    /* These words mean something else to Workbooks. */
    if (!strcmp(value, WB_KEEP) || !strcmp(value, WB_CLEAR))
        refuse(t, op, field, "Workbooks cannot hold this text", "reserved");
    else
        *cell(t, op, column) = *value ? value : WB_CLEAR;
}

static void put_text(struct table *t, size_t op, const struct wess_field *f)
{
    for (size_t i = 0; i < wb_n_fields; i++) {
        const struct wb_field *w = &wb_fields[i];
        if (w->type != WESS_TEXT || strcmp(w->name, f->name) || !strcmp(f->name, "org"))
            continue;
        const char *value = text_value(t, w, f);
        if (value)
            put(t, op, f->name, w->column, value);
    }
}

static void put_employer(struct table *t, size_t op, const struct wess_field *f)
{
    const struct wess_host *h = t->call->conn->host;
    if (!t->call->conn->match_employer) {
        refuse(t, op, "org", "employers are left alone (setting employer)", "ignored");
        return;
    }
    if (f->type == WESS_NULL) {
        *cell(t, op, EMPLOYER) = WB_CLEAR;
        return;
    }
    char *name = wess_arena_textn(h, t->call->arena, f->str.data, f->str.len);
    const char *fold = name ? h->fold(t->call->arena, name) : NULL;
    const char *id = fold ? wb_employer(t->call->conn, fold) : NULL;
    if (!fold)
        t->spent = true;
    else if (id)
        *cell(t, op, EMPLOYER) = id;
    else
        refuse(t, op, "org", "no organisation of that name in Workbooks, or several", "no-match");
}

static const struct wess_record *record_of(const struct wess_field *f, const struct wb_field *w)
{
    long place = strtol(w->slot, NULL, 10);
    for (size_t i = 0; f && f->type == WESS_RECORDS && i < f->records.n; i++) {
        const struct wess_record *r = &f->records.of[i];
        if (strcmp(w->name, "email")) {
            if (!strcmp(r->key, w->slot))
                return r;
            continue;
        }
        for (size_t k = 0; k < r->n; k++)
            if (!strcmp(r->fields[k].name, "pref") && r->fields[k].type == WESS_INT &&
                r->fields[k].num == place)
                return r;
    }
    return NULL;
}

static const char *part_of(struct table *t, const struct wess_record *r, const char *part)
{
    for (size_t i = 0; r && i < r->n; i++)
        if (!strcmp(r->fields[i].name, part) && r->fields[i].type == WESS_TEXT) {
            char *text = wess_arena_textn(t->call->conn->host, t->call->arena,
                                          r->fields[i].str.data, r->fields[i].str.len);
            t->spent |= !text;
            return text ? text : "";
        }
    return "";
}

static const struct wess_field *field_of(const struct wess_item *item, const char *name)
{
    for (size_t i = 0; item && i < item->n_fields; i++)
        if (!strcmp(item->fields[i].name, name))
            return &item->fields[i];
    return NULL;
}

/* Only columns that differ from what the operation was computed from. */
static void put_records(struct table *t, size_t op, const struct wess_field *f)
{
    const struct wess_field *old =
        t->ops[op].what == WESS_UPDATE ? field_of(t->ops[op].before, f->name) : NULL;
    for (size_t i = 0; i < wb_n_fields; i++) {
        const struct wb_field *w = &wb_fields[i];
        if (w->type != WESS_RECORDS || strcmp(w->name, f->name))
            continue;
        const char *value = part_of(t, record_of(f, w), w->part);
        const char *was = part_of(t, record_of(old, w), w->part);
        if (strcmp(value, was))
            put(t, op, f->name, w->column, value);
    }
}

static const char *text_of(struct table *t, const struct wess_item *item, const char *name)
{
    const struct wess_field *f = field_of(item, name);
    if (!f || f->type != WESS_TEXT || !f->str.len)
        return NULL;
    return wess_arena_textn(t->call->conn->host, t->call->arena, f->str.data, f->str.len);
}

/* `name` is mandatory and not made from its parts there. */
static const char *full_name(struct table *t, const struct wess_item *item)
{
    const char *given = text_of(t, item, "name.given"), *family = text_of(t, item, "name.family");
    const struct wess_field *mail = field_of(item, "email");
    const char *other = text_of(t, item, "org");
    if (given && family)
        return wess_arena_fmt(t->call->conn->host, t->call->arena, "%s %s", given, family);
    if (given || family)
        return given ? given : family;
    if (other)
        return other;
    return mail && mail->type == WESS_RECORDS && mail->records.n ? mail->records.of[0].key : NULL;
}

static void fill(struct table *t, size_t op)
{
    const struct wess_op *o = &t->ops[op];
    for (size_t i = 0; o->what != WESS_DELETE && i < o->item.n_fields; i++) {
        const struct wess_field *f = &o->item.fields[i];
        if (!strcmp(f->name, "org"))
            put_employer(t, op, f);
        else if (f->type == WESS_RECORDS ||
                 (f->type == WESS_NULL && (!strcmp(f->name, "email") || !strcmp(f->name, "phone") ||
                                           !strcmp(f->name, "address"))))
            put_records(t, op, f);
        else
            put_text(t, op, f);
    }
    if (o->what == WESS_CREATE) {
        const char **name = cell(t, op, "name");
        if (!*name || !strcmp(*name, WB_CLEAR))
            *name = full_name(t, &o->item);
        if (o->stamp)
            *cell(t, op, "created_through_reference") = o->stamp;
        if (!*name) {
            t->skip[op] = true;
            t->out[op].code = WESS_REJECTED;
            t->out[op].text = "a person needs a name, a company or an address";
        }
    }
}

/* ---- the request
 * --------------------------------------------------------------------------------------------- */

static const char *id_of(const struct wess_op *o)
{
    return o->what == WESS_CREATE ? "0" : o->item.id ? o->item.id : o->before->id;
}

static const char *lock_of(const struct wess_op *o)
{
    const char *rev = o->before ? o->before->revision : NULL;
    return o->what == WESS_CREATE ? "0" : rev ? rev : "0";
}

static bool is_sent(const struct table *t, size_t i)
{
    return !t->skip[i];
}

static void write_form(struct table *t, struct form *f)
{
    static const char *const verbs[] = {
        [WESS_CREATE] = "POST", [WESS_UPDATE] = "PUT", [WESS_DELETE] = "DELETE"};
    form_add(f, "_per_object_transactions", "true");
    form_add(f, "_fm", "or");
    for (size_t i = 0; i < t->n; i++) {
        if (!is_sent(t, i))
            continue;
        form_add(f, "_ff[]", "id");
        form_add(f, "_ft[]", "eq");
        form_add(f, "_fc[]", id_of(&t->ops[i]));
    }
    for (size_t i = 0; i < t->n; i++) {
        if (!is_sent(t, i))
            continue;
        form_add(f, "__method[]", verbs[t->ops[i].what]);
        form_add(f, "id[]", id_of(&t->ops[i]));
        form_add(f, "lock_version[]", lock_of(&t->ops[i]));
        for (size_t c = 0; c < t->n_columns; c++) {
            const char *value = t->cells[i * COLUMNS_MAX + c];
            char name[96];
            snprintf(name, sizeof(name), "%s[]", t->columns[c]);
            form_add(f, name, value ? value : WB_KEEP);
        }
    }
}

/* ---- the answer
 * ------------------------------------------------------------------------------------------------
 */

static const char *field_of_column(const char *column)
{
    if (!strcmp(column, EMPLOYER))
        return "org";
    for (size_t i = 0; i < wb_n_fields; i++)
        if (!strcmp(wb_fields[i].column, column))
            return wb_fields[i].name;
    return NULL;
}

static bool is_stale(const char *text)
{
    return text && strstr(text, "already been updated elsewhere") != NULL;
}

/* What an errors object says: {"[]": {column: text}}, {column: text} or {column: [text]}. */
static void take_errors(struct table *t, size_t op, const json_t *errors, bool *stale)
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
        const char *field = field_of_column(column);
        *stale |= is_stale(text);
        if (json_is_object(value))
            take_errors(t, op, value, stale);
        else if (field && t->ops[op].what != WESS_DELETE)
            /* The remote's words may quote the value: only the field is told. */
            refuse(t, op, field, "Workbooks refuses this value", "validation");
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
static void failed(struct table *t, size_t op, const json_t *info, const json_t *errors,
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

static void succeeded(struct table *t, size_t op, const json_t *row)
{
    const struct wess_host *h = t->call->conn->host;
    struct wess_result *r = &t->out[op];
    char number[24], lock[24];
    const char *id = wb_text(row, "id", number), *rev = wb_text(row, "lock_version", lock);
    bool create = t->ops[op].what == WESS_CREATE;
    bool is_id = id && *id >= '1' && *id <= '9';
    if (!is_id || (!create && strcmp(id, id_of(&t->ops[op])))) {
        r->code = WESS_UNKNOWN; /* said to be done, but not what */
        return;
    }
    r->id = wess_arena_text(h, t->call->arena, id);
    r->revision = wess_arena_text(h, t->call->arena, rev);
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
static enum wess_code nobody(struct table *t, const struct verdict *v, const json_t *answer)
{
    for (size_t i = 0; i < t->n; i++)
        if (is_sent(t, i) && v->sent == 1)
            failed(t, i, NULL, json_object_get(answer, "errors"), v->stale);
        else if (is_sent(t, i))
            t->out[i].code = WESS_NOT_TRIED;
    return v->sent == 1 ? WESS_OK
                        : wess_fail(&t->call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL,
                                    "Workbooks refuses the batch and names no record");
}

/* How many records it blames. */
static size_t read_each(struct table *t, const struct verdict *v)
{
    size_t at = 0, bad = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (!is_sent(t, i))
            continue;
        const json_t *info = json_array_get(v->infos, at), *errors = json_array_get(v->errors, at);
        const json_t *row = json_array_get(v->rows, at);
        at++;
        if (!is_ok(info) || json_object_size(errors)) {
            failed(t, i, info, errors, v->stale);
            bad++;
        } else if (v->whole) {
            succeeded(t, i, row);
        } else {
            t->out[i].code = WESS_NOT_TRIED; /* rolled back with its neighbours */
        }
    }
    return bad;
}

static enum wess_code read_answer(struct table *t, const json_t *answer)
{
    const json_t *success = json_object_get(answer, "success");
    struct verdict v = {.whole = json_is_true(success)};
    for (size_t i = 0; i < t->n; i++)
        v.sent += is_sent(t, i);
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

/* ---- again
 * ------------------------------------------------------------------------------------------------------
 */

/* Creates that may have been carried out are looked up by their stamps before anything is sent. */
static enum wess_code look_up(struct table *t)
{
    struct wess_call *call = t->call;
    const char **stamps = call->conn->host->alloc(call->arena, (t->n + 1) * sizeof(*stamps));
    json_t *rows = NULL;
    size_t n = 0;
    char ref[24];
    for (size_t i = 0; stamps && i < t->n; i++)
        if (t->ops[i].what == WESS_CREATE && (t->ops[i].flags & WESS_OP_AGAIN) && t->ops[i].stamp)
            stamps[n++] = t->ops[i].stamp;
    if (!stamps || !n)
        return stamps ? WESS_OK : WESS_TOO_BIG;
    enum wess_code rc =
        wb_rows_equal(call, PEOPLE, "created_through_reference", stamps, n, false, true, &rows);
    for (size_t i = 0; rc == WESS_OK && i < t->n; i++)
        for (size_t k = 0; t->ops[i].stamp && k < json_array_size(rows); k++) {
            const json_t *row = json_array_get(rows, k);
            const char *stamp = wb_text(row, "created_through_reference", ref);
            if (t->ops[i].what != WESS_CREATE || !stamp || strcmp(stamp, t->ops[i].stamp))
                continue;
            succeeded(t, i, row);
            t->out[i].revision = NULL; /* somebody may have written since: the merge runs again */
            t->skip[i] = true;
            break;
        }
    json_decref(rows);
    return rc;
}

/* ---- the slot
 * ----------------------------------------------------------------------------------------------------
 */

static enum wess_code send(struct table *t)
{
    struct form f = {0};
    json_t *answer = NULL;
    bool any = false;
    for (size_t i = 0; i < t->n; i++)
        any |= is_sent(t, i);
    if (!any)
        return WESS_OK;
    enum wess_code rc = wb_begin(t->call, "PUT", &f);
    if (rc == WESS_OK) {
        write_form(t, &f);
        rc = wb_post(t->call, PEOPLE, &f, true, &answer);
    }
    form_fini(&f);
    if (rc == WESS_OK)
        rc = read_answer(t, answer);
    else if (rc != WESS_UNKNOWN && rc != WESS_CANCELLED)
        for (size_t i = 0; i < t->n; i++)
            if (is_sent(t, i))
                t->out[i].code = WESS_NOT_TRIED;
    json_decref(answer);
    return rc;
}

/* Until it is on the wire an operation is surely not applied, but for one that may have been in an
 * earlier attempt: that is known only when it has been looked up. */
static void not_sent(const struct wess_op *ops, size_t n, struct wess_result *out)
{
    for (size_t i = 0; i < n; i++)
        out[i].code = ops[i].flags & WESS_OP_AGAIN ? WESS_UNKNOWN : WESS_NOT_TRIED;
}

static enum wess_code apply_some(struct wess_call *call, const struct wess_op *ops, size_t n,
                                 struct wess_result *out)
{
    const struct wess_host *h = call->conn->host;
    struct table t = {.call = call, .ops = ops, .out = out, .n = n};
    t.cells = h->alloc(call->arena, n * COLUMNS_MAX * sizeof(*t.cells));
    t.skip = h->alloc(call->arena, n * sizeof(*t.skip));
    not_sent(ops, n, out);
    if (!t.cells || !t.skip)
        return WESS_TOO_BIG;
    enum wess_code rc = wb_queues(call);
    if (rc == WESS_OK)
        rc = wb_employers(call, ops, n);
    if (rc == WESS_OK)
        rc = look_up(&t);
    for (size_t i = 0; rc == WESS_OK && i < n; i++)
        if (is_sent(&t, i)) {
            out[i].code = WESS_NOT_TRIED;
            fill(&t, i);
        }
    if (rc != WESS_OK || t.spent)
        return rc != WESS_OK ? rc : WESS_TOO_BIG;
    for (size_t i = 0; i < n; i++)
        if (is_sent(&t, i))
            out[i].code = WESS_UNKNOWN;
    return send(&t);
}

enum wess_code wb_apply(struct wess_call *call, const struct wess_op *ops, size_t n,
                        struct wess_result *out)
{
    enum wess_code rc = WESS_OK;
    for (size_t at = 0; at < n; at += WB_BATCH) {
        size_t len = n - at < WB_BATCH ? n - at : WB_BATCH;
        if (rc != WESS_OK)
            not_sent(ops + at, len, out + at);
        else
            rc = apply_some(call, ops + at, len, out + at);
    }
    return wb_told(call, rc);
}
