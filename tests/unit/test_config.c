/* What a configuration is refused for: with its file, its line, and the way out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "config/config.h"
#include "folder.h"

/* A setting a line, so that each case knows where it is told. */
static const char base[] =
    "site = \"unit\";\n"
    "state_dir = \"/nowhere/state\";\n"
    "connector_path = [ \"" STUBS "\" ];\n"
    "endpoints: {\n"
    "  a: { connector = \"stub-whole\";\n"
    "    address = \"https://a.example\";\n"
    "    account = \"CORP\\\\svc\";\n"
    "    way = \"far\";\n"
    "    lanes = 5;\n"
    "    loud = true;\n"
    "    pause = \"3s\";\n"
    "    rooms = [ \"one\", \"two\" ];\n"
    "    word = { env = \"WORD\"; }; };\n"
    "  b: { connector = \"stub-whole\";\n"
    "    address = \"http://b.example/%{user.box}\";\n"
    "    word = { file = \"/nowhere/secret\"; expires = \"2027-06-30\"; }; };\n"
    "};\n"
    "pairs: { p: {\n"
    "  kind = \"contact\";\n"
    "  left = \"a:things\";\n"
    "  right = \"b:others\";\n"
    "  select = {\n"
    "    left = { tags_any = [ \"W\" ]; shared = true; }; };\n"
    "  match = ( { keys = [ \"email\", \"name.family\" ]; one = \"link\"; } );\n"
    "  first = { differs = \"left\"; };\n"
    "  conflict = \"ask\";\n"
    "  on_delete = { left = \"delete\"; };\n"
    "  on_untag = \"freeze\";\n"
    "  private = \"skip\";\n"
    "  fields = ( { field = \"note\"; direction = \"never\"; } );\n"
    "  guard = { max_delete = 3; }; }; };\n"
    "users: {\n"
    "  source = { list = ( { id = \"ada\"; box = \"x\"; wave = \"first\"; } ); };\n"
    "  waves = ( { name = \"first\"; mode = \"both\"; } ); };\n"
    "daemon: { every = \"10m\"; workers = 3; };\n"
    "http: { timeout = \"9s\"; body_max = 70000; };\n"
    "log: { level = \"info\"; };\n"
    "keep: { ended = \"30d\"; };\n";

struct said {
    char *text;
    size_t n;
};

static void say(void *ctx, const char *line)
{
    struct said *s = ctx;
    char *more = NULL;
    assert_null(strchr(line, '\n'));
    assert_true(asprintf(&more, "%s%s\n", s->text ? s->text : "", line) >= 0);
    free(s->text);
    s->text = more;
    s->n++;
}

/* NULL: it loads. The caller frees the lines. */
static char *load(const char *name)
{
    struct said s = {NULL, 0};
    struct config *c = config_load(path_of(name), NULL, say, &s);
    assert_true(!c == (s.n > 0));
    config_free(c);
    return s.text;
}

/* `base` with one piece of it replaced; answers the line that the replacement begins in. */
static int put_changed(const char *old, const char *new)
{
    const char *at = strstr(base, old);
    char *text = NULL;
    int line = 1;
    assert_non_null(at);
    for (const char *c = base; c < at; c++)
        line += *c == '\n';
    assert_true(asprintf(&text, "%.*s%s%s", (int)(at - base), base, new, at + strlen(old)) >= 0);
    put("wess.conf", 0644, text);
    free(text);
    return line;
}

static void assert_says(const char *text, const char *what, const char *where, const char *words)
{
    const char *line = text ? strstr(text, where) : NULL;
    if (!line || !strstr(line, words))
        fail_msg("%s:\nwanted \"%s .. %s\", said\n%s", what, where, words, text ? text : "nothing");
}

struct bad {
    const char *old, *new, *words;
};

static void assert_refused(const struct bad *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *where = NULL;
        int line = put_changed(cases[i].old, cases[i].new);
        char *text = load("wess.conf");
        assert_true(asprintf(&where, "%s:%d: ", path_of("wess.conf"), line) > 0);
        assert_says(text, cases[i].new, where, cases[i].words);
        free(where);
        free(text);
    }
}
#define ASSERT_REFUSED(cases) assert_refused(cases, sizeof(cases) / sizeof((cases)[0]))

