/* The connector imap-tags as the core loads it, before a server that says what a script says. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "loading.h"
#include "testhost.h"

/* ---- a server of scripts
 * ------------------------------------------------------------------------------------------ */

#define SAYS_MOST 16
#define LINE_MOST 1024
#define CONNS_MOST 600
struct says { /* what a command gets; "%s" is its tag; NULL: the connection ends */
    const char *command, *answer;
};
struct server {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended;      /* a session did */
    int fd, conns[CONNS_MOST]; /* -1: ended */
    char url[64], asked[8192]; /* all commands but those of the sign-in, a line each */
    const char *can;
    struct says says[SAYS_MOST];
    size_t n_says, n_conns, n_live, idles;
};
struct session {
    struct server *server;
    int fd;
};

/* Each "%s" of it is the tag. */
static void say(int fd, const char *text, const char *tag)
{
    char out[4 * LINE_MOST];
    size_t n = 0;
    for (const char *at = text; *at && n + 64 < sizeof(out);) {
        bool is_tag = at[0] == '%' && at[1] == 's';
        if (!is_tag) {
            out[n++] = *at++;
            continue;
        }
        memcpy(out + n, tag, strlen(tag));
        n += strlen(tag);
        at += 2;
    }
    ssize_t sent = send(fd, out, n, MSG_NOSIGNAL);
    assert_true(sent == (ssize_t)n || errno == EPIPE || errno == ECONNRESET); /* the client left */
}

static void note(struct server *s, const char *command)
{
    pthread_mutex_lock(&s->lock);
    if (strlen(s->asked) + strlen(command) + 2 < sizeof(s->asked))
        strcat(strcat(s->asked, command), "\n");
    s->idles += !strcmp(command, "IDLE");
    pthread_mutex_unlock(&s->lock);
}

static bool is_usual(struct server *s, int fd, const char *tag, const char *command)
{
    static const struct says usual[] = {
        {"AUTHENTICATE", "%s OK in\r\n"},
        {"LIST", "* LIST () \"/\" INBOX\r\n%s OK listed\r\n"},
        {"STATUS",
         "* STATUS INBOX (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7 HIGHESTMODSEQ 50)\r\n%s OK so\r\n"},
        {"ENABLE", "%s OK enabled\r\n"},
        {"EXAMINE", "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] so\r\n%s OK [READ-ONLY] open\r\n"},
        {"SELECT", "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] so\r\n%s OK [READ-WRITE] open\r\n"},
        {"IDLE", "+ idling\r\n"}};
    char text[256];
    if (!strcmp(command, "CAPABILITY")) {
        snprintf(text, sizeof(text),
                 "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR %s\r\n%%s OK so\r\n", s->can);
        say(fd, text, tag);
        return true;
    }
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        if (!strncmp(command, usual[i].command, strlen(usual[i].command))) {
            say(fd, usual[i].answer, tag);
            return true;
        }
    return false;
}

/* false: the connection ends. */
static bool answer(struct server *s, int fd, const char *tag, const char *command)
{
    for (size_t i = 0; i < s->n_says; i++)
        if (!strcmp(s->says[i].command, command)) {
            if (s->says[i].answer)
                say(fd, s->says[i].answer, tag);
            return s->says[i].answer != NULL;
        }
    if (!is_usual(s, fd, tag, command))
        say(fd, "%s BAD not in the script\r\n", tag);
    return true;
}

/* Under the lock, so that nobody shuts down a descriptor that is another's by then. */
static void leave(struct session *session, FILE *in)
{
    struct server *s = session->server;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n_conns; i++)
        if (s->conns[i] == session->fd)
            s->conns[i] = -1;
    if (in)
        fclose(in);
    s->n_live--;
    pthread_cond_signal(&s->ended);
    pthread_mutex_unlock(&s->lock);
    free(session);
}

