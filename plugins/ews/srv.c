/* DNS SRV records of Autodiscover (RFC 2782, RFC 1035): "_autodiscover._tcp.DOMAIN" names the host
 * to ask. Nothing vouches for an answer of DNS: the host is followed only if the settings allow it,
 * as any other place. */
#include <arpa/nameser.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "discover.h"

#define HEADER 12u
#define NAME_MOST 254u
#define LABELS_MAX 128u
#define JUMPS_MAX 32u /* of compressed names */
#define RECORDS_MAX 64u
#define ANSWER_MAX 4096u
#define HTTPS 443u
#define WAIT_SECONDS 2 /* for each of two servers, once */

struct bytes {
    const unsigned char *of;
    size_t len, at;
};

static bool number(struct bytes *b, size_t size, uint32_t *out)
{
    *out = 0;
    if (b->len - b->at < size)
        return false;
    for (size_t i = 0; i < size; i++)
        *out = *out << 8 | b->of[b->at++];
    return true;
}

static bool is_host_byte(unsigned char c)
{
    return c == '-' || c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* A name, compressed or not; `b` is behind it. `out` NULL: it is skipped. false: it is broken, or
 * none that a host has. */
static bool name(struct bytes *b, char out[NAME_MOST])
{
    size_t at = b->at, n = 0, jumps = 0;
    bool jumped = false;
    for (size_t labels = 0; labels < LABELS_MAX; labels++) {
        if (at >= b->len)
            return false;
        size_t len = b->of[at++];
        if ((len & 0xc0) == 0xc0) {
            if (at >= b->len || ++jumps > JUMPS_MAX)
                return false;
            if (!jumped)
                b->at = at + 1;
            jumped = true;
            at = (len & 0x3f) << 8 | b->of[at];
            continue;
        }
        if (!len) {
            if (!jumped)
                b->at = at;
            if (out)
                out[n ? n - 1 : 0] = 0;
            return true;
        }
        if (len > 63 || b->len - at < len || n + len + 1 >= NAME_MOST)
            return false;
        for (size_t i = 0; out && i < len; i++) {
            if (!is_host_byte(b->of[at + i]))
                return false;
            out[n + i] = (char)b->of[at + i];
        }
        if (out)
            out[n + len] = '.';
        n += len + 1;
        at += len;
    }
    return false;
}

struct srv {
    uint32_t priority, weight;
    char host[NAME_MOST];
};

/* One record; false: the answer is broken. *is: it names a host on the port of https. */
static bool record(struct bytes *b, struct srv *out, bool *is)
{
    uint32_t type, class, ttl, len, port = 0;
    *is = false;
    if (!name(b, NULL) || !number(b, 2, &type) || !number(b, 2, &class) || !number(b, 4, &ttl) ||
        !number(b, 2, &len) || b->len - b->at < len)
        return false;
    size_t end = b->at + len;
    if (type == ns_t_srv && class == ns_c_in && len > 6) {
        bool read = number(b, 2, &out->priority) && number(b, 2, &out->weight) &&
                    number(b, 2, &port) && name(b, out->host);
        *is = read && b->at == end && port == HTTPS && out->host[0];
    }
    b->at = end;
    return true;
}

/* Of the lowest priority, by weight (RFC 2782): what has none is picked where nothing else is. */
static const struct srv *pick(const struct srv *of, size_t n, uint32_t chance)
{
    uint32_t least = UINT32_MAX, sum = 0, first = 0;
    const struct srv *out = NULL;
    for (size_t i = 0; i < n; i++)
        least = of[i].priority < least ? of[i].priority : least;
    for (size_t i = 0; i < n; i++)
        sum += of[i].priority == least ? of[i].weight : 0;
    first = sum ? chance % sum : 0;
    for (size_t i = 0; i < n; i++) {
        if (of[i].priority != least || (sum && !of[i].weight))
            continue;
        out = &of[i];
        if (first < of[i].weight || !sum)
            break;
        first -= of[i].weight;
    }
    return out;
}

char *disco_read_srv(const unsigned char *answer, size_t len, uint32_t chance)
{
    struct bytes b = {answer, len, 4};
    uint32_t questions, answers, skipped;
    struct srv *of = calloc(RECORDS_MAX, sizeof(*of));
    char *host = NULL;
    size_t n = 0;
    bool ok = of && len >= HEADER && !(answer[3] & 15) && number(&b, 2, &questions) &&
              number(&b, 2, &answers) && number(&b, 4, &skipped);
    for (uint32_t i = 0; ok && i < questions; i++)
        ok = name(&b, NULL) && number(&b, 4, &skipped);
    for (uint32_t i = 0; ok && i < answers && n < RECORDS_MAX; i++) {
        bool is;
        ok = record(&b, &of[n], &is);
        n += ok && is;
    }
    const struct srv *best = n ? pick(of, n, chance) : NULL;
    if (best)
        host = strdup(best->host);
    free(of);
    return host;
}

/* It cannot be told to stop: two servers are asked once each, and the answer is bounded. */
char *disco_ask_srv(const char *domain, uint32_t chance)
{
    unsigned char answer[ANSWER_MAX];
    struct __res_state state;
    char *asked = NULL, *host = NULL;
    memset(&state, 0, sizeof(state));
    if (asprintf(&asked, "_autodiscover._tcp.%s", domain) < 0)
        return NULL;
    if (res_ninit(&state) == 0) {
        state.retrans = WAIT_SECONDS;
        state.retry = 1;
        state.nscount = state.nscount > 2 ? 2 : state.nscount;
        int len = res_nquery(&state, asked, ns_c_in, ns_t_srv, answer, sizeof(answer));
        if (len > 0)
            host = disco_read_srv(
                answer, (size_t)len < sizeof(answer) ? (size_t)len : sizeof(answer), chance);
        res_nclose(&state);
    }
    free(asked);
    return host;
}
