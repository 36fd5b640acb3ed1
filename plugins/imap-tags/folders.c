/* Which folders are read, and what each counts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "imap.h"

/* ---- choosing
 * ------------------------------------------------------------------------------------------ */

static const struct {
    const char *word, *use;
} uses[] = {{"sent", "\\Sent"},      {"drafts", "\\Drafts"},   {"junk", "\\Junk"},
            {"trash", "\\Trash"},    {"archive", "\\Archive"}, {"all", "\\All"},
            {"flagged", "\\Flagged"}};

static bool is_inbox(const char *path, size_t len)
{
    return len == 5 && !strncasecmp(path, "inbox", 5);
}

/* A path, or a word for what the folder is for; "X/\*" is X and all below it. */
static bool matches(const char *word, const char *path, const char *use)
{
    size_t n = strlen(word);
    if (!strcmp(word, "*"))
        return true;
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
        if (!strcasecmp(word, uses[i].word) && use && !strcasecmp(use, uses[i].use))
            return true;
    bool below = n > 2 && !strcmp(word + n - 2, "/*");
    n -= below ? 2 : 0;
    bool same = is_inbox(word, n) ? !strncasecmp(path, word, n) : !strncmp(path, word, n);
    return same && (!path[n] || (below && path[n] == '/'));
}

bool imap_is_chosen(struct wess_conn *c, const char *path, const char *use)
{
    static const char *const never[] = {"\\Drafts", "\\Junk", "\\Trash"};
    bool chosen = !c->n_include && is_inbox(path, strlen(path));
    for (size_t i = 0; i < c->n_include; i++) {
        bool hit = matches(c->include[i], path, use);
        c->met[i] |= hit;
        for (size_t k = 0; !strcmp(c->include[i], "*") && use && k < 3; k++)
            hit &= strcasecmp(use, never[k]) != 0;
        chosen |= hit;
    }
    for (size_t i = 0; i < c->n_exclude; i++)
        chosen &= !matches(c->exclude[i], path, use);
    return chosen;
}

/* ---- listing
 * ------------------------------------------------------------------------------------------ */

struct listing {
    struct wess_call *call;
    struct imap_folders found;
};

static void folder_fini(struct imap_folder *f)
{
    free(f->name);
    free(f->path);
}

void imap_folders_fini(struct imap_folders *l)
{
    for (size_t i = 0; i < l->n; i++)
        folder_fini(&l->of[i]);
    free(l->of);
    *l = (struct imap_folders){0};
}

static bool has_attribute(struct imap_at at, const char *word)
{
    struct imap_text t;
    while (imap_flag(&at, &t))
        if (imap_is(t, word))
            return true;
    return false;
}

static const char *use_of(struct imap_at attributes)
{
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
        if (has_attribute(attributes, uses[i].use))
            return uses[i].use;
    return NULL;
}

static struct imap_folder *add_folder(struct imap_folders *l)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 16;
        struct imap_folder *of = realloc(l->of, cap * sizeof(*of));
        if (!of)
            return NULL;
        l->of = of;
        l->cap = cap;
    }
    l->of[l->n] = (struct imap_folder){0};
    return &l->of[l->n++];
}

static char *name_of(struct imap_text t, bool quoted)
{
    char *name = t.len <= IMAP_NAME_MAX && !memchr(t.of, 0, t.len) ? malloc(t.len + 1) : NULL;
    if (name)
        imap_unquote(t, quoted, name);
    return name;
}

static struct imap_folder *folder_named(struct imap_folders *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->of[i].name, name))
            return &l->of[i];
    return NULL;
}

static enum wess_code take_list(struct listing *l, const struct imap_response *got)
{
    struct wess_conn *c = l->call->conn;
    struct imap_list list;
    if (!imap_read_list(got->rest, &list))
        return imap_not_understood(l->call, "LIST");
    if (has_attribute(list.attributes, "\\Noselect") ||
        has_attribute(list.attributes, "\\NonExistent"))
        return WESS_OK;
    char *name = name_of(list.name, list.quoted);
    char *path = name ? imap_path(name, list.delimiter) : NULL;
    bool wanted =
        path && imap_is_chosen(c, path, use_of(list.attributes)) && !folder_named(&l->found, name);
    struct imap_folder *f = wanted && l->found.n < IMAP_FOLDERS_MAX ? add_folder(&l->found) : NULL;
    if (!f) {
        free(name);
        free(path);
        return wanted ? wess_fail(&l->call->error, WESS_BROKEN, WESS_OF_MAILBOX, NULL,
                                  "more than %u folders are chosen", IMAP_FOLDERS_MAX)
                      : WESS_OK;
    }
    f->name = name;
    f->path = path;
    return WESS_OK;
}

static enum wess_code take_status(struct listing *l, const struct imap_response *got)
{
    struct imap_mailbox_status s;
    if (!imap_read_status(got->rest, &s))
        return imap_not_understood(l->call, "STATUS");
    char *name = name_of(s.name, s.quoted);
    struct imap_folder *f = name ? folder_named(&l->found, name) : NULL;
    free(name);
    if (!f)
        return WESS_OK;
    f->messages = s.messages;
    f->uidnext = s.uidnext;
    f->uidvalidity = s.uidvalidity;
    f->modseq = s.modseq;
    return WESS_OK;
}

