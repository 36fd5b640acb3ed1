/* Basic, NTLM (MS-NLMP) and bearer tokens, section 2. NTLM signs in the connection, not the
 * request. */
#include <nettle/base64.h>
#include <nettle/hmac.h>
#include <nettle/md4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entra.h"
#include "exchange.h"
#include "server.h"

enum { CHALLENGE_SENT = 1, SIGNED_IN };
struct ntlm { /* of a connection */
    int stage;
    unsigned char challenge[8];
    char user[128];
};
static struct {
    char user[128], password[64];
} accounts[SB_USERS_MAX + 4];
static size_t n_accounts;

void *server_slot_copy(const void *slot)
{
    struct ntlm *copy = malloc(sizeof(*copy));
    if (copy)
        memcpy(copy, slot, sizeof(*copy));
    return copy;
}

static void load_accounts(void)
{
    if (n_accounts)
        return;
    snprintf(accounts[0].user, sizeof(accounts[0].user), "svc-wess");
    snprintf(accounts[0].password, sizeof(accounts[0].password), "%s", sb_service_password);
    n_accounts = 1;
    for (size_t i = 0; i < sb_n_users; i++, n_accounts++) {
        snprintf(accounts[n_accounts].user, sizeof(accounts[0].user), "%s", sb_users[i].login);
        snprintf(accounts[n_accounts].password, sizeof(accounts[0].password), "%s",
                 sb_users[i].password);
    }
}

/* "EXAMPLE\ada", "ada" or her address: the account's short name. */
static const char *account_of(const char *user, const char **password)
{
    const char *slash = strchr(user, '\\');
    load_accounts();
    if (slash)
        user = slash + 1;
    for (size_t i = 0; i < n_accounts; i++) {
        bool address = i && i <= sb_n_users && !strcasecmp(sb_users[i - 1].address, user);
        if (!strcasecmp(accounts[i].user, user) || address) {
            *password = accounts[i].password;
            return accounts[i].user;
        }
    }
    return NULL;
}

bool ex_password(const char *username, const char *password)
{
    const char *old;
    const char *account = account_of(username, &old);
    if (account)
        snprintf((char *)(uintptr_t)old, sizeof(accounts[0].password), "%s", password);
    return account != NULL;
}

static size_t from_base64(const char *text, unsigned char *out, size_t cap)
{
    struct base64_decode_ctx ctx;
    size_t len = cap, in = strlen(text);
    if (BASE64_DECODE_LENGTH(in) > cap)
        return 0;
    base64_decode_init(&ctx);
    return base64_decode_update(&ctx, &len, out, in, text) ? len : 0;
}

/* ---- Basic
 * ----------------------------------------------------------------------------------------------------
 */

static const char *basic(const char *token)
{
    unsigned char text[512];
    size_t len = from_base64(token, text, sizeof(text) - 1);
    text[len] = 0;
    char *colon = strchr((char *)text, ':');
    const char *password;
    if (!colon)
        return NULL;
    *colon = 0;
    const char *account = account_of((char *)text, &password);
    return account && !strcmp(password, colon + 1) ? account : NULL;
}

/* ---- NTLM
 * -----------------------------------------------------------------------------------------------------
 */

static uint32_t le(const unsigned char *p, int bytes)
{
    uint32_t n = 0;
    for (int i = 0; i < bytes; i++)
        n |= (uint32_t)p[i] << (8 * i);
    return n;
}

/* MS-NLMP 2.2.1.2: the challenge. */
static void send_challenge(struct ntlm *n, struct sb_response *out)
{
    static const unsigned char info[] = {/* domain name, computer name, end */
                                         2,   0, 14,  0, 'E', 0, 'X', 0, 'A', 0, 'M', 0,
                                         'P', 0, 'L', 0, 'E', 0, 1,   0, 8,   0, 'M', 0,
                                         'A', 0, 'I', 0, 'L', 0, 0,   0, 0,   0};
    unsigned char m[56 + sizeof(info)] = "NTLMSSP";
    char text[BASE64_ENCODE_RAW_LENGTH(sizeof(m)) + 1];
    static uint64_t seed = 0x1234567;
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    memcpy(n->challenge, &seed, 8);
    m[8] = 2;
    /* Unicode, target, NTLM, extended security, target info. */
    m[20] = 0x05, m[21] = 0x02, m[22] = 0x89, m[23] = 0;
    m[16] = 56;
    memcpy(m + 24, n->challenge, 8);
    m[40] = m[42] = sizeof(info);
    m[44] = 56;
    memcpy(m + 56, info, sizeof(info));
    base64_encode_raw(text, sizeof(m), m);
    text[BASE64_ENCODE_RAW_LENGTH(sizeof(m))] = 0;
    n->stage = CHALLENGE_SENT;
    out->status = 401;
    sb_buf_fmt(&out->headers, "WWW-Authenticate: NTLM %s\n", text);
}

struct part {
    const unsigned char *at;
    size_t len;
};
static struct part part(const unsigned char *m, size_t len, size_t field)
{
    struct part p = {NULL, 0};
    if (field + 8 > len)
        return p;
    size_t n = le(m + field, 2), at = le(m + field + 4, 4);
    if (at <= len && n <= len - at)
        p = (struct part){m + at, n};
    return p;
}

static size_t utf16(const char *text, bool upper, unsigned char *out, size_t cap)
{
    size_t n = 0;
    for (; *text && n + 2 <= cap; text++) {
        char c = upper && *text >= 'a' && *text <= 'z' ? (char)(*text - 32) : *text;
        out[n++] = (unsigned char)c;
        out[n++] = 0;
    }
    return n;
}

