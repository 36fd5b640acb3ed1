/* Every scenario, in both directions and in every manner of remote, is struck at each point in turn
 * (cut at the edges of requests and transactions; or its disk or its memory fails), run again, and
 * compared with what comes of it unstruck. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "play.h"
#include "rules.h"
#include "scenarios.h"
#include "strike.h"

#define WRONG_MOST 3   /* of one job */
#define POINTS_A_JOB 5 /* of a sample, so that not all of it goes into preparing */

struct tally {
    long points, failed, jobs, broken;
};
struct cutter {
    struct play play;
    const struct scenario *scenario;
    char name[128];
    char expected[SHOWN], now[SHOWN];
    struct w_report report;
    struct unstruck once;
    struct tally *tally;
};

static const struct way *way = &way_crash;
static long sample; /* of all points, about; 0: every one */
static int point;   /* that one only; 0: all */
static const char *only;
static long jobs; /* to be played, before a sample of them is taken */
static bool stop; /* at the first that fails */
static struct tally *tallies;
static unsigned workers;

static bool is_over(void)
{
    for (unsigned w = 0; stop && w < workers; w++)
        if (__atomic_load_n(&tallies[w].failed, __ATOMIC_SEQ_CST) ||
            __atomic_load_n(&tallies[w].broken, __ATOMIC_SEQ_CST))
            return true;
    return false;
}

/* ---- one scenario ------------------------------------------------------------------------------
 */

static void with_sides(const char *text, bool mirrored, char out[512])
{
    size_t at = 0;
    while (*text && at + 8 < 512) {
        bool box = !strncmp(text, "$box", 4), crm = !strncmp(text, "$crm", 4);
        if (box || crm) {
            at += (size_t)snprintf(out + at, 512 - at, "%s", box != mirrored ? "left" : "right");
            text += 4;
        } else {
            out[at++] = *text++;
        }
    }
    out[at] = 0;
}

static bool complain(struct cutter *c, int cut, const char *what)
{
    printf("FAIL %s cut %d (%s): %s\n", c->name, cut, c->play.world->trace, what);
    if (*c->play.error)
        printf("     %s\n", c->play.error);
    fflush(stdout);
    return false;
}

/* What follows the run that may have been cut: to the end, and then silence. */
static bool finish(struct cutter *c)
{
    *c->play.error = 0;
    if (*c->scenario->then &&
        (!play_script(&c->play, "run") || !play_script(&c->play, c->scenario->then)))
        return false;
    if (!play_quiet(&c->play))
        return false;
    world_show(c->play.world, c->now, sizeof(c->now));
    return true;
}

static bool same_waits(const struct w_report *a, const struct w_report *b)
{
    return a->questions == b->questions && a->held == b->held;
}

static void show_difference(const struct cutter *c)
{
    printf("     expected (%ld questions, %ld held):\n%s     shown (%ld questions, %ld held):\n%s",
           (long)c->report.questions, (long)c->report.held, c->expected,
           (long)c->play.world->report.questions, (long)c->play.world->report.held, c->now);
}

static bool cut_at(struct cutter *c, int cut)
{
    *c->play.error = 0;
    if (!play_restore(&c->play, "a"))
        return complain(c, cut, "not restored");
    const char *wrong = way->strike(&c->play, cut, &c->once);
    if (wrong)
        return complain(c, cut, wrong);
    if (!finish(c))
        return complain(c, cut, "does not end well");
    if (world_double_stamp(c->play.world) && !strstr(c->scenario->name, "copy"))
        return complain(c, cut, "two items bear one stamp");
    if (strcmp(c->now, c->expected) != 0 || !same_waits(&c->report, &c->play.world->report)) {
        complain(c, cut, "another outcome than uncut");
        show_difference(c);
        return false;
    }
    return true;
}

/* The cut runs are compared with the uncut one, and that one with what is to come of it. */
static bool is_right(struct cutter *c)
{
    const char *at = c->scenario->outcome;
    char line[SCRIPT_LINE];
    while (*at) {
        size_t len = strcspn(at, ";");
        snprintf(line, sizeof(line), "%.*s", (int)len, at);
        if (!world_is(c->play.world, line)) {
            snprintf(c->play.error, sizeof(c->play.error), "not so: %s", line);
            complain(c, 0, "another outcome than it should be");
            printf("%s", c->now);
            return false;
        }
        at += len + (at[len] == ';');
    }
    return true;
}

