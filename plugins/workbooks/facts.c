/* Facts: what a select may ask of a record. Its queue, and the columns that the settings name. */
#include <stdlib.h>
#include <string.h>

#include "wb.h"

#define ASKED_MOST 16u
#define VALUE_MOST 1000u /* nobody asks for a longer one */

/* ---- the setting
 * ------------------------------------------------------------------------------------------ */

/* "tasks.activity_type": a name that a configuration can write, of a kind that is assigned. */
static bool take(struct wess_conn *c, const char *line, size_t len, bool *bad)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    const char *dot = memchr(line, '.', len);
    size_t place = dot ? wb_place(line, (size_t)(dot - line)) : WB_KINDS;
    size_t left = dot ? len - (size_t)(dot - line) - 1 : 0;
    *bad = place == WB_KINDS || wb_kinds[place]->family == WB_NO_FAMILY || left < 2 || left > 100 ||
           strspn(dot + 1, letters) < left || c->n_asked[place] == ASKED_MOST;
    if (*bad)
        return false;
    if (!c->asked[place])
        c->asked[place] = calloc(ASKED_MOST, sizeof(**c->asked));
    char *name = c->asked[place] ? strndup(dot + 1, left) : NULL;
    if (name)
        c->asked[place][c->n_asked[place]++] = name;
    return name != NULL;
}

bool wb_asked_read(struct wess_conn *c, const char *lines, const char **bad)
{
    return wb_each_line(c, lines, take, bad);
}

void wb_asked_free(struct wess_conn *c)
{
    for (size_t k = 0; k < WB_KINDS; k++) {
        for (size_t i = 0; i < c->n_asked[k]; i++)
            free((char *)(uintptr_t)c->asked[k][i]);
        free(c->asked[k]);
    }
}

bool wb_fact_names(struct wess_call *call, size_t kind, struct wess_list *out)
{
    const struct wess_conn *c = call->conn;
    const char **of = call->conn->host->alloc(call->arena, (c->n_asked[kind] + 1) * sizeof(*of));
    *out = (struct wess_list){of, 0};
    if (!of)
        return false;
    if (wb_kinds[kind]->family != WB_NO_FAMILY)
        of[out->n++] = "queue";
    for (size_t i = 0; i < c->n_asked[kind]; i++)
        if ((of[out->n] = wess_arena_text(c->host, call->arena, c->asked[kind][i])))
            out->n++;
    return out->n >= c->n_asked[kind];
}

/* ---- of a row
 * ------------------------------------------------------------------------------------------ */

static void add(struct wb_reading *r, struct wess_fact *facts, struct wess_item *out,
                const char *name, const char *value)
{
    name = wess_arena_text(r->host, r->a, name);
    value = wess_arena_text(r->host, r->a, value);
    r->spent |= !name || !value;
    if (name && value)
        facts[out->n_facts++] = (struct wess_fact){name, value};
}

/* A queue's id, its name where that is known, and that it is the user's own. One that is called so
 * goes by its number alone. */
static void add_queue(struct wb_reading *r, const struct wb_queues *c, struct wess_fact *facts,
                      struct wess_item *out)
{
    char number[24];
    const char *queue = wb_column_text(r, "assigned_to", number);
    if (!queue)
        return;
    add(r, facts, out, "queue", queue);
    if (c->own && !strcmp(c->own, queue))
        add(r, facts, out, "queue", WB_MINE);
    for (size_t i = 0; i < c->n; i++)
        if (c->of[i].name && !strcmp(c->of[i].id, queue)) {
            const char *folded = r->host->fold(r->a, c->of[i].name);
            r->spent |= !folded;
            if (folded && strcmp(folded, WB_MINE) != 0)
                add(r, facts, out, "queue", c->of[i].name);
            return;
        }
}

void wb_facts(struct wb_reading *r, const struct wb_kind *k, struct wess_item *out)
{
    const struct wess_conn *c = r->conn;
    size_t kind = wb_place(k->collection, strlen(k->collection)), n = c->n_asked[kind];
    struct wess_fact *facts = r->host->alloc(r->a, (n + 3) * sizeof(*facts));
    r->spent |= !facts;
    if (!facts)
        return;
    if (k->family != WB_NO_FAMILY)
        add_queue(r, &c->queues[k->family], facts, out);
    for (size_t i = 0; i < n; i++) {
        char number[24];
        const json_t *v = json_object_get(r->row, c->asked[kind][i]);
        const char *value = json_is_boolean(v) ? (json_is_true(v) ? "true" : "false")
                                               : wb_column_text(r, c->asked[kind][i], number);
        if (value && *value && strlen(value) <= VALUE_MOST)
            add(r, facts, out, c->asked[kind][i], value);
    }
    out->facts = facts;
}
