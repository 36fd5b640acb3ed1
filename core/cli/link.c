/* Links made and ended by hand; and what is filed once more. */
#include <string.h>

#include "cli/cli.h"
#include "cli/places.h"
#include "cli/table.h"
#include "host/conn.h"

/* ---- which item is meant ----------------------------------------------------------------------
 */

static void list_found(const struct cli *c, struct db *db, const struct found *of, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *title = item_title(db, c->arena, of[i].row.id);
        fprintf(c->err, "  #%lld  %s, %s  %s\n", (long long)of[i].row.id,
                cli_side_name(of[i].place->pair, of[i].side, c->arena), place_user(of[i].place),
                title ? text_shown(c->arena, title) : "");
    }
}

/* The places that hold both items; a shared record is in every user's. */
static size_t matching(const struct found *left, size_t n_left, const struct found *right,
                       size_t n_right, size_t *l, size_t *r)
{
    size_t n = 0;
    for (size_t i = 0; i < n_left; i++)
        for (size_t k = 0; k < n_right; k++)
            if (left[i].place == right[k].place) {
                *l = i;
                *r = k;
                n++;
            }
    return n;
}

static bool find(const struct cli *c, struct db *db, const struct places *places, int side,
                 const char *text, struct found **of, size_t *n)
{
    static const char *const names[] = {"the left side", "the right side"};
    if (!places_find(c, db, places, side, text, of, n)) {
        cli_store_failed(c, db);
        return false;
    }
    if (*n)
        return true;
    cli_say(c, "\"%.128s\" is known on %s by no number, id, mail address or full name", text,
            side < 0 ? "neither side" : names[side]);
    return false;
}

/* ---- link -------------------------------------------------------------------------------------
 */

static int link_two(const struct cli *c, struct db *db, const struct found *left,
                    const struct found *right)
{
    const char *why = NULL;
    int64_t pu = left->place->pu.id;
    if (db_begin(db) != STORE_OK)
        return cli_store_failed(c, db);
    enum store_code rc =
        link_by_hand(db, pu, left->row.id, right->row.id, cli_who(c), clock_now_ms(), &why);
    if (why || rc == STORE_NONE) {
        db_rollback(db);
        cli_say(c, "%s", why ? why : "the two cannot be linked");
        return EXIT_USAGE;
    }
    if (rc != STORE_OK || db_commit(db) != STORE_OK)
        return cli_store_failed(c, db);
    fprintf(c->out,
            "Linked in %s for %s: #%lld and #%lld. The next sync merges what differs (now: wess "
            "sync).\n",
            left->place->pair->name, place_user(left->place), (long long)left->row.id,
            (long long)right->row.id);
    return EXIT_IN_STEP;
}

static int link_found(const struct cli *c, struct db *db, const struct cli_args *a,
                      const struct places *places)
{
    struct found *left = NULL, *right = NULL;
    size_t n_left = 0, n_right = 0, l = 0, r = 0;
    if (!find(c, db, places, LEFT, a->of[1], &left, &n_left) ||
        !find(c, db, places, RIGHT, a->of[2], &right, &n_right))
        return db_failed(db) ? EXIT_STATE : EXIT_USAGE;
    size_t n = matching(left, n_left, right, n_right, &l, &r);
    if (n == 1)
        return link_two(c, db, &left[l], &right[r]);
    cli_say(c, n ? "several items fit; name each by its number, and the user by --user:"
                 : "no user has both of these items:");
    list_found(c, db, left, n_left);
    list_found(c, db, right, n_right);
    return EXIT_USAGE;
}

static int with_places(struct cli *c, const struct cli_args *a, bool files,
                       int (*act)(const struct cli *, struct db *, const struct cli_args *,
                                  const struct places *))
{
    struct places places;
    const struct cfg_pair *pair = cli_pair(c, a->of[0]);
    const char *user;
    if (!pair || !cli_user(c, a, &user))
        return EXIT_USAGE;
    if (pair->files != files) {
        cli_say(c,
                files
                    ? "pair %s does not file: mode = \"file\" would be what files"
                    : "pair %s files (mode = \"file\"): nothing in it is linked, `wess why` tells "
                      "what is filed",
                pair->name);
        return EXIT_USAGE;
    }
    struct db *db = db_open(c->store, false);
    int status = db && places_load(c, db, pair->name, user, &places) ? act(c, db, a, &places)
                                                                     : cli_store_failed(c, db);
    db_close(db);
    return status;
}

int cmd_link(struct cli *c, const struct cli_args *a)
{
    return with_places(c, a, false, link_found);
}

/* ---- unlink -----------------------------------------------------------------------------------
 */