/* The uncut run, which says how many points there are. */
static bool uncut(struct cutter *c)
{
    char pair[512];
    with_sides(c->scenario->pair, c->play.mirrored, pair);
    if (!play_configure(&c->play, pair) || !play_script(&c->play, c->scenario->before))
        return complain(c, 0, "cannot be prepared");
    if (access(c->play.cfg ? c->play.dir : "", F_OK) || !play_save(&c->play, "a"))
        return complain(c, 0, "cannot be kept");
    if (!strike_none(&c->play, way, &c->once))
        return complain(c, 0, "killed without a cut");
    if (!finish(c))
        return complain(c, 0, "does not end well uncut");
    if (!is_right(c))
        return false;
    memcpy(c->expected, c->now, sizeof(c->now));
    c->report = c->play.world->report;
    return true;
}

static long scenarios_played(void)
{
    long n = 0;
    for (size_t i = 0; i < n_scenarios; i++)
        n += !way->core || scenario_is_core(&scenarios[i]);
    return n;
}

static void name_of(const struct scenario *s, int mirrored, int manner, char out[128])
{
    snprintf(out, 128, "%s/%s/%s", s->name, mirrored ? "mirrored" : "plain", manner_names[manner]);
}

static bool is_played(const struct scenario *s, int mirrored, int manner)
{
    char name[128];
    name_of(s, mirrored, manner, name);
    if (manner == NO_REVISION && !strncmp(s->name, "back-", 5)) /* it cannot be known there */
        return false;
    return only ? !strncmp(only, name, strlen(only)) : !way->core || scenario_is_core(s);
}

/* A small sample of a thin way is of the points of some, not hardly one of each; in both directions
 * and in every manner, whose jobs follow each other. */
static unsigned every_nth(void)
{
    long n = sample && way->thin ? jobs * POINTS_A_JOB / sample : 1;
    while (n > 1 && (n % 2 == 0 || n % MANNERS == 0))
        n--;
    return n < 1 ? 1 : (unsigned)n;
}

static bool struck(struct cutter *c, int at)
{
    c->tally->points++;
    bool ok = cut_at(c, at);
    c->tally->failed += !ok;
    return ok;
}

static void job(const char *root, const struct scenario *s, bool mirrored, enum manner manner,
                unsigned number, struct tally *t)
{
    static struct cutter c;
    c = (struct cutter){.scenario = s, .tally = t};
    name_of(s, mirrored, (int)manner, c.name);
    t->jobs++;
    bool opened = play_open(&c.play, root, manner);
    c.play.mirrored = mirrored;
    c.play.own = !strncmp(s->name, "own-", 4);
    if (!opened || !uncut(&c)) {
        t->broken++;
        play_close(&c.play);
        return;
    }
    long wrong = point ? !struck(&c, point) : 0;
    for (int part = 0, before = 0; !point && part < way->parts; part++) {
        int points = way->points(&c.once, part);
        int stride = sample ? (int)(points * jobs * way->parts / every_nth() / sample) : 1;
        stride = stride > 1 ? stride : 1;
        int first = 1 + (int)(number * 7919u % (unsigned)stride);
        for (int at = first; at <= points && wrong < WRONG_MOST && !is_over(); at += stride)
            wrong += !struck(&c, before + at);
        before += points;
    }
    play_close(&c.play);
}

/* ---- all of them -------------------------------------------------------------------------------
 */

static void work(const char *root, unsigned worker, struct tally *t)
{
    unsigned number = 0, every = every_nth();
    for (size_t i = 0; i < n_scenarios; i++)
        for (int mirrored = 0; mirrored < 2; mirrored++)
            for (int m = 0; m < MANNERS; m++) {
                if (!is_played(&scenarios[i], mirrored, m) || is_over())
                    continue;
                if (number % every == 0 && number / every % workers == worker)
                    job(root, &scenarios[i], mirrored, (enum manner)m, number, t);
                number++;
            }
}

