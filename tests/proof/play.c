#include "play.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/engine.h"
#include "host/conn.h"

#define QUIET_RUNS 24
#define QUIET_CLOCK_MS 90000 /* past what settles late, past rests that grow */
#define WATCHDOG_S 60

/* ---- the seams of the engine -------------------------------------------------------------------
 */

static struct world *here; /* of this process */

int64_t __wrap_clock_now_ms(void);
int64_t __wrap_clock_now_ms(void)
{
    return here ? __atomic_load_n(&here->now_ms, __ATOMIC_SEQ_CST) : 0;
}

enum store_code __real_db_commit(struct db *);
enum store_code __wrap_db_commit(struct db *);
enum store_code __wrap_db_commit(struct db *db)
{
    if (here)
        world_step(here, "commit");
    enum store_code rc = __real_db_commit(db);
    if (here)
        world_step(here, "committed");
    return rc;
}

/* ---- configuration -----------------------------------------------------------------------------
 */

static bool stop(struct play *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool stop(struct play *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p->error, sizeof(p->error), fmt, ap);
    va_end(ap);
    return false;
}

static void say(void *ctx, const char *line)
{
    struct play *p = ctx;
    if (!*p->error)
        snprintf(p->error, sizeof(p->error), "%s", line);
}

/* max_first is of the guard. */
static bool says_first(const char *pair)
{
    const char *at = strstr(pair, "first =");
    while (at && at > pair && at[-1] == '_')
        at = strstr(at + 1, "first =");
    return at != NULL;
}

static void write_config(const struct play *p, FILE *f)
{
    static const char select_box[] = "{ tags_any = [ \"W\" ]; }",
                      select_shared[] = "{ queue = \"%{user.id}\"; }",
                      guard[] =
                          "  guard = { max_delete = 1000; max_unlink = 1000; max_change = 1000;"
                          " max_create = 1000; max_first = 1000; };\n",
                      first[] = "  first = { create = \"yes\"; };\n";
    bool m = p->mirrored;
    fprintf(
        f,
        "site = \"proof\"; state_dir = \"%s/state\"; connector_path = [ \"%s\" ];\n"
        "endpoints: {\n  box: { connector = \"liar\"; world = \"%lx\"; box = \"%%{user.box}\"; };\n"
        "  crm: { connector = \"liar\"; world = \"%lx\"; box = \"0\";%s };\n};\n"
        "users: { source = { list = (",
        p->dir, PROOF_PLUGINS, (unsigned long)(uintptr_t)p->world,
        (unsigned long)(uintptr_t)p->world, p->own ? " account = \"%{user.id}\";" : "");
    for (int u = 1; u <= p->users; u++)
        fprintf(f, "%s{ id = \"u%d\"; name = \"User %d\"; box = \"%d\"; }", u > 1 ? ", " : "", u, u,
                u);
    fprintf(f,
            "); }; };\npairs: { people: { kind = \"contact\"; left = \"%s:c\"; right = \"%s:c\";\n"
            "  select = { left = %s; right = %s; };\n"
            "%s%s  %s\n}; };\n"
            "log: { file = \"%s/log\"; level = \"warn\"; };\n",
            m ? "crm" : "box", m ? "box" : "crm", m ? select_shared : select_box,
            m ? select_box : select_shared, strstr(p->pair, "guard =") ? "" : guard,
            says_first(p->pair) ? "" : first, p->pair, p->dir);
}

bool play_configure(struct play *p, const char *pair_settings)
{
    char path[128];
    snprintf(p->pair, sizeof(p->pair), "%s", pair_settings);
    snprintf(path, sizeof(path), "%s/wess.conf", p->dir);
    FILE *f = fopen(path, "w");
    if (!f)
        return stop(p, "%s: %s", path, strerror(errno));
    fchmod(fileno(f), 0600);
    write_config(p, f);
    fclose(f);
    config_free(p->cfg);
    *p->error = 0;
    p->cfg = config_load(path, NULL, say, p);
    return p->cfg != NULL;
}

bool play_open(struct play *p, const char *root, enum manner manner)
{
    static int number;
    *p = (struct play){.users = 2, .workers = 1};
    snprintf(p->dir, sizeof(p->dir), "%s/%d-%d", root, (int)getpid(), ++number);
    p->world = world_new();
    if (!p->world || mkdir(p->dir, 0700) != 0)
        return stop(p, "%s: %s", p->dir, strerror(errno));
    p->world->manner = manner;
    return true;
}

