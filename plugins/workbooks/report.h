/* Saved reports, which say which records are chosen. */
#ifndef WORKBOOKS_REPORT_H
#define WORKBOOKS_REPORT_H

#include "wb.h"

/* "people.Exchange Sync" lines. false: out of memory, or one that is none (*bad). */
bool wb_reports_read(struct wess_conn *, const char *lines, const char **bad);
void wb_reports_free(struct wess_conn *);
/* That each is there and has the column of record numbers. */
enum wess_code wb_reports_check(struct wess_call *);
/* changes() of an endpoint that has reports. */
enum wess_code wb_report_changes(struct wess_call *, struct wess_slice, uint32_t,
                                 struct wess_page *);

#endif
