/* The values of a response, and the responses that this connector asks for. */
#include <string.h>
#include <strings.h>

#include "reader.h"

/* ---- values
 * ------------------------------------------------------------------------------------------ */

bool imap_char(struct imap_at *at, char c)
{
    if (at->of == at->end || *at->of != c)
        return false;
    at->of++;
    return true;
}

bool imap_space(struct imap_at *at)
{
    return imap_char(at, ' ');
}

static bool is_atom_char(char c)
{
    static const bool special[128] = {['('] = true, [')'] = true, ['{'] = true, ['%'] = true,
                                      ['*'] = true, ['"'] = true, ['\\'] = true};
    unsigned char u = (unsigned char)c;
    return u > 0x20 && u < 0x7f && !special[u];
}

bool imap_atom(struct imap_at *at, struct imap_text *out)
{
    const char *begin = at->of;
    while (at->of < at->end && is_atom_char(*at->of))
        at->of++;
    *out = (struct imap_text){begin, (size_t)(at->of - begin)};
    return out->len > 0;
}

bool imap_number(struct imap_at *at, uint64_t most, uint64_t *out)
{
    uint64_t n = 0;
    const char *begin = at->of;
    for (; at->of < at->end && *at->of >= '0' && *at->of <= '9'; at->of++) {
        uint64_t digit = (uint64_t)(*at->of - '0');
        if (n > (most - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return at->of > begin;
}

static bool read_quoted(struct imap_at *at, struct imap_text *raw)
{
    const char *begin = ++at->of;
    for (; at->of < at->end && *at->of != '"'; at->of++) {
        if (*at->of == '\r' || *at->of == '\n' || !*at->of)
            return false;
        if (*at->of != '\\')
            continue;
        at->of++;
        if (at->of == at->end || (*at->of != '"' && *at->of != '\\'))
            return false;
    }
    if (at->of == at->end)
        return false;
    *raw = (struct imap_text){begin, (size_t)(at->of - begin)};
    at->of++;
    return true;
}

static bool read_literal(struct imap_at *at, struct imap_text *raw)
{
    uint64_t n = 0;
    imap_char(at, '~');
    if (!imap_char(at, '{') || !imap_number(at, IMAP_RESPONSE_MAX, &n) || !imap_char(at, '}') ||
        !imap_char(at, '\r') || !imap_char(at, '\n') || n > (uint64_t)(at->end - at->of))
        return false;
    *raw = (struct imap_text){at->of, (size_t)n};
    at->of += n;
    return true;
}

bool imap_string(struct imap_at *at, struct imap_text *raw, bool *quoted)
{
    *quoted = at->of < at->end && *at->of == '"';
    return *quoted ? read_quoted(at, raw) : read_literal(at, raw);
}

bool imap_nstring(struct imap_at *at, struct imap_text *raw, bool *quoted)
{
    struct imap_at ahead = *at;
    struct imap_text word;
    if (imap_atom(&ahead, &word) && imap_is(word, "NIL")) {
        *at = ahead;
        *raw = (struct imap_text){NULL, 0};
        *quoted = false;
        return true;
    }
    return imap_string(at, raw, quoted);
}

bool imap_astring(struct imap_at *at, struct imap_text *raw, bool *quoted)
{
    *quoted = false;
    if (at->of < at->end && (*at->of == '"' || *at->of == '{' || *at->of == '~')) {
        struct imap_at ahead = *at;
        if (imap_string(&ahead, raw, quoted)) {
            *at = ahead;
            return true;
        }
    }
    return imap_atom(at, raw);
}

size_t imap_unquote(struct imap_text t, bool quoted, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < t.len; i++) {
        i += quoted && t.of[i] == '\\' && i + 1 < t.len;
        out[n++] = t.of[i];
    }
    out[n] = 0;
    return n;
}

bool imap_flag(struct imap_at *at, struct imap_text *out)
{
    const char *begin;
    imap_space(at);
    begin = at->of;
    if (imap_char(at, '\\') && imap_char(at, '*')) {
        *out = (struct imap_text){begin, 2};
        return true;
    }
    struct imap_text word;
    if (!imap_atom(at, &word))
        return false;
    *out = (struct imap_text){begin, (size_t)(at->of - begin)};
    return true;
}

/* A list's inside, from behind its "(" to behind its ")". */
static bool over_list(struct imap_at *at)
{
    unsigned depth = 1;
    struct imap_text t;
    bool quoted;
    while (depth) {
        if (at->of == at->end)
            return false;
        char c = *at->of;
        if (c == '(' || c == ')') {
            depth = c == '(' ? depth + 1 : depth - 1;
            at->of++;
            if (depth > IMAP_DEPTH_MAX)
                return false;
        } else if (c == ' ') {
            at->of++;
        } else if (c == '"' || c == '{') {
            if (!imap_string(at, &t, &quoted))
                return false;
        } else if (!imap_flag(at, &t)) {
            return false;
        }
    }
    return true;
}

bool imap_value(struct imap_at *at)
{
    struct imap_text t;
    bool quoted;
    if (imap_char(at, '('))
        return over_list(at);
    if (at->of < at->end && *at->of == '\\')
        return imap_flag(at, &t);
    return imap_astring(at, &t, &quoted);
}

static bool open_list(struct imap_at *at, struct imap_at *inside)
{
    if (!imap_char(at, '('))
        return false;
    inside->of = at->of;
    if (!over_list(at))
        return false;
    inside->end = at->of - 1;
    return true;
}

/* ---- FETCH
 * ------------------------------------------------------------------------------------------ */

/* "BODY[HEADER.FIELDS (MESSAGE-ID)]": the name goes on to the bracket; "<0>" may follow. */
static bool read_section(struct imap_at *at)
{
    const char *close = memchr(at->of, ']', (size_t)(at->end - at->of));
    if (!close)
        return false;
    at->of = close + 1;
    uint64_t origin;
    return !imap_char(at, '<') || (imap_number(at, UINT32_MAX, &origin) && imap_char(at, '>'));
}

static bool read_attribute(struct imap_at *at, struct imap_fetch *out)
{
    struct imap_text name;
    uint64_t n = 0;
    bool quoted;
    const char *begin = at->of;
    while (at->of < at->end && is_atom_char(*at->of) && *at->of != '[')
        at->of++;
    name = (struct imap_text){begin, (size_t)(at->of - begin)};
    if (imap_is(name, "BODY") && at->of < at->end && *at->of == '[')
        return read_section(at) && imap_space(at) && imap_nstring(at, &out->header, &quoted);
    if (!name.len || !imap_space(at))
        return false;
    if (imap_is(name, "UID")) {
        bool ok = imap_number(at, UINT32_MAX, &n) && n;
        out->uid = (uint32_t)n;
        return ok;
    }
    if (imap_is(name, "MODSEQ"))
        return imap_char(at, '(') && imap_number(at, INT64_MAX, &out->modseq) && imap_char(at, ')');
    if (imap_is(name, "FLAGS"))
        return out->has_flags = open_list(at, &out->flags);
    return imap_value(at);
}

bool imap_read_fetch(struct imap_at at, struct imap_fetch *out)
{
    *out = (struct imap_fetch){0};
    if (!imap_char(&at, '('))
        return false;
    if (imap_char(&at, ')'))
        return at.of == at.end;
    while (true) {
        if (!read_attribute(&at, out))
            return false;
        if (imap_char(&at, ')'))
            return at.of == at.end;
        if (!imap_space(&at))
            return false;
    }
}

/* ---- LIST, STATUS, VANISHED
 * ------------------------------------------------------------------------------------------ */

bool imap_read_list(struct imap_at at, struct imap_list *out)
{
    struct imap_text delimiter;
    bool quoted;
    char text[4];
    *out = (struct imap_list){{NULL, NULL}, 0, {NULL, 0}, false};
    if (!open_list(&at, &out->attributes) || !imap_space(&at) ||
        !imap_nstring(&at, &delimiter, &quoted) || delimiter.len > 2 || !imap_space(&at) ||
        !imap_astring(&at, &out->name, &out->quoted))
        return false;
    if (delimiter.of && imap_unquote(delimiter, quoted, text) == 1)
        out->delimiter = text[0];
    /* RFC 5258: extended data may follow. */
    return at.of == at.end || (imap_space(&at) && imap_value(&at) && at.of == at.end);
}

bool imap_read_status(struct imap_at at, struct imap_mailbox_status *out)
{
    struct imap_at in;
    *out = (struct imap_mailbox_status){{NULL, 0}, false, 0, 0, 0, 0};
    if (!imap_astring(&at, &out->name, &out->quoted) || !imap_space(&at) || !open_list(&at, &in))
        return false;
    while (in.of < in.end) {
        struct imap_text word;
        uint64_t n;
        if (!imap_atom(&in, &word) || !imap_space(&in) || !imap_number(&in, INT64_MAX, &n))
            return false;
        bool large = n > UINT32_MAX;
        if (imap_is(word, "HIGHESTMODSEQ"))
            out->modseq = n;
        else if (imap_is(word, "MESSAGES") && !large)
            out->messages = (uint32_t)n;
        else if (imap_is(word, "UIDNEXT") && !large)
            out->uidnext = (uint32_t)n;
        else if (imap_is(word, "UIDVALIDITY") && !large)
            out->uidvalidity = (uint32_t)n;
        if (in.of < in.end && !imap_space(&in))
            return false;
    }
    return at.of == at.end || (imap_space(&at) && at.of == at.end);
}

bool imap_read_set(struct imap_at *at, bool (*take)(void *ctx, uint32_t, uint32_t), void *ctx)
{
    do {
        uint64_t a = 0, b = 0;
        if (!imap_number(at, UINT32_MAX, &a) || !a)
            return false;
        b = a;
        if (imap_char(at, ':') && (!imap_number(at, UINT32_MAX, &b) || !b))
            return false;
        if (!take(ctx, (uint32_t)(a < b ? a : b), (uint32_t)(a < b ? b : a)))
            return false;
    } while (imap_char(at, ','));
    return true;
}

bool imap_read_vanished(struct imap_at at, bool *earlier, struct imap_at *set)
{
    struct imap_at in;
    struct imap_text word;
    *earlier = at.of < at.end && *at.of == '(';
    if (*earlier && (!open_list(&at, &in) || !imap_flag(&in, &word) || !imap_is(word, "EARLIER") ||
                     !imap_space(&at)))
        return false;
    *set = at;
    return true;
}

/* ---- a header field
 * ------------------------------------------------------------------------------------------ */

struct imap_text imap_header_value(struct imap_text header, const char *name)
{
    struct imap_text none = {NULL, 0};
    size_t n = strlen(name);
    const char *s = header.of, *end = header.of ? header.of + header.len : NULL;
    if (!s || header.len < n + 1 || strncasecmp(s, name, n) != 0 || s[n] != ':')
        return none;
    const char *from = s + n + 1, *to = from;
    while (to < end && !(*to == '\n' && (to + 1 == end || (to[1] != ' ' && to[1] != '\t'))))
        to++;
    while (from < to && (unsigned char)*from <= 0x20)
        from++;
    while (to > from && (unsigned char)to[-1] <= 0x20)
        to--;
    const char *open = memchr(from, '<', (size_t)(to - from));
    const char *close = open ? memchr(open, '>', (size_t)(to - open)) : NULL;
    if (close) {
        from = open;
        to = close + 1;
    }
    if (from == to || (size_t)(to - from) > IMAP_HEADER_MAX)
        return none;
    for (s = from; s < to; s++)
        if ((unsigned char)*s >= 0x7f || (unsigned char)*s < 0x20)
            return none;
    return (struct imap_text){from, (size_t)(to - from)};
}
