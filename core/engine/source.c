/* The tag sources of a pair: read before its sides are, so that what they say is known when the
 * items are judged. */
#include <stdio.h>
#include <string.h>

#include "engine/run.h"

static const struct wess_collection *of_kind(const struct wess_schema *s, const char *kind)
{
    for (size_t i = 0; s && i < s->n; i++)
        if (!strcmp(s->of[i].kind, kind))
            return &s->of[i];
    return NULL;
}

/* What it is, and that it is still the same. */
static enum wess_code describe(struct run *r, struct run_side *s, struct wess_error *e)
{
    enum wess_code rc = WESS_OK;
    s->schema = conn_schema(s->conn, e, &rc);
    if (!s->schema)
        return rc;
    s->collection = of_kind(s->schema, r->pair->kind->name);
    const char *now = s->schema->identity ? s->schema->identity : "";
    const char *was = s->feed.identity ? s->feed.identity : "";
    if (!s->collection)
        snprintf(e->text, sizeof(e->text), "it tells of no %s", r->pair->kind->name);
    else if (*was && strcmp(was, now) != 0)
        snprintf(e->text, sizeof(e->text),
                 "it is another mailbox than before: if that is meant, give it an endpoint name of "
                 "its own");
    else
        return WESS_OK;
    e->scope = WESS_OF_HOST;
    return WESS_REJECTED;
}

/* The tags that any pair asks of this source by this key, folded. false: arena spent. */
static bool asked_of(struct run *r, const struct cfg_endpoint *source, const char *join,
                     struct wess_want *want)
{
    size_t cap = 1, n = 0;
    for (size_t i = 0; i < 2 * r->cfg->n_pairs; i++) {
        const struct cfg_select *s = &r->cfg->pairs[i / 2].select[i % 2];
        cap += s->tags_any.n + s->tags_all.n + s->tags_none.n;
    }
    const char **of = arena_alloc(r->arena, cap * sizeof(*of));
    for (size_t i = 0; of && i < 2 * r->cfg->n_pairs; i++) {
        const struct cfg_select *s = &r->cfg->pairs[i / 2].select[i % 2];
        const struct wess_list *const lists[] = {&s->tags_any, &s->tags_all, &s->tags_none};
        if (s->source != source || strcmp(s->join, join) != 0)
            continue;
        for (size_t l = 0; l < 3; l++)
            for (size_t k = 0; k < lists[l]->n; k++)
                if (!(of[n++] = text_fold(r->arena, lists[l]->of[k])))
                    return false;
    }
    *want = (struct wess_want){.tags = {of, n}};
    return of != NULL;
}

/* What was asked for, and by which settings it is understood, so that it shows when it is something
 * else; nobody reads it. */
static const char *asked_digest(struct run *r, const struct cfg_endpoint *source,
                                const struct wess_want *want)
{
    const char *all = arena_text(r->arena, "");
    for (size_t i = 0; all && i < want->tags.n; i++)
        all = arena_fmt(r->arena, "%s%s\n", all, want->tags.of[i]);
    for (size_t i = 0; all && i < source->n_values; i++)
        all =
            arena_fmt(r->arena, "%s\n%s=%s", all, source->values[i].name, source->values[i].value);
    if (!all)
        return NULL;
    struct hash h = store_hash(r->store, "asked", all);
    char text[2 * HASH_SIZE + 1];
    for (size_t i = 0; i < HASH_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", h.of[i]);
    return arena_text(r->arena, text);
}

static bool keep_identity(struct run *r, struct run_side *s, const char *asked)
{
    if (db_begin(r->db) != STORE_OK)
        return run_store_failed(r);
    feed_identity(r->db, s->feed.id, s->schema->identity, asked);
    return db_commit(r->db) == STORE_OK || run_store_failed(r);
}

/* Status and text are there; what it means here is added. */
static bool stays(struct run *r)
{
    size_t n = strlen(r->report.text);
    snprintf(r->report.text + n, sizeof(r->report.text) - n,
             "; until then who takes part stays as it was");
    return true;
}

static bool pull(struct run *r, struct run_side *s, const char *join)
{
    struct wess_error e = {0};
    struct wess_want want;
    const char *asked = NULL, *was = s->feed.generation ? s->feed.generation : "";
    if (!asked_of(r, s->endpoint, join, &want) || !(asked = asked_digest(r, s->endpoint, &want)))
        return run_memory(r);
    struct pull p = {.store = r->store,
                     .db = r->db,
                     .conn = s->conn,
                     .feed = &s->feed,
                     .site = r->cfg->site,
                     .join = join,
                     .want = &want,
                     .from_start = *was && strcmp(was, asked) != 0,
                     .cancelled = round_options(r)->cancelled},
                *one = &p;
    enum wess_code rc = describe(r, s, &e);
    if (rc == WESS_OK && !*was && !keep_identity(r, s, asked))
        return false;
    if (rc == WESS_OK) {
        p.collection = s->collection;
        p.identity = s->schema->identity;
        feed_pull(&one, 1);
        if (p.store_failed)
            return run_store_failed(r);
        if (p.spent)
            return run_memory(r);
        rc = p.code;
        e = p.error;
    }
    if (rc == WESS_OK) {
        run_welcome_with(r, s);
        return !p.from_start || keep_identity(r, s, asked);
    }
    if (rc == WESS_CANCELLED)
        return false;
    run_trouble_with(r, s, rc, &e, "tag source");
    return stays(r);
}

static bool read_one(struct run *r, enum side side)
{
    struct run_side *s = &r->source[side].of;
    const struct cfg_select *sel = &r->pair->select[side];
    const char *user = s->endpoint && s->endpoint->per_user ? r->user->id : "";
    const char *name = sel->join ? arena_fmt(r->arena, SOURCE_FEED "%s", sel->join) : NULL;
    if (!sel->source)
        return true;
    if (r->source[side].failed)
        return stays(r);
    if (!name)
        return run_memory(r);
    if (feed_get(r->db, r->arena, s->endpoint->name, user, name, &s->feed) != STORE_OK)
        return run_store_failed(r);
    if (run_resting_with(r, s))
        return run_sound(r, r->arena) && stays(r);
    return pull(r, s, sel->join);
}

bool sources_read(struct run *r)
{
    bool ok = true;
    int64_t retry_at_ms = r->retry_at_ms;
    for (int s = LEFT; ok && s <= RIGHT; s++) {
        bool shared = r->pair->select[s].source && !r->pair->select[s].source->per_user;
        if (shared)
            round_alone(r, true);
        ok = read_one(r, (enum side)s);
        if (shared)
            round_alone(r, false);
    }
    /* Nobody waits for a source: what it said last goes on being true. */
    r->retry_at_ms = retry_at_ms;
    return ok;
}
