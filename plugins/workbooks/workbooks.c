/* The connector's table: options, opening, what the database is. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "links.h"
#include "login.h"
#include "meta.h"
#include "report.h"

static const struct wess_option options[] = {
    {"url", "url", NULL, "https://secure.workbooks.com/", NULL, "address of the service", 0},
    {"api_key", "string", NULL, NULL, NULL, "API key of the service user; it has an end date",
     WESS_OPTION_SECRET},
    {"username", "string", NULL, NULL, NULL, "the service user, where there is no key", 0},
    {"password", "string", NULL, NULL, NULL, "of username", WESS_OPTION_SECRET},
    {"database", "string", NULL, NULL, NULL, "number of the database, where username has several",
     WESS_OPTION_CREDENTIAL},
    {"page_size", "int", NULL, "100", "1..200", "rows of one answer", 0},
    {"overlap", "duration", NULL, "60s", NULL, "how late a change may become visible", 0},
    {"application", "string", NULL, "WESS", NULL, "what created_through says", 0},
    {"attachments", "bool", NULL, "false", NULL,
     "files that are attached to contacts, tasks and events travel as well, on a note of the "
     "record",
     0},
    {"max_create", "int", NULL, "0", "0..1000000", "records created in an hour; 0: any number", 0},
    {"employer", "choice", NULL, "match", "match|ignore",
     "whether a company name is tied to an organisation of that name", 0},
    {"create_organisations", "bool", NULL, "false", NULL,
     "whether organisations are created: those of a pair, and employers that are not there", 0},
    {"custom_fields", "list", NULL, NULL, NULL,
     "fields of the database's own that travel, as in people.cf_person_tier", 0},
    {"select_columns", "list", NULL, NULL, NULL,
     "columns that a select may ask for beside the queue, as in tasks.activity_type", 0},
    {"reports", "list", NULL, NULL, NULL,
     "saved reports that say which records are chosen, as in people.Exchange Sync", 0},
    {"report_id_column", "string", NULL, "id", NULL, "column of reports with the records' numbers",
     0},
    {"picklist_values", "list", NULL, NULL, NULL,
     "which value of a custom field is which, as in people.cf_person_tier:gold=Gold", 0},
    {"share_description", "bool", NULL, "false", NULL,
     "whether the description of meetings travels: who is invited reads it", 0},
    {"meeting_details", "bool", NULL, "true", NULL,
     "whether place, people and show-as of meetings stand in a block of their description", 0},
    {"all_day_finish", "choice", NULL, "last", "last|after",
     "whether the finish of a meeting of whole days is its last day, or the day after", 0},
    {"link_people", "bool", NULL, "true", NULL,
     "whether mail is related to the people who bear an address of it", 0},
    {"link_attendees", "bool", NULL, "true", NULL,
     "whether attendees are related to the people they are", 0},
    {"mail_status", "string", NULL, NULL, NULL,
     "status of filed emails; one of the database that sends nothing unless given", 0},
    {"assign_to", "string", NULL, NULL, NULL, "queue of the tasks and meetings that are created",
     0},
    {"task_status", "list", NULL, NULL, NULL,
     "words of tasks' status, as in NEEDS-ACTION=New; those of a new database unless given", 0},
    {"task_priority", "list", NULL, NULL, NULL,
     "words of tasks' priority, as in 1=High; those of a new database unless given", 0},
};
/* A new database's, as far as anybody shows them. */
#define STATUSES "NEEDS-ACTION=New\nCOMPLETED=Complete"
#define PRIORITIES "1=High\n0=Medium"

static void close_conn(struct wess_conn *c)
{
    if (!c)
        return;
    if (c->http)
        wb_logout(c);
    wb_login_forget(c);
    http_free(c->http);
    json_decref(c->employers);
    for (size_t k = 0; k < WB_KINDS; k++)
        json_decref(c->meta[k]);
    for (size_t f = 0; f < WB_FAMILIES; f++) {
        for (size_t i = 0; i < c->queues[f].n; i++) {
            free(c->queues[f].of[i].id);
            free(c->queues[f].of[i].name);
        }
        free(c->queues[f].of);
        free(c->queues[f].own);
    }
    wb_custom_free(c);
    wb_asked_free(c);
    wb_reports_free(c);
    wb_words_free(&c->statuses);
    wb_words_free(&c->priorities);
    free(c);
}

