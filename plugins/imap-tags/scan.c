/* What changed. Where the server counts changes (CONDSTORE) it is asked for what is newer; else the
 * flags of all messages are looked through, and nothing but flags. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "imap.h"

#define CURSOR "imap-tags 1 "

/* Where the reading of a folder stands. */
struct place {
    uint64_t modseq;            /* what is newer is news; 0: everything is */
    uint64_t next;              /* its `modseq` when this reading of it is over */
    uint32_t at;                /* the UID that comes next; 0: it is over */
    uint32_t messages, uidnext; /* as this reading began */
    uint32_t known; /* of a listing: older ones are told whole only if they bear a tag; 0: of all */
};
enum way { LISTING = 'L', DELTA = 'D', ENDED = 'E' }; /* ENDED: a listing is all there is */
struct scan {
    struct wess_call *call;
    enum way way;
    struct place *at;      /* one a folder */
    struct wess_vec found; /* struct wess_change */
    size_t most, folder;
    /* of the folder at hand */
    struct imap_within within;
    size_t first; /* in `found` */
    uint32_t lo, hi;
    bool anew;         /* it is listed for the first time */
    uint32_t left_out; /* the lowest that there was no room for; 0: none */
    bool too_many;     /* of vanished ones */
    enum wess_code code;
    struct imap_selected selected;
};

/* ---- the cursor
 * ------------------------------------------------------------------------------------------ */

static enum wess_code reset(struct wess_call *call, const char *why)
{
    return wess_fail(&call->error, WESS_RESET, WESS_OF_COLLECTION, NULL, "%s", why);
}

static bool read_line(struct imap_at *at, const struct imap_folder *f, struct place *p)
{
    uint64_t n[7];
    for (size_t i = 0; i < 7; i++)
        if (!imap_number(at, i < 2 ? (uint64_t)INT64_MAX : UINT32_MAX, &n[i]) || !imap_space(at))
            return false;
    size_t len = strlen(f->name);
    if ((size_t)(at->end - at->of) <= len || memcmp(at->of, f->name, len) != 0 ||
        n[2] != f->uidvalidity)
        return false;
    at->of += len;
    *p = (struct place){n[0], n[1], (uint32_t)n[3], (uint32_t)n[4], (uint32_t)n[5], (uint32_t)n[6]};
    return imap_char(at, '\n');
}

/* A folder that came or went, or is another one by its UIDVALIDITY, is a reason to list anew. */
static enum wess_code read_cursor(struct scan *s, struct wess_slice cursor)
{
    const struct imap_folders *l = &s->call->conn->folders;
    struct imap_at at = {cursor.data, (const char *)cursor.data + cursor.len};
    size_t n = strlen(CURSOR);
    if (cursor.len < n + 2 || memcmp(at.of, CURSOR, n) != 0 || !strchr("LDE", at.of[n]) ||
        at.of[n + 1] != '\n')
        return reset(s->call, "this cursor is none of this connector");
    s->way = (enum way)at.of[n];
    at.of += n + 2;
    for (size_t i = 0; i < l->n; i++)
        if (!read_line(&at, &l->of[i], &s->at[i]))
            return reset(s->call, "the folders are others than before");
    return at.of == at.end ? WESS_OK : reset(s->call, "the folders are others than before");
}

static bool is_over(const struct scan *s)
{
    for (size_t i = 0; i < s->call->conn->folders.n; i++)
        if (s->at[i].at)
            return false;
    return true;
}

static enum wess_code write_cursor(const struct scan *s, struct wess_slice *out)
{
    const struct wess_conn *c = s->call->conn;
    size_t cap = 64, len = 0;
    enum way way = s->way;
    for (size_t i = 0; i < c->folders.n; i++) {
        cap += strlen(c->folders.of[i].name) + 128;
        if (way == LISTING && is_over(s) && !s->at[i].modseq)
            way = ENDED;
    }
    if (way == LISTING && is_over(s))
        way = DELTA;
    char *text = c->host->alloc(s->call->arena, cap);
    if (!text)
        return imap_spent(s->call);
    len += (size_t)snprintf(text, cap, CURSOR "%c\n", way);
    for (size_t i = 0; i < c->folders.n; i++) {
        const struct place *p = &s->at[i];
        len += (size_t)snprintf(text + len, cap - len, "%llu %llu %u %u %u %u %u %s\n",
                                (unsigned long long)p->modseq, (unsigned long long)p->next,
                                c->folders.of[i].uidvalidity, p->at, p->messages, p->uidnext,
                                p->known, c->folders.of[i].name);
    }
    *out = (struct wess_slice){text, len};
    return WESS_OK;
}

