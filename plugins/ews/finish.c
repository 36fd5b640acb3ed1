/* A series that was cut off behind its recurrence (see rewrite.c): those of its occurrences that
 * are not there yet are written, each by its own request as ever, and the property that keeps how
 * it was is taken off. What is there already is left alone: it was told to people once, and
 * somebody may have changed it since. */
#include <string.h>

#include "ews.h"

struct finishing {
    struct ews_reading now; /* "start", "rrule" and "overrides", as the series shows them itself */
    bool seen;
};

static enum wess_code take_series(void *ctx, size_t i, size_t at, const xmlNode *m,
                                  struct wess_error *e)
{
    static const char *const names[] = {"start", "rrule", "overrides"};
    struct finishing *f = ctx;
    const xmlNode *item = xml_first(xml_child(m, "Items"));
    (void)i;
    if (at || ews_message_item(m, false, e) != WESS_OK || !item)
        return WESS_OK;
    f->seen = true;
    for (size_t k = 0; k < ews_event_kind.n_fields; k++)
        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
            if (!strcmp(ews_event_kind.fields[k].name, names[n]) && ews_event_kind.fields[k].read)
                ews_event_kind.fields[k].read(&f->now, item, &ews_event_kind.fields[k]);
    return WESS_OK;
}

static enum wess_code ask(struct finishing *f, struct wess_call *call, const char *id)
{
    const struct ews_taker taker = {.ctx = f, .message = take_series};
    struct xml_out x;
    f->now = (struct ews_reading){.conn = call->conn,
                                  .host = call->conn->host,
                                  .a = call->arena,
                                  .fields = {.size = sizeof(struct wess_field)},
                                  .whole = true};
    ews_begin(call->conn, &x, call->conn->impersonate);
    xml_open(&x, "m:GetItem");
    ews_shape(&x, &ews_event_kind, true, false, false);
    xml_open(&x, "m:ItemIds");
    ews_item_id(&x, id, NULL);
    xml_close(&x);
    xml_close(&x);
    enum wess_code rc = ews_ask(call, &x, false, &taker);
    return rc == WESS_OK && f->now.spent ? WESS_TOO_BIG : rc;
}

static bool has(const struct wess_field *f, const char *key)
{
    for (size_t i = 0; f && f->type == WESS_RECORDS && i < f->records.n; i++)
        if (!strcmp(f->records.of[i].key, key))
            return true;
    return false;
}

static bool is_text(const struct wess_field *f, const char *text)
{
    return f && text && f->type == WESS_TEXT && f->str.len == strlen(text) &&
           !memcmp(f->str.data, text, f->str.len);
}

/* Whether its recurrence is the one that the op wrote. */
static bool stands(struct wess_call *call, const struct wess_op *op, const struct wess_item *now)
{
    const char *start = ews_local_start(op);
    const struct wess_op shown = {.item = *now};
    const char *its = ews_local_start(&shown);
    return start && its && !strncmp(start, its, strlen("2026-11-23T09:00:00")) &&
           is_text(ews_field_of(now, "rrule"), ews_rule_again(call, op));
}

/* The op with those of its overrides that are not there. false: out of memory. */
static bool what_lacks(struct wess_call *call, const struct wess_op *op,
                       const struct wess_item *now, struct wess_op *out)
{
    const struct wess_host *h = call->conn->host;
    const struct wess_field *want = ews_will_be(op, "overrides");
    const struct wess_field *there = ews_field_of(now, "overrides");
    size_t n = want && want->type == WESS_RECORDS ? want->records.n : 0, kept = 0;
    struct wess_field *of = h->alloc(call->arena, (op->item.n_fields + 1) * sizeof(*of));
    struct wess_record *lacks = h->alloc(call->arena, (n + 1) * sizeof(*lacks));
    if (!of || !lacks)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!has(there, want->records.of[i].key))
            lacks[kept++] = want->records.of[i];
    *out = *op;
    out->item.fields = of;
    out->item.n_fields = 0;
    for (size_t i = 0; i < op->item.n_fields; i++)
        if (strcmp(op->item.fields[i].name, "overrides"))
            of[out->item.n_fields++] = op->item.fields[i];
    of[out->item.n_fields++] =
        (struct wess_field){.name = "overrides", .type = WESS_RECORDS, .records = {lacks, kept}};
    return true;
}

enum wess_code ews_finish_rewrite(struct wess_call *call, const struct wess_op *op,
                                  struct wess_result *out)
{
    struct finishing f = {.seen = false};
    struct wess_op rest;
    enum wess_code rc = ask(&f, call, op->item.id);
    if (rc != WESS_OK)
        return rc;
    const struct wess_item now = {.fields = f.now.fields.of, .n_fields = f.now.fields.n};
    if (!f.seen || !stands(call, op, &now)) {
        out->code = WESS_CONFLICT;
        return WESS_OK;
    }
    return what_lacks(call, op, &now, &rest) ? ews_write_occurrences(call, &rest, true, out)
                                             : WESS_TOO_BIG;
}
