/* The vdir connector as the core loads it, over folders of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "loading.h"
#include "testhost.h"

struct fixture {
    struct testhost th;
    struct testhost_setting settings[8];
    const struct wess_connector *c;
    struct wess_conn *conn;
    struct wess_call call;
    char path[64];
    int dir;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct wess_error error = {0};
    assert_non_null(f);
    f->c = load_connector("vdir");
    assert_non_null(f->c);
    strcpy(f->path, "/tmp/wess-vdir-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->dir = open(f->path, O_RDONLY | O_DIRECTORY);
    f->settings[0] = (struct testhost_setting){"path", f->path};
    size_t n = load_fallbacks(f->c, f->settings, 1, 8);
    testhost_init(&f->th, f->settings, n);
    assert_int_equal(f->c->open(&f->th.host, &f->conn, &error), WESS_OK);
    f->call = testhost_call(&f->th, f->conn, "contacts");
    *state = f;
    return 0;
}

static size_t names(struct fixture *f, bool temps, bool remove)
{
    DIR *d = fdopendir(openat(f->dir, ".", O_RDONLY | O_DIRECTORY));
    const struct dirent *e;
    size_t n = 0;
    assert_non_null(d);
    while ((e = readdir(d))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        n += temps == (e->d_name[0] == '.');
        if (remove && unlinkat(f->dir, e->d_name, 0) != 0)
            unlinkat(f->dir, e->d_name, AT_REMOVEDIR);
    }
    closedir(d);
    return n;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    names(f, false, true);
    close(f->dir);
    rmdir(f->path);
    f->c->close(f->conn);
    testhost_fini(&f->th);
    free(f);
    return 0;
}

/* ---- files
 * ------------------------------------------------------------------------------------------ */

