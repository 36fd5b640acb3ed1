#include "oauth.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "form.h"
#include "http.h"
#include "jwt.h"
#include "settings.h"
#include "token.h"

#define SECRET_MAX 1024u
#define MARGIN_S 300 /* renewed so long before a token ends, or a fifth of its life */
#define LIFE_S 300   /* of a token that does not tell */
#define LOOK_NS 100000000L
#define SECOND_NS 1000000000L
#define KEPT_MAX 4096u
#define TURNS 8 /* looks at a refresh token that others keep changing */
#define INTERVAL_S 5
#define INTERVAL_MAX_S 60
#define CODE_LIFE_S 900

void oauth_wipe(char *token)
{
    if (token)
        explicit_bzero(token, strlen(token));
    free(token);
}

/* ---- asking the token endpoint
 * ------------------------------------------------------------------------------------------ */

static enum wess_code no_answer(const struct oauth *o, const struct http_response *r,
                                struct wess_error *e)
{
    e->retry_after_ms = r->retry_after_ms;
    e->remote_status = (int32_t)r->status;
    if (r->code == WESS_CANCELLED)
        return wess_fail(e, WESS_CANCELLED, WESS_OF_HOST, NULL, "%s", r->text);
    if (r->code == WESS_BROKEN || r->code == WESS_TOO_BIG)
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "no token from %.60s: %.90s: check the setting authority", o->authority,
                         r->text);
    if (r->code != WESS_OK)
        return wess_fail(e, WESS_TRANSIENT, WESS_OF_HOST, NULL, "no token from %.60s: %.90s",
                         o->authority, r->text);
    if (r->status == 429 || r->status == 503)
        return wess_fail(e, WESS_THROTTLED, WESS_OF_HOST, NULL,
                         "the token endpoint asks for a pause (HTTP %ld)", r->status);
    if (r->status == 404 || (r->status >= 300 && r->status < 400))
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "there is no token endpoint at %.60s (HTTP %ld): check the settings "
                         "authority and tenant",
                         o->authority, r->status);
    return wess_fail(e, WESS_TRANSIENT, WESS_OF_HOST, NULL,
                     "the token endpoint answers with HTTP %ld and nothing that can be read",
                     r->status);
}

static void count(struct wess_call *call, const struct http *h)
{
    uint64_t requests, sent, received;
    http_count(h, &requests, &sent, &received);
    call->requests += requests;
    call->bytes_out += sent;
    call->bytes_in += received;
}

/* WESS_OK: *a is a whole answer, maybe a refusal, with its status. */
static enum wess_code post(const struct oauth *o, struct wess_call *call, const char *what,
                           const struct form *f, struct token_answer *a, int *status)
{
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded",
                                          "Accept: application/json"};
    struct http *h = http_new(o->host);
    struct http_response r;
    char *url = NULL;
    const char *why = "";
    enum wess_code rc = WESS_OK;
    *a = (struct token_answer){0};
    if (!h || f->spent ||
        asprintf(&url, "%s/%s/oauth2/v2.0/%s", o->authority, o->tenant, what) < 0) {
        http_free(h);
        return wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_HOST, NULL, "out of memory");
    }
    const struct http_request q = {.url = url,
                                   .method = "POST",
                                   .headers = headers,
                                   .n_headers = 2,
                                   .body = f->data,
                                   .len = f->len,
                                   .flags = HTTP_NO_REDIRECT,
                                   .body_max = TOKEN_ANSWER_BYTES};
    http_perform(h, &q, 1, 1, &r);
    count(call, h);
    if (r.code != WESS_OK || !token_read(r.body ? r.body : "", r.len, a, &why))
        rc = no_answer(o, &r, &call->error);
    o->host->log(o->host->ctx, rc == WESS_OK && a->error[0] ? WESS_LOG_INFO : WESS_LOG_DEBUG,
                 "%s of %s: HTTP %ld, %s AADSTS%ld, request-id %s %s", what, o->tenant, r.status,
                 a->error[0] ? a->error : "no error", a->number, r.request_id, why);
    *status = (int)r.status;
    http_response_fini(&r);
    http_free(h);
    free(url);
    return rc;
}

