/* Emails, activity links, and what the database says of itself (B8, B9, B10). */
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workbooks.h"

/* B9, Email. How a mail is related to people, and its Message-ID, have no name that is shown. */
const char *const wb_email_columns[] = {"name",
                                        "status",
                                        "rfc822",
                                        "from_address",
                                        "to_addresses",
                                        "cc_addresses",
                                        "bcc_addresses",
                                        "created_through",
                                        "created_through_reference",
                                        NULL};
/* B9, Activity link. */
const char *const wb_link_columns[] = {"activity_id",
                                       "activity_type",
                                       "resource_id",
                                       "resource_type",
                                       "created_through",
                                       "created_through_reference",
                                       NULL};
const char *const wb_nothing_shown[] = {NULL};

unsigned wb_sent; /* mails that the service was asked to send */

const char *wb_email_refuses(const char *column, const char *value)
{
    if (!strcmp(column, "rfc822"))
        return strchr(value, ':') ? NULL : "is not a message";
    if (strcmp(column, "status"))
        return NULL;
    if (!strcmp(value, "SEND"))
        wb_sent++;
    return !strcmp(value, "DRAFT") || !strcmp(value, "SENT") || !strcmp(value, "SEND")
               ? NULL
               : "is not included in the list";
}

/* B9: links of tasks are seen, and of activities; of mails they are not, which is a switch. */
const char *wb_link_refuses(const char *column, const char *value)
{
    bool type = !strcmp(column, "activity_type");
    if (type && !strcmp(value, wb_sets[WB_EMAILS].class))
        return strcmp(sb_switch("email_links", "off"), "on") ? "is not an activity" : NULL;
    if (type && strncmp(value, "Private::Activity::", 19) != 0)
        return "is not an activity";
    if (!strcmp(column, "resource_type") && strncmp(value, "Private::", 9) != 0)
        return "is not a type of record";
    if (!strcmp(column, "resource_id") || !strcmp(column, "activity_id"))
        return *value && !value[strspn(value, "0123456789")] ? NULL : "is not a number";
    return NULL;
}

char *wb_more_rewrite(const char *column, const char *value)
{
    (void)column;
    return strdup(value);
}

json_t *wb_more_show(const struct wb_record *p, const char *column, bool epoch)
{
    const char *value = wb_value(p, column);
    (void)epoch;
    if (value && (!strcmp(column, "activity_id") || !strcmp(column, "resource_id")))
        return json_integer(strtoll(value, NULL, 10));
    return NULL;
}

const char *wb_more_text(const struct wb_record *p, const char *column, char buf[32])
{
    (void)p;
    (void)column;
    (void)buf;
    return (const char *)-1;
}

