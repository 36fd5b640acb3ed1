/* Random histories: what people do in several mailboxes and a shared database, with lost and late
 * answers, forgotten cursors, throttling, edits under way and killed runs between. After quiet the
 * oracle judges. A failing history is cut short and printed as a script. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "oracle.h"
#include "play.h"
#include "rules.h"

enum { LINES = 80, EPOCHS = 2 };

struct history {
    enum manner manner;
    bool mirrored, deletes, rewrites;
    char line[LINES][SCRIPT_LINE];
    size_t n;
};
struct tally {
    long done, failed, runs;
};
static const char *root;
static bool stop; /* at the first that fails, which is told as it is */

/* ---- chance ------------------------------------------------------------------------------------
 */

static uint64_t state;
static unsigned dice(unsigned n) /* SplitMix64 */
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (unsigned)((z ^ (z >> 31)) % n);
}

static void add(struct history *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct history *h, const char *fmt, ...)
{
    va_list ap;
    if (h->n == LINES)
        return;
    va_start(ap, fmt);
    vsnprintf(h->line[h->n++], SCRIPT_LINE, fmt, ap);
    va_end(ap);
}

static void random_edit(struct history *h, const char *prefix)
{
    static const char *const fields[] = {"org", "title", "note", "mobile", "work"};
    unsigned label = dice(LABELS), box = dice(3);
    const char *field = fields[dice(5)];
    if (dice(8) == 0)
        add(h, "%sset %u P%u %s -", prefix, box, label, field);
    else
        add(h, "%sset %u P%u %s v%u", prefix, box, label, field, dice(1000));
}

static void random_life(struct history *h)
{
    unsigned label = dice(LABELS), box = dice(3);
    switch (dice(6)) {
    case 0:
    case 1:
        box = 1 + dice(2);
        add(h, "new %u P%u", box, label);
        add(h, "tag %u P%u", box, label);
        break;
    case 2:
        add(h, "move %u P%u", box, label);
        break;
    case 3:
        add(h, "delete %u P%u", box, label);
        break;
    case 4:
        add(h, "untag %u P%u", 1 + dice(2), label);
        break;
    case 5:
        add(h, "queue 0 P%u %u", label, 1 + dice(2));
        break;
    }
}

static void random_trouble(struct history *h)
{
    static const char *const requests[] = {"write", "fetch", "changes"};
    char prefix[24];
    switch (dice(6)) {
    case 0:
    case 1:
    case 2:
        add(h, "fault %s %u %u", fault_names[dice(FAULT_KINDS)], dice(3), 1 + dice(3));
        break;
    case 3:
        if (dice(2))
            snprintf(prefix, sizeof(prefix), "when %s ", requests[dice(3)]);
        else
            snprintf(prefix, sizeof(prefix), "during %u ", 1 + dice(60));
        random_edit(h, prefix);
        add(h, "run");
        break;
    case 4:
        add(h, "kill %u", 1 + dice(80));
        break;
    case 5:
        add(h, "clock %u", 1 + dice(100));
        break;
    }
}

static void invent(struct history *h, unsigned long seed)
{
    state = seed;
    *h = (struct history){.manner = (enum manner)dice(MANNERS),
                          .mirrored = dice(2),
                          .deletes = dice(2),
                          .rewrites = dice(3) == 0};
    for (unsigned i = 0; i < 2; i++) {
        unsigned box = 1 + dice(2), label = dice(LABELS);
        add(h, "new %u P%u", box, label);
        add(h, "tag %u P%u", box, label);
    }
    for (int e = 0; e < EPOCHS; e++) {
        for (unsigned i = 0, n = 3 + dice(6); i < n; i++) {
            unsigned kind = dice(10);
            if (kind < 4)
                random_edit(h, "");
            else if (kind < 6)
                random_life(h);
            else if (kind < 9)
                random_trouble(h);
            else
                add(h, "run");
        }
        add(h, "quiet");
    }
}

/* ---- one history -------------------------------------------------------------------------------
 */

static bool is_edit(const char *line)
{
    static const char *const verbs[] = {"new ",    "tag ",  "untag ", "set ",
                                        "delete ", "move ", "queue "};
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (!strncmp(line, verbs[i], strlen(verbs[i])))
            return true;
    return false;
}

/* People make nobody twice in one place. */
static bool is_double(const struct play *p, const char *line)
{
    int box = 0, label = 0;
    char name[16];
    if (sscanf(line, "new %d P%d", &box, &label) != 2)
        return false;
    snprintf(name, sizeof(name), "P%d", label);
    return world_label(p->world, box, name) != NULL;
}

