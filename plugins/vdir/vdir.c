/* The connector's table: options, opening, what the folder is. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "eml.h"
#include "ics.h"

static const struct wess_option options[] = {
    {"kind", "choice", NULL, "contact", "contact|event|task",
     "what its files are: cards (.vcf), events or tasks (.ics)", 0},
    {"path", "string", NULL, NULL, NULL, "the folder, such as /srv/contacts/%{user.id}",
     WESS_OPTION_REQUIRED},
    {"version", "choice", NULL, "3.0", "3.0|4.0", "the vCard that new files are written as", 0},
    {"attachments", "bool", NULL, "false", NULL,
     "files that stand within events and tasks travel as well", 0},
    {"time_zone", "string", NULL, "Etc/UTC", NULL,
     "where its owner lives, such as Europe/London: whose days are the days of tasks", 0},
};
/* A file system compares nothing before it replaces or removes, and a file may be renamed: neither
 * CAS nor ABSENCE_PROVES. */
#define CAPS                                                                                       \
    (WESS_CAP_CREATE | WESS_CAP_UPDATE | WESS_CAP_DELETE | WESS_CAP_STAMP | WESS_CAP_STAMP_LATER | \
     WESS_CAP_SILENT)
static const struct wess_kind_caps kinds[] = {
    {"contact", CAPS}, {"event", CAPS}, {"task", CAPS}, {"message", EML_CAPS}};

static const struct vdir_kind *kind_named(const char *name)
{
    static const struct vdir_kind *const all[] = {&vdir_contacts, &vdir_events, &vdir_tasks};
    for (size_t i = 0; name && i < sizeof(all) / sizeof(all[0]); i++)
        if (!strcmp(all[i]->kind, name))
            return all[i];
    return &vdir_contacts;
}

static void close_conn(struct wess_conn *c)
{
    if (!c)
        return;
    names_fini(&c->names);
    free(c);
}

static enum wess_code open_conn(const struct wess_host *host, struct wess_conn **out,
                                struct wess_error *e)
{
    struct wess_conn *c = calloc(1, sizeof(*c));
    *out = NULL;
    if (!c)
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "out of memory");
    const char *version = host->setting(host->ctx, "version");
    c->host = host;
    c->kind = kind_named(host->setting(host->ctx, "kind"));
    c->zone = host->setting(host->ctx, "time_zone");
    c->path = host->setting(host->ctx, "path");
    const char *files = host->setting(host->ctx, "attachments");
    c->attachments = files && !strcmp(files, "true");
    c->new_is_v4 = version && !strcmp(version, "4.0");
    if (!c->path || *c->path != '/') {
        close_conn(c);
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "the setting path must begin with a slash");
    }
    if (c->zone && !wess_zone_known(c->zone)) {
        close_conn(c);
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "setting time_zone: there is no such zone; zones are named as in "
                         "Europe/London");
    }
    *out = c;
    return WESS_OK;
}

static enum wess_code check(struct wess_call *call)
{
    struct names names = {0};
    int dir = -1;
    enum wess_code rc = vdir_folder(call, &dir);
    if (rc == WESS_OK)
        rc = vdir_names(call, dir, "", &vdir_files, &names);
    names_fini(&names);
    if (dir >= 0)
        close(dir);
    return rc;
}

/* The folder's number goes with its name: where something else is mounted, or nothing, the same
 * name is another folder, and an empty one deletes nothing. */
static enum wess_code identity(struct wess_call *call, const char **out)
{
    const struct wess_host *h = call->conn->host;
    struct stat st;
    int dir = -1;
    enum wess_code rc = vdir_folder(call, &dir);
    if (rc == WESS_OK && fstat(dir, &st) != 0)
        rc = vdir_failed(call, call->conn->path);
    char *real = rc == WESS_OK ? realpath(call->conn->path, NULL) : NULL;
    if (rc == WESS_OK && !real)
        rc = vdir_failed(call, call->conn->path);
    if (rc == WESS_OK) {
        *out = wess_arena_fmt(h, call->arena, "%s#%llu", real, (unsigned long long)st.st_ino);
        rc = *out ? WESS_OK : vdir_spent(call);
    }
    free(real);
    if (dir >= 0)
        close(dir);
    return rc;
}

/* The fields of a kind, and with the setting the files in it. Cards have none. */
static bool fields_of(struct wess_call *call, const struct vdir_kind *kind,
                      struct wess_collection *out)
{
    size_t n = *kind->n_schema;
    out->fields = kind->schema;
    out->n_fields = n;
    if (!call->conn->attachments || kind == &vdir_contacts)
        return true;
    struct wess_field_schema *of = call->conn->host->alloc(call->arena, (n + 1) * sizeof(*of));
    if (!of)
        return false;
    memcpy(of, kind->schema, n * sizeof(*of));
    of[n] = ics_attach_schema;
    out->fields = of;
    out->n_fields = n + 1;
    return true;
}

static enum wess_code describe(struct wess_call *call, struct wess_schema *out)
{
    const char *id = NULL;
    enum wess_code rc = identity(call, &id);
    if (rc != WESS_OK)
        return rc;
    struct wess_collection *col = call->conn->host->alloc(call->arena, 2 * sizeof(*col));
    if (!col)
        return vdir_spent(call);
    const struct vdir_kind *kind = call->conn->kind;
    col[0] = (struct wess_collection){.id = kind->collection,
                                      .kind = kind->kind,
                                      .title = kind->title,
                                      .caps = CAPS,
                                      .page_max = VDIR_PAGE,
                                      .fetch_max = VDIR_FETCH,
                                      .write_max = VDIR_WRITE};
    if (!fields_of(call, kind, &col[0]))
        return vdir_spent(call);
    rc = eml_describe(call, &col[1]);
    *out = (struct wess_schema){.identity = id, .version = kind->format, .of = col, .n = 2};
    return rc;
}

/* ---- one way for cards, another for messages
 * ------------------------------------------------------------------------------------------ */

static enum wess_code changes(struct wess_call *call, struct wess_slice at, uint32_t limit,
                              struct wess_page *out)
{
    return eml_is_asked(call) ? eml_changes(call, at, limit, out)
                              : vdir_changes(call, at, limit, out);
}

static enum wess_code fetch(struct wess_call *call, struct wess_list ids, struct wess_result *out)
{
    return eml_is_asked(call) ? eml_fetch(call, ids, out) : vdir_fetch(call, ids, out);
}

static enum wess_code find(struct wess_call *call, const struct wess_key *keys, size_t n,
                           struct wess_page *out)
{
    return eml_is_asked(call) ? eml_find(call, keys, n, out) : vdir_find(call, keys, n, out);
}

static enum wess_code apply(struct wess_call *call, const struct wess_op *ops, size_t n,
                            struct wess_result *out)
{
    return eml_is_asked(call) ? eml_apply(call, ops, n, out) : vdir_apply(call, ops, n, out);
}

static const struct wess_connector connector = {
    .abi = WESS_ABI,
    .size = sizeof(struct wess_connector),
    .name = "vdir",
    .version = "0.1.0",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .kinds = kinds,
    .n_kinds = sizeof(kinds) / sizeof(kinds[0]),
    .open = open_conn,
    .close = close_conn,
    .check = check,
    .describe = describe,
    .changes = changes,
    .fetch = fetch,
    .find = find,
    .apply = apply,
};

WESS_EXPORT const struct wess_connector *wess_connector_v1(void)
{
    return &connector;
}
