/* Settings, as every connector reads them. */
#ifndef WESS_SDK_SETTINGS_H
#define WESS_SDK_SETTINGS_H

#include "wess/connector.h"

/* NULL: not set, or set to nothing, as an empty cell of a user is. Lives as long as the host. */
const char *wess_setting(const struct wess_host *, const char *name);
/* Of secrets, too: of those only whether they are set is known before they are asked for. */
bool wess_is_set(const struct wess_host *, const char *name);
/* A secret into `buf`, which the caller wipes. WESS_AUTH, with the credential in trouble: it cannot
 * be read. */
enum wess_code wess_secret(const struct wess_host *, const char *name, char *buf, size_t cap,
                           struct wess_error *);

#endif
