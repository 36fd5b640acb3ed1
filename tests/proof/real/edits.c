/* What people do in mailboxes, in the CRM and in a folder of files, and what they see there. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "exchange.h"
#include "imap.h"
#include "parts.h"
#include "places.h"
#include "real.h"
#include "workbooks.h"

#define GIVEN "Pat"
#define TAG "Workbooks"
#define FILE_MOST 65536

const char *const real_kind_names[REAL_KINDS] = {"contact", "task", "event", "mail"};
const char *const real_other_names[REAL_OTHERS] = {"crm", "dir", "dir"};

enum side { SIDE_A, SIDE_B, SIDE_CRM, SIDE_DIR, SIDES };
static const char *const side_names[SIDES] = {"a", "b", "crm", "dir"};

/* How a script's value stands on a side. */
enum form {
    PLAIN,
    DAYS,   /* a number: so many days of winter time after FIRST_DAY, which stands for nothing */
    SWITCH, /* with a switch beside it, which is on where there is a value */
};
#define FIRST_DAY 1888185600 /* 2029-11-01 */
#define DAY 86400

/* Two fields that every kind has, by each side's name for them, and some of one kind. */
static const struct field {
    enum real_kind kind;
    enum real_other other; /* REAL_OTHERS: with either */
    const char *name, *exchange, *crm, *file;
    enum form form;
    const char *exchange_switch, *crm_switch;
} fields[] = {
    {REAL_CONTACT, REAL_OTHERS, "one", "JobTitle", "person_job_title", "TITLE", PLAIN, NULL, NULL},
    {REAL_CONTACT, REAL_OTHERS, "two", "MobilePhone", "main_location[mobile]", "TEL;TYPE=cell",
     PLAIN, NULL, NULL},
    {REAL_CONTACT, REAL_OTHERS, "mail", "EmailAddress1", "main_location[email]", "EMAIL", PLAIN,
     NULL, NULL},
    {REAL_TASK, REAL_OTHERS, "one", "Body", "description", "DESCRIPTION", PLAIN, NULL, NULL},
    {REAL_TASK, REAL_DIR, "two", "PercentComplete", NULL, "PERCENT-COMPLETE", PLAIN, NULL, NULL},
    {REAL_TASK, REAL_CRM, "two", "DueDate", "due", NULL, DAYS, NULL, NULL},
    {REAL_EVENT, REAL_DIR, "one", "Location", NULL, "LOCATION", PLAIN, NULL, NULL},
    {REAL_EVENT, REAL_DIR, "two", "Body", NULL, "DESCRIPTION", PLAIN, NULL, NULL},
    {REAL_EVENT, REAL_CRM, "one", "Body", "description", NULL, PLAIN, NULL, NULL},
    {REAL_EVENT, REAL_CRM, "end", "End", "finish", NULL, PLAIN, NULL, NULL},
    {REAL_EVENT, REAL_CRM, "two", "ReminderMinutesBeforeStart", "reminder_minutes", NULL, SWITCH,
     "ReminderIsSet", "reminder_enabled"},
    {REAL_MAIL, REAL_OTHERS, "one", "Subject", NULL, "Subject", PLAIN, NULL, NULL},
    {REAL_MAIL, REAL_OTHERS, "two", "Subject", NULL, "Subject", PLAIN, NULL, NULL},
    {REAL_CONTACT, REAL_OTHERS, "photo", PART_PHOTO, NULL, "PHOTO;ENCODING=b;TYPE=JPEG", PLAIN,
     NULL, NULL},
    {REAL_TASK, REAL_OTHERS, "file", PART_FILE, PART_FILE,
     "ATTACH;VALUE=BINARY;ENCODING=BASE64;FILENAME=a.txt", PLAIN, NULL, NULL},
    {REAL_EVENT, REAL_OTHERS, "file", PART_FILE, PART_FILE,
     "ATTACH;VALUE=BINARY;ENCODING=BASE64;FILENAME=a.txt", PLAIN, NULL, NULL},
    /* with | for the ; of a script */
    {REAL_EVENT, REAL_OTHERS, "rule", "Recurrence", NULL, "RRULE", PLAIN, NULL, NULL},
};
static const struct kind {
    const char *element, *label, *plan, *extension, *part, *title;
    enum wb_which set; /* of the CRM */
    int queue_none, queue_first;
} kinds[REAL_KINDS] = {
    {"Contact", "Surname", "contacts", ".vcf", "VCARD", "FN:" GIVEN " ", WB_PEOPLE, 0, FIRST_QUEUE},
    {"Task", "Subject", "tasks", ".ics", "VTODO", "SUMMARY:", WB_TASKS, ACTIVITY_UNASSIGNED,
     FIRST_ACTIVITY_QUEUE},
    {"CalendarItem", "Subject", "calendar", ".ics", "VEVENT", "SUMMARY:", WB_MEETINGS,
     ACTIVITY_UNASSIGNED, FIRST_ACTIVITY_QUEUE},
    {"Message", "Subject", "inbox", ".eml", NULL, "Subject: ", WB_EMAILS, 0, 0},
};

