/* Random histories with the real connectors: what people do in two mailboxes and beside them, with
 * faults of the servers, edits under way and killed runs between. After quiet the oracle judges. A
 * failing history is cut short and printed as a script; its seed plays it again. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "oracle.h"
#include "real.h"

enum { LINES = 120, HISTORIES = 400, SHORTEN_SECONDS = 60, SECONDS_MOST = 600 };

struct history {
    enum real_kind kind;
    enum real_other other;
    int users;
    bool deletes;
    char line[LINES][REAL_LINE];
    size_t n;
};
struct tally {
    long done, failed;
};
static const char *root;
static unsigned long first_seed = 1;
static long histories = HISTORIES;
static uint64_t turn;

/* ---- inventing ---------------------------------------------------------------------------------
 */

static unsigned dice(unsigned n)
{
    turn ^= turn << 13;
    turn ^= turn >> 7;
    turn ^= turn << 17;
    return (unsigned)((turn >> 11) % n);
}

static const char *one_of(const char *const *of, size_t n)
{
    return of[dice((unsigned)n)];
}
#define ONE_OF(list) one_of(list, sizeof(list) / sizeof((list)[0]))

static void add(struct history *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct history *h, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (h->n < LINES)
        vsnprintf(h->line[h->n++], REAL_LINE, fmt, ap);
    va_end(ap);
}

static const char *side(const struct history *h)
{
    if (h->kind == REAL_MAIL) /* which is made, and chosen, in a mailbox alone */
        return "a";
    unsigned n = dice(h->users > 1 ? 5 : 4);
    return n < 2 ? "a" : n < 4 ? real_other_names[h->other] : "b";
}

static void an_edit(const struct history *h, char out[REAL_LINE])
{
    static const char *const verbs[] = {"set",  "set",    "set",   "set",  "set",    "set",
                                        "drop", "delete", "purge", "copy", "private"};
    static const char *const of_mail[] = {"drop", "delete", "purge", "copy", "private", "choose"};
    bool mail = h->kind == REAL_MAIL;
    const char *verb = mail ? ONE_OF(of_mail) : dice(3) ? "set" : ONE_OF(verbs), *at = side(h);
    unsigned label = dice(PEOPLE);
    if (mail && !dice(3)) { /* of a copy that was filed */
        snprintf(out, REAL_LINE, "delete %s P%u", real_other_names[h->other], label);
        return;
    }
    bool mailbox = strlen(at) == 1;
    if (!mailbox && (!strcmp(verb, "copy") || !strcmp(verb, "private")))
        verb = "set";
    if (strcmp(verb, "set"))
        snprintf(out, REAL_LINE, "%s %s P%u", verb, at, label);
    else if (dice(2))
        snprintf(out, REAL_LINE, "set %s P%u one V%u", at, label, dice(90) + 10);
    else
        snprintf(out, REAL_LINE, "set %s P%u two %u", at, label, dice(89) + 10);
}

static void a_move(struct history *h)
{
    if (h->kind == REAL_MAIL && dice(2))
        add(h, "move a P%u %s", dice(PEOPLE), dice(2) ? "sentitems" : "inbox");
    else if (h->kind == REAL_CONTACT && dice(2))
        add(h, "move %s P%u %s", h->users > 1 && dice(2) ? "b" : "a", dice(PEOPLE),
            dice(2) ? "Suppliers" : "Contacts");
    else if (h->other == REAL_DIR)
        add(h, "move dir P%u", dice(PEOPLE));
}

static const char *records_of(const struct history *h)
{
    static const char *const of[REAL_KINDS] = {"people", "tasks", "meetings", "emails"};
    return of[h->kind];
}