static const char *play(const struct history *h)
{
    static char why[600];
    struct play p;
    struct oracle o = {.deletes = h->deletes};
    const char *wrong = NULL;
    if (!play_open(&p, root, h->manner))
        return "no room";
    p.mirrored = h->mirrored;
    p.world->rewrites = h->rewrites;
    char pair[200];
    snprintf(pair, sizeof(pair),
             "conflict = \"%s\"; first = { create = \"yes\"; differs = \"%s\"; };%s",
             h->mirrored ? "right" : "left", h->mirrored ? "left" : "right",
             h->deletes ? " on_delete = { left = \"delete\"; right = \"delete\"; };" : "");
    if (!play_configure(&p, pair))
        wrong = p.error;
    for (size_t i = 0; !wrong && i < h->n; i++) {
        const char *line = h->line[i];
        if (is_double(&p, line))
            continue;
        if (is_edit(line)) {
            if (world_edit(p.world, line))
                oracle_saw(&o, line);
            continue;
        }
        *p.error = 0;
        if (!play_line(&p, line))
            wrong = *p.error ? p.error : line;
        for (; p.world->n_done; p.world->n_done--)
            oracle_saw(&o, p.world->done[p.world->n_done - 1]);
        if (!wrong && !strcmp(line, "quiet"))
            wrong = oracle_judge(&o, p.world);
    }
    if (wrong)
        snprintf(why, sizeof(why), "%s", wrong);
    play_close(&p);
    return wrong ? why : NULL;
}

/* Lines that are not needed to fail go. */
static void shorten(struct history *h)
{
    for (size_t i = h->n; i-- > 0;) {
        struct history less = *h;
        memmove(less.line[i], less.line[i + 1], (less.n - i - 1) * sizeof(less.line[0]));
        less.n--;
        if (play(&less))
            *h = less;
    }
}

static void tell(unsigned long seed, struct history *h)
{
    char first[600];
    snprintf(first, sizeof(first), "%s", play(h) ? play(h) : "not again");
    if (!stop)
        shorten(h);
    const char *why = stop ? first : play(h);
    printf("FAIL seed %lu (%s, %s%s%s): %s\n", seed, manner_names[h->manner],
           h->mirrored ? "mirrored" : "plain", h->deletes ? ", deletes" : "",
           h->rewrites ? ", rewrites" : "", why ? why : first);
    for (size_t i = 0; i < h->n && !stop; i++)
        printf("%s%s", i ? "; " : "     ", h->line[i]);
    printf("\n");
    fflush(stdout);
}

static bool is_over(const struct tally *all, unsigned worker, unsigned workers)
{
    for (unsigned w = 0; stop && w < workers; w++)
        if (__atomic_load_n(&all[w].failed, __ATOMIC_SEQ_CST))
            return true;
    return all[worker].failed >= 3;
}

static void work(unsigned worker, unsigned workers, unsigned long seed, long histories,
                 struct tally *all)
{
    static struct history h;
    struct tally *t = &all[worker];
    for (long i = worker; i < histories && !is_over(all, worker, workers); i += workers) {
        invent(&h, seed + (unsigned long)i);
        t->done++;
        if (!play(&h))
            continue;
        t->failed++;
        tell(seed + (unsigned long)i, &h);
    }
}

enum { USUAL_HISTORIES = 10000 };

/* false: said what is wrong. */
static bool options(int argc, char **argv, long *histories, unsigned long *seed)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--histories") && i + 1 < argc) {
            *histories = strtol(argv[++i], NULL, 10);
        } else if (!strcmp(argv[i], "--without") && i + 1 < argc) {
            if (!rules_without(argv[++i]))
                return false;
        } else if (!strcmp(argv[i], "--stop")) {
            stop = true;
        } else if (*argv[i] >= '0' && *argv[i] <= '9') {
            *seed = strtoul(argv[i], NULL, 10);
            *histories = *histories == USUAL_HISTORIES ? 1 : *histories;
        } else {
            fprintf(stderr, "usage: %s [--histories N] [--without RULE] [--stop] [SEED]\n",
                    argv[0]);
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    unsigned workers = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    long histories = USUAL_HISTORIES;
    unsigned long seed = 1;
    struct timespec a, b;
    char dir[] = "/dev/shm/wess-chance-XXXXXX";
    if (!options(argc, argv, &histories, &seed))
        return 2;
    struct tally *t =
        mmap(NULL, workers * sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (t == MAP_FAILED || !(root = mkdtemp(dir))) {
        perror(dir);
        return 2;
    }
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (unsigned w = 0; w < workers; w++)
        if (fork() == 0) {
            work(w, workers, seed, histories, t);
            exit(0);
        }
    bool crashed = false;
    for (int status; wait(&status) > 0;)
        crashed |= status != 0;
    clock_gettime(CLOCK_MONOTONIC, &b);
    rmdir(root);
    long done = 0, failed = 0;
    for (unsigned w = 0; w < workers; w++) {
        done += t[w].done;
        failed += t[w].failed;
    }
    double seconds = (double)(b.tv_sec - a.tv_sec);
    printf("figure chance_seconds %.0f s limit 600 %s\n", seconds, seconds <= 600 ? "ok" : "short");
    printf("figure chance_histories %ld histories limit %ld %s\n", done, histories,
           done >= histories ? "ok" : "short");
    printf("figure chance_failed %ld histories limit 0 %s\n", failed, failed ? "short" : "ok");
    printf("# seeds %lu to %lu; one again: ./run chance SEED\n", seed,
           seed + (unsigned long)histories - 1);
    return crashed || failed;
}
