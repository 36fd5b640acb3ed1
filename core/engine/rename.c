/* A category that was renamed: all that bore it lose it, and bear another one instead. To each item
 * alone that is an untag; together it is one cause, which a person names. Where the mailbox knows
 * its tags by ids that stay, the id tells: also of a few items, and that it was no rename. Else it
 * is told by all of them losing it at once for the same other one. */
#include "engine/run.h"

#include <string.h>

#define LEAST 2        /* items below which it says nothing */
#define LOOKED_AT 500u /* of as many that lost it */
#define AT_ONCE 50u

struct losing {
    struct run *run;
    enum side side;
    struct wess_arena *arena, *call; /* the answer of one call */
    const char **ids;                /* the remote's, of the items that lost it */
    struct wess_list *had;           /* and the tags they bore */
    size_t n;
    int64_t total;
    bool released; /* some that a person let go */
};

static bool is_in(struct wess_list l, const char *name)
{
    for (size_t i = 0; i < l.n; i++)
        if (!strcmp(l.of[i], name))
            return true;
    return false;
}

static struct wess_list tags_of(const struct content *c)
{
    const struct wess_field *f = content_get(c, "categories");
    return f && f->type == WESS_SET ? f->set : (struct wess_list){NULL, 0};
}

/* ---- who lost it
 * ------------------------------------------------------------------------------------------ */

static bool copy_tags(struct losing *l, struct wess_list tags)
{
    const char **of = arena_alloc(l->arena, (tags.n + 1) * sizeof(*of));
    bool ok = of != NULL;
    for (size_t i = 0; ok && i < tags.n; i++)
        ok = (of[i] = arena_text(l->arena, tags.of[i])) != NULL;
    l->had[l->n] = (struct wess_list){of, tags.n};
    return ok;
}

static bool note(struct losing *l, const struct op_row *op)
{
    struct run *r = l->run;
    struct item_row row;
    struct link_row link;
    struct content had;
    const char *reason = l->side == LEFT ? WHY_UNTAG_LEFT : WHY_UNTAG_RIGHT;
    if (!op->reason || strcmp(op->reason, reason))
        return true;
    l->released |= op->released;
    if (op->released)
        return true;
    l->total++;
    if (l->n == LOOKED_AT)
        return true;
    if (item_get(r->db, l->call, op->item[l->side], &row) != STORE_OK ||
        link_get(r->db, l->call, op->link, &link) != STORE_OK)
        return !db_failed(r->db);
    if (!decode_content(l->call, link.shadow[l->side], &had) || !copy_tags(l, tags_of(&had)))
        return false;
    l->ids[l->n] = arena_text(l->arena, row.rid);
    return l->ids[l->n++] != NULL;
}

/* One at a time: each brings the whole of its item. */
static bool collect(struct losing *l, enum op_what what, enum side side)
{
    struct op_row op = {0};
    size_t n = 1;
    while (n) {
        int64_t after = op.id;
        arena_reset(l->call);
        if (op_next(l->run->db, l->call, l->run->pu.id, what, side, after, &op, 1, &n) != STORE_OK)
            return run_store_failed(l->run);
        if (n && !note(l, &op))
            return db_failed(l->run->db) ? run_store_failed(l->run) : run_memory(l->run);
        if (!run_sound(l->run, l->call))
            return false;
    }
    return true;
}

/* ---- what they bear now
 * ------------------------------------------------------------------------------------------ */

/* Leaves of `common` what this one bears, and did not bear before. */
static void narrow(struct wess_list *common, bool *any, struct wess_list now, struct wess_list had,
                   struct wess_arena *a)
{
    const char **of = arena_alloc(a, (now.n + common->n + 1) * sizeof(*of));
    size_t n = 0;
    struct wess_list from = *any ? *common : now;
    for (size_t i = 0; of && i < from.n; i++) {
        bool stays = is_in(now, from.of[i]) && !is_in(had, from.of[i]);
        const char *text = stays ? arena_text(a, from.of[i]) : NULL;
        if (text) /* out of memory is told by run_sound() */
            of[n++] = text;
    }
    *any = true;
    *common = (struct wess_list){of, of ? n : 0};
}

