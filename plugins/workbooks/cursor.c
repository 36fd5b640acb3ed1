#include <stdlib.h>
#include <string.h>

#include "wb.h"

#define SEEN_MOST 20000u /* ids kept; beyond it the overlap is simply read again */

static void *grown(struct wess_call *call, void *of, size_t n, size_t *cap, size_t size)
{
    size_t more = *cap ? *cap * 2 : 16;
    void *out = n < *cap ? of : call->conn->host->alloc(call->arena, more * size);
    if (n < *cap || !out)
        return out;
    if (n)
        memcpy(out, of, n * size);
    *cap = more;
    return out;
}

bool wb_cursor_saw(struct wess_call *call, struct wb_cursor *c, int64_t second, int64_t id)
{
    size_t at = 0;
    if (c->total > SEEN_MOST)
        return true;
    while (at < c->n && c->seen[at].at < second)
        at++;
    if (at == c->n || c->seen[at].at != second) {
        struct wb_second *of = grown(call, c->seen, c->n, &c->cap, sizeof(*of));
        if (!of)
            return false;
        memmove(of + at + 1, of + at, (c->n - at) * sizeof(*of));
        of[at] = (struct wb_second){.at = second};
        c->seen = of;
        c->n++;
    }
    struct wb_second *s = &c->seen[at];
    int64_t *ids = grown(call, s->ids, s->n, &s->cap, sizeof(*ids));
    if (!ids)
        return false;
    s->ids = ids;
    s->ids[s->n++] = id;
    c->total++;
    return true;
}

/* To the newest record that was read: a run that brings nothing new ends where the last one began,
 * before records that were left out as seen. */
static void to_newest(struct wb_cursor *c)
{
    const struct wb_second *s = c->n ? &c->seen[c->n - 1] : NULL;
    if (!s || s->at < c->seconds)
        return;
    if (s->at > c->seconds)
        c->id = 0;
    c->seconds = s->at;
    for (size_t i = 0; i < s->n; i++)
        if (s->ids[i] > c->id)
            c->id = s->ids[i];
}

void wb_cursor_rest(struct wb_cursor *c, int64_t back)
{
    size_t kept = 0;
    c->snapshot = false;
    to_newest(c);
    if (!c->seconds || c->seconds < back) {
        c->n = 0; /* nothing that could still be joined by a late commit */
        return;
    }
    c->seconds = back;
    c->id = 0;
    if (c->total > SEEN_MOST)
        c->n = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->seen[i].at >= back)
            c->seen[kept++] = c->seen[i];
    c->n = kept;
}

static const char *number(const char *at, const char *end, int64_t *out)
{
    bool any = false;
    *out = 0;
    while (at < end && *at == ' ')
        at++;
    for (; at < end && *at >= '0' && *at <= '9'; at++, any = true)
        if (*out > (INT64_MAX - (*at - '0')) / 10)
            return NULL;
        else
            *out = *out * 10 + (*at - '0');
    return any ? at : NULL;
}

/* " mine=7", of a cursor that knows it. */
static const char *own_queue(const char *at, const char *end, struct wb_cursor *c)
{
    static const char mine[] = " mine=";
    size_t len = sizeof(mine) - 1;
    if ((size_t)(end - at) < len || memcmp(at, mine, len) != 0)
        return at;
    return number(at + len, end, &c->mine);
}

static enum wess_code unknown(struct wess_call *call)
{
    return wess_fail(&call->error, WESS_RESET, WESS_OF_COLLECTION, NULL, "unknown cursor");
}

enum wess_code wb_cursor_read(struct wess_call *call, struct wess_slice in, struct wb_cursor *c)
{
    static const char snapshot[] = " snapshot";
    const char *at = in.data, *end = at + in.len;
    int64_t version, second, id;
    *c = (struct wb_cursor){.snapshot = true};
    if (!in.len)
        return WESS_OK;
    at = number(at, end, &version);
    if (!at || version != 2 || !(at = number(at, end, &c->seconds)) ||
        !(at = number(at, end, &c->id)))
        return unknown(call);
    c->snapshot =
        (size_t)(end - at) >= sizeof(snapshot) - 1 && !memcmp(at, snapshot, sizeof(snapshot) - 1);
    at += c->snapshot ? sizeof(snapshot) - 1 : 0;
    if (!(at = own_queue(at, end, c)))
        return unknown(call);
    while (at < end && *at == '\n') {
        if (++at == end)
            break;
        if (!(at = number(at, end, &second)))
            return unknown(call);
        while (at < end && *at == ' ') {
            if (!(at = number(at, end, &id)))
                return unknown(call);
            if (!wb_cursor_saw(call, c, second, id))
                return WESS_TOO_BIG;
        }
    }
    return at == end ? WESS_OK : unknown(call);
}

bool wb_cursor_write(struct wess_call *call, const struct wb_cursor *c, struct wess_slice *out)
{
    size_t len = 128 + 21 * (c->total + c->n);
    char *text = call->conn->host->alloc(call->arena, len), *at = text;
    if (!text)
        return false;
    at += sprintf(at, "2 %lld %lld%s", (long long)c->seconds, (long long)c->id,
                  c->snapshot ? " snapshot" : "");
    if (c->mine)
        at += sprintf(at, " mine=%lld", (long long)c->mine);
    *at++ = '\n';
    for (size_t i = 0; i < c->n; i++) {
        at += sprintf(at, "%lld", (long long)c->seen[i].at);
        for (size_t k = 0; k < c->seen[i].n; k++)
            at += sprintf(at, " %lld", (long long)c->seen[i].ids[k]);
        *at++ = '\n';
    }
    *out = (struct wess_slice){text, (size_t)(at - text)};
    return true;
}