static void put(struct fixture *f, const char *name, const char *text)
{
    int fd = openat(f->dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    /* As old as a file is that was not written in this very tick of the clock. */
    struct timespec now = {0, 0};
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    while (now.tv_sec < st.st_mtim.tv_sec ||
           (now.tv_sec == st.st_mtim.tv_sec && now.tv_nsec <= st.st_mtim.tv_nsec))
        clock_gettime(CLOCK_REALTIME_COARSE, &now);
    close(fd);
}

static const char *text_of(struct fixture *f, const char *name)
{
    static char text[8192];
    int fd = openat(f->dir, name, O_RDONLY);
    if (fd < 0)
        return NULL;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    assert_true(n >= 0);
    text[n] = 0;
    return text;
}

#define CARD(inner) "BEGIN:VCARD\r\nVERSION:3.0\r\n" inner "END:VCARD\r\n"
#define ADA CARD("FN:Ada\r\nN:Byrne;Ada;;;\r\nEMAIL:ada@x\r\nX-ODD:1\r\n")

/* ---- calls
 * ------------------------------------------------------------------------------------------ */

static struct wess_page page(struct fixture *f, struct wess_slice cursor, uint32_t limit)
{
    struct wess_page p = {0};
    assert_int_equal(f->c->changes(&f->call, cursor, limit, &p), WESS_OK);
    assert_int_equal(p.flags & ~(uint32_t)WESS_PAGE_LAST, WESS_PAGE_SNAPSHOT | WESS_PAGE_SORTED);
    return p;
}

static struct wess_result fetch(struct fixture *f, const char *id)
{
    struct wess_result r = {.code = WESS_UNKNOWN};
    assert_int_equal(f->c->fetch(&f->call, (struct wess_list){&id, 1}, &r), WESS_OK);
    return r;
}

/* As the core asks for what it does not know. */
static struct wess_result facts(struct fixture *f, const char *id)
{
    f->call.flags = WESS_CALL_FACTS;
    struct wess_result r = fetch(f, id);
    f->call.flags = 0;
    return r;
}

static const char *revision(struct fixture *f, const char *id)
{
    struct wess_result r = fetch(f, id);
    assert_int_equal(r.code, WESS_OK);
    assert_non_null(r.revision);
    return r.revision;
}

static struct wess_result apply(struct fixture *f, const struct wess_op *op)
{
    struct wess_result r = {.code = WESS_UNKNOWN};
    assert_int_equal(f->c->apply(&f->call, op, 1, &r), WESS_OK);
    assert_int_equal(names(f, true, false), 0); /* nothing temporary stays */
    return r;
}

static struct wess_field title = {
    .name = "title", .type = WESS_TEXT, .str = {.data = "Chair", .len = 5}};

static struct wess_result update(struct fixture *f, const char *id, const char *rev)
{
    struct wess_item before = {.id = id, .revision = rev};
    struct wess_op op = {.what = WESS_UPDATE,
                         .before = &before,
                         .item = {.id = id, .fields = &title, .n_fields = 1}};
    return apply(f, &op);
}

static struct wess_result drop(struct fixture *f, const char *id, const char *rev)
{
    struct wess_item before = {.id = id, .revision = rev};
    struct wess_op op = {.what = WESS_DELETE, .before = &before, .item = {.id = id}};
    return apply(f, &op);
}

static struct wess_result create(struct fixture *f, const char *stamp, uint32_t flags)
{
    struct wess_op op = {.what = WESS_CREATE,
                         .stamp = stamp,
                         .flags = flags,
                         .item = {.fields = &title, .n_fields = 1}};
    return apply(f, &op);
}

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

static void test_vdir_contract__a_snapshot_in_pages_by_bytes(void **state)
{
    static const char *const want[] = {"B.vcf", "a.vcf",     "b.vcf",
                                       "c.vcf", "group.vcf", "\xc3\xa9.vcf"};
    struct fixture *f = *state;
    struct wess_slice at = {NULL, 0};
    size_t seen = 0;
    for (size_t i = 0; i < 6; i++)
        put(f, want[5 - i], ADA);
    put(f, ".hidden.vcf", ADA);
    put(f, "notes.txt", ADA);
    put(f, "d.ics", ADA);
    put(f, "group.vcf", CARD("KIND:group\r\nFN:all\r\n"));
    for (;;) {
        struct wess_page p = page(f, at, 2);
        assert_true(p.n <= 2);
        for (size_t i = 0; i < p.n; i++) {
            assert_int_equal(p.changes[i].what, WESS_UPSERT);
            assert_int_equal(p.changes[i].flags, WESS_BRIEF);
            assert_string_equal(p.changes[i].item.id, want[seen++]);
            struct wess_result r = facts(f, p.changes[i].item.id);
            if (!strcmp(p.changes[i].item.id, "group.vcf")) {
                assert_int_equal(r.code, WESS_GONE); /* no contact */
                continue;
            }
            assert_string_equal(r.current->revision, p.changes[i].item.revision);
            assert_true(test_has_key(r.current, "email", "ada@x"));
            assert_int_equal(r.current->n_fields, 0);
        }
        at = p.next;
        if (p.flags & WESS_PAGE_LAST)
            break;
        assert_true(at.len > 0);
    }
    assert_int_equal(seen, 6);
    assert_int_equal(at.len, 0); /* the next one begins anew */
}

/* A run that was cut off goes on from its cursor in another process. */
static void test_vdir_contract__a_cursor_of_another_connection(void **state)
{
    struct fixture *f = *state;
    struct wess_conn *other = NULL;
    struct wess_error error = {0};
    put(f, "a.vcf", ADA);
    put(f, "b.vcf", ADA);
    put(f, "c.vcf", ADA);
    struct wess_page p = page(f, (struct wess_slice){NULL, 0}, 2);
    assert_int_equal(p.n, 2);
    unlinkat(f->dir, "b.vcf", 0);
    put(f, "bb.vcf", ADA);
    assert_int_equal(f->c->open(&f->th.host, &other, &error), WESS_OK);
    struct wess_call call = testhost_call(&f->th, other, "contacts");
    struct wess_page q = {0};
    assert_int_equal(f->c->changes(&call, p.next, 10, &q), WESS_OK);
    assert_int_equal(q.n, 2);
    assert_string_equal(q.changes[0].item.id, "bb.vcf");
    assert_string_equal(q.changes[1].item.id, "c.vcf");
    assert_true(q.flags & WESS_PAGE_LAST);
    f->c->close(other);
}

static void test_vdir_contract__what_cannot_be_read_is_there_and_told(void **state)
{
    static const struct {
        const char *id, *why;
    } want[] = {{"broken.vcf", "line 3: no END:VCARD"},
                {"empty.vcf", "empty"},
                {"fifo.vcf", "no file"},
                {"folder.vcf", "no file"},
                {"link.vcf", "symbolic link"}};
    struct fixture *f = *state;
    put(f, "broken.vcf", "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:x\r\n");
    put(f, "empty.vcf", "");
    put(f, "good", ADA);
    assert_int_equal(mkfifoat(f->dir, "fifo.vcf", 0600), 0);
    assert_int_equal(mkdirat(f->dir, "folder.vcf", 0700), 0);
    assert_int_equal(symlinkat("good", f->dir, "link.vcf"), 0);
    struct wess_page p = page(f, (struct wess_slice){NULL, 0}, 100);
    assert_int_equal(p.n, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(p.changes[i].item.id, want[i].id);
        assert_int_equal(p.changes[i].flags, WESS_BRIEF);
        assert_non_null(p.changes[i].item.revision);
        assert_int_equal(facts(f, want[i].id).code, WESS_REJECTED);
        struct wess_result r = fetch(f, want[i].id);
        assert_int_equal(r.code, WESS_REJECTED);
        assert_non_null(strstr(r.text, want[i].why));
        assert_int_equal(update(f, want[i].id, NULL).code, WESS_REJECTED);
        assert_int_equal(drop(f, want[i].id, NULL).code, WESS_REJECTED);
    }
}

static void test_vdir_contract__a_name_is_never_a_path(void **state)
{
    static const char *const names_of[] = {
        "../x.vcf", "/etc/passwd", "a/b.vcf",        ".hidden.vcf", "x.txt", "..",
        "",         ".vcf",        "folder/../a.vcf"};
    struct fixture *f = *state;
    put(f, ".hidden.vcf", ADA);
    put(f, "x.txt", ADA);
    for (size_t i = 0; i < sizeof(names_of) / sizeof(names_of[0]); i++) {
        assert_int_equal(fetch(f, names_of[i]).code, WESS_GONE);
        struct wess_item before = {.id = names_of[i]};
        struct wess_op ops[] = {
            {.what = WESS_UPDATE, .before = &before, .item = {.id = names_of[i]}},
            {.what = WESS_DELETE, .before = &before, .item = {.id = names_of[i]}}};
        struct wess_result r[2] = {{.code = WESS_UNKNOWN}, {.code = WESS_UNKNOWN}};
        assert_int_equal(f->c->apply(&f->call, ops, 2, r), WESS_OK);
        assert_int_equal(r[0].code, WESS_GONE);
        assert_int_equal(r[1].code, WESS_GONE);
    }
    assert_non_null(text_of(f, ".hidden.vcf"));
    assert_non_null(text_of(f, "x.txt"));
}

static void test_vdir_contract__a_folder_that_is_away_deletes_nothing(void **state)
{
    struct fixture *f = *state;
    char away[80];
    struct wess_page p = {0};
    struct wess_schema s = {0};
    struct wess_op op = {.what = WESS_CREATE, .stamp = "s"};
    struct wess_result r = {.code = WESS_UNKNOWN};
    snprintf(away, sizeof(away), "%s-away", f->path);
    assert_int_equal(rename(f->path, away), 0);
    assert_int_equal(f->c->changes(&f->call, (struct wess_slice){NULL, 0}, 10, &p), WESS_GONE);
    assert_int_equal(f->call.error.scope, WESS_OF_MAILBOX);
    assert_int_equal(f->c->check(&f->call), WESS_GONE);
    assert_int_equal(f->c->describe(&f->call, &s), WESS_GONE);
    assert_int_equal(f->c->apply(&f->call, &op, 1, &r), WESS_GONE);
    assert_int_equal(r.code, WESS_NOT_TRIED);
    /* Another folder of that name is another identity. */
    assert_int_equal(mkdir(f->path, 0700), 0);
    assert_int_equal(f->c->describe(&f->call, &s), WESS_OK);
    const char *other = s.identity;
    assert_int_equal(rmdir(f->path), 0);
    assert_int_equal(rename(away, f->path), 0);
    assert_int_equal(f->c->describe(&f->call, &s), WESS_OK);
    assert_string_not_equal(s.identity, other);
}

static void test_vdir_contract__looking_for_keys(void **state)
{
    static const struct {
        const char *space, *id, *hit;
    } cases[] = {
        {"email", "ada@x", "a.vcf"},
        {"email+name.family", "ada@x|byrne", "a.vcf"},
        {"wess", "stamp7", "b.vcf"},
        {"fn", "bo li", "b.vcf"},
        {"fn+phone", "bo li|4412", "b.vcf"},
        {"fn", "strasse weg", /* full case folding */
         "c.vcf"},
        {"email", "nobody@x", NULL},
        {"wess", "stamp8", NULL},
    };
    struct fixture *f = *state;
    put(f, "a.vcf", ADA);
    put(f, "b.vcf", CARD("FN:Bo Li\r\nN:LI;bo;;;\r\nTEL:+44 (1) 2\r\nX-WESS-STAMP:stamp7\r\n"));
    put(f, "c.vcf",
        CARD("FN:Stra\xc3\x9f"
             "e Weg\r\n"));
    put(f, "broken.vcf", "EMAIL:ada@x");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wess_key key = {cases[i].space, cases[i].id};
        struct wess_page p = {0};
        assert_int_equal(f->c->find(&f->call, &key, 1, &p), WESS_OK);
        assert_int_equal(p.flags, WESS_PAGE_LAST);
        assert_int_equal(p.n, cases[i].hit != NULL);
        if (p.n)
            assert_string_equal(p.changes[0].item.id, cases[i].hit);
    }
}