const struct wb_set *real_set(enum real_kind kind)
{
    return &wb_sets[kinds[kind].set];
}

struct doing {
    const struct real_remote *remote;
    const struct kind *kind;
    enum side side;
    char verb[16], name[48], rest[REAL_LINE];
};

static bool parse(const struct real_remote *r, const char *line, bool verb, struct doing *d)
{
    char side[8] = "";
    int from = 0;
    *d = (struct doing){.remote = r, .kind = &kinds[r->kind]};
    if (verb ? sscanf(line, "%15s %7s %47s %n", d->verb, side, d->name, &from) < 2
             : sscanf(line, "%7s %47s %n", side, d->name, &from) < 2)
        return false;
    if (from)
        snprintf(d->rest, sizeof(d->rest), "%s", line + from);
    for (d->side = SIDE_A; d->side < SIDES; d->side++)
        if (!strcmp(side, side_names[d->side]))
            return true;
    return false;
}

static const struct field *field_of(const struct doing *d, char value[REAL_LINE])
{
    char name[16] = "";
    int from = 0;
    if (sscanf(d->rest, "%15s %n", name, &from) != 1 || !from)
        return NULL;
    snprintf(value, REAL_LINE, "%s", strcmp(d->rest + from, "-") ? d->rest + from : "");
    for (char *c = value; *c; c++)
        *c = *c == '|' ? ';' : *c;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (fields[i].kind == d->remote->kind && !strcmp(fields[i].name, name) &&
            (fields[i].other == REAL_OTHERS || fields[i].other == d->remote->other))
            return &fields[i];
    return NULL;
}

/* A script's value as a side writes it, `hour` being the time of its midnight, and back. */
static void to_form(const struct field *f, const char *hour, char value[REAL_LINE])
{
    char day[24];
    time_t at = FIRST_DAY + (time_t)atoi(value) * DAY - (*hour ? 3600 : 0);
    if (f->form != DAYS || !*value)
        return;
    strftime(day, sizeof(day), "%F", gmtime(&at));
    snprintf(value, REAL_LINE, "%s%s", day, hour);
}

static void from_form(const struct field *f, char value[REAL_LINE])
{
    struct tm t = {0};
    char *to = value;
    bool tag = false;
    if (f->form == DAYS && strptime(value, "%F", &t)) {
        long long days = (timegm(&t) + (strchr(value, 'T') ? DAY : 0) - FIRST_DAY) / DAY;
        *value = 0;
        if (days)
            snprintf(value, REAL_LINE, "%lld", days);
    }
    /* The CRM makes HTML of texts. */
    for (const char *c = value; f->form == PLAIN && f->crm && *c; c++) {
        tag |= *c == '<';
        if (!tag)
            *to++ = *c;
        tag &= *c != '>';
    }
    if (f->form == PLAIN && f->crm)
        *to = 0;
}

/* NAME=VALUE&.. of pairs of texts, NULL at the end; malloc'ed. */
static char *query(const char *first, ...)
{
    struct sb_buf b = {0};
    va_list ap;
    va_start(ap, first);
    bool name = true;
    for (const char *text = first; text; text = va_arg(ap, const char *), name = !name) {
        if (b.len && name)
            sb_buf_str(&b, "&");
        for (const char *c = text; *c; c++)
            if (isalnum((unsigned char)*c) || strchr("-_.", *c))
                sb_buf_add(&b, c, 1);
            else
                sb_buf_fmt(&b, "%%%02X", (unsigned char)*c);
        if (name)
            sb_buf_str(&b, "=");
    }
    va_end(ap);
    return b.data;
}