static void *serve(void *ctx)
{
    struct session *session = ctx;
    struct server *s = session->server;
    FILE *in = fdopen(session->fd, "r");
    char line[LINE_MOST], tag[16] = "", idle[16] = "";
    bool on = true;
    say(session->fd, "* OK ready\r\n", "");
    while (on && in && fgets(line, sizeof(line), in)) {
        line[strcspn(line, "\r\n")] = 0;
        if (!strcmp(line, "DONE")) {
            say(session->fd, "%s OK done\r\n", idle);
            continue;
        }
        char *space = strchr(line, ' ');
        if (!space)
            break;
        *space = 0;
        snprintf(tag, sizeof(tag), "%.15s", line);
        if (!strcmp(space + 1, "IDLE"))
            memcpy(idle, tag, sizeof(tag));
        if (*tag == 'w')
            note(s, space + 1);
        on = answer(s, session->fd, tag, space + 1);
    }
    leave(session, in);
    return NULL;
}

static void *accept_all(void *ctx)
{
    struct server *s = ctx;
    int fd;
    while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
        struct session *session = calloc(1, sizeof(*session));
        pthread_t thread;
        *session = (struct session){s, fd};
        pthread_mutex_lock(&s->lock);
        assert_true(s->n_conns < CONNS_MOST);
        s->conns[s->n_conns++] = fd;
        s->n_live++;
        pthread_mutex_unlock(&s->lock);
        assert_int_equal(pthread_create(&thread, NULL, serve, session), 0);
        pthread_detach(thread);
    }
    return NULL;
}

static void server_start(struct server *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->ended, NULL);
    s->can = "CONDSTORE IDLE ENABLE";
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(s->fd, 64), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &len), 0);
    snprintf(s->url, sizeof(s->url), "imap://127.0.0.1:%d", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&s->thread, NULL, accept_all, s), 0);
}

static void end_sessions(struct server *s)
{
    for (size_t i = 0; i < s->n_conns; i++)
        if (s->conns[i] >= 0)
            shutdown(s->conns[i], SHUT_RDWR);
}

/* Returns when no thread of it is left. */
static void server_stop(struct server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    pthread_mutex_lock(&s->lock);
    end_sessions(s);
    while (s->n_live > 0)
        pthread_cond_wait(&s->ended, &s->lock);
    pthread_mutex_unlock(&s->lock);
    pthread_cond_destroy(&s->ended);
    pthread_mutex_destroy(&s->lock);
}

/* ---- the stage
 * ------------------------------------------------------------------------------------------ */

struct fixture {
    struct server server;
    struct testhost th;
    struct testhost_setting settings[16];
    const struct wess_connector *c;
    struct wess_conn *conn;
    struct wess_call call;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct wess_error error = {0};
    assert_non_null(f);
    server_start(&f->server);
    f->c = load_connector("imap-tags");
    assert_non_null(f->c);
    const struct testhost_setting own[] = {{"url", f->server.url},
                                           {"username", "u1"},
                                           {"password", "secret"},
                                           {"write", "Workbooks\nOther One"},
                                           {"keywords", "$label1=Workbooks"}};
    memcpy(f->settings, own, sizeof(own));
    size_t n = load_fallbacks(f->c, f->settings, sizeof(own) / sizeof(own[0]), 16);
    testhost_init(&f->th, f->settings, n);
    f->th.http.timeout_ms = 5000;
    assert_int_equal(f->c->open(&f->th.host, &f->conn, &error), WESS_OK);
    f->call = testhost_call(&f->th, f->conn, "messages");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    f->c->close(f->conn);
    testhost_fini(&f->th);
    server_stop(&f->server);
    free(f);
    return 0;
}

static void says(struct fixture *f, const char *command, const char *text)
{
    assert_true(f->server.n_says < SAYS_MOST);
    f->server.says[f->server.n_says++] = (struct says){command, text};
}

static bool was_asked(struct fixture *f, const char *command)
{
    char line[LINE_MOST];
    snprintf(line, sizeof(line), "%s\n", command);
    pthread_mutex_lock(&f->server.lock);
    bool asked = strstr(f->server.asked, line) != NULL;
    pthread_mutex_unlock(&f->server.lock);
    return asked;
}

