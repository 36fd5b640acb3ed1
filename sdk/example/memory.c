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
static const struct wess_kind_caps kind = {
    "contact", WESS_CAP_DELTA | WESS_CAP_CREATE | WESS_CAP_UPDATE | WESS_CAP_DELETE |
                   WESS_CAP_CAS_UPDATE | WESS_CAP_CAS_DELETE | WESS_CAP_STAMP};

static enum wess_code no(struct wess_call *call, enum wess_code code)
{
    strcpy(call->error.text, code == WESS_RESET ? "no cursor of ours" : "no room");
    return code;
}
static void *room(struct wess_call *call, size_t size) /* all that is answered is from there */
{
    return call->conn->host->alloc(call->arena, size);
}
static const struct wess_item *show(struct wess_call *call, const struct person *from)
{
    struct answer {
        struct person p;
        struct wess_key keys[2];
        struct wess_field fields[2];
        struct wess_item item;
        char revision[16];
    } *a = room(call, sizeof(*a));
    const char *name = a ? call->conn->host->fold(call->arena, from->value[PERSON_NAME]) : NULL;
    if (!name)
        return NULL;
    a->p = *from;
    a->keys[0] = (struct wess_key){"fn", name};
    a->keys[1] = (struct wess_key){"wess", a->p.stamp};
    for (int k = 0; k < PERSON_VALUES; k++)
        a->fields[k] = (struct wess_field){
            person_values[k], WESS_TEXT, {.str = {a->p.value[k], strlen(a->p.value[k])}}};
    snprintf(a->revision, sizeof(a->revision), "%u", a->p.revision);
    a->item = (struct wess_item){a->p.id,
                                 a->revision,
                                 "contact",
                                 .flags = WESS_ITEM_WHOLE,
                                 .keys = a->keys,
                                 .n_keys = *a->p.stamp ? 2 : 1,
                                 .fields = a->fields,
                                 .n_fields = 2};
    return &a->item;
}
static enum wess_code open_(const struct wess_host *h, struct wess_conn **out, struct wess_error *e)
{
    *out = malloc(sizeof(**out));
    if (*out)
        (*out)->host = h;
    strcpy(e->text, *out ? "" : "out of memory");
    return *out ? WESS_OK : WESS_BROKEN;
}
static void close_(struct wess_conn *conn)
{
    free(conn);
}
static enum wess_code check(struct wess_call *call)
{
    return call->conn ? WESS_OK : WESS_BROKEN;
}
static enum wess_code describe(struct wess_call *call, struct wess_schema *out)
{
    static const struct wess_field_schema fields[] = {{"fn", WESS_TEXT, 0, PERSON_LEN, 0, {0}},
                                                      {"title", WESS_TEXT, 0, PERSON_LEN, 0, {0}}};
    struct wess_collection *c = room(call, sizeof(*c));
    if (!c)
        return no(call, WESS_TOO_BIG);
    *c = (struct wess_collection){"people", "contact", .caps = kind.caps, .fields = fields,
                                  .n_fields = 2};
    *out = (struct wess_schema){.identity = "memory", .of = c, .n = 1};
    return WESS_OK;
}
/* The cursor: 's' or 'd' (in a snapshot, after it), and the last change that was told. */
static enum wess_code changes(struct wess_call *call, struct wess_slice in, uint32_t limit,
                              struct wess_page *out)
{
    struct person p;
    unsigned told = 0;
    bool more = true;
    char mode = 's', *next = room(call, 16);
    struct wess_change *c = room(call, (limit + 1) * sizeof(*c));
    if (!c || !next)
        return no(call, WESS_TOO_BIG);
    memcpy(next, in.len ? in.data : "s0", !in.len ? 2 : in.len < 16 ? in.len : 0);
    if (sscanf(next, "%c%u", &mode, &told) != 2 || !strchr("sd", mode))
        return no(call, WESS_RESET);
    for (out->changes = c; out->n < limit && (more = people_next(told, &p)); told = p.revision) {
        const struct wess_item *item = show(call, &p);
        if (!item)
            return no(call, WESS_TOO_BIG);
        if (!p.deleted || mode == 'd')
            c[out->n++] = (struct wess_change){p.deleted ? WESS_DELETE : WESS_UPSERT, 0, *item};
    }
    out->flags = (mode == 's' ? WESS_PAGE_SNAPSHOT : 0u) | (more ? 0u : WESS_PAGE_LAST);
    out->next = (struct wess_slice){next, (size_t)sprintf(next, "%c%u", more ? mode : 'd', told)};
    return WESS_OK;
}
static enum wess_code fetch(struct wess_call *call, struct wess_list ids, struct wess_result *out)
{
    for (size_t i = 0; i < ids.n; i++) {
        struct person p;
        bool there = people_get(ids.of[i], &p);
        out[i].current = there ? show(call, &p) : NULL;
        out[i].code = !there ? WESS_GONE : out[i].current ? WESS_OK : WESS_TOO_BIG;
    }
    return WESS_OK;
}
static enum wess_code find(struct wess_call *call, const struct wess_key *keys, size_t n,
                           struct wess_page *out)
{
    struct person p = {.revision = 0};
    struct wess_change *c = room(call, 100 * sizeof(*c));
    if (!c)
        return no(call, WESS_TOO_BIG);
    for (out->changes = c; out->n < 100 && people_next(p.revision, &p);) {
        const struct wess_item *item = show(call, &p);
        bool hit = false;
        if (!item)
            return no(call, WESS_TOO_BIG);
        for (size_t k = 0; k < n * item->n_keys && !p.deleted; k++)
            hit |= !strcmp(keys[k % n].space, item->keys[k / n].space) &&
                   !strcmp(keys[k % n].id, item->keys[k / n].id);
        if (hit)
            c[out->n++] = (struct wess_change){WESS_UPSERT, 0, *item};
    }
    out->flags = out->n < 100 ? WESS_PAGE_LAST : 0; /* else the core halves the keys */
    return WESS_OK;
}
static void write_one(struct wess_call *call, const struct wess_op *op, struct wess_result *r)
{
    static const enum wess_code codes[] = {WESS_OK, WESS_CONFLICT, WESS_GONE, WESS_REJECTED};
    struct wess_refused *refused = room(call, sizeof(*refused));
    char *id = room(call, 16), *revision = room(call, 16);
    struct person p = {.revision = 0};
    bool new = op->what == WESS_CREATE;
    r->code = WESS_NOT_TRIED;
    if (!refused || !id || !revision) /* room for the answer before anything is written */
        return;
    if (new && op->stamp && (op->flags & WESS_OP_AGAIN) && people_get_stamped(op->stamp, &p)) {
        r->current = show(call, &p);
        r->id = r->current ? r->current->id : NULL;
        r->code = r->id ? WESS_OK : WESS_NOT_TRIED;
        return; /* without a revision: somebody may have written since */
    }
    if (new && op->stamp)
        strncpy(p.stamp, op->stamp, sizeof(p.stamp) - 1);
    if (!new && !people_get(op->item.id, &p))
        r->code = WESS_GONE;
    for (size_t i = 0; r->code == WESS_NOT_TRIED && i < op->item.n_fields; i++) {
        const struct wess_field *f = &op->item.fields[i];
        if ((f->type == WESS_TEXT || f->type == WESS_NULL) &&
            people_set(&p, f->name, f->str.data, f->type == WESS_TEXT ? f->str.len : 0))
            continue;
        strncpy(id, f->name, 15);
        *refused = (struct wess_refused){id, "it is too long, or of another sort", NULL};
        *r = (struct wess_result){WESS_REJECTED, .refused = refused, .n_refused = 1};
    }
    if (r->code != WESS_NOT_TRIED)
        return;
    p.deleted = op->what == WESS_DELETE;
    r->code = codes[people_put(&p, new ? 0 : (unsigned)atol(op->before->revision))];
    sprintf(revision, "%u", p.revision);
    if (r->code == WESS_OK) {
        r->id = strcpy(id, p.id);
        r->revision = revision;
    }
}
static enum wess_code apply(struct wess_call *call, const struct wess_op *ops, size_t n,
                            struct wess_result *out)
{
    for (size_t i = 0; i < n; i++)
        write_one(call, &ops[i], &out[i]);
    return WESS_OK;
}
WESS_EXPORT const struct wess_connector *wess_connector_v1(void)
{
    static const struct wess_connector self = {.abi = WESS_ABI,
                                               .size = sizeof(self),
                                               .name = "memory",
                                               .version = "1",
                                               .kinds = &kind,
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
