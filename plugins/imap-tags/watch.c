/* Watching: each mailbox hangs in IDLE (RFC 2177) on a connection of its own, all behind one
 * descriptor and in one loop. A connection looks at one folder: the inbox where it is read, else
 * the first; a server that can (NOTIFY, RFC 5465) tells of the other folders beside it. Whatever is
 * lost of it costs no more than waiting for the next round. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "imap.h"

#define RENEW_MS ((int64_t)28 * 60 * 1000) /* a server may end it after 30 minutes */
#define ANSWER_MS ((int64_t)60000)
#define REST_FIRST_MS ((int64_t)5000)
#define REST_MOST_MS ((int64_t)600000)
#define BEGIN_MS ((int64_t)250) /* of one turn, for connecting; the others are heard meanwhile */
#define EVENTS 64
#define PIECE 4096u
#define NAMES_MOST 4000u /* bytes of folders' names in one command; more: of all folders */
#define PIECES_MOST 256u /* of one mailbox at a time; who says more is asked anew */

enum state { RESTING, ASKED /* for IDLE */, IDLING, LEAVING /* it, to begin anew */, SHUT };
struct follower {           /* one user */
    struct wess_conn *conn; /* NULL: the settings do not go */
    enum state state;
    int64_t next_ms; /* when to connect, to renew, or to give up */
    unsigned failures;
    bool woken;
};
struct wess_watch {
    const struct wess_host *host;
    int fd;
    struct follower *of;
    size_t n;
    int64_t host_ms; /* before that nobody connects: the server was not there */
};

/* ---- opening and closing
 * ------------------------------------------------------------------------------------------ */

void imap_watch_close(struct wess_watch *w)
{
    if (!w)
        return;
    for (size_t i = 0; w->of && i < w->n; i++)
        imap_close(w->of[i].conn);
    if (w->fd >= 0)
        close(w->fd);
    free(w->of);
    free(w);
}

enum wess_code imap_watch_open(const struct wess_host *const *users, size_t n,
                               struct wess_watch **out, struct wess_error *e)
{
    struct wess_watch *w = n ? calloc(1, sizeof(*w)) : NULL;
    *out = NULL;
    if (w) {
        w->host = users[0];
        w->n = n;
        w->of = calloc(n, sizeof(*w->of));
        w->fd = epoll_create1(EPOLL_CLOEXEC);
    }
    if (!w || !w->of || w->fd < 0) {
        imap_watch_close(w);
        return wess_fail(e, WESS_TRANSIENT, WESS_OF_HOST, NULL, "no resources for a watch");
    }
    for (size_t i = 0; i < n; i++) {
        struct wess_error ignored = {0};
        if (imap_open(users[i], &w->of[i].conn, &ignored) != WESS_OK)
            w->of[i].state = SHUT;
    }
    *out = w;
    return WESS_OK;
}

int imap_watch_fd(struct wess_watch *w)
{
    return w->fd;
}

/* ---- one mailbox
 * ------------------------------------------------------------------------------------------ */

static int64_t now_ms(const struct wess_watch *w)
{
    return w->host->now_ms(w->host->ctx);
}

static void rest(struct wess_watch *w, struct follower *f)
{
    int64_t wait = REST_FIRST_MS;
    for (unsigned i = 0; i < f->failures && wait < REST_MOST_MS; i++)
        wait *= 2;
    f->failures++;
    f->state = RESTING;
    f->next_ms = now_ms(w) + wait;
    imap_disconnect(f->conn); /* which takes it out of the descriptor as well */
}

static bool say(struct follower *f, const char *text)
{
    size_t len = strlen(text), n = 0;
    return curl_easy_send(f->conn->easy, text, len, &n) == CURLE_OK && n == len;
}

static bool say_idle(struct wess_watch *w, struct follower *f)
{
    f->state = ASKED;
    f->next_ms = now_ms(w) + ANSWER_MS;
    return say(f, "w0 IDLE\r\n");
}