static void test_config__a_good_one_loads(void **state)
{
    struct said s = {NULL, 0};
    (void)state;
    put("wess.conf", 0644, base);
    struct config *c = config_load(path_of("wess.conf"), NULL, say, &s);
    if (!c)
        fail_msg("%s", s.text);
    assert_int_equal(c->every_ms, 600000);
    assert_int_equal(c->workers, 3);
    assert_int_equal(c->http.body_max, 70000);
    assert_int_equal(c->n_endpoints, 2);
    assert_false(c->endpoints[0].per_user);
    assert_true(c->endpoints[1].per_user);
    assert_string_equal(c->endpoints[0].values[1].value, "CORP\\svc");
    assert_string_equal(c->endpoints[0].values[6].value, "one\ntwo");
    assert_string_equal(c->control, "/nowhere/state/control");
    assert_int_equal(c->pairs[0].guard.max_delete, 3);
    assert_int_equal(c->pairs[0].guard.max_unlink, 50);
    assert_int_equal(c->users[0].mode, MODE_BOTH);
    config_free(c);
}

static void test_config__misspelt_settings_are_told_the_nearest(void **state)
{
    static const struct bad cases[] = {
        {"state_dir", "state_dirr", "no setting \"state_dirr\" here; did you mean \"state_dir\"?"},
        {"site = \"unit\";", "qqqqqqqqq = 1; site = \"unit\";", "see wess.conf(5)"},
        {"every", "evry", "did you mean \"every\"?"},
        {"workers", "worker", "did you mean \"workers\"?"},
        {"body_max", "bodymax", "did you mean \"body_max\"?"},
        {"level", "levle", "did you mean \"level\"?"},
        {"ended", "endet", "did you mean \"ended\"?"},
        {"on_untag", "on_untagg", "did you mean \"on_untag\"?"},
        {"max_delete", "max_deletes", "did you mean \"max_delete\"?"},
        {"differs", "differ", "did you mean \"differs\"?"},
        {"on_delete = { left", "on_delete = { lift", "did you mean \"left\"?"},
        {"field = \"note\"; direction", "field = \"note\"; directon",
         "did you mean \"direction\"?"},
        {"one = \"link\"", "on = \"link\"", "did you mean \"one\"?"},
        {"mode =", "mod =", "did you mean \"mode\"?"},
        {"source =", "sorce =", "did you mean \"source\"?"},
        {"env = \"WORD\"", "envv = \"WORD\"", "did you mean \"env\"?"},
        {"    address = \"https", "    adress = \"https",
         "connector stub-whole has no option \"adress\"; did you mean \"address\"?; `wess "
         "connectors stub-whole` lists them"},
        {"\"a:things\"", "\"aa:things\"", "there is no endpoint \"aa\"; did you mean \"a\"?"},
        {"field = \"note\"", "field = \"notes\"", "has no field \"notes\"; did you mean \"note\"?"},
        {"    left = { tags_any", "    lift = { tags_any", "not \"lift\""},
    };
    (void)state;
    ASSERT_REFUSED(cases);
}

