/* A connector over the world of the proofs: in memory, with three manners of real remotes, and it
 * lies on demand: answers lost or late, cursors forgotten, pages repeated, batches refused. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wess/connector.h>

#include "error.h"
#include "keys.h"
#include "world.h"

#define LATE_BY_MS 50000
#define SETTLE_MS 60000
#define OVERLAP 3u /* changes repeated at the start of a reading */
#define PAGE 5u
#define BATCH 4u

struct wess_conn {
    const struct wess_host *host;
    struct world *world;
    int box;
    char id[16], account[16];
};

static const struct wess_option options[] = {
    {"world", "string", NULL, NULL, NULL, "address of the world", WESS_OPTION_REQUIRED},
    {"box", "string", NULL, NULL, NULL, "number of the box", WESS_OPTION_REQUIRED},
    {"account", "string", NULL, NULL, NULL, "who opens it; all see the same", 0},
};
static const struct wess_kind_caps kinds[] = {{"contact", ~(uint64_t)0}};

/* ---- values ------------------------------------------------------------------------------------
 */

static const char *const text_names[W_FIELDS] = {[GIVEN] = "name.given",
                                                 [FAMILY] = "name.family",
                                                 [ORG] = "org",
                                                 [TITLE] = "title",
                                                 [NOTE] = "note"};

struct giver {
    const struct wess_host *host;
    struct wess_arena *arena;
    bool spent;
};

static void *need(struct giver *g, size_t size)
{
    void *p = g->host->alloc(g->arena, size);
    g->spent |= !p;
    return p;
}

static const char *copy(struct giver *g, const char *text)
{
    const char *p = wess_arena_text(g->host, g->arena, text);
    g->spent |= !p;
    return p;
}

static struct wess_field text_field(struct giver *g, const char *name, const char *value)
{
    const char *text = copy(g, value);
    return (struct wess_field){.name = name, .type = WESS_TEXT, .str = {text, strlen(value)}};
}

static bool add_record(struct giver *g, struct wess_records *r, struct wess_record *of,
                       const char *key, const char *value)
{
    struct wess_field *f = need(g, sizeof(*f));
    if (!f || !*value)
        return false;
    *f = text_field(g, "value", value);
    of[r->n++] = (struct wess_record){key, f, 1};
    return true;
}

/* "a@x,b@x" is two addresses. */
static struct wess_records mails(struct giver *g, const char *joined)
{
    struct wess_records r = {NULL, 0};
    struct wess_record *of = need(g, TEXT * sizeof(*of));
    char *text = wess_arena_text(g->host, g->arena, joined), *rest = text, *one;
    g->spent |= !text;
    while (of && rest && (one = strsep(&rest, ",")))
        if (*one)
            add_record(g, &r, of, g->host->fold(g->arena, one), one);
    r.of = of;
    return r;
}

static void fill_fields(struct giver *g, const struct wess_conn *c, const struct w_item *w,
                        struct wess_item *out)
{
    struct wess_field *f = need(g, (W_FIELDS + 2) * sizeof(*f));
    struct wess_record *phones = need(g, 2 * sizeof(*phones));
    struct wess_records numbers = {phones, 0}, addresses = mails(g, w->field[MAIL]);
    size_t n = 0;
    if (!f || !phones)
        return;
    for (size_t i = 0; i < W_FIELDS; i++)
        if (text_names[i] && *w->field[i])
            f[n++] = text_field(g, text_names[i], w->field[i]);
    if (addresses.n)
        f[n++] = (struct wess_field){.name = "email", .type = WESS_RECORDS, .records = addresses};
    add_record(g, &numbers, phones, "mobile", w->field[MOBILE]);
    add_record(g, &numbers, phones, "work", w->field[WORK]);
    if (numbers.n)
        f[n++] = (struct wess_field){.name = "phone", .type = WESS_RECORDS, .records = numbers};
    if (c->box != SHARED_BOX && w->tagged) {
        static const char *const tags[] = {"W"};
        f[n++] = (struct wess_field){.name = "categories", .type = WESS_SET, .set = {tags, 1}};
    }
    out->fields = f;
    out->n_fields = n;
}

static bool has_revisions(const struct wess_conn *c)
{
    return c->world->manner != NO_REVISION;
}

