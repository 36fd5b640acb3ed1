#include "token.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

#define SPAN_MAX_S (366 * 86400) /* longest life that is believed */
#define TEXT_MAX 256u            /* bytes of what is shown to a person */

static void wipe_free(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void token_fini(struct token_answer *a)
{
    char *const texts[] = {a->access, a->refresh, a->device_code, a->user_code,
                           a->verification_uri};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        wipe_free(texts[i]);
    *a = (struct token_answer){0};
}

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

/* Visible ASCII: nothing that could end a header's line or move a terminal's cursor. */
static bool is_visible(const char *text, size_t max, bool spaces)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if (text[i] < (spaces ? 0x20 : 0x21) || text[i] > 0x7e)
            return false;
    return len > 0 && len <= max;
}

/* false: it is there, and not fit to be used. */
static bool take_text(const json_t *j, const char *name, size_t max, bool spaces, char **out)
{
    const json_t *value = json_object_get(j, name);
    const char *text = json_string_value(value);
    if (!value || json_is_null(value))
        return true;
    if (!text || json_string_length(value) != strlen(text) || !is_visible(text, max, spaces))
        return false;
    *out = strdup(text);
    return *out != NULL;
}

/* A number, or a number as text, as older endpoints write it. */
static int64_t span_of(const json_t *j, const char *name)
{
    const json_t *value = json_object_get(j, name);
    const char *text = json_string_value(value);
    long long s = json_is_integer(value) ? json_integer_value(value)
                  : text                 ? strtoll(text, NULL, 10)
                                         : 0;
    return s < 0 ? 0 : s > SPAN_MAX_S ? SPAN_MAX_S : s;
}

static long number_of(const json_t *j)
{
    const json_t *first = json_array_get(json_object_get(j, "error_codes"), 0);
    const char *text = json_string_value(json_object_get(j, "error_description"));
    long long n = json_is_integer(first)                ? json_integer_value(first)
                  : text && !strncmp(text, "AADSTS", 6) ? strtoll(text + 6, NULL, 10)
                                                        : 0;
    return n > 0 && n < 1000000000 ? (long)n : 0;
}

static bool take_error(const json_t *j, struct token_answer *a)
{
    const char *name = json_string_value(json_object_get(j, "error"));
    if (!json_object_get(j, "error"))
        return true;
    if (!name || !is_visible(name, sizeof(a->error) - 1, false))
        name = "unknown";
    memcpy(a->error, name, strlen(name) + 1);
    a->number = number_of(j);
    return true;
}

static bool take_all(const json_t *j, struct token_answer *a)
{
    a->expires_in_s = span_of(j, "expires_in");
    a->interval_s = span_of(j, "interval");
    return take_error(j, a) && take_text(j, "access_token", TOKEN_MAX, false, &a->access) &&
           take_text(j, "refresh_token", TOKEN_MAX, false, &a->refresh) &&
           take_text(j, "device_code", TOKEN_MAX, false, &a->device_code) &&
           take_text(j, "user_code", TEXT_MAX, true, &a->user_code) &&
           take_text(j, "verification_uri", TEXT_MAX, false, &a->verification_uri);
}

/* jansson gives memory back as it is. */
static void wipe_texts(json_t *j)
{
    static const char *const secret[] = {"access_token", "refresh_token", "id_token",
                                         "device_code"};
    for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++) {
        const json_t *value = json_object_get(j, secret[i]);
        const char *text = json_string_value(value);
        if (text)
            explicit_bzero((char *)(uintptr_t)text, json_string_length(value));
    }
}

bool token_read(const char *text, size_t len, struct token_answer *a, const char **why)
{
    json_error_t error;
    *a = (struct token_answer){0};
    json_t *j =
        len <= TOKEN_ANSWER_BYTES ? json_loadb(text, len, JSON_REJECT_DUPLICATES, &error) : NULL;
    const char *type = json_string_value(json_object_get(j, "token_type"));
    bool ok = false;
    if (!json_is_object(j))
        *why = "it is not a JSON object";
    else if (!take_all(j, a))
        *why = "a value in it is not fit to be used";
    else if (a->access && type && strcasecmp(type, "Bearer"))
        *why = "its token is not of type Bearer";
    else if (!a->access && !a->device_code && !a->error[0])
        *why = "it has neither a token nor an error";
    else
        ok = true;
    wipe_texts(j);
    json_decref(j);
    return ok;
}

/* ---- refusals
 * ------------------------------------------------------------------------------------------ */

/* Entra's numbers, for those that a person can do something about. `there`: it is put right there,
 * and nothing changes here. */
