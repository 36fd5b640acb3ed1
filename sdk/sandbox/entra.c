/* Tokens: client credentials by secret or certificate, device codes, refresh tokens that are good
 * once. Errors are Entra's own, by number. */
#include "entra.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "entra_jwt.h"

#define KEPT_MAX 4096u
#define NAME 64u
#define REFRESH_LIFE_MS ((int64_t)90 * 86400 * 1000)
#define CODE_LIFE_MS ((int64_t)900 * 1000)

static struct app {
    const char *id, *secret;
    bool granted;
} apps[] = {{ENTRA_APP, ENTRA_APP_SECRET, true}, {ENTRA_POOR_APP, ENTRA_POOR_SECRET, false}};
#define APPS (sizeof(apps) / sizeof(apps[0]))

enum kind { ACCESS, REFRESH, DEVICE };
struct kept {
    enum kind kind;
    char value[NAME], user_code[12];
    const struct app *app;
    int user;  /* of sb_users; -1: the app itself, or nobody yet */
    bool ours; /* its audience is Exchange */
    bool spent, denied;
    int64_t until_ms, asked_ms;
};
static struct kept kept[KEPT_MAX];
static size_t n_kept;

static struct kept *find(enum kind kind, const char *value)
{
    for (size_t i = 0; value && i < n_kept && i < KEPT_MAX; i++)
        if (kept[i].kind == kind && !strcmp(kept[i].value, value))
            return &kept[i];
    return NULL;
}

static struct kept *add(enum kind kind, const struct app *app, int user, int64_t life_ms)
{
    static const char *const marks[] = {"eyJ0eXAi.rehearsal.", "0.AXoA-", "DAQABAAEA"};
    struct kept *k = &kept[n_kept++ % KEPT_MAX];
    unsigned char b[16] = {0};
    if (getrandom(b, sizeof(b), 0) < 0)
        abort();
    *k = (struct kept){
        .kind = kind, .app = app, .user = user, .ours = true, .until_ms = sb_now_ms() + life_ms};
    size_t n = (size_t)snprintf(k->value, NAME, "%s", marks[kind]);
    for (size_t i = 0; i < sizeof(b); i++)
        n += (size_t)snprintf(k->value + n, NAME - n, "%02x", b[i]);
    return k;
}

/* ---- answers
 * ------------------------------------------------------------------------------------------ */

static void refuse(struct sb_response *out, int status, const char *error, long number,
                   const char *text)
{
    out->status = status;
    sb_buf_fmt(&out->body,
               "{\"error\":\"%s\",\"error_description\":\"AADSTS%ld: %s Trace ID: "
               "0b1c2d3e-0000-4000-8000-000000000000 Correlation ID: "
               "0b1c2d3e-0000-4000-8000-000000000001 Timestamp: 2026-11-25 09:00:00Z\","
               "\"error_codes\":[%ld],\"timestamp\":\"2026-11-25 09:00:00Z\",\"trace_id\":"
               "\"0b1c2d3e-0000-4000-8000-000000000000\",\"correlation_id\":"
               "\"0b1c2d3e-0000-4000-8000-000000000001\"}",
               error, number, text, number);
}

static void grant(struct sb_response *out, const struct kept *access, const struct kept *refresh,
                  long life_s)
{
    sb_buf_fmt(&out->body,
               "{\"token_type\":\"Bearer\",\"scope\":\"%s\",\"expires_in\":%ld,"
               "\"ext_expires_in\":%ld,\"access_token\":\"%s\"",
               refresh ? ENTRA_AUDIENCE "/EWS.AccessAsUser.All" : ENTRA_AUDIENCE "/.default",
               life_s, life_s, access->value);
    if (refresh)
        sb_buf_fmt(&out->body, ",\"refresh_token\":\"%s\"", refresh->value);
    sb_buf_str(&out->body, "}");
}

static long life_s(void)
{
    return strtol(sb_switch("token_life", "3599"), NULL, 10);
}

/* ---- one request
 * ------------------------------------------------------------------------------------------ */

struct form {
    char *grant, *client_id, *secret, *scope, *assertion, *assertion_type, *refresh, *device_code;
};