static void test_config__wrong_types_are_told(void **state)
{
    static const struct bad cases[] = {
        {"site = \"unit\"", "site = 7", "site must be a text in quotes"},
        {"connector_path = [", "connector_path = \"/x\"; x = [", "must be a list of texts"},
        {"workers = 3", "workers = \"many\"", "workers must be a whole number"},
        {"every = \"10m\"", "every = 10", "every must be a time such as \"30m\""},
        {"every = \"10m\"", "every = \"soon\"", "every must be a time such as \"30m\""},
        {"every = \"10m\"", "every = \"10 m\"", "every must be a time"},
        {"every = \"10m\"", "every = \"-10m\"", "every must be a time"},
        {"conflict = \"ask\"", "conflict = \"always\"",
         "must be one of ask|left|right|newest, not \"always\""},
        {"private = \"skip\"", "private = true", "private must be a word"},
        {"guard = {", "guard = ( 1 ); x = {", "guard must be a group"},
        {"max_delete = 3", "max_delete = 3.5", "max_delete must be a whole number"},
        {"tags_any = [ \"W\" ]", "tags_any = \"W\"", "tags_any must be a list of texts"},
        {"daemon: {", "daemon: ( 1 ); x: {", "daemon must be a group"},
        {"lanes = 5", "lanes = \"5\"", "lanes must be a whole number"},
        {"loud = true", "loud = \"yes\"", "loud must be true or false"},
        {"pause = \"3s\"", "pause = \"3\"", "pause must be a time such as \"60s\""},
        {"rooms = [ \"one\", \"two\" ]", "rooms = \"one\"", "rooms must be a list of texts"},
        {"    address = \"https:", "    address = \"ftp:",
         "must be an address that starts with https://"},
        {"    address = \"https://a.example\"", "    address = 7",
         "address must be a text in quotes"},
        {"word = { env = \"WORD\"; }", "word = 7", "word must be { file = ..; }"},
        {"box = \"x\"", "box = 7", "box of a user must be a text in quotes"},
        {"rooms = [ \"one\", \"two\" ]", "rooms = [ 1 ]", "rooms must be a list of texts"},
        {"match = ( {", "match = \"email\"; x = ( {", "match must be a list of groups"},
        {"match = ( {", "match = { keys = [ \"email\" ]; }; x = ( {", "match must be a list of"},
        {"match = ( {", "match = ( \"email\", {", "match must be a list of groups"},
        {"fields = ( {", "fields = { field = \"note\"; }; x = ( {", "fields must be a list of"},
        {"fields = ( {", "fields = ( { left = \"note\"; right = \"note\"; }, {",
         "has a rule for \"note\" already"},
        {"    left = { tags_any = [ \"W\" ]; shared = true; }", "    left = \"W\"",
         "left of a select must be a group"},
        {"    left = { tags_any", "    left = { folder = 3; tags_any", "folder must be a text in"},
        {"    left = { tags_any", "    left = { tags_none = [ 3 ]; tags_any",
         "tags_none must be a list of texts"},
        {"shared = true", "shared = 1", "shared must be true or false"},
        {"waves = ( {", "waves = { name = \"*\"; }; x = ( {", "waves must be a list of groups"},
        {"  source = { list = ( {", "  source = { list = ( ( \"ada\" ), {",
         "list must be a list of groups"},
    };
    (void)state;
    ASSERT_REFUSED(cases);
}

static void test_config__ranges_are_kept(void **state)
{
    static const struct bad cases[] = {
        {"workers = 3", "workers = 0", "workers must be within 1..64"},
        {"workers = 3", "workers = 65", "workers must be within 1..64"},
        {"workers = 3", "workers = 99999999999L", "workers must be within 1..64"},
        {"every = \"10m\"", "every = \"9s\"", "every must be within 10s..7d"},
        {"every = \"10m\"", "every = \"8d\"", "every must be within 10s..7d"},
        {"timeout = \"9s\"", "timeout = \"31m\"", "timeout must be within 1s..30m"},
        {"body_max = 70000", "body_max = 1", "body_max must be within"},
        {"max_delete = 3", "max_delete = -1", "max_delete must be within"},
        {"max_delete = 3", "max_change_percent = 101", "max_change_percent must be within 0..100"},
        {"lanes = 5", "lanes = 11", "lanes must be within 1..10, not \"11\""},
        {"way = \"far\"", "way = \"away\"", "way must be within near|far, not \"away\""},
        {"site = \"unit\"", "site = \"a b\"", "1 to 64 letters, digits, dots or hyphens"},
        {"site = \"unit\"", "site = \"\"", "1 to 64 letters, digits, dots or hyphens"},
        {"state_dir = \"/nowhere/state\"", "state_dir = \"state\"", "must be a whole path"},
        {"state_dir = \"/nowhere/state\"", "state_dir = \"\"", "must be a whole path"},
        {"expires = \"2027-06-30\"", "expires = \"30.06.2027\"", "expires must be a date such as"},
        {"expires = \"2027-06-30\"", "expires = \"2027-13-01\"", "expires must be a date such as"},
    };
    (void)state;
    ASSERT_REFUSED(cases);
}

