/* One request: the key in its body, or within a session (login.c); the answer's meaning. */
#include <string.h>
#include <strings.h>

#include "login.h"
#include "settings.h"
#include "upload.h"
#include "wb.h"

#define KEY_MAX 512u
#define DEPTH_BOUND 24      /* brackets within brackets in an answer */
#define VALUES_MOST 1000000 /* of an answer: each costs far more memory than its bytes */

/* failure_reason of 401 and 403: what passes by itself; everything else needs a person. */
static const char *const passing[] = {"database_being_migrated", "database_archived",
                                      "no_available_database", "requested_database_not_available"};

json_t *wb_parse(const char *text, size_t len)
{
    json_error_t error;
    int depth = 0;
    size_t values = 0;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\\' && quoted)
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && (text[i] == '{' || text[i] == '['))
            depth++;
        else if (!quoted && (text[i] == '}' || text[i] == ']'))
            depth--;
        values += !quoted && (text[i] == ',' || text[i] == '{' || text[i] == '[');
        if (depth > DEPTH_BOUND || values > VALUES_MOST)
            return NULL;
    }
    return json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
}

static const char *reason_of(const struct http_response *r, char *buf, size_t cap)
{
    json_t *j = wb_parse(r->body ? r->body : "", r->len);
    const char *reason = json_string_value(json_object_get(j, "failure_reason"));
    if (!reason)
        reason = json_string_value(json_object_get(j, "failure_message"));
    snprintf(buf, cap, "%s", reason ? reason : "");
    json_decref(j);
    return buf;
}

static bool is_login(const char *location)
{
    return strstr(location, "login") != NULL;
}

enum wess_code wb_judge(const struct http_response *r, bool write, struct wess_error *e)
{
    char reason[80];
    e->remote_status = (int32_t)r->status;
    e->retry_after_ms = r->retry_after_ms;
    if (r->status == 200 && is_login(r->location))
        return wess_fail(e, WESS_AUTH, WESS_OF_CREDENTIAL, "redirect to login",
                         "Workbooks does not accept the api_key");
    switch (r->status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        if (is_login(r->location))
            return wess_fail(e, WESS_AUTH, WESS_OF_CREDENTIAL, "redirect to login",
                             "Workbooks does not accept the api_key");
        if (write) /* it may have been carried out */
            return wess_fail(e, WESS_UNKNOWN, WESS_OF_HOST, "redirect",
                             "Workbooks answered a write with a redirect");
        return wess_fail(e, WESS_THROTTLED, WESS_OF_HOST, "redirect",
                         "Workbooks asks to wait, or url points elsewhere");
    case 401:
    case 403:
        reason_of(r, reason, sizeof(reason));
        for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
            if (!strcmp(reason, passing[i]))
                return wess_fail(e, WESS_TRANSIENT, WESS_OF_HOST, reason,
                                 "the Workbooks database is not available now");
        return wess_fail(e, WESS_AUTH, WESS_OF_CREDENTIAL, reason, "Workbooks refuses the api_key");
    case 404:
    case 405:
    case 406:
    case 501:
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "no Workbooks service at this address (HTTP %ld): check the setting url",
                         r->status);
    case 429:
    case 503:
        return wess_fail(e, WESS_THROTTLED, WESS_OF_HOST, NULL, "Workbooks is busy (HTTP %ld)",
                         r->status);
    default:
        break;
    }
    if (r->status >= 500)
        return wess_fail(e, write ? WESS_UNKNOWN : WESS_TRANSIENT, WESS_OF_HOST, NULL,
                         "Workbooks failed with HTTP %ld", r->status);
    if (r->status == 200 && strncasecmp(r->type, "text/html", 9) == 0)
        return wess_fail(e, write ? WESS_UNKNOWN : WESS_TRANSIENT, WESS_OF_HOST, NULL,
                         "a web page came instead of data: check the setting url");
    return wess_fail(e, write ? WESS_UNKNOWN : WESS_TRANSIENT, WESS_OF_HOST, NULL,
                     "an answer came that cannot be read (HTTP %ld)", r->status);
}

static enum wess_code add_key(struct wess_call *call, struct form *f)
{
    char key[KEY_MAX];
    enum wess_code rc = wess_secret(call->conn->host, "api_key", key, sizeof(key), &call->error);
    if (rc != WESS_OK)
        return rc;
    form_add(f, "api_key", key);
    explicit_bzero(key, sizeof(key));
    return WESS_OK;
}

