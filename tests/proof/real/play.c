#include "real.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/engine.h"
#include "host/blob.h"
#include "host/conn.h"
#include "host/plugin.h"
#include "sandbox.h"

#define QUIET_RUNS 24
#define QUIET_CLOCK_MS 130000 /* past what settles late, past rests that grow */
#define WATCHDOG_S 120
#define FILES_TOO " attachments = true;"

/* ---- the seams of the engine -------------------------------------------------------------------
 */

static struct real_shared *here; /* of this process */

int64_t __wrap_clock_now_ms(void);
int64_t __real_clock_now_ms(void);
int64_t __wrap_clock_now_ms(void)
{
    return here ? real_now_ms(here) : __real_clock_now_ms();
}

enum store_code __real_db_commit(struct db *);
enum store_code __wrap_db_commit(struct db *);
enum store_code __wrap_db_commit(struct db *db)
{
    if (here)
        real_step(here, "before", "commit");
    enum store_code rc = __real_db_commit(db);
    if (here)
        real_step(here, "after", "commit");
    return rc;
}

static bool stop(struct real_play *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool stop(struct real_play *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p->error, sizeof(p->error), fmt, ap);
    va_end(ap);
    return false;
}

static void say(void *ctx, const char *line)
{
    struct real_play *p = ctx;
    if (!*p->error)
        snprintf(p->error, sizeof(p->error), "%s", line);
}

/* ---- folders -----------------------------------------------------------------------------------
 */

static bool copy_file(const char *from, const char *to)
{
    char buf[65536];
    ssize_t n = 0;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = in >= 0 && out >= 0;
    while (ok && (n = read(in, buf, sizeof(buf))) > 0)
        ok = write(out, buf, (size_t)n) == n;
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return ok && n == 0;
}

/* Calls `each` with the path of all that is in a folder. */
static void in_folder(const char *path, void (*each)(const char *path, const char *name, void *ctx),
                      void *ctx)
{
    DIR *dir = opendir(path);
    char at[512];
    for (const struct dirent *e; dir && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) {
            snprintf(at, sizeof(at), "%s/%s", path, e->d_name);
            each(at, e->d_name, ctx);
        }
    if (dir)
        closedir(dir);
}

