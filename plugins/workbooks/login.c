#include "login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"

#define PASSWORD_MAX 512u
#define LOGIN "login.api"
#define LOGOUT "logout"

/* What a session that has ended is told; everything else is about the user. */
static const char *const over[] = {"session_expired", "no_session", "no_session_found"};

static const char *const form_headers[] = {"Content-Type: application/x-www-form-urlencoded",
                                           "Accept: application/json"};

bool wb_login_open(struct wess_conn *c, struct wess_error *e)
{
    const struct wess_host *h = c->host;
    bool key = wess_is_set(h, "api_key"), word = wess_is_set(h, "password");
    c->username = h->setting(h->ctx, "username");
    c->database = h->setting(h->ctx, "database");
    if (!key && !c->username)
        wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                  "give api_key, or username and password of the user that WESS acts as");
    else if (key && c->username)
        wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                  "give api_key or username, not both: a key is its user's already");
    else if (c->username && !word)
        wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "username needs a password");
    else if (key && (word || c->database))
        wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                  "password and database go with username: a key belongs to one database");
    else {
        if (c->username)
            http_keep_cookies(c->http);
        return true;
    }
    return false;
}

static bool is_login(const char *location)
{
    return strstr(location, "login") != NULL;
}

/* B2, B6: by a status with a reason, or by a redirect to where people sign in. A redirect to the
 * same place is one who has to wait. */
bool wb_is_over(const struct http_response *r)
{
    if (is_login(r->location))
        return true;
    if (r->status != 401)
        return false;
    json_t *j = wb_parse(r->body ? r->body : "", r->len);
    const char *reason = json_string_value(json_object_get(j, "failure_reason"));
    bool found = false;
    if (!reason)
        reason = json_string_value(json_object_get(j, "failure_message"));
    for (size_t i = 0; reason && i < sizeof(over) / sizeof(over[0]); i++)
        found |= !strcmp(reason, over[i]);
    json_decref(j);
    return found;
}

void wb_login_forget(struct wess_conn *c)
{
    free(c->token);
    c->token = NULL;
}

void wb_login_named(const struct wess_conn *c, struct wess_error *e, enum wess_code rc)
{
    if (rc == WESS_AUTH && c->username)
        snprintf(e->text, sizeof(e->text), "Workbooks refuses the user name or the password%s",
                 strcmp(e->remote_code, "password_expired")
                     ? ""
                     : ": it has expired, sign in there once");
}

static enum wess_code fill(struct wess_call *call, struct form *f)
{
    char password[PASSWORD_MAX];
    struct wess_conn *c = call->conn;
    enum wess_code rc = wess_secret(c->host, "password", password, sizeof(password), &call->error);
    if (rc != WESS_OK)
        return rc;
    form_add(f, "client", "api");
    form_add(f, "api_version", "1");
    form_add(f, "username", c->username);
    form_add(f, "password", password);
    explicit_bzero(password, sizeof(password));
    if (c->database)
        form_add(f, "logical_database_id", c->database);
    form_add(f, "_application_name", c->application);
    form_add(f, "_strict_attribute_checking", "true");
    form_add(f, "_json_output_datetime_format", "%s");
    return f->spent ? WESS_TOO_BIG : WESS_OK;
}

static enum wess_code take_token(struct wess_call *call, const struct http_response *r)
{
    json_t *j = wb_parse(r->body, r->len);
    const char *token = json_string_value(json_object_get(j, "authenticity_token"));
    call->conn->token = token ? strdup(token) : NULL;
    enum wess_code rc = WESS_OK;
    if (!token)
        rc = wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                       "Workbooks signs in, and tells no authenticity_token");
    else if (!call->conn->token || !wb_queues_own(call->conn, json_object_get(j, "my_queues")))
        rc = WESS_TOO_BIG;
    json_decref(j);
    return rc;
}

enum wess_code wb_login(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    struct form f = {0};
    struct http_response r = {0};
    if (!c->username || c->token)
        return WESS_OK;
    char *url = wess_arena_fmt(c->host, call->arena, "%s" LOGIN "?_dc=%lld", c->base,
                               (long long)c->host->now_ms(c->host->ctx));
    enum wess_code rc = url ? fill(call, &f) : WESS_TOO_BIG;
    if (rc == WESS_OK) {
        const struct http_request q = {.url = url,
                                       .method = "POST",
                                       .headers = form_headers,
                                       .n_headers = 2,
                                       .body = f.data,
                                       .len = f.len};
        http_perform(c->http, &q, 1, 1, &r);
        call->requests++;
        if (r.code != WESS_OK)
            rc = wess_fail(&call->error, r.code == WESS_BROKEN ? WESS_BROKEN : WESS_TRANSIENT,
                           WESS_OF_HOST, NULL, "%s", r.text);
        else if (r.status == 200)
            rc = take_token(call, &r);
        else
            rc = wb_judge(&r, false, &call->error);
        wb_login_named(c, &call->error, rc);
    }
    if (!strcmp(call->error.remote_code, "no_database_selection_made"))
        rc = wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, "no_database_selection_made",
                       "the user has several databases: set database to the number of one");
    http_response_fini(&r);
    form_fini(&f);
    return rc;
}

void wb_logout(struct wess_conn *c)
{
    struct form f = {0};
    struct http_response r = {0};
    char *url = NULL;
    if (!c->token || c->host->cancelled(c->host->ctx) || asprintf(&url, "%s" LOGOUT, c->base) < 0)
        return;
    form_add(&f, "client", "api");
    form_add(&f, "_authenticity_token", c->token);
    const struct http_request q = {.url = url,
                                   .method = "POST",
                                   .headers = form_headers,
                                   .n_headers = 2,
                                   .body = f.data,
                                   .len = f.len,
                                   .flags = HTTP_NO_REDIRECT};
    if (!f.spent)
        http_perform(c->http, &q, 1, 1, &r);
    http_response_fini(&r);
    form_fini(&f);
    free(url);
}
