/* The real connectors against the rehearsal servers: every scenario is cut at each edge of a
 * request and of a transaction in turn, run again, and compared with what comes of it uncut. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "real.h"
#include "scenarios.h"

#define WRONG_MOST 3   /* of one job */
#define POINTS_A_JOB 5 /* of a small sample, so that not all of it goes into preparing */
#define USUAL 2600
#define WANTED 2000
#define SECONDS_MOST 300

struct tally {
    long points, failed, jobs, broken, mails;
};
struct cutter {
    struct real_play play;
    const struct real_scenario *scenario;
    char name[96], expected[REAL_SHOWN];
    int64_t questions, held;
    long mails; /* that are sent when nothing is cut */
    int steps;
    struct tally *tally;
};
static const struct ground { /* where a scenario is played */
    unsigned on;
    enum real_kind kind;
    enum real_other other;
} grounds[] = {{ON_CONTACT_CRM, REAL_CONTACT, REAL_CRM}, {ON_CONTACT_DIR, REAL_CONTACT, REAL_DIR},
               {ON_TASK, REAL_TASK, REAL_DIR},           {ON_EVENT, REAL_EVENT, REAL_DIR},
               {ON_MAIL_DIR, REAL_MAIL, REAL_DIR},       {ON_TASK_CRM, REAL_TASK, REAL_CRM},
               {ON_EVENT_CRM, REAL_EVENT, REAL_CRM},     {ON_MAIL_CRM, REAL_MAIL, REAL_CRM},
               {ON_MAIL_TAGS, REAL_MAIL, REAL_TAGS}};
enum { GROUNDS = sizeof(grounds) / sizeof(grounds[0]) };

static long sample = USUAL; /* of all points, about; 0: every one */
static int point;           /* that one only; 0: all */
static const char *only;
static unsigned workers;
static long jobs;

/* ---- one scenario ------------------------------------------------------------------------------
 */

/* `o` as a word of its own becomes the side's name. */
static void with_other(const char *text, enum real_other other, char out[1024])
{
    size_t at = 0;
    for (const char *c = text; *c && at < 1000; c++) {
        bool word = *c == 'o' && (c == text || c[-1] == ' ') && c[1] == ' ';
        at += (size_t)snprintf(out + at, 1024 - at, "%.*s", word ? 3 : 1,
                               word ? real_other_names[other] : c);
    }
    out[at] = 0;
}

static bool script(struct cutter *c, const char *text)
{
    char lines[1024];
    with_other(text, c->play.other, lines);
    return real_script(&c->play, lines);
}

static bool complain(struct cutter *c, int cut, const char *what)
{
    printf("FAIL %s cut %d (%s): %s\n", c->name, cut, c->play.shared->trace, what);
    if (*c->play.error)
        printf("     %s\n", c->play.error);
    fflush(stdout);
    return false;
}

static bool at_once(const struct cutter *c)
{
    return !strncmp(c->scenario->then, AT_ONCE, strlen(AT_ONCE));
}

static bool finish(struct cutter *c)
{
    *c->play.error = 0;
    const struct real_scenario *s = c->scenario;
    if (*s->then && ((!at_once(c) && !script(c, "run")) || !script(c, s->then)))
        return false;
    return real_quiet(&c->play) && real_look(&c->play);
}

static bool is_right(struct cutter *c)
{
    char outcome[1024], line[REAL_LINE + 8];
    with_other(c->scenario->outcome, c->play.other, outcome);
    const char *told = strstr(outcome, "mails ");
    if (c->play.shared->outbox != (told ? atol(told + 6) : 0))
        return complain(c, 0, "another number of mails than it should be");
    for (const char *at = outcome; *at && at != told;) {
        size_t len = strcspn(at, ";");
        char answer[8];
        snprintf(line, sizeof(line), "is %.*s", (int)len, at);
        if (!real_remote_ask(&c->play.remote, line, answer, sizeof(answer))) {
            snprintf(c->play.error, sizeof(c->play.error), "not so: %s", line);
            complain(c, 0, "another outcome than it should be");
            printf("%s", c->play.shown);
            return false;
        }
        at += len + (at[len] == ';');
        at += *at == ' ';
    }
    return true;
}

static bool cut_at(struct cutter *c, int cut)
{
    struct real_shared *s = c->play.shared;
    *c->play.error = *s->trace = 0;
    if (!real_back(&c->play))
        return complain(c, cut, "not restored");
    s->kill_at = cut;
    int status = real_run(&c->play);
    if (status != -1 && status > 5)
        return complain(c, cut, s->report.text);
    /* Every other one is run again before what is in doubt may be looked up. */
    if (cut % 2 && !at_once(c) && real_run(&c->play) > 5)
        return complain(c, cut, s->report.text);
    if (!finish(c))
        return complain(c, cut, "does not end well");
    if (strcmp(c->play.shown, c->expected) || s->report.questions != c->questions ||
        s->report.held != c->held || s->outbox != c->mails) {
        complain(c, cut, "another outcome than uncut");
        printf("     expected (%ld questions, %ld held, %ld mails):\n%s     shown (%ld, %ld, "
               "%ld):\n%s",
               (long)c->questions, (long)c->held, c->mails, c->expected, (long)s->report.questions,
               (long)s->report.held, s->outbox, c->play.shown);
        return false;
    }
    return true;
}

