/* An op as changes of lines of a calendar file: a line is touched only where what it says is to be
 * something else. */
#include <inttypes.h>
#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ics.h"

#define NOT_UNDERSTOOD "the file has it in a form that is not understood"
#define MINUTES_MAX ((int64_t)60 * 24 * 366 * 10)

void ics_refuse(struct ics_edit *x, const char *field, const char *text)
{
    vdir_refuse(x->e.call, x->e.out, field, text);
}

const struct wess_field *ics_field_of(const struct edit *e, const char *name)
{
    for (size_t i = 0; i < e->op->item.n_fields; i++)
        if (!strcmp(e->op->item.fields[i].name, name))
            return &e->op->item.fields[i];
    return NULL;
}

const struct wess_field *ics_before(const struct ics_edit *x, const char *name)
{
    const struct wess_item *before = x->e.op->before;
    for (size_t i = 0; before && i < before->n_fields; i++)
        if (!strcmp(before->fields[i].name, name))
            return &before->fields[i];
    return NULL;
}

/* ---- lines
 * ------------------------------------------------------------------------------------------ */

static void add(struct ics_edit *x, size_t place, const char *text, bool aside)
{
    lines_add_at(x->ics.v, place, text);
    if (!x->ics.v->spent)
        x->ics.v->lines[x->ics.v->n - 1].aside = aside;
}

void ics_put(struct ics_edit *x, struct ics_span s, size_t line)
{
    const char *text = x->e.text.spent ? NULL : x->e.text.data;
    if (line == LINES_NONE)
        add(x, ics_place(x->ics.v, s), text, s.from != x->ics.main.from);
    else
        lines_replace(x->ics.v, line, text);
}

void ics_drop(struct ics_edit *x, struct ics_span s)
{
    for (size_t i = s.from; i <= s.to; i++)
        x->ics.v->lines[i].dropped = true;
}

/* However often it stands there. */
static void drop_property(struct ics_edit *x, struct ics_span s, const char *name)
{
    for (size_t at; (at = ics_find_now(x->ics.v, s, name)) != LINES_NONE;)
        x->ics.v->lines[at].dropped = true;
}

/* ---- texts, words, numbers
 * ------------------------------------------------------------------------------------------ */

const char ics_place_on_map[] = "X-APPLE-STRUCTURED-LOCATION";

/* What other programs keep beside a text, and show in its stead: with another text it is wrong. */
static void drop_companion(struct ics_edit *x, struct ics_span s, const char *name)
{
    static const char *const of[][2] = {{"DESCRIPTION", "X-ALT-DESC"},
                                        {"LOCATION", ics_place_on_map}};
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
        if (!strcmp(name, of[i][0]))
            drop_property(x, s, of[i][1]);
}

static void put_text(struct ics_edit *x, struct ics_span s, const char *name, size_t line,
                     struct wess_slice value)
{
    drop_companion(x, s, name);
    if (!value.len) {
        if (line != LINES_NONE)
            x->ics.v->lines[line].dropped = true;
        return;
    }
    edit_fresh(&x->e);
    if (line == LINES_NONE) {
        lines_puts(&x->e.text, name);
        lines_puts(&x->e.text, ":");
    }
    lines_put_escaped(&x->e.text, value);
    if (line == LINES_NONE)
        ics_put(x, s, line);
    else
        edit_set(&x->e, line);
}

void ics_set_text(struct ics_edit *x, struct ics_span s, const char *name, struct wess_slice value)
{
    size_t line = ics_find_now(x->ics.v, s, name);
    struct wess_slice now = {"", 0};
    if (line != LINES_NONE && !ics_text(x->e.call, x->ics.v, line, &now, &x->e.spent))
        return;
    if (!edit_equal(now, value))
        put_text(x, s, name, line, value);
}

void ics_write_text(struct ics_edit *x, const struct ics_field *f, const struct wess_field *w)
{
    size_t line = ics_find_now(x->ics.v, x->ics.main, f->property);
    struct wess_slice now = {"", 0}, value = {"", 0};
    if (line != LINES_NONE && !ics_text(x->e.call, x->ics.v, line, &now, &x->e.spent)) {
        ics_refuse(x, f->name, NOT_UNDERSTOOD);
        return;
    }
    if (w->type == WESS_TEXT)
        value = w->str;
    if (w->type == WESS_BLOB) {
        value.data = edit_blob_text(&x->e, &w->blob);
        value.len = value.data ? (size_t)w->blob.size : 0;
        if (!value.data) {
            ics_refuse(x, f->name, "it is longer than a file may be");
            return;
        }
    }
    if (!edit_equal(now, value))
        put_text(x, x->ics.main, f->property, line, value);
}

