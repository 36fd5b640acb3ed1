/* Looking for keys through every file. Folding costs memory of the answer, and a folder may hold a
 * hundred thousand of them: a sieve over the plain text lets few of them through. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keys.h"
#include "vdir.h"

#define RUN_LEAST 2u /* letters; less is in every file */

/* Letters and digits that must be in a file that bears the key. */
struct vdir_sieve {
    struct wess_slice *runs;
    size_t n;
    bool open; /* a key without such: everything goes through */
};

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* The longest run of a key that is written in the file as it is in the key. */
static struct wess_slice run_of(const struct wess_key *key)
{
    struct wess_slice best = {"", 0};
    const char *end = strchr(key->space, '+') ? strrchr(key->id, '|') : NULL;
    if (!end)
        end = key->id + strlen(key->id);
    for (const char *at = key->id; at < end;) {
        const char *stop = at;
        while (stop < end && is_plain(*stop))
            stop++;
        if ((size_t)(stop - at) > best.len)
            best = (struct wess_slice){at, (size_t)(stop - at)};
        at = stop + 1;
    }
    return best;
}

enum wess_code vdir_sieve_new(struct wess_call *call, const struct wess_key *keys, size_t n,
                              const struct vdir_sieve **out)
{
    struct vdir_sieve *s = call->conn->host->alloc(call->arena, sizeof(*s));
    struct wess_slice *runs = call->conn->host->alloc(call->arena, (n + 1) * sizeof(*runs));
    *out = s;
    if (!s || !runs)
        return vdir_spent(call);
    *s = (struct vdir_sieve){.runs = runs, .n = n};
    for (size_t i = 0; i < n; i++) {
        /* Stamps keep their capitals: they are no words. */
        runs[i] = strcmp(keys[i].space, "wess")
                      ? run_of(&keys[i])
                      : (struct wess_slice){keys[i].id, strlen(keys[i].id)};
        s->open |= runs[i].len < RUN_LEAST;
    }
    return WESS_OK;
}

/* A letter that folding may turn into a plain one (a sharp s, a ligature, a wide letter), or
 * drop: behind the first byte `p`. The scripts that are certain are named. */
static bool may_fold(const unsigned char *p, size_t room)
{
    unsigned char next = room > 1 ? p[1] : 0;
    if (*p == 0xc3)
        return next == 0x9f;
    if (*p == 0xc4)
        return next == 0xb0 || next == 0xb2 || next == 0xb3 || next == 0xbf;
    if (*p == 0xc5)
        return next == 0x80 || next == 0x89 || next == 0xbf;
    if (*p == 0xe2) /* dashes and quotation marks */
        return next != 0x80 || room < 3 || p[2] < 0x90 || p[2] > 0x9f;
    return !((*p >= 0xce && *p <= 0xd2) || (*p >= 0xe4 && *p <= 0xec));
}

/* The text in small letters; false: it holds what may fold. */
static bool plain_text(const struct lines *v, char *out, size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < v->n; i++) {
        const unsigned char *p = v->lines[i].text.data;
        size_t n = v->lines[i].text.len;
        for (size_t k = 0; k < n; k++) {
            if (p[k] >= 0xc0 && may_fold(p + k, n - k))
                return false;
            out[(*len)++] = (char)(p[k] >= 'A' && p[k] <= 'Z' ? p[k] + 32 : p[k]);
        }
        out[(*len)++] = '\n';
    }
    return !memmem(out, *len, "quoted-printable", 16);
}

static bool holds(const char *text, size_t len, struct wess_slice run)
{
    const char *p = run.data;
    for (size_t i = 0; i < run.len; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            return true; /* a stamp with capitals: left to the comparing of keys */
    return memmem(text, len, run.data, run.len) != NULL;
}

bool vdir_sieve(const struct vdir_sieve *s, const struct lines *v)
{
    size_t size = v->n, len;
    for (size_t i = 0; i < v->n; i++)
        size += v->lines[i].text.len;
    char *text = s->open ? NULL : malloc(size + 1);
    bool through = !text || !plain_text(v, text, &len);
    for (size_t i = 0; !through && i < s->n; i++)
        through = holds(text, len, s->runs[i]);
    free(text);
    return through;
}

struct finding {
    const struct vdir_sieve *sieve;
    const struct wess_key *keys;
    size_t n;
};

/* A broken file bears no key. */
static enum wess_code look_at(struct vdir_paging *p, const char *name, void *ctx)
{
    const struct finding *want = ctx;
    const struct vdir_kind *kind = p->call->conn->kind;
    struct vdir_file f;
    struct wess_item item;
    enum wess_code rc = WESS_OK;
    enum vdir_got got = vdir_file_read(kind, p->dir, name, &f);
    bool may = got == VDIR_READ && kind->is_ours(&f.text) && vdir_sieve(want->sieve, &f.text);
    if (got == VDIR_FAILED)
        rc = vdir_one_failed(p->call, name);
    else if (may)
        rc = vdir_file_item(p->call, &f, name, false, &item);
    vdir_file_fini(&f);
    if (rc != WESS_OK || !may || !wess_bears_any(&item, want->keys, want->n))
        return rc;
    struct wess_change *hit = wess_vec_push(p->call->conn->host, p->call->arena, &p->found);
    if (hit)
        *hit = (struct wess_change){.what = WESS_UPSERT, .item = item};
    return hit ? WESS_OK : vdir_spent(p->call);
}

enum wess_code vdir_each(struct vdir_paging *p, vdir_look *look, void *ctx)
{
    const struct wess_host *h = p->call->conn->host;
    struct names names = {.more = true};
    char last[sizeof(names.bound)] = "";
    enum wess_code rc = vdir_folder(p->call, &p->dir);
    while (rc == WESS_OK && names.more) {
        rc = vdir_names(p->call, p->dir, last, &vdir_files, &names);
        strcpy(last, names.bound);
        for (size_t i = 0; rc == WESS_OK && i < names.n; i++)
            rc = h->cancelled(h->ctx) ? vdir_cancelled(p->call) : look(p, names_at(&names, i), ctx);
    }
    if (p->dir >= 0)
        close(p->dir);
    names_fini(&names);
    return rc;
}

enum wess_code vdir_find(struct wess_call *call, const struct wess_key *keys, size_t n,
                         struct wess_page *out)
{
    struct vdir_paging p = {.call = call, .dir = -1, .found = {.size = sizeof(struct wess_change)}};
    struct finding want = {.keys = keys, .n = n};
    enum wess_code rc = vdir_sieve_new(call, keys, n, &want.sieve);
    if (rc == WESS_OK)
        rc = vdir_each(&p, look_at, &want);
    *out = (struct wess_page){.changes = p.found.of, .n = p.found.n, .flags = WESS_PAGE_LAST};
    return rc;
}