/* ---- creating
 * ------------------------------------------------------------------------------------------ */

#define WHEN "1m7q5cqg0" /* the host's clock, as a new name begins with it */

static void test_vdir_contract__a_new_file_bears_its_stamp(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    struct wess_result r = create(f, "abc1", 0);
    assert_int_equal(r.code, WESS_OK);
    assert_string_equal(r.id, WHEN "abc1.vcf");
    assert_string_equal(r.revision, revision(f, r.id));
    assert_true(r.current->flags & WESS_ITEM_WHOLE);
    assert_string_equal(test_text(r.current, "title"), "Chair");
    assert_true(test_has_key(r.current, "wess", "abc1"));
    assert_non_null(strstr(text_of(f, WHEN "abc1.vcf"), "X-WESS-STAMP:abc1\r\n"));
    assert_int_equal(fstatat(f->dir, WHEN "abc1.vcf", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(create(f, NULL, 0).code, WESS_OK);
    assert_int_equal(create(f, NULL, 0).code, WESS_OK);
    assert_int_equal(names(f, false, false), 3);
}

static void test_vdir_contract__again_looks_first(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "abc1", WESS_OP_AGAIN).code, WESS_OK);
    for (int i = 0; i < 2; i++) {
        struct wess_result r = create(f, "abc1", WESS_OP_AGAIN);
        assert_int_equal(r.code, WESS_OK);
        assert_string_equal(r.id, i ? "moved.vcf" : WHEN "abc1.vcf");
        assert_null(r.revision);
        assert_non_null(r.current);
        renameat(f->dir, WHEN "abc1.vcf", f->dir, "moved.vcf");
    }
    assert_int_equal(names(f, false, false), 1);
}

