/* Saved reports as tag sources: an endpoint with `reports` tells, in place of the records, which of
 * them a report lists. Each bears the report's name as its tag, and {"id", number} as its key. Not
 * in the listing is not in the report: every round lists all of it, in the order of ids. */
#include "report.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meta.h"

#define ROWS_MOST 100000 /* of one report */
#define PAGES_MOST 2000u /* a service that gives a row at a time is not asked for ever */

/* ---- the settings
 * ------------------------------------------------------------------------------------------ */

/* "people.Exchange Sync": one for each collection. */
static bool take(struct wess_conn *c, const char *line, size_t len, bool *bad)
{
    const char *dot = memchr(line, '.', len);
    size_t place = dot ? wb_place(line, (size_t)(dot - line)) : WB_KINDS;
    size_t left = dot ? len - (size_t)(dot - line) - 1 : 0;
    *bad = place == WB_KINDS || wb_kinds[place]->family == WB_NO_FAMILY || !left || left > 200 ||
           c->reports[place].name;
    if (*bad)
        return false;
    c->by_reports = true;
    c->reports[place].name = strndup(dot + 1, left);
    return c->reports[place].name != NULL;
}

bool wb_reports_read(struct wess_conn *c, const char *lines, const char **bad)
{
    return wb_each_line(c, lines, take, bad);
}

static void forget(struct wb_report *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->ids[i]);
    free(r->ids);
    r->ids = NULL;
    r->n = r->cap = 0;
    r->read = false;
}

void wb_reports_free(struct wess_conn *c)
{
    for (size_t k = 0; k < WB_KINDS; k++) {
        forget(&c->reports[k]);
        free(c->reports[k].name);
    }
}

/* ---- one request
 * ------------------------------------------------------------------------------------------ */

/* By its number, or by its name as part of an address. */
static char *path_of(struct wess_call *call, const char *name)
{
    static const char plain[] = "-._~";
    const struct wess_host *h = call->conn->host;
    if (!name[strspn(name, "0123456789")])
        return wess_arena_fmt(h, call->arena, "data_view/%s/data.api", name);
    char *escaped = h->alloc(call->arena, 3 * strlen(name) + 1), *at = escaped;
    for (const unsigned char *s = (const unsigned char *)name; escaped && *s; s++)
        if (*s < 128 && (isalnum(*s) || strchr(plain, *s)))
            *at++ = (char)*s;
        else
            at += sprintf(at, "%%%02X", *s);
    return escaped ? wess_arena_fmt(h, call->arena, "data_view/%s.api", escaped) : NULL;
}

static enum wess_code ask(struct wess_call *call, const struct wb_report *r, int64_t start,
                          json_t **answer)
{
    const struct wess_conn *c = call->conn;
    struct form f = {0};
    char *path = path_of(call, r->name);
    enum wess_code rc = path ? wb_begin(call, "GET", &f) : WESS_TOO_BIG;
    *answer = NULL;
    if (rc == WESS_OK) {
        form_number(&f, "_start", start);
        form_number(&f, "_limit", c->page > 1 ? c->page : 2); /* one of them is known */
        form_add(&f, "_sort[]", c->report_column);
        form_add(&f, "_dir[]", "ASC");
        rc = wb_post(call, path, &f, false, answer);
    }
    form_fini(&f);
    if (call->error.remote_status == 404)
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_COLLECTION, NULL,
                         "reports: there is no report \"%.80s\" that this key may see", r->name);
    return rc;
}

/* ---- rows
 * ------------------------------------------------------------------------------------------ */

static enum wess_code no_column(struct wess_call *call, const struct wb_report *r,
                                const json_t *row)
{
    const char *column = call->conn->report_column, *near = wb_nearest_member(row, column);
    return wess_fail(&call->error, WESS_BROKEN, WESS_OF_COLLECTION, NULL,
                     "report_id_column: the report \"%.60s\" has no column \"%.60s\"%s%.40s%s",
                     r->name, column, near ? "; did you mean \"" : "", near ? near : "",
                     near ? "\"?" : "");
}

static bool add(struct wb_report *r, const char *id)
{
    if (r->n == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 256;
        char **more = realloc(r->ids, cap * sizeof(*more));
        if (!more)
            return false;
        r->ids = more;
        r->cap = cap;
    }
    r->ids[r->n] = strdup(id);
    return r->ids[r->n] && ++r->n;
}

