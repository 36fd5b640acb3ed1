/* A users file of any text under a sound configuration. */
#include <string.h>

#include "config_host.h"

static const char conf[] =
    "site = \"s\"; endpoints: { a: { connector = \"ews\"; whom = \"%{user.mailbox}\"; };"
    "b: { connector = \"ews\"; whom = \"x\"; }; };"
    "users: { source = { csv = \"" CONFIG_CSV "\"; };"
    "waves = ( { name = \"pilot\"; mode = \"both\"; }, { name = \"*\"; mode = \"observe\"; } ); };"
    "pairs: { people: { kind = \"contact\"; left = \"a:contacts\"; right = \"b:people\"; }; };";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *c = config_try(conf, sizeof(conf) - 1, (const char *)data, size);
    for (size_t i = 0; c && i < c->n_users; i++) {
        const struct cfg_user *u = &c->users[i];
        HOLDS(u->mode == MODE_BOTH || u->mode == MODE_OBSERVE);
        for (size_t k = 0; k < u->n_attrs; k++)
            HOLDS(fuzz_is_utf8(u->attrs[k].value, strlen(u->attrs[k].value)));
        HOLDS(cfg_user_attr(u, "mailbox") && *cfg_user_attr(u, "mailbox"));
    }
    config_free(c);
    return 0;
}
