/* Messages: the names of RFC 5322 and Exchange's properties, in the order of the schema. They are
 * read alone: nothing of ours sends a mail, marks one as read, or changes one. */
#include <string.h>
#include <strings.h>

#include "ews.h"
#include "zone.h"

#define TEXT_MAX 255u

static const struct ews_word importances[] = {
    {"NORMAL", "Normal"}, {"HIGH", "High"}, {"LOW", "Low"}, {NULL, NULL}};

static void read_sent(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    int64_t ms = ews_time_ms(xml_text(xml_child(item, e->element)));
    char local[WESS_LOCAL_SIZE];
    if (!ms || !wess_zone_local(ms, "Etc/UTC", local))
        return;
    struct wess_field *f = ews_push(r, e->name, WESS_TIME);
    if (f)
        f->time = (struct wess_time){wess_arena_text(r->host, r->a, local), "Etc/UTC", ms};
    r->spent |= f && !f->time.local;
}

/* Unread is no value: it is what nobody said. */
static void read_is_read(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    const char *text = xml_text(xml_child(item, e->element));
    struct wess_field *f = NULL;
    if (text && (!strcmp(text, "true") || !strcmp(text, "1")))
        f = ews_push(r, e->name, WESS_INT);
    if (f)
        f->num = 1;
}

/* One Mailbox in From, several in the others. */
static void read_mailboxes(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    struct wess_vec v = {.size = sizeof(struct wess_record)};
    for (const xmlNode *n = xml_first(xml_child(item, e->element)); n; n = xml_next(n))
        ews_read_mailbox(r, n, &v);
    struct wess_field *f = v.n ? ews_push(r, e->name, WESS_RECORDS) : NULL;
    if (f)
        f->records = (struct wess_records){v.of, v.n};
}

#define ITEM(field, of, kind, how)                                                                 \
    .name = field, .uri = "item:" of, .element = of, .type = kind, .form = how, .read_only = true
#define MESSAGE(field, of, kind, how)                                                              \
    .name = field, .uri = "message:" of, .element = of, .type = kind, .form = how, .read_only = true

static const struct ews_field fields[] = {
    {ITEM("subject", "Subject", WESS_TEXT, EWS_LINE)},
    {ITEM("body", "Body", WESS_TEXT, EWS_BODY)},
    {ITEM("categories", "Categories", WESS_SET, EWS_SET)},
    {ITEM("importance", "Importance", WESS_TEXT, EWS_WORD), .words = importances},
    {ITEM("date", "DateTimeSent", WESS_TIME, EWS_MADE), .read = read_sent},
    {MESSAGE("to", "ToRecipients", WESS_RECORDS, EWS_MADE), .read = read_mailboxes},
    {MESSAGE("cc", "CcRecipients", WESS_RECORDS, EWS_MADE), .read = read_mailboxes},
    {MESSAGE("from", "From", WESS_RECORDS, EWS_MADE), .read = read_mailboxes},
    {MESSAGE("message-id", "InternetMessageId", WESS_TEXT, EWS_LINE)},
    {MESSAGE("read", "IsRead", WESS_INT, EWS_MADE), .read = read_is_read},
};

#define SHOWN(field, kind, most)                                                                   \
    {                                                                                              \
        .name = field, .type = kind, .flags = WESS_FIELD_READ_ONLY, .max_len = most                \
    }
static const char *const words[] = {"HIGH", "LOW", "NORMAL"};
static const struct wess_field_schema schema[] = {
    SHOWN("subject", WESS_TEXT, TEXT_MAX),
    SHOWN("body", WESS_TEXT, 0),
    SHOWN("categories", WESS_SET, TEXT_MAX),
    {.name = "importance", .type = WESS_TEXT, .flags = WESS_FIELD_READ_ONLY, .allowed = {words, 3}},
    SHOWN("date", WESS_TIME, 0),
    SHOWN("to", WESS_RECORDS, 0),
    SHOWN("cc", WESS_RECORDS, 0),
    SHOWN("from", WESS_RECORDS, 0),
    SHOWN("message-id", WESS_TEXT, TEXT_MAX),
    SHOWN("read", WESS_INT, 0),
    SHOWN("mime", WESS_BLOB, 0),
};

static const char *const facts[] = {"item:Sensitivity",
                                    "item:Categories",
                                    "item:LastModifiedTime",
                                    "item:DateTimeSent",
                                    "item:Subject",
                                    "message:InternetMessageId",
                                    NULL};

static void search(struct ews_sieve *s, const char *space, const char *value)
{
    (void)space;
    ews_sieve_text(s, "message:InternetMessageId", NULL, value);
}

const struct ews_kind ews_message_kind = {
    .name = "message",
    .collection = "messages",
    .title = "Messages",
    .element = "Message",
    .distinguished = "msgfolderroot",
    .class = "IPF.Note",
    .folder = "MailFolder", /* no such element: they are told by their class */
    .setting = "mail_folders",
    .fields = fields,
    .n_fields = sizeof(fields) / sizeof(fields[0]),
    .schema = schema,
    .n_schema = sizeof(schema) / sizeof(schema[0]),
    .facts = facts,
    .search = search,
    .due = "date",
    .read_only = true,
    .by_place = true,
    .tells = true,
};
