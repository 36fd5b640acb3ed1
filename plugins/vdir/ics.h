/* Calendar files (RFC 5545): one VEVENT or VTODO in each, its changed occurrences beside it. The
 * bytes are kept line by line (lines.h); libical is asked what a value means. */
#ifndef VDIR_ICS_H
#define VDIR_ICS_H

#include "edit.h"
#include "vdir.h"
#include "zone.h"

#define ICS_RULE_MAX 1024u /* bytes of a rule */
#define ICS_DEPTH 8u       /* of components in components */

struct ics_span { /* a component: its lines BEGIN and END; {0, 0}: none yet */
    size_t from, to;
};
struct ics { /* a file that ics_read_event() or ics_read_task() found sound */
    struct lines *v;
    const char *home; /* the zone of what floats and of the days of UTC */
    struct ics_span cal, main;
    char tzid[WESS_ZONE_SIZE], zone[WESS_ZONE_SIZE]; /* the last one asked for */
    bool asked, known;
};

/* ---- ics.c: components and their properties
 * ------------------------------------------------------------------------------------------ */

extern const struct vdir_kind vdir_events, vdir_tasks;
void ics_open(struct ics *, const struct lines *, const char *home);
/* The next child behind `at`; name NULL: any. Those that were added are not seen. */
bool ics_next(const struct lines *, struct ics_span parent, const char *name, struct ics_span *at);
/* The next changed occurrence. */
bool ics_next_changed(const struct ics *, struct ics_span *at);
/* The property of the component itself, from line `from` on (0: its first); LINES_NONE: none. */
size_t ics_find(const struct lines *, struct ics_span, const char *name, size_t from);
/* The line before which a new property of that component goes: alarms stand behind properties. */
size_t ics_place(const struct lines *, struct ics_span);
/* As ics_find(), among the lines that were added too. */
size_t ics_find_now(const struct lines *, struct ics_span, const char *name);
struct wess_slice ics_value(const struct lines *, struct ics_span, const char *name);
bool ics_says(struct wess_slice, const char *word); /* whatever its capitals */

/* ---- ics_time.c: times, days, zones
 * ------------------------------------------------------------------------------------------ */

struct ics_moment {
    bool is_date;
    char local[WESS_LOCAL_SIZE]; /* "2026-11-23T09:00:00", or its first ten letters */
    char zone[WESS_ZONE_SIZE];   /* IANA; "": floating */
};
/* false: not understood. The value may be one of a list. */
bool ics_moment(struct ics *, const struct line *, struct wess_slice value, struct ics_moment *);
bool ics_moment_of(struct ics *, struct ics_span, const char *name, struct ics_moment *);
bool ics_moment_of_field(const struct wess_field *, struct ics_moment *);
int64_t ics_instant(const struct ics *, const struct ics_moment *); /* 0: none */
/* The same instant by the clocks of another zone; days and what floats stay as they are. */
void ics_in_zone(const struct ics *, const char *zone, struct ics_moment *);
bool ics_same_moment(const struct ics_moment *, const struct ics_moment *);
void ics_add_seconds(struct ics_moment *, int64_t seconds); /* by the clock on the wall */
/* Seconds from one to the other, by the clock on the wall. */
int64_t ics_seconds(const struct ics_moment *from, const struct ics_moment *to);
/* "-PT15M"; false: none. Days are 24 hours. */
bool ics_duration(struct wess_slice, int64_t *seconds);
bool ics_put_field(struct wess_call *, const struct ics_moment *, bool timeless,
                   struct wess_field *out); /* timeless: it recurs. false: the arena is spent */
void ics_put_value(struct lines_buf *, const struct ics_moment *); /* "20261123T090000Z" */
/* ";TZID=Europe/Berlin:", ";VALUE=DATE:" or ":"; its definition is added where there is none. */
void ics_put_zone(struct ics *, struct lines_buf *, const struct ics_moment *);
/* ics_zone.c: a VTIMEZONE of the rules that hold from two years before `from` (ms) on. false: no
 * such zone, or out of memory. */
bool ics_define_zone(const char *zone, int64_t from, struct lines_buf *);

/* ---- ics_param.c: parameters
 * ------------------------------------------------------------------------------------------ */

/* Without quotes and the escapes of RFC 6868, in the arena; no data: it is not there. */
struct wess_slice ics_param(struct wess_call *, const struct line *, const char *name, bool *spent);
/* Name and parameters of a line without those named; NULL ends the list. */
void ics_put_head(struct lines_buf *, const struct line *, const char *const *without);
void ics_put_param(struct lines_buf *, const char *name, struct wess_slice value);

/* ---- ics_item.c, ics_people.c, ics_series.c: a file as an item
 * ------------------------------------------------------------------------------------------ */

struct ics_reading {
    struct wess_call *call;
    const struct wess_host *host;
    struct ics ics;
    struct wess_vec fields;
    bool whole, spent;
};
struct wess_field *ics_push(struct ics_reading *, const char *name, uint32_t type);
void ics_push_text(struct ics_reading *, const char *name, struct wess_slice);
bool ics_recurs(const struct ics *);
bool ics_is_alone(const struct ics *);
/* A text property of a component, in the arena. false: it is not understood. */
bool ics_text(struct wess_call *, const struct lines *, size_t line, struct wess_slice *,
              bool *spent);

