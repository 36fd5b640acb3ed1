#include "cli/progress.h"

#include <string.h>
#include <time.h>

#define EVERY_MS 150
#define RATE_FROM_MS 1000 /* a shorter look says nothing about the rate */

static const struct {
    const char *stage, *word;
} words[] = {{"plan", "looks at"},
             {"create", "creates"},
             {"update", "updates"},
             {"delete", "deletes"},
             {"wait", "waits"}};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *word_of(const char *stage)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcmp(words[i].stage, stage))
            return words[i].word;
    return stage;
}

static void show_rate(const struct progress *p, int64_t now, int64_t done, int64_t of)
{
    int64_t ms = now - p->began_ms, n = done - p->began_at;
    if (ms < RATE_FROM_MS || n <= 0)
        return;
    int64_t rate = n * 1000 / ms, left = of > done ? (of - done) * ms / n / 1000 : 0;
    fprintf(p->cli->err, ", %lld a second", (long long)(rate ? rate : 1));
    if (left)
        fprintf(p->cli->err, ", %lld s left", (long long)left);
}

void progress_show(struct progress *p, const char *pair, const char *user, const char *stage,
                   int64_t done, int64_t of)
{
    char name[sizeof(p->stage)];
    int64_t now = now_ms();
    if (!p->cli->terminal)
        return;
    snprintf(name, sizeof(name), "%s%s%s%s%s", pair, *pair ? ", " : "", user, *user ? ": " : "",
             word_of(stage));
    if (strcmp(name, p->stage)) {
        memcpy(p->stage, name, sizeof(name));
        p->began_ms = now;
        p->began_at = done;
    } else if (now - p->shown_ms < EVERY_MS) {
        return;
    }
    p->shown_ms = now;
    p->shown = true;
    fprintf(p->cli->err, "\r\033[K%s", p->stage);
    if (!strcmp(stage, "wait"))
        fprintf(p->cli->err, " for what settles in %lld s", (long long)((of + 999) / 1000));
    else
        fprintf(p->cli->err, " %lld of %lld", (long long)done, (long long)of);
    if (strcmp(stage, "wait"))
        show_rate(p, now, done, of);
    fflush(p->cli->err);
}

void progress_clear(struct progress *p)
{
    if (p->shown) {
        fputs("\r\033[K", p->cli->err);
        fflush(p->cli->err);
    }
    p->shown = false;
}
