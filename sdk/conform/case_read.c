/* changes(): snapshots, cursors, limits, news. */
#include "probe.h"

#include <string.h>

#define LIMIT_ONE_MOST 400u /* items of a collection that is read one by one */

static const struct wess_slice from_start = {NULL, 0};

/* Some items to read, so that an empty collection says something too. */
static void some_items(struct probe *p, const char **ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = create(p, draft(p), new_stamp(p), NULL);
}

static void read_empty_cursor(struct probe *p)
{
    struct wess_slice at = from_start;
    struct wess_page page;
    for (unsigned n = 0; n < PAGES_MOST; n++) {
        must(p, try_changes(p, at, LIMIT_LARGE, &page), "changes()");
        if (!(page.flags & WESS_PAGE_SNAPSHOT))
            failed(p, "page %u of a snapshot is not flagged WESS_PAGE_SNAPSHOT", n + 1);
        for (size_t i = 0; i < page.n; i++)
            if (page.changes[i].what == WESS_DELETE)
                failed(p, "a snapshot told of a deletion");
        at = page.next;
        if (page.flags & WESS_PAGE_LAST)
            return;
    }
    broke(p, "3.3", "%u pages, and none was the last", PAGES_MOST);
}

static void read_delta(struct probe *p)
{
    struct wess_slice at = from_start;
    struct seen seen = {0}, more = {0};
    struct wess_page page;
    pull(p, &at, LIMIT_LARGE, &seen);
    must(p, try_changes(p, at, LIMIT_LARGE, &page), "changes()");
    if (page.flags & WESS_PAGE_SNAPSHOT)
        failed(p, "with WESS_CAP_DELTA the page after the last one is a snapshot again");
    at = page.next;
    if (!(page.flags & WESS_PAGE_LAST))
        pull(p, &at, LIMIT_LARGE, &more);
}

/* What did not change may be told again, but as it was. */
static void read_quiet(struct probe *p)
{
    struct wess_slice at = from_start;
    struct seen seen = {0}, more = {0};
    pull(p, &at, LIMIT_LARGE, &seen);
    pull(p, &at, LIMIT_LARGE, &more);
    for (size_t i = 0; i < more.n; i++) {
        const struct seen_item *was = seen_find(&seen, more.of[i].id);
        if (!was && more.of[i].what == WESS_UPSERT)
            failed(p, "item %s is told of after the snapshot, and was not in it", more.of[i].id);
        if (was && more.of[i].what == WESS_UPSERT && was->revision && more.of[i].revision &&
            strcmp(was->revision, more.of[i].revision) != 0)
            failed(p, "item %s has another revision, and nothing was written", was->id);
    }
}

static void compare(struct probe *p, const struct seen *a, const struct seen *b, const char *what)
{
    for (size_t i = 0; i < a->n; i++)
        if (!seen_find(b, a->of[i].id))
            failed(p, "item %s is missing %s", a->of[i].id, what);
    for (size_t i = 0; i < b->n; i++)
        if (!seen_find(a, b->of[i].id))
            failed(p, "item %s came only %s", b->of[i].id, what);
}

static void read_limit_one(struct probe *p)
{
    struct wess_slice at = from_start, one = from_start, few = from_start;
    struct seen all = {0}, by_one = {0}, by_few = {0};
    const char *ids[4];
    some_items(p, ids, 4);
    pull(p, &at, LIMIT_LARGE, &all);
    if (all.n > LIMIT_ONE_MOST)
        skipped(p, "the collection has more than %u items", LIMIT_ONE_MOST);
    pull(p, &one, 1, &by_one);
    pull(p, &few, 3, &by_few);
    compare(p, &all, &by_one, "with limit 1");
    compare(p, &all, &by_few, "with limit 3");
    for (size_t i = 0; i < 4; i++)
        if (!seen_find(&by_one, ids[i]))
            failed(p, "the new item %s is in no snapshot", ids[i]);
}

