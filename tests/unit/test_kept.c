/* What connectors keep: always a whole one, however many keep it at once. */
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/kept.h"

#define KEEPERS 4u
#define TIMES 200u
#define LENGTH 100000u /* a write of several pages */

static char dir[] = "/tmp/wess-kept-XXXXXX";
static const struct kept_at at = {dir, "crm", "", "meta"};

static size_t kept_files(void)
{
    char path[64];
    struct dirent *e;
    size_t n = 0;
    snprintf(path, sizeof(path), "%s/kept", dir);
    DIR *d = opendir(path);
    while (d && (e = readdir(d)))
        n += *e->d_name != '.';
    if (d)
        closedir(d);
    return n;
}

/* Of one letter: a piece of another one's shows. */
static bool is_whole(const char *text, size_t len)
{
    for (size_t i = 1; i < len; i++)
        if (text[i] != text[0])
            return false;
    return len > LENGTH;
}

static void *keep(void *ctx)
{
    const char *letter = ctx;
    size_t *good = calloc(1, sizeof(*good)), len = LENGTH + (size_t)*letter;
    char *text = malloc(len);
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    if (text)
        memset(text, *letter, len);
    for (size_t i = 0; good && text && a && i < TIMES; i++) {
        size_t n = 0;
        arena_reset(a);
        bool put = kept_put(a, &at, text, len);
        const char *got = kept_get(a, &at, &n);
        if (put && got && is_whole(got, n))
            ++*good;
    }
    arena_free(a);
    free(text);
    return good;
}

static void test_kept__who_keeps_at_once_keeps_whole(void **state)
{
    static char letters[KEEPERS] = "abcd";
    pthread_t threads[KEEPERS];
    (void)state;
    for (size_t i = 0; i < KEEPERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, keep, &letters[i]), 0);
    for (size_t i = 0; i < KEEPERS; i++) {
        void *good = NULL;
        pthread_join(threads[i], &good);
        assert_non_null(good);
        assert_int_equal(*(size_t *)good, TIMES);
        free(good);
    }
    assert_int_equal(kept_files(), 1);
}

static void test_kept__of_another_user_or_too_large_is_none(void **state)
{
    const struct kept_at other = {dir, "crm", "anna", "meta"};
    struct wess_arena *a = arena_new((size_t)64 << 20);
    char *large = arena_alloc(a, KEPT_MOST + 1);
    size_t len = 1;
    (void)state;
    assert_true(kept_put(a, &at, "one", 3));
    assert_null(kept_get(a, &other, &len));
    assert_int_equal(len, 0);
    assert_false(kept_put(a, &at, large, KEPT_MOST + 1));
    assert_non_null(kept_get(a, &at, &len));
    assert_int_equal(len, 3);
    arena_free(a);
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept__who_keeps_at_once_keeps_whole),
        cmocka_unit_test(test_kept__of_another_user_or_too_large_is_none),
    };
    return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
