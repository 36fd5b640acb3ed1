/* Reading: the keyset over updated_at and id with its overlap, rows by id, and looking for keys. */
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "keys.h"
#include "meta.h"
#include "wb.h"

#define FIND_MOST 200 /* rows of one look-up; more, and the core halves the keys */
#define ID_MOST ((int64_t)1 << 53)
#define PAGES_MOST 100u /* of one query; a list without end is none */

/* Fewer rows than asked for: there are no more; but some services give 100 whatever is asked. */
static bool is_all(size_t rows, int64_t asked)
{
    return (int64_t)rows < asked && rows != WB_PAGE;
}

static void filter(struct form *f, const char *field, const char *type, const char *value)
{
    form_add(f, "_ff[]", field);
    form_add(f, "_ft[]", type);
    form_add(f, "_fc[]", value);
}

static void paging_from(struct form *f, int64_t start, int64_t limit)
{
    form_number(f, "_start", start);
    form_number(f, "_limit", limit);
    form_add(f, "_skip_total_rows", "true");
    form_add(f, "__skip_total_rows", "true");
}

static void paging(struct form *f, int64_t limit)
{
    paging_from(f, 0, limit);
}

static enum wess_code rows_of(struct wess_call *call, json_t *answer, json_t **rows)
{
    *rows = json_object_get(answer, "data");
    if (json_is_true(json_object_get(answer, "success")) && json_is_array(*rows))
        return WESS_OK;
    wb_meta_doubt(call); /* a column may be there no more */
    return wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                     "Workbooks did not carry out a query");
}

/* ---- the query of a page
 * ----------------------------------------------------------------------------------- */

static char *joined_ids(struct wess_call *call, const struct wb_second *s)
{
    char *out = call->conn->host->alloc(call->arena, s->n * 21 + 1), *at = out;
    for (size_t i = 0; out && i < s->n; i++)
        at += sprintf(at, "%s%lld", i ? "," : "", (long long)s->ids[i]);
    return out;
}

/* What was seen in the overlap already is left out, second by second: a record that changed again
 * has another second, one that became visible late another id. */
static bool leave_out_seen(struct wess_call *call, struct form *f, const struct wb_cursor *c,
                           size_t term, char *formula, size_t cap)
{
    size_t at = strlen(formula), groups = 0;
    char *seconds = call->conn->host->alloc(call->arena, c->n * 21 + 1), *s = seconds, one[24];
    if (!seconds)
        return false;
    for (size_t i = 0; i < c->n; i++)
        if (c->seen[i].at >= c->seconds)
            s += sprintf(s, "%s%lld", groups++ ? "," : "", (long long)c->seen[i].at);
    if (!groups)
        return true;
    filter(f, "updated_at", "ne", seconds);
    at += (size_t)snprintf(formula + at, cap - at, " AND (%zu", term++);
    for (size_t i = 0; i < c->n; i++) {
        if (c->seen[i].at < c->seconds)
            continue;
        char *ids = joined_ids(call, &c->seen[i]);
        if (!ids)
            return false;
        snprintf(one, sizeof(one), "%lld", (long long)c->seen[i].at);
        filter(f, "updated_at", "eq", one);
        filter(f, "id", "ne", ids);
        at += (size_t)snprintf(formula + at, cap - at, " OR (%zu AND %zu)", term, term + 1);
        term += 2;
    }
    snprintf(formula + at, cap - at, ")");
    return true;
}

