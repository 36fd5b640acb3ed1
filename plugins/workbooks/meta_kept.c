/* What was kept of the metadata: the answer, by its digest, which is the key of what follows from
 * it. A head of one line, "FORM SECOND DIGEST CHECKED IDENTITY", and the answer; CHECKED is the
 * digest of the settings that were found to fit that answer, 0: none yet. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meta.h"

#define KEPT "metadata"
#define FORM "2"
#define KEPT_S ((int64_t)21600) /* that long it is believed */

bool wb_keeps(const struct wess_host *h)
{
    return h->size >= offsetof(struct wess_host, kept) + sizeof(h->kept) && h->keep && h->kept;
}

/* FNV-1a: for telling answers apart, not for guarding them. */
static uint64_t digest(uint64_t h, const char *text)
{
    for (const char *s = text ? text : ""; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    return (h ^ 0x100) * 1099511628211u;
}
#define DIGEST_START 1469598103934665603u

static uint64_t settings_of(const struct wess_conn *c)
{
    static const char *const names[] = {"custom_fields", "picklist_values",      "task_status",
                                        "task_priority", "create_organisations", "select_columns",
                                        "mail_status"};
    uint64_t h = digest(DIGEST_START, c->application);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        h = digest(h, c->host->setting(c->host->ctx, names[i]));
    return h | 1;
}

static void put(struct wess_call *call, int64_t second, uint64_t of, uint64_t checked,
                const char *identity, const char *answer)
{
    const struct wess_host *h = call->conn->host;
    char *all = wess_arena_fmt(h, call->arena, FORM " %lld %016" PRIx64 " %016" PRIx64 " %s\n%s",
                               (long long)second, of, checked, identity, answer);
    if (all)
        h->keep(h->ctx, call->arena, KEPT, all, strlen(all));
}

void wb_meta_keep(struct wess_call *call, const char *identity, const json_t *types)
{
    const struct wess_host *h = call->conn->host;
    if (!identity || !wb_keeps(h))
        return;
    char *text = json_dumps(types, JSON_SORT_KEYS);
    if (text)
        put(call, h->now_ms(h->ctx) / 1000, digest(DIGEST_START, text), 0, identity, text);
    free(text);
}

struct kept {
    long long second;
    uint64_t of, checked;
    const char *identity, *answer; /* in the arena */
};

/* false: none, damaged, too old, or of another database (NULL: of whichever). */
static bool take(struct wess_call *call, const char *identity, struct kept *k)
{
    const struct wess_host *h = call->conn->host;
    size_t len = 0;
    int at = 0;
    const char *all = wb_keeps(h) ? h->kept(h->ctx, call->arena, KEPT, &len) : NULL;
    char *copy = all ? wess_arena_textn(h, call->arena, all, len) : NULL;
    char *end = copy ? strchr(copy, '\n') : NULL;
    if (!end ||
        sscanf(copy, FORM " %lld %16" SCNx64 " %16" SCNx64 " %n", &k->second, &k->of, &k->checked,
               &at) != 3 ||
        !at || copy + at > end)
        return false;
    *end = 0;
    k->identity = copy + at;
    k->answer = end + 1;
    int64_t age = h->now_ms(h->ctx) / 1000 - k->second;
    return age >= 0 && age <= KEPT_S && (!identity || !strcmp(k->identity, identity)) &&
           digest(DIGEST_START, k->answer) == k->of;
}

json_t *wb_meta_recall(struct wess_call *call, const char *identity)
{
    struct kept k;
    if (!identity || !take(call, identity, &k))
        return NULL;
    json_t *types = wb_parse(k.answer, strlen(k.answer));
    if (!json_is_array(types)) {
        json_decref(types);
        return NULL;
    }
    call->conn->meta_fits = k.checked == settings_of(call->conn);
    return types;
}

void wb_meta_fits(struct wess_call *call)
{
    struct kept k;
    if (take(call, NULL, &k))
        put(call, k.second, k.of, settings_of(call->conn), k.identity, k.answer);
    call->conn->meta_fits = true;
}

void wb_meta_doubt(struct wess_call *call)
{
    const struct wess_host *h = call->conn->host;
    if (wb_keeps(h))
        h->keep(h->ctx, call->arena, KEPT, "", 0);
}
