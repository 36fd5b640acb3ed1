/* Opening, plain calls, and what the collections are said to be. */
#include "probe.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define LOOKS 10u /* for what a cancelled call made */
#define FDS_MOST 1024

/* ---- opening
 * ------------------------------------------------------------------------------------------ */

struct open_files {
    size_t n, regular, network;
};

static struct open_files open_files(void)
{
    struct open_files out = {0, 0, 0};
    struct stat st;
    for (int fd = 0; fd < FDS_MOST; fd++) {
        struct sockaddr_storage at = {.ss_family = AF_UNSPEC};
        socklen_t len = sizeof(at);
        if (fstat(fd, &st) != 0)
            continue;
        out.n++;
        out.regular += S_ISREG(st.st_mode);
        /* A library may wake itself by a pair of local sockets. */
        out.network += S_ISSOCK(st.st_mode) && getsockname(fd, (struct sockaddr *)&at, &len) == 0 &&
                       at.ss_family != AF_UNIX;
    }
    return out;
}

static void open_no_traffic(struct probe *p)
{
    struct open_files before = open_files();
    probe_open(p);
    if (open_files().network != before.network)
        failed(p, "open() opened a socket");
    probe_close(p);
}

static void open_again(struct probe *p)
{
    struct wess_conn *second = NULL, *first;
    for (unsigned i = 0; i < 3; i++) {
        probe_open(p);
        if (!p->conn)
            failed(p, "open() answered WESS_OK and gave no connection");
        must(p, try_check(p), "check()");
        probe_close(p);
    }
    probe_open(p);
    first = p->conn;
    probe_open(p);
    second = p->conn;
    if (first == second)
        failed(p, "two open() gave one connection");
    p->c->close(first);
    must(p, try_check(p), "check() after another connection was closed");
    p->c->close(NULL);
    probe_close(p);
}

/* What a library opens once for all (a source of randomness) is not the connector's. */
static void open_leaves_nothing(struct probe *p)
{
    struct open_files before = {0, 0, 0}, after, at_start = open_files();
    struct wess_page page;
    for (unsigned i = 0; i < 3; i++) {
        probe_open(p);
        must(p, try_check(p), "check()");
        must(p, try_changes(p, (struct wess_slice){0}, 1, &page), "changes()");
        if (open_files().regular > at_start.regular)
            failed(p, "a file is open between two calls");
        probe_close(p);
        after = open_files();
        if (i && after.n > before.n)
            failed(p, "%zu descriptors are open after close() that were not before",
                   after.n - before.n);
        before = after;
    }
}

static void open_two_at_once(struct probe *p)
{
    struct wess_conn *first = p->conn, *second;
    struct wess_slice at[2] = {{0}, {0}};
    struct seen seen[2] = {{0}, {0}};
    struct wess_page page;
    bool over[2] = {false, false}; /* the one may fill its pages otherwise than the other */
    probe_open(p);
    second = p->conn;
    for (unsigned n = 0; !(over[0] && over[1]) && n < PAGES_MOST; n++)
        for (unsigned i = 0; i < 2; i++) {
            if (over[i])
                continue;
            p->conn = i ? second : first;
            must(p, try_changes(p, at[i], 7, &page), "changes() of two connections in turn");
            take_page(p, &page, &seen[i]);
            at[i] = page.next;
            over[i] = page.flags & WESS_PAGE_LAST;
        }
    if (seen[0].n != seen[1].n)
        failed(p, "read in turn, one connection showed %zu items, the other %zu", seen[0].n,
               seen[1].n);
    p->c->close(first);
    p->conn = second;
    must(p, try_check(p), "check()");
}

/* ---- calls
 * ------------------------------------------------------------------------------------------ */

static void call_check(struct probe *p)
{
    for (unsigned i = 0; i < 2; i++)
        must(p, try_check(p), "check()");
}

static void call_requests(struct probe *p)
{
    bool remote = false;
    struct wess_page page;
    for (size_t i = 0; i < p->c->n_options; i++)
        remote |= !strcmp(p->c->options[i].type, "url");
    if (!remote)
        skipped(p, "it has no option of type url: there may be nothing to count");
    must(p, try_check(p), "check()");
    if (!p->requests)
        failed(p, "check() counted no request");
    must(p, try_changes(p, (struct wess_slice){0}, LIMIT_LARGE, &page), "changes()");
    if (!p->requests)
        failed(p, "changes() counted no request");
}

static void may_be_cancelled(struct probe *p, enum wess_code rc, const char *call)
{
    if (rc != WESS_OK && rc != WESS_CANCELLED)
        failed(p, "%s, cancelled, answered %s: %s", call, code_name(rc), p->error.text);
}

