/* What waits for a decision: conflicts of fields, and questions about whole items. */
#include <string.h>

#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/places.h"
#include "cli/table.h"

#define LIST_SHOWN 100u /* without -v */

/* ---- list -------------------------------------------------------------------------------------
 */

static const char *what_of(struct wess_arena *a, const struct place *p, const struct ask_row *row)
{
    if (row->kind == ASK_QUESTION)
        return reason_sentence(row->reason);
    const char *text = arena_fmt(a, "%s differs", field_label(a, p->pair->kind, row->field));
    return text ? text : "";
}

static void print_list(const struct cli *c, const struct places *places, const struct ask_row *rows,
                       size_t n, bool all)
{
    static const struct column columns[] = {
        {"N", true, 0},      {"USER", false, 16},   {"PAIR", false, 16}, {"ITEM", false, 32},
        {"WHAT", false, 72}, {"ANSWER", false, 32}, {"ASKED", false, 16}};
    struct table t;
    size_t shown = 0, left = 0;
    table_init(&t, c->arena, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < n; i++) {
        const struct place *p = place_of(places, rows[i].pu);
        if (!p)
            continue;
        if (!all && shown == LIST_SHOWN) {
            left++;
            continue;
        }
        const char *cells[] = {arena_fmt(c->arena, "%lld", (long long)rows[i].id),
                               place_user(p),
                               p->pair->name,
                               rows[i].title,
                               what_of(c->arena, p, &rows[i]),
                               answer_in_words(c->arena, &rows[i]),
                               cli_when(c->arena, rows[i].asked_ms)};
        table_row(&t, cells);
        shown++;
    }
    table_print(&t, c->out, "");
    if (left)
        fprintf(c->out, ".. and %zu more (-v shows all)\n", left);
    fputs(shown ? "\n`wess conflicts show N` shows one side by side.\n"
                : "Nothing waits for a decision.\n",
          c->out);
}

static json_t *list_json(const struct cli *c, struct db *db, const struct places *places,
                         const struct ask_row *rows, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct place *p = place_of(places, rows[i].pu);
        if (p)
            json_array_append_new(list, ask_json(c->arena, db, p->pair, place_user(p), &rows[i]));
    }
    return list;
}

static bool any_open(const struct places *places, const struct ask_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!rows[i].answer && place_of(places, rows[i].pu))
            return true;
    return false;
}

int cmd_conflicts_list(struct cli *c, const struct cli_args *a)
{
    struct places places;
    struct ask_row *rows = NULL;
    size_t n = 0;
    const char *user;
    if (!cli_user(c, a, &user))
        return EXIT_USAGE;
    struct db *db = db_open(c->store, false);
    int status = EXIT_IN_STEP;
    if (!db || !places_load(c, db, NULL, user, &places) ||
        asks_list(db, c->arena, 0, false, &rows, &n) != STORE_OK) {
        status = cli_store_failed(c, db);
    } else {
        status = any_open(&places, rows, n) ? EXIT_WAITS : EXIT_IN_STEP;
        if (cli_has(a, OPT_JSON))
            cli_json(c, json_pack("{s:o}", "conflicts", list_json(c, db, &places, rows, n)));
        else
            print_list(c, &places, rows, n, cli_has(a, OPT_VERBOSE));
    }
    db_close(db);
    return status;
}

/* ---- show -------------------------------------------------------------------------------------
 */

/* Of a conflict: what differs is linked. */
static void tell_where(const struct cli *c, struct db *db, const struct ask_row *row)
{
    struct link_row link;
    item_print_where(c->out, db, c->arena, row->item);
    if (link_of(db, c->arena, row->pu, row->side, row->item, &link) == STORE_OK)
        item_print_where(c->out, db, c->arena, link.item[row->side ^ 1]);
}