static void form_read(struct form *f, const char *body)
{
    *f = (struct form){.grant = sb_param(body, "grant_type", 0),
                       .client_id = sb_param(body, "client_id", 0),
                       .secret = sb_param(body, "client_secret", 0),
                       .scope = sb_param(body, "scope", 0),
                       .assertion = sb_param(body, "client_assertion", 0),
                       .assertion_type = sb_param(body, "client_assertion_type", 0),
                       .refresh = sb_param(body, "refresh_token", 0),
                       .device_code = sb_param(body, "device_code", 0)};
}

static void form_free(struct form *f)
{
    free(f->grant);
    free(f->client_id);
    free(f->secret);
    free(f->scope);
    free(f->assertion);
    free(f->assertion_type);
    free(f->refresh);
    free(f->device_code);
}

static const struct app *app_of(const struct form *f, struct sb_response *out)
{
    for (size_t i = 0; f->client_id && i < APPS; i++)
        if (!strcmp(apps[i].id, f->client_id))
            return &apps[i];
    if (!f->client_id)
        refuse(out, 400, "invalid_request", 900144,
               "The request body must contain the following parameter: 'client_id'.");
    else
        refuse(out, 400, "unauthorized_client", 700016,
               "Application was not found in the directory.");
    return NULL;
}

/* A confidential client proves itself; one that does is held to it. */
static bool is_proved(const struct form *f, const struct app *app, bool must,
                      struct sb_response *out)
{
    if (f->assertion) {
        struct jwt_wanted want = {app->id, ENTRA_TENANT, ENTRA_DOMAIN, sb_now_ms() / 1000};
        char *type = f->assertion_type;
        if (!type || strcmp(type, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")) {
            refuse(out, 400, "invalid_request", 90023, "The client_assertion_type is not known.");
            return false;
        }
        switch (app->granted ? jwt_judge(f->assertion, &want) : JWT_STRANGER) {
        case JWT_GOOD:
            return true;
        case JWT_OUT_OF_TIME:
            refuse(out, 401, "invalid_client", 700024,
                   "Client assertion is not within its valid time range.");
            return false;
        case JWT_AUDIENCE:
            refuse(out, 401, "invalid_client", 700023,
                   "Client assertion audience claim does not match Realm issuer.");
            return false;
        case JWT_STRANGER:
            refuse(out, 401, "invalid_client", 700027,
                   "The certificate with identifier used to sign the client assertion is not "
                   "registered on application.");
            return false;
        case JWT_BROKEN:
            break;
        }
        refuse(out, 401, "invalid_client", 50027, "JWT token is invalid or malformed.");
        return false;
    }
    if (f->secret && strcmp(f->secret, app->secret)) {
        refuse(out, 401, "invalid_client", 7000215, "Invalid client secret provided.");
        return false;
    }
    if (!f->secret && must) {
        refuse(out, 401, "invalid_client", 7000218,
               "The request body must contain the following parameter: 'client_assertion' or "
               "'client_secret'.");
        return false;
    }
    return true;
}

static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = list ? list : ""; *at;) {
        size_t n = strcspn(at, " ");
        if (n == len && !strncmp(at, word, n))
            return true;
        at += n + (at[n] == ' ');
    }
    return false;
}

static void by_app(const struct form *f, const struct app *app, struct sb_response *out)
{
    size_t len = f->scope ? strlen(f->scope) : 0;
    if (!is_proved(f, app, true, out))
        return;
    if (len < 10 || strcmp(f->scope + len - 9, "/.default")) {
        refuse(out, 400, "invalid_scope", 1002012,
               "The provided value for scope is not valid. Client credential flows must have a "
               "scope value with /.default suffixed to the resource identifier.");
        return;
    }
    bool graph = !strcmp(f->scope, "https://graph.microsoft.com/.default");
    if (!graph && strcmp(f->scope, ENTRA_AUDIENCE "/.default")) {
        refuse(out, 400, "invalid_resource", 500011,
               "The resource principal was not found in the tenant.");
        return;
    }
    struct kept *k = add(ACCESS, app, -1, life_s() * 1000);
    k->ours = !graph;
    grant(out, k, NULL, life_s());
}

