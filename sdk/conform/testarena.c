#include "testarena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif
#ifdef SANITIZED
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#define CHUNK_MIN ((size_t)256 << 10)
#define SEALED_MOST 512u /* chunks that stay unreadable; older ones are unmapped */
#define EDGE 16u         /* bytes before and behind a piece */
#define EDGE_BYTE 0xc5

struct testarena_chunk {
    struct testarena_chunk *next;
    unsigned char *data;
    size_t size, used;
};
struct piece { /* in the edge before it */
    size_t size, check;
};

static size_t rounded(size_t size)
{
    return (size + EDGE - 1) / EDGE * EDGE;
}

static struct testarena_chunk *chunk_new(size_t size)
{
    struct testarena_chunk *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->size = (size < CHUNK_MIN ? CHUNK_MIN : size + 4095) / 4096 * 4096;
    c->data = mmap(NULL, c->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (c->data == MAP_FAILED) {
        free(c);
        return NULL;
    }
    return c;
}

static void chunk_free(struct testarena_chunk *c)
{
    ASAN_UNPOISON_MEMORY_REGION(c->data, c->size);
    munmap(c->data, c->size);
    free(c);
}

void *testarena_alloc(struct wess_arena *a, size_t size)
{
    a->allocs++;
    if (a->fail_at && a->allocs >= a->fail_at)
        return NULL;
    if (size > a->budget || a->used > a->budget - size)
        return NULL;
    size_t whole = EDGE + rounded(size) + EDGE;
    if (!a->chunks || a->chunks->size - a->chunks->used < whole) {
        struct testarena_chunk *c = chunk_new(whole);
        if (!c)
            return NULL;
        c->next = a->chunks;
        a->chunks = c;
    }
    unsigned char *at = a->chunks->data + a->chunks->used;
    const struct piece head = {size, ~size};
    memcpy(at, &head, sizeof(head));
    memset(at + EDGE + size, EDGE_BYTE, whole - EDGE - size);
    ASAN_POISON_MEMORY_REGION(at, EDGE);
    ASAN_POISON_MEMORY_REGION(at + EDGE + size, whole - EDGE - size);
    a->chunks->used += whole;
    a->used += size;
    return at + EDGE;
}

static bool is_intact(const struct testarena_chunk *c)
{
    struct piece head;
    for (size_t at = 0; at < c->used; at += 2 * EDGE + rounded(head.size)) {
        memcpy(&head, c->data + at, sizeof(head));
        if (head.check != ~head.size || head.size > c->used - at)
            return false;
        for (size_t i = at + EDGE + head.size; i < at + 2 * EDGE + rounded(head.size); i++)
            if (c->data[i] != EDGE_BYTE)
                return false;
    }
    return true;
}

static void forget_oldest(struct wess_arena *a)
{
    struct testarena_chunk **at = &a->sealed;
    while (*at && (*at)->next)
        at = &(*at)->next;
    if (*at)
        chunk_free(*at);
    *at = NULL;
    a->n_sealed--;
}

bool testarena_drop(struct wess_arena *a)
{
    bool intact = true;
    while (a->chunks) {
        struct testarena_chunk *c = a->chunks;
        a->chunks = c->next;
        ASAN_UNPOISON_MEMORY_REGION(c->data, c->size);
        intact &= is_intact(c);
        madvise(c->data, c->size, MADV_DONTNEED);
        mprotect(c->data, c->size, PROT_NONE);
        c->next = a->sealed;
        a->sealed = c;
        if (++a->n_sealed > SEALED_MOST)
            forget_oldest(a);
    }
    a->used = a->allocs = 0;
    return intact;
}

void testarena_fini(struct wess_arena *a)
{
    testarena_drop(a);
    while (a->sealed) {
        struct testarena_chunk *c = a->sealed;
        a->sealed = c->next;
        chunk_free(c);
    }
    a->n_sealed = 0;
}

static bool holds(const struct testarena_chunk *c, const void *p)
{
    uintptr_t at = (uintptr_t)p;
    for (; c; c = c->next)
        if (at >= (uintptr_t)c->data && at - (uintptr_t)c->data < c->size)
            return true;
    return false;
}

bool testarena_owns(const struct wess_arena *a, const void *p)
{
    return holds(a->chunks, p);
}

bool testarena_dropped(const struct wess_arena *a, const void *p)
{
    return holds(a->sealed, p);
}

/* ---- folding
 * ------------------------------------------------------------------------------------------ */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t squeeze(char *s)
{
    size_t n = 0;
    for (const char *at = s; *at; at++) {
        if (is_space(*at) && (!n || s[n - 1] == ' '))
            continue;
        s[n++] = is_space(*at) ? ' ' : *at;
    }
    while (n && s[n - 1] == ' ')
        n--;
    s[n] = 0;
    return n;
}

/* NFKC with full case folding; NULL: not UTF-8, or no memory. The caller frees it. */
static char *folded(const char *text)
{
    UErrorCode e = U_ZERO_ERROR;
    size_t len = strlen(text), cap = 18 * len + 16; /* what NFKC may make of a code point */
    UChar *in = calloc(len + 1, sizeof(*in)), *out = calloc(cap, sizeof(*out));
    char *utf8 = calloc(cap * 3, 1);
    int32_t n = 0;
    const UNormalizer2 *fold = unorm2_getNFKCCasefoldInstance(&e);
    if (in && out && utf8) {
        u_strFromUTF8(in, (int32_t)len + 1, &n, text, (int32_t)len, &e);
        n = unorm2_normalize(fold, in, n, out, (int32_t)cap, &e);
        u_strToUTF8(utf8, (int32_t)cap * 3, NULL, out, n, &e);
    }
    free(in);
    free(out);
    if (utf8 && U_SUCCESS(e))
        return utf8;
    free(utf8);
    return NULL;
}

const char *testarena_fold(struct wess_arena *a, const char *text)
{
    char *fold = folded(text);
    const char *from = fold ? fold : text;
    char *out = testarena_alloc(a, strlen(from) + 1);
    if (out) {
        strcpy(out, from);
        squeeze(out);
    }
    free(fold);
    return out;
}
