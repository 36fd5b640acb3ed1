/* The stage "fetch": GetItem side by side, in batches that shrink when their answers are large. */
#include <stdlib.h>
#include <string.h>

#include "ews.h"
#include "mime_row.h"

#define MIME_BYTES ((uint64_t)16 << 20) /* of an answer with the MIME of several */
#define FAILED_MOST 4u                  /* items that fail alone, none taken: it is not theirs */
#define SILENT_MOST 6u /* rounds in a row in which no answer came in time: nobody is there */

/* Ids [at, at + n) of one request. */
struct stretch {
    size_t at, n;
    bool smaller;         /* asked for in two halves */
    bool slow;            /* because time ran out */
    enum wess_code alone; /* what an item that is asked for alone is told; WESS_OK: what it was */
    const char *remote_code, *text;
};
struct getting {
    struct wess_call *call;
    const char *const *ids;
    struct wess_result *out;
    struct stretch *now; /* on the wire, by request */
    struct ews_tally tally[EWS_LANES];
    struct mime_row *mime; /* by request; NULL: not wanted */
    uint64_t bytes;        /* of the answers to those */
    uint64_t spooled;      /* of all that came until now */
    size_t taken, failed;  /* items that came; those that failed alone */
    size_t silent;         /* rounds without an answer in time, and nothing since */
    bool timed_out;        /* this round is one, so far */
    enum wess_code rc;     /* the first trouble that smaller batches do not cure */
    struct wess_error error;
};

/* The server stopped before the end of the batch, which has a minute there. */
static bool ran_out(enum wess_code of_item, const struct wess_error *e)
{
    bool stopped = of_item == WESS_NOT_TRIED && e->scope == WESS_OF_ITEM;
    return stopped || !strcmp(e->remote_code, "ErrorTimeoutExpired");
}

