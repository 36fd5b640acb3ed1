/* What a remote will not take: kept, shown, and tried again when it changes or a person says so. */
#include <string.h>

#include "cli/cli.h"
#include "cli/places.h"
#include "cli/table.h"

/* ---- list -------------------------------------------------------------------------------------
 */

static int64_t item_of(struct db *db, struct wess_arena *a, const struct parked_row *row)
{
    struct link_row link;
    if (row->item)
        return row->item;
    if (link_get(db, a, row->link, &link) != STORE_OK)
        return 0;
    return link.item[LEFT] ? link.item[LEFT] : link.item[RIGHT];
}

static const char *title_of(struct db *db, struct wess_arena *a, const struct parked_row *row)
{
    int64_t item = item_of(db, a, row);
    const char *title = item ? item_title(db, a, item) : NULL;
    struct item_row it;
    /* Of what cannot even be judged nothing is known but the remote's name for it. */
    if (!title && item_get(db, a, item, &it) == STORE_OK && (it.flags & ITEM_UNJUDGED))
        title = it.rid;
    if (!title)
        title = arena_fmt(a, "item #%lld", (long long)item);
    return title ? title : "";
}

static const char *field_of(struct wess_arena *a, const struct place *p,
                            const struct parked_row *row)
{
    return row->field && *row->field ? field_label(a, p->pair->kind, row->field) : "the whole item";
}

static void print_list(const struct cli *c, struct db *db, const struct places *places,
                       const struct parked_row *rows, size_t n)
{
    static const struct column columns[] = {
        {"N", true, 0},      {"USER", false, 16},       {"PAIR", false, 16}, {"ITEM", false, 32},
        {"WHAT", false, 28}, {"REFUSED BY", false, 28}, {"WHY", false, 100}, {"SINCE", false, 16}};
    struct table t;
    table_init(&t, c->arena, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < n; i++) {
        const struct place *p = place_of(places, rows[i].pu);
        if (!p)
            continue;
        const char *cells[] = {arena_fmt(c->arena, "%lld", (long long)rows[i].id),
                               place_user(p),
                               p->pair->name,
                               title_of(db, c->arena, &rows[i]),
                               field_of(c->arena, p, &rows[i]),
                               cli_side_name(p->pair, rows[i].side, c->arena),
                               rows[i].why,
                               cli_when(c->arena, rows[i].when_ms)};
        table_row(&t, cells);
    }
    table_print(&t, c->out, "");
    fputs(t.n ? "\nEach is tried again when it changes; now: wess parked retry N\n"
              : "Nothing is parked.\n",
          c->out);
}

static void print_json(const struct cli *c, struct db *db, const struct places *places,
                       const struct parked_row *rows, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct place *p = place_of(places, rows[i].pu);
        if (!p)
            continue;
        json_array_append_new(
            list, json_pack("{s:I,s:s,s:s,s:I,s:s,s:s*,s:s,s:s*,s:s*,s:I}", "id",
                            (json_int_t)rows[i].id, "pair", p->pair->name, "user", place_user(p),
                            "item", (json_int_t)item_of(db, c->arena, &rows[i]), "title",
                            title_of(db, c->arena, &rows[i]), "field", rows[i].field, "side",
                            rows[i].side == LEFT ? "left" : "right", "why", rows[i].why, "code",
                            rows[i].code, "when_ms", (json_int_t)rows[i].when_ms));
    }
    cli_json(c, json_pack("{s:o}", "parked", list));
}

static int list(const struct cli *c, struct db *db, const struct cli_args *a, const char *user)
{
    struct places places;
    struct parked_row *rows = NULL;
    size_t n = 0;
    int status = EXIT_IN_STEP;
    if (!db || !places_load(c, db, NULL, user, &places) ||
        parked_list(db, c->arena, 0, &rows, &n) != STORE_OK)
        return cli_store_failed(c, db);
    for (size_t i = 0; i < n; i++)
        if (place_of(&places, rows[i].pu))
            status = EXIT_WAITS;
    if (cli_has(a, OPT_JSON))
        print_json(c, db, &places, rows, n);
    else
        print_list(c, db, &places, rows, n);
    return status;
}