enum wess_code wb_begin(struct wess_call *call, const char *method, struct form *f)
{
    struct wess_conn *c = call->conn;
    form_add(f, "_method", method);
    form_add(f, "client", "api");
    form_add(f, "api_version", "1");
    form_add(f, "_api_version", "1");
    enum wess_code rc = c->username ? wb_login(call) : add_key(call, f);
    if (rc != WESS_OK)
        return rc;
    form_add(f, "_application_name", c->application);
    form_add(f, "_strict_attribute_checking", "true");
    form_add(f, "_json_output_datetime_format", "%s");
    return WESS_OK;
}

static void count(struct wess_call *call)
{
    uint64_t requests, sent, received;
    /* Of the connection so far; a call adds what it made of it. */
    http_count(call->conn->http, &requests, &sent, &received);
    call->requests += requests;
    call->bytes_out += sent;
    call->bytes_in += received;
}

static void uncount(struct wess_call *call)
{
    uint64_t requests, sent, received;
    http_count(call->conn->http, &requests, &sent, &received);
    call->requests -= requests;
    call->bytes_out -= sent;
    call->bytes_in -= received;
}

enum wess_code wb_told(struct wess_call *call, enum wess_code rc)
{
    if (rc == WESS_TOO_BIG && !call->error.text[0])
        wess_fail(&call->error, rc, WESS_OF_COLLECTION, NULL, "out of memory");
    return rc;
}

/* No answer at all, by libcurl's word. */
static enum wess_code no_answer(struct wess_call *call, const struct http_response *r, bool write)
{
    switch (r->code) {
    case WESS_BROKEN:
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "%s: check the setting url%s", r->text,
                         strstr(r->text, "certificate") ? " and http.ca_file" : "");
    case WESS_TOO_BIG: /* of a write: carried out, and only its answer is lost */
        return wess_fail(&call->error, write ? WESS_UNKNOWN : WESS_TOO_BIG, WESS_OF_HOST, NULL,
                         "%s", r->text);
    case WESS_CANCELLED:
        return wess_fail(&call->error, WESS_CANCELLED, WESS_OF_HOST, NULL, "cancelled");
    case WESS_NOT_TRIED:
        return wess_fail(&call->error, write ? WESS_NOT_TRIED : WESS_TRANSIENT, WESS_OF_HOST, NULL,
                         "%s", r->text);
    default:
        return wess_fail(&call->error, write ? WESS_UNKNOWN : WESS_TRANSIENT, WESS_OF_HOST, NULL,
                         "%s", r->text);
    }
}

/* *is_over: the session is; nothing was carried out. WESS_OK: there is an answer. */
static enum wess_code perform(struct wess_call *call, const char *path, const char *boundary,
                              struct http_request *q, bool write, bool *is_over,
                              struct http_response *r)
{
    struct wess_conn *c = call->conn;
    const struct wess_host *h = c->host;
    char *type =
        boundary
            ? wess_arena_fmt(h, call->arena, "Content-Type: multipart/form-data; boundary=%s",
                             boundary)
            : wess_arena_text(h, call->arena, "Content-Type: application/x-www-form-urlencoded");
    const char *const headers[] = {type, "Accept: application/json"};
    char *url = wess_arena_fmt(h, call->arena, "%s%s?_dc=%lld", c->base, path,
                               (long long)h->now_ms(h->ctx));
    if (!url || !type)
        return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_HOST, NULL, "out of memory");
    q->url = url;
    q->method = "POST";
    q->headers = headers;
    q->n_headers = q->filter ? 1 : 2;
    q->flags = write ? 0 : HTTP_IS_READ;
    uncount(call);
    http_perform(c->http, q, 1, 1, r);
    count(call);
    if (r->date_ms) {
        c->ahead_ms = r->date_ms - h->now_ms(h->ctx);
        call->remote_ms = r->date_ms;
    }
    *is_over = c->username && r->code == WESS_OK && wb_is_over(r);
    return r->code == WESS_OK ? WESS_OK : no_answer(call, r, write);
}

static enum wess_code post(struct wess_call *call, const char *path, const char *boundary,
                           struct http_request *q, bool write, bool *is_over, json_t **out)
{
    struct wess_conn *c = call->conn;
    struct http_response r = {0};
    *out = NULL;
    enum wess_code rc = perform(call, path, boundary, q, write, is_over, &r);
    if (rc == WESS_OK &&
        (r.status != 200 || !(*out = wb_parse(r.body, r.len)) || !json_is_object(*out)))
        rc = wb_judge(&r, write, &call->error);
    wb_login_named(c, &call->error, rc);
    if (rc != WESS_OK) {
        json_decref(*out);
        *out = NULL;
    }
    http_response_fini(&r);
    return rc;
}