/* By what the app itself is known. */
static enum wess_code add_client(const struct oauth *o, struct wess_call *call, struct form *f)
{
    char secret[SECRET_MAX], *assertion = NULL, *audience = NULL;
    enum wess_code rc = WESS_OK;
    form_add(f, "client_id", o->client_id);
    if (o->certificate) {
        if (asprintf(&audience, "%s/%s/oauth2/v2.0/token", o->authority, o->tenant) < 0)
            return wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_HOST, NULL, "out of memory");
        const struct jwt_client c = {.client_id = o->client_id,
                                     .audience = audience,
                                     .certificate = o->certificate,
                                     .key = o->key,
                                     .alg = o->alg};
        rc = jwt_assertion(&c, o->host->now_ms(o->host->ctx), &assertion, &call->error);
        if (rc == WESS_OK) {
            form_add(f, "client_assertion_type",
                     "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
            form_add(f, "client_assertion", assertion);
        }
        oauth_wipe(assertion);
        free(audience);
    } else if (o->secret) {
        rc = wess_secret(o->host, "client_secret", secret, sizeof(secret), &call->error);
        if (rc == WESS_OK)
            form_add(f, "client_secret", secret);
        explicit_bzero(secret, sizeof(secret));
    }
    return rc;
}

static enum wess_code ask_token(const struct oauth *o, struct wess_call *call, const char *refresh,
                                struct token_answer *a)
{
    struct form f = {0};
    int status = 0;
    form_add(&f, "grant_type", refresh ? "refresh_token" : "client_credentials");
    form_add(&f, "scope", o->scope);
    if (refresh)
        form_add(&f, "refresh_token", refresh);
    enum wess_code rc = add_client(o, call, &f);
    if (rc == WESS_OK)
        rc = post(o, call, "token", &f, a, &status);
    if (rc == WESS_OK && (a->error[0] || !a->access))
        rc = token_judge(a, status, &call->error);
    form_fini(&f);
    return rc;
}

/* ---- what is kept
 * ------------------------------------------------------------------------------------------ */

#define KEY 32u
struct kept {
    struct kept *next;
    unsigned char key[KEY]; /* of the credential; tells nothing of it */
    char *token;
    int64_t until_ms;
    bool busy; /* somebody asks for it now */
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct kept *all;
static size_t n_all;
static unsigned char own[KEY]; /* random, of this process */
static bool own_made;

static bool key_of(const struct oauth *o, const char *secret, unsigned char out[KEY])
{
    const char *const parts[] = {o->authority,
                                 o->tenant,
                                 o->client_id,
                                 o->scope,
                                 o->certificate,
                                 o->key,
                                 o->person ? "person" : "app",
                                 secret};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    pthread_mutex_lock(&lock);
    own_made = own_made || RAND_bytes(own, sizeof(own)) == 1;
    bool ok = own_made && ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
              EVP_DigestUpdate(ctx, own, sizeof(own));
    pthread_mutex_unlock(&lock);
    for (size_t i = 0; ok && i < sizeof(parts) / sizeof(parts[0]); i++)
        ok = EVP_DigestUpdate(ctx, parts[i] ? parts[i] : "", parts[i] ? strlen(parts[i]) + 1 : 1);
    ok = ok && EVP_DigestFinal_ex(ctx, out, NULL);
    EVP_MD_CTX_free(ctx);
    return ok;
}

static struct kept **find(const unsigned char key[KEY])
{
    struct kept **k = &all;
    while (*k && memcmp((*k)->key, key, KEY))
        k = &(*k)->next;
    return k;
}

static void drop(struct kept **at)
{
    struct kept *k = *at;
    *at = k->next;
    oauth_wipe(k->token);
    free(k);
    n_all--;
}

/* What is over, and nobody waits for: a refresh token is followed by another key each time. */
static void tidy(int64_t now_ms)
{
    for (struct kept **k = &all; *k;)
        if (!(*k)->busy && (*k)->until_ms <= now_ms)
            drop(k);
        else
            k = &(*k)->next;
}

enum turn { HAVE, MINE, AGAIN, NO_MEMORY };

/* MINE: whoever asks now fetches, and says so by leave(). AGAIN: somebody else did. */
static enum turn enter(const unsigned char key[KEY], const struct oauth *o, const char *stale,
                       char **out, int64_t *until_ms)
{
    const struct wess_host *h = o->host;
    enum turn turn = MINE;
    pthread_mutex_lock(&lock);
    struct kept *k = *find(key);
    if (k && k->busy) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOOK_NS;
        until.tv_sec += until.tv_nsec / SECOND_NS;
        until.tv_nsec %= SECOND_NS;
        pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, &until);
        turn = AGAIN;
    } else if (k && k->token && k->until_ms > h->now_ms(h->ctx) &&
               !(stale && !strcmp(stale, k->token))) {
        *out = strdup(k->token);
        *until_ms = k->until_ms;
        turn = *out ? HAVE : NO_MEMORY;
    } else if (k) {
        k->busy = true;
    } else {
        tidy(h->now_ms(h->ctx));
        k = n_all < KEPT_MAX ? calloc(1, sizeof(*k)) : NULL;
        if (k) {
            memcpy(k->key, key, KEY);
            k->busy = true;
            k->next = all;
            all = k;
            n_all++;
        }
        turn = k ? MINE : NO_MEMORY;
    }
    pthread_mutex_unlock(&lock);
    return turn;
}

