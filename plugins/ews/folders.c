/* Which folders the items of a kind may lie in, and what the mailbox is. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ews.h"

#define PAGE "1000"      /* folders of one FindFolder */
#define TREE_MAX 100000u /* folders of one mailbox: more is no mailbox */

/* Folders of contacts that Exchange fills by itself. */
static const char *const automatic[] = {"IPF.Contact.GalContacts", "IPF.Contact.RecipientCache",
                                        "IPF.Contact.MOC."};

/* ---- those that every mailbox has
 * ------------------------------------------------------------------------------------------ */

void ews_distinguished(const struct wess_conn *c, struct xml_out *x, const char *name)
{
    xml_open(x, "t:DistinguishedFolderId");
    xml_put_attr(x, "Id", name);
    if (c->mailbox) {
        xml_open(x, "t:Mailbox");
        xml_element(x, "t:EmailAddress", c->mailbox);
        xml_close(x);
    }
    xml_close(x);
}

static void ask_folders(const struct wess_conn *c, struct xml_out *x, const char *impersonate)
{
    ews_begin(c, x, impersonate);
    xml_open(x, "m:GetFolder");
    xml_open(x, "m:FolderShape");
    xml_element(x, "t:BaseShape", "IdOnly");
    xml_close(x);
    xml_open(x, "m:FolderIds");
    ews_distinguished(c, x, ews_kinds[0]->distinguished);
    ews_distinguished(c, x, "deleteditems");
    for (size_t i = 1; i < EWS_KINDS; i++)
        ews_distinguished(c, x, ews_kinds[i]->distinguished);
    xml_close(x);
    xml_close(x);
}

static enum wess_code take_folder(void *ctx, size_t i, size_t at, const xmlNode *m,
                                  struct wess_error *e)
{
    struct wess_conn *c = ((struct wess_call *)ctx)->conn;
    char **slot = at == 1 ? &c->bin : at <= EWS_KINDS ? &c->tree[at ? at - 1 : 0].top : NULL;
    const xmlNode *folder = xml_first(xml_child(m, "Folders"));
    const char *id = xml_attr(xml_child(folder, "FolderId"), "Id");
    enum wess_code rc = ews_message(m, false, e);
    (void)i;
    if (rc != WESS_OK || !slot)
        return at == 0 ? rc : WESS_OK; /* a mailbox without a bin is odd, and no reason to stop */
    if (at == 0 && (!id || !*id))
        return wess_fail(e, WESS_BROKEN, WESS_OF_MAILBOX, NULL,
                         "Exchange names no folder of contacts");
    free(*slot);
    *slot = id && *id ? strdup(id) : NULL;
    return WESS_OK;
}

static enum wess_code get_folders(struct wess_call *call)
{
    const struct ews_taker taker = {.ctx = call, .message = take_folder};
    struct xml_out x;
    ask_folders(call->conn, &x, call->conn->impersonate);
    enum wess_code rc = ews_ask(call, &x, false, &taker);
    if (rc == WESS_OK && !call->conn->tree[EWS_CONTACT].top)
        rc = wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_MAILBOX, NULL,
                       "Exchange names no folder of contacts");
    return rc;
}

/* ---- the tree of folders
 * ------------------------------------------------------------------------------------------ */

struct twig {
    char *id, *parent, *name;
    bool fits, automatic; /* fits: a folder of the kind that is asked for */
};
struct tree {
    struct wess_call *call;
    const struct ews_kind *kind;
    struct twig *of;
    size_t n, cap;
    bool last;
    size_t offset; /* of the next page, by the server's word */
};

static void tree_fini(struct tree *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->of[i].id);
        free(t->of[i].parent);
        free(t->of[i].name);
    }
    free(t->of);
}

static bool is_automatic(const char *class)
{
    for (size_t i = 0; class && i < sizeof(automatic) / sizeof(automatic[0]); i++)
        if (!strncasecmp(class, automatic[i], strlen(automatic[i])))
            return true;
    return false;
}

