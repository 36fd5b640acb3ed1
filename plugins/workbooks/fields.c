/* Rows and items: what is asked for, and what is made of a row, by the table of its kind. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "details.h"
#include "files.h"
#include "keys.h"
#include "meta.h"

#define SECONDS_MOST 253402300799 /* the year 9999 */

/* Columns of the facts: what selecting and matching ask. */
static const char *const fact_columns[] = {"id",
                                           "lock_version",
                                           "updated_at",
                                           "updated_by",
                                           "is_deleted",
                                           "assigned_to",
                                           "created_through_reference",
                                           "_can_modify"};
/* Two fields may stand in one column. */
static bool is_first(const struct wb_field *rows, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!rows[k].unread && !strcmp(rows[k].column, rows[i].column))
            return false;
    return true;
}

/* With the whole of a record. */
static bool is_read(const struct wess_conn *conn, const struct wb_kind *k, const char *column)
{
    size_t n;
    const struct wb_field *rows = wb_rows(conn, k, &n);
    for (size_t i = 0; i < n; i++)
        if (!rows[i].unread && wb_holds_column(conn, k, &rows[i]) &&
            !strcmp(rows[i].column, column))
            return true;
    return false;
}

void wb_select(struct form *f, const struct wess_conn *conn, const struct wb_kind *k, bool whole)
{
    for (size_t i = 0; i < sizeof(fact_columns) / sizeof(fact_columns[0]); i++)
        if (k->family != WB_NO_FAMILY || strcmp(fact_columns[i], "assigned_to") != 0)
            form_add(f, "_select_columns[]", fact_columns[i]);
    for (size_t i = 0; !whole && k->keys[i]; i++)
        if (wb_meta_has(conn, k, k->keys[i]))
            form_add(f, "_select_columns[]", k->keys[i]);
    size_t n;
    const struct wb_field *rows = wb_rows(conn, k, &n);
    for (size_t i = 0; whole && i < n; i++)
        if (!rows[i].unread && wb_holds_column(conn, k, &rows[i]) && is_first(rows, i))
            form_add(f, "_select_columns[]", rows[i].column);
    if (whole && wb_has_files(conn, k))
        form_add(f, "_select_columns[]", "type");
    size_t kind = wb_place(k->collection, strlen(k->collection));
    for (size_t i = 0; i < conn->n_asked[kind]; i++)
        if (!whole || !is_read(conn, k, conn->asked[kind][i]))
            form_add(f, "_select_columns[]", conn->asked[kind][i]);
}

void wb_select_bare(struct form *f)
{
    form_add(f, "_select_columns[]", "id");
    form_add(f, "_select_columns[]", "updated_at");
    form_add(f, "_select_columns[]", "is_deleted");
}

/* ---- reading a row
 * --------------------------------------------------------------------------------------- */

const char *wb_text(const json_t *row, const char *column, char number[24])
{
    const json_t *v = json_object_get(row, column);
    if (json_is_string(v))
        return json_string_length(v) == strlen(json_string_value(v)) ? json_string_value(v) : NULL;
    if (!json_is_integer(v))
        return NULL;
    snprintf(number, 24, "%lld", (long long)json_integer_value(v));
    return number;
}

static int64_t in_ms(long long seconds)
{
    return seconds > 0 && seconds <= SECONDS_MOST ? (int64_t)seconds * 1000 : 0;
}

int64_t wb_time_ms(const json_t *v)
{
    struct tm tm = {0};
    const char *text = json_string_value(v);
    char *end;
    if (json_is_integer(v))
        return in_ms(json_integer_value(v));
    if (!text)
        return 0;
    long long n = strtoll(text, &end, 10);
    if (end != text && !*end)
        return in_ms(n);
    if (!strptime(text, "%a %b %d %H:%M:%S UTC %Y", &tm))
        return 0;
    return in_ms(timegm(&tm));
}

/* A value of another type than a column has must not count as an empty one: an empty one is written
 * to the other side. */
const char *wb_column_text(struct wb_reading *r, const char *column, char number[24])
{
    const json_t *v = json_object_get(r->row, column);
    if (v && !json_is_null(v) && !json_is_string(v) && !json_is_integer(v))
        r->strange = column;
    return wb_text(r->row, column, number);
}