static int end_link(const struct cli *c, struct db *db, const struct found *f)
{
    if (db_begin(db) != STORE_OK)
        return cli_store_failed(c, db);
    enum store_code rc =
        link_by_hand_end(db, f->place->pu.id, f->side, f->row.id, cli_who(c), clock_now_ms());
    if (rc == STORE_NONE) {
        db_rollback(db);
        cli_say(c, "#%lld is not linked in %s for %s", (long long)f->row.id, f->place->pair->name,
                place_user(f->place));
        return EXIT_USAGE;
    }
    if (db_commit(db) != STORE_OK)
        return cli_store_failed(c, db);
    fprintf(c->out,
            "The link of #%lld in %s for %s has ended; both items stay as they are, and neither is "
            "linked or created again by itself.\n",
            (long long)f->row.id, f->place->pair->name, place_user(f->place));
    return EXIT_IN_STEP;
}

/* Those of the items found that are linked; two ends of one link count once. */
static size_t keep_linked(const struct cli *c, struct db *db, struct found *of, size_t n)
{
    size_t kept = 0;
    int64_t *links = arena_alloc(c->arena, (n + 1) * sizeof(*links));
    for (size_t i = 0; links && i < n; i++) {
        struct link_row link;
        bool known = false;
        if (link_of(db, c->arena, of[i].place->pu.id, of[i].side, of[i].row.id, &link) !=
                STORE_OK ||
            link.ended)
            continue;
        for (size_t k = 0; k < kept; k++)
            known |= links[k] == link.id;
        if (known)
            continue;
        links[kept] = link.id;
        of[kept++] = of[i];
    }
    return kept;
}

static int unlink_found(const struct cli *c, struct db *db, const struct cli_args *a,
                        const struct places *places)
{
    struct found *of = NULL;
    size_t n = 0;
    if (!find(c, db, places, -1, a->of[1], &of, &n))
        return db_failed(db) ? EXIT_STATE : EXIT_USAGE;
    struct found first = of[0];
    size_t linked = keep_linked(c, db, of, n);
    if (linked == 1)
        return end_link(c, db, &of[0]);
    if (!linked)
        return end_link(c, db, &first);
    cli_say(c, "several links fit; name an item by its number, and the user by --user:");
    list_found(c, db, of, linked);
    return EXIT_USAGE;
}

int cmd_unlink(struct cli *c, const struct cli_args *a)
{
    return with_places(c, a, false, unlink_found);
}

/* ---- refile -----------------------------------------------------------------------------------
 */

static int file_again(const struct cli *c, struct db *db, const struct found *f)
{
    const char *why = NULL;
    if (db_begin(db) != STORE_OK)
        return cli_store_failed(c, db);
    enum store_code rc =
        file_by_hand_again(db, f->place->pu.id, f->row.id, cli_who(c), clock_now_ms(), &why);
    if (why || rc == STORE_NONE) {
        db_rollback(db);
        cli_say(c, "#%lld of %s for %s: %s", (long long)f->row.id, f->place->pair->name,
                place_user(f->place), why ? why : "it is not filed");
        return EXIT_USAGE;
    }
    if (db_commit(db) != STORE_OK)
        return cli_store_failed(c, db);
    fprintf(c->out,
            "#%lld of %s for %s is filed once more by the next sync (now: wess sync), unless its "
            "copy is still in %s.\n",
            (long long)f->row.id, f->place->pair->name, place_user(f->place),
            cli_side_name(f->place->pair, RIGHT, c->arena));
    return EXIT_IN_STEP;
}

/* Those that are filed: a mail may lie in several mailboxes, and in several folders of one. */
static size_t keep_filed(const struct cli *c, struct db *db, struct found *of, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct link_row link;
        if (link_of(db, c->arena, of[i].place->pu.id, LEFT, of[i].row.id, &link) == STORE_OK &&
            link.ended)
            of[kept++] = of[i];
    }
    return kept;
}

static int refile_found(const struct cli *c, struct db *db, const struct cli_args *a,
                        const struct places *places)
{
    struct found *of = NULL;
    size_t n = 0;
    if (!find(c, db, places, LEFT, a->of[1], &of, &n))
        return db_failed(db) ? EXIT_STATE : EXIT_USAGE;
    struct found first = of[0];
    size_t filed = keep_filed(c, db, of, n);
    if (filed <= 1)
        return file_again(c, db, filed ? &of[0] : &first);
    cli_say(c, "several are filed; name one by its number, and the user by --user:");
    list_found(c, db, of, filed);
    return EXIT_USAGE;
}

int cmd_refile(struct cli *c, const struct cli_args *a)
{
    return with_places(c, a, true, refile_found);
}
