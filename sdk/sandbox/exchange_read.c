/* Operations that read: folders, changes, items, searches. */
#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exchange_ops.h"

int ex_folder_at(struct ex_call *c, const xmlNode *id, struct ex_mailbox **owner)
{
    char *text = ex_attr(id, "Id");
    char *address = ex_text(ex_child(ex_child(id, "Mailbox"), "EmailAddress"));
    struct ex_mailbox *m = address ? ex_mailbox(address) : c->mailbox;
    int at = -1;
    if (m && id && ex_may_open(c->mailbox, m))
        at = ex_folder_of(m, text, !strcmp((const char *)id->name, "DistinguishedFolderId"));
    *owner = m;
    xmlFree(text);
    xmlFree(address);
    return at;
}

/* ---- folders
 * ---------------------------------------------------------------------------------------------------
 */

static void write_folder(struct sb_buf *b, const struct ex_mailbox *m, int f)
{
    const struct ex_folder *x = &m->folders[f];
    const char *tag = !strcmp(x->klass, "IPF.Contact")       ? "ContactsFolder"
                      : !strcmp(x->klass, "IPF.Appointment") ? "CalendarFolder"
                      : !strcmp(x->klass, "IPF.Task")        ? "TasksFolder"
                                                             : "Folder";
    int children = 0, items = 0;
    for (size_t i = 0; i < m->n_folders; i++)
        children += m->folders[i].parent == f;
    for (size_t i = 0; i < m->n_items; i++)
        items += m->items[i]->folder == f;
    sb_buf_fmt(b, "<t:%s><t:FolderId Id=\"%s\" ChangeKey=\"AQAAABYAAAD1\"/>", tag, x->id);
    if (x->parent >= 0)
        sb_buf_fmt(b, "<t:ParentFolderId Id=\"%s\" ChangeKey=\"AQAAAA==\"/>",
                   m->folders[x->parent].id);
    sb_buf_fmt(b,
               "<t:FolderClass>%s</t:FolderClass><t:DisplayName>%s</t:DisplayName>"
               "<t:TotalCount>%d</t:TotalCount><t:ChildFolderCount>%d</t:ChildFolderCount>",
               x->klass, x->name, items, children);
    sb_buf_fmt(b, "</t:%s>", tag);
}

void ex_get_folder(struct ex_call *c)
{
    for (const xmlNode *n = ex_first(ex_child(c->op, "FolderIds")); n; n = ex_next(n)) {
        struct ex_mailbox *m;
        int f = ex_folder_at(c, n, &m);
        ex_begin(c, "GetFolderResponseMessage", f < 0 ? "ErrorFolderNotFound" : NULL);
        if (f < 0)
            continue;
        sb_buf_str(c->out, "<m:Folders>");
        write_folder(c->out, m, f);
        sb_buf_str(c->out, "</m:Folders>");
        ex_end(c, "GetFolderResponseMessage");
    }
}

static bool is_below(const struct ex_mailbox *m, int f, int top, bool deep)
{
    int parent = m->folders[f].parent;
    while (deep && parent >= 0 && parent != top)
        parent = m->folders[parent].parent;
    return parent == top && f != top;
}

void ex_find_folder(struct ex_call *c)
{
    char *traversal = ex_attr(c->op, "Traversal");
    bool deep = traversal && !strcmp(traversal, "Deep");
    xmlFree(traversal);
    for (const xmlNode *n = ex_first(ex_child(c->op, "ParentFolderIds")); n; n = ex_next(n)) {
        struct ex_mailbox *m;
        int f = ex_folder_at(c, n, &m), total = 0;
        ex_begin(c, "FindFolderResponseMessage", f < 0 ? "ErrorFolderNotFound" : NULL);
        if (f < 0)
            continue;
        for (size_t i = 0; i < m->n_folders; i++)
            total += is_below(m, (int)i, f, deep);
        sb_buf_fmt(c->out,
                   "<m:RootFolder IndexedPagingOffset=\"%d\" TotalItemsInView=\"%d\" "
                   "IncludesLastItemInRange=\"true\"><t:Folders>",
                   total, total);
        for (size_t i = 0; i < m->n_folders; i++)
            if (is_below(m, (int)i, f, deep))
                write_folder(c->out, m, (int)i);
        sb_buf_str(c->out, "</t:Folders></m:RootFolder>");
        ex_end(c, "FindFolderResponseMessage");
    }
}