/* ---- mailboxes ---------------------------------------------------------------------------------
 */

const char *real_label(const struct ex_item *i)
{
    const char *contact = ex_value(i, "contacts:Surname"), *subject = ex_value(i, "item:Subject");
    const char *label = !strcmp(i->klass, "IPM.Contact") ? contact : subject;
    return label ? label : "";
}

static bool in_bin(const struct ex_mailbox *m, const struct ex_item *i)
{
    const char *folder = i->folder < 0 ? NULL : m->folders[i->folder].distinguished;
    return folder && !strcmp(folder, "deleteditems");
}

static struct ex_item *item_named(const struct doing *d, size_t *n)
{
    struct ex_mailbox *m = &ex_mailboxes[d->side];
    struct ex_item *found = NULL;
    *n = 0;
    for (size_t i = 0; i < m->n_items; i++)
        if (m->items[i]->folder >= 0 && !in_bin(m, m->items[i]) &&
            !strcmp(real_label(m->items[i]), d->name)) {
            found = found ? found : m->items[i];
            ++*n;
        }
    return found;
}

static bool control(const struct doing *d, const char *action, char *more)
{
    struct sb_buf out = {0}, q = {0};
    sb_buf_fmt(&q, "mailbox=%s&%s", ex_mailboxes[d->side].user->address, more ? more : "");
    bool ok = sb_exchange.control(action, q.data, &out);
    sb_buf_free(&out);
    sb_buf_free(&q);
    free(more);
    return ok;
}

static bool new_item(const struct doing *d)
{
    static const char zone[] = "W. Europe Standard Time",
                      guest[] = "<t:Attendee><t:Mailbox><t:Name>Cy</t:Name><t:EmailAddress>"
                                "cy@example.com</t:EmailAddress></t:Mailbox></t:Attendee>",
                      weekly[] =
                          "<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday"
                          "</t:DaysOfWeek></t:WeeklyRecurrence><t:NumberedRecurrence><t:StartDate>"
                          "2030-09-02</t:StartDate><t:NumberOfOccurrences>8"
                          "</t:NumberOfOccurrences></t:NumberedRecurrence>";
    char mail[80], full[80];
    snprintf(mail, sizeof(mail), "pat.%s@x.example", d->name);
    snprintf(full, sizeof(full), GIVEN " %s", d->name);
    bool is_mail = d->remote->kind == REAL_MAIL;
    if (is_mail && d->remote->other == REAL_TAGS && !real_imap_mail(d->name, mail))
        return false;
    if (is_mail)
        return control(
            d, "mail",
            query("Subject", d->name, "Body", "Text of it", "InternetMessageId", mail, NULL));
    if (!strcmp(d->verb, "series"))
        return control(d, "create",
                       query("kind", "CalendarItem", "Subject", d->name, "Start",
                             "2030-09-02T07:00:00Z", "End", "2030-09-02T08:00:00Z", "StartTimeZone",
                             zone, "EndTimeZone", zone, "Recurrence", weekly,
                             strstr(d->rest, "meet") ? "RequiredAttendees" : NULL, guest, NULL));
    switch (d->remote->kind) {
    case REAL_CONTACT:
        return control(d, "create",
                       query("GivenName", GIVEN, "Surname", d->name, "DisplayName", full,
                             "EmailAddress1", mail, NULL));
    case REAL_TASK:
        return control(
            d, "create",
            query("kind", "Task", "Subject", d->name, "DueDate",
                  d->remote->other == REAL_CRM ? "2029-10-31T23:00:00Z" : "2030-02-02T23:00:00Z",
                  NULL));
    case REAL_EVENT:
        return control(d, "create",
                       query("kind", "CalendarItem", "Subject", d->name, "Start",
                             "2030-07-04T07:00:00Z", "End", "2030-07-04T08:00:00Z", "StartTimeZone",
                             zone, "EndTimeZone", zone,
                             strcmp(d->verb, "meet") ? NULL : "RequiredAttendees", guest, NULL));
    case REAL_MAIL:
    case REAL_KINDS:
        break;
    }
    return false;
}

