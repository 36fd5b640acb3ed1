/* The connector's table, what a check tells, and what the mailbox is. */
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "imap.h"

/* A message that is gone may have been moved: nothing proves a deletion. */
#define CAPS                                                                                       \
    (WESS_CAP_DELTA | WESS_CAP_UPDATE | WESS_CAP_CAS_UPDATE | WESS_CAP_FACET | WESS_CAP_SILENT)
static const struct wess_kind_caps kinds[] = {{"message", CAPS}};
static const struct wess_field_schema fields[] = {
    {"categories", WESS_SET, 0, 0, IMAP_KEYWORDS_MAX, {NULL, 0}}};

static void count(struct wess_call *call, const struct wess_conn *was)
{
    const struct wess_conn *c = call->conn;
    call->requests += c->requests - was->requests;
    call->bytes_out += c->sent - was->sent;
    call->bytes_in += c->came - was->came;
}

/* ---- check
 * ------------------------------------------------------------------------------------------ */

static enum wess_code take_selected(void *ctx, const struct imap_response *got)
{
    imap_take_selected(ctx, got);
    return WESS_OK;
}

static bool is_exchange(const struct wess_conn *c)
{
    return strstr(c->greeting, "Microsoft Exchange") != NULL;
}

static const char *verdict(const struct wess_conn *c, const struct imap_selected *s)
{
    if (is_exchange(c))
        return "this is Microsoft's Exchange, which keeps no keywords over IMAP: ask for its "
               "categories with the connector ews";
    if (s->any_keyword)
        return "any can be set";
    return s->permanent
               ? "this server takes no new keywords (PERMANENTFLAGS has no \\*): only those "
                 "that it shows already can be tags"
               : "the server does not say which it keeps";
}

static enum wess_code note(struct wess_call *call, const struct imap_selected *s)
{
    const struct wess_conn *c = call->conn;
    struct wess_fact *notes = c->host->alloc(call->arena, 4 * sizeof(*notes));
    if (!notes)
        return imap_spent(call);
    const char *names = "", *lacks = "";
    for (size_t i = 0; names && i < c->folders.n && i < 8; i++)
        names = wess_arena_fmt(c->host, call->arena, "%s%s%s", names, i ? ", " : "",
                               c->folders.of[i].path);
    if (names && c->folders.n > 8)
        names = wess_arena_fmt(c->host, call->arena, "%s and %zu more", names, c->folders.n - 8);
    for (size_t i = 0; lacks && i < c->n_include; i++)
        if (!c->met[i])
            lacks = wess_arena_fmt(c->host, call->arena, "%s%s%s", lacks, *lacks ? ", " : "",
                                   c->include[i]);
    if (!names || !lacks)
        return imap_spent(call);
    notes[0] = (struct wess_fact){"folders", names};
    notes[1] = (struct wess_fact){"keywords", verdict(c, s)};
    notes[2] = (struct wess_fact){"changes",
                                  c->features & IMAP_QRESYNC     ? "told by the server (QRESYNC)"
                                  : c->features & IMAP_CONDSTORE ? "told by the server (CONDSTORE)"
                                                                 : "found by reading all flags"};
    notes[3] = (struct wess_fact){"not there", lacks};
    call->notes = notes;
    call->n_notes = *lacks ? 4 : 3;
    return WESS_OK;
}

/* SELECT, since EXAMINE tells of no flag that it could be set. Nothing of the mailbox changes by it
 * but which messages count as recent. */
static enum wess_code look(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    struct imap_selected selected = {0};
    struct imap_batch b = {0};
    enum wess_code rc = imap_connect(call);
    if (rc == WESS_OK)
        rc = imap_list(call);
    if (rc != WESS_OK)
        return rc;
    if (!c->folders.n)
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_MAILBOX, NULL,
                         "no folder is chosen: the settings folders and exclude leave none");
    imap_put_select(c, &b, 0, true);
    rc = imap_run(call, &b, take_selected, &selected);
    c->at_folder = SIZE_MAX;
    if (rc != WESS_OK)
        return rc;
    rc = note(call, &selected);
    if (rc == WESS_OK && is_exchange(c))
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL, "%s",
                         verdict(c, &selected));
    return rc;
}