/* ---- beginning
 * ------------------------------------------------------------------------------------------ */

static void begin_folder(struct place *p, const struct imap_folder *f)
{
    p->at = 1;
    p->next = f->modseq;
    p->messages = f->messages;
    p->uidnext = f->uidnext;
}

/* What came since the last listing is told whole even without a tag: it may be a message that was
 * moved, and lost its tag on the way. */
static void begin_listing(struct scan *s)
{
    const struct imap_folders *l = &s->call->conn->folders;
    bool known = s->way == ENDED;
    s->way = LISTING;
    for (size_t i = 0; i < l->n; i++) {
        uint32_t uidnext = known ? s->at[i].uidnext : 0;
        s->at[i] = (struct place){.known = uidnext};
        begin_folder(&s->at[i], &l->of[i]);
    }
}

/* Without QRESYNC nothing tells of what was expunged: it shows in the numbers. */
static bool lost_some(const struct place *p, const struct imap_folder *f)
{
    return f->messages < p->messages || f->uidnext < p->uidnext ||
           f->messages - p->messages != f->uidnext - p->uidnext;
}

static enum wess_code begin_delta(struct scan *s)
{
    const struct wess_conn *c = s->call->conn;
    bool told = (c->features & IMAP_QRESYNC) && (c->features & IMAP_ENABLE);
    for (size_t i = 0; i < c->folders.n; i++) {
        const struct imap_folder *f = &c->folders.of[i];
        struct place *p = &s->at[i];
        if (!f->modseq || f->modseq < p->modseq)
            return reset(s->call, "the server counts its changes no more, or anew");
        if (!told && lost_some(p, f))
            return reset(s->call, "messages were expunged, which this server does not tell");
        if (f->modseq != p->modseq || f->uidnext != p->uidnext || f->messages != p->messages)
            begin_folder(p, f);
    }
    return WESS_OK;
}

static enum wess_code numbers_of_now(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    enum wess_code rc = c->fresh ? WESS_OK : imap_list(call);
    c->fresh = false;
    return rc;
}

/* The folders may be others by now. */
static enum wess_code begin_again(struct scan *s, struct wess_slice cursor)
{
    struct wess_conn *c = s->call->conn;
    enum wess_code rc = numbers_of_now(s->call);
    if (rc != WESS_OK)
        return rc;
    s->at = c->host->alloc(s->call->arena, (c->folders.n + 1) * sizeof(*s->at));
    return s->at ? read_cursor(s, cursor) : imap_spent(s->call);
}

static enum wess_code begin(struct scan *s, struct wess_slice cursor)
{
    struct wess_conn *c = s->call->conn;
    enum wess_code rc = imap_connect(s->call);
    bool anew = !cursor.len;
    if (rc == WESS_OK && (anew || !c->listed))
        rc = numbers_of_now(s->call);
    if (rc != WESS_OK)
        return rc;
    s->at = c->host->alloc(s->call->arena, (c->folders.n + 1) * sizeof(*s->at));
    if (!s->at)
        return imap_spent(s->call);
    if (!anew)
        rc = read_cursor(s, cursor);
    if (rc != WESS_OK)
        return rc;
    bool rests = !anew && is_over(s);
    if (rests)
        rc = begin_again(s, cursor);
    if (rc != WESS_OK)
        return rc;
    if (anew || s->way == ENDED)
        begin_listing(s);
    else if (rests)
        rc = begin_delta(s);
    return rc;
}

/* ---- one folder
 * ------------------------------------------------------------------------------------------ */

static void drop(struct scan *s, uint32_t uid)
{
    if (!s->left_out || uid < s->left_out)
        s->left_out = uid;
}

static bool is_older(const struct scan *s, uint32_t uid)
{
    const struct place *p = &s->at[s->folder];
    return !p->known || uid < p->known;
}

static bool is_ascii(const char *s)
{
    while (*s && (unsigned char)*s < 0x80)
        s++;
    return !*s;
}

/* Whoever reads a tag source names the tags: what nobody asks for need not be known. */
static bool names_tags(const struct wess_call *call)
{
    return call->want && call->want->tags.n;
}

