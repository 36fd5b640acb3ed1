/* The signed assertion of an app: what it says, that it verifies, and which files are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "jwt.h"

#define NOW_MS ((int64_t)1795000000 * 1000)

struct files {
    char dir[64], cert[96], key[96], other[96], ec[96];
    EVP_PKEY *pair;
};

static void put_key(const char *path, EVP_PKEY *key)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
    chmod(path, 0600);
}

static void put_certificate(const char *path, EVP_PKEY *key)
{
    X509 *x = X509_new();
    FILE *f = fopen(path, "w");
    assert_true(x && f);
    X509_set_pubkey(x, key);
    X509_time_adj_ex(X509_getm_notBefore(x), -1, 0, &(time_t){NOW_MS / 1000});
    X509_time_adj_ex(X509_getm_notAfter(x), 10, 0, &(time_t){NOW_MS / 1000});
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)"wess", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_X509(f, x), 1);
    fclose(f);
    X509_free(x);
}

static int set_up(void **state)
{
    struct files *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    strcpy(f->dir, "/tmp/wess-jwt-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->cert, sizeof(f->cert), "%s/cert", f->dir);
    snprintf(f->key, sizeof(f->key), "%s/key", f->dir);
    snprintf(f->other, sizeof(f->other), "%s/other", f->dir);
    snprintf(f->ec, sizeof(f->ec), "%s/ec", f->dir);
    f->pair = EVP_RSA_gen(2048);
    EVP_PKEY *other = EVP_RSA_gen(2048), *ec = EVP_EC_gen("P-256");
    put_certificate(f->cert, f->pair);
    put_key(f->key, f->pair);
    put_key(f->other, other);
    put_key(f->ec, ec);
    EVP_PKEY_free(other);
    EVP_PKEY_free(ec);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct files *f = *state;
    unlink(f->cert);
    unlink(f->key);
    unlink(f->other);
    unlink(f->ec);
    rmdir(f->dir);
    EVP_PKEY_free(f->pair);
    free(f);
    return 0;
}

static unsigned char *decode(const char *text, size_t len, size_t *n)
{
    char *padded = calloc(1, len + 4);
    unsigned char *out = calloc(1, len + 4);
    assert_true(padded && out);
    for (size_t i = 0; i < len; i++)
        padded[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
    size_t full = len;
    while (full % 4)
        padded[full++] = '=';
    assert_true(EVP_DecodeBlock(out, (unsigned char *)padded, (int)full) >= 0);
    *n = len * 3 / 4;
    out[*n] = 0;
    free(padded);
    return out;
}

static json_t *part(const char *text, size_t len)
{
    size_t n;
    unsigned char *json = decode(text, len, &n);
    json_t *j = json_loadb((char *)json, n, 0, NULL);
    free(json);
    assert_non_null(j);
    return j;
}

static bool verifies(EVP_PKEY *key, const char *alg, const char *text, const char *end)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *how;
    size_t n;
    unsigned char *sig = decode(end + 1, strlen(end + 1), &n);
    assert_int_equal(EVP_DigestVerifyInit(ctx, &how, EVP_sha256(), NULL, key), 1);
    if (!strcmp(alg, "PS256"))
        EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING);
    bool ok = EVP_DigestVerify(ctx, sig, n, (const unsigned char *)text, (size_t)(end - text)) == 1;
    EVP_MD_CTX_free(ctx);
    free(sig);
    return ok;
}

static const char *text_of(const json_t *j, const char *name)
{
    return json_string_value(json_object_get(j, name));
}

static void check_assertion(struct files *f, const char *alg)
{
    const struct jwt_client c = {"the-app", "https://login.example/t/oauth2/v2.0/token", f->cert,
                                 f->key, alg};
    struct wess_error e = {0};
    char *jwt = NULL;
    assert_int_equal(jwt_assertion(&c, NOW_MS, &jwt, &e), WESS_OK);
    const char *dot = strchr(jwt, '.'), *end = strrchr(jwt, '.');
    json_t *head = part(jwt, (size_t)(dot - jwt)), *claims = part(dot + 1, (size_t)(end - dot - 1));
    assert_string_equal(text_of(head, "alg"), alg);
    assert_string_equal(text_of(head, "typ"), "JWT");
    assert_int_equal(strlen(text_of(head, "x5t#S256")), 43);
    assert_string_equal(text_of(claims, "aud"), c.audience);
    assert_string_equal(text_of(claims, "iss"), "the-app");
    assert_string_equal(text_of(claims, "sub"), "the-app");
    assert_true(strlen(text_of(claims, "jti")) > 16);
    assert_int_equal(json_integer_value(json_object_get(claims, "nbf")), NOW_MS / 1000);
    assert_int_equal(json_integer_value(json_object_get(claims, "exp")), NOW_MS / 1000 + 300);
    assert_true(verifies(f->pair, alg, jwt, end));
    *strchr(jwt, '.') = '.';
    jwt[2] ^= 1;
    assert_false(verifies(f->pair, alg, jwt, end));
    json_decref(head);
    json_decref(claims);
    free(jwt);
}

static void test_jwt__both_algorithms_verify(void **state)
{
    check_assertion(*state, "PS256");
    check_assertion(*state, "RS256");
}

static void refused(const struct jwt_client *c, int64_t now_ms, const char *words)
{
    struct wess_error e = {0};
    char *jwt = NULL;
    assert_int_equal(jwt_assertion(c, now_ms, &jwt, &e), WESS_BROKEN);
    assert_null(jwt);
    if (!strstr(e.text, words))
        fail_msg("\"%s\" lacks \"%s\"", e.text, words);
}

static void test_jwt__files_that_will_not_do_are_named(void **state)
{
    struct files *f = *state;
    struct jwt_client c = {"the-app", "https://login.example/token", f->cert, f->key, "PS256"};
    refused(&c, NOW_MS + (int64_t)11 * 86400 * 1000, "has expired");
    c.key = f->other;
    refused(&c, NOW_MS, "not that of the certificate");
    c.key = f->ec;
    refused(&c, NOW_MS, "not RSA");
    c.key = NULL;
    chmod(f->cert, 0600);
    refused(&c, NOW_MS, "no private key");
    c.key = f->key;
    chmod(f->key, 0640);
    refused(&c, NOW_MS, "chmod 600");
    chmod(f->key, 0600);
    c.key = "/nonexistent/key";
    refused(&c, NOW_MS, "/nonexistent/key: No such file");
    c.certificate = f->key;
    refused(&c, NOW_MS, "no certificate");
    c.certificate = f->dir;
    refused(&c, NOW_MS, "not a PEM file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_jwt__both_algorithms_verify, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_jwt__files_that_will_not_do_are_named, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
