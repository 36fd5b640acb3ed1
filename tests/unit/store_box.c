#include "store_box.h"

#include <fcntl.h>
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

void box_new(struct box *b)
{
    /* In memory where that can be: many states are made and none is to last. */
    bool shm = access("/dev/shm", W_OK | X_OK) == 0;
    char root[] = "/dev/shm/wess-store-XXXXXX", tmp[] = "/tmp/wess-store-XXXXXX";
    char *made = shm ? mkdtemp(root) : mkdtemp(tmp);
    *b = (struct box){.arena = arena_new(64u << 20)};
    assert_non_null(b->arena);
    assert_non_null(made);
    b->root = strdup(made);
    assert_true(asprintf(&b->state, "%s/state", root) > 0);
}

void box_free(struct box *b)
{
    box_close(b);
    arena_free(b->arena);
    nftw(b->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(b->root);
    free(b->state);
}

void box_open(struct box *b)
{
    char *why = NULL;
    int status = 0;
    b->store = store_open(b->state, "test", STORE_OWN, &why, &status);
    if (!b->store)
        fail_msg("status %d: %s", status, why ? why : "no word why");
    b->db = db_open(b->store, false);
    assert_non_null(b->db);
}

void box_close(struct box *b)
{
    db_close(b->db);
    store_close(b->store);
    b->db = NULL;
    b->store = NULL;
}

char *box_path(const struct box *b, const char *name)
{
    char *out = arena_fmt(b->arena, "%s/%s", b->state, name);
    assert_non_null(out);
    return out;
}

void box_refuses(const struct box *b, enum store_open how, const char *site, int status, ...)
{
    char *why = NULL;
    int got = 0;
    va_list ap;
    struct store *s = store_open(b->state, site, how, &why, &got);
    if (s) {
        store_close(s);
        fail_msg("opened");
    }
    assert_non_null(why);
    if (got != status || strncmp(why, b->state, strlen(b->state)))
        fail_msg("status %d, wanted %d: %s", got, status, why);
    va_start(ap, status);
    for (const char *word; (word = va_arg(ap, const char *));)
        if (!strstr(why, word))
            fail_msg("no \"%s\" in: %s", word, why);
    va_end(ap);
    free(why);
}

struct bytes file_bytes(const char *path)
{
    struct bytes out = {0};
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        fail_msg("%s cannot be read", path);
    out.data = malloc((size_t)st.st_size + 1);
    assert_non_null(out.data);
    ssize_t n = read(fd, out.data, (size_t)st.st_size);
    close(fd);
    assert_int_equal(n, st.st_size);
    out.len = (size_t)n;
    return out;
}

void file_put(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, data, len) != (ssize_t)len || close(fd) != 0)
        fail_msg("%s cannot be written", path);
}

void file_sql(const char *path, const char *sql)
{
    sqlite3 *sq = NULL;
    char *error = NULL;
    int rc = sqlite3_open(path, &sq);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(sq, sql, NULL, NULL, &error);
    if (rc != SQLITE_OK)
        fail_msg("%s: %s", path, error ? error : sqlite3_errmsg(sq));
    sqlite3_close(sq);
}

char *file_ask(const char *path, const char *sql)
{
    sqlite3 *sq = NULL;
    sqlite3_stmt *s = NULL;
    char *out = NULL;
    if (sqlite3_open_v2(path, &sq, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(sq, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW &&
        sqlite3_column_text(s, 0))
        out = strdup((const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    sqlite3_close(sq);
    return out;
}

void must_be(const struct db *db, enum store_code want, enum store_code got, const char *call,
             const char *file, int line)
{
    static const char *const names[] = {"STORE_OK", "STORE_NONE", "STORE_FAIL"};
    if (got == want)
        return;
    print_error("%s: %s, wanted %s (%s)\n", call, names[got], names[want],
                got == STORE_FAIL ? db_error(db) : "no error");
    _fail(file, line);
}

struct wess_slice slice_of(const char *text)
{
    return (struct wess_slice){text, strlen(text)};
}

bool slice_is(struct wess_slice s, const char *text)
{
    return s.len == strlen(text) && (!s.len || !memcmp(s.data, text, s.len));
}

struct hash hash_of(int n)
{
    struct hash out;
    memset(out.of, 0x5a, sizeof(out.of)); /* of one space, within no other */
    memcpy(&out.of[1], &n, sizeof(n));
    return out;
}