void ex_sync_hierarchy(struct ex_call *c)
{
    char *state = ex_text(ex_child(c->op, "SyncState"));
    ex_begin(c, "SyncFolderHierarchyResponseMessage", NULL);
    sb_buf_str(c->out,
               "<m:SyncState>SDpIaWVyYXJjaHk=</m:SyncState>"
               "<m:IncludesLastFolderInRange>true</m:IncludesLastFolderInRange><m:Changes>");
    for (size_t i = 1; !(state && *state) && i < c->mailbox->n_folders; i++) {
        sb_buf_str(c->out, "<t:Create>");
        write_folder(c->out, c->mailbox, (int)i);
        sb_buf_str(c->out, "</t:Create>");
    }
    sb_buf_str(c->out, "</m:Changes>");
    ex_end(c, "SyncFolderHierarchyResponseMessage");
    xmlFree(state);
}

/* ---- SyncFolderItems (section 5)
 * ---------------------------------------------------------------------------------- */

/* What a state means: everything after `since`, up to `until`, what lies below `below` not told
 * yet. */
struct state {
    long long since, until, below;
};

/* States grow with the folder; nothing bounds them. */
static size_t state_padding(void)
{
    return (size_t)atol(sb_switch("state_bytes", "120"));
}

static bool read_state(struct ex_call *c, int folder, struct state *s)
{
    char *text = ex_text(ex_child(c->op, "SyncState"));
    char owner[64];
    int f = -1;
    struct base64_decode_ctx ctx;
    size_t len, in = text ? strlen(text) : 0;
    *s = (struct state){0, c->mailbox->seq, c->mailbox->seq + 1};
    if (!in || c->fault == SB_FAULT_START_OVER) {
        xmlFree(text);
        return true;
    }
    uint8_t *plain = calloc(1, BASE64_DECODE_LENGTH(in) + 1);
    if (!plain)
        abort();
    len = BASE64_DECODE_LENGTH(in);
    base64_decode_init(&ctx);
    /* A state that lost a byte on its way is none. */
    bool ok = base64_decode_update(&ctx, &len, plain, in, text) && base64_decode_final(&ctx) &&
              len > state_padding() && !memcmp(plain + len - 4, " end", 4) &&
              sscanf((char *)plain, "sync1 %63s %d %lld %lld %lld", owner, &f, &s->since, &s->until,
                     &s->below) == 5;
    xmlFree(text);
    free(plain);
    if (!ok || f != folder || strcmp(owner, c->mailbox->user->address) ||
        s->since < c->mailbox->oldest)
        return false;
    if (!s->below) { /* all told: what came since */
        s->since = s->until;
        s->until = c->mailbox->seq;
        s->below = s->until + 1;
    }
    return true;
}

static void write_state(struct ex_call *c, int folder, const struct state *s)
{
    struct sb_buf plain = {0};
    sb_buf_fmt(&plain, "sync1 %s %d %lld %lld %lld ", c->mailbox->user->address, folder, s->since,
               s->until, s->below);
    for (size_t i = 0; i < state_padding(); i++)
        sb_buf_add(&plain, "0", 1);
    sb_buf_str(&plain, " end");
    char *text = malloc(BASE64_ENCODE_RAW_LENGTH(plain.len) + 1);
    if (!text)
        abort();
    base64_encode_raw(text, plain.len, (const uint8_t *)plain.data);
    text[BASE64_ENCODE_RAW_LENGTH(plain.len)] = 0;
    sb_buf_str(c->out, "<m:SyncState>");
    sb_buf_str(c->out, text);
    sb_buf_str(c->out, "</m:SyncState>");
    sb_buf_free(&plain);
    free(text);
}

struct event {
    int64_t seq;
    const struct ex_item *item; /* NULL: a deletion */
    const struct ex_deletion *gone;
};
static int newest_first(const void *a, const void *b)
{
    int64_t x = ((const struct event *)a)->seq, y = ((const struct event *)b)->seq;
    return x > y ? -1 : x < y;
}