static int64_t seconds_of(const char *text)
{
    static const struct {
        char unit;
        int64_t s;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    long long n = strtoll(text, &end, 10);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (*end == units[i].unit)
            return (int64_t)n * units[i].s;
    return (int64_t)n;
}

static bool read_words(const struct wess_host *h, const char *name, const char *usual,
                       struct wb_words *out, struct wess_error *e)
{
    const char *lines = h->setting(h->ctx, name), *bad = NULL;
    if (wb_words_read(out, lines ? lines : usual, &bad))
        return true;
    if (bad)
        wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "%s: \"%.*s\" is not of the form OURS=THEIRS",
                  name, (int)strcspn(bad, "\n"), bad);
    else
        wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "out of memory");
    return false;
}

static void read_switches(struct wess_conn *c)
{
    static const struct {
        const char *name, *on;
        size_t at;
    } switches[] = {
        {"employer", "match", offsetof(struct wess_conn, match_employer)},
        {"create_organisations", "true", offsetof(struct wess_conn, create_organisations)},
        {"attachments", "true", offsetof(struct wess_conn, attachments)},
        {"share_description", "true", offsetof(struct wess_conn, share_description)},
        {"all_day_finish", "after", offsetof(struct wess_conn, ends_after)},
        {"link_people", "true", offsetof(struct wess_conn, link_people)},
        {"meeting_details", "true", offsetof(struct wess_conn, details)},
        {"link_attendees", "true", offsetof(struct wess_conn, link_attendees)},
    };
    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
        const char *text = c->host->setting(c->host->ctx, switches[i].name);
        *(bool *)((char *)c + switches[i].at) = text && !strcmp(text, switches[i].on);
    }
}

/* In this order: values of picklists are those of custom fields. */
static bool read_lists(struct wess_conn *c, struct wess_error *e)
{
    static const struct {
        const char *name;
        bool (*read)(struct wess_conn *, const char *lines, const char **bad);
        const char *form;
    } lists[] = {
        {"custom_fields", wb_custom_read, "COLLECTION.cf_NAME, or one too many"},
        {"select_columns", wb_asked_read, "COLLECTION.COLUMN, or one too many"},
        {"reports", wb_reports_read, "COLLECTION.REPORT, or a second one of its collection"},
        {"picklist_values", wb_custom_words,
         "COLLECTION.cf_NAME:OURS=THEIRS, of a field in custom_fields"},
    };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        const char *bad = NULL;
        if (lists[i].read(c, c->host->setting(c->host->ctx, lists[i].name), &bad))
            continue;
        wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "%s: \"%.*s\" is not of the form %s",
                  lists[i].name, bad ? (int)strcspn(bad, "\n") : 0, bad ? bad : "", lists[i].form);
        return false;
    }
    return read_words(c->host, "task_status", STATUSES, &c->statuses, e) &&
           read_words(c->host, "task_priority", PRIORITIES, &c->priorities, e);
}

static bool read_settings(struct wess_conn *c, struct wess_error *e)
{
    const struct wess_host *h = c->host;
    const char *most = h->setting(h->ctx, "max_create");
    c->base = h->setting(h->ctx, "url");
    c->application = h->setting(h->ctx, "application");
    c->page = strtol(h->setting(h->ctx, "page_size"), NULL, 10);
    c->overlap_s = seconds_of(h->setting(h->ctx, "overlap"));
    c->max_create = most ? strtol(most, NULL, 10) : 0;
    c->mail_status = h->setting(h->ctx, "mail_status");
    c->assign_to = h->setting(h->ctx, "assign_to");
    c->assign_mine = c->assign_to && !strcasecmp(c->assign_to, WB_MINE);
    c->report_column = h->setting(h->ctx, "report_id_column");
    read_switches(c);
    size_t len = c->base ? strlen(c->base) : 0;
    if (!len || c->base[len - 1] != '/') {
        wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "the setting url must end with a slash");
        return false;
    }
    if (c->assign_mine && !h->setting(h->ctx, "username")) {
        wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                  "assign_to = \"" WB_MINE "\" needs username and password in place of api_key; a "
                  "queue that is called so goes by its number");
        return false;
    }
    if (c->mail_status && !strcasecmp(c->mail_status, WB_SENDS)) {
        wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                  "mail_status = \"" WB_SENDS "\" would send each mail once more");
        return false;
    }
    return wb_login_open(c, e) && read_lists(c, e);
}