static const struct {
    long number;
    enum wess_code code;
    bool there;
    const char *text;
} numbers[] = {
    {7000215, WESS_AUTH, false, "the client_secret is wrong: put its value, not its id, in place"},
    {7000222, WESS_AUTH, false,
     "the client_secret has expired: make a new one for the app registration"},
    {7000218, WESS_AUTH, true,
     "the app wants a client_secret or certificate, or must allow public "
     "client flows (app registration, Authentication)"},
    {700016, WESS_BROKEN, false,
     "there is no app with this client_id in the tenant: check client_id and "
     "tenant"},
    {700027, WESS_AUTH, true,
     "the certificate is not one of the app registration: upload it there"},
    {700024, WESS_AUTH, true,
     "the signed assertion is outside its time: check this machine's clock"},
    {700030, WESS_AUTH, true, "the certificate is not valid: renew it, and upload it to the app"},
    {90002, WESS_BROKEN, false, "there is no such tenant: check the setting tenant"},
    {900023, WESS_BROKEN, false, "there is no such tenant: check the setting tenant"},
    {500011, WESS_BROKEN, false,
     "the tenant does not know the audience: check the setting audience"},
    {70011, WESS_BROKEN, false, "the scope is refused: check the setting audience"},
    {1002012, WESS_BROKEN, false, "the scope is refused: check the setting audience"},
    {65001, WESS_AUTH, true, "nobody has consented to the app: an administrator grants consent"},
    {70008, WESS_AUTH, false, "the refresh token has expired: type `wess login` for this endpoint"},
    {700082, WESS_AUTH, false,
     "the refresh token has expired: type `wess login` for this endpoint"},
    {70000, WESS_AUTH, false,
     "the refresh token is not valid any more: type `wess login` for this "
     "endpoint"},
    {50173, WESS_AUTH, false,
     "the password was changed since: type `wess login` for this endpoint"},
    {50076, WESS_AUTH, false, "a second factor is asked for: type `wess login` for this endpoint"},
    {50079, WESS_AUTH, false,
     "a second factor must be set up: type `wess login` for this endpoint"},
    {50057, WESS_AUTH, true, "the account is disabled"},
    {53003, WESS_AUTH, true, "a policy of the tenant (conditional access) forbids it"},
};

/* RFC 6749 5.2, RFC 8628 3.5. */
static const struct {
    const char *name;
    enum wess_code code;
    const char *text;
} errors[] = {
    {"invalid_client", WESS_AUTH, "the client_id with its secret or certificate is refused"},
    {"invalid_grant", WESS_AUTH,
     "the refresh token is refused: type `wess login` for this "
     "endpoint"},
    {"interaction_required", WESS_AUTH,
     "a person must sign in: type `wess login` for this "
     "endpoint"},
    {"unauthorized_client", WESS_BROKEN, "this app may not sign in so: check client_id and tenant"},
    {"invalid_scope", WESS_BROKEN, "the scope is refused: check the setting audience"},
    {"invalid_resource", WESS_BROKEN, "the audience is refused: check the setting audience"},
    {"unsupported_grant_type", WESS_BROKEN,
     "this way to sign in is not known there: check "
     "authority"},
    {"invalid_request", WESS_BROKEN, "the request is refused: check tenant, client_id, authority"},
    {"access_denied", WESS_AUTH, "the person said no"},
    {"authorization_declined", WESS_AUTH, "the person said no"},
    {"expired_token", WESS_AUTH, "nobody entered the code in time: try again"},
    {"code_expired", WESS_AUTH, "nobody entered the code in time: try again"},
    {"bad_verification_code", WESS_AUTH, "the code is not known there: try again"},
    {"temporarily_unavailable", WESS_TRANSIENT, "the token endpoint is not available now"},
    {"server_error", WESS_TRANSIENT, "the token endpoint has failed"},
};

enum wess_code token_judge(const struct token_answer *a, int status, struct wess_error *e)
{
    enum wess_code code = status >= 500 ? WESS_TRANSIENT : WESS_AUTH;
    const char *text = "the token endpoint refuses us";
    bool there = false;
    char remote[sizeof(a->error)];
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (!strcmp(errors[i].name, a->error)) {
            code = errors[i].code;
            text = errors[i].text;
        }
    for (size_t i = 0; a->number && i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (numbers[i].number == a->number) {
            code = numbers[i].code;
            text = numbers[i].text;
            there = numbers[i].there;
        }
    if (a->number)
        snprintf(remote, sizeof(remote), "AADSTS%ld", a->number);
    else
        snprintf(remote, sizeof(remote), "%s", a->error);
    e->remote_status = status;
    return wess_fail(e, code, code == WESS_AUTH && !there ? WESS_OF_CREDENTIAL : WESS_OF_HOST,
                     remote, "%s", text);
}