static bool is_wanted(const struct wess_call *call, struct wess_list tags)
{
    if (!names_tags(call))
        return true;
    const struct wess_list *asked = &call->want->tags;
    for (size_t i = 0; i < asked->n; i++)
        for (size_t k = 0; k < tags.n; k++)
            /* Beyond ASCII the core alone knows what is alike. */
            if (!strcasecmp(asked->of[i], tags.of[k]) || !is_ascii(tags.of[k]))
                return true;
    return false;
}

/* What is asked of each message: the identities of a listing are read only where they matter, and
 * of a first one at once. */
static unsigned what_of(const struct scan *s)
{
    bool all = s->way == DELTA || (s->anew && !names_tags(s->call));
    return IMAP_FLAGS | (all ? IMAP_HEADER : 0u);
}

/* As a listing tells of it. */
static void cut_down(const struct scan *s, uint32_t uid, struct wess_change *change)
{
    struct wess_item *item = &change->item;
    bool wanted = is_wanted(s->call, item->tags);
    if (!wanted && is_older(s, uid)) {
        item->tags = (struct wess_list){NULL, 0};
        return;
    }
    change->flags = WESS_BRIEF;
    if (!s->anew)
        *item = (struct wess_item){.id = item->id, .kind = "message", .revision = item->revision};
}

static void take_fetch(struct scan *s, const struct imap_fetch *got)
{
    struct wess_call *call = s->call;
    bool headed = (what_of(s) & IMAP_HEADER) != 0;
    if (!got->uid || !got->has_flags || got->uid < s->lo || got->uid > s->hi ||
        (headed && s->way == LISTING && !got->header.of))
        return; /* unasked for: somebody else's change */
    if (s->found.n >= s->most) {
        drop(s, got->uid);
        return;
    }
    struct wess_change *change = wess_vec_push(call->conn->host, call->arena, &s->found);
    if (!change) {
        s->code = imap_spent(call);
        return;
    }
    change->what = WESS_UPSERT;
    s->code = imap_item(call, &s->within, got, &change->item);
    if (s->code == WESS_OK && headed)
        s->code = imap_add_key(call, got->header, &change->item);
    else if (s->code == WESS_OK)
        cut_down(s, got->uid, change);
}

static bool take_vanished(void *ctx, uint32_t first, uint32_t last)
{
    struct scan *s = ctx;
    struct wess_call *call = s->call;
    const struct imap_folder *f = &call->conn->folders.of[s->folder];
    /* One place at least is kept for what changed, so that reading gets past. */
    for (uint64_t uid = first; uid <= last; uid++) {
        if (s->found.n + 1 >= s->most) {
            s->too_many = true;
            return true;
        }
        struct wess_change *change = wess_vec_push(call->conn->host, call->arena, &s->found);
        const char *id = change ? imap_id(call, f, (uint32_t)uid) : NULL;
        if (!id) {
            s->code = imap_spent(call);
            return false;
        }
        *change = (struct wess_change){.what = WESS_DELETE, .item = {.id = id, .kind = "message"}};
    }
    return true;
}

static enum wess_code take(void *ctx, const struct imap_response *got)
{
    struct scan *s = ctx;
    struct imap_fetch fetch;
    struct imap_at set;
    bool earlier;
    imap_take_selected(&s->selected, got);
    if (got->status != IMAP_DATA || s->code != WESS_OK)
        return s->code;
    if (imap_is(got->word, "FETCH")) {
        if (!imap_read_fetch(got->rest, &fetch))
            return imap_not_understood(s->call, "FETCH");
        take_fetch(s, &fetch);
    } else if (imap_is(got->word, "VANISHED")) {
        if (!imap_read_vanished(got->rest, &earlier, &set))
            return imap_not_understood(s->call, "VANISHED");
        if (earlier && !imap_read_set(&set, take_vanished, s) && s->code == WESS_OK)
            return imap_not_understood(s->call, "VANISHED");
    }
    return s->code;
}

/* So many UIDs that the page is full: those that are in use lie as thick as they do on the whole.
 */
static uint32_t window_end(const struct scan *s, size_t room)
{
    const struct place *p = &s->at[s->folder];
    uint64_t span = p->uidnext ? p->uidnext : UINT32_MAX;
    uint64_t width = (uint64_t)room * span / (p->messages ? p->messages : 1);
    width = width > room ? width : room;
    uint64_t end = (uint64_t)p->at + width - 1;
    return end >= span - 1 ? (uint32_t)(span - 1) : (uint32_t)end;
}

/* Another window for the rest would bring a handful. */
static bool is_full(const struct scan *s)
{
    return s->found.n >= s->most - s->most / 4;
}