void ics_write_word(struct ics_edit *x, const struct ics_field *f, const struct wess_field *w)
{
    ics_write_text(x, f, w);
}

void ics_write_uid(struct ics_edit *x, const struct ics_field *f, const struct wess_field *w)
{
    size_t line = ics_find_now(x->ics.v, x->ics.main, f->property);
    struct wess_slice now = {"", 0};
    bool same = line != LINES_NONE && w->type == WESS_TEXT &&
                ics_text(x->e.call, x->ics.v, line, &now, &x->e.spent) && edit_equal(now, w->str);
    if (x->e.op->what == WESS_CREATE && w->type == WESS_TEXT && w->str.len)
        ics_set_text(x, x->ics.main, f->property, w->str);
    else if (!same && x->e.op->what != WESS_CREATE && (w->type != WESS_NULL || line != LINES_NONE))
        ics_refuse(x, f->name, "an identifier stays what it is");
}

void ics_write_number(struct ics_edit *x, const struct ics_field *f, const struct wess_field *w)
{
    char text[24];
    int64_t now;
    size_t line = ics_find_now(x->ics.v, x->ics.main, f->property);
    if (w->type == WESS_INT && (w->num < 0 || w->num > f->most)) {
        snprintf(text, sizeof(text), "%" PRId64, f->most);
        const char *why =
            wess_arena_fmt(x->e.host, x->e.call->arena, "RFC 5545 holds 0 to %s", text);
        x->e.spent |= !why;
        ics_refuse(x, f->name, why ? why : "");
        return;
    }
    snprintf(text, sizeof(text), "%" PRId64, w->type == WESS_INT ? w->num : 0);
    if (w->type != WESS_INT)
        put_text(x, x->ics.main, f->property, line, (struct wess_slice){"", 0});
    else if (!ics_number(&x->ics, f, &now) || now != w->num)
        put_text(x, x->ics.main, f->property, line, (struct wess_slice){text, strlen(text)});
}

static const struct ics_word *word_of(const char *property, const char *word)
{
    const struct ics_word *w = ics_words;
    while (w->word && (strcmp(w->property, property) != 0 || strcmp(w->word, word) != 0))
        w++;
    return w;
}

void ics_set_shown(struct ics_edit *x, struct ics_span s, const char *property, const char *word)
{
    const struct ics_word *w = word_of(property, word), *any = ics_words;
    while (strcmp(any->property, property) != 0)
        any++;
    const char *said = w->word ? w->said : "", *own = w->word && w->needs_own ? w->word : "";
    ics_set_text(x, s, property, (struct wess_slice){said, strlen(said)});
    /* A second one would count once the first is gone. */
    while (!*own && ics_find_now(x->ics.v, s, any->own) != LINES_NONE)
        drop_property(x, s, any->own);
    ics_set_text(x, s, any->own, (struct wess_slice){own, strlen(own)});
}

void ics_write_shown(struct ics_edit *x, const struct ics_field *f, const struct wess_field *w)
{
    char *word = w->type == WESS_TEXT
                     ? wess_arena_textn(x->e.host, x->e.call->arena, w->str.data, w->str.len)
                     : NULL;
    x->e.spent |= w->type == WESS_TEXT && !word;
    const char *want = word ? word : "";
    if (!strcmp(want, ics_shown(x->ics.v, x->ics.main, f->property)) && *want)
        return;
    if (*want && !word_of(f->property, want)->word)
        ics_refuse(x, f->name, "RFC 5545 has no such word");
    else
        ics_set_shown(x, x->ics.main, f->property, want);
}

/* ---- times
 * ------------------------------------------------------------------------------------------ */

bool ics_will_start(struct ics_edit *x, struct ics_moment *out)
{
    const struct wess_field *f = ics_field_of(&x->e, "start");
    return (f && ics_moment_of_field(f, out)) ||
           ics_moment_of(&x->ics, x->ics.main, "DTSTART", out);
}