/* One keeps the name that it was given, one got another, of one nothing is left, and one was never
 * made: all in one batch. */
static void test_vdir_contract__a_batch_again(void **state)
{
    static const char *const stamps[] = {"abc4", "abc1", "abc3", "abc2"};
    struct fixture *f = *state;
    struct wess_op ops[4];
    struct wess_result out[4] = {{0}};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(create(f, stamps[i], 0).code, WESS_OK);
    assert_int_equal(renameat(f->dir, WHEN "abc1.vcf", f->dir, "moved.vcf"), 0);
    assert_int_equal(unlinkat(f->dir, WHEN "abc3.vcf", 0), 0);
    for (size_t i = 0; i < 4; i++) {
        ops[i] = (struct wess_op){.what = WESS_CREATE,
                                  .stamp = stamps[i],
                                  .flags = WESS_OP_AGAIN,
                                  .item = {.fields = &title, .n_fields = 1}};
        out[i].code = WESS_NOT_TRIED;
    }
    assert_int_equal(f->c->apply(&f->call, ops, 4, out), WESS_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(out[i].code, WESS_OK);
    assert_string_equal(out[0].id, WHEN "abc4.vcf");
    assert_string_equal(out[1].id, "moved.vcf");
    assert_string_equal(out[2].id, WHEN "abc3.vcf");
    assert_string_equal(out[3].id, WHEN "abc2.vcf");
    assert_true(!out[0].revision && !out[1].revision && out[2].revision && out[3].revision);
    assert_int_equal(names(f, false, false), 4);
}

static void test_vdir_contract__a_name_that_is_taken(void **state)
{
    struct fixture *f = *state;
    put(f, WHEN "abc1.vcf", ADA);
    struct wess_result r = create(f, "abc1", 0);
    assert_int_equal(r.code, WESS_OK);
    assert_string_equal(r.id, WHEN "abc1-2.vcf");
    assert_string_equal(text_of(f, WHEN "abc1.vcf"), ADA);
    assert_int_equal(names(f, false, false), 2);
}

/* ---- changing
 * ------------------------------------------------------------------------------------------ */

static void test_vdir_contract__an_update_changes_its_line(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    put(f, "a.vcf", ADA);
    assert_int_equal(fchmodat(f->dir, "a.vcf", 0640, 0), 0);
    struct wess_result r = update(f, "a.vcf", revision(f, "a.vcf"));
    assert_int_equal(r.code, WESS_OK);
    assert_string_equal(r.id, "a.vcf");
    assert_string_equal(r.revision, revision(f, "a.vcf"));
    assert_string_equal(test_text(r.current, "title"), "Chair");
    assert_string_equal(text_of(f, "a.vcf"),
                        CARD("FN:Ada\r\nN:Byrne;Ada;;;\r\nEMAIL:ada@x\r\nX-ODD:1\r\n"
                             "TITLE:Chair\r\n"));
    assert_int_equal(fstatat(f->dir, "a.vcf", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    /* Nothing to say: the file is not touched. */
    ino_t inode = st.st_ino;
    r = update(f, "a.vcf", r.revision);
    assert_int_equal(r.code, WESS_OK);
    assert_int_equal(fstatat(f->dir, "a.vcf", &st, 0), 0);
    assert_int_equal(st.st_ino, inode);
}

/* Written in the same instant, as long as before, and its time put back: it is another one. */
static void test_vdir_contract__a_file_changed_since_is_not_overwritten(void **state)
{
    static const char other[] = CARD("FN:Bob\r\nN:Byrne;Ada;;;\r\nEMAIL:ada@x\r\nX-ODD:1\r\n");
    struct fixture *f = *state;
    struct stat st;
    put(f, "a.vcf", ADA);
    const char *rev = revision(f, "a.vcf");
    assert_int_equal(fstatat(f->dir, "a.vcf", &st, 0), 0);
    put(f, "a.vcf", other);
    const struct timespec times[] = {st.st_atim, st.st_mtim};
    assert_int_equal(utimensat(f->dir, "a.vcf", times, 0), 0);
    struct wess_result r = update(f, "a.vcf", rev);
    assert_int_equal(r.code, WESS_CONFLICT);
    assert_string_equal(test_text(r.current, "fn"), "Bob");
    r = drop(f, "a.vcf", rev);
    assert_int_equal(r.code, WESS_CONFLICT);
    assert_string_equal(test_text(r.current, "fn"), "Bob");
    assert_string_equal(text_of(f, "a.vcf"), other);
    /* Only its time is another: that is for the core to see, in what it says now. */
    rev = revision(f, "a.vcf");
    assert_int_equal(utimensat(f->dir, "a.vcf", NULL, 0), 0);
    r = update(f, "a.vcf", rev);
    assert_true(r.code == WESS_OK || r.code == WESS_CONFLICT); /* the first while it is young */
    if (r.code == WESS_CONFLICT)
        assert_int_equal(update(f, "a.vcf", r.current->revision).code, WESS_OK);
}

static void test_vdir_contract__deleting(void **state)
{
    struct fixture *f = *state;
    put(f, "a.vcf", ADA);
    assert_int_equal(drop(f, "a.vcf", revision(f, "a.vcf")).code, WESS_OK);
    assert_null(text_of(f, "a.vcf"));
    assert_int_equal(drop(f, "a.vcf", "1.1.1.1").code, WESS_GONE);
    assert_int_equal(update(f, "a.vcf", "1.1.1.1").code, WESS_GONE);
    assert_int_equal(fetch(f, "a.vcf").code, WESS_GONE);
}

static void test_vdir_contract__an_old_version_is_read_only(void **state)
{
    static const char old[] = "BEGIN:VCARD\r\nVERSION:2.1\r\nFN:x\r\nEND:VCARD\r\n";
    struct fixture *f = *state;
    put(f, "a.vcf", old);
    assert_int_equal(update(f, "a.vcf", revision(f, "a.vcf")).code, WESS_REJECTED);
    assert_string_equal(text_of(f, "a.vcf"), old);
}

/* Somebody else replaces the file again and again: their last word stands, and none of theirs is
 * what an op of ours took away. */
struct writer {
    struct fixture *f;
    pthread_barrier_t *start;
    atomic_bool stop;
    atomic_uint last;
};
static void *write_beside(void *ctx)
{
    struct writer *w = ctx;
    char text[256];
    pthread_barrier_wait(w->start);
    do {
        snprintf(text, sizeof(text), CARD("FN:Ada\r\nX-N:%u.\r\n"), ++w->last);
        put(w->f, ".theirs", text);
        renameat(w->f->dir, ".theirs", w->f->dir, "a.vcf");
    } while (!atomic_load(&w->stop));
    return NULL;
}

static struct wess_result beside_writer(struct fixture *f, uint32_t what, struct writer *w)
{
    pthread_barrier_t start;
    pthread_t thread;
    struct wess_item before = {.id = "a.vcf", .revision = revision(f, "a.vcf")};
    struct wess_op op = {
        .what = what, .before = &before, .item = {.id = "a.vcf", .fields = &title, .n_fields = 1}};
    struct wess_result r = {.code = WESS_UNKNOWN};
    pthread_barrier_init(&start, NULL, 2);
    w->start = &start;
    assert_int_equal(pthread_create(&thread, NULL, write_beside, w), 0);
    pthread_barrier_wait(&start);
    for (int i = 0; i < 20; i++) { /* more often than not one of them is in time */
        unsigned seen = w->last;
        assert_int_equal(f->c->apply(&f->call, &op, 1, &r), WESS_OK);
        while (what == WESS_DELETE && r.code == WESS_OK && w->last == seen)
            sched_yield(); /* what was theirs then is rightly gone: their next word is to stand */
        if (r.current)
            before.revision = r.current->revision;
    }
    atomic_store(&w->stop, true);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&start);
    return r;
}

static void test_vdir_contract__two_write_at_once(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 40; i++) {
        char want[32];
        struct writer w = {.f = f};
        put(f, "a.vcf", ADA);
        struct wess_result r = beside_writer(f, i % 4 ? WESS_UPDATE : WESS_DELETE, &w);
        snprintf(want, sizeof(want), "X-N:%u.", w.last);
        assert_true(r.code == WESS_OK || r.code == WESS_CONFLICT || r.code == WESS_GONE);
        assert_non_null(text_of(f, "a.vcf"));
        assert_non_null(strstr(text_of(f, "a.vcf"), want));
        assert_int_equal(names(f, true, false), 0);
        testhost_drop(&f->th);
    }
}

/* Of a batch that is put in place by and by; one name is somebody else's already. */
static void test_vdir_contract__a_large_batch(void **state)
{
    enum { N = 450 };
    static struct wess_op ops[N];
    static struct wess_result r[N];
    static char stamp[N][16];
    struct fixture *f = *state;
    put(f, WHEN "s300.vcf", ADA);
    for (size_t i = 0; i < N; i++) {
        snprintf(stamp[i], sizeof(stamp[i]), "s%zu", i);
        ops[i] = (struct wess_op){
            .what = WESS_CREATE, .stamp = stamp[i], .item = {.fields = &title, .n_fields = 1}};
        r[i] = (struct wess_result){.code = WESS_UNKNOWN};
    }
    assert_int_equal(f->c->apply(&f->call, ops, N, r), WESS_OK);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(r[i].code, WESS_OK);
        assert_string_equal(r[i].revision, revision(f, r[i].id));
        assert_true(test_has_key(r[i].current, "wess", stamp[i]));
    }
    assert_int_equal(names(f, false, false), N + 1);
    assert_int_equal(names(f, true, false), 0);
    assert_string_equal(text_of(f, WHEN "s300.vcf"), ADA);
}