static void a_fault(struct history *h)
{
    static const char *const ops[] = {"SyncFolderItems", "GetItem",    "FindItem", "CreateItem",
                                      "UpdateItem",      "DeleteItem", "GetFolder"};
    static const char *const how[] = {"lost",
                                      "late=30000",
                                      "cut=200",
                                      "http=503/20",
                                      "busy=15000",
                                      "truncate",
                                      "garbage",
                                      "limit=1",
                                      "stop=1/ErrorMailboxStoreUnavailable",
                                      "fault=ErrorMailboxMoveInProgress",
                                      "fault=ErrorInternalServerError"};
    static const char *const twice[] = {"twice", "twice=2", "again"};
    static const char *const crm[] = {"lost", "late=30000", "cut=100", "http=503/20", "truncate"};
    static const char *const imap[] = {"FETCH", "FETCH", "EXAMINE", "LIST"};
    static const char *const by_imap[] = {"lost", "cut=30", "http=503"};
    switch (dice(10)) {
    case 8:
    case 9:
        add(h, "fault ews:%s:%u:%s", ONE_OF(ops), 1 + dice(3), ONE_OF(twice));
        break;
    case 0:
        add(h, "fault ews:UpdateItem:%u:message=ErrorIrresolvableConflict", 1 + dice(2));
        break;
    case 1:
        add(h, "fault ews:SyncFolderItems:%u:%s", 1 + dice(2),
            dice(2) ? "bad_state" : "start_over");
        break;
    case 2:
    case 3:
        if (h->other == REAL_CRM) {
            add(h, "fault workbooks:%s:%s:%u:%s", records_of(h), dice(3) ? "PUT" : "GET",
                1 + dice(3), ONE_OF(crm));
            break;
        }
        /* fallthrough */
    default:
        if (h->other == REAL_TAGS && dice(2))
            add(h, "fault imap:%s:%u:%s", ONE_OF(imap), 1 + dice(2), ONE_OF(by_imap));
        else
            add(h, "fault ews:%s:%u:%s", ONE_OF(ops), 1 + dice(3), ONE_OF(how));
    }
}

static void a_while(struct history *h)
{
    static const char *const ops[] = {"ews:SyncFolderItems", "ews:GetItem", "ews:UpdateItem",
                                      "ews:CreateItem"};
    char edit[REAL_LINE];
    an_edit(h, edit);
    switch (dice(14)) {
    case 0:
    case 1:
    case 2:
        a_fault(h);
        break;
    case 3:
    case 4:
        add(h, "kill %u", 1 + dice(70));
        break;
    case 5:
        add(h, "run");
        break;
    case 6:
        add(h, "clock %u", 10 + dice(200));
        break;
    case 7:
        if (dice(5))
            add(h, "when %s %.200s", ONE_OF(ops), edit);
        else
            add(h, "when workbooks:%s:PUT %.200s", records_of(h), edit);
        break;
    case 8:
        a_move(h);
        break;
    case 9:
        if (!dice(3))
            add(h, dice(2) ? "expire" : "renumber a");
        else
            add(h, "choose %s P%u", side(h), dice(PEOPLE));
        break;
    default:
        add(h, "%s", edit);
    }
}

static void invent(struct history *h, unsigned long seed)
{
    turn = seed * 0x9e3779b97f4a7c15u + 1;
    for (int i = 0; i < 8; i++)
        dice(2);
    *h = (struct history){.other = dice(2) ? REAL_CRM : REAL_DIR, .users = 1, .deletes = dice(2)};
    h->kind = (enum real_kind)dice(REAL_KINDS);
    if (h->kind == REAL_MAIL && h->other == REAL_DIR && dice(2))
        h->other = REAL_TAGS;
    h->users = h->other == REAL_CRM && h->kind == REAL_CONTACT ? 2 : 1;
    for (unsigned l = 0; l < PEOPLE; l++) {
        const char *at = side(h);
        add(h, "new %s P%u", at, l);
        if (dice(5))
            add(h, "choose %s P%u", at, l);
    }
    for (unsigned part = 0, parts = 2 + dice(3); part < parts; part++) {
        for (unsigned i = 0, n = 4 + dice(14); i < n; i++)
            if (dice(9))
                a_while(h);
            else
                add(h, "new %s P%u", side(h), dice(PEOPLE));
        add(h, "quiet");
    }
}

