/* Where secrets come from, and what is said when they do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* ---- replacing one
 * ------------------------------------------------------------------------------------------ */

static const struct cfg_user nobody = {.id = "ada"};

static const char *write_it(const struct cfg_secret *s, const char *value)
{
    const char *why = "";
    return secret_write(s, &nobody, value, &why) ? NULL : why;
}

static void test_secret__is_replaced_whole_or_not_at_all(void **state)
{
    const struct cfg_secret s = {.name = "word", .from = SECRET_FILE, .text = path_of("turned")};
    const struct cfg_secret env = {.name = "word", .from = SECRET_ENV, .text = "WORD"};
    const struct cfg_secret lost = {
        .name = "word", .from = SECRET_FILE, .text = "/nonexistent/folder/word"};
    struct stat st;
    (void)state;
    put("turned", 0644, "old\n");
    assert_null(write_it(&s, "new"));
    assert_int_equal(stat(s.text, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_read(from(SECRET_FILE, s.text), "new");
    /* Who has the old file open still reads the old one. */
    FILE *f = fopen(s.text, "r");
    char line[16];
    assert_null(write_it(&s, "newer"));
    assert_non_null(fgets(line, sizeof(line), f));
    assert_string_equal(line, "new\n");
    fclose(f);
    assert_read(from(SECRET_FILE, s.text), "newer");
    assert_not(write_it(&env, "x"), "only { file = ..; }");
    assert_not(write_it(&lost, "x"), "No such file");
}

/* An administrator types `wess login` as root, and the daemon is not root. */
static void test_secret__of_root_belongs_to_the_folders_owner(void **state)
{
    const struct cfg_secret s = {.name = "word", .from = SECRET_FILE, .text = path_of("theirs")};
    struct stat st;
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(folder, 65534, 65534), 0);
    assert_null(write_it(&s, "new"));
    assert_int_equal(stat(s.text, &st), 0);
    assert_int_equal(st.st_uid, 65534);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(chown(folder, 0, 0), 0);
}

static bool hurry;
static bool is_cancelled(void *ctx)
{
    (void)ctx;
    return hurry;
}

static void test_secret__is_held_by_one(void **state)
{
    const struct cfg_secret s = {.name = "word", .from = SECRET_FILE, .text = path_of("held")};
    const char *why = "";
    (void)state;
    int first = secret_lock(&s, &nobody, is_cancelled, NULL, &why);
    assert_true(first >= 0);
    hurry = true;
    assert_int_equal(secret_lock(&s, &nobody, is_cancelled, NULL, &why), -1);
    assert_string_equal(why, "stopped");
    hurry = false;
    close(first);
    int second = secret_lock(&s, &nobody, is_cancelled, NULL, &why);
    assert_true(second >= 0);
    close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secret__from_a_file),
        cmocka_unit_test(test_secret__of_each_user),
        cmocka_unit_test(test_secret__from_a_command),
        cmocka_unit_test(test_secret__from_the_environment),
        cmocka_unit_test(test_secret__from_the_service_manager),
        cmocka_unit_test(test_secret__is_replaced_whole_or_not_at_all),
        cmocka_unit_test(test_secret__of_root_belongs_to_the_folders_owner),
        cmocka_unit_test(test_secret__is_held_by_one),
    };
    return cmocka_run_group_tests_name("secret", tests, folder_new, folder_free);
}
