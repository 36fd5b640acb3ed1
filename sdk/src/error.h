/* Filling struct wess_error, and text in the arena. */
#ifndef WESS_SDK_ERROR_H
#define WESS_SDK_ERROR_H

#include "wess/connector.h"

/* Fills `e` and answers `code`, so that "return wess_fail(...)" reads well. The text is cut at a
 * code point and control characters become spaces. `remote` may be NULL. */
enum wess_code wess_fail(struct wess_error *e, enum wess_code code, enum wess_scope scope,
                         const char *remote, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Copies into the arena; NULL: budget spent (or text NULL). */
char *wess_arena_text(const struct wess_host *, struct wess_arena *, const char *text);
char *wess_arena_textn(const struct wess_host *, struct wess_arena *, const char *text, size_t len);
char *wess_arena_fmt(const struct wess_host *, struct wess_arena *, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A growing array in the arena: doubles, so that n pushes cost at most 2n slots. */
struct wess_vec {
    void *of;
    size_t n, cap, size; /* size of an element */
};
/* A zeroed new element at the end; NULL: budget spent. */
void *wess_vec_push(const struct wess_host *, struct wess_arena *, struct wess_vec *);
/* What was pushed, in the arena and no larger than that: for an array that began with room of its
 * own (`of` and `cap` on the stack), and is kept. NULL: none, or budget spent. */
void *wess_vec_kept(const struct wess_host *, struct wess_arena *, const struct wess_vec *);

#endif
