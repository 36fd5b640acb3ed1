/* apply(): deletes, and that they are told of. */
#include "probe.h"

#include <string.h>

static const struct wess_item *fresh(struct probe *p)
{
    return fetch_one(p, create(p, draft(p), new_stamp(p), NULL));
}

static void deleted(struct probe *p, const struct wess_item *item)
{
    struct wess_op op = delete_of(item);
    struct wess_result r;
    enum wess_code code = apply_one(p, &op, &r);
    if (code != WESS_OK && code != WESS_GONE)
        failed(p, "the delete answered %s: %s", code_name(code), r.text ? r.text : "");
}

static void is_gone(struct probe *p, const char *id)
{
    struct wess_result r;
    must(p, try_fetch(p, &id, 1, &r), "fetch()");
    if (r.code != WESS_GONE)
        broke(p, "3.13", "fetch() of a deleted item answered %s", code_name(r.code));
}

static void delete_one(struct probe *p)
{
    const struct wess_item *item = fresh(p), *other = fresh(p);
    deleted(p, item);
    is_gone(p, item->id);
    fetch_one(p, other->id);
}

static void delete_told(struct probe *p)
{
    struct wess_slice at = {0};
    struct seen seen = {0}, news = {0};
    const struct wess_item *item = fresh(p);
    pull(p, &at, LIMIT_LARGE, &seen);
    deleted(p, item);
    if (p->col->caps & WESS_CAP_DELTA) {
        if (!pull_until(p, &at, item->id, WESS_DELETE, &news))
            failed(p, "the deletion of item %s is told of in no later page", item->id);
    } else {
        at = (struct wess_slice){0};
        pull(p, &at, LIMIT_LARGE, &news);
        if (seen_find(&news, item->id))
            failed(p, "the deleted item %s is in a later snapshot", item->id);
    }
    news = (struct seen){0};
    at = (struct wess_slice){0};
    pull(p, &at, LIMIT_LARGE, &news);
    if (seen_find(&news, item->id))
        broke(p, "3.4", "the deleted item %s is in a new snapshot", item->id);
}

static void delete_twice(struct probe *p)
{
    const struct wess_item *item = fresh(p);
    deleted(p, item);
    struct wess_op op = delete_of(item);
    struct wess_result r;
    enum wess_code code = apply_one(p, &op, &r);
    if (code != WESS_OK && code != WESS_GONE)
        failed(p, "a second delete answered %s", code_name(code));
    is_gone(p, item->id);
}

static void delete_batch(struct probe *p)
{
    const struct wess_item *a = fresh(p), *b = fresh(p), *c = fresh(p);
    deleted(p, b);
    struct wess_op ops[] = {delete_of(a), delete_of(b), delete_of(c)};
    struct wess_result r[3];
    must(p, try_apply(p, ops, 3, r), "apply() of three deletes");
    if (r[0].code != WESS_OK || r[2].code != WESS_OK ||
        (r[1].code != WESS_OK && r[1].code != WESS_GONE))
        failed(p, "deletes of a live, a deleted and a live item answered %s, %s, %s",
               code_name(r[0].code), code_name(r[1].code), code_name(r[2].code));
    is_gone(p, a->id);
    is_gone(p, c->id);
}

static void delete_stale(struct probe *p)
{
    const char *spare;
    const struct wess_item *item = fresh(p);
    struct wess_op op = update_of(p, item), del = delete_of(item);
    struct wess_result r;
    if (!spare_texts(p, &spare, 1))
        skipped(p, "the schema has no second text field that can be written");
    set_text(p, &op.item, spare, "Edited meanwhile");
    if (apply_one(p, &op, &r) != WESS_OK)
        failed(p, "the update answered %s", code_name(r.code));
    enum wess_code code = apply_one(p, &del, &r);
    if (code != WESS_CONFLICT)
        failed(p, "a delete computed from a stale revision answered %s", code_name(code));
    fetch_one(p, item->id);
}

/* All three sorts of op in one batch. */
static void delete_mixed(struct probe *p)
{
    const char *spare;
    const struct wess_item *a = fresh(p), *b = fresh(p);
    struct wess_op ops[3] = {delete_of(a), {0}, update_of(p, b)};
    struct wess_result r[3];
    if (!spare_texts(p, &spare, 1))
        skipped(p, "the schema has no second text field that can be written");
    ops[1] = (struct wess_op){.stamp = new_stamp(p), .what = WESS_CREATE, .item = *draft(p)};
    set_text(p, &ops[2].item, spare, "In a mixed batch");
    must(p, try_apply(p, ops, 3, r), "apply() of a delete, a create and an update");
    for (size_t i = 0; i < 3; i++)
        if (r[i].code != WESS_OK)
            failed(p, "op %zu of a mixed batch answered %s", i + 1, code_name(r[i].code));
    is_gone(p, a->id);
    if (!same_text(p, "In a mixed batch", text_of(p, fetch_one(p, b->id), spare)))
        failed(p, "the update of a mixed batch did not hold");
    if (!r[1].id || !strcmp(r[1].id, a->id) || !strcmp(r[1].id, b->id))
        failed(p, "the create of a mixed batch has no id of its own");
    fetch_one(p, r[1].id);
}

#define DELETES (WESS_CAP_CREATE | WESS_CAP_DELETE)
static const struct case_def cases[] = {
    {"delete.one", "5.4", DELETES, NEEDS_SCRATCH, delete_one},
    {"delete.told", "3.7", DELETES, NEEDS_SCRATCH, delete_told},
    {"delete.twice", "5.6", DELETES, NEEDS_SCRATCH, delete_twice},
    {"delete.batch", "5.2", DELETES, NEEDS_SCRATCH, delete_batch},
    {"delete.stale", "7.1", DELETES | WESS_CAP_UPDATE | WESS_CAP_CAS_DELETE, NEEDS_SCRATCH,
     delete_stale},
    {"delete.mixed", "5.1", DELETES | WESS_CAP_UPDATE, NEEDS_SCRATCH, delete_mixed},
};
const struct suite suite_delete = {cases, sizeof(cases) / sizeof(cases[0])};
