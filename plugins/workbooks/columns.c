/* Writing: the fields of an operation as columns and their values. */
#include <stdlib.h>
#include <string.h>

#include "write.h"

const char **wb_cell(struct wb_table *t, size_t op, const char *column)
{
    size_t i = 0;
    while (i < t->n_columns && strcmp(t->columns[i], column))
        i++;
    if (i == t->n_columns)
        t->columns[t->n_columns++] = column; /* bounded: the field tables have fewer rows */
    return &t->cells[op * WB_COLUMNS_MAX + i];
}

const char *wb_cell_now(const struct wb_table *t, size_t op, const char *column)
{
    for (size_t i = 0; i < t->n_columns; i++)
        if (!strcmp(t->columns[i], column))
            return t->cells[op * WB_COLUMNS_MAX + i];
    return NULL;
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

void wb_put(struct wb_table *t, size_t op, const char *field, const char *column, const char *value)
{
    /* These words mean something else to Workbooks. */
    if (!strcmp(value, WB_KEEP) || !strcmp(value, WB_CLEAR))
        wb_refuse(t, op, field, "Workbooks cannot hold this text", "reserved");
    else
        *wb_cell(t, op, column) = *value ? value : WB_CLEAR;
}

void wb_put_nothing(struct wb_table *t, size_t op, const struct wb_field *w,
                    const struct wess_field *f)
{
    (void)t;
    (void)op;
    (void)w;
    (void)f;
}

static void put_text(struct wb_table *t, size_t op, const struct wess_field *f)
{
    size_t n;
    const struct wb_field *rows = wb_rows(t->call->conn, t->kind, &n);
    for (size_t i = 0; i < n; i++) {
        const struct wb_field *w = &rows[i];
        if (w->type != WESS_TEXT || strcmp(w->name, f->name) ||
            !wb_holds_column(t->call->conn, t->kind, w))
            continue;
        const char *value = text_value(t, w, f);
        if (value)
            wb_put(t, op, f->name, w->column, value);
    }
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

const struct wess_field *wb_field_of(const struct wess_item *item, const char *name)
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
        t->ops[op].what == WESS_UPDATE ? wb_field_of(t->ops[op].before, f->name) : NULL;
    size_t n;
    const struct wb_field *rows = wb_rows(t->call->conn, t->kind, &n);
    for (size_t i = 0; i < n; i++) {
        const struct wb_field *w = &rows[i];
        if (w->type != WESS_RECORDS || strcmp(w->name, f->name) ||
            !wb_holds_column(t->call->conn, t->kind, w))
            continue;
        const char *value = part_of(t, record_of(f, w), w->part);
        const char *was = part_of(t, record_of(old, w), w->part);
        if (strcmp(value, was))
            wb_put(t, op, f->name, w->column, value);
    }
}

const char *wb_text_of(struct wb_table *t, const struct wess_item *item, const char *name)
{
    const struct wess_field *f = wb_field_of(item, name);
    if (!f || f->type != WESS_TEXT || !f->str.len)
        return NULL;
    return wess_arena_textn(t->call->conn->host, t->call->arena, f->str.data, f->str.len);
}

static const struct wb_field *row_of(const struct wb_table *t, const char *name)
{
    size_t n;
    const struct wb_field *rows = wb_rows(t->call->conn, t->kind, &n);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(rows[i].name, name))
            return &rows[i];
    return NULL;
}

void wb_fill(struct wb_table *t, size_t op)
{
    const struct wess_op *o = &t->ops[op];
    for (size_t i = 0; o->what != WESS_DELETE && i < o->item.n_fields; i++) {
        const struct wess_field *f = &o->item.fields[i];
        const struct wb_field *w = row_of(t, f->name);
        if (!w || w->shown || !wb_holds(t->call->conn, t->kind, f->name))
            continue;
        if (w->put)
            w->put(t, op, w, f);
        else if (w->type == WESS_RECORDS)
            put_records(t, op, f);
        else
            put_text(t, op, f);
    }
    if (o->what == WESS_CREATE && o->stamp)
        *wb_cell(t, op, "created_through_reference") = o->stamp;
    if (o->what != WESS_DELETE)
        t->kind->complete(t, op);
}
