/* What servers call themselves by number, and people by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ews.h"

static const struct {
    long major, minor, build; /* the first build of that name */
    const char *name;
} releases[] = {
    {15, 20, 0, "Online"},    {15, 2, 2562, "SE"}, {15, 2, 0, "2019"},     {15, 1, 0, "2016"},
    {15, 0, 847, "2013 SP1"}, {15, 0, 0, "2013"},  {14, 3, 0, "2010 SP3"}, {14, 2, 0, "2010 SP2"},
    {14, 1, 0, "2010 SP1"},   {14, 0, 0, "2010"},  {8, 3, 0, "2007 SP3"},  {8, 2, 0, "2007 SP2"},
    {8, 1, 0, "2007 SP1"},    {8, 0, 0, "2007"},
};

const char *ews_release(const char *version)
{
    long major = 0, minor = 0, build = 0;
    if (sscanf(version, "%ld.%ld.%ld", &major, &minor, &build) < 2)
        return "of an unknown version";
    for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++)
        if (releases[i].major == major && releases[i].minor == minor && build >= releases[i].build)
            return releases[i].name;
    return major > 15 || (major == 15 && minor > 2) ? "newer than SE" : "older than 2007";
}

/* ---- asking an old server
 * ------------------------------------------------------------------------------------------ */

static enum wess_code take_nothing(void *ctx, size_t i, size_t at, const xmlNode *m,
                                   struct wess_error *e)
{
    (void)ctx;
    (void)i;
    (void)at;
    (void)m;
    (void)e;
    return WESS_OK;
}

static void ask(const struct wess_conn *c, struct xml_out *x)
{
    ews_begin(c, x, c->impersonate);
    xml_open(x, "m:GetFolder");
    xml_open(x, "m:FolderShape");
    xml_element(x, "t:BaseShape", "IdOnly");
    xml_close(x);
    xml_open(x, "m:FolderIds");
    xml_open(x, "t:DistinguishedFolderId");
    xml_put_attr(x, "Id", "contacts");
    xml_close(x);
}

enum wess_code ews_name_old(struct wess_call *call, enum wess_code rc)
{
    static const char *const words[] = {"Exchange2007_SP1", "Exchange2007"};
    struct wess_conn *c = call->conn;
    const struct ews_taker taker = {.message = take_nothing};
    struct wess_error before = call->error;
    /* It has said nothing of itself but that it does not know our version's word. */
    if (rc != WESS_BROKEN || c->version[0] ||
        (strcmp(before.remote_code, "ErrorInvalidServerVersion") != 0 &&
         strcmp(before.remote_code, "ErrorSchemaValidation") != 0))
        return rc;
    for (size_t i = 0; i < 2 && !c->version[0]; i++) {
        struct xml_out x;
        c->asks = words[i];
        ask(c, &x);
        ews_ask(call, &x, false, &taker); /* its error, if it tells, names the version */
    }
    c->asks = NULL;
    if (!c->version[0])
        call->error = before;
    return rc;
}