/* ---- playing -----------------------------------------------------------------------------------
 */

static bool is_edit(const char *line)
{
    static const char *const not [] = {"run", "kill ", "clock ", "quiet", "fault ", "when "};
    for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++)
        if (!strncmp(line, not [i], strlen(not [i])))
            return false;
    return true;
}

/* People make nobody twice in one place. */
static bool is_double(struct real_play *p, const char *line)
{
    char place[8], name[16], ask[64], answer[REAL_LINE];
    if (sscanf(line, "new %7s %15s", place, name) != 2)
        return false;
    snprintf(ask, sizeof(ask), "is %s %s none", place, name);
    return !real_remote_ask(&p->remote, ask, answer, sizeof(answer));
}

static void saw_meanwhile(struct real_play *p, struct oracle *o)
{
    char text[4096], *rest = text, *line;
    if (!real_remote_ask(&p->remote, "done", text, sizeof(text)) || !strcmp(text, "ok"))
        return;
    while ((line = strsep(&rest, "\n")))
        oracle_saw(o, line);
}

static const char *line_of(struct real_play *p, struct oracle *o, const char *line)
{
    char answer[REAL_LINE];
    if (is_double(p, line))
        return NULL;
    if (is_edit(line)) {
        if (real_remote_ask(&p->remote, line, answer, sizeof(answer)))
            oracle_saw(o, line);
        return NULL;
    }
    *p->error = 0;
    if (!strncmp(line, "when ", 5)) { /* there may be no room for one more */
        real_remote_ask(&p->remote, line, answer, sizeof(answer));
        return NULL;
    }
    bool ok = real_line(p, line);
    oracle_saw(o, line);
    saw_meanwhile(p, o);
    if (!ok)
        return *p->error ? p->error : line;
    return strcmp(line, "quiet") ? NULL : oracle_judge(o, p);
}

static const char *play(const struct history *h)
{
    static char why[600];
    static struct real_play p;
    struct oracle o = {.place = {"a", h->users > 1 ? "b" : NULL, real_other_names[h->other]},
                       .deletes = h->deletes,
                       .keys_prove = h->kind != REAL_TASK,
                       .asks = h->other != REAL_CRM,
                       .keys_link = h->kind == REAL_CONTACT,
                       .files = h->kind == REAL_MAIL};
    char pair[200];
    snprintf(
        pair, sizeof(pair), "%s%s",
        o.files ? "" : "conflict = \"left\"; first = { create = \"yes\"; differs = \"left\"; };",
        h->deletes && !o.files ? " on_delete = { left = \"delete\"; right = \"delete\"; };" : "");
    const char *wrong = real_open(&p, root, h->kind, h->other, h->users, pair) ? NULL : p.error;
    for (size_t i = 0; !wrong && i < h->n; i++)
        wrong = line_of(&p, &o, h->line[i]);
    if (wrong)
        snprintf(why, sizeof(why), "%s", wrong);
    real_close(&p);
    return wrong ? why : NULL;
}

/* ---- one that failed ---------------------------------------------------------------------------
 */

static void shorten(struct history *h)
{
    time_t end = time(NULL) + SHORTEN_SECONDS;
    for (size_t part = h->n / 2; part; part /= 2)
        for (size_t at = 0; at + part <= h->n && time(NULL) < end;) {
            static struct history less;
            less = *h;
            memmove(less.line[at], less.line[at + part], (less.n - at - part) * REAL_LINE);
            less.n -= part;
            if (play(&less))
                *h = less;
            else
                at += part;
        }
}

static void tell(struct history *h, unsigned long seed, const char *wrong)
{
    printf("FAIL seed %lu (%s, %s%s): %s\n", seed, real_kind_names[h->kind],
           h->other == REAL_TAGS ? "tags" : real_other_names[h->other],
           h->deletes ? ", deletions are carried over" : "", wrong);
    fflush(stdout);
    shorten(h);
    for (size_t i = 0; i < h->n; i++)
        printf("     %s\n", h->line[i]);
    wrong = play(h);
    printf("     %s\n     again: ./run chance ews %lu\n", wrong ? wrong : "(not this time)", seed);
    fflush(stdout);
}

