#include "faultmem.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 16384u /* of pieces at one time; a power of two */
#define GONE ((void *)1)

static struct {
    bool on;
    enum mem_kind kind;
    unsigned at, counts[MEM_KINDS];
    struct {
        void *piece; /* NULL: never used; GONE: free again */
        uintptr_t by;
    } live[SLOTS];
    sqlite3_mem_methods sqlite;
} f;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
extern const char __executable_start[];

#define CALLER ((uintptr_t)__builtin_return_address(0) - (uintptr_t)__executable_start)

/* ---- when to fail, and what is out -------------------------------------------------------------
 */

static bool fails(enum mem_kind kind)
{
    if (!f.on)
        return false;
    pthread_mutex_lock(&lock);
    bool out = ++f.counts[kind] == f.at && kind == f.kind;
    pthread_mutex_unlock(&lock);
    if (out)
        errno = ENOMEM;
    return out;
}

static size_t home(const void *piece)
{
    return (size_t)(((uintptr_t)piece >> 4) * 2654435761u) & (SLOTS - 1);
}

static void *given(void *piece, uintptr_t by)
{
    if (!f.on || !piece)
        return piece;
    pthread_mutex_lock(&lock);
    size_t i = home(piece), n = 0;
    while (f.live[i].piece && f.live[i].piece != GONE && n++ < SLOTS)
        i = (i + 1) & (SLOTS - 1);
    if (n >= SLOTS)
        abort();
    f.live[i].piece = piece;
    f.live[i].by = by;
    pthread_mutex_unlock(&lock);
    return piece;
}

/* Of pieces that are older than faultmem_install(), or a library's, nothing is known. */
static void taken(const void *piece)
{
    if (!f.on || !piece)
        return;
    pthread_mutex_lock(&lock);
    size_t i = home(piece), n = 0;
    while (f.live[i].piece && f.live[i].piece != piece && n++ < SLOTS)
        i = (i + 1) & (SLOTS - 1);
    if (f.live[i].piece == piece)
        f.live[i].piece = GONE;
    pthread_mutex_unlock(&lock);
}

void faultmem_plan(enum mem_kind kind, unsigned at)
{
    pthread_mutex_lock(&lock);
    f.kind = kind;
    f.at = at;
    memset(f.counts, 0, sizeof(f.counts));
    pthread_mutex_unlock(&lock);
}

unsigned faultmem_count(enum mem_kind kind)
{
    return f.counts[kind];
}

size_t faultmem_left(struct mem_left *out, size_t cap)
{
    size_t n = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < SLOTS; i++) {
        size_t k = 0;
        if (!f.live[i].piece || f.live[i].piece == GONE)
            continue;
        while (k < n && out[k].by != f.live[i].by)
            k++;
        if (k == cap)
            continue;
        if (k == n)
            out[n++] = (struct mem_left){f.live[i].by, 0};
        out[k].n++;
    }
    pthread_mutex_unlock(&lock);
    return n;
}

size_t faultmem_left_sqlite(void)
{
    return (size_t)sqlite3_memory_used();
}

/* ---- SQLite ------------------------------------------------------------------------------------
 */

static void *sqlite_malloc(int n)
{
    return fails(MEM_SQLITE) ? NULL : f.sqlite.xMalloc(n);
}

static void *sqlite_realloc(void *piece, int n)
{
    return fails(MEM_SQLITE) ? NULL : f.sqlite.xRealloc(piece, n);
}

void faultmem_install(void)
{
    sqlite3_mem_methods ours;
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &f.sqlite) != SQLITE_OK)
        abort();
    ours = f.sqlite;
    ours.xMalloc = sqlite_malloc;
    ours.xRealloc = sqlite_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) != SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK)
        abort();
    f.on = true;
}

/* ---- names that the linker asks for ------------------------------------------------------------
 */

void *__wrap_malloc(size_t n);
void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n)
{
    return fails(MEM_OURS) ? NULL : given(__real_malloc(n), CALLER);
}

void *__wrap_calloc(size_t n, size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fails(MEM_OURS) ? NULL : given(__real_calloc(n, size), CALLER);
}

void *__wrap_realloc(void *piece, size_t n);
void *__real_realloc(void *piece, size_t n);
void *__wrap_realloc(void *piece, size_t n)
{
    if (fails(MEM_OURS))
        return NULL;
    taken(piece);
    return given(__real_realloc(piece, n), CALLER);
}

void __wrap_free(void *piece);
void __real_free(void *piece);
void __wrap_free(void *piece)
{
    taken(piece);
    __real_free(piece);
}

char *__wrap_strdup(const char *text);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
    return fails(MEM_OURS) ? NULL : given(__real_strdup(text), CALLER);
}

char *__wrap_strndup(const char *text, size_t n);
char *__real_strndup(const char *text, size_t n);
char *__wrap_strndup(const char *text, size_t n)
{
    return fails(MEM_OURS) ? NULL : given(__real_strndup(text, n), CALLER);
}

int __real_vasprintf(char **out, const char *fmt, va_list ap);

static int print(char **out, uintptr_t by, const char *fmt, va_list ap)
{
    if (fails(MEM_OURS))
        return -1;
    int n = __real_vasprintf(out, fmt, ap);
    if (n >= 0)
        given(*out, by);
    return n;
}

int __wrap_vasprintf(char **out, const char *fmt, va_list ap);
int __wrap_vasprintf(char **out, const char *fmt, va_list ap)
{
    return print(out, CALLER, fmt, ap);
}

int __wrap_asprintf(char **out, const char *fmt, ...);
int __wrap_asprintf(char **out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = print(out, CALLER, fmt, ap);
    va_end(ap);
    return n;
}

int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *how, void *(*run)(void *),
                          void *ctx);
int __real_pthread_create(pthread_t *out, const pthread_attr_t *how, void *(*run)(void *),
                          void *ctx);
int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *how, void *(*run)(void *),
                          void *ctx)
{
    return fails(MEM_OURS) ? EAGAIN : __real_pthread_create(out, how, run, ctx);
}

/* ---- arenas ------------------------------------------------------------------------------------
 */

struct wess_arena;

/* Asked for what no machine has, so that the arena itself knows of it. */
static size_t asked(size_t n)
{
    return fails(MEM_ARENA) ? SIZE_MAX : n;
}

void *__wrap_arena_alloc(struct wess_arena *a, size_t n);
void *__real_arena_alloc(struct wess_arena *a, size_t n);
void *__wrap_arena_alloc(struct wess_arena *a, size_t n)
{
    return __real_arena_alloc(a, asked(n));
}

char *__wrap_arena_textn(struct wess_arena *a, const char *text, size_t n);
char *__real_arena_textn(struct wess_arena *a, const char *text, size_t n);
char *__wrap_arena_textn(struct wess_arena *a, const char *text, size_t n)
{
    if (text && asked(n) != n)
        return __real_arena_alloc(a, SIZE_MAX);
    return __real_arena_textn(a, text, n);
}

char *__wrap_arena_text(struct wess_arena *a, const char *text);
char *__real_arena_text(struct wess_arena *a, const char *text);
char *__wrap_arena_text(struct wess_arena *a, const char *text)
{
    if (text && asked(0))
        return __real_arena_alloc(a, SIZE_MAX);
    return __real_arena_text(a, text);
}

char *__wrap_arena_fmt(struct wess_arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
char *__wrap_arena_fmt(struct wess_arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *out = n < 0 ? NULL : __real_arena_alloc(a, asked((size_t)n + 1));
    if (!out)
        return NULL;
    va_start(ap, fmt);
    vsnprintf(out, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return out;
}