json_t *wb_digest(const char *text)
{
    unsigned char digest[SHA256_DIGEST_SIZE];
    char hex[2 * SHA256_DIGEST_SIZE + 1];
    struct sha256_ctx c;
    sha256_init(&c);
    sha256_update(&c, strlen(text), (const uint8_t *)text);
    sha256_digest(&c, sizeof(digest), digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        sprintf(hex + 2 * i, "%02x", digest[i]);
    return json_string(hex);
}

/* ---- metadata (B10)
 * ------------------------------------------------------------------------------------------ */

/* The number of a column's picklist is its place among these. */
static const struct {
    const char *column;
    const char *entries[4];
} picklists[] = {
    {"activity_type", {"To-do", "Phone call", "Email"}}, {"activity_status", {"New", "Complete"}},
    {"activity_priority", {"High", "Medium"}},           {"status", {"DRAFT", "SEND", "SENT"}},
    {"cf_person_grade", {"Gold", "Silver", "Bronze"}},
};
#define N_PICKLISTS (sizeof(picklists) / sizeof(picklists[0]))
#define FIRST_PICKLIST 150

static json_t *picklist_of(const char *column)
{
    for (size_t i = 0; i < N_PICKLISTS; i++)
        if (!strcmp(picklists[i].column, column))
            return json_pack("{s:i,s:b}", "picklist_id", FIRST_PICKLIST + (int)i, "unrestricted",
                             0);
    return json_null();
}

/* B7: 64 KB and more; the others hold 255 characters. */
static bool is_long(const char *name)
{
    static const char *const names[] = {"description", "party_notes", "biography", "rfc822",
                                        "text"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

/* B10 says that there are actions, and names none: these are ours. */
static json_t *actions_of(const struct wb_set *s)
{
    static const char *const all[] = {"index", "create", "update", "destroy"};
    char denied[64];
    json_t *out = json_array();
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        snprintf(denied, sizeof(denied), "%s:%s", s->name, all[i]);
        if (strcmp(sb_switch("denies", ""), denied) != 0)
            json_array_append_new(out, json_string(all[i]));
    }
    return out;
}

static json_t *field_json(const struct wb_set *s, const char *name, bool writable)
{
    return json_pack("{s:s,s:s,s:s,s:b,s:b,s:b,s:b,s:b,s:o}", "name", name, "title", name,
                     "datatype", is_long(name) ? "text" : "string", "required",
                     (int)(s->named && !strcmp(name, "name")), "is_createable", (int)writable,
                     "is_updateable", (int)writable, "is_filterable", 1, "is_nullable",
                     (int)writable, "picklist", picklist_of(name));
}

static json_t *type_json(const struct wb_set *s)
{
    json_t *fields = json_array();
    for (size_t i = 0; s->columns[i]; i++)
        if (wb_is_known(s, s->columns[i]) && !strchr(s->columns[i], '['))
            json_array_append_new(fields, field_json(s, s->columns[i], true));
    for (size_t i = 0; s->shown[i]; i++)
        if (!strchr(s->shown[i], '['))
            json_array_append_new(fields, field_json(s, s->shown[i], false));
    for (size_t i = 0; wb_all_shown[i]; i++)
        json_array_append_new(fields, field_json(s, wb_all_shown[i], false));
    json_t *path = json_stringn(s->path + 1, strlen(s->path) - sizeof("/.api") + 1);
    return json_pack("{s:s,s:o,s:o,s:[],s:o}", "class_name", s->class, "controller_path", path,
                     "fields", fields, "associations", "actions", actions_of(s));
}

static bool is_asked(const char *body, const char *name, const char *value)
{
    char *one = sb_param(body, name, 0);
    bool any = one != NULL, hit = false;
    for (size_t i = 1; one; i++) {
        hit |= !strcmp(one, value);
        free(one);
        one = sb_param(body, name, i);
    }
    return hit || !any;
}

void wb_metadata(const char *body, struct sb_response *out)
{
    static const char *const members[] = {"class_name", "controller_path", "fields", "associations",
                                          "actions"};
    json_t *rows = json_array();
    for (size_t i = 0; i < WB_SETS; i++) {
        if (!is_asked(body, "class_names[]", wb_sets[i].class))
            continue;
        json_t *type = type_json(&wb_sets[i]);
        for (size_t m = 0; m < sizeof(members) / sizeof(members[0]); m++)
            if (!is_asked(body, "_select_columns[]", members[m]))
                json_object_del(type, members[m]);
        json_array_append_new(rows, type);
    }
    wb_put_json(
        out,
        json_pack("{s:b,s:i,s:o}", "success", 1, "total", (int)json_array_size(rows), "data", rows),
        200);
}

/* B8: the old way to the entries of a picklist. */
void wb_picklist(const char *body, struct sb_response *out)
{
    char *id = sb_param(body, "picklist_id", 0);
    size_t n = (size_t)((id ? atol(id) : 0) - FIRST_PICKLIST);
    json_t *rows = json_array();
    for (int i = 0; n < N_PICKLISTS && i < 4 && picklists[n].entries[i]; i++)
        json_array_append_new(rows, json_pack("{s:i,s:s}", "id", 1000 + 10 * (int)n + i, "value",
                                              picklists[n].entries[i]));
    free(id);
    wb_put_json(
        out,
        json_pack("{s:b,s:i,s:o}", "success", 1, "total", (int)json_array_size(rows), "data", rows),
        200);
}
