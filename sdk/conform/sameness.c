/* Whether what is shown is what was written. */
#include "probe.h"

#include <string.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Blanks at line ends and lines at both ends do not count: the canonical form lacks them. */
static char *trimmed(struct probe *p, const char *text)
{
    char *out = kept(p, strlen(text) + 1);
    size_t n = 0;
    while (is_blank(*text) || *text == '\n')
        text++;
    for (; *text; text++) {
        while (*text == '\n' && n && is_blank(out[n - 1]))
            n--;
        out[n++] = *text;
    }
    while (n && (is_blank(out[n - 1]) || out[n - 1] == '\n'))
        n--;
    out[n] = 0;
    return out;
}

/* Its letters and digits, for remotes that show other text than was written. */
static char *bare(struct probe *p, const char *text)
{
    const char *from = testarena_fold(&p->keep, text);
    char *out = kept(p, strlen(from) + 1);
    size_t n = 0;
    for (; *from; from++)
        if ((unsigned char)*from >= 0x80 || (*from >= '0' && *from <= '9') ||
            (*from >= 'a' && *from <= 'z'))
            out[n++] = *from;
    return out;
}

static UChar *composed(struct probe *p, const char *text)
{
    UErrorCode e = U_ZERO_ERROR;
    size_t len = strlen(text);
    int32_t n = 0, cap = (int32_t)len * 3 + 16;
    UChar *in = kept(p, (len + 1) * sizeof(*in)), *out = kept(p, (size_t)cap * sizeof(*out));
    u_strFromUTF8(in, (int32_t)len + 1, &n, text, (int32_t)len, &e);
    unorm2_normalize(unorm2_getNFCInstance(&e), in, n, out, cap, &e);
    return U_SUCCESS(e) ? out : NULL;
}

bool same_text(struct probe *p, const char *wrote, const char *shows)
{
    const UChar *a = composed(p, trimmed(p, wrote)), *b = composed(p, trimmed(p, shows));
    if (a && b && !u_strcmp(a, b))
        return true;
    return (p->col->caps & WESS_CAP_REWRITES) && !strcmp(bare(p, wrote), bare(p, shows));
}
