/* The child that runs one case: the host as the case wants it, and how the case ends. */
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KEEP_MOST ((size_t)1 << 30)
#define SECRET_MIN 4u         /* shorter ones stand in any text */
#define PAUSE_MS 200          /* between two looks at what takes its time to show */
#define SETTLE_MOST_MS 120000 /* what is waited for at most */

static struct probe *running; /* for the handler */

/* ---- how a case ends
 * ------------------------------------------------------------------------------------------ */

static void tidy(struct probe *p)
{
    p->cancel_at = 0;
    p->deny_secrets = false;
    p->th.arena.fail_at = 0;
    p->th.arena.budget = TESTHOST_BUDGET;
    testarena_drop(&p->th.arena);
    testarena_drop(&p->in);
    for (size_t i = 0; i < p->n_made && p->conn; i++) {
        struct wess_result now = {0}, done;
        if (try_fetch(p, &p->made[i], 1, &now) != WESS_OK || now.code != WESS_OK)
            continue;
        struct wess_op op = delete_of(now.current);
        try_apply(p, &op, 1, &done);
    }
}

static _Noreturn void end(struct probe *, char verdict, const char *clause, const char *fmt,
                          va_list) __attribute__((format(printf, 4, 0)));
static void end(struct probe *p, char verdict, const char *clause, const char *fmt, va_list ap)
{
    char *text = NULL;
    if (p->ending) /* told already; this is only tidying up */
        _exit(0);
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL;
    for (char *s = text; s && *s; s++)
        if ((unsigned char)*s < ' ')
            *s = ' ';
    dprintf(p->out, "%c\n%s\n%s", verdict, clause, text ? text : "");
    free(text);
    p->ending = true;
    if (verdict != 'A')
        tidy(p);
    _exit(0);
}

void failed(struct probe *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    end(p, 'F', p->now->clause, fmt, ap);
}

void broke(struct probe *p, const char *clause, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    end(p, 'F', clause, fmt, ap);
}

void refused(struct probe *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    end(p, 'A', p->now->clause, fmt, ap);
}

void skipped(struct probe *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    end(p, 'S', p->now->clause, fmt, ap);
}

static void tell(const char *text)
{
    if (write(running->out, text, strlen(text)) < 0)
        _exit(1);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)context;
    if (running->ending)
        _exit(0);
    if (testarena_dropped(&running->in, info->si_addr))
        tell("F\n1.2\nit used an input of a call after the call had returned");
    else if (testarena_dropped(&running->th.arena, info->si_addr))
        tell("F\n1.2\nit used memory of an arena that had been dropped");
    else
        tell(sig == SIGBUS ? "F\n2.4\nit crashed: SIGBUS" : "F\n2.4\nit crashed: SIGSEGV");
    _exit(1);
}

/* ---- the host
 * ------------------------------------------------------------------------------------------ */

