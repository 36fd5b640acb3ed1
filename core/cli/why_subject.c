/* What is known of a subject, in rows and in words. */
#include <string.h>

#include "cli/describe.h"
#include "cli/why.h"

/* ---- rows -------------------------------------------------------------------------------------
 */

static void add_wait(struct subject *s, const char *text, const char *next)
{
    if (s->n_waits < WAITS_MAX && text)
        s->waits[s->n_waits++] = (struct wait){text, next};
}

static bool load_sides(const struct cli *c, struct db *db, struct subject *s)
{
    int64_t pu = s->place->pu.id;
    for (int side = LEFT; side <= RIGHT; side++) {
        const char *reason = NULL;
        int64_t when = 0, item = s->item[side].id;
        if (!item)
            continue;
        enum store_code rc = todo_get(db, pu, (enum side)side, item, &s->todo[side]);
        if (rc != STORE_OK)
            s->todo[side] = (struct todo_row){0};
        if (rc == STORE_FAIL)
            return false;
        rc = why_get(db, c->arena, pu, (enum side)side, item, &reason, &when);
        if (rc == STORE_FAIL)
            return false;
        if (rc == STORE_OK && when >= s->reason_ms) {
            s->reason = reason;
            s->reason_ms = when;
        }
    }
    return true;
}

static bool is_about(const struct subject *s, const struct ask_row *row)
{
    return (s->has_link && row->link && row->link == s->link.id) ||
           (row->item && row->item == s->item[row->side].id);
}

static bool load_asks(const struct cli *c, struct db *db, struct subject *s)
{
    struct ask_row *rows = NULL;
    struct wess_arena *a = c->arena;
    size_t n = 0;
    if (asks_list(db, a, s->place->pu.id, false, &rows, &n) != STORE_OK)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!is_about(s, &rows[i]))
            continue;
        const char *words = ask_in_words(a, db, s->place->pair, place_user(s->place), &rows[i]);
        const char *answer = answer_in_words(a, &rows[i]);
        if (answer)
            add_wait(s,
                     arena_fmt(a, "decision %lld: %s; answered: %s", (long long)rows[i].id, words,
                               answer),
                     "wess sync");
        else
            add_wait(s, arena_fmt(a, "decision %lld: %s", (long long)rows[i].id, words),
                     arena_fmt(a, "wess conflicts show %lld", (long long)rows[i].id));
    }
    return true;
}

static bool load_parked(const struct cli *c, struct db *db, struct subject *s)
{
    struct parked_row *rows = NULL;
    struct wess_arena *a = c->arena;
    size_t n = 0;
    if (parked_list(db, a, s->place->pu.id, &rows, &n) != STORE_OK)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool mine = (rows[i].link && s->has_link && rows[i].link == s->link.id) ||
                    (rows[i].item &&
                     (rows[i].item == s->item[LEFT].id || rows[i].item == s->item[RIGHT].id));
        if (!mine)
            continue;
        add_wait(s,
                 arena_fmt(a, "parked: %s will not take %s: %s",
                           cli_side_name(s->place->pair, rows[i].side, a),
                           rows[i].field && *rows[i].field
                               ? field_label(a, s->place->pair->kind, rows[i].field)
                               : "the item",
                           rows[i].why ? rows[i].why : ""),
                 arena_fmt(a, "wess parked retry %lld", (long long)rows[i].id));
    }
    return true;
}

static void load_todos(const struct cli *c, struct subject *s)
{
    for (int side = LEFT; side <= RIGHT; side++) {
        const struct todo_row *t = &s->todo[side];
        if (t->item && t->hold) {
            add_wait(s, arena_fmt(c->arena, "held on list %lld", (long long)t->hold),
                     arena_fmt(c->arena, "wess held release %lld", (long long)t->hold));
            return;
        }
    }
    if (!s->n_waits && (s->todo[LEFT].item || s->todo[RIGHT].item))
        add_wait(s, "a change of it waits for the next run", "wess sync");
}

static bool load_history(const struct cli *c, struct db *db, struct subject *s)
{
    /* Of a shared record every user's operations come: only this pair's and user's are told. */
    int64_t item = s->item[LEFT].id ? s->item[LEFT].id : s->item[RIGHT].id;
    struct history_row *rows = NULL;
    size_t n = 0;
    if (!item)
        return true;
    if (history_of_item(db, c->arena, item, &rows, &n) != STORE_OK)
        return false;
    s->history = rows;
    for (size_t i = 0; i < n; i++)
        if (rows[i].pu == s->place->pu.id)
            rows[s->n_history++] = rows[i];
    return true;
}

bool subject_load(const struct cli *c, struct db *db, struct subject *s)
{
    if (!load_sides(c, db, s) || !load_asks(c, db, s) || !load_parked(c, db, s) ||
        !load_history(c, db, s))
        return false;
    load_todos(c, s);
    return true;
}

bool subject_speaks(const struct subject *s)
{
    return s->has_link || s->n_waits || s->n_history ||
           (s->reason && strcmp(s->reason, "not-chosen") != 0);
}

/* ---- words ------------------------------------------------------------------------------------
 */

/* Content is told of what was shared: linked now or before, or chosen. */
const char *subject_title(const struct cli *c, struct db *db, const struct subject *s)
{
    for (int side = LEFT; side <= RIGHT; side++) {
        const struct item_row *row = &s->item[side];
        bool shared = s->has_link || (row->flags & ITEM_CHOSEN);
        const char *title = row->id && shared ? item_title(db, c->arena, row->id) : NULL;
        if (title)
            return title;
    }
    int64_t id = s->item[LEFT].id ? s->item[LEFT].id : s->item[RIGHT].id;
    const char *text = arena_fmt(c->arena, "item #%lld", (long long)id);
    return text ? text : "";
}

