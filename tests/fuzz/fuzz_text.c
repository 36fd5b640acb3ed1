/* Texts of people and remotes: made canonical or folded a second time they stay as they are, and
 * what one spelling folds to, its canonical form folds to as well. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "model/text.h"

static void same(const char *a, const char *b)
{
    HOLDS(a && b && !strcmp(a, b));
}

static void canonical_holds(struct wess_arena *a, const char *text, size_t len, bool one_line)
{
    bool bad = false, again = false;
    const char *once = text_canonical(a, text, len, one_line, &bad);
    HOLDS(once || bad);
    HOLDS(!bad || !fuzz_is_utf8(text, len));
    if (!once)
        return;
    size_t n = strlen(once);
    HOLDS(fuzz_is_utf8(once, n));
    same(once, text_canonical(a, once, n, one_line, &again));
    HOLDS(!again && !strchr(once, '\r') && !(one_line && strpbrk(once, "\n\t")));
    HOLDS(!n || (!strchr(" \t\n", once[0]) && !strchr(" \t\n", once[n - 1])));
    HOLDS(text_length(once) <= n);
    if (!memchr(text, 0, len))
        same(text_fold(a, text), text_fold(a, once));
}

static void folding_holds(struct wess_arena *a, const char *text)
{
    const char *fold = text_fold(a, text), *plain = text_fold_plain(a, text);
    size_t len = strlen(text);
    same(fold, text_fold(a, fold));
    same(plain, text_fold_plain(a, plain));
    same(plain, text_fold_plain(a, fold));
    if (fuzz_is_utf8(text, len)) {
        HOLDS(fuzz_is_utf8(fold, strlen(fold)) && fuzz_is_utf8(plain, strlen(plain)));
        HOLDS(!strstr(fold, "  ") && *fold != ' ' && !strpbrk(fold, "\n\t\r"));
    }
    HOLDS(text_bare(a, text) && text_digits(a, text));
    const char *digits = text_digits(a, text);
    same(digits, text_digits(a, digits));
    HOLDS(text_is_utf8(text, len) == fuzz_is_utf8(text, len));
}

static void nearest_holds(const char *text)
{
    const char *const names[] = {"left", "right", "newest", "ask", text};
    HOLDS(text_nearest(text, names, 5) != NULL || strlen(text) > 64);
    HOLDS(!text_nearest(text, names, 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wess_arena *a = arena_new((size_t)32 << 20);
    struct fuzz_in in = {data, size};
    char *all = fuzz_copy(data, size), *text = fuzz_text(&in);
    HOLDS(a);
    canonical_holds(a, all, size, false);
    canonical_holds(a, all, size, true);
    folding_holds(a, text);
    nearest_holds(text);
    free(all);
    free(text);
    arena_free(a);
    return 0;
}
