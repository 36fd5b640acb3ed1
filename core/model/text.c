#include "model/text.h"

#include <stdint.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#define NEAR_LENGTH 64u /* names longer than this have no near neighbour */

static bool is_ascii(const char *s, size_t len)
{
    size_t i = 0;
    for (uint64_t eight; len - i >= sizeof(eight); i += sizeof(eight)) {
        memcpy(&eight, s + i, sizeof(eight));
        if (eight & 0x8080808080808080u)
            return false;
    }
    for (; i < len; i++)
        if ((unsigned char)s[i] >= 0x80)
            return false;
    return true;
}

/* ---- to UTF-16 and back
 * ---------------------------------------------------------------------------- */

struct utf16 {
    UChar *of;
    int32_t len;
};

static bool to_utf16(struct wess_arena *a, const char *s, size_t len, struct utf16 *out, bool *bad)
{
    UErrorCode e = U_ZERO_ERROR;
    if (len > INT32_MAX / 4)
        return false;
    out->of = arena_alloc(a, (len + 1) * sizeof(UChar));
    if (!out->of)
        return false;
    u_strFromUTF8(out->of, (int32_t)len + 1, &out->len, s, (int32_t)len, &e);
    *bad = U_FAILURE(e);
    return !*bad;
}

static char *to_utf8(struct wess_arena *a, const struct utf16 *in)
{
    UErrorCode e = U_ZERO_ERROR;
    int32_t len = 0;
    char *out = arena_alloc(a, (size_t)in->len * 3 + 1);
    if (!out)
        return NULL;
    u_strToUTF8(out, in->len * 3 + 1, &len, in->of, in->len, &e);
    return U_FAILURE(e) ? NULL : out;
}

static bool normalize(struct wess_arena *a, const UNormalizer2 *n, const struct utf16 *in,
                      struct utf16 *out)
{
    UErrorCode e = U_ZERO_ERROR;
    int32_t cap = in->len * 2 + 16;
    for (int turn = 0; turn < 2; turn++) {
        e = U_ZERO_ERROR;
        out->of = arena_alloc(a, ((size_t)cap + 1) * sizeof(UChar));
        if (!out->of)
            return false;
        out->len = unorm2_normalize(n, in->of, in->len, out->of, cap + 1, &e);
        if (e != U_BUFFER_OVERFLOW_ERROR)
            break;
        cap = out->len;
    }
    return U_SUCCESS(e);
}

bool text_is_utf8(const char *s, size_t len)
{
    UErrorCode e = U_ZERO_ERROR;
    int32_t need = 0;
    if (is_ascii(s, len))
        return true;
    if (len > INT32_MAX)
        return false;
    u_strFromUTF8(NULL, 0, &need, s, (int32_t)len, &e);
    return U_SUCCESS(e) || e == U_BUFFER_OVERFLOW_ERROR;
}

size_t text_head(const char *s, size_t len, size_t most)
{
    if (len <= most)
        return len;
    while (most && ((unsigned char)s[most] & 0xc0) == 0x80)
        most--;
    return most;
}

size_t text_length(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* ---- canonical form
 * --------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Line ends to LF, control characters gone, white space at line ends cut. */
static size_t clean_lines(char *out, const char *in, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)in[i];
        if (c == '\r') {
            if (i + 1 < len && in[i + 1] == '\n')
                continue;
            c = '\n';
        }
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
            continue;
        if (c == '\n')
            while (n && is_blank(out[n - 1]))
                n--;
        out[n++] = (char)c;
    }
    while (n && (is_blank(out[n - 1]) || out[n - 1] == '\n'))
        n--;
    size_t start = 0;
    while (start < n && (is_blank(out[start]) || out[start] == '\n'))
        start++;
    memmove(out, out + start, n - start);
    out[n - start] = 0;
    return n - start;
}

static size_t squeeze(char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = s[i] == '\n' || s[i] == '\t' ? ' ' : s[i];
        if (c != ' ' || (n && s[n - 1] != ' '))
            s[n++] = c;
    }
    while (n && s[n - 1] == ' ')
        n--;
    s[n] = 0;
    return n;
}

/* Printable ASCII, and one space between words, as nearly all short texts are: nothing is done with
 * it. */
static bool is_tidy(const char *s, size_t len)
{
    bool space = len != 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c > 0x7e || (c == ' ' && space))
            return false;
        space = c == ' ';
    }
    return !space;
}

const char *text_canonical(struct wess_arena *a, const char *text, size_t len, bool one_line,
                           bool *bad)
{
    UErrorCode e = U_ZERO_ERROR;
    struct utf16 in, nfc;
    char *out = arena_alloc(a, len + 1);
    *bad = false;
    if (!out)
        return NULL;
    if (is_tidy(text, len))
        return memcpy(out, text, len);
    size_t n = clean_lines(out, text, len);
    if (one_line)
        n = squeeze(out, n);
    if (is_ascii(out, n))
        return out;
    if (!to_utf16(a, out, n, &in, bad) || !normalize(a, unorm2_getNFCInstance(&e), &in, &nfc))
        return NULL;
    return to_utf8(a, &nfc);
}