bool ics_will_end(struct ics_edit *x, struct ics_moment *out)
{
    const struct wess_field *f = ics_field_of(&x->e, "end");
    return f ? ics_moment_of_field(f, out) : ics_end_of(&x->ics, x->ics.main, out);
}

void ics_set_moment(struct ics_edit *x, struct ics_span s, const char *name,
                    const struct ics_moment *m)
{
    static const char *const without[] = {"TZID", "VALUE", NULL};
    struct ics_moment now = {0};
    struct lines *v = x->ics.v;
    size_t line = ics_find_now(v, s, name);
    bool had =
        line != LINES_NONE && ics_moment(&x->ics, &v->lines[line], v->lines[line].value, &now);
    if (had && ics_same_moment(&now, m))
        return;
    /* The zone keeps the name that the file has for it. */
    bool keeps = had && !m->is_date && !now.is_date && *m->zone &&
                 strcmp(now.zone, "Etc/UTC") != 0 && strcmp(m->zone, "Etc/UTC") != 0 &&
                 strcmp(m->zone, "UTC") != 0 && wess_zone_same(now.zone, m->zone);
    edit_fresh(&x->e);
    if (!keeps) {
        if (line == LINES_NONE)
            lines_puts(&x->e.text, name);
        else
            ics_put_head(&x->e.text, &v->lines[line], without);
        ics_put_zone(&x->ics, &x->e.text, m);
    }
    ics_put_value(&x->e.text, m);
    if (keeps)
        edit_set(&x->e, line);
    else
        ics_put(x, s, line);
}

/* NULL: nothing is wrong with start and end. */
static const char *bad_span(struct ics_edit *x)
{
    struct ics_moment start, end;
    if (!ics_will_start(x, &start) || !ics_will_end(x, &end))
        return NULL;
    if (start.is_date != end.is_date)
        return "one end of it is a day, the other an hour";
    return ics_instant(&x->ics, &end) < ics_instant(&x->ics, &start) ? "it ends before it begins"
                                                                     : NULL;
}

static void write_start(struct ics_edit *x, const struct ics_moment *m)
{
    struct ics_moment end;
    bool long_as = ics_find_now(x->ics.v, x->ics.main, "DURATION") != LINES_NONE;
    bool ends = long_as && !ics_field_of(&x->e, "end") && ics_end_of(&x->ics, x->ics.main, &end);
    ics_set_moment(x, x->ics.main, "DTSTART", m);
    struct ics_moment now;
    /* It ends when it did. */
    if (!ends || (ics_end_of(&x->ics, x->ics.main, &now) && ics_same_moment(&now, &end)))
        return;
    drop_property(x, x->ics.main, "DURATION");
    ics_set_moment(x, x->ics.main, "DTEND", &end);
}

static void write_end(struct ics_edit *x, const struct ics_moment *m)
{
    struct ics_moment now;
    if (ics_end_of(&x->ics, x->ics.main, &now) && ics_same_moment(&now, m))
        return;
    drop_property(x, x->ics.main, "DURATION");
    ics_set_moment(x, x->ics.main, "DTEND", m);
}

void ics_write_time(struct ics_edit *x, const struct ics_field *f, const struct wess_field *w)
{
    bool start = !strcmp(f->name, "start");
    struct ics_moment m;
    if (w->type == WESS_NULL && start) {
        ics_refuse(x, f->name, "an event needs a start");
    } else if (w->type == WESS_NULL) {
        drop_property(x, x->ics.main, "DTEND");
        drop_property(x, x->ics.main, "DURATION");
    } else if (!ics_moment_of_field(w, &m)) {
        ics_refuse(x, f->name, "no time, or in a zone that is not known");
    } else if (bad_span(x) && !(start && x->e.op->what == WESS_CREATE)) {
        ics_refuse(x, f->name, bad_span(x));
    } else if (start) {
        write_start(x, &m);
    } else {
        write_end(x, &m);
    }
}

/* ---- days of a task
 * ------------------------------------------------------------------------------------------ */

/* Another day for a time: its hour stays, as it is where its owner lives. */
static void move_day(const struct ics *ics, struct ics_moment *m, const char *date)
{
    bool utc = !strcmp(m->zone, "Etc/UTC");
    if (utc)
        ics_in_zone(ics, ics->home, m);
    memcpy(m->local, date, 10);
    if (utc)
        ics_in_zone(ics, "Etc/UTC", m);
}

