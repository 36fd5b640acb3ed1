/* Writing: the fields of an operation as columns and their values. */
#include <stdlib.h>
#include <string.h>

#include "write.h"

static const char **cell(struct wb_table *t, size_t op, const char *column)
{
    size_t i = 0;
    while (i < t->n_columns && strcmp(t->columns[i], column))
        i++;
    if (i == t->n_columns)
        t->columns[t->n_columns++] = column; /* bounded: the field table has fewer rows */
    return &t->cells[op * WB_COLUMNS_MAX + i];
}

void wb_refuse(struct wb_table *t, size_t op, const char *field, const char *text, const char *code)
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

static char *blob_text(struct wb_table *t, const struct wess_blob *blob)
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

static const char *text_value(struct wb_table *t, const struct wb_field *w,
                              const struct wess_field *f)
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

static void put(struct wb_table *t, size_t op, const char *field, const char *column,
                const char *value)
{
    /* These words mean something else to Workbooks. */
    if (!strcmp(value, WB_KEEP) || !strcmp(value, WB_CLEAR))
        wb_refuse(t, op, field, "Workbooks cannot hold this text", "reserved");
    else
        *cell(t, op, column) = *value ? value : WB_CLEAR;
}

static void put_text(struct wb_table *t, size_t op, const struct wess_field *f)
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

static void put_employer(struct wb_table *t, size_t op, const struct wess_field *f)
{
    const struct wess_host *h = t->call->conn->host;
    if (!t->call->conn->match_employer) {
        wb_refuse(t, op, "org", "employers are left alone (setting employer)", "ignored");
        return;
    }
    if (f->type == WESS_NULL) {
        *cell(t, op, WB_EMPLOYER) = WB_CLEAR;
        return;
    }
    char *name = wess_arena_textn(h, t->call->arena, f->str.data, f->str.len);
    const char *fold = name ? h->fold(t->call->arena, name) : NULL;
    const char *id = fold ? wb_employer(t->call->conn, fold) : NULL;
    if (!fold)
        t->spent = true;
    else if (id)
        *cell(t, op, WB_EMPLOYER) = id;
    else
        wb_refuse(t, op, "org", "no organisation of that name in Workbooks, or several",
                  "no-match");
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

static const char *part_of(struct wb_table *t, const struct wess_record *r, const char *part)
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
static void put_records(struct wb_table *t, size_t op, const struct wess_field *f)
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

static const char *text_of(struct wb_table *t, const struct wess_item *item, const char *name)
{
    const struct wess_field *f = field_of(item, name);
    if (!f || f->type != WESS_TEXT || !f->str.len)
        return NULL;
    return wess_arena_textn(t->call->conn->host, t->call->arena, f->str.data, f->str.len);
}

/* `name` is mandatory and not made from its parts there. */
static const char *full_name(struct wb_table *t, const struct wess_item *item)
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

void wb_fill(struct wb_table *t, size_t op)
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
