/* What a check tries in a mailbox that is going to be written: a contact of our own is made,
 * changed, changed once more by a revision that is no longer true, and removed without a trace. One
 * that a killed check left behind is known by a property that nobody else writes, and removed
 * first. */
#include <string.h>

#include "ews.h"

#define NAME "WESS check, may be deleted"
#define MARK "wess-check"
#define LEFT_MOST 50u /* of earlier checks, removed at once */

struct trying {
    struct wess_call *call;
    const char *id, *key;  /* as the last answer named it */
    struct wess_vec found; /* ids of what earlier ones left, const char * */
    enum wess_code code;
    struct wess_error error;
};

/* ---- requests
 * ------------------------------------------------------------------------------------------ */

static void path_mark(struct xml_out *x)
{
    xml_open(x, "t:ExtendedFieldURI");
    xml_put_attr(x, "PropertySetId", EWS_STAMP_SET);
    xml_put_attr(x, "PropertyName", MARK);
    xml_put_attr(x, "PropertyType", "String");
    xml_close(x);
}

static void put_folder(struct xml_out *x, const char *element, const char *id)
{
    xml_open(x, element);
    xml_open(x, "t:FolderId");
    xml_put_attr(x, "Id", id);
    xml_close(x);
    xml_close(x);
}

static void put_find(struct trying *t, struct xml_out *x)
{
    xml_open(x, "m:FindItem");
    xml_put_attr(x, "Traversal", "Shallow");
    xml_open(x, "m:ItemShape");
    xml_element(x, "t:BaseShape", "IdOnly");
    xml_close(x);
    xml_open(x, "m:IndexedPageItemView");
    xml_put_attr(x, "MaxEntriesReturned", "50");
    xml_put_attr(x, "Offset", "0");
    xml_put_attr(x, "BasePoint", "Beginning");
    xml_close(x);
    xml_open(x, "m:Restriction");
    xml_open(x, "t:IsEqualTo");
    path_mark(x);
    xml_open(x, "t:FieldURIOrConstant");
    xml_open(x, "t:Constant");
    xml_put_attr(x, "Value", "1");
    xml_close(x);
    xml_close(x);
    xml_close(x);
    xml_close(x);
    put_folder(x, "m:ParentFolderIds", t->call->conn->tree[EWS_CONTACT].top);
    xml_close(x);
}

