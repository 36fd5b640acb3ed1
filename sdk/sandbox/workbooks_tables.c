/* The Workbooks side: what its records hold (B9). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "workbooks.h"

#define FIRST_ORG 301
#define TEXT_MAX 255

/* B9, Person: what is seen on a person, and can be asked for. */
static const char *const person_columns[] = {"name",
                                             "person_first_name",
                                             "person_middle_name",
                                             "person_last_name",
                                             "person_personal_title",
                                             "person_suffix",
                                             "person_salutation",
                                             "person_job_title",
                                             "person_job_role",
                                             "website",
                                             "biography",
                                             "party_notes",
                                             "assistant_name",
                                             "assistant_phone",
                                             "spouse_name",
                                             "alternate_names",
                                             "created_through",
                                             "created_through_reference",
                                             "cf_person_tier",
                                             "cf_person_grade",
                                             "main_location[email]",
                                             "main_location[alternate_email]",
                                             "main_location[telephone]",
                                             "main_location[alternate_telephone]",
                                             "main_location[mobile]",
                                             "main_location[fax]",
                                             "main_location[street_address]",
                                             "main_location[town]",
                                             "main_location[county_province_state]",
                                             "main_location[postcode]",
                                             "main_location[country]",
                                             "home_location[email]",
                                             "home_location[alternate_email]",
                                             "home_location[telephone]",
                                             "home_location[alternate_telephone]",
                                             "home_location[mobile]",
                                             "home_location[fax]",
                                             "home_location[street_address]",
                                             "home_location[town]",
                                             "home_location[county_province_state]",
                                             "home_location[postcode]",
                                             "home_location[country]",
                                             "employer_link",
                                             "assigned_to",
                                             NULL};
static const char *const person_shown[] = {"employer_name", "queue_entry[queue_id]", NULL};
/* B9, every record. */
const char *const wb_all_shown[] = {"object_url",  "id",         "lock_version", "object_ref",
                                    "type",        "created_at", "created_by",   "updated_at",
                                    "updated_by",  "is_deleted", "_can_read",    "_can_modify",
                                    "_can_delete", NULL};

/* B9, Organisation. */
static const char *const organisation_columns[] = {"name",
                                                   "industry",
                                                   "website",
                                                   "organisation_category",
                                                   "organisation_num_employees",
                                                   "organisation_annual_revenue",
                                                   "created_through",
                                                   "created_through_reference",
                                                   "main_location[email]",
                                                   "main_location[alternate_email]",
                                                   "main_location[telephone]",
                                                   "main_location[alternate_telephone]",
                                                   "main_location[mobile]",
                                                   "main_location[fax]",
                                                   "main_location[street_address]",
                                                   "main_location[town]",
                                                   "main_location[county_province_state]",
                                                   "main_location[postcode]",
                                                   "main_location[country]",
                                                   "assigned_to",
                                                   NULL};

/* ---- people
 * ------------------------------------------------------------------------------------------ */

static const char *person_refuses(const char *column, const char *value)
{
    if (!strcmp(column, "employer_link"))
        return *value && !wb_org_by_id(strtoll(value, NULL, 10)) ? "does not exist" : NULL;
    return strcmp(column, "party_notes") && strlen(value) > TEXT_MAX * 4 ? "is too long" : NULL;
}

/* Notes are HTML there: plain text given is wrapped, line ends are the service's own. */
static char *html(const char *value)
{
    struct sb_buf b = {0};
    if (strcmp(sb_switch("notes_html", "on"), "on"))
        return strdup(value);
    if (*value != '<')
        sb_buf_str(&b, "<p>");
    for (const char *s = value; *s; s++) {
        if (*s == '\n')
            sb_buf_str(&b, *value == '<' ? "\r\n" : "<br />\r\n");
        else if (!strncmp(s, "<br>", 4)) {
            sb_buf_str(&b, "<br />\r\n");
            s += 3;
        } else if (*s != '\r')
            sb_buf_add(&b, s, 1);
    }
    if (*value != '<')
        sb_buf_str(&b, "</p>");
    return b.data;
}

