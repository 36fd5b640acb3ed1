/* Random histories: what people do in several mailboxes and a shared database, with lost and late
 * answers, forgotten cursors, throttling, edits under way and killed runs between. After quiet the
 * oracle judges. A failing history is cut short and printed as a script.
 *
 * With --workers N a crowd of users runs side by side in every round, and remotes and disks take
 * their time by chance. What such a history comes to is then a matter of chance too: one that
 * failed is played again and again, and of what is cut away only that is gone which it can fail
 * without. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "history.h"
#include "oracle.h"
#include "play.h"
#include "rules.h"

enum {
    SEED_TIMES = 100,    /* one seed asked for is played so often, side by side */
    FAILED_TIMES = 20,   /* again, to tell how often it fails */
    SHORTEN_TIMES = 8,   /* tries to fail without a line */
    SHORTEN_SECONDS = 60 /* then it is printed as it is */
};

struct tally {
    long done, failed, runs;
};
struct task {
    unsigned workers; /* of a round; 1: nothing is left to chance but the history */
    unsigned long seed;
    long histories, times;
};
static const char *root;
static bool stop; /* at the first that fails, which is told as it is */
static struct task task = {.workers = 1, .seed = 1, .histories = 10000, .times = 1};

/* ---- one history -------------------------------------------------------------------------------
 */

static void invent(struct history *h, unsigned long seed)
{
    if (task.workers > 1)
        history_crowd(h, seed);
    else
        history_invent(h, seed);
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

static bool configure(struct play *p, const struct history *h)
{
    static uint64_t turn;
    char pair[200];
    p->mirrored = h->mirrored;
    p->own = h->own;
    p->users = h->users;
    p->workers = task.workers;
    p->world->rewrites = h->rewrites;
    p->world->lingers = task.workers > 1;
    p->world->chance = ++turn * 0xd1342543de82ef95u;
    snprintf(pair, sizeof(pair),
             "conflict = \"%s\"; first = { create = \"yes\"; differs = \"%s\"; };%s",
             h->mirrored ? "right" : "left", h->mirrored ? "left" : "right",
             h->deletes ? " on_delete = { left = \"delete\"; right = \"delete\"; };" : "");
    return play_configure(p, pair);
}

static const char *line_of(struct play *p, struct oracle *o, const char *line)
{
    if (is_double(p, line))
        return NULL;
    if (history_is_edit(line)) {
        if (world_edit(p->world, line))
            oracle_saw(o, line);
        return NULL;
    }
    *p->error = 0;
    bool ok = play_line(p, line);
    for (size_t i = 0; i < p->world->n_done; i++)
        oracle_saw(o, p->world->done[i]);
    p->world->n_done = 0;
    if (!ok)
        return *p->error ? p->error : line;
    return strcmp(line, "quiet") ? NULL : oracle_judge(o, p->world);
}

static const char *play(const struct history *h)
{
    static char why[600];
    struct play p;
    struct oracle o = {.deletes = h->deletes};
    if (!play_open(&p, root, h->manner))
        return "no room";
    const char *wrong = configure(&p, h) ? NULL : p.error;
    for (size_t i = 0; !wrong && i < h->n; i++)
        wrong = line_of(&p, &o, h->line[i]);
    if (wrong)
        snprintf(why, sizeof(why), "%s", wrong);
    play_close(&p);
    return wrong ? why : NULL;
}

/* ---- one that failed ---------------------------------------------------------------------------
 */

static const char *play_often(const struct history *h, int times)
{
    const char *wrong = NULL;
    for (int i = 0; !wrong && i < (task.workers > 1 ? times : 1); i++)
        wrong = play(h);
    return wrong;
}

/* Lines that are not needed to fail go. */
static void shorten(struct history *h)
{
    time_t end = time(NULL) + SHORTEN_SECONDS;
    for (size_t i = h->n; i-- > 0 && (task.workers == 1 || time(NULL) < end);) {
        struct history less = *h;
        memmove(less.line[i], less.line[i + 1], (less.n - i - 1) * sizeof(less.line[0]));
        less.n--;
        if (play_often(&less, SHORTEN_TIMES))
            *h = less;
    }
}

static void tell(unsigned long seed, struct history *h, const char *first)
{
    char why[600];
    int again = 0;
    snprintf(why, sizeof(why), "%s", first);
    if (task.workers > 1 && !stop) {
        printf("# seed %lu fails: %s\n", seed, why);
        fflush(stdout);
        for (int i = 0; i < FAILED_TIMES; i++)
            again += play(h) != NULL;
        printf("# seed %lu failed %d of %d times again\n", seed, again, FAILED_TIMES);
    }
    if (!stop && (task.workers == 1 || again))
        shorten(h);
    const char *now = stop ? why : play_often(h, FAILED_TIMES);
    printf("FAIL seed %lu (%s, %d users, %s%s%s%s): %s\n", seed, manner_names[h->manner], h->users,
           h->mirrored ? "mirrored" : "plain", h->own ? ", own" : "", h->deletes ? ", deletes" : "",
           h->rewrites ? ", rewrites" : "", now ? now : why);
    for (size_t i = 0; i < h->n && !stop; i++)
        printf("%s%s", i ? "; " : "     ", h->line[i]);
    printf("\n");
    fflush(stdout);
}

/* ---- all of them -------------------------------------------------------------------------------
 */

static bool is_over(const struct tally *all, unsigned me, unsigned of)
{
    for (unsigned w = 0; stop && w < of; w++)
        if (__atomic_load_n(&all[w].failed, __ATOMIC_SEQ_CST))
            return true;
    return all[me].failed >= 3;
}

static void work(unsigned me, unsigned of, struct tally *all)
{
    static struct history h;
    struct tally *t = &all[me];
    for (long i = me; i < task.histories * task.times && !is_over(all, me, of); i += of) {
        unsigned long seed = task.seed + (unsigned long)(i / task.times);
        invent(&h, seed);
        t->done++;
        const char *wrong = play(&h);
        if (!wrong)
            continue;
        t->failed++;
        tell(seed, &h, wrong);
    }
}

static bool options(int argc, char **argv)
{
    bool one = false, many = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--histories") && i + 1 < argc) {
            task.histories = strtol(argv[++i], NULL, 10);
            many = true;
        } else if (!strcmp(argv[i], "--workers") && i + 1 < argc) {
            task.workers = (unsigned)strtoul(argv[++i], NULL, 10);
        } else if (!strcmp(argv[i], "--without") && i + 1 < argc) {
            if (!rules_without(argv[++i]))
                return false;
        } else if (!strcmp(argv[i], "--stop")) {
            stop = true;
        } else if (*argv[i] >= '0' && *argv[i] <= '9') {
            task.seed = strtoul(argv[i], NULL, 10);
            one = true;
        } else {
            return false;
        }
    }
    if (!many && one)
        task.histories = 1;
    else if (!many && task.workers > 1)
        task.histories = 2000;
    if (task.histories == 1 && task.workers > 1)
        task.times = SEED_TIMES;
    return task.workers > 0;
}