static size_t collect(const struct ex_mailbox *m, int folder, const struct state *s,
                      struct event *of)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_items; i++) {
        const struct ex_item *x = m->items[i];
        if (x->folder == folder && x->seq > s->since && x->seq < s->below)
            of[n++] = (struct event){x->seq, x, NULL};
    }
    for (size_t i = 0; s->since && i < m->n_deletions; i++) {
        const struct ex_deletion *d = &m->deletions[i];
        if (d->folder == folder && d->seq > s->since && d->seq < s->below &&
            d->created_seq <= s->since)
            of[n++] = (struct event){d->seq, NULL, d};
    }
    qsort(of, n, sizeof(*of), newest_first);
    return n;
}

static void write_event(struct ex_call *c, const struct event *e, const struct ex_shape *shape,
                        const struct state *s)
{
    if (e->gone) {
        sb_buf_fmt(c->out, "<t:Delete><t:ItemId Id=\"%s\" ChangeKey=\"EQAAAA==\"/></t:Delete>",
                   e->gone->id);
        return;
    }
    const char *tag = e->item->created_seq > s->since ? "Create" : "Update";
    sb_buf_fmt(c->out, "<t:%s>", tag);
    ex_item_write(c->out, c->mailbox, e->item, shape, true);
    sb_buf_fmt(c->out, "</t:%s>", tag);
}

void ex_sync_items(struct ex_call *c)
{
    static const char message[] = "SyncFolderItemsResponseMessage";
    struct ex_shape shape = {.request = c->request};
    struct ex_mailbox *m;
    struct state s;
    int folder = ex_folder_at(c, ex_first(ex_child(c->op, "SyncFolderId")), &m);
    char *max = ex_text(ex_child(c->op, "MaxChangesReturned"));
    long most = max ? strtol(max, NULL, 10) : 1;
    most = most < 1 ? 1 : most; /* the schema knows no less */
    xmlFree(max);
    c->mailbox = m ? m : c->mailbox;
    if (folder < 0) {
        ex_begin(c, message, "ErrorSyncFolderNotFound");
        return;
    }
    if (c->fault == SB_FAULT_BAD_STATE || !read_state(c, folder, &s)) {
        ex_begin(c, message, "ErrorInvalidSyncStateData");
        return;
    }
    ex_shape_read(ex_child(c->op, "ItemShape"), &shape);
    shape.body = false;
    struct event *of = calloc(m->n_items + m->n_deletions + 1, sizeof(*of));
    if (!of)
        abort();
    size_t n = collect(m, folder, &s, of), now = n > (size_t)most ? (size_t)most : n;
    struct state next = s;
    next.below = now < n ? of[now - 1].seq : 0;
    ex_begin(c, message, NULL);
    write_state(c, folder, &next);
    sb_buf_fmt(c->out, "<m:IncludesLastItemInRange>%s</m:IncludesLastItemInRange><m:Changes>",
               now < n ? "false" : "true");
    for (size_t i = 0; i < now; i++)
        write_event(c, &of[i], &shape, &s);
    sb_buf_str(c->out, "</m:Changes>");
    ex_end(c, message);
    free(of);
    ex_shape_free(&shape);
}

/* ---- GetItem
 * --------------------------------------------------------------------------------------------------------
 */

void ex_get_item(struct ex_call *c)
{
    static const char message[] = "GetItemResponseMessage";
    struct ex_shape shape = {.request = c->request};
    int64_t at = 0;
    ex_shape_read(ex_child(c->op, "ItemShape"), &shape);
    for (const xmlNode *n = ex_first(ex_child(c->op, "ItemIds")); n; n = ex_next(n), at++) {
        const char *missing;
        const struct ex_item *i = ex_named_item(c->mailbox, n, &missing);
        bool refused = c->fault == SB_FAULT_REFUSE_ITEM && c->fault_arg == at;
        const char *error = ex_stops(c, at);
        if (!error)
            error = refused ? "ErrorItemCorrupt" : missing;
        /* A property that is none of the item's fails it (section 6); exchangelib's #199 and
         * ews-rs' #41 met that in the words of 2010 and 2007 alone. */
        if (!error && c->old_words && ex_asks_other(shape.of_kind, i))
            error = "ErrorInvalidPropertyRequest";
        ex_begin(c, message, error);
        if (error)
            continue;
        sb_buf_str(c->out, "<m:Items>");
        ex_item_write(c->out, c->mailbox, i, &shape, false);
        sb_buf_str(c->out, "</m:Items>");
        ex_end(c, message);
    }
    ex_shape_free(&shape);
}