/* Private: where private items take no part a run under way does not carry it over. */
static void put_create(struct trying *t, struct xml_out *x)
{
    xml_open(x, "m:CreateItem");
    xml_put_attr(x, "MessageDisposition", "SaveOnly");
    put_folder(x, "m:SavedItemFolderId", t->call->conn->tree[EWS_CONTACT].top);
    xml_open(x, "m:Items");
    xml_open(x, "t:Contact");
    xml_element(x, "t:Sensitivity", "Private");
    xml_open(x, "t:ExtendedProperty");
    path_mark(x);
    xml_element(x, "t:Value", "1");
    xml_close(x);
    xml_element(x, "t:FileAs", NAME);
    xml_element(x, "t:DisplayName", NAME);
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

static void put_update(struct trying *t, struct xml_out *x, const char *key, const char *text)
{
    xml_open(x, "m:UpdateItem");
    xml_put_attr(x, "ConflictResolution", "NeverOverwrite");
    xml_put_attr(x, "MessageDisposition", "SaveOnly");
    xml_open(x, "m:ItemChanges");
    xml_open(x, "t:ItemChange");
    ews_item_id(x, t->id, key);
    xml_open(x, "t:Updates");
    xml_open(x, "t:SetItemField");
    xml_open(x, "t:FieldURI");
    xml_put_attr(x, "FieldURI", "contacts:JobTitle");
    xml_close(x);
    xml_open(x, "t:Contact");
    xml_element(x, "t:JobTitle", text);
    xml_close(x);
    xml_close(x);
    xml_close(x);
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

static void put_delete(struct xml_out *x, const char *const *ids, size_t n)
{
    xml_open(x, "m:DeleteItem");
    xml_put_attr(x, "DeleteType", "HardDelete");
    xml_open(x, "m:ItemIds");
    for (size_t i = 0; i < n; i++)
        ews_item_id(x, ids[i], NULL);
    xml_close(x);
    xml_close(x);
}

/* ---- answers
 * ------------------------------------------------------------------------------------------ */

static enum wess_code take(void *ctx, size_t i, size_t at, const xmlNode *m, struct wess_error *e)
{
    struct trying *t = ctx;
    const struct wess_host *h = t->call->conn->host;
    const xmlNode *id = xml_child(xml_first(xml_child(m, "Items")), "ItemId");
    const char *name = xml_attr(id, "Id"), *key = xml_attr(id, "ChangeKey");
    enum wess_code code = ews_message_item(m, true, e);
    (void)i;
    if (!at || code != WESS_OK) {
        t->code = code;
        t->error = *e;
    }
    *e = (struct wess_error){0};
    if (code == WESS_OK && name && *name && key && *key) {
        t->id = wess_arena_text(h, t->call->arena, name);
        t->key = wess_arena_text(h, t->call->arena, key);
    }
    return WESS_OK;
}

static enum wess_code take_found(void *ctx, size_t i, size_t at, const xmlNode *m,
                                 struct wess_error *e)
{
    struct trying *t = ctx;
    const struct wess_host *h = t->call->conn->host;
    (void)i;
    (void)at;
    t->code = ews_message_item(m, false, e);
    *e = (struct wess_error){0};
    const xmlNode *item = xml_first(xml_child(xml_child(m, "RootFolder"), "Items"));
    for (; item && t->found.n < LEFT_MOST; item = xml_next(item)) {
        const char *id = xml_attr(xml_child(item, "ItemId"), "Id");
        const char **slot = id && *id ? wess_vec_push(h, t->call->arena, &t->found) : NULL;
        if (slot && !(*slot = wess_arena_text(h, t->call->arena, id)))
            t->found.n--;
    }
    return WESS_OK;
}

static bool ask(struct trying *t, struct xml_out *x, bool write,
                enum wess_code (*message)(void *, size_t, size_t, const xmlNode *,
                                          struct wess_error *))
{
    const struct ews_taker taker = {.ctx = t, .message = message};
    t->code = write ? WESS_UNKNOWN : WESS_TRANSIENT;
    enum wess_code rc = ews_ask(t->call, x, write, &taker);
    if (rc != WESS_OK) {
        t->code = rc;
        t->error = t->call->error;
    }
    return t->code == WESS_OK;
}

static void begin(struct trying *t, struct xml_out *x)
{
    ews_begin(t->call->conn, x, t->call->conn->impersonate);
}

/* ---- the steps
 * ------------------------------------------------------------------------------------------ */

static void sweep(struct trying *t)
{
    struct xml_out x;
    t->found = (struct wess_vec){.size = sizeof(const char *)};
    begin(t, &x);
    put_find(t, &x);
    ask(t, &x, false, take_found);
    if (!t->found.n)
        return;
    begin(t, &x);
    put_delete(&x, t->found.of, t->found.n);
    ask(t, &x, true, take);
}

static const char *failed(struct trying *t, const char *what)
{
    const struct wess_host *h = t->call->conn->host;
    const char *code = t->error.remote_code;
    return wess_arena_fmt(h, t->call->arena, "%s%s%s", what, *code ? ": " : "", code);
}

/* What became of it, in words. */
static const char *change_it(struct trying *t)
{
    struct xml_out x;
    const char *first = t->key;
    begin(t, &x);
    put_update(t, &x, first, "1");
    if (!ask(t, &x, true, take))
        return failed(t, "a contact of our own cannot be changed");
    if (!strcmp(t->key, first))
        return "a change leaves the revision as it was: edits of people may be overwritten";
    begin(t, &x);
    put_update(t, &x, first, "2");
    bool taken = ask(t, &x, true, take);
    if (taken)
        t->call->lacks |= WESS_CAP_CAS_UPDATE;
    else if (t->code == WESS_CONFLICT)
        t->call->keeps |= WESS_CAP_CAS_UPDATE;
    return taken
               ? "a stale revision is taken there: each item is compared just before it is written"
           : t->code == WESS_CONFLICT
               ? "a contact was made, changed and removed; a stale revision is refused"
               : failed(t, "a stale revision is refused oddly");
}

const char *ews_probe(struct wess_call *call)
{
    struct trying t = {.call = call};
    const struct wess_error before = call->error;
    struct xml_out x;
    sweep(&t);
    begin(&t, &x);
    put_create(&t, &x);
    const char *says = !ask(&t, &x, true, take) || !t.id
                           ? failed(&t, "a contact of our own cannot be made")
                           : change_it(&t);
    if (t.id) {
        begin(&t, &x);
        put_delete(&x, &t.id, 1);
        if (!ask(&t, &x, true, take) && t.code != WESS_GONE)
            says = failed(&t, "\"" NAME "\" in Contacts cannot be removed; the next check tries "
                              "again");
    } else if (t.code == WESS_UNKNOWN) {
        sweep(&t); /* its answer was lost */
    }
    call->error = before;
    return says;
}
