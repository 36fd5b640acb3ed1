/* Calls as the core makes them, with inputs that end and answers that are sealed. */
#include "probe.h"

#include <string.h>

#define LANES 4u

static struct copier to_in(struct probe *p)
{
    return (struct copier){p, &p->in};
}

static struct copier to_keep(struct probe *p)
{
    return (struct copier){p, &p->keep};
}

static struct wess_call *begin(struct probe *p)
{
    struct wess_call *call = testarena_alloc(&p->in, sizeof(*call));
    if (!call)
        failed(p, "the suite itself is out of memory");
    *call = (struct wess_call){.conn = p->conn,
                               .collection = copy_text(to_in(p), p->setup->collection),
                               .lanes = LANES,
                               .arena = &p->th.arena,
                               .flags = p->call_flags};
    p->asked = 0;
    return call;
}

/* The connector is back: its inputs end. What it answered is looked at before. */
static void judge(struct probe *p, const struct wess_call *call, enum wess_code rc,
                  const char *name)
{
    p->error = call->error;
    p->requests = call->requests;
    p->used = p->th.arena.used;
    p->allocs = p->th.arena.allocs;
    inspect_code(p, rc, &p->error, name);
}

static void end_inputs(struct probe *p)
{
    if (!testarena_drop(&p->in))
        broke(p, "1.5", "it wrote outside of the inputs of a call");
}

static void seal(struct probe *p)
{
    if (!testarena_drop(&p->th.arena))
        broke(p, "1.5", "it wrote outside of the memory that host->alloc() gave");
}

enum wess_code try_check(struct probe *p)
{
    struct wess_call *call = begin(p);
    enum wess_code rc = p->c->check(call);
    judge(p, call, rc, "check()");
    end_inputs(p);
    seal(p);
    return rc;
}

enum wess_code try_describe(struct probe *p, struct wess_schema *out)
{
    struct wess_call *call = begin(p);
    struct wess_schema schema = {0};
    call->collection = NULL;
    enum wess_code rc = p->c->describe(call, &schema);
    judge(p, call, rc, "describe()");
    if (rc == WESS_OK)
        inspect_schema(p, &schema);
    end_inputs(p);
    *out = rc == WESS_OK ? copy_schema(to_keep(p), &schema) : (struct wess_schema){0};
    seal(p);
    return rc;
}

static struct wess_result *results(struct probe *p, size_t n)
{
    struct wess_result *r = kept(p, (n + 1) * sizeof(*r));
    for (size_t i = 0; i < n; i++)
        r[i].code = WESS_UNKNOWN;
    return r;
}

static void end_results(struct probe *p, struct wess_result *r, size_t n, enum wess_code rc,
                        bool fetched, struct wess_result *out)
{
    /* A fetch that failed has nothing to say of single items; an apply has. */
    if (rc == WESS_OK || !fetched)
        inspect_results(p, r, n, fetched && rc == WESS_OK);
    end_inputs(p);
    for (size_t i = 0; i < n; i++) {
        if (rc == WESS_OK || !fetched)
            copy_result(to_keep(p), &r[i]);
        else
            r[i] = (struct wess_result){.code = r[i].code};
        out[i] = r[i];
    }
    seal(p);
}

enum wess_code try_fetch(struct probe *p, const char *const *ids, size_t n, struct wess_result *out)
{
    struct wess_call *call = begin(p);
    struct wess_list in = copy_list(to_in(p), (struct wess_list){ids, n});
    struct wess_result *r = results(p, n);
    enum wess_code rc = p->c->fetch(call, in, r);
    judge(p, call, rc, "fetch()");
    end_results(p, r, n, rc, true, out);
    return rc;
}

/* ---- the optional ones
 * ------------------------------------------------------------------------------------------ */

enum wess_code try_tags(struct probe *p, const struct wess_fact **out, size_t *n)
{
    struct wess_call *call = begin(p);
    const struct wess_fact *of = NULL;
    *n = 0;
    enum wess_code rc = p->c->tags(call, &of, n);
    judge(p, call, rc, "tags()");
    if (rc == WESS_OK)
        inspect_facts(p, of, *n, "tags()");
    else
        *n = 0;
    end_inputs(p);
    *out = copy_facts(to_keep(p), of, *n);
    seal(p);
    return rc;
}

enum wess_code try_values(struct probe *p, const char *fact, struct wess_list *out, bool *all)
{
    struct wess_call *call = begin(p);
    struct wess_list of = {NULL, 0};
    *all = false;
    enum wess_code rc = p->c->values(call, copy_text(to_in(p), fact), &of, all);
    judge(p, call, rc, "values()");
    if (rc == WESS_OK)
        inspect_list(p, of, "values()");
    else
        of.n = 0;
    end_inputs(p);
    *out = copy_list(to_keep(p), of);
    seal(p);
    return rc;
}

enum wess_code try_relate(struct probe *p, const struct wess_relation *of, size_t n,
                          struct wess_result *out)
{
    struct wess_call *call = begin(p);
    struct wess_relation *in = testarena_alloc(&p->in, (n + 1) * sizeof(*in));
    struct wess_result *r = results(p, n);
    for (size_t i = 0; in && i < n; i++)
        in[i] = (struct wess_relation){
            copy_text(to_in(p), of[i].id),
            {copy_text(to_in(p), of[i].to.collection), copy_text(to_in(p), of[i].to.id)}};
    enum wess_code rc = p->c->relate(call, in, n, r);
    judge(p, call, rc, "relate()");
    end_results(p, r, n, rc, false, out);
    return rc;
}