static bool ask_page(struct wess_call *call, struct form *f, const struct wb_cursor *c,
                     int64_t limit, bool bare)
{
    char seconds[24], id[24];
    size_t cap = 128 + 32 * (c->n + 1);
    char *formula = call->conn->host->alloc(call->arena, cap);
    if (!formula)
        return false;
    snprintf(seconds, sizeof(seconds), "%lld", (long long)c->seconds);
    snprintf(id, sizeof(id), "%lld", (long long)c->id);
    paging(f, limit);
    form_add(f, "_sort[]", "updated_at");
    form_add(f, "_dir[]", "ASC");
    form_add(f, "_sort[]", "id");
    form_add(f, "_dir[]", "ASC");
    filter(f, "is_deleted", "true", "");
    filter(f, "is_deleted", "false", "");
    strcpy(formula, "(1 OR 2)");
    if (c->seconds) {
        filter(f, "updated_at", "gt", seconds);
        filter(f, "updated_at", "eq", seconds);
        filter(f, "id", "gt", id);
        strcat(formula, " AND (3 OR (4 AND 5))");
    }
    size_t term = c->seconds ? 6 : 3;
    if (wb_kind_of(call)->ours_only) {
        filter(f, "created_through", "eq", call->conn->application);
        snprintf(formula + strlen(formula), cap - strlen(formula), " AND %zu", term++);
    }
    if (!leave_out_seen(call, f, c, term, formula, cap))
        return false;
    form_add(f, "_fm", formula);
    if (bare)
        wb_select_bare(f);
    else
        wb_select(f, call->conn, wb_kind_of(call), false);
    return true;
}

/* In a snapshot a record that is deleted already is no news. */
static enum wess_code add_change(struct wess_call *call, const json_t *row, bool snapshot,
                                 bool bare, struct wess_vec *changes)
{
    struct wess_item item = {0};
    enum wess_code rc = wb_item(call, row, false, &item);
    bool deleted = (item.flags & WESS_ITEM_TRASHED) != 0;
    if (rc != WESS_OK || (deleted && snapshot))
        return rc;
    struct wess_change *c = wess_vec_push(call->conn->host, call->arena, changes);
    if (!c)
        return WESS_TOO_BIG;
    *c = (struct wess_change){.what = deleted ? WESS_DELETE : WESS_UPSERT,
                              .flags = bare ? WESS_REF_ONLY : 0,
                              .item = item};
    return WESS_OK;
}

/* To a row. Rows ascend by second, then id: a list that does not is another than was asked for, and
 * reading it might never end. */
static enum wess_code advance(struct wess_call *call, struct wb_cursor *at, const json_t *row)
{
    char number[24], *end = NULL;
    const char *text = wb_text(row, "id", number);
    int64_t seconds = wb_time_ms(json_object_get(row, "updated_at")) / 1000;
    int64_t id = text ? strtoll(text, &end, 10) : 0;
    if (!text || *text < '1' || *text > '9' || *end || id > ID_MOST)
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "a %s came whose id is no number", wb_kind_of(call)->one);
    if (!seconds || seconds < at->seconds || (seconds == at->seconds && id <= at->id))
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "Workbooks does not list by time of change");
    at->seconds = seconds;
    at->id = id;
    return WESS_OK;
}

static enum wess_code fill_page(struct wess_call *call, json_t *rows, struct wb_cursor *at,
                                int64_t limit, bool bare, struct wess_page *out)
{
    struct wess_vec changes = {.size = sizeof(struct wess_change)};
    size_t n = json_array_size(rows);
    struct wess_conn *c = call->conn;
    int64_t now = (c->host->now_ms(c->host->ctx) + c->ahead_ms) / 1000; /* by their clock */
    int64_t back = now - c->overlap_s;
    bool last = is_all(n, limit), snapshot = at->snapshot;
    for (size_t i = 0; i < n; i++) {
        const json_t *row = json_array_get(rows, i);
        enum wess_code rc = advance(call, at, row);
        if (rc == WESS_OK)
            rc = add_change(call, row, snapshot, bare, &changes);
        if (rc != WESS_OK)
            return rc;
        /* A second that is still running may bring the same record once more. */
        if (at->seconds >= back && at->seconds < now - WB_SETTLED_S &&
            !wb_cursor_saw(call, at, at->seconds, at->id))
            return WESS_TOO_BIG;
    }
    if (last)
        wb_cursor_rest(at, back);
    out->flags = (snapshot ? WESS_PAGE_SNAPSHOT : 0u) | (last ? WESS_PAGE_LAST : 0u);
    out->changes = changes.of;
    out->n = changes.n;
    return wb_cursor_write(call, at, &out->next) ? WESS_OK : WESS_TOO_BIG;
}

/* Whose the records are is judged as they are read: with another queue of the user, or one that was
 * not told before, all of them are read once more. While none is told nothing is unlearned. */