/* Ends MINE. `token` (or NULL: none came) goes to `now`, which may be another key. */
static void leave(const unsigned char was[KEY], const unsigned char now[KEY], const char *token,
                  int64_t until_ms)
{
    pthread_mutex_lock(&lock);
    struct kept **at = find(was);
    if (*at) {
        (*at)->busy = false;
        (*at)->until_ms = until_ms;
        oauth_wipe((*at)->token);
        (*at)->token = token ? strdup(token) : NULL;
        if (!token)
            drop(at);
        else
            memcpy((*at)->key, now, KEY);
    }
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* ---- one token
 * ------------------------------------------------------------------------------------------ */

static int64_t until_of(const struct oauth *o, const struct token_answer *a)
{
    int64_t life = a->expires_in_s ? a->expires_in_s : LIFE_S;
    int64_t margin = life / 5 < MARGIN_S ? life / 5 : MARGIN_S;
    return o->host->now_ms(o->host->ctx) + (life - margin) * 1000;
}

/* Nobody else uses a refresh token while it is being changed for the next. */
static enum wess_code hold(const struct oauth *o, bool on)
{
    const struct wess_host *h = o->host;
    bool can = h->size >= offsetof(struct wess_host, secret_hold) + sizeof(h->secret_hold);
    return can && h->secret_hold ? h->secret_hold(h->ctx, "refresh_token", on) : WESS_OK;
}

/* What the credential is known by: the refresh token, or the app's secret. */
static enum wess_code read_secret(const struct oauth *o, struct wess_error *e, char buf[TOKEN_MAX])
{
    const char *name = o->person ? "refresh_token" : "client_secret";
    *buf = 0;
    if (!o->person && !o->secret)
        return WESS_OK;
    if (o->host->secret(o->host->ctx, name, buf, TOKEN_MAX) == WESS_OK)
        return WESS_OK;
    return wess_fail(e, WESS_AUTH, WESS_OF_CREDENTIAL, NULL, "the %s cannot be read%s", name,
                     o->person ? ": type `wess login` for this endpoint" : "");
}

static void keep_refresh(const struct oauth *o, const char *was, const char *new)
{
    const struct wess_host *h = o->host;
    if (!new || !strcmp(was, new))
        return;
    if (h->secret_put(h->ctx, "refresh_token", new) != WESS_OK)
        h->log(h->ctx, WESS_LOG_ERROR,
               "the new refresh token could not be kept: when the old one ends, somebody must "
               "sign in again (wess login)");
}

/* Fetches, as the one who may. *again: the refresh token is another by now. */
static enum wess_code fetch(const struct oauth *o, struct wess_call *call, const char *secret,
                            struct token_answer *a, bool *again)
{
    char now[TOKEN_MAX];
    if (!o->person)
        return ask_token(o, call, NULL, a);
    enum wess_code rc = hold(o, true);
    if (rc != WESS_OK)
        return wess_fail(&call->error, rc, WESS_OF_CREDENTIAL, NULL,
                         "the file of the refresh token is held by another process");
    rc = read_secret(o, &call->error, now);
    *again = rc == WESS_OK && strcmp(now, secret) != 0;
    if (rc == WESS_OK && !*again) {
        rc = ask_token(o, call, secret, a);
        if (rc == WESS_OK)
            keep_refresh(o, secret, a->refresh);
    }
    hold(o, false);
    explicit_bzero(now, sizeof(now));
    return rc;
}

static enum wess_code fetch_mine(const struct oauth *o, struct wess_call *call, const char *secret,
                                 const unsigned char key[KEY], char **out, int64_t *until_ms,
                                 bool *again)
{
    struct token_answer a = {0};
    unsigned char next[KEY];
    enum wess_code rc = fetch(o, call, secret, &a, again);
    bool got = rc == WESS_OK && !*again;
    *until_ms = until_of(o, &a);
    memcpy(next, key, KEY);
    if (got && a.refresh)
        key_of(o, a.refresh, next);
    if (got && !(*out = strdup(a.access)))
        rc = wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_HOST, NULL, "out of memory");
    leave(key, next, got ? a.access : NULL, *until_ms);
    token_fini(&a);
    return rc;
}

