/* `why`: support desk's question, answered for every pair and user that knows the item. */
#include "cli/why.h"

#include <string.h>

#include "cli/table.h"

struct answer {
    struct subject *of;
    size_t n;
    size_t quiet; /* places that know it, and have nothing to tell */
    const struct found *first_quiet;
};

/* ---- from items to subjects -------------------------------------------------------------------
 */

static bool is_known(const struct answer *w, const struct subject *s, enum side side)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->of[i].place == s->place &&
            (s->has_link && w->of[i].has_link ? w->of[i].link.id == s->link.id
                                              : w->of[i].item[side].id == s->item[side].id))
            return true;
    return false;
}

static bool load_link(const struct cli *c, struct db *db, const struct found *f, struct subject *s)
{
    int64_t pu = f->place->pu.id;
    enum store_code rc = link_of(db, c->arena, pu, f->side, f->row.id, &s->link);
    s->has_link = rc == STORE_OK;
    s->item[f->side] = f->row;
    enum side other = f->side == LEFT ? RIGHT : LEFT;
    if (rc != STORE_OK)
        return rc == STORE_NONE;
    if (s->link.item[other] &&
        item_get(db, c->arena, s->link.item[other], &s->item[other]) != STORE_OK)
        s->item[other] = (struct item_row){0};
    return true;
}

static bool gather(const struct cli *c, struct db *db, const struct found *found, size_t n,
                   struct answer *w)
{
    bool ok = true;
    w->of = arena_alloc(c->arena, (n + 1) * sizeof(*w->of));
    for (size_t i = 0; w->of && ok && i < n; i++) {
        struct subject *s = &w->of[w->n];
        *s = (struct subject){.place = found[i].place};
        ok = load_link(c, db, &found[i], s);
        if (!ok || is_known(w, s, found[i].side))
            continue;
        ok = subject_load(c, db, s);
        if (ok && subject_speaks(s)) {
            w->n++;
        } else if (ok) {
            w->quiet++;
            w->first_quiet = w->first_quiet ? w->first_quiet : &found[i];
        }
    }
    return ok && w->of;
}

/* Two people with one address: which of them? */
static bool is_ambiguous(const struct answer *w)
{
    for (size_t i = 0; i < w->n; i++)
        for (size_t k = i + 1; k < w->n; k++)
            if (w->of[i].place == w->of[k].place)
                return true;
    return false;
}

/* ---- telling ----------------------------------------------------------------------------------
 */

static void print_several(const struct cli *c, struct db *db, const struct answer *w)
{
    static const struct column columns[] = {{"ITEM", false, 0},
                                            {"NAME", false, 40},
                                            {"PAIR", false, 20},
                                            {"USER", false, 20},
                                            {"", false, 80}};
    struct table t;
    table_init(&t, c->arena, columns, 5);
    for (size_t i = 0; i < w->n; i++) {
        const struct subject *s = &w->of[i];
        int64_t id = s->item[LEFT].id ? s->item[LEFT].id : s->item[RIGHT].id;
        const char *cells[] = {arena_fmt(c->arena, "#%lld", (long long)id), subject_title(c, db, s),
                               s->place->pair->name, place_user(s->place), subject_state(c, s)};
        table_row(&t, cells);
    }
    fputs("Several items fit:\n\n", c->out);
    table_print(&t, c->out, "  ");
    fputs("\n`wess why NUMBER` tells of one.\n", c->out);
}

static void print_quiet(const struct cli *c, const struct answer *w)
{
    const struct found *f = w->first_quiet;
    const struct cfg_select *sel = &f->place->pair->select[f->side];
    fprintf(c->out, "#%lld in %s is known, and not selected.\n", (long long)f->row.id,
            cli_side_name(f->place->pair, f->side, c->arena));
    if (sel->tags_any.n)
        fprintf(c->out, "It takes part once it is tagged \"%s\"%s%s.\n", sel->tags_any.of[0],
                sel->source ? " in " : "", sel->source ? sel->source->name : "");
}

static void print_none(const struct cli *c, const char *text)
{
    cli_say(
        c,
        "\"%.128s\" is known by no number, id, mail address, given and family name or Message-ID.\n"
        "It may be new (wess sync reads it), spelt otherwise there, in a folder that is not "
        "read, or its mailbox closed to us (wess check --online).",
        text);
}

static void print_json(const struct cli *c, struct db *db, const struct answer *w)
{
    json_t *list = json_array();
    for (size_t i = 0; i < w->n; i++)
        json_array_append_new(list, subject_json(c, db, &w->of[i]));
    cli_json(c, json_pack("{s:o,s:I}", "items", list, "not_selected", (json_int_t)w->quiet));
}

static int tell(const struct cli *c, struct db *db, const struct cli_args *a,
                const struct answer *w)
{
    bool all = cli_has(a, OPT_VERBOSE);
    if (cli_has(a, OPT_JSON)) {
        print_json(c, db, w);
        return w->n || w->quiet ? EXIT_IN_STEP : EXIT_USAGE;
    }
    if (!w->n && !w->quiet) {
        print_none(c, a->of[0]);
        return EXIT_USAGE;
    }
    if (is_ambiguous(w)) {
        print_several(c, db, w);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < w->n; i++)
        subject_print(c, db, &w->of[i], all);
    if (!w->n)
        print_quiet(c, w);
    return EXIT_IN_STEP;
}

int cmd_why(struct cli *c, const struct cli_args *a)
{
    struct places places;
    struct found *found = NULL;
    struct answer w = {0};
    size_t n = 0;
    const char *user;
    if (!cli_user(c, a, &user))
        return EXIT_USAGE;
    struct db *db = db_open(c->store, false);
    int status;
    if (!db || !places_load(c, db, NULL, user, &places) ||
        !places_find(c, db, &places, -1, a->of[0], &found, &n) || !gather(c, db, found, n, &w))
        status = cli_store_failed(c, db);
    else
        status = tell(c, db, a, &w);
    db_close(db);
    return status;
}