static bool is_folder(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The folders below stay: what is paired with one knows it by its inode. */
static void empty(const char *path, const char *name, void *ctx)
{
    bool whole = *(bool *)ctx;
    (void)name;
    if (!is_folder(path)) {
        unlink(path);
        return;
    }
    in_folder(path, empty, ctx);
    if (whole)
        rmdir(path);
}

static void copy_into(const char *path, const char *name, void *ctx)
{
    char to[512];
    snprintf(to, sizeof(to), "%s/%s", (const char *)ctx, name);
    if (is_folder(path)) {
        mkdir(to, 0700);
        in_folder(path, copy_into, to);
    } else if (!copy_file(path, to)) {
        perror(to);
        exit(2);
    }
}

static void copy_tree(const struct real_play *p, const char *from, const char *to)
{
    char a[160], b[160];
    bool whole = false;
    snprintf(a, sizeof(a), "%s/%s", p->dir, from);
    snprintf(b, sizeof(b), "%s/%s", p->dir, to);
    mkdir(b, 0700);
    in_folder(b, empty, &whole);
    in_folder(a, copy_into, b);
}

static void remove_tree(const struct real_play *p, const char *name)
{
    char path[160];
    bool whole = true;
    snprintf(path, sizeof(path), "%s/%s", p->dir, name);
    empty(path, name, &whole);
}

/* ---- configuration -----------------------------------------------------------------------------
 */

static const char *const collections[REAL_KINDS] = {"contacts", "tasks", "calendar", "messages"};
static const char *const kind_words[REAL_KINDS] = {"contact", "task", "event", "message"};

static bool put(const struct real_play *p, const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/%s", p->dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return ok;
}

static void write_pair(const struct real_play *p, FILE *f)
{
    static const char *const records[REAL_KINDS] = {"people", "tasks", "meetings", "emails"};
    bool crm = p->other == REAL_CRM, mail = p->kind == REAL_MAIL;
    fprintf(f,
            "pairs: { it: { kind = \"%s\"; left = \"exchange:%s\"; right = \"other:%s\"; %s\n"
            "  select = { left = { tags_any = [ \"Workbooks\" ];%s }; %s };\n",
            kind_words[p->kind], collections[p->kind], (crm ? records : collections)[p->kind],
            mail ? "mode = \"file\";" : "", p->other == REAL_TAGS ? " source = \"tags\";" : "",
            mail  ? ""
            : crm ? "right = { queue = \"%{user.workbooks}\"; };"
                  : "right = { tags_any = [ \"Workbooks\" ]; };");
    if (!strstr(p->pair, "guard ="))
        fprintf(f, "  guard = { max_delete = 1000; max_unlink = 1000; max_change = 1000;"
                   " max_create = 1000; max_first = 1000; };\n");
    if (!strstr(p->pair, "first ="))
        fprintf(f, "  first = { create = \"yes\"; };\n");
    fprintf(f, "  %s\n}; };\n", p->pair);
}

static bool write_config(struct real_play *p)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/wess.conf", p->dir);
    FILE *f = fopen(path, "w");
    if (!f)
        return stop(p, "%s: %s", path, strerror(errno));
    fchmod(fileno(f), 0600);
    fprintf(f,
            "site = \"proof\"; state_dir = \"%s/state\"; connector_path = [ \"%s\" ];\n"
            "endpoints: {\n  exchange: { connector = \"ews\"; url = "
            "\"http://127.0.0.1:%u/EWS/Exchange.asmx\"; auth = \"basic\"; username = "
            "\"EXAMPLE\\\\svc-wess\"; password = { file = \"%s/exchange.secret\"; };"
            " impersonate = \"%%{user.mailbox}\"; time_zone = \"Europe/Berlin\";%s%s };\n",
            p->dir, PROOF_PLUGINS, p->remote.port_exchange, p->dir,
            p->kind == REAL_CONTACT ? " folders = [ \"*\" ];" : "", p->files ? FILES_TOO : "");
    if (p->other == REAL_TAGS)
        fprintf(f,
                "  tags: { connector = \"imap-tags\"; url = \"imap://127.0.0.1:%u\"; username ="
                " \"%%{user.id}\"; password = { file = \"%s/exchange.secret\"; }; };\n",
                p->remote.port_imap, p->dir);
    if (p->other == REAL_CRM)
        fprintf(f,
                "  other: { connector = \"workbooks\"; url = \"http://127.0.0.1:%u/\";"
                " api_key = { file = \"%s/workbooks.secret\"; }; share_description = true;"
                " link_attendees = true;%s };\n};\n",
                p->remote.port_workbooks, p->dir, p->files ? FILES_TOO : "");
    else
        fprintf(f,
                "  other: { connector = \"vdir\"; %s path = \"%s/files/%%{user.id}\";"
                " time_zone = \"Europe/Berlin\";%s };\n};\n",
                p->kind == REAL_TASK    ? "kind = \"task\";"
                : p->kind == REAL_EVENT ? "kind = \"event\";"
                                        : "",
                p->dir, p->files ? FILES_TOO : "");
    fprintf(f,
            "users: { source = { csv = \"%s/users.csv\"; };"
            " waves = ( { name = \"*\"; mode = \"both\"; } ); };\n",
            p->dir);
    write_pair(p, f);
    fprintf(f,
            "http: { connect_timeout = \"3s\"; timeout = \"3s\"; };\n"
            "log: { file = \"%s/log\"; level = \"warn\"; };\n",
            p->dir);
    fclose(f);
    p->cfg = config_load(path, NULL, say, p);
    return p->cfg != NULL;
}

/* So that each run begins with it: loaded once, and forked. */
static void warm(void)
{
    static const char *const names[] = {"ews", "workbooks", "vdir", "imap-tags"},
                             *const at[] = {PROOF_PLUGINS};
    char *why = NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!plugin_load(names[i], at, 1, &why)) {
            fprintf(stderr, "%s\n", why);
            exit(2);
        }
}

