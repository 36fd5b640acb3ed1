#include "reader.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIRST 16384u

bool imap_is(struct imap_text t, const char *word)
{
    return t.len == strlen(word) && !strncasecmp(t.of, word, t.len);
}

/* ---- bytes
 * ------------------------------------------------------------------------------------------ */

static void move_frame(struct imap_frame *f, size_t n)
{
    f->taken -= n;
    f->looked -= n;
    f->line -= n;
}

/* What was told goes away. */
static void drop_taken(struct imap_reader *r)
{
    size_t n = r->at.taken;
    if (!n)
        return;
    memmove(r->buf, r->buf + n, r->len - n);
    r->len -= n;
    move_frame(&r->at, n);
    move_frame(&r->scout, n);
}

char *imap_reader_room(struct imap_reader *r, size_t n)
{
    if (r->cap - r->len < n)
        drop_taken(r);
    if (r->cap - r->len >= n)
        return r->buf + r->len;
    size_t cap = r->cap ? r->cap : FIRST;
    while (cap - r->len < n)
        cap *= 2;
    char *buf = realloc(r->buf, cap);
    if (!buf)
        return NULL;
    r->buf = buf;
    r->cap = cap;
    return r->buf + r->len;
}

void imap_reader_came(struct imap_reader *r, size_t n)
{
    r->len += n;
}

void imap_reader_fini(struct imap_reader *r)
{
    free(r->buf);
    *r = (struct imap_reader){0};
}

/* ---- where a response ends
 * ------------------------------------------------------------------------------------------ */

/* The line ends with "{12}" or "~{12}": so many bytes belong to it. A status line has text for
 * people, which may end so without meaning it. */
static bool announces(const char *line, size_t len, uint64_t *n)
{
    size_t at = len, digits = 0;
    uint64_t value = 0, unit = 1;
    if (len < 3 || line[len - 1] != '}')
        return false;
    for (at = len - 1; at && line[at - 1] >= '0' && line[at - 1] <= '9'; at--, unit *= 10) {
        if (++digits > 9) {
            *n = IMAP_RESPONSE_MAX + 1;
            return true;
        }
        value += (uint64_t)(line[at - 1] - '0') * unit;
    }
    *n = value;
    return digits && at && line[at - 1] == '{';
}

static bool starts_with_status(const char *s, size_t len)
{
    static const char *const words[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};
    if (len && *s >= '0' && *s <= '9') /* most of what comes */
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t n = strlen(words[i]);
        if (len >= n && !strncasecmp(s, words[i], n) && (len == n || s[n] == ' '))
            return true;
    }
    return false;
}

/* "+ ...", "A1 OK ...", "* OK ...". */
static bool is_plain(const char *s, size_t len)
{
    const char *space = memchr(s, ' ', len);
    return !space || *s != '*' || starts_with_status(space + 1, len - (size_t)(space + 1 - s));
}

/* The end of the response that begins at `taken`, without its line end. */
static enum imap_got find_end(const struct imap_reader *r, struct imap_frame *f, size_t *end)
{
    while (true) {
        if (f->literal) {
            size_t have = r->len - f->looked, n = have < f->literal ? have : f->literal;
            f->looked += n;
            f->literal -= n;
            if (f->literal)
                return r->len - f->taken > IMAP_RESPONSE_MAX ? IMAP_FAULT : IMAP_MORE;
            f->line = f->looked;
        }
        const char *lf = memchr(r->buf + f->looked, '\n', r->len - f->looked);
        if (!lf) {
            f->looked = r->len;
            return r->len - f->taken > IMAP_RESPONSE_MAX ? IMAP_FAULT : IMAP_MORE;
        }
        size_t at = (size_t)(lf - r->buf);
        if (at == f->line || r->buf[at - 1] != '\r' || at - f->taken > IMAP_RESPONSE_MAX)
            return IMAP_FAULT;
        uint64_t n = 0;
        if (f->line == f->taken)
            f->plain = is_plain(r->buf + f->taken, at - 1 - f->taken);
        f->looked = at + 1;
        if (f->plain || !announces(r->buf + f->line, at - 1 - f->line, &n)) {
            *end = at - 1;
            return IMAP_RESPONSE;
        }
        if (n > IMAP_RESPONSE_MAX || at - f->taken + n > IMAP_RESPONSE_MAX)
            return IMAP_FAULT;
        f->literal = (size_t)n;
        f->line = f->looked;
    }
}

