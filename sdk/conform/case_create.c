/* apply(): creates, and creates again. */
#include "probe.h"

#include <string.h>

static struct wess_op create_of(struct probe *p, const char *stamp)
{
    return (struct wess_op){.stamp = stamp, .what = WESS_CREATE, .item = *draft(p)};
}

/* Several looks at an index that may be late. */
static size_t settled(struct probe *p, const char *stamp, size_t wanted)
{
    int64_t since = 0;
    size_t n;
    do {
        n = live_with(p, (struct wess_key){"wess", stamp}, NULL);
    } while (n != wanted && wait_more(p, &since));
    return n;
}

static void create_id(struct probe *p)
{
    struct wess_result r;
    const struct wess_item *item = draft(p);
    const char *id = create(p, item, new_stamp(p), &r);
    const struct wess_item *now = fetch_one(p, id);
    if (r.revision && now->revision && strcmp(r.revision, now->revision) != 0)
        broke(p, "5.8", "the create answered revision %s, the item has %s", r.revision,
              now->revision);
    if (r.current && strcmp(r.current->id, id) != 0)
        failed(p, "the create answered another item than its id");
}

static void create_values(struct probe *p)
{
    const char *names[32];
    struct wess_item *item = draft(p);
    struct wess_result r;
    size_t n = spare_texts(p, names, 32);
    for (size_t i = 0; i < n; i++)
        set_text(p, item, names[i],
                 strcmp(names[i], "url") ? kept_fmt(p, "Value of %s", names[i])
                                         : "https://www.example.com/a?b=c&d=e");
    const struct wess_item *now = fetch_one(p, create(p, item, new_stamp(p), &r));
    for (size_t i = 0; i < item->n_fields; i++) {
        const struct wess_field *f = &item->fields[i];
        if (f->type == WESS_TEXT && !field_refused(&r, f->name) &&
            !same_text(p, f->str.data, text_of(p, now, f->name)))
            failed(p, "%s was created as \"%s\" and shows \"%s\"", f->name,
                   (const char *)f->str.data, text_of(p, now, f->name));
    }
}

static void create_batch(struct probe *p)
{
    struct wess_op ops[5];
    struct wess_result r[5];
    for (size_t i = 0; i < 5; i++)
        ops[i] = create_of(p, new_stamp(p));
    must(p, try_apply(p, ops, 5, r), "apply() of five creates");
    for (size_t i = 0; i < 5; i++) {
        if (r[i].code != WESS_OK || !r[i].id)
            failed(p, "create %zu of 5 answered %s", i + 1, code_name(r[i].code));
        for (size_t k = 0; k < i; k++)
            if (!strcmp(r[k].id, r[i].id))
                broke(p, "5.3", "two creates answered one id");
        const struct wess_item *now = fetch_one(p, r[i].id);
        for (size_t k = 0; k < ops[i].item.n_fields; k++) {
            const struct wess_field *f = &ops[i].item.fields[k];
            if (f->type == WESS_TEXT && !same_text(p, f->str.data, text_of(p, now, f->name)))
                failed(p, "create %zu of 5 answered the id of another item", i + 1);
        }
    }
}

static void create_unstamped(struct probe *p)
{
    const struct wess_item *now = fetch_one(p, create(p, draft(p), NULL, NULL));
    for (size_t i = 0; i < now->n_keys; i++)
        if (!strcmp(now->keys[i].space, "wess"))
            failed(p, "an item created without a stamp shows one");
}

/* An update of what is not there, an unknown kind of op and an update without fields, among two
 * that are good. */
static void apply_independent(struct probe *p)
{
    const struct wess_item ghost = {.id = "no-such-item", .revision = "1", .kind = p->col->kind};
    struct wess_op ops[4] = {
        create_of(p, new_stamp(p)), update_of(p, &ghost), {0}, create_of(p, new_stamp(p))};
    struct wess_result r[4];
    const char *spare;
    bool updates = (p->col->caps & WESS_CAP_UPDATE) && spare_texts(p, &spare, 1);
    if (updates)
        set_text(p, &ops[1].item, spare, "Nowhere");
    ops[2] = delete_of(&ghost);
    if (!updates)
        ops[1] = delete_of(&ghost);
    must(p, try_apply(p, ops, 4, r), "apply() of good and bad ops");
    if (r[0].code != WESS_OK || r[3].code != WESS_OK)
        failed(p, "good creates among bad ops answered %s and %s", code_name(r[0].code),
               code_name(r[3].code));
    for (size_t i = 1; i < 3; i++)
        if (r[i].code != WESS_GONE && r[i].code != WESS_REJECTED && r[i].code != WESS_CONFLICT &&
            !(ops[i].what == WESS_DELETE && r[i].code == WESS_OK))
            broke(p, "5.6", "an op on what never was answered %s", code_name(r[i].code));
    fetch_one(p, r[0].id);
    fetch_one(p, r[3].id);
}

