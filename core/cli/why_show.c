/* A subject on the terminal, and as JSON. */
#include "cli/table.h"
#include "cli/why.h"

#define HISTORY_SHOWN 8u

static void print_history(const struct cli *c, const struct subject *s, bool all)
{
    static const struct column columns[] = {{"", false, 0}, {"", false, 0}};
    struct table t;
    size_t n = all || s->n_history <= HISTORY_SHOWN ? s->n_history : HISTORY_SHOWN;
    table_init(&t, c->arena, columns, 2);
    for (size_t i = 0; i < n; i++) {
        const struct history_row *h = &s->history[i];
        const char *cells[] = {cli_when(c->arena, h->when_ms), history_text(c, s, h)};
        table_row(&t, cells);
        if (!all || !h->request)
            continue;
        const char *request[] = {"", arena_fmt(c->arena, "request %s", h->request)};
        table_row(&t, request);
    }
    if (n)
        fputs("  What was done, the newest first:\n", c->out);
    table_print(&t, c->out, "    ");
    if (n < s->n_history)
        fprintf(c->out, "    .. and %zu more (-v shows all)\n", s->n_history - n);
}

void subject_print(const struct cli *c, struct db *db, const struct subject *s, bool all)
{
    static const struct column columns[] = {{"", false, 0}, {"", false, 40}, {"", false, 0}};
    struct wess_arena *a = c->arena;
    const char *next = subject_next(c, s);
    struct table t;
    fprintf(c->out, "%s  (%s, %s)\n", text_shown(a, subject_title(c, db, s)), s->place->pair->name,
            place_user(s->place));
    table_init(&t, a, columns, 3);
    for (int side = LEFT; side <= RIGHT; side++) {
        const char *cells[] = {side == LEFT ? "left" : "right",
                               cli_side_name(s->place->pair, (enum side)side, a),
                               subject_side(c, s, (enum side)side)};
        table_row(&t, cells);
    }
    table_print(&t, c->out, "  ");
    for (int side = LEFT; side <= RIGHT; side++)
        item_print_where(c->out, db, a, s->item[side].id);
    fprintf(c->out, "  Now: %s", text_shown(a, subject_state(c, s)));
    if (s->reason && !(s->has_link && s->link.ended))
        fprintf(c->out, "; last on %s: %s", cli_when(a, s->reason_ms), reason_sentence(s->reason));
    fputs(".\n", c->out);
    for (size_t i = 0; i < s->n_waits; i++)
        fprintf(c->out, "  Waits: %s\n", text_shown(a, s->waits[i].text));
    print_history(c, s, all);
    if (next)
        fprintf(c->out, "  Next: %s\n", text_shown(a, next));
    fputc('\n', c->out);
}

static json_t *side_json(const struct cli *c, struct db *db, const struct subject *s,
                         enum side side)
{
    const struct item_row *row = &s->item[side];
    if (!row->id)
        return json_null();
    return json_pack("{s:I,s:s*,s:s,s:s,s:s*,s:s*}", "item", (json_int_t)row->id, "id", row->rid,
                     "place", cli_side_name(s->place->pair, side, c->arena), "text",
                     subject_side(c, s, side), "ref", item_named(db, c->arena, row->id, "ref"),
                     "url", item_named(db, c->arena, row->id, "url"));
}

json_t *subject_json(const struct cli *c, struct db *db, const struct subject *s)
{
    json_t *waits = json_array(), *history = json_array();
    for (size_t i = 0; i < s->n_waits; i++)
        json_array_append_new(
            waits, json_pack("{s:s,s:s*}", "text", s->waits[i].text, "next", s->waits[i].next));
    for (size_t i = 0; i < s->n_history; i++) {
        const struct history_row *h = &s->history[i];
        json_array_append_new(history, json_pack("{s:I,s:s,s:s,s:s*,s:s*,s:s,s:s*}", "when_ms",
                                                 (json_int_t)h->when_ms, "what", cli_what(h->what),
                                                 "side", h->side == LEFT ? "left" : "right",
                                                 "reason", h->reason, "code", h->code, "text",
                                                 history_text(c, s, h), "request", h->request));
    }
    return json_pack("{s:s,s:s,s:s,s:b,s:b,s:s,s:s*,s:s*,s:s,s:I,s:o,s:o,s:o,s:o,s:s*}", "pair",
                     s->place->pair->name, "user", place_user(s->place), "title",
                     subject_title(c, db, s), "linked", s->has_link && !s->link.ended, "ended",
                     s->has_link && s->link.ended, "state", subject_state(c, s), "ended_reason",
                     s->has_link && s->link.ended ? s->link.reason : NULL, "reason", s->reason,
                     "sentence", reason_sentence(s->reason), "reason_ms", (json_int_t)s->reason_ms,
                     "left", side_json(c, db, s, LEFT), "right", side_json(c, db, s, RIGHT),
                     "waits", waits, "history", history, "next", subject_next(c, s));
}
