/* SIGHUP: the configuration is loaded again beside the one in use, and taken over whole or not at
 * all. Loading may run the program that lists the users, so it has a thread of its own. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/state.h"

static void say(void *ctx, const char *line)
{
    (void)ctx;
    log_line(WESS_LOG_ERROR, "%s", line);
}

static void *load(void *ctx)
{
    struct daemon *d = ctx;
    struct config *cfg = config_load(d->opts->config_path, d->opts->root, say, NULL);
    pthread_mutex_lock(&d->lock);
    d->fresh = cfg;
    d->loaded = true;
    pthread_mutex_unlock(&d->lock);
    daemon_wake(d);
    return NULL;
}

/* Where the state lies, whose it is and where commands arrive cannot change under a running
 * program. */
static const char *what_stays(const struct config *was, const struct config *now)
{
    if (strcmp(was->state_dir, now->state_dir))
        return "state_dir changes with a restart only";
    if (strcmp(was->site, now->site))
        return "site never changes";
    if (strcmp(was->control, now->control))
        return "daemon.control changes with a restart only";
    return NULL;
}

void reload_begin(struct daemon *d)
{
    struct timespec t;
    if (d->loading) {
        d->load_again = true;
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &t);
    notify_state("RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=the configuration is loaded again",
                 (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
    d->loading = pthread_create(&d->loader, NULL, load, d) == 0;
    if (!d->loading) {
        log_line(WESS_LOG_ERROR, "the configuration was not loaded again: no thread");
        notify_state("READY=1\nSTATUS=not reloaded: no thread");
    }
}

static void refuse(struct daemon *d, const char *why)
{
    config_free(d->fresh);
    log_line(WESS_LOG_ERROR, "%s is refused, the old configuration goes on: %s",
             d->opts->config_path, why);
    notify_state("READY=1\nSTATUS=the changed configuration is refused, the old one goes on: %s",
                 why);
}

static void take_over(struct daemon *d)
{
    struct kept_config *kept = kept_new(d->fresh);
    if (!kept) {
        refuse(d, "out of memory");
        return;
    }
    pthread_mutex_lock(&d->lock);
    struct kept_config *old = d->current;
    d->current = kept;
    pthread_mutex_unlock(&d->lock);
    daemon_drop(d, old);
    d->opts->log_ready(kept->cfg);
    log_line(WESS_LOG_INFO, "%s is taken over", d->opts->config_path);
    notify_state("READY=1\nSTATUS=the changed configuration is in use");
}

void reload_end(struct daemon *d)
{
    pthread_mutex_lock(&d->lock);
    bool loaded = d->loaded;
    d->loaded = false;
    pthread_mutex_unlock(&d->lock);
    if (!loaded)
        return;
    pthread_join(d->loader, NULL);
    d->loading = false;
    const char *stays = d->fresh ? what_stays(d->current->cfg, d->fresh) : NULL;
    if (!d->fresh)
        refuse(d, "the lines above say why");
    else if (stays)
        refuse(d, stays);
    else
        take_over(d);
    d->fresh = NULL;
    if (d->load_again) {
        d->load_again = false;
        reload_begin(d);
    }
}
