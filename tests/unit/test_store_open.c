/* Opening the state: fresh, again, somebody else's, damaged; who owns it. What was there before a
 * refusal is there after it, byte for byte. */
#include "store/sql.h"
#include "store_box.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHER_UID 65534
#define OUR_STATE 7
#define OTHER_OWNER 6

static struct box box;

static int setup(void **state)
{
    (void)state;
    box_new(&box);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    box_free(&box);
    return 0;
}

/* A state with something in it, closed. */
static void some_state(void)
{
    struct feed_row feed;
    box_open(&box);
    OK(&box, feed_get(box.db, box.arena, "crm", "", "people", &feed));
    OK(&box, db_begin(box.db));
    for (int i = 0; i < 200; i++) {
        struct item_row item = {.feed = feed.id, .rid = arena_fmt(box.arena, "id-%d", i)};
        struct hash key = hash_of(i);
        OK(&box, item_put(box.db, &item, 0));
        OK(&box, item_keys(box.db, feed.id, item.id, &key, 1));
        OK(&box, item_content(box.db, item.id, "r1", slice_of(item.rid)));
    }
    OK(&box, db_commit(box.db));
    box_close(&box);
}

/* ---- what must not change ----------------------------------------------------------------------
 */

static struct bytes before[2];
static const char *const kept[] = {"wess.db", "key"};

static void remember(void)
{
    for (size_t i = 0; i < 2; i++)
        before[i] = file_bytes(box_path(&box, kept[i]));
}