/* ---- FindItem (section 10)
 * ------------------------------------------------------------------------------------------- */

static const char *value_of(const struct ex_item *i, const xmlNode *path)
{
    struct ex_extended e;
    char *uri = ex_attr(path, "FieldURI"), *key = ex_attr(path, "FieldIndex");
    const char *out = NULL;
    if (!strcmp((const char *)path->name, "ExtendedFieldURI")) {
        char *number = ex_attr(path, "PropertyId");
        ex_extended_read(path, &e);
        const struct ex_extended *have = ex_extended_of(i, &e);
        out = have ? have->value : NULL;
        if (number && !strcmp(number, "35") && e.set && !strcmp(e.set, "Meeting"))
            out = i->global_id; /* PidLidCleanGlobalObjectId */
        xmlFree(number);
        ex_extended_free(&e);
    } else if (uri) {
        int p = ex_prop_find(uri, key);
        out = p >= 0 ? i->value[p] : !strcmp(uri, "item:ItemClass") ? i->klass : NULL;
        if (!out && !strcmp(uri, "item:Subject"))
            out = i->value[ex_prop_find("contacts:DisplayName", NULL)];
    }
    xmlFree(uri);
    xmlFree(key);
    return out;
}

static bool has_category(const struct ex_item *i, const char *name)
{
    for (size_t c = 0; c < i->n_categories; c++)
        if (!strcasecmp(i->categories[c], name))
            return true;
    return false;
}

static bool satisfies(const struct ex_item *i, const xmlNode *n)
{
    const char *name = (const char *)n->name;
    const xmlNode *path = ex_first(n);
    bool result = false;
    if (!strcmp(name, "And") || !strcmp(name, "Or")) {
        bool and = *name == 'A';
        result = and;
        for (; path; path = ex_next(path))
            result = and? result && satisfies(i, path) : result || satisfies(i, path);
        return result;
    }
    if (!strcmp(name, "Not"))
        return !satisfies(i, path);
    const char *value = value_of(i, path);
    if (!strcmp(name, "Exists"))
        return value != NULL;
    const xmlNode *constant = ex_child(n, "Constant");
    if (!constant)
        constant = ex_child(ex_child(n, "FieldURIOrConstant"), "Constant");
    char *want = ex_attr(constant, "Value"), *mode = ex_attr(n, "ContainmentMode");
    char *uri = ex_attr(path, "FieldURI");
    if (want && uri && !strcmp(uri, "item:Categories"))
        result = has_category(i, want);
    else if (want && !strcmp(name, "IsEqualTo"))
        result = value && (value == i->global_id ? !strcmp(value, want) : !strcasecmp(value, want));
    else if (want && !strcmp(name, "IsNotEqualTo"))
        result = !value || strcasecmp(value, want) != 0;
    else if (want && !strcmp(name, "Contains"))
        result =
            value && (mode && !strcmp(mode, "FullString") ? !strcasecmp(value, want)
                      : mode && !strcmp(mode, "Prefixed") ? !strncasecmp(value, want, strlen(want))
                                                          : strcasestr(value, want) != NULL);
    xmlFree(want);
    xmlFree(mode);
    xmlFree(uri);
    return result;
}

static long number_attr(const xmlNode *n, const char *name, long fallback)
{
    char *text = ex_attr(n, name);
    long v = text ? strtol(text, NULL, 10) : fallback;
    xmlFree(text);
    return v;
}

