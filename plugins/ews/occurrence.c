/* Changed and deleted occurrences of a series: items of their own to Exchange, overrides keyed by
 * their original local date to us. */
#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ews.h"

#define OCCURRENCES_MAX 100000 /* counted to find one: three hundred years of days */

/* ---- reading: what differs in a changed one
 * ------------------------------------------------------------------------------------------ */

static const char *const asked[] = {"item:Subject", "calendar:LegacyFreeBusyStatus",
                                    "calendar:Location"};

struct wanted {
    const char *id;
    const struct wess_item *master;
    struct wess_record *record;
    struct wess_result *series;
};
struct reading {
    struct wess_call *call;
    const struct wanted *of;
    size_t n;
    struct ews_tally tally;
};

static struct wess_field *part(const struct wess_record *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->fields[i].name, name))
            return (struct wess_field *)(uintptr_t)&r->fields[i]; /* of read_overrides() */
    return NULL;
}

static const char *text_of(const struct wess_item *item, const char *name)
{
    const struct wess_field *f = ews_field_of(item, name);
    return f && f->type == WESS_TEXT && f->str.len ? f->str.data : "";
}

/* Only what is unlike the series is said of one. */
static bool add_unlike(struct wess_call *call, const struct wanted *w, const char *name,
                       const char *value)
{
    struct wess_field *parts = (struct wess_field *)(uintptr_t)w->record->fields;
    const struct wess_host *h = call->conn->host;
    if (!value || strlen(value) > WESS_INLINE_MAX || !strcmp(value, text_of(w->master, name)))
        return true;
    char *text = wess_arena_text(h, call->arena, value);
    if (!text)
        return false;
    if (*text && w->record->n < EWS_PARTS)
        parts[w->record->n++] =
            (struct wess_field){.name = name, .type = WESS_TEXT, .str = {text, strlen(text)}};
    return true;
}

/* One that cannot be read makes the series one that cannot: what is not told of it counts as taken
 * off. */
static void leave_out(const struct reading *r, struct wess_result *series, enum wess_code code,
                      const struct wess_error *e)
{
    *series = (struct wess_result){
        .code = code == WESS_NOT_TRIED ? WESS_TRANSIENT : code,
        .remote_code = wess_arena_text(r->call->conn->host, r->call->arena, e->remote_code),
        .text = "a changed occurrence of it cannot be read"};
}

static enum wess_code take_one(void *ctx, size_t i, size_t at, const xmlNode *m,
                               struct wess_error *e)
{
    struct reading *r = ctx;
    const xmlNode *item = xml_first(xml_child(m, "Items"));
    enum wess_code code = ews_message_item(m, false, e);
    (void)i;
    if (at >= r->n)
        return WESS_OK;
    const struct wanted *w = &r->of[at];
    if (code == WESS_OK && !item)
        code = WESS_TRANSIENT;
    ews_count(&r->tally, code, e);
    if (code == WESS_GONE) /* since: then its times are what is known of it */
        return WESS_OK;
    if (code != WESS_OK) {
        leave_out(r, w->series, code, e);
        return WESS_OK;
    }
    const char *shows = xml_text(xml_child(item, "LegacyFreeBusyStatus"));
    bool ok = add_unlike(r->call, w, "summary", xml_text(xml_child(item, "Subject"))) &&
              add_unlike(r->call, w, "location", xml_text(xml_child(item, "Location"))) &&
              add_unlike(r->call, w, "busystatus", shows ? ews_show_as(shows) : NULL);
    return ok ? WESS_OK : wess_fail(e, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
}

static void end_some(void *ctx, size_t i, struct ews_answer *a)
{
    const struct reading *r = ctx;
    (void)i;
    ews_judge(&r->tally, a);
    ews_each_answered(a, r->n);
}

static enum wess_code ask(struct wess_call *call, const struct wanted *of, size_t n)
{
    struct reading r = {.call = call, .of = of, .n = n};
    const struct ews_taker taker = {.ctx = &r, .message = take_one, .done = end_some};
    struct xml_out x;
    ews_begin(call->conn, &x, call->conn->impersonate);
    xml_open(&x, "m:GetItem");
    xml_open(&x, "m:ItemShape");
    xml_element(&x, "t:BaseShape", "IdOnly");
    xml_open(&x, "t:AdditionalProperties");
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        xml_open(&x, "t:FieldURI");
        xml_put_attr(&x, "FieldURI", asked[i]);
        xml_close(&x);
    }
    xml_close(&x);
    xml_close(&x);
    xml_open(&x, "m:ItemIds");
    for (size_t i = 0; i < n; i++)
        ews_item_id(&x, of[i].id, NULL);
    xml_close(&x);
    xml_close(&x);
    return ews_ask(call, &x, false, &taker);
}

