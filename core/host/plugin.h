/* Connectors by name from a search path. A plugin once loaded stays loaded. */
#ifndef CORE_HOST_PLUGIN_H
#define CORE_HOST_PLUGIN_H

#include "wess/connector.h"

struct plugin {
    char *name, *path;
    const struct wess_connector *connector; /* the table below */
    struct wess_connector table;            /* slots of a later header than its own are NULL */
};
/* Extra folders (connector_path) are searched first, then WESS_CONNECTOR_PATH of the build tree,
 * then $libdir/wess. Thread-safe. NULL: *why (malloc'ed, the caller frees) says missing / not a
 * connector / other ABI / too old / smaller struct / world-writable file or folder. */
const struct plugin *plugin_load(const char *name, const char *const *extra, size_t n, char **why);
/* Calls `each` for every NAME.so found on the path, loaded or refused (why). */
void plugin_list(const char *const *extra, size_t n,
                 void (*each)(void *ctx, const char *name, const char *path, const struct plugin *,
                              const char *why),
                 void *ctx);
const struct wess_option *plugin_option(const struct plugin *, const char *name);

#endif
