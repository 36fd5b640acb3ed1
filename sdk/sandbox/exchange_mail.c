/* Messages (section 9): they come by the control interface alone, as mail comes from elsewhere. */
#include <nettle/base64.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "exchange.h"

#define LINE_LETTERS 76u
#define SIZE_MAX_BYTES (64ul << 20)

static void stamp_times(struct ex_item *i)
{
    static const char *const uris[] = {"item:DateTimeSent", "item:DateTimeReceived"};
    char text[32];
    time_t s = (time_t)(i->created_ms / 1000);
    struct tm tm;
    gmtime_r(&s, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    for (size_t k = 0; k < 2; k++)
        if (!ex_value(i, uris[k]))
            ex_put(i, uris[k], text);
}

/* Lines that no compression makes small. */
static void fill(struct sb_buf *b, unsigned long size)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint64_t x = 0x9e3779b97f4a7c15u;
    char line[LINE_LETTERS + 2];
    for (unsigned long done = 0; done < size; done += sizeof(line)) {
        for (size_t k = 0; k < LINE_LETTERS; k++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            line[k] = letters[x >> 32 & 63];
        }
        memcpy(line + LINE_LETTERS, "\r\n", 2);
        sb_buf_add(b, line, sizeof(line));
    }
}

static void header(struct sb_buf *b, const char *name, const char *value)
{
    if (value)
        sb_buf_fmt(b, "%s: %s\r\n", name, value);
}

void ex_mail_came(const struct ex_mailbox *m, struct ex_item *i, const char *query)
{
    struct sb_buf b = {0};
    char *size = sb_param(query, "size", 0);
    unsigned long n = size ? strtoul(size, NULL, 10) : 0;
    stamp_times(i);
    sb_buf_fmt(&b, "Received: from elsewhere.example by %s\r\n", m->user->address);
    header(&b, "Message-ID", ex_value(i, "message:InternetMessageId"));
    header(&b, "Subject", ex_value(i, "item:Subject"));
    sb_buf_fmt(&b, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n",
               i->body ? i->body : "");
    fill(&b, n < SIZE_MAX_BYTES ? n : SIZE_MAX_BYTES);
    free(i->mime);
    i->mime = b.data;
    i->mime_len = b.len;
    free(size);
}

/* The value of a header, unfolded; malloc'ed; NULL: it is not there. */
static char *header_of(const char *mime, size_t len, const char *name)
{
    size_t n = strlen(name);
    struct sb_buf b = {0};
    bool ours = false;
    for (const char *at = mime, *end = mime + len; at < end;) {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        size_t line = (size_t)((eol ? eol : end) - at);
        size_t text = line && at[line - 1] == '\r' ? line - 1 : line;
        if (!text)
            break;
        bool folded = *at == ' ' || *at == '\t';
        if (!folded && ours)
            break;
        if (!folded && text > n && !strncasecmp(at, name, n) && at[n] == ':') {
            ours = true;
            size_t skip = n + 1 + strspn(at + n + 1, " ");
            sb_buf_add(&b, at + (skip < text ? skip : text), text - (skip < text ? skip : text));
        } else if (folded && ours) {
            sb_buf_add(&b, at, text);
        }
        at += line + 1;
    }
    return b.data;
}

static void take_header(struct ex_item *i, const char *name, const char *uri)
{
    char *value = header_of(i->mime, i->mime_len, name);
    if (value && !ex_value(i, uri))
        ex_put(i, uri, value);
    free(value);
}

static void take_people(struct ex_item *i, const char *name, const char *uri)
{
    char *value = header_of(i->mime, i->mime_len, name);
    char *open = value ? strchr(value, '<') : NULL, *close = open ? strchr(open, '>') : NULL;
    struct sb_buf b = {0};
    if (value && close)
        *close = 0;
    if (value && !ex_value(i, uri)) {
        sb_buf_str(&b, "<t:Mailbox><t:EmailAddress>");
        ex_escape(&b, close ? open + 1 : value);
        sb_buf_str(&b, "</t:EmailAddress></t:Mailbox>");
        ex_put(i, uri, b.data);
    }
    sb_buf_free(&b);
    free(value);
}

bool ex_mail_take(struct ex_item *i, const char *base64)
{
    struct base64_decode_ctx ctx;
    size_t in = strlen(base64), len = BASE64_DECODE_LENGTH(in);
    uint8_t *plain = calloc(1, len + 1);
    if (!plain)
        abort();
    base64_decode_init(&ctx);
    bool ok =
        in && base64_decode_update(&ctx, &len, plain, in, base64) && base64_decode_final(&ctx);
    if (!ok) {
        free(plain);
        return false;
    }
    free(i->mime);
    i->mime = (char *)plain;
    i->mime_len = len;
    take_header(i, "Subject", "item:Subject");
    take_header(i, "Message-ID", "message:InternetMessageId");
    take_people(i, "From", "message:From");
    take_people(i, "To", "message:ToRecipients");
    return true;
}

void ex_mail_make(struct ex_item *i)
{
    struct sb_buf b = {0};
    stamp_times(i);
    if (i->mime)
        return;
    header(&b, "Subject", ex_value(i, "item:Subject"));
    sb_buf_fmt(&b, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n",
               i->body ? i->body : "");
    i->mime = b.data;
    i->mime_len = b.len;
}

void ex_mail_attach(struct ex_item *i, const char *query)
{
    char *name = sb_param(query, "name", 0), *text = sb_param(query, "text", 0);
    char *size = sb_param(query, "size", 0);
    unsigned long n = size ? strtoul(size, NULL, 10) : 0;
    struct sb_buf b = {0};
    sb_buf_str(&b, text ? text : "");
    fill(&b, n < SIZE_MAX_BYTES ? n : SIZE_MAX_BYTES);
    char *inlined = sb_param(query, "inline", 0);
    ex_attach(i, name ? name : "file", b.data, b.len);
    i->attachments[i->n_attachments - 1].inlined = inlined && !strcmp(inlined, "1");
    free(inlined);
    i->attachments[i->n_attachments - 1].element = sb_param(query, "element", 0);
    free(name);
    free(text);
    free(size);
}

void ex_mail_write(struct sb_buf *b, const struct ex_item *i)
{
    size_t len = BASE64_ENCODE_RAW_LENGTH(i->mime_len);
    char *text = i->mime ? malloc(len + 1) : NULL;
    if (!text)
        return;
    base64_encode_raw(text, i->mime_len, (const uint8_t *)i->mime);
    sb_buf_str(b, "<t:MimeContent CharacterSet=\"UTF-8\">");
    sb_buf_add(b, text, len);
    sb_buf_str(b, "</t:MimeContent>");
    free(text);
}

void ex_mail_digest(const struct ex_item *i, char out[65])
{
    struct sha256_ctx ctx;
    uint8_t md[SHA256_DIGEST_SIZE];
    sha256_init(&ctx);
    sha256_update(&ctx, i->mime_len, (const uint8_t *)i->mime);
    sha256_digest(&ctx, sizeof(md), md);
    for (size_t k = 0; k < sizeof(md); k++)
        snprintf(out + 2 * k, 3, "%02x", md[k]);
}