static void call_cancel(struct probe *p)
{
    struct wess_page page;
    struct wess_result r;
    const char *const ids[] = {"x"};
    p->cancel_at = 1;
    may_be_cancelled(p, try_check(p), "check()");
    may_be_cancelled(p, try_changes(p, (struct wess_slice){0}, LIMIT_LARGE, &page), "changes()");
    may_be_cancelled(p, try_fetch(p, ids, 1, &r), "fetch()");
    may_be_cancelled(p, try_find(p, &(struct wess_key){"wess", "x"}, 1, &page), "find()");
    p->cancel_at = 0;
    must(p, try_check(p), "check() after a cancelled call");
}

/* Whatever a create that was cancelled answers is true: OK is there, NOT_TRIED is not, and
 * UNKNOWN is one item after the next attempt. */
static void cancel_create(struct probe *p, unsigned at)
{
    const char *stamp = new_stamp(p);
    struct wess_item *item = draft(p);
    struct wess_op op = {.stamp = stamp, .what = WESS_CREATE, .item = *item};
    struct wess_result r;
    p->cancel_at = at;
    may_be_cancelled(p, try_apply(p, &op, 1, &r), "apply()");
    p->cancel_at = 0;
    int64_t since_ms = 0;
    size_t n = live_with(p, (struct wess_key){"wess", stamp}, NULL);
    /* What was on its way may be carried out a moment later. */
    for (unsigned i = 0; i < LOOKS && !n && r.code == WESS_UNKNOWN && wait_more(p, &since_ms); i++)
        n = live_with(p, (struct wess_key){"wess", stamp}, NULL);
    if ((r.code == WESS_OK) != (n == 1) && r.code != WESS_UNKNOWN)
        failed(p, "a cancelled create answered %s, and there are %zu items", code_name(r.code), n);
    if (r.code != WESS_OK) {
        op.flags = WESS_OP_AGAIN;
        if (apply_one(p, &op, &r) != WESS_OK)
            failed(p, "the next attempt answered %s", code_name(r.code));
        n = live_with(p, (struct wess_key){"wess", stamp}, NULL);
    }
    if (n != 1)
        failed(p, "a create that was cancelled and tried again left %zu items", n);
}

static void call_cancel_write(struct probe *p)
{
    for (unsigned at = 1; at <= 5; at++)
        cancel_create(p, at);
}

static void call_no_secret(struct probe *p)
{
    size_t secrets = 0;
    for (size_t i = 0; i < p->c->n_options; i++)
        secrets += (p->c->options[i].flags & WESS_OPTION_SECRET) != 0;
    if (!secrets)
        skipped(p, "it declares no secret");
    p->deny_secrets = true;
    probe_open(p);
    enum wess_code rc = try_check(p);
    if (rc != WESS_AUTH)
        failed(p, "with no secret to be read check() answered %s", code_name(rc));
    if (p->error.scope != WESS_OF_CREDENTIAL)
        failed(p, "with no secret to be read the scope is %u", p->error.scope);
}

static void call_no_secret_told(struct probe *p)
{
    struct wess_slice at = {0};
    struct wess_slice garbage = {"\1garbage", 8};
    struct seen seen = {0};
    struct wess_page page;
    pull(p, &at, LIMIT_LARGE, &seen);
    try_changes(p, garbage, 1, &page); /* log lines and texts are looked at as they come */
    must(p, try_check(p), "check()");
}

static void call_ack(struct probe *p)
{
    struct wess_slice at = {0};
    struct seen seen = {0};
    if (!p->c->ack)
        skipped(p, "it has no ack");
    pull(p, &at, LIMIT_LARGE, &seen);
    struct wess_call call = testhost_call(&p->th, p->conn, p->setup->collection);
    enum wess_code rc = p->c->ack(&call, at);
    p->error = call.error;
    must(p, rc, "ack()");
    testhost_drop(&p->th);
    pull(p, &at, LIMIT_LARGE, &seen);
}

static void call_watch(struct probe *p)
{
    const struct wess_host *const users[] = {&p->th.host};
    struct wess_watch *w = NULL;
    struct wess_error e = {0};
    if (!p->c->watch_open)
        skipped(p, "it has no watch");
    enum wess_code rc = p->c->watch_open(users, 1, &w, &e);
    p->error = e;
    must(p, rc, "watch_open()");
    if (p->c->watch_fd(w) < 0)
        failed(p, "watch_fd() gave no descriptor");
    p->c->watch_close(w);
    p->c->watch_close(NULL);
}

/* ---- describe
 * ------------------------------------------------------------------------------------------ */

static void describe_collection(struct probe *p)
{
    for (size_t i = 0; i < p->schema.n; i++) {
        const struct wess_collection *c = &p->schema.of[i];
        bool known = false;
        for (size_t k = 0; k < p->c->n_kinds; k++)
            known |= !strcmp(p->c->kinds[k].kind, c->kind);
        if (!known)
            failed(p, "collection %s is of a kind that the table does not name", c->id);
        for (size_t k = 0; k < i; k++)
            if (!strcmp(p->schema.of[k].id, c->id))
                failed(p, "collection %s comes twice", c->id);
        if (!c->n_fields)
            failed(p, "collection %s has no fields", c->id);
    }
}

