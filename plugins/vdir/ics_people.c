/* Who organises, and who is invited. */
#include <string.h>
#include <strings.h>

#include "ics.h"

#define PARTS 4u
#define NEEDED "REQ-PARTICIPANT" /* what no ROLE means (RFC 5545 3.2.16) */
#define NOBODY "invalid:nomail"

static const char *const answers[] = {"ACCEPTED", "DECLINED", "TENTATIVE"};

/* "mailto:a@b"; no data: no mail address. */
static struct wess_slice address_of(const struct line *l)
{
    struct wess_slice s = vdir_trimmed(l->value);
    const char *p = s.data;
    if (s.len <= 7 || strncasecmp(p, "mailto:", 7))
        return (struct wess_slice){NULL, 0};
    return vdir_trimmed((struct wess_slice){p + 7, s.len - 7});
}

/* Some calendars say who organises by a place of their own, and the address beside it (EMAIL, RFC
 * 7986 6.2). */
static struct wess_slice organizer_of(struct wess_call *call, const struct line *l, bool *spent)
{
    struct wess_slice address = address_of(l);
    return address.data ? address : ics_param(call, l, "EMAIL", spent);
}

/* Neither an address nor what stands for none. */
static bool is_elsewhere(const struct line *l)
{
    return !address_of(l).data && vdir_trimmed(l->value).len && !ics_says(l->value, NOBODY);
}

/* An address is not escaped; nothing may end the line. */
static void put_address(struct lines_buf *b, struct wess_slice s)
{
    const char *p = s.data;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)p[i] >= 0x20 && p[i] != 0x7f)
            lines_put(b, &p[i], 1);
}

static struct wess_slice kept(struct wess_call *call, struct wess_slice s, bool *spent)
{
    const char *text = s.len ? wess_arena_textn(call->conn->host, call->arena, s.data, s.len) : "";
    *spent |= !text;
    return (struct wess_slice){text, text ? s.len : 0};
}

static const char *key_of(struct wess_call *call, struct wess_slice address, bool *spent)
{
    const struct wess_host *h = call->conn->host;
    char *text = wess_arena_textn(h, call->arena, address.data, address.len);
    const char *key = text ? h->fold(call->arena, text) : NULL;
    *spent |= !key;
    return key && *key ? key : NULL;
}

/* ---- the organizer
 * ------------------------------------------------------------------------------------------ */

void ics_read_organizer(struct ics_reading *r, const struct ics_field *f)
{
    size_t at = ics_find(r->ics.v, r->ics.main, f->property, 0);
    if (at == LINES_NONE)
        return;
    const struct line *l = &r->ics.v->lines[at];
    struct wess_slice text = strcmp(f->name, "organizer")
                                 ? ics_param(r->call, l, "CN", &r->spent)
                                 : kept(r->call, organizer_of(r->call, l, &r->spent), &r->spent);
    if (text.len)
        ics_push_text(r, f->name, text);
}

static struct wess_slice will_be(struct ics_edit *x, const char *name, struct wess_slice now)
{
    const struct wess_field *f = ics_field_of(&x->e, name);
    if (f && f->type == WESS_TEXT)
        now = f->str;
    return f && f->type == WESS_NULL ? (struct wess_slice){"", 0} : now;
}

/* Address and name are one line; a name alone stands with the address that RFC 5545 examples have
 * for nobody. */
void ics_write_organizer(struct ics_edit *x, const struct ics_field *f, const struct wess_field *w)
{
    static const char *const without[] = {"CN", NULL};
    struct lines *v = x->ics.v;
    size_t at = ics_find_now(v, x->ics.main, f->property);
    const struct wess_slice none = {"", 0};
    struct wess_slice had =
        at == LINES_NONE ? none : organizer_of(x->e.call, &v->lines[at], &x->e.spent);
    struct wess_slice named =
        at == LINES_NONE ? none : ics_param(x->e.call, &v->lines[at], "CN", &x->e.spent);
    struct wess_slice who = will_be(x, "organizer", had), cn = will_be(x, "organizer.cn", named);
    (void)w;
    if (edit_equal(who, had) && edit_equal(cn, named))
        return;
    if (at != LINES_NONE && is_elsewhere(&v->lines[at])) {
        ics_refuse(x, f->name, "the file says who organises in a form that is not understood");
        return;
    }
    edit_fresh(&x->e);
    if (at != LINES_NONE)
        ics_put_head(&x->e.text, &v->lines[at], without);
    else
        lines_puts(&x->e.text, f->property);
    ics_put_param(&x->e.text, "CN", cn);
    lines_puts(&x->e.text, who.len ? ":mailto:" : ":" NOBODY);
    put_address(&x->e.text, who);
    if (who.len || cn.len)
        ics_put(x, x->ics.main, at);
    else if (at != LINES_NONE)
        lines_drop(v, at);
}