static enum wess_code heed_own(struct wess_call *call, bool begins, struct wb_cursor *at)
{
    enum wb_family family = wb_kind_of(call)->family;
    const char *own = family < WB_FAMILIES ? call->conn->queues[family].own : NULL;
    int64_t mine = own ? strtoll(own, NULL, 10) : 0, was = at->mine;
    at->mine = mine;
    if (begins || !mine || mine == was)
        return WESS_OK;
    return wess_fail(&call->error, WESS_RESET, WESS_OF_COLLECTION, NULL,
                     "the user's own queue is another one, or was not known before");
}

static enum wess_code read_page(struct wess_call *call, struct wess_slice cursor, int64_t limit,
                                bool bare, struct wess_page *out)
{
    struct form f = {0};
    struct wb_cursor at;
    json_t *answer = NULL, *rows;
    enum wess_code rc = wb_cursor_read(call, cursor, &at);
    if (rc == WESS_OK)
        rc = heed_own(call, !cursor.len, &at);
    if (rc == WESS_OK)
        rc = wb_begin(call, "GET", &f);
    if (rc == WESS_OK)
        rc = ask_page(call, &f, &at, limit, bare)
                 ? wb_post(call, wb_kind_of(call)->path, &f, false, &answer)
                 : WESS_TOO_BIG;
    form_fini(&f);
    if (rc == WESS_OK)
        rc = rows_of(call, answer, &rows);
    if (rc == WESS_OK)
        rc = wb_queues_of(call, rows);
    if (rc == WESS_OK)
        rc = fill_page(call, rows, &at, limit, bare, out);
    json_decref(answer);
    return wb_told(call, rc);
}

enum wess_code wb_changes(struct wess_call *call, struct wess_slice cursor, uint32_t limit,
                          struct wess_page *out)
{
    int64_t most = (int64_t)limit < call->conn->page ? (int64_t)limit : call->conn->page;
    enum wess_code rc = wb_queues(call, wb_kind_of(call)->family);
    if (rc == WESS_OK)
        rc = read_page(call, cursor, most, false, out);
    /* Contract rule 3: reading gets past a person that does not fit, who is named and no more. */
    if (rc == WESS_TOO_BIG && most == 1)
        rc = read_page(call, cursor, 1, true, out);
    return rc;
}

/* ---- rows by value
 * ----------------------------------------------------------------------------------------- */

/* "a,b,c": any of them; a comma that is meant is escaped. */
static char *any_of(struct wess_call *call, const char *const *values, size_t n)
{
    size_t len = 1;
    for (size_t i = 0; i < n; i++)
        len += 2 * strlen(values[i]) + 1;
    char *out = call->conn->host->alloc(call->arena, len), *at = out;
    for (size_t i = 0; out && i < n; i++) {
        if (i)
            *at++ = ',';
        for (const char *s = values[i]; *s; s++) {
            if (*s == ',')
                *at++ = '\\';
            *at++ = *s;
        }
    }
    return out;
}

static enum wess_code ask(struct wess_call *call, const char *path, struct form *f, json_t **out)
{
    json_t *answer = NULL, *rows;
    enum wess_code rc = wb_post(call, path, f, false, &answer);
    if (rc == WESS_OK)
        rc = rows_of(call, answer, &rows);
    if (rc == WESS_OK)
        *out = json_incref(rows);
    json_decref(answer);
    return rc;
}

enum wess_code wb_rows_of(struct wess_call *call, const char *path, const char *column,
                          const char *const *values, size_t n, const char *const *columns,
                          json_t **out)
{
    struct form f = {0};
    char *any = any_of(call, values, n);
    enum wess_code rc = any ? wb_begin(call, "GET", &f) : WESS_TOO_BIG;
    *out = NULL;
    if (rc == WESS_OK) {
        paging(&f, WB_ROWS_FOR((int64_t)n));
        filter(&f, column, "eq", any);
        for (size_t i = 0; columns[i]; i++)
            form_add(&f, "_select_columns[]", columns[i]);
        rc = ask(call, path, &f, out);
    }
    form_fini(&f);
    return rc;
}