/* A copy whose lines end as the contract says. */
static char *unix_lines(struct wb_reading *r, const char *value)
{
    char *out = wess_arena_text(r->host, r->a, value), *at = out;
    for (const char *s = value; out && *s; s++) {
        if (*s == '\r' && s[1] == '\n')
            continue;
        *at++ = *s == '\r' ? '\n' : *s;
    }
    if (out)
        *at = 0;
    return out;
}

struct wess_field *wb_push(struct wb_reading *r, const char *name, uint32_t type)
{
    struct wess_field *f = wess_vec_push(r->host, r->a, &r->fields);
    r->spent |= !f;
    if (f)
        *f = (struct wess_field){.name = name, .type = type};
    return f;
}

static void big_text(struct wb_reading *r, struct wess_field *f, const char *text, size_t len)
{
    struct wess_spool *s = NULL;
    if (r->host->blob_new(r->host->ctx, &s) != WESS_OK) {
        r->spent = true;
        return;
    }
    if (r->host->blob_put(s, text, len) != WESS_OK) {
        r->host->blob_close(s);
        r->spent = true;
        return;
    }
    f->type = WESS_BLOB;
    r->spent |= r->host->blob_done(s, r->a, &f->blob) != WESS_OK;
}

static void read_text(struct wb_reading *r, const struct wb_field *t)
{
    char number[24], *block;
    const char *value = wb_column_text(r, t->column, number);
    if (!value || !*value)
        return;
    if (t->blocked)
        value = wb_details_cut(r->host, r->a, value, &block);
    char *text = !value    ? NULL
                 : t->html ? wb_html_to_text(r->host, r->a, value)
                           : unix_lines(r, value);
    struct wess_field *f = text && *text ? wb_push(r, t->name, WESS_TEXT) : NULL;
    r->spent |= !text;
    if (!f)
        return;
    size_t len = strlen(text);
    f->str = (struct wess_slice){text, len};
    if (len > WESS_INLINE_MAX)
        big_text(r, f, text, len);
}

static struct wess_record *record(struct wb_reading *r, struct wess_vec *records, const char *key)
{
    struct wess_record *of = records->of;
    for (size_t i = 0; i < records->n; i++)
        if (!strcmp(of[i].key, key))
            return &of[i];
    struct wess_record *new = wess_vec_push(r->host, r->a, records);
    r->spent |= !new;
    if (new)
        *new = (struct wess_record){.key = key};
    return new;
}

static void add_part(struct wb_reading *r, struct wess_record *rec, const char *name,
                     const char *text, int64_t num)
{
    struct wess_field *f = r->host->alloc(r->a, (rec->n + 1) * sizeof(*f));
    if (!f) {
        r->spent = true;
        return;
    }
    if (rec->n)
        memcpy(f, rec->fields, rec->n * sizeof(*f));
    f[rec->n] = (struct wess_field){.name = name, .type = text ? WESS_TEXT : WESS_INT};
    if (text)
        f[rec->n].str = (struct wess_slice){text, strlen(text)};
    else
        f[rec->n].num = num;
    rec->fields = f;
    rec->n++;
}

static void read_record(struct wb_reading *r, const struct wb_field *t, struct wess_vec *records)
{
    char number[24];
    const char *value = wb_column_text(r, t->column, number);
    bool mail = !strcmp(t->name, "email");
    if (!value || !*value)
        return;
    char *text = unix_lines(r, value);
    const char *key = !text ? NULL : mail ? r->host->fold(r->a, text) : t->slot;
    if (!key) {
        r->spent = true;
        return;
    }
    if (!*key)
        return;
    size_t before = records->n;
    struct wess_record *rec = record(r, records, key);
    if (!rec || (mail && records->n == before)) /* the same address twice is one */
        return;
    add_part(r, rec, t->part, text, 0);
    if (mail)
        add_part(r, rec, "pref", NULL, strtol(t->slot, NULL, 10));
}