/* ---- attendees
 * ------------------------------------------------------------------------------------------ */

struct people {
    struct wess_call *call;
    struct ics *ics;
    const char *organizer; /* its key: who invites is no guest */
    bool spent;
};

static struct people people(struct wess_call *call, struct ics *ics)
{
    struct people p = {.call = call, .ics = ics};
    size_t at = ics_find_now(ics->v, ics->main, "ORGANIZER");
    struct wess_slice who = at == LINES_NONE ? (struct wess_slice){NULL, 0}
                                             : organizer_of(call, &ics->v->lines[at], &p.spent);
    if (who.len)
        p.organizer = key_of(call, who, &p.spent);
    return p;
}

/* The next ATTENDEE that is one, from line *at on; its key. */
static const char *next_guest(struct people *p, size_t *at)
{
    while ((*at = ics_find(p->ics->v, p->ics->main, "ATTENDEE", *at)) != LINES_NONE) {
        struct wess_slice address = address_of(&p->ics->v->lines[*at]);
        const char *key =
            address.len && address.len < WESS_ID_MAX ? key_of(p->call, address, &p->spent) : NULL;
        if (key && !(p->organizer && !strcmp(p->organizer, key)))
            return key;
        ++*at;
    }
    return NULL;
}

static bool known(const struct wess_vec *found, const char *key)
{
    const struct wess_record *of = found->of;
    for (size_t i = 0; i < found->n; i++)
        if (!strcmp(of[i].key, key))
            return true;
    return false;
}

static void add(struct wess_record *to, const char *name, struct wess_slice text)
{
    struct wess_field *parts = (struct wess_field *)(uintptr_t)to->fields; /* of read_guest() */
    if (text.len && text.len <= WESS_INLINE_MAX)
        parts[to->n++] = (struct wess_field){.name = name, .type = WESS_TEXT, .str = text};
}

static bool is_answer(struct wess_slice s)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        if (ics_says(s, answers[i]))
            return true;
    return false;
}

static bool read_guest(struct people *p, const struct line *l, const char *key,
                       struct wess_record *out)
{
    const struct wess_host *h = p->call->conn->host;
    struct wess_field *parts = h->alloc(p->call->arena, PARTS * sizeof(*parts));
    struct wess_slice role = ics_param(p->call, l, "ROLE", &p->spent),
                      said = ics_param(p->call, l, "PARTSTAT", &p->spent);
    p->spent |= !parts;
    if (p->spent)
        return false;
    *out = (struct wess_record){.key = key, .fields = parts};
    add(out, "value", kept(p->call, address_of(l), &p->spent));
    add(out, "cn", ics_param(p->call, l, "CN", &p->spent));
    add(out, "role", role.len ? role : (struct wess_slice){NEEDED, strlen(NEEDED)});
    if (is_answer(said))
        add(out, "partstat", said);
    return true;
}

static bool guests(struct people *p, struct wess_records *out)
{
    struct wess_vec found = {.size = sizeof(struct wess_record)};
    const char *key;
    for (size_t at = 0; !p->spent && (key = next_guest(p, &at)); at++) {
        if (known(&found, key))
            continue;
        struct wess_record *new = wess_vec_push(p->call->conn->host, p->call->arena, &found);
        p->spent |= !new;
        if (new)
            read_guest(p, &p->ics->v->lines[at], key, new);
    }
    *out = (struct wess_records){found.of, found.n};
    return !p->spent;
}

