#include "settings.h"

#include "error.h"

const char *wess_setting(const struct wess_host *h, const char *name)
{
    const char *value = h->setting(h->ctx, name);
    return value && *value ? value : NULL;
}

bool wess_is_set(const struct wess_host *h, const char *name)
{
    return h->setting(h->ctx, name) != NULL;
}

enum wess_code wess_secret(const struct wess_host *h, const char *name, char *buf, size_t cap,
                           struct wess_error *e)
{
    if (h->secret(h->ctx, name, buf, cap) == WESS_OK)
        return WESS_OK;
    return wess_fail(e, WESS_AUTH, WESS_OF_CREDENTIAL, NULL, "the %s cannot be read", name);
}