/* What a new day is written as: RFC 5545 wants both ends of one sort, COMPLETED a time of UTC. */
static void new_day(struct ics_edit *x, const char *property, const char *date,
                    struct ics_moment *m)
{
    const char *other = !strcmp(property, "DUE") ? "DTSTART" : "DUE";
    if (!strcmp(property, "COMPLETED")) {
        *m = (struct ics_moment){0};
        snprintf(m->local, sizeof(m->local), "%.10sT00:00:00", date);
        snprintf(m->zone, sizeof(m->zone), "%s", x->ics.home);
        ics_in_zone(&x->ics, "Etc/UTC", m);
        strcpy(m->zone, "Etc/UTC");
    } else if (ics_moment_of(&x->ics, x->ics.main, other, m) && !m->is_date) {
        move_day(&x->ics, m, date);
    } else {
        *m = (struct ics_moment){.is_date = true};
        memcpy(m->local, date, 10);
    }
}

void ics_write_day(struct ics_edit *x, const struct ics_field *f, const struct wess_field *w)
{
    struct ics_moment now, m;
    bool had = ics_day_of(&x->ics, f->property, &now);
    const char *date = w->type == WESS_DATE && w->str.len == 10 ? w->str.data : NULL;
    if (w->type != WESS_NULL && !date) {
        ics_refuse(x, f->name, "a day of a task has a year");
        return;
    }
    if (date && had && !strncmp(now.local, date, 10))
        return;
    if (!had && ics_find_now(x->ics.v, x->ics.main, f->property) != LINES_NONE) {
        ics_refuse(x, f->name, NOT_UNDERSTOOD);
        return;
    }
    bool own = ics_moment_of(&x->ics, x->ics.main, f->property, &m);
    if (!strcmp(f->property, "DUE"))
        drop_property(x, x->ics.main, "DURATION");
    if (!date) {
        drop_property(x, x->ics.main, f->property);
        return;
    }
    if (!own)
        new_day(x, f->property, date, &m);
    else if (m.is_date)
        memcpy(m.local, date, 10);
    else
        move_day(&x->ics, &m, date);
    ics_set_moment(x, x->ics.main, f->property, &m);
}

/* ---- the rule
 * ------------------------------------------------------------------------------------------ */

/* The end of the last day, in the form that the start asks for. */
static bool put_until(struct ics_edit *x, struct wess_slice value, struct lines_buf *b)
{
    const struct line plain = {.value = value};
    struct ics_moment until, start;
    if (!ics_moment(&x->ics, &plain, value, &until))
        return false;
    if (!ics_will_start(x, &start) || start.is_date) {
        until.is_date = true;
        until.local[10] = 0;
        *until.zone = 0;
    } else if (until.is_date) {
        until.is_date = false;
        strcpy(until.local + 10, "T23:59:59");
        strcpy(until.zone, start.zone);
        if (*start.zone) {
            ics_in_zone(&x->ics, "Etc/UTC", &until);
            strcpy(until.zone, "Etc/UTC");
        }
    }
    ics_put_value(b, &until);
    return true;
}

static bool put_rule(struct ics_edit *x, struct wess_slice rule, struct lines_buf *b)
{
    const char *at = rule.data, *end = at + rule.len;
    while (at < end) {
        const char *semi = memchr(at, ';', (size_t)(end - at)), *stop = semi ? semi : end;
        bool until = stop - at > 6 && !strncasecmp(at, "UNTIL=", 6);
        lines_put(b, at, until ? 6 : (size_t)(stop - at));
        if (until && !put_until(x, (struct wess_slice){at + 6, (size_t)(stop - at - 6)}, b))
            return false;
        lines_puts(b, semi ? ";" : "");
        at = semi ? semi + 1 : end;
    }
    return true;
}

static bool is_rule(struct ics_edit *x, struct wess_slice rule)
{
    char *text = rule.len && rule.len < ICS_RULE_MAX
                     ? wess_arena_textn(x->e.host, x->e.call->arena, rule.data, rule.len)
                     : NULL;
    return text && !strpbrk(text, "\r\n") &&
           icalrecurrencetype_from_string(text).freq != ICAL_NO_RECURRENCE;
}

