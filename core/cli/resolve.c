/* `conflicts resolve`: an answer that fits the question, kept until a sync carries it out. */
#include <string.h>

#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/places.h"
#include "cli/table.h"

static const enum cli_opt answers[] = {OPT_LEFT, OPT_RIGHT,  OPT_BOTH, OPT_VALUE,
                                       OPT_LINK, OPT_CREATE, OPT_LEAVE};
#define ANSWERS (sizeof(answers) / sizeof(answers[0]))
#define ANSWER_COLUMNS 72
#define OF_CONFLICT                                                                                \
    (OPT_BIT(OPT_LEFT) | OPT_BIT(OPT_RIGHT) | OPT_BIT(OPT_BOTH) | OPT_BIT(OPT_VALUE))

/* The one answer given; OPT_COUNT and told: none or several. */
static enum cli_opt given(const struct cli *c, const struct cli_args *a)
{
    enum cli_opt found = OPT_COUNT;
    size_t n = 0;
    for (size_t i = 0; i < ANSWERS; i++)
        if (cli_has(a, answers[i])) {
            found = answers[i];
            n++;
        }
    if (n == 1)
        return found;
    cli_say(c, n ? "one answer only: --left, --right, --both, --value, --link, --create or --leave"
                 : "say how: --left, --right, --both, --value V, --link ID, --create or --leave");
    return OPT_COUNT;
}

/* ---- answers that need a look -----------------------------------------------------------------
 */

static bool is_digits(const char *s, size_t n)
{
    return strspn(s, "0123456789") >= n;
}

static bool is_date(const char *s)
{
    if (!strncmp(s, "--", 2))
        return strlen(s) == 7 && is_digits(s + 2, 2) && s[4] == '-' && is_digits(s + 5, 2);
    return strlen(s) == 10 && is_digits(s, 4) && s[4] == '-' && is_digits(s + 5, 2) &&
           s[7] == '-' && is_digits(s + 8, 2);
}

static size_t points(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += (*s & 0xc0) != 0x80;
    return n;
}

/* NULL: it may be answered so; else why not. */
static const char *why_not_value(const struct place *p, const struct ask_row *row,
                                 const char *value)
{
    const char *element = NULL;
    const struct field_def *def = field_find(p->pair->kind, row->field, &element);
    if (!def)
        return "this version does not know the field";
    if (def->type == WESS_SET || (def->type == WESS_RECORDS && !element))
        return "it is a list: answer --left, --right or --both";
    if (def->type == WESS_DATE && *value && !is_date(value))
        return "a date is written 2026-11-25, or --11-25 without its year";
    if (def->max_len && points(value) > def->max_len)
        return "that is longer than the field may be";
    return NULL;
}

/* The item of the other side that ID means: a candidate by its number, then by its id, then any
 * item there. */
static bool find_twin(const struct cli *c, struct db *db, const struct places *places,
                      const struct place *p, const struct ask_row *row, const char *id,
                      struct item_row *out)
{
    int64_t ids[CANDIDATES_SHOWN];
    size_t n = ask_candidates(row, ids, CANDIDATES_SHOWN), n_found = 0;
    const char *number = *id == '#' ? id + 1 : id;
    struct found *found = NULL;
    struct places one = {p, 1};
    (void)places;
    for (size_t i = 0; i < n; i++) {
        const char *text = arena_fmt(c->arena, "%lld", (long long)ids[i]);
        if (item_get(db, c->arena, ids[i], out) == STORE_OK && text &&
            (!strcmp(text, number) || !strcmp(out->rid, id)))
            return true;
    }
    if (!places_find(c, db, &one, row->side == LEFT ? RIGHT : LEFT, id, &found, &n_found) ||
        n_found != 1)
        return false;
    *out = found[0].row;
    return true;
}

/* In the arena; NULL and told: it does not fit. */
static const char *answer_of(const struct cli *c, struct db *db, const struct places *places,
                             const struct place *p, const struct ask_row *row, enum cli_opt how,
                             const char *value)
{
    struct item_row twin;
    const char *why;
    bool conflict = row->kind == ASK_CONFLICT;
    if (conflict != ((OPT_BIT(how) & OF_CONFLICT) != 0)) {
        cli_say(c,
                conflict ? "%lld is about a field: answer --left, --right, --both or --value"
                         : "%lld is about a whole item: answer --link, --create or --leave",
                (long long)row->id);
        return NULL;
    }
    if (how == OPT_VALUE) {
        why = why_not_value(p, row, value);
        if (why)
            cli_say(c, "%lld: %s", (long long)row->id, why);
        return why ? NULL : arena_fmt(c->arena, "value:%s", value);
    }
    if (how == OPT_LINK) {
        /* By its id there: that is what a run looks up first. */
        if (find_twin(c, db, places, p, row, value, &twin))
            return arena_fmt(c->arena, "link:%s", twin.rid);
        cli_say(c,
                "%lld: no single item of the other side is \"%.64s\"; `wess conflicts show "
                "%lld` lists the candidates",
                (long long)row->id, value, (long long)row->id);
        return NULL;
    }
    return cli_options[how].name;
}

/* ---- the command ------------------------------------------------------------------------------
 */

static int resolve_one(const struct cli *c, struct db *db, const struct places *places,
                       const char *word, enum cli_opt how, const char *value)
{
    struct ask_row row;
    int64_t id;
    if (!cli_number(c, word, &id))
        return EXIT_USAGE;
    enum store_code rc = ask_get(db, c->arena, id, &row);
    if (rc == STORE_FAIL)
        return cli_store_failed(c, db);
    const struct place *p = rc == STORE_OK ? place_of(places, row.pu) : NULL;
    if (!p) {
        cli_say(c, "there is no decision %lld; `wess conflicts list` lists them", (long long)id);
        return EXIT_USAGE;
    }
    const char *answer = answer_of(c, db, places, p, &row, how, value);
    if (!answer)
        return EXIT_USAGE;
    if (ask_answer(db, id, answer) != STORE_OK)
        return cli_store_failed(c, db);
    row.answer = answer;
    fprintf(c->out, "%lld: %s\n", (long long)id,
            text_cut(c->arena, answer_in_words(c->arena, &row), ANSWER_COLUMNS));
    return EXIT_IN_STEP;
}

static int resolve(const struct cli *c, struct db *db, const struct cli_args *a, enum cli_opt how)
{
    struct places places;
    int status = EXIT_IN_STEP;
    if (!db || !places_load(c, db, NULL, NULL, &places) || db_begin(db) != STORE_OK)
        return cli_store_failed(c, db);
    for (size_t i = 0; i < a->n && status == EXIT_IN_STEP; i++)
        status = resolve_one(c, db, &places, a->of[i], how, a->value[how]);
    if (status != EXIT_IN_STEP) {
        db_rollback(db);
        if (a->n > 1)
            cli_say(c, "nothing was decided");
        return status;
    }
    if (db_commit(db) != STORE_OK)
        return cli_store_failed(c, db);
    fputs("The next sync carries it out (now: wess sync).\n", c->out);
    return EXIT_IN_STEP;
}

int cmd_conflicts_resolve(struct cli *c, const struct cli_args *a)
{
    enum cli_opt how = given(c, a);
    if (how == OPT_COUNT)
        return EXIT_USAGE;
    struct db *db = db_open(c->store, false);
    int status = resolve(c, db, a, how);
    db_close(db);
    return status;
}
