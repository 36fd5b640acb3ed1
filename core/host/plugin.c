#include "host/plugin.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLUGINS_MAX 64u
#define FOLDERS_MAX 32u
#define TABLE_LEAST offsetof(struct wess_connector, ack) /* what every connector has */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct plugin loaded[PLUGINS_MAX];
static size_t n_loaded;

static void because(char **why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void because(char **why, const char *fmt, ...)
{
    va_list ap;
    free(*why);
    va_start(ap, fmt);
    if (vasprintf(why, fmt, ap) < 0)
        *why = NULL;
    va_end(ap);
}

/* ---- the search path
 * ------------------------------------------------------------------------------------------ */

struct folders {
    const char *of[FOLDERS_MAX];
    size_t n;
    char *env;
};

static void folders_init(struct folders *f, const char *const *extra, size_t n)
{
    const char *env = getenv("WESS_CONNECTOR_PATH");
    *f = (struct folders){.n = 0};
    for (size_t i = 0; i < n && f->n + 4 < FOLDERS_MAX; i++)
        f->of[f->n++] = extra[i];
    f->env = env && *env ? strdup(env) : NULL;
    char *rest = f->env;
    for (char *dir; rest && f->n + 2 < FOLDERS_MAX && (dir = strsep(&rest, ":"));)
        if (*dir)
            f->of[f->n++] = dir;
#ifdef WESS_BUILD_PLUGINS
    if (access(WESS_BUILD_PLUGINS, X_OK) == 0)
        f->of[f->n++] = WESS_BUILD_PLUGINS;
#endif
    f->of[f->n++] = WESS_PLUGINS;
}

static bool is_name(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len < 64 && *name != '.' && *name != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == len;
}

/* ---- refusing
 * ----------------------------------------------------------------------------------------------------
 */

static bool is_safe(const char *path, bool folder, char **why)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        because(why, "%s: %s", path, strerror(errno));
        return false;
    }
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        because(why, "%s belongs to another user: it must belong to root or to us", path);
        return false;
    }
    if (st.st_mode & (S_IWOTH | (folder ? 0 : S_IWGRP))) {
        because(why, "%s can be written by others: chmod go-w it", path);
        return false;
    }
    return true;
}

static const struct wess_connector *open_module(const char *path, char **why)
{
    union { /* a data pointer that is a function */
        void *data;
        const struct wess_connector *(*entry)(void);
    } sym;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!module) {
        because(why, "%s cannot be loaded: %s", path, dlerror());
        return NULL;
    }
    sym.data = dlsym(module, WESS_ENTRY);
    if (!sym.data) {
        because(why, "%s is not a connector: it has no function %s", path, WESS_ENTRY);
        return NULL;
    }
    const struct wess_connector *c = sym.entry();
    if (!c) {
        because(why, "%s gave no connector", path);
        return NULL;
    }
    if (c->abi != WESS_ABI) {
        because(why,
                "%s was built for ABI %u, this program has %u: build it again with this "
                "program's headers",
                path, c->abi, WESS_ABI);
        return NULL;
    }
    if (c->size < TABLE_LEAST) {
        because(why, "%s is too old: its table has %u bytes, %zu are needed; build it again", path,
                c->size, TABLE_LEAST);
        return NULL;
    }
    return c;
}

/* Whole slots of it, as far as both headers have them. */
static struct wess_connector table_of(const struct wess_connector *c)
{
    struct wess_connector table = {0};
    size_t size = c->size < sizeof(table) ? c->size : sizeof(table);
    memcpy(&table, c, size - (size - TABLE_LEAST) % sizeof(table.apply));
    return table;
}

