/* A connector that does nothing, built several times: whole, and with one thing wrong each. */
#include <stddef.h>
#include <stdlib.h>

#include "wess/connector.h"

#ifndef STUB_ABI
#define STUB_ABI WESS_ABI
#endif
#ifndef STUB_SIZE
#define STUB_SIZE sizeof(struct wess_connector)
#endif
#ifndef STUB_VERSION
#define STUB_VERSION "0.1"
#endif
#ifndef STUB_FIND
#define STUB_FIND find
#endif

struct wess_conn {
    int nothing;
};

static enum wess_code open_conn(const struct wess_host *host, struct wess_conn **out,
                                struct wess_error *e)
{
    (void)host;
    (void)e;
    *out = calloc(1, sizeof(**out));
    return *out ? WESS_OK : WESS_BROKEN;
}

static void close_conn(struct wess_conn *c)
{
    free(c);
}

static enum wess_code check(struct wess_call *call)
{
    (void)call;
    return WESS_OK;
}

static enum wess_code describe(struct wess_call *call, struct wess_schema *out)
{
    (void)call;
    *out = (struct wess_schema){.identity = "stub"};
    return WESS_OK;
}

static enum wess_code changes(struct wess_call *call, struct wess_slice cursor, uint32_t limit,
                              struct wess_page *out)
{
    (void)call;
    (void)limit;
    *out = (struct wess_page){.next = cursor, .flags = WESS_PAGE_LAST};
    return WESS_OK;
}

static enum wess_code fetch(struct wess_call *call, struct wess_list ids, struct wess_result *out)
{
    (void)call;
    for (size_t i = 0; i < ids.n; i++)
        out[i].code = WESS_GONE;
    return WESS_OK;
}

__attribute__((unused)) static enum wess_code
find(struct wess_call *call, const struct wess_key *keys, size_t n, struct wess_page *out)
{
    (void)call;
    (void)keys;
    (void)n;
    *out = (struct wess_page){.flags = WESS_PAGE_LAST};
    return WESS_OK;
}

static enum wess_code apply(struct wess_call *call, const struct wess_op *ops, size_t n,
                            struct wess_result *out)
{
    (void)call;
    (void)ops;
    for (size_t i = 0; i < n; i++)
        out[i].code = WESS_NOT_TRIED;
    return WESS_OK;
}

#ifdef STUB_OLDER
static enum wess_code ack(struct wess_call *call, struct wess_slice stored)
{
    (void)call;
    (void)stored;
    return WESS_OK;
}

static enum wess_code watch_open(const struct wess_host *const *users, size_t n,
                                 struct wess_watch **out, struct wess_error *e)
{
    (void)users;
    (void)n;
    (void)out;
    (void)e;
    return WESS_BROKEN;
}

static int watch_fd(struct wess_watch *w)
{
    (void)w;
    return -1;
}

static enum wess_code relate(struct wess_call *call, const struct wess_relation *of, size_t n,
                             struct wess_result *out)
{
    (void)call;
    (void)of;
    (void)n;
    (void)out;
    return WESS_BROKEN;
}
#endif

static const struct wess_option options[] = {
    {"address", "url", NULL, NULL, NULL, "where it is", WESS_OPTION_REQUIRED},
    {"account", "string", NULL, NULL, NULL, "who we are", 0},
    {"word", "string", NULL, NULL, NULL, "a secret", WESS_OPTION_REQUIRED | WESS_OPTION_SECRET},
    {"way", "choice", NULL, "near", "near|far", "how far", 0},
    {"lanes", "int", NULL, "4", "1..10", "how many", 0},
    {"loud", "bool", NULL, "false", NULL, "whether it tells", 0},
    {"pause", "duration", NULL, "1s", NULL, "between two", 0},
    {"rooms", "list", NULL, NULL, NULL, "which", 0},
};
static const struct wess_connector connector = {
    .abi = STUB_ABI,
    .size = STUB_SIZE,
    .name = STUB_NAME,
    .version = STUB_VERSION,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .open = open_conn,
    .close = close_conn,
    .check = check,
    .describe = describe,
    .changes = changes,
    .fetch = fetch,
    .find = STUB_FIND,
    .apply = apply,
#ifdef STUB_OLDER /* what its table has no room for is not there, whatever follows it in memory */
    .ack = ack,
    .watch_open = watch_open,
    .watch_fd = watch_fd,
    .relate = relate,
#endif
};

#ifdef STUB_ENTRY
WESS_EXPORT const struct wess_connector *STUB_ENTRY(void);
WESS_EXPORT const struct wess_connector *STUB_ENTRY(void)
#else
WESS_EXPORT const struct wess_connector *wess_connector_v1(void)
#endif
{
#ifdef STUB_NOTHING
    (void)connector;
    return NULL;
#else
    return &connector;
#endif
}
