/* Lists (B3): filters, order, pages, columns. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workbooks.h"

struct listing {
    const struct wb_set *of;
    const char *columns[128];
    size_t n;
    bool epoch, strict, unknown;
    char bad[96];
    char *copies[128];
};
static void want_column(void *ctx, const char *name, const char *value)
{
    struct listing *l = ctx;
    if (!strcmp(name, "_json_output_datetime_format"))
        l->epoch = !strcmp(value, "%s");
    if (!strcmp(name, "_strict_attribute_checking"))
        l->strict = !strcmp(value, "true") || !strcmp(value, "1");
    if (strcmp(name, "_select_columns[]") || l->n == 128)
        return;
    if (!wb_is_known(l->of, value)) {
        l->unknown = true;
        snprintf(l->bad, sizeof(l->bad), "%s", value);
        return;
    }
    l->copies[l->n] = strdup(value);
    l->columns[l->n] = l->copies[l->n];
    l->n++;
}

static void listing_free(struct listing *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->copies[i]);
}

static int64_t number_param(const char *body, const char *name, int64_t fallback)
{
    char *text = sb_param(body, name, 0);
    int64_t n = text && *text ? strtoll(text, NULL, 10) : fallback;
    free(text);
    return n;
}

/* B3: what a filter compares. */
static const char *get(const void *record, const char *field, char buf[32])
{
    const struct wb_record *p = record;
    int c = wb_column(p->of, field);
    const char *own = p->of->text(p, field, buf);
    if (own != (const char *)-1)
        return own;
    if (!strcmp(field, "updated_at"))
        snprintf(buf, 32, "%lld", (long long)p->updated_s);
    else if (!strcmp(field, "id"))
        snprintf(buf, 32, "%lld", (long long)p->id);
    else if (!strcmp(field, "is_deleted"))
        snprintf(buf, 32, "%s", p->deleted ? "true" : "false");
    else if (!strcmp(field, "assigned_to"))
        snprintf(buf, 32, "%lld", (long long)p->queue);
    else if (!strcmp(field, "lock_version"))
        snprintf(buf, 32, "%lld", (long long)p->lock);
    else
        return c >= 0 ? p->value[c] : (const char *)-1;
    return buf;
}

struct sort {
    char *by[4];
    bool down[4];
    size_t n;
};
static struct sort sorting;
static int in_order(const void *a, const void *b)
{
    const struct wb_record *x = *(struct wb_record *const *)a, *y = *(struct wb_record *const *)b;
    for (size_t i = 0; i < sorting.n; i++) {
        char bx[32], by[32];
        const char *s = get(x, sorting.by[i], bx), *t = get(y, sorting.by[i], by);
        if (s == (const char *)-1 || t == (const char *)-1)
            continue;
        bool number = !strcmp(sorting.by[i], "id") || !strcmp(sorting.by[i], "updated_at");
        int64_t m = number ? strtoll(s, NULL, 10) : 0, n = number ? strtoll(t, NULL, 10) : 0;
        int d = number ? (m < n ? -1 : m > n) : strcmp(s ? s : "", t ? t : "");
        if (d)
            return sorting.down[i] ? -d : d;
    }
    return x->id < y->id ? -1 : x->id > y->id;
}

static void read_sort(const char *body)
{
    for (sorting.n = 0; sorting.n < 4; sorting.n++) {
        sorting.by[sorting.n] = sb_param(body, "_sort[]", sorting.n);
        if (!sorting.by[sorting.n] && !sorting.n)
            sorting.by[0] = sb_param(body, "_sort", 0);
        if (!sorting.by[sorting.n])
            break;
        char *dir = sb_param(body, "_dir[]", sorting.n);
        if (!dir && !sorting.n)
            dir = sb_param(body, "_dir", 0);
        sorting.down[sorting.n] = dir && !strcmp(dir, "DESC");
        free(dir);
    }
}

/* B4: a list hides deleted records unless the filters speak of is_deleted. */
static bool speaks_of_deleted(const struct wb_query *q)
{
    for (size_t i = 0; i < q->n; i++)
        if (q->filters[i].field && !strcmp(q->filters[i].field, "is_deleted"))
            return true;
    return false;
}

