/* Where secrets come from, and what is said when they do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "folder.h"
#include "host/conn.h"

static char buf[64];

static const char *read_it(const struct cfg_secret *s)
{
    static const struct cfg_value attrs[] = {{"id", "ada", 1}, {"box", "ada-box", 1}};
    static const struct cfg_user user = {.id = "ada", .attrs = attrs, .n_attrs = 2};
    const char *why = "";
    memset(buf, '#', sizeof(buf));
    return secret_read(s, &user, buf, sizeof(buf), &why) ? NULL : why;
}

static const char *from(enum secret_from kind, const char *text)
{
    const struct cfg_secret s = {.name = "word", .from = kind, .text = text};
    return read_it(&s);
}

static const char *from_command(const char *program, const char *argument)
{
    const char *const argv[] = {program, argument, NULL};
    const struct cfg_secret s = {.name = "word", .from = SECRET_COMMAND, .argv = argv};
    return read_it(&s);
}

static void assert_read(const char *why, const char *value)
{
    if (why)
        fail_msg("not read: %s", why);
    assert_string_equal(buf, value);
}

static void assert_not(const char *why, const char *words)
{
    if (!why || !strstr(why, words))
        fail_msg("\"%s\", wanted \"%s\"", why ? why : "it was read", words);
}

static void test_secret__from_a_file(void **state)
{
    static const char zero[] = "a\0b\n";
    char big[128];
    (void)state;
    put("one", 0600, "s3cret word\nand notes\n");
    assert_read(from(SECRET_FILE, path_of("one")), "s3cret word");
    put("one", 0600, "without an end");
    assert_read(from(SECRET_FILE, path_of("one")), "without an end");
    put("one", 0600, "of Windows\r\n");
    assert_read(from(SECRET_FILE, path_of("one")), "of Windows");
    put("one", 0640, "word\n");
    assert_not(from(SECRET_FILE, path_of("one")), "others can read it: chmod 600 it");
    put("one", 0604, "word\n");
    assert_not(from(SECRET_FILE, path_of("one")), "others can read it: chmod 600 it");
    put("one", 0600, "");
    assert_not(from(SECRET_FILE, path_of("one")), "it is empty");
    put("one", 0600, "\nsecond line\n");
    assert_not(from(SECRET_FILE, path_of("one")), "it is empty");
    put_bytes("one", 0600, zero, sizeof(zero) - 1);
    assert_not(from(SECRET_FILE, path_of("one")), "zero byte");
    memset(big, 'x', sizeof(big));
    put_bytes("one", 0600, big, sizeof(big));
    assert_not(from(SECRET_FILE, path_of("one")), "it is too long");
    assert_not(from(SECRET_FILE, path_of("none")), "No such file");
    assert_not(from(SECRET_FILE, folder), "it is not a file");
}

static void test_secret__of_each_user(void **state)
{
    (void)state;
    put("ada-box", 0600, "hers\n");
    assert_read(from(SECRET_FILE, path_of("%{user.box}")), "hers");
    assert_not(from(SECRET_FILE, path_of("%{user.other}")), "attribute is missing");
}

static void test_secret__from_a_command(void **state)
{
    (void)state;
    assert_read(from_command("echo", "printed"), "printed");
    assert_not(from_command("false", NULL), "it failed");
    assert_not(from_command("true", NULL), "it is empty");
    assert_not(from_command("/nowhere/at/all", NULL), "No such file");
    assert_not(from_command("yes", NULL), "too much output");
    assert_not(from_command(NULL, NULL), "");
    assert_read(from_command("echo", "the word of %{user.id}"), "the word of ada");
    assert_not(from_command("echo", "%{user.other}"), "attribute is missing");
}

static void test_secret__from_the_environment(void **state)
{
    (void)state;
    setenv("WESS_TEST_WORD", "shouted", 1);
    assert_read(from(SECRET_ENV, "WESS_TEST_WORD"), "shouted");
    setenv("WESS_TEST_WORD", "", 1);
    assert_not(from(SECRET_ENV, "WESS_TEST_WORD"), "it is not set");
    unsetenv("WESS_TEST_WORD");
    assert_not(from(SECRET_ENV, "WESS_TEST_WORD"), "it is not set");
}

static void test_secret__from_the_service_manager(void **state)
{
    (void)state;
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_not(from(SECRET_CREDENTIAL, "word"), "LoadCredential=");
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    put("word", 0400, "handed over\n");
    assert_read(from(SECRET_CREDENTIAL, "word"), "handed over");
    assert_not(from(SECRET_CREDENTIAL, "other"), "No such file");
    assert_not(from(SECRET_CREDENTIAL, "../word"), "LoadCredential=");
    assert_not(from(SECRET_CREDENTIAL, ".."), "LoadCredential=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secret__from_a_file),
        cmocka_unit_test(test_secret__of_each_user),
        cmocka_unit_test(test_secret__from_a_command),
        cmocka_unit_test(test_secret__from_the_environment),
        cmocka_unit_test(test_secret__from_the_service_manager),
    };
    return cmocka_run_group_tests_name("secret", tests, folder_new, folder_free);
}