static enum wess_code add_mime(struct getting *g, struct wess_result *r, const struct mime_row *row,
                               size_t at, struct wess_error *e)
{
    const struct mime_part *part = &row->of[at];
    if (row->come != row->n) /* then nothing tells whose is whose */
        return wess_fail(e, WESS_TRANSIENT, WESS_OF_COLLECTION, NULL,
                         "the MIME of messages came for another number of them");
    if (!part->begun) { /* a whole answer that says nothing of it: it never will */
        r->code = WESS_REJECTED;
        r->current = NULL;
        r->text = "Exchange gives out no MIME for it";
        return WESS_OK;
    }
    if (!part->whole)
        return wess_fail(e, WESS_TRANSIENT, WESS_OF_COLLECTION, NULL,
                         "the MIME of a message did not come whole, or cannot be spooled");
    return ews_add_blob(g->call, r, "mime", &part->blob)
               ? WESS_OK
               : wess_fail(e, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
}

static enum wess_code take_item(void *ctx, size_t i, size_t at, const xmlNode *m,
                                struct wess_error *e)
{
    struct getting *g = ctx;
    struct wess_call *call = g->call;
    const struct wess_host *h = call->conn->host;
    const xmlNode *contact = xml_first(xml_child(m, "Items"));
    if (at >= g->now[i].n)
        return WESS_OK; /* done() tells of it */
    struct wess_result *r = &g->out[g->now[i].at + at];
    r->code = ews_message_item(m, false, e);
    ews_count(&g->tally[i], r->code, e);
    g->silent = 0;
    g->taken++; /* whatever is said of it */
    if (r->code != WESS_OK) {
        g->now[i].slow |= ran_out(r->code, e);
        r->remote_code = wess_arena_text(h, call->arena, e->remote_code);
        r->text = wess_arena_text(h, call->arena, e->text);
        return WESS_OK;
    }
    if (!xml_is(contact, ews_kind_of(call)->element)) {
        r->code = WESS_REJECTED;
        r->text = "it is of another kind";
        return WESS_OK;
    }
    struct wess_item *item = h->alloc(call->arena, sizeof(*item));
    enum wess_code rc = item ? ews_item(call, contact, true, item) : WESS_TOO_BIG;
    if (rc == WESS_REJECTED) {
        r->code = WESS_REJECTED;
        r->text = "its id or revision has no form that can be kept";
        return WESS_OK;
    }
    if (rc != WESS_OK) {
        r->code = WESS_UNKNOWN;
        return wess_fail(e, rc, WESS_OF_COLLECTION, NULL, "the items are too large");
    }
    r->id = item->id;
    r->revision = item->revision;
    r->current = item;
    return g->mime ? add_mime(g, r, &g->mime[i], at, e) : WESS_OK;
}

static size_t cut_mime(void *ctx, size_t i, char *data, size_t len)
{
    return mime_row_cut(&((struct getting *)ctx)->mime[i], data, len);
}

/* A fault that one item among many can cause: whose it is shows when they are asked for apart. */
static bool may_be_of_one(const struct ews_answer *a)
{
    const struct ews_code *c = ews_code(a->error.remote_code);
    return !strcmp(c->name, "ErrorInternalServerError") ||
           (c->code == WESS_BROKEN && c->item == WESS_REJECTED);
}

/* The server takes longer than we wait: with fewer items it may manage. A host that is silent to
 * all of several rounds is down, whatever the size. */
static bool waits_on(struct getting *g, const struct ews_answer *a)
{
    if (a->timed_out && !g->timed_out)
        g->silent++;
    g->timed_out |= a->timed_out;
    return a->timed_out && g->silent < SILENT_MOST;
}

/* What is told to an item that came alone, and failed. */
static void tell_alone(const struct wess_call *call, struct stretch *s, const struct ews_answer *a)
{
    const struct wess_host *h = call->conn->host;
    s->alone =
        a->code == WESS_TOO_BIG || a->timed_out ? a->code : ews_code(a->error.remote_code)->item;
    s->remote_code = wess_arena_text(h, call->arena, a->error.remote_code);
    s->text =
        a->error.remote_code[0] || a->timed_out
            ? wess_arena_text(h, call->arena, a->error.text)
            : "it is larger than this program takes in one piece, or http.body_max lets through";
}

static void end_stretch(void *ctx, size_t i, struct ews_answer *a)
{
    struct getting *g = ctx;
    struct stretch *s = &g->now[i];
    ews_judge(&g->tally[i], a);
    /* Over the bound of this request, not of the memory for all. */
    s->smaller = !a->n && (a->code == WESS_TOO_BIG || may_be_of_one(a) || waits_on(g, a));
    if (s->smaller) {
        s->slow |= a->timed_out || !strcmp(a->error.remote_code, "ErrorTimeoutExpired");
        tell_alone(g->call, s, a);
    } else if (a->code == WESS_OK && a->n == s->n) {
        s->smaller = s->slow;
    }
    ews_each_answered(a, s->n);
    g->bytes += a->bytes + (g->mime ? g->mime[i].bytes : 0);
    g->spooled += g->mime ? g->mime[i].bytes : 0;
    if (a->code == WESS_OK || g->rc != WESS_OK)
        return;
    /* Alone, one after the other, and none comes: it is not theirs. */
    bool alone = s->smaller && s->n == 1 && a->code != WESS_TOO_BIG;
    g->failed += alone;
    if (s->smaller && !(alone && g->failed >= FAILED_MOST && !g->taken))
        return;
    g->rc = a->code;
    g->error = a->error;
}

static void ask_items(const struct getting *g, struct xml_out *x, const char *const *ids, size_t n)
{
    const struct wess_call *call = g->call;
    const struct wess_conn *c = call->conn;
    ews_begin(c, x, c->impersonate);
    xml_open(x, "m:GetItem");
    ews_shape(x, ews_kind_of(call), !g->mime || !(call->flags & WESS_CALL_MIME),
              !(call->flags & (WESS_CALL_FACTS | WESS_CALL_NO_PHOTO)), g->mime != NULL);
    xml_open(x, "m:ItemIds");
    for (size_t i = 0; i < n; i++)
        ews_item_id(x, ids[i], NULL);
    xml_close(x);
    xml_close(x);
}

/* Bytes; 0: what the endpoint allows, as MIME passes through. */
static uint64_t answer_most(const struct getting *g, bool alone)
{
    if (g->mime)
        return alone ? 0 : MIME_BYTES;
    return alone ? EWS_ITEM_BYTES : 2 * EWS_ANSWER_BYTES;
}

/* Sends some stretches at once. What is not taken apart at all (no password) is the code of it. */
static enum wess_code get_some(struct getting *g, struct stretch *of, size_t n)
{
    struct wess_call *call = g->call;
    struct xml_out x[EWS_LANES];
    const struct ews_taker taker = {
        .ctx = g, .message = take_item, .done = end_stretch, .filter = g->mime ? cut_mime : NULL};
    bool alone = true, any = false, room = true;
    g->now = of;
    g->bytes = 0;
    g->timed_out = false;
    for (size_t i = 0; i < n; i++) {
        g->tally[i] = (struct ews_tally){0};
        room &= !g->mime || mime_row_begin(&g->mime[i], call, call->conn->host, of[i].n);
        ask_items(g, &x[i], g->ids + of[i].at, of[i].n);
        alone &= of[i].n == 1;
    }
    enum wess_code rc =
        room ? ews_send(call, x, n, false, answer_most(g, alone), &taker)
             : wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
    for (size_t i = 0; i < n; i++) {
        any |= of[i].smaller;
        xml_fini(&x[i]);
        if (g->mime)
            mime_row_end(&g->mime[i]);
    }
    if (g->rc != WESS_OK)
        call->error = g->error;
    return g->rc != WESS_OK ? g->rc : any ? WESS_OK : rc;
}

/* What was too much for one answer goes back in two halves; one item alone is told. */
static bool put_back(struct getting *g, struct stretch *stack, size_t *depth,
                     const struct stretch *sent, size_t n)
{
    struct wess_conn *c = g->call->conn;
    bool any = false;
    for (size_t i = n; i-- > 0;) {
        if (!sent[i].smaller)
            continue;
        any = true;
        if (sent[i].n == 1) {
            if (sent[i].alone != WESS_OK)
                g->out[sent[i].at] = (struct wess_result){.code = sent[i].alone,
                                                          .text = sent[i].text,
                                                          .remote_code = sent[i].remote_code};
            continue;
        }
        size_t half = sent[i].n / 2;
        if (sent[i].slow && half < c->batch_most)
            c->batch_most = half;
        c->batch = half < c->batch ? half : c->batch;
        stack[(*depth)++] = (struct stretch){.at = sent[i].at + half, .n = sent[i].n - half};
        stack[(*depth)++] = (struct stretch){.at = sent[i].at, .n = half};
    }
    return any;
}

/* Batches come as large as answers allow: towards EWS_ANSWER_BYTES, by what this one weighed. */
static void adapt(struct wess_conn *c, uint64_t bytes, size_t items)
{
    uint64_t each = items ? bytes / items + 1 : 1, fit = EWS_ANSWER_BYTES / each;
    c->batch = fit >= c->batch_most ? c->batch_most : fit ? (size_t)fit : 1;
}

/* What is left when there is enough for one call. */
static void leave_rest(struct getting *g, const struct stretch *stack, size_t depth, size_t next,
                       size_t n)
{
    for (size_t i = 0; i < depth; i++)
        for (size_t k = 0; k < stack[i].n; k++)
            g->out[stack[i].at + k] = (struct wess_result){.code = WESS_NOT_TRIED};
    for (; next < n; next++)
        g->out[next] = (struct wess_result){.code = WESS_NOT_TRIED};
}

/* The next stretches to go together. One id alone may have a larger answer: such go by themselves.
 */
static size_t next_wave(struct stretch *stack, size_t *depth, size_t *next, size_t end,
                        size_t batch, size_t lanes, struct stretch now[EWS_LANES])
{
    size_t n = 0;
    while (n < lanes && (*depth || *next < end)) {
        struct stretch s = {.at = *next, .n = batch < end - *next ? batch : end - *next};
        if (*depth)
            s = stack[*depth - 1];
        if (n && (s.n == 1) != (now[0].n == 1))
            break;
        if (*depth)
            --*depth;
        else
            *next += s.n;
        s = (struct stretch){.at = s.at, .n = s.n};
        now[n++] = s;
    }
    return n;
}

enum wess_code ews_fetch(struct wess_call *call, struct wess_list ids, struct wess_result *out)
{
    struct wess_conn *c = call->conn;
    struct getting g = {.call = call, .ids = ids.of, .out = out};
    size_t lanes = call->lanes && call->lanes < EWS_LANES ? call->lanes : EWS_LANES;
    size_t next = 0, depth = 0;
    enum wess_code rc = WESS_OK;
    /* Stretches share no id: there are never more of them than ids. */
    struct stretch *stack = c->host->alloc(call->arena, (ids.n + 1) * sizeof(*stack));
    bool mime = ews_kind_of(call) == &ews_message_kind &&
                !(call->flags & (WESS_CALL_FACTS | WESS_CALL_NO_MIME));
    if (mime)
        g.mime = c->host->alloc(call->arena, EWS_LANES * sizeof(*g.mime));
    if (!stack || (mime && !g.mime))
        return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
    while (rc == WESS_OK && (depth || next < ids.n) && g.spooled <= WESS_FETCH_BYTES) {
        struct stretch now[EWS_LANES];
        size_t items = 0, n = next_wave(stack, &depth, &next, ids.n, c->batch, lanes, now);
        for (size_t i = 0; i < n; i++)
            items += now[i].n;
        rc = get_some(&g, now, n);
        if (rc == WESS_OK && !put_back(&g, stack, &depth, now, n))
            adapt(c, g.bytes, items);
    }
    leave_rest(&g, stack, rc == WESS_OK ? depth : 0, rc == WESS_OK ? next : ids.n, ids.n);
    if (rc == WESS_OK && ews_kind_of(call) == &ews_event_kind)
        rc = ews_fetch_occurrences(call, out, ids.n);
    if (rc == WESS_OK && c->attachments && !ews_kind_of(call)->read_only &&
        !(call->flags & WESS_CALL_FACTS))
        rc = ews_fetch_attachments(call, out, ids.n);
    if (rc == WESS_OK && ews_kind_of(call) == &ews_contact_kind)
        rc = ews_fetch_photos(call, out, ids.n);
    if (rc == WESS_OK)
        call->error = (struct wess_error){0};
    return rc;
}
