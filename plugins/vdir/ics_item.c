/* A calendar file as an item: properties one by one. */
#include <libical/ical.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ics.h"
#include "keys.h"

struct wess_field *ics_push(struct ics_reading *r, const char *name, uint32_t type)
{
    struct wess_field *f = wess_vec_push(r->host, r->call->arena, &r->fields);
    r->spent |= !f;
    if (f)
        *f = (struct wess_field){.name = name, .type = type};
    return f;
}

void ics_push_text(struct ics_reading *r, const char *name, struct wess_slice text)
{
    /* Of what was not selected nothing may be spooled, and no key is made of it. */
    if (!text.len || (text.len > WESS_INLINE_MAX && !r->whole))
        return;
    struct wess_field *f = ics_push(r, name, WESS_TEXT);
    if (f && text.len > WESS_INLINE_MAX)
        r->spent |= !vdir_spool(r->call, text, f);
    else if (f)
        f->str = text;
}

bool ics_text(struct wess_call *call, const struct lines *v, size_t line, struct wess_slice *out,
              bool *spent)
{
    struct wess_slice raw;
    if (!vdir_decode(call, &v->lines[line], &raw, spent))
        return false;
    bool ok = vdir_unescape(call, raw, out);
    *spent |= !ok;
    return ok;
}

/* ---- texts, words, numbers
 * ------------------------------------------------------------------------------------------ */

void ics_read_text(struct ics_reading *r, const struct ics_field *f)
{
    size_t at = ics_find(r->ics.v, r->ics.main, f->property, 0);
    struct wess_slice text;
    if (at != LINES_NONE && ics_text(r->call, r->ics.v, at, &text, &r->spent))
        ics_push_text(r, f->name, text);
}

void ics_read_word(struct ics_reading *r, const struct ics_field *f)
{
    ics_read_text(r, f);
}

bool ics_number(const struct ics *ics, const struct ics_field *f, int64_t *out)
{
    struct wess_slice text = vdir_trimmed(ics_value(ics->v, ics->main, f->property));
    const char *p = text.data;
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (p[i] < '0' || p[i] > '9' || *out > f->most)
            return false;
        *out = *out * 10 + p[i] - '0';
    }
    return text.len && *out <= f->most;
}

void ics_read_number(struct ics_reading *r, const struct ics_field *f)
{
    int64_t n;
    struct wess_field *out = ics_number(&r->ics, f, &n) ? ics_push(r, f->name, WESS_INT) : NULL;
    if (out)
        out->num = n;
}

/* ---- show-as, and states of a task: two properties for one word
 * ------------------------------------------------------------------------------------------ */

const struct ics_word ics_words[] = {
    {"TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS", "TENTATIVE", "OPAQUE", true},
    {"TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS", "OOF", "OPAQUE", true},
    {"TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS", "BUSY", "OPAQUE", false},
    {"TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS", "FREE", "TRANSPARENT", false},
    {"STATUS", "X-WESS-STATUS", "X-WAITING", "NEEDS-ACTION", true},
    {"STATUS", "X-WESS-STATUS", "X-DEFERRED", "NEEDS-ACTION", true},
    {"STATUS", "X-WESS-STATUS", "NEEDS-ACTION", "NEEDS-ACTION", false},
    {"STATUS", "X-WESS-STATUS", "IN-PROCESS", "IN-PROCESS", false},
    {"STATUS", "X-WESS-STATUS", "COMPLETED", "COMPLETED", false},
    {"STATUS", "X-WESS-STATUS", "CANCELLED", "CANCELLED", false},
    {NULL, NULL, NULL, NULL, false},
};

/* Its own word counts as long as the standard's still says the same: who does not know it may have
 * changed that one since. */
const char *ics_shown(const struct lines *v, struct ics_span s, const char *property)
{
    struct wess_slice said = ics_value(v, s, property);
    for (const struct ics_word *w = ics_words; w->word; w++)
        if (!strcmp(w->property, property) && ics_says(ics_value(v, s, w->own), w->word) &&
            (!said.len || ics_says(said, w->said)))
            return w->word;
    for (const struct ics_word *w = ics_words; w->word; w++)
        if (!strcmp(w->property, property) && !w->needs_own && ics_says(said, w->said))
            return w->word;
    return "";
}