/* A batch of every sort, larger than files are synced one by one. */
static void test_vdir_contract__a_batch(void **state)
{
    enum { N = 30 };
    struct fixture *f = *state;
    struct wess_op ops[N];
    struct wess_item before[N];
    struct wess_result r[N];
    char id[N][16], stamp[N][16];
    for (size_t i = 0; i < N; i++) {
        snprintf(id[i], sizeof(id[i]), "%02zu.vcf", i);
        snprintf(stamp[i], sizeof(stamp[i]), "s%zu", i);
        if (i % 3)
            put(f, id[i], ADA);
        before[i] = (struct wess_item){.id = id[i], .revision = i % 3 ? revision(f, id[i]) : NULL};
        ops[i] = (struct wess_op){
            .what = (uint32_t)(WESS_CREATE + i % 3),
            .stamp = i % 3 ? NULL : stamp[i],
            .before = i % 3 ? &before[i] : NULL,
            .item = {.id = i % 3 ? id[i] : NULL, .fields = &title, .n_fields = i % 3 == 2 ? 0 : 1}};
        r[i] = (struct wess_result){.code = WESS_UNKNOWN};
    }
    put(f, "04.vcf", CARD("FN:other\r\n"));
    assert_int_equal(f->c->apply(&f->call, ops, N, r), WESS_OK);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(r[i].code, i == 4 ? WESS_CONFLICT : WESS_OK);
    assert_int_equal(names(f, false, false), 20);
    assert_int_equal(names(f, true, false), 0);
}

