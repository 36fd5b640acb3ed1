#include "jwt.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

#define FILE_BYTES 65536
#define LIFE_S 300 /* of an assertion: it is sent at once */
#define NAME_BYTES 16

/* ---- files
 * ------------------------------------------------------------------------------------------ */

struct pair {
    X509 *cert;
    EVP_PKEY *key;
};

/* NULL: *why. `secret`: for its owner only. */
static BIO *open_file(const char *path, bool secret, const char **why)
{
    struct stat st;
    FILE *f = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0)
        *why = strerror(errno);
    else if (!S_ISREG(st.st_mode) || st.st_size > FILE_BYTES)
        *why = "it is not a PEM file";
    else if (secret && (st.st_mode & 077))
        *why = "others can read the key: chmod 600 it";
    else if (!(f = fdopen(fd, "r")))
        *why = "out of memory";
    if (!f && fd >= 0)
        close(fd);
    BIO *bio = f ? BIO_new_fp(f, BIO_CLOSE) : NULL;
    if (f && !bio) {
        fclose(f);
        *why = "out of memory";
    }
    return bio;
}

/* A key under a passphrase is not asked for one: nobody would be there to answer. */
static int no_passphrase(char *buf, int size, int writing, void *ctx)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)ctx;
    return 0;
}

static const char *load(const struct jwt_client *c, struct pair *p, const char **file)
{
    const char *why = NULL;
    *file = c->certificate;
    BIO *bio = open_file(c->certificate, false, &why);
    if (!bio)
        return why;
    p->cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    if (!p->cert)
        return "there is no certificate in it (PEM)";
    if (c->key)
        *file = c->key;
    bio = open_file(*file, true, &why);
    if (!bio)
        return why;
    p->key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    if (!p->key)
        return "there is no private key in it (PEM, without a passphrase)";
    if (EVP_PKEY_base_id(p->key) != EVP_PKEY_RSA)
        return "its key is not RSA";
    return X509_check_private_key(p->cert, p->key) == 1 ? NULL
                                                        : "its key is not that of the certificate";
}

static const char *check_time(const X509 *cert, int64_t now_ms)
{
    time_t now = (time_t)(now_ms / 1000);
    if (X509_cmp_time(X509_get0_notAfter(cert), &now) < 0)
        return "the certificate has expired: make a new one and upload it to the app registration";
    return NULL;
}

/* ---- texts
 * ------------------------------------------------------------------------------------------ */

/* base64url without padding (RFC 7515, appendix C); NULL: out of memory. */
static char *encode(const void *data, size_t len)
{
    char *out = malloc(4 * ((len + 2) / 3) + 1);
    if (!out)
        return NULL;
    EVP_EncodeBlock((unsigned char *)out, data, (int)len);
    for (char *s = out; *s; s++)
        *s = *s == '+' ? '-' : *s == '/' ? '_' : *s;
    out[strcspn(out, "=")] = 0;
    return out;
}

static char *encode_json(json_t *j)
{
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    char *out = text ? encode(text, strlen(text)) : NULL;
    free(text);
    json_decref(j);
    return out;
}

static char *make_head(const struct jwt_client *c, const X509 *cert)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    char *print = X509_digest(cert, EVP_sha256(), md, &len) == 1 ? encode(md, len) : NULL;
    char *out = print ? encode_json(json_pack("{s:s,s:s,s:s}", "alg", c->alg, "typ", "JWT",
                                              "x5t#S256", print))
                      : NULL;
    free(print);
    return out;
}

static char *make_claims(const struct jwt_client *c, int64_t now_ms)
{
    unsigned char name[NAME_BYTES];
    json_int_t now = (json_int_t)(now_ms / 1000);
    char *id = RAND_bytes(name, sizeof(name)) == 1 ? encode(name, sizeof(name)) : NULL;
    char *out = id ? encode_json(json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I}", "aud", c->audience,
                                           "iss", c->client_id, "sub", c->client_id, "jti", id,
                                           "iat", now, "nbf", now, "exp", now + LIFE_S))
                   : NULL;
    free(id);
    return out;
}

static bool sign(const char *alg, EVP_PKEY *key, const char *text, unsigned char **sig, size_t *len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *how = NULL;
    const unsigned char *data = (const unsigned char *)text;
    bool ok = ctx && EVP_DigestSignInit(ctx, &how, EVP_sha256(), NULL, key) == 1;
    if (ok && !strcmp(alg, "PS256"))
        ok = EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1;
    ok = ok && EVP_DigestSign(ctx, NULL, len, data, strlen(text)) == 1 &&
         (*sig = malloc(*len)) != NULL && EVP_DigestSign(ctx, *sig, len, data, strlen(text)) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

/* "HEAD.CLAIMS.SIGNATURE"; NULL: out of memory, or libcrypto will not. */
static char *assemble(const struct jwt_client *c, const struct pair *p, int64_t now_ms)
{
    char *head = make_head(c, p->cert), *claims = make_claims(c, now_ms);
    char *text = NULL, *end = NULL, *out = NULL;
    unsigned char *sig = NULL;
    size_t len = 0;
    if (head && claims && asprintf(&text, "%s.%s", head, claims) < 0)
        text = NULL;
    if (text && sign(c->alg, p->key, text, &sig, &len))
        end = encode(sig, len);
    if (end && asprintf(&out, "%s.%s", text, end) < 0)
        out = NULL;
    free(head);
    free(claims);
    free(text);
    free(end);
    free(sig);
    return out;
}

enum wess_code jwt_assertion(const struct jwt_client *c, int64_t now_ms, char **out,
                             struct wess_error *e)
{
    struct pair p = {NULL, NULL};
    const char *file = "", *why = load(c, &p, &file);
    enum wess_code rc = WESS_OK;
    *out = NULL;
    if (!why)
        why = check_time(p.cert, now_ms);
    if (why)
        rc = wess_fail(e, WESS_BROKEN, WESS_OF_CREDENTIAL, NULL, "%.80s: %s", file, why);
    else if (!(*out = assemble(c, &p, now_ms)))
        rc = wess_fail(e, WESS_BROKEN, WESS_OF_CREDENTIAL, NULL, "%.80s: it cannot sign", file);
    X509_free(p.cert);
    EVP_PKEY_free(p.key);
    return rc;
}
