/* What a card may have several of: mail addresses, phones, postal addresses, categories. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vdir.h"

#define ENTRIES_ROOM 16u /* of one kind; more grow in the arena */
#define SAID_MOST 16u    /* slots that are told by themselves */

const char *const vdir_record_field[] = {"email", "phone", "address"};
const char *const vdir_record_property[] = {"EMAIL", "TEL", "ADR"};
const char *const vdir_place_part[VDIR_PARTS] = {NULL,     NULL,   "street", "locality",
                                                 "region", "code", "country"};

/* ---- what kind a line says it is
 * ------------------------------------------------------------------------------------------ */

/* A word of small letters. */
static bool holds(struct wess_slice s, const char *word)
{
    const char *p = s.data;
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= s.len; i++)
        if ((p[i] | 32) == *word && !strncasecmp(p + i, word, len))
            return true;
    return false;
}

/* What tells one kind of number or place from another: the first that is mentioned. */
static const struct kind {
    const char *word, *slot;
} kinds[] = {
    {"fax", "fax"},       {"assistant", "assistant"}, {"pager", "pager"}, {"cell", "mobile"},
    {"mobile", "mobile"}, {"iphone", "mobile"},       {"home", "home"},   {"work", "work"}};
enum { FAX = 1u << 0, HOME = 1u << 6, WORK = 1u << 7 };

static unsigned kinds_in(struct wess_slice text)
{
    unsigned found = 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        found |= holds(text, kinds[i].word) ? 1u << i : 0;
    return found;
}

/* By its types, or by the label that Apple gives a group: "_$!<HomeFAX>!$_", "iPhone". */
static unsigned mentions(const struct lines *v, const struct line *l)
{
    struct lines_words w = lines_words(l);
    unsigned found = 0;
    while (lines_next_word(&w))
        if (!w.name.len || (w.name.len == 4 && !strncasecmp(w.name.data, "TYPE", 4)))
            found |= kinds_in(w.word);
    for (size_t i = l->group.len ? lines_find(v, "X-ABLABEL", 0) : LINES_NONE; i != LINES_NONE;
         i = lines_find(v, "X-ABLABEL", i + 1))
        if (v->lines[i].group.len == l->group.len &&
            !strncasecmp(v->lines[i].group.data, l->group.data, l->group.len))
            found |= kinds_in(v->lines[i].value);
    return found;
}

static const char *phone_slot(const struct lines *v, const struct line *l)
{
    unsigned found = mentions(v, l);
    if ((found & FAX) && (found & HOME))
        return "homefax";
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (found & 1u << i)
            return kinds[i].slot;
    return "other";
}

static const char *place_slot(const struct lines *v, const struct line *l)
{
    unsigned found = mentions(v, l);
    return found & HOME ? "home" : found & WORK ? "work" : "other";
}

static unsigned rank_of(const struct line *l)
{
    struct wess_slice pref = lines_param(l, "PREF");
    unsigned rank = 0;
    for (size_t i = 0; i < pref.len && i < 3; i++) {
        char c = ((const char *)pref.data)[i];
        rank = c >= '0' && c <= '9' ? rank * 10 + (unsigned)(c - '0') : VDIR_UNRANKED;
    }
    if (rank && rank < VDIR_UNRANKED)
        return rank;
    return lines_has_type(l, "pref") ? 1 : VDIR_UNRANKED;
}

/* ---- entries
 * ------------------------------------------------------------------------------------------ */

struct said { /* by VDIR_SLOT */
    size_t line;
    const char *slot;
    unsigned number;
};
struct lister {
    struct wess_call *call;
    const struct lines *v;
    enum vdir_records what;
    struct wess_vec found; /* struct vdir_entry */
    struct said said[SAID_MOST];
    size_t n_said;
    bool spent;
};