/* ---- trouble
 * ------------------------------------------------------------------------------------------ */

static void test_vdir_contract__memory_spent_at_any_point_writes_all_or_nothing(void **state)
{
    struct fixture *f = *state;
    enum wess_code rc = WESS_TOO_BIG;
    for (size_t at = 1; rc != WESS_OK; at++) {
        put(f, "a.vcf", ADA);
        struct wess_item before = {.id = "a.vcf"};
        struct wess_op ops[] = {
            {.what = WESS_CREATE, .stamp = "s1", .item = {.fields = &title, .n_fields = 1}},
            {.what = WESS_UPDATE,
             .before = &before,
             .item = {.id = "a.vcf", .fields = &title, .n_fields = 1}}};
        struct wess_result r[2] = {{.code = WESS_UNKNOWN}, {.code = WESS_UNKNOWN}};
        testhost_drop(&f->th);
        f->th.arena.fail_at = at;
        rc = f->c->apply(&f->call, ops, 2, r);
        f->th.arena.fail_at = 0;
        assert_int_equal(names(f, true, false), 0);
        assert_true(rc == WESS_OK || rc == WESS_TOO_BIG);
        for (int i = 0; i < 2; i++)
            assert_int_equal(r[i].code, rc == WESS_OK ? WESS_OK : WESS_NOT_TRIED);
        if (rc != WESS_OK) {
            assert_int_equal(names(f, false, false), 1);
            assert_string_equal(text_of(f, "a.vcf"), ADA);
        }
        assert_true(at < 2000);
    }
}

