/* The frame of a calendar file, and events and tasks as kinds of files. */
#include "ics.h"

#include <string.h>
#include <strings.h>

static bool wrong(struct lines_fault *fault, const struct line *l, const char *why)
{
    *fault = (struct lines_fault){l ? l->row : 0, why};
    return false;
}

bool ics_says(struct wess_slice s, const char *word)
{
    s = vdir_trimmed(s);
    return s.len == strlen(word) && !strncasecmp(s.data, word, s.len);
}

/* ---- components
 * ------------------------------------------------------------------------------------------ */

static bool begins(const struct line *l)
{
    return !l->dropped && lines_is(l, "BEGIN");
}

/* The frame was looked at before: there is one. */
static size_t end_of(const struct lines *v, size_t begin)
{
    size_t depth = 0;
    for (size_t i = begin; i < v->n_read; i++) {
        depth += lines_is(&v->lines[i], "BEGIN");
        if (lines_is(&v->lines[i], "END") && !--depth)
            return i;
    }
    return v->n_read - 1;
}

bool ics_next(const struct lines *v, struct ics_span parent, const char *name, struct ics_span *at)
{
    for (size_t i = at->to ? at->to + 1 : parent.from + 1; i < parent.to; i++) {
        const struct line *l = &v->lines[i];
        if (!lines_is(l, "BEGIN"))
            continue;
        size_t to = end_of(v, i);
        if (begins(l) && (!name || ics_says(l->value, name))) {
            *at = (struct ics_span){i, to};
            return true;
        }
        i = to;
    }
    return false;
}

size_t ics_find(const struct lines *v, struct ics_span s, const char *name, size_t from)
{
    for (size_t i = from ? from : s.from + 1; i < s.to; i++) {
        const struct line *l = &v->lines[i];
        if (lines_is(l, "BEGIN"))
            i = end_of(v, i);
        else if (!l->dropped && lines_is(l, name))
            return i;
    }
    return LINES_NONE;
}

size_t ics_place(const struct lines *v, struct ics_span s)
{
    struct ics_span child = {0, 0};
    return ics_next(v, s, NULL, &child) ? child.from : s.to;
}

size_t ics_find_now(const struct lines *v, struct ics_span s, const char *name)
{
    size_t at = ics_find(v, s, name, 0), place = ics_place(v, s);
    for (size_t i = v->n_read; at == LINES_NONE && i < v->n; i++)
        if (v->lines[i].before == place && !v->lines[i].dropped && lines_is(&v->lines[i], name))
            at = i;
    return at;
}

struct wess_slice ics_value(const struct lines *v, struct ics_span s, const char *name)
{
    size_t at = ics_find(v, s, name, 0);
    return at == LINES_NONE ? (struct wess_slice){"", 0} : v->lines[at].value;
}

/* ---- the frame
 * ------------------------------------------------------------------------------------------ */

static bool same_name(struct wess_slice a, struct wess_slice b)
{
    a = vdir_trimmed(a);
    b = vdir_trimmed(b);
    return a.len && a.len == b.len && !strncasecmp(a.data, b.data, a.len);
}

/* Every END ends what was begun last. */
static bool check_nesting(const struct lines *v, size_t first, size_t *last,
                          struct lines_fault *fault)
{
    size_t open[ICS_DEPTH], depth = 0;
    for (size_t i = first; i < v->n; i++) {
        const struct line *l = &v->lines[i];
        if (lines_is(l, "BEGIN")) {
            if (depth == ICS_DEPTH)
                return wrong(fault, l, "components in components, deeper than any calendar has");
            open[depth++] = i;
        } else if (lines_is(l, "END")) {
            if (!same_name(v->lines[open[depth - 1]].value, l->value))
                return wrong(fault, l, "an END of something that was not begun");
            if (!--depth) {
                *last = i;
                return true;
            }
        }
    }
    return wrong(fault, &v->lines[v->n - 1], "no END:VCALENDAR: the file was cut off");
}