static void give_person(const struct app *app, int user, struct sb_response *out)
{
    const struct kept *access = add(ACCESS, app, user, life_s() * 1000);
    grant(out, access, add(REFRESH, app, user, REFRESH_LIFE_MS), life_s());
}

static void by_refresh(const struct form *f, const struct app *app, struct sb_response *out)
{
    struct kept *k = find(REFRESH, f->refresh);
    if (!is_proved(f, app, false, out))
        return;
    if (!k || k->app != app || k->spent) {
        refuse(out, 400, "invalid_grant", 70000,
               "The provided value for the 'refresh_token' is not valid.");
        return;
    }
    if (k->until_ms <= sb_now_ms()) {
        refuse(out, 400, "invalid_grant", 700082,
               "The refresh token has expired due to inactivity.");
        return;
    }
    k->spent = !strcmp(sb_switch("refresh_token", "once"), "once");
    give_person(app, k->user, out);
}

static void by_device(const struct form *f, const struct app *app, struct sb_response *out)
{
    struct kept *k = find(DEVICE, f->device_code);
    int64_t now = sb_now_ms();
    if (!is_proved(f, app, false, out))
        return;
    if (!k || k->app != app || k->spent) {
        refuse(out, 400, "bad_verification_code", 70018, "Bad verification code.");
    } else if (k->denied) {
        refuse(out, 400, "authorization_declined", 70017, "The user declined.");
    } else if (k->until_ms <= now) {
        refuse(out, 400, "expired_token", 70020, "The device code has expired.");
    } else if (k->asked_ms && now - k->asked_ms < 900) {
        refuse(out, 400, "slow_down", 70016, "Polling too fast.");
    } else if (k->user < 0) {
        k->asked_ms = now;
        refuse(out, 400, "authorization_pending", 70016,
               "OAuth 2.0 device flow error. Authorization is pending. Continue polling.");
    } else {
        k->spent = true;
        give_person(app, k->user, out);
    }
}

static void begin_device(const struct form *f, const struct app *app, struct sb_response *out)
{
    static unsigned n;
    if ((!has_word(f->scope, ENTRA_AUDIENCE "/EWS.AccessAsUser.All") &&
         !has_word(f->scope, ENTRA_AUDIENCE "/IMAP.AccessAsUser.All")) ||
        !has_word(f->scope, "offline_access")) {
        refuse(out, 400, "invalid_scope", 70011, "The provided value for scope is not valid.");
        return;
    }
    struct kept *k = add(DEVICE, app, -1, CODE_LIFE_MS);
    snprintf(k->user_code, sizeof(k->user_code), "WESS%05u", ++n % 100000);
    sb_buf_fmt(&out->body,
               "{\"user_code\":\"%s\",\"device_code\":\"%s\",\"verification_uri\":"
               "\"https://microsoft.com/devicelogin\",\"expires_in\":900,\"interval\":1,"
               "\"message\":\"To sign in, use a web browser.\"}",
               k->user_code, k->value);
}

/* ---- paths
 * ------------------------------------------------------------------------------------------ */

static const char *const ends[] = {"/oauth2/v2.0/token", "/oauth2/v2.0/devicecode"};

static int end_of(const char *path)
{
    size_t len = strlen(path);
    for (int i = 0; i < 2; i++)
        if (len > strlen(ends[i]) && !strcmp(path + len - strlen(ends[i]), ends[i]))
            return i;
    return -1;
}

bool entra_is_mine(const char *path)
{
    return end_of(path) >= 0;
}

void entra_name(const char *path, char *op, size_t cap)
{
    snprintf(op, cap, "ews:%s", end_of(path) == 1 ? "devicecode" : "token");
}

static bool is_tenant(const char *path, int end)
{
    size_t len = strlen(path) - strlen(ends[end]);
    static const char *const names[] = {"/" ENTRA_TENANT, "/" ENTRA_DOMAIN};
    for (size_t i = 0; i < 2; i++)
        if (len == strlen(names[i]) && !strncasecmp(path, names[i], len))
            return true;
    return false;
}