static void work(unsigned worker, unsigned workers, struct tally *t)
{
    static struct history h;
    for (unsigned long i = worker; i < (unsigned long)histories; i += workers) {
        invent(&h, first_seed + i);
        const char *wrong = play(&h);
        t->done++;
        if (!wrong)
            continue;
        t->failed++;
        tell(&h, first_seed + i, wrong);
    }
}

/* A script of one's own, a line each, from standard input. */
static int play_script(void)
{
    static struct history h;
    char kind[16], other[16], line[REAL_LINE];
    if (scanf("%15s %15s %d%*c", kind, other, (int *)&h.users) != 3)
        return 2;
    for (int k = 0; k < REAL_KINDS; k++)
        if (!strcmp(kind, real_kind_names[k]))
            h.kind = (enum real_kind)k;
    h.other = !strcmp(other, "crm") ? REAL_CRM : !strcmp(other, "tags") ? REAL_TAGS : REAL_DIR;
    h.deletes = h.users < 0;
    h.users = abs(h.users);
    while (fgets(line, sizeof(line), stdin) && h.n < LINES) {
        line[strcspn(line, "\n")] = 0;
        snprintf(h.line[h.n++], REAL_LINE, "%s", line + strspn(line, " "));
    }
    const char *wrong = play(&h);
    printf("%s\n", wrong ? wrong : "well");
    return wrong != NULL;
}

static bool figure(const char *name, double value, const char *unit, double limit, bool at_least)
{
    bool ok = at_least ? value >= limit : value <= limit;
    printf("figure %s %.6g %s limit %g %s\n", name, value, unit, limit, ok ? "ok" : "short");
    return ok;
}

static int play_all(void)
{
    unsigned workers = histories > 1 ? (unsigned)sysconf(_SC_NPROCESSORS_ONLN) : 1;
    time_t began = time(NULL);
    struct tally all = {0}, *t = mmap(NULL, workers * sizeof(*t), PROT_READ | PROT_WRITE,
                                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool crashed = t == MAP_FAILED;
    printf("seeds %lu to %lu\n", first_seed, first_seed + (unsigned long)histories - 1);
    fflush(NULL);
    for (unsigned w = 0; !crashed && w < workers; w++)
        if (fork() == 0) {
            work(w, workers, &t[w]);
            exit(0);
        }
    for (int status; wait(&status) > 0;)
        crashed |= status != 0;
    for (unsigned w = 0; !crashed && w < workers; w++) {
        all.done += t[w].done;
        all.failed += t[w].failed;
    }
    bool ok = !crashed;
    figure("ews_chance_seconds", (double)(time(NULL) - began), "s", SECONDS_MOST, false);
    ok &= figure("ews_chance_histories", (double)all.done, "histories", (double)histories, true);
    ok &= figure("ews_chance_failed", (double)all.failed, "histories", 0, false);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    char at[] = "/dev/shm/wess-chance-XXXXXX";
    bool script = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--histories") && i + 1 < argc) {
            histories = strtol(argv[++i], NULL, 10);
        } else if (!strcmp(argv[i], "--from") && i + 1 < argc) {
            first_seed = strtoul(argv[++i], NULL, 10);
        } else if (!strcmp(argv[i], "--script")) {
            script = true;
        } else if (argv[i][0] != '-') {
            first_seed = strtoul(argv[i], NULL, 10);
            histories = 1;
        } else {
            fprintf(stderr, "usage: %s [--histories N] [--from SEED] [--script] [SEED]\n", argv[0]);
            return 2;
        }
    }
    root = mkdtemp(at);
    if (!root) {
        perror(at);
        return 2;
    }
    int status = script ? play_script() : play_all();
    rmdir(root);
    return status;
}
