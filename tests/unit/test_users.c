/* Users from a CSV file or a program: what is taken, and what is refused in which line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "config/config.h"
#include "folder.h"

static char *told;

static void say(void *ctx, const char *line)
{
    char *more = NULL;
    (void)ctx;
    assert_true(asprintf(&more, "%s%s\n", told ? told : "", line) >= 0);
    free(told);
    told = more;
}

/* A configuration whose users come from `source`; the second endpoint asks each for a mailbox. */
static struct config *load(const char *source)
{
    char *text = NULL;
    free(told);
    told = NULL;
    assert_true(
        asprintf(&text,
                 "site = \"unit\"; state_dir = \"%s/state\"; connector_path = [ \"" STUBS "\" ];\n"
                 "endpoints: {\n"
                 "  a: { connector = \"stub-whole\"; address = \"https://a.example\";\n"
                 "    word = { env = \"WORD\"; }; };\n"
                 "  b: { connector = \"stub-whole\"; address = \"https://b/%%{user.mailbox}\";\n"
                 "    word = { env = \"WORD\"; }; }; };\n"
                 "pairs: { p: { kind = \"contact\"; left = \"a:x\"; right = \"b:y\"; }; };\n"
                 "users: {\n"
                 "  source = { %s }; };\n",
                 folder, source) >= 0);
    put("wess.conf", 0644, text);
    free(text);
    struct config *c = config_load(path_of("wess.conf"), NULL, say, NULL);
    assert_true(!c == (told != NULL));
    return c;
}

static struct config *load_csv(const char *csv, size_t len)
{
    char source[128];
    put_bytes("users.csv", 0644, csv, len);
    snprintf(source, sizeof(source), "csv = \"%s/users.csv\";", folder);
    return load(source);
}

static struct config *taken(const char *csv)
{
    struct config *c = load_csv(csv, strlen(csv));
    if (!c)
        fail_msg("refused: %s", told);
    return c;
}

static void assert_told(const struct config *c, const char *where, const char *words)
{
    const char *line = told ? strstr(told, where) : NULL;
    if (c || !line || !strstr(line, words))
        fail_msg("wanted \"%s .. %s\", said: %s", where, words, told ? told : "nothing");
}

static void assert_refused(const char *csv, const char *where, const char *words)
{
    assert_told(load_csv(csv, strlen(csv)), where, words);
}

static void assert_attr(const struct config *c, size_t user, const char *name, const char *value)
{
    assert_true(user < c->n_users);
    assert_string_equal(cfg_user_attr(&c->users[user], name), value);
}

static void test_users__plain(void **state)
{
    struct config *c = taken("id,name,mailbox,wave\nada,Ada Byrne,ada@x.example,one\nben,,b@x,\n");
    (void)state;
    assert_int_equal(c->n_users, 2);
    assert_string_equal(c->users[0].name, "Ada Byrne");
    assert_attr(c, 0, "mailbox", "ada@x.example");
    assert_attr(c, 1, "wave", "");
    assert_null(cfg_user_attr(&c->users[0], "nothing"));
    assert_int_equal(c->users[1].line, 3);
    config_free(c);
}

static void test_users__as_spreadsheets_write_them(void **state)
{
    struct config *c = taken("\xef\xbb\xbfid,name,mailbox\r\n"
                             "ada,\"Byrne, \"\"Ada\"\"\r\nthe first\",ada@x.example\r\n"
                             "  ben , Ben ,\" b@x \"\r\n"
                             "\r\n"
                             "zo\xc3\xab,\"\",z@x");
    (void)state;
    assert_int_equal(c->n_users, 3);
    assert_string_equal(c->users[0].id, "ada");
    assert_string_equal(c->users[0].name, "Byrne, \"Ada\"\r\nthe first");
    assert_string_equal(c->users[1].id, "ben");
    assert_attr(c, 1, "mailbox", " b@x ");
    assert_string_equal(c->users[2].id, "zo\xc3\xab");
    assert_int_equal(c->users[1].line, 4);
    config_free(c);
}

static void test_users__bad_rows_are_told_by_line(void **state)
{
    (void)state;
    assert_refused("id,name,mailbox\nada,Ada,a@x\nben,Ben\n",
                   "users.csv:3: ", "2 columns, the header has 3");
    assert_refused("id,mailbox\nada,a@x,more\n", "users.csv:2: ", "3 columns, the header has 2");
    assert_refused("id,mailbox\nada,a@x\nada,b@x\n", "users.csv:3: ", "user ada is there twice");
    assert_refused("id,mailbox\nada,a@x\nben,A@X\n",
                   "users.csv:3: ", "users ada and ben have one mailbox");
    assert_refused("id,mailbox\n,a@x\n", "users.csv:2: ", "a user needs an id");
    assert_refused("id,mailbox\na\tb,a@x\n", "users.csv:2: ", "holds a control character");
    assert_refused("id,mailbox\nada,\"a@x\nben,b@x\n",
                   "users.csv:2: ", "a quote is opened and never closed");
    assert_refused("id,mailbox\nada,\"a@x\"y\n", "users.csv:2: ", "text behind a closing quote");
    assert_refused("id,mailbox\nada,a@x\n\xff\xfe,b@x\n",
                   "users.csv:3: ", "column id is not UTF-8");
    assert_refused("id,mailbox\nada,\xc3\x28\n", "users.csv:2: ", "column mailbox is not UTF-8");
}

