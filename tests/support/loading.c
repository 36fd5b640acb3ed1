#include "loading.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "testhost.h"

const struct wess_connector *load_connector(const char *name)
{
    char path[512];
    union { /* ISO C has no conversion from an object to a function */
        void *symbol;
        const struct wess_connector *(*entry)(void);
    } at;
    snprintf(path, sizeof(path), "%s/%s.so", WESS_PLUGINS, name);
    void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    at.symbol = so ? dlsym(so, "wess_connector_v1") : NULL;
    return at.symbol ? at.entry() : NULL;
}

const char *program_path(const char *name)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s", WESS_BIN, name);
    return path;
}

size_t load_fallbacks(const struct wess_connector *c, struct testhost_setting *of, size_t n,
                      size_t cap)
{
    for (size_t i = 0; i < c->n_options && n < cap; i++) {
        bool given = !c->options[i].fallback;
        for (size_t k = 0; k < n; k++)
            given |= !strcmp(of[k].name, c->options[i].name);
        if (!given)
            of[n++] = (struct testhost_setting){c->options[i].name, c->options[i].fallback};
    }
    return n;
}
