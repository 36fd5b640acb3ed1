/* What `check --online` saw a remote not keep is remembered by the state, for the runs to heed. */
#include <stdlib.h>
#include <unistd.h>

#include "cli/check.h"
#include "store/store.h"

/* What the state holds of it, and what it is to hold. */
static bool change(struct store *store, const struct check_lacks *l, bool own, bool *differs)
{
    struct db *db = db_open(store, false);
    uint64_t had = 0;
    bool ok = db && lacks_get(db, l->endpoint, l->identity, &had) != STORE_FAIL;
    uint64_t now = (had & ~l->keeps) | l->lacks;
    *differs = now != had;
    if (ok && own && *differs)
        ok = db_begin(db) == STORE_OK &&
             lacks_put(db, l->endpoint, l->identity, now) != STORE_FAIL &&
             db_commit(db) == STORE_OK;
    db_close(db);
    return ok;
}

static bool open_and_change(const struct cli *c, const struct check_lacks *l, enum store_open how,
                            bool *differs, char **why)
{
    int status;
    struct store *store = store_open(c->config->state_dir, c->config->site, how, why, &status);
    bool ok = store && change(store, l, how == STORE_OWN, differs);
    store_close(store);
    return ok;
}

/* It is read first: whoever has the state is not disturbed for what it knows already, and a state
 * that nobody has made yet holds nothing to be forgotten. */
bool check_remember(const struct cli *c, const struct check_lacks *l, char **why)
{
    const char *file = arena_fmt(c->arena, "%s/wess.db", c->config->state_dir);
    bool there = file && !access(file, F_OK), differs = true;
    *why = NULL;
    if (!l->identity || !(l->lacks | l->keeps) || (!there && !l->lacks))
        return true;
    if (there && open_and_change(c, l, STORE_READ, &differs, why) && !differs)
        return true;
    free(*why);
    *why = NULL;
    return open_and_change(c, l, STORE_OWN, &differs, why);
}
