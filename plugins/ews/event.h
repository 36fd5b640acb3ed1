/* The parts of an event's table: event.c has the table and what cannot be written, event_time.c
 * when it is, event_people.c who is asked, event_series.c how it recurs. Private to these. */
#ifndef EWS_EVENT_H
#define EWS_EVENT_H

#include "ews.h"
#include "zone.h"

bool ews_is_true(const xmlNode *);

/* event_time.c */
void ews_read_time(struct ews_reading *, const xmlNode *item, const struct ews_field *);
void ews_read_occurrence(struct ews_reading *, const xmlNode *item, const struct ews_field *);
void ews_read_alarm(struct ews_reading *, const xmlNode *item, const struct ews_field *);
bool ews_put_time(struct ews_put *, const struct ews_field *);
bool ews_put_all_day(struct ews_put *, const struct ews_field *);
bool ews_put_zone(struct ews_put *, const struct ews_field *);
bool ews_put_alarm_is_set(struct ews_put *, const struct ews_field *);
bool ews_put_alarm_minutes(struct ews_put *, const struct ews_field *);
/* The zone in which an instant of the event is told. */
void ews_event_zone(const struct ews_reading *, const xmlNode *item, const char *name, int64_t ms,
                    char out[WESS_ZONE_SIZE]);
/* NULL: nothing; else what is wrong with the times, of *field. */
const char *ews_bad_span(const struct wess_call *, const struct wess_op *, const char **field);

/* event_people.c */
void ews_read_attendees(struct ews_reading *, const xmlNode *item, const struct ews_field *);
void ews_read_organizer(struct ews_reading *, const xmlNode *item, const struct ews_field *);
bool ews_put_attendees(struct ews_put *, const struct ews_field *);
/* A text of a record, nothing where it is empty. */
void ews_add_part(struct ews_reading *, struct wess_record *, const char *name, const char *text);
bool ews_has_record(const struct wess_vec *, const char *key);

/* event_series.c */
void ews_read_rule(struct ews_reading *, const xmlNode *item, const struct ews_field *);
void ews_read_overrides(struct ews_reading *, const xmlNode *item, const struct ews_field *);
bool ews_put_event_rule(struct ews_put *, const struct ews_field *);

#endif