struct ics_edit {
    struct edit e;
    struct ics ics;
    struct wess_records had; /* overrides, before anything is written */
};
struct ics_field {
    const char *name, *property;
    int64_t most; /* of a number */
    void (*read)(struct ics_reading *, const struct ics_field *);
    /* Told only of what is to be something else than it says now, or may be. */
    void (*write)(struct ics_edit *, const struct ics_field *, const struct wess_field *);
    bool is_key; /* read for the facts too */
};
struct ics_table {
    const struct ics_field *of;
    size_t n;
};
extern const struct ics_table ics_event_table, ics_task_table;
extern const struct wess_field_schema ics_event_schema[], ics_task_schema[];
extern const size_t ics_n_event_schema, ics_n_task_schema;
extern const struct wess_field_schema ics_attach_schema; /* of both, where the setting says so */

#define ICS_READ(what) void ics_read_##what(struct ics_reading *, const struct ics_field *)
#define ICS_WRITE(what)                                                                            \
    void ics_write_##what(struct ics_edit *, const struct ics_field *, const struct wess_field *)
ICS_READ(text);
ICS_READ(word);
ICS_READ(number);
ICS_READ(shown); /* show-as, and the states that RFC 5545 has no word for */
ICS_READ(time);
ICS_READ(day);
ICS_READ(rule);
ICS_READ(minutes); /* the reminder of an event */
ICS_READ(alarm);   /* of a task */
ICS_READ(attendees);
ICS_READ(organizer);
ICS_READ(overrides);
ICS_READ(attach);
ICS_READ(rdate);
ICS_WRITE(text);
ICS_WRITE(word);
ICS_WRITE(number);
ICS_WRITE(shown);
ICS_WRITE(time);
ICS_WRITE(day);
ICS_WRITE(rule);
ICS_WRITE(minutes);
ICS_WRITE(alarm);
ICS_WRITE(attendees);
ICS_WRITE(organizer);
ICS_WRITE(gone); /* deleted occurrences */
ICS_WRITE(attach);
ICS_WRITE(overrides); /* changed ones */
ICS_WRITE(rdate);
ICS_WRITE(uid);

enum wess_code ics_item(struct wess_call *, const struct lines *, const char *id, bool whole,
                        const struct vdir_kind *, const struct ics_table *, struct wess_item *);
struct ics_word { /* a word of ours: a property of the standard, and one of its own where that lacks
                     it */
    const char *property, *own, *word, *said;
    bool needs_own;
};
extern const struct ics_word ics_words[]; /* no word ends them */
bool ics_number(const struct ics *, const struct ics_field *, int64_t *);
/* What a component says of show-as or status; "": nothing. */
const char *ics_shown(const struct lines *, struct ics_span, const char *property);
bool ics_knows_rule(struct ics *, size_t line); /* an RRULE that can be told; or out of memory */
/* The rule as it is shown: UNTIL is the last local date. false: none, or not understood. */
bool ics_rule(struct wess_call *, struct ics *, struct wess_slice *out, bool *spent);
bool ics_day_of(struct ics *, const char *property, struct ics_moment *); /* DUE: DURATION too */
/* The next alarm that is a reminder: minutes before the start of an event; of a task, when. */
bool ics_next_minutes(const struct ics *, struct ics_span *, int64_t *minutes);
bool ics_next_alarm(struct ics *, struct ics_span *, struct ics_moment *);
/* In the arena; empty: there are none. */
bool ics_overrides(struct wess_call *, struct ics *, struct wess_records *out);
const struct wess_field *ics_part(const struct wess_record *, const char *name);

/* ---- ics_edit.c: an op as changes of lines
 * ------------------------------------------------------------------------------------------ */

void ics_blank(struct wess_call *, const struct wess_op *, const char *name, const char *uid,
               struct lines_buf *);
enum wess_code ics_edit(struct wess_call *, struct lines *, const struct wess_op *,
                        const struct ics_table *, struct wess_result *);
void ics_refuse(struct ics_edit *, const char *field, const char *text);
/* e.text becomes a line of that component: in the place of `line`, or a new one. */
void ics_put(struct ics_edit *, struct ics_span, size_t line);
void ics_drop(struct ics_edit *, struct ics_span);
const struct wess_field *ics_field_of(const struct edit *, const char *name); /* of the op */
/* As the op was computed from: the file as it is now, in the core's spelling. */
const struct wess_field *ics_before(const struct ics_edit *, const char *name);
/* Start and end as they are to be; false: none. */
/* The start was another one: deleted and changed occurrences are named by it. */
void ics_move_overrides(struct ics_edit *, const struct ics_moment *was);
bool ics_will_start(struct ics_edit *, struct ics_moment *);
bool ics_will_end(struct ics_edit *, struct ics_moment *);
bool ics_end_of(struct ics *, struct ics_span, struct ics_moment *);
void ics_set_moment(struct ics_edit *, struct ics_span, const char *name,
                    const struct ics_moment *);
/* With what other programs keep beside it and show in its stead. */
void ics_set_text(struct ics_edit *, struct ics_span, const char *name, struct wess_slice);
extern const char ics_place_on_map[]; /* a property that goes with LOCATION */
void ics_set_shown(struct ics_edit *, struct ics_span, const char *property, const char *word);

#endif