enum wess_code wb_rows_page(struct wess_call *call, const char *path, const struct wb_filter *by,
                            size_t n, const char *const *columns, json_t **out)
{
    struct form f = {0};
    enum wess_code rc = wb_begin(call, "GET", &f);
    *out = NULL;
    paging(&f, WB_ROWS_PAGE);
    form_add(&f, "_sort[]", "id");
    form_add(&f, "_dir[]", "ASC");
    for (size_t i = 0; rc == WESS_OK && i < n; i++) {
        char *any = any_of(call, by[i].values, by[i].n);
        if (any)
            filter(&f, by[i].column, by[i].type, any);
        else
            rc = WESS_TOO_BIG;
    }
    for (size_t i = 0; columns[i]; i++)
        form_add(&f, "_select_columns[]", columns[i]);
    if (rc == WESS_OK)
        rc = ask(call, path, &f, out);
    form_fini(&f);
    return rc;
}

enum wess_code wb_rows_all(struct wess_call *call, const char *path, const char *column,
                           const char *const *values, size_t n, const char *const *columns,
                           json_t *into)
{
    char last[24] = "0", number[24];
    const char *from = last;
    const struct wb_filter by[] = {{column, "eq", values, n}, {"id", "gt", &from, 1}};
    for (unsigned page = 0; page < PAGES_MOST; page++) {
        json_t *rows = NULL;
        enum wess_code rc = wb_rows_page(call, path, by, 2, columns, &rows);
        size_t got = json_array_size(rows);
        const char *id = got ? wb_text(json_array_get(rows, got - 1), "id", number) : NULL;
        snprintf(last, sizeof(last), "%s", id ? id : "");
        if (rc == WESS_OK && json_array_extend(into, rows) != 0)
            rc = WESS_TOO_BIG;
        json_decref(rows);
        if (rc != WESS_OK || got < WB_ROWS_PAGE)
            return rc;
    }
    return wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                     "Workbooks lists a query without end");
}

enum wess_code wb_rows_begin(struct wess_call *call, const char *path, const char *column,
                             const char *const *starts, size_t n, int64_t from,
                             const char *const *columns, json_t **out)
{
    struct form f = {0};
    enum wess_code rc = wb_begin(call, "GET", &f);
    *out = NULL;
    if (rc == WESS_OK) {
        paging_from(&f, from, WB_ROWS_PAGE);
        form_add(&f, "_sort[]", "id");
        form_add(&f, "_dir[]", "ASC");
        for (size_t i = 0; i < n; i++)
            filter(&f, column, "bg", starts[i]);
        form_add(&f, "_fm", "or");
        for (size_t i = 0; columns[i]; i++)
            form_add(&f, "_select_columns[]", columns[i]);
        rc = ask(call, path, &f, out);
    }
    form_fini(&f);
    return rc;
}

enum wess_code wb_rows_equal(struct wess_call *call, const char *column, const char *const *values,
                             size_t n, bool deleted, bool whole, json_t **out)
{
    struct form f = {0};
    const struct wb_kind *k = wb_kind_of(call);
    char *any = any_of(call, values, n);
    enum wess_code rc = any ? wb_begin(call, "GET", &f) : WESS_TOO_BIG;
    *out = NULL;
    if (rc == WESS_OK) {
        paging(&f, FIND_MOST);
        filter(&f, column, "eq", any);
        if (deleted) {
            filter(&f, "is_deleted", "true", "");
            filter(&f, "is_deleted", "false", "");
            form_add(&f, "_fm", "1 AND (2 OR 3)");
        }
        wb_select(&f, call->conn, k, whole);
        rc = ask(call, k->path, &f, out);
    }
    form_fini(&f);
    if (rc == WESS_OK)
        rc = wb_queues_of(call, *out);
    if (rc != WESS_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return rc;
}

/* ---- fetch
 * -----------------------------------------------------------------------------------------------------
 */

const json_t *wb_row_of(const json_t *rows, const char *id)
{
    char number[24];
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *there = wb_text(row, "id", number);
        if (there && !strcmp(there, id))
            return row;
    }
    return NULL;
}