static void find_in(struct ex_call *c, struct ex_mailbox *m, int folder,
                    const struct ex_shape *shape)
{
    const xmlNode *restriction = ex_first(ex_child(c->op, "Restriction"));
    const xmlNode *view = ex_child(c->op, "IndexedPageItemView");
    long offset = number_attr(view, "Offset", 0),
         most = number_attr(view, "MaxEntriesReturned", 1000);
    long total = 0, given = 0;
    struct sb_buf items = {0};
    if (most > (restriction ? 250 : 1000)) /* EWSFindCountLimit */
        most = restriction ? 250 : 1000;
    for (size_t i = 0; i < m->n_items; i++) {
        if (m->items[i]->folder != folder || (restriction && !satisfies(m->items[i], restriction)))
            continue;
        if (total >= offset && given < most) {
            ex_item_write(&items, m, m->items[i], shape, true);
            given++;
        }
        total++;
    }
    sb_buf_fmt(c->out,
               "<m:RootFolder IndexedPagingOffset=\"%ld\" TotalItemsInView=\"%ld\" "
               "IncludesLastItemInRange=\"%s\"><t:Items>",
               offset + given, total, offset + given >= total ? "true" : "false");
    sb_buf_add(c->out, items.data ? items.data : "", items.len);
    sb_buf_str(c->out, "</t:Items></m:RootFolder>");
    sb_buf_free(&items);
}

void ex_find_item(struct ex_call *c)
{
    static const char message[] = "FindItemResponseMessage";
    struct ex_shape shape = {.request = c->request};
    ex_shape_read(ex_child(c->op, "ItemShape"), &shape);
    shape.body = false;
    for (const xmlNode *n = ex_first(ex_child(c->op, "ParentFolderIds")); n; n = ex_next(n)) {
        struct ex_mailbox *m;
        int f = ex_folder_at(c, n, &m);
        bool view = f >= 0 && ex_child(c->op, "CalendarView");
        const char *error = f < 0 ? "ErrorFolderNotFound" : view ? ex_calendar_view(c, m, f) : NULL;
        if (view && !error)
            continue;
        ex_begin(c, message, error);
        if (error)
            continue;
        find_in(c, m, f, &shape);
        ex_end(c, message);
    }
    ex_shape_free(&shape);
}

void ex_convert_id(struct ex_call *c)
{
    for (const xmlNode *n = ex_first(ex_child(c->op, "SourceIds")); n; n = ex_next(n)) {
        char *id = ex_attr(n, "Id"), *mailbox = ex_attr(n, "Mailbox");
        char *format = ex_attr(c->op, "DestinationFormat");
        ex_begin(c, "ConvertIdResponseMessage", id ? NULL : "ErrorInvalidIdEmpty");
        if (id) {
            sb_buf_fmt(c->out,
                       "<m:AlternateId xsi:type=\"t:AlternateIdType\" Format=\"%s\" Id=\"%s\" "
                       "Mailbox=\"%s\"/>",
                       format ? format : "EwsId", id, mailbox ? mailbox : "");
            ex_end(c, "ConvertIdResponseMessage");
        }
        xmlFree(id);
        xmlFree(mailbox);
        xmlFree(format);
    }
}

void ex_resolve_names(struct ex_call *c)
{
    char *entry = ex_text(ex_child(c->op, "UnresolvedEntry"));
    const struct ex_mailbox *m = NULL;
    for (size_t i = 0; entry && !m && i < ex_n_mailboxes; i++)
        if (strcasestr(ex_mailboxes[i].user->address, entry) ||
            strcasestr(ex_mailboxes[i].user->name, entry) ||
            (!strncasecmp(entry, "smtp:", 5) &&
             !strcasecmp(entry + 5, ex_mailboxes[i].user->address)))
            m = &ex_mailboxes[i];
    xmlFree(entry);
    ex_begin(c, "ResolveNamesResponseMessage", m ? NULL : "ErrorNameResolutionNoResults");
    if (!m)
        return;
    sb_buf_fmt(
        c->out,
        "<m:ResolutionSet TotalItemsInView=\"1\" IncludesLastItemInRange=\"true\">"
        "<t:Resolution><t:Mailbox><t:Name>%s</t:Name><t:EmailAddress>%s</t:EmailAddress>"
        "<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>Mailbox</t:MailboxType></t:Mailbox>"
        "</t:Resolution></m:ResolutionSet>",
        m->user->name, m->user->address);
    ex_end(c, "ResolveNamesResponseMessage");
}