static void still_there(void)
{
    for (size_t i = 0; i < 2; i++) {
        struct bytes now = file_bytes(box_path(&box, kept[i]));
        if (now.len != before[i].len || memcmp(now.data, before[i].data, now.len))
            fail_msg("%s was changed", kept[i]);
        free(now.data);
        free(before[i].data);
    }
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static void fresh_then_again(void **state)
{
    (void)state;
    struct stat st;
    struct feed_row first, again;
    box_open(&box);
    char *installation = arena_text(box.arena, store_installation(box.store));
    struct hash hash = store_hash(box.store, "email", "a@b.example");
    OK(&box, feed_get(box.db, box.arena, "crm", "", "people", &first));
    box_close(&box);
    assert_int_equal(stat(box.state, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(box_path(&box, "key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(strlen(installation), 32);
    box_open(&box);
    assert_string_equal(store_installation(box.store), installation);
    struct hash same = store_hash(box.store, "email", "a@b.example");
    struct hash other = store_hash(box.store, "emaila", "@b.example");
    assert_memory_equal(hash.of, same.of, HASH_SIZE);
    assert_memory_not_equal(hash.of, other.of, HASH_SIZE);
    OK(&box, feed_get(box.db, box.arena, "crm", "", "people", &again));
    assert_int_equal(first.id, again.id);
}

static void two_installations_hash_unlike(void **state)
{
    (void)state;
    struct box second;
    box_new(&second);
    box_open(&box);
    box_open(&second);
    struct hash a = store_hash(box.store, "email", "a@b.example");
    struct hash b = store_hash(second.store, "email", "a@b.example");
    bool alike = !memcmp(a.of, b.of, HASH_SIZE) ||
                 !strcmp(store_installation(box.store), store_installation(second.store));
    box_free(&second);
    assert_false(alike);
}

static void reading_makes_nothing(void **state)
{
    (void)state;
    struct stat st;
    box_refuses(&box, STORE_READ, "test", OUR_STATE, "wess sync", NULL);
    assert_int_not_equal(stat(box.state, &st), 0);
    assert_int_equal(mkdir(box.state, 0700), 0);
    box_refuses(&box, STORE_READ, "test", OUR_STATE, "wess.db", "wess sync", NULL);
    assert_int_not_equal(stat(box_path(&box, "wess.db"), &st), 0);
    assert_int_not_equal(stat(box_path(&box, "key"), &st), 0);
}

/* A first start that was cut off between the two files must not need an administrator. */
static void key_cut_off_before_the_database(void **state)
{
    (void)state;
    assert_int_equal(mkdir(box.state, 0700), 0);
    file_put(box_path(&box, "key"), "short", 5);
    box_open(&box);
    box_close(&box);
    struct bytes key = file_bytes(box_path(&box, "key"));
    size_t len = key.len;
    free(key.data);
    assert_int_equal(len, 32);
    file_put(box_path(&box, "wess.db"), "", 0);
    box_open(&box);
}

/* ---- not ours, or not any more -----------------------------------------------------------------
 */

static void another_site(void **state)
{
    (void)state;
    some_state();
    remember();
    box_refuses(&box, STORE_OWN, "other", OUR_STATE, "wess.db", "site \"test\"", "state_dir", NULL);
    box_refuses(&box, STORE_READ, "other", OUR_STATE, "wess.db", "site \"test\"", NULL);
    still_there();
}

static void newer_schema(void **state)
{
    (void)state;
    some_state();
    char *version = file_ask(box_path(&box, "wess.db"), "PRAGMA user_version");
    assert_non_null(version);
    free(version);
    file_sql(box_path(&box, "wess.db"), "PRAGMA user_version = 4711");
    remember();
    box_refuses(&box, STORE_OWN, "test", OUR_STATE, "wess.db", "newer", "4711", "backup", NULL);
    box_refuses(&box, STORE_READ, "test", OUR_STATE, "wess.db", "newer", NULL);
    still_there();
}

static void another_programs_database(void **state)
{
    (void)state;
    static const char *const versions[] = {"PRAGMA user_version = 0", "PRAGMA user_version = 1",
                                           "PRAGMA user_version = 1; PRAGMA application_id = 77"};
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        some_state();
        unlink(box_path(&box, "wess.db"));
        file_sql(box_path(&box, "wess.db"), "CREATE TABLE theirs(x); INSERT INTO theirs VALUES(1)");
        file_sql(box_path(&box, "wess.db"), versions[i]);
        remember();
        box_refuses(&box, STORE_OWN, "test", OUR_STATE, "wess.db", "another program", "state_dir",
                    NULL);
        still_there();
        unlink(box_path(&box, "wess.db"));
    }
}

static void not_a_database(void **state)
{
    (void)state;
    static const char text[] = "This is a letter to my aunt, and no database at all. ";
    some_state();
    for (size_t len = 20; len <= sizeof(text); len += 16) {
        file_put(box_path(&box, "wess.db"), text, len);
        remember();
        box_refuses(&box, STORE_OWN, "test", OUR_STATE, "wess.db", "not a database", "backup",
                    NULL);
        box_refuses(&box, STORE_READ, "test", OUR_STATE, "wess.db", "backup", NULL);
        still_there();
    }
}

static void header_overwritten(void **state)
{
    (void)state;
    some_state();
    struct bytes db = file_bytes(box_path(&box, "wess.db"));
    memset(db.data, 'x', 100);
    file_put(box_path(&box, "wess.db"), db.data, db.len);
    free(db.data);
    remember();
    box_refuses(&box, STORE_OWN, "test", OUR_STATE, "wess.db", "restore the backup", "move it away",
                NULL);
    still_there();
}

static void cut_short(void **state)
{
    (void)state;
    some_state();
    struct bytes db = file_bytes(box_path(&box, "wess.db"));
    static const size_t parts[] = {2, 3, 10};
    for (size_t i = 0; i < 3; i++) {
        file_put(box_path(&box, "wess.db"), db.data, db.len / parts[i]);
        remember();
        box_refuses(&box, STORE_OWN, "test", OUR_STATE, "wess.db", "restore the backup",
                    "move it away", NULL);
        still_there();
    }
    free(db.data);
}

/* Everything that the rows are reached by: the feed's items by name, their keys and contents. */
static bool reads_all(void)
{
    struct feed_row feed;
    int64_t ids[4];
    size_t n;
    bool ok = feed_get(box.db, box.arena, "crm", "", "people", &feed) == STORE_OK;
    for (int i = 0; ok && i < 200; i++) {
        struct item_row item;
        struct wess_slice body;
        struct hash key = hash_of(i);
        char *rid = arena_fmt(box.arena, "id-%d", i);
        ok = item_by_rid(box.db, box.arena, feed.id, rid, &item) == STORE_OK &&
             item_body(box.db, box.arena, item.id, &body) == STORE_OK && slice_is(body, rid) &&
             items_by_key(box.db, feed.id, &key, NULL, ids, 4, &n) == STORE_OK && n == 1;
    }
    return ok;
}

/* A page of rubbish: told at opening or when it is read, never read as if it were data. */
static void page_overwritten(void **state)
{
    (void)state;
    const size_t page = 4096;
    size_t refused = 0, told = 0;
    some_state();
    struct bytes db = file_bytes(box_path(&box, "wess.db"));
    for (size_t at = 0; at < db.len; at += page) {
        struct bytes copy = {malloc(db.len), db.len};
        assert_non_null(copy.data);
        memcpy(copy.data, db.data, db.len);
        memset(copy.data + at, 0xee, page);
        file_put(box_path(&box, "wess.db"), copy.data, copy.len);
        free(copy.data);
        char *why = NULL;
        int status = 0;
        box.store = store_open(box.state, "test", STORE_OWN, &why, &status);
        if (!box.store) {
            assert_int_equal(status, OUR_STATE);
            assert_non_null(strstr(why, "wess.db"));
            assert_non_null(strstr(why, "restore the backup"));
            free(why);
            refused++;
            continue;
        }
        box.db = db_open(box.store, false);
        if (!box.db || !reads_all()) {
            const char *text = box.db ? db_error(box.db) : "";
            if (box.db && (!strstr(text, "wess.db") || !strstr(text, "restore the backup")))
                fail_msg("page %zu: %s", at / page, text);
            told++;
        }
        box_close(&box);
    }
    free(db.data);
    assert_true(refused >= 2); /* the header's page, and where the site is kept */
    assert_true(told >= 4);    /* items and their index, keys, contents */
}

static void key_lost_or_cut(void **state)
{
    (void)state;
    some_state();
    remember();
    unlink(box_path(&box, "key"));
    box_refuses(&box, STORE_OWN, "test", OUR_STATE, "key", "wess.db", "backup", NULL);
    file_put(box_path(&box, "key"), before[1].data, before[1].len / 2);
    box_refuses(&box, STORE_OWN, "test", OUR_STATE, "key", "cut off", "backup", NULL);
    file_put(box_path(&box, "key"), before[1].data, before[1].len);
    still_there();
    box_open(&box);
}

/* A database from a backup beside the key of a state that was begun since. */
static void key_of_another_state(void **state)
{
    static const char other[32] = "of another state";
    (void)state;
    some_state();
    remember();
    file_put(box_path(&box, "key"), other, sizeof(other));
    box_refuses(&box, STORE_OWN, "test", OUR_STATE, "wess.db", "key", "one backup", NULL);
    box_refuses(&box, STORE_READ, "test", OUR_STATE, "wess.db", "key", "one backup", NULL);
    file_put(box_path(&box, "key"), before[1].data, before[1].len);
    still_there();
    box_open(&box);
}

/* A state of an earlier version has no word on its key, until it is opened to write. */
static void key_that_nothing_is_known_of(void **state)
{
    static const char other[32] = "of another state";
    (void)state;
    some_state();
    box_open(&box);
    OK(&box, sql_do(box.db, "DELETE FROM meta WHERE name = 'key'", ""));
    box_close(&box);
    struct store *s;
    char *why;
    int status;
    s = store_open(box.state, "test", STORE_READ, &why, &status);
    assert_non_null(s);
    store_close(s);
    box_open(&box);
    box_close(&box);
    file_put(box_path(&box, "key"), other, sizeof(other));
    box_refuses(&box, STORE_OWN, "test", OUR_STATE, "wess.db", "key", "one backup", NULL);
}

/* ---- the folder --------------------------------------------------------------------------------
 */

static void folder_open_to_others(void **state)
{
    (void)state;
    static const mode_t modes[] = {0710, 0740, 0720, 0701, 0704, 0702, 0755, 0777};
    some_state();
    remember();
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(box.state, modes[i]), 0);
        box_refuses(&box, STORE_OWN, "test", OUR_STATE, "chmod 700", NULL);
        box_refuses(&box, STORE_READ, "test", OUR_STATE, "chmod 700", NULL);
    }
    assert_int_equal(chmod(box.state, 0700), 0);
    still_there();
    box_open(&box);
}

static void folder_of_somebody_else(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    some_state();
    remember();
    assert_int_equal(chown(box.state, OTHER_UID, OTHER_UID), 0);
    box_refuses(&box, STORE_OWN, "test", OUR_STATE, "another user", NULL);
    box_refuses(&box, STORE_READ, "test", OUR_STATE, "another user", NULL);
    still_there();
}

static void folder_is_none(void **state)
{
    (void)state;
    char *elsewhere = arena_fmt(box.arena, "%s/elsewhere", box.root);
    file_put(box.state, "x", 1);
    box_refuses(&box, STORE_OWN, "test", OUR_STATE, "not a folder", NULL);
    unlink(box.state);
    assert_int_equal(mkdir(elsewhere, 0700), 0);
    assert_int_equal(symlink(elsewhere, box.state), 0);
    box_refuses(&box, STORE_OWN, "test", OUR_STATE, "not a folder", NULL);
}

/* Runs `body` in a process of its own, as a user whom modes bind; its answer. */
static int as_somebody(int (*body)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (setgid(OTHER_UID) != 0 || setuid(OTHER_UID) != 0))
            _exit(99);
        _exit(body());
    }
    int status = 0;
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int refused_with_a_word(void)
{
    char *why = NULL;
    int status = 0;
    struct store *s = store_open(box.state, "test", STORE_OWN, &why, &status);
    if (s || status != OUR_STATE || !why)
        return 1;
    if (!strstr(why, box.state) || !strstr(why, "owner"))
        return fprintf(stderr, "%s\n", why), 2;
    return 0;
}

static void folder_read_only(void **state)
{
    (void)state;
    some_state();
    remember();
    if (geteuid() == 0) {
        assert_int_equal(chmod(box.root, 0755), 0);
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(chown(box_path(&box, kept[i]), OTHER_UID, OTHER_UID), 0);
        assert_int_equal(chown(box.state, OTHER_UID, OTHER_UID), 0);
        assert_int_equal(chown(box_path(&box, "lock"), OTHER_UID, OTHER_UID), 0);
    }
    assert_int_equal(chmod(box.state, 0500), 0);
    /* The lock can be taken, but nothing can be made beside the database. */
    assert_int_equal(as_somebody(refused_with_a_word), 0);
    still_there();
    assert_int_equal(chmod(box.state, 0700), 0);
    unlink(box_path(&box, "lock"));
    assert_int_equal(chmod(box.state, 0500), 0);
    assert_int_equal(as_somebody(refused_with_a_word), 0);
    assert_int_equal(chmod(box.state, 0700), 0);
}

/* ---- two processes -----------------------------------------------------------------------------
 */

/* A process that owns the state until it is killed. */
static pid_t owner(void)
{
    int ready[2];
    char word = 0;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char *why = NULL;
        int status = 0;
        struct store *s = store_open(box.state, "test", STORE_OWN, &why, &status);
        if (!s || write(ready[1], "!", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    ssize_t n = read(ready[0], &word, 1);
    close(ready[0]);
    assert_int_equal(n, 1);
    return pid;
}

static void second_process_refused(void **state)
{
    (void)state;
    char number[32];
    int status = 0;
    pid_t pid = owner();
    snprintf(number, sizeof(number), "process %ld", (long)pid);
    remember();
    box_refuses(&box, STORE_OWN, "test", OTHER_OWNER, number, NULL);
    still_there();
    char *why = NULL;
    struct store *reader = store_open(box.state, "test", STORE_READ, &why, &status);
    bool reads = reader != NULL;
    store_close(reader);
    free(why);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(reads);
    box_open(&box); /* the lock went with its owner */
    box_refuses(&box, STORE_OWN, "test", OTHER_OWNER, "in use", NULL);
}

/* ---- reading only ------------------------------------------------------------------------------
 */

static void reader_cannot_write(void **state)
{
    (void)state;
    char *why = NULL;
    int status = 0;
    struct feed_row feed;
    struct pu_row pu;
    some_state();
    remember();
    box.store = store_open(box.state, "test", STORE_READ, &why, &status);
    assert_non_null(box.store);
    box.db = db_open(box.store, false);
    assert_non_null(box.db);
    assert_true(reads_all());
    NONE(&box, pu_get(box.db, box.arena, "people", "u1", &pu));
    assert_int_equal(feed_get(box.db, box.arena, "crm", "", "new", &feed), STORE_FAIL);
    assert_non_null(strstr(db_error(box.db), "wess.db"));
    db_close(box.db);
    box.db = db_open(box.store, true); /* a plan may be read from it too */
    assert_non_null(box.db);
    assert_true(reads_all());
    box_close(&box);
    still_there();
}

/* A defect of ours ends in words, not in a search without an end. */
static void more_statements_than_room(void **state)
{
    static char sql[STATEMENTS + 1][16];
    int64_t one = 0;
    size_t n = 0;
    (void)state;
    box_open(&box);
    for (; n <= STATEMENTS; n++) {
        memcpy(sql[n], "SELECT 1", sizeof("SELECT 1"));
        if (sql_number(box.db, &one, sql[n], "") != STORE_OK)
            break;
    }
    assert_true(n > STATEMENTS / 2 && n <= STATEMENTS);
    assert_non_null(strstr(db_error(box.db), "more statements than there is room for"));
    box_close(&box);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(fresh_then_again),
        T(two_installations_hash_unlike),
        T(reading_makes_nothing),
        T(key_cut_off_before_the_database),
        T(another_site),
        T(newer_schema),
        T(another_programs_database),
        T(not_a_database),
        T(header_overwritten),
        T(cut_short),
        T(page_overwritten),
        T(key_lost_or_cut),
        T(key_of_another_state),
        T(key_that_nothing_is_known_of),
        T(folder_open_to_others),
        T(folder_of_somebody_else),
        T(folder_is_none),
        T(folder_read_only),
        T(second_process_refused),
        T(reader_cannot_write),
        T(more_statements_than_room),
    };
    return cmocka_run_group_tests_name("store_open", tests, NULL, NULL);
}
