/* The MIME of a message, cut out of an answer while that comes. */
#include <string.h>

#include "mime_cut.h"

/* ---- base64
 * ------------------------------------------------------------------------------------------ */

static void flush(struct mime_cut *m)
{
    m->bad = m->bad || (m->n_piece && m->host->blob_put(m->spool, m->piece, m->n_piece) != WESS_OK);
    m->n_piece = 0;
}

/* clang-format off */
static const signed char digits[256] = {
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 62, -1, -1, -1, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1, -1, -1, -1,
    -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, -1, -1, -1, -1, -1,
    -1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
};
/* clang-format on */

static int digit(char c)
{
    return digits[(unsigned char)c];
}

static void decode(struct mime_cut *m, char c)
{
    int value = digit(c);
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
        return;
    m->n_letters++;
    m->n_padding += c == '=';
    m->bad |= c == '=' ? m->n_padding > 2 : value < 0 || m->n_padding;
    if (value < 0)
        return;
    m->bits = m->bits << 6 | (uint32_t)value;
    m->n_bits += 6;
    if (m->n_bits < 8)
        return;
    m->n_bits -= 8;
    m->piece[m->n_piece++] = (unsigned char)(m->bits >> m->n_bits);
    if (m->n_head + 1 < MIME_HEAD)
        m->head[m->n_head++] = (char)m->piece[m->n_piece - 1];
    if (m->n_piece == MIME_PIECE)
        flush(m);
}

/* Whole groups of four letters, as nearly all of it is; how many bytes of `data` they are. */
static size_t decode_groups(struct mime_cut *m, const char *data, size_t len)
{
    size_t room = (MIME_PIECE - m->n_piece) / 3, most = len / 4 < room ? len / 4 : room, n = 0;
    unsigned char *out = m->piece + m->n_piece;
    if (m->n_bits || m->n_padding || m->n_head + 1 < MIME_HEAD)
        return 0;
    for (; n < most; n++, data += 4, out += 3) {
        int a = digit(data[0]), b = digit(data[1]), c = digit(data[2]), d = digit(data[3]);
        if ((a | b | c | d) < 0)
            break;
        out[0] = (unsigned char)(a << 2 | b >> 4);
        out[1] = (unsigned char)(b << 4 | c >> 2);
        out[2] = (unsigned char)(c << 6 | d);
    }
    m->n_piece += 3 * n;
    m->n_letters += 4 * n;
    if (m->n_piece == MIME_PIECE)
        flush(m);
    return 4 * n;
}

/* ---- cutting it out
 * ------------------------------------------------------------------------------------------ */

static bool is_mime(const struct mime_cut *m)
{
    const char *colon = strchr(m->name, ':');
    return m->name[0] != '/' &&
           !strcmp(colon ? colon + 1 : m->name, m->element ? m->element : "MimeContent");
}

static void tell_tag(const struct mime_cut *m)
{
    bool closes = m->name[0] == '/';
    const char *colon = strchr(m->name, ':');
    m->tag(m->tag_ctx, colon ? colon + 1 : m->name + closes, closes);
}

static void in_tag(struct mime_cut *m, char c)
{
    if (c == '>') {
        m->name[m->n_name] = 0;
        if (m->tag && !m->empty)
            tell_tag(m);
        m->seen |= is_mime(m);
        m->at = is_mime(m) && !m->empty && !m->over ? MIME_IN_CONTENT : MIME_OUTSIDE;
        return;
    }
    m->named |= c == ' ' || c == '\t' || c == '\r' || c == '\n' || (c == '/' && m->n_name);
    m->empty = c == '/' && m->n_name;
    if (!m->named && m->n_name + 1 < MIME_NAME_CAP)
        m->name[m->n_name++] = c;
}

/* true: the byte stays in the answer. */
static bool take_byte(struct mime_cut *m, char c)
{
    switch (m->at) {
    case MIME_OUTSIDE:
        break;
    case MIME_IN_TAG:
        in_tag(m, c);
        return true;
    case MIME_IN_REFERENCE: /* to white space: nothing else is in base64 and written so */
        m->at = c == ';' ? MIME_IN_CONTENT : MIME_IN_REFERENCE;
        return false;
    case MIME_IN_CONTENT:
        if (c == '&')
            m->at = MIME_IN_REFERENCE;
        else if (c != '<')
            decode(m, c);
        if (c != '<')
            return false;
        m->over = true;
        break;
    }
    if (c == '<') {
        m->at = MIME_IN_TAG;
        m->n_name = 0;
        m->named = m->empty = false;
    }
    return true;
}

/* The bytes up to the next one that tells anything: of a text that stays, or of attributes. */
static size_t plain_run(struct mime_cut *m, const char *data, size_t len)
{
    bool in_attributes = m->at == MIME_IN_TAG && m->named;
    if (m->at != MIME_OUTSIDE && !in_attributes)
        return 0;
    const char *stop = memchr(data, in_attributes ? '>' : '<', len);
    size_t n = stop ? (size_t)(stop - data) : len;
    if (in_attributes && n)
        m->empty = data[n - 1] == '/' && m->n_name;
    return n;
}

void mime_cut_anew(struct mime_cut *m)
{
    m->seen = m->over = m->bad = false;
    m->n_letters = m->n_padding = m->n_piece = m->n_head = 0;
    m->bits = m->n_bits = 0;
}

size_t mime_cut(struct mime_cut *m, char *data, size_t len)
{
    size_t kept = 0;
    for (size_t k = 0; k < len; k++) {
        size_t stays = plain_run(m, data + k, len - k);
        if (stays && kept != k)
            memmove(data + kept, data + k, stays);
        kept += stays;
        k += stays;
        if (m->at == MIME_IN_CONTENT)
            k += decode_groups(m, data + k, len - k);
        if (k < len && take_byte(m, data[k]))
            data[kept++] = data[k];
    }
    return kept;
}

bool mime_cut_end(struct mime_cut *m)
{
    flush(m);
    return m->over && !m->bad && m->n_letters % 4 == 0;
}