static bool room(struct tree *t)
{
    if (t->n < t->cap)
        return true;
    size_t cap = t->cap ? t->cap * 2 : 64;
    struct twig *more = t->n < TREE_MAX ? realloc(t->of, cap * sizeof(*more)) : NULL;
    if (!more)
        return false;
    t->of = more;
    t->cap = cap;
    return true;
}

static enum wess_code take_twig(void *ctx, size_t i, const xmlNode *f, struct wess_error *e)
{
    struct tree *t = ctx;
    const char *id = xml_attr(xml_child(f, "FolderId"), "Id");
    const char *parent = xml_attr(xml_child(f, "ParentFolderId"), "Id");
    const char *name = xml_text(xml_child(f, "DisplayName"));
    const char *class = xml_text(xml_child(f, "FolderClass"));
    (void)i;
    if (!id || !*id)
        return WESS_OK;
    if (!room(t))
        return wess_fail(e, WESS_TOO_BIG, WESS_OF_MAILBOX, NULL, "too many folders");
    struct twig *new = &t->of[t->n++];
    *new = (struct twig){strdup(id), strdup(parent ? parent : ""), strdup(name ? name : ""),
                         xml_is(f, t->kind->folder) ||
                             (class && !strncasecmp(class, t->kind->class, strlen(t->kind->class))),
                         is_automatic(class)};
    if (!new->id || !new->parent || !new->name)
        return wess_fail(e, WESS_TOO_BIG, WESS_OF_MAILBOX, NULL, "out of memory");
    return WESS_OK;
}

static enum wess_code take_tree(void *ctx, size_t i, size_t at, const xmlNode *m,
                                struct wess_error *e)
{
    struct tree *t = ctx;
    const xmlNode *root = xml_child(m, "RootFolder");
    const char *last = xml_attr(root, "IncludesLastItemInRange");
    const char *offset = xml_attr(root, "IndexedPagingOffset");
    size_t next = offset ? strtoul(offset, NULL, 10) : 0;
    enum wess_code rc = ews_message(m, false, e);
    (void)i;
    (void)at;
    if (rc != WESS_OK)
        return rc;
    t->last = last && (!strcmp(last, "true") || !strcmp(last, "1"));
    if (!t->last && next <= t->offset) /* has been seen: it would never end */
        return wess_fail(e, WESS_TRANSIENT, WESS_OF_MAILBOX, NULL,
                         "Exchange does not get on with the list of folders");
    t->offset = next;
    return WESS_OK;
}

static void ask_tree(const struct wess_conn *c, struct xml_out *x, size_t offset)
{
    static const char *const uris[] = {"folder:FolderClass", "folder:DisplayName",
                                       "folder:ParentFolderId"};
    char number[24];
    snprintf(number, sizeof(number), "%zu", offset);
    ews_begin(c, x, c->impersonate);
    xml_open(x, "m:FindFolder");
    xml_put_attr(x, "Traversal", "Deep");
    xml_open(x, "m:FolderShape");
    xml_element(x, "t:BaseShape", "IdOnly");
    xml_open(x, "t:AdditionalProperties");
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        xml_open(x, "t:FieldURI");
        xml_put_attr(x, "FieldURI", uris[i]);
        xml_close(x);
    }
    xml_close(x);
    xml_close(x);
    xml_open(x, "m:IndexedPageFolderView");
    xml_put_attr(x, "MaxEntriesReturned", PAGE);
    xml_put_attr(x, "Offset", number);
    xml_put_attr(x, "BasePoint", "Beginning");
    xml_close(x);
    xml_open(x, "m:ParentFolderIds");
    ews_distinguished(c, x, "msgfolderroot");
    xml_close(x);
    xml_close(x);
}

static enum wess_code read_tree(struct wess_call *call, struct tree *t)
{
    const struct ews_taker taker = {
        .ctx = t, .list = "Folders", .part = take_twig, .message = take_tree};
    enum wess_code rc = WESS_OK;
    while (rc == WESS_OK && !t->last) {
        struct xml_out x;
        size_t before = t->offset;
        ask_tree(call->conn, &x, t->offset);
        rc = ews_ask(call, &x, false, &taker);
        if (rc == WESS_OK && !t->last && t->offset <= before)
            rc = wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_MAILBOX, NULL,
                           "the list of folders is not whole");
    }
    return rc;
}