static bool edit_box(const struct doing *d)
{
    char value[REAL_LINE], number[8] = "1";
    size_t n;
    if (!strcmp(d->verb, "new") || !strcmp(d->verb, "meet") || !strcmp(d->verb, "series") ||
        !strcmp(d->verb, "mail"))
        return new_item(d);
    if (!strcmp(d->verb, "renumber"))
        return control(d, "new_ids", NULL);
    struct ex_item *i = item_named(d, &n);
    if (!i)
        return false;
    if (d->remote->other == REAL_TAGS && (!strcmp(d->verb, "choose") || !strcmp(d->verb, "drop")))
        return real_imap_tag(d->name, *d->verb == 'c');
    if (!strcmp(d->verb, "choose"))
        return control(d, "tag", query("id", i->id, "category", TAG, NULL));
    if (!strcmp(d->verb, "drop"))
        return control(d, "untag", query("id", i->id, "category", TAG, NULL));
    if (!strcmp(d->verb, "delete"))
        return control(d, "delete", query("id", i->id, NULL));
    if (!strcmp(d->verb, "purge"))
        return control(d, "delete", query("id", i->id, "hard", "1", NULL));
    if (!strcmp(d->verb, "copy"))
        return control(d, "copy", query("id", i->id, NULL));
    if (!strcmp(d->verb, "private") || !strcmp(d->verb, "public"))
        return control(d, "private", query("id", i->id, "on", d->verb[1] == 'r' ? "1" : "0", NULL));
    if (!strcmp(d->verb, "move"))
        return control(d, "move",
                       query("id", i->id, "folder", *d->rest ? d->rest : "Suppliers", NULL));
    if (!strcmp(d->verb, "occurrence") && sscanf(d->rest, "%7s", number) == 1) {
        bool gone = strstr(d->rest, "gone") != NULL;
        return control(d, "occurrence",
                       query("id", i->id, "index", number, gone ? "gone" : "Location",
                             gone ? "1" : "Elsewhere", NULL));
    }
    const struct field *f = strcmp(d->verb, "set") ? NULL : field_of(d, value);
    if (!f)
        return false;
    if (part_is(f->exchange))
        return part_set(&ex_mailboxes[d->side], i, f->exchange, value);
    to_form(f, "T23:00:00Z", value);
    return control(d, "edit",
                   query("id", i->id, f->exchange, value, f->exchange_switch,
                         *value ? "true" : "false", NULL));
}

/* ---- the CRM -----------------------------------------------------------------------------------
 */

static bool is_named(const struct wb_record *r, const char *wanted)
{
    const char *mime = wb_value(r, "rfc822"), *at = mime ? strstr(mime, "Subject: ") : NULL;
    const char *name = wb_value(r, r->of == &wb_sets[WB_PEOPLE] ? "person_last_name" : "name");
    size_t len = strlen(wanted);
    if (r->of == &wb_sets[WB_EMAILS])
        return at && !strncmp(at + 9, wanted, len) && strchr("\r\n", at[9 + len]);
    return name && !strcmp(name, wanted);
}

static struct wb_record *record_named(const struct doing *d, size_t *n)
{
    const struct wb_set *set = &wb_sets[d->kind->set];
    struct wb_record *found = NULL;
    *n = 0;
    for (size_t i = 0; i < set->n; i++) {
        if (set->rows[i].deleted || !is_named(&set->rows[i], d->name))
            continue;
        found = found ? found : &set->rows[i];
        ++*n;
    }
    return found;
}

static bool control_crm(const char *action, char *q)
{
    struct sb_buf out = {0};
    bool ok = sb_workbooks.control(action, q, &out);
    sb_buf_free(&out);
    free(q);
    return ok;
}

static bool new_record(const struct doing *d)
{
    const char *of = wb_sets[d->kind->set].name;
    char mail[80], full[80];
    snprintf(mail, sizeof(mail), "pat.%s@x.example", d->name);
    snprintf(full, sizeof(full), GIVEN " %s", d->name);
    if (d->remote->kind == REAL_CONTACT)
        return control_crm("create",
                           query("name", full, "person_first_name", GIVEN, "person_last_name",
                                 d->name, "main_location[email]", mail, NULL));
    if (d->remote->kind == REAL_TASK)
        return control_crm("create",
                           query("of", of, "name", d->name, "due", "2029-11-01", "all_day", "true",
                                 "activity_status", "New", "activity_priority", "Medium", NULL));
    return d->remote->kind == REAL_EVENT &&
           control_crm("create", query("of", of, "name", d->name, "start", "2030-07-04T07:00:00Z",
                                       "finish", "2030-07-04T08:00:00Z", "all_day", "false", NULL));
}

