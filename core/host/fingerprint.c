/* What a credential is known by, for resting it until it changes. */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "host/conn_private.h"
#include "host/credential.h"
#include "host/plugin.h"

#define SECRET_CAP 8192u

bool conn_of_credential(const struct cfg_endpoint *e, const char *name)
{
    const struct wess_option *o = plugin_option(e->plugin, name);
    return o && ((o->flags & WESS_OPTION_CREDENTIAL) || !strcmp(name, "username"));
}

/* What belongs to a credential beside its secrets: names, and the files that they name. */
static bool digest_value(EVP_MD_CTX *ctx, const char *value)
{
    struct stat st;
    bool ok = EVP_DigestUpdate(ctx, value, strlen(value) + 1);
    if (ok && *value == '/' && stat(value, &st) == 0)
        ok = EVP_DigestUpdate(ctx, &st.st_mtim, sizeof(st.st_mtim)) &&
             EVP_DigestUpdate(ctx, &st.st_size, sizeof(st.st_size));
    return ok;
}

static bool digest_values(struct conn *c, EVP_MD_CTX *ctx)
{
    bool ok = true;
    for (size_t i = 0; ok && i < c->endpoint->n_values; i++)
        if (conn_of_credential(c->endpoint, c->endpoint->values[i].name) && c->values[i])
            ok = digest_value(ctx, c->values[i]);
    return ok;
}

/* A keyed digest: tells whether the secret changed, and nothing else. The salt is the process's own
 * for what is compared in memory; what is stored is salted by the site, so that it lives on. */
const char *conn_fingerprint(struct conn *c)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    char secret[SECRET_CAP], hex[33];
    unsigned len = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
    ok = ok && EVP_DigestUpdate(ctx, c->cfg->site, strlen(c->cfg->site) + 1) &&
         EVP_DigestUpdate(ctx, c->endpoint->name, strlen(c->endpoint->name) + 1) &&
         digest_values(c, ctx);
    for (size_t i = 0; ok && i < c->endpoint->n_secrets; i++) {
        const char *why;
        if (!secret_read(&c->endpoint->secrets[i], c->user, secret, sizeof(secret), &why))
            continue;
        unsigned char slow[STRETCHED];
        ok = credential_stretch(c->cfg->site, secret, slow) &&
             EVP_DigestUpdate(ctx, slow, sizeof(slow));
        explicit_bzero(secret, sizeof(secret));
    }
    ok = ok && EVP_DigestFinal_ex(ctx, md, &len);
    EVP_MD_CTX_free(ctx);
    for (unsigned i = 0; ok && i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", md[i]);
    return ok ? arena_text(c->arena, hex) : NULL;
}
