/* The operations of the Exchange side, and what they share. */
#ifndef SANDBOX_EXCHANGE_OPS_H
#define SANDBOX_EXCHANGE_OPS_H

#include "exchange.h"

struct ex_call {
    const struct sb_request *request;
    struct ex_mailbox *mailbox;
    const xmlNode *op;
    struct sb_buf *out;
    bool old_words; /* asked for in those of 2010 or before: it is less forgiving */
    enum sb_fault fault;
    int64_t fault_arg;
};
/* One response message: begin(NULL) is success; otherwise the error, and the message is closed. */
void ex_begin(struct ex_call *, const char *message, const char *error);
void ex_end(struct ex_call *, const char *message);
/* A batch that is given up at its at-th item: the code for it, or NULL while it goes on. */
const char *ex_stops(const struct ex_call *, int64_t at);
/* A folder id within the call's mailbox, or another that is named; -1: none. */
int ex_folder_at(struct ex_call *, const xmlNode *id, struct ex_mailbox **owner);

void ex_get_folder(struct ex_call *);
void ex_get_configuration(struct ex_call *);
void ex_create_configuration(struct ex_call *);
void ex_update_configuration(struct ex_call *);
void ex_find_folder(struct ex_call *);
void ex_sync_hierarchy(struct ex_call *);
void ex_sync_items(struct ex_call *);
void ex_get_item(struct ex_call *);
void ex_create_item(struct ex_call *);
void ex_update_item(struct ex_call *);
void ex_delete_item(struct ex_call *);
void ex_move_item(struct ex_call *);
void ex_copy_item(struct ex_call *);
void ex_find_item(struct ex_call *);
void ex_create_attachment(struct ex_call *);
void ex_get_attachment(struct ex_call *);
void ex_delete_attachment(struct ex_call *);
/* exchange_series.c: FindItem with a CalendarView; the error, which is not yet in the answer. */
const char *ex_calendar_view(struct ex_call *, struct ex_mailbox *, int folder);
void ex_convert_id(struct ex_call *);
void ex_resolve_names(struct ex_call *);

/* exchange_attach.c */
void ex_create_attachment(struct ex_call *);
void ex_get_attachment(struct ex_call *);
void ex_delete_attachment(struct ex_call *);

/* exchange_watch.c */
void ex_subscribe(struct ex_call *);
/* The answer that does not end; or the code of a fault. */
const char *ex_stream(const struct sb_request *, struct sb_response *, const xmlNode *op);
void ex_affinity(const struct sb_request *, struct sb_response *); /* the cookie, if it is wanted */
bool ex_watch_control(const char *action);
void ex_envelope(struct sb_buf *); /* its beginning */

#endif