static bool begin(struct real_play *p, const char *root)
{
    static int number;
    snprintf(p->dir, sizeof(p->dir), "%s/%d-%d", root, (int)getpid(), ++number);
    char path[160];
    static const char *const folders[] = {"", "/state", "/files", "/files/u1", "/files/u2"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", p->dir, folders[i]);
        if (mkdir(path, 0700))
            return stop(p, "%s: %s", path, strerror(errno));
    }
    return true;
}

bool real_open(struct real_play *p, const char *root, enum real_kind kind, enum real_other other,
               int users, const char *pair)
{
    *p = (struct real_play){.kind = kind, .other = other, .users = users};
    p->files = !strncmp(pair, REAL_FILES, strlen(REAL_FILES));
    snprintf(p->pair, sizeof(p->pair), "%s", pair + (p->files ? strlen(REAL_FILES) : 0));
    warm();
    void *at =
        mmap(NULL, sizeof(*p->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED || !begin(p, root))
        return false;
    p->shared = at;
    p->remote = (struct real_remote){.shared = p->shared, .kind = kind, .other = other};
    snprintf(p->remote.dir, sizeof(p->remote.dir), "%s", p->dir);
    bool ok = real_remote_start(&p->remote) && put(p, "exchange.secret", sb_service_password) &&
              put(p, "workbooks.secret", sb_api_key) &&
              put(p, "users.csv",
                  users > 1 ? "id,name,mailbox,workbooks\n"
                              "u1,Ada,ada.lovell@example.com,Ada Lovell\n"
                              "u2,Ben,ben.okafor@example.com,Ben Okafor\n"
                            : "id,name,mailbox,workbooks\n"
                              "u1,Ada,ada.lovell@example.com,Ada Lovell\n");
    return ok ? write_config(p) : stop(p, "the servers do not start: %s", strerror(errno));
}

void real_close(struct real_play *p)
{
    real_remote_stop(&p->remote);
    config_free(p->cfg);
    if (*p->dir)
        remove_tree(p, "");
    rmdir(p->dir);
    if (p->shared)
        munmap(p->shared, sizeof(*p->shared));
}

/* ---- kept and put back -------------------------------------------------------------------------
 */

static bool told(struct real_play *p, const char *line)
{
    return real_remote_ask(&p->remote, line, p->shown, sizeof(p->shown)) ||
           stop(p, "not possible: %s", line);
}

bool real_keep(struct real_play *p)
{
    copy_tree(p, "state", "kept-state");
    copy_tree(p, "files", "kept-files");
    return told(p, "keep");
}

bool real_back(struct real_play *p)
{
    copy_tree(p, "kept-state", "state");
    copy_tree(p, "kept-files", "files");
    return told(p, "back");
}

bool real_forget(struct real_play *p)
{
    return told(p, "forget");
}

bool real_look(struct real_play *p)
{
    return told(p, "show");
}

/* ---- runs --------------------------------------------------------------------------------------
 */

static void on_report(void *ctx, const struct run_report *r)
{
    struct real_shared *s = ((struct real_play *)ctx)->shared;
    bool worse = status_worse(s->report.status, r->status) == r->status;
    s->report.runs++;
    s->report.status = status_worse(s->report.status, r->status);
    s->report.questions += r->open_questions;
    s->report.held += r->open_held;
    s->report.parked += r->parked;
    s->report.conflicts += r->conflicts;
    if (worse && *r->text)
        snprintf(s->report.text, sizeof(s->report.text), "%s", r->text);
}

static int act(struct real_play *p)
{
    char *why = NULL;
    int status = EXIT_STATE;
    struct round_opts opts = {.no_wait = true, .workers = 1, .on_report = on_report, .ctx = p};
    struct store *s = store_open(p->cfg->state_dir, p->cfg->site, STORE_OWN, &why, &status);
    if (s && blob_root(p->cfg->state_dir) == WESS_OK)
        status = round_run(p->cfg, s, &opts);
    else
        snprintf(p->shared->report.text, sizeof(p->shared->report.text), "%s", why ? why : "?");
    free(why);
    store_close(s);
    return status;
}

int real_run(struct real_play *p)
{
    int status = 0;
    struct real_shared *s = p->shared;
    s->steps = 0;
    s->killed = false;
    s->writes = s->requests = 0;
    memset(&s->report, 0, sizeof(s->report));
    __atomic_add_fetch(&s->clock_ms, 1000, __ATOMIC_SEQ_CST);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        here = s;
        s->client = getpid();
        alarm(WATCHDOG_S);
        close(p->remote.control);
        log_open(p->cfg->log_file, WESS_LOG_WARN);
        _exit(act(p));
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return EXIT_STATE;
    s->kill_at = 0;
    if (!told(p, "meanwhile"))
        return EXIT_STATE;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return -1;
    if (WIFSIGNALED(status)) {
        snprintf(s->report.text, sizeof(s->report.text), "ended by signal %d", WTERMSIG(status));
        return 128 + WTERMSIG(status);
    }
    return WEXITSTATUS(status);
}

/* A run, whether anything was written anywhere, and whether something is still to come. */
static int run_looking(struct real_play *p, bool *wrote, bool *late)
{
    char before[32];
    *wrote = *late = true;
    if (!told(p, "late"))
        return EXIT_STATE;
    *late = *p->shown == '1';
    if (!told(p, "files"))
        return EXIT_STATE;
    snprintf(before, sizeof(before), "%.31s", p->shown);
    __atomic_add_fetch(&p->shared->clock_ms, QUIET_CLOCK_MS, __ATOMIC_SEQ_CST);
    int status = real_run(p);
    if (!told(p, "files"))
        return EXIT_STATE;
    *wrote = p->shared->writes || strcmp(before, p->shown) != 0;
    return status;
}

bool real_quiet(struct real_play *p)
{
    bool wrote, late;
    if (!told(p, "calm"))
        return false;
    for (int i = 0, silent = 0; i < QUIET_RUNS; i++) {
        int status = run_looking(p, &wrote, &late);
        if (status != 0 && status != 1 && status != 3 && status != 4)
            return stop(p, "status %d: %s", status, p->shared->report.text);
        bool still = !late && !wrote && status != 3;
        if (silent && !still)
            return stop(p, "writes again after a run that wrote nothing: %ld writes, status %d",
                        p->shared->writes, status);
        if (still && ++silent == 2)
            return true;
    }
    return stop(p, "still writing after %d runs (%s)", QUIET_RUNS, p->shared->report.text);
}

/* ---- scripts -----------------------------------------------------------------------------------
 */

static bool line_run(struct real_play *p, int kill_at)
{
    p->shared->kill_at = kill_at;
    int status = real_run(p);
    return status <= EXIT_CREDENTIAL || stop(p, "status %d: %s", status, p->shared->report.text);
}

bool real_line(struct real_play *p, const char *line)
{
    int number = 0;
    if (!strcmp(line, "run"))
        return line_run(p, 0);
    if (sscanf(line, "kill %d", &number) == 1)
        return line_run(p, number);
    if (sscanf(line, "clock %d", &number) == 1) {
        __atomic_add_fetch(&p->shared->clock_ms, (int64_t)number * 1000, __ATOMIC_SEQ_CST);
        return true;
    }
    if (!strcmp(line, "quiet"))
        return real_quiet(p);
    if (!strcmp(line, "lose")) {
        bool whole = false;
        char path[160];
        snprintf(path, sizeof(path), "%s/state", p->dir);
        in_folder(path, empty, &whole);
        return true;
    }
    if (!strcmp(line, "save") || !strcmp(line, "restore")) {
        bool save = *line == 's';
        copy_tree(p, save ? "state" : "saved", save ? "saved" : "state");
        return true;
    }
    return told(p, line);
}

bool real_script(struct real_play *p, const char *script)
{
    char line[REAL_LINE];
    while (*script) {
        size_t len = strcspn(script, ";\n");
        const char *next = script[len] ? script + len + 1 : script + len;
        while (len && *script == ' ')
            script++, len--;
        snprintf(line, sizeof(line), "%.*s", (int)len, script);
        if (*line && !real_line(p, line)) {
            if (!*p->error)
                stop(p, "failed: %s", line);
            return false;
        }
        script = next;
    }
    return true;
}
