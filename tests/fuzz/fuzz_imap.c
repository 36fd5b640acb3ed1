/* What a server says comes out the same however its bytes arrive; nothing that is told lies outside
 * of the response, and whatever is read of it leads on. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "reader.h"

struct told { /* what came of all responses, as one number */
    uint64_t sum;
    size_t n;
};

static void mix(struct told *t, const void *data, size_t len)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++)
        t->sum = (t->sum ^ p[i]) * 1099511628211u;
}

static void mix_text(struct told *t, struct imap_text text)
{
    mix(t, &text.len, sizeof(text.len));
    mix(t, text.of, text.len);
}

static bool take_range(void *ctx, uint32_t first, uint32_t last)
{
    struct told *t = ctx;
    HOLDS(first && first <= last);
    mix(t, &first, sizeof(first));
    return true;
}

static void read_flags(struct told *t, struct imap_at at)
{
    struct imap_text flag;
    const char *before = at.of;
    while (imap_flag(&at, &flag)) {
        HOLDS(at.of > before && at.of <= at.end && flag.len && flag.of >= before);
        before = at.of;
        mix_text(t, flag);
    }
}

/* A path is UTF-8, or there is none. */
static void path_holds(const char *path)
{
    for (const unsigned char *s = (const unsigned char *)path; *s;) {
        size_t more = *s < 0x80 ? 0 : *s >= 0xc2 && *s < 0xe0 ? 1 : *s < 0xf0 ? 2 : 3;
        HOLDS(*s >= 0x20 && *s < 0xf5 && (*s < 0x80 || *s >= 0xc2));
        for (s++; more; more--, s++)
            HOLDS((*s & 0xc0) == 0x80);
    }
}

static void read_name(struct told *t, struct imap_text name, bool quoted)
{
    char *text = malloc(name.len + 1), *path;
    HOLDS(text && imap_unquote(name, quoted, text) <= name.len);
    mix(t, text, strlen(text));
    path = imap_path(text, '.');
    if (path) {
        path_holds(path);
        mix(t, path, strlen(path));
    }
    free(path);
    free(text);
}

/* What a message is known by: printable, within bounds, and of the header alone. */
static void read_header(struct told *t, struct imap_text header)
{
    char *of = malloc(header.len);
    HOLDS(of || !header.len);
    if (header.len)
        memcpy(of, header.of, header.len);
    struct imap_text id = imap_header_value((struct imap_text){of, header.len}, "Message-ID");
    HOLDS(!id.of || (id.of >= of && id.of + id.len <= of + header.len));
    HOLDS(!id.of || (id.len && id.len <= IMAP_HEADER_MAX));
    for (size_t i = 0; i < id.len; i++)
        HOLDS(id.of[i] >= ' ' && id.of[i] <= '~');
    if (id.of)
        mix_text(t, id);
    free(of);
}

static void read_data(struct told *t, const struct imap_response *r)
{
    struct imap_fetch f;
    struct imap_list l;
    struct imap_mailbox_status s;
    struct imap_at set;
    bool earlier;
    if (imap_read_fetch(r->rest, &f)) {
        HOLDS(!f.has_flags || (f.flags.of >= r->rest.of && f.flags.end <= r->rest.end));
        read_flags(t, f.flags);
        if (f.header.of) {
            mix_text(t, f.header);
            read_header(t, f.header);
        }
    }
    if (imap_read_list(r->rest, &l)) {
        read_flags(t, l.attributes);
        read_name(t, l.name, l.quoted);
    }
    if (imap_read_status(r->rest, &s))
        read_name(t, s.name, s.quoted);
    if (imap_read_vanished(r->rest, &earlier, &set))
        imap_read_set(&set, take_range, t);
    set = r->rest;
    while (imap_value(&set) && imap_space(&set))
        t->n++;
    HOLDS(set.of <= set.end);
}

static enum imap_got read_on(struct imap_reader *reader, struct told *t)
{
    struct imap_response r;
    enum imap_got got;
    bool one = imap_reader_holds(reader, 1), two = imap_reader_holds(reader, 2);
    size_t tagged = 0;
    while ((got = imap_reader_next(reader, &r)) == IMAP_RESPONSE) {
        t->n++;
        tagged += r.kind == IMAP_TAGGED;
        mix(t, &r.kind, sizeof(r.kind));
        mix(t, &r.status, sizeof(r.status));
        mix_text(t, r.code);
        mix_text(t, r.text);
        mix_text(t, r.word);
        if (r.code.len)
            read_flags(t, r.args);
        if (r.status == IMAP_DATA && r.kind == IMAP_UNTAGGED)
            read_data(t, &r);
    }
    HOLDS(got == IMAP_FAULT || (one == (tagged >= 1) && two == (tagged >= 2)));
    return got;
}

static enum imap_got read_all(const uint8_t *data, size_t size, size_t step, struct told *t)
{
    struct imap_reader reader = {0};
    enum imap_got got = IMAP_MORE;
    for (size_t at = 0; got == IMAP_MORE && at < size; at += step) {
        size_t n = size - at < step ? size - at : step;
        char *room = imap_reader_room(&reader, n);
        HOLDS(room);
        memcpy(room, data + at, n);
        imap_reader_came(&reader, n);
        got = read_on(&reader, t);
        HOLDS(reader.cap <= 4 * IMAP_RESPONSE_MAX);
    }
    imap_reader_fini(&reader);
    return got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct told whole = {0}, parts = {0};
    enum imap_got a = read_all(data, size, size ? size : 1, &whole);
    enum imap_got b = read_all(data, size, size ? data[0] % 13 + 1u : 1, &parts);
    HOLDS(a == b && whole.n == parts.n && whole.sum == parts.sum);
    return 0;
}
