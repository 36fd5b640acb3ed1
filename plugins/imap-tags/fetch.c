/* Messages by their ids, and by their Message-ID. */
#include <stdlib.h>
#include <string.h>

#include "imap.h"
#include "keys.h"

#define FOUND_MOST 1000u /* messages that bear the keys of one find() */

void imap_put_fetch(struct wess_conn *c, struct imap_batch *b, unsigned what)
{
    imap_put(b, "(UID");
    if (what & IMAP_FLAGS)
        imap_put(b, " FLAGS%s", c->features & IMAP_CONDSTORE ? " MODSEQ" : "");
    if (what & IMAP_HEADER)
        imap_put(b, " BODY.PEEK[HEADER.FIELDS (%s)]", c->identity);
    imap_put(b, ")");
}

void imap_put_set(struct imap_batch *b, const struct imap_wanted *of, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t k = i;
        while (k + 1 < n && of[k + 1].uid <= of[k].uid + 1)
            k++;
        imap_put_range(b, of[i].uid, of[k].uid, i > 0);
        i = k + 1;
    }
}

size_t imap_place_of(const struct imap_wanted *of, size_t n, uint32_t uid)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (of[mid].uid < uid)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && of[lo].uid == uid ? lo : n;
}

struct fetching {
    struct wess_call *call;
    struct imap_within within;
    const struct imap_wanted *of; /* of one folder, in the order of UIDs */
    size_t n;
    struct wess_result *out;
    struct imap_selected selected;
};

static int by_place(const void *a, const void *b)
{
    const struct imap_wanted *x = a, *y = b;
    if (x->folder != y->folder)
        return x->folder < y->folder ? -1 : 1;
    return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static enum wess_code take_message(struct fetching *f, const struct imap_fetch *got)
{
    const struct wess_host *h = f->call->conn->host;
    size_t at = imap_place_of(f->of, f->n, got->uid);
    if (!got->uid || !got->has_flags || !got->header.of || at == f->n)
        return WESS_OK;
    struct wess_item *item = h->alloc(f->call->arena, sizeof(*item));
    struct wess_field *field = item ? h->alloc(f->call->arena, sizeof(*field)) : NULL;
    if (!field)
        return imap_spent(f->call);
    enum wess_code rc = imap_item(f->call, &f->within, got, item);
    if (rc == WESS_OK)
        rc = imap_add_key(f->call, got->header, item);
    *field = (struct wess_field){.name = "categories", .type = WESS_SET, .set = item->tags};
    item->fields = field;
    item->n_fields = item->tags.n ? 1 : 0;
    item->flags = WESS_ITEM_WHOLE;
    for (; rc == WESS_OK && at < f->n && f->of[at].uid == got->uid; at++)
        f->out[f->of[at].i] = (struct wess_result){
            .code = WESS_OK, .id = item->id, .revision = item->revision, .current = item};
    return rc;
}

static enum wess_code take(void *ctx, const struct imap_response *got)
{
    struct fetching *f = ctx;
    struct imap_fetch fetch;
    imap_take_selected(&f->selected, got);
    if (got->status != IMAP_DATA || !imap_is(got->word, "FETCH"))
        return WESS_OK;
    if (!imap_read_fetch(got->rest, &fetch))
        return imap_not_understood(f->call, "FETCH");
    return take_message(f, &fetch);
}

static enum wess_code fetch_folder(struct fetching *f)
{
    struct wess_conn *c = f->call->conn;
    struct imap_batch b = {0};
    f->selected = (struct imap_selected){0};
    imap_put_select(c, &b, f->of->folder, false);
    imap_say(c, &b, "UID FETCH ");
    imap_put_set(&b, f->of, f->n);
    imap_put(&b, " ");
    imap_put_fetch(c, &b, IMAP_FLAGS | IMAP_HEADER);
    enum wess_code rc = imap_run(f->call, &b, take, f);
    if (rc != WESS_OK)
        return rc;
    if (f->selected.uidvalidity &&
        f->selected.uidvalidity != c->folders.of[f->of->folder].uidvalidity)
        for (size_t i = 0; i < f->n; i++)
            f->out[f->of[i].i] = (struct wess_result){.code = WESS_GONE};
    return WESS_OK;
}

static enum wess_code fetch_all(struct wess_call *call, struct imap_wanted *of, size_t n,
                                struct wess_result *out)
{
    enum wess_code rc = WESS_OK;
    if (n > 1)
        qsort(of, n, sizeof(*of), by_place);
    for (size_t i = 0, k; rc == WESS_OK && i < n; i = k) {
        for (k = i; k < n && of[k].folder == of[i].folder && k - i < IMAP_FETCH;)
            k++;
        struct fetching f = {
            .call = call, .within.folder = of[i].folder, .of = of + i, .n = k - i, .out = out};
        rc = fetch_folder(&f);
    }
    return rc;
}

enum wess_code imap_fetch(struct wess_call *call, struct wess_list ids, struct wess_result *out)
{
    struct wess_conn *c = call->conn;
    enum wess_code rc = imap_connect(call);
    if (rc == WESS_OK && !c->listed)
        rc = imap_list(call);
    if (rc != WESS_OK)
        return rc;
    struct imap_wanted *of = c->host->alloc(call->arena, (ids.n + 1) * sizeof(*of));
    size_t n = 0;
    if (!of)
        return imap_spent(call);
    for (size_t i = 0; i < ids.n; i++) {
        out[i] = (struct wess_result){.code = WESS_GONE};
        of[n].i = i;
        n += imap_id_read(c, ids.of[i], &of[n].folder, &of[n].uid);
    }
    return fetch_all(call, of, n, out);
}

/* ---- by Message-ID
 * ------------------------------------------------------------------------------------------ */

struct search {
    struct wess_call *call;
    size_t folder;
    struct wess_vec found; /* struct imap_wanted */
    bool too_many;
};

static enum wess_code take_search(void *ctx, const struct imap_response *got)
{
    struct search *s = ctx;
    struct imap_at at = got->rest;
    uint64_t uid;
    if (got->status != IMAP_DATA || !imap_is(got->word, "SEARCH"))
        return WESS_OK;
    while (at.of < at.end && imap_number(&at, UINT32_MAX, &uid)) {
        if (s->found.n >= FOUND_MOST) {
            s->too_many = true;
            return WESS_OK;
        }
        struct imap_wanted *w = wess_vec_push(s->call->conn->host, s->call->arena, &s->found);
        if (!w)
            return imap_spent(s->call);
        *w = (struct imap_wanted){s->folder, s->found.n - 1, (uint32_t)uid};
        imap_space(&at);
    }
    return WESS_OK;
}

static bool can_be_sought(const struct wess_key *k)
{
    for (const char *s = k->id; *s; s++)
        if ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f)
            return false;
    return !strcmp(k->space, "message-id") && *k->id && strlen(k->id) <= IMAP_HEADER_MAX;
}

