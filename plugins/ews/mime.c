/* What is too large to come with its item: each by a request of its own, spooled while it comes.
 * See mime_cut.h. */
#include <string.h>

#include "ews.h"
#include "mime_cut.h"

struct getting {
    struct wess_call *call;
    const struct ews_large *how;
    struct wess_result **of; /* those of this wave */
    struct mime_cut *mime;
    struct ews_tally tally[EWS_LANES];
    bool too_big[EWS_LANES];
    enum wess_code rc; /* the first trouble that is not of one item alone */
    struct wess_error error;
};

static size_t cut_out(void *ctx, size_t i, char *data, size_t len)
{
    return mime_cut(&((struct getting *)ctx)->mime[i], data, len);
}

/* ---- one item
 * ------------------------------------------------------------------------------------------ */

static void fail_one(struct getting *g, struct wess_result *r, enum wess_code rc, const char *text,
                     const char *code)
{
    const struct wess_host *h = g->call->conn->host;
    r->code = rc;
    r->current = NULL;
    r->text = text ? wess_arena_text(h, g->call->arena, text) : NULL;
    r->remote_code = code && *code ? wess_arena_text(h, g->call->arena, code) : NULL;
}

static enum wess_code take_message(void *ctx, size_t i, size_t at, const xmlNode *m,
                                   struct wess_error *e)
{
    struct getting *g = ctx;
    enum wess_code rc = at ? WESS_OK : ews_message_item(m, false, e);
    if (at)
        return WESS_OK;
    ews_count(&g->tally[i], rc, e);
    /* A part that is gone: the item may be there, and is looked at again. */
    if (rc != WESS_OK)
        fail_one(g, g->of[i], rc == WESS_GONE && g->how->is_part ? WESS_TRANSIENT : rc, e->text,
                 e->remote_code);
    return WESS_OK;
}

bool ews_add_blob(struct wess_call *call, struct wess_result *r, const char *name,
                  const struct wess_blob *blob)
{
    const struct wess_host *h = call->conn->host;
    const struct wess_item *was = r->current;
    struct wess_item *item = h->alloc(call->arena, sizeof(*item));
    struct wess_field *of = h->alloc(call->arena, (was->n_fields + 1) * sizeof(*of));
    if (!item || !of)
        return false;
    size_t n = 0;
    for (size_t i = 0; i < was->n_fields; i++)
        if (strcmp(was->fields[i].name, name))
            of[n++] = was->fields[i];
    of[n++] = (struct wess_field){.name = name, .type = WESS_BLOB, .blob = *blob};
    *item = *was;
    item->fields = of;
    item->n_fields = n;
    r->current = item;
    return true;
}

static enum wess_code keep_large(struct getting *g, size_t i, struct wess_error *e)
{
    const struct wess_host *h = g->call->conn->host;
    struct mime_cut *m = &g->mime[i];
    struct wess_blob blob;
    /* A part that holds nothing is none. */
    if (g->how->is_part && m->seen && !m->bad && !m->n_letters)
        return ews_without(g->call, g->of[i], g->how->field)
                   ? WESS_OK
                   : wess_fail(e, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
    if (!mime_cut_end(m))
        return wess_fail(e, WESS_TRANSIENT, WESS_OF_COLLECTION, NULL,
                         "what is large did not come whole, or cannot be spooled");
    struct wess_spool *spool = m->spool;
    m->spool = NULL;
    if (h->blob_done(spool, g->call->arena, &blob) != WESS_OK)
        return wess_fail(e, WESS_TRANSIENT, WESS_OF_HOST, NULL, "what is large cannot be spooled");
    return ews_add_blob(g->call, g->of[i], g->how->field, &blob)
               ? WESS_OK
               : wess_fail(e, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
}

static void end_one(void *ctx, size_t i, struct ews_answer *a)
{
    struct getting *g = ctx;
    ews_judge(&g->tally[i], a);
    if (a->code == WESS_OK && !a->n)
        a->code = wess_fail(&a->error, WESS_TRANSIENT, WESS_OF_COLLECTION, NULL,
                            "the answer for what is large is not there");
    if (a->code == WESS_OK && g->of[i]->code == WESS_OK)
        a->code = keep_large(g, i, &a->error);
    g->too_big[i] = a->code == WESS_TOO_BIG && !a->n;
    if (g->too_big[i])
        fail_one(g, g->of[i], WESS_TOO_BIG, "it is larger than http.body_max lets through", NULL);
    if (a->code == WESS_OK || g->too_big[i] || g->rc != WESS_OK)
        return;
    g->rc = a->code;
    g->error = a->error;
}

/* ---- all of them
 * ------------------------------------------------------------------------------------------ */

static enum wess_code get_some(struct getting *g, size_t n)
{
    const struct wess_host *h = g->call->conn->host;
    const struct ews_taker taker = {
        .ctx = g, .message = take_message, .done = end_one, .filter = cut_out};
    struct xml_out x[EWS_LANES];
    enum wess_code rc = WESS_OK;
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        g->tally[i] = (struct ews_tally){0};
        g->too_big[i] = false;
        g->mime[i] = (struct mime_cut){.host = h, .element = g->how->element};
        if (rc == WESS_OK && h->blob_new(h->ctx, &g->mime[i].spool) != WESS_OK)
            rc = wess_fail(&g->call->error, WESS_TRANSIENT, WESS_OF_HOST, NULL,
                           "what is large cannot be spooled");
        ews_begin(g->call->conn, &x[i], g->call->conn->impersonate);
        g->how->ask(&x[i], g->of[i]);
    }
    if (rc == WESS_OK)
        rc = ews_send(g->call, x, n, false, 0, &taker);
    for (size_t i = 0; i < n; i++) {
        any |= g->too_big[i];
        xml_fini(&x[i]);
        if (g->mime[i].spool)
            h->blob_close(g->mime[i].spool);
    }
    if (g->rc != WESS_OK)
        g->call->error = g->error;
    return g->rc != WESS_OK ? g->rc : any ? WESS_OK : rc;
}

enum wess_code ews_fetch_large(struct wess_call *call, const struct ews_large *how,
                               struct wess_result *out, size_t n)
{
    const struct wess_host *h = call->conn->host;
    size_t lanes = call->lanes && call->lanes < EWS_LANES ? call->lanes : EWS_LANES;
    struct wess_result *wave[EWS_LANES];
    struct getting g = {.call = call, .how = how, .of = wave};
    enum wess_code rc = WESS_OK;
    g.mime = h->alloc(call->arena, EWS_LANES * sizeof(*g.mime));
    if (!g.mime)
        return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
    for (size_t at = 0; rc == WESS_OK && at < n;) {
        size_t some = 0;
        for (; at < n && some < lanes; at++)
            if (out[at].code == WESS_OK && out[at].current && (!how->has || how->has(&out[at])))
                wave[some++] = &out[at];
        if (some)
            rc = get_some(&g, some);
    }
    return rc;
}