/* ---- folding
 * ------------------------------------------------------------------------------------------ */

/* Line ends, control characters and runs of white space go first: a mark that stands behind one of
 * them would else be joined to its letter only when the folded text is folded once more. */
static char *bare_line(struct wess_arena *a, const char *s)
{
    size_t len = strlen(s);
    char *out = arena_alloc(a, len + 1);
    if (out && is_tidy(s, len))
        memcpy(out, s, len);
    else if (out)
        squeeze(out, clean_lines(out, s, len));
    return out;
}

static char *fold_ascii(char *line)
{
    for (char *c = line; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + 32);
    return line;
}

const char *text_fold(struct wess_arena *a, const char *s)
{
    UErrorCode e = U_ZERO_ERROR;
    struct utf16 in, nfc, folded;
    bool bad = false;
    char *line = bare_line(a, s);
    if (!line || is_ascii(line, strlen(line)))
        return line ? fold_ascii(line) : NULL;
    if (!to_utf16(a, line, strlen(line), &in, &bad))
        return bad ? fold_ascii(line) : NULL;
    /* First the order of marks: one of them (U+0345) folds to a letter, which they cannot pass. */
    if (!normalize(a, unorm2_getNFCInstance(&e), &in, &nfc) ||
        !normalize(a, unorm2_getNFKCCasefoldInstance(&e), &nfc, &folded))
        return NULL;
    char *out = to_utf8(a, &folded);
    return out ? bare_line(a, out) : NULL; /* some characters fold to white space */
}

/* Letters that no decomposition takes apart. */
static UChar plain_letter(UChar c)
{
    static const UChar pairs[][2] = {{0x142, 'l'}, {0xf8, 'o'}, {0x111, 'd'}, {0x131, 'i'}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (c == pairs[i][0])
            return pairs[i][1];
    return c;
}

const char *text_fold_plain(struct wess_arena *a, const char *s)
{
    UErrorCode e = U_ZERO_ERROR;
    const char *folded = text_fold(a, s);
    struct utf16 in, nfd;
    bool bad = false;
    int32_t n = 0;
    if (!folded || is_ascii(folded, strlen(folded)))
        return folded;
    if (!to_utf16(a, folded, strlen(folded), &in, &bad))
        return bad ? folded : NULL;
    if (!normalize(a, unorm2_getNFDInstance(&e), &in, &nfd))
        return NULL;
    for (int32_t i = 0; i < nfd.len; i++)
        if (u_charType(nfd.of[i]) != U_NON_SPACING_MARK)
            nfd.of[n++] = plain_letter(nfd.of[i]);
    nfd.len = n;
    char *out = to_utf8(a, &nfd);
    return out ? bare_line(a, out) : NULL; /* an accent may have stood on a space */
}

/* ---- what matters of a text that a remote rewrote
 * ----------------------------------------------------- */

static const char *skip_entity(const char *s)
{
    const char *end = s + 1;
    while (*end == '#' || (*end >= '0' && *end <= '9') || (*end >= 'a' && *end <= 'z') ||
           (*end >= 'A' && *end <= 'Z'))
        end++;
    return *end == ';' && end - s <= 10 ? end : s;
}

const char *text_bare(struct wess_arena *a, const char *text)
{
    const char *folded = text_fold(a, text);
    char *out = folded ? arena_alloc(a, strlen(folded) + 1) : NULL;
    size_t n = 0;
    for (const char *s = folded; out && *s; s++) {
        const char *end = *s == '<' ? strchr(s, '>') : NULL;
        if (end)
            s = end;
        else if (*s == '&')
            s = skip_entity(s);
        else if ((unsigned char)*s >= 0x80 || (*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'z'))
            out[n++] = *s;
    }
    return out;
}

const char *text_digits(struct wess_arena *a, const char *text)
{
    char *out = arena_alloc(a, strlen(text) + 2);
    size_t n = 0;
    bool letters = false;
    for (const char *s = text; out && *s; s++) {
        letters |= (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z');
        if ((*s >= '0' && *s <= '9') || (*s == '+' && !n) || letters)
            out[n++] = *s;
    }
    if (out && n > 2 && out[0] == '0' && out[1] == '0') {
        memmove(out + 1, out + 2, n - 1);
        out[0] = '+';
    }
    return out;
}

/* ---- names that are near
 * ------------------------------------------------------------------------------ */

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Edits between two names, a swap of neighbours being one (Damerau-Levenshtein, restricted). */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][NEAR_LENGTH + 1], la = strlen(a), lb = strlen(b);
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    if (la > NEAR_LENGTH || lb > NEAR_LENGTH)
        return NEAR_LENGTH;
    for (size_t j = 0; j <= lb; j++)
        last[j] = j;
    for (size_t i = 1; i <= la; i++) {
        now[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            bool same = a[i - 1] == b[j - 1];
            now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + !same);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
        size_t *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[lb];
}

const char *text_nearest(const char *name, const char *const *of, size_t n)
{
    const char *best = NULL;
    size_t limit = strlen(name) / 3 + 1, found = limit + 1;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(name, of[i]);
        if (d < found) {
            found = d;
            best = of[i];
        }
    }
    return best;
}
