/* How many records are created in an hour, by all connections of the process to one service, and by
 * the processes before it: a mistake in a configuration is noticed before it has filled a database.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "write.h"

#define HOUR_MS ((int64_t)3600000)
#define KEPT "created" /* "FROM_MS MADE" */
#define PLACES 16u     /* services that are told apart; a further one shares the last place */

static struct {
    pthread_mutex_t lock;
    struct {
        char url[256];
        int64_t from_ms, made;
    } of[PLACES];
} hours = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t place_of(const char *url)
{
    size_t i = 0;
    while (i + 1 < PLACES && *hours.of[i].url && strcmp(hours.of[i].url, url) != 0)
        i++;
    if (!*hours.of[i].url)
        snprintf(hours.of[i].url, sizeof(hours.of[i].url), "%s", url);
    return i;
}

/* What an earlier process made in the hour that runs. */
static void recall(struct wess_call *call, size_t i)
{
    const struct wess_host *h = call->conn->host;
    size_t len = 0;
    long long from_ms, made;
    const char *text =
        !hours.of[i].from_ms && wb_keeps(h) ? h->kept(h->ctx, call->arena, KEPT, &len) : NULL;
    if (!text || sscanf(text, "%lld %lld", &from_ms, &made) != 2 || made < 0)
        return;
    hours.of[i].from_ms = from_ms;
    hours.of[i].made = made;
}

static void remember(struct wess_call *call, size_t i)
{
    const struct wess_host *h = call->conn->host;
    char text[48];
    int len = snprintf(text, sizeof(text), "%lld %lld", (long long)hours.of[i].from_ms,
                       (long long)hours.of[i].made);
    if (wb_keeps(h))
        h->keep(h->ctx, call->arena, KEPT, text, (size_t)len);
}

/* How many of them may go now; the rest of the hour when it is fewer. */
static size_t take(struct wess_call *call, size_t wanted, int64_t *wait_ms)
{
    const struct wess_conn *c = call->conn;
    int64_t now = c->host->now_ms(c->host->ctx);
    pthread_mutex_lock(&hours.lock);
    size_t i = place_of(c->base);
    recall(call, i);
    if (now < hours.of[i].from_ms || now - hours.of[i].from_ms >= HOUR_MS) {
        hours.of[i].from_ms = now;
        hours.of[i].made = 0;
    }
    int64_t left = c->max_create - hours.of[i].made;
    size_t granted = left <= 0 ? 0 : (size_t)left < wanted ? (size_t)left : wanted;
    hours.of[i].made += (int64_t)granted;
    *wait_ms = hours.of[i].from_ms + HOUR_MS - now;
    remember(call, i);
    pthread_mutex_unlock(&hours.lock);
    return granted;
}

static bool creates(const struct wb_table *t, size_t i)
{
    return t->ops[i].what == WESS_CREATE && wb_is_sent(t, i);
}

int64_t wb_pace(struct wb_table *t)
{
    size_t wanted = 0;
    int64_t wait_ms = 0;
    for (size_t i = 0; i < t->n; i++)
        wanted += creates(t, i);
    if (!t->call->conn->max_create || !wanted)
        return 0;
    size_t granted = take(t->call, wanted, &wait_ms);
    if (granted == wanted)
        return 0;
    for (size_t i = 0; i < t->n; i++) {
        if (!creates(t, i) || (granted && granted--))
            continue;
        t->skip[i] = true;
        t->out[i] = (struct wess_result){.code = WESS_NOT_TRIED};
    }
    return wait_ms;
}
