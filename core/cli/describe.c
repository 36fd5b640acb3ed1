#include "cli/describe.h"

#include <stdlib.h>
#include <string.h>

#include "cli/places.h"

/* Where a run asks from the left, the candidates are on the right, and the other way round. */
static enum side candidate_side(const struct ask_row *row)
{
    return row->side == LEFT ? RIGHT : LEFT;
}

size_t ask_candidates(const struct ask_row *row, int64_t *ids, size_t cap)
{
    size_t n = 0;
    const char *s = row->candidates ? row->candidates : "";
    while (*s && n < cap) {
        char *end;
        int64_t id = strtoll(s, &end, 10);
        if (end == s)
            break;
        if (id > 0)
            ids[n++] = id;
        s = *end == ',' ? end + 1 : end;
    }
    return n;
}

/* A record that users share is shown; of somebody's own mailbox only what was chosen there. */
static bool may_show(const struct cfg_pair *pair, enum side s, const struct item_row *row,
                     bool linked)
{
    return !pair->endpoint[s]->per_user || linked || (row->flags & ITEM_CHOSEN);
}

const char *candidate_in_words(struct wess_arena *a, struct db *db, const struct cfg_pair *pair,
                               const char *user, const struct ask_row *ask, int64_t id)
{
    enum side s = candidate_side(ask);
    struct item_row row;
    struct link_row link;
    const char *out;
    if (item_get(db, a, id, &row) != STORE_OK)
        return "an item that is gone";
    bool linked = link_of(db, a, ask->pu, s, id, &link) == STORE_OK && !link.ended;
    const char *title = may_show(pair, s, &row, linked) ? item_title(db, a, id) : NULL;
    const char *twin = linked ? item_title(db, a, link.item[s ^ 1]) : NULL;
    if (title)
        out = arena_fmt(a, "%s in %s%s%s", title, cli_side_name(pair, s, a),
                        linked ? ", linked already to " : "", linked && twin ? twin : "");
    else if (pair->endpoint[s]->per_user && !(row.flags & ITEM_CHOSEN))
        out = arena_fmt(a, "an untagged contact of %s with the same address or name", user);
    else
        out = arena_fmt(a, "item %s in %s", row.rid, cli_side_name(pair, s, a));
    return out ? out : "";
}

const char *ask_value(struct wess_arena *a, const struct content *values, const char *name)
{
    const struct wess_field *f = content_get(values, name);
    const char *text = f ? field_show(a, f) : "";
    return text ? text : "";
}

static const char *conflict_in_words(struct wess_arena *a, const struct cfg_pair *pair,
                                     const struct ask_row *row)
{
    struct content values = {NULL, 0};
    if (row->values.len && !content_decode(a, row->values, &values))
        return "";
    const char *left = ask_value(a, &values, "left"), *right = ask_value(a, &values, "right");
    const char *out =
        arena_fmt(a, "%s: \"%s\" in %s, \"%s\" in %s", field_label(a, pair->kind, row->field), left,
                  pair->endpoint[LEFT]->name, right, pair->endpoint[RIGHT]->name);
    return out ? out : "";
}

const char *ask_in_words(struct wess_arena *a, struct db *db, const struct cfg_pair *pair,
                         const char *user, const struct ask_row *row)
{
    int64_t ids[CANDIDATES_SHOWN];
    if (row->kind == ASK_CONFLICT)
        return conflict_in_words(a, pair, row);
    size_t n = ask_candidates(row, ids, CANDIDATES_SHOWN);
    const char *out = reason_sentence(row->reason);
    /* There is no more to be said of such a one. */
    if (row->reason && !strcmp(row->reason, "untagged-twin"))
        n = 0;
    for (size_t i = 0; out && i < n; i++)
        out = arena_fmt(a, "%s%s%s", out, i ? "; or " : ": ",
                        candidate_in_words(a, db, pair, user, row, ids[i]));
    return out ? out : "";
}

static json_t *candidates_json(struct wess_arena *a, struct db *db, const struct cfg_pair *pair,
                               const char *user, const struct ask_row *row)
{
    int64_t ids[CANDIDATES_SHOWN];
    size_t n = ask_candidates(row, ids, CANDIDATES_SHOWN);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        struct item_row item = {0};
        bool there = item_get(db, a, ids[i], &item) == STORE_OK;
        json_array_append_new(list, json_pack("{s:I,s:s*,s:s}", "item", (json_int_t)ids[i], "id",
                                              there ? item.rid : NULL, "text",
                                              candidate_in_words(a, db, pair, user, row, ids[i])));
    }
    return list;
}

json_t *ask_json(struct wess_arena *a, struct db *db, const struct cfg_pair *pair, const char *user,
                 const struct ask_row *row)
{
    struct content values = {NULL, 0};
    bool conflict = row->kind == ASK_CONFLICT;
    json_t *j = json_pack("{s:I,s:s,s:s,s:s,s:I,s:s,s:s*,s:s*,s:s,s:s*,s:I}", "id",
                          (json_int_t)row->id, "pair", pair->name, "user", user, "kind",
                          conflict ? "conflict" : "question", "item", (json_int_t)row->item, "side",
                          row->side == LEFT ? "left" : "right", "title", row->title, "reason",
                          row->reason, "sentence", reason_sentence(row->reason), "answer",
                          row->answer, "asked_ms", (json_int_t)row->asked_ms);
    if (!j)
        return NULL;
    if (!conflict) {
        json_object_set_new(j, "candidates", candidates_json(a, db, pair, user, row));
        return j;
    }
    if (row->values.len)
        content_decode(a, row->values, &values);
    json_object_set_new(j, "field", json_string(row->field));
    json_object_set_new(j, "values",
                        json_pack("{s:s,s:s,s:s}", "base", ask_value(a, &values, "base"), "left",
                                  ask_value(a, &values, "left"), "right",
                                  ask_value(a, &values, "right")));
    return j;
}

const char *answer_in_words(struct wess_arena *a, const struct ask_row *row)
{
    static const struct {
        const char *answer, *words;
    } table[] = {{"left", "the left value"},
                 {"right", "the right value"},
                 {"both", "both values"},
                 {"create", "create a twin"},
                 {"leave", "leave both alone"}};
    const char *out = NULL;
    if (!row->answer)
        return NULL;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (!strcmp(row->answer, table[i].answer))
            return table[i].words;
    if (!strncmp(row->answer, "value:", 6))
        out = row->answer[6] ? arena_fmt(a, "\"%s\"", row->answer + 6) : "an empty field";
    else if (!strncmp(row->answer, "link:", 5))
        out = arena_fmt(a, "link it to %s", row->answer + 5);
    return out ? out : row->answer;
}