bool imap_reader_holds(struct imap_reader *r, size_t tagged)
{
    struct imap_frame *f = &r->scout;
    size_t end = 0;
    while (r->scouted < tagged && f->taken < r->len && find_end(r, f, &end) == IMAP_RESPONSE) {
        char first = r->buf[f->taken];
        r->scouted += first != '*' && first != '+';
        f->taken = f->line = f->looked;
    }
    return r->scouted >= tagged;
}

size_t imap_reader_left(const struct imap_reader *r)
{
    return r->len - r->at.taken;
}

/* ---- the parts of every response
 * ------------------------------------------------------------------------------------------ */

static struct imap_text text_at(struct imap_at at)
{
    return (struct imap_text){at.of, (size_t)(at.end - at.of)};
}

/* "[CODE args] text" */
static bool read_code(struct imap_at at, struct imap_response *out)
{
    out->text = text_at(at);
    out->code = (struct imap_text){at.of, 0};
    if (at.of == at.end || *at.of != '[')
        return true;
    /* Arguments may be strings with brackets; none of the codes that are used here has any. */
    const char *close = memchr(at.of, ']', (size_t)(at.end - at.of));
    if (!close)
        return false;
    struct imap_at in = {at.of + 1, close};
    const char *word = in.of;
    while (in.of < in.end && *in.of != ' ')
        in.of++;
    out->code = (struct imap_text){word, (size_t)(in.of - word)};
    imap_space(&in);
    out->args = in;
    at.of = close + 1;
    imap_space(&at);
    out->text = text_at(at);
    return out->code.len > 0;
}

static bool read_status(struct imap_at at, struct imap_response *out)
{
    static const struct {
        const char *word;
        enum imap_status status;
    } all[] = {{"OK", IMAP_OK},
               {"NO", IMAP_NO},
               {"BAD", IMAP_BAD},
               {"PREAUTH", IMAP_PREAUTH},
               {"BYE", IMAP_BYE}};
    struct imap_text word;
    if (!imap_atom(&at, &word))
        return false;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (imap_is(word, all[i].word)) {
            out->status = all[i].status;
            imap_space(&at);
            return read_code(at, out);
        }
    return false;
}

static bool read_data(struct imap_at at, struct imap_response *out)
{
    uint64_t n = 0;
    if (at.of < at.end && *at.of >= '0' && *at.of <= '9') {
        if (!imap_number(&at, UINT32_MAX, &n) || !imap_space(&at))
            return false;
        out->number = (uint32_t)n;
    }
    if (!imap_atom(&at, &out->word))
        return false;
    if (at.of < at.end && !imap_space(&at))
        return false;
    out->rest = at;
    return true;
}

static bool read_response(struct imap_at at, struct imap_response *out)
{
    *out = (struct imap_response){.kind = IMAP_UNTAGGED};
    if (at.of < at.end && *at.of == '+') {
        at.of++;
        imap_space(&at);
        out->kind = IMAP_CONTINUE;
        out->text = text_at(at);
        return true;
    }
    if (at.of < at.end && *at.of == '*') {
        at.of++;
        if (!imap_space(&at))
            return false;
        if (starts_with_status(at.of, (size_t)(at.end - at.of)))
            return read_status(at, out);
        return read_data(at, out);
    }
    out->kind = IMAP_TAGGED;
    return imap_atom(&at, &out->tag) && imap_space(&at) && read_status(at, out) &&
           out->status <= IMAP_BAD;
}

enum imap_got imap_reader_next(struct imap_reader *r, struct imap_response *out)
{
    size_t end = 0;
    if (!r->buf || r->at.taken == r->len) {
        r->len = r->scouted = 0;
        r->at = r->scout = (struct imap_frame){0};
        return IMAP_MORE;
    }
    enum imap_got got = find_end(r, &r->at, &end);
    if (got != IMAP_RESPONSE)
        return got;
    struct imap_at at = {r->buf + r->at.taken, r->buf + end};
    r->at.taken = r->at.line = r->at.looked;
    r->scout = r->at;
    r->scouted = 0;
    return read_response(at, out) ? IMAP_RESPONSE : IMAP_FAULT;
}
