/* The connector's table: options, opening, what the database is. */
#include <stdlib.h>
#include <string.h>

#include "wb.h"

static const struct wess_option options[] = {
    {"url", "url", NULL, "https://secure.workbooks.com/", NULL, "address of the service", 0},
    {"api_key", "string", NULL, NULL, NULL, "API key of the service user; it has an end date",
     WESS_OPTION_REQUIRED | WESS_OPTION_SECRET},
    {"page_size", "int", NULL, "100", "1..200", "rows of one answer", 0},
    {"overlap", "duration", NULL, "60s", NULL, "how late a change may become visible", 0},
    {"application", "string", NULL, "WESS", NULL, "what created_through says", 0},
    {"employer", "choice", NULL, "match", "match|ignore",
     "whether a company name is tied to an organisation of that name", 0},
};
#define CAPS                                                                                       \
    (WESS_CAP_DELTA | WESS_CAP_CREATE | WESS_CAP_UPDATE | WESS_CAP_DELETE | WESS_CAP_CAS_UPDATE |  \
     WESS_CAP_CAS_DELETE | WESS_CAP_STAMP | WESS_CAP_TOMBSTONE_PROVES | WESS_CAP_SILENT |          \
     WESS_CAP_REWRITES)
static const struct wess_kind_caps kinds[] = {{"contact", CAPS}};
static const char *const fact_names[] = {"queue"};

static void close_conn(struct wess_conn *c)
{
    if (!c)
        return;
    http_free(c->http);
    json_decref(c->employers);
    for (size_t i = 0; i < c->n_queues; i++) {
        free(c->queues[i].id);
        free(c->queues[i].name);
    }
    free(c->queues);
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

static enum wess_code open_conn(const struct wess_host *host, struct wess_conn **out,
                                struct wess_error *e)
{
    struct wess_conn *c = calloc(1, sizeof(*c));
    *out = NULL;
    if (!c)
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "out of memory");
    const char *employer = host->setting(host->ctx, "employer");
    c->host = host;
    c->base = host->setting(host->ctx, "url");
    c->application = host->setting(host->ctx, "application");
    c->page = strtol(host->setting(host->ctx, "page_size"), NULL, 10);
    c->overlap_s = seconds_of(host->setting(host->ctx, "overlap"));
    c->match_employer = employer && !strcmp(employer, "match");
    c->http = http_new(host);
    c->employers = json_object();
    size_t len = c->base ? strlen(c->base) : 0;
    if (!c->http || !c->employers || !len || c->base[len - 1] != '/') {
        close_conn(c);
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "the setting url must end with a slash");
    }
    *out = c;
    return WESS_OK;
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
    return rc;
}

/* Without a session the service names no database. A key belongs to exactly one, so that the
 * address with the key's queues stands for it: a key of another database shows other queues. */
static char *identity(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < c->n_queues && i < 1; i++)
        for (const char *s = c->queues[i].id; *s; s++)
            h = (h ^ (unsigned char)*s) * 1099511628211u;
    return wess_arena_fmt(c->host, call->arena, "%s#%016llx", c->base, (unsigned long long)h);
}

static enum wess_code describe(struct wess_call *call, struct wess_schema *out)
{
    const struct wess_host *h = call->conn->host;
    enum wess_code rc = wb_queues(call);
    struct wess_collection *people = rc == WESS_OK ? h->alloc(call->arena, sizeof(*people)) : NULL;
    if (rc != WESS_OK)
        return wb_told(call, rc);
    char *id = identity(call);
    if (!people || !id)
        return wb_told(call, WESS_TOO_BIG);
    *people = (struct wess_collection){.id = "people",
                                       .kind = "contact",
                                       .title = "People",
                                       .caps = CAPS,
                                       .page_max = (uint32_t)call->conn->page,
                                       .fetch_max = WB_PAGE,
                                       .write_max = WB_BATCH,
                                       .settle_after_ms = WB_SETTLE_MS,
                                       .facts = {fact_names, 1},
                                       .fields = wb_schema,
                                       .n_fields = wb_n_schema};
    *out = (struct wess_schema){.identity = id, .version = "Workbooks API 1", .of = people, .n = 1};
    return WESS_OK;
}

static const struct wess_connector connector = {
    .abi = WESS_ABI,
    .size = sizeof(struct wess_connector),
    .name = "workbooks",
    .version = "0.1.0",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .kinds = kinds,
    .n_kinds = 1,
    .open = open_conn,
    .close = close_conn,
    .check = check,
    .describe = describe,
    .changes = wb_changes,
    .fetch = wb_fetch,
    .find = wb_find,
    .apply = wb_apply,
};

WESS_EXPORT const struct wess_connector *wess_connector_v1(void)
{
    return &connector;
}
