#include "strike.h"

#include <stdio.h>
#include <string.h>

#include "engine/engine.h"

static char wrong[512];

static const char *blame(const char *what, const char *text)
{
    snprintf(wrong, sizeof(wrong), "%s: %s", what, *text ? text : "(no word)");
    return wrong;
}

static const char *signalled(const struct play *p, int status)
{
    return status < 0 || status >= 128 ? blame("ended by a signal", p->world->report.text) : NULL;
}

bool strike_none(struct play *p, const struct way *way, struct unstruck *u)
{
    struct world *w = p->world;
    w->memory = (struct memory){.watched = way == &way_memory};
    u->status = play_run(p);
    u->steps = w->steps;
    u->ops = w->disk.ops;
    u->memory = w->memory;
    u->report = w->report;
    world_show(w, u->shown, sizeof(u->shown));
    return u->status >= 0;
}

/* ---- killed ------------------------------------------------------------------------------------
 */

static int crash_points(const struct unstruck *u, int part)
{
    (void)part;
    return u->steps;
}

static const char *crash_strike(struct play *p, int point, const struct unstruck *u)
{
    (void)u;
    p->world->kill_at = point;
    play_run(p);
    return NULL;
}

/* ---- a disk that fails once --------------------------------------------------------------------
 */

static int disk_points(const struct unstruck *u, int part)
{
    (void)part;
    return u->ops;
}

/* That ends with a word about it or goes on as if nothing had been. */
static const char *disk_strike(struct play *p, int point, const struct unstruck *u)
{
    struct world *w = p->world;
    (void)u;
    w->disk.how = point % 2 ? DISK_FULL : DISK_BROKEN;
    w->disk.at = point;
    int status = play_run(p);
    if (status == EXIT_STATE && !strstr(w->report.text, "disk") &&
        !strstr(w->report.text, "room of the folder"))
        return blame("does not speak of the disk", w->report.text);
    return signalled(p, status);
}

/* ---- the power goes ----------------------------------------------------------------------------
 */

/* At each edge of a request or transaction, and at each operation of the disk. */
static int tail_points(const struct unstruck *u, int part)
{
    return part ? u->ops : u->steps;
}

static const char *tail_strike(struct play *p, int point, const struct unstruck *u)
{
    struct world *w = p->world;
    w->disk.how = DISK_POWER;
    w->disk.keep = (unsigned)point;
    if (point <= u->steps)
        w->kill_at = point;
    else
        w->disk.at = point - u->steps;
    int status = play_run(p);
    return status < 0 ? NULL : signalled(p, status);
}

/* ---- memory that is not to be had --------------------------------------------------------------
 */

static int memory_points(const struct unstruck *u, int part)
{
    return (int)u->memory.asked[part];
}

static const struct mem_left *place(const struct memory *m, uintptr_t by)
{
    for (size_t i = 0; i < m->n_left; i++)
        if (m->left[i].by == by)
            return &m->left[i];
    return NULL;
}

/* What the process keeps for good, the unstruck run kept too. */
static const char *leaked(const struct memory *now, const struct memory *usual)
{
    for (size_t i = 0; i < now->n_left; i++) {
        const struct mem_left *kept = place(usual, now->left[i].by);
        unsigned most = kept ? kept->n : 0;
        if (now->left[i].n > most) {
            snprintf(wrong, sizeof(wrong), "%u pieces asked for at 0x%lx are not freed",
                     now->left[i].n - most, (unsigned long)now->left[i].by);
            return wrong;
        }
    }
    if (now->left_sqlite > usual->left_sqlite) {
        snprintf(wrong, sizeof(wrong), "%zu bytes of SQLite's are not freed",
                 now->left_sqlite - usual->left_sqlite);
        return wrong;
    }
    return NULL;
}

/* It says what happened, and blames nobody who has nothing to do with it. A run that ends as the
 * unstruck one did has done all that that did. */
static const char *worded(const struct play *p, int status, const struct unstruck *u)
{
    static char shown[SHOWN];
    const char *text = p->world->report.text;
    if (status == EXIT_USAGE || status == EXIT_CREDENTIAL || status == EXIT_OWNED)
        return blame("blames another", text);
    if (status == EXIT_STATE && !strstr(text, "memory"))
        return blame("does not speak of memory", text);
    if (status == EXIT_UNREACHABLE && !*text)
        return blame("says nothing", text);
    world_show(p->world, shown, sizeof(shown));
    if (status == u->status && strcmp(shown, u->shown) != 0)
        return blame("does less, and does not say so", text);
    return NULL;
}

static const char *memory_strike(struct play *p, int point, const struct unstruck *u)
{
    struct world *w = p->world;
    int kind = MEM_OURS, at = point;
    while (kind < MEM_KINDS - 1 && at > (int)u->memory.asked[kind])
        at -= (int)u->memory.asked[kind++];
    w->memory = (struct memory){.watched = true, .kind = (enum mem_kind)kind, .at = (unsigned)at};
    snprintf(w->trace, sizeof(w->trace), "%s %d",
             (const char *const[]){"ours", "arena's", "SQLite's"}[kind], at);
    int status = play_run(p);
    const char *why = signalled(p, status);
    if (!why)
        why = worded(p, status, u);
    return why ? why : leaked(&w->memory, &u->memory);
}

const struct way way_crash = {.name = "crash",
                              .usual = 10500,
                              .wanted = 10000,
                              .scenarios = 60,
                              .parts = 1,
                              .points = crash_points,
                              .strike = crash_strike},
                 way_disk = {.name = "disk",
                             .thin = true,
                             .usual = 10500,
                             .wanted = 10000,
                             .scenarios = 60,
                             .parts = 1,
                             .points = disk_points,
                             .strike = disk_strike},
                 way_disk_tail = {.name = "disk_tail",
                                  .thin = true,
                                  .usual = 10500,
                                  .wanted = 10000,
                                  .scenarios = 60,
                                  .parts = 2,
                                  .points = tail_points,
                                  .strike = tail_strike},
                 way_memory = {.name = "memory",
                               .usual = 10500,
                               .wanted = 10000,
                               .scenarios = 12,
                               .thin = true,
                               .core = true,
                               .parts = MEM_KINDS,
                               .points = memory_points,
                               .strike = memory_strike};