static void put_window(const struct scan *s, struct imap_batch *b, uint32_t lo, uint32_t hi)
{
    imap_say(s->call->conn, b, "UID FETCH %u:%u ", lo, hi);
    imap_put_fetch(s->call->conn, b, what_of(s));
}

static void put_query(struct scan *s, struct imap_batch *b)
{
    struct wess_conn *c = s->call->conn;
    const struct place *p = &s->at[s->folder];
    bool vanished = (c->features & IMAP_QRESYNC) && p->at == 1 && p->modseq;
    if (s->way == LISTING) {
        put_window(s, b, s->lo, s->hi);
        return;
    }
    if (s->hi == UINT32_MAX)
        imap_say(c, b, "UID FETCH %u:* ", s->lo);
    else
        imap_say(c, b, "UID FETCH %u:%u ", s->lo, s->hi);
    imap_put_fetch(c, b, what_of(s));
    imap_put(b, " (CHANGEDSINCE %llu%s)", (unsigned long long)p->modseq,
             vanished ? " VANISHED" : "");
}

static int by_id(const void *a, const void *b)
{
    const struct wess_change *x = a, *y = b;
    int order = strcmp(x->item.id, y->item.id);
    return order ? order : (x < y ? -1 : x > y);
}

static bool is_in_order(const struct scan *s)
{
    const struct wess_change *of = s->found.of;
    for (size_t i = s->first + 1; i < s->found.n; i++)
        if (strcmp(of[i - 1].item.id, of[i].item.id) >= 0)
            return false;
    return true;
}

/* In the order of UIDs, each once: a server may tell one twice when somebody else changes it. */
static void put_in_order(struct scan *s)
{
    struct wess_change *of = s->found.of;
    size_t n = s->first;
    if (is_in_order(s))
        return;
    if (s->found.n - s->first > 1)
        qsort(of + s->first, s->found.n - s->first, sizeof(*of), by_id);
    for (size_t i = s->first; i < s->found.n; i++) {
        if (n > s->first && !strcmp(of[n - 1].item.id, of[i].item.id))
            n--;
        of[n++] = of[i];
    }
    s->found.n = n;
}

static void finish_folder(struct place *p)
{
    p->modseq = p->next;
    p->next = 0;
    p->at = p->known = 0;
}

static void move_on(struct scan *s)
{
    struct place *p = &s->at[s->folder];
    put_in_order(s);
    uint32_t end = p->uidnext ? p->uidnext : UINT32_MAX; /* what came later is later news */
    uint32_t next = s->left_out ? s->left_out : s->hi < end - 1 ? s->hi + 1 : end;
    if (next < end)
        p->at = next;
    else
        finish_folder(p);
}

/* A folder that cannot be read: what it bore stays as it was, and the next reading tries again. */
static enum wess_code leave_out(struct scan *s)
{
    const struct wess_host *h = s->call->conn->host;
    struct place *p = &s->at[s->folder];
    h->log(h->ctx, WESS_LOG_WARN, "folder %zu of %zu cannot be read: %s", s->folder + 1,
           s->call->conn->folders.n, s->call->error.text);
    s->found.n = s->first;
    p->next = p->modseq;
    finish_folder(p);
    return WESS_OK;
}

/* Room for all that the folder may bring: a page is known to be no larger. */
static enum wess_code make_room(struct scan *s)
{
    size_t n = s->most;
    const struct place *p = &s->at[s->folder];
    if (s->found.cap)
        return WESS_OK;
    if (s->way == LISTING && p->messages < n)
        n = p->messages;
    else if (s->way == DELTA)
        n = n < 16 ? n : 16;
    s->found.of = s->call->conn->host->alloc(s->call->arena, (n + 1) * s->found.size);
    s->found.cap = s->found.of ? n + 1 : 0;
    return s->found.of ? WESS_OK : imap_spent(s->call);
}

/* ---- what a listing asks for
 * ------------------------------------------------------------------------------------------ */

/* The next page's window is asked for before this page is told: the server looks for its messages
 * while ours are read, and stored. */
static void ask_ahead(struct scan *s)
{
    struct wess_conn *c = s->call->conn;
    const struct place *p = &s->at[s->folder];
    if (s->way != LISTING || !p->at || !is_full(s))
        return;
    c->ahead = (struct imap_ahead){.folder = s->folder, .lo = p->at, .hi = window_end(s, s->most)};
    put_window(s, &c->ahead.batch, c->ahead.lo, c->ahead.hi);
}