void ics_read_shown(struct ics_reading *r, const struct ics_field *f)
{
    const char *word = ics_shown(r->ics.v, r->ics.main, f->property);
    ics_push_text(r, f->name, (struct wess_slice){word, strlen(word)});
}

/* ---- times
 * ------------------------------------------------------------------------------------------ */

/* One occurrence of a series that somebody else has. */
bool ics_is_alone(const struct ics *ics)
{
    return ics_find(ics->v, ics->main, "RECURRENCE-ID", 0) != LINES_NONE;
}

bool ics_recurs(const struct ics *ics)
{
    return ics_find_now(ics->v, ics->main, "RRULE") != LINES_NONE && !ics_is_alone(ics);
}

bool ics_end_of(struct ics *ics, struct ics_span s, struct ics_moment *out)
{
    size_t at = ics_find_now(ics->v, s, "DTEND"), length = ics_find_now(ics->v, s, "DURATION");
    int64_t seconds;
    if (at != LINES_NONE)
        return ics_moment(ics, &ics->v->lines[at], ics->v->lines[at].value, out);
    if (length == LINES_NONE || !ics_moment_of(ics, s, "DTSTART", out) ||
        !ics_duration(ics->v->lines[length].value, &seconds))
        return false;
    ics_add_seconds(out, seconds);
    return true;
}

static bool time_of(struct ics *ics, const struct ics_field *f, struct ics_moment *m)
{
    return strcmp(f->name, "end") ? ics_moment_of(ics, ics->main, f->property, m)
                                  : ics_end_of(ics, ics->main, m);
}

void ics_read_time(struct ics_reading *r, const struct ics_field *f)
{
    struct ics_moment m;
    struct wess_field *out = time_of(&r->ics, f, &m) ? ics_push(r, f->name, WESS_TIME) : NULL;
    if (out)
        r->spent |= !ics_put_field(r->call, &m, ics_recurs(&r->ics), out);
}

bool ics_day_of(struct ics *ics, const char *property, struct ics_moment *out)
{
    struct ics_moment start;
    int64_t seconds;
    size_t length =
        strcmp(property, "DUE") ? LINES_NONE : ics_find_now(ics->v, ics->main, "DURATION");
    bool ok = ics_moment_of(ics, ics->main, property, out);
    if (!ok && length != LINES_NONE && ics_moment_of(ics, ics->main, "DTSTART", &start) &&
        ics_duration(ics->v->lines[length].value, &seconds)) {
        *out = start;
        ics_add_seconds(out, seconds);
        ok = true;
    }
    if (ok && !strcmp(out->zone, "Etc/UTC"))
        ics_in_zone(ics, ics->home, out);
    return ok;
}

void ics_read_day(struct ics_reading *r, const struct ics_field *f)
{
    struct ics_moment m;
    if (!ics_day_of(&r->ics, f->property, &m))
        return;
    m.is_date = true;
    m.local[10] = 0;
    struct wess_field *out = ics_push(r, f->name, WESS_DATE);
    if (out)
        r->spent |= !ics_put_field(r->call, &m, false, out);
}

/* ---- the rule
 * ------------------------------------------------------------------------------------------ */

/* The last local date: an end before the hour of the series leaves out that day. */
static bool put_until(struct ics *ics, struct wess_slice value, struct lines_buf *b)
{
    const struct line plain = {.value = value};
    struct ics_moment until, start;
    if (!ics_moment(ics, &plain, value, &until))
        return false;
    if (ics_moment_of(ics, ics->main, "DTSTART", &start) && !until.is_date && !start.is_date) {
        ics_in_zone(ics, start.zone, &until);
        if (strcmp(until.local + 10, start.local + 10) < 0)
            ics_add_seconds(&until, -86400);
    }
    until.is_date = true;
    until.local[10] = 0;
    *until.zone = 0;
    ics_put_value(b, &until);
    return true;
}