static enum wess_code check(struct wess_call *call)
{
    const struct wess_conn was = *call->conn;
    enum wess_code rc = look(call);
    count(call, &was);
    return rc;
}

/* ---- describe
 * ------------------------------------------------------------------------------------------ */

static enum wess_code tell(struct wess_call *call, struct wess_schema *out)
{
    struct wess_conn *c = call->conn;
    enum wess_code rc = imap_connect(call);
    if (rc == WESS_OK)
        rc = imap_list(call);
    if (rc != WESS_OK)
        return rc;
    struct wess_collection *col = c->host->alloc(call->arena, sizeof(*col));
    const char *generation = imap_generation(call);
    const char *identity = wess_arena_fmt(c->host, call->arena, "%s %s", c->url,
                                          c->authorize ? c->authorize : c->username);
    if (!col || !generation || !identity)
        return imap_spent(call);
    bool counts = (c->features & IMAP_CONDSTORE) != 0;
    for (size_t i = 0; i < c->folders.n; i++)
        counts &= c->folders.of[i].modseq != 0;
    *col = (struct wess_collection){
        .id = "messages",
        .kind = "message",
        .title = "Messages",
        .generation = generation,
        .caps = counts ? CAPS : CAPS & ~(uint64_t)(WESS_CAP_DELTA | WESS_CAP_CAS_UPDATE),
        .page_max = IMAP_PAGE,
        .fetch_max = IMAP_FETCH,
        .write_max = IMAP_WRITE,
        .fields = fields,
        .n_fields = sizeof(fields) / sizeof(fields[0])};
    *out = (struct wess_schema){.identity = identity, .version = "IMAP4", .of = col, .n = 1};
    return WESS_OK;
}

static enum wess_code describe(struct wess_call *call, struct wess_schema *out)
{
    const struct wess_conn was = *call->conn;
    enum wess_code rc = tell(call, out);
    count(call, &was);
    return rc;
}

/* ---- the rest counts, and passes on
 * ------------------------------------------------------------------------------------------ */

static enum wess_code changes(struct wess_call *call, struct wess_slice at, uint32_t limit,
                              struct wess_page *out)
{
    const struct wess_conn was = *call->conn;
    enum wess_code rc = imap_changes(call, at, limit, out);
    count(call, &was);
    return rc;
}

static enum wess_code fetch(struct wess_call *call, struct wess_list ids, struct wess_result *out)
{
    const struct wess_conn was = *call->conn;
    enum wess_code rc = imap_fetch(call, ids, out);
    count(call, &was);
    return rc;
}

static enum wess_code find(struct wess_call *call, const struct wess_key *keys, size_t n,
                           struct wess_page *out)
{
    const struct wess_conn was = *call->conn;
    enum wess_code rc = imap_find(call, keys, n, out);
    count(call, &was);
    return rc;
}

static enum wess_code apply(struct wess_call *call, const struct wess_op *ops, size_t n,
                            struct wess_result *out)
{
    const struct wess_conn was = *call->conn;
    enum wess_code rc = imap_apply(call, ops, n, out);
    count(call, &was);
    return rc;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static enum wess_code open_conn(const struct wess_host *host, struct wess_conn **out,
                                struct wess_error *e)
{
    pthread_once(&once, start);
    return imap_open(host, out, e);
}

static enum wess_code watch_open(const struct wess_host *const *users, size_t n,
                                 struct wess_watch **out, struct wess_error *e)
{
    pthread_once(&once, start);
    return imap_watch_open(users, n, out, e);
}

static const struct wess_connector connector = {
    .abi = WESS_ABI,
    .size = sizeof(struct wess_connector),
    .name = "imap-tags",
    .version = "0.1.0",
    .options = imap_options,
    .n_options = IMAP_N_OPTIONS,
    .kinds = kinds,
    .n_kinds = sizeof(kinds) / sizeof(kinds[0]),
    .open = open_conn,
    .close = imap_close,
    .check = check,
    .describe = describe,
    .changes = changes,
    .fetch = fetch,
    .find = find,
    .apply = apply,
    .login = imap_login,
    .watch_open = watch_open,
    .watch_fd = imap_watch_fd,
    .watch_ready = imap_watch_ready,
    .watch_close = imap_watch_close,
};

WESS_EXPORT const struct wess_connector *wess_connector_v1(void)
{
    return &connector;
}