int cmd_parked_list(struct cli *c, const struct cli_args *a)
{
    const char *user;
    if (!cli_user(c, a, &user))
        return EXIT_USAGE;
    struct db *db = db_open(c->store, false);
    int status = list(c, db, a, user);
    db_close(db);
    return status;
}

/* ---- retry, forget ----------------------------------------------------------------------------
 */

/* Both ends of the link, or the item alone, are looked at again, and read again for it. */
static void look_again(const struct cli *c, struct db *db, const struct place *p,
                       const struct parked_row *row)
{
    struct link_row link;
    struct item_row item;
    if (row->link && link_get(db, c->arena, row->link, &link) == STORE_OK) {
        for (int s = LEFT; s <= RIGHT; s++) {
            link.rev[s] = NULL;
            if (link.item[s])
                todo_put(db, row->pu, (enum side)s, link.item[s], NOT_CHOSEN);
        }
        link_put(db, &link);
        return;
    }
    if (item_get(db, c->arena, row->item, &item) != STORE_OK)
        return;
    enum side s = item.feed == p->pu.feed[RIGHT] ? RIGHT : LEFT;
    todo_put(db, row->pu, s, item.id,
             item.flags & ITEM_UNJUDGED ? UNJUDGED
             : item.flags & ITEM_CHOSEN ? CHOSEN
                                        : NOT_CHOSEN);
}

static bool is_named(const struct cli *c, const struct cli_args *a, int64_t id, bool *bad)
{
    for (size_t i = 0; i < a->n; i++) {
        int64_t named;
        if (!strcmp(a->of[i], "all"))
            return true;
        if (!cli_number(c, a->of[i], &named)) {
            *bad = true;
            return false;
        }
        if (named == id)
            return true;
    }
    return false;
}

/* Each row that was named; the number of them, or -1 and told. */
static int64_t clear(const struct cli *c, struct db *db, const struct cli_args *a, const char *user,
                     bool retry)
{
    struct places places;
    struct parked_row *rows = NULL;
    size_t n = 0;
    int64_t done = 0;
    bool bad = false;
    if (!places_load(c, db, NULL, user, &places) || db_begin(db) != STORE_OK ||
        parked_list(db, c->arena, 0, &rows, &n) != STORE_OK) {
        cli_store_failed(c, db);
        return -1;
    }
    for (size_t i = 0; i < n && !bad; i++) {
        const struct place *p = place_of(&places, rows[i].pu);
        if (!p || !is_named(c, a, rows[i].id, &bad))
            continue;
        parked_clear(db, rows[i].pu, rows[i].link, rows[i].item, rows[i].field);
        if (retry)
            look_again(c, db, p, &rows[i]);
        done++;
    }
    if (bad || db_commit(db) == STORE_OK)
        return bad ? -1 : done;
    cli_store_failed(c, db);
    return -1;
}

static int act(struct cli *c, const struct cli_args *a, bool retry)
{
    const char *user;
    if (!cli_user(c, a, &user))
        return EXIT_USAGE;
    struct db *db = db_open(c->store, false);
    if (!db)
        return cli_store_failed(c, db);
    int64_t n = clear(c, db, a, user, retry);
    int status = n < 0 && db_failed(db) ? EXIT_STATE : n < 0 ? EXIT_USAGE : EXIT_IN_STEP;
    db_close(db);
    if (n == 0) {
        cli_say(c, "nothing of that is parked; `wess parked list` lists what is");
        status = EXIT_USAGE;
    } else if (n > 0) {
        fprintf(c->out,
                retry ? "%s again in the next sync (now: wess sync).\n"
                      : "%s off the list until the item changes again.\n",
                cli_count(c->arena, n, retry ? "value is tried" : "value is",
                          retry ? "values are tried" : "values are"));
    }
    return status;
}

int cmd_parked_retry(struct cli *c, const struct cli_args *a)
{
    return act(c, a, true);
}

int cmd_parked_forget(struct cli *c, const struct cli_args *a)
{
    return act(c, a, false);
}