/* The uncut run, which says how many points there are. */
static bool uncut(struct cutter *c)
{
    struct real_shared *s = c->play.shared;
    if (!script(c, c->scenario->before))
        return complain(c, 0, "cannot be prepared");
    if (!real_keep(&c->play))
        return complain(c, 0, "cannot be kept");
    if (real_run(&c->play) > 5)
        return complain(c, 0, s->report.text);
    c->steps = s->steps;
    if (!finish(c))
        return complain(c, 0, "does not end well uncut");
    if (!is_right(c) || !real_look(&c->play))
        return false;
    memcpy(c->expected, c->play.shown, sizeof(c->expected));
    c->questions = s->report.questions;
    c->held = s->report.held;
    c->mails = s->outbox;
    return true;
}

static bool struck(struct cutter *c, int at)
{
    c->tally->points++;
    bool ok = cut_at(c, at);
    c->tally->failed += !ok;
    c->tally->mails += labs(c->play.shared->outbox - c->mails);
    return ok;
}

/* A small sample is of the points of some scenarios, not hardly one of each. */
static unsigned every_nth(void)
{
    long n = sample && sample < USUAL ? jobs * POINTS_A_JOB / sample : 1;
    return n < 1 ? 1 : (unsigned)n;
}

static void job(const char *root, const struct real_scenario *s, const struct ground *g,
                unsigned number, struct tally *t)
{
    static struct cutter c;
    c = (struct cutter){.scenario = s, .tally = t};
    snprintf(c.name, sizeof(c.name), "%s/%s-%s", s->name, real_kind_names[g->kind],
             g->on == ON_MAIL_TAGS ? "tags" : real_other_names[g->other]);
    t->jobs++;
    if (!real_open(&c.play, root, g->kind, g->other, s->users, s->pair) || !uncut(&c)) {
        if (*c.play.error)
            printf("     %s\n", c.play.error);
        t->broken++;
        real_close(&c.play);
        return;
    }
    long wrong = point ? !struck(&c, point) : 0;
    int stride = sample ? (int)((long)c.steps * jobs / every_nth() / sample) : 1;
    stride = stride > 1 ? stride : 1;
    int first = 1 + (int)(number * 7919u % (unsigned)stride);
    for (int at = first; !point && at <= c.steps && wrong < WRONG_MOST; at += stride)
        wrong += !struck(&c, at);
    real_close(&c.play);
}

/* ---- all of them -------------------------------------------------------------------------------
 */

static bool is_played(const struct real_scenario *s, const struct ground *g)
{
    char name[96];
    snprintf(name, sizeof(name), "%s/%s-%s", s->name, real_kind_names[g->kind],
             g->on == ON_MAIL_TAGS ? "tags" : real_other_names[g->other]);
    return (s->on & g->on) && (!only || !strncmp(only, name, strlen(only)));
}

static long each_job(const char *root, unsigned worker, struct tally *t)
{
    unsigned number = 0;
    for (size_t i = 0; i < real_n_scenarios; i++)
        for (size_t g = 0; g < GROUNDS; g++) {
            if (!is_played(&real_scenarios[i], &grounds[g]))
                continue;
            if (t && number % every_nth() == 0 && number / every_nth() % workers == worker)
                job(root, &real_scenarios[i], &grounds[g], number, t);
            number++;
        }
    return number;
}

static bool figure(const char *name, double value, const char *unit, double limit, bool at_least)
{
    bool ok = at_least ? value >= limit : value <= limit;
    printf("figure %s %.6g %s limit %g %s\n", name, value, unit, limit, ok ? "ok" : "short");
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
    bool usual = sample == USUAL && !only && !point, crashed = false;
    struct tally all = {0};
    jobs = each_job(root, 0, NULL);
    fflush(NULL);
    for (unsigned w = 0; w < workers; w++)
        if (fork() == 0) {
            each_job(root, w, &t[w]);
            exit(0);
        }
    for (int status; wait(&status) > 0;)
        crashed |= status != 0;
    for (unsigned w = 0; w < workers; w++) {
        all.points += t[w].points;
        all.failed += t[w].failed + t[w].broken;
        all.jobs += t[w].jobs;
        all.mails += t[w].mails;
    }
    bool ok = !crashed;
    figure("ews_cut_seconds", (double)(long)(seconds() - began), "s", usual ? SECONDS_MOST : 1e6,
           false);
    ok &= figure("ews_cut_scenarios", (double)all.jobs, "scenarios", 1, true);
    ok &= figure("ews_cut_points", (double)all.points, "points",
                 usual                         ? WANTED
                 : (sample && !only && !point) ? (double)sample * 0.5
                                               : 1,
                 true);
    ok &= figure("ews_cut_failed", (double)all.failed, "points", 0, false);
    ok &= figure("mails_sent", (double)all.mails, "mails", 0, false);
    return ok;
}

int main(int argc, char **argv)
{
    char root[] = "/dev/shm/wess-real-XXXXXX";
    workers = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--sample") && i + 1 < argc) {
            sample = strtol(argv[++i], NULL, 10);
        } else if (!strcmp(argv[i], "--point") && i + 1 < argc) {
            point = atoi(argv[++i]);
        } else if (argv[i][0] != '-') {
            only = argv[i];
            sample = 0;
        } else {
            fprintf(stderr, "usage: %s [--sample N] [--point N] [SCENARIO[/KIND-OTHER]]\n",
                    argv[0]);
            return 2;
        }
    }
    struct tally *t =
        mmap(NULL, workers * sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (t == MAP_FAILED || !mkdtemp(root)) {
        perror(root);
        return 2;
    }
    bool ok = play_all(root, t);
    rmdir(root);
    return ok ? 0 : 1;
}