/* ---- from the tree to folders
 * ------------------------------------------------------------------------------------------ */

static const struct twig *parent_of(const struct tree *t, const struct twig *f)
{
    for (size_t i = 0; i < t->n; i++)
        if (!strcmp(t->of[i].id, f->parent))
            return &t->of[i];
    return NULL;
}

static bool is_in(const struct tree *t, const struct twig *f, const char *id)
{
    for (size_t turns = 0; id && f && turns <= t->n; turns++, f = parent_of(t, f))
        if (!strcmp(f->id, id))
            return true;
    return false;
}

/* The path below Contacts, Tasks or Calendar; NULL: out of memory. */
static char *path_of(const struct tree *t, const struct twig *f, const char *top)
{
    char *path = strdup(f->name), *longer = NULL;
    for (size_t turns = 0; path && turns <= t->n && strcmp(f->parent, top); turns++) {
        f = parent_of(t, f);
        if (!f)
            break;
        if (asprintf(&longer, "%s/%s", f->name, path) < 0)
            longer = NULL;
        free(path);
        path = longer;
    }
    return path;
}

/* The path below the nearest place that has a name in every language, with that name before it
 * ("inbox/Offers"). *out NULL: there is none. false: out of memory. */
static bool place_path(const struct wess_conn *c, const struct tree *t, const struct twig *f,
                       char **out)
{
    const char *place = ews_mail_place(c, f->id);
    char *path = strdup(""), *longer = NULL;
    *out = NULL;
    for (size_t turns = 0; path && f && !place && turns <= t->n; turns++) {
        if (asprintf(&longer, "/%s%s", f->name, path) < 0)
            longer = NULL;
        free(path);
        path = longer;
        f = parent_of(t, f);
        place = f ? ews_mail_place(c, f->id) : NULL;
    }
    bool ok = path && (!place || asprintf(out, "%s%s", place, path) >= 0);
    free(path);
    return ok;
}

static bool is_listed(const char *setting, const char *path, bool by_hand)
{
    size_t len = strlen(path);
    for (const char *at = setting ? setting : ""; *at;) {
        const char *end = strchrnul(at, '\n');
        bool all = *at == '*' && end == at + 1;
        if ((all && by_hand) || ((size_t)(end - at) == len && !strncmp(at, path, len)))
            return true;
        at = *end ? end + 1 : end;
    }
    return false;
}

static bool add_folder(struct ews_tree *c, const char *id, const char *path, enum ews_place place)
{
    struct ews_folder *more = realloc(c->folders, (c->n_folders + 1) * sizeof(*more));
    struct ews_folder new = {strdup(id), strdup(path), place};
    if (more)
        c->folders = more;
    if (!more || !new.id || !new.path) {
        free(new.id);
        free(new.path);
        return false;
    }
    c->folders[c->n_folders++] = new;
    return true;
}

static void drop_folders(struct ews_tree *c)
{
    for (size_t i = 0; i < c->n_folders; i++) {
        free(c->folders[i].id);
        free(c->folders[i].path);
    }
    c->n_folders = c->n_read = 0;
}

static bool is_top(const struct wess_conn *c, const char *id)
{
    for (size_t i = 0; i < EWS_KINDS; i++)
        if (c->tree[i].top && !strcmp(c->tree[i].top, id))
            return true;
    return c->bin && !strcmp(c->bin, id);
}

/* Whether it is read; its path, for people and settings. false: out of memory. */
static bool judge_folder(const struct wess_conn *c, const struct ews_tree *to, const struct tree *t,
                         const struct twig *f, char **path, bool *read)
{
    const char *setting = c->host->setting(c->host->ctx, t->kind->setting);
    bool in_bin = is_in(t, f, c->bin);
    char *place = NULL;
    if (t->kind->by_place) {
        *path = path_of(t, f, to->top);
        bool ok = *path && place_path(c, t, f, &place);
        *read = ok && !in_bin && ews_mail_is_read(c, *path, place);
        free(place);
        return ok;
    }
    bool below = is_in(t, f, to->top);
    *path = below ? path_of(t, f, to->top) : strdup("");
    *read = *path && below && !in_bin && is_listed(setting, *path, !f->automatic);
    return *path != NULL;
}