static void set_rule(struct ics_edit *x, const char *field, struct wess_slice rule)
{
    size_t line = ics_find_now(x->ics.v, x->ics.main, "RRULE");
    edit_fresh(&x->e);
    lines_puts(&x->e.text, line == LINES_NONE ? "RRULE:" : "");
    if (!put_rule(x, rule, &x->e.text))
        ics_refuse(x, field, "iCalendar has no such rule");
    else if (line == LINES_NONE)
        ics_put(x, x->ics.main, line);
    else
        edit_set(&x->e, line);
}

void ics_write_rule(struct ics_edit *x, const struct ics_field *f, const struct wess_field *w)
{
    struct wess_slice now = {"", 0};
    size_t line = ics_find_now(x->ics.v, x->ics.main, "RRULE");
    bool bad = line != LINES_NONE && !ics_rule(x->e.call, &x->ics, &now, &x->e.spent);
    if (bad || ics_is_alone(&x->ics)) {
        if (bad || w->type != WESS_NULL)
            ics_refuse(x, f->name, bad ? NOT_UNDERSTOOD : "it is one occurrence of a series");
        return;
    }
    if (w->type != WESS_TEXT || !w->str.len) {
        drop_property(x, x->ics.main, "RRULE");
        return;
    }
    if (edit_equal(now, w->str))
        return;
    if (!is_rule(x, w->str))
        ics_refuse(x, f->name, "iCalendar has no such rule");
    else
        set_rule(x, f->name, w->str);
}

/* ---- reminders
 * ------------------------------------------------------------------------------------------ */

static void set_trigger(struct ics_edit *x, struct ics_span alarm, const char *whole)
{
    static const char *const lines[] = {"BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:Reminder"};
    size_t line = alarm.to ? ics_find(x->ics.v, alarm, "TRIGGER", 0) : LINES_NONE;
    if (line != LINES_NONE) {
        lines_replace(x->ics.v, line, whole);
        return;
    }
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        add(x, x->ics.main.to, lines[i], true);
    add(x, x->ics.main.to, whole, true);
    add(x, x->ics.main.to, "END:VALARM", true);
}

void ics_write_minutes(struct ics_edit *x, const struct ics_field *f, const struct wess_field *w)
{
    struct ics_span alarm = {0, 0};
    int64_t minutes = 0;
    char text[48];
    bool had = ics_next_minutes(&x->ics, &alarm, &minutes);
    if (w->type == WESS_INT && (w->num < 0 || w->num > MINUTES_MAX)) {
        ics_refuse(x, f->name, "a reminder comes before the start, at most ten years");
        return;
    }
    snprintf(text, sizeof(text), "TRIGGER:%sPT%" PRId64 "M", w->num ? "-" : "", w->num);
    if (w->type == WESS_INT && !(had && minutes == w->num))
        set_trigger(x, alarm, text);
    /* Without a reminder none of those that are one is left. */
    for (; w->type != WESS_INT && had; had = ics_next_minutes(&x->ics, &alarm, &minutes))
        ics_drop(x, alarm);
}

void ics_write_alarm(struct ics_edit *x, const struct ics_field *f, const struct wess_field *w)
{
    struct ics_span alarm = {0, 0};
    struct ics_moment now, m;
    struct lines_buf b = {0};
    bool had = ics_next_alarm(&x->ics, &alarm, &now);
    for (; w->type == WESS_NULL && had; had = ics_next_alarm(&x->ics, &alarm, &now))
        ics_drop(x, alarm);
    if (w->type == WESS_NULL)
        return;
    if (!ics_moment_of_field(w, &m)) {
        ics_refuse(x, f->name, "no time, or in a zone that is not known");
        return;
    }
    if (had && ics_instant(&x->ics, &now) == ics_instant(&x->ics, &m))
        return;
    /* RFC 5545 3.8.6.3: a time of UTC. */
    if (m.is_date)
        strcpy(m.local + 10, "T00:00:00");
    m.is_date = false;
    if (!*m.zone)
        snprintf(m.zone, sizeof(m.zone), "%s", x->ics.home);
    ics_in_zone(&x->ics, "Etc/UTC", &m);
    strcpy(m.zone, "Etc/UTC");
    lines_puts(&b, "TRIGGER;VALUE=DATE-TIME:");
    ics_put_value(&b, &m);
    x->e.spent |= b.spent;
    if (!b.spent)
        set_trigger(x, alarm, b.data);
    lines_buf_fini(&b);
}

