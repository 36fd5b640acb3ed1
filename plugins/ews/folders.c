/* Which folders a contact may lie in, and what the mailbox is. */
#include <stdlib.h>
#include <string.h>

#include "ews.h"

static void distinguished(struct xml_out *x, const char *name)
{
    xml_open(x, "t:DistinguishedFolderId");
    xml_put_attr(x, "Id", name);
    xml_close(x);
}

static void ask_folders(struct wess_conn *c, struct xml_out *x, const char *impersonate)
{
    ews_begin(c, x, impersonate);
    xml_open(x, "m:GetFolder");
    xml_open(x, "m:FolderShape");
    xml_element(x, "t:BaseShape", "IdOnly");
    xml_close(x);
    xml_open(x, "m:FolderIds");
    distinguished(x, "contacts");
    distinguished(x, "deleteditems");
    xml_close(x);
    xml_close(x);
}

struct taking {
    struct wess_call *call;
};

static char *folder_id(const xmlNode *message)
{
    const char *id =
        xml_attr(xml_child(xml_first(xml_child(message, "Folders")), "FolderId"), "Id");
    return id ? strdup(id) : NULL;
}

static enum wess_code take_folders(void *ctx, size_t i, const struct ews_answer *a)
{
    struct wess_call *call = ((struct taking *)ctx)->call;
    struct wess_conn *c = call->conn;
    const xmlNode *m = xml_first(a->messages);
    (void)i;
    if (a->code != WESS_OK)
        return a->code;
    enum wess_code rc = ews_message(m, false, &call->error);
    if (rc != WESS_OK)
        return rc;
    c->folders[0] = (struct ews_folder){folder_id(m), strdup("")};
    c->n_folders = 1;
    m = xml_next(m);
    if (ews_message(m, false, &call->error) == WESS_OK)
        c->bin = folder_id(m);
    if (!c->folders[0].id || !c->folders[0].path)
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_MAILBOX, NULL,
                         "Exchange names no folder of contacts");
    return WESS_OK;
}

/* ---- sub-folders
 * ------------------------------------------------------------------------------------------------
 */

static bool is_listed(const char *setting, const char *path)
{
    size_t len = strlen(path);
    for (const char *at = setting; *at;) {
        const char *end = strchrnul(at, '\n');
        if ((*at == '*' && end == at + 1) || ((size_t)(end - at) == len && !strncmp(at, path, len)))
            return true;
        at = *end ? end + 1 : end;
    }
    return false;
}

/* The path below Contacts, by the parents known so far. */
static char *path_of(const struct wess_conn *c, const xmlNode *folder, const struct ews_folder *all,
                     size_t n)
{
    const char *parent = xml_attr(xml_child(folder, "ParentFolderId"), "Id");
    const char *name = xml_text(xml_child(folder, "DisplayName"));
    char *out = NULL;
    if (!name || !parent)
        return NULL;
    if (!strcmp(parent, c->folders[0].id))
        return strdup(name);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(all[i].id, parent))
            return asprintf(&out, "%s/%s", all[i].path, name) < 0 ? NULL : out;
    return NULL;
}

static enum wess_code take_subfolders(void *ctx, size_t i, const struct ews_answer *a)
{
    struct wess_call *call = ((struct taking *)ctx)->call;
    struct wess_conn *c = call->conn;
    struct ews_folder all[EWS_FOLDERS_MAX];
    size_t n = 0;
    const char *setting = c->host->setting(c->host->ctx, "folders");
    const xmlNode *m = xml_first(a->messages);
    (void)i;
    if (a->code != WESS_OK)
        return a->code;
    enum wess_code rc = ews_message(m, false, &call->error);
    const xmlNode *f = xml_first(xml_child(xml_child(m, "RootFolder"), "Folders"));
    for (; rc == WESS_OK && f && n < EWS_FOLDERS_MAX; f = xml_next(f)) {
        const char *id = xml_attr(xml_child(f, "FolderId"), "Id");
        char *path = path_of(c, f, all, n);
        if (!id || !path || !(all[n].id = strdup(id))) {
            free(path);
            continue;
        }
        all[n++].path = path;
    }
    for (size_t k = 0; k < n; k++) {
        if (is_listed(setting, all[k].path) && c->n_folders < EWS_FOLDERS_MAX) {
            c->folders[c->n_folders++] = all[k];
        } else {
            free(all[k].id);
            free(all[k].path);
        }
    }
    return rc;
}

static bool is_read(const struct wess_conn *c, const char *id)
{
    for (size_t i = 0; i < c->n_folders; i++)
        if (!strcmp(c->folders[i].id, id))
            return true;
    return false;
}