static bool is_whole(const struct wess_connector *c, const char *name, const char *path, char **why)
{
    if (!c->name || strcmp(c->name, name) || !c->version) {
        because(why, "%s calls itself \"%s\"", path, c->name ? c->name : "");
        return false;
    }
    if (!c->open || !c->close || !c->check || !c->describe || !c->changes || !c->fetch ||
        !c->find || !c->apply) {
        because(why, "%s lacks a function that every connector has", path);
        return false;
    }
    int watch = !!c->watch_open + !!c->watch_fd + !!c->watch_ready + !!c->watch_close;
    if (watch && watch != 4) {
        because(why, "%s has %d of the four functions of watch", path, watch);
        return false;
    }
    return true;
}

static const struct plugin *remember(const char *name, const char *path,
                                     struct wess_connector table, char **why)
{
    struct plugin *p = &loaded[n_loaded];
    if (n_loaded == PLUGINS_MAX) {
        because(why, "more than %u connectors", PLUGINS_MAX);
        return NULL;
    }
    *p = (struct plugin){strdup(name), strdup(path), &p->table, table};
    if (!p->name || !p->path) {
        because(why, "out of memory");
        return NULL;
    }
    n_loaded++;
    return p;
}

static const struct plugin *load_from(const char *dir, const char *name, bool *there, char **why)
{
    char *path = NULL;
    const struct plugin *p = NULL;
    *there = false;
    if (asprintf(&path, "%s/%s.so", dir, name) < 0)
        return NULL;
    if (access(path, F_OK) == 0) {
        *there = true;
        if (is_safe(dir, true, why) && is_safe(path, false, why)) {
            const struct wess_connector *c = open_module(path, why);
            struct wess_connector table = c ? table_of(c) : (struct wess_connector){0};
            if (c && is_whole(&table, name, path, why))
                p = remember(name, path, table, why);
        }
    }
    free(path);
    return p;
}

const struct plugin *plugin_load(const char *name, const char *const *extra, size_t n, char **why)
{
    struct folders f;
    const struct plugin *p = NULL;
    bool there = false;
    *why = NULL;
    if (!is_name(name)) {
        because(why, "a connector's name has small letters, digits and hyphens only");
        return NULL;
    }
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n_loaded && !p; i++)
        if (!strcmp(loaded[i].name, name))
            p = &loaded[i];
    folders_init(&f, extra, n);
    for (size_t i = 0; i < f.n && !p && !there; i++)
        p = load_from(f.of[i], name, &there, why);
    if (!p && !there) {
        because(why, "%s.so is missing; looked in", name);
        for (size_t i = 0; i < f.n; i++) {
            char *more = NULL;
            if (*why && asprintf(&more, "%s%s %s", *why, i ? "," : "", f.of[i]) >= 0) {
                free(*why);
                *why = more;
            }
        }
    }
    free(f.env);
    pthread_mutex_unlock(&lock);
    return p;
}

void plugin_list(const char *const *extra, size_t n,
                 void (*each)(void *ctx, const char *name, const char *path, const struct plugin *,
                              const char *why),
                 void *ctx)
{
    struct folders f;
    folders_init(&f, extra, n);
    for (size_t i = 0; i < f.n; i++) {
        struct dirent **names = NULL;
        int count = scandir(f.of[i], &names, NULL, alphasort);
        for (int k = 0; k < count; k++) {
            size_t len = strlen(names[k]->d_name);
            char *why = NULL, *path = NULL;
            if (len > 3 && !strcmp(names[k]->d_name + len - 3, ".so")) {
                names[k]->d_name[len - 3] = 0;
                const struct plugin *p = plugin_load(names[k]->d_name, extra, n, &why);
                if (asprintf(&path, "%s/%s.so", f.of[i], names[k]->d_name) >= 0 &&
                    (!p || !strcmp(p->path, path)))
                    each(ctx, names[k]->d_name, path, p, why);
            }
            free(why);
            free(path);
            free(names[k]);
        }
        free(names);
    }
    free(f.env);
}

const struct wess_option *plugin_option(const struct plugin *p, const char *name)
{
    for (size_t i = 0; i < p->connector->n_options; i++)
        if (!strcmp(p->connector->options[i].name, name))
            return &p->connector->options[i];
    return NULL;
}
