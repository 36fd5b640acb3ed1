/* apply(): updates. */
#include "probe.h"

#include <stdlib.h>
#include <string.h>

static const char *spare_of(struct probe *p)
{
    const char *name;
    if (!spare_texts(p, &name, 1))
        skipped(p, "the schema has no second text field that can be written");
    return name;
}

/* An item with two spare fields filled, as it is now. */
static const struct wess_item *filled(struct probe *p, const char *names[2], size_t *n)
{
    struct wess_item *item = draft(p);
    *n = spare_texts(p, names, 2);
    if (!*n)
        skipped(p, "the schema has no second text field that can be written");
    for (size_t i = 0; i < *n; i++)
        set_text(p, item, names[i], i ? "Second value" : "First value");
    return fetch_one(p, create(p, item, new_stamp(p), NULL));
}

static const struct wess_item *updated(struct probe *p, const struct wess_op *op,
                                       struct wess_result *r)
{
    enum wess_code code = apply_one(p, op, r);
    if (code != WESS_OK)
        failed(p, "the update answered %s: %s", code_name(code), r->text ? r->text : "");
    return fetch_one(p, r->id ? r->id : op->item.id);
}

static void update_listed(struct probe *p)
{
    const char *names[2];
    size_t n;
    struct wess_result r;
    const struct wess_item *was = filled(p, names, &n), *now;
    struct wess_op op = update_of(p, was);
    set_text(p, &op.item, names[0], "Another value");
    now = updated(p, &op, &r);
    if (!same_text(p, "Another value", text_of(p, now, names[0])))
        failed(p, "%s was written as \"Another value\" and shows \"%s\"", names[0],
               text_of(p, now, names[0]));
    for (size_t i = 0; i < was->n_fields; i++) {
        const char *name = was->fields[i].name;
        if (strcmp(name, names[0]) != 0 &&
            (!field_of(now, name) || strcmp(text_of(p, was, name), text_of(p, now, name)) != 0))
            failed(p, "the update of %s changed %s", names[0], name);
    }
}

static void update_clears(struct probe *p, struct wess_field empty)
{
    const char *names[2];
    size_t n;
    struct wess_result r;
    struct wess_op op = update_of(p, filled(p, names, &n));
    empty.name = names[0];
    set_field(p, &op.item, empty);
    const struct wess_item *now = updated(p, &op, &r);
    if (*text_of(p, now, names[0]))
        failed(p, "%s was cleared and shows \"%s\"", names[0], text_of(p, now, names[0]));
    if (n > 1 && !same_text(p, "Second value", text_of(p, now, names[1])))
        broke(p, "5.4", "clearing %s changed %s", names[0], names[1]);
}

static void update_null(struct probe *p)
{
    update_clears(p, (struct wess_field){.type = WESS_NULL});
}

static void update_empty(struct probe *p)
{
    update_clears(p, (struct wess_field){.type = WESS_TEXT, .str = {"", 0}});
}

static void update_revision(struct probe *p)
{
    const char *spare = spare_of(p), *id = create(p, draft(p), new_stamp(p), NULL);
    struct wess_result r;
    const struct wess_item *was = fetch_one(p, id), *now;
    struct wess_op op = update_of(p, was);
    set_text(p, &op.item, spare, "One");
    now = updated(p, &op, &r);
    if (was->revision && now->revision && !strcmp(was->revision, now->revision))
        failed(p, "an update left the revision as it was");
    if (r.revision && now->revision && strcmp(r.revision, now->revision) != 0)
        failed(p, "the update answered revision %s, the item has %s", r.revision, now->revision);
    op = update_of(p, now); /* and the next one can be computed from it */
    set_text(p, &op.item, spare, "Two");
    if (!same_text(p, "Two", text_of(p, updated(p, &op, &r), spare)))
        failed(p, "a second update did not hold");
}

static void update_rises(struct probe *p)
{
    struct wess_result r;
    const struct wess_item *was = fetch_one(p, create(p, draft(p), new_stamp(p), NULL)), *now;
    struct wess_op op = update_of(p, was);
    char *end[2] = {"", ""};
    set_text(p, &op.item, spare_of(p), "One");
    now = updated(p, &op, &r);
    long long a = was->revision ? strtoll(was->revision, &end[0], 10) : -1,
              b = now->revision ? strtoll(now->revision, &end[1], 10) : -1;
    if (*end[0] || *end[1] || a < 0 || b <= a)
        failed(p, "behind revision %s an update has %s", was->revision ? was->revision : "(none)",
               now->revision ? now->revision : "(none)");
}

/* Both computed from one reading: the second one is stale. */
static void update_stale(struct probe *p)
{
    const char *spare = spare_of(p);
    struct wess_result r;
    const struct wess_item *was = fetch_one(p, create(p, draft(p), new_stamp(p), NULL)), *now;
    struct wess_op op = update_of(p, was);
    set_text(p, &op.item, spare, "Theirs");
    updated(p, &op, &r);
    set_text(p, &op.item, spare, "Ours");
    enum wess_code code = apply_one(p, &op, &r);
    now = fetch_one(p, was->id);
    if (code != WESS_CONFLICT)
        failed(p, "a stale update answered %s", code_name(code));
    if (!same_text(p, "Theirs", text_of(p, now, spare)))
        failed(p, "a stale update was written");
}