static enum wess_code take_listing(void *ctx, const struct imap_response *got)
{
    if (got->status == IMAP_DATA && imap_is(got->word, "LIST"))
        return take_list(ctx, got);
    if (got->status == IMAP_DATA && imap_is(got->word, "STATUS"))
        return take_status(ctx, got);
    return WESS_OK;
}

static int by_order(const void *a, const void *b)
{
    return imap_folder_order(a, b);
}

static const char *counts(const struct wess_conn *c)
{
    return c->features & IMAP_CONDSTORE ? "(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)"
                                        : "(MESSAGES UIDNEXT UIDVALIDITY)";
}

static enum wess_code ask_status(struct wess_call *call, struct listing *l)
{
    struct wess_conn *c = call->conn;
    struct imap_batch b = {0};
    for (size_t i = 0; i < l->found.n; i++) {
        imap_say(c, &b, "STATUS ");
        imap_put_string(c, &b, l->found.of[i].name);
        imap_put(&b, " %s", counts(c));
    }
    return l->found.n ? imap_run(call, &b, take_listing, l) : WESS_OK;
}

static enum wess_code list_all(struct wess_call *call, struct listing *l)
{
    struct wess_conn *c = call->conn;
    struct imap_batch b = {0};
    bool uses_told = (c->features & IMAP_SPECIAL_USE) != 0;
    if (c->features & IMAP_LIST_STATUS)
        imap_say(c, &b, "LIST \"\" \"*\" RETURN (%sSTATUS %s)", uses_told ? "SPECIAL-USE " : "",
                 counts(c));
    else if (uses_told && (c->features & IMAP_EXTENDED_LIST))
        imap_say(c, &b, "LIST \"\" \"*\" RETURN (SPECIAL-USE)");
    else
        imap_say(c, &b, "LIST \"\" \"*\"");
    enum wess_code rc = imap_run(call, &b, take_listing, l);
    if (rc == WESS_OK && !(c->features & IMAP_LIST_STATUS))
        rc = ask_status(call, l);
    return rc;
}

/* A folder that answered no STATUS cannot be read: nothing of it is judged. */
static void leave_out_unread(struct wess_conn *c, struct imap_folders *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (l->of[i].uidvalidity) {
            l->of[n++] = l->of[i];
            continue;
        }
        c->host->log(c->host->ctx, WESS_LOG_WARN, "a folder cannot be read, and is left out");
        folder_fini(&l->of[i]);
    }
    l->n = n;
}

enum wess_code imap_list(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    struct listing l = {.call = call};
    for (size_t i = 0; i < c->n_include; i++)
        c->met[i] = false;
    enum wess_code rc = list_all(call, &l);
    if (rc != WESS_OK) {
        imap_folders_fini(&l.found);
        return rc;
    }
    leave_out_unread(c, &l.found);
    if (l.found.n)
        qsort(l.found.of, l.found.n, sizeof(*l.found.of), by_order);
    imap_folders_fini(&c->folders);
    c->folders = l.found;
    c->at_folder = SIZE_MAX;
    c->fresh = c->listed = true;
    return WESS_OK;
}

/* ---- opening one
 * ------------------------------------------------------------------------------------------ */

void imap_put_select(struct wess_conn *c, struct imap_batch *b, size_t folder, bool writable)
{
    bool ready = c->at_folder == folder && c->at_writable >= writable;
    if (ready)
        return;
    if (!c->enabled && (c->features & IMAP_ENABLE) && (c->features & IMAP_CONDSTORE))
        imap_say(c, b, "ENABLE %s", c->features & IMAP_QRESYNC ? "QRESYNC" : "CONDSTORE");
    c->enabled = true;
    imap_say(c, b, "%s ", writable ? "SELECT" : "EXAMINE");
    imap_put_string(c, b, c->folders.of[folder].name);
    if ((c->features & IMAP_CONDSTORE) && !(c->features & IMAP_ENABLE))
        imap_put(b, " (CONDSTORE)");
    c->at_folder = folder;
    c->at_writable = writable;
}

void imap_take_selected(struct imap_selected *s, const struct imap_response *got)
{
    struct imap_at at = got->args;
    struct imap_text flag;
    uint64_t n = 0;
    if (got->status == IMAP_DATA && imap_is(got->word, "EXISTS"))
        s->exists = got->number;
    if (got->status != IMAP_OK || !got->code.len)
        return;
    if (imap_is(got->code, "UIDVALIDITY") && imap_number(&at, UINT32_MAX, &n))
        s->uidvalidity = (uint32_t)n;
    else if (imap_is(got->code, "HIGHESTMODSEQ") && imap_number(&at, INT64_MAX, &n))
        s->modseq = n;
    else if (imap_is(got->code, "PERMANENTFLAGS") && imap_char(&at, '(')) {
        s->permanent = true;
        while (imap_flag(&at, &flag))
            s->any_keyword |= imap_is(flag, "\\*");
    }
}