/* Whom the guests of a meeting are: cy@example.com is Cy. */
static bool new_person(const struct doing *d)
{
    char mail[80];
    snprintf(mail, sizeof(mail), "%s@example.com", d->name);
    for (char *c = mail; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return control_crm("create", query("name", d->name, "main_location[email]", mail, NULL));
}

static bool edit_crm(const struct doing *d)
{
    const char *of = wb_sets[d->kind->set].name;
    char id[24], value[REAL_LINE], queue[24];
    size_t n;
    if (!strcmp(d->verb, "person"))
        return new_person(d);
    if (!strcmp(d->verb, "new"))
        return new_record(d);
    const struct wb_record *p = record_named(d, &n);
    if (!p)
        return false;
    snprintf(id, sizeof(id), "%lld", (long long)p->id);
    if (!strcmp(d->verb, "choose") || !strcmp(d->verb, "drop")) {
        int user = *d->rest ? atoi(d->rest) : 1;
        snprintf(queue, sizeof(queue), "%d",
                 *d->verb == 'd' ? d->kind->queue_none : d->kind->queue_first + user - 1);
        return control_crm("queue", query("of", of, "id", id, "queue_id", queue, NULL));
    }
    if (!strcmp(d->verb, "delete") || !strcmp(d->verb, "purge"))
        return control_crm("delete", query("of", of, "id", id, NULL));
    const struct field *f = strcmp(d->verb, "set") ? NULL : field_of(d, value);
    if (!f || !f->crm)
        return false;
    if (part_is(f->crm))
        return part_on_note(p, value);
    to_form(f, "", value);
    return control_crm("edit", query("of", of, "id", id, f->crm, value, f->crm_switch,
                                     *value ? "true" : "false", NULL));
}

/* ---- files -------------------------------------------------------------------------------------
 */

static void folder_of(const struct real_remote *r, char out[160])
{
    snprintf(out, 160, "%s/files/u1", r->dir);
}

char *real_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = f ? calloc(1, FILE_MOST + 1) : NULL, *to = text;
    size_t n = text ? fread(text, 1, FILE_MOST, f) : 0;
    if (f)
        fclose(f);
    for (size_t i = 0; i < n; i++)
        if (text[i] == '\r' && i + 2 < n && text[i + 1] == '\n' && text[i + 2] == ' ')
            i += 2;
        else
            *to++ = text[i];
    if (to)
        *to = 0;
    return text;
}

static char *file_named(const struct doing *d, char path[512], size_t *n)
{
    char folder[160], title[96], *found = NULL;
    folder_of(d->remote, folder);
    snprintf(title, sizeof(title), "%s%s\r\n", d->kind->title, d->name);
    DIR *dir = opendir(folder);
    *n = 0;
    for (const struct dirent *e; dir && (e = readdir(dir));) {
        char at[512];
        snprintf(at, sizeof(at), "%s/%s", folder, e->d_name);
        char *text = *e->d_name == '.' ? NULL : real_file(at);
        if (text && strstr(text, title)) {
            ++*n;
            if (!found) {
                strcpy(path, at);
                found = text;
                continue;
            }
        }
        free(text);
    }
    if (dir)
        closedir(dir);
    return found;
}

static bool put_file(const char *path, const char *text)
{
    char aside[512];
    snprintf(aside, sizeof(aside), "%.500s.new", path);
    FILE *f = fopen(aside, "w");
    bool ok = f && fputs(text, f) >= 0;
    ok = f && fclose(f) == 0 && ok;
    return ok && rename(aside, path) == 0;
}

#define TIMES "DTSTART:20300704T070000Z\r\nDTEND:20300704T080000Z"
#define PEOPLE                                                                                     \
    "ORGANIZER;CN=Ada Lovell:mailto:ada.lovell@example.com\r\n"                                    \
    "ATTENDEE;CN=Cy:mailto:cy@example.com"