static void probe_log(void *ctx, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void probe_log(void *ctx, int level, const char *fmt, ...)
{
    struct probe *p = ctx;
    char *line = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&line, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    if (p->th.echo)
        fprintf(p->th.echo, "# log %d: %s\n", level, line);
    if (secret_in(p, line))
        broke(p, "2.7", "a line of its log tells the secret %s", secret_in(p, line));
    free(line);
}

static int64_t real_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t probe_now(void *ctx)
{
    (void)ctx;
    return real_ms();
}

static bool probe_cancelled(void *ctx)
{
    struct probe *p = ctx;
    p->asked++;
    return p->cancel_at && p->asked >= p->cancel_at;
}

static enum wess_code probe_secret(void *ctx, const char *name, char *buf, size_t cap)
{
    struct probe *p = ctx;
    const char *value = p->th.host.setting(ctx, name);
    if (p->deny_secrets || !value || strlen(value) >= cap)
        return WESS_AUTH;
    memcpy(buf, value, strlen(value) + 1);
    return WESS_OK;
}

static enum wess_code probe_token(void *ctx, const char *name, bool renew, char *buf, size_t cap)
{
    (void)renew;
    return probe_secret(ctx, name, buf, cap);
}

const char *secret_in(const struct probe *p, const char *text)
{
    for (size_t i = 0; i < p->c->n_options; i++) {
        const struct wess_option *o = &p->c->options[i];
        if (!(o->flags & WESS_OPTION_SECRET))
            continue;
        for (size_t k = 0; k < p->setup->n; k++) {
            const struct testhost_setting *s = &p->setup->settings[k];
            if (!strcmp(s->name, o->name) && strlen(s->value) >= SECRET_MIN &&
                strstr(text, s->value))
                return o->name;
        }
    }
    return NULL;
}

void probe_open(struct probe *p)
{
    struct wess_error e = {0};
    enum wess_code rc = p->c->open(&p->th.host, &p->conn, &e);
    p->error = e;
    inspect_code(p, rc, &e, "open()");
    must(p, rc, "open()");
}

void probe_close(struct probe *p)
{
    p->c->close(p->conn);
    p->conn = NULL;
}

/* ---- what a case keeps
 * ------------------------------------------------------------------------------------------ */

void *kept(struct probe *p, size_t size)
{
    void *at = testarena_alloc(&p->keep, size);
    if (!at)
        failed(p, "the suite itself is out of memory");
    return at;
}

const char *kept_fmt(struct probe *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *out = kept(p, (size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(out, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return out;
}

const char *code_name(enum wess_code code)
{
    static const char *const names[] = {
        "WESS_OK",    "WESS_UNKNOWN",   "WESS_NOT_TRIED", "WESS_TRANSIENT", "WESS_THROTTLED",
        "WESS_AUTH",  "WESS_CONFLICT",  "WESS_GONE",      "WESS_REJECTED",  "WESS_TOO_BIG",
        "WESS_RESET", "WESS_CANCELLED", "WESS_BROKEN"};
    return (unsigned)code <= WESS_BROKEN ? names[code] : "a code that there is not";
}

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

bool wait_more(struct probe *p, int64_t *since_ms)
{
    int64_t now = real_ms(), most = p->col->settle_after_ms;
    if (!*since_ms)
        *since_ms = now;
    if (now - *since_ms >= (most < SETTLE_MOST_MS ? most : SETTLE_MOST_MS))
        return false;
    pause_ms(PAUSE_MS);
    return true;
}

/* ---- the child
 * ------------------------------------------------------------------------------------------ */

static size_t threads(void)
{
    DIR *d = opendir("/proc/self/task");
    size_t n = 0;
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

/* A resolver's thread may be on its way out. */
static void no_threads(struct probe *p)
{
    for (unsigned turn = 0; threads() > 1 && turn < 10; turn++)
        pause_ms(PAUSE_MS);
    if (threads() > 1)
        broke(p, "2.2", "%zu threads are left that it started", threads() - 1);
}

static void describe_first(struct probe *p)
{
    probe_open(p);
    must(p, try_describe(p, &p->schema), "describe()");
    for (size_t i = 0; i < p->schema.n; i++)
        if (!strcmp(p->schema.of[i].id, p->setup->collection))
            p->col = &p->schema.of[i];
    if (!p->col)
        broke(p, "10.6", "describe() has no collection \"%s\"", p->setup->collection);
}

static void require(struct probe *p)
{
    static const struct {
        uint64_t cap;
        const char *name;
    } caps[] = {{WESS_CAP_DELTA, "DELTA"},           {WESS_CAP_CREATE, "CREATE"},
                {WESS_CAP_UPDATE, "UPDATE"},         {WESS_CAP_DELETE, "DELETE"},
                {WESS_CAP_CAS_UPDATE, "CAS_UPDATE"}, {WESS_CAP_CAS_DELETE, "CAS_DELETE"},
                {WESS_CAP_STAMP, "STAMP"},           {WESS_CAP_STAMP_LATER, "STAMP_LATER"},
                {WESS_CAP_FACET, "FACET"},           {WESS_CAP_REVISIONS_RISE, "REVISIONS_RISE"}};
    for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
        if ((p->now->caps & caps[i].cap) && !(p->col->caps & caps[i].cap))
            skipped(p, "the collection has no WESS_CAP_%s", caps[i].name);
}

static void init(struct probe *p)
{
    testhost_init(&p->th, p->setup->settings, p->setup->n);
    p->th.host.log = probe_log;
    p->th.host.now_ms = probe_now;
    p->th.host.cancelled = probe_cancelled;
    p->th.host.secret = probe_secret;
    p->th.host.token = probe_token;
    p->th.http.ca_file = p->setup->ca_file;
    p->th.echo = getenv("WESS_CONFORM_LOG") ? stderr : NULL;
    p->keep.budget = p->in.budget = KEEP_MOST;
    snprintf(p->run, sizeof(p->run), "r%llxp%x", (unsigned long long)real_ms() & 0xffffffff,
             (unsigned)getpid());
}

void probe_run(struct probe *p, const struct case_def *def)
{
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    running = p;
    p->now = def;
    init(p);
    sigaction(SIGSEGV, &fault, NULL);
    sigaction(SIGBUS, &fault, NULL);
    signal(SIGPIPE, SIG_IGN);
    alarm(p->setup->patience_s);
    if (def->needs & NEEDS_OPEN)
        describe_first(p);
    if (def->needs & NEEDS_OPEN)
        require(p);
    def->run(p);
    tidy(p);
    if (p->conn)
        probe_close(p);
    no_threads(p);
    dprintf(p->out, "P\n\n");
    _exit(0);
}