static void test_vdir_contract__a_page_that_is_too_large_is_asked_for_again(void **state)
{
    struct fixture *f = *state;
    struct wess_page p = {0};
    for (char name[] = "a.vcf"; name[0] <= 'z'; name[0]++)
        put(f, name, ADA);
    f->th.arena.budget = 4000;
    assert_int_equal(f->c->changes(&f->call, (struct wess_slice){NULL, 0}, 26, &p), WESS_TOO_BIG);
    testhost_drop(&f->th);
    p = page(f, (struct wess_slice){NULL, 0}, 1);
    assert_int_equal(p.n, 1);
    char at[] = "a.vcf";
    testhost_drop(&f->th);
    p = page(f, (struct wess_slice){at, strlen(at)}, 1);
    assert_string_equal(p.changes[0].item.id, "b.vcf");
}

/* With one item a page it must get past whatever there is. */
static void test_vdir_contract__a_card_larger_than_an_answer(void **state)
{
    struct fixture *f = *state;
    char card[4096], line[64];
    strcpy(card, "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:x\r\n");
    for (int i = 0; i < 50; i++) {
        snprintf(line, sizeof(line), "EMAIL:somebody-%d@contoso.example\r\n", i);
        strcat(card, line);
    }
    strcat(card, "END:VCARD\r\n");
    put(f, "a.vcf", card);
    f->th.arena.budget = 4000;
    struct wess_page p = page(f, (struct wess_slice){NULL, 0}, 1);
    assert_int_equal(p.n, 1);
    assert_string_equal(p.changes[0].item.id, "a.vcf");
    assert_non_null(p.changes[0].item.revision);
    struct wess_result r;
    const char *id = "a.vcf";
    f->call.flags = WESS_CALL_FACTS;
    assert_int_equal(f->c->fetch(&f->call, (struct wess_list){&id, 1}, &r), WESS_TOO_BIG);
    f->call.flags = 0;
    f->th.arena.budget = TESTHOST_BUDGET;
}

