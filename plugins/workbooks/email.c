/* Emails: filed with their whole MIME text, never changed, and never sent. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "links.h"
#include "meta.h"

/* In the order of preference: what says that nothing is left to be done, and what waits for
 * somebody. A value that the database does not list is not written. */
static const char *const usual[] = {"SENT", "DRAFT"};

static bool is_in(const json_t *entries, const char *word)
{
    for (size_t i = 0; i < json_array_size(entries); i++)
        if (!strcmp(json_string_value(json_array_get(entries, i)), word))
            return true;
    return false;
}

static const char *status_by(const json_t *entries)
{
    for (size_t i = 0; entries && i < sizeof(usual) / sizeof(usual[0]); i++)
        if (is_in(entries, usual[i]))
            return usual[i];
    return entries ? NULL : "DRAFT";
}

/* What is filed once keeps its status: a failure of the moment is waited for, not guessed at. */
static enum wess_code ask_entries(struct wess_call *call, json_t **entries)
{
    struct wess_conn *c = call->conn;
    c->meta_read &= !c->meta_failed;
    enum wess_code rc = wb_meta(call, NULL);
    if (rc == WESS_OK && c->meta_failed)
        rc = wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_COLLECTION, NULL,
                       "the database does not say now which statuses emails have");
    if (rc == WESS_OK)
        rc = wb_meta_entries(call, &wb_email_kind, "status", entries);
    return rc == WESS_TRANSIENT && c->mail_status ? WESS_OK : rc;
}

/* Once per connection. */
static enum wess_code choose_status(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    json_t *entries = NULL;
    if (c->email_status)
        return WESS_OK;
    enum wess_code rc = ask_entries(call, &entries);
    const char *word = c->mail_status ? c->mail_status : status_by(entries);
    if (rc == WESS_OK &&
        (!word || (entries && !is_in(entries, word)) || !strcasecmp(word, WB_SENDS)))
        rc = wess_fail(&call->error, WESS_BROKEN, WESS_OF_COLLECTION, NULL,
                       "the setting mail_status must be a status of emails in this database that "
                       "sends nothing");
    if (rc == WESS_OK)
        c->email_status = word;
    json_decref(entries);
    return rc;
}

static enum wess_code prepare(struct wb_table *t)
{
    return choose_status(t->call);
}

static void put_mime(struct wb_table *t, size_t op, const struct wb_field *w,
                     const struct wess_field *f)
{
    if (f->type != WESS_BLOB)
        return;
    *wb_cell(t, op, w->column) = wb_from_spool;
    t->blobs[op] = &f->blob;
}

static void complete(struct wb_table *t, size_t op)
{
    if (t->ops[op].what != WESS_CREATE)
        wb_reject(t, op, "an email that is filed is not changed");
    else if (!t->blobs[op])
        wb_reject(t, op, "an email without its text is not filed");
    *wb_cell(t, op, "status") = t->call->conn->email_status;
}

static enum wess_code finish(struct wb_table *t)
{
    static const char *const who[] = {"from", "to", "cc", NULL};
    return t->call->conn->link_people ? wb_link_people(t, who) : WESS_OK;
}

/* Only of what is written: a list with the texts would be of any size. */
static const struct wb_field fields[] = {
    {.name = "mime", .column = "rfc822", .type = WESS_BLOB, .put = put_mime, .unread = true},
    {.name = "from",
     .column = "from_address",
     .type = WESS_RECORDS,
     .put = wb_put_nothing,
     .unread = true},
    {.name = "to",
     .column = "to_addresses",
     .type = WESS_RECORDS,
     .put = wb_put_nothing,
     .unread = true},
    {.name = "cc",
     .column = "cc_addresses",
     .type = WESS_RECORDS,
     .put = wb_put_nothing,
     .unread = true},
};
static const struct wess_field_schema schema[] = {
    {.name = "mime", .type = WESS_BLOB, .flags = WESS_FIELD_ON_CREATE},
    {.name = "from", .type = WESS_RECORDS, .flags = WESS_FIELD_ON_CREATE},
    {.name = "to", .type = WESS_RECORDS, .flags = WESS_FIELD_ON_CREATE},
    {.name = "cc", .type = WESS_RECORDS, .flags = WESS_FIELD_ON_CREATE},
};
static const char *const keys[] = {NULL};
static const char *const no_records[] = {NULL};
static const struct wb_look look_in[] = {{"wess", "created_through_reference"}};

const struct wb_kind wb_email_kind = {
    .kind = "message",
    .collection = "emails",
    .title = "Emails",
    .one = "mail",
    .path = "email/emails.api",
    .family = WB_NO_FAMILY,
    .ours_only = true,
    .fields = fields,
    .n_fields = sizeof(fields) / sizeof(fields[0]),
    .schema = schema,
    .n_schema = sizeof(schema) / sizeof(schema[0]),
    .records = no_records,
    .keys = keys,
    .look = look_in,
    .n_look = sizeof(look_in) / sizeof(look_in[0]),
    .complete = complete,
    .prepare = prepare,
    .finish = finish,
};
