/* Writing: one request for a batch, a square array, each record a transaction of its own. */
#include <stdio.h>
#include <string.h>

#include "files.h"
#include "upload.h"
#include "write.h"

#define UPLOAD_MOST ((uint64_t)2 << 20) /* bytes of blobs in one request, unless one is larger */

static const char spool_mark[] = ":from the spool:";
const char *const wb_from_spool = spool_mark;

/* ---- the request
 * --------------------------------------------------------------------------------------------- */

static const char *lock_of(const struct wess_op *o)
{
    const char *rev = o->before ? o->before->revision : NULL;
    return o->what == WESS_CREATE ? "0" : rev ? rev : "0";
}

static void write_form(struct wb_table *t, struct form *f, struct wb_upload *up)
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
            form_add(f, name, !value ? WB_KEEP : value == wb_from_spool ? "" : value);
            if (value == wb_from_spool)
                up->of[up->n++] = (struct wb_insert){.at = f->len, .blob = t->blobs[i]};
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
    const struct wess_host *h = t->call->conn->host;
    struct form f = {0};
    json_t *answer = NULL;
    bool any = false;
    for (size_t i = 0; i < t->n; i++)
        any |= wb_is_sent(t, i);
    if (!any)
        return WESS_OK;
    struct wb_upload *up = h->alloc(t->call->arena, sizeof(*up));
    struct wb_insert *of = h->alloc(t->call->arena, t->n * sizeof(*of));
    enum wess_code rc = up && of ? wb_begin(t->call, "PUT", &f) : WESS_TOO_BIG;
    if (rc == WESS_OK) {
        *up = (struct wb_upload){.host = h, .form = &f, .of = of};
        write_form(t, &f, up);
        rc = up->n ? wb_post_upload(t->call, t->kind->path, up, &answer)
                   : wb_post(t->call, t->kind->path, &f, true, &answer);
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
    t.blobs = h->alloc(call->arena, n * sizeof(*t.blobs));
    t.types = h->alloc(call->arena, n * sizeof(*t.types));
    not_sent(ops, n, out);
    if (!t.cells || !t.skip || !t.blobs || !t.types)
        return WESS_TOO_BIG;
    enum wess_code rc = prepare(&t);
    bool files = wb_has_files(call->conn, t.kind);
    if (rc == WESS_OK && files)
        wb_files_leave_missing(&t);
    int64_t wait_ms = rc == WESS_OK ? wb_pace(&t) : 0;
    for (size_t i = 0; rc == WESS_OK && i < n; i++)
        if (wb_is_sent(&t, i)) {
            out[i].code = WESS_NOT_TRIED;
            wb_fill(&t, i);
        }
    json_decref(t.found);
    if (rc != WESS_OK)
        return rc;
    if (t.spent) { /* what was refused may have been so for want of memory alone */
        for (size_t i = 0; i < n; i++)
            if (out[i].code != WESS_OK)
                out[i] = (struct wess_result){.code = WESS_NOT_TRIED};
        return WESS_TOO_BIG;
    }
    for (size_t i = 0; i < n; i++)
        if (wb_is_sent(&t, i))
            out[i].code = WESS_UNKNOWN;
    rc = send(&t);
    if (rc == WESS_OK && t.kind->finish)
        rc = t.kind->finish(&t);
    if (files)
        rc = wb_files_write(&t, rc);
    if (rc != WESS_OK || !wait_ms)
        return rc;
    call->error.retry_after_ms = wait_ms;
    return wess_fail(&call->error, WESS_THROTTLED, WESS_OF_COLLECTION, "max_create",
                     "as many records were created in this hour as the setting max_create allows");
}

static uint64_t blobs_of(const struct wess_op *o)
{
    uint64_t size = 0;
    for (size_t i = 0; i < o->item.n_fields; i++)
        if (o->item.fields[i].type == WESS_BLOB)
            size += o->item.fields[i].blob.size;
    return size;
}

/* How many of them go in one request. */
static size_t batch_of(const struct wess_op *ops, size_t n)
{
    uint64_t size = blobs_of(&ops[0]);
    size_t len = 1;
    while (len < n && len < WB_BATCH && (size += blobs_of(&ops[len])) <= UPLOAD_MOST)
        len++;
    return len;
}

enum wess_code wb_apply(struct wess_call *call, const struct wess_op *ops, size_t n,
                        struct wess_result *out)
{
    enum wess_code rc = WESS_OK;
    for (size_t at = 0, len; at < n; at += len) {
        len = batch_of(ops + at, n - at);
        if (rc != WESS_OK)
            not_sent(ops + at, len, out + at);
        else
            rc = apply_some(call, ops + at, len, out + at);
    }
    return wb_told(call, rc);
}