static const char *const state_files[] = {"wess.db", "wess.db-wal", "wess.db-shm", "key", "lock"};
enum { STATE_FILES = sizeof(state_files) / sizeof(state_files[0]) };

static void remove_state(const struct play *p, const char *name)
{
    char path[256];
    for (size_t i = 0; i < STATE_FILES; i++) {
        snprintf(path, sizeof(path), "%s/%s/%s", p->dir, name, state_files[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/%s/world", p->dir, name);
    unlink(path);
    snprintf(path, sizeof(path), "%s/%s/spool", p->dir, name);
    rmdir(path);
    snprintf(path, sizeof(path), "%s/%s", p->dir, name);
    rmdir(path);
}

void play_close(struct play *p)
{
    static const char *const names[] = {"state", "a", "b", "saved"};
    char path[128];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        remove_state(p, names[i]);
    snprintf(path, sizeof(path), "%s/wess.conf", p->dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/log", p->dir);
    unlink(path);
    rmdir(p->dir);
    config_free(p->cfg);
    world_free(p->world);
}

/* ---- state, kept and put back ------------------------------------------------------------------
 */

static bool copy_file(const char *from, const char *to)
{
    char buf[65536];
    ssize_t n = 0;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return errno == ENOENT;
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = out >= 0;
    while (ok && (n = read(in, buf, sizeof(buf))) > 0)
        ok = write(out, buf, (size_t)n) == n;
    close(in);
    if (out >= 0)
        close(out);
    return ok && n == 0;
}

static bool copy_state(struct play *p, const char *from, const char *to)
{
    char a[256], b[256];
    remove_state(p, to);
    snprintf(b, sizeof(b), "%s/%s", p->dir, to);
    if (mkdir(b, 0700) != 0)
        return stop(p, "%s: %s", b, strerror(errno));
    for (size_t i = 0; i < STATE_FILES; i++) {
        snprintf(a, sizeof(a), "%s/%s/%s", p->dir, from, state_files[i]);
        snprintf(b, sizeof(b), "%s/%s/%s", p->dir, to, state_files[i]);
        if (!copy_file(a, b))
            return stop(p, "%s: %s", a, strerror(errno));
    }
    return true;
}

bool play_save(struct play *p, const char *name)
{
    char path[256];
    if (!copy_state(p, "state", name))
        return false;
    snprintf(path, sizeof(path), "%s/%s/world", p->dir, name);
    FILE *f = fopen(path, "w");
    bool ok = f && fwrite(p->world, sizeof(*p->world), 1, f) == 1;
    return (f && fclose(f) == 0 && ok) || stop(p, "%s: %s", path, strerror(errno));
}

bool play_restore(struct play *p, const char *name)
{
    char path[256];
    if (!copy_state(p, name, "state"))
        return false;
    snprintf(path, sizeof(path), "%s/%s/world", p->dir, name);
    FILE *f = fopen(path, "r");
    bool ok = f && fread(p->world, sizeof(*p->world), 1, f) == 1;
    if (f)
        fclose(f);
    return ok || stop(p, "%s: %s", path, strerror(errno));
}

/* ---- in a child --------------------------------------------------------------------------------
 */

static void on_report(void *ctx, const struct run_report *r)
{
    struct w_report *out = &((struct play *)ctx)->world->report;
    bool worse = status_worse(out->status, r->status) == r->status;
    out->runs++;
    out->status = status_worse(out->status, r->status);
    out->questions += r->open_questions;
    out->held += r->open_held;
    out->parked += r->parked;
    out->conflicts += r->conflicts;
    if (worse && *r->text)
        snprintf(out->text, sizeof(out->text), "%s", r->text);
}

static int with_store(struct play *p, int (*act)(struct play *, struct store *, const char *),
                      const char *word)
{
    char *why = NULL;
    int status = EXIT_STATE;
    struct store *s = store_open(p->cfg->state_dir, p->cfg->site, STORE_OWN, &why, &status);
    if (s)
        status = act(p, s, word);
    else
        snprintf(p->world->report.text, sizeof(p->world->report.text), "%s", why ? why : "?");
    free(why);
    store_close(s);
    return status;
}

static int act_run(struct play *p, struct store *s, const char *word)
{
    struct round_opts opts = {
        .no_wait = true, .workers = p->workers, .on_report = on_report, .ctx = p};
    (void)word;
    return round_run(p->cfg, s, &opts);
}

/* As the command does: a twin is named by its id over there. */
static bool answer(struct db *db, struct wess_arena *a, const struct ask_row *ask,
                   const char *field, const char *whole)
{
    struct item_row twin;
    const char *text = ask->kind == ASK_CONFLICT ? field : whole;
    if (!strcmp(text, "link")) {
        if (item_get(db, a, strtol(ask->candidates, NULL, 10), &twin) != STORE_OK)
            return false;
        text = arena_fmt(a, "link:%s", twin.rid);
    }
    return text && ask_answer(db, ask->id, text) == STORE_OK;
}

static int act_answer(struct play *p, struct store *s, const char *word)
{
    char field[16] = "left", whole[16] = "create";
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    struct db *db = db_open(s, false);
    struct ask_row *asks = NULL;
    size_t n = 0;
    (void)p;
    sscanf(word, "%15s %15s", field, whole);
    bool ok =
        a && db && asks_list(db, a, 0, true, &asks, &n) == STORE_OK && db_begin(db) == STORE_OK;
    for (size_t i = 0; ok && i < n; i++)
        ok = answer(db, a, &asks[i], field, whole);
    ok = ok && db_commit(db) == STORE_OK;
    db_close(db);
    arena_free(a);
    return ok ? 0 : EXIT_STATE;
}

static int act_release(struct play *p, struct store *s, const char *word)
{
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    struct db *db = db_open(s, false);
    struct hold_row *holds = NULL;
    size_t n = 0;
    (void)p;
    (void)word;
    bool ok = a && db && holds_list(db, a, 0, &holds, &n) == STORE_OK && db_begin(db) == STORE_OK;
    for (size_t i = 0; ok && i < n; i++)
        hold_release(db, holds[i].id);
    ok = ok && db_commit(db) == STORE_OK;
    db_close(db);
    arena_free(a);
    return ok ? 0 : EXIT_STATE;
}

/* How the process that runs is furnished: with the proof's own disk or memory. */
static bool begin(struct world *w, size_t workers)
{
    bool struck = w->kill_at || w->disk.at || w->memory.watched;
    here = w;
    w->end = w->disk.how == DISK_POWER ? disk_power_off : NULL;
    if (w->memory.watched)
        memory_begin(&w->memory);
    else if (workers == 1) /* a sanitizer would take what SQLite does through our hands for ours */
        disk_begin(&w->disk);
    alarm(WATCHDOG_S);
    return struck;
}

static void end(struct world *w, size_t workers)
{
    if (w->memory.watched)
        memory_end(&w->memory);
    else if (workers == 1)
        disk_end(&w->disk);
}

static int in_child(struct play *p, int (*act)(struct play *, struct store *, const char *),
                    const char *word)
{
    int status = 0;
    p->world->steps = p->world->writes = p->world->requests = 0;
    p->world->report = (struct w_report){0};
    world_ready(p->world);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        bool struck = begin(p->world, p->workers);
        log_open(p->cfg->log_file, WESS_LOG_WARN);
        status = with_store(p, act, word);
        end(p->world, p->workers);
        /* Leaks are what the sanitizer looks for at the end of a program. */
        if (struck)
            _exit(status);
        config_free(p->cfg);
        exit(status);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return EXIT_STATE;
    p->world->kill_at = p->world->disk.at = 0;
    p->world->disk.how = DISK_WELL;
    p->world->memory.watched = false;
    world_meanwhile(p->world);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return -1;
    if (WIFSIGNALED(status)) {
        snprintf(p->world->report.text, sizeof(p->world->report.text), "ended by signal %d",
                 WTERMSIG(status));
        return 128 + WTERMSIG(status);
    }
    return WEXITSTATUS(status);
}

int play_run(struct play *p)
{
    p->world->now_ms += 1000;
    return in_child(p, act_run, "");
}

bool play_quiet(struct play *p)
{
    memset(p->world->fault, 0, sizeof(p->world->fault));
    for (int i = 0; i < QUIET_RUNS; i++) {
        bool late = false;
        p->world->now_ms += QUIET_CLOCK_MS;
        for (size_t k = 0; k < LATE; k++)
            late |= p->world->late[k].used;
        int status = play_run(p);
        if (status != 0 && status != 1 && status != 3 && status != 4)
            return stop(p, "status %d: %s", status, p->world->report.text);
        if (!late && !p->world->writes && status != 3)
            return true;
    }
    return stop(p, "still writing after %d runs (%s)", QUIET_RUNS, p->world->report.text);
}

/* ---- scripts -----------------------------------------------------------------------------------
 */

static bool line_fault(struct play *p, const char *line)
{
    char kind[16] = "";
    int box = 0, in = 0;
    if (sscanf(line, "fault %15s %d %d", kind, &box, &in) != 3 || box < 0 || box >= BOXES)
        return false;
    for (int k = 0; k < FAULT_KINDS; k++)
        for (size_t i = 0; !strcmp(kind, fault_names[k]) && i < FAULTS; i++)
            if (!p->world->fault[i].in) {
                p->world->fault[i] = (struct w_fault){(enum fault_kind)k, box, in};
                return true;
            }
    return false;
}

static bool line_during(struct play *p, const char *line)
{
    int at = -1, from = 0;
    char what[16] = "";
    if ((sscanf(line, "during %d %n", &at, &from) != 1 &&
         sscanf(line, "when %15s %n", what, &from) != 1) ||
        !from)
        return false;
    for (size_t i = 0; i < DURING; i++)
        if (!p->world->during[i].at) {
            p->world->during[i].at = at;
            memcpy(p->world->during[i].what, what, sizeof(what));
            snprintf(p->world->during[i].line, SCRIPT_LINE, "%s", line + from);
            return true;
        }
    return false;
}

static bool line_run(struct play *p, int kill_at)
{
    p->world->kill_at = kill_at;
    int status = play_run(p);
    /* A run may end anyhow, but not by a signal of its own, a sanitizer or with a broken state. */
    return status <= EXIT_CREDENTIAL || stop(p, "status %d: %s", status, p->world->report.text);
}

static bool line_users(struct play *p, int n)
{
    char pair[sizeof(p->pair)];
    memcpy(pair, p->pair, sizeof(pair));
    p->users = n;
    return play_configure(p, pair);
}

bool play_line(struct play *p, const char *line)
{
    int number = 0;
    if (!strcmp(line, "run"))
        return line_run(p, 0);
    if (sscanf(line, "kill %d", &number) == 1)
        return line_run(p, number);
    if (sscanf(line, "clock %d", &number) == 1) {
        p->world->now_ms += (int64_t)number * 1000;
        return true;
    }
    if (sscanf(line, "users %d", &number) == 1)
        return line_users(p, number);
    if (!strncmp(line, "pair ", 5))
        return play_configure(p, line + 5);
    if (!strcmp(line, "quiet"))
        return play_quiet(p);
    if (!strncmp(line, "answer ", 7))
        return in_child(p, act_answer, line + 7) == 0;
    if (!strcmp(line, "release"))
        return in_child(p, act_release, "") == 0;
    if (!strcmp(line, "lose")) {
        remove_state(p, "state");
        return true;
    }
    if (!strcmp(line, "save"))
        return copy_state(p, "state", "saved");
    if (!strcmp(line, "restore"))
        return copy_state(p, "saved", "state");
    if (!strcmp(line, "rewrites"))
        return p->world->rewrites = true;
    if (!strncmp(line, "fault ", 6))
        return line_fault(p, line);
    if (!strncmp(line, "during ", 7) || !strncmp(line, "when ", 5))
        return line_during(p, line);
    return world_edit(p->world, line) || stop(p, "not understood: %s", line);
}

bool play_script(struct play *p, const char *script)
{
    char line[SCRIPT_LINE];
    while (*script) {
        size_t len = strcspn(script, ";\n");
        const char *next = script[len] ? script + len + 1 : script + len;
        while (len && *script == ' ')
            script++, len--;
        snprintf(line, sizeof(line), "%.*s", (int)len, script);
        if (*line && !play_line(p, line)) {
            if (!*p->error)
                stop(p, "failed: %s", line);
            return false;
        }
        script = next;
    }
    return true;
}