static bool is_rule(const char *text)
{
    return icalrecurrencetype_from_string(text).freq != ICAL_NO_RECURRENCE;
}

/* libical passes by, or knows, what RFC 5545 does not: a rule in another calendar (RSCALE). */
static bool is_part(const char *at, size_t len)
{
    static const char *const names[] = {
        "FREQ",  "UNTIL",      "COUNT",     "INTERVAL", "BYSECOND", "BYMINUTE", "BYHOUR",
        "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH",  "BYSETPOS", "WKST"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (len > strlen(names[i]) && at[strlen(names[i])] == '=' &&
            !strncasecmp(at, names[i], strlen(names[i])))
            return true;
    return !len;
}

static bool put_rule(struct ics *ics, struct wess_slice rule, struct lines_buf *b)
{
    const char *at = rule.data, *end = at + rule.len;
    bool ok = true;
    while (ok && at < end) {
        const char *semi = memchr(at, ';', (size_t)(end - at)), *stop = semi ? semi : end;
        bool until = stop - at > 6 && !strncasecmp(at, "UNTIL=", 6);
        lines_put(b, at, until ? 6 : (size_t)(stop - at));
        ok = is_part(at, (size_t)(stop - at));
        if (until)
            ok = put_until(ics, (struct wess_slice){at + 6, (size_t)(stop - at - 6)}, b);
        lines_puts(b, semi ? ";" : "");
        at = semi ? semi + 1 : end;
    }
    return ok && !b->spent && b->len && is_rule(b->data);
}

bool ics_knows_rule(struct ics *ics, size_t line)
{
    struct wess_slice rule = vdir_trimmed(ics->v->lines[line].value);
    struct lines_buf b = {0};
    bool ok = rule.len && rule.len < ICS_RULE_MAX && put_rule(ics, rule, &b);
    ok |= b.spent; /* of which nothing is known */
    lines_buf_fini(&b);
    return ok;
}

bool ics_rule(struct wess_call *call, struct ics *ics, struct wess_slice *out, bool *spent)
{
    struct wess_slice rule = vdir_trimmed(ics_value(ics->v, ics->main, "RRULE"));
    struct lines_buf b = {0};
    bool ok = ics_recurs(ics) && rule.len && rule.len < ICS_RULE_MAX && put_rule(ics, rule, &b);
    *out = (struct wess_slice){"", 0};
    if (ok) {
        out->data = wess_arena_textn(call->conn->host, call->arena, b.data, b.len);
        out->len = out->data ? b.len : 0;
    }
    *spent |= b.spent || !out->data;
    lines_buf_fini(&b);
    return ok && out->data;
}

void ics_read_rule(struct ics_reading *r, const struct ics_field *f)
{
    struct wess_slice rule;
    if (ics_rule(r->call, &r->ics, &rule, &r->spent))
        ics_push_text(r, f->name, rule);
}

/* ---- reminders
 * ------------------------------------------------------------------------------------------ */

/* How long before the start; false: an alarm of another sort. */
static bool minutes_of(const struct lines *v, struct ics_span alarm, int64_t *minutes)
{
    size_t at = ics_find(v, alarm, "TRIGGER", 0);
    int64_t seconds;
    if (at == LINES_NONE || ics_says(ics_value(v, alarm, "ACTION"), "EMAIL") ||
        !ics_duration(v->lines[at].value, &seconds) || seconds > 0)
        return false;
    struct wess_slice related = lines_param(&v->lines[at], "RELATED");
    *minutes = -seconds / 60;
    return !related.data || ics_says(related, "START");
}

bool ics_next_minutes(const struct ics *ics, struct ics_span *alarm, int64_t *minutes)
{
    while (ics_next(ics->v, ics->main, "VALARM", alarm))
        if (minutes_of(ics->v, *alarm, minutes))
            return true;
    *alarm = (struct ics_span){0, 0};
    return false;
}

void ics_read_minutes(struct ics_reading *r, const struct ics_field *f)
{
    struct ics_span alarm = {0, 0};
    int64_t minutes;
    struct wess_field *out =
        ics_next_minutes(&r->ics, &alarm, &minutes) ? ics_push(r, f->name, WESS_INT) : NULL;
    if (out)
        out->num = minutes;
}

/* When a task reminds: at a time, or so long before or after one of its ends. */
static bool alarm_of(struct ics *ics, struct ics_span alarm, struct ics_moment *out)
{
    size_t at = ics_find(ics->v, alarm, "TRIGGER", 0);
    int64_t seconds;
    if (at == LINES_NONE || ics_says(ics_value(ics->v, alarm, "ACTION"), "EMAIL"))
        return false;
    const struct line *l = &ics->v->lines[at];
    if (ics_moment(ics, l, l->value, out))
        return !out->is_date;
    bool end = ics_says(lines_param(l, "RELATED"), "END");
    if (!ics_duration(l->value, &seconds) ||
        (!ics_moment_of(ics, ics->main, end ? "DUE" : "DTSTART", out) &&
         !ics_moment_of(ics, ics->main, end ? "DTSTART" : "DUE", out)))
        return false;
    if (out->is_date)
        strcpy(out->local + 10, "T00:00:00");
    out->is_date = false;
    ics_add_seconds(out, seconds);
    return true;
}

bool ics_next_alarm(struct ics *ics, struct ics_span *alarm, struct ics_moment *out)
{
    while (ics_next(ics->v, ics->main, "VALARM", alarm))
        if (alarm_of(ics, *alarm, out))
            return true;
    *alarm = (struct ics_span){0, 0};
    return false;
}

void ics_read_alarm(struct ics_reading *r, const struct ics_field *f)
{
    struct ics_span alarm = {0, 0};
    struct ics_moment m;
    struct wess_field *out =
        ics_next_alarm(&r->ics, &alarm, &m) ? ics_push(r, f->name, WESS_TIME) : NULL;
    if (out)
        r->spent |= !ics_put_field(r->call, &m, false, out);
}

/* ---- the whole
 * ------------------------------------------------------------------------------------------ */

static void set_when(struct ics *ics, struct wess_item *out)
{
    struct ics_moment m;
    if (!ics_recurs(ics) &&
        ics_moment_of(ics, ics->main, strcmp(out->kind, "task") ? "DTSTART" : "DUE", &m))
        out->when_ms = ics_instant(ics, &m);
}

enum wess_code ics_item(struct wess_call *call, const struct lines *v, const char *id, bool whole,
                        const struct vdir_kind *kind, const struct ics_table *table,
                        struct wess_item *out)
{
    const struct wess_host *h = call->conn->host;
    struct ics_reading r = {
        .call = call, .host = h, .fields = {.size = sizeof(struct wess_field)}, .whole = whole};
    *out = (struct wess_item){.id = wess_arena_text(h, call->arena, id),
                              .kind = kind->kind,
                              .collection = kind->collection};
    ics_open(&r.ics, v, call->conn->zone);
    struct wess_slice class = ics_value(v, r.ics.main, "CLASS");
    if (ics_says(class, "PRIVATE") || ics_says(class, "CONFIDENTIAL"))
        out->flags |= WESS_ITEM_PRIVATE;
    set_when(&r.ics, out);
    for (size_t i = 0; i < table->n && !r.spent; i++)
        if (table->of[i].read && (whole || table->of[i].is_key))
            table->of[i].read(&r, &table->of[i]);
    r.spent |= !vdir_tag_set(call, v, &out->tags);
    struct wess_field *tags = out->tags.n ? ics_push(&r, "categories", WESS_SET) : NULL;
    if (tags)
        tags->set = out->tags;
    const char *stamp = vdir_stamp(call, v, &r.spent);
    out->fields = r.fields.of;
    out->n_fields = r.fields.n;
    if (r.spent || !out->id || wess_item_keys(h, call->arena, out, stamp) != WESS_OK)
        return vdir_spent(call);
    if (whole)
        out->flags |= WESS_ITEM_WHOLE;
    else
        out->n_fields = 0;
    return WESS_OK;
}
