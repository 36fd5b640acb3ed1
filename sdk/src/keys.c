#include "keys.h"

#include <string.h>

#include "error.h"

#define KEYS_ROOM 16u /* of an item; more grow in the arena */

struct maker {
    const struct wess_host *host;
    struct wess_arena *arena;
    struct wess_vec keys; /* struct wess_key */
    bool spent;
};

static const struct wess_field *field_of(const struct wess_field *f, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (*f[i].name == *name && !strcmp(f[i].name, name))
            return &f[i];
    return NULL;
}

/* The folded text of a TEXT field; NULL when it is absent or folds to nothing. */
static const char *folded(struct maker *m, const struct wess_field *f, size_t n, const char *name)
{
    const struct wess_field *field = field_of(f, n, name);
    if (!field || field->type != WESS_TEXT || !field->str.len)
        return NULL;
    const char *text = wess_arena_textn(m->host, m->arena, field->str.data, field->str.len);
    const char *fold = text ? m->host->fold(m->arena, text) : NULL;
    m->spent |= !fold;
    return fold && *fold ? fold : NULL;
}

static const char *joined(struct maker *m, const char *a, char between, const char *b)
{
    size_t first = strlen(a), second = strlen(b);
    char *both = m->host->alloc(m->arena, first + second + 2);
    m->spent |= !both;
    if (both) {
        memcpy(both, a, first);
        both[first] = between;
        memcpy(both + first + 1, b, second);
    }
    return both;
}

static void add(struct maker *m, const char *space, const char *a, const char *b)
{
    if (!a)
        return;
    struct wess_key *key = wess_vec_push(m->host, m->arena, &m->keys);
    const char *id = b ? joined(m, a, '|', b) : a;
    if (key && id)
        *key = (struct wess_key){space, id};
    m->spent |= !key || !id;
}

/* Digits only: "+44 (0)20 7946-0000" and "+44 020 79460000" are one number. */
static const char *digits(struct maker *m, const struct wess_record *r)
{
    const struct wess_field *v = field_of(r->fields, r->n, "value");
    if (!v || v->type != WESS_TEXT)
        return NULL;
    char *out = wess_arena_textn(m->host, m->arena, v->str.data, v->str.len);
    if (!out) {
        m->spent = true;
        return NULL;
    }
    size_t n = 0;
    for (const char *s = out; *s; s++)
        if (*s >= '0' && *s <= '9')
            out[n++] = *s;
    out[n] = 0;
    return n ? out : NULL;
}

static const char *full_name(struct maker *m, const struct wess_item *item, const char *family)
{
    const char *given = folded(m, item->fields, item->n_fields, "name.given");
    if (given && family)
        return joined(m, given, ' ', family);
    const char *fn = folded(m, item->fields, item->n_fields, "fn");
    return fn ? fn : family ? family : given;
}

static void contact_keys(struct maker *m, const struct wess_item *item)
{
    const char *family = folded(m, item->fields, item->n_fields, "name.family");
    const char *name = full_name(m, item, family);
    const struct wess_field *mail = field_of(item->fields, item->n_fields, "email");
    const struct wess_field *phone = field_of(item->fields, item->n_fields, "phone");

    for (size_t i = 0; mail && mail->type == WESS_RECORDS && i < mail->records.n; i++) {
        add(m, "email", mail->records.of[i].key, NULL);
        if (family)
            add(m, "email+name.family", mail->records.of[i].key, family);
    }
    add(m, "fn", name, NULL);
    for (size_t i = 0; name && phone && phone->type == WESS_RECORDS && i < phone->records.n; i++) {
        const char *number = digits(m, &phone->records.of[i]);
        if (number)
            add(m, "fn+phone", name, number);
    }
}

