#include "cli/places.h"

#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "feed/pull.h"

#define FOUND_MAX 4096u

/* ---- places -----------------------------------------------------------------------------------
 */

/* A feed that was never read has no row, and looking must not make one. */
static int64_t feed_of(struct db *db, struct wess_arena *a, const struct cfg_pair *pair,
                       const char *user, enum side s)
{
    struct feed_row row;
    const struct cfg_endpoint *e = pair->endpoint[s];
    if (feed_get(db, a, e->name, e->per_user ? user : "", pair->collection[s], &row) == STORE_OK)
        return row.id;
    db_rollback(db);
    return 0;
}

bool places_load(const struct cli *c, struct db *db, const char *pair, const char *user,
                 struct places *out)
{
    struct pu_row *rows = NULL;
    size_t n = 0;
    *out = (struct places){NULL, 0};
    if (pus_list(db, c->arena, &rows, &n) != STORE_OK)
        return false;
    struct place *of = arena_alloc(c->arena, (n + 1) * sizeof(*of));
    for (size_t i = 0; of && i < n; i++) {
        struct place *p = &of[out->n];
        *p = (struct place){.pair = config_pair(c->config, rows[i].pair),
                            .user = config_user(c->config, rows[i].user),
                            .pu = rows[i]};
        if (!p->pair || (pair && strcmp(pair, rows[i].pair)) ||
            (user && strcmp(user, rows[i].user)))
            continue;
        for (int s = LEFT; s <= RIGHT; s++)
            p->pu.feed[s] = feed_of(db, c->arena, p->pair, rows[i].user, (enum side)s);
        out->n++;
    }
    out->of = of;
    return of != NULL;
}

const struct place *place_of(const struct places *all, int64_t pu)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->of[i].pu.id == pu)
            return &all->of[i];
    return NULL;
}

const char *place_user(const struct place *p)
{
    return p->pu.user;
}

/* ---- finding ----------------------------------------------------------------------------------
 */

#define KEYS 5u /* an address, a name, the same without accents, a summary, a Message-ID */
struct search {
    const struct cli *cli;
    struct db *db;
    const char *text;
    struct hash keys[KEYS];
    int64_t number; /* 0: it is none */
    struct found *of;
    size_t n, cap;
    bool failed;
};

static void add(struct search *s, const struct place *p, enum side side, const struct item_row *row)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 16;
        struct found *more = arena_alloc(s->cli->arena, cap * sizeof(*more));
        s->failed |= !more;
        if (!more)
            return;
        if (s->n)
            memcpy(more, s->of, s->n * sizeof(*more));
        s->of = more;
        s->cap = cap;
    }
    s->of[s->n++] = (struct found){p, side, *row};
}

static bool make_keys(struct search *s)
{
    struct wess_arena *a = s->cli->arena;
    const struct store *store = s->cli->store;
    const char *fold = text_fold(a, s->text), *plain = fold ? text_fold_plain(a, fold) : NULL;
    const char *digits = *s->text == '#' ? s->text + 1 : s->text;
    if (!fold || !plain)
        return false;
    s->keys[0] = key_hash(store, "email", fold);
    s->keys[1] = key_hash(store, "fn", fold);
    s->keys[2] = key_hash(store, KEY_PLAIN_NAME, plain);
    s->keys[3] = key_hash(store, "summary", fold);
    const char *bare = *fold == '<' ? fold : arena_fmt(a, "<%s>", fold);
    if (!bare)
        return false;
    s->keys[4] = key_hash(store, "message-id", bare);
    if (*digits && strspn(digits, "0123456789") == strlen(digits))
        s->number = strtoll(digits, NULL, 10);
    return true;
}

static void find_in(struct search *s, const struct place *p, enum side side,
                    const struct item_row *numbered)
{
    int64_t feed = p->pu.feed[side];
    struct item_row *rows = NULL;
    size_t n = 0;
    if (!feed)
        return;
    if (numbered && numbered->feed == feed)
        add(s, p, side, numbered);
    if (*s->text == '#') /* surely a number of ours */
        return;
    if (items_find(s->db, s->cli->arena, feed, s->text, s->keys, KEYS, &rows, &n) != STORE_OK)
        s->failed = true;
    for (size_t i = 0; i < n && !s->failed && s->n < FOUND_MAX; i++)
        if (!numbered || rows[i].id != numbered->id)
            add(s, p, side, &rows[i]);
}

bool places_find(const struct cli *c, struct db *db, const struct places *all, int side,
                 const char *text, struct found **out, size_t *n)
{
    struct search s = {.cli = c, .db = db, .text = text};
    struct item_row numbered;
    bool has_number = false;
    if (!make_keys(&s))
        return false;
    if (s.number) {
        enum store_code rc = item_get(db, c->arena, s.number, &numbered);
        has_number = rc == STORE_OK;
        s.failed = rc == STORE_FAIL;
    }
    for (size_t i = 0; i < all->n && !s.failed; i++)
        for (int at = LEFT; at <= RIGHT; at++)
            if (side < 0 || side == at)
                find_in(&s, &all->of[i], (enum side)at, has_number ? &numbered : NULL);
    *out = s.of;
    *n = s.n;
    return !s.failed;
}

/* ---- what is known of an item -----------------------------------------------------------------
 */

bool item_content_known(struct db *db, struct wess_arena *a, int64_t item, struct content *out)
{
    struct wess_slice body = {NULL, 0};
    if (item_known(db, a, item, &body) != STORE_OK || !body.len)
        if (item_body(db, a, item, &body) != STORE_OK)
            return false;
    return body.len && content_decode(a, body, out) && out->n;
}

const char *item_title(struct db *db, struct wess_arena *a, int64_t item)
{
    struct content c;
    if (!item_content_known(db, a, item, &c))
        return NULL;
    const char *title = content_title(a, &c), *ref = content_named(&c, "ref");
    return title && ref ? arena_fmt(a, "%s (%s)", title, ref) : title;
}

const char *item_named(struct db *db, struct wess_arena *a, int64_t item, const char *name)
{
    struct content c;
    return item && item_content_known(db, a, item, &c) ? content_named(&c, name) : NULL;
}

const char *field_label(struct wess_arena *a, const struct kind_def *kind, const char *field)
{
    const char *element = NULL;
    const struct field_def *def = field_find(kind, field, &element);
    if (!def || !strncmp(field, "x.", 2))
        return field;
    if (!element)
        return def->label;
    const char *text = arena_fmt(a, "%s (%s)", def->label, element);
    return text ? text : field;
}

void item_print_where(FILE *out, struct db *db, struct wess_arena *a, int64_t item)
{
    const char *ref = item_named(db, a, item, "ref"), *url = item_named(db, a, item, "url");
    if (ref || url)
        fprintf(out, "  There it is: %s%s%s\n", text_shown(a, ref ? ref : ""),
                ref && url ? ", " : "", text_shown(a, url ? url : ""));
}