static bool sort_one(struct wess_conn *c, struct ews_tree *to, const struct tree *t,
                     const struct twig *f, enum ews_place turn)
{
    char *path = NULL;
    bool read = false, ok = judge_folder(c, to, t, f, &path, &read);
    if (ok && read == (turn == EWS_READ) && (read || !f->automatic))
        ok = add_folder(to, f->id, read ? path : "",
                        read                  ? EWS_READ
                        : is_in(t, f, c->bin) ? EWS_BIN
                                              : EWS_ELSEWHERE);
    free(path);
    return ok;
}

/* Those to be read first, then those only to be looked through. */
static bool sort_folders(struct wess_conn *c, struct ews_tree *to, const struct tree *t)
{
    bool ok = t->kind->by_place || add_folder(to, to->top, "", EWS_READ);
    for (int turn = EWS_READ; ok && turn <= EWS_ELSEWHERE; turn++) {
        for (size_t i = 0; ok && i < t->n; i++)
            if (t->of[i].fits && !is_top(c, t->of[i].id))
                ok = sort_one(c, to, t, &t->of[i], (enum ews_place)turn);
        if (turn == EWS_READ)
            to->n_read = to->n_folders;
    }
    return ok && (!c->bin || add_folder(to, c->bin, "", EWS_BIN));
}

enum wess_code ews_folders(struct wess_call *call, bool all)
{
    struct wess_conn *c = call->conn;
    struct ews_tree *to = ews_tree_of(call);
    struct tree tree = {.call = call, .kind = ews_kind_of(call)};
    const char *setting = c->host->setting(c->host->ctx, tree.kind->setting);
    bool deep = all || (setting && *setting) || tree.kind->by_place;
    if (all ? to->all_known : to->read_known)
        return WESS_OK;
    enum wess_code rc = to->top ? WESS_OK : get_folders(call);
    if (rc == WESS_OK && !to->top)
        rc = wess_fail(&call->error, WESS_GONE, WESS_OF_COLLECTION, NULL,
                       "the mailbox has no folder of %s", tree.kind->title);
    if (rc == WESS_OK && deep)
        rc = read_tree(call, &tree);
    if (rc == WESS_OK && tree.kind->by_place)
        rc = ews_mail_places(call);
    if (rc == WESS_OK) {
        drop_folders(to);
        if (!sort_folders(c, to, &tree))
            rc = wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_MAILBOX, NULL, "out of memory");
        to->read_known = rc == WESS_OK;
        to->all_known = to->read_known && deep;
    }
    if (rc == WESS_OK && !to->n_read)
        rc = wess_fail(&call->error, WESS_BROKEN, WESS_OF_COLLECTION, NULL,
                       "no folder of the mailbox is named by %s, or all of them by mail_exclude",
                       tree.kind->setting);
    tree_fini(&tree);
    return rc;
}

/* ---- check: sign in, and who must stay out of reach
 * ------------------------------------------------------------------------------------------ */

static enum wess_code take_any(void *ctx, size_t i, size_t at, const xmlNode *m,
                               struct wess_error *e)
{
    (void)ctx;
    (void)i;
    return at ? WESS_OK : ews_message(m, false, e);
}

/* A name that Exchange does not know shows nothing about rights. */
static bool is_unknown(const struct wess_error *e)
{
    static const char *const codes[] = {"ErrorNonExistentMailbox", "ErrorMissingEmailAddress",
                                        "ErrorNonPrimarySmtpAddress",
                                        "ErrorInvalidUserPrincipalName", "ErrorInvalidUserSid"};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (!strcmp(codes[i], e->remote_code))
            return true;
    return false;
}