static void apply_none(struct probe *p)
{
    struct wess_result r;
    must(p, try_apply(p, NULL, 0, &r), "apply() of nothing");
}

static void again_same(struct probe *p)
{
    const char *stamp = new_stamp(p);
    struct wess_op op = create_of(p, stamp);
    struct wess_result first, second;
    if (apply_one(p, &op, &first) != WESS_OK)
        broke(p, "5.3", "a create answered %s", code_name(first.code));
    settled(p, stamp, 1);
    op.flags = WESS_OP_AGAIN;
    if (apply_one(p, &op, &second) != WESS_OK)
        failed(p, "the create, again, answered %s", code_name(second.code));
    if (!second.id || strcmp(first.id, second.id) != 0)
        failed(p, "the create, again, answered another id");
    if (settled(p, stamp, 1) != 1)
        failed(p, "the create, again, left %zu items", settled(p, stamp, 1));
    if (second.revision)
        failed(p, "the create, again, answered a revision: somebody may have written since");
    if (!second.current || strcmp(second.current->id, first.id) != 0)
        failed(p, "the create, again, did not bring `current`");
}

static void again_fresh(struct probe *p)
{
    const char *stamp = new_stamp(p);
    struct wess_op op = create_of(p, stamp);
    struct wess_result r;
    op.flags = WESS_OP_AGAIN;
    if (apply_one(p, &op, &r) != WESS_OK || !r.id)
        failed(p, "a create, again, that never was applied answered %s", code_name(r.code));
    if (settled(p, stamp, 1) != 1)
        failed(p, "a create, again, that never was applied left %zu items", settled(p, stamp, 1));
    fetch_one(p, r.id);
}

static void again_deleted(struct probe *p)
{
    const char *stamp = new_stamp(p);
    struct wess_op op = create_of(p, stamp), del;
    struct wess_result r;
    if (apply_one(p, &op, &r) != WESS_OK)
        broke(p, "5.3", "a create answered %s", code_name(r.code));
    del = delete_of(fetch_one(p, r.id));
    if (apply_one(p, &del, &r) != WESS_OK)
        skipped(p, "a delete answered %s", code_name(r.code));
    settled(p, stamp, 0);
    op.flags = WESS_OP_AGAIN;
    if (apply_one(p, &op, &r) != WESS_OK || !r.id)
        failed(p, "a create, again, whose item was deleted answered %s", code_name(r.code));
    fetch_one(p, r.id); /* a live one */
}

/* One that was applied and one that was not, in one batch. */
static void again_batch(struct probe *p)
{
    struct wess_op ops[3];
    struct wess_result r[3], done;
    for (size_t i = 0; i < 3; i++)
        ops[i] = create_of(p, new_stamp(p));
    if (apply_one(p, &ops[1], &done) != WESS_OK)
        broke(p, "5.3", "a create answered %s", code_name(done.code));
    settled(p, ops[1].stamp, 1);
    for (size_t i = 0; i < 3; i++)
        ops[i].flags = i < 2 ? WESS_OP_AGAIN : 0;
    must(p, try_apply(p, ops, 3, r), "apply() of creates, two of them again");
    for (size_t i = 0; i < 3; i++) {
        if (r[i].code != WESS_OK || !r[i].id)
            failed(p, "create %zu of 3 answered %s", i + 1, code_name(r[i].code));
        if (settled(p, ops[i].stamp, 1) != 1)
            failed(p, "create %zu of 3 left another number of items than one", i + 1);
    }
    if (strcmp(r[1].id, done.id) != 0)
        failed(p, "the create that had been applied answered another id");
}

#define STAMPED (WESS_CAP_CREATE | WESS_CAP_STAMP)
static const struct case_def cases[] = {
    {"create.id", "5.3", WESS_CAP_CREATE, NEEDS_SCRATCH, create_id},
    {"create.values", "11.1", WESS_CAP_CREATE, NEEDS_SCRATCH, create_values},
    {"create.batch", "5.1", WESS_CAP_CREATE, NEEDS_SCRATCH, create_batch},
    {"create.unstamped", "6.3", WESS_CAP_CREATE, NEEDS_SCRATCH, create_unstamped},
    {"apply.independent", "5.2", WESS_CAP_CREATE | WESS_CAP_DELETE, NEEDS_SCRATCH,
     apply_independent},
    {"apply.none", "5.1", 0, NEEDS_SCRATCH, apply_none},
    {"again.same", "6.1", STAMPED, NEEDS_SCRATCH, again_same},
    {"again.fresh", "6.2", STAMPED, NEEDS_SCRATCH, again_fresh},
    {"again.deleted", "6.1", STAMPED | WESS_CAP_DELETE, NEEDS_SCRATCH, again_deleted},
    {"again.batch", "6.1", STAMPED, NEEDS_SCRATCH, again_batch},
};
const struct suite suite_create = {cases, sizeof(cases) / sizeof(cases[0])};