static bool new_file(const struct doing *d)
{
    char folder[160], path[512];
    struct sb_buf b = {0};
    folder_of(d->remote, folder);
    snprintf(path, sizeof(path), "%s/%s%s", folder, d->name, d->kind->extension);
    if (d->remote->kind == REAL_CONTACT)
        sb_buf_fmt(&b,
                   "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:" GIVEN " %s\r\nN:%s;" GIVEN
                   ";;;\r\nEMAIL:pat.%s@x.example\r\nX-MORE:1\r\nEND:VCARD\r\n",
                   d->name, d->name, d->name);
    else
        sb_buf_fmt(&b,
                   "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Somebody//EN\r\nBEGIN:%s\r\n"
                   "UID:%s@x\r\nDTSTAMP:20290101T000000Z\r\nSUMMARY:%s\r\n%s\r\nX-MORE:1\r\n"
                   "END:%s\r\nEND:VCALENDAR\r\n",
                   d->kind->part, d->name, d->name,
                   d->remote->kind == REAL_TASK ? "DUE;VALUE=DATE:20300203"
                   : strcmp(d->verb, "meet")    ? TIMES
                                                : TIMES "\r\n" PEOPLE,
                   d->kind->part);
    bool ok = put_file(path, b.data);
    sb_buf_free(&b);
    return ok;
}

