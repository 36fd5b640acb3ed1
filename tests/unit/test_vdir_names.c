/* A folder listed in parts of bounded size is the folder, in order, each name once. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "names.h"

#define FILES 1000u
#define SMALL ((size_t)1 << 10) /* bytes: some forty names */

static bool is_card(const void *ctx, const char *name)
{
    (void)ctx;
    return strstr(name, ".vcf") != NULL;
}

static int set_up(void **state)
{
    char path[] = "/tmp/wess-names-XXXXXX", name[128];
    assert_non_null(mkdtemp(path));
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "%s/%0*u.%s", path, (int)(1 + i * 7919 % 37), i * 7919 % FILES,
                 i % 10 ? "vcf" : "txt");
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
    *state = strdup(path);
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -r '%s'", (const char *)*state);
    free(*state);
    return system(command);
}

static void test_vdir_names__parts_make_the_whole(void **state)
{
    struct names all = {0}, part = {0};
    int dir = open(*state, O_RDONLY | O_DIRECTORY);
    size_t seen = 0;
    unsigned looks = 0;
    char last[256] = "";
    assert_true(names_look(&all, dir, NAMES_ROOM, "", is_card, NULL));
    assert_int_equal(all.n, FILES - FILES / 10);
    assert_false(all.more);
    do {
        assert_true(names_look(&part, dir, SMALL, last, is_card, NULL));
        assert_true(part.cap <= SMALL);
        for (size_t i = 0; i < part.n; i++)
            assert_string_equal(names_at(&part, i), names_at(&all, seen++));
        strcpy(last, names_at(&part, part.n - 1));
        looks++;
    } while (part.more);
    assert_int_equal(seen, all.n);
    assert_true(looks > 10);
    for (size_t i = 1; i < all.n; i++)
        assert_true(strcmp(names_at(&all, i - 1), names_at(&all, i)) < 0);
    assert_true(names_look(&part, dir, SMALL, last, is_card, NULL));
    assert_int_equal(part.n, 0);
    names_fini(&part);
    names_fini(&all);
    close(dir);
}

static void test_vdir_names__half_a_listing_is_none(void **state)
{
    struct names l = {0};
    int dir = open(*state, O_RDONLY | O_DIRECTORY);
    assert_false(names_look(&l, dir, 8, "", is_card, NULL)); /* no name has room */
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(l.n, 0);
    assert_false(names_look(&l, -1, NAMES_ROOM, "", is_card, NULL));
    assert_int_equal(errno, EBADF);
    close(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vdir_names__parts_make_the_whole),
        cmocka_unit_test(test_vdir_names__half_a_listing_is_none),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
