#include "history.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "oracle.h"

enum { EPOCHS = 2 };

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

static void random_edit(struct history *h, const char *prefix, unsigned boxes)
{
    static const char *const fields[] = {"org", "title", "note", "mobile", "work"};
    unsigned label = dice(LABELS), box = dice(boxes);
    const char *field = fields[dice(5)];
    if (dice(8) == 0)
        add(h, "%sset %u P%u %s -", prefix, box, label, field);
    else
        add(h, "%sset %u P%u %s v%u", prefix, box, label, field, dice(1000));
}

static void random_life(struct history *h, unsigned boxes)
{
    unsigned label = dice(LABELS), box = dice(boxes), users = boxes - 1;
    switch (dice(6)) {
    case 0:
    case 1:
        box = 1 + dice(users);
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
        add(h, "untag %u P%u", 1 + dice(users), label);
        break;
    case 5:
        add(h, "queue 0 P%u %u", label, 1 + dice(users));
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
        add(h, "fault %s %u %u", fault_names[dice(F_BEHIND)], dice(3), 1 + dice(3));
        break;
    case 3:
        if (dice(2))
            snprintf(prefix, sizeof(prefix), "when %s ", requests[dice(3)]);
        else
            snprintf(prefix, sizeof(prefix), "during %u ", 1 + dice(60));
        random_edit(h, prefix, 3);
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

void history_invent(struct history *h, unsigned long seed)
{
    state = seed;
    *h = (struct history){.manner = (enum manner)dice(MANNERS),
                          .mirrored = dice(2),
                          .deletes = dice(2),
                          .rewrites = dice(3) == 0,
                          .users = 2};
    for (unsigned i = 0; i < 2; i++) {
        unsigned box = 1 + dice(2), label = dice(LABELS);
        add(h, "new %u P%u", box, label);
        add(h, "tag %u P%u", box, label);
    }
    for (int e = 0; e < EPOCHS; e++) {
        for (unsigned i = 0, n = 3 + dice(6); i < n; i++) {
            unsigned kind = dice(10);
            if (kind < 4)
                random_edit(h, "", 3);
            else if (kind < 6)
                random_life(h, 3);
            else if (kind < 9)
                random_trouble(h);
            else
                add(h, "run");
        }
        add(h, "quiet");
    }
    h->own = dice(3) == 0;
}

/* ---- a crowd -----------------------------------------------------------------------------------
 */

/* Several people have the same new customer, each in a mailbox, some with a word of their own. Most
 * tag it before the next run, some in the midst of it. */
static void crowd_meets(struct history *h, unsigned *during)
{
    unsigned label = dice(LABELS), users = (unsigned)h->users, most = 2 + dice(users - 1),
             from = dice(users);
    for (unsigned i = 0; i < most; i++) {
        unsigned box = 1 + (from + i) % users;
        add(h, "new %u P%u", box, label);
        if (dice(3) == 0)
            add(h, "set %u P%u org v%u", box, label, dice(1000));
        if (dice(4) == 0 && *during) {
            add(h, "during %u tag %u P%u", 1 + dice(30 * users), box, label);
            --*during;
        } else {
            add(h, "tag %u P%u", box, label);
        }
    }
}

static void crowd_edits(struct history *h, unsigned *during)
{
    char prefix[24] = "";
    for (unsigned i = 0, n = 1 + dice(4); i < n; i++) {
        bool meanwhile = dice(3) == 0 && *during;
        *during -= meanwhile;
        if (meanwhile)
            snprintf(prefix, sizeof(prefix), "during %u ", 1 + dice(30 * (unsigned)h->users));
        random_edit(h, meanwhile ? prefix : "", 1 + (unsigned)h->users);
    }
}

static void crowd_trouble(struct history *h)
{
    unsigned users = (unsigned)h->users;
    switch (dice(4)) {
    case 0:
    case 1:
        /* Half of it where all meet. */
        add(h, "fault %s %u %u", fault_names[dice(F_BEHIND)], dice(2) ? 0 : 1 + dice(users),
            1 + dice(6));
        break;
    case 2:
        add(h, "kill %u", 1 + dice(60 * users));
        break;
    case 3:
        add(h, "clock %u", 1 + dice(100));
        break;
    }
}

void history_crowd(struct history *h, unsigned long seed)
{
    state = seed;
    *h = (struct history){.manner = (enum manner)dice(MANNERS),
                          .mirrored = dice(2),
                          .deletes = dice(2),
                          .rewrites = dice(3) == 0,
                          .users = (int)(2 + dice(7))};
    for (int e = 0; e < EPOCHS; e++) {
        unsigned during = DURING;
        crowd_meets(h, &during);
        for (unsigned i = 0, n = 1 + dice(4); i < n; i++) {
            unsigned kind = dice(10);
            if (kind < 4)
                crowd_meets(h, &during);
            else if (kind < 6)
                crowd_edits(h, &during);
            else if (kind < 7)
                random_life(h, 1 + (unsigned)h->users);
            else
                crowd_trouble(h);
            if (dice(3) == 0) {
                add(h, "run");
                during = DURING;
            }
        }
        add(h, "run");
        add(h, "quiet");
    }
    h->own = dice(3) == 0;
}

bool history_is_edit(const char *line)
{
    static const char *const verbs[] = {"new ",    "tag ",  "untag ", "set ",
                                        "delete ", "move ", "queue "};
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (!strncmp(line, verbs[i], strlen(verbs[i])))
            return true;
    return false;
}
