#include "config_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/exec.h"
#include "host/plugin.h"

/* A text that is opened and never closed is not freed by libconfig's own reader. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig.so\n";
}

static struct {
    const char *text, *csv;
    size_t len, csv_len, told;
} host;

/* ---- in place of core/host ---------------------------------------------------------------------
 */

bool exec_read(const char *const *argv, size_t max, int timeout_ms, char **out, size_t *len,
               const char **why)
{
    HOLDS(argv[0] && max && timeout_ms > 0);
    *why = "it is not run here";
    *out = NULL;
    *len = 0;
    return false;
}

bool file_read(const char *path, size_t max, bool secret, char **out, size_t *len, const char **why)
{
    bool csv = !strcmp(path, CONFIG_CSV), own = !strcmp(path, CONFIG_PATH);
    HOLDS(!secret);
    *why = "there is no such file";
    if (!csv && !own)
        return false;
    *len = csv ? host.csv_len : host.len;
    *why = "it is too large";
    if (*len > max)
        return false;
    *out = fuzz_copy((const uint8_t *)(csv ? host.csv : host.text), *len);
    return true;
}

const struct plugin *plugin_load(const char *name, const char *const *extra, size_t n, char **why)
{
    static const struct wess_option options[] = {
        {"url", "url", NULL, "https://example.com/", NULL, "where", 0},
        {"auth", "choice", NULL, "ntlm", "basic|ntlm", "how", 0},
        {"page", "int", NULL, "100", "1..200", "rows", 0},
        {"late", "duration", NULL, "60s", NULL, "how late", 0},
        {"folders", "list", NULL, NULL, NULL, "which", 0},
        {"whom", "string", NULL, NULL, NULL, "whose", WESS_OPTION_REQUIRED},
        {"password", "string", NULL, NULL, NULL, "secret", WESS_OPTION_SECRET}};
    static const struct wess_kind_caps kinds[] = {{"contact", WESS_CAP_CREATE}};
    static const struct wess_connector connector = {.abi = WESS_ABI,
                                                    .size = sizeof(struct wess_connector),
                                                    .name = "ews",
                                                    .version = "0",
                                                    .options = options,
                                                    .n_options = 7,
                                                    .kinds = kinds,
                                                    .n_kinds = 1};
    static const struct plugin plugin = {.name = (char *)(uintptr_t) "ews",
                                         .path = (char *)(uintptr_t) "ews.so",
                                         .connector = &connector};
    for (size_t i = 0; i < n; i++)
        HOLDS(extra[i]);
    *why = strcmp(name, "ews") ? strdup("there is no such connector") : NULL;
    return *why ? NULL : &plugin;
}

const struct wess_option *plugin_option(const struct plugin *p, const char *name)
{
    for (size_t i = 0; i < p->connector->n_options; i++)
        if (!strcmp(p->connector->options[i].name, name))
            return &p->connector->options[i];
    return NULL;
}

/* ---- what must hold ----------------------------------------------------------------------------
 */

static void say(void *ctx, const char *line)
{
    (void)ctx;
    HOLDS(line && *line && strchr(line, ':'));
    for (const char *c = line; *c; c++)
        HOLDS((unsigned char)*c >= 0x20 && *c != 0x7f);
    host.told++;
    if (strstr(line, "(null)")) /* said by printf(), or by the input itself */
        HOLDS(memmem(host.text, host.len, "(null)", 6) || memmem(host.csv, host.csv_len, "(n", 2));
}

static void users_hold(const struct config *c)
{
    HOLDS(c->n_users);
    for (size_t i = 0; i < c->n_users; i++) {
        const struct cfg_user *u = &c->users[i];
        HOLDS(u->id && *u->id && u->name && u->mode <= MODE_BOTH);
        HOLDS(config_user(c, u->id) == u);
        for (size_t k = 0; k < u->n_attrs; k++)
            HOLDS(u->attrs[k].name && u->attrs[k].value);
    }
}

static void config_holds(const struct config *c)
{
    HOLDS(c->site && *c->site && c->state_dir && c->control && c->every_ms > 0 && c->workers);
    for (size_t i = 0; i < c->n_endpoints; i++)
        HOLDS(c->endpoints[i].plugin && config_endpoint(c, c->endpoints[i].name));
    for (size_t i = 0; i < c->n_pairs; i++) {
        const struct cfg_pair *p = &c->pairs[i];
        HOLDS(config_pair(c, p->name) && p->kind);
        for (int s = LEFT; s <= RIGHT; s++)
            HOLDS(p->endpoint[s] && p->collection[s]);
        for (size_t k = 0; k < p->n_rules; k++)
            HOLDS(p->rules[k].left && p->rules[k].right);
    }
    users_hold(c);
}

struct config *config_try(const char *text, size_t len, const char *csv, size_t csv_len)
{
    host.text = text;
    host.len = len;
    host.csv = csv;
    host.csv_len = csv_len;
    host.told = 0;
    struct config *c = config_load(CONFIG_PATH, NULL, say, NULL);
    HOLDS((c == NULL) == (host.told > 0));
    if (c)
        config_holds(c);
    return c;
}