static void update_gone(struct probe *p)
{
    const char *spare = spare_of(p);
    struct wess_result r;
    const struct wess_item *was = fetch_one(p, create(p, draft(p), new_stamp(p), NULL));
    struct wess_op del = delete_of(was), op = update_of(p, was);
    if (apply_one(p, &del, &r) != WESS_OK)
        skipped(p, "a delete answered %s", code_name(r.code));
    set_text(p, &op.item, spare, "Too late");
    enum wess_code code = apply_one(p, &op, &r);
    if (code != WESS_GONE && code != WESS_CONFLICT)
        failed(p, "an update of a deleted item answered %s", code_name(code));
    must(p, try_fetch(p, &was->id, 1, &r), "fetch()");
    if (r.code == WESS_OK)
        failed(p, "an update brought a deleted item back");
}

static void update_batch(struct probe *p)
{
    const char *spare = spare_of(p);
    const struct wess_item *was[3];
    struct wess_op ops[3];
    struct wess_result r[3];
    for (size_t i = 0; i < 3; i++) {
        was[i] = fetch_one(p, create(p, draft(p), new_stamp(p), NULL));
        ops[i] = update_of(p, was[i]);
        set_text(p, &ops[i].item, spare, kept_fmt(p, "Number %zu", i));
    }
    must(p, try_apply(p, ops, 3, r), "apply() of three updates");
    for (size_t i = 0; i < 3; i++) {
        if (r[i].code != WESS_OK)
            failed(p, "update %zu of 3 answered %s", i + 1, code_name(r[i].code));
        const struct wess_item *now = fetch_one(p, was[i]->id);
        if (!same_text(p, kept_fmt(p, "Number %zu", i), text_of(p, now, spare)))
            failed(p, "update %zu of 3 is not on its item", i + 1);
    }
}

/* Different fields of different items in one batch: no field of one is written to the other. */
static void update_apart(struct probe *p)
{
    const char *names[2];
    size_t n;
    const struct wess_item *a = filled(p, names, &n), *b = filled(p, names, &n);
    struct wess_op ops[2] = {update_of(p, a), update_of(p, b)};
    struct wess_result r[2];
    if (n < 2)
        skipped(p, "the schema has no third text field that can be written");
    set_text(p, &ops[0].item, names[0], "Only here");
    set_field(p, &ops[1].item, (struct wess_field){.name = names[1], .type = WESS_NULL});
    must(p, try_apply(p, ops, 2, r), "apply() of two updates");
    const struct wess_item *na = fetch_one(p, a->id), *nb = fetch_one(p, b->id);
    if (!same_text(p, "Only here", text_of(p, na, names[0])) ||
        !same_text(p, "Second value", text_of(p, na, names[1])))
        failed(p, "the first of two updates was mixed with the second");
    if (!same_text(p, "First value", text_of(p, nb, names[0])) || *text_of(p, nb, names[1]))
        failed(p, "the second of two updates was mixed with the first");
}

static void update_stamp(struct probe *p)
{
    const char *spare = spare_of(p), *stamp = new_stamp(p), *other = new_stamp(p);
    struct wess_result r;
    const struct wess_item *now = fetch_one(p, create(p, draft(p), NULL, NULL));
    struct wess_op op = update_of(p, now);
    op.stamp = stamp;
    set_text(p, &op.item, spare, "Stamped");
    now = updated(p, &op, &r);
    if (!bears(now, "wess", stamp))
        failed(p, "an update did not fill the empty stamp slot");
    op = update_of(p, now);
    op.stamp = other;
    set_text(p, &op.item, spare, "Stamped twice");
    apply_one(p, &op, &r);
    now = fetch_one(p, now->id);
    if (!bears(now, "wess", stamp) || bears(now, "wess", other))
        failed(p, "an update replaced a stamp");
    op = update_of(p, now);
    set_text(p, &op.item, spare, "Stamped still");
    now = updated(p, &op, &r);
    if (!bears(now, "wess", stamp))
        failed(p, "an update without a stamp took it off");
    op = update_of(p, now);
    op.stamp = "";
    set_text(p, &op.item, spare, "Stamped no more");
    now = updated(p, &op, &r);
    if (bears(now, "wess", stamp))
        failed(p, "an update with an empty stamp did not take it off");
}

#define UPDATES (WESS_CAP_CREATE | WESS_CAP_UPDATE)
static const struct case_def cases[] = {
    {"update.listed", "5.4", UPDATES, NEEDS_SCRATCH, update_listed},
    {"update.null", "5.5", UPDATES, NEEDS_SCRATCH, update_null},
    {"update.empty", "5.5", UPDATES, NEEDS_SCRATCH, update_empty},
    {"update.revision", "5.8", UPDATES, NEEDS_SCRATCH, update_revision},
    {"update.rises", "5.9", UPDATES | WESS_CAP_REVISIONS_RISE, NEEDS_SCRATCH, update_rises},
    {"update.stale", "7.1", UPDATES | WESS_CAP_CAS_UPDATE, NEEDS_SCRATCH, update_stale},
    {"update.gone", "5.6", UPDATES | WESS_CAP_DELETE, NEEDS_SCRATCH, update_gone},
    {"update.batch", "5.1", UPDATES, NEEDS_SCRATCH, update_batch},
    {"update.apart", "5.2", UPDATES, NEEDS_SCRATCH, update_apart},
    {"update.stamp", "6.4", UPDATES | WESS_CAP_STAMP_LATER, NEEDS_SCRATCH, update_stamp},
};
const struct suite suite_update = {cases, sizeof(cases) / sizeof(cases[0])};