static const char *organisation_refuses(const char *column, const char *value)
{
    (void)column;
    return strlen(value) > TEXT_MAX * 4 ? "is too long" : NULL;
}

static char *person_rewrite(const char *column, const char *value)
{
    (void)column;
    return strdup(value);
}

static json_t *person_show(const struct wb_record *p, const char *name, bool epoch)
{
    const struct wb_record *org = wb_org_by_id(p->employer);
    (void)epoch;
    if (!strcmp(name, "queue_entry[queue_id]"))
        return json_integer(p->queue);
    if (!strcmp(name, "employer_link"))
        return org ? json_integer(org->id) : json_null();
    if (!strcmp(name, "employer_name"))
        return org ? json_string(wb_value(org, "name")) : json_null();
    return NULL;
}

static const char *person_text(const struct wb_record *p, const char *field, char buf[32])
{
    const struct wb_record *org;
    if (!strcmp(field, "employer_name"))
        return (org = wb_org_by_id(p->employer)) ? wb_value(org, "name") : NULL;
    if (strcmp(field, "queue_entry[queue_id]"))
        return (const char *)-1;
    snprintf(buf, 32, "%lld", (long long)p->queue);
    return buf;
}

static void nothing(struct wb_record *p)
{
    (void)p;
}

/* ---- the tables
 * ------------------------------------------------------------------------------------------ */

#define ACTIVITY                                                                                   \
    .named = true, .queue = ACTIVITY_SERVICE, .columns = wb_activity_columns,                      \
    .shown = wb_activity_shown, .refuses = wb_activity_refuses, .rewrite = wb_activity_rewrite,    \
    .show = wb_activity_show, .text = wb_activity_text, .settle = wb_activity_settle
#define MORE                                                                                       \
    .rewrite = wb_more_rewrite, .show = wb_more_show, .text = wb_more_text, .settle = nothing
#define FILES .rewrite = wb_more_rewrite, .show = wb_files_show, .text = wb_more_text
struct wb_set wb_sets[WB_SETS] = {
    [WB_PEOPLE] = {.name = "people",
                   .path = "/crm/people.api",
                   .class = "Private::Crm::Person",
                   .prefix = "PERS",
                   .first_id = 5001,
                   .named = true,
                   .queue = UNASSIGNED,
                   .columns = person_columns,
                   .shown = person_shown,
                   .refuses = person_refuses,
                   .rewrite = person_rewrite,
                   .show = person_show,
                   .text = person_text,
                   .settle = nothing},
    [WB_TASKS] = {.name = "tasks",
                  .path = "/activity/tasks.api",
                  .class = "Private::Activity::Task",
                  .prefix = "TASK",
                  .first_id = 7001,
                  ACTIVITY},
    [WB_MEETINGS] = {.name = "meetings",
                     .path = "/activity/meetings.api",
                     .class = "Private::Activity::Meeting",
                     .prefix = "MEET",
                     .first_id = 8001,
                     ACTIVITY},
    /* The name of this type is shown nowhere: a client takes it from the answers. */
    [WB_EMAILS] = {.name = "emails",
                   .path = "/email/emails.api",
                   .class = "Private::Email::Email",
                   .prefix = "EMAIL",
                   .first_id = 9001,
                   .columns = wb_email_columns,
                   .shown = wb_nothing_shown,
                   .refuses = wb_email_refuses,
                   MORE},
    [WB_LINKS] = {.name = "links",
                  .path = "/activity/activity_links.api",
                  .class = "Private::Activity::ActivityLink",
                  .prefix = "LINK",
                  .first_id = 9501,
                  .columns = wb_link_columns,
                  .shown = wb_nothing_shown,
                  .refuses = wb_link_refuses,
                  MORE},
    [WB_ORGANISATIONS] = {.name = "organisations",
                          .path = "/crm/organisations.api",
                          .class = "Private::Crm::Organisation",
                          .prefix = "ORG",
                          .first_id = FIRST_ORG,
                          .named = true,
                          .queue = ORGANISATION_UNASSIGNED,
                          .columns = organisation_columns,
                          .shown = wb_nothing_shown,
                          .refuses = organisation_refuses,
                          MORE},
    [WB_NOTES] = {.name = "notes",
                  .path = "/notes.api",
                  .class = "Private::Note",
                  .prefix = "NOTE",
                  .first_id = 21001,
                  .columns = wb_note_columns,
                  .shown = wb_nothing_shown,
                  .refuses = wb_note_refuses,
                  FILES,
                  .settle = nothing},
    /* The names of these two types are shown nowhere. */
    [WB_RESOURCES] = {.name = "resource_upload_files",
                      .path = "/resource_upload_files.api",
                      .class = "Private::ResourceUploadFile",
                      .prefix = "RES",
                      .first_id = 22001,
                      .columns = wb_resource_columns,
                      .shown = wb_resource_shown,
                      .refuses = wb_resource_refuses,
                      FILES,
                      .settle = wb_resource_settle},
    [WB_UPLOADS] = {.name = "upload_files",
                    .path = "/upload_files.api",
                    .class = "Private::UploadFile",
                    .prefix = "FILE",
                    .first_id = 23001,
                    .columns = wb_upload_columns,
                    .shown = wb_upload_shown,
                    .refuses = wb_upload_refuses,
                    FILES,
                    .settle = nothing},
};