/* The one tag that all of them bear instead, or NULL. false: the remote cannot be asked. */
static bool instead(struct losing *l, const char **out)
{
    const struct run_side *s = &l->run->side[l->side];
    uint32_t max = s->collection->fetch_max;
    size_t most = max && max < AT_ONCE ? max : AT_ONCE;
    struct wess_list common = {NULL, 0};
    struct wess_error error = {0};
    bool any = false;
    *out = NULL;
    for (size_t at = 0; at < l->n && (!any || common.n); at += most) {
        size_t n = l->n - at < most ? l->n - at : most;
        arena_reset(l->call);
        struct wess_result *res = arena_alloc(l->call, n * sizeof(*res));
        if (!res)
            return run_memory(l->run);
        enum wess_code rc = conn_fetch(s->conn, s->collection->id, l->call, WESS_CALL_FACTS,
                                       (struct wess_list){l->ids + at, n}, res, &error);
        if (rc != WESS_OK)
            return run_trouble(l->run, l->side, rc, &error, "fetch");
        for (size_t i = 0; i < n; i++) {
            if (res[i].code != WESS_OK) /* not all of them can be asked */
                return true;
            narrow(&common, &any, res[i].current->tags, l->had[at + i], l->arena);
        }
    }
    *out = common.n ? common.of[0] : NULL;
    return run_sound(l->run, l->arena);
}

/* Which of the tags that are asked for they lost. */
static const char *lost(const struct losing *l)
{
    const struct cfg_select *sel = &l->run->pair->select[l->side];
    const struct wess_list asked[] = {sel->tags_any, sel->tags_all};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < asked[k].n; i++)
            if (is_in(l->had[0], asked[k].of[i]))
                return asked[k].of[i];
    return asked[0].n ? asked[0].of[0] : asked[1].n ? asked[1].of[0] : "";
}

/* ---- the guard
 * ------------------------------------------------------------------------------------------ */

static bool hold_them(struct losing *l, const char *was, const char *name, bool by_id)
{
    static const enum op_what kinds[] = {OP_END, OP_DELETE};
    const char *reason =
        by_id ? arena_fmt(l->arena,
                          "the category \"%s\" was renamed to \"%s\": %lld items lost it by that",
                          was, name, (long long)l->total)
              : arena_fmt(l->arena,
                          "the category \"%s\" was renamed to \"%s\"? all %lld items that had it"
                          " lost it at once",
                          was, name, (long long)l->total);
    if (!reason)
        return run_memory(l->run);
    for (size_t k = 0; k < 2; k++) {
        int64_t n = 0;
        if (ops_planned(l->run->db, l->run->pu.id, kinds[k], -1, false, &n) != STORE_OK)
            return run_store_failed(l->run);
        if (n && !guard_hold(l->run, kinds[k], n, reason))
            return false;
    }
    return true;
}

/* ---- by the ids that the mailbox knows its tags by
 * ------------------------------------------------------------------------------------------ */

static const char *named(const struct wess_fact *tags, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(tags[i].value, id))
            return tags[i].name;
    return NULL;
}

static const char *id_of(const struct wess_fact *tags, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(tags[i].name, name))
            return tags[i].value;
    return NULL;
}

/* One tag that is asked for: its id is learnt, or says what became of it. `*called`: its name now;
 * NULL: nobody knows. */
static bool ask_tag(struct losing *l, const struct wess_fact *tags, size_t n, const char *tag,
                    const char **called)
{
    struct run *r = l->run;
    const struct run_side *s = &r->side[l->side];
    const char *id = NULL, *endpoint = s->endpoint->name, *identity = s->schema->identity;
    enum store_code rc = tag_id_get(r->db, l->arena, endpoint, identity, tag, &id);
    *called = rc == STORE_OK && id ? named(tags, n, id) : NULL;
    const char *new = id_of(tags, n, tag);
    if (rc == STORE_FAIL)
        return run_store_failed(r);
    if (r->dry || (rc == STORE_OK && !l->released) || (rc == STORE_NONE && (!new || l->total)))
        return true;
    if (db_begin(r->db) != STORE_OK)
        return run_store_failed(r);
    tag_id_put(r->db, endpoint, identity, tag, new);
    return db_commit(r->db) == STORE_OK || run_store_failed(r);
}

