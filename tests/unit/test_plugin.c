/* What the loader takes, and what it refuses with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "folder.h"
#include "host/plugin.h"

static const char *const stubs[] = {STUBS};

/* Copied: a plugin once loaded stays, and what is refused must not depend on the build tree. */
static void copy(const char *from, const char *to, mode_t mode)
{
    char source[512], *data = malloc((size_t)8 << 20);
    snprintf(source, sizeof(source), "%s/%s.so", STUBS, from);
    FILE *f = fopen(source, "r");
    assert_non_null(f);
    assert_non_null(data);
    size_t n = fread(data, 1, (size_t)8 << 20, f);
    fclose(f);
    put_bytes(to, mode, data, n);
    free(data);
}

static void assert_refused(const char *const *dirs, size_t n, const char *name, const char *where,
                           const char *words)
{
    char *why = NULL;
    const struct plugin *p = plugin_load(name, dirs, n, &why);
    if (p || !why || !strstr(why, words) || (where && !strstr(why, where)))
        fail_msg("%s: %s, wanted \"%s\" of %s", name, p ? "loaded" : why, words,
                 where ? where : "");
    free(why);
}

static void test_plugin__a_whole_one_loads(void **state)
{
    char *why = NULL;
    const struct plugin *p = plugin_load("stub-whole", stubs, 1, &why);
    (void)state;
    if (!p)
        fail_msg("%s", why);
    assert_string_equal(p->name, "stub-whole");
    assert_non_null(strstr(p->path, "/stub-whole.so"));
    assert_non_null(plugin_option(p, "rooms"));
    assert_null(plugin_option(p, "room"));
    assert_ptr_equal(plugin_load("stub-whole", NULL, 0, &why), p);
}

/* A connector of a later version, whose table has more at its end, loads. */
static void test_plugin__a_larger_table_loads(void **state)
{
    char *why = NULL;
    (void)state;
    if (!plugin_load("stub-larger", stubs, 1, &why))
        fail_msg("%s", why);
}

/* One of an earlier version has fewer slots, and runs without the others. */
static void test_plugin__an_older_table_loads(void **state)
{
    char *why = NULL;
    const struct plugin *p = plugin_load("stub-older", stubs, 1, &why);
    (void)state;
    if (!p)
        fail_msg("%s", why);
    assert_non_null(p->connector->apply);
    assert_non_null(p->connector->ack);
    assert_null(p->connector->watch_open);
    assert_null(p->connector->relate);
    p = plugin_load("stub-uneven", stubs, 1, &why);
    if (!p)
        fail_msg("%s", why);
    assert_null(p->connector->ack);
}

