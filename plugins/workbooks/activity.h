/* What tasks and meetings have in common. */
#ifndef WORKBOOKS_ACTIVITY_H
#define WORKBOOKS_ACTIVITY_H

#include "write.h"

#define WB_INSTANT_SIZE 32

void wb_read_day(struct wb_reading *, const struct wb_field *);    /* as a DATE */
void wb_read_moment(struct wb_reading *, const struct wb_field *); /* as a TIME, or a DATE */
/* The day so many days later, in the arena; NULL: budget spent, or it is none. */
char *wb_next_day(const struct wess_host *, struct wess_arena *, const char *date, int days);
/* "2026-12-01T09:00:00.000Z" in the arena; NULL: noted. */
const char *wb_instant(struct wb_table *, int64_t ms);
/* What a field will be once the operation is carried out; NULL: empty. */
const struct wess_field *wb_will_be(const struct wess_op *, const char *name);
/* A create needs a subject, and goes to the queue that the settings name. */
void wb_complete_activity(struct wb_table *, size_t op);
/* That queue, once. */
enum wess_code wb_prepare_queue(struct wb_table *);

#endif