static void test_config__what_is_missing_is_named(void **state)
{
    static const struct bad cases[] = {
        {"  a: { connector = \"stub-whole\";", "  a: { lanes = 1; }; x: {",
         "endpoint a needs a connector"},
        {"connector = \"stub-whole\"", "connector = \"stub-hole\"",
         "stub-hole.so is missing; looked in"},
        {"connector = \"stub-whole\"", "connector = \"stub-abi\"", "built for ABI 4711"},
        {"keys = [ \"email\", \"name.family\" ]", "keys = [ \"shoe\" ]", "has no key \"shoe\""},
        {"env = \"WORD\";", "", "word needs one of file, command, env or credential"},
        {"env = \"WORD\";", "env = \"W\"; file = \"/x\";", "word needs one of file"},
        {"name = \"first\"; mode", "mode", "a wave needs a name"},
        {"id = \"ada\";", "", "a user needs an id"},
        {"list = ( {", "csv = \"/x\"; list = ( {", "source needs one of csv, list or command"},
        {"tags_any = [ \"W\" ]; shared = true;", "", "this select asks nothing"},
        {"account = \"CORP\\\\svc\"", "account = \"CORP\\tom\"", "a backslash is written twice"},
    };
    static const struct bad at_group[] = {
        {"shared = true;", "", "all users share a:things, so its select must name the user"},
        {"shared = true;", "", "a is each user's own once a setting of it names them"},
        {"kind = \"contact\"", "kind = \"person\"",
         "needs kind = \"contact\" or \"event\" or \"message\" or \"task\", not person"},
        {"site = \"unit\";", "", "site = \"..\" is missing"},
        {"    address = \"https://a.example\";\n", "", "endpoint a needs address: where it is"},
        {"    word = { env = \"WORD\"; }; };", "    };", "endpoint a needs word: a secret"},
        {"endpoints: {", "endpoints: { }; x: {",
         "endpoints: { NAME: { connector = ..; }; } is missing"},
        {"\"a:things\"", "\"things\"", "pair p needs left = \"ENDPOINT:COLLECTION\""},
        {"  right = \"b:others\";\n", "  right = \"a:things\";\n",
         "both sides are the same collection"},
        {"box = \"x\";", "", "user ada has no box, asked by address of endpoint b"},
    };
    (void)state;
    ASSERT_REFUSED(cases);
    for (size_t i = 0; i < sizeof(at_group) / sizeof(at_group[0]); i++) {
        put_changed(at_group[i].old, at_group[i].new);
        char *text = load("wess.conf");
        assert_says(text, at_group[i].new, path_of("wess.conf:"), at_group[i].words);
        free(text);
    }
}

/* What is filed never moves again: nothing may promise that it does. */
static void test_config__what_is_filed(void **state)
{
    static const struct bad cases[] = {
        {"", "kind = \"message\";", "a message is filed, not kept in step: say mode = \"file\""},
        {"", "kind = \"contact\"; mode = \"file\";", "a contact is kept in step, not filed"},
        {"", "kind = \"message\"; mode = \"away\";", "must be one of sync|file"},
    };
    static const char *const idle[] = {"conflict", "on_delete", "on_untag", "fields"};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put_changed("kind = \"contact\";", cases[i].new);
        char *said = load("wess.conf");
        assert_says(said, cases[i].new, "wess.conf:", cases[i].words);
        free(said);
    }
    put_changed("kind = \"contact\";",
                "kind = \"message\"; mode = \"file\"; direction = \"both\";");
    char *text = load("wess.conf");
    for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
        assert_says(text, idle[i], "leave out", idle[i]);
    assert_says(text, "direction", "leave out direction", "");
    free(text);
    put_changed("private = \"skip\"", "mode = \"file\"; private = \"mask\"");
    text = load("wess.conf");
    assert_says(text, "private", "private is \"skip\" or \"full\"", "");
    free(text);
}

static void test_config__a_preset_needs_its_endpoints(void **state)
{
    static const struct bad cases[] = {
        {"site = \"unit\";\n", "site = \"unit\"; preset = \"workbooks-exchang\";\n",
         "there is no preset \"workbooks-exchang\"; did you mean \"workbooks-exchange\"?"},
        {"site = \"unit\";\n", "site = \"unit\"; preset = \"workbooks-exchange\";\n",
         "exactly one endpoint with connector = \"ews\", not 0"},
        {"site = \"unit\";\n", "site = \"unit\"; preset = 5;\n", "preset must be"},
    };
    (void)state;
    ASSERT_REFUSED(cases);
}