static enum wess_code open_conn(const struct wess_host *host, struct wess_conn **out,
                                struct wess_error *e)
{
    struct wess_conn *c = calloc(1, sizeof(*c));
    *out = NULL;
    if (!c)
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "out of memory");
    c->host = host;
    c->http = http_new(host);
    c->employers = json_object();
    if (!c->http || !c->employers)
        wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "out of memory");
    else if (read_settings(c, e))
        *out = c;
    if (!*out)
        close_conn(c);
    return *out ? WESS_OK : WESS_BROKEN;
}

static enum wess_code check(struct wess_call *call)
{
    struct form f = {0};
    json_t *answer = NULL;
    enum wess_code rc = wb_begin(call, "GET", &f);
    if (rc == WESS_OK) {
        form_add(&f, "_start", "0");
        form_add(&f, "_limit", "0");
        rc = wb_post(call, "crm/people.api", &f, false, &answer);
    }
    form_fini(&f);
    if (rc == WESS_OK && !json_is_true(json_object_get(answer, "success")))
        rc = wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                       "Workbooks answers, but not to a query for people");
    json_decref(answer);
    return rc == WESS_OK ? wb_reports_check(call) : rc;
}

static enum wess_code changes(struct wess_call *call, struct wess_slice cursor, uint32_t limit,
                              struct wess_page *out)
{
    return (call->conn->by_reports ? wb_report_changes : wb_changes)(call, cursor, limit, out);
}

/* Without a session the service names no database. A key belongs to exactly one, so that the
 * address with the key's queues stands for it: a key of another database shows other queues. */
static char *identity(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    uint64_t h = 1469598103934665603u;
    const struct wb_queues *q = &c->queues[WB_OF_PEOPLE];
    for (size_t i = 0; i < q->n && i < 1; i++)
        for (const char *s = q->of[i].id; *s; s++)
            h = (h ^ (unsigned char)*s) * 1099511628211u;
    return wess_arena_fmt(c->host, call->arena, "%s#%016llx", c->base, (unsigned long long)h);
}

static enum wess_code describe(struct wess_call *call, struct wess_schema *out)
{
    enum wess_code rc = wb_queues(call, WB_OF_PEOPLE);
    char *id = rc == WESS_OK ? identity(call) : NULL;
    if (rc == WESS_OK && !id)
        rc = WESS_TOO_BIG;
    *out = (struct wess_schema){.identity = id, .version = "Workbooks API 1"};
    if (rc == WESS_OK)
        rc = wb_meta(call, id);
    if (rc == WESS_OK)
        rc = wb_meta_check(call);
    if (rc == WESS_OK)
        rc = wb_collections(call, out);
    return wb_told(call, rc);
}

static const struct wess_connector connector = {
    .abi = WESS_ABI,
    .size = sizeof(struct wess_connector),
    .name = "workbooks",
    .version = "0.1.0",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .kinds = wb_caps,
    .n_kinds = WB_ORGANISATIONS, /* they are contacts too */
    .open = open_conn,
    .close = close_conn,
    .check = check,
    .describe = describe,
    .changes = changes,
    .fetch = wb_fetch,
    .find = wb_find,
    .apply = wb_apply,
    .relate = wb_relate,
    .values = wb_values,
};

WESS_EXPORT const struct wess_connector *wess_connector_v1(void)
{
    return &connector;
}
