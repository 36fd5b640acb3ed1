/* Writing a recurrence makes Exchange forget the changed occurrences of the series. Where the rule
 * or the start of one that has some changes, or one that was deleted comes back, the recurrence is
 * written and all of them behind it. With the recurrence goes a property of our own that keeps how
 * the series was; it is taken off behind the last of them. As long as it is there the series is
 * shown as it was: cut off in between, nobody takes the missing ones for somebody's edit, and the
 * same op comes again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ews.h"

#define KEPT_MOST 16000u /* bytes: a named property holds twice that */
#define FORM "wess1"

static const char *const told[] = {"start", "end", "rrule"};
#define N_TOLD (sizeof(told) / sizeof(told[0]))

/* ---- is it one of those
 * ------------------------------------------------------------------------------------------ */

static const struct wess_record *record_of(const struct wess_field *f, const char *key)
{
    for (size_t i = 0; f && f->type == WESS_RECORDS && i < f->records.n; i++)
        if (!strcmp(f->records.of[i].key, key))
            return &f->records.of[i];
    return NULL;
}

static bool brings_back(const struct wess_op *op)
{
    const struct wess_field *had = ews_field_of(op->before, "overrides");
    const struct wess_field *want = ews_field_of(&op->item, "overrides");
    for (size_t i = 0; want && had && had->type == WESS_RECORDS && i < had->records.n; i++) {
        const struct wess_record *old = &had->records.of[i], *new = record_of(want, old->key);
        if (ews_is_gone(old) && !ews_is_gone(new))
            return true;
    }
    return false;
}

bool ews_must_rewrite(const struct wess_op *op, const struct ews_slots *now)
{
    bool said = false;
    for (size_t i = 0; i < N_TOLD; i++)
        said |= ews_field_of(&op->item, told[i]) != NULL;
    if (op->what != WESS_UPDATE || !ews_will_be(op, "rrule"))
        return false;
    return now->kept || brings_back(op) ||
           (said && !ews_is_empty(ews_field_of(op->before, "overrides")));
}

/* ---- what would be lost
 * ------------------------------------------------------------------------------------------ */

static const struct {
    const char *uri, *element, *what;
} compared[] = {
    {"item:HasAttachments", "HasAttachments", "an attachment"},
    {"item:Body", "Body", "a text of its own"},
    {"item:Sensitivity", "Sensitivity", "a privacy of its own"},
    {"item:Categories", "Categories", "categories of its own"},
    {"item:Importance", "Importance", "an importance of its own"},
    {"item:ReminderIsSet", "ReminderIsSet", "a reminder of its own"},
    {"item:ReminderMinutesBeforeStart", "ReminderMinutesBeforeStart", "a reminder of its own"},
    {"calendar:RequiredAttendees", "RequiredAttendees", "people or answers of its own"},
    {"calendar:OptionalAttendees", "OptionalAttendees", "people or answers of its own"},
    {"calendar:Resources", "Resources", "rooms of its own"},
    {"calendar:IsAllDayEvent", "IsAllDayEvent", "a whole day"},
};
#define N_COMPARED (sizeof(compared) / sizeof(compared[0]))

struct exception {
    const char *id, *date;
};
struct guarding {
    struct wess_call *call;
    const struct wess_op *op;
    struct wess_result *out;
    uint64_t of_series[N_COMPARED];
    struct wess_vec found; /* struct exception */
    size_t at, n;          /* of those of one request: the first, how many */
    struct ews_tally tally;
    bool seen, spent;
};