/* Takes the ids out of the records: they are Exchange's own. */
static bool collect(struct wess_call *call, struct wess_result *series, struct wess_vec *v)
{
    const struct wess_item *item = series->current;
    const struct wess_field *f = ews_field_of(item, "overrides");
    for (size_t i = 0; f && f->type == WESS_RECORDS && i < f->records.n; i++) {
        struct wess_record *r = (struct wess_record *)(uintptr_t)&f->records.of[i];
        struct wess_field *id = part(r, EWS_OCCURRENCE_ID);
        if (!id)
            continue;
        struct wanted *w = wess_vec_push(call->conn->host, call->arena, v);
        if (!w)
            return false;
        *w = (struct wanted){id->str.data, item, r, series};
        *id = r->fields[r->n - 1];
        r->n--;
    }
    return true;
}

enum wess_code ews_fetch_occurrences(struct wess_call *call, struct wess_result *of, size_t n)
{
    struct wess_vec v = {.size = sizeof(struct wanted)};
    enum wess_code rc = WESS_OK;
    for (size_t i = 0; i < n; i++)
        if (of[i].code == WESS_OK && of[i].current && !collect(call, &of[i], &v))
            return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
    for (size_t at = 0; rc == WESS_OK && at < v.n; at += EWS_FETCH)
        rc = ask(call, (const struct wanted *)v.of + at,
                 v.n - at < EWS_FETCH ? v.n - at : EWS_FETCH);
    return rc;
}

/* ---- which one it is
 * ------------------------------------------------------------------------------------------ */

/* Counted from 1, deleted ones included; 0: the rule has none on that date. */
static int index_of(const char *rule, const char *start, const char *date)
{
    struct icalrecurrencetype r = icalrecurrencetype_from_string(rule);
    int year = 0, month = 0, day = 0, n = 0, found = 0;
    if (sscanf(start, "%4d-%2d-%2d", &year, &month, &day) != 3)
        return 0;
    icaltimetype first = {.year = year, .month = month, .day = day, .is_date = 1};
    if (sscanf(date, "%4d-%2d-%2d", &year, &month, &day) != 3)
        return 0;
    icaltimetype want = {.year = year, .month = month, .day = day, .is_date = 1};
    r.until = icaltime_null_time(); /* which end it has is not asked */
    icalrecur_iterator *it = icalrecur_iterator_new(r, first);
    for (icaltimetype t; it && !found && n < OCCURRENCES_MAX;) {
        t = icalrecur_iterator_next(it);
        n++;
        if (icaltime_is_null_time(t) || icaltime_compare_date_only(t, want) > 0)
            break;
        found = !icaltime_compare_date_only(t, want) ? n : 0;
    }
    if (it)
        icalrecur_iterator_free(it);
    return found;
}

/* ---- writing
 * ------------------------------------------------------------------------------------------ */

struct changing {
    struct wess_call *call;
    const struct wess_op *op;
    struct wess_result *out;
    const char *id;
    const char *key; /* of the series, which its occurrences share; NULL: not known */
    bool all;        /* each of its changed occurrences is written */
    enum wess_code code;
};

static const struct wess_record *record_of(const struct wess_field *f, const char *key)
{
    for (size_t i = 0; f && f->type == WESS_RECORDS && i < f->records.n; i++)
        if (!strcmp(f->records.of[i].key, key))
            return &f->records.of[i];
    return NULL;
}

bool ews_is_gone(const struct wess_record *r)
{
    return r && part(r, "status");
}

