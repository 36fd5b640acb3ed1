/* An arena: memory that is dropped whole. With a budget, so that a hostile or huge answer ends as
 * WESS_TOO_BIG and never as a process without memory. */
#ifndef CORE_MODEL_ARENA_H
#define CORE_MODEL_ARENA_H

#include <stddef.h>

struct wess_arena;

#define ARENA_BUDGET ((size_t)48 << 20) /* bytes of one call's answers */

struct wess_arena *arena_new(size_t budget); /* NULL: out of memory */
void arena_free(struct wess_arena *);
void arena_reset(struct wess_arena *); /* drops everything, keeps the first block */
/* Zeroed, aligned for any type; NULL: budget spent or out of memory. */
void *arena_alloc(struct wess_arena *, size_t);
char *arena_text(struct wess_arena *, const char *); /* NULL stays NULL */
char *arena_textn(struct wess_arena *, const char *, size_t);
char *arena_fmt(struct wess_arena *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
size_t arena_used(const struct wess_arena *);
/* What is taken for one piece of work among many: arena_back() drops what was taken since the mark,
 * and remembers what was refused. A mark is good until the arena is reset, or goes back to an
 * earlier one. */
struct arena_mark {
    void *block;
    size_t in_block, used;
};
struct arena_mark arena_mark(const struct wess_arena *);
void arena_back(struct wess_arena *, struct arena_mark);
/* Whether something was refused since it was new or reset. Who stores what was made in an arena
 * asks first: not everything that needed a piece could say that it got none. */
enum arena_want { ARENA_GAVE, ARENA_FULL /* the budget */, ARENA_SHORT /* of memory; outranks */ };
enum arena_want arena_refused(const struct wess_arena *);
void arena_pardon(struct wess_arena *); /* it was told otherwise */

#endif