static size_t which_folder(const struct wess_conn *c)
{
    for (size_t i = 0; i < c->folders.n; i++)
        if (!strcasecmp(c->folders.of[i].path, "inbox"))
            return i;
    return 0;
}

static bool listen_to(struct wess_watch *w, struct follower *f)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    struct epoll_event on = {.events = EPOLLIN, .data = {.ptr = f}};
    curl_easy_getinfo(f->conn->easy, CURLINFO_ACTIVESOCKET, &fd);
    return fd != CURL_SOCKET_BAD && epoll_ctl(w->fd, EPOLL_CTL_ADD, fd, &on) == 0;
}

/* Of the folder at hand IDLE tells; the others tell by a STATUS, also while it idles. */
static void put_others(struct wess_conn *c, struct imap_batch *b, size_t but)
{
    size_t len = 0;
    for (size_t i = 0; i < c->folders.n; i++)
        len += strlen(c->folders.of[i].name) + 3;
    imap_put(b, len > NAMES_MOST ? " (PERSONAL" : " (MAILBOXES (");
    for (size_t i = 0, n = 0; len <= NAMES_MOST && i < c->folders.n; i++) {
        if (i == but)
            continue;
        imap_put(b, n++ ? " " : "");
        imap_put_string(c, b, c->folders.of[i].name);
    }
    imap_put(b, len > NAMES_MOST ? "" : ")");
    imap_put(b, " (MessageNew MessageExpunge FlagChange))");
}

/* Refused, it is as with a server that has no such thing. */
static enum wess_code ask_notify(struct wess_call *call, size_t at)
{
    struct wess_conn *c = call->conn;
    struct imap_batch b = {0};
    if (!(c->features & IMAP_NOTIFY) || c->folders.n < 2)
        return WESS_OK;
    imap_say(c, &b, "NOTIFY SET (SELECTED (MessageNew MessageExpunge FlagChange))");
    put_others(c, &b, at);
    enum wess_code rc = imap_run(call, &b, NULL, NULL);
    return rc == WESS_REJECTED ? WESS_OK : rc;
}

static enum wess_code examine(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    struct imap_batch b = {0};
    enum wess_code rc = imap_connect(call);
    if (rc == WESS_OK)
        rc = imap_list(call);
    if (rc == WESS_OK && (!c->folders.n || !(c->features & IMAP_IDLE)))
        return wess_fail(&call->error, WESS_REJECTED, WESS_OF_MAILBOX, NULL,
                         "this server has no IDLE, or no folder is read");
    if (rc != WESS_OK)
        return rc;
    size_t at = which_folder(c);
    imap_put_select(c, &b, at, false);
    rc = imap_run(call, &b, NULL, NULL);
    return rc == WESS_OK ? ask_notify(call, at) : rc;
}

/* One account is not tried again for another of its mailboxes. */
static void shut_account(struct wess_watch *w, const struct follower *of)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->of[i].conn && w->of[i].state == RESTING &&
            !strcmp(w->of[i].conn->username, of->conn->username))
            w->of[i].state = SHUT;
}

static void begin(struct wess_watch *w, struct follower *f)
{
    struct wess_call call = {.conn = f->conn, .lanes = 1};
    enum wess_code rc = examine(&call);
    if (rc == WESS_OK && say_idle(w, f) && listen_to(w, f)) {
        f->woken = true; /* what happened before it is not told */
        return;
    }
    rest(w, f);
    if (rc == WESS_AUTH)
        shut_account(w, f);
    else if (rc == WESS_REJECTED || rc == WESS_BROKEN)
        f->state = SHUT;
    else if (rc == WESS_TRANSIENT && call.error.scope == WESS_OF_HOST)
        w->host_ms = f->next_ms;
}

/* ---- what comes
 * ------------------------------------------------------------------------------------------ */