static bool same_part(const struct wess_field *a, const struct wess_field *b)
{
    if (!a || !b)
        return a == b;
    if (a->type == WESS_TIME && b->type == WESS_TIME)
        return !strcmp(a->time.local, b->time.local) && wess_zone_same(a->time.zone, b->time.zone);
    return a->type == b->type && (a->type == WESS_TEXT || a->type == WESS_DATE) &&
           a->str.len == b->str.len && !memcmp(a->str.data, b->str.data, a->str.len);
}

static const char *const parts[] = {"start", "end", "summary", "location", "busystatus", "status"};
#define N_PARTS (sizeof(parts) / sizeof(parts[0]))
#define N_SAID (N_PARTS - 1) /* by an update; "status" is a deletion */

static const struct wess_field *part_in(const struct wess_record *r, const char *name)
{
    return r ? part(r, name) : NULL;
}

static bool is_other(const struct wess_record *a, const struct wess_record *b, const char *name)
{
    return !same_part(part_in(a, name), part_in(b, name));
}

/* NULL: as the series. */
static bool same(const struct wess_record *a, const struct wess_record *b)
{
    for (size_t i = 0; i < N_PARTS; i++)
        if (is_other(a, b, parts[i]))
            return false;
    return true;
}

static void put_occurrence(struct xml_out *x, const struct changing *c, int index)
{
    char number[16];
    snprintf(number, sizeof(number), "%d", index);
    xml_open(x, "t:OccurrenceItemId");
    xml_put_attr(x, "RecurringMasterId", c->id);
    if (c->key)
        xml_put_attr(x, "ChangeKey", c->key);
    xml_put_attr(x, "InstanceIndex", number);
    xml_close(x);
}

static enum wess_code take_done(void *ctx, size_t i, size_t at, const xmlNode *m,
                                struct wess_error *e)
{
    struct changing *c = ctx;
    const char *key = xml_attr(xml_child(xml_first(xml_child(m, "Items")), "ItemId"), "ChangeKey");
    (void)i;
    (void)at;
    c->code = ews_message_item(m, true, e);
    c->key = key ? wess_arena_text(c->call->conn->host, c->call->arena, key) : NULL;
    /* By an attempt that was cut off. */
    if (!strcmp(e->remote_code, "ErrorCalendarOccurrenceIsDeletedFromRecurrence"))
        c->code = WESS_GONE;
    return WESS_OK;
}

static void put_delete(struct xml_out *x, const struct changing *c, int index)
{
    xml_open(x, "m:DeleteItem");
    xml_put_attr(x, "DeleteType", "MoveToDeletedItems");
    xml_put_attr(x, "SendMeetingCancellations", EWS_HOW(ews_tells(c->call, c->op)));
    xml_put_attr(x, "AffectedTaskOccurrences", "SpecifiedOccurrenceOnly");
    xml_open(x, "m:ItemIds");
    put_occurrence(x, c, index);
    xml_close(x);
    xml_close(x);
}

static void put_change(struct xml_out *x, struct wess_call *call, const struct wess_op *op)
{
    struct ews_slots none = {0};
    struct ews_update of[16];
    size_t n = 0;
    if (!ews_updates(call, op, &none, of, &n))
        return;
    for (size_t i = 0; i < n; i++)
        ews_put_update(call, x, op, &of[i]);
}

/* By no zone's clock; 0: none. */
static int64_t clock_of(const struct wess_field *f)
{
    char local[WESS_LOCAL_SIZE];
    if (f->type == WESS_TIME)
        return wess_zone_instant(f->time.local, "Etc/UTC", 0);
    if (f->type != WESS_DATE)
        return 0;
    snprintf(local, sizeof(local), "%.10sT00:00:00", (const char *)f->str.data);
    return wess_zone_instant(local, "Etc/UTC", 0);
}

static void set_clock(struct wess_field *f, int64_t at, char local[WESS_LOCAL_SIZE])
{
    if (!wess_zone_local(at, "Etc/UTC", local))
        return;
    if (f->type == WESS_DATE)
        f->str = (struct wess_slice){local, 10};
    else
        f->time = (struct wess_time){local, f->time.zone, 0};
}