/* B12: two spellings of the switch that saves counting; `total` is then what is in the answer. */
static bool skips_total(const char *body)
{
    bool two = !strcmp(sb_switch("skip_total", "two"), "two");
    char *text = sb_param(body, two ? "__skip_total_rows" : "_skip_total_rows", 0);
    bool skips = text && !strcmp(text, "true");
    free(text);
    return skips;
}

void wb_list(const struct wb_set *set, const char *body, struct sb_response *out)
{
    static struct wb_query q;
    struct listing l = {.of = set};
    struct wb_record **hits = calloc(set->n + 1, sizeof(struct wb_record *));
    size_t n = 0;
    int bad = 0;
    char *start_text = sb_param(body, "_start", 0);
    int64_t from = number_param(body, "_start", 0);
    int64_t limit = start_text ? number_param(body, "_limit", 100) : 100; /* B3 */
    int64_t cap = atol(sb_switch("page_cap", "200"));
    free(start_text);
    wb_query_read(&q, body);
    sb_params(body, want_column, &l);
    read_sort(body);
    bool all = speaks_of_deleted(&q);
    for (size_t i = 0; hits && i < set->n && bad >= 0; i++) {
        if (!all && wb_is_gone(&set->rows[i]))
            continue;
        if (set->rows[i].hidden)
            continue;
        bad = wb_query_match(&q, get, &set->rows[i]);
        if (bad > 0)
            hits[n++] = &set->rows[i];
    }
    if (bad < 0 || (l.unknown && l.strict)) {
        wb_put_json(
            out,
            json_pack("{s:b,s:{s:s}}", "success", 0, "errors", "[]", l.unknown ? l.bad : "filter"),
            200);
    } else {
        json_t *rows = json_array();
        if (sorting.n)
            qsort(hits, n, sizeof(*hits), in_order);
        if (limit > cap)
            limit = cap;
        for (size_t i = (size_t)from; i < n && (int64_t)json_array_size(rows) < limit; i++)
            json_array_append_new(rows, wb_row_json(hits[i], l.columns, l.n, l.epoch));
        size_t total = skips_total(body) ? json_array_size(rows) : n;
        wb_put_json(out,
                    json_pack("{s:b,s:I,s:o,s:s,s:{}}", "success", 1, "total", (json_int_t)total,
                              "data", rows, "flash", "", "updates"),
                    200);
    }
    for (size_t i = 0; i < sorting.n; i++)
        free(sorting.by[i]);
    wb_query_free(&q);
    listing_free(&l);
    free(hits);
}

static const char *named_get(const void *record, const char *field, char buf[32])
{
    const struct wb_named *o = record;
    if (!strcmp(field, "name"))
        return o->name;
    if (strcmp(field, "id") && strcmp(field, "is_deleted"))
        return (const char *)-1;
    snprintf(buf, 32, "%lld", (long long)(*field == 'i' && field[1] == 'd' ? o->id : 0));
    return buf;
}

/* A list of things that have an id and a name; `one` answers the i-th with its JSON. */
void wb_list_named(const char *body, size_t n, json_t *(*one)(size_t i, struct wb_named *),
                   struct sb_response *out)
{
    static struct wb_query q;
    json_t *rows = json_array();
    int64_t limit = number_param(body, "_limit", 100), cap = atol(sb_switch("page_cap", "200"));
    wb_query_read(&q, body);
    for (size_t i = 0; i < n; i++) {
        struct wb_named named;
        json_t *row = one(i, &named);
        if (wb_query_match(&q, named_get, &named) > 0 &&
            (int64_t)json_array_size(rows) < (limit < cap ? limit : cap))
            json_array_append(rows, row);
        json_decref(row);
    }
    wb_query_free(&q);
    wb_put_json(
        out,
        json_pack("{s:b,s:i,s:o}", "success", 1, "total", (int)json_array_size(rows), "data", rows),
        200);
}
