/* The least connector that loads: what a newcomer begins with. */
#include <wess/connector.h>

static enum wess_code open_(const struct wess_host *host, struct wess_conn **out,
                            struct wess_error *error)
{
    (void)host;
    (void)error;
    *out = NULL;
    return WESS_OK;
}

static void close_(struct wess_conn *conn)
{
    (void)conn;
}

static enum wess_code check(struct wess_call *call)
{
    (void)call;
    return WESS_OK;
}

static enum wess_code describe(struct wess_call *call, struct wess_schema *out)
{
    (void)call;
    out->identity = "nowhere";
    return WESS_OK;
}

static enum wess_code changes(struct wess_call *call, struct wess_slice cursor, uint32_t limit,
                              struct wess_page *out)
{
    (void)call;
    (void)limit;
    out->next = cursor;
    out->flags = WESS_PAGE_LAST;
    return WESS_OK;
}

static enum wess_code fetch(struct wess_call *call, struct wess_list ids, struct wess_result *out)
{
    (void)call;
    for (size_t i = 0; i < ids.n; i++)
        out[i].code = WESS_GONE;
    return WESS_OK;
}

static enum wess_code find(struct wess_call *call, const struct wess_key *keys, size_t n,
                           struct wess_page *out)
{
    (void)call;
    (void)keys;
    (void)n;
    out->flags = WESS_PAGE_LAST;
    return WESS_OK;
}

static enum wess_code apply(struct wess_call *call, const struct wess_op *ops, size_t n,
                            struct wess_result *out)
{
    (void)call;
    (void)ops;
    for (size_t i = 0; i < n; i++)
        out[i].code = WESS_REJECTED;
    return WESS_OK;
}

const struct wess_connector *wess_connector_v1(void)
{
    static const struct wess_connector self = {
        .abi = WESS_ABI,
        .size = sizeof(struct wess_connector),
        .name = "nowhere",
        .version = "1",
        .open = open_,
        .close = close_,
        .check = check,
        .describe = describe,
        .changes = changes,
        .fetch = fetch,
        .find = find,
        .apply = apply,
    };
    return &self;
}
