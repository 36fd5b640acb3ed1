/* Tags as keywords: added and taken off one by one, and only those that the settings name. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "imap.h"

struct storing {
    struct wess_call *call;
    uint32_t uid;
    uint64_t modseq; /* of the message now; 0: not told */
    bool seen, modified;
    struct wess_list tags;
};

static enum wess_code take_store(void *ctx, const struct imap_response *got)
{
    struct storing *s = ctx;
    struct imap_fetch f;
    if (got->status != IMAP_DATA || !imap_is(got->word, "FETCH"))
        return WESS_OK;
    if (!imap_read_fetch(got->rest, &f))
        return imap_not_understood(s->call, "FETCH");
    if (f.uid != s->uid)
        return WESS_OK;
    s->seen |= f.has_flags;
    s->modseq = f.modseq ? f.modseq : s->modseq;
    return f.has_flags ? imap_tags(s->call, f.flags, &s->tags) : WESS_OK;
}

static const struct wess_list *categories(const struct wess_item *i)
{
    for (size_t k = 0; i && k < i->n_fields; k++)
        if (!strcmp(i->fields[k].name, "categories"))
            return i->fields[k].type == WESS_SET ? &i->fields[k].set : NULL;
    return NULL;
}

static bool has(struct wess_list l, const char *tag)
{
    for (size_t i = 0; i < l.n; i++)
        if (!strcasecmp(l.of[i], tag))
            return true;
    return false;
}

static void refuse(struct wess_call *call, struct wess_result *out, const char *text)
{
    struct wess_refused *r = call->conn->host->alloc(call->arena, sizeof(*r));
    out->code = WESS_REJECTED;
    out->text = text;
    if (!r)
        return;
    *r = (struct wess_refused){.field = "categories", .text = text};
    out->refused = r;
    out->n_refused = 1;
}

/* The keywords of what is in `of` and not in `but`. *why: what cannot be written. */
static size_t put_keywords(struct wess_call *call, struct imap_batch *b, struct wess_list of,
                           struct wess_list but, bool all, const char **why)
{
    const struct wess_conn *c = call->conn;
    size_t n = 0;
    for (size_t i = 0; i < of.n; i++) {
        if (has(but, of.of[i]))
            continue;
        const char *word = imap_keyword_of(call, of.of[i]);
        if (!c->n_write)
            *why = "the setting write names no tags";
        if (!imap_may_write(c, of.of[i]))
            continue; /* of others nothing is said here */
        if (!word)
            *why = "no keyword of IMAP can stand for this tag";
        else
            imap_put(b, "%s%s", n++ ? " " : "", word);
        /* Several keywords may mean one tag: it is off when none of them is set. */
        for (size_t k = 0; word && all && k < c->n_map; k++)
            if (!strcasecmp(c->map[k].tag, of.of[i]) && strcmp(c->map[k].keyword, word) != 0)
                imap_put(b, " %s", c->map[k].keyword);
    }
    return n;
}

/* One STORE. *done: there was something to do, and it was done. */
static enum wess_code store(struct storing *s, size_t folder, const char *what, struct wess_list of,
                            struct wess_list but, struct wess_result *out)
{
    struct wess_conn *c = s->call->conn;
    struct imap_batch words = {0}, b = {0};
    enum imap_status done[4] = {IMAP_OK, IMAP_OK, IMAP_OK, IMAP_OK};
    const char *why = NULL;
    size_t n = put_keywords(s->call, &words, of, but, *what == '-', &why);
    enum wess_code rc = WESS_OK;
    if (why)
        refuse(s->call, out, why);
    if (!n || why || words.no_memory) {
        free(words.text);
        return words.no_memory ? imap_spent(s->call) : WESS_OK;
    }
    imap_put_select(c, &b, folder, true);
    imap_say(c, &b, "UID STORE %u ", s->uid);
    if (s->modseq)
        imap_put(&b, "(UNCHANGEDSINCE %llu) ", (unsigned long long)s->modseq);
    imap_put(&b, "%s (%s)", what, words.text);
    free(words.text);
    out->code = WESS_UNKNOWN;
    size_t last = b.n - 1;
    rc = imap_run_noting(s->call, &b, take_store, s, done, &s->modified);
    if (rc == WESS_REJECTED) { /* the server said no: nothing was written */
        out->code = done[last] == IMAP_OK ? WESS_NOT_TRIED : WESS_REJECTED;
        out->text = "the server refused the keyword";
        return WESS_OK;
    }
    if (rc == WESS_OK)
        out->code = s->modified ? WESS_CONFLICT : s->seen ? WESS_OK : WESS_GONE;
    return rc;
}

static enum wess_code apply_one(struct wess_call *call, const struct wess_op *op,
                                struct wess_result *out)
{
    const struct wess_conn *c = call->conn;
    const struct wess_list none = {NULL, 0}, *now = categories(&op->item),
                           *was = op->before ? categories(op->before) : NULL;
    struct storing s = {.call = call};
    size_t folder;
    uint64_t modseq = 0;
    if (op->what != WESS_UPDATE) {
        out->code = WESS_REJECTED;
        out->text = "messages are neither made nor removed here";
        return WESS_OK;
    }
    if (!imap_id_read(c, op->item.id, &folder, &s.uid)) {
        out->code = WESS_GONE;
        return WESS_OK;
    }
    const char *rev = op->before ? op->before->revision : NULL;
    struct imap_at at = {rev, rev ? rev + strlen(rev) : NULL};
    if (rev && c->folders.of[folder].modseq && imap_number(&at, INT64_MAX, &modseq))
        s.modseq = modseq;
    out->code = WESS_OK;
    enum wess_code rc = store(&s, folder, "+FLAGS", now ? *now : none, was ? *was : none, out);
    if (rc == WESS_OK && out->code == WESS_OK)
        rc = store(&s, folder, "-FLAGS", was ? *was : none, now ? *now : none, out);
    if (rc == WESS_OK && out->code == WESS_OK && s.seen) {
        out->revision =
            s.modseq ? wess_arena_fmt(c->host, call->arena, "%llu", (unsigned long long)s.modseq)
                     : imap_digest(call, s.tags);
        out->id = op->item.id;
    }
    return rc;
}

enum wess_code imap_apply(struct wess_call *call, const struct wess_op *ops, size_t n,
                          struct wess_result *out)
{
    struct wess_conn *c = call->conn;
    for (size_t i = 0; i < n; i++)
        out[i].code = WESS_NOT_TRIED;
    enum wess_code rc = imap_connect(call);
    if (rc == WESS_OK && !c->listed)
        rc = imap_list(call);
    for (size_t i = 0; rc == WESS_OK && i < n; i++)
        rc = apply_one(call, &ops[i], &out[i]);
    return rc;
}