/* ---- the whole
 * ------------------------------------------------------------------------------------------ */

/* The start is put right by the op: without one there is no event. */
void ics_blank(struct wess_call *call, const struct wess_op *op, const char *name, const char *uid,
               struct lines_buf *b)
{
    const struct edit e = {.op = op};
    const struct wess_host *h = call->conn->host;
    struct ics_moment stamp = {.zone = "Etc/UTC"}, start;
    wess_zone_local(h->now_ms(h->ctx), "Etc/UTC", stamp.local);
    lines_puts(b, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//WESS//vdir//EN\r\nBEGIN:");
    lines_puts(b, name);
    lines_puts(b, "\r\nUID:");
    lines_puts(b, uid);
    lines_puts(b, "\r\nDTSTAMP:");
    ics_put_value(b, &stamp);
    if (!strcmp(name, "VEVENT") && ics_moment_of_field(ics_field_of(&e, "start"), &start))
        lines_puts(b, "\r\nDTSTART:19700101T000000Z");
    lines_puts(b, "\r\nEND:");
    lines_puts(b, name);
    lines_puts(b, "\r\nEND:VCALENDAR\r\n");
}

static const struct ics_field *row_of(const struct ics_table *table, const char *name)
{
    for (size_t i = 0; i < table->n; i++)
        if (!strcmp(table->of[i].name, name))
            return &table->of[i];
    return NULL;
}

static void refuse_unknown(struct ics_edit *x, const struct ics_table *table)
{
    const struct wess_op *op = x->e.op;
    for (size_t i = 0; i < op->item.n_fields; i++)
        if (strcmp(op->item.fields[i].name, "categories") != 0 &&
            !row_of(table, op->item.fields[i].name))
            ics_refuse(x, op->item.fields[i].name, "a calendar file has no place for it");
}

/* Where the start is another one, so is the end of the rule, which is told by it. */
static void follow_start(struct ics_edit *x, struct wess_slice rule)
{
    if (rule.len && memmem(rule.data, rule.len, "UNTIL=", 6) && !ics_field_of(&x->e, "rrule"))
        set_rule(x, "rrule", rule);
}

enum wess_code ics_edit(struct wess_call *call, struct lines *v, const struct wess_op *op,
                        const struct ics_table *table, struct wess_result *out)
{
    struct ics_edit x = {
        .e = {.call = call, .host = call->conn->host, .v = v, .op = op, .out = out}};
    struct wess_slice rule = {"", 0};
    struct wess_field as_they_were = {.type = WESS_RECORDS};
    struct ics_moment was, is;
    ics_open(&x.ics, v, call->conn->zone);
    bool series = ics_rule(call, &x.ics, &rule, &x.e.spent);
    bool started = ics_moment_of(&x.ics, x.ics.main, "DTSTART", &was);
    x.e.spent |= ics_recurs(&x.ics) && !ics_overrides(call, &x.ics, &x.had);
    if (ics_field_of(&x.e, "categories"))
        edit_tags(&x.e, ics_field_of(&x.e, "categories"));
    edit_stamp(&x.e);
    /* They follow what changes in the series. */
    as_they_were.records = x.had;
    for (size_t i = 0; i < table->n && !x.e.spent && !v->spent; i++) {
        const struct wess_field *w = ics_field_of(&x.e, table->of[i].name);
        w = w || strcmp(table->of[i].name, "overrides") != 0 ? w : &as_they_were;
        if (w && table->of[i].write) /* NULL: read only */
            table->of[i].write(&x, &table->of[i], w);
        bool moved = !strcmp(table->of[i].name, "rrule") && series && started &&
                     ics_moment_of(&x.ics, x.ics.main, "DTSTART", &is) &&
                     !ics_same_moment(&was, &is);
        if (moved) {
            follow_start(&x, rule);
            ics_move_overrides(&x, &was);
        }
    }
    refuse_unknown(&x, table);
    bool spent = x.e.spent || x.e.text.spent || v->spent;
    lines_buf_fini(&x.e.text);
    return spent ? vdir_spent(call) : WESS_OK;
}