static enum wess_code take_others(void *ctx, size_t i, const struct ews_answer *a)
{
    struct wess_call *call = ((struct taking *)ctx)->call;
    struct wess_conn *c = call->conn;
    const xmlNode *m = xml_first(a->messages);
    (void)i;
    if (a->code != WESS_OK)
        return a->code;
    enum wess_code rc = ews_message(m, false, &call->error);
    const xmlNode *f = xml_first(xml_child(xml_child(m, "RootFolder"), "Folders"));
    for (; rc == WESS_OK && f && c->n_others < EWS_FOLDERS_MAX; f = xml_next(f)) {
        const char *id = xml_attr(xml_child(f, "FolderId"), "Id");
        if (!xml_is(f, "ContactsFolder") || !id || is_read(c, id))
            continue;
        c->others[c->n_others].id = strdup(id);
        c->n_others += c->others[c->n_others].id != NULL;
    }
    return rc;
}

static enum wess_code find_folders(struct wess_call *call, const char *top,
                                   enum wess_code (*take)(void *, size_t,
                                                          const struct ews_answer *))
{
    struct wess_conn *c = call->conn;
    struct taking t = {call};
    struct xml_out x;
    ews_begin(c, &x, c->impersonate);
    xml_open(&x, "m:FindFolder");
    xml_put_attr(&x, "Traversal", "Deep");
    xml_open(&x, "m:FolderShape");
    xml_element(&x, "t:BaseShape", "IdOnly");
    xml_open(&x, "t:AdditionalProperties");
    static const char *const uris[] = {"folder:DisplayName", "folder:ParentFolderId"};
    for (size_t i = 0; i < 2; i++) {
        xml_open(&x, "t:FieldURI");
        xml_put_attr(&x, "FieldURI", uris[i]);
        xml_close(&x);
    }
    xml_close(&x);
    xml_close(&x);
    xml_open(&x, "m:ParentFolderIds");
    distinguished(&x, top);
    xml_close(&x);
    xml_close(&x);
    enum wess_code rc = ews_send(call, &x, 1, false, take, &t);
    xml_fini(&x);
    return rc;
}

enum wess_code ews_others(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    if (c->others_known)
        return WESS_OK;
    c->n_others = 0;
    if (!c->others && !(c->others = calloc(EWS_FOLDERS_MAX, sizeof(*c->others))))
        return WESS_TOO_BIG;
    enum wess_code rc = find_folders(call, "msgfolderroot", take_others);
    c->others_known = rc == WESS_OK;
    return rc;
}

enum wess_code ews_folders(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    const char *setting = c->host->setting(c->host->ctx, "folders");
    struct taking t = {call};
    struct xml_out x;
    if (c->n_folders)
        return WESS_OK;
    ask_folders(c, &x, c->impersonate);
    enum wess_code rc = ews_send(call, &x, 1, false, take_folders, &t);
    xml_fini(&x);
    if (rc == WESS_OK && setting && *setting)
        rc = find_folders(call, "contacts", take_subfolders);
    return rc;
}

/* ---- check: who must stay out of reach
 * ------------------------------------------------------------------------------ */

static enum wess_code take_any(void *ctx, size_t i, const struct ews_answer *a)
{
    (void)i;
    if (a->code != WESS_OK)
        return a->code;
    return ews_message(xml_first(a->messages), false, &((struct taking *)ctx)->call->error);
}

static enum wess_code must_fail(struct wess_call *call, const char *address)
{
    struct taking t = {call};
    struct xml_out x;
    ask_folders(call->conn, &x, address);
    enum wess_code rc = ews_send(call, &x, 1, false, take_any, &t);
    xml_fini(&x);
    if (rc == WESS_AUTH && call->error.scope == WESS_OF_MAILBOX)
        return WESS_OK;
    if (rc != WESS_OK)
        return rc;
    return wess_fail(&call->error, WESS_BROKEN, WESS_OF_CREDENTIAL, NULL,
                     "a mailbox of must_not_reach can be opened: limit the impersonation scope");
}

enum wess_code ews_check(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    const char *list = c->host->setting(c->host->ctx, "must_not_reach");
    enum wess_code rc = ews_folders(call);
    while (rc == WESS_OK && list && *list) {
        size_t len = strcspn(list, "\n");
        char *address = wess_arena_textn(c->host, call->arena, list, len);
        rc = address ? must_fail(call, address) : WESS_TOO_BIG;
        list += len + (list[len] == '\n');
    }
    return rc;
}
