/* The spool of large values: whole or not there, whatever the disk does. */
#include "store_box.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faultlibc.h"
#include "faultmem.h"
#include "host/blob.h"
#include "host/conn.h"

enum { PIECE = 50000, PIECES = 3, SIZE = PIECE * PIECES };

static struct box box;
static struct blob_dir dir;
static char *spool, *log_file;
static unsigned char value[SIZE];

static int setup(void **state)
{
    (void)state;
    box_new(&box);
    assert_int_equal(mkdir(box.state, 0700), 0);
    assert_int_equal(blob_root(box.state), WESS_OK);
    spool = box_path(&box, "spool");
    dir = (struct blob_dir){.path = spool};
    log_file = arena_fmt(box.arena, "%s/log", box.root);
    log_open(log_file, WESS_LOG_WARN);
    for (size_t i = 0; i < SIZE; i++)
        value[i] = (unsigned char)(i * 7 + i / 251);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    faultlibc_plan(0, 0, 0);
    faultmem_plan(MEM_OURS, 0);
    log_open(NULL, 0);
    box_free(&box);
    return 0;
}

/* As a connector should; a `stubborn` one does not look at what blob_put() answers. */
static enum wess_code spooled(bool stubborn, struct wess_blob *out)
{
    struct wess_spool *s = NULL;
    enum wess_code rc = blob_spool_new(&dir, &s);
    if (rc != WESS_OK)
        return rc;
    for (size_t i = 0; i < PIECES && (rc == WESS_OK || stubborn); i++)
        rc = blob_spool_put(s, value + i * PIECE, PIECE);
    if (rc == WESS_OK || stubborn)
        return blob_spool_done(s, box.arena, out);
    blob_spool_close(s);
    return rc;
}

static enum wess_code read_back(const char *digest, bool *same)
{
    static unsigned char got[SIZE + 1];
    struct wess_spool *s = NULL;
    size_t n = 0;
    int64_t step;
    enum wess_code rc = blob_spool_open(&dir, digest, &s);
    *same = false;
    if (rc != WESS_OK)
        return rc;
    while ((step = blob_spool_get(s, got + n, n + 40000 < sizeof(got) ? 40000 : sizeof(got) - n)) >
           0)
        n += (size_t)step;
    blob_spool_close(s);
    *same = n == SIZE && !memcmp(got, value, SIZE);
    return step < 0 ? WESS_TRANSIENT : WESS_OK;
}

static bool holds_value(const char *digest)
{
    bool same;
    return read_back(digest, &same) == WESS_OK && same;
}

static const char *digest_name(void)
{
    unsigned char md[DIGEST_SIZE];
    char *hex = arena_alloc(box.arena, 2 * DIGEST_SIZE + 1);
    digest_of((struct wess_slice){value, SIZE}, md);
    for (size_t i = 0; i < DIGEST_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", md[i]);
    return hex;
}

/* Files in the spool; each of them must hold the value, whole, under its digest. */
static size_t files(void)
{
    size_t n = 0;
    DIR *d = opendir(spool);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        n++;
        if (strcmp(e->d_name, digest_name()) || !holds_value(e->d_name))
            fail_msg("%s is in the spool", e->d_name);
    }
    closedir(d);
    return n;
}

static void check_log(const char *way)
{
    struct bytes log = file_bytes(log_file);
    log.data[log.len] = 0;
    if (!strstr((char *)log.data, "spool ") || !strstr((char *)log.data, way))
        fail_msg("the log says: %s", (char *)log.data);
    free(log.data);
    assert_int_equal(truncate(log_file, 0), 0);
}

/* ---- tests -------------------------------------------------------------------------------------
 */

