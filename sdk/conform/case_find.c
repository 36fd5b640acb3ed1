/* find(): by key, by stamp, several, none, and what is in the bin. */
#include "probe.h"

#include <string.h>

/* A key that the item shows, and that is no stamp. */
static bool some_key(const struct wess_item *item, struct wess_key *out)
{
    for (size_t i = 0; i < item->n_keys; i++)
        if (strcmp(item->keys[i].space, "wess") != 0) {
            *out = item->keys[i];
            return true;
        }
    return false;
}

/* Looked for until the collection had its time: an index may be late. */
static const char *sought(struct probe *p, struct wess_key key, size_t wanted)
{
    int64_t since = 0;
    const char *id = NULL;
    size_t n;
    do {
        n = live_with(p, key, &id);
    } while (n != wanted && wait_more(p, &since));
    if (n != wanted)
        failed(p, "find() of the key %s brought %zu live items, not %zu", key.space, n, wanted);
    return id;
}

static void find_key(struct probe *p)
{
    const char *id = create(p, draft(p), new_stamp(p), NULL);
    const struct wess_item *item = fetch_one(p, id);
    struct wess_key key;
    if (!some_key(item, &key))
        skipped(p, "the item has no key but its stamp");
    for (size_t i = 0; i < item->n_keys; i++)
        if (strcmp(sought(p, item->keys[i], 1), id) != 0)
            failed(p, "find() of the key %s brought another item", item->keys[i].space);
}

static void find_stamp(struct probe *p)
{
    const char *stamp = new_stamp(p), *id = create(p, draft(p), stamp, NULL);
    if (strcmp(sought(p, (struct wess_key){"wess", stamp}, 1), id) != 0)
        failed(p, "find() of the stamp brought another item");
}

static void find_several(struct probe *p)
{
    struct wess_key keys[4];
    const char *ids[3];
    struct wess_page page;
    for (size_t i = 0; i < 3; i++) {
        const char *stamp = new_stamp(p);
        ids[i] = create(p, draft(p), stamp, NULL);
        if (!some_key(fetch_one(p, ids[i]), &keys[i]) || i == 1)
            keys[i] = (struct wess_key){"wess", stamp};
        sought(p, keys[i], 1);
    }
    keys[3] = (struct wess_key){"wess", "nobodyhasthis"};
    must(p, try_find(p, keys, 4, &page), "find() of four keys");
    if (!(page.flags & WESS_PAGE_LAST))
        broke(p, "4.3", "find() of four keys of three items was not the last page");
    for (size_t i = 0; i < 3; i++) {
        size_t n = 0;
        for (size_t k = 0; k < page.n; k++)
            n += !strcmp(page.changes[k].item.id, ids[i]);
        if (n != 1)
            failed(p, "of three items asked for at once, %s came %zu times", ids[i], n);
    }
}

static void find_none(struct probe *p)
{
    static const struct wess_key keys[] = {{"wess", "nobodyhasthis1"},
                                           {"email", "nobody.has.this@example.invalid"}};
    struct wess_page page;
    must(p, try_find(p, keys, 2, &page), "find() of what is not there");
    if (page.n)
        failed(p, "find() of keys that nobody has brought %zu items", page.n);
    if (!(page.flags & WESS_PAGE_LAST))
        broke(p, "4.3", "find() that brought nothing was not the last page");
    must(p, try_find(p, NULL, 0, &page), "find() of no keys");
    if (page.n || !(page.flags & WESS_PAGE_LAST))
        failed(p, "find() of no keys brought something, or was not the last page");
}

static void find_trashed(struct probe *p)
{
    const char *stamp = new_stamp(p), *id = create(p, draft(p), stamp, NULL);
    struct wess_op op = delete_of(fetch_one(p, id));
    struct wess_result r;
    if (apply_one(p, &op, &r) != WESS_OK)
        skipped(p, "a delete answered %s", code_name(r.code));
    sought(p, (struct wess_key){"wess", stamp}, 0);
}

static void find_after_update(struct probe *p)
{
    const char *stamp = new_stamp(p), *id = create(p, draft(p), stamp, NULL), *spare;
    struct wess_op op = update_of(p, fetch_one(p, id));
    struct wess_result r;
    if (!spare_texts(p, &spare, 1))
        skipped(p, "the schema has no second text field that can be written");
    set_text(p, &op.item, spare, "Changed");
    if (apply_one(p, &op, &r) != WESS_OK)
        failed(p, "the update answered %s", code_name(r.code));
    if (strcmp(sought(p, (struct wess_key){"wess", stamp}, 1), r.id ? r.id : id) != 0)
        failed(p, "after an update find() of the stamp brought another item");
}

static const struct case_def cases[] = {
    {"find.key", "4.1", WESS_CAP_CREATE, NEEDS_SCRATCH, find_key},
    {"find.stamp", "4.1", WESS_CAP_CREATE | WESS_CAP_STAMP, NEEDS_SCRATCH, find_stamp},
    {"find.several", "4.1", WESS_CAP_CREATE | WESS_CAP_STAMP, NEEDS_SCRATCH, find_several},
    {"find.none", "4.1", 0, NEEDS_OPEN, find_none},
    {"find.trashed", "4.2", WESS_CAP_CREATE | WESS_CAP_DELETE | WESS_CAP_STAMP, NEEDS_SCRATCH,
     find_trashed},
    {"find.after_update", "4.1", WESS_CAP_CREATE | WESS_CAP_UPDATE | WESS_CAP_STAMP, NEEDS_SCRATCH,
     find_after_update},
};
const struct suite suite_find = {cases, sizeof(cases) / sizeof(cases[0])};
