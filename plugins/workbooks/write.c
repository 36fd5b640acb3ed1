/* Writing: one request for a batch, a square array, each record a transaction of its own. */
#include <stdio.h>
#include <string.h>

#include "write.h"

/* ---- the request
 * --------------------------------------------------------------------------------------------- */

static const char *lock_of(const struct wess_op *o)
{
    const char *rev = o->before ? o->before->revision : NULL;
    return o->what == WESS_CREATE ? "0" : rev ? rev : "0";
}

static void write_form(struct wb_table *t, struct form *f)
{
    static const char *const verbs[] = {
        [WESS_CREATE] = "POST", [WESS_UPDATE] = "PUT", [WESS_DELETE] = "DELETE"};
    form_add(f, "_per_object_transactions", "true");
    form_add(f, "_fm", "or");
    for (size_t i = 0; i < t->n; i++) {
        if (!wb_is_sent(t, i))
            continue;
        form_add(f, "_ff[]", "id");
        form_add(f, "_ft[]", "eq");
        form_add(f, "_fc[]", wb_id_of(&t->ops[i]));
    }
    for (size_t i = 0; i < t->n; i++) {
        if (!wb_is_sent(t, i))
            continue;
        form_add(f, "__method[]", verbs[t->ops[i].what]);
        form_add(f, "id[]", wb_id_of(&t->ops[i]));
        form_add(f, "lock_version[]", lock_of(&t->ops[i]));
        for (size_t c = 0; c < t->n_columns; c++) {
            const char *value = t->cells[i * WB_COLUMNS_MAX + c];
            char name[96];
            snprintf(name, sizeof(name), "%s[]", t->columns[c]);
            form_add(f, name, value ? value : WB_KEEP);
        }
    }
}

/* ---- again
 * ------------------------------------------------------------------------------------------------------
 */

/* Creates that may have been carried out are looked up by their stamps before anything is sent. */
static enum wess_code look_up(struct wb_table *t)
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
        wb_rows_equal(call, "created_through_reference", stamps, n, false, true, &rows);
    for (size_t i = 0; rc == WESS_OK && i < t->n; i++)
        for (size_t k = 0; t->ops[i].stamp && k < json_array_size(rows); k++) {
            const json_t *row = json_array_get(rows, k);
            const char *stamp = wb_text(row, "created_through_reference", ref);
            if (t->ops[i].what != WESS_CREATE || !stamp || strcmp(stamp, t->ops[i].stamp))
                continue;
            wb_done(t, i, row);
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

static enum wess_code send(struct wb_table *t)
{
    struct form f = {0};
    json_t *answer = NULL;
    bool any = false;
    for (size_t i = 0; i < t->n; i++)
        any |= wb_is_sent(t, i);
    if (!any)
        return WESS_OK;
    enum wess_code rc = wb_begin(t->call, "PUT", &f);
    if (rc == WESS_OK) {
        write_form(t, &f);
        rc = wb_post(t->call, t->kind->path, &f, true, &answer);
    }
    form_fini(&f);
    if (rc == WESS_OK)
        rc = wb_read_answer(t, answer);
    else if (rc != WESS_UNKNOWN && rc != WESS_CANCELLED)
        for (size_t i = 0; i < t->n; i++)
            if (wb_is_sent(t, i))
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

/* All that is asked before anything is written. */
static enum wess_code prepare(struct wb_table *t)
{
    enum wess_code rc = wb_queues(t->call, t->kind->family);
    if (rc == WESS_OK && t->kind->prepare)
        rc = t->kind->prepare(t);
    return rc == WESS_OK ? look_up(t) : rc;
}

static enum wess_code apply_some(struct wess_call *call, const struct wess_op *ops, size_t n,
                                 struct wess_result *out)
{
    const struct wess_host *h = call->conn->host;
    struct wb_table t = {.call = call, .kind = wb_kind_of(call), .ops = ops, .out = out, .n = n};
    t.cells = h->alloc(call->arena, n * WB_COLUMNS_MAX * sizeof(*t.cells));
    t.skip = h->alloc(call->arena, n * sizeof(*t.skip));
    not_sent(ops, n, out);
    if (!t.cells || !t.skip)
        return WESS_TOO_BIG;
    enum wess_code rc = prepare(&t);
    for (size_t i = 0; rc == WESS_OK && i < n; i++)
        if (wb_is_sent(&t, i)) {
            out[i].code = WESS_NOT_TRIED;
            wb_fill(&t, i);
        }
    json_decref(t.found);
    if (rc != WESS_OK || t.spent)
        return rc != WESS_OK ? rc : WESS_TOO_BIG;
    for (size_t i = 0; i < n; i++)
        if (wb_is_sent(&t, i))
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