/* A date as it stands; a time by its instant, or by its local text where it has none. */
static const char *moment(struct maker *m, const struct wess_item *item, const char *name)
{
    const struct wess_field *f = field_of(item->fields, item->n_fields, name);
    const char *out = NULL;
    if (!f || (f->type != WESS_DATE && f->type != WESS_TIME))
        return NULL;
    if (f->type == WESS_DATE)
        out = wess_arena_textn(m->host, m->arena, f->str.data ? f->str.data : "", f->str.len);
    else if (f->time.ms)
        out = wess_arena_fmt(m->host, m->arena, "%lld", (long long)f->time.ms);
    else
        out = m->host->fold(m->arena, f->time.local);
    m->spent |= !out;
    return out && *out ? out : NULL;
}

static void summary_keys(struct maker *m, const struct wess_item *item, const char *with,
                         const char *space)
{
    const char *summary = folded(m, item->fields, item->n_fields, "summary");
    const char *at = summary ? moment(m, item, with) : NULL;
    if (at)
        add(m, space, summary, at);
    add(m, "summary", summary, NULL);
}

/* MS-OXOCAL 2.2.1.27: a UID that Outlook made holds, in an occurrence, the day on which that was to
 * be; without it all of the series bear one. folded: in place. */
#define OUTLOOK_HEAD "040000008200e00074c5b7101a82e008"
#define OUTLOOK_DAY 8u /* digits behind it: year, month, day */

static const char *clean_uid(struct maker *m, const char *uid, const char **day)
{
    static const char none[] = "00000000";
    size_t head = sizeof(OUTLOOK_HEAD) - 1, len = uid ? strlen(uid) : 0;
    *day = NULL;
    if (len < head + OUTLOOK_DAY || strncmp(uid, OUTLOOK_HEAD, head) != 0 ||
        strspn(uid, "0123456789abcdef") != len || !strncmp(uid + head, none, OUTLOOK_DAY))
        return uid;
    char *clean = wess_arena_text(m->host, m->arena, uid);
    *day = wess_arena_textn(m->host, m->arena, uid + head, OUTLOOK_DAY);
    m->spent |= !clean || !*day;
    if (clean)
        memcpy(clean + head, none, OUTLOOK_DAY);
    return clean;
}

/* Of an occurrence that is an item of its own, with the day or instant at which it was to be. */
static void event_keys(struct maker *m, const struct wess_item *item)
{
    const char *day, *uid = clean_uid(m, folded(m, item->fields, item->n_fields, "uid"), &day);
    const char *at = uid ? moment(m, item, "recurrence-id") : NULL;
    add(m, "uid", uid, at ? at : day);
    summary_keys(m, item, "start", "summary+start");
}

static void message_keys(struct maker *m, const struct wess_item *item)
{
    add(m, "message-id", folded(m, item->fields, item->n_fields, "message-id"), NULL);
}

enum wess_code wess_item_keys(const struct wess_host *host, struct wess_arena *arena,
                              struct wess_item *item, const char *stamp)
{
    struct wess_key room[KEYS_ROOM];
    struct maker m = {host, arena, {.of = room, .cap = KEYS_ROOM, .size = sizeof(*room)}, false};
    if (item->kind && !strcmp(item->kind, "task"))
        summary_keys(&m, item, "due", "summary+due");
    else if (item->kind && !strcmp(item->kind, "event"))
        event_keys(&m, item);
    else if (item->kind && !strcmp(item->kind, "message"))
        message_keys(&m, item);
    else
        contact_keys(&m, item);
    add(&m, "wess", stamp, NULL);
    struct wess_key *keys = wess_vec_kept(host, arena, &m.keys);
    item->keys = keys;
    item->n_keys = keys ? m.keys.n : 0;
    m.spent |= m.keys.n && !keys;
    return m.spent ? WESS_TOO_BIG : WESS_OK;
}

bool wess_bears_any(const struct wess_item *item, const struct wess_key *keys, size_t n)
{
    for (size_t i = 0; i < item->n_keys; i++)
        for (size_t k = 0; k < n; k++)
            if (!strcmp(item->keys[i].space, keys[k].space) &&
                !strcmp(item->keys[i].id, keys[k].id))
                return true;
    return false;
}