static bool check_calendar(const struct lines *v, struct ics_span *cal, struct lines_fault *fault)
{
    size_t i = 0;
    while (i < v->n && lines_is_blank(&v->lines[i]))
        i++;
    if (i == v->n || !lines_is_mark(&v->lines[i], "BEGIN", "VCALENDAR"))
        return wrong(fault, &v->lines[i < v->n ? i : 0], "no BEGIN:VCALENDAR");
    cal->from = i;
    if (!check_nesting(v, i, &cal->to, fault))
        return false;
    for (i = cal->to + 1; i < v->n; i++)
        if (lines_is_mark(&v->lines[i], "BEGIN", "VCALENDAR"))
            return wrong(fault, &v->lines[i], "a second calendar in one file");
        else if (!lines_is_blank(&v->lines[i]))
            return wrong(fault, &v->lines[i], "something behind END:VCALENDAR");
    return true;
}

/* A stray CR is a space wherever it is written again. */
static bool same_uid(struct wess_slice a, struct wess_slice b)
{
    const char *p = a.data, *q = b.data;
    bool same = a.len == b.len;
    for (size_t i = 0; same && i < a.len; i++)
        same = (p[i] == '\r' ? ' ' : p[i]) == (q[i] == '\r' ? ' ' : q[i]);
    return same;
}

/* One item: the component without RECURRENCE-ID, or the only one. */
static bool check_items(const struct lines *v, struct ics_span cal, const char *name,
                        struct ics_span *main, struct lines_fault *fault)
{
    struct ics_span at = {0, 0}, first = {0, 0};
    size_t n = 0;
    *main = first;
    while (ics_next(v, cal, name, &at)) {
        size_t original = ics_find(v, at, "RECURRENCE-ID", 0);
        if (!n++)
            first = at;
        if (!same_uid(ics_value(v, first, "UID"), ics_value(v, at, "UID")))
            return wrong(fault, &v->lines[at.from], "a second UID in one file");
        if (original == LINES_NONE && main->to)
            return wrong(fault, &v->lines[at.from], "a second item in one file");
        if (original == LINES_NONE)
            *main = at;
        else if (lines_param(&v->lines[original], "RANGE").data)
            return wrong(fault, &v->lines[original],
                         "a change of all later occurrences (RANGE), which is not understood");
    }
    if (n == 1)
        *main = first;
    if (n && !main->to)
        return wrong(fault, &v->lines[first.from], "changed occurrences without their series");
    return true;
}

/* What an event cannot be without. */
static bool check_start(struct ics *ics, struct lines_fault *fault)
{
    struct ics_moment m;
    size_t at = ics_find(ics->v, ics->main, "DTSTART", 0);
    if (at == LINES_NONE)
        return wrong(fault, &ics->v->lines[ics->main.from], "an event without DTSTART");
    if (!ics_moment(ics, &ics->v->lines[at], ics->v->lines[at].value, &m))
        return wrong(fault, &ics->v->lines[at],
                     "no time that is understood, or a zone that is neither known nor defined");
    return true;
}

/* Without its rule a series would be one event, or one task, everywhere else. */
static bool check_rule(struct ics *ics, struct lines_fault *fault)
{
    size_t at = ics_find(ics->v, ics->main, "RRULE", 0);
    if (at == LINES_NONE || ics_is_alone(ics))
        return true;
    size_t other = ics_find(ics->v, ics->main, "RRULE", at + 1);
    if (other == LINES_NONE)
        other = ics_find(ics->v, ics->main, "EXRULE", 0);
    if (other != LINES_NONE)
        return wrong(fault, &ics->v->lines[other], "a series by more than one rule");
    return ics_knows_rule(ics, at) ||
           wrong(fault, &ics->v->lines[at], "a rule of a series that is not understood");
}

/* What is not understood of a changed occurrence cannot be told from its series. */
static bool check_changed(struct ics *ics, struct lines_fault *fault)
{
    static const char *const names[] = {"RECURRENCE-ID", "DTSTART"};
    struct ics_span at = {0, 0};
    struct ics_moment m;
    while (ics_next_changed(ics, &at))
        for (size_t i = 0; i < 2; i++)
            if (!ics_moment_of(ics, at, names[i], &m))
                return wrong(fault, &ics->v->lines[at.from],
                             "a changed occurrence without a time that is understood");
    return true;
}