/* A number, as some remotes have it: nothing of the core's own numbers may be taken for it. */
static const char *id_of(struct giver *g, uint32_t id)
{
    const char *text = wess_arena_fmt(g->host, g->arena, "%05" PRIu32, id);
    g->spent |= !text;
    return text;
}

static void fill_facts(struct giver *g, const struct wess_conn *c, const struct w_item *w,
                       struct wess_item *out)
{
    static const char *const tags[] = {"W"};
    struct wess_fact *fact = need(g, sizeof(*fact));
    *out = (struct wess_item){.id = id_of(g, w->id),
                              .kind = "contact",
                              .modified_ms = w->modified_ms,
                              .flags = (w->private ? WESS_ITEM_PRIVATE : 0) |
                                       (w->trashed ? WESS_ITEM_TRASHED : 0)};
    if (has_revisions(c))
        out->revision = wess_arena_fmt(g->host, g->arena, "%" PRIu32, w->revision);
    if (w->tagged)
        out->tags = (struct wess_list){tags, 1};
    if (fact && w->queue) {
        *fact = (struct wess_fact){"queue", wess_arena_fmt(g->host, g->arena, "u%d", w->queue)};
        out->facts = fact;
        out->n_facts = 1;
    }
    fill_fields(g, c, w, out);
    const char *stamp = *w->stamp ? copy(g, w->stamp) : NULL; /* the world changes meanwhile */
    g->spent |= wess_item_keys(g->host, g->arena, out, stamp) != WESS_OK;
}

static struct wess_item *whole(struct giver *g, const struct wess_conn *c, const struct w_item *w)
{
    struct wess_item *item = need(g, sizeof(*item));
    if (!item)
        return NULL;
    fill_facts(g, c, w, item);
    item->flags |= WESS_ITEM_WHOLE;
    return item;
}

/* ---- calls in general --------------------------------------------------------------------------
 */

static enum wess_code fail(struct wess_call *call, enum wess_code code, const char *text)
{
    return wess_fail(&call->error, code, WESS_OF_HOST, "Liar", "%s", text);
}

/* The first edge of a request, and what may befall it. OK: the world is locked until answer(): what
 * a remote does for one request, it does at once. */
static enum wess_code request(struct wess_call *call, const char *what)
{
    struct wess_conn *c = call->conn;
    enum wess_code rc = WESS_OK;
    world_step(c->world, what);
    world_lock(c->world);
    world_settle(c->world);
    call->requests++;
    c->world->requests++;
    if (world_fault(c->world, c->box, F_BUSY)) {
        rc = fail(call, WESS_TRANSIENT, "busy");
    } else if (world_fault(c->world, c->box, F_THROTTLE)) {
        call->error.retry_after_ms = 5000;
        rc = fail(call, WESS_THROTTLED, "not so fast");
    }
    if (rc != WESS_OK)
        world_unlock(c->world);
    return rc;
}

/* The other edge. NULL: an answer that is none. */
static void answer(const struct wess_conn *c, const char *what)
{
    world_unlock(c->world);
    if (what)
        world_step(c->world, what);
}

static enum wess_code open_(const struct wess_host *host, struct wess_conn **out,
                            struct wess_error *e)
{
    struct wess_conn *c = calloc(1, sizeof(*c));
    (void)e;
    if (!c)
        return WESS_TOO_BIG;
    c->host = host;
    c->world = (struct world *)(uintptr_t)strtoull(host->setting(host->ctx, "world"), NULL, 16);
    c->box = atoi(host->setting(host->ctx, "box"));
    snprintf(c->id, sizeof(c->id), "box %d", c->box);
    *out = c;
    return WESS_OK;
}

static void close_(struct wess_conn *c)
{
    free(c);
}

static enum wess_code check(struct wess_call *call)
{
    enum wess_code rc = request(call, "check");
    if (rc == WESS_OK)
        answer(call->conn, NULL);
    return rc;
}