/* Every cursor of one reading, given again: it goes on to the same end. */
static void again_from_all(struct probe *p, bool elsewhere)
{
    struct wess_slice cursors[64] = {{0}}, at = from_start;
    struct seen rest[64] = {{0}}, news;
    struct wess_page page = {0};
    const char *ids[3];
    size_t n = 0;
    some_items(p, ids, 3);
    while (n < 64 && !(page.flags & WESS_PAGE_LAST)) {
        must(p, try_changes(p, at, n < 63 ? 2 : LIMIT_LARGE, &page), "changes()");
        for (size_t i = 0; i < n; i++)
            take_page(p, &page, &rest[i]);
        cursors[n++] = at = page.next;
    }
    for (size_t i = 0; i < n; i += i < 8 ? 1 : 7) {
        if (elsewhere) {
            probe_close(p);
            probe_open(p);
        }
        at = cursors[i];
        news = (struct seen){0};
        enum wess_code rc = try_changes(p, at, LIMIT_LARGE, &page);
        if (rc != WESS_OK)
            failed(p, "cursor %zu of %zu, given again, answered %s: %s", i + 1, n, code_name(rc),
                   p->error.text);
        pull(p, &at, LIMIT_LARGE, &news);
        for (size_t k = 0; k < rest[i].n; k++)
            if (!seen_find(&news, rest[i].of[k].id))
                failed(p, "from cursor %zu, given again, item %s did not come", i + 1,
                       rest[i].of[k].id);
    }
}

static void read_old_cursors(struct probe *p)
{
    again_from_all(p, false);
}

static void read_cursor_elsewhere(struct probe *p)
{
    again_from_all(p, true);
}

static void read_bad_cursor(struct probe *p)
{
    static const char garbage[] = "\1 no cursor of this connector \377";
    struct wess_page page;
    enum wess_code rc =
        try_changes(p, (struct wess_slice){garbage, sizeof(garbage) - 1}, LIMIT_LARGE, &page);
    if (rc != WESS_RESET)
        failed(p, "a cursor that it never gave answered %s", code_name(rc));
    struct wess_slice at = from_start;
    struct seen seen = {0};
    pull(p, &at, LIMIT_LARGE, &seen);
}

static void read_sorted(struct probe *p)
{
    struct wess_slice at = from_start;
    struct wess_page page = {0};
    const char *last = NULL, *ids[12], *spare;
    some_items(p, ids, 12); /* so many that 10 comes before 9 */
    if ((p->col->caps & WESS_CAP_UPDATE) && spare_texts(p, &spare, 1)) {
        struct wess_op op = update_of(p, fetch_one(p, ids[0]));
        struct wess_result r;
        set_text(p, &op.item, spare, "The last one that was changed");
        apply_one(p, &op, &r);
    }
    for (unsigned n = 0; n < PAGES_MOST && !(page.flags & WESS_PAGE_LAST); n++) {
        must(p, try_changes(p, at, 2, &page), "changes()");
        if (!(page.flags & WESS_PAGE_SORTED))
            skipped(p, "its snapshots are not flagged WESS_PAGE_SORTED");
        for (size_t i = 0; i < page.n; i++) {
            const char *id = page.changes[i].item.id;
            if (last && strcmp(last, id) >= 0)
                failed(p, "item %s comes after %s", id, last);
            last = id;
        }
        at = page.next;
    }
}

/* Both a new item and a changed one, while a snapshot is under way. */
static void read_misses_nothing(struct probe *p)
{
    struct wess_slice at = from_start;
    struct seen seen = {0};
    struct wess_page page;
    const char *ids[4], *spare;
    some_items(p, ids, 4);
    must(p, try_changes(p, at, 2, &page), "changes()");
    at = page.next;
    take_page(p, &page, &seen);
    const char *late = create(p, draft(p), new_stamp(p), NULL);
    const char *now = NULL;
    if ((p->col->caps & WESS_CAP_UPDATE) && spare_texts(p, &spare, 1)) {
        struct wess_op op = update_of(p, fetch_one(p, ids[0]));
        struct wess_result r;
        set_text(p, &op.item, spare, "Changed meanwhile");
        if (apply_one(p, &op, &r) != WESS_OK)
            skipped(p, "an update answered %s", code_name(r.code));
        now = fetch_one(p, ids[0])->revision;
    }
    const struct seen_item *there = pull_until(p, &at, late, WESS_UPSERT, &seen);
    if (!there)
        failed(p, "item %s, created after the first page, is in no page", late);
    int64_t since = 0;
    const struct seen_item *changed = seen_find(&seen, ids[0]);
    while (now && (!changed || !changed->revision || strcmp(changed->revision, now) != 0)) {
        if (!wait_more(p, &since))
            failed(p, "item %s, changed after the first page, came as it was before", ids[0]);
        pull(p, &at, LIMIT_LARGE, &seen);
        changed = seen_find(&seen, ids[0]);
    }
}

