/* An employer is an organisation that exists; one is never created silently. */
#include <string.h>

#include "wb.h"

#define ASK_AT_ONCE 49u /* two rows for each fit into the page to rely on */

static const char *org_of(const struct wess_host *host, struct wess_arena *a,
                          const struct wess_op *op)
{
    for (size_t i = 0; i < op->item.n_fields; i++) {
        const struct wess_field *f = &op->item.fields[i];
        if (!strcmp(f->name, "org") && f->type == WESS_TEXT && f->str.len)
            return wess_arena_textn(host, a, f->str.data, f->str.len);
    }
    return NULL;
}

/* What the rows say of one name. A spent budget is no answer: it would be kept as one. */
static enum wess_code learn(struct wess_call *call, const char *name, const json_t *rows)
{
    struct wess_conn *c = call->conn;
    const char *want = c->host->fold(call->arena, name), *found = NULL;
    char number[24];
    size_t hits = 0;
    for (size_t k = 0; want && k < json_array_size(rows); k++) {
        const json_t *row = json_array_get(rows, k);
        const char *there = json_string_value(json_object_get(row, "name"));
        const char *fold = there ? c->host->fold(call->arena, there) : NULL;
        const char *id = wb_text(row, "id", number);
        bool is_id = id && *id >= '1' && *id <= '9';
        if (there && !fold)
            return WESS_TOO_BIG;
        if (!fold || strcmp(fold, want))
            continue;
        hits++;
        found = is_id ? wess_arena_text(c->host, call->arena, id) : NULL;
        if (is_id && !found)
            return WESS_TOO_BIG;
    }
    json_t *id = hits == 1 && found ? json_string(found) : json_null();
    return want && json_object_set_new(c->employers, want, id) == 0 ? WESS_OK : WESS_TOO_BIG;
}

static enum wess_code ask(struct wess_call *call, const char *const *names, size_t n)
{
    json_t *rows = NULL;
    static const char *const columns[] = {"id", "name", NULL};
    enum wess_code rc = wb_rows_of(call, "crm/organisations.api", "name", names, n, columns, &rows);
    if (rc == WESS_OK && n > 1 && json_array_size(rows) >= WB_ROWS_FOR(n)) {
        /* One name has so many that others may be missing. */
        json_decref(rows);
        rc = ask(call, names, n / 2);
        return rc == WESS_OK ? ask(call, names + n / 2, n - n / 2) : rc;
    }
    for (size_t i = 0; rc == WESS_OK && i < n; i++)
        rc = learn(call, names[i], rows);
    json_decref(rows);
    return rc;
}

enum wess_code wb_employers(struct wess_call *call, const struct wess_op *ops, size_t n)
{
    struct wess_conn *c = call->conn;
    const char *names[ASK_AT_ONCE];
    size_t have = 0;
    enum wess_code rc = WESS_OK;
    for (size_t i = 0; rc == WESS_OK && c->match_employer && i <= n; i++) {
        const char *name = i < n ? org_of(c->host, call->arena, &ops[i]) : NULL;
        const char *fold = name ? c->host->fold(call->arena, name) : NULL;
        if (name && !fold)
            return WESS_TOO_BIG;
        bool known = !fold || json_object_get(c->employers, fold) != NULL;
        for (size_t k = 0; !known && k < have; k++) {
            const char *other = c->host->fold(call->arena, names[k]);
            known = other && !strcmp(other, fold);
        }
        if (!known)
            names[have++] = name;
        if (have && (have == ASK_AT_ONCE || i == n)) {
            rc = ask(call, names, have);
            have = 0;
        }
    }
    return rc;
}

const char *wb_employer(const struct wess_conn *c, const char *folded)
{
    return json_string_value(json_object_get(c->employers, folded));
}