static enum wess_code describe(struct wess_call *call, struct wess_schema *out)
{
    static const char *const facts[] = {"queue"};
    static const uint64_t caps[MANNERS] = {
        [PER_ITEM] = WESS_CAP_DELTA | WESS_CAP_CAS_UPDATE | WESS_CAP_REVISIONS_RISE,
        [ALL_OR_NOTHING] = WESS_CAP_DELTA | WESS_CAP_CAS_UPDATE | WESS_CAP_CAS_DELETE |
                           WESS_CAP_TOMBSTONE_PROVES | WESS_CAP_IDS_MOVE | WESS_CAP_REVISIONS_RISE,
        [NO_REVISION] = WESS_CAP_ABSENCE_PROVES | WESS_CAP_IDS_MOVE};
    struct wess_conn *c = call->conn;
    struct giver g = {c->host, call->arena, false};
    struct wess_collection *col = need(&g, sizeof(*col));
    struct wess_field_schema *f = need(&g, 8 * sizeof(*f));
    size_t n = 0;
    if (g.spent)
        return WESS_TOO_BIG;
    for (size_t i = 0; i < W_FIELDS; i++)
        if (text_names[i])
            f[n++] = (struct wess_field_schema){
                .name = text_names[i], .type = WESS_TEXT, .max_len = TEXT - 8};
    world_lock(c->world);
    bool rewrites = c->world->rewrites;
    world_unlock(c->world);
    f[n++] = (struct wess_field_schema){.name = "email", .type = WESS_RECORDS, .max_n = 3};
    f[n++] = (struct wess_field_schema){.name = "phone", .type = WESS_RECORDS, .max_n = 2};
    if (c->box != SHARED_BOX)
        f[n++] = (struct wess_field_schema){.name = "categories", .type = WESS_SET};
    *col = (struct wess_collection){.id = "c",
                                    .kind = "contact",
                                    .title = "contacts",
                                    .caps = caps[c->world->manner] | WESS_CAP_CREATE |
                                            WESS_CAP_UPDATE | WESS_CAP_DELETE | WESS_CAP_STAMP |
                                            WESS_CAP_STAMP_LATER | WESS_CAP_SILENT |
                                            (rewrites ? WESS_CAP_REWRITES : 0u),
                                    .page_max = PAGE,
                                    .fetch_max = PAGE,
                                    .write_max = BATCH,
                                    .settle_after_ms = SETTLE_MS,
                                    .facts = {facts, 1},
                                    .fields = f,
                                    .n_fields = n};
    *out = (struct wess_schema){.identity = c->id, .of = col, .n = 1};
    return WESS_OK;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

struct place {  /* of a cursor */
    char phase; /* 's' snapshot, 'd' delta */
    uint64_t at, begin;
};

static struct place place_of(struct wess_slice cursor, const struct w_box *b)
{
    struct place p = {'s', 0, b->seq};
    char text[64] = "";
    if (cursor.len && cursor.len < sizeof(text)) {
        memcpy(text, cursor.data, cursor.len);
        sscanf(text, "%c%" SCNu64 ".%" SCNu64, &p.phase, &p.at, &p.begin);
    }
    return p;
}

static uint64_t rank(const struct wess_conn *c, const struct w_item *w)
{
    return c->world->manner == NO_REVISION ? w->id : w->seq;
}

/* The next item behind a place, in the order of the listing. */
static const struct w_item *next_item(const struct wess_conn *c, uint64_t after, bool dead_too)
{
    const struct w_box *b = &c->world->box[c->box];
    const struct w_item *best = NULL;
    for (size_t i = 0; i < b->n; i++) {
        const struct w_item *w = &b->items[i];
        bool seen = w->live && !w->trashed;
        if (rank(c, w) > after && (seen || (dead_too && !w->live)) &&
            (!best || rank(c, w) < rank(c, best)))
            best = w;
    }
    return best;
}

static void put_change(struct giver *g, const struct wess_conn *c, const struct w_item *w,
                       struct wess_change *out)
{
    *out = (struct wess_change){.what = w->live ? WESS_UPSERT : WESS_DELETE};
    if (w->live)
        fill_facts(g, c, w, &out->item);
    else
        out->item.id = id_of(g, w->id);
}

static enum wess_code list(struct wess_call *call, struct wess_slice cursor, uint32_t limit,
                           struct wess_page *out)
{
    struct wess_conn *c = call->conn;
    struct giver g = {c->host, call->arena, false};
    if (cursor.len && world_fault(c->world, c->box, F_RESET))
        return fail(call, WESS_RESET, "forgotten");
    bool repeats = world_fault(c->world, c->box, F_REPEAT),
         snapshot = c->world->manner == NO_REVISION;
    struct place p = place_of(cursor, &c->world->box[c->box]);
    if (p.phase == 'd' && world_fault(c->world, c->box, F_BEHIND)) {
        *out = (struct wess_page){.flags = WESS_PAGE_LAST, .next = cursor};
        return WESS_OK;
    }
    struct wess_change *of = need(&g, limit * sizeof(*of));
    const struct w_item *w = NULL;
    uint64_t at = p.at;
    size_t n = 0;
    while (of && n < limit && (w = next_item(c, at, p.phase == 'd'))) {
        put_change(&g, c, w, &of[n]);
        if (snapshot && w->id % 2) /* facts are asked for, of every other one */
            of[n] = (struct wess_change){
                .what = WESS_UPSERT, .flags = WESS_BRIEF, .item = {.id = of[n].item.id}};
        n++;
        at = rank(c, w);
    }
    bool last = !next_item(c, at, p.phase == 'd') && !repeats;
    *out = (struct wess_page){.changes = of, .n = n, .flags = last ? WESS_PAGE_LAST : 0u};
    if (p.phase == 's')
        out->flags |= WESS_PAGE_SNAPSHOT | (snapshot ? WESS_PAGE_SORTED : 0u);
    if (repeats && n)
        at = p.at; /* the same again, and more may have come */
    if (last && p.phase == 's')
        at = p.begin;
    uint64_t back = last && c->world->manner == ALL_OR_NOTHING ? (at > OVERLAP ? OVERLAP : at) : 0;
    const char *next = wess_arena_fmt(c->host, call->arena, "%c%" PRIu64 ".%" PRIu64,
                                      last ? 'd' : p.phase, at - back, p.begin);
    if (g.spent || !next)
        return WESS_TOO_BIG;
    if (!(last && snapshot))
        out->next = (struct wess_slice){next, strlen(next)};
    return WESS_OK;
}

static enum wess_code changes(struct wess_call *call, struct wess_slice cursor, uint32_t limit,
                              struct wess_page *out)
{
    enum wess_code rc = request(call, "changes");
    if (rc != WESS_OK)
        return rc;
    rc = list(call, cursor, limit, out);
    answer(call->conn, rc == WESS_OK ? "changes read" : NULL);
    return rc;
}

static enum wess_code fetch(struct wess_call *call, struct wess_list ids, struct wess_result *out)
{
    struct wess_conn *c = call->conn;
    struct giver g = {c->host, call->arena, false};
    enum wess_code rc = request(call, "fetch");
    for (size_t i = 0; rc == WESS_OK && i < ids.n; i++) {
        const struct w_item *w =
            world_find(c->world, c->box, (uint32_t)strtoul(ids.of[i], NULL, 10));
        out[i].code = w && !w->trashed ? WESS_OK : WESS_GONE;
        out[i].current = w && !w->trashed ? whole(&g, c, w) : NULL;
    }
    if (rc == WESS_OK)
        answer(c, "fetched");
    return g.spent ? WESS_TOO_BIG : rc;
}

static enum wess_code find(struct wess_call *call, const struct wess_key *keys, size_t n,
                           struct wess_page *out)
{
    struct wess_conn *c = call->conn;
    struct giver g = {c->host, call->arena, false};
    enum wess_code rc = request(call, "find");
    if (rc != WESS_OK)
        return rc;
    const struct w_box *b = &c->world->box[c->box];
    struct wess_change *of = need(&g, (b->n + 1) * sizeof(*of));
    out->changes = of;
    /* Who tells deletions has a bin. */
    bool bin = c->world->manner == ALL_OR_NOTHING;
    for (size_t i = 0; of && i < b->n && !g.spent; i++) {
        if (!b->items[i].live && !bin)
            continue;
        of[out->n] = (struct wess_change){.what = WESS_UPSERT};
        fill_facts(&g, c, &b->items[i], &of[out->n].item);
        of[out->n].item.flags |= b->items[i].live ? 0 : WESS_ITEM_TRASHED;
        out->n += !g.spent && wess_bears_any(&of[out->n].item, keys, n);
    }
    out->flags = WESS_PAGE_LAST;
    answer(c, "found");
    return g.spent ? WESS_TOO_BIG : WESS_OK;
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static void set_text(const struct world *w, char out[TEXT], size_t field,
                     const struct wess_field *f)
{
    bool brackets = field == NOTE && w->rewrites && f->type == WESS_TEXT && f->str.len &&
                    *(const char *)f->str.data != '[';
    *out = 0;
    if (f->type == WESS_TEXT)
        snprintf(out, TEXT, brackets ? "[%.*s]" : "%.*s", (int)f->str.len,
                 (const char *)f->str.data);
}

static void set_records(struct w_item *w, const struct wess_field *f)
{
    bool mail = !strcmp(f->name, "email");
    size_t at = 0;
    *w->field[mail ? MAIL : MOBILE] = 0;
    if (!mail)
        *w->field[WORK] = 0;
    for (size_t i = 0; f->type == WESS_RECORDS && i < f->records.n; i++) {
        const struct wess_record *r = &f->records.of[i];
        struct wess_slice value = {"", 0};
        for (size_t k = 0; k < r->n; k++)
            if (!strcmp(r->fields[k].name, "value"))
                value = r->fields[k].str;
        if (mail && at < TEXT)
            at += (size_t)snprintf(w->field[MAIL] + at, TEXT - at, "%s%.*s", at ? "," : "",
                                   (int)value.len, (const char *)value.data);
        else if (!mail)
            snprintf(w->field[strcmp(r->key, "mobile") ? WORK : MOBILE], TEXT, "%.*s",
                     (int)value.len, (const char *)value.data);
    }
}

static bool is_forbidden(const struct world *w, int box, const struct wess_field *f)
{
    const char *text = w->forbidden[box];
    return *text && f->type == WESS_TEXT && f->str.len == strlen(text) &&
           !memcmp(f->str.data, text, f->str.len);
}

static void write_fields(const struct world *world, int box, struct w_item *w,
                         const struct wess_item *item)
{
    for (size_t i = 0; i < item->n_fields; i++) {
        const struct wess_field *f = &item->fields[i];
        if (is_forbidden(world, box, f))
            continue;
        if (!strcmp(f->name, "categories"))
            w->tagged = f->type == WESS_SET && f->set.n > 0;
        else if (!strcmp(f->name, "email") || !strcmp(f->name, "phone"))
            set_records(w, f);
        for (size_t k = 0; k < W_FIELDS; k++)
            if (text_names[k] && !strcmp(f->name, text_names[k]))
                set_text(world, w->field[k], k, f);
    }
}

static struct w_item *target(const struct wess_conn *c, const struct wess_op *op)
{
    struct w_item *w =
        op->item.id ? world_find(c->world, c->box, (uint32_t)strtoul(op->item.id, NULL, 10)) : NULL;
    return w && !w->trashed ? w : NULL;
}

/* Where there is no revision: does it still show what the op was computed from? */
static bool shows(struct giver *g, const struct wess_conn *c, const struct w_item *w,
                  const struct wess_item *before)
{
    struct w_item old = *w;
    bool rewrites = c->world->rewrites;
    c->world->rewrites = false;
    if (before->flags & WESS_ITEM_WHOLE)
        memset(old.field, 0, sizeof(old.field)); /* not listed: it was empty */
    write_fields(c->world, c->box, &old, before);
    c->world->rewrites = rewrites;
    (void)g;
    for (size_t i = 0; i < W_FIELDS; i++)
        if (strcmp(old.field[i], w->field[i]) != 0)
            return false;
    return c->box == SHARED_BOX || old.tagged == w->tagged;
}

static bool is_stale(struct giver *g, const struct wess_conn *c, const struct wess_op *op,
                     const struct w_item *w)
{
    char revision[24];
    if (!op->before)
        return false;
    if (!has_revisions(c))
        return !shows(g, c, w, op->before);
    snprintf(revision, sizeof(revision), "%" PRIu32, w->revision);
    return !op->before->revision || strcmp(op->before->revision, revision) != 0;
}

static struct w_item *by_stamp(const struct wess_conn *c, const char *stamp)
{
    struct w_box *b = &c->world->box[c->box];
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i].live && !b->items[i].trashed && !strcmp(b->items[i].stamp, stamp))
            return &b->items[i];
    return NULL;
}