static enum wess_code fetch_some(struct wess_call *call, const char *const *ids, size_t n,
                                 struct wess_result *out)
{
    json_t *rows = NULL;
    bool files = wb_has_files(call->conn, wb_kind_of(call)) && !(call->flags & WESS_CALL_FACTS);
    const char **types = call->conn->host->alloc(call->arena, n * sizeof(*types));
    enum wess_code rc =
        types ? wb_rows_equal(call, "id", ids, n, false, true, &rows) : WESS_TOO_BIG;
    for (size_t i = 0; rc == WESS_OK && i < n; i++) {
        const json_t *row = wb_row_of(rows, ids[i]);
        struct wess_item *item = row ? call->conn->host->alloc(call->arena, sizeof(*item)) : NULL;
        if (row && !item)
            rc = WESS_TOO_BIG;
        else if (row)
            rc = wb_item(call, row, true, item);
        if (rc == WESS_OK)
            types[i] = wess_arena_text(call->conn->host, call->arena,
                                       json_string_value(json_object_get(row, "type")));
        if (rc == WESS_OK)
            out[i] = (struct wess_result){.code = row ? WESS_OK : WESS_GONE,
                                          .id = row ? item->id : NULL,
                                          .revision = row ? item->revision : NULL,
                                          .current = item};
    }
    json_decref(rows);
    return rc == WESS_OK && files ? wb_files_read(call, types, out, n) : rc;
}

enum wess_code wb_fetch(struct wess_call *call, struct wess_list ids, struct wess_result *out)
{
    enum wess_code rc = wb_queues(call, wb_kind_of(call)->family);
    for (size_t at = 0; rc == WESS_OK && at < ids.n; at += WB_PAGE) {
        size_t n = ids.n - at < WB_PAGE ? ids.n - at : WB_PAGE;
        rc = fetch_some(call, ids.of + at, n, out + at);
    }
    return wb_told(call, rc);
}

/* ---- find
 * -------------------------------------------------------------------------------------------------------
 */

/* The part of a key that a column can be asked for: of a composite its first. */
static const char *askable(struct wess_call *call, const struct wess_key *key, const char *space)
{
    size_t len = strlen(space);
    if (strncmp(key->space, space, len) || (key->space[len] && key->space[len] != '+'))
        return NULL;
    const char *bar = key->space[len] ? strrchr(key->id, '|') : NULL;
    return bar ? wess_arena_textn(call->conn->host, call->arena, key->id, (size_t)(bar - key->id))
               : key->id;
}

static enum wess_code add_found(struct wess_call *call, const json_t *rows,
                                const struct wess_key *keys, size_t n, struct wess_vec *changes)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        struct wess_item item;
        const struct wess_change *known = changes->of;
        bool twice = false;
        enum wess_code rc = wb_item(call, json_array_get(rows, i), false, &item);
        if (rc != WESS_OK)
            return rc;
        for (size_t k = 0; k < changes->n; k++)
            twice |= !strcmp(known[k].item.id, item.id);
        if (twice || !wess_bears_any(&item, keys, n))
            continue;
        struct wess_change *c = wess_vec_push(call->conn->host, call->arena, changes);
        if (!c)
            return WESS_TOO_BIG;
        *c = (struct wess_change){.what = WESS_UPSERT, .item = item};
    }
    return WESS_OK;
}

enum wess_code wb_find(struct wess_call *call, const struct wess_key *keys, size_t n,
                       struct wess_page *out)
{
    struct wess_vec changes = {.size = sizeof(struct wess_change)};
    const char **values = call->conn->host->alloc(call->arena, (n + 1) * sizeof(*values));
    const struct wb_kind *kind = wb_kind_of(call);
    enum wess_code rc = values ? wb_queues(call, kind->family) : WESS_TOO_BIG;
    bool whole = true;
    for (size_t t = 0; rc == WESS_OK && t < kind->n_look; t++) {
        json_t *rows = NULL;
        size_t asked = 0;
        for (size_t k = 0; k < n; k++) {
            const char *value = askable(call, &keys[k], kind->look[t].space);
            if (value && *value)
                values[asked++] = value;
        }
        if (!asked)
            continue;
        rc = wb_rows_equal(call, kind->look[t].column, values, asked, true, false, &rows);
        whole &= is_all(json_array_size(rows), FIND_MOST);
        if (rc == WESS_OK)
            rc = add_found(call, rows, keys, n, &changes);
        json_decref(rows);
    }
    *out = (struct wess_page){
        .changes = changes.of, .n = changes.n, .flags = whole ? WESS_PAGE_LAST : 0};
    return wb_told(call, rc);
}
