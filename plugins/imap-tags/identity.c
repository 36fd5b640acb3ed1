/* The identities of a first listing: read at once, and only of messages that bear a tag that
 * somebody asks for. */
#include "imap.h"

struct reading {
    struct wess_call *call;
    struct wess_change *changes;
    struct imap_wanted *of; /* `i`: in changes */
    size_t n;
};

static enum wess_code take(void *ctx, const struct imap_response *got)
{
    struct reading *r = ctx;
    struct imap_fetch fetch;
    if (got->status != IMAP_DATA || !imap_is(got->word, "FETCH"))
        return WESS_OK;
    if (!imap_read_fetch(got->rest, &fetch))
        return imap_not_understood(r->call, "FETCH");
    size_t at = fetch.uid && fetch.header.of ? imap_place_of(r->of, r->n, fetch.uid) : r->n;
    if (at == r->n)
        return WESS_OK;
    struct wess_change *c = &r->changes[r->of[at].i];
    c->flags = 0;
    return imap_add_key(r->call, fetch.header, &c->item);
}

static size_t note_wanted(struct reading *r, size_t folder, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < most; i++)
        if (r->changes[i].flags & WESS_BRIEF)
            r->of[n++] = (struct imap_wanted){folder, i, imap_id_uid(r->changes[i].item.id)};
    return n;
}

static size_t leave_out_gone(struct wess_change *of, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!(of[i].flags & WESS_BRIEF))
            of[kept++] = of[i];
    return kept;
}

enum wess_code imap_read_identities(struct wess_call *call, size_t folder,
                                    struct wess_change *changes, size_t *n)
{
    struct wess_conn *c = call->conn;
    struct reading r = {.call = call, .changes = changes};
    struct imap_batch b = {0};
    r.of = c->host->alloc(call->arena, (*n + 1) * sizeof(*r.of));
    if (!r.of)
        return imap_spent(call);
    r.n = note_wanted(&r, folder, *n);
    if (!r.n)
        return WESS_OK;
    imap_put_select(c, &b, folder, false);
    imap_say(c, &b, "UID FETCH ");
    imap_put_set(&b, r.of, r.n);
    imap_put(&b, " ");
    imap_put_fetch(c, &b, IMAP_HEADER);
    enum wess_code rc = imap_run(call, &b, take, &r);
    if (rc == WESS_OK)
        *n = leave_out_gone(changes, *n);
    return rc;
}