static void whole_and_once(void **state)
{
    (void)state;
    struct stat st;
    struct wess_blob a = {0}, b = {0};
    assert_int_equal(spooled(false, &a), WESS_OK);
    assert_int_equal(spooled(false, &b), WESS_OK);
    assert_int_equal(a.size, SIZE);
    assert_string_equal(a.digest, digest_name());
    assert_string_equal(b.digest, a.digest);
    assert_int_equal(files(), 1);
    assert_int_equal(stat(arena_fmt(box.arena, "%s/%s", spool, a.digest), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void thrown_away(void **state)
{
    (void)state;
    struct wess_spool *s = NULL;
    assert_int_equal(blob_spool_new(&dir, &s), WESS_OK);
    assert_int_equal(blob_spool_put(s, value, PIECE), WESS_OK);
    blob_spool_close(s);
    blob_spool_close(NULL);
    assert_int_equal(files(), 0);
}

static void left_over_from_a_crash(void **state)
{
    (void)state;
    struct wess_blob blob;
    assert_int_equal(spooled(false, &blob), WESS_OK);
    file_put(arena_fmt(box.arena, "%s/new-abcdef", spool), "half", 4);
    assert_int_equal(blob_root(box.state), WESS_OK);
    assert_int_equal(files(), 1);
    assert_true(holds_value(blob.digest));
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* ---- what passes through -----------------------------------------------------------------------
 */

static size_t files_in(const char *path)
{
    size_t n = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* Different for each `seed`. */
static enum wess_code pass(struct blob_dir *to, unsigned seed, size_t len, struct wess_blob *out)
{
    struct wess_spool *s = NULL;
    enum wess_code rc = blob_spool_new(to, &s);
    if (rc == WESS_OK)
        rc = blob_spool_put(s, &seed, sizeof(seed));
    for (size_t at = 0; rc == WESS_OK && at < len; at += 1000)
        rc = blob_spool_put(s, value + at, len - at < 1000 ? len - at : 1000);
    if (rc == WESS_OK)
        return blob_spool_done(s, box.arena, out);
    blob_spool_close(s);
    return rc;
}

static bool passed(struct blob_dir *from, unsigned seed, size_t len, const char *digest)
{
    static unsigned char got[sizeof(seed) + SIZE + 1];
    struct wess_spool *s = NULL;
    size_t n = 0;
    int64_t step = 1;
    if (blob_spool_open(from, digest, &s) != WESS_OK)
        return false;
    while (step > 0 &&
           (step = blob_spool_get(s, got + n, n + 700 < sizeof(got) ? 700 : sizeof(got) - n)) >= 0)
        n += (size_t)step;
    blob_spool_close(s);
    return step == 0 && n == sizeof(seed) + len && !memcmp(got, &seed, sizeof(seed)) &&
           !memcmp(got + sizeof(seed), value, len);
}

/* In folders of folders: gone when it is told, and with the next start. */
static void a_folder_of_what_passes_through(void **state)
{
    (void)state;
    for (int crashed = 0; crashed < 2; crashed++) {
        struct blob_dir *outer = blob_dir_new(box.state), *inner = blob_dir_in(outer);
        char *path = arena_fmt(box.arena, "%s", outer->path);
        struct wess_blob blob;
        struct stat st;
        assert_non_null(inner);
        assert_int_equal(stat(inner->path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
        assert_int_equal(pass(inner, 1, SIZE, &blob), WESS_OK);
        assert_int_equal(files_in(inner->path), 1);
        assert_true(passed(inner, 1, SIZE, blob.digest));
        if (crashed)
            assert_int_equal(blob_root(box.state), WESS_OK);
        else
            blob_dir_end(blob_dir_in(outer));
        assert_int_equal(is_there(path), !crashed);
        blob_dir_end(outer);
        assert_false(is_there(path));
    }
    assert_null(blob_dir_new("/nowhere"));
}

/* Up to a bound, over which they go to files as large ones do. */
static void what_is_small_stays_in_memory(void **state)
{
    (void)state;
    enum { EACH = 60000, FIT = BLOB_MEMORY / (EACH + sizeof(unsigned)), MORE = FIT + 5 };
    static const size_t sizes[] = {0, 1, BLOB_SMALL - sizeof(unsigned), BLOB_SMALL};
    struct blob_dir *d = blob_dir_new(box.state), *other = blob_dir_in(d);
    struct wess_blob blob[MORE];
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(pass(other, i, sizes[i], &blob[i]), WESS_OK);
        assert_int_equal(files_in(other->path), sizes[i] == BLOB_SMALL);
        assert_true(passed(other, i, sizes[i], blob[i].digest));
        assert_false(passed(d, i, sizes[i], blob[i].digest));
    }
    for (unsigned i = 0; i < MORE; i++)
        assert_int_equal(pass(d, i, EACH, &blob[i]), WESS_OK);
    assert_int_equal(files_in(d->path), 1 + MORE - FIT); /* and the folder in it */
    assert_true(d->bytes <= BLOB_MEMORY);
    for (unsigned i = 0; i < MORE; i++)
        assert_true(passed(d, i, EACH, blob[i].digest));
    blob_dir_end(d);
}

static void nothing_that_passes_is_lost_for_want_of_memory(void **state)
{
    (void)state;
    static const size_t sizes[] = {5000, BLOB_SMALL};
    struct mem_left left[4];
    for (size_t i = 0; i < 2; i++)
        for (unsigned at = 1;; at++) {
            struct wess_blob blob = {0};
            size_t before = faultmem_left(left, 4);
            struct blob_dir *d = blob_dir_new(box.state);
            faultmem_plan(MEM_OURS, at);
            enum wess_code rc = pass(d, at, sizes[i], &blob);
            bool met = faultmem_count(MEM_OURS) >= at;
            faultmem_plan(MEM_OURS, 0);
            if (rc == WESS_OK)
                assert_true(passed(d, at, sizes[i], blob.digest));
            else
                assert_int_equal(rc, WESS_TRANSIENT);
            blob_dir_end(d);
            assert_int_equal(faultmem_left(left, 4), before);
            if (!met) {
                assert_int_equal(rc, WESS_OK);
                assert_true(at > 2);
                break;
            }
        }
}

static void only_digests_are_opened(void **state)
{
    (void)state;
    char *as_long = arena_alloc(box.arena, 65); /* as a digest, and yet a path */
    memset(as_long, '0', 64);
    memcpy(as_long, "/etc/passwd", 11);
    const char *const names[] = {"", "../key", "new-abcdef", as_long};
    struct wess_spool *s = NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(blob_spool_open(&dir, names[i], &s), WESS_BROKEN);
    assert_int_equal(blob_spool_open(&dir, NULL, &s), WESS_BROKEN);
    assert_int_equal(blob_spool_open(&dir, digest_name(), &s), WESS_GONE);
    assert_int_equal(symlink("/etc/passwd", arena_fmt(box.arena, "%s/%s", spool, digest_name())),
                     0);
    assert_int_equal(blob_spool_open(&dir, digest_name(), &s), WESS_GONE);
    assert_null(s);
}

static void each_call_fails_once(void **state)
{
    (void)state;
    static const int errors[] = {ENOSPC, EIO};
    for (int stubborn = 0; stubborn < 2; stubborn++)
        for (size_t i = 0; i < 2; i++) {
            unsigned at = 1;
            for (;; at++) {
                struct wess_blob blob = {0};
                faultlibc_plan(LIBC_ANY, at, errors[i]);
                enum wess_code rc = spooled(stubborn, &blob);
                bool met = faultlibc_met();
                faultlibc_plan(0, 0, 0);
                size_t n = files();
                unlink(arena_fmt(box.arena, "%s/%s", spool, digest_name()));
                if (!met)
                    break;
                if (rc != WESS_TRANSIENT)
                    fail_msg("call %u failed, and the answer was %d", at, rc);
                assert_true(n <= 1);
                check_log(errors[i] == ENOSPC ? "make room" : "system log");
                assert_int_equal(spooled(false, &blob), WESS_OK);
                assert_true(holds_value(blob.digest));
                unlink(arena_fmt(box.arena, "%s/%s", spool, digest_name()));
            }
            assert_int_equal(at, 1 + PIECES + 4 + 1); /* made, written, synced, renamed, folder */
        }
}

/* What cannot be read now is neither gone nor at its end. */
static void each_read_fails_once(void **state)
{
    (void)state;
    struct wess_blob blob = {0};
    assert_int_equal(spooled(false, &blob), WESS_OK);
    unsigned at = 1;
    for (bool met = true; met; at++) {
        bool same;
        faultlibc_plan(LIBC_OPEN | LIBC_READ, at, EIO);
        enum wess_code rc = read_back(blob.digest, &same);
        met = faultlibc_met();
        faultlibc_plan(0, 0, 0);
        assert_int_equal(rc, met ? WESS_TRANSIENT : WESS_OK);
        assert_true(same || met);
        if (met)
            check_log("system log");
    }
    assert_true(at > 5);
}

static void a_folder_that_cannot_be_made_is_told(void **state)
{
    (void)state;
    assert_int_equal(rmdir(spool), 0);
    faultlibc_plan(LIBC_FOLDER, 1, ENOSPC);
    assert_int_not_equal(blob_root(box.state), WESS_OK);
    faultlibc_plan(0, 0, 0);
    check_log("make room");
    assert_int_equal(blob_root(box.state), WESS_OK);
}

/* Too little memory for a moment is no word about the value: it is tried again. */
static void each_allocation_fails_once(void **state)
{
    (void)state;
    static const enum mem_kind kinds[] = {MEM_OURS, MEM_ARENA};
    struct mem_left left[4];
    for (size_t k = 0; k < 2; k++)
        for (unsigned at = 1;; at++) {
            struct wess_blob blob = {0};
            bool same = false;
            size_t before = faultmem_left(left, 4);
            faultmem_plan(kinds[k], at);
            enum wess_code rc = spooled(false, &blob);
            if (rc == WESS_OK)
                rc = read_back(blob.digest, &same);
            bool met = faultmem_count(kinds[k]) >= at;
            faultmem_plan(kinds[k], 0);
            assert_int_equal(faultmem_left(left, 4), before);
            size_t n = files();
            unlink(arena_fmt(box.arena, "%s/%s", spool, digest_name()));
            if (!met) {
                assert_int_equal(rc, WESS_OK);
                assert_true(same);
                assert_true(at > 1);
                break;
            }
            assert_int_equal(rc, WESS_TRANSIENT);
            assert_true(n <= 1);
            check_log("when there is more");
        }
}

static void a_short_write_goes_on(void **state)
{
    (void)state;
    for (unsigned at = 1; at <= PIECES; at++) {
        struct wess_blob blob = {0};
        faultlibc_plan(LIBC_WRITE, at, LIBC_SHORT);
        assert_int_equal(spooled(false, &blob), WESS_OK);
        assert_true(faultlibc_met());
        faultlibc_plan(0, 0, 0);
        assert_true(holds_value(blob.digest));
        unlink(arena_fmt(box.arena, "%s/%s", spool, digest_name()));
    }
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(whole_and_once),
        T(thrown_away),
        T(left_over_from_a_crash),
        T(a_folder_of_what_passes_through),
        T(what_is_small_stays_in_memory),
        T(nothing_that_passes_is_lost_for_want_of_memory),
        T(only_digests_are_opened),
        T(each_call_fails_once),
        T(a_short_write_goes_on),
        T(each_read_fails_once),
        T(each_allocation_fails_once),
        T(a_folder_that_cannot_be_made_is_told),
    };
    faultmem_install();
    return cmocka_run_group_tests_name("blob", tests, NULL, NULL);
}