static void show_conflict(const struct cli *c, struct db *db, const struct place *p,
                          const struct ask_row *row)
{
    static const struct column columns[] = {{"", false, 0}, {"", false, 0}, {"", false, 200}};
    struct content values = {NULL, 0};
    struct wess_arena *a = c->arena;
    struct table t;
    if (row->values.len && !content_decode(a, row->values, &values))
        cli_say(c, "its values are damaged in the state");
    fprintf(c->out, "%s of %s\n\n", field_label(a, p->pair->kind, row->field),
            text_shown(a, row->title ? row->title : ""));
    table_init(&t, a, columns, 3);
    const char *was[] = {"was", "when last in step", ask_value(a, &values, "base")};
    const char *left[] = {"left", cli_side_name(p->pair, LEFT, a), ask_value(a, &values, "left")};
    const char *right[] = {"right", cli_side_name(p->pair, RIGHT, a),
                           ask_value(a, &values, "right")};
    if (*was[2])
        table_row(&t, was);
    left[2] = *left[2] ? left[2] : "(empty)";
    right[2] = *right[2] ? right[2] : "(empty)";
    table_row(&t, left);
    table_row(&t, right);
    table_print(&t, c->out, "  ");
    tell_where(c, db, row);
    fprintf(c->out,
            "\nReason: %s.\n\n"
            "  wess conflicts resolve %lld --left      the left value, on both sides\n"
            "  wess conflicts resolve %lld --right     the right value, on both sides\n"
            "  wess conflicts resolve %lld --both      both\n"
            "  wess conflicts resolve %lld --value V   another one, on both sides\n",
            reason_sentence(row->reason), (long long)row->id, (long long)row->id,
            (long long)row->id, (long long)row->id);
}

static void show_question(const struct cli *c, struct db *db, const struct place *p,
                          const struct ask_row *row)
{
    static const struct column columns[] = {{"ID", false, 40}, {"", false, 100}};
    int64_t ids[CANDIDATES_SHOWN];
    size_t n = ask_candidates(row, ids, CANDIDATES_SHOWN);
    struct wess_arena *a = c->arena;
    struct table t;
    fprintf(c->out, "%s in %s: %s.\n\n", text_shown(a, row->title ? row->title : ""),
            cli_side_name(p->pair, row->side, a), reason_sentence(row->reason));
    table_init(&t, a, columns, 2);
    for (size_t i = 0; i < n; i++) {
        const char *cells[] = {
            arena_fmt(a, "#%lld", (long long)ids[i]),
            candidate_in_words(a, db, p->pair, place_user(p), row, ids[i]),
        };
        table_row(&t, cells);
    }
    table_print(&t, c->out, "  ");
    fprintf(c->out,
            "\n"
            "  wess conflicts resolve %lld --link ID   it is that one\n"
            "  wess conflicts resolve %lld --create    it is somebody else: create a twin\n"
            "  wess conflicts resolve %lld --leave     leave both alone, and do not ask again\n",
            (long long)row->id, (long long)row->id, (long long)row->id);
}

static int show(const struct cli *c, struct db *db, const struct cli_args *a)
{
    struct places places;
    struct ask_row row;
    int64_t id;
    if (!cli_number(c, a->of[0], &id))
        return EXIT_USAGE;
    if (!db || !places_load(c, db, NULL, NULL, &places))
        return cli_store_failed(c, db);
    enum store_code rc = ask_get(db, c->arena, id, &row);
    if (rc == STORE_FAIL)
        return cli_store_failed(c, db);
    const struct place *p = rc == STORE_OK ? place_of(&places, row.pu) : NULL;
    if (!p) {
        cli_say(c, "there is no decision %lld; `wess conflicts list` lists them", (long long)id);
        return EXIT_USAGE;
    }
    if (cli_has(a, OPT_JSON)) {
        cli_json(c, ask_json(c->arena, db, p->pair, place_user(p), &row));
        return EXIT_IN_STEP;
    }
    fprintf(c->out, "%lld  %s, %s: ", (long long)row.id, p->pair->name, place_user(p));
    if (row.kind == ASK_CONFLICT)
        show_conflict(c, db, p, &row);
    else
        show_question(c, db, p, &row);
    if (row.answer)
        fprintf(c->out, "\nAnswered: %s; the next sync carries it out.\n",
                text_shown(c->arena, answer_in_words(c->arena, &row)));
    return EXIT_IN_STEP;
}

int cmd_conflicts_show(struct cli *c, const struct cli_args *a)
{
    struct db *db = db_open(c->store, false);
    int status = show(c, db, a);
    db_close(db);
    return status;
}
