#include "testhost.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct testhost_blob {
    struct testhost_blob *next;
    char digest[32];
    char *data;
    size_t len;
};
struct wess_spool {
    struct testhost *th;
    char *data;
    size_t len, cap, at;
    bool reading;
};

void testhost_drop(struct testhost *th)
{
    testarena_drop(&th->arena);
}

/* ---- settings, clock, log ----------------------------------------------------------------------
 */

static void host_log(void *ctx, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void host_log(void *ctx, int level, const char *fmt, ...)
{
    struct testhost *th = ctx;
    size_t at = strlen(th->log), room = sizeof(th->log) - at;
    va_list ap;
    int n = snprintf(th->log + at, room, "%d ", level);
    if (n > 0 && (size_t)n < room) {
        va_start(ap, fmt);
        vsnprintf(th->log + at + n, room - (size_t)n, fmt, ap);
        va_end(ap);
    }
    if (th->echo)
        fprintf(th->echo, "%s\n", th->log + at);
    if (strlen(th->log) + 2 < sizeof(th->log))
        strcat(th->log, "\n");
}

static int64_t host_now(void *ctx)
{
    return ((struct testhost *)ctx)->now_ms;
}

static bool host_cancelled(void *ctx)
{
    return ((struct testhost *)ctx)->cancel;
}

static const char *host_setting(void *ctx, const char *name)
{
    const struct testhost *th = ctx;
    for (size_t i = 0; i < th->n_settings; i++)
        if (!strcmp(th->settings[i].name, name))
            return th->settings[i].value;
    return NULL;
}

static enum wess_code host_secret(void *ctx, const char *name, char *buf, size_t cap)
{
    const char *value = host_setting(ctx, name);
    if (!value || strlen(value) >= cap)
        return WESS_AUTH;
    memcpy(buf, value, strlen(value) + 1);
    return WESS_OK;
}

static enum wess_code host_secret_put(void *ctx, const char *name, const char *value)
{
    struct testhost *th = ctx;
    (void)name;
    snprintf(th->put, sizeof(th->put), "%s", value);
    return WESS_OK;
}

static enum wess_code host_token(void *ctx, const char *name, bool renew, char *buf, size_t cap)
{
    ((struct testhost *)ctx)->renewals += renew;
    return host_secret(ctx, name, buf, cap);
}

/* ---- blobs -------------------------------------------------------------------------------------
 */

static enum wess_code blob_new(void *ctx, struct wess_spool **out)
{
    *out = calloc(1, sizeof(**out));
    if (*out)
        (*out)->th = ctx;
    return *out ? WESS_OK : WESS_TOO_BIG;
}

static enum wess_code blob_put(struct wess_spool *s, const void *data, size_t len)
{
    if (s->len + len > s->cap) {
        size_t cap = (s->len + len) * 2;
        char *more = realloc(s->data, cap);
        if (!more)
            return WESS_TOO_BIG;
        s->data = more;
        s->cap = cap;
    }
    if (len)
        memcpy(s->data + s->len, data, len);
    s->len += len;
    return WESS_OK;
}

static void blob_close(struct wess_spool *s)
{
    if (s && !s->reading)
        free(s->data);
    free(s);
}

static enum wess_code blob_done(struct wess_spool *s, struct wess_arena *a, struct wess_blob *out)
{
    struct testhost_blob *b = calloc(1, sizeof(*b));
    uint64_t hash = 1469598103934665603u;
    char *digest = testarena_alloc(a, sizeof(b->digest));
    if (!b || !digest) {
        free(b);
        blob_close(s);
        return WESS_TOO_BIG;
    }
    for (size_t i = 0; i < s->len; i++)
        hash = (hash ^ (unsigned char)s->data[i]) * 1099511628211u;
    snprintf(b->digest, sizeof(b->digest), "%016llx", (unsigned long long)hash);
    strcpy(digest, b->digest);
    b->data = s->data;
    b->len = s->len;
    b->next = s->th->blobs;
    s->th->blobs = b;
    *out = (struct wess_blob){digest, b->len};
    free(s);
    return WESS_OK;
}

const char *testhost_blob(const struct testhost *th, const char *digest, size_t *len)
{
    for (const struct testhost_blob *b = th->blobs; b; b = b->next) {
        if (strcmp(b->digest, digest))
            continue;
        *len = b->len;
        return b->data ? b->data : "";
    }
    return NULL;
}

static enum wess_code blob_open(void *ctx, const char *digest, struct wess_spool **out)
{
    size_t len = 0;
    const char *data = testhost_blob(ctx, digest, &len);
    *out = data ? calloc(1, sizeof(**out)) : NULL;
    if (!*out)
        return WESS_GONE;
    **out = (struct wess_spool){.data = (char *)(uintptr_t)data, .len = len, .reading = true};
    return WESS_OK;
}

static int64_t blob_get(struct wess_spool *s, void *buf, size_t cap)
{
    size_t n = s->len - s->at < cap ? s->len - s->at : cap;
    if (n)
        memcpy(buf, s->data + s->at, n);
    s->at += n;
    return (int64_t)n;
}

/* ---- the host ----------------------------------------------------------------------------------
 */

void testhost_init(struct testhost *th, const struct testhost_setting *settings, size_t n)
{
    *th = (struct testhost){.arena.budget = TESTHOST_BUDGET,
                            .settings = settings,
                            .n_settings = n,
                            .now_ms = 1795000000000,
                            .http = {.user_agent = "WESS/0.1",
                                     .connect_timeout_ms = 2000,
                                     .timeout_ms = 10000,
                                     .body_max = (uint64_t)64 << 20}};
    th->host = (struct wess_host){.abi = WESS_ABI,
                                  .size = sizeof(struct wess_host),
                                  .ctx = th,
                                  .log = host_log,
                                  .now_ms = host_now,
                                  .cancelled = host_cancelled,
                                  .setting = host_setting,
                                  .secret = host_secret,
                                  .secret_put = host_secret_put,
                                  .token = host_token,
                                  .alloc = testarena_alloc,
                                  .blob_new = blob_new,
                                  .blob_put = blob_put,
                                  .blob_done = blob_done,
                                  .blob_open = blob_open,
                                  .blob_get = blob_get,
                                  .blob_close = blob_close,
                                  .http = &th->http,
                                  .fold = testarena_fold};
}

void testhost_fini(struct testhost *th)
{
    testarena_fini(&th->arena);
    while (th->blobs) {
        struct testhost_blob *b = th->blobs;
        th->blobs = b->next;
        free(b->data);
        free(b);
    }
}

struct wess_call testhost_call(struct testhost *th, struct wess_conn *conn, const char *collection)
{
    return (struct wess_call){
        .conn = conn, .collection = collection, .lanes = 4, .arena = &th->arena};
}

/* ---- looking into items ------------------------------------------------------------------------
 */

static const struct wess_field *field_in(const struct wess_field *f, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(f[i].name, name))
            return &f[i];
    return NULL;
}