/* As the settings open mailboxes: by impersonation, or by rights of our own in it. */
static enum wess_code try_mailbox(struct wess_call *call, const char *address)
{
    const struct ews_taker taker = {.message = take_any};
    struct wess_conn *c = call->conn;
    const char *mailbox = c->mailbox;
    char *anchor = c->anchor_header;
    struct xml_out x;
    c->mailbox = c->impersonate ? NULL : address;
    c->anchor_header = NULL;
    enum wess_code rc = WESS_TOO_BIG;
    if (ews_anchor(c, anchor ? address : NULL)) {
        ask_folders(c, &x, c->impersonate ? address : NULL);
        rc = ews_ask(call, &x, false, &taker);
    }
    free(c->anchor_header);
    c->mailbox = mailbox;
    c->anchor_header = anchor;
    return rc;
}

static enum wess_code must_fail(struct wess_call *call, const char *address)
{
    enum wess_code rc = try_mailbox(call, address);
    bool shut = (rc == WESS_AUTH || rc == WESS_GONE) && call->error.scope != WESS_OF_CREDENTIAL;
    if (shut && is_unknown(&call->error))
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_CREDENTIAL, NULL,
                         "must_not_reach names a mailbox that does not exist: %.80s", address);
    if (shut) {
        call->error = (struct wess_error){0};
        return WESS_OK;
    }
    if (rc != WESS_OK)
        return rc;
    return wess_fail(&call->error, WESS_BROKEN, WESS_OF_CREDENTIAL, NULL,
                     "%.80s can be opened, and is in must_not_reach: narrow the scope of the role "
                     "ApplicationImpersonation",
                     address);
}

/* Whether that name of the setting is why the folder is read. */
static bool is_named(const struct wess_conn *c, const struct ews_kind *kind,
                     const struct ews_folder *f, const char *name, size_t len)
{
    if (kind->by_place)
        return ews_mail_names(name, len, f->path, ews_mail_place(c, f->id));
    return strlen(f->path) == len && !strncmp(f->path, name, len);
}

static void warn_of_missing(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    const struct ews_kind *kind = ews_kind_of(call);
    const struct ews_tree *t = ews_tree_of(call);
    const char *setting = c->host->setting(c->host->ctx, kind->setting);
    for (const char *at = setting ? setting : ""; *at;) {
        size_t len = strcspn(at, "\n");
        bool found = len == 1 && *at == '*';
        for (size_t i = kind->by_place ? 0 : 1; i < t->n_read && !found; i++)
            found = is_named(c, kind, &t->folders[i], at, len);
        if (!found)
            c->host->log(c->host->ctx, WESS_LOG_WARN, "setting %s: no folder \"%.*s\" below %s",
                         kind->setting, (int)len, at, kind->title);
        at += len + (at[len] == '\n');
    }
}

/* Each kind whose sub-folders somebody asked for by name. */
static enum wess_code look_for_folders(struct wess_call *call)
{
    const char *asked = call->collection;
    const struct wess_host *host = call->conn->host;
    enum wess_code rc = WESS_OK;
    for (size_t i = 0; rc == WESS_OK && i < EWS_KINDS; i++) {
        const char *setting = host->setting(host->ctx, ews_kinds[i]->setting);
        call->collection = ews_kinds[i]->collection;
        if (!ews_tree_of(call)->top || (ews_kinds[i]->by_place && !(setting && *setting)))
            continue;
        rc = ews_folders(call, false);
        if (rc == WESS_OK)
            warn_of_missing(call);
    }
    call->collection = asked;
    return rc;
}

enum wess_code ews_check(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    const char *list = c->host->setting(c->host->ctx, "must_not_reach");
    enum wess_code rc = ews_name_old(call, get_folders(call)); /* whatever is known: this asks */
    if (rc == WESS_OK)
        rc = look_for_folders(call);
    while (rc == WESS_OK && list && *list) {
        size_t len = strcspn(list, "\n");
        char *address = wess_arena_textn(c->host, call->arena, list, len);
        rc = address ? must_fail(call, address) : WESS_TOO_BIG;
        list += len + (list[len] == '\n');
    }
    if (rc == WESS_OK)
        ews_note_all(call);
    return rc;
}
