/* The field tables: one row a field, named by the standard that defines it; sorted by name. */
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

#define LINE_MAX_LEN 1024u
#define WORD_MAX_LEN 64u
#define TEXT_MAX_LEN 0u /* bound by the spool only */

#define LINE(name, label, source)                                                                  \
    {                                                                                              \
        name, WESS_TEXT, MERGE_SCALAR, FORM_LINE, LINE_MAX_LEN, true, label, source, NULL          \
    }
#define WORD(name, preset, label, source)                                                          \
    {                                                                                              \
        name, WESS_TEXT, MERGE_SCALAR, FORM_WORD, WORD_MAX_LEN, false, label, source, preset       \
    }
#define FIELD(name, type, merge, form, max, label, source)                                         \
    {                                                                                              \
        name, type, merge, form, max, true, label, source, NULL                                    \
    }
#define DATE(name, label, source) FIELD(name, WESS_DATE, MERGE_SCALAR, FORM_DATE, 0, label, source)
#define NOTE(name, label, source)                                                                  \
    FIELD(name, WESS_TEXT, MERGE_SCALAR, FORM_TEXT, TEXT_MAX_LEN, label, source)
#define CATEGORIES(source)                                                                         \
    {                                                                                              \
        "categories", WESS_SET, MERGE_SET, FORM_SET, 255, false, "categories", source, NULL        \
    }

static const struct field_def contact_fields[] = {
    FIELD("address", WESS_RECORDS, MERGE_RECORDS, FORM_POSTAL, LINE_MAX_LEN, "postal address",
          "RFC 6350 6.3.1"),
    DATE("anniversary", "anniversary", "RFC 6350 6.2.6"),
    LINE("assistant", "assistant", "MS-OXOCNTC 2.2.1.10.7"),
    FIELD("attach", WESS_RECORDS, MERGE_RECORDS, FORM_LINE, LINE_MAX_LEN, "files",
          "MS-OXWSATT 2.2.4.5"),
    DATE("bday", "birthday", "RFC 6350 6.2.5"),
    CATEGORIES("RFC 6350 6.7.1"),
    WORD("class", "PUBLIC", "privacy", "RFC 2426 3.7.1"),
    FIELD("email", WESS_RECORDS, MERGE_RECORDS, FORM_MAIL, LINE_MAX_LEN, "mail address",
          "RFC 6350 6.4.2"),
    LINE("fn", "full name", "RFC 6350 6.2.1"),
    FIELD("impp", WESS_RECORDS, MERGE_RECORDS, FORM_LINE, LINE_MAX_LEN, "chat address",
          "RFC 6350 6.4.3"),
    LINE("manager", "manager", "MS-OXOCNTC 2.2.1.10.8"),
    LINE("name.additional", "middle name", "RFC 6350 6.2.2"),
    LINE("name.family", "family name", "RFC 6350 6.2.2"),
    LINE("name.given", "given name", "RFC 6350 6.2.2"),
    LINE("name.prefix", "form of address", "RFC 6350 6.2.2"),
    LINE("name.suffix", "name suffix", "RFC 6350 6.2.2"),
    LINE("nickname", "nickname", "RFC 6350 6.2.3"),
    NOTE("note", "note", "RFC 6350 6.7.2"),
    LINE("org", "company", "RFC 6350 6.6.4"),
    LINE("org.unit", "department", "RFC 6350 6.6.4"),
    FIELD("phone", WESS_RECORDS, MERGE_RECORDS, FORM_PHONE, 255, "phone", "RFC 6350 6.4.1"),
    FIELD("photo", WESS_BLOB, MERGE_SCALAR, FORM_LINE, 0, "picture", "RFC 6350 6.2.4"),
    LINE("role", "role", "RFC 6350 6.6.2"),
    LINE("spouse", "spouse", "RFC 6350 6.6.6"),
    LINE("title", "job title", "RFC 6350 6.6.1"),
    FIELD("url", WESS_TEXT, MERGE_SCALAR, FORM_URL, 2048, "web page", "RFC 6350 6.7.8"),
};
static const char *const contact_keys[] = {"email+name.family", "email", "fn+phone", "fn"};