/* Whether there is anything to ask for: items that lost a tag, or, when something is written, an id
 * to be learnt. */
static bool is_due(struct losing *l, struct wess_list asked, bool *due)
{
    static const enum op_what writes[] = {OP_LINK, OP_CREATE, OP_UPDATE};
    struct run *r = l->run;
    const struct run_side *s = &r->side[l->side];
    int64_t planned = 0;
    *due = l->total || l->released;
    for (size_t i = 0; i < 3 && !*due && !planned && !r->dry; i++)
        if (ops_planned(r->db, r->pu.id, writes[i], -1, false, &planned) != STORE_OK)
            return run_store_failed(r);
    for (size_t i = 0; i < asked.n && !*due && planned; i++) {
        const char *id;
        enum store_code rc =
            tag_id_get(r->db, l->arena, s->endpoint->name, s->schema->identity, asked.of[i], &id);
        if (rc == STORE_FAIL)
            return run_store_failed(r);
        *due = rc == STORE_NONE;
    }
    return true;
}

/* false with *settled false: the remote cannot be asked. *settled: there is nothing more to ask. */
static bool by_id(struct losing *l, bool *settled)
{
    struct run *r = l->run;
    const struct cfg_select *sel = &r->pair->select[l->side];
    const struct wess_list lists[] = {sel->tags_any, sel->tags_all};
    const struct wess_fact *tags = NULL;
    struct wess_error error = {0};
    const char *was = NULL, *is = NULL;
    size_t n = 0, known = 0, asked = 0;
    bool due = false;
    for (size_t k = 0; k < 2 && !due; k++)
        if (!is_due(l, lists[k], &due))
            return false;
    if (!due)
        return true;
    arena_reset(l->call);
    enum wess_code rc = conn_tags(r->side[l->side].conn, r->side[l->side].collection->id, l->call,
                                  &tags, &n, &error);
    if (rc != WESS_OK)
        return run_trouble(r, l->side, rc, &error, "tags");
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < lists[k].n; i++, asked++) {
            const char *called;
            if (!ask_tag(l, tags, n, lists[k].of[i], &called))
                return false;
            known += called != NULL;
            if (called && strcmp(called, lists[k].of[i]) && !was) {
                was = lists[k].of[i];
                is = called;
            }
        }
    if (!l->total || (known == asked && !was))
        return *settled = true;
    if (!was)
        return true;
    *settled = hold_them(l, was, is, true);
    return *settled;
}

static bool guard_side(struct run *r, enum side side, struct wess_arena *a, struct wess_arena *call)
{
    struct losing l = {.run = r, .side = side, .arena = a, .call = call};
    int64_t members = 0;
    const char *name = NULL;
    l.ids = arena_alloc(a, LOOKED_AT * sizeof(*l.ids));
    l.had = arena_alloc(a, LOOKED_AT * sizeof(*l.had));
    if (!l.ids || !l.had)
        return run_memory(r);
    for (int to = LEFT; to <= RIGHT; to++)
        if (!collect(&l, OP_END, (enum side)to) || !collect(&l, OP_DELETE, (enum side)to))
            return false;
    if (!run_sound(r, a)) /* before anything is asked about by what was read */
        return false;
    bool settled = false;
    if (!by_id(&l, &settled) || settled)
        return settled;
    if (l.total < LEAST || !l.n)
        return true;
    if (links_chosen(r->db, r->pu.id, side, &members) != STORE_OK)
        return run_store_failed(r);
    if (l.total < members)
        return true;
    if (!instead(&l, &name))
        return false;
    return !name || hold_them(&l, lost(&l), name, false);
}

bool guard_rename(struct run *r)
{
    struct wess_arena *a = arena_new(ARENA_BUDGET), *call = arena_new(ARENA_BUDGET);
    bool ok = (a && call) || run_memory(r);
    for (int s = LEFT; ok && s <= RIGHT; s++)
        if (r->pair->select[s].tags_any.n || r->pair->select[s].tags_all.n)
            ok = guard_side(r, (enum side)s, a, call) && run_sound(r, a);
    arena_free(call);
    arena_free(a);
    return ok;
}
