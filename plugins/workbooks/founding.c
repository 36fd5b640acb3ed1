/* Organisations for employers that are not there, where the settings let them be created. One
 * connection at a time does it, and looks once more before: people of one new company come from
 * several mailboxes at once. That one is under way is kept until its answer is in: an organisation
 * whose answer was lost shows late, and no other of its name is made before. */
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "write.h"

#define UNDER_WAY "organisations" /* the second since when; empty: none is */

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static bool turn(const struct wess_host *h)
{
    while (!h->cancelled(h->ctx)) {
        struct timespec soon;
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_sec++;
        if (pthread_mutex_timedlock(&one_at_a_time, &soon) == 0)
            return true;
    }
    return false;
}

static bool keeps(const struct wess_host *h)
{
    return h->size >= offsetof(struct wess_host, kept) + sizeof(h->kept) && h->keep && h->kept;
}

/* How long until what was under way shows, if it is there. */
static int64_t left_ms(struct wess_call *call)
{
    const struct wess_host *h = call->conn->host;
    size_t len = 0;
    const char *text = keeps(h) ? h->kept(h->ctx, call->arena, UNDER_WAY, &len) : NULL;
    int64_t age = h->now_ms(h->ctx) - (text ? strtoll(text, NULL, 10) : 0);
    return text && *text && age >= 0 && age < WB_SETTLE_MS ? (int64_t)WB_SETTLE_MS - age : 0;
}

static enum wess_code wait_for_it(struct wess_call *call, int64_t ms)
{
    call->error.retry_after_ms = ms;
    return wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_COLLECTION, NULL,
                     "an organisation may be being created: people wait until that shows");
}

/* One operation for each name, of those that are one when folded. */
static size_t operations(struct wess_call *call, const char *const *names, size_t n,
                         struct wess_op *ops, struct wess_field *fields)
{
    const struct wess_host *h = call->conn->host;
    size_t made = 0;
    for (size_t i = 0; i < n; i++) {
        const char *fold = h->fold(call->arena, names[i]);
        bool other = fold && *fold;
        for (size_t k = 0; other && k < made; k++) {
            const char *its = h->fold(call->arena, fields[k].str.data);
            other = its && strcmp(its, fold) != 0;
        }
        if (!other)
            continue;
        fields[made] = (struct wess_field){
            .name = "fn", .type = WESS_TEXT, .str = {names[i], strlen(names[i])}};
        ops[made] =
            (struct wess_op){.what = WESS_CREATE, .item = {.fields = &fields[made], .n_fields = 1}};
        made++;
    }
    return made;
}

static bool is_known(enum wess_code code)
{
    return code == WESS_OK || code == WESS_REJECTED || code == WESS_NOT_TRIED;
}

/* Like any other batch of that collection: by its permissions, and its limit for the hour. */
static enum wess_code create(struct wess_call *call, const char **names, size_t n)
{
    const struct wess_host *h = call->conn->host;
    struct wess_call of_orgs = *call;
    struct wess_op *ops = h->alloc(call->arena, n * sizeof(*ops));
    struct wess_field *fields = h->alloc(call->arena, n * sizeof(*fields));
    struct wess_result *out = h->alloc(call->arena, n * sizeof(*out));
    const char *now = wess_arena_fmt(h, call->arena, "%lld", (long long)h->now_ms(h->ctx));
    if (!ops || !fields || !out || !now)
        return WESS_TOO_BIG;
    size_t made = operations(call, names, n, ops, fields);
    if (keeps(h))
        h->keep(h->ctx, call->arena, UNDER_WAY, now, strlen(now));
    of_orgs.collection = wb_kinds[WB_ORGANISATIONS]->collection;
    enum wess_code rc = made ? wb_apply(&of_orgs, ops, made, out) : WESS_OK;
    call->error = of_orgs.error;
    bool known = true;
    for (size_t i = 0; i < made; i++)
        known &= is_known(out[i].code);
    if (!known)
        return wait_for_it(call, WB_SETTLE_MS);
    if (keeps(h))
        h->keep(h->ctx, call->arena, UNDER_WAY, "", 0);
    return rc;
}

enum wess_code wb_found(struct wess_call *call, const char **names, size_t n)
{
    if (!turn(call->conn->host))
        return WESS_CANCELLED;
    int64_t wait = left_ms(call);
    enum wess_code rc = wait ? wait_for_it(call, wait) : wb_employers_again(call, names, &n, true);
    if (rc == WESS_OK && n)
        rc = create(call, names, n);
    if (rc == WESS_OK && n)
        rc = wb_employers_again(call, names, &n, false);
    pthread_mutex_unlock(&one_at_a_time);
    return rc;
}
