/* Picklists can be configured in Workbooks: which of their words is which of ours, the settings
 * say. */
#include <stdlib.h>
#include <string.h>

#include "wb.h"

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool wb_words_add(struct wb_words *w, const char *line, size_t len)
{
    const char *equals = memchr(line, '=', len);
    struct wb_word *more = realloc(w->of, (w->n + 1) * sizeof(*more));
    if (!more)
        return false;
    w->of = more;
    struct wb_word *word = &more[w->n++];
    word->ours = strndup(line, (size_t)(equals - line));
    word->theirs = strndup(equals + 1, len - (size_t)(equals - line) - 1);
    return word->ours && word->theirs;
}

static bool sort_ours(struct wb_words *w)
{
    w->ours = calloc(w->n + 1, sizeof(*w->ours));
    for (size_t i = 0; w->ours && i < w->n; i++)
        w->ours[i] = w->of[i].ours;
    if (!w->ours)
        return false;
    qsort(w->ours, w->n, sizeof(*w->ours), by_text);
    for (size_t i = 0; i < w->n; i++)
        if (!w->n_ours || strcmp(w->ours[w->n_ours - 1], w->ours[i]))
            w->ours[w->n_ours++] = w->ours[i];
    return true;
}

bool wb_words_read(struct wb_words *w, const char *lines, const char **bad)
{
    *bad = NULL;
    for (const char *at = lines; at && *at;) {
        size_t len = strcspn(at, "\n");
        const char *equals = memchr(at, '=', len);
        if (!equals || equals == at || equals + 1 == at + len) {
            *bad = at;
            return false;
        }
        if (!wb_words_add(w, at, len))
            return false;
        at += len + (at[len] == '\n');
    }
    return sort_ours(w);
}

void wb_words_free(struct wb_words *w)
{
    for (size_t i = 0; i < w->n; i++) {
        free((char *)(uintptr_t)w->of[i].ours);
        free((char *)(uintptr_t)w->of[i].theirs);
    }
    free(w->of);
    free(w->ours);
    *w = (struct wb_words){0};
}

const char *wb_word_theirs(const struct wb_words *w, const char *ours)
{
    for (size_t i = 0; i < w->n; i++)
        if (!strcmp(w->of[i].ours, ours))
            return w->of[i].theirs;
    return NULL;
}

const char *wb_word_ours(const struct wb_words *w, const char *theirs)
{
    for (size_t i = 0; i < w->n; i++)
        if (!strcmp(w->of[i].theirs, theirs))
            return w->of[i].ours;
    return NULL;
}

void wb_word_missing(const struct wess_conn *c, const char *setting, const char *column,
                     const char *then)
{
    bool *told = (bool *)(uintptr_t)&c->told_word; /* of ours; a connection is one thread's */
    if (!*told)
        c->host->log(c->host->ctx, WESS_LOG_WARN,
                     "workbooks: a value of %s has no word in the setting %s: %s", column, setting,
                     then);
    *told = true;
}

bool wb_words_list(struct wess_call *call, const struct wb_words *w, struct wess_list *out)
{
    const struct wess_host *h = call->conn->host;
    const char **of = h->alloc(call->arena, (w->n_ours + 1) * sizeof(*of));
    bool ok = of != NULL;
    for (size_t i = 0; ok && i < w->n_ours; i++)
        ok = (of[i] = wess_arena_text(h, call->arena, w->ours[i])) != NULL;
    *out = (struct wess_list){of, ok ? w->n_ours : 0};
    return ok;
}