enum wess_code oauth_token(const struct oauth *o, struct wess_call *call, const char *stale,
                           char **out, int64_t *until_ms)
{
    char secret[TOKEN_MAX];
    unsigned char key[KEY];
    enum wess_code rc = WESS_OK;
    bool again = true;
    *out = NULL;
    for (int turns = 0; rc == WESS_OK && again && turns < TURNS;) {
        enum turn turn = NO_MEMORY;
        rc = read_secret(o, &call->error, secret);
        if (rc == WESS_OK && key_of(o, secret, key))
            turn = enter(key, o, stale, out, until_ms);
        again = turn == AGAIN;
        turns += turn == MINE;
        if (rc == WESS_OK && turn == MINE)
            rc = fetch_mine(o, call, secret, key, out, until_ms, &again);
        else if (rc == WESS_OK && turn == NO_MEMORY)
            rc = wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_HOST, NULL, "out of memory");
        else if (again && o->host->cancelled(o->host->ctx))
            rc = wess_fail(&call->error, WESS_CANCELLED, WESS_OF_HOST, NULL, "stopped");
    }
    explicit_bzero(secret, sizeof(secret));
    if (rc == WESS_OK && again)
        rc = wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_CREDENTIAL, NULL,
                       "others keep changing the refresh token");
    return rc;
}

/* ---- a person signs in
 * ------------------------------------------------------------------------------------------ */

static bool pause_s(const struct wess_host *h, int64_t seconds)
{
    const struct timespec bit = {0, LOOK_NS};
    for (int64_t i = 0; i < seconds * (SECOND_NS / LOOK_NS); i++) {
        if (h->cancelled(h->ctx))
            return false;
        nanosleep(&bit, NULL);
    }
    return true;
}

static bool is_web(const char *uri)
{
    return uri && (!strncmp(uri, "https://", 8) || !strncmp(uri, "http://127.0.0.1", 16) ||
                   !strncmp(uri, "http://localhost", 16));
}