#define ID "INBOX;0000000007;0000000005"
#define ASK "(UID FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (Message-ID)])"

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

static void test_fetch(void **state)
{
    struct fixture *f = *state;
    const char *ids[] = {"INBOX;0000000007;0000000006", ID, "INBOX;0000000008;0000000005", "x"};
    struct wess_result out[4];
    says(f, "UID FETCH 5:6 " ASK,
         "* 2 FETCH (FLAGS (\\Seen $Label1 other_one OTHER $Junk) UID 5 MODSEQ (41)"
         " BODY[HEADER.FIELDS (Message-ID)] {46}\r\nmessage-id:\r\n  <A.B@Example.COM> "
         "(comment)\r\n\r\n)"
         "\r\n%s OK fetched\r\n");
    assert_int_equal(f->c->fetch(&f->call, (struct wess_list){ids, 4}, out), WESS_OK);
    assert_int_equal(out[0].code, WESS_GONE);
    assert_int_equal(out[2].code, WESS_GONE);
    assert_int_equal(out[3].code, WESS_GONE);
    assert_int_equal(out[1].code, WESS_OK);
    const struct wess_item *item = out[1].current;
    assert_string_equal(item->id, ID);
    assert_string_equal(item->revision, "41");
    assert_int_equal(item->tags.n, 3);
    assert_string_equal(item->tags.of[0], "OTHER");
    assert_string_equal(item->tags.of[1], "Workbooks");
    assert_string_equal(item->tags.of[2], "other one");
    assert_true(test_has_key(item, "message-id", "<a.b@example.com>"));
}

static void test_find(void **state)
{
    struct fixture *f = *state;
    const struct wess_key keys[] = {{"message-id", "<a@b>"}, {"email", "a@b"}};
    struct wess_page page;
    says(f, "UID SEARCH HEADER \"Message-ID\" \"<a@b>\"", "* SEARCH 5 6\r\n%s OK sought\r\n");
    says(f, "UID FETCH 5:6 " ASK,
         "* 2 FETCH (UID 5 FLAGS () MODSEQ (41) BODY[HEADER.FIELDS (Message-ID)] {21}\r\n"
         "Message-ID: <a@b>\r\n\r\n)\r\n"
         "* 3 FETCH (UID 6 FLAGS () MODSEQ (41) BODY[HEADER.FIELDS (Message-ID)] {23}\r\n"
         "Message-ID: <a@b>.x\r\n\r\n)\r\n%s OK fetched\r\n");
    assert_int_equal(f->c->find(&f->call, keys, 2, &page), WESS_OK);
    assert_int_equal(page.flags & WESS_PAGE_LAST, WESS_PAGE_LAST);
    assert_true(page.n >= 1);
    assert_string_equal(page.changes[0].item.id, ID);
}

/* ---- writing
 * ------------------------------------------------------------------------------------------ */

static enum wess_code update(struct fixture *f, struct wess_list was, struct wess_list now,
                             struct wess_result *out)
{
    const struct wess_field before = {.name = "categories", .type = WESS_SET, .set = was};
    const struct wess_field after = {.name = "categories", .type = WESS_SET, .set = now};
    const struct wess_item base = {.id = ID,
                                   .revision = "41",
                                   .kind = "message",
                                   .flags = WESS_ITEM_WHOLE,
                                   .fields = &before,
                                   .n_fields = 1};
    const struct wess_op op = {
        .what = WESS_UPDATE,
        .before = &base,
        .item = {.id = ID, .kind = "message", .fields = &after, .n_fields = 1}};
    *out = (struct wess_result){.code = WESS_UNKNOWN};
    return f->c->apply(&f->call, &op, 1, out);
}

static const char *const other[] = {"Other One"}, *const work[] = {"Workbooks"},
                         *const foreign[] = {"Foreign"};
static const struct wess_list none = {NULL, 0}, OTHER = {other, 1}, WORK = {work, 1},
                              FOREIGN = {foreign, 1};