static enum wess_code search_folder(struct search *s, const struct wess_key *keys, size_t n)
{
    struct wess_conn *c = s->call->conn;
    struct imap_batch b = {0};
    size_t asked = 0;
    imap_put_select(c, &b, s->folder, false);
    for (size_t i = 0; i < n; i++) {
        if (!can_be_sought(&keys[i]))
            continue;
        imap_say(c, &b, "UID SEARCH HEADER \"%s\" ", c->identity);
        imap_put_string(c, &b, keys[i].id);
        asked++;
    }
    if (asked)
        return imap_run(s->call, &b, take_search, s);
    /* What was to be said first is not said. */
    c->at_folder = SIZE_MAX;
    c->enabled = false;
    free(b.text);
    return WESS_OK;
}

static enum wess_code pick(struct search *s, const struct wess_key *keys, size_t n,
                           const struct wess_result *got, struct wess_page *out)
{
    struct wess_vec changes = {.size = sizeof(struct wess_change)};
    for (size_t i = 0; i < s->found.n; i++) {
        const struct wess_item *item = got[i].current;
        if (got[i].code != WESS_OK || !wess_bears_any(item, keys, n))
            continue;
        struct wess_change *change = wess_vec_push(s->call->conn->host, s->call->arena, &changes);
        if (!change)
            return imap_spent(s->call);
        *change = (struct wess_change){.what = WESS_UPSERT, .item = *item};
    }
    *out = (struct wess_page){
        .changes = changes.of, .n = changes.n, .flags = s->too_many ? 0 : WESS_PAGE_LAST};
    return WESS_OK;
}

/* One that bears two of the keys was found twice. */
static void each_once(struct wess_vec *found)
{
    struct imap_wanted *of = found->of;
    size_t n = 0;
    if (found->n > 1)
        qsort(of, found->n, sizeof(*of), by_place);
    for (size_t i = 0; i < found->n; i++)
        if (!n || by_place(&of[n - 1], &of[i]) != 0) {
            of[n] = of[i];
            of[n].i = n;
            n++;
        }
    found->n = n;
}

enum wess_code imap_find(struct wess_call *call, const struct wess_key *keys, size_t n,
                         struct wess_page *out)
{
    struct wess_conn *c = call->conn;
    struct search s = {.call = call, .found = {.size = sizeof(struct imap_wanted)}};
    enum wess_code rc = imap_connect(call);
    if (rc == WESS_OK && !c->listed)
        rc = imap_list(call);
    for (s.folder = 0; rc == WESS_OK && n && s.folder < c->folders.n; s.folder++)
        rc = search_folder(&s, keys, n);
    if (rc != WESS_OK)
        return rc;
    each_once(&s.found);
    struct wess_result *got = c->host->alloc(call->arena, (s.found.n + 1) * sizeof(*got));
    if (!got)
        return imap_spent(call);
    for (size_t i = 0; i < s.found.n; i++)
        got[i].code = WESS_GONE;
    rc = fetch_all(call, s.found.of, s.found.n, got);
    return rc == WESS_OK ? pick(&s, keys, n, got, out) : rc;
}