static void read_new_item(struct probe *p)
{
    struct wess_slice at = from_start;
    struct seen seen = {0};
    pull(p, &at, LIMIT_LARGE, &seen);
    const char *stamp = new_stamp(p), *id = create(p, draft(p), stamp, NULL);
    const struct seen_item *there = pull_until(p, &at, id, WESS_UPSERT, &seen);
    if (!there)
        failed(p, "item %s, created after the snapshot, is in no later page", id);
    if ((p->col->caps & WESS_CAP_STAMP) && !bears(there->item, "wess", stamp))
        broke(p, "6.3", "the new item shows no key {\"wess\", \"%s\"} in changes()", stamp);
    if ((p->col->caps & WESS_CAP_STAMP) && !bears(fetch_one(p, id), "wess", stamp))
        broke(p, "6.3", "the new item shows no key {\"wess\", \"%s\"} in fetch()", stamp);
}

static void read_update(struct probe *p)
{
    struct wess_slice at = from_start;
    struct seen seen = {0}, news = {0};
    struct wess_result r;
    const char *spare, *id = create(p, draft(p), new_stamp(p), NULL);
    if (!spare_texts(p, &spare, 1))
        skipped(p, "the schema has no second text field that can be written");
    pull(p, &at, LIMIT_LARGE, &seen);
    struct wess_op op = update_of(p, fetch_one(p, id));
    set_text(p, &op.item, spare, "Another text");
    if (apply_one(p, &op, &r) != WESS_OK)
        failed(p, "the update answered %s", code_name(r.code));
    const char *now = fetch_one(p, id)->revision;
    int64_t since = 0;
    const struct seen_item *there;
    do {
        there = pull_until(p, &at, id, WESS_UPSERT, &news);
    } while (there && now && there->revision && strcmp(there->revision, now) != 0 &&
             wait_more(p, &since));
    if (!there || (now && there->revision && strcmp(there->revision, now) != 0))
        failed(p, "the update of item %s is told of in no later page", id);
}

/* What a selector and a matcher go by is the same in changes() and in fetch(). */
static void read_facts(struct probe *p)
{
    struct wess_slice at = from_start;
    struct seen seen = {0};
    const char *id = create(p, draft(p), new_stamp(p), NULL);
    pull(p, &at, LIMIT_LARGE, &seen);
    for (size_t i = 0; i < seen.n && i < LIMIT_LARGE; i++) {
        const struct wess_item *a = seen.of[i].item;
        struct wess_result r;
        if (strcmp(a->id, id) != 0 && i % 7)
            continue;
        must(p, try_fetch(p, &a->id, 1, &r), "fetch()");
        if (r.code != WESS_OK)
            continue;
        const struct wess_item *b = r.current;
        if (a->revision && b->revision && strcmp(a->revision, b->revision) != 0)
            failed(p, "item %s has another revision in fetch()", a->id);
        if (a->tags.n != b->tags.n || (a->flags ^ b->flags) & WESS_ITEM_PRIVATE)
            failed(p, "item %s has other tags in fetch()", a->id);
        for (size_t k = 0; k < a->n_keys; k++)
            if (!bears(b, a->keys[k].space, a->keys[k].id))
                failed(p, "item %s has a key %s in changes() and not in fetch()", a->id,
                       a->keys[k].space);
    }
}

#define CREATES WESS_CAP_CREATE
static const struct case_def cases[] = {
    {"read.empty_cursor", "3.1", 0, NEEDS_OPEN, read_empty_cursor},
    {"read.delta", "3.1", WESS_CAP_DELTA, NEEDS_OPEN, read_delta},
    {"read.quiet", "3.4", 0, NEEDS_OPEN, read_quiet},
    {"read.limit_one", "3.6", CREATES, NEEDS_SCRATCH, read_limit_one},
    {"read.old_cursors", "3.2", CREATES, NEEDS_SCRATCH, read_old_cursors},
    {"read.cursor_elsewhere", "3.2", CREATES, NEEDS_SCRATCH, read_cursor_elsewhere},
    {"read.bad_cursor", "3.8", 0, NEEDS_OPEN, read_bad_cursor},
    {"read.sorted", "3.5", CREATES, NEEDS_SCRATCH, read_sorted},
    {"read.misses_nothing", "3.4", CREATES, NEEDS_SCRATCH, read_misses_nothing},
    {"read.new_item", "3.7", CREATES, NEEDS_SCRATCH, read_new_item},
    {"read.update", "3.7", CREATES | WESS_CAP_UPDATE, NEEDS_SCRATCH, read_update},
    {"read.facts", "3.9", CREATES, NEEDS_SCRATCH, read_facts},
};
const struct suite suite_read = {cases, sizeof(cases) / sizeof(cases[0])};