struct wess_slice vdir_trimmed(struct wess_slice s)
{
    const char *p = s.data;
    while (s.len && strchr(" \t\n", p[s.len - 1]))
        s.len--;
    while (s.len && strchr(" \t\n", *p)) {
        p++;
        s.len--;
    }
    return (struct wess_slice){p, s.len};
}

static bool is_empty_place(struct wess_slice value)
{
    const char *p = value.data;
    for (size_t i = 0; i < value.len; i++)
        if (!strchr("; \t", p[i]))
            return false;
    return true;
}

/* What is shown of a line; nothing where it is empty or not understood. */
static struct wess_slice shown(struct lister *l, const struct line *line)
{
    const struct wess_slice nothing = {"", 0};
    struct wess_slice raw, text;
    if (!vdir_decode(l->call, line, &raw, &l->spent))
        return nothing;
    if (l->what == VDIR_PLACE)
        return is_empty_place(raw) ? nothing : raw;
    if (!vdir_unescape(l->call, raw, &text)) {
        l->spent = true;
        return nothing;
    }
    text = vdir_trimmed(text);
    ((char *)(uintptr_t)text.data)[text.len] = 0; /* of vdir_unescape(), ours */
    if (l->what == VDIR_PHONE && text.len > 4 && !strncasecmp(text.data, "tel:", 4))
        text = (struct wess_slice){(const char *)text.data + 4, text.len - 4};
    return text;
}

static bool is_slot(const char *key, const char *slot)
{
    size_t len = strlen(slot);
    return !strncmp(key, slot, len) && strspn(key + len, "0123456789") == strlen(key + len);
}

static const char *slot_of(const struct lister *l, const struct line *line)
{
    return l->what == VDIR_PHONE ? phone_slot(l->v, line) : place_slot(l->v, line);
}

static bool is_said(const struct lister *l, const char *slot, size_t number)
{
    for (size_t i = 0; i < l->n_said; i++)
        if (l->said[i].number == number && !strcmp(l->said[i].slot, slot))
            return true;
    return false;
}

/* "work2" of one that is "work" still; 0: no such thing. */
static unsigned number_said(struct wess_slice text, const char *slot)
{
    const char *p = text.data;
    size_t len = strlen(slot);
    if (text.len <= len || text.len > len + 2 || strncasecmp(p, slot, len) || p[len] == '0')
        return 0;
    unsigned n = 0;
    for (size_t i = len; i < text.len; i++) {
        if (p[i] < '0' || p[i] > '9')
            return 0;
        n = n * 10 + (unsigned)(p[i] - '0');
    }
    return n;
}

static size_t said_until(const struct lister *l, const char *slot, size_t number)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n_said; i++)
        n += l->said[i].number <= number && !strcmp(l->said[i].slot, slot);
    return n;
}

static void hear(struct lister *l, size_t at)
{
    const struct line *line = &l->v->lines[at];
    struct wess_slice text = lines_param(line, VDIR_SLOT);
    if (!text.data || l->n_said == SAID_MOST)
        return;
    const char *slot = slot_of(l, line);
    unsigned n = number_said(text, slot);
    if (n > 1 && !is_said(l, slot, n))
        l->said[l->n_said++] = (struct said){at, slot, n};
}

/* "work", and behind it "work2", "work3", without those that say it themselves. */
static size_t number_of(const struct lister *l, const char *slot)
{
    const struct vdir_entry *of = l->found.of;
    size_t place = 1, n, more;
    for (size_t i = 0; i < l->found.n; i++)
        place += !of[i].said && is_slot(of[i].key, slot);
    for (n = place; (more = said_until(l, slot, n)) != n - place; n = place + more)
        ;
    return n;
}

static const char *numbered(struct lister *l, size_t at, bool *said)
{
    const char *slot = slot_of(l, &l->v->lines[at]);
    size_t n = 0;
    for (size_t i = 0; i < l->n_said; i++)
        if (l->said[i].line == at)
            n = l->said[i].number;
    *said = n != 0;
    if (!n)
        n = number_of(l, slot);
    return n == 1 ? slot : wess_arena_fmt(l->call->conn->host, l->call->arena, "%s%zu", slot, n);
}