static void test_config__one_collection_belongs_to_one_pair(void **state)
{
    char *text;
    (void)state;
    put_changed("guard = { max_delete = 3; }; }; };",
                "}; q: { kind = \"contact\"; left = \"a:things\"; right = \"b:more\"; }; };");
    text = load("wess.conf");
    assert_says(text, "two pairs", "pair q", "a:things is in pair p already");
    free(text);
}

static void test_config__all_troubles_are_told_at_once(void **state)
{
    struct said s = {NULL, 0};
    (void)state;
    put("wess.conf", 0644, "site = 7;\nstate_dirr = \"x\";\nendpoints: { };\n");
    assert_null(config_load(path_of("wess.conf"), NULL, say, &s));
    assert_true(s.n >= 5);
    assert_says(s.text, "all", ":1: ", "site must");
    assert_says(s.text, "all", ":2: ", "state_dirr");
    assert_says(s.text, "all", ":3: ", "endpoints");
    assert_says(s.text, "all", "wess.conf", "pairs:");
    assert_says(s.text, "all", "wess.conf", "users:");
    free(s.text);
}

static void test_config__syntax_is_helped(void **state)
{
    static const struct bad cases[] = {
        {"level = \"info\";", "level = \"info;", "the \" here is never closed"},
        {"level = \"info\";", "level = \"info\"; level = \"warn\";",
         "it is set further up already"},
        {"http: {", "http: { (", "the ( here is never closed"},
        {"keep: {", "} keep: {", "the } here closes what is not open"},
        {"every = \"10m\";", "every = = \"10m\";", "settings are name = value; with a semicolon"},
        {"http: {", "/* don't { \" */ x = = 1; http: {",
         "settings are name = value; with a semicolon"},
        {"http: {", "/* never", "the comment here is never closed"},
    };
    static const char zero[] = "site = \"a\0b\";";
    char *text;
    (void)state;
    ASSERT_REFUSED(cases);
    put_bytes("wess.conf", 0644, zero, sizeof(zero) - 1);
    text = load("wess.conf");
    assert_says(text, "zero byte", "wess.conf: ", "zero byte: it is not a configuration");
    free(text);
}

static void test_config__a_file_that_cannot_be_read(void **state)
{
    char *text = load("none.conf");
    (void)state;
    assert_says(text, "none",
                "none.conf: ", "No such file or directory; name another with --config");
    free(text);
    text = load("");
    assert_says(text, "a folder", folder, "it is not a file");
    free(text);
    put("wess.conf", 0644, "");
    text = load("wess.conf");
    assert_says(text, "empty", "wess.conf", "is missing");
    free(text);
}

static void test_config__a_secret_in_the_file_needs_its_mode(void **state)
{
    char *text;
    (void)state;
    put_changed("word = { env = \"WORD\"; }", "word = \"s3cret\"");
    text = load("wess.conf");
    assert_says(text, "inline", "wess.conf",
                "word stands in clear in a file that others can read: chmod 600 it");
    assert_null(strstr(text, "s3cret"));
    free(text);
    assert_int_equal(chmod(path_of("wess.conf"), 0600), 0);
    text = load("wess.conf");
    if (text)
        fail_msg("%s", text);
}

static void test_config__includes(void **state)
{
    char *text;
    (void)state;
    put("more.conf", 0644, "every = \"10m\";\nworkers = 3;\n");
    put_changed("every = \"10m\"; workers = 3;", "\n@include \"more.conf\"\n");
    text = load("wess.conf"); /* beside the file that includes it, whatever folder we are in */
    if (text)
        fail_msg("%s", text);
    char whole[512];
    snprintf(whole, sizeof(whole), "\n@include \"%s\"\n", path_of("more.conf"));
    put_changed("every = \"10m\"; workers = 3;", whole);
    text = load("wess.conf");
    if (text)
        fail_msg("%s", text);
    put_changed("every = \"10m\"; workers = 3;", "\n@include \"more.conf\"\n");
    put("more.conf", 0644, "every = \"10m\";\nworkers = 333;\n");
    text = load("wess.conf");
    assert_says(text, "included", path_of("more.conf:2: "), "workers must be within 1..64");
    free(text);
    put("more.conf", 0644, "every = \"10m\";\nworkers = = 3;\n");
    text = load("wess.conf");
    assert_says(text, "included", path_of("more.conf:2: "), "settings are name = value;");
    free(text);
    assert_int_equal(remove(path_of("more.conf")), 0);
    text = load("wess.conf");
    assert_says(text, "included", "wess.conf:", "from the folder of the configuration");
    free(text);
}

