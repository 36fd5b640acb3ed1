#include "upload.h"

#include <string.h>

#define BODY_MOST ((size_t)1 << 40)

/* Bytes of one of the value's, as a form has it. */
static size_t encode(unsigned char c, char out[3])
{
    static const char hex[] = "0123456789ABCDEF";
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '-' || c == '_' || c == '.' || c == '~';
    if (plain || c == ' ') {
        out[0] = c == ' ' ? '+' : (char)c;
        return 1;
    }
    out[0] = '%';
    out[1] = hex[c >> 4];
    out[2] = hex[c & 15];
    return 3;
}

static bool open_spool(struct wb_upload *u)
{
    u->raw_at = u->raw_n = 0;
    return u->host->blob_open(u->host->ctx, u->of[u->insert].blob->digest, &u->spool) == WESS_OK;
}

static void close_spool(struct wb_upload *u)
{
    if (u->spool)
        u->host->blob_close(u->spool);
    u->spool = NULL;
}

/* The next byte of the value that is open. 1, 0 at its end, -1. */
static int next_byte(struct wb_upload *u, unsigned char *out)
{
    if (u->raw_at == u->raw_n) {
        int64_t n = u->host->blob_get(u->spool, u->raw, sizeof(u->raw));
        if (n <= 0)
            return n < 0 ? -1 : 0;
        u->raw_at = 0;
        u->raw_n = (size_t)n;
    }
    *out = (unsigned char)u->raw[u->raw_at++];
    return 1;
}

/* A part of a multipart form is as it is. */
static bool is_raw(const struct wb_upload *u)
{
    return u->form->boundary != NULL;
}

static bool measure(struct wb_upload *u)
{
    unsigned char c;
    char out[3];
    size_t len = is_raw(u) ? (size_t)u->of[u->insert].blob->size : 0;
    int got = open_spool(u) ? !is_raw(u) : -1;
    while (got > 0 && len < BODY_MOST && (got = next_byte(u, &c)) > 0)
        len += encode(c, out);
    close_spool(u);
    u->of[u->insert].len = len;
    u->len += len;
    return got == 0 && u->len < BODY_MOST;
}

static void rewind_to_start(struct wb_upload *u)
{
    close_spool(u);
    u->pos = u->insert = u->sent = 0;
    u->held_at = u->held_n = 0;
}

enum wess_code wb_upload_start(struct wb_upload *u)
{
    bool ok = true;
    u->len = u->form->len;
    u->spool = NULL;
    for (u->insert = 0; ok && u->insert < u->n; u->insert++)
        ok = measure(u);
    rewind_to_start(u);
    return ok ? WESS_OK : WESS_REJECTED;
}

void wb_upload_end(struct wb_upload *u)
{
    close_spool(u);
}

/* Of the form's own bytes, up to the next value. */
static size_t copy_form(struct wb_upload *u, char *buf, size_t cap)
{
    size_t end = u->insert < u->n ? u->of[u->insert].at : u->form->len;
    size_t len = end - u->sent < cap ? end - u->sent : cap;
    if (len)
        memcpy(buf, u->form->data + u->sent, len);
    u->sent += len;
    return len;
}

/* Of a value. false: it cannot be read on. `done`: all of it is out. */
static bool copy_value(struct wb_upload *u, char *buf, size_t cap, size_t *len, bool *done)
{
    *len = 0;
    *done = false;
    if (!u->spool && !open_spool(u))
        return false;
    while (*len < cap) {
        unsigned char c;
        if (u->held_at < u->held_n) {
            buf[(*len)++] = u->held[u->held_at++];
            continue;
        }
        int got = next_byte(u, &c);
        if (got <= 0) {
            *done = true;
            return got == 0;
        }
        u->held[0] = (char)c;
        u->held_n = is_raw(u) ? 1 : encode(c, u->held);
        u->held_at = 0;
    }
    return true;
}

static size_t some(struct wb_upload *u, char *buf, size_t cap)
{
    size_t n = 0;
    while (n < cap) {
        size_t len = copy_form(u, buf + n, cap - n);
        bool done = false;
        n += len;
        if (len || u->insert == u->n) {
            if (!len)
                break;
            continue;
        }
        if (!copy_value(u, buf + n, cap - n, &len, &done))
            return 0;
        n += len;
        if (done) {
            close_spool(u);
            u->insert++;
        }
    }
    u->pos += n;
    return n;
}

size_t wb_upload_read(void *ctx, size_t at, char *buf, size_t cap)
{
    struct wb_upload *u = ctx;
    if (at < u->pos)
        rewind_to_start(u);
    while (u->pos < at) { /* sent again from the middle: what is before it passes by */
        char skipped[1024];
        size_t want = at - u->pos < sizeof(skipped) ? at - u->pos : sizeof(skipped);
        if (!some(u, skipped, want))
            return 0;
    }
    return some(u, buf, cap);
}
