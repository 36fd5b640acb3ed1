/* fetch(): whole items, each id by itself. */
#include "probe.h"

#include <string.h>

static const char nonsense[] = "no-such-item";

/* An id that was one: the item is deleted, and no id of it is deleted again at the end. */
static const char *deleted_id(struct probe *p)
{
    struct wess_result r;
    const char *id = create(p, draft(p), new_stamp(p), NULL);
    struct wess_op op = delete_of(fetch_one(p, id));
    if (apply_one(p, &op, &r) != WESS_OK)
        skipped(p, "a delete answered %s", code_name(r.code));
    return id;
}

static void fetch_whole(struct probe *p)
{
    const struct wess_item *item = draft(p);
    const char *id = create(p, item, new_stamp(p), NULL);
    const struct wess_item *now = fetch_one(p, id);
    if (!(now->flags & WESS_ITEM_WHOLE))
        failed(p, "the item is not flagged WESS_ITEM_WHOLE");
    if (strcmp(now->id, id) != 0)
        failed(p, "asked for %s it brought %s", id, now->id);
    if ((p->col->caps & (WESS_CAP_CAS_UPDATE | WESS_CAP_CAS_DELETE)) && !now->revision)
        failed(p, "revisions are compared, and the item has none");
    for (size_t i = 0; i < item->n_fields; i++)
        if (!field_of(now, item->fields[i].name))
            failed(p, "the field %s, written by the create, is not there", item->fields[i].name);
    for (size_t i = 0; i < now->n_fields; i++) {
        const char *name = now->fields[i].name;
        if (strncmp(name, "x.", 2) && !schema_of(p, name))
            failed(p, "the field %s is not in the schema", name);
    }
}

static void fetch_order(struct probe *p)
{
    const char *ids[4], *wanted[4];
    struct wess_result r[4];
    for (size_t i = 0; i < 4; i++)
        ids[i] = create(p, draft(p), new_stamp(p), NULL);
    for (unsigned turn = 0; turn < 4; turn++) {
        for (size_t i = 0; i < 4; i++)
            wanted[i] = ids[turn & 1 ? 3 - i : (i + turn) % 4];
        must(p, try_fetch(p, wanted, 4, r), "fetch()");
        for (size_t i = 0; i < 4; i++)
            if (r[i].code != WESS_OK || strcmp(r[i].current->id, wanted[i]) != 0)
                failed(p, "result %zu of 4 is not of the id at that place", i);
    }
}

static void fetch_mixed(struct probe *p)
{
    struct wess_result r[4];
    const char *gone = deleted_id(p), *a = create(p, draft(p), new_stamp(p), NULL),
               *b = create(p, draft(p), new_stamp(p), NULL);
    const char *ids[] = {a, gone, nonsense, b};
    must(p, try_fetch(p, ids, 4, r), "fetch() of good and bad ids");
    if (r[0].code != WESS_OK || r[3].code != WESS_OK)
        failed(p, "a good id between bad ones answered %s",
               code_name(r[0].code != WESS_OK ? r[0].code : r[3].code));
    if (strcmp(r[0].current->id, a) != 0 || strcmp(r[3].current->id, b) != 0)
        failed(p, "with bad ids between, items are at other places");
    if (r[1].code != WESS_GONE)
        broke(p, "3.13", "among others, the id of a deleted item answered %s",
              code_name(r[1].code));
    if (r[2].code != WESS_GONE && r[2].code != WESS_REJECTED)
        broke(p, "3.13", "an id that never was answered %s", code_name(r[2].code));
}

static void fetch_gone(struct probe *p)
{
    const char *id = deleted_id(p);
    struct wess_result r;
    must(p, try_fetch(p, &id, 1, &r), "fetch() of a deleted item");
    if (r.code != WESS_GONE)
        failed(p, "fetch() of a deleted item answered %s", code_name(r.code));
}

static void fetch_unknown(struct probe *p)
{
    const char *id = nonsense;
    struct wess_result r;
    must(p, try_fetch(p, &id, 1, &r), "fetch() of an id that never was");
    if (r.code != WESS_GONE && r.code != WESS_REJECTED)
        failed(p, "an id that never was answered %s", code_name(r.code));
}

static void fetch_none(struct probe *p)
{
    struct wess_result r;
    const char *const *ids = NULL;
    must(p, try_fetch(p, ids, 0, &r), "fetch() of nothing");
}

static void fetch_twice(struct probe *p)
{
    const char *id = create(p, draft(p), new_stamp(p), NULL), *ids[] = {id, id};
    struct wess_result r[2];
    must(p, try_fetch(p, ids, 2, r), "fetch() of one id twice");
    for (size_t i = 0; i < 2; i++)
        if (r[i].code != WESS_OK || strcmp(r[i].current->id, id) != 0)
            failed(p, "of one id asked for twice, result %zu answered %s", i, code_name(r[i].code));
}

/* Answers live in the arena, so they outlive the connection and every other call. */
static void fetch_outlives(struct probe *p)
{
    const char *id = create(p, draft(p), new_stamp(p), NULL);
    const char *const ids[] = {id};
    struct wess_result r = {.code = WESS_UNKNOWN};
    struct wess_call call = testhost_call(&p->th, p->conn, p->setup->collection);
    must(p, p->c->fetch(&call, (struct wess_list){ids, 1}, &r), "fetch()");
    if (r.code != WESS_OK)
        failed(p, "fetch() answered %s", code_name(r.code));
    struct wess_item before = copy_item((struct copier){p, &p->keep}, r.current);
    struct wess_arena other = {.budget = TESTHOST_BUDGET};
    struct wess_page page = {0};
    call.arena = &other;
    must(p, p->c->changes(&call, (struct wess_slice){0}, LIMIT_LARGE, &page), "changes()");
    const char *shown = r.current->n_keys ? r.current->keys[0].id : "";
    probe_close(p);
    if (before.n_keys && strcmp(before.keys[0].id, shown) != 0)
        failed(p, "a key of an answer changed with a later call");
    for (size_t i = 0; i < before.n_fields; i++)
        if (strcmp(text_of(p, &before, before.fields[i].name),
                   text_of(p, r.current, before.fields[i].name)) != 0)
            failed(p, "the field %s of an answer changed with a later call", before.fields[i].name);
    for (size_t i = 0; i < before.n_facts; i++)
        if (strcmp(before.facts[i].value, r.current->facts[i].value) != 0)
            failed(p, "a fact of an answer changed with a later call");
    testarena_fini(&other);
    probe_open(p); /* to delete what was made */
}

#define BOTH (WESS_CAP_CREATE | WESS_CAP_DELETE)
static const struct case_def cases[] = {
    {"fetch.whole", "3.12", WESS_CAP_CREATE, NEEDS_SCRATCH, fetch_whole},
    {"fetch.order", "3.11", WESS_CAP_CREATE, NEEDS_SCRATCH, fetch_order},
    {"fetch.mixed", "3.11", BOTH, NEEDS_SCRATCH, fetch_mixed},
    {"fetch.gone", "3.13", BOTH, NEEDS_SCRATCH, fetch_gone},
    {"fetch.unknown", "3.13", 0, NEEDS_OPEN, fetch_unknown},
    {"fetch.none", "3.11", 0, NEEDS_OPEN, fetch_none},
    {"fetch.twice", "3.11", WESS_CAP_CREATE, NEEDS_SCRATCH, fetch_twice},
    {"fetch.outlives", "1.2", WESS_CAP_CREATE, NEEDS_SCRATCH, fetch_outlives},
};
const struct suite suite_fetch = {cases, sizeof(cases) / sizeof(cases[0])};
