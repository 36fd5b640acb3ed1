/* The match keys of an item, made the same way by every connector. */
#ifndef WESS_SDK_KEYS_H
#define WESS_SDK_KEYS_H

#include "wess/connector.h"

/* Sets item->keys from item->fields, as items of item->kind (NULL: a contact) are matched, and
 * {"wess", stamp} when stamp is not NULL. Contacts: "email", "email+name.family", "fn", "fn+phone".
 * Tasks: "summary+due", "summary". Events: "uid", "summary+start", "summary"; the uid of an
 * occurrence that is an item of its own ("recurrence-id") is "UID|MOMENT". WESS_TOO_BIG: budget
 * spent. */
enum wess_code wess_item_keys(const struct wess_host *, struct wess_arena *, struct wess_item *,
                              const char *stamp);
/* What find() answers with: does the item bear any of these? */
bool wess_bears_any(const struct wess_item *, const struct wess_key *, size_t n);

#endif