static long count_jobs(void)
{
    long n = 0;
    for (size_t i = 0; i < n_scenarios; i++)
        for (int mirrored = 0; mirrored < 2; mirrored++)
            for (int m = 0; m < MANNERS; m++)
                n += is_played(&scenarios[i], mirrored, m);
    return n;
}

static bool figure(const char *name, double value, const char *unit, double limit, bool at_least)
{
    bool ok = at_least ? value >= limit : value <= limit;
    printf("figure %s_%s %.6g %s limit %g %s\n", way->name, name, value, unit, limit,
           ok ? "ok" : "short");
    return ok;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool play_all(const char *root, struct tally *t)
{
    double began = seconds();
    bool usual = sample == way->usual && !only, crashed = false;
    struct tally all = {0};
    memset(t, 0, workers * sizeof(*t));
    jobs = count_jobs();
    fflush(NULL);
    for (unsigned w = 0; w < workers; w++)
        if (fork() == 0) {
            work(root, w, &t[w]);
            exit(0);
        }
    for (int status; wait(&status) > 0;)
        crashed |= status != 0;
    for (unsigned w = 0; w < workers; w++) {
        all.points += t[w].points;
        all.failed += t[w].failed;
        all.jobs += t[w].jobs;
        all.broken += t[w].broken;
    }
    bool ok = !crashed && !all.broken;
    figure("seconds", (double)(long)(seconds() - began), "s", usual ? 300 : 1e6, false);
    ok &= figure("scenarios", (double)scenarios_played(), "scenarios", way->scenarios, true);
    ok &= figure("points", (double)all.points, "points",
                 usual    ? (double)way->wanted
                 : sample ? (double)sample * 0.8
                          : 1,
                 true);
    ok &= figure("failed", (double)(all.failed + all.broken), "points", 0, false);
    return ok;
}

struct asked {
    const struct way *ways[2];
    size_t n_ways;
    long sample;
};

/* false: said what is wrong, or what was asked. */
static bool options(int argc, char **argv, struct asked *a, int *status)
{
    *status = 2;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--sample") && i + 1 < argc) {
            a->sample = strtol(argv[++i], NULL, 10);
        } else if (!strcmp(argv[i], "--point") && i + 1 < argc) {
            point = atoi(argv[++i]);
        } else if (!strcmp(argv[i], "--disk")) {
            *a = (struct asked){{&way_disk, &way_disk_tail}, 2, a->sample};
        } else if (!strcmp(argv[i], "--tail")) {
            a->ways[0] = &way_disk_tail;
        } else if (!strcmp(argv[i], "--memory")) {
            a->ways[0] = &way_memory;
        } else if (!strcmp(argv[i], "--without") && i + 1 < argc) {
            if (!rules_without(argv[++i]))
                return false;
        } else if (!strcmp(argv[i], "--stop")) {
            stop = true;
        } else if (!strcmp(argv[i], "--rules")) {
            rules_list();
            *status = 0;
            return false;
        } else if (argv[i][0] != '-') {
            only = argv[i];
        } else {
            fprintf(stderr,
                    "usage: %s [--disk|--tail|--memory] [--sample N] [--point N]\n"
                    "       [--without RULE] [--stop] [--rules] [SCENARIO[/DIRECTION[/MANNER]]]\n",
                    argv[0]);
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct asked asked = {{&way_crash}, 1, -1};
    char root[] = "/dev/shm/wess-crash-XXXXXX";
    bool ok = true;
    int status = 0;
    if (!options(argc, argv, &asked, &status))
        return status;
    workers = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    struct tally *t =
        mmap(NULL, workers * sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (t == MAP_FAILED || !mkdtemp(root)) {
        perror(root);
        return 2;
    }
    tallies = t;
    for (size_t i = 0; i < asked.n_ways; i++) {
        way = asked.ways[i];
        sample = asked.sample >= 0 ? asked.sample : only ? 0 : way->usual;
        ok &= play_all(root, t);
    }
    rmdir(root);
    return ok ? 0 : 1;
}