static bool is_number(const char *text)
{
    size_t len = strlen(text);
    return len && len < 19 && *text != '0' && strspn(text, "0123456789") == len;
}

/* A row without a record (a report over records that are tied to none) says nothing. */
static enum wess_code take_row(struct wess_call *call, struct wb_report *r, const json_t *row)
{
    char number[24];
    const json_t *value = json_object_get(row, call->conn->report_column);
    const char *id = value ? wb_text(row, call->conn->report_column, number) : NULL;
    if (!value)
        return no_column(call, r, row);
    if (json_is_null(value))
        return WESS_OK;
    if (!id || !is_number(id))
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_COLLECTION, NULL,
                         "report_id_column: \"%.60s\" of the report \"%.60s\" holds no numbers of "
                         "records",
                         call->conn->report_column, r->name);
    return add(r, id) ? WESS_OK : WESS_TOO_BIG;
}

static enum wess_code moved(struct wess_call *call, const struct wb_report *r)
{
    return wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_COLLECTION, NULL,
                     "the report \"%.80s\" changed while it was read", r->name);
}

struct reading {
    unsigned pages;
    int64_t at, total; /* rows behind us; all, by the last answer: -1: not told yet */
    char last[24];     /* what the last row said */
};

/* A page begins with the last row of the one before: if it is another, rows have moved meanwhile,
 * and some may have been passed over. */
static bool goes_on(const struct wess_call *call, const struct reading *p, const json_t *rows)
{
    char number[24];
    const char *first = wb_text(json_array_get(rows, 0), call->conn->report_column, number);
    return !p->at || !strcmp(first ? first : "", p->last);
}

static enum wess_code take_page(struct wess_call *call, struct wb_report *r, struct reading *p,
                                const json_t *answer)
{
    const json_t *rows = json_object_get(answer, "data"), *all = json_object_get(answer, "total");
    size_t n = json_array_size(rows), from = p->at > 0;
    enum wess_code rc = WESS_OK;
    if (!json_is_true(json_object_get(answer, "success")) || !json_is_array(rows) ||
        !json_is_integer(all))
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_COLLECTION, NULL,
                         "Workbooks did not read the report \"%.60s\" by its column \"%.60s\": "
                         "check reports and report_id_column",
                         r->name, call->conn->report_column);
    if (json_integer_value(all) > ROWS_MOST)
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_COLLECTION, NULL,
                         "reports: \"%.80s\" has more than %d rows", r->name, ROWS_MOST);
    if ((p->total >= 0 && json_integer_value(all) != p->total) || !goes_on(call, p, rows))
        return moved(call, r);
    if (++p->pages > PAGES_MOST)
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_COLLECTION, NULL,
                         "the report \"%.80s\" comes in too many pages: page_size", r->name);
    p->total = json_integer_value(all);
    if (n <= from && p->at < p->total)
        return moved(call, r);
    for (size_t i = from; rc == WESS_OK && i < n; i++)
        rc = take_row(call, r, json_array_get(rows, i));
    const char *last =
        wb_text(json_array_get(rows, n - (n > 0)), call->conn->report_column, (char[24]){0});
    snprintf(p->last, sizeof(p->last), "%s", last ? last : "");
    p->at += (int64_t)(n > from ? n - from : 0);
    return rc;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Each once: a report may have a line for each of a record's activities. */
static void sort(struct wb_report *r)
{
    size_t kept = 0;
    if (r->n)
        qsort(r->ids, r->n, sizeof(*r->ids), by_bytes);
    for (size_t i = 0; i < r->n; i++)
        if (kept && !strcmp(r->ids[kept - 1], r->ids[i]))
            free(r->ids[i]);
        else
            r->ids[kept++] = r->ids[i];
    r->n = kept;
}

/* All of it, or nothing. */
static enum wess_code read_whole(struct wess_call *call, struct wb_report *r)
{
    struct reading p = {.total = -1};
    enum wess_code rc = WESS_OK;
    forget(r);
    while (rc == WESS_OK && (p.total < 0 || p.at < p.total)) {
        json_t *answer = NULL;
        rc = ask(call, r, p.at ? p.at - 1 : 0, &answer);
        if (rc == WESS_OK)
            rc = take_page(call, r, &p, answer);
        json_decref(answer);
    }
    if (rc != WESS_OK) {
        forget(r);
        return rc;
    }
    sort(r);
    r->read = true;
    return WESS_OK;
}