static int place(const char *const *of, const char *name)
{
    for (int i = 0; of[i]; i++)
        if (!strcmp(of[i], name))
            return i;
    return -1;
}

/* B9: which columns a database has is its own affair. */
static bool is_lacking(const char *name)
{
    return !strcmp(sb_switch("lacks", ""), name);
}

int wb_column(const struct wb_set *s, const char *name)
{
    return is_lacking(name) ? -1 : place(s->columns, name);
}

bool wb_is_known(const struct wb_set *s, const char *name)
{
    return wb_column(s, name) >= 0 || place(s->shown, name) >= 0 || place(wb_all_shown, name) >= 0;
}

struct wb_set *wb_set_named(const char *name)
{
    for (size_t i = 0; i < WB_SETS; i++)
        if (!strcmp(wb_sets[i].name, name))
            return &wb_sets[i];
    return NULL;
}

/* ---- records
 * ------------------------------------------------------------------------------------------ */

struct wb_record *wb_by_id(const struct wb_set *s, int64_t id)
{
    /* Ids ascend with the place. */
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (s->rows[mid].id == id)
            return &s->rows[mid];
        if (s->rows[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* B4: one second of resolution. */
void wb_touch(struct wb_record *p)
{
    p->updated_s = sb_now_ms() / 1000;
}

struct wb_record *wb_new(struct wb_set *s)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 256;
        s->rows = realloc(s->rows, s->cap * sizeof(*s->rows));
        if (!s->rows)
            abort();
    }
    if (!s->next_id)
        s->next_id = s->first_id;
    struct wb_record *p = &s->rows[s->n++];
    *p = (struct wb_record){.of = s, .id = s->next_id++, .queue = s->queue};
    if (p->queue == ACTIVITY_SERVICE && wb_asker) /* B9: that of the session's user */
        p->queue = FIRST_ACTIVITY_QUEUE + (int64_t)wb_asker - 1;
    wb_touch(p);
    p->created_s = p->updated_s;
    return p;
}

static bool same(const char *a, const char *b)
{
    return !strcmp(a ? a : "", b ? b : "");
}

static bool is_html(const char *column)
{
    return !strcmp(column, "party_notes") || !strcmp(column, "description");
}

bool wb_set_value(struct wb_record *p, int column, const char *value)
{
    const char *name = p->of->columns[column];
    int64_t number = value ? strtoll(value, NULL, 10) : 0;
    int64_t *kept = !strcmp(name, "assigned_to")     ? &p->queue
                    : !strcmp(name, "employer_link") ? &p->employer
                                                     : NULL;
    if (kept) {
        bool other = *kept != number;
        *kept = number;
        return other;
    }
    char *new = !value || !*value ? NULL
                : is_html(name)   ? html(value)
                                  : p->of->rewrite(name, value);
    bool changed = !same(p->value[column], new);
    free(p->value[column]);
    p->value[column] = new;
    return changed;
}

void wb_set_named_value(struct wb_record *p, const char *name, const char *value)
{
    int c = wb_column(p->of, name);
    if (c >= 0 && value)
        wb_set_value(p, c, value);
}

const char *wb_value(const struct wb_record *p, const char *column)
{
    int c = wb_column(p->of, column);
    return c < 0 ? NULL : p->value[c];
}

const struct wb_record *wb_org_by_id(int64_t id)
{
    const struct wb_record *o = wb_by_id(&wb_sets[WB_ORGANISATIONS], id);
    return o && !o->deleted ? o : NULL;
}

int64_t wb_org_named(const char *name, bool make)
{
    struct wb_set *s = &wb_sets[WB_ORGANISATIONS];
    for (size_t i = 0; name && i < s->n; i++)
        if (!s->rows[i].deleted && same(wb_value(&s->rows[i], "name"), name))
            return s->rows[i].id;
    if (!name || !make)
        return 0;
    struct wb_record *o = wb_new(s);
    wb_set_named_value(o, "name", name);
    return o->id;
}

void wb_tables_free(void)
{
    wb_backup_free();
    wb_files_free();
    for (size_t t = 0; t < WB_SETS; t++) {
        struct wb_set *s = &wb_sets[t];
        for (size_t i = 0; i < s->n; i++)
            for (size_t c = 0; c < WB_COLUMNS; c++)
                free(s->rows[i].value[c]);
        free(s->rows);
        /* So that it can be started again. */
        s->rows = NULL;
        s->n = s->cap = 0;
        s->next_id = 0;
    }
    wb_sent = 0;
}

/* ---- answers in JSON
 * ------------------------------------------------------------------------------------------ */

json_t *wb_time_json(int64_t seconds, bool epoch)
{
    char text[64];
    time_t t = (time_t)seconds;
    struct tm tm;
    if (epoch) /* B7: _json_output_datetime_format=%s */
        return json_sprintf("%lld", (long long)seconds);
    gmtime_r(&t, &tm);
    strftime(text, sizeof(text), "%a %b %d %H:%M:%S UTC %Y", &tm);
    return json_string(text);
}

json_t *wb_column_json(const struct wb_record *p, const char *name, bool epoch)
{
    json_t *own = p->of->show(p, name, epoch);
    int c = wb_column(p->of, name);
    if (own)
        return own;
    if (!strcmp(name, "assigned_to"))
        return json_integer(p->queue);
    if (c >= 0)
        return p->value[c] ? json_string(p->value[c]) : json_null();
    if (!strcmp(name, "id"))
        return json_integer(p->id);
    if (!strcmp(name, "lock_version"))
        return json_integer(p->lock);
    if (!strcmp(name, "object_ref"))
        return json_sprintf("%s-%lld", p->of->prefix, (long long)p->id);
    if (!strcmp(name, "object_url")) /* what it looks like nobody shows */
        return json_sprintf("https://workbooks.example/%s-%lld", p->of->prefix, (long long)p->id);
    if (!strcmp(name, "type"))
        return json_string(p->of->class);
    if (!strcmp(name, "updated_at"))
        return wb_time_json(p->updated_s, epoch);
    if (!strcmp(name, "created_at"))
        return wb_time_json(p->created_s, epoch);
    if (!strcmp(name, "created_by") || !strcmp(name, "updated_by"))
        return json_integer(41);
    if (!strcmp(name, "is_deleted"))
        return json_boolean(p->deleted);
    if (!strcmp(name, "_can_modify") || !strcmp(name, "_can_delete"))
        return json_boolean(!p->locked);
    return json_true(); /* _can_read */
}

json_t *wb_row_json(const struct wb_record *p, const char *const *columns, size_t n, bool epoch)
{
    const char *const *const all[] = {p->of->columns, p->of->shown, wb_all_shown};
    json_t *row = json_object();
    for (size_t i = 0; i < n; i++)
        json_object_set_new(row, columns[i], wb_column_json(p, columns[i], epoch));
    for (size_t k = 0; !n && k < sizeof(all) / sizeof(all[0]); k++)
        for (size_t i = 0; all[k][i]; i++)
            json_object_set_new(row, all[k][i], wb_column_json(p, all[k][i], epoch));
    return row;
}
