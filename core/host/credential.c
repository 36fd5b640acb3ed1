#include "host/credential.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/conn.h"

#define LANES_MOST 4u
#define GROW_AFTER 4u /* welcome calls in a row */
#define LOOK_NS 100000000L
#define SECOND_NS 1000000000L

enum state { UNPROVED, TRYING, PROVED, REFUSED };
struct known {
    struct known *next;
    char *name;
    enum state state;
    struct wess_error refusal; /* of REFUSED: what the remote said to the one that tried */
    uint32_t lanes, welcome;
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct known *credentials, *endpoints;
static size_t n_known;
#define KNOWN_MOST 2048u

/* A credential whose secret rotates is known by another name each time. Those that nobody tries and
 * that were not refused can be learned again. */
static void forget_some(void)
{
    for (struct known **at = &credentials; *at;) {
        struct known *k = *at;
        if (k->state == TRYING || k->state == REFUSED) {
            at = &k->next;
            continue;
        }
        *at = k->next;
        free(k->name);
        free(k);
        n_known--;
    }
}

/* NULL: out of memory; the caller then goes on without the courtesy. */
static struct known *find(struct known **list, const char *name)
{
    for (struct known *k = *list; k; k = k->next)
        if (!strcmp(k->name, name))
            return k;
    if (list == &credentials && n_known >= KNOWN_MOST)
        forget_some();
    struct known *k = calloc(1, sizeof(*k));
    if (!k || !(k->name = strdup(name))) {
        free(k);
        return NULL;
    }
    k->lanes = LANES_MOST;
    k->next = *list;
    *list = k;
    n_known += list == &credentials;
    return k;
}

/* Whoever tries may wait long for an answer, and nobody wakes us when we are to stop. */
static void wait_a_little(void)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_NS;
    if (until.tv_nsec >= SECOND_NS) {
        until.tv_nsec -= SECOND_NS;
        until.tv_sec++;
    }
    pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, &until);
}

enum wess_code credential_enter(const char *fingerprint, bool (*cancelled)(void *ctx), void *ctx,
                                struct wess_error *e)
{
    enum wess_code rc = WESS_OK;
    pthread_mutex_lock(&lock);
    struct known *k = find(&credentials, fingerprint);
    while (k && k->state == TRYING && !cancelled(ctx)) {
        wait_a_little();
        k = find(&credentials, fingerprint);
    }
    if (k && k->state == TRYING) {
        rc = WESS_CANCELLED;
    } else if (k && k->state == REFUSED) {
        rc = WESS_AUTH;
        *e = k->refusal;
    } else if (k && k->state == UNPROVED) {
        k->state = TRYING;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

void credential_leave(const char *fingerprint, enum credential_word word,
                      const struct wess_error *e)
{
    pthread_mutex_lock(&lock);
    struct known *k = find(&credentials, fingerprint);
    if (k && word == CREDENTIAL_REFUSED) {
        if (k->state != REFUSED)
            k->refusal = *e;
        k->state = REFUSED;
    } else if (k && word == CREDENTIAL_TAKEN) {
        k->state = PROVED;
    } else if (k && k->state == TRYING) {
        k->state = UNPROVED;
    }
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void conn_credential_refused(const char *fingerprint)
{
    struct wess_error e = {.scope = WESS_OF_CREDENTIAL, .text = "it was refused before"};
    credential_leave(fingerprint, CREDENTIAL_REFUSED, &e);
}

uint32_t lanes_of(const char *endpoint)
{
    pthread_mutex_lock(&lock);
    struct known *k = find(&endpoints, endpoint);
    uint32_t n = k ? k->lanes : 1;
    pthread_mutex_unlock(&lock);
    return n;
}

void lanes_word(const char *endpoint, bool welcome)
{
    pthread_mutex_lock(&lock);
    struct known *k = find(&endpoints, endpoint);
    if (k && !welcome) {
        k->lanes = k->lanes > 1 ? k->lanes / 2 : 1;
        k->welcome = 0;
    } else if (k && ++k->welcome >= GROW_AFTER && k->lanes < LANES_MOST) {
        k->lanes++;
        k->welcome = 0;
    }
    pthread_mutex_unlock(&lock);
}

/* ---- stretching
 * ------------------------------------------------------------------------------------------- */

#define STRETCH_ROUNDS 2000
#define STRETCHED_KEPT 64u /* secrets; one is enough where one account opens all mailboxes */

/* Known by a digest that only this process can make: the secret itself is not kept. */
static struct stretched {
    unsigned char quick[STRETCHED], slow[STRETCHED];
} stretched[STRETCHED_KEPT];
static size_t n_stretched;
static unsigned char own[STRETCHED];
static pthread_mutex_t stretch_lock = PTHREAD_MUTEX_INITIALIZER;

static bool quick_digest(const char *salt, const char *secret, unsigned char out[STRETCHED])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
              EVP_DigestUpdate(ctx, own, sizeof(own)) &&
              EVP_DigestUpdate(ctx, salt, strlen(salt) + 1) &&
              EVP_DigestUpdate(ctx, secret, strlen(secret)) && EVP_DigestFinal_ex(ctx, out, NULL);
    EVP_MD_CTX_free(ctx);
    return ok;
}

bool credential_stretch(const char *salt, const char *secret, unsigned char out[STRETCHED])
{
    struct stretched made;
    bool known = false;
    pthread_mutex_lock(&stretch_lock);
    bool ok = (n_stretched || RAND_bytes(own, sizeof(own)) == 1) &&
              quick_digest(salt, secret, made.quick);
    for (size_t i = 0; ok && !known && i < n_stretched && i < STRETCHED_KEPT; i++)
        if (!memcmp(stretched[i].quick, made.quick, STRETCHED)) {
            made = stretched[i];
            known = true;
        }
    ok = ok && (known || PKCS5_PBKDF2_HMAC(secret, (int)strlen(secret), (const unsigned char *)salt,
                                           (int)strlen(salt), STRETCH_ROUNDS, EVP_sha256(),
                                           STRETCHED, made.slow) == 1);
    if (ok && !known)
        stretched[n_stretched++ % STRETCHED_KEPT] = made;
    if (ok)
        memcpy(out, made.slow, STRETCHED);
    pthread_mutex_unlock(&stretch_lock);
    return ok;
}