static void test_plugin__bad_tables_are_refused(void **state)
{
    static const struct {
        const char *name, *words;
    } cases[] = {
        {"stub-abi", "was built for ABI 4711, this program has 1: build it again"},
        {"stub-small", "too old: its table has 64 bytes"},
        {"stub-cut", "has 2 of the four functions of watch"},
        {"stub-entry", "is not a connector: it has no function wess_connector_v1"},
        {"stub-nothing", "gave no connector"},
        {"stub-lacks", "lacks a function that every connector has"},
        {"stub-nameless", "calls itself \"stub-nameless\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char file[128];
        snprintf(file, sizeof(file), "/%s.so", cases[i].name);
        assert_refused(stubs, 1, cases[i].name, file, cases[i].words);
    }
}

static void test_plugin__another_name_is_refused(void **state)
{
    const char *const dirs[] = {folder};
    (void)state;
    copy("stub-whole", "renamed.so", 0644);
    assert_refused(dirs, 1, "renamed", "/renamed.so", "calls itself \"stub-whole\"");
}

static void test_plugin__no_library_is_refused(void **state)
{
    const char *const dirs[] = {folder};
    (void)state;
    put("text.so", 0644, "this is a text\n");
    put("empty.so", 0644, "");
    put("half.so", 0644,
        "\x7f"
        "ELF and no more");
    assert_int_equal(mkdir(path_of("folder.so"), 0755), 0);
    assert_refused(dirs, 1, "text", "/text.so", "cannot be loaded: ");
    assert_refused(dirs, 1, "empty", "/empty.so", "cannot be loaded: ");
    assert_refused(dirs, 1, "half", "/half.so", "cannot be loaded: ");
    assert_refused(dirs, 1, "folder", "/folder.so", "cannot be loaded: ");
}

static void test_plugin__a_missing_one_names_where_it_looked(void **state)
{
    const char *const dirs[] = {folder, "/nowhere/at/all"};
    (void)state;
    setenv("WESS_CONNECTOR_PATH", "/one/place::/another", 1);
    assert_refused(dirs, 2, "not-there", folder, "not-there.so is missing; looked in");
    assert_refused(dirs, 2, "not-there", "/nowhere/at/all,", "/one/place, /another,");
    unsetenv("WESS_CONNECTOR_PATH");
}

static void test_plugin__what_others_can_write_is_refused(void **state)
{
    const char *const dirs[] = {folder};
    (void)state;
    copy("stub-whole", "stub-loose.so", 0666);
    assert_refused(dirs, 1, "stub-loose", "/stub-loose.so", "can be written by others: chmod go-w");
    copy("stub-whole", "stub-loose.so", 0664);
    assert_refused(dirs, 1, "stub-loose", "/stub-loose.so", "can be written by others: chmod go-w");
    copy("stub-whole", "stub-loose.so", 0644);
    assert_int_equal(chmod(folder, 0777), 0);
    assert_refused(dirs, 1, "stub-loose", folder, "can be written by others: chmod go-w");
    assert_int_equal(chmod(folder, 0755), 0);
    assert_refused(dirs, 1, "stub-loose", "/stub-loose.so", "calls itself");
}

static void test_plugin__what_belongs_to_others_is_refused(void **state)
{
    const char *const dirs[] = {folder};
    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can give a file away */
    copy("stub-whole", "stub-theirs.so", 0644);
    assert_int_equal(chown(path_of("stub-theirs.so"), 65534, 65534), 0);
    assert_refused(dirs, 1, "stub-theirs", "/stub-theirs.so", "belongs to another user");
}

/* The first folder that has it decides: what is refused there is not looked for elsewhere. */
static void test_plugin__the_first_found_decides(void **state)
{
    const char *const dirs[] = {folder, STUBS};
    (void)state;
    put("stub-entry.so", 0644, "no library");
    assert_refused(dirs, 2, "stub-entry", folder, "cannot be loaded");
}

static void test_plugin__names_are_no_paths(void **state)
{
    static const char *const names[] = {"",  "../stub-whole", "/etc/passwd", ".hidden", "-x",
                                        "A", "a/b",           "a b",         "a.so"};
    char longer[80];
    (void)state;
    memset(longer, 'a', sizeof(longer));
    longer[sizeof(longer) - 1] = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_refused(stubs, 1, names[i], NULL, "small letters, digits and hyphens only");
    assert_refused(stubs, 1, longer, NULL, "small letters, digits and hyphens only");
}

struct listed {
    bool whole, abi;
};

static void note(void *ctx, const char *name, const char *path, const struct plugin *p,
                 const char *why)
{
    struct listed *l = ctx;
    assert_true(!p == (why != NULL));
    assert_non_null(strstr(path, name));
    l->whole |= !strcmp(name, "stub-whole") && p;
    l->abi |= !strcmp(name, "stub-abi") && why && strstr(why, "ABI 4711");
}

static void test_plugin__the_list_has_both(void **state)
{
    struct listed l = {false, false};
    (void)state;
    plugin_list(stubs, 1, note, &l);
    assert_true(l.whole);
    assert_true(l.abi);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plugin__a_whole_one_loads),
        cmocka_unit_test(test_plugin__a_larger_table_loads),
        cmocka_unit_test(test_plugin__an_older_table_loads),
        cmocka_unit_test(test_plugin__bad_tables_are_refused),
        cmocka_unit_test(test_plugin__another_name_is_refused),
        cmocka_unit_test(test_plugin__no_library_is_refused),
        cmocka_unit_test(test_plugin__a_missing_one_names_where_it_looked),
        cmocka_unit_test(test_plugin__what_others_can_write_is_refused),
        cmocka_unit_test(test_plugin__what_belongs_to_others_is_refused),
        cmocka_unit_test(test_plugin__the_first_found_decides),
        cmocka_unit_test(test_plugin__names_are_no_paths),
        cmocka_unit_test(test_plugin__the_list_has_both),
    };
    return cmocka_run_group_tests_name("plugin", tests, folder_new, folder_free);
}