void ics_read_attendees(struct ics_reading *r, const struct ics_field *f)
{
    struct people p = people(r->call, &r->ics);
    struct wess_records found;
    r->spent |= !guests(&p, &found);
    struct wess_field *out = !r->spent && found.n ? ics_push(r, f->name, WESS_RECORDS) : NULL;
    if (out)
        out->records = found;
}

/* ---- writing them
 * ------------------------------------------------------------------------------------------ */

static const struct wess_record *record_of(const struct wess_field *w, const char *key)
{
    for (size_t i = 0; w->type == WESS_RECORDS && i < w->records.n; i++)
        if (!strcmp(w->records.of[i].key, key))
            return &w->records.of[i];
    return NULL;
}

static struct wess_slice part_of(const struct wess_record *r, const char *name)
{
    const struct wess_field *f = ics_part(r, name);
    return f && f->type == WESS_TEXT ? f->str : (struct wess_slice){"", 0};
}

static bool same_guest(const struct wess_record *a, const struct wess_record *b)
{
    static const char *const parts[PARTS] = {"value", "cn", "role", "partstat"};
    for (size_t i = 0; i < PARTS; i++)
        if (!edit_equal(part_of(a, parts[i]), part_of(b, parts[i])))
            return false;
    return true;
}

/* Nobody changed it, however the file spells it. */
static bool is_as_before(const struct ics_edit *x, const struct wess_record *want)
{
    const struct wess_field *all = ics_before(x, "attendees");
    const struct wess_record *before = all ? record_of(all, want->key) : NULL;
    return before && same_guest(before, want);
}

static void put_guest(struct ics_edit *x, size_t line, const struct wess_record *r)
{
    static const char *const without[] = {"CN", "ROLE", "PARTSTAT", NULL}, *const unsaid[] = {
                                                                               "CN", "ROLE", NULL};
    struct wess_slice address = part_of(r, "value"), said = part_of(r, "partstat");
    bool keeps = false; /* an answer that is none to others (DELEGATED, NEEDS-ACTION) */
    if (line != LINES_NONE && !said.len)
        keeps = !is_answer(ics_param(x->e.call, &x->ics.v->lines[line], "PARTSTAT", &x->e.spent));
    edit_fresh(&x->e);
    if (line == LINES_NONE)
        lines_puts(&x->e.text, "ATTENDEE");
    else
        ics_put_head(&x->e.text, &x->ics.v->lines[line], keeps ? unsaid : without);
    ics_put_param(&x->e.text, "CN", part_of(r, "cn"));
    ics_put_param(&x->e.text, "ROLE", part_of(r, "role"));
    ics_put_param(&x->e.text, "PARTSTAT", said);
    lines_puts(&x->e.text, ":mailto:");
    put_address(&x->e.text, address.len ? address : (struct wess_slice){r->key, strlen(r->key)});
    ics_put(x, x->ics.main, line);
}

void ics_write_attendees(struct ics_edit *x, const struct ics_field *f, const struct wess_field *w)
{
    struct people p = people(x->e.call, &x->ics);
    struct wess_vec seen = {.size = sizeof(struct wess_record)};
    struct lines *v = x->ics.v;
    const char *key;
    (void)f;
    for (size_t at = 0; !p.spent && (key = next_guest(&p, &at)); at++) {
        const struct wess_record *want = record_of(w, key);
        struct wess_record now;
        struct wess_record *new = wess_vec_push(x->e.host, x->e.call->arena, &seen);
        if (!new || !read_guest(&p, &v->lines[at], key, &now))
            break;
        bool again = seen.n > 1 && known(&(struct wess_vec){.of = seen.of, .n = seen.n - 1}, key);
        *new = now;
        /* A second line for one guest is not shown, and stays. */
        if (!want)
            lines_drop(v, at);
        else if (!again && !same_guest(&now, want) && !is_as_before(x, want))
            put_guest(x, at, want);
    }
    for (size_t i = 0; w->type == WESS_RECORDS && i < w->records.n && !p.spent; i++)
        if (!known(&seen, w->records.of[i].key))
            put_guest(x, LINES_NONE, &w->records.of[i]);
    x->e.spent |= p.spent;
}
