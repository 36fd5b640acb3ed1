/* What a guard stopped: numbered lists that a person lets go or leaves. */
#include <string.h>

#include "cli/cli.h"
#include "cli/places.h"
#include "cli/table.h"

static const char *plan_word(enum op_what what)
{
    switch (what) {
    case OP_LINK:
        return "link";
    case OP_CREATE:
        return "create";
    case OP_UPDATE:
        return "update";
    case OP_DELETE:
        return "delete";
    case OP_END:
        return "end the link of";
    }
    return "";
}

static bool is_open(const struct hold_row *h)
{
    return !h->released && h->n > 0;
}

void held_print(const struct cli *c, struct db *db, const char *pair, const char *user)
{
    struct places places;
    struct hold_row *rows = NULL;
    size_t n = 0;
    if (!places_load(c, db, pair, user, &places) ||
        holds_list(db, c->arena, 0, &rows, &n) != STORE_OK)
        return;
    for (size_t i = 0; i < n; i++) {
        const struct place *p = place_of(&places, rows[i].pu);
        if (!p || !is_open(&rows[i]))
            continue;
        fprintf(c->out, "  %s held for %s: %s\n",
                cli_count(c->arena, rows[i].n, "change", "changes"), place_user(p),
                text_shown(c->arena, rows[i].reason ? rows[i].reason : ""));
        fprintf(c->out, "      wess held list -v, then wess held release %lld\n",
                (long long)rows[i].id);
    }
}

/* ---- list -------------------------------------------------------------------------------------
 */

static const char *title_or_id(struct db *db, struct wess_arena *a, int64_t item)
{
    struct item_row row;
    const char *title = item_title(db, a, item);
    if (!title && item_get(db, a, item, &row) == STORE_OK)
        title = arena_fmt(a, "item #%lld", (long long)item);
    return title ? title : "(gone)";
}

static bool print_items(const struct cli *c, struct db *db, const struct place *p, int64_t hold)
{
    static const struct column columns[] = {{"", false, 0}, {"", false, 48}, {"", false, 48}};
    struct todo_row *items = NULL;
    size_t n = 0;
    struct table t;
    if (hold_items(db, c->arena, hold, &items, &n) != STORE_OK)
        return false;
    table_init(&t, c->arena, columns, 3);
    for (size_t i = 0; i < n; i++) {
        const char *cells[] = {arena_fmt(c->arena, "#%lld", (long long)items[i].item),
                               title_or_id(db, c->arena, items[i].item),
                               cli_side_name(p->pair, items[i].side, c->arena)};
        table_row(&t, cells);
    }
    table_print(&t, c->out, "      ");
    return true;
}

static bool print_list(const struct cli *c, struct db *db, const struct places *places,
                       const struct hold_row *rows, size_t n, bool all)
{
    bool ok = true, any = false;
    for (size_t i = 0; i < n && ok; i++) {
        const struct place *p = place_of(places, rows[i].pu);
        if (!p || !is_open(&rows[i]))
            continue;
        any = true;
        fprintf(c->out, "%lld  %s, %s: %s %s, since %s\n      %s\n", (long long)rows[i].id,
                p->pair->name, place_user(p), plan_word(rows[i].what),
                cli_count(c->arena, rows[i].n, "item", "items"),
                cli_when(c->arena, rows[i].made_ms),
                text_shown(c->arena, rows[i].reason ? rows[i].reason : ""));
        if (all)
            ok = print_items(c, db, p, rows[i].id);
    }
    if (any)
        fprintf(c->out, "\n%s`wess held release N` lets one go.\n",
                all ? "" : "-v shows each item, `wess plan` the names of all; ");
    else if (ok)
        fputs("Nothing is held.\n", c->out);
    return ok;
}

static json_t *items_json(const struct cli *c, struct db *db, int64_t hold)
{
    struct todo_row *items = NULL;
    size_t n = 0;
    json_t *list = json_array();
    if (hold_items(db, c->arena, hold, &items, &n) == STORE_OK)
        for (size_t i = 0; i < n; i++)
            json_array_append_new(list,
                                  json_pack("{s:I,s:s,s:s}", "item", (json_int_t)items[i].item,
                                            "side", items[i].side == LEFT ? "left" : "right",
                                            "title", title_or_id(db, c->arena, items[i].item)));
    return list;
}

static void print_json(const struct cli *c, struct db *db, const struct places *places,
                       const struct hold_row *rows, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct place *p = place_of(places, rows[i].pu);
        if (p && is_open(&rows[i]))
            json_array_append_new(
                list, json_pack("{s:I,s:s,s:s,s:s,s:I,s:s*,s:I,s:o}", "id", (json_int_t)rows[i].id,
                                "pair", p->pair->name, "user", place_user(p), "what",
                                plan_word(rows[i].what), "n", (json_int_t)rows[i].n, "reason",
                                rows[i].reason, "made_ms", (json_int_t)rows[i].made_ms, "items",
                                items_json(c, db, rows[i].id)));
    }
    cli_json(c, json_pack("{s:o}", "held", list));
}

static int list(const struct cli *c, struct db *db, const struct cli_args *a, const char *user)
{
    struct places places;
    struct hold_row *rows = NULL;
    size_t n = 0;
    int status = EXIT_IN_STEP;
    if (!db || !places_load(c, db, NULL, user, &places) ||
        holds_list(db, c->arena, 0, &rows, &n) != STORE_OK)
        return cli_store_failed(c, db);
    for (size_t i = 0; i < n; i++)
        if (is_open(&rows[i]) && place_of(&places, rows[i].pu))
            status = EXIT_HELD;
    if (cli_has(a, OPT_JSON))
        print_json(c, db, &places, rows, n);
    else if (!print_list(c, db, &places, rows, n, cli_has(a, OPT_VERBOSE)))
        status = cli_store_failed(c, db);
    return status;
}

int cmd_held_list(struct cli *c, const struct cli_args *a)
{
    const char *user;
    if (!cli_user(c, a, &user))
        return EXIT_USAGE;
    struct db *db = db_open(c->store, false);
    int status = list(c, db, a, user);
    db_close(db);
    return status;
}

/* ---- release ----------------------------------------------------------------------------------
 */

static int release(const struct cli *c, struct db *db, const struct cli_args *a)
{
    int status = EXIT_IN_STEP;
    if (!db || db_begin(db) != STORE_OK)
        return cli_store_failed(c, db);
    for (size_t i = 0; i < a->n && status == EXIT_IN_STEP; i++) {
        int64_t id;
        if (!cli_number(c, a->of[i], &id)) {
            status = EXIT_USAGE;
            break;
        }
        enum store_code rc = hold_release(db, id);
        if (rc == STORE_FAIL) {
            status = cli_store_failed(c, db);
        } else if (rc == STORE_NONE) {
            cli_say(c, "there is no list %lld that is held; `wess held list` lists them",
                    (long long)id);
            status = EXIT_USAGE;
        }
    }
    if (status != EXIT_IN_STEP) {
        db_rollback(db);
        return status;
    }
    if (db_commit(db) != STORE_OK)
        return cli_store_failed(c, db);
    fputs("Let go; the next sync carries it out (now: wess sync).\n", c->out);
    return EXIT_IN_STEP;
}

int cmd_held_release(struct cli *c, const struct cli_args *a)
{
    struct db *db = db_open(c->store, false);
    int status = release(c, db, a);
    db_close(db);
    return status;
}