/* Where its times are the series' they are those of its own day, and it is as long. */
static void as_on_day(const struct changing *c, const struct wess_record *r, const char *date,
                      struct wess_field out[2], char local[2][WESS_LOCAL_SIZE])
{
    const struct wess_field *first = ews_will_be(c->op, "start"), *last = ews_will_be(c->op, "end");
    char of_series[WESS_LOCAL_SIZE];
    if (!first || !clock_of(first))
        return;
    if (!part_in(r, "start")) {
        snprintf(of_series, sizeof(of_series), "%.10s%s", date,
                 first->type == WESS_TIME ? first->time.local + 10 : "T00:00:00");
        set_clock(&out[0], wess_zone_instant(of_series, "Etc/UTC", 0), local[0]);
    }
    if (last && !part_in(r, "end")) {
        out[1] = out[0];
        out[1].name = "end";
        set_clock(&out[1], clock_of(&out[0]) + clock_of(last) - clock_of(first), local[1]);
    }
}

/* The occurrence as an event by itself, but for what is as it was: what it is unlike the series in,
 * the rest as in the series. Its times go together. */
static size_t as_event(const struct changing *c, const struct wess_record *r,
                       const struct wess_record *old, const char *date, struct wess_field *out,
                       char local[2][WESS_LOCAL_SIZE])
{
    bool moved = is_other(r, old, "start") || is_other(r, old, "end");
    size_t n = 0;
    for (size_t i = 0; i < N_SAID; i++) {
        const struct wess_field *own = part_in(r, parts[i]);
        const struct wess_field *all = ews_will_be(c->op, parts[i]);
        if (i < 2 ? !moved : !is_other(r, old, parts[i]))
            continue;
        if (own)
            out[n] = *own;
        else if (all)
            out[n] = *all;
        else
            out[n] = (struct wess_field){.type = WESS_NULL};
        out[n++].name = parts[i];
    }
    if (moved)
        as_on_day(c, r, date, out, local);
    return n;
}