/* The first line of that property, or its place before the end of the part. */
static char *line_at(char *text, const char *property, const struct kind *k)
{
    size_t len = strcspn(property, ";");
    char begin[20], end[20];
    snprintf(begin, sizeof(begin), "BEGIN:%s", k->part ? k->part : "");
    for (char *at = k->part ? strstr(text, begin) : text; at;
         at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
        if (!strncmp(at, property, len) && strchr(";:", at[len]) && at[len])
            return at;
    snprintf(end, sizeof(end), "END:%s", k->part ? k->part : "");
    return strstr(text, end);
}

static bool set_line(const char *path, char *text, const struct kind *k, const char *property,
                     const char *value)
{
    struct sb_buf b = {0};
    char *at = line_at(text, property, k);
    bool there = at && strncmp(at, "END:", 4) != 0;
    char *rest = there ? strchr(at, '\n') + 1 : at;
    if (!at)
        return false;
    sb_buf_add(&b, text, (size_t)(at - text));
    if (*value)
        sb_buf_fmt(&b, "%s:%s\r\n", property, value);
    sb_buf_str(&b, rest);
    bool ok = put_file(path, b.data);
    sb_buf_free(&b);
    return ok;
}

static bool edit_dir(const struct doing *d)
{
    char path[512], value[REAL_LINE];
    size_t n;
    if (!strcmp(d->verb, "new") || !strcmp(d->verb, "meet"))
        return new_file(d);
    char *text = file_named(d, path, &n);
    const struct field *f = strcmp(d->verb, "set") ? NULL : field_of(d, value);
    bool ok = text != NULL;
    if (ok && (!strcmp(d->verb, "choose") || !strcmp(d->verb, "drop")))
        ok = set_line(path, text, d->kind, "CATEGORIES", *d->verb == 'c' ? TAG : "");
    else if (ok && (!strcmp(d->verb, "delete") || !strcmp(d->verb, "purge")))
        ok = unlink(path) == 0;
    else if (ok && (!strcmp(d->verb, "private") || !strcmp(d->verb, "public")))
        ok = set_line(path, text, d->kind, "CLASS", d->verb[1] == 'r' ? "PRIVATE" : "");
    else if (ok && !strcmp(d->verb, "move"))
        ok = snprintf(value, sizeof(value), "%s/files/u1/moved-%s%s", d->remote->dir, d->name,
                      d->kind->extension) > 0 &&
             rename(path, value) == 0;
    else
        ok = ok && f && set_line(path, text, d->kind, f->file, value);
    free(text);
    return ok;
}

bool real_edit(const struct real_remote *r, const char *line)
{
    struct doing d;
    struct sb_buf out = {0};
    if (!strcmp(line, "expire")) {
        bool ok = sb_exchange.control("expire_states", "", &out);
        sb_buf_free(&out);
        return ok;
    }
    if (!parse(r, line, true, &d))
        return false;
    switch (d.side) {
    case SIDE_A:
    case SIDE_B:
        return edit_box(&d);
    case SIDE_CRM:
        return edit_crm(&d);
    case SIDE_DIR:
        return edit_dir(&d);
    case SIDES:
        break;
    }
    return false;
}

/* ---- seeing ------------------------------------------------------------------------------------
 */

static const char *value_of_line(char *text, const struct field *f, const struct kind *k)
{
    char *at = line_at(text, f->file, k);
    if (!at || !strncmp(at, "END:", 4))
        return "";
    char *colon = strchr(at, ':'), *end = strpbrk(at, "\r\n");
    if (end)
        *end = 0;
    return colon ? colon + 1 : "";
}

/* How many there are, and the value of `f` (may be NULL) of the first. */
static size_t seen(const struct doing *d, const struct field *f, char value[REAL_LINE])
{
    char path[512], *text = NULL;
    const char *shown = NULL;
    size_t n = 0;
    if (d->side == SIDE_CRM) {
        const struct wb_record *p = record_named(d, &n);
        const char *on = p && f && f->crm_switch ? wb_value(p, f->crm_switch) : "true";
        shown = p && f && f->crm && on && !strcmp(on, "true") ? wb_value(p, f->crm) : NULL;
        if (p && f && part_is(f->crm))
            shown = text = part_on_notes(p);
    } else if (d->side == SIDE_DIR) {
        text = file_named(d, path, &n);
        shown = text && f ? value_of_line(text, f, d->kind) : NULL;
    } else {
        const struct ex_item *i = item_named(d, &n);
        for (size_t p = 0; i && f && p < PROPS && ex_props[p].uri; p++)
            if (!strcmp(ex_props[p].key ? ex_props[p].key : ex_props[p].element, f->exchange) &&
                i->value[p])
                shown = i->value[p];
        if (i && f && !strcmp(f->exchange, "Body"))
            shown = i->body;
        if (i && f && part_is(f->exchange))
            shown = text = part_shown(i, f->exchange);
        const char *on = i && f && f->exchange_switch ? ex_value(i, "item:ReminderIsSet") : "true";
        shown = on && !strcmp(on, "true") ? shown : NULL;
    }
    snprintf(value, REAL_LINE, "%s", shown ? shown : "");
    if (f && shown && d->side != SIDE_DIR)
        from_form(f, value);
    free(text);
    return n;
}

/* So often it is tied to somebody. */
static size_t relations(const struct doing *d)
{
    size_t n = 0, links = 0;
    const struct wb_record *p = record_named(d, &n);
    for (size_t i = 0; p && i < wb_sets[WB_LINKS].n; i++) {
        const struct wb_record *l = &wb_sets[WB_LINKS].rows[i];
        links += !l->deleted && strtoll(wb_value(l, "activity_id"), NULL, 10) == p->id;
    }
    return links;
}

bool real_is(const struct real_remote *r, const char *line)
{
    struct doing d;
    char wanted[REAL_LINE] = "", value[REAL_LINE];
    size_t count = 1;
    if (!parse(r, line, false, &d))
        return false;
    const struct field *f = field_of(&d, wanted);
    size_t n = seen(&d, f, value);
    if (!strcmp(d.rest, "none"))
        return n == 0;
    if (sscanf(d.rest, "count %zu", &count) == 1)
        return n == count;
    if (sscanf(d.rest, "related %zu", &count) == 1)
        return relations(&d) == count;
    return n == 1 && (!f || !strcmp(value, wanted));
}

bool real_value(const struct real_remote *r, const char *line, char *out, size_t cap)
{
    struct doing d;
    char none[REAL_LINE], value[REAL_LINE];
    if (!parse(r, line, false, &d))
        return false;
    strncat(d.rest, " -", sizeof(d.rest) - strlen(d.rest) - 1);
    const struct field *f = field_of(&d, none);
    size_t n = seen(&d, f, value);
    snprintf(out, cap, "%zu %s", n, value);
    return f != NULL;
}

uint64_t real_files_mark(const struct real_remote *r)
{
    uint64_t mark = 0;
    for (int u = 1; u <= 2; u++) {
        char folder[160], at[512];
        snprintf(folder, sizeof(folder), "%s/files/u%d", r->dir, u);
        DIR *dir = opendir(folder);
        for (const struct dirent *e; dir && (e = readdir(dir));) {
            struct stat st;
            snprintf(at, sizeof(at), "%s/%s", folder, e->d_name);
            if (*e->d_name != '.' && stat(at, &st) == 0)
                mark += (uint64_t)st.st_ino * 1000003u + (uint64_t)st.st_ctim.tv_nsec +
                        (uint64_t)st.st_ctim.tv_sec * 1000000007u;
        }
        if (dir)
            closedir(dir);
    }
    return mark;
}
