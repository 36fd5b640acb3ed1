/* The connector "memory", to be read at one sitting and copied. wess-conform passes: memory.conf.
 * people.h stands for a remote; everything else that a connector has is here. */
#include "people.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wess/connector.h>

struct wess_conn {
    const struct wess_host *host;
};
struct answer { /* what is told of a person, in one piece */
    struct person p;
    struct wess_key keys[2];
    struct wess_field fields[PERSON_VALUES];
    struct wess_item item;
    struct wess_refused refused;
};
enum { FOUND_MOST = 100 };
static const struct wess_kind_caps kind = {
    "contact", WESS_CAP_DELTA | WESS_CAP_CREATE | WESS_CAP_UPDATE | WESS_CAP_DELETE |
                   WESS_CAP_CAS_UPDATE | WESS_CAP_CAS_DELETE | WESS_CAP_STAMP};
static const struct wess_field_schema fields[PERSON_VALUES] = {
    {"fn", WESS_TEXT, .max_len = PERSON_LEN}, {"title", WESS_TEXT, .max_len = PERSON_LEN}};

static void *room(struct wess_call *call, size_t size) /* all that is answered is from there */
{
    strcpy(call->error.text, "no room"); /* read only where the call fails */
    return call->conn->host->alloc(call->arena, size);
}
static const struct wess_item *show(struct wess_call *call, const struct person *from) {
    struct answer *a = room(call, sizeof(*a));
    const char *name = a ? call->conn->host->fold(call->arena, from->value[PERSON_NAME]) : NULL;
    if (!name) return NULL;
    *a = (struct answer){*from, {{"fn", name}, {"wess", a->p.stamp}}, .item.kind = "contact"};
    for (int k = 0; k < PERSON_VALUES; k++)
        a->fields[k] = (struct wess_field){
            fields[k].name, WESS_TEXT, {.str = {a->p.value[k], strlen(a->p.value[k])}}};
    a->item.id = a->p.id;
    a->item.revision = a->p.revision;
    a->item.flags = WESS_ITEM_WHOLE;
    a->item.keys = a->keys;
    a->item.n_keys = *a->p.stamp ? 2 : 1;
    a->item.fields = a->fields;
    a->item.n_fields = PERSON_VALUES;
    return &a->item;
}
static enum wess_code open_(const struct wess_host *h, struct wess_conn **c, struct wess_error *e) {
    strcpy(e->text, "out of memory");
    if (!(*c = malloc(sizeof(**c)))) return WESS_BROKEN;
    (*c)->host = h;
    return WESS_OK;
}
static void close_(struct wess_conn *conn) { free(conn); }
static enum wess_code check(struct wess_call *call) { return call->conn ? WESS_OK : WESS_BROKEN; }
static enum wess_code describe(struct wess_call *call, struct wess_schema *out) {
    struct wess_collection *c = room(call, sizeof(*c));
    if (!c) return WESS_TOO_BIG;
    *c = (struct wess_collection){"people", "contact", .caps = kind.caps, .fields = fields};
    c->n_fields = PERSON_VALUES;
    *out = (struct wess_schema){.identity = "memory", .of = c, .n = 1};
    return WESS_OK;
}
/* Anyone, or who bears one of the keys; false: no room. */
static bool add(struct wess_call *call, const struct person *p, const struct wess_key *keys,
                size_t n, struct wess_page *out) {
    const struct wess_item *item = show(call, p);
    bool hit = !keys;
    for (size_t k = 0; item && k < n * item->n_keys; k++)
        hit |= !strcmp(keys[k % n].space, item->keys[k / n].space) &&
               !strcmp(keys[k % n].id, item->keys[k / n].id);
    if (item && hit)
        ((struct wess_change *)out->changes)[out->n++] =
            (struct wess_change){p->deleted ? WESS_DELETE : WESS_UPSERT, 0, *item};
    return item;
}
/* The cursor: 's' or 'd' (in a snapshot, after it), and the last change that was told. */
static enum wess_code changes(struct wess_call *call, struct wess_slice in, uint32_t limit,
                              struct wess_page *out) {
    struct person p = {.change = 0};
    bool ok = true, more = true;
    char mode = 's', *next = room(call, 16);
    out->changes = room(call, (limit + 1) * sizeof(*out->changes));
    if (!out->changes || !next) return WESS_TOO_BIG;
    memcpy(next, in.len ? in.data : "s0", !in.len ? 2 : in.len < 16 ? in.len : 0);
    strcpy(call->error.text, "no cursor of ours");
    if (sscanf(next, "%c%u", &mode, &p.change) != 2 || !strchr("sd", mode)) return WESS_RESET;
    while (ok && out->n < limit && (more = people_next(p.change, &p)))
        ok = (p.deleted && mode == 's') || add(call, &p, NULL, 0, out);
    out->flags = (mode == 's' ? WESS_PAGE_SNAPSHOT : 0u) | (more ? 0u : WESS_PAGE_LAST);
    out->next =
        (struct wess_slice){next, (size_t)sprintf(next, "%c%u", more ? mode : 'd', p.change)};
    return ok ? WESS_OK : WESS_TOO_BIG;
}
static enum wess_code fetch(struct wess_call *call, struct wess_list ids, struct wess_result *out) {
    for (size_t i = 0; i < ids.n; i++) {
        struct person p;
        bool there = people_get(ids.of[i], &p);
        out[i].current = there ? show(call, &p) : NULL;
        out[i].code = !there ? WESS_GONE : out[i].current ? WESS_OK : WESS_TOO_BIG;
    }
    return WESS_OK;
}
static enum wess_code find(struct wess_call *call, const struct wess_key *keys, size_t n,
                           struct wess_page *out) {
    struct person p = {.change = 0};
    bool ok = (out->changes = room(call, FOUND_MOST * sizeof(*out->changes)));
    while (ok && out->n < FOUND_MOST && people_next(p.change, &p))
        ok = p.deleted || add(call, &p, keys, n, out);
    out->flags = out->n < FOUND_MOST ? WESS_PAGE_LAST : 0; /* else the core halves the keys */
    return ok ? WESS_OK : WESS_TOO_BIG;
}
static enum wess_code write_one(struct wess_call *call, const struct wess_op *op,
                                struct wess_result *r) {
    static const enum wess_code codes[] = {WESS_OK, WESS_CONFLICT, WESS_GONE, WESS_REJECTED};
    struct answer *a = room(call, sizeof(*a)); /* before anything is written */
    bool new = op->what == WESS_CREATE;
    if (!a) return WESS_NOT_TRIED;
    if (new && op->stamp && (op->flags & WESS_OP_AGAIN) && people_get_stamped(op->stamp, &a->p)) {
        r->current = show(call, &a->p); /* no revision: somebody may have written since */
        r->id = a->p.id;
        return r->current ? WESS_OK : WESS_NOT_TRIED;
    }
    if (!new && !people_get(op->item.id, &a->p)) return WESS_GONE;
    for (size_t i = 0; i < op->item.n_fields; i++) {
        const struct wess_field *f = &op->item.fields[i];
        unsigned k = strcmp(f->name, "fn") ? PERSON_TITLE : PERSON_NAME; /* no more are declared */
        a->refused.field = fields[k].name; /* ours: the op lives no longer than the call */
        r->refused = &a->refused;
        r->n_refused = !people_set(&a->p, k, f->str.data, f->type ? f->str.len : 0);
        if (r->n_refused) return WESS_REJECTED;
    }
    if (new && op->stamp) strncpy(a->p.stamp, op->stamp, WESS_STAMP_MAX);
    a->p.deleted = op->what == WESS_DELETE;
    enum wess_code code = codes[people_put(&a->p, new ? "" : op->before->revision)];
    if (code == WESS_OK) r->id = a->p.id, r->revision = a->p.revision;
    return code;
}
static enum wess_code apply(struct wess_call *call, const struct wess_op *ops, size_t n,
                            struct wess_result *out) {
    for (size_t i = 0; i < n; i++) out[i].code = write_one(call, &ops[i], &out[i]);
    return WESS_OK;
}
WESS_EXPORT const struct wess_connector *wess_connector_v1(void) {
    static const struct wess_connector self = {
        WESS_ABI, sizeof(self), "memory", "1",     NULL,  0,    &kind, 1,    open_,
        close_,   check,        describe, changes, fetch, find, apply, NULL, NULL,
        NULL,     NULL,         NULL,     NULL,    NULL,  NULL, NULL};
    return &self;
}