static void describe_fields(struct probe *p)
{
    const struct wess_collection *c = p->col;
    for (size_t i = 0; i < c->n_fields; i++) {
        const struct wess_field_schema *f = &c->fields[i];
        for (size_t k = 0; k < i; k++)
            if (!strcmp(c->fields[k].name, f->name))
                failed(p, "field %s is described twice", f->name);
        if (f->flags & ~(uint32_t)(WESS_FIELD_READ_ONLY | WESS_FIELD_ON_CREATE | WESS_FIELD_TELLS |
                                   WESS_FIELD_UNSHOWN | WESS_FIELD_WITH_START | WESS_FIELD_HIDES))
            failed(p, "field %s has unknown flags", f->name);
        if (f->max_n && f->type != WESS_RECORDS && f->type != WESS_SET)
            failed(p, "field %s has a number of elements and no elements", f->name);
    }
}

static void describe_caps(struct probe *p)
{
    uint64_t caps = p->col->caps, most = 0;
    for (size_t k = 0; k < p->c->n_kinds; k++)
        if (!strcmp(p->c->kinds[k].kind, p->col->kind))
            most |= p->c->kinds[k].caps;
    if (caps & ~most)
        broke(p, "10.4", "the collection claims more than its kind: 0x%llx",
              (unsigned long long)(caps & ~most));
    if ((caps & WESS_CAP_CAS_UPDATE) && !(caps & WESS_CAP_UPDATE))
        failed(p, "CAS_UPDATE without UPDATE");
    if ((caps & WESS_CAP_CAS_DELETE) && !(caps & WESS_CAP_DELETE))
        failed(p, "CAS_DELETE without DELETE");
    if ((caps & WESS_CAP_STAMP_LATER) && !(caps & WESS_CAP_UPDATE))
        failed(p, "STAMP_LATER without UPDATE");
    if ((caps & WESS_CAP_STAMP) && !(caps & WESS_CAP_CREATE))
        failed(p, "STAMP without CREATE");
    if ((caps & WESS_CAP_FACET) && (caps & (WESS_CAP_CREATE | WESS_CAP_DELETE)))
        broke(p, "8.1", "a FACET claims CREATE or DELETE");
    if ((caps & WESS_CAP_TOMBSTONE_PROVES) && !(caps & WESS_CAP_DELTA))
        failed(p, "TOMBSTONE_PROVES without DELTA: there are no tombstones");
}

static bool same(const char *a, const char *b)
{
    return (!a && !b) || (a && b && !strcmp(a, b));
}

static void describe_stable(struct probe *p)
{
    struct wess_schema again;
    for (unsigned turn = 0; turn < 2; turn++) {
        if (turn) {
            probe_close(p);
            probe_open(p);
        }
        must(p, try_describe(p, &again), "describe()");
        if (!same(again.identity, p->schema.identity) || again.n != p->schema.n)
            failed(p, "the identity or the number of collections changed");
        for (size_t i = 0; i < again.n; i++) {
            const struct wess_collection *a = &again.of[i], *b = &p->schema.of[i];
            if (!same(a->id, b->id) || !same(a->kind, b->kind) ||
                !same(a->generation, b->generation) || a->caps != b->caps ||
                a->n_fields != b->n_fields)
                failed(p, "collection %s is described another way", b->id);
        }
    }
    if (!*p->schema.identity)
        failed(p, "the identity is empty");
}

static const struct case_def cases[] = {
    {"open.no_traffic", "2.1", 0, NEEDS_NOTHING, open_no_traffic},
    {"open.again", "2.1", 0, NEEDS_NOTHING, open_again},
    {"open.leaves_nothing", "2.2", 0, NEEDS_NOTHING, open_leaves_nothing},
    {"describe.collection", "10.6", 0, NEEDS_OPEN, describe_collection},
    {"describe.fields", "10.6", 0, NEEDS_OPEN, describe_fields},
    {"describe.caps", "10.7", 0, NEEDS_OPEN, describe_caps},
    {"describe.stable", "10.5", 0, NEEDS_OPEN, describe_stable},
    {"open.two_at_once", "2.3", 0, NEEDS_OPEN, open_two_at_once},
    {"call.check", "2.4", 0, NEEDS_OPEN, call_check},
    {"call.requests", "2.9", 0, NEEDS_OPEN, call_requests},
    {"call.cancel", "2.5", 0, NEEDS_OPEN, call_cancel},
    {"call.cancel_write", "2.5", WESS_CAP_CREATE | WESS_CAP_STAMP, NEEDS_SCRATCH,
     call_cancel_write},
    {"call.secret_unread", "2.8", 0, NEEDS_NOTHING, call_no_secret},
    {"call.secret_untold", "2.7", 0, NEEDS_OPEN, call_no_secret_told},
    {"call.ack", "3.2", 0, NEEDS_OPEN, call_ack},
    {"call.watch", "2.2", 0, NEEDS_OPEN, call_watch},
};
const struct suite suite_calls = {cases, sizeof(cases) / sizeof(cases[0])};