static void test_add_and_remove(void **state)
{
    struct fixture *f = *state;
    struct wess_result out;
    says(f, "UID STORE 5 (UNCHANGEDSINCE 41) +FLAGS (Other_One)",
         "* 2 FETCH (UID 5 MODSEQ (51) FLAGS (\\Seen $label1 Other_One))\r\n%s OK stored\r\n");
    says(f, "UID STORE 5 (UNCHANGEDSINCE 51) -FLAGS ($label1)",
         "* 2 FETCH (UID 5 MODSEQ (52) FLAGS (\\Seen Other_One))\r\n%s OK stored\r\n");
    assert_int_equal(update(f, WORK, OTHER, &out), WESS_OK);
    assert_int_equal(out.code, WESS_OK);
    assert_string_equal(out.revision, "52");
    assert_true(was_asked(f, "SELECT \"INBOX\""));
    assert_null(strstr(f->server.asked, "\\"));
}

static void test_only_what_is_named(void **state)
{
    struct fixture *f = *state;
    struct wess_result out;
    assert_int_equal(update(f, none, FOREIGN, &out), WESS_OK);
    assert_int_equal(out.code, WESS_OK);
    assert_int_equal(update(f, FOREIGN, none, &out), WESS_OK);
    assert_int_equal(out.code, WESS_OK);
    assert_null(strstr(f->server.asked, "STORE"));
}

static void test_stale_and_gone(void **state)
{
    struct fixture *f = *state;
    struct wess_result out;
    says(f, "UID STORE 5 (UNCHANGEDSINCE 41) +FLAGS (Other_One)", "%s OK [MODIFIED 5] not all\r\n");
    assert_int_equal(update(f, none, OTHER, &out), WESS_OK);
    assert_int_equal(out.code, WESS_CONFLICT);
    f->server.says[0].answer = "%s OK stored nothing\r\n";
    assert_int_equal(update(f, none, OTHER, &out), WESS_OK);
    assert_int_equal(out.code, WESS_GONE);
    f->server.says[0].answer = "%s NO no more keywords here\r\n";
    assert_int_equal(update(f, none, OTHER, &out), WESS_OK);
    assert_int_equal(out.code, WESS_REJECTED);
}

static void test_lost_answer(void **state)
{
    struct fixture *f = *state;
    struct wess_result out;
    says(f, "UID STORE 5 (UNCHANGEDSINCE 41) +FLAGS (Other_One)", NULL);
    assert_int_not_equal(update(f, none, OTHER, &out), WESS_OK);
    assert_int_equal(out.code, WESS_UNKNOWN);
}

static void test_messages_are_not_made(void **state)
{
    struct fixture *f = *state;
    const struct wess_op ops[] = {{.what = WESS_CREATE, .stamp = "s", .item = {.kind = "message"}},
                                  {.what = WESS_DELETE, .item = {.id = ID, .kind = "message"}}};
    struct wess_result out[2] = {{.code = WESS_UNKNOWN}, {.code = WESS_UNKNOWN}};
    assert_int_equal(f->c->apply(&f->call, ops, 2, out), WESS_OK);
    assert_int_equal(out[0].code, WESS_REJECTED);
    assert_int_equal(out[1].code, WESS_REJECTED);
}

static void test_without_modseq(void **state)
{
    struct fixture *f = *state;
    struct wess_result out;
    f->server.can = "";
    says(f, "STATUS \"INBOX\" (MESSAGES UIDNEXT UIDVALIDITY)",
         "* STATUS INBOX (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7)\r\n%s OK so\r\n");
    says(f, "UID STORE 5 +FLAGS (Other_One)",
         "* 2 FETCH (UID 5 FLAGS (Other_One))\r\n%s OK stored\r\n");
    assert_int_equal(update(f, none, OTHER, &out), WESS_OK);
    assert_int_equal(out.code, WESS_OK);
    assert_int_equal(out.revision[0], 't');
}

