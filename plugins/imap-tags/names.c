/* Names of folders: what the server writes (RFC 3501 5.1.3), in UTF-8. */
#include <stdlib.h>
#include <string.h>

#include "reader.h"

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00 >> n) & 0xff) | (char)c;
    return n;
}

static int base64(char c)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
    const char *at = c ? strchr(set, c) : NULL;
    return at ? (int)(at - set) : -1;
}

/* Between "&" and "-": UTF-16 in base64. The length in UTF-8; SIZE_MAX: broken. */
static size_t shifted(const char *in, size_t len, char *out)
{
    uint32_t bits = 0, high = 0;
    size_t n = 0;
    unsigned have = 0;
    for (size_t i = 0; i < len; i++) {
        int v = base64(in[i]);
        if (v < 0)
            return SIZE_MAX;
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have < 16)
            continue;
        have -= 16;
        uint32_t unit = (bits >> have) & 0xffff;
        bool low = unit >= 0xdc00 && unit < 0xe000;
        if (low != (high != 0) || unit < 0x20)
            return SIZE_MAX;
        if (unit >= 0xd800 && unit < 0xdc00) {
            high = unit;
            continue;
        }
        n += put_utf8(out + n, low ? 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00) : unit);
        high = 0;
    }
    return high || have >= 6 ? SIZE_MAX : n;
}

char *imap_path(const char *name, char delimiter)
{
    size_t len = strlen(name), n = 0;
    char *out = malloc(2 * len + 1); /* three bytes from 16 bits, which took nearly three */
    for (size_t i = 0; out && i < len; i++) {
        unsigned char c = (unsigned char)name[i];
        const char *end = c == '&' ? memchr(name + i, '-', len - i) : NULL;
        size_t more = 1;
        if (c < 0x20 || c > 0x7e || (c == '&' && !end)) {
            more = SIZE_MAX;
        } else if (c != '&') {
            out[n] = name[i] == delimiter ? '/' : name[i];
        } else if (end == name + i + 1) {
            out[n] = '&';
            i++;
        } else {
            more = shifted(name + i + 1, (size_t)(end - name) - i - 1, out + n);
            i = (size_t)(end - name);
        }
        if (more == SIZE_MAX) {
            free(out);
            return NULL;
        }
        n += more;
    }
    if (out)
        out[n] = 0;
    return out;
}