static bool is_refused(const struct wess_conn *c, const struct wess_op *op, const struct w_item *w)
{
    struct w_item becomes = {.live = true};
    if (w)
        becomes = *w;
    write_fields(c->world, c->box, &becomes, &op->item);
    return *c->world->refused[c->box] && op->what != WESS_DELETE &&
           !strcmp(becomes.field[FAMILY], c->world->refused[c->box]);
}

/* The fields that the box does not take; `out` may be NULL. */
static size_t forbidden(struct giver *g, const struct wess_conn *c, const struct wess_op *op,
                        struct wess_result *out)
{
    struct wess_refused *of = out ? need(g, (op->item.n_fields + 1) * sizeof(*of)) : NULL;
    size_t n = 0;
    for (size_t i = 0; op->what != WESS_DELETE && i < op->item.n_fields; i++) {
        if (!is_forbidden(c->world, c->box, &op->item.fields[i]))
            continue;
        if (of)
            of[n] = (struct wess_refused){op->item.fields[i].name, "not this", "No"};
        n++;
    }
    if (of) {
        out->refused = of;
        out->n_refused = n;
    }
    return n;
}

/* What would come of an op, without doing it. */
static enum wess_code judge(struct giver *g, struct wess_conn *c, const struct wess_op *op)
{
    const struct w_item *w = op->what == WESS_CREATE ? NULL : target(c, op);
    if (is_refused(c, op, w) || (c->world->manner != PER_ITEM && forbidden(g, c, op, NULL)))
        return WESS_REJECTED;
    if (op->what == WESS_CREATE)
        return WESS_OK;
    return !w ? WESS_GONE : is_stale(g, c, op, w) ? WESS_CONFLICT : WESS_OK;
}