static void put_update(struct xml_out *x, const struct changing *c, const struct wess_record *r,
                       const struct wess_record *old, const char *date, int index)
{
    struct wess_field fields[N_SAID];
    char local[2][WESS_LOCAL_SIZE];
    size_t n = as_event(c, r, old, date, fields, local);
    struct wess_op op = {.what = WESS_UPDATE, .item = {.fields = fields, .n_fields = n}};
    xml_open(x, "m:UpdateItem");
    xml_put_attr(x, "ConflictResolution", c->key ? "NeverOverwrite" : "AlwaysOverwrite");
    xml_put_attr(x, "MessageDisposition", "SaveOnly");
    xml_put_attr(x, "SendMeetingInvitationsOrCancellations", EWS_HOW(ews_tells(c->call, c->op)));
    xml_open(x, "m:ItemChanges");
    xml_open(x, "t:ItemChange");
    put_occurrence(x, c, index);
    xml_open(x, "t:Updates");
    put_change(x, c->call, &op);
    xml_close(x);
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

static void refuse_one(struct changing *c, const char *date, const char *why, const char *code)
{
    const char *name = wess_arena_fmt(c->call->conn->host, c->call->arena, "overrides.%s", date);
    ews_refuse(c->call, c->out, name, why, code);
}

/* What the series shows now, once a deletion, which tells no key, has changed it. */
static enum wess_code learn_key(struct changing *c)
{
    const struct ews_taker taker = {.ctx = c, .message = take_done};
    struct xml_out x;
    ews_begin(c->call->conn, &x, c->call->conn->impersonate);
    xml_open(&x, "m:GetItem");
    xml_open(&x, "m:ItemShape");
    xml_element(&x, "t:BaseShape", "IdOnly");
    xml_close(&x);
    xml_open(&x, "m:ItemIds");
    ews_item_id(&x, c->id, NULL);
    xml_close(&x);
    xml_close(&x);
    return ews_ask(c->call, &x, false, &taker);
}

static enum wess_code send_one(struct changing *c, const char *date, const struct wess_record *r,
                               const struct wess_record *old, int index)
{
    const struct ews_taker taker = {.ctx = c, .message = take_done};
    struct xml_out x;
    ews_begin(c->call->conn, &x, c->call->conn->impersonate);
    if (ews_is_gone(r))
        put_delete(&x, c, index);
    else
        put_update(&x, c, r, old, date, index);
    c->code = WESS_UNKNOWN;
    c->out->revision = NULL; /* it is another one now */
    return ews_ask(c->call, &x, true, &taker);
}

/* Carried out late it would be stale by then: nobody is told twice, and nothing that somebody wrote
 * meanwhile is lost. A series that was made just now is nobody else's yet; the server itself may
 * have touched it. `r` NULL: it is as the series again; `old`: it was. */
static enum wess_code change_one(struct changing *c, const char *date, const struct wess_record *r,
                                 const struct wess_record *old)
{
    const struct wess_field *rule = ews_will_be(c->op, "rrule"),
                            *start = ews_will_be(c->op, "start");
    const char *first = !start                     ? NULL
                        : start->type == WESS_TIME ? start->time.local
                        : start->type == WESS_DATE ? start->str.data
                                                   : NULL;
    int index = rule && first ? index_of(rule->str.data, first, date) : 0;
    enum wess_code rc = WESS_OK;
    if (!index) {
        refuse_one(c, date, "the series has no occurrence on that day", "occurrence");
        return WESS_OK;
    }
    if (!c->key && !ews_is_gone(r))
        rc = learn_key(c);
    if (rc == WESS_OK)
        rc = send_one(c, date, r, old, index);
    if (rc == WESS_OK && c->code == WESS_CONFLICT && c->op->what == WESS_CREATE) {
        rc = learn_key(c);
        rc = rc == WESS_OK ? send_one(c, date, r, old, index) : rc;
    }
    if (rc != WESS_OK || c->code == WESS_OK || (ews_is_gone(r) && c->code == WESS_GONE))
        return rc;
    if (c->code == WESS_CONFLICT)
        c->out->code = c->op->what == WESS_CREATE || c->all ? WESS_UNKNOWN : WESS_CONFLICT;
    else
        refuse_one(c, date, "Exchange refuses this occurrence", "occurrence");
    return rc;
}

/* Those that are gone first: others may take their place. */
static enum wess_code write_wanted(struct changing *c, const struct wess_field *want,
                                   const struct wess_field *had, bool gone)
{
    enum wess_code rc = WESS_OK;
    for (size_t i = 0; rc == WESS_OK && c->out->code == WESS_OK && want && i < want->records.n;
         i++) {
        const struct wess_record *r = &want->records.of[i], *old = record_of(had, r->key);
        if (ews_is_gone(r) == gone && !same(r, old))
            rc = change_one(c, r->key, r, old);
    }
    return rc;
}

/* Those that are as the series again. */
static enum wess_code write_unwanted(struct changing *c, const struct wess_field *want,
                                     const struct wess_field *had)
{
    enum wess_code rc = WESS_OK;
    for (size_t i = 0; rc == WESS_OK && c->out->code == WESS_OK && had && i < had->records.n; i++) {
        const struct wess_record *old = &had->records.of[i];
        if (!record_of(want, old->key) && !same(NULL, old))
            rc = change_one(c, old->key, NULL, old);
    }
    return rc;
}

static const struct wess_field *records_in(const struct wess_field *f)
{
    return f && f->type == WESS_RECORDS ? f : NULL;
}

enum wess_code ews_write_occurrences(struct wess_call *call, const struct wess_op *op, bool all,
                                     struct wess_result *out)
{
    const struct wess_field *said = ews_field_of(&op->item, "overrides");
    const struct wess_field *want = records_in(all ? ews_will_be(op, "overrides") : said);
    const struct wess_field *had = all ? NULL : records_in(ews_field_of(op->before, "overrides"));
    struct changing c = {.call = call, .op = op, .out = out, .all = all};
    c.key = out->revision ? out->revision : op->item.revision;
    c.id = out->id ? out->id : op->item.id ? op->item.id : op->before ? op->before->id : NULL;
    if ((!all && !said) || !c.id || (!want && !ews_will_be(op, "rrule")))
        return WESS_OK; /* what recurs no more has none */
    enum wess_code rc = write_wanted(&c, want, had, true);
    if (rc == WESS_OK)
        rc = write_wanted(&c, want, had, false);
    if (rc == WESS_OK)
        rc = write_unwanted(&c, want, had);
    if (rc == WESS_OK && all && (want || ews_finishes(op)) && out->code == WESS_OK)
        rc = ews_end_rewrite(call, c.id, out);
    return rc;
}