static void test_vdir_contract__what_a_killed_process_left(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    put(f, ".wess-0123456789abcdef.tmp", "half");
    put(f, ".somebody-else.tmp", "x");
    assert_int_equal(mkdirat(f->dir, ".wess-00.tmp", 0700), 0); /* of a large batch */
    put(f, ".wess-00.tmp/.wess-22.tmp", "half");
    assert_int_equal(page(f, (struct wess_slice){NULL, 0}, 10).n, 0);
    assert_int_equal(fstatat(f->dir, ".wess-0123456789abcdef.tmp", &st, 0), 0);
    /* Not while it may still be at work. */
    f->th.now_ms = (int64_t)st.st_ctim.tv_sec * 1000;
    struct wess_op op = {.what = WESS_CREATE, .stamp = "s1"};
    struct wess_result r = {.code = WESS_UNKNOWN};
    assert_int_equal(f->c->apply(&f->call, &op, 1, &r), WESS_OK);
    assert_int_equal(names(f, true, false), 3);
    struct wess_error error = {0};
    f->c->close(f->conn);
    assert_int_equal(f->c->open(&f->th.host, &f->conn, &error), WESS_OK);
    f->call = testhost_call(&f->th, f->conn, "contacts");
    f->th.now_ms += 2 * 3600 * 1000;
    op.stamp = "s2";
    assert_int_equal(f->c->apply(&f->call, &op, 1, &r), WESS_OK);
    assert_int_equal(names(f, true, false), 1);
    assert_non_null(text_of(f, ".somebody-else.tmp"));
}

static void test_vdir_contract__cancelled(void **state)
{
    struct fixture *f = *state;
    struct wess_page p = {0};
    struct wess_op op = {.what = WESS_CREATE, .stamp = "s1"};
    struct wess_result r = {.code = WESS_UNKNOWN};
    put(f, "a.vcf", ADA);
    f->th.cancel = true;
    assert_int_equal(f->c->changes(&f->call, (struct wess_slice){NULL, 0}, 9, &p), WESS_CANCELLED);
    assert_int_equal(f->c->apply(&f->call, &op, 1, &r), WESS_CANCELLED);
    assert_int_equal(r.code, WESS_NOT_TRIED);
    assert_int_equal(names(f, false, false), 1);
    assert_int_equal(names(f, true, false), 0);
}

static void test_vdir_contract__a_path_must_be_whole(void **state)
{
    struct fixture *f = *state;
    struct wess_conn *conn = NULL;
    struct wess_error error = {0};
    f->settings[0].value = "contacts";
    assert_int_equal(f->c->open(&f->th.host, &conn, &error), WESS_BROKEN);
    assert_null(conn);
    assert_non_null(strstr(error.text, "path"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_vdir_contract__##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_snapshot_in_pages_by_bytes),
        TEST(a_cursor_of_another_connection),
        TEST(what_cannot_be_read_is_there_and_told),
        TEST(a_name_is_never_a_path),
        TEST(a_folder_that_is_away_deletes_nothing),
        TEST(looking_for_keys),
        TEST(a_new_file_bears_its_stamp),
        TEST(again_looks_first),
        TEST(a_batch_again),
        TEST(a_name_that_is_taken),
        TEST(an_update_changes_its_line),
        TEST(a_file_changed_since_is_not_overwritten),
        TEST(deleting),
        TEST(an_old_version_is_read_only),
        TEST(two_write_at_once),
        TEST(a_large_batch),
        TEST(a_batch),
        TEST(memory_spent_at_any_point_writes_all_or_nothing),
        TEST(a_page_that_is_too_large_is_asked_for_again),
        TEST(a_card_larger_than_an_answer),
        TEST(what_a_killed_process_left),
        TEST(cancelled),
        TEST(a_path_must_be_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
