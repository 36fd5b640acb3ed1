#include "entra_jwt.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define JWT_MAX 16384u
#define SKEW_S 300

static gnutls_x509_crt_t registered;

void jwt_stop(void)
{
    if (registered)
        gnutls_x509_crt_deinit(registered);
    registered = NULL;
}

bool jwt_certificate(const char *pem)
{
    gnutls_datum_t text = {(unsigned char *)(uintptr_t)pem, (unsigned)strlen(pem)};
    jwt_stop();
    if (gnutls_x509_crt_init(&registered) < 0)
        return false;
    if (gnutls_x509_crt_import(registered, &text, GNUTLS_X509_FMT_PEM) == 0)
        return true;
    jwt_stop();
    return false;
}

/* base64url of that length, without padding; NULL: it is none. malloc'ed, zero-terminated. */
static unsigned char *decode(const char *text, size_t len, size_t *out_len)
{
    char *padded = malloc(len + 5);
    gnutls_datum_t in, out = {NULL, 0};
    unsigned char *copy = NULL;
    if (!padded)
        abort();
    for (size_t i = 0; i < len; i++)
        padded[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
    bool foreign = memchr(text, '+', len) || memchr(text, '/', len) || memchr(text, '=', len);
    size_t n = len;
    while (n % 4)
        padded[n++] = '=';
    in = (gnutls_datum_t){(unsigned char *)padded, (unsigned)n};
    if (!foreign && len && gnutls_base64_decode2(&in, &out) == 0 && (copy = malloc(out.size + 1))) {
        memcpy(copy, out.data, out.size);
        copy[out.size] = 0;
        *out_len = out.size;
    }
    gnutls_free(out.data);
    free(padded);
    return copy;
}

static json_t *part(const char *text, size_t len)
{
    size_t n = 0;
    unsigned char *json = decode(text, len, &n);
    json_t *j = json ? json_loadb((char *)json, n, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(json);
    return j;
}

static const char *text_of(const json_t *j, const char *name)
{
    const char *text = json_string_value(json_object_get(j, name));
    return text ? text : "";
}

/* The head names the algorithm and the certificate, which must be the app's. */
static gnutls_sign_algorithm_t algorithm(const json_t *head)
{
    const char *alg = text_of(head, "alg");
    return strcmp(text_of(head, "typ"), "JWT") ? GNUTLS_SIGN_UNKNOWN
           : !strcmp(alg, "PS256")             ? GNUTLS_SIGN_RSA_PSS_RSAE_SHA256
           : !strcmp(alg, "RS256")             ? GNUTLS_SIGN_RSA_SHA256
                                               : GNUTLS_SIGN_UNKNOWN;
}

static bool names_ours(const json_t *head)
{
    unsigned char have[32];
    size_t len = sizeof(have), n = 0;
    const char *said = text_of(head, "x5t#S256");
    unsigned char *print = decode(said, strlen(said), &n);
    bool same = registered && print &&
                gnutls_x509_crt_get_fingerprint(registered, GNUTLS_DIG_SHA256, have, &len) == 0 &&
                n == len && !memcmp(print, have, n);
    free(print);
    return same;
}

static bool verifies(gnutls_sign_algorithm_t alg, const char *text, size_t len, const char *sig)
{
    gnutls_pubkey_t key;
    size_t n = 0;
    unsigned char *raw = decode(sig, strlen(sig), &n);
    bool ok = false;
    if (raw && gnutls_pubkey_init(&key) == 0) {
        gnutls_datum_t data = {(unsigned char *)(uintptr_t)text, (unsigned)len};
        gnutls_datum_t with = {raw, (unsigned)n};
        ok = gnutls_pubkey_import_x509(key, registered, 0) == 0 &&
             gnutls_pubkey_verify_data2(key, alg, 0, &data, &with) >= 0;
        gnutls_pubkey_deinit(key);
    }
    free(raw);
    return ok;
}

/* "SCHEME://HOST/TENANT/oauth2/v2.0/token": whose scheme and host are as the client sees them. */
static bool is_endpoint(const char *audience, const struct jwt_wanted *w)
{
    const char *host = strstr(audience, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;
    const char *const tenants[] = {w->tenant, w->domain};
    for (size_t i = 0; path && i < 2; i++) {
        size_t len = strlen(tenants[i]);
        if (!strncmp(path + 1, tenants[i], len) && !strcmp(path + 1 + len, "/oauth2/v2.0/token"))
            return true;
    }
    return false;
}

static enum jwt_verdict judge_claims(const json_t *claims, const struct jwt_wanted *w)
{
    json_int_t from = json_integer_value(json_object_get(claims, "nbf"));
    json_int_t until = json_integer_value(json_object_get(claims, "exp"));
    if (strcmp(text_of(claims, "iss"), w->client_id) ||
        strcmp(text_of(claims, "sub"), w->client_id) || !*text_of(claims, "jti"))
        return JWT_BROKEN;
    if (!is_endpoint(text_of(claims, "aud"), w))
        return JWT_AUDIENCE;
    return from - SKEW_S > w->now_s || until + SKEW_S < w->now_s || until <= from ? JWT_OUT_OF_TIME
                                                                                  : JWT_GOOD;
}

enum jwt_verdict jwt_judge(const char *text, const struct jwt_wanted *w)
{
    const char *dot = strchr(text, '.'), *second = dot ? strchr(dot + 1, '.') : NULL;
    if (strlen(text) > JWT_MAX || !second || strchr(second + 1, '.'))
        return JWT_BROKEN;
    json_t *head = part(text, (size_t)(dot - text));
    json_t *claims = part(dot + 1, (size_t)(second - dot - 1));
    gnutls_sign_algorithm_t alg = algorithm(head);
    enum jwt_verdict verdict = JWT_BROKEN;
    if (head && claims && alg != GNUTLS_SIGN_UNKNOWN && !names_ours(head))
        verdict = JWT_STRANGER;
    else if (head && claims && alg != GNUTLS_SIGN_UNKNOWN)
        verdict = verifies(alg, text, (size_t)(second - text), second + 1) ? judge_claims(claims, w)
                                                                           : JWT_STRANGER;
    json_decref(head);
    json_decref(claims);
    return verdict;
}