static uint64_t mix(uint64_t h, const char *text)
{
    for (; text && *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    return (h ^ 0x1fu) * 0x100000001b3u;
}

/* What an element says, whatever it is called with. 0: it is not there. */
static uint64_t meaning(const xmlNode *n)
{
    uint64_t h = 0xcbf29ce484222325u;
    if (!n)
        return 0;
    if (!xml_first(n))
        return mix(h, xml_text(n));
    for (const xmlNode *c = xml_first(n); c; c = xml_next(c)) {
        h = mix(h, (const char *)c->name);
        h ^= meaning(c) * 0x9e3779b97f4a7c15u;
    }
    return h;
}

static void refuse(struct guarding *g, const char *date, const char *what)
{
    const struct wess_host *h = g->call->conn->host;
    const char *name = wess_arena_fmt(h, g->call->arena, "overrides.%s", date);
    const char *why = wess_arena_fmt(
        h, g->call->arena, "the occurrence of %s has %s, which would be lost", date, what);
    g->spent |= !name || !why;
    for (size_t i = 0; why && i < N_TOLD; i++)
        if (ews_field_of(&g->op->item, told[i]))
            ews_refuse(g->call, g->out, told[i], why, "exception");
    if (why && ews_field_of(&g->op->item, "overrides"))
        ews_refuse(g->call, g->out, name, why, "exception");
    g->out->code = WESS_REJECTED;
    g->out->text = why;
}

static enum wess_code take_series(void *ctx, size_t i, size_t at, const xmlNode *m,
                                  struct wess_error *e)
{
    struct guarding *g = ctx;
    const xmlNode *item = xml_first(xml_child(m, "Items"));
    const struct wess_host *h = g->call->conn->host;
    struct ews_reading r = {.conn = g->call->conn, .host = h, .a = g->call->arena, .whole = true};
    (void)i;
    (void)at;
    if (ews_message_item(m, false, e) != WESS_OK || !item)
        return WESS_OK;
    g->seen = true;
    for (size_t k = 0; k < N_COMPARED; k++)
        g->of_series[k] = meaning(xml_child(item, compared[k].element));
    const xmlNode *one = xml_first(xml_child(item, "ModifiedOccurrences"));
    for (; one && !g->spent; one = xml_next(one)) {
        const char *id = xml_attr(xml_child(one, "ItemId"), "Id");
        const char *date = ews_original_date(&r, item, xml_text(xml_child(one, "OriginalStart")));
        struct exception *new = id &&date ? wess_vec_push(h, g->call->arena, &g->found) : NULL;
        if (new)
            *new = (struct exception){wess_arena_text(h, g->call->arena, id), date};
        g->spent |= r.spent || (id && date && (!new || !new->id));
    }
    return WESS_OK;
}

/* What passes is looked at again; one that is listed for ever and is not there is not. */
static void unseen(struct guarding *g, const char *date, enum wess_code code)
{
    bool stays = code == WESS_REJECTED || code == WESS_GONE;
    if (stays)
        refuse(g, date, "what cannot be read");
    else if (g->out->code == WESS_NOT_TRIED)
        g->out->code = code == WESS_OK || code == WESS_NOT_TRIED ? WESS_TRANSIENT : code;
}

static enum wess_code take_exception(void *ctx, size_t i, size_t at, const xmlNode *m,
                                     struct wess_error *e)
{
    struct guarding *g = ctx;
    const xmlNode *item = xml_first(xml_child(m, "Items"));
    enum wess_code code = ews_message_item(m, false, e);
    (void)i;
    if (at >= g->n)
        return WESS_OK;
    const struct exception *x = (const struct exception *)g->found.of + g->at + at;
    ews_count(&g->tally, code, e);
    if (code != WESS_OK || !item) {
        unseen(g, x->date, code);
        return WESS_OK;
    }
    const char *attached = xml_text(xml_child(item, "HasAttachments"));
    if (attached && (!strcmp(attached, "true") || !strcmp(attached, "1"))) {
        refuse(g, x->date, compared[0].what);
        return WESS_OK;
    }
    for (size_t k = 1; k < N_COMPARED; k++)
        if (meaning(xml_child(item, compared[k].element)) != g->of_series[k]) {
            refuse(g, x->date, compared[k].what);
            break;
        }
    return WESS_OK;
}

static void open_get(struct wess_call *call, struct xml_out *x)
{
    ews_begin(call->conn, x, call->conn->impersonate);
    xml_open(x, "m:GetItem");
    xml_open(x, "m:ItemShape");
    xml_element(x, "t:BaseShape", "IdOnly");
    xml_element(x, "t:BodyType", "Text");
    xml_open(x, "t:AdditionalProperties");
    for (size_t i = 0; i < N_COMPARED; i++) {
        xml_open(x, "t:FieldURI");
        xml_put_attr(x, "FieldURI", compared[i].uri);
        xml_close(x);
    }
}

static void put_ids(struct xml_out *x, const struct exception *of, size_t n)
{
    xml_close(x);
    xml_close(x);
    xml_open(x, "m:ItemIds");
    for (size_t i = 0; i < n; i++)
        ews_item_id(x, of[i].id, NULL);
    xml_close(x);
    xml_close(x);
}

static enum wess_code ask_series(struct guarding *g, const char *id)
{
    static const char *const more[] = {"calendar:ModifiedOccurrences", "calendar:StartTimeZone"};
    const struct ews_taker taker = {.ctx = g, .message = take_series};
    const struct exception series = {id, NULL};
    struct xml_out x;
    open_get(g->call, &x);
    for (size_t i = 0; i < 2; i++) {
        xml_open(&x, "t:FieldURI");
        xml_put_attr(&x, "FieldURI", more[i]);
        xml_close(&x);
    }
    put_ids(&x, &series, 1);
    return ews_ask(g->call, &x, false, &taker);
}

static void end_exceptions(void *ctx, size_t i, struct ews_answer *a)
{
    const struct guarding *g = ctx;
    (void)i;
    ews_judge(&g->tally, a);
    ews_each_answered(a, g->n);
}

static enum wess_code ask_exceptions(struct guarding *g)
{
    const struct ews_taker taker = {.ctx = g, .message = take_exception, .done = end_exceptions};
    enum wess_code rc = WESS_OK;
    for (; rc == WESS_OK && g->at < g->found.n; g->at += g->n) {
        struct xml_out x;
        g->n = g->found.n - g->at < EWS_FETCH ? g->found.n - g->at : EWS_FETCH;
        g->tally = (struct ews_tally){0};
        open_get(g->call, &x);
        put_ids(&x, (const struct exception *)g->found.of + g->at, g->n);
        rc = ews_ask(g->call, &x, false, &taker);
    }
    return rc;
}

/* ---- how the series was, as text
 * ------------------------------------------------------------------------------------------ */

struct keeping {
    const struct wess_host *host;
    struct wess_arena *a;
    char *of;
    size_t n;
    bool full;
};

static void keep(struct keeping *k, const char *text, size_t len)
{
    k->full |= k->n + len + 1 > KEPT_MOST;
    if (k->full)
        return;
    memcpy(k->of + k->n, text, len);
    k->n += len;
    k->of[k->n] = 0;
}

static void keep_text(struct keeping *k, const char *text)
{
    keep(k, text, strlen(text));
}

static void keep_escaped(struct keeping *k, struct wess_slice s)
{
    const char *p = s.data;
    for (size_t i = 0; i < s.len; i++)
        if (p[i] == '\\' || p[i] == '\t' || p[i] == '\n')
            keep_text(k, p[i] == '\\' ? "\\\\" : p[i] == '\t' ? "\\t" : "\\n");
        else if (p[i] != '\r')
            keep(k, p + i, 1);
}

/* "f NAME T LOCAL ZONE", "f NAME D DATE", "f NAME X TEXT"; "p ..." of an override. */
static void keep_field(struct keeping *k, const char *sort, const struct wess_field *f)
{
    if (f->type != WESS_TIME && f->type != WESS_DATE && f->type != WESS_TEXT)
        return;
    keep_text(k, sort);
    keep_text(k, "\t");
    keep_text(k, f->name);
    keep_text(k, f->type == WESS_TIME ? "\tT\t" : f->type == WESS_DATE ? "\tD\t" : "\tX\t");
    if (f->type == WESS_TIME) {
        keep_text(k, f->time.local);
        keep_text(k, "\t");
        keep_text(k, f->time.zone ? f->time.zone : "");
    } else {
        keep_escaped(k, f->str);
    }
    keep_text(k, "\n");
}

const char *ews_rule_again(struct wess_call *call, const struct wess_op *op)
{
    const struct wess_field *rule = ews_will_be(op, "rrule");
    struct xml_out x;
    const char *text = NULL, *why = NULL, *out = NULL;
    size_t len = 0;
    xml_begin(&x);
    xml_open(&x, "r");
    xml_put_attr(&x, "xmlns:t", "t");
    ews_rule_put(&x, rule->str.data, ews_local_start(op));
    xml_end(&x, &text, &len);
    char *copy = text ? wess_arena_textn(call->conn->host, call->arena, text, len) : NULL;
    struct xml_in *in = copy ? xml_in_new(copy, len, &why) : NULL;
    if (in && xml_in_next(in, 0) && xml_in_next(in, 1))
        out = ews_rule_read(call->conn->host, call->arena, xml_in_take(in));
    xml_in_free(in);
    xml_fini(&x);
    return out;
}

static void keep_before(struct keeping *k, const struct wess_op *op)
{
    const struct wess_field *f = ews_field_of(op->before, "overrides");
    for (size_t i = 0; i < N_TOLD; i++) {
        const struct wess_field *one = ews_field_of(op->before, told[i]);
        if (!ews_is_empty(one))
            keep_field(k, "f", one);
    }
    for (size_t i = 0; f && f->type == WESS_RECORDS && i < f->records.n; i++) {
        keep_text(k, "o\t");
        keep_escaped(k, (struct wess_slice){f->records.of[i].key, strlen(f->records.of[i].key)});
        keep_text(k, "\n");
        for (size_t p = 0; p < f->records.of[i].n; p++)
            keep_field(k, "p", &f->records.of[i].fields[p]);
    }
}

/* NULL: out of memory, or there is too much of it. */
static const char *kept_text(struct wess_call *call, const struct wess_op *op)
{
    struct keeping k = {.host = call->conn->host, .a = call->arena};
    const char *rule = ews_rule_again(call, op), *start = ews_local_start(op);
    k.of = k.host->alloc(k.a, KEPT_MOST);
    if (!k.of || !rule || !start)
        return NULL;
    keep_text(&k, FORM "\nR\t");
    keep_text(&k, rule);
    keep_text(&k, "\nS\t");
    keep(&k, start, strlen(start) > 19 ? 19 : strlen(start));
    keep_text(&k, "\n");
    keep_before(&k, op);
    return k.full ? NULL : k.of;
}

/* ---- before the recurrence is written
 * ------------------------------------------------------------------------------------------ */

/* The op, which writes the recurrence in any case. */
static bool say_rule(struct wess_call *call, const struct wess_op *op, struct wess_op *out)
{
    const struct wess_host *h = call->conn->host;
    struct wess_field *of = h->alloc(call->arena, (op->item.n_fields + 1) * sizeof(*of));
    *out = *op;
    if (!of)
        return false;
    if (op->item.n_fields)
        memcpy(of, op->item.fields, op->item.n_fields * sizeof(*of));
    out->item.fields = of;
    if (!ews_field_of(&op->item, "rrule"))
        of[out->item.n_fields++] = *ews_will_be(op, "rrule");
    return true;
}

enum wess_code ews_prepare_rewrite(struct wess_call *call, const struct wess_op *op,
                                   struct wess_result *out, struct ews_slots *slots,
                                   struct wess_op *with_rule)
{
    struct guarding g = {
        .call = call, .op = op, .out = out, .found = {.size = sizeof(struct exception)}};
    const char *id = op->item.id ? op->item.id : op->before ? op->before->id : NULL;
    enum wess_code rc = id ? ask_series(&g, id) : WESS_OK;
    if (rc == WESS_OK && !g.seen)
        out->code = WESS_TRANSIENT;
    if (rc == WESS_OK && g.seen)
        rc = ask_exceptions(&g);
    if (rc == WESS_OK && !g.spent && out->code == WESS_NOT_TRIED) {
        slots->keeps = ews_will_be(op, "overrides") ? kept_text(call, op) : NULL;
        if (ews_will_be(op, "overrides") && !slots->keeps)
            ews_refuse(call, out, ews_field_of(&op->item, "overrides") ? "overrides" : "rrule",
                       "it has more changed occurrences than can be written again", "exception");
        g.spent |= !say_rule(call, op, with_rule);
    }
    return g.spent ? WESS_TOO_BIG : rc;
}

/* ---- behind the last of them
 * ------------------------------------------------------------------------------------------ */

struct ending {
    enum wess_code code;
};

static enum wess_code take_end(void *ctx, size_t i, size_t at, const xmlNode *m,
                               struct wess_error *e)
{
    struct ending *end = ctx;
    (void)i;
    (void)at;
    end->code = ews_message_item(m, true, e);
    return WESS_OK;
}

enum wess_code ews_end_rewrite(struct wess_call *call, const char *id, struct wess_result *out)
{
    struct ending end = {WESS_UNKNOWN};
    const struct ews_taker taker = {.ctx = &end, .message = take_end};
    struct xml_out x;
    ews_begin(call->conn, &x, call->conn->impersonate);
    xml_open(&x, "m:UpdateItem");
    xml_put_attr(&x, "ConflictResolution", "AlwaysOverwrite");
    xml_put_attr(&x, "MessageDisposition", "SaveOnly");
    xml_put_attr(&x, "SendMeetingInvitationsOrCancellations", "SendToNone");
    xml_open(&x, "m:ItemChanges");
    xml_open(&x, "t:ItemChange");
    ews_item_id(&x, id, NULL);
    xml_open(&x, "t:Updates");
    xml_open(&x, "t:DeleteItemField");
    ews_path_kept(&x);
    for (int depth = 0; depth < 5; depth++)
        xml_close(&x);
    enum wess_code rc = ews_ask(call, &x, true, &taker);
    if (end.code != WESS_OK)
        out->code = WESS_UNKNOWN; /* it is looked at, and written, once more */
    return rc;
}

/* ---- reading: the series as it was
 * ------------------------------------------------------------------------------------------ */

struct recalling {
    struct ews_reading *r;
    struct wess_vec fields, overrides; /* struct wess_field, struct wess_record */
    const char *rule, *start;
    bool bad;
};

/* The piece up to the next tab, taken out of its escapes. */
static char *next_piece(char **rest)
{
    char *one = strsep(rest, "\t"), *to = one;
    for (char *p = one; p && *p; p++) {
        if (*p == '\\' && p[1])
            p++, *to++ = *p == 't' ? '\t' : *p == 'n' ? '\n' : *p;
        else
            *to++ = *p;
    }
    if (to)
        *to = 0;
    return one;
}

static bool is_date(const char *text)
{
    char date[11];
    return text && ews_date(text, date) && !strcmp(date, text);
}

static bool recall_field(const struct recalling *k, char *rest, struct wess_field *f)
{
    static const char *const known[] = {"start",    "end",        "rrule", "summary",
                                        "location", "busystatus", "status"};
    const char *name = next_piece(&rest), *sort = next_piece(&rest), *value = next_piece(&rest),
               *zone = next_piece(&rest);
    char local[WESS_LOCAL_SIZE];
    *f = (struct wess_field){.name = NULL};
    for (size_t i = 0; name && i < sizeof(known) / sizeof(known[0]); i++)
        if (!strcmp(known[i], name))
            f->name = known[i];
    if (!f->name || !sort || !value || k->bad)
        return false;
    if (*sort == 'T') {
        f->type = WESS_TIME;
        f->time = (struct wess_time){value, zone, 0};
        return zone && wess_zone_known(zone) &&
               wess_zone_local(wess_zone_instant(value, "Etc/UTC", 0), "Etc/UTC", local) &&
               !strcmp(local, value);
    }
    f->type = *sort == 'D' ? WESS_DATE : WESS_TEXT;
    f->str = (struct wess_slice){value, strlen(value)};
    return *sort == 'X' || (*sort == 'D' && is_date(value));
}

static void recall_line(struct recalling *k, char *line)
{
    const struct wess_host *h = k->r->host;
    char *rest = line;
    const char *sort = next_piece(&rest);
    struct wess_field f;
    if (!strcmp(sort, "R")) {
        k->rule = next_piece(&rest);
    } else if (!strcmp(sort, "S")) {
        k->start = next_piece(&rest);
    } else if (!strcmp(sort, "f") && recall_field(k, rest, &f)) {
        struct wess_field *new = wess_vec_push(h, k->r->a, &k->fields);
        k->r->spent |= !new;
        if (new)
            *new = f;
    } else if (!strcmp(sort, "o") && rest && is_date(rest)) {
        struct wess_record *new = wess_vec_push(h, k->r->a, &k->overrides);
        struct wess_field *parts = h->alloc(k->r->a, EWS_PARTS * sizeof(*parts));
        k->r->spent |= !new || !parts;
        if (new)
            *new = (struct wess_record){.key = rest, .fields = parts};
    } else if (!strcmp(sort, "p") && k->overrides.n && recall_field(k, rest, &f)) {
        struct wess_record *last = (struct wess_record *)k->overrides.of + k->overrides.n - 1;
        struct wess_field *parts = (struct wess_field *)(uintptr_t)last->fields;
        k->bad |= last->n == EWS_PARTS || !parts;
        if (!k->bad)
            parts[last->n++] = f;
    } else {
        k->bad = true;
    }
}

/* Whether the series is still what was written: else somebody has changed it since, and what they
 * made of it counts. */
static bool stands(const struct recalling *k, const struct wess_item *now)
{
    const struct wess_field *rule = ews_field_of(now, "rrule"), *start = ews_field_of(now, "start");
    const char *local = !start                     ? ""
                        : start->type == WESS_TIME ? start->time.local
                        : start->type == WESS_DATE ? start->str.data
                                                   : "";
    return !k->bad && k->rule && k->start && rule && rule->type == WESS_TEXT &&
           strlen(k->rule) == rule->str.len && !memcmp(k->rule, rule->str.data, rule->str.len) &&
           !strncmp(k->start, local, strlen(k->start)) && *k->start;
}

static bool is_told(const char *name)
{
    for (size_t i = 0; i < N_TOLD; i++)
        if (!strcmp(told[i], name))
            return true;
    return !strcmp(name, "overrides");
}

static void put_in_place(struct recalling *k)
{
    struct wess_field *of = k->r->fields.of;
    size_t kept = 0;
    for (size_t i = 0; i < k->r->fields.n; i++)
        if (!is_told(of[i].name))
            of[kept++] = of[i];
    k->r->fields.n = kept;
    const struct wess_field *f = k->fields.of;
    for (size_t i = 0; i < k->fields.n; i++) {
        struct wess_field *new = ews_push(k->r, f[i].name, f[i].type);
        if (new)
            *new = f[i];
    }
    struct wess_field *all = k->overrides.n ? ews_push(k->r, "overrides", WESS_RECORDS) : NULL;
    if (all)
        all->records = (struct wess_records){k->overrides.of, k->overrides.n};
}

bool ews_recall(struct ews_reading *r, const char *kept)
{
    struct recalling k = {.r = r,
                          .fields = {.size = sizeof(struct wess_field)},
                          .overrides = {.size = sizeof(struct wess_record)}};
    const struct wess_item now = {.fields = r->fields.of, .n_fields = r->fields.n};
    if (!kept || strlen(kept) > KEPT_MOST)
        return false;
    char *rest = wess_arena_text(r->host, r->a, kept), *line;
    r->spent |= !rest;
    if (!rest || strcmp((line = strsep(&rest, "\n")), FORM) != 0)
        return false;
    while (!k.bad && !r->spent && (line = strsep(&rest, "\n")))
        if (*line && *line != '\r')
            recall_line(&k, line);
    if (r->spent || !stands(&k, &now))
        return false;
    put_in_place(&k);
    return true;
}