static bool be_late(struct wess_conn *c, const struct wess_op *op, const struct w_item *becomes)
{
    for (size_t i = 0; i < LATE; i++) {
        struct w_late *l = &c->world->late[i];
        if (l->used)
            continue;
        *l = (struct w_late){.used = true,
                             .box = c->box,
                             .due_ms = c->world->now_ms + LATE_BY_MS,
                             .create = op->what == WESS_CREATE,
                             .item = *becomes};
        return true;
    }
    return false;
}

static void delete_one(struct wess_conn *c, struct w_item *w)
{
    if (c->world->manner == PER_ITEM) {
        w->trashed = true; /* softly: it can be brought back */
        world_touch(c->world, c->box, w);
    } else {
        world_delete(c->world, c->box, w);
    }
}

static void carry_out(struct giver *g, struct wess_conn *c, const struct wess_op *op,
                      struct wess_result *out)
{
    struct world *world = c->world;
    bool lost = world_fault(world, c->box, F_LOST), late = world_fault(world, c->box, F_LATE),
         cut = world_fault(world, c->box, F_CUT), create = op->what == WESS_CREATE;
    struct w_item becomes = {.live = true}, *w = create ? NULL : target(c, op);
    if (cut || (!create && !w))
        return;
    if (w)
        becomes = *w;
    write_fields(world, c->box, &becomes, &op->item);
    if (op->stamp && (!*op->stamp || !*becomes.stamp))
        snprintf(becomes.stamp, sizeof(becomes.stamp), "%s", op->stamp);
    if (late && op->what != WESS_DELETE && be_late(c, op, &becomes))
        return;
    if (create && !(w = world_add(world, c->box)))
        return;
    world->writes++;
    if (op->what == WESS_DELETE) {
        delete_one(c, w);
    } else {
        becomes.id = w->id;
        becomes.revision = w->revision;
        *w = becomes;
        world_touch(world, c->box, w);
    }
    if (lost)
        return;
    *out = (struct wess_result){.code = WESS_OK, .id = id_of(g, w->id)};
    forbidden(g, c, op, out);
    if (world->manner == ALL_OR_NOTHING && op->what != WESS_DELETE)
        out->current = whole(g, c, w); /* it answers with what it now shows */
    if (has_revisions(c) && op->what != WESS_DELETE)
        out->revision = wess_arena_fmt(g->host, g->arena, "%" PRIu32, w->revision);
}