static void by_grant(const struct form *f, const struct app *app, struct sb_response *out)
{
    static const struct {
        const char *name;
        void (*run)(const struct form *, const struct app *, struct sb_response *);
    } grants[] = {{"client_credentials", by_app},
                  {"refresh_token", by_refresh},
                  {"urn:ietf:params:oauth:grant-type:device_code", by_device}};
    for (size_t i = 0; f->grant && i < 3; i++)
        if (!strcmp(grants[i].name, f->grant)) {
            grants[i].run(f, app, out);
            return;
        }
    refuse(out, 400, "unsupported_grant_type", 70003,
           "The app requested an unsupported grant type.");
}

void entra_handle(const struct sb_request *r, struct sb_response *out)
{
    const char *type = sb_header(r, "Content-Type");
    int end = end_of(r->path);
    struct form f;
    out->type = "application/json; charset=utf-8";
    if (strcmp(r->method, "POST") || !type ||
        strncasecmp(type, "application/x-www-form-urlencoded", 33)) {
        refuse(out, 400, "invalid_request", 900561, "The endpoint only accepts POST requests.");
        return;
    }
    if (!is_tenant(r->path, end)) {
        refuse(out, 400, "invalid_request", 90002, "Tenant not found.");
        return;
    }
    form_read(&f, r->body);
    const struct app *app = app_of(&f, out);
    if (app && end == 1)
        begin_device(&f, app, out);
    else if (app)
        by_grant(&f, app, out);
    form_free(&f);
}

/* ---- who bears a token
 * ------------------------------------------------------------------------------------------ */

enum entra_bearer entra_bearer(const char *token, const char **login, const char **why)
{
    const struct kept *k = find(ACCESS, token);
    *login = NULL;
    *why = !k ? "2000001;reason=\"The token is not valid.\";error_category=\"invalid_token\""
           : k->spent || k->until_ms <= sb_now_ms()
               ? "2000002;reason=\"The token has expired.\";error_category=\"token_expired\""
           : !k->ours ? "2000003;reason=\"The audience claim value is invalid.\";"
                        "error_category=\"invalid_resource\""
           : !k->app->granted
               ? "2000008;reason=\"The token contains no permissions, or permissions can not be "
                 "understood.\";error_category=\"invalid_grant\""
               : NULL;
    if (*why)
        return ENTRA_NOBODY;
    if (k->user >= 0)
        *login = sb_users[k->user].login;
    return k->user < 0 ? ENTRA_IS_APP : ENTRA_IS_PERSON;
}

bool entra_certificate(const char *pem)
{
    return jwt_certificate(pem);
}

/* ---- as a person would
 * ------------------------------------------------------------------------------------------ */

static bool enter_code(const char *query)
{
    char *code = sb_param(query, "user_code", 0), *who = sb_param(query, "mailbox", 0);
    char *deny = sb_param(query, "deny", 0);
    bool known = false;
    for (size_t i = 0; code && i < n_kept && i < KEPT_MAX; i++) {
        if (kept[i].kind != DEVICE || strcmp(kept[i].user_code, code))
            continue;
        known = true;
        kept[i].denied = deny != NULL;
        for (size_t u = 0; who && u < sb_n_users; u++)
            if (!strcasecmp(sb_users[u].address, who))
                kept[i].user = (int)u;
    }
    free(code);
    free(who);
    free(deny);
    return known;
}

/* Of one kind, or all. */
static void spend(enum kind kind)
{
    for (size_t i = 0; i < n_kept && i < KEPT_MAX; i++)
        kept[i].spent |= kept[i].kind == kind;
}

bool entra_control(const char *action, const char *query, struct sb_buf *out)
{
    bool known = true;
    if (!strcmp(action, "device"))
        known = enter_code(query);
    else if (!strcmp(action, "expire_tokens"))
        spend(ACCESS);
    else if (!strcmp(action, "grant"))
        apps[1].granted = true;
    else if (!strcmp(action, "revoke"))
        spend(REFRESH);
    else
        known = false;
    if (known)
        sb_buf_str(out, "{}");
    return known;
}

void entra_stop(void)
{
    jwt_stop();
    apps[1].granted = false;
    memset(kept, 0, sizeof(kept));
    n_kept = 0;
}