static bool is_ahead(const struct scan *s)
{
    const struct imap_ahead *a = &s->call->conn->ahead;
    return s->way == LISTING && a->batch.n && a->folder == s->folder && a->lo == s->lo &&
           a->hi == s->hi;
}

/* Of a first listing nothing is known: whoever reads it would ask for each of them. */
static enum wess_code read_identities(struct scan *s)
{
    size_t n = s->found.n - s->first;
    if (!s->anew || !n)
        return WESS_OK;
    struct wess_change *of = s->found.of;
    enum wess_code rc = imap_read_identities(s->call, s->folder, of + s->first, &n);
    s->found.n = s->first + n;
    return rc;
}

static enum wess_code ask(struct scan *s)
{
    struct imap_batch b = {0};
    if (is_ahead(s))
        return imap_take_ahead(s->call, take, s);
    imap_put_select(s->call->conn, &b, s->folder, false);
    put_query(s, &b);
    return imap_run(s->call, &b, take, s);
}

/* What changed is little as a rule, and asked for at once; where there was no room for all of it,
 * the server is not to tell the rest again with each page. */
static bool in_windows(const struct scan *s)
{
    return s->way == LISTING || s->at[s->folder].at > 1;
}

/* A page's worth of the folder at hand. *full: the page ends here. */
static enum wess_code read_folder(struct scan *s, bool *full)
{
    struct wess_conn *c = s->call->conn;
    struct place *p = &s->at[s->folder];
    if (!p->messages && s->way == LISTING) {
        finish_folder(p);
        return WESS_OK;
    }
    s->first = s->found.n;
    s->within = (struct imap_within){.folder = s->folder};
    s->anew = s->way == LISTING && !p->known;
    s->left_out = 0;
    s->too_many = false;
    s->code = WESS_OK;
    s->selected = (struct imap_selected){0};
    s->lo = p->at;
    s->hi = in_windows(s) ? window_end(s, s->most - s->found.n) : UINT32_MAX;
    enum wess_code rc = make_room(s);
    if (rc != WESS_OK)
        return rc;
    rc = ask(s);
    if (rc == WESS_REJECTED)
        return leave_out(s);
    if (rc != WESS_OK)
        return rc;
    if (s->selected.uidvalidity && s->selected.uidvalidity != c->folders.of[s->folder].uidvalidity)
        return reset(s->call, "a folder is another one by its UIDVALIDITY");
    if (s->too_many && s->first) {
        s->found.n = s->first; /* with a page of its own it may be enough */
        *full = true;
        return WESS_OK;
    }
    if (s->too_many)
        return reset(s->call, "more messages vanished than a page holds");
    move_on(s);
    ask_ahead(s);
    rc = read_identities(s);
    return rc == WESS_OK ? imap_send_ahead(s->call) : rc;
}

enum wess_code imap_changes(struct wess_call *call, struct wess_slice cursor, uint32_t limit,
                            struct wess_page *out)
{
    struct scan s = {.call = call,
                     .way = LISTING,
                     .found = {.size = sizeof(struct wess_change)},
                     .most = limit && limit < IMAP_PAGE ? limit : IMAP_PAGE};
    bool full = false;
    enum wess_code rc = begin(&s, cursor);
    const size_t n = call->conn->folders.n;
    for (s.folder = 0; rc == WESS_OK && !full && s.folder < n; s.folder++)
        while (rc == WESS_OK && !full && s.at[s.folder].at) {
            rc = read_folder(&s, &full);
            full |= is_full(&s);
        }
    if (rc == WESS_OK)
        rc = write_cursor(&s, &out->next);
    if (rc != WESS_OK)
        return rc;
    out->changes = s.found.of;
    out->n = s.found.n;
    out->flags = (s.way == LISTING ? WESS_PAGE_SNAPSHOT | WESS_PAGE_SORTED : 0u) |
                 (is_over(&s) ? WESS_PAGE_LAST : 0u);
    return WESS_OK;
}

/* Another one voids what was read: of the folders, and what each calls its numbers. */
const char *imap_generation(struct wess_call *call)
{
    const struct imap_folders *l = &call->conn->folders;
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < l->n; i++) {
        for (const char *s = l->of[i].name; *s; s++)
            h = (h ^ (unsigned char)*s) * 1099511628211u;
        h = (h ^ l->of[i].uidvalidity) * 1099511628211u;
    }
    return wess_arena_fmt(call->conn->host, call->arena, "%016llx", (unsigned long long)h);
}
