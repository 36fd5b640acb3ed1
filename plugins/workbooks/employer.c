/* An employer is an organisation that exists; one is created only where the settings say so. */
#include <string.h>

#include "wb.h"

#define ASK_AT_ONCE 49u /* two rows for each fit into the page to rely on */
#define LETTERS 4u      /* of a name's beginning, in either case: 16 beginnings */
#define ALIKE_MOST 2000 /* rows that are looked through for a name in other letters */

static const char path[] = "crm/organisations.api";
static const char *const columns[] = {"id", "name", NULL};

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

/* Of the rows of one name that by which it is known: letter by letter, else folded. */
struct hits {
    size_t exact, folded;
    const char *exact_id, *folded_id; /* of the rows, or in `number` */
    char number[2][24];
};

static bool count(struct wess_call *call, const char *name, const char *fold, const json_t *row,
                  struct hits *h)
{
    const char *there = json_string_value(json_object_get(row, "name"));
    const char *folded = there ? call->conn->host->fold(call->arena, there) : NULL;
    if (!there || !folded || strcmp(folded, fold) != 0)
        return !there || folded;
    if (!strcmp(there, name) && !h->exact++)
        h->exact_id = wb_text(row, "id", h->number[0]);
    if (!h->folded++)
        h->folded_id = wb_text(row, "id", h->number[1]);
    return true;
}

/* What the rows say of one name. A spent budget is no answer: it would be kept as one. */
static enum wess_code learn(struct wess_call *call, const char *name, const json_t *rows)
{
    struct wess_conn *c = call->conn;
    const char *fold = c->host->fold(call->arena, name);
    struct hits h = {0};
    for (size_t k = 0; fold && k < json_array_size(rows); k++)
        if (!count(call, name, fold, json_array_get(rows, k), &h))
            return WESS_TOO_BIG;
    const char *id = h.exact ? h.exact_id : h.folded_id;
    bool single = (h.exact ? h.exact : h.folded) == 1 && id && *id >= '1' && *id <= '9';
    json_t *known = single ? json_string(id) : h.folded ? json_false() : json_null();
    return fold && json_object_set_new(c->employers, name, known) == 0 ? WESS_OK : WESS_TOO_BIG;
}

static enum wess_code ask(struct wess_call *call, const char *const *names, size_t n)
{
    json_t *rows = NULL;
    enum wess_code rc = wb_rows_of(call, path, "name", names, n, columns, &rows);
    if (rc == WESS_OK && n > 1 && json_array_size(rows) >= WB_ROWS_FOR(n)) {
        /* One name has so many that others may be missing. */
        json_decref(rows);
        rc = ask(call, names, n / 2);
        return rc == WESS_OK ? ask(call, names + n / 2, n - n / 2) : rc;
    }
    if (rc == WESS_OK && json_array_size(rows) >= WB_ROWS_FOR(n)) {
        /* The one that is meant, letter by letter, may be behind those in other letters. */
        json_array_clear(rows);
        rc = wb_rows_all(call, path, "name", names, n, columns, rows);
    }
    for (size_t i = 0; rc == WESS_OK && i < n; i++)
        rc = learn(call, names[i], rows);
    json_decref(rows);
    return rc;
}

static bool is_in(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

static enum wess_code ask_all(struct wess_call *call, const char *const *names, size_t n)
{
    enum wess_code rc = WESS_OK;
    for (size_t at = 0; rc == WESS_OK && at < n; at += ASK_AT_ONCE)
        rc = ask(call, names + at, n - at < ASK_AT_ONCE ? n - at : ASK_AT_ONCE);
    return rc;
}

/* Those of the names that nothing there bears, even folded. */
static size_t missing(const struct wess_conn *c, const char *const *names, size_t n,
                      const char **out)
{
    size_t have = 0;
    for (size_t i = 0; i < n; i++)
        if (json_is_null(json_object_get(c->employers, names[i])))
            out[have++] = names[i];
    return have;
}

enum wess_code wb_employers(struct wess_call *call, const struct wess_op *ops, size_t n)
{
    struct wess_conn *c = call->conn;
    const char **names = c->host->alloc(call->arena, (n + 1) * sizeof(*names));
    size_t have = 0, all = 0;
    if (!c->match_employer)
        return WESS_OK;
    for (size_t i = 0; names && i < n; i++) {
        const char *name = org_of(c->host, call->arena, &ops[i]);
        if (name && !is_in(names, all, name))
            names[all++] = name;
    }
    const char **unknown = c->host->alloc(call->arena, (all + 1) * sizeof(*unknown));
    if (!names || !unknown)
        return WESS_TOO_BIG;
    for (size_t i = 0; i < all; i++)
        if (!json_object_get(c->employers, names[i]))
            unknown[have++] = names[i];
    enum wess_code rc = ask_all(call, unknown, have);
    have =
        rc == WESS_OK && wb_may_create(c, WB_ORGANISATIONS) ? missing(c, names, all, unknown) : 0;
    return have ? wb_found(call, unknown, have) : rc;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* How a name may begin: its first letters in either case, as far as they are of ASCII. */
static size_t beginnings(char of[1u << LETTERS][LETTERS + 1], const char *name)
{
    size_t n = 1;
    memset(of[0], 0, LETTERS + 1);
    for (size_t at = 0; at < LETTERS && (is_letter(name[at]) || name[at] == ' '); at++) {
        size_t before = n;
        for (size_t i = 0; i < before; i++) {
            of[i][at] = name[at];
            if (!is_letter(name[at]))
                continue;
            memcpy(of[n], of[i], LETTERS + 1);
            of[n++][at] ^= 'a' ^ 'A';
        }
    }
    return *of[0] ? n : 0;
}

/* Reads on until a row bears the name, folded. */
static enum wess_code look_alike(struct wess_call *call, const char *name)
{
    char of[1u << LETTERS][LETTERS + 1];
    const char *starts[1u << LETTERS];
    size_t n = beginnings(of, name), got = WB_ROWS_PAGE;
    enum wess_code rc = WESS_OK;
    for (size_t i = 0; i < n; i++)
        starts[i] = of[i];
    for (int64_t from = 0; rc == WESS_OK && n && got == WB_ROWS_PAGE && from < ALIKE_MOST &&
                           json_is_null(json_object_get(call->conn->employers, name));
         from += WB_ROWS_PAGE) {
        json_t *rows = NULL;
        rc = wb_rows_begin(call, path, "name", starts, n, from, columns, &rows);
        got = json_array_size(rows);
        if (rc == WESS_OK)
            rc = learn(call, name, rows);
        json_decref(rows);
    }
    return rc;
}

enum wess_code wb_employers_again(struct wess_call *call, const char **names, size_t *n, bool alike)
{
    enum wess_code rc = ask_all(call, names, *n);
    *n = rc == WESS_OK ? missing(call->conn, names, *n, names) : 0;
    for (size_t i = 0; alike && rc == WESS_OK && i < *n; i++)
        rc = look_alike(call, names[i]);
    *n = rc == WESS_OK ? missing(call->conn, names, *n, names) : 0;
    return rc;
}

const char *wb_employer(const struct wess_conn *c, const char *name)
{
    return json_string_value(json_object_get(c->employers, name));
}