static bool answer_again(struct giver *g, struct wess_conn *c, const struct wess_op *op,
                         struct wess_result *out)
{
    const struct w_item *w = op->what == WESS_CREATE && (op->flags & WESS_OP_AGAIN) && op->stamp
                                 ? by_stamp(c, op->stamp)
                                 : NULL;
    if (!w)
        return false;
    *out = (struct wess_result){.code = WESS_OK, .id = id_of(g, w->id), .current = whole(g, c, w)};
    return true;
}

static void refuse(struct giver *g, struct wess_conn *c, const struct wess_op *op,
                   enum wess_code code, struct wess_result *out)
{
    const struct w_item *w = code == WESS_CONFLICT ? target(c, op) : NULL;
    *out = (struct wess_result){.code = code, .text = "refused", .remote_code = "No"};
    if (code == WESS_REJECTED)
        forbidden(g, c, op, out);
    if (w)
        out->current = whole(g, c, w);
}

/* What was surely not sent; of the rest the preset is left as it was. */
static void untried(struct wess_result *out, size_t from, size_t n)
{
    for (size_t i = from; i < n; i++)
        out[i] = (struct wess_result){.code = WESS_NOT_TRIED};
}

static enum wess_code apply_each(struct wess_call *call, const struct wess_op *ops, size_t n,
                                 struct wess_result *out)
{
    struct wess_conn *c = call->conn;
    struct giver g = {c->host, call->arena, false};
    for (size_t i = 0; i < n; i++) {
        enum wess_code rc = request(call, "write");
        if (rc != WESS_OK) {
            untried(out, i, n);
            return rc;
        }
        rc = judge(&g, c, &ops[i]);
        bool again = answer_again(&g, c, &ops[i], &out[i]);
        if (!again && rc != WESS_OK)
            refuse(&g, c, &ops[i], rc, &out[i]);
        else if (!again)
            carry_out(&g, c, &ops[i], &out[i]);
        answer(c, again ? NULL : "written");
    }
    return WESS_OK;
}