static void say(const struct tally *t, unsigned n, double seconds)
{
    const char *name = task.workers > 1 ? "threads" : "chance";
    long done = 0, failed = 0, asked = task.histories * task.times;
    for (unsigned w = 0; w < n; w++) {
        done += t[w].done;
        failed += t[w].failed;
    }
    printf("figure %s_seconds %.0f s limit 600 %s\n", name, seconds,
           seconds <= 600 ? "ok" : "short");
    printf("figure %s_histories %ld histories limit %ld %s\n", name, done, asked,
           done >= asked ? "ok" : "short");
    printf("figure %s_failed %ld histories limit 0 %s\n", name, failed, failed ? "short" : "ok");
    char how[40] = "";
    if (task.workers > 1)
        snprintf(how, sizeof(how), " --workers %u", task.workers);
    printf("# seeds %lu to %lu; one again: ./run chance%s SEED\n", task.seed,
           task.seed + (unsigned long)task.histories - 1, how);
}

int main(int argc, char **argv)
{
    unsigned n = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    struct timespec a, b;
    char dir[] = "/dev/shm/wess-chance-XXXXXX";
    if (!options(argc, argv)) {
        fprintf(stderr,
                "usage: %s [--histories N] [--workers N] [--without RULE] [--stop] [SEED]\n",
                argv[0]);
        return 2;
    }
    struct tally *t =
        mmap(NULL, n * sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (t == MAP_FAILED || !(root = mkdtemp(dir))) {
        perror(dir);
        return 2;
    }
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (unsigned w = 0; w < n; w++)
        if (fork() == 0) {
            work(w, n, t);
            exit(0);
        }
    bool bad = false;
    for (int status; wait(&status) > 0;)
        bad |= status != 0;
    clock_gettime(CLOCK_MONOTONIC, &b);
    rmdir(root);
    for (unsigned w = 0; w < n; w++)
        bad |= t[w].failed > 0;
    say(t, n, (double)(b.tv_sec - a.tv_sec));
    return bad;
}
