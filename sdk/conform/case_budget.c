/* What happens when host->alloc() answers NULL. */
#include "probe.h"

#include <string.h>

#define CURSOR_OF_ITEM 256u /* bytes, at most */

static const struct wess_slice from_start = {NULL, 0};

static void unbound(struct probe *p)
{
    p->th.arena.fail_at = 0;
    p->th.arena.budget = TESTHOST_BUDGET;
}

/* The n-th allocation and all after it fail; then more of them, with growing steps. */
static size_t next_step(size_t n)
{
    return n < 8 ? n + 1 : n + n / 3;
}

static void too_big_or(struct probe *p, enum wess_code rc, bool whole, const char *call, size_t at)
{
    if (rc != WESS_OK && rc != WESS_TOO_BIG)
        failed(p, "%s, out of memory at allocation %zu, answered %s: %s", call, at, code_name(rc),
               p->error.text);
    if (rc == WESS_OK && !whole)
        failed(p, "%s, out of memory at allocation %zu, answered less and WESS_OK", call, at);
}

static void budget_describe(struct probe *p)
{
    struct wess_schema s;
    must(p, try_describe(p, &s), "describe()");
    size_t all = p->allocs, n = s.n;
    for (size_t at = 1; at <= all; at = next_step(at)) {
        p->th.arena.fail_at = at;
        enum wess_code rc = try_describe(p, &s);
        unbound(p);
        too_big_or(p, rc, s.n == n, "describe()", at);
    }
}

static void budget_changes(struct probe *p)
{
    struct wess_page page;
    for (unsigned i = 0; i < 3; i++)
        create(p, draft(p), new_stamp(p), NULL);
    must(p, try_changes(p, from_start, LIMIT_LARGE, &page), "changes()");
    size_t all = p->allocs, n = page.n;
    for (size_t at = 1; at <= all; at = next_step(at)) {
        p->th.arena.fail_at = at;
        enum wess_code rc = try_changes(p, from_start, LIMIT_LARGE, &page);
        unbound(p);
        too_big_or(p, rc, page.n == n, "changes()", at);
    }
}

static void budget_fetch(struct probe *p)
{
    const char *ids[2];
    struct wess_result r[2];
    for (size_t i = 0; i < 2; i++)
        ids[i] = create(p, draft(p), new_stamp(p), NULL);
    must(p, try_fetch(p, ids, 2, r), "fetch()");
    size_t all = p->allocs;
    const struct wess_item *was[] = {r[0].current, r[1].current};
    for (size_t at = 1; at <= all; at = next_step(at)) {
        p->th.arena.fail_at = at;
        enum wess_code rc = try_fetch(p, ids, 2, r);
        unbound(p);
        too_big_or(p, rc, true, "fetch()", at);
        for (size_t i = 0; rc == WESS_OK && i < 2; i++)
            if (r[i].code != WESS_TOO_BIG &&
                (r[i].code != WESS_OK || r[i].current->n_fields != was[i]->n_fields ||
                 r[i].current->n_keys != was[i]->n_keys))
                failed(p, "fetch(), out of memory at allocation %zu, answered less: %s", at,
                       code_name(r[i].code));
    }
}

static void budget_find(struct probe *p)
{
    const char *stamp = new_stamp(p);
    const struct wess_key key = {"wess", stamp};
    struct wess_page page;
    int64_t since = 0;
    create(p, draft(p), stamp, NULL);
    while (!live_with(p, key, NULL) && wait_more(p, &since))
        ;
    must(p, try_find(p, &key, 1, &page), "find()");
    size_t all = p->allocs, n = page.n;
    for (size_t at = 1; at <= all; at = next_step(at)) {
        p->th.arena.fail_at = at;
        enum wess_code rc = try_find(p, &key, 1, &page);
        unbound(p);
        too_big_or(p, rc, page.n == n || !(page.flags & WESS_PAGE_LAST), "find()", at);
    }
}

/* An item that does not fit is told of alone; what fits is brought. */
static void budget_alone(struct probe *p)
{
    const char *spare, *ids[2];
    struct wess_item *large = draft(p);
    struct wess_result r;
    size_t room[2];
    if (!spare_texts(p, &spare, 1))
        skipped(p, "the schema has no second text field that can be written");
    const struct wess_field_schema *s = schema_of(p, spare);
    size_t len = s->max_len && s->max_len < 20000 ? s->max_len : 20000;
    char *text = kept(p, len + 1);
    memset(text, 'w', len);
    set_text(p, large, spare, text);
    ids[0] = create(p, draft(p), new_stamp(p), NULL);
    ids[1] = create(p, large, new_stamp(p), NULL);
    for (size_t i = 0; i < 2; i++) {
        must(p, try_fetch(p, &ids[i], 1, &r), "fetch()");
        room[i] = p->used;
    }
    if (room[1] <= room[0])
        skipped(p, "an item takes the same room whatever it holds");
    p->th.arena.budget = room[0];
    enum wess_code small = try_fetch(p, &ids[0], 1, &r);
    if (small != WESS_OK || r.code != WESS_OK)
        failed(p, "with just the room for an item fetch() answered %s",
               code_name(small != WESS_OK ? small : r.code));
    enum wess_code rc = try_fetch(p, &ids[1], 1, &r);
    unbound(p);
    if (rc != WESS_TOO_BIG && (rc != WESS_OK || r.code != WESS_TOO_BIG))
        failed(p, "without room for an item fetch() answered %s", code_name(rc));
}

