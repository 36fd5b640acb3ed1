#include "model/arena.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK ((size_t)16 << 10)
#define MOST_BLOCK ((size_t)256 << 10)
#define SPARE_BLOCKS 4u          /* of all arenas together */
#define KEPT ((size_t)256 << 10) /* by a reset: what the next use most likely needs again */

struct block {
    struct block *next;
    size_t size, used;
    _Alignas(max_align_t) unsigned char data[];
};
struct wess_arena {
    struct block *first, *last; /* the one in use; behind it are those that a reset kept */
    size_t budget, used;
    enum arena_want refused;
};

/* ---- blocks ------------------------------------------------------------------------------------
 * The large ones go round: a page of a listing and a batch of a plan need them again a moment
 * later, and memory that goes back to the system costs a fault for each page when it is touched
 * anew. */

static struct {
    pthread_mutex_t lock;
    struct block *first;
    size_t n;
} spare = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct block *take_spare(void)
{
    pthread_mutex_lock(&spare.lock);
    struct block *b = spare.first;
    if (b) {
        spare.first = b->next;
        spare.n--;
    }
    pthread_mutex_unlock(&spare.lock);
    return b;
}

static bool keep_spare(struct block *b)
{
    pthread_mutex_lock(&spare.lock);
    bool room = spare.n < SPARE_BLOCKS;
    if (room) {
        b->next = spare.first;
        spare.first = b;
        spare.n++;
    }
    pthread_mutex_unlock(&spare.lock);
    return room;
}

static struct block *block_new(size_t size)
{
    struct block *b = size == MOST_BLOCK ? take_spare() : NULL;
    if (!b)
        b = malloc(sizeof(*b) + size);
    if (b)
        *b = (struct block){.size = size};
    return b;
}

static void block_free(struct block *b)
{
    if (b->size != MOST_BLOCK || !keep_spare(b))
        free(b);
}

/* ---- arenas ------------------------------------------------------------------------------------
 */

struct wess_arena *arena_new(size_t budget)
{
    struct wess_arena *a = calloc(1, sizeof(*a));
    if (a)
        a->budget = budget;
    return a;
}

static void drop_from(struct block **at)
{
    struct block *b = *at;
    *at = NULL;
    while (b) {
        struct block *next = b->next;
        block_free(b);
        b = next;
    }
}

void arena_reset(struct wess_arena *a)
{
    size_t kept = 0;
    struct block **at = &a->first;
    while (*at && kept + (*at)->size <= KEPT) {
        kept += (*at)->size;
        (*at)->used = 0;
        at = &(*at)->next;
    }
    drop_from(at);
    a->last = a->first;
    a->used = 0;
    a->refused = ARENA_GAVE;
}

void arena_free(struct wess_arena *a)
{
    if (!a)
        return;
    drop_from(&a->first);
    free(a);
}

static struct block *room(struct wess_arena *a, size_t size)
{
    struct block *b = a->last;
    if (b && b->size - b->used >= size)
        return b;
    if (b && b->next && b->next->size >= size)
        return a->last = b->next;
    if (b)
        drop_from(&b->next);
    size_t next = b ? b->size * 2 : FIRST_BLOCK;
    if (next > MOST_BLOCK)
        next = MOST_BLOCK;
    b = block_new(size > next ? size : next);
    if (!b)
        return NULL;
    if (a->last)
        a->last->next = b;
    else
        a->first = b;
    a->last = b;
    return b;
}

static void *refuse(struct wess_arena *a, enum arena_want why)
{
    if (a->refused < why)
        a->refused = why;
    return NULL;
}

void *arena_alloc(struct wess_arena *a, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    if (size > SIZE_MAX - align)
        return refuse(a, ARENA_SHORT);
    size_t whole = (size + align - 1) / align * align;
    if (!whole)
        whole = align;
    if (whole > a->budget || a->used > a->budget - whole)
        return refuse(a, ARENA_FULL);
    struct block *b = room(a, whole);
    if (!b)
        return refuse(a, ARENA_SHORT);
    void *p = b->data + b->used;
    b->used += whole;
    a->used += whole;
    memset(p, 0, whole);
    return p;
}

char *arena_textn(struct wess_arena *a, const char *text, size_t len)
{
    char *copy = text ? arena_alloc(a, len + 1) : NULL;
    if (copy && len)
        memcpy(copy, text, len);
    return copy;
}

char *arena_text(struct wess_arena *a, const char *text)
{
    return text ? arena_textn(a, text, strlen(text)) : NULL;
}

char *arena_fmt(struct wess_arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *out = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
    if (!out)
        return NULL;
    va_start(ap, fmt);
    vsnprintf(out, (size_t)len + 1, fmt, ap);
    va_end(ap);
    return out;
}

enum arena_want arena_refused(const struct wess_arena *a)
{
    return a->refused;
}

void arena_pardon(struct wess_arena *a)
{
    a->refused = ARENA_GAVE;
}

struct arena_mark arena_mark(const struct wess_arena *a)
{
    return (struct arena_mark){a->last, a->last ? a->last->used : 0, a->used};
}

/* The blocks behind the mark stay for the next piece of work. */
void arena_back(struct wess_arena *a, struct arena_mark m)
{
    struct block *at = m.block ? m.block : a->first;
    for (struct block *b = at; b; b = b->next)
        b->used = b == m.block ? m.in_block : 0;
    a->last = at;
    a->used = m.used;
}

size_t arena_used(const struct wess_arena *a)
{
    return a->used;
}