/* MS-NLMP 3.3.2: NTLMv2. */
static bool verify(const struct ntlm *n, const char *user, struct part domain, const char *password,
                   struct part response)
{
    unsigned char key[MD4_DIGEST_SIZE], wide[512], proof[16];
    struct md4_ctx md4;
    struct hmac_md5_ctx hmac;
    if (response.len < 24)
        return false;
    md4_init(&md4);
    md4_update(&md4, utf16(password, false, wide, sizeof(wide)), wide);
    md4_digest(&md4, sizeof(key), key);
    hmac_md5_set_key(&hmac, sizeof(key), key);
    hmac_md5_update(&hmac, utf16(user, true, wide, sizeof(wide)), wide);
    hmac_md5_update(&hmac, domain.len, domain.at);
    hmac_md5_digest(&hmac, sizeof(key), key);
    hmac_md5_set_key(&hmac, sizeof(key), key);
    hmac_md5_update(&hmac, 8, n->challenge);
    hmac_md5_update(&hmac, response.len - 16, response.at + 16);
    hmac_md5_digest(&hmac, sizeof(proof), proof);
    return !memcmp(proof, response.at, 16);
}

static const char *take_answer(struct ntlm *n, const unsigned char *m, size_t len)
{
    char user[128];
    size_t k = 0;
    struct part response = part(m, len, 20), domain = part(m, len, 28), name = part(m, len, 36);
    const char *password;
    for (size_t i = 0; i + 1 < name.len && k + 1 < sizeof(user); i += 2)
        user[k++] = (char)name.at[i];
    user[k] = 0;
    const char *account = account_of(user, &password);
    if (!account || !verify(n, user, domain, password, response))
        return NULL;
    snprintf(n->user, sizeof(n->user), "%s", account);
    n->stage = SIGNED_IN;
    return n->user;
}

static const char *ntlm(const struct sb_request *r, const char *token, struct sb_response *out,
                        bool *challenged)
{
    unsigned char m[2048];
    size_t len = from_base64(token, m, sizeof(m));
    struct ntlm *n = r->connection ? *r->connection : NULL;
    if (!r->connection || len < 12 || memcmp(m, "NTLMSSP", 8))
        return NULL;
    if (!n)
        *r->connection = n = calloc(1, sizeof(*n));
    if (!n)
        return NULL;
    if (m[8] == 1) {
        send_challenge(n, out);
        *challenged = true;
        return NULL;
    }
    return m[8] == 3 && n->stage == CHALLENGE_SENT && len >= 64 ? take_answer(n, m, len) : NULL;
}

/* ---- both
 * -----------------------------------------------------------------------------------------------------
 */

/* ---- tokens
 * ------------------------------------------------------------------------------------------ */

static enum ex_caller caller; /* of the request under way: one is handled at a time */

enum ex_caller ex_caller(void)
{
    return caller;
}

static const char *bearer(const char *token, const char **why)
{
    const char *login;
    switch (entra_bearer(token, &login, why)) {
    case ENTRA_IS_APP:
        caller = EX_APP;
        return "app";
    case ENTRA_IS_PERSON:
        caller = EX_PERSON;
        return login;
    case ENTRA_NOBODY:
        break;
    }
    return NULL;
}

/* Online takes tokens and nothing else. */
static bool takes(const char *way)
{
    const char *ways = sb_switch("sign_in", "all");
    return !strcmp(ways, "all") || strstr(ways, way);
}

static void offer(struct sb_response *out)
{
    static const struct {
        const char *way, *header;
    } offers[] = {{"negotiate", "WWW-Authenticate: Negotiate\n"},
                  {"ntlm", "WWW-Authenticate: NTLM\n"},
                  {"basic", "WWW-Authenticate: Basic realm=\"EWS\"\n"},
                  {"bearer", "WWW-Authenticate: Bearer client_id=\"00000002-0000-0ff1-ce00-"
                             "000000000000\", authorization_uri=\"https://login.microsoftonline."
                             "com/common/oauth2/authorize\"\n"}};
    for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++)
        if (takes(offers[i].way))
            sb_buf_str(&out->headers, offers[i].header);
}

const char *ex_sign_in(const struct sb_request *r, struct sb_response *out)
{
    const char *header = sb_header(r, "Authorization"), *account = NULL;
    const struct ntlm *n = r->connection ? *r->connection : NULL;
    const char *why = NULL;
    bool challenged = false, wrong = sb_fault_at(r, "", NULL) == SB_FAULT_PASSWORD;
    caller = EX_ACCOUNT;
    if (!wrong && !header && n && n->stage == SIGNED_IN)
        return n->user;
    if (!wrong && header && !strncasecmp(header, "Bearer ", 7) && takes("bearer"))
        account = bearer(header + 7, &why);
    else if (!wrong && header && !strncasecmp(header, "Basic ", 6) && takes("basic"))
        account = basic(header + 6);
    else if (!wrong && header && !strncasecmp(header, "NTLM ", 5) && takes("ntlm"))
        account = ntlm(r, header + 5, out, &challenged);
    if (account || challenged)
        return account;
    out->status = 401;
    out->type = "text/html";
    offer(out);
    if (why)
        sb_buf_fmt(&out->headers, "x-ms-diagnostics: %s\n", why);
    sb_buf_str(&out->body, "<html><body>401 Unauthorized</body></html>");
    return NULL;
}