static const char *text_in(const struct wess_field *f)
{
    bool text = f && (f->type == WESS_TEXT || f->type == WESS_DATE || f->type == WESS_DECIMAL);
    return text ? f->str.data : NULL; /* connectors keep a zero behind it; asserted by the contract
                                         tests, which run under a sanitizer */
}

const struct wess_field *test_field(const struct wess_item *item, const char *name)
{
    return field_in(item->fields, item->n_fields, name);
}

const char *test_text(const struct wess_item *item, const char *name)
{
    return text_in(test_field(item, name));
}

const struct wess_record *test_record(const struct wess_item *item, const char *field,
                                      const char *key)
{
    const struct wess_field *f = test_field(item, field);
    for (size_t i = 0; f && f->type == WESS_RECORDS && i < f->records.n; i++)
        if (!strcmp(f->records.of[i].key, key))
            return &f->records.of[i];
    return NULL;
}

const char *test_record_text(const struct wess_record *r, const char *field)
{
    return r ? text_in(field_in(r->fields, r->n, field)) : NULL;
}

bool test_has_key(const struct wess_item *item, const char *space, const char *id)
{
    for (size_t i = 0; i < item->n_keys; i++)
        if (!strcmp(item->keys[i].space, space) && !strcmp(item->keys[i].id, id))
            return true;
    return false;
}

bool test_has_tag(const struct wess_item *item, const char *tag)
{
    for (size_t i = 0; i < item->tags.n; i++)
        if (!strcmp(item->tags.of[i], tag))
            return true;
    return false;
}
