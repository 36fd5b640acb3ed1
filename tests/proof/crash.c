/* Every scenario, in both directions and in every manner of remote, is cut at each edge of each
 * request and transaction, run again, and compared with what comes of it uncut. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/engine.h"
#include "play.h"
#include "rules.h"
#include "scenarios.h"

#define SHOWN 65536
#define WANTED_POINTS 10000
#define USUAL_SAMPLE 10500

struct tally {
    long points, failed, jobs, broken;
};
struct cutter {
    struct play play;
    const struct scenario *scenario;
    char name[128];
    char expected[SHOWN], now[SHOWN];
    struct w_report report;
    int steps;
    struct tally *tally;
};

static long sample = USUAL_SAMPLE; /* of all points, about; 0: every one */
static const char *only;
static bool disk; /* the disk fails instead */
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

/* The run that is struck: killed, or with a disk that fails once. That ends with a word about it or
 * goes on as if nothing had been; never by a signal. */
static bool strike(struct cutter *c, int cut)
{
    struct world *w = c->play.world;
    if (!disk) {
        w->kill_at = cut;
        play_run(&c->play);
        return true;
    }
    w->disk.fail_at = cut;
    w->disk.error = cut % 2 ? SQLITE_FULL : SQLITE_IOERR;
    int status = play_run(&c->play);
    if (status < 0 || status >= 128)
        return complain(c, cut, "ended by a signal");
    return status != EXIT_STATE || strstr(w->report.text, "disk") ||
           complain(c, cut, w->report.text);
}

static bool cut_at(struct cutter *c, int cut)
{
    *c->play.error = 0;
    if (!play_restore(&c->play, "a"))
        return complain(c, cut, "not restored");
    if (!strike(c, cut))
        return false;
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

/* The uncut run, which says how many edges there are. */
static bool uncut(struct cutter *c)
{
    char pair[512];
    with_sides(c->scenario->pair, c->play.mirrored, pair);
    if (!play_configure(&c->play, pair) || !play_script(&c->play, c->scenario->before))
        return complain(c, 0, "cannot be prepared");
    if (access(c->play.cfg ? c->play.dir : "", F_OK) || !play_save(&c->play, "a"))
        return complain(c, 0, "cannot be kept");
    if (play_run(&c->play) < 0)
        return complain(c, 0, "killed without a cut");
    c->steps = disk ? c->play.world->disk.ops : c->play.world->steps;
    if (!finish(c))
        return complain(c, 0, "does not end well uncut");
    if (!disk && !is_right(c))
        return false;
    memcpy(c->expected, c->now, sizeof(c->now));
    c->report = c->play.world->report;
    return true;
}

static void job(const char *root, const struct scenario *s, bool mirrored, enum manner manner,
                unsigned number, struct tally *t)
{
    static struct cutter c;
    c = (struct cutter){.scenario = s, .tally = t};
    snprintf(c.name, sizeof(c.name), "%s/%s/%s", s->name, mirrored ? "mirrored" : "plain",
             manner_names[manner]);
    t->jobs++;
    if (!play_open(&c.play, root, manner) || (c.play.mirrored = mirrored, !uncut(&c))) {
        t->broken++;
        play_close(&c.play);
        return;
    }
    long jobs = (long)n_scenarios * 2 * MANNERS;
    int stride = sample ? (int)(c.steps * jobs / sample) : 1;
    int first = sample && stride > 1 ? 1 + (int)(number * 7919u % (unsigned)stride) : 1;
    long wrong = 0;
    for (int cut = first; cut <= c.steps && wrong < 3 && !is_over();
         cut += stride > 1 ? stride : 1) {
        t->points++;
        wrong += !cut_at(&c, cut);
        t->failed += stop && wrong;
    }
    t->failed += stop ? 0 : wrong;
    play_close(&c.play);
}

/* ---- all of them -------------------------------------------------------------------------------
 */

static void work(const char *root, unsigned worker, struct tally *t)
{
    unsigned number = 0;
    for (size_t i = 0; i < n_scenarios; i++)
        for (int mirrored = 0; mirrored < 2; mirrored++)
            for (int m = 0; m < MANNERS; m++, number++) {
                char name[128];
                snprintf(name, sizeof(name), "%s/%s/%s", scenarios[i].name,
                         mirrored ? "mirrored" : "plain", manner_names[m]);
                if (number % workers == worker && !is_over() &&
                    (!only || !strncmp(only, name, strlen(only))))
                    job(root, &scenarios[i], mirrored, (enum manner)m, number, t);
            }
}

static bool figure(const char *name, double value, const char *unit, double limit, bool at_least)
{
    bool ok = at_least ? value >= limit : value <= limit;
    printf("figure %s %.6g %s limit %g %s\n", name, value, unit, limit, ok ? "ok" : "short");
    return ok;
}

/* false: said what is wrong, or what was asked. */
static bool options(int argc, char **argv, int *status)
{
    *status = 2;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--sample") && i + 1 < argc) {
            sample = strtol(argv[++i], NULL, 10);
        } else if (!strcmp(argv[i], "--disk")) {
            disk = true;
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
            sample = 0;
        } else {
            fprintf(stderr,
                    "usage: %s [--disk] [--sample N] [--without RULE] [--stop] [--rules]"
                    " [SCENARIO[/DIRECTION[/MANNER]]]\n",
                    argv[0]);
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct timespec a, b;
    char root[] = "/dev/shm/wess-crash-XXXXXX";
    int status = 0;
    if (!options(argc, argv, &status))
        return status;
    workers = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    struct tally *t =
        mmap(NULL, workers * sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    tallies = t;
    if (t == MAP_FAILED || !mkdtemp(root)) {
        perror(root);
        return 2;
    }
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (unsigned w = 0; w < workers; w++)
        if (fork() == 0) {
            work(root, w, &t[w]);
            exit(0);
        }
    bool crashed = false;
    while (wait(&status) > 0)
        crashed |= status != 0;
    clock_gettime(CLOCK_MONOTONIC, &b);
    rmdir(root);
    struct tally all = {0};
    for (unsigned w = 0; w < workers; w++) {
        all.points += t[w].points;
        all.failed += t[w].failed;
        all.jobs += t[w].jobs;
        all.broken += t[w].broken;
    }
    bool ok = !crashed && !all.broken;
    figure(disk ? "disk_seconds" : "crash_seconds", (double)(b.tv_sec - a.tv_sec), "s",
           sample != USUAL_SAMPLE || only ? 1e6 : 300, false);
    ok &= figure(disk ? "disk_scenarios" : "crash_scenarios", (double)n_scenarios, "scenarios", 60,
                 true);
    ok &= figure(disk ? "disk_points" : "crash_points", (double)all.points, "points",
                 only                               ? 1
                 : sample && sample != USUAL_SAMPLE ? (double)sample * 0.8
                                                    : WANTED_POINTS,
                 true);
    ok &= figure(disk ? "disk_failed" : "crash_failed", (double)(all.failed + all.broken), "points",
                 0, false);
    return ok ? 0 : 1;
}
