/* A message as an item: where it lies is its id, its Message-ID a key, its keywords tags. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "imap.h"

#define ID_TAIL 22u /* ";4294967295;4294967295" */

int imap_folder_order(const struct imap_folder *a, const struct imap_folder *b)
{
    size_t n = strlen(a->name), m = strlen(b->name), least = n < m ? n : m;
    int order = memcmp(a->name, b->name, least);
    if (order || n == m)
        return order;
    /* The shorter one's id goes on with a semicolon there. */
    return n < m ? ';' - (unsigned char)b->name[n] : (unsigned char)a->name[m] - ';';
}

/* By hand: this is done for every message. */
static void put_padded(char *out, uint32_t n)
{
    for (size_t i = 10; i--; n /= 10)
        out[i] = (char)('0' + n % 10);
}

const char *imap_id(struct wess_call *call, const struct imap_folder *f, uint32_t uid)
{
    size_t len = strlen(f->name);
    char *id = call->conn->host->alloc(call->arena, len + ID_TAIL + 1);
    if (!id)
        return NULL;
    memcpy(id, f->name, len);
    id[len] = id[len + 11] = ';';
    put_padded(id + len + 1, f->uidvalidity);
    put_padded(id + len + 12, uid);
    return id;
}

uint32_t imap_id_uid(const char *id)
{
    return (uint32_t)strtoul(strrchr(id, ';') + 1, NULL, 10);
}

bool imap_id_read(const struct wess_conn *c, const char *id, size_t *folder, uint32_t *uid)
{
    size_t len = strlen(id);
    const char *tail = len > ID_TAIL ? id + len - ID_TAIL : NULL;
    uint64_t validity = 0, n = 0;
    if (!tail)
        return false;
    struct imap_at at = {tail, id + len};
    if (!imap_char(&at, ';') || !imap_number(&at, UINT32_MAX, &validity) || !imap_char(&at, ';') ||
        !imap_number(&at, UINT32_MAX, &n) || at.of != at.end || !n)
        return false;
    *uid = (uint32_t)n;
    for (*folder = 0; *folder < c->folders.n; ++*folder) {
        const struct imap_folder *f = &c->folders.of[*folder];
        if (strlen(f->name) == len - ID_TAIL && !strncmp(f->name, id, len - ID_TAIL))
            return f->uidvalidity == validity;
    }
    return false;
}

enum wess_code imap_add_key(struct wess_call *call, struct imap_text header, struct wess_item *out)
{
    const struct wess_host *h = call->conn->host;
    struct imap_text value = imap_header_value(header, call->conn->identity);
    if (!value.of)
        return WESS_OK;
    struct wess_key *key = h->alloc(call->arena, sizeof(*key));
    char *text = key ? wess_arena_textn(h, call->arena, value.of, value.len) : NULL;
    const char *folded = text ? h->fold(call->arena, text) : NULL;
    if (!folded)
        return imap_spent(call);
    if (!*folded)
        return WESS_OK;
    *key = (struct wess_key){"message-id", folded};
    out->keys = key;
    out->n_keys = 1;
    return WESS_OK;
}

static const char *revision_of(struct wess_call *call, const struct imap_folder *f,
                               const struct imap_fetch *got, struct wess_list tags)
{
    if (!f->modseq || !got->modseq)
        return imap_digest(call, tags);
    char digits[20];
    size_t n = 0;
    for (uint64_t left = got->modseq; left; left /= 10)
        digits[n++] = (char)('0' + left % 10);
    char *text = call->conn->host->alloc(call->arena, n + 1);
    for (size_t i = 0; text && i < n; i++)
        text[i] = digits[n - 1 - i];
    return text;
}

/* Most messages bear what one of the last few bore. */
static enum wess_code tags_of(struct wess_call *call, struct imap_within *w, struct imap_at flags,
                              struct wess_list *out)
{
    size_t len = (size_t)(flags.end - flags.of);
    const size_t most = sizeof(w->meanings) / sizeof(w->meanings[0]);
    for (size_t i = 0; i < w->n_meanings && i < most; i++) {
        const struct imap_meaning *m = &w->meanings[i];
        if (m->flags.len == len && !memcmp(m->flags.of, flags.of, len)) {
            *out = m->tags;
            return WESS_OK;
        }
    }
    const char *kept = wess_arena_textn(call->conn->host, call->arena, flags.of, len);
    enum wess_code rc = kept ? imap_tags(call, flags, out) : imap_spent(call);
    if (rc == WESS_OK)
        w->meanings[w->n_meanings++ % most] = (struct imap_meaning){{kept, len}, *out};
    return rc;
}

enum wess_code imap_item(struct wess_call *call, struct imap_within *w,
                         const struct imap_fetch *got, struct wess_item *out)
{
    const struct imap_folder *f = &call->conn->folders.of[w->folder];
    if (!w->path)
        w->path = wess_arena_text(call->conn->host, call->arena, f->path);
    *out =
        (struct wess_item){.kind = "message", .id = imap_id(call, f, got->uid), .folder = w->path};
    enum wess_code rc =
        out->id && w->path ? tags_of(call, w, got->flags, &out->tags) : imap_spent(call);
    if (rc != WESS_OK)
        return rc;
    out->revision = revision_of(call, f, got, out->tags);
    return out->revision ? WESS_OK : imap_spent(call);
}