/* libconfig would end the program at the first, and wait at the second. */
static void test_config__what_cannot_be_included(void **state)
{
    static const struct bad cases[] = {
        {"daemon: {", "@include \".\"\ndaemon: {", "/. cannot be included: it is not a file"},
        {"daemon: {", "\t@include  \"pipe\"\ndaemon: {",
         "/pipe cannot be included: it is not a file"},
        {"daemon: {", "@include \"wess.conf\"\ndaemon: {", "no file may include itself"},
    };
    static const char *const left_alone[] = {
        "# \"\n#\n@include \"more.conf\"\ndaemon: {",
        "/*\n@include \".\"\n*/ daemon: {",
        "x = \"\\\"\n@include\"; daemon: {",
        "# @include \".\"\ndaemon: {",
    };
    char *text;
    (void)state;
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    put("more.conf", 0644, "");
    ASSERT_REFUSED(cases);
    for (size_t i = 0; i < sizeof(left_alone) / sizeof(left_alone[0]); i++) {
        put_changed("daemon: {", left_alone[i]);
        text = load("wess.conf");
        assert_null(text ? strstr(text, "include") : NULL);
        free(text);
    }
    put("more.conf", 0644, "\n@include \"pipe\"\n");
    put_changed("daemon: {", "\n@include \"more.conf\"\ndaemon: {");
    text = load("wess.conf");
    assert_says(text, "from an included file", path_of("more.conf:2: "), "it is not a file");
    free(text);
    put("more.conf", 0644, "@include \"more.conf\"\n@include \"more.conf\"\n");
    text = load("wess.conf");
    assert_says(text, "a circle", path_of("more.conf:1: "), "no file may include itself");
    free(text);
    assert_int_equal(remove(path_of("pipe")), 0);
}

static void test_config__a_secret_in_an_included_file_needs_its_mode(void **state)
{
    char *text;
    (void)state;
    put("more.conf", 0644, "word = \"s3cret\";\n");
    put_changed("    word = { env = \"WORD\"; };", "\n@include \"more.conf\"\n");
    assert_int_equal(chmod(path_of("wess.conf"), 0600), 0);
    text = load("wess.conf");
    assert_says(text, "included", path_of("more.conf:1: "), "that others can read: chmod 600 it");
    free(text);
    put("more.conf", 0600, "word = \"s3cret\";\n");
    text = load("wess.conf");
    if (text)
        fail_msg("%s", text);
    assert_int_equal(chmod(path_of("wess.conf"), 0644), 0);
    text = load("wess.conf"); /* it holds none itself */
    if (text)
        fail_msg("%s", text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config__a_good_one_loads),
        cmocka_unit_test(test_config__misspelt_settings_are_told_the_nearest),
        cmocka_unit_test(test_config__wrong_types_are_told),
        cmocka_unit_test(test_config__ranges_are_kept),
        cmocka_unit_test(test_config__what_is_missing_is_named),
        cmocka_unit_test(test_config__what_is_filed),
        cmocka_unit_test(test_config__a_preset_needs_its_endpoints),
        cmocka_unit_test(test_config__one_collection_belongs_to_one_pair),
        cmocka_unit_test(test_config__all_troubles_are_told_at_once),
        cmocka_unit_test(test_config__syntax_is_helped),
        cmocka_unit_test(test_config__a_file_that_cannot_be_read),
        cmocka_unit_test(test_config__a_secret_in_the_file_needs_its_mode),
        cmocka_unit_test(test_config__includes),
        cmocka_unit_test(test_config__what_cannot_be_included),
        cmocka_unit_test(test_config__a_secret_in_an_included_file_needs_its_mode),
    };
    return cmocka_run_group_tests_name("config", tests, folder_new, folder_free);
}