static const char *key_of(struct lister *l, size_t at, struct wess_slice text, bool *said)
{
    const struct wess_host *h = l->call->conn->host;
    if (l->what != VDIR_MAIL)
        return numbered(l, at, said);
    const char *plain = wess_arena_textn(h, l->call->arena, text.data, text.len);
    return plain ? h->fold(l->call->arena, plain) : NULL;
}

static void list_line(struct lister *l, size_t at)
{
    const struct line *line = &l->v->lines[at];
    struct wess_slice text = shown(l, line);
    bool said = false;
    const char *key = text.len ? key_of(l, at, text, &said) : "";
    l->spent |= !key;
    if (!key || !*key || strlen(key) >= WESS_ID_MAX)
        return;
    struct vdir_entry *e = wess_vec_push(l->call->conn->host, l->call->arena, &l->found);
    l->spent |= !e;
    if (e)
        *e = (struct vdir_entry){at, key, text, l->what == VDIR_MAIL ? rank_of(line) : 0, said};
}

static int by_rank(const void *a, const void *b)
{
    const struct vdir_entry *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

/* The same address twice is one. */
static size_t once(struct vdir_entry *of, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool known = false;
        for (size_t k = 0; k < kept; k++)
            known |= !strcmp(of[k].key, of[i].key);
        if (!known)
            of[kept++] = of[i];
    }
    return kept;
}

bool vdir_entries(struct wess_call *call, const struct lines *v, enum vdir_records what,
                  struct vdir_entries *out)
{
    struct vdir_entry room[ENTRIES_ROOM];
    struct wess_vec found = {.of = room, .cap = ENTRIES_ROOM, .size = sizeof(*room)};
    struct lister l = {.call = call, .v = v, .what = what, .found = found};
    const char *name = vdir_record_property[what];
    for (size_t i = what == VDIR_MAIL ? LINES_NONE : lines_find(v, name, 0); i != LINES_NONE;
         i = lines_find(v, name, i + 1))
        hear(&l, i);
    for (size_t i = lines_find(v, name, 0); i != LINES_NONE && !l.spent;
         i = lines_find(v, name, i + 1))
        list_line(&l, i);
    struct vdir_entry *of = wess_vec_kept(call->conn->host, call->arena, &l.found);
    *out = (struct vdir_entries){of, of ? l.found.n : 0};
    l.spent |= l.found.n && !of;
    if (what == VDIR_MAIL && out->n) {
        qsort(out->of, out->n, sizeof(*out->of), by_rank);
        out->n = once(out->of, out->n);
    }
    return !l.spent;
}

/* ---- categories
 * ------------------------------------------------------------------------------------------ */

bool vdir_tags(struct wess_call *call, const struct lines *v, struct wess_list *out)
{
    struct wess_vec tags = {.size = sizeof(const char *)};
    bool spent = false;
    for (size_t i = lines_find(v, "CATEGORIES", 0); i != LINES_NONE && !spent;
         i = lines_find(v, "CATEGORIES", i + 1)) {
        struct wess_slice rest, one, text;
        if (!vdir_decode(call, &v->lines[i], &rest, &spent))
            continue;
        while (!spent && lines_next_in_list(&rest, &one)) {
            spent |= !vdir_unescape(call, one, &text);
            text = vdir_trimmed(text);
            if (spent || !text.len)
                continue;
            const char **slot = wess_vec_push(call->conn->host, call->arena, &tags);
            char *tag = wess_arena_textn(call->conn->host, call->arena, text.data, text.len);
            spent |= !slot || !tag;
            if (slot)
                *slot = tag;
        }
    }
    *out = (struct wess_list){tags.of, tags.n};
    return !spent;
}
