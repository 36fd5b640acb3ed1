/* What the remote will not take: kept, shown, and not sent again as it is. */
#include "engine/run.h"

#include <stdio.h>
#include <string.h>

#include "model/text.h"

struct hash parked_value(struct run *r, struct wess_arena *a, const struct wess_field *f)
{
    const char *text = field_show(a, f);
    return store_hash(r->store, "parked", text ? text : "");
}

/* What people call it there: " PERS-123"; "": nothing is known. */
static const char *reference(struct run *r, struct wess_arena *a, int64_t item)
{
    struct wess_slice body = {NULL, 0};
    struct content c;
    if (!item ||
        (item_known(r->db, a, item, &body) != STORE_OK &&
         item_body(r->db, a, item, &body) != STORE_OK) ||
        !body.len || !content_decode(a, body, &c))
        return "";
    const char *ref = content_named(&c, "ref"), *text = ref ? arena_fmt(a, " %s", ref) : "";
    return text ? text : "";
}

/* In the log without what it holds, by its number and by the name that it has over there. */
static void tell_parked(struct run *r, struct wess_arena *a, const struct parked_row *row,
                        const int64_t item[2])
{
    enum side side = item[row->side] ? row->side : other_side(row->side);
    log_line(WESS_LOG_INFO, "pair %s user %s: item %lld%s%s is parked%s%s: %s", r->pair->name,
             r->user->id, (long long)item[side], reference(r, a, item[LEFT]),
             reference(r, a, item[RIGHT]), *row->field ? ", field " : "", row->field, row->code);
}

void park_op(struct run *r, struct wess_arena *a, const struct op_row *op, const char *field,
             const char *why, const char *code)
{
    struct content body;
    const struct wess_field *f = NULL;
    char text[SAID_MOST + 1];
    if (*field && decode_content(a, op->body, &body))
        f = content_get(&body, field);
    why = why ? why : "the remote refuses it";
    snprintf(text, sizeof(text), "%.*s", (int)text_head(why, strlen(why), SAID_MOST), why);
    struct parked_row row = {.pu = r->pu.id,
                             .link = op->link,
                             .item = op->link ? 0 : op->todo_item,
                             .side = op->side,
                             .field = field,
                             .why = text,
                             .code = code ? code : "refused",
                             .when_ms = clock_now_ms(),
                             .value = parked_value(r, a, f)};
    parked_put(r->db, &row);
    tell_parked(r, a, &row, op->item);
    r->report.parked++;
}
