/* Which MIME is whose: by the response messages, which come in the order of the ids. */
#include "mime_row.h"

#include <string.h>

#define MESSAGE "GetItemResponseMessage"

static struct mime_part *part_now(struct mime_row *r)
{
    return r->come && r->come <= r->n ? &r->of[r->come - 1] : NULL;
}

static void next_message(struct mime_row *r)
{
    r->come++;
    mime_cut_anew(&r->cut);
}

/* A second one within a message, or one that nobody asked for, stays in the answer. */
static void begin_content(struct mime_row *r)
{
    const struct wess_host *h = r->cut.host;
    struct mime_part *part = part_now(r);
    r->cut.over |= !part || part->begun;
    if (r->cut.over)
        return;
    part->begun = true;
    r->cut.bad |= h->blob_new(h->ctx, &r->cut.spool) != WESS_OK;
}

static void end_content(struct mime_row *r)
{
    const struct wess_host *h = r->cut.host;
    struct wess_spool *spool = r->cut.spool;
    struct mime_part *part = part_now(r);
    bool whole = mime_cut_end(&r->cut);
    r->cut.spool = NULL;
    if (!spool)
        return;
    if (whole && part)
        part->whole = h->blob_done(spool, r->call->arena, &part->blob) == WESS_OK;
    else
        h->blob_close(spool);
    r->bytes += part && part->whole ? part->blob.size : 0;
}

static void on_tag(void *ctx, const char *name, bool closes)
{
    struct mime_row *r = ctx;
    if (!closes && !strcmp(name, MESSAGE))
        next_message(r);
    else if (!strcmp(name, "MimeContent"))
        closes ? end_content(r) : begin_content(r);
}

bool mime_row_begin(struct mime_row *r, struct wess_call *call, const struct wess_host *h, size_t n)
{
    *r = (struct mime_row){.call = call, .cut = {.host = h, .tag = on_tag, .tag_ctx = r}, .n = n};
    r->of = h->alloc(call->arena, (n + 1) * sizeof(*r->of));
    if (r->of)
        memset(r->of, 0, (n + 1) * sizeof(*r->of));
    return r->of != NULL;
}

size_t mime_row_cut(struct mime_row *r, char *data, size_t len)
{
    return mime_cut(&r->cut, data, len);
}

void mime_row_end(struct mime_row *r)
{
    if (r->cut.spool)
        r->cut.host->blob_close(r->cut.spool);
    r->cut.spool = NULL;
}