static void test_users__a_header_that_says_something_else(void **state)
{
    (void)state;
    assert_refused("name,mailbox\nAda,a@x\n", "users.csv:1: ", "no column is named id");
    assert_refused("id;mailbox\nada;a@x\n", "users.csv:1: ", "commas between them");
    assert_refused("\nid,mailbox\nada,a@x\n", "users.csv:1: ", "no column is named id");
    assert_refused("id,mailbox,mailbox\nada,a@x,b@x\n",
                   "users.csv:1: ", "column mailbox is there twice");
    assert_refused("id,mailbox,n\xff\nada,a@x,\n",
                   "users.csv:1: ", "the name of column 3 is not UTF-8");
    config_free(taken("id,mailbox,,\nada,a@x,,\n"));
}

static void test_users__waves(void **state)
{
    char source[4096] = "csv = \"/nowhere/users.csv\"; }; waves = (";
    (void)state;
    for (int i = 0; i < 65; i++)
        snprintf(source + strlen(source), sizeof(source) - strlen(source), "%s{ name = \"w%d\"; }",
                 i ? "," : "", i);
    snprintf(source + strlen(source), sizeof(source) - strlen(source), "); x = { y = 1;");
    assert_told(load(source), "wess.conf:9: ", "more than 64 waves");
}

static void test_users__what_the_configuration_asks_must_be_there(void **state)
{
    (void)state;
    assert_refused("id,name\nada,Ada\n",
                   "wess.conf:5: ", "user ada has no mailbox, asked by address of endpoint b");
    assert_refused("id,mailbox\nada,a@x\nben,\n", "wess.conf:5: ", "user ben has no mailbox");
}

static void test_users__no_file_of_users(void **state)
{
    static const char zero[] = "id,mailbox\nada,a\0@x\n";
    char wide[512] = "id";
    (void)state;
    assert_refused("", "users.csv:1: ", "empty; its first line names the columns");
    assert_refused("\xef\xbb\xbf", "users.csv:1: ", "empty; its first line names the columns");
    assert_refused("id,mailbox\n", "wess.conf:9: ", "there are no users");
    for (int i = 0; i < 40; i++)
        snprintf(wide + strlen(wide), sizeof(wide) - strlen(wide), ",c%d", i);
    assert_refused(wide, "users.csv:1: ", "more than 32 columns");
    assert_null(strstr(told, "empty"));
    assert_told(load_csv(zero, sizeof(zero) - 1), "wess.conf:9: ", "zero byte: it is not a CSV");
    assert_int_equal(remove(path_of("users.csv")), 0);
    assert_told(load("csv = \"/nowhere/users.csv\";"),
                "wess.conf:9: ", "/nowhere/users.csv cannot be read: No such file");
    assert_told(load("csv = \"/\";"), "wess.conf:9: ", "/ cannot be read: it is not a file");
}

static void test_users__more_than_anybody_has(void **state)
{
    size_t len = (size_t)9 << 20;
    char *csv = malloc(len);
    (void)state;
    assert_non_null(csv);
    memset(csv, 'x', len);
    assert_told(load_csv(csv, len), "wess.conf:9: ", "users.csv cannot be read: it is too large");
    free(csv);
}

/* As many as a large house has; one bad row among them is found. */
static void test_users__many(void **state)
{
    enum { MANY = 2000 };
    char *csv = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&csv, &len);
    (void)state;
    fputs("id,name,mailbox\n", f);
    for (int i = 0; i < MANY; i++)
        fprintf(f, "u%d,Name %d,u%d@x.example\n", i, i, i);
    fclose(f);
    struct config *c = taken(csv);
    assert_int_equal(c->n_users, MANY);
    assert_string_equal(c->users[MANY - 1].id, "u1999");
    config_free(c);
    memcpy(strstr(csv, "\nu1999,") + 1, "u1998", 5);
    assert_refused(csv, "users.csv:2001: ", "user u1998 is there twice");
    free(csv);
}

static void test_users__from_a_program(void **state)
{
    (void)state;
    struct config *c = load("command = [ \"printf\", \"id,mailbox\\\\nada,a@x\\\\n\" ];");
    if (!c)
        fail_msg("%s", told);
    assert_attr(c, 0, "mailbox", "a@x");
    config_free(c);
    assert_told(load("command = [ \"false\" ];"), "wess.conf:9: ", "false: it failed");
    assert_told(load("command = [ \"/nowhere/list\" ];"),
                "wess.conf:9: ", "/nowhere/list: No such file");
    assert_told(load("command = [ \"true\" ];"), "true:1: ", "its first line names the columns");
    assert_told(load("command = [ ];"), "wess.conf:9: ", "names no program");
    assert_told(load("command = [ \"printf\", \"id,mailbox\\\\nada\\\\n\" ];"),
                "printf:2: ", "1 columns, the header has 2");
    assert_told(load("command = [ \"printf\", \"id,mailbox\\\\nada,a@x\\\\n\\\\0ben,b@x\\\\n\" ];"),
                "wess.conf:9: ", "printf printed a zero byte");
    assert_told(load("command = [ \"yes\" ];"), "wess.conf:9: ", "too much output");
    assert_told(load("command = \"printf\";"), "wess.conf:9: ", "must be a list of texts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_users__plain),
        cmocka_unit_test(test_users__as_spreadsheets_write_them),
        cmocka_unit_test(test_users__bad_rows_are_told_by_line),
        cmocka_unit_test(test_users__a_header_that_says_something_else),
        cmocka_unit_test(test_users__waves),
        cmocka_unit_test(test_users__what_the_configuration_asks_must_be_there),
        cmocka_unit_test(test_users__no_file_of_users),
        cmocka_unit_test(test_users__more_than_anybody_has),
        cmocka_unit_test(test_users__many),
        cmocka_unit_test(test_users__from_a_program),
    };
    int failed = cmocka_run_group_tests_name("users", tests, folder_new, folder_free);
    free(told);
    return failed;
}