/* As the core reads: half the limit when there was no room, down to one. */
static void budget_limit_one(struct probe *p)
{
    struct wess_slice at = from_start;
    struct seen all = {0}, seen = {0};
    struct wess_page page = {0};
    size_t room = 0;
    uint32_t limit = LIMIT_LARGE;
    for (unsigned i = 0; i < 4; i++)
        create(p, draft(p), new_stamp(p), NULL);
    for (unsigned n = 0; n < PAGES_MOST && !(page.flags & WESS_PAGE_LAST); n++) {
        must(p, try_changes(p, at, 1, &page), "changes() with limit 1");
        take_page(p, &page, &all);
        at = page.next;
        room = p->used > room ? p->used : room;
    }
    /* A cursor may grow with the time that passes: by what it must remember of recent items. */
    p->th.arena.budget = 2 * room + all.n * CURSOR_OF_ITEM;
    at = from_start;
    for (page.flags = 0; !(page.flags & WESS_PAGE_LAST);) {
        enum wess_code rc = try_changes(p, at, limit, &page);
        if (rc == WESS_TOO_BIG && limit == 1) {
            /* The estimate may be too small by now: then this page does not fit into it. */
            size_t had = p->th.arena.budget;
            unbound(p);
            must(p, try_changes(p, at, 1, &page), "changes() with limit 1");
            if (p->used <= had)
                failed(p, "with limit 1 and room for a page it answered WESS_TOO_BIG");
            p->th.arena.budget = 2 * p->used;
            page.flags = 0;
            continue;
        }
        if (rc == WESS_TOO_BIG) {
            limit /= 2;
            continue;
        }
        must(p, rc, "changes()");
        take_page(p, &page, &seen);
        at = page.next;
    }
    unbound(p);
    for (size_t i = 0; i < all.n; i++)
        if (!seen_find(&seen, all.of[i].id))
            failed(p, "with little room item %s did not come", all.of[i].id);
}

/* A create that ran out of memory: whatever it answered is true, and the next attempt makes one. */
static void budget_create(struct probe *p)
{
    struct wess_result r;
    create(p, draft(p), new_stamp(p), NULL);
    size_t all = p->allocs; /* of the last call */
    for (size_t at = 1; at <= all + 8; at = next_step(at)) {
        const char *stamp = new_stamp(p);
        struct wess_op op = {.stamp = stamp, .what = WESS_CREATE, .item = *draft(p)};
        p->th.arena.fail_at = at;
        enum wess_code rc = try_apply(p, &op, 1, &r);
        unbound(p);
        if (rc != WESS_OK && rc != WESS_TOO_BIG && rc != WESS_UNKNOWN)
            failed(p, "apply(), out of memory at allocation %zu, answered %s", at, code_name(rc));
        size_t n = live_with(p, (struct wess_key){"wess", stamp}, NULL);
        if (r.code == WESS_OK && (!r.id || n != 1))
            failed(p, "a create, out of memory at allocation %zu, answered WESS_OK and %s", at,
                   r.id ? "there is no item" : "no id");
        if (r.code != WESS_OK && r.code != WESS_UNKNOWN && n)
            broke(p, "5.1",
                  "a create, out of memory at allocation %zu, answered %s and was applied", at,
                  code_name(r.code));
        op.flags = WESS_OP_AGAIN;
        if (apply_one(p, &op, &r) != WESS_OK ||
            live_with(p, (struct wess_key){"wess", stamp}, NULL) != 1)
            broke(p, "6.1", "the next attempt of such a create answered %s", code_name(r.code));
    }
}

static const struct case_def cases[] = {
    {"budget.describe", "1.3", 0, NEEDS_OPEN, budget_describe},
    {"budget.changes", "1.3", WESS_CAP_CREATE, NEEDS_SCRATCH, budget_changes},
    {"budget.fetch", "1.3", WESS_CAP_CREATE, NEEDS_SCRATCH, budget_fetch},
    {"budget.alone", "3.6", WESS_CAP_CREATE, NEEDS_SCRATCH, budget_alone},
    {"budget.find", "1.3", WESS_CAP_CREATE | WESS_CAP_STAMP, NEEDS_SCRATCH, budget_find},
    {"budget.limit_one", "3.6", WESS_CAP_CREATE, NEEDS_SCRATCH, budget_limit_one},
    {"budget.create", "1.3", WESS_CAP_CREATE | WESS_CAP_STAMP, NEEDS_SCRATCH, budget_create},
};
const struct suite suite_budget = {cases, sizeof(cases) / sizeof(cases[0])};