/* ---- changes(), and the facts of what it tells in brief
 * ------------------------------------------------------------------------------ */

static void fill_in(struct probe *p, struct wess_change *c, const struct wess_result *r)
{
    const char *id = c->item.id, *revision = c->item.revision;
    if (r->code == WESS_OK) {
        if (revision && r->current->revision && strcmp(revision, r->current->revision) != 0)
            broke(p, "3.14", "item %s has another revision when its facts are asked for", id);
        c->item = *r->current;
        c->item.n_fields = 0;
        c->flags = 0;
    } else if (r->code == WESS_GONE) {
        c->what = 0; /* between the two calls; left out below */
    } else {
        c->flags = WESS_REF_ONLY;
    }
}

static void ask_facts(struct probe *p, struct wess_change **of, size_t n)
{
    const char **ids = kept(p, (n + 1) * sizeof(*ids));
    struct wess_result *r = kept(p, (n + 1) * sizeof(*r));
    for (size_t i = 0; i < n; i++)
        ids[i] = of[i]->item.id;
    enum wess_code rc = try_fetch(p, ids, n, r);
    if (rc == WESS_TOO_BIG && n > 1) {
        ask_facts(p, of, n / 2);
        ask_facts(p, of + n / 2, n - n / 2);
        return;
    }
    for (size_t i = 0; (rc == WESS_OK || rc == WESS_TOO_BIG) && i < n; i++) {
        if (rc == WESS_TOO_BIG)
            r[i].code = WESS_TOO_BIG;
        fill_in(p, of[i], &r[i]);
    }
}

/* As the core does, which knows none of the items. */
static void facts_of(struct probe *p, struct wess_page *page)
{
    const struct probe last = *p; /* what is told of the last call is told of changes() */
    struct wess_change *all = kept(p, (page->n + 1) * sizeof(*all));
    struct wess_change **brief = kept(p, (page->n + 1) * sizeof(struct wess_change *));
    size_t n = 0;
    for (size_t i = 0; i < page->n; i++) {
        all[i] = page->changes[i];
        if (all[i].flags & WESS_BRIEF)
            brief[n++] = &all[i];
    }
    page->changes = all;
    if (!n)
        return;
    p->call_flags = WESS_CALL_FACTS;
    ask_facts(p, brief, n);
    p->call_flags = 0;
    n = 0;
    for (size_t i = 0; i < page->n; i++)
        if (all[i].what)
            all[n++] = all[i];
    page->n = n;
    p->error = last.error;
    p->requests = last.requests;
    p->used = last.used;
    p->allocs = last.allocs;
}

enum wess_code try_changes(struct probe *p, struct wess_slice cursor, uint32_t limit,
                           struct wess_page *out)
{
    struct wess_call *call = begin(p);
    struct wess_slice at = cursor.len ? copy_slice(to_in(p), cursor) : (struct wess_slice){0};
    struct wess_page page = {0};
    enum wess_code rc = p->c->changes(call, at, limit, &page);
    judge(p, call, rc, "changes()");
    if (rc == WESS_OK)
        inspect_page(p, &page, true);
    end_inputs(p);
    *out = rc == WESS_OK ? copy_page(to_keep(p), &page) : (struct wess_page){0};
    seal(p);
    facts_of(p, out);
    return rc;
}

static void only_asked(struct probe *p, const struct wess_page *page, const struct wess_key *keys,
                       size_t n)
{
    for (size_t i = 0; i < page->n; i++) {
        const struct wess_change *c = &page->changes[i];
        bool hit = (c->flags & WESS_REF_ONLY) != 0;
        for (size_t k = 0; k < n && !hit; k++)
            hit = bears(&c->item, keys[k].space, keys[k].id);
        if (!hit)
            broke(p, "4.1", "find() brought item %s, which bears none of the keys", c->item.id);
    }
}

enum wess_code try_find(struct probe *p, const struct wess_key *keys, size_t n,
                        struct wess_page *out)
{
    struct wess_call *call = begin(p);
    const struct wess_key *in = copy_keys(to_in(p), keys, n);
    struct wess_page page = {0};
    enum wess_code rc = p->c->find(call, in, n, &page);
    judge(p, call, rc, "find()");
    if (rc == WESS_OK)
        inspect_page(p, &page, false);
    end_inputs(p);
    *out = rc == WESS_OK ? copy_page(to_keep(p), &page) : (struct wess_page){0};
    seal(p);
    only_asked(p, out, keys, n);
    return rc;
}

enum wess_code try_apply(struct probe *p, const struct wess_op *ops, size_t n,
                         struct wess_result *out)
{
    struct wess_call *call = begin(p);
    struct wess_op *in = testarena_alloc(&p->in, (n + 1) * sizeof(*in));
    struct wess_result *r = results(p, n);
    for (size_t i = 0; in && i < n; i++)
        in[i] = copy_op(to_in(p), &ops[i]);
    enum wess_code rc = p->c->apply(call, in, n, r);
    judge(p, call, rc, "apply()");
    end_results(p, r, n, rc, false, out);
    for (size_t i = 0; i < n; i++)
        if (ops[i].what == WESS_CREATE && out[i].id)
            to_delete(p, out[i].id);
    return rc;
}

void must(struct probe *p, enum wess_code rc, const char *what)
{
    if (rc == WESS_AUTH)
        refused(p, "%s answered WESS_AUTH: %s", what, p->error.text);
    if (rc != WESS_OK)
        failed(p, "%s answered %s: %s%s%s", what, code_name(rc), p->error.text,
               p->error.remote_code[0] ? " / " : "", p->error.remote_code);
}