static const struct field_def task_fields[] = {
    FIELD("alarm", WESS_TIME, MERGE_SCALAR, FORM_DATE, 0, "reminder", "RFC 5545 3.8.6.3"),
    FIELD("attach", WESS_RECORDS, MERGE_RECORDS, FORM_LINE, LINE_MAX_LEN, "files",
          "RFC 5545 3.8.1.1"),
    CATEGORIES("RFC 5545 3.8.1.2"),
    WORD("class", "PUBLIC", "privacy", "RFC 5545 3.8.1.3"),
    DATE("completed", "completed on", "RFC 5545 3.8.2.1"),
    NOTE("description", "description", "RFC 5545 3.8.1.5"),
    DATE("due", "due on", "RFC 5545 3.8.2.3"),
    LINE("owner", "owner", "MS-OXOTASK 2.2.2.2.8"),
    {"percent-complete", WESS_INT, MERGE_SCALAR, FORM_LINE, 0, true, "percent complete",
     "RFC 5545 3.8.1.8", "0"},
    {"priority", WESS_INT, MERGE_SCALAR, FORM_LINE, 0, true, "priority", "RFC 5545 3.8.1.9", "0"},
    FIELD("rrule", WESS_TEXT, MERGE_SCALAR, FORM_RULE, LINE_MAX_LEN, "recurrence",
          "RFC 5545 3.8.5.3"),
    DATE("start", "starts on", "RFC 5545 3.8.2.4"),
    WORD("status", "NEEDS-ACTION", "status", "RFC 5545 3.8.1.11"),
    LINE("summary", "summary", "RFC 5545 3.8.1.12"),
};
static const struct field_def event_fields[] = {
    FIELD("alarm", WESS_INT, MERGE_SCALAR, FORM_LINE, 0, "reminder, minutes before",
          "RFC 5545 3.8.6.3"),
    FIELD("attach", WESS_RECORDS, MERGE_RECORDS, FORM_LINE, LINE_MAX_LEN, "files",
          "RFC 5545 3.8.1.1"),
    FIELD("attendees", WESS_RECORDS, MERGE_RECORDS, FORM_MAIL, LINE_MAX_LEN, "attendees",
          "RFC 5545 3.8.4.1"),
    WORD("busystatus", "BUSY", "show as", "MS-OXCICAL 2.1.3.1.1.20.31"),
    CATEGORIES("RFC 5545 3.8.1.2"),
    WORD("class", "PUBLIC", "privacy", "RFC 5545 3.8.1.3"),
    NOTE("description", "description", "RFC 5545 3.8.1.5"),
    FIELD("end", WESS_TIME, MERGE_SCALAR, FORM_DATE, 0, "ends", "RFC 5545 3.8.2.2"),
    LINE("location", "location", "RFC 5545 3.8.1.7"),
    LINE("organizer", "organizer", "RFC 5545 3.8.4.3"),
    LINE("organizer.cn", "name of the organizer", "RFC 5545 3.2.2"),
    FIELD("overrides", WESS_RECORDS, MERGE_RECORDS, FORM_LINE, LINE_MAX_LEN, "changed occurrences",
          "RFC 5545 3.8.4.4"),
    {"priority", WESS_INT, MERGE_SCALAR, FORM_LINE, 0, true, "priority", "RFC 5545 3.8.1.9", "0"},
    FIELD("rdate", WESS_SET, MERGE_SET, FORM_SET, 32, "added occurrences", "RFC 5545 3.8.5.2"),
    FIELD("recurrence-id", WESS_TIME, MERGE_SCALAR, FORM_DATE, 0, "occurrence of",
          "RFC 5545 3.8.4.4"),
    FIELD("rrule", WESS_TEXT, MERGE_SCALAR, FORM_RULE, LINE_MAX_LEN, "recurrence",
          "RFC 5545 3.8.5.3"),
    FIELD("start", WESS_TIME, MERGE_SCALAR, FORM_DATE, 0, "starts", "RFC 5545 3.8.2.4"),
    WORD("status", "CONFIRMED", "status", "RFC 5545 3.8.1.11"),
    LINE("summary", "summary", "RFC 5545 3.8.1.12"),
    LINE("uid", "identifier", "RFC 5545 3.8.4.7"),
};
static const char *const event_keys[] = {"uid", "summary+start", "summary"};