/* Finding lines by name is for those of the item. */
static void set_aside(struct lines *v, struct ics_span main)
{
    for (size_t i = 0; i < v->n; i++)
        v->lines[i].aside = true;
    for (size_t i = main.from + 1; i < main.to; i++) {
        if (lines_is(&v->lines[i], "BEGIN"))
            i = end_of(v, i);
        else
            v->lines[i].aside = false;
    }
    v->end = ics_place(v, main);
    v->item = main.from;
}

static bool read_file(struct lines *v, const char *bytes, size_t len, const char *name,
                      struct lines_fault *fault)
{
    struct ics ics = {.v = v, .home = "Etc/UTC"};
    if (!lines_read(v, bytes, len, fault) || !check_calendar(v, &ics.cal, fault) ||
        !check_items(v, ics.cal, name, &ics.main, fault))
        return false;
    /* A calendar may hold both, each in files of their own: it is nothing of this collection. */
    v->version = ics.main.to != 0;
    if (!v->version)
        return true;
    set_aside(v, ics.main);
    if (!strcmp(name, "VEVENT") && !(check_start(&ics, fault) && check_changed(&ics, fault)))
        return false;
    return check_rule(&ics, fault);
}

/* What ics_read() found, found again. */
void ics_open(struct ics *ics, const struct lines *v, const char *home)
{
    *ics = (struct ics){.v = (struct lines *)(uintptr_t)v, .home = home ? home : "Etc/UTC"};
    while (lines_is_blank(&v->lines[ics->cal.from]))
        ics->cal.from++;
    ics->cal.to = end_of(v, ics->cal.from);
    ics->main = (struct ics_span){v->item, end_of(v, v->item)};
}

bool ics_next_changed(const struct ics *ics, struct ics_span *at)
{
    const struct lines *v = ics->v;
    while (ics_next(v, ics->cal, NULL, at))
        if (at->from != ics->main.from &&
            same_name(v->lines[at->from].value, v->lines[ics->main.from].value))
            return true;
    return false;
}

/* ---- the kinds
 * ------------------------------------------------------------------------------------------ */

static bool is_ours(const struct lines *v)
{
    return v->version != 0;
}

static const char *writable(const struct lines *v)
{
    (void)v;
    return NULL;
}

#define KIND(what, component)                                                                      \
    static bool read_##what(struct lines *v, const char *bytes, size_t len,                        \
                            struct lines_fault *fault)                                             \
    {                                                                                              \
        return read_file(v, bytes, len, component, fault);                                         \
    }                                                                                              \
    static enum wess_code item_##what(struct wess_call *call, const struct lines *v,               \
                                      const char *id, bool whole, struct wess_item *out)           \
    {                                                                                              \
        return ics_item(call, v, id, whole, &vdir_##what##s, &ics_##what##_table, out);            \
    }                                                                                              \
    static void blank_##what(struct wess_call *call, const struct wess_op *op, const char *uid,    \
                             struct lines_buf *out)                                                \
    {                                                                                              \
        ics_blank(call, op, component, uid, out);                                                  \
    }                                                                                              \
    static enum wess_code edit_##what(struct wess_call *call, struct lines *v,                     \
                                      const struct wess_op *op, struct wess_result *out)           \
    {                                                                                              \
        return ics_edit(call, v, op, &ics_##what##_table, out);                                    \
    }
KIND(event, "VEVENT")
KIND(task, "VTODO")

#define VTABLE(what)                                                                               \
    .suffix = ".ics", .format = "vdir, iCalendar 2.0", .read = read_##what, .is_ours = is_ours,    \
    .item = item_##what, .blank = blank_##what, .edit = edit_##what, .read_only = writable

const struct vdir_kind vdir_events = {
    .kind = "event",
    .collection = "calendar",
    .title = "Calendar",
    .schema = ics_event_schema,
    .n_schema = &ics_n_event_schema,
    VTABLE(event),
};
const struct vdir_kind vdir_tasks = {
    .kind = "task",
    .collection = "tasks",
    .title = "Tasks",
    .schema = ics_task_schema,
    .n_schema = &ics_n_task_schema,
    VTABLE(task),
};