static void read_records(struct wb_reading *r, const struct wb_kind *k, const char *name)
{
    struct wess_vec records = {.size = sizeof(struct wess_record)};
    for (size_t i = 0; i < k->n_fields; i++)
        if (!strcmp(k->fields[i].name, name))
            read_record(r, &k->fields[i], &records);
    struct wess_field *f = records.n ? wb_push(r, name, WESS_RECORDS) : NULL;
    if (f)
        f->records = (struct wess_records){records.of, records.n};
}

/* NULL: there is none. */
static const char *copied(struct wb_reading *r, const char *column)
{
    char number[24];
    const char *value = wb_column_text(r, column, number);
    if (!value || !*value)
        return NULL;
    const char *copy = wess_arena_text(r->host, r->a, value);
    r->spent |= !copy;
    return copy;
}

static uint32_t flags_of(struct wb_reading *r)
{
    const json_t *deleted = json_object_get(r->row, "is_deleted");
    if (deleted && !json_is_boolean(deleted) && !json_is_null(deleted))
        r->strange = "is_deleted";
    return (json_is_false(json_object_get(r->row, "_can_modify")) ? WESS_ITEM_LOCKED : 0u) |
           (json_is_true(deleted) ? WESS_ITEM_TRASHED : 0u);
}

bool wb_column_true(struct wb_reading *r, const char *column)
{
    const json_t *v = json_object_get(r->row, column);
    if (v && !json_is_boolean(v) && !json_is_null(v))
        r->strange = column;
    return json_is_true(v);
}

/* When it is: 0 where it is not told. A day counts from its midnight in UTC. */
static int64_t when_of(const struct wess_item *item, const char *name)
{
    struct tm tm = {0};
    for (size_t i = 0; name && i < item->n_fields; i++) {
        const struct wess_field *f = &item->fields[i];
        if (strcmp(f->name, name))
            continue;
        if (f->type == WESS_TIME)
            return f->time.ms;
        if (f->type == WESS_DATE && strptime(f->str.data, "%Y-%m-%d", &tm))
            return (int64_t)timegm(&tm) * 1000;
    }
    return 0;
}

/* In the order of the table; a field with several columns is read by the first of them. */
static void read_fields(struct wb_reading *r, const struct wb_kind *k)
{
    size_t n;
    const struct wb_field *rows = wb_rows(r->conn, k, &n);
    for (size_t i = 0; i < n; i++) {
        const struct wb_field *t = &rows[i];
        bool here =
            !t->unread && wb_holds_column(r->conn, k, t) && json_object_get(r->row, t->column);
        if (t->read && here)
            t->read(r, t);
        else if (t->type == WESS_TEXT && here)
            read_text(r, t);
    }
    for (size_t i = 0; k->records[i]; i++)
        read_records(r, k, k->records[i]);
}

enum wess_code wb_item(struct wess_call *call, const json_t *row, bool whole, struct wess_item *out)
{
    const struct wb_kind *k = wb_kind_of(call);
    struct wb_reading r = {.host = call->conn->host,
                           .a = call->arena,
                           .conn = call->conn,
                           .row = row,
                           .fields = {.size = sizeof(struct wess_field)}};
    *out = (struct wess_item){.id = copied(&r, "id"),
                              .revision = copied(&r, "lock_version"),
                              .kind = k->kind,
                              .collection = k->collection,
                              .modified_by = copied(&r, "updated_by"),
                              .modified_ms = wb_time_ms(json_object_get(row, "updated_at")),
                              .flags = flags_of(&r)};
    if (!out->id && !r.spent)
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL, "a %s came without id",
                         k->one);
    read_fields(&r, k);
    out->fields = r.fields.of;
    out->n_fields = r.fields.n;
    out->when_ms = when_of(out, k->when);
    wb_facts(&r, k, out);
    const char *stamp = copied(&r, "created_through_reference");
    if (r.strange)
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "a %s came whose %s cannot be read", k->one, r.strange);
    if (r.spent || wess_item_keys(r.host, r.a, out, stamp) != WESS_OK)
        return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_HOST, NULL, "out of memory");
    if (whole)
        out->flags |= WESS_ITEM_WHOLE;
    else
        out->n_fields = 0;
    return WESS_OK;
}