static const char *const task_keys[] = {"summary+due", "summary"};

static const struct field_def message_fields[] = {
    NOTE("body", "text", "RFC 5322 2.3"),
    CATEGORIES("RFC 5322 3.6.5"),
    FIELD("cc", WESS_RECORDS, MERGE_RECORDS, FORM_MAIL, LINE_MAX_LEN, "copies to",
          "RFC 5322 3.6.3"),
    FIELD("date", WESS_TIME, MERGE_SCALAR, FORM_DATE, 0, "sent on", "RFC 5322 3.6.1"),
    FIELD("from", WESS_RECORDS, MERGE_RECORDS, FORM_MAIL, LINE_MAX_LEN, "author", "RFC 5322 3.6.2"),
    WORD("importance", "NORMAL", "importance", "RFC 2156 5.3.4"),
    LINE("message-id", "identifier", "RFC 5322 3.6.4"),
    FIELD("mime", WESS_BLOB, MERGE_SCALAR, FORM_LINE, 0, "message", "RFC 5322 2.1"),
    {"read", WESS_INT, MERGE_SCALAR, FORM_LINE, 0, false, "has been read", "RFC 9051 2.3.2", "0"},
    LINE("subject", "subject", "RFC 5322 3.6.5"),
    FIELD("to", WESS_RECORDS, MERGE_RECORDS, FORM_MAIL, LINE_MAX_LEN, "recipients",
          "RFC 5322 3.6.3"),
};
static const char *const message_keys[] = {"message-id"};

#define KIND(name, table, ...)                                                                     \
    {                                                                                              \
        name, table##_fields, sizeof(table##_fields) / sizeof(table##_fields[0]), table##_keys,    \
            sizeof(table##_keys) / sizeof(table##_keys[0]), __VA_ARGS__                            \
    }
static const struct kind_def kinds[] = {
    KIND("contact", contact, 4, "email+name.family", "email", true, NULL, false, NULL),
    KIND("event", event, 1, "uid", "summary+start", false, "uid", false, "attendees"),
    KIND("message", message, 1, "message-id", NULL, false, "message-id", true, NULL),
    KIND("task", task, 0, NULL, "summary+due", false, NULL, false, NULL),
};

const char *kind_names(size_t i)
{
    return i < sizeof(kinds) / sizeof(kinds[0]) ? kinds[i].name : NULL;
}

/* Fields of one connector only travel as plain lines. */
static const struct field_def foreign = LINE("x", "custom field", "x.CONNECTOR.NAME");

const struct kind_def *kind_find(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (!strcmp(kinds[i].name, name))
            return &kinds[i];
    return NULL;
}

static int is_before(const void *name, const void *def)
{
    return strcmp(name, ((const struct field_def *)def)->name);
}

const struct field_def *field_find(const struct kind_def *kind, const char *name,
                                   const char **element)
{
    const struct field_def *def =
        bsearch(name, kind->fields, kind->n_fields, sizeof(*def), is_before);
    if (element)
        *element = NULL;
    if (def)
        return def;
    for (size_t i = 0; i < kind->n_fields; i++) {
        size_t len = strlen(kind->fields[i].name);
        if (kind->fields[i].type != WESS_RECORDS || strncmp(kind->fields[i].name, name, len) != 0 ||
            name[len] != '.' || !name[len + 1])
            continue;
        if (element)
            *element = name + len + 1;
        return &kind->fields[i];
    }
    const char *dot = strncmp(name, "x.", 2) ? NULL : strchr(name + 2, '.');
    return dot && dot > name + 2 && dot[1] ? &foreign : NULL;
}