/* ---- watching
 * ------------------------------------------------------------------------------------------ */

#define MANY 500u
struct many {
    struct testhost th[MANY];
    struct testhost_setting settings[MANY][16];
    char names[MANY][8];
    const struct wess_host *hosts[MANY];
    bool woken[MANY];
};

static size_t threads(void)
{
    DIR *d = opendir("/proc/self/task");
    size_t n = 0;
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static size_t idles(struct fixture *f)
{
    pthread_mutex_lock(&f->server.lock);
    size_t n = f->server.idles;
    pthread_mutex_unlock(&f->server.lock);
    return n;
}

/* Turns of the loop until so many wait in IDLE, and nobody has more to tell. */
static void attend(struct fixture *f, struct many *m, struct wess_watch *w, size_t until)
{
    struct wess_error e = {0};
    int64_t next;
    for (int turn = 0; turn < 2000; turn++) {
        struct pollfd fd = {.fd = f->c->watch_fd(w), .events = POLLIN};
        assert_int_equal(f->c->watch_ready(w, m->woken, &next, &e), WESS_OK);
        if (idles(f) >= until && poll(&fd, 1, 100) == 0)
            return;
    }
    fail_msg("%zu of %zu wait in IDLE", idles(f), until);
}

static void test_watch_many(void **state)
{
    struct fixture *f = *state;
    struct many *m = calloc(1, sizeof(*m));
    struct wess_watch *w = NULL;
    struct wess_error e = {0};
    int64_t next = 0;
    assert_non_null(m);
    for (size_t i = 0; i < MANY; i++) {
        memcpy(m->settings[i], f->settings, sizeof(f->settings));
        snprintf(m->names[i], sizeof(m->names[i]), "u%zu", i);
        m->settings[i][1].value = m->names[i];
        testhost_init(&m->th[i], m->settings[i], f->th.n_settings);
        m->hosts[i] = &m->th[i].host;
    }
    size_t before = threads();
    assert_int_equal(f->c->watch_open(m->hosts, MANY, &w, &e), WESS_OK);
    attend(f, m, w, MANY);
    assert_int_equal(f->server.n_conns, MANY);
    assert_int_equal(threads(), before + MANY); /* which are the server's */
    assert_int_equal(f->c->watch_ready(w, m->woken, &next, &e), WESS_OK);
    assert_true(next - m->th[0].now_ms <= 29 * 60000);

    say(f->server.conns[321], "* 4 EXISTS\r\n", "");
    say(f->server.conns[7], "* OK still here\r\n", "");
    struct pollfd fd = {.fd = f->c->watch_fd(w), .events = POLLIN};
    for (int turn = 0; turn < 100 && !m->woken[321]; turn++) {
        assert_int_equal(poll(&fd, 1, 5000), 1);
        assert_int_equal(f->c->watch_ready(w, m->woken, &next, &e), WESS_OK);
        for (size_t i = 0; i < MANY; i++)
            assert_true(i == 321 || !m->woken[i]);
    }
    assert_true(m->woken[321]);

    /* Renewed in time, on the same connections. */
    m->th[0].now_ms += 28 * 60000 + 1000;
    attend(f, m, w, 2 * MANY);
    assert_int_equal(f->server.n_conns, MANY);
    /* One that is cut off comes back, and what it missed is made up for. */
    shutdown(f->server.conns[5], SHUT_RDWR);
    assert_int_equal(poll(&fd, 1, 5000), 1);
    assert_int_equal(f->c->watch_ready(w, m->woken, &next, &e), WESS_OK);
    assert_true(m->woken[5]);
    m->th[0].now_ms = next;
    attend(f, m, w, 2 * MANY + 1);
    assert_int_equal(f->server.n_conns, MANY + 1);
    f->c->watch_close(w);
    for (size_t i = 0; i < MANY; i++)
        testhost_fini(&m->th[i]);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fetch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_find, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_add_and_remove, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_what_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stale_and_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lost_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_messages_are_not_made, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_modseq, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_watch_many, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