static bool is_culprit(const struct wess_op *op, enum wess_code code)
{
    return code != WESS_OK && !(code == WESS_GONE && op->what == WESS_DELETE);
}

/* Names the culprits where it can, every other time it only says no. */
static enum wess_code apply_all(struct wess_call *call, const struct wess_op *ops, size_t n,
                                struct wess_result *out)
{
    struct wess_conn *c = call->conn;
    struct giver g = {c->host, call->arena, false};
    bool refused = false, rejected = false;
    enum wess_code rc = request(call, "write");
    if (rc != WESS_OK) {
        untried(out, 0, n);
        return rc;
    }
    for (size_t i = 0; i < n; i++) {
        enum wess_code code = judge(&g, c, &ops[i]);
        refused |= is_culprit(&ops[i], code);
        rejected |= code == WESS_REJECTED;
    }
    if (refused)
        untried(out, 0, n);
    if (rejected && n > 1 && c->world->requests % 2) {
        answer(c, NULL);
        return wess_fail(&call->error, WESS_REJECTED, WESS_OF_ITEM, "No", "not these");
    }
    for (size_t i = 0; i < n; i++) {
        enum wess_code code = refused ? judge(&g, c, &ops[i]) : WESS_OK;
        if (is_culprit(&ops[i], code))
            refuse(&g, c, &ops[i], code, &out[i]);
        else if (!refused && !answer_again(&g, c, &ops[i], &out[i]))
            carry_out(&g, c, &ops[i], &out[i]);
    }
    answer(c, "written");
    return WESS_OK;
}

static enum wess_code apply(struct wess_call *call, const struct wess_op *ops, size_t n,
                            struct wess_result *out)
{
    return call->conn->world->manner == ALL_OR_NOTHING ? apply_all(call, ops, n, out)
                                                       : apply_each(call, ops, n, out);
}

const struct wess_connector *wess_connector_v1(void)
{
    static const struct wess_connector self = {.abi = WESS_ABI,
                                               .size = sizeof(struct wess_connector),
                                               .name = "liar",
                                               .version = "1",
                                               .options = options,
                                               .n_options = sizeof(options) / sizeof(options[0]),
                                               .kinds = kinds,
                                               .n_kinds = 1,
                                               .open = open_,
                                               .close = close_,
                                               .check = check,
                                               .describe = describe,
                                               .changes = changes,
                                               .fetch = fetch,
                                               .find = find,
                                               .apply = apply};
    return &self;
}
