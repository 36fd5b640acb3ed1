#include "world.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

const char *const w_field_names[W_FIELDS] = {"given", "family", "org",    "title",
                                             "note",  "mail",   "mobile", "work"};
const char *const manner_names[MANNERS] = {"per-item", "all-or-nothing", "no-revision"};
const char *const fault_names[FAULT_KINDS] = {"lost",     "late",  "cut",    "busy",
                                              "throttle", "reset", "repeat", "behind"};

struct world *world_new(void)
{
    void *at =
        mmap(NULL, sizeof(struct world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct world *w = at == MAP_FAILED ? NULL : at;
    if (w) {
        w->now_ms = 1700000000000;
        world_ready(w);
    }
    return w;
}

void world_free(struct world *w)
{
    if (w)
        munmap(w, sizeof(*w));
}

void world_ready(struct world *w)
{
    pthread_mutex_init(&w->lock, NULL);
}

void world_lock(struct world *w)
{
    pthread_mutex_lock(&w->lock);
}

void world_unlock(struct world *w)
{
    pthread_mutex_unlock(&w->lock);
}

/* ---- items -------------------------------------------------------------------------------------
 */

struct w_item *world_find(struct world *w, int box, uint32_t id)
{
    for (size_t i = 0; i < w->box[box].n; i++)
        if (w->box[box].items[i].id == id && w->box[box].items[i].live)
            return &w->box[box].items[i];
    return NULL;
}

struct w_item *world_label(struct world *w, int box, const char *family)
{
    for (size_t i = 0; i < w->box[box].n; i++) {
        struct w_item *item = &w->box[box].items[i];
        if (item->live && !item->trashed && !strcmp(item->field[FAMILY], family))
            return item;
    }
    return NULL;
}

void world_touch(struct world *w, int box, struct w_item *item)
{
    item->seq = ++w->box[box].seq;
    item->revision++;
    item->modified_ms = w->now_ms;
}

struct w_item *world_add(struct world *w, int box)
{
    struct w_box *b = &w->box[box];
    if (b->n == ITEMS)
        return NULL;
    struct w_item *item = &b->items[b->n++];
    *item = (struct w_item){.live = true, .id = ++b->next_id};
    world_touch(w, box, item);
    return item;
}

void world_delete(struct world *w, int box, struct w_item *item)
{
    item->live = false;
    world_touch(w, box, item);
}

/* A mailbox gives an item that is moved a new id; the old one is gone. */
static struct w_item *moved(struct world *w, int box, struct w_item *item)
{
    struct w_item *now = world_add(w, box);
    if (!now)
        return NULL;
    struct w_item kept = *now;
    *now = *item;
    now->id = kept.id;
    now->seq = kept.seq;
    world_delete(w, box, item);
    return now;
}

/* ---- steps and faults --------------------------------------------------------------------------
 */

static void meanwhile(struct world *w, struct w_during *d)
{
    d->at = 0;
    if (world_edit(w, d->line) && w->n_done < DURING)
        memcpy(w->done[w->n_done++], d->line, SCRIPT_LINE);
}

void world_meanwhile(struct world *w)
{
    for (size_t i = 0; i < DURING; i++)
        if (w->during[i].at)
            meanwhile(w, &w->during[i]);
}

/* Remotes and disks take their time, now this one longer, now that one: whatever two threads may do
 * in either order is then done in both. */
static void linger(struct world *w)
{
    uint64_t z = __atomic_add_fetch(&w->chance, 0x9e3779b97f4a7c15u, __ATOMIC_RELAXED);
    struct timespec t = {0, 0};
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z ^= z >> 27;
    switch (z % 8) {
    case 0:
    case 1:
        sched_yield();
        return;
    case 2:
        t.tv_nsec = (long)(z / 8 % 200000);
        break;
    case 3:
        t.tv_nsec = z / 8 % 4 ? 0 : (long)(z / 64 % 3000000);
        break;
    }
    if (t.tv_nsec)
        nanosleep(&t, NULL);
}

void world_step(struct world *w, const char *what)
{
    int step = __atomic_add_fetch(&w->steps, 1, __ATOMIC_SEQ_CST);
    if (w->lingers)
        linger(w);
    world_lock(w);
    for (size_t i = 0; i < DURING; i++)
        if (w->during[i].at == step || (w->during[i].at < 0 && !strcmp(w->during[i].what, what)))
            meanwhile(w, &w->during[i]);
    world_unlock(w);
    if (step != w->kill_at)
        return;
    snprintf(w->trace, sizeof(w->trace), "%s", what);
    if (w->end)
        w->end();
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

bool world_fault(struct world *w, int box, enum fault_kind kind)
{
    for (size_t i = 0; i < FAULTS; i++) {
        struct w_fault *f = &w->fault[i];
        if (f->in && f->box == box && f->kind == kind && --f->in == 0)
            return true;
    }
    return false;
}

void world_settle(struct world *w)
{
    for (size_t i = 0; i < LATE; i++) {
        struct w_late *l = &w->late[i];
        if (!l->used || l->due_ms > w->now_ms)
            continue;
        l->used = false;
        struct w_item *item = l->create ? world_add(w, l->box) : world_find(w, l->box, l->item.id);
        /* A remote that compares revisions refuses what has become stale meanwhile. */
        if (!item || (!l->create && item->revision != l->item.revision))
            continue;
        struct w_item was = *item;
        *item = l->item;
        item->id = was.id;
        item->revision = was.revision;
        world_touch(w, l->box, item);
    }
}

/* ---- what people do ----------------------------------------------------------------------------
 */

static bool edit_new(struct world *w, int box, const char *label)
{
    struct w_item *item = world_add(w, box);
    if (!item)
        return false;
    snprintf(item->field[GIVEN], TEXT, "Given");
    snprintf(item->field[FAMILY], TEXT, "%s", label);
    snprintf(item->field[MAIL], TEXT, "%s@x.example", label);
    return true;
}

static bool edit_set(struct world *w, int box, struct w_item *item, const char *name,
                     const char *value)
{
    for (size_t f = 0; f < W_FIELDS; f++)
        if (!strcmp(w_field_names[f], name)) {
            snprintf(item->field[f], TEXT, "%s", strcmp(value, "-") ? value : "");
            world_touch(w, box, item);
            return true;
        }
    return false;
}

/* It takes part: tagged, or in the queue of the first user. */
static bool choose(struct world *w, int box, struct w_item *item)
{
    if (!item)
        return false;
    if (box == SHARED_BOX)
        item->queue = 1;
    else
        item->tagged = true;
    world_touch(w, box, item);
    return true;
}

static bool edit_copy(struct world *w, int box, const struct w_item *item)
{
    struct w_item *copy = world_add(w, box);
    if (!copy)
        return false;
    struct w_item made = *copy;
    *copy = *item;
    copy->id = made.id;
    copy->seq = made.seq;
    copy->revision = made.revision;
    return true;
}

/* Two records of one person become one: the first stays and takes what the other knew. */
static bool edit_merge(struct world *w, int box, struct w_item *item, struct w_item *gone)
{
    if (!gone || gone == item)
        return false;
    for (size_t f = 0; f < W_FIELDS; f++)
        if (!*item->field[f])
            memcpy(item->field[f], gone->field[f], TEXT);
    world_touch(w, box, item);
    world_delete(w, box, gone);
    return true;
}

/* The same of two that bear one label: the later one stays. */
static bool edit_absorb(struct world *w, int box, struct w_item *item)
{
    struct w_item *last = item;
    for (size_t i = 0; i < w->box[box].n; i++) {
        struct w_item *other = &w->box[box].items[i];
        if (other->live && !other->trashed && !strcmp(other->field[FAMILY], item->field[FAMILY]))
            last = other;
    }
    return edit_merge(w, box, last, item);
}

static bool edit_delete(struct world *w, int box, struct w_item *item)
{
    if (w->manner == PER_ITEM && box != SHARED_BOX) {
        struct w_item *bin = moved(w, box, item);
        if (bin)
            bin->trashed = true;
        return bin != NULL;
    }
    world_delete(w, box, item);
    return true;
}

static bool edit_move(struct world *w, int box, struct w_item *item)
{
    if (w->manner == PER_ITEM && box != SHARED_BOX)
        return moved(w, box, item) != NULL;
    world_touch(w, box, item);
    return true;
}

/* Its clock goes on: what changes from now on is listed behind what was. */
static bool edit_put_back(struct world *w, int box)
{
    uint64_t seq = w->box[box].seq;
    w->box[box] = w->kept;
    w->box[box].seq = seq;
    return true;
}

bool world_edit(struct world *w, const char *line)
{
    char verb[16] = "", label[TEXT] = "", a[TEXT] = "", b[TEXT] = "";
    int box = 0;
    int n = sscanf(line, "%15s %d %95s %95s %95[^\n]", verb, &box, label, a, b);
    if (n < 3 || box < 0 || box >= BOXES)
        return false;
    if (!strcmp(verb, "new"))
        return edit_new(w, box, label);
    if (!strcmp(verb, "add"))
        return edit_new(w, box, label) && choose(w, box, world_label(w, box, label));
    if (!strcmp(verb, "refuse"))
        return snprintf(w->refused[box], TEXT, "%s", label) > 0;
    if (!strcmp(verb, "forbid"))
        return snprintf(w->forbidden[box], TEXT, "%s", label) > 0;
    if (!strcmp(verb, "keep"))
        return memcpy(&w->kept, &w->box[box], sizeof(w->kept)) != NULL;
    if (!strcmp(verb, "putback"))
        return edit_put_back(w, box);
    struct w_item *item = world_label(w, box, label);
    if (!item)
        return false;
    if (!strcmp(verb, "set"))
        return n == 5 && edit_set(w, box, item, a, b);
    if (!strcmp(verb, "copy"))
        return edit_copy(w, box, item);
    if (!strcmp(verb, "absorb"))
        return edit_absorb(w, box, item);
    if (!strcmp(verb, "merge"))
        return n >= 4 && edit_merge(w, box, item, world_label(w, box, a));
    if (!strcmp(verb, "delete"))
        return edit_delete(w, box, item);
    if (!strcmp(verb, "purge"))
        return world_delete(w, box, item), true;
    if (!strcmp(verb, "move"))
        return edit_move(w, box, item);
    if (!strcmp(verb, "tag") || !strcmp(verb, "untag"))
        item->tagged = *verb == 't';
    else if (!strcmp(verb, "queue") && n >= 4)
        item->queue = atoi(a);
    else if (!strcmp(verb, "private") || !strcmp(verb, "public"))
        item->private = verb[1] == 'r';
    else
        return false;
    world_touch(w, box, item);
    return true;
}

/* ---- looking -----------------------------------------------------------------------------------
 */

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void show_item(const struct world *w, int box, const struct w_item *item, char out[1024])
{
    int at = snprintf(out, 1024, "%d %s%s%s q%d", box, item->field[FAMILY],
                      item->tagged ? " tagged" : "", item->private ? " private" : "", item->queue);
    for (size_t f = 0; f < W_FIELDS; f++)
        at += snprintf(out + at, 1024 - (size_t)at, " %s=%s", w_field_names[f], item->field[f]);
    (void)w;
}

void world_show(const struct world *w, char *out, size_t cap)
{
    static char lines[BOXES * ITEMS][1024];
    size_t n = 0, at = 0;
    for (int box = 0; box < BOXES; box++)
        for (size_t i = 0; i < w->box[box].n; i++)
            if (w->box[box].items[i].live && !w->box[box].items[i].trashed)
                show_item(w, box, &w->box[box].items[i], lines[n++]);
    qsort(lines, n, sizeof(lines[0]), by_text);
    *out = 0;
    for (size_t i = 0; i < n && at + 1 < cap; i++)
        at += (size_t)snprintf(out + at, cap - at, "%s\n", lines[i]);
}

bool world_is(const struct world *w, const char *line)
{
    char label[TEXT] = "", name[TEXT] = "", value[TEXT] = "";
    const struct w_item *found = NULL;
    int box = 0, n = 0;
    int words = sscanf(line, "%d %95s %95s %95[^\n]", &box, label, name, value);
    if (words < 2 || box < 0 || box >= BOXES)
        return false;
    for (size_t i = 0; i < w->box[box].n; i++) {
        const struct w_item *item = &w->box[box].items[i];
        if (!item->live || item->trashed || strcmp(item->field[FAMILY], label) != 0)
            continue;
        found = item;
        n++;
    }
    if (!strcmp(name, "none"))
        return !n;
    if (n == 1 && words == 4 && !strcmp(name, "queue"))
        return found->queue == atoi(value);
    for (size_t f = 0; n == 1 && words == 4 && f < W_FIELDS; f++)
        if (!strcmp(w_field_names[f], name))
            return !strcmp(found->field[f], strcmp(value, "-") ? value : "");
    return n == 1 && words == 2;
}

const char *world_double_stamp(const struct world *w)
{
    for (int box = 0; box < BOXES; box++)
        for (size_t i = 0; i < w->box[box].n; i++)
            for (size_t k = 0; k < i; k++) {
                const struct w_item *a = &w->box[box].items[i], *b = &w->box[box].items[k];
                if (a->live && b->live && *a->stamp && !strcmp(a->stamp, b->stamp))
                    return a->stamp;
            }
    return NULL;
}