static enum wess_code begin(const struct oauth *o, struct wess_call *call, struct token_answer *a)
{
    struct form f = {0};
    int status = 0;
    form_add(&f, "client_id", o->client_id);
    form_add(&f, "scope", o->scope);
    enum wess_code rc = post(o, call, "devicecode", &f, a, &status);
    form_fini(&f);
    if (rc == WESS_OK && a->error[0])
        rc = token_judge(a, status, &call->error);
    else if (rc == WESS_OK && (!a->device_code || !a->user_code || !is_web(a->verification_uri)))
        rc = wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                       "the token endpoint gives no code: check the setting authority");
    return rc;
}

static enum wess_code poll_once(const struct oauth *o, struct wess_call *call, const char *code,
                                struct token_answer *a, int64_t *interval_s, bool *pending)
{
    struct form f = {0};
    int status = 0;
    form_add(&f, "grant_type", "urn:ietf:params:oauth:grant-type:device_code");
    form_add(&f, "device_code", code);
    enum wess_code rc = add_client(o, call, &f);
    if (rc == WESS_OK)
        rc = post(o, call, "token", &f, a, &status);
    form_fini(&f);
    *pending = rc == WESS_TRANSIENT || rc == WESS_THROTTLED;
    if (rc != WESS_OK || a->access)
        return rc;
    if (!strcmp(a->error, "slow_down"))
        *interval_s += INTERVAL_S;
    *pending = !strcmp(a->error, "slow_down") || !strcmp(a->error, "authorization_pending");
    return *pending ? WESS_OK : token_judge(a, status, &call->error);
}

static enum wess_code wait_for(const struct oauth *o, struct wess_call *call,
                               const struct token_answer *code, struct token_answer *a)
{
    int64_t interval_s = code->interval_s ? code->interval_s : INTERVAL_S;
    int64_t left_s = code->expires_in_s ? code->expires_in_s : CODE_LIFE_S;
    enum wess_code rc = WESS_OK;
    bool pending = true;
    while (pending && left_s > 0) {
        token_fini(a);
        interval_s = interval_s < INTERVAL_MAX_S ? interval_s : INTERVAL_MAX_S;
        if (!pause_s(o->host, interval_s))
            return wess_fail(&call->error, WESS_CANCELLED, WESS_OF_HOST, NULL, "stopped");
        left_s -= interval_s;
        rc = poll_once(o, call, code->device_code, a, &interval_s, &pending);
    }
    if (pending)
        rc = wess_fail(&call->error, WESS_AUTH, WESS_OF_CREDENTIAL, "expired_token",
                       "nobody entered the code in time: try again");
    return rc;
}

static enum wess_code put_refresh(const struct oauth *o, struct wess_call *call,
                                  const struct token_answer *a)
{
    const struct wess_host *h = o->host;
    if (!a->refresh)
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_CREDENTIAL, NULL,
                         "no refresh token came: the app must be allowed offline_access");
    enum wess_code rc = hold(o, true);
    if (rc == WESS_OK) {
        rc = h->secret_put(h->ctx, "refresh_token", a->refresh);
        hold(o, false);
    }
    if (rc != WESS_OK)
        rc = wess_fail(&call->error, WESS_BROKEN, WESS_OF_CREDENTIAL, NULL,
                       "the refresh token cannot be kept: see the log");
    return rc;
}

enum wess_code oauth_login(const struct oauth *o, struct wess_call *call,
                           void (*say)(void *ctx, const char *text), void *ctx)
{
    struct token_answer code = {0}, a = {0};
    char *text = NULL;
    enum wess_code rc = begin(o, call, &code);
    if (rc == WESS_OK && asprintf(&text, "Open %s in a browser and enter the code %s",
                                  code.verification_uri, code.user_code) < 0)
        rc = wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_HOST, NULL, "out of memory");
    if (rc == WESS_OK) {
        say(ctx, text);
        rc = wait_for(o, call, &code, &a);
    }
    if (rc == WESS_OK)
        rc = put_refresh(o, call, &a);
    free(text);
    token_fini(&code);
    token_fini(&a);
    return rc;
}