static bool is_news(const struct imap_response *r)
{
    static const char *const words[] = {"EXISTS", "EXPUNGE", "FETCH", "VANISHED", "STATUS"};
    bool news = false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        news |= r->status == IMAP_DATA && imap_is(r->word, words[i]);
    return news;
}

/* false: the connection is of no more use. */
static bool take(struct wess_watch *w, struct follower *f, const struct imap_response *r)
{
    if (r->kind == IMAP_CONTINUE && f->state == ASKED) {
        f->state = IDLING;
        f->failures = 0;
        f->next_ms = now_ms(w) + RENEW_MS;
        return true;
    }
    if (r->kind == IMAP_UNTAGGED) {
        f->woken |= is_news(r);
        return r->status != IMAP_BYE;
    }
    return r->kind == IMAP_TAGGED && r->status == IMAP_OK && f->state == LEAVING && say_idle(w, f);
}

static bool hear(struct wess_watch *w, struct follower *f)
{
    struct imap_reader *reader = &f->conn->reader;
    struct imap_response r;
    for (size_t pieces = 0; pieces < PIECES_MOST;) {
        enum imap_got got = imap_reader_next(reader, &r);
        if (got == IMAP_RESPONSE && take(w, f, &r))
            continue;
        if (got != IMAP_MORE)
            return false;
        size_t n = 0;
        char *room = imap_reader_room(reader, PIECE);
        CURLcode rc = room ? curl_easy_recv(f->conn->easy, room, PIECE, &n) : CURLE_OUT_OF_MEMORY;
        if (rc == CURLE_AGAIN)
            return true;
        if (rc != CURLE_OK || !n)
            return false;
        imap_reader_came(reader, n);
        pieces++;
    }
    return false; /* others want to be heard, too */
}

static void lost(struct wess_watch *w, struct follower *f)
{
    f->woken = true; /* nobody knows what was missed */
    rest(w, f);
}

/* ---- the loop's turn
 * ------------------------------------------------------------------------------------------ */

static void hear_all(struct wess_watch *w)
{
    struct epoll_event events[EVENTS];
    int n;
    do {
        n = epoll_wait(w->fd, events, EVENTS, 0);
        for (int i = 0; i < n; i++) {
            struct follower *f = events[i].data.ptr;
            if (f->conn->easy && !hear(w, f))
                lost(w, f);
        }
    } while (n == EVENTS);
}

static void turn(struct wess_watch *w, struct follower *f, int64_t now, int64_t until)
{
    if (f->next_ms > now)
        return;
    switch (f->state) {
    case RESTING:
        if (now >= w->host_ms && now_ms(w) < until)
            begin(w, f);
        break;
    case IDLING:
        f->state = LEAVING;
        f->next_ms = now + ANSWER_MS;
        if (!say(f, "DONE\r\n"))
            lost(w, f);
        break;
    case ASKED:
    case LEAVING:
        lost(w, f);
        break;
    case SHUT:
        break;
    }
}

enum wess_code imap_watch_ready(struct wess_watch *w, bool *woken, int64_t *next_ms,
                                struct wess_error *e)
{
    int64_t now = now_ms(w), until = now + BEGIN_MS;
    size_t shut = 0;
    hear_all(w);
    *next_ms = INT64_MAX;
    for (size_t i = 0; i < w->n; i++) {
        struct follower *f = &w->of[i];
        turn(w, f, now, until);
        int64_t next = f->state == RESTING && f->next_ms < w->host_ms ? w->host_ms : f->next_ms;
        if (f->state != SHUT && next < *next_ms)
            *next_ms = next;
        shut += f->state == SHUT;
        woken[i] = f->woken;
        f->woken = false;
    }
    if (shut == w->n)
        return wess_fail(e, WESS_REJECTED, WESS_OF_HOST, NULL,
                         "none of its mailboxes can be watched");
    return WESS_OK;
}