/* A change bears the token of its session, which is the last of its form. */
static void add_token(const struct wess_call *call, struct form *f, bool write)
{
    if (write && call->conn->token)
        form_add(f, "_authenticity_token", call->conn->token);
}

static enum wess_code post_once(struct wess_call *call, const char *path, struct form *f,
                                struct wb_upload *u, bool write, bool *is_over, json_t **out)
{
    size_t len = f->len;
    add_token(call, f, write);
    if (f->boundary)
        form_end(f);
    if (f->spent)
        return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_HOST, NULL, "out of memory");
    struct http_request q = {.body = f->data, .len = f->len};
    if (u && wb_upload_start(u) != WESS_OK)
        return wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_COLLECTION, NULL,
                         "what is to be filed cannot be read from the spool");
    if (u)
        q = (struct http_request){.len = u->len, .source = wb_upload_read, .source_ctx = u};
    enum wess_code rc = post(call, path, f->boundary, &q, write, is_over, out);
    if (u)
        wb_upload_end(u);
    f->len = len;
    return rc;
}

/* A session ends when it likes: the request goes once more in another one. */
static enum wess_code post_form(struct wess_call *call, const char *path, struct form *f,
                                struct wb_upload *u, bool write, json_t **out)
{
    bool is_over = false;
    *out = NULL;
    enum wess_code rc = post_once(call, path, f, u, write, &is_over, out);
    if (!is_over)
        return rc;
    wb_login_forget(call->conn);
    call->error = (struct wess_error){0};
    rc = wb_login(call);
    if (rc != WESS_OK)
        return rc == WESS_TRANSIENT && write ? WESS_NOT_TRIED : rc;
    rc = post_once(call, path, f, u, write, &is_over, out);
    if (is_over)
        wb_login_forget(call->conn);
    return rc;
}

enum wess_code wb_post(struct wess_call *call, const char *path, struct form *f, bool write,
                       json_t **out)
{
    return post_form(call, path, f, NULL, write, out);
}

enum wess_code wb_post_upload(struct wess_call *call, const char *path, struct wb_upload *u,
                              json_t **out)
{
    return post_form(call, path, u->form, u, true, out);
}

/* ---- a file comes
 * ------------------------------------------------------------------------------------------ */

struct coming {
    const struct wess_host *host;
    struct wess_spool *spool;
    uint64_t size;
    bool lost; /* it cannot be spooled */
};

static size_t keep_piece(void *ctx, char *data, size_t len)
{
    struct coming *c = ctx;
    c->size += len;
    c->lost = c->lost || c->host->blob_put(c->spool, data, len) != WESS_OK;
    return 0;
}

static enum wess_code ask_file(struct wess_call *call, const char *path, struct coming *to,
                               bool *is_over)
{
    struct form f = {0};
    struct http_response r = {0};
    enum wess_code rc = wb_begin(call, "GET", &f);
    struct http_request q = {.body = f.data, .len = f.len, .filter = keep_piece, .filter_ctx = to};
    if (rc == WESS_OK && f.spent)
        rc = wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_HOST, NULL, "out of memory");
    if (rc == WESS_OK)
        rc = perform(call, path, NULL, &q, false, is_over, &r);
    if (rc == WESS_OK && r.status == 404)
        rc = WESS_GONE;
    else if (rc == WESS_OK && r.status != 200)
        rc = wb_judge(&r, false, &call->error);
    wb_login_named(call->conn, &call->error, rc);
    http_response_fini(&r);
    form_fini(&f);
    return rc;
}

static enum wess_code download_once(struct wess_call *call, const char *path, uint64_t size,
                                    struct wess_blob *out, bool *is_over)
{
    const struct wess_host *h = call->conn->host;
    struct coming to = {.host = h};
    *is_over = false;
    to.lost = h->blob_new(h->ctx, &to.spool) != WESS_OK;
    enum wess_code rc = to.lost ? WESS_OK : ask_file(call, path, &to, is_over);
    if (rc == WESS_OK && !to.lost && to.size == size)
        return h->blob_done(to.spool, call->arena, out);
    if (to.spool)
        h->blob_close(to.spool);
    return rc != WESS_OK ? rc
                         : wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_COLLECTION, NULL,
                                     "an attached file did not come whole, or cannot be spooled");
}

enum wess_code wb_download(struct wess_call *call, const char *path, uint64_t size,
                           struct wess_blob *out)
{
    bool is_over = false;
    enum wess_code rc = download_once(call, path, size, out, &is_over);
    if (!is_over)
        return rc;
    wb_login_forget(call->conn);
    call->error = (struct wess_error){0};
    return download_once(call, path, size, out, &is_over);
}
