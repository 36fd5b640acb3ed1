/* The vdir connector on a disk that fails while a large batch is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loading.h"
#include "testhost.h"

#define N 450 /* more than are put in place at once */

/* The connector's own: exported, it comes before the C library's. The kernel tells an error of
 * writing once, and then calls all well. */
static atomic_int syncs, fails_at;

__attribute__((visibility("default"))) int syncfs(int fd)
{
    if (atomic_fetch_add(&syncs, 1) + 1 == atomic_load(&fails_at)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_syncfs, fd);
}

static size_t files(int dir)
{
    DIR *d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY));
    size_t n = 0;
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}

static void create_all(struct wess_op *ops, struct wess_result *r)
{
    static const struct wess_field title = {
        .name = "title", .type = WESS_TEXT, .str = {"Chair", 5}};
    static char stamp[N][16];
    for (size_t i = 0; i < N; i++) {
        snprintf(stamp[i], sizeof(stamp[i]), "s%zu", i);
        ops[i] = (struct wess_op){
            .what = WESS_CREATE, .stamp = stamp[i], .item = {.fields = &title, .n_fields = 1}};
        r[i] = (struct wess_result){.code = WESS_UNKNOWN};
    }
}

/* What was not made durable takes no place, and is told as not tried; what was before, stands. */
static void a_disk_that_fails_once(void **state)
{
    static struct wess_op ops[N];
    static struct wess_result r[N];
    char path[] = "/tmp/wess-vdir-XXXXXX";
    const struct wess_connector *c = load_connector("vdir");
    assert_non_null(c);
    (void)state;
    for (int at = 1; at <= 2; at++) {
        struct testhost th;
        struct testhost_setting settings[8] = {{"path", strcpy(path, "/tmp/wess-vdir-XXXXXX")}};
        struct wess_error error = {0};
        struct wess_conn *conn;
        assert_non_null(mkdtemp(path));
        int dir = open(path, O_RDONLY | O_DIRECTORY);
        testhost_init(&th, settings, load_fallbacks(c, settings, 1, 8));
        assert_int_equal(c->open(&th.host, &conn, &error), WESS_OK);
        struct wess_call call = testhost_call(&th, conn, "contacts");
        size_t made = 0;
        create_all(ops, r);
        atomic_store(&syncs, 0);
        atomic_store(&fails_at, at);
        bool whole = c->apply(&call, ops, N, r) == WESS_OK;
        assert_int_equal(whole, atomic_load(&syncs) < at); /* all may go at once */
        for (size_t i = 0; i < N; i++) {
            assert_true(r[i].code == WESS_OK || r[i].code == WESS_NOT_TRIED);
            made += r[i].code == WESS_OK;
        }
        assert_true(atomic_load(&syncs) <= at); /* nobody asks again until it says yes */
        assert_int_equal(files(dir), made);
        assert_true(whole ? made == N : at > 1 ? made > 0 && made < N : made == 0);
        /* The next attempt makes what is missing. */
        for (size_t i = 0; i < N; i++) {
            ops[i].flags = WESS_OP_AGAIN;
            r[i] = (struct wess_result){.code = WESS_UNKNOWN};
        }
        atomic_store(&fails_at, 0);
        assert_int_equal(c->apply(&call, ops, N, r), WESS_OK);
        assert_int_equal(files(dir), N);
        for (size_t i = 0; i < N; i++)
            assert_int_equal(unlinkat(dir, r[i].id, 0), 0);
        c->close(conn);
        testhost_fini(&th);
        close(dir);
        assert_int_equal(rmdir(path), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_disk_that_fails_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