const char *subject_side(const struct cli *c, const struct subject *s, enum side side)
{
    const struct item_row *row = &s->item[side];
    static const struct {
        uint32_t flag;
        const char *word;
    } words[] = {{ITEM_GONE, ", reported deleted"},
                 {ITEM_ABSENT, ", not in the last listing"},
                 {WESS_ITEM_PRIVATE, ", private"},
                 {WESS_ITEM_LOCKED, ", read only for us"},
                 {ITEM_OURS, ", created by us"}};
    if (!row->id)
        return "no twin";
    bool chosen = s->todo[side].item && s->todo[side].chosen != NOT_CHOSEN
                      ? s->todo[side].chosen == CHOSEN
                  : s->has_link ? s->link.chosen[side]
                                : (row->flags & ITEM_CHOSEN) != 0;
    /* Of an ended link it is not kept who selects the item: nothing is said of it. */
    bool unknown = !chosen && s->has_link && s->link.ended;
    const char *out = arena_fmt(c->arena, "#%lld%s", (long long)row->id,
                                unknown  ? ""
                                : chosen ? ", selected"
                                         : ", not selected here");
    for (size_t i = 0; out && i < sizeof(words) / sizeof(words[0]); i++)
        if (row->flags & words[i].flag)
            out = arena_fmt(c->arena, "%s%s", out, words[i].word);
    return out ? out : "";
}

const char *subject_state(const struct cli *c, const struct subject *s)
{
    const char *out;
    if (!s->has_link)
        return "not linked";
    if (!s->link.ended)
        return "linked";
    bool filed = s->link.reason && !strcmp(s->link.reason, "filed");
    if (filed) {
        out =
            arena_fmt(c->arena, "filed on %s; nothing that happens to either copy moves the other",
                      cli_when(c->arena, s->link.ended_ms));
        return out ? out : "";
    }
    if (s->link.reason && !strcmp(s->link.reason, "refile")) {
        out = arena_fmt(c->arena, "was filed; on %s %s asked to have it filed once more",
                        cli_when(c->arena, s->link.ended_ms),
                        s->link.who && *s->link.who ? s->link.who : "somebody");
        return out ? out : "";
    }
    out =
        arena_fmt(c->arena, "the link ended on %s%s%s: %s", cli_when(c->arena, s->link.ended_ms),
                  s->link.who && *s->link.who ? " by " : "",
                  s->link.who && *s->link.who ? s->link.who : "", reason_sentence(s->link.reason));
    return out ? out : "";
}

/* How an ended link begins again. */
static const char *resume(const struct cli *c, const struct subject *s)
{
    const char *reason = s->link.reason ? s->link.reason : "";
    struct wess_arena *a = c->arena;
    if (s->place->pair->files) /* it does not */
        return NULL;
    if (!strncmp(reason, "untag-", 6)) {
        enum side side = !strcmp(reason, "untag-left") ? LEFT : RIGHT;
        const struct wess_list *tags = &s->place->pair->select[side].tags_any;
        return arena_fmt(a, "tag it %s%s%s again in %s", tags->n ? "\"" : "",
                         tags->n ? tags->of[0] : "", tags->n ? "\"" : "",
                         cli_side_name(s->place->pair, side, a));
    }
    if (!s->item[LEFT].id || !s->item[RIGHT].id)
        return NULL;
    return arena_fmt(a, "wess link %s '#%lld' '#%lld' --user %s", s->place->pair->name,
                     (long long)s->item[LEFT].id, (long long)s->item[RIGHT].id,
                     place_user(s->place));
}

const char *subject_next(const struct cli *c, const struct subject *s)
{
    const struct cfg_user *user = s->place->user;
    if (s->n_waits)
        return s->waits[0].next;
    if (!user)
        return "this user is no longer on the list: add them again, nothing was lost";
    if (user->mode == MODE_OFF || user->mode == MODE_OBSERVE)
        return "nothing is written for this user: their wave is off or observes";
    if (s->has_link && s->link.ended)
        return resume(c, s);
    if (!s->has_link && s->reason && !strcmp(s->reason, "private"))
        return "take the private mark off, or set private in the pair";
    return NULL;
}

const char *history_text(const struct cli *c, const struct subject *s, const struct history_row *h)
{
    struct wess_arena *a = c->arena;
    struct content body = {NULL, 0};
    const char *what = cli_what(h->what), *detail = "";
    if (h->what == OP_UPDATE && h->body.len && content_decode(a, h->body, &body))
        for (size_t i = 0; detail && i < body.n; i++)
            detail = arena_fmt(a, "%s%s%s", detail, *detail ? ", " : "",
                               field_label(a, s->place->pair->kind, body.fields[i].name));
    else if (h->reason)
        detail = reason_sentence(h->reason);
    if (!detail)
        return "";
    bool ok = !h->code || !strcmp(h->code, "ok");
    bool placed = h->what == OP_CREATE || h->what == OP_UPDATE || h->what == OP_DELETE;
    /* Some sentences begin with the word itself. */
    size_t same = strlen(what);
    if (!strncmp(detail, what, same) && !strncmp(detail + same, ": ", 2))
        detail += same + 2;
    const char *out = arena_fmt(a, "%s%s%s%s%s", what, placed ? " in " : "",
                                placed ? cli_side_name(s->place->pair, h->side, a) : "",
                                *detail ? ": " : "", detail);
    if (out && !ok)
        out = arena_fmt(a, "%s; answered: %s", out, h->code);
    return out ? out : "";
}