/* ---- the slots
 * ------------------------------------------------------------------------------------------ */

enum wess_code wb_reports_check(struct wess_call *call)
{
    enum wess_code rc = WESS_OK;
    for (size_t k = 0; rc == WESS_OK && k < WB_KINDS; k++) {
        struct wb_report *r = &call->conn->reports[k];
        struct reading p = {.total = -1};
        json_t *answer = NULL;
        if (!r->name)
            continue;
        rc = ask(call, r, 0, &answer);
        if (rc == WESS_OK)
            rc = take_page(call, r, &p, answer);
        json_decref(answer);
        forget(r);
    }
    return rc;
}

static bool put(struct wess_call *call, const struct wb_kind *k, const struct wb_report *r,
                const char *id, struct wess_change *out)
{
    const struct wess_host *h = call->conn->host;
    const char **tags = h->alloc(call->arena, sizeof(*tags));
    struct wess_key *key = h->alloc(call->arena, sizeof(*key));
    char *mine = wess_arena_text(h, call->arena, id),
         *tag = wess_arena_text(h, call->arena, r->name);
    if (!tags || !key || !mine || !tag)
        return false;
    *tags = tag;
    *key = (struct wess_key){"id", mine};
    *out = (struct wess_change){.what = WESS_UPSERT,
                                .item = {.id = mine,
                                         .revision = tag,
                                         .kind = k->kind,
                                         .tags = {tags, 1},
                                         .keys = key,
                                         .n_keys = 1}};
    return true;
}

/* The cursor: behind which id a listing stands, or that one has ended, whereupon all is listed
 * again; that is all there is. */
#define LISTS 'L'
#define ENDED 'E'

static bool is_cursor(struct wess_slice c)
{
    const char *at = c.data;
    return !c.len || (c.len == 1 && *at == ENDED) || (c.len > 1 && *at == LISTS);
}

static bool put_cursor(struct wess_call *call, const char *last, struct wess_slice *out)
{
    char *text = wess_arena_fmt(call->conn->host, call->arena, "%c%s", last ? LISTS : ENDED,
                                last ? last : "");
    *out = (struct wess_slice){text, text ? strlen(text) : 0};
    return text != NULL;
}

/* It is read once for a listing, and by whoever goes on where another process was. */
enum wess_code wb_report_changes(struct wess_call *call, struct wess_slice cursor, uint32_t limit,
                                 struct wess_page *out)
{
    const struct wb_kind *k = wb_kind_of(call);
    struct wb_report *r = &call->conn->reports[wb_place(k->collection, strlen(k->collection))];
    const struct wess_host *h = call->conn->host;
    if (!is_cursor(cursor))
        return wess_fail(&call->error, WESS_RESET, WESS_OF_COLLECTION, NULL, "unknown cursor");
    bool goes_on = cursor.len > 1;
    enum wess_code rc = r->read && goes_on ? WESS_OK : read_whole(call, r);
    char *after =
        goes_on ? wess_arena_textn(h, call->arena, (const char *)cursor.data + 1, cursor.len - 1)
                : wess_arena_text(h, call->arena, "");
    size_t at = 0, most = limit < (uint32_t)call->conn->page ? limit : (size_t)call->conn->page;
    if (rc != WESS_OK)
        return wb_told(call, rc);
    while (after && at < r->n && strcmp(r->ids[at], after) <= 0)
        at++;
    size_t n = r->n - at < most ? r->n - at : most;
    struct wess_change *of = h->alloc(call->arena, (n + 1) * sizeof(*of));
    bool ok = after && of, last = at + n == r->n;
    for (size_t i = 0; ok && i < n; i++)
        ok = put(call, k, r, r->ids[at + i], &of[i]);
    *out = (struct wess_page){.changes = of,
                              .n = n,
                              .flags = WESS_PAGE_SNAPSHOT | WESS_PAGE_SORTED |
                                       (last ? WESS_PAGE_LAST : 0u)};
    ok = ok && put_cursor(call, last ? NULL : of[n - 1].item.id, &out->next);
    return ok ? WESS_OK : wb_told(call, WESS_TOO_BIG);
}
