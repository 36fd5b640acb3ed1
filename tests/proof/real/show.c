/* All that lies on the remotes, as sorted lines that two plays can be compared by. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange.h"
#include "parts.h"
#include "places.h"
#include "real.h"
#include "workbooks.h"

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct lines {
    char *of[256];
    size_t n;
};

static void take_line(struct lines *l, struct sb_buf *b)
{
    for (char *c = b->data; c && *c; c++)
        if (*c == '\r' || *c == '\n')
            *c = *c == '\r' ? ' ' : '|';
    if (l->n < 256)
        l->of[l->n++] = b->data;
    else
        free(b->data);
    *b = (struct sb_buf){0};
}

static bool is_told(const struct ex_prop *p)
{
    static const char *const not [] = {"UID",
                                       "DateTimeCreated",
                                       "DateTimeReceived",
                                       "DateTimeSent",
                                       "LastModifiedTime",
                                       "CompleteDate",
                                       "DateTimeStamp",
                                       "Size",
                                       "GlobalObjectId"};
    for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++)
        if (!strcmp(p->element, not [i]))
            return false;
    return true;
}

/* Of an occurrence: it says so itself, or it does not. */
static bool is_usual(const char *element, const char *value)
{
    return (!strcmp(element, "IsAllDayEvent") && !strcmp(value, "false")) ||
           (!strcmp(element, "LegacyFreeBusyStatus") && !strcmp(value, "Busy"));
}

/* Without the ids in it. */
static void show_value(struct sb_buf *b, const char *name, const char *value)
{
    static const char id[] = " Id=\"";
    sb_buf_fmt(b, " %s=", name);
    for (const char *at; (at = strstr(value, id)); value = at + strcspn(at, "\"")) {
        at += sizeof(id) - 1;
        sb_buf_add(b, value, (size_t)(at - value));
    }
    sb_buf_str(b, value);
}

static void show_item(const struct ex_mailbox *m, const struct ex_item *i, struct lines *l)
{
    struct sb_buf b = {0};
    sb_buf_fmt(&b, "%c %s %s", m == ex_mailboxes ? 'a' : 'b',
               i->folder >= 0 ? m->folders[i->folder].name : "occurrence", real_label(i));
    for (size_t c = 0; c < i->n_categories; c++)
        sb_buf_fmt(&b, " [%s]", i->categories[c]);
    if (i->sensitivity && strcmp(i->sensitivity, "Normal"))
        sb_buf_fmt(&b, " (%s)", i->sensitivity);
    for (size_t p = 0; p < PROPS && ex_props[p].uri; p++)
        if (i->value[p] && is_told(&ex_props[p]) &&
            (!i->original || !is_usual(ex_props[p].element, i->value[p])))
            show_value(&b, ex_props[p].key ? ex_props[p].key : ex_props[p].element, i->value[p]);
    if (i->original)
        sb_buf_fmt(&b, " of=%s", i->original);
    if (i->body)
        sb_buf_fmt(&b, " Body=%s", i->body);
    part_list(i, &b);
    take_line(l, &b);
}

static void show_record(const struct wb_record *p, struct lines *l)
{
    static const char *const not [] = {"reference", "completed"};
    struct sb_buf b = {0};
    sb_buf_fmt(&b, "crm %s queue=%lld", p->of->name, (long long)p->queue);
    for (size_t i = 0; p->of->columns[i]; i++)
        if (p->value[i] && *p->value[i] && !strstr(p->of->columns[i], not [0]) &&
            strcmp(p->of->columns[i], not [1]) != 0)
            sb_buf_fmt(&b, " %s=%s", p->of->columns[i], p->value[i]);
    take_line(l, &b);
}

/* Without their numbers. */
static void show_links(struct lines *l)
{
    for (size_t i = 0; i < wb_sets[WB_LINKS].n; i++) {
        const struct wb_record *p = &wb_sets[WB_LINKS].rows[i];
        struct sb_buf b = {0};
        const char *of[2];
        for (int k = 0; k < 2; k++) {
            const char *id = wb_value(p, k ? "resource_id" : "activity_id");
            const struct wb_record *end =
                wb_by_id(&wb_sets[k ? WB_PEOPLE : WB_MEETINGS], strtoll(id ? id : "", NULL, 10));
            of[k] = end ? wb_value(end, "name") : "?";
        }
        if (p->deleted)
            continue;
        sb_buf_fmt(&b, "crm link %s to %s", of[0], of[1]);
        take_line(l, &b);
    }
}

static void show_on_notes(struct lines *l)
{
    struct sb_buf b = {0};
    for (size_t i = 0; i < wb_sets[WB_NOTES].n; i++) {
        const struct wb_record *note = &wb_sets[WB_NOTES].rows[i];
        if (wb_is_gone(note))
            continue;
        sb_buf_fmt(&b, "crm note %s", wb_value(note, "subject"));
        take_line(l, &b);
    }
    for (size_t i = 0; i < wb_sets[WB_UPLOADS].n; i++) {
        const struct wb_record *of;
        const char *name;
        size_t len;
        if (!wb_file_bytes(&wb_sets[WB_UPLOADS].rows[i], &name, &len, &of))
            continue;
        sb_buf_fmt(&b, "crm file <%s %zu> of %s", name, len, wb_value(of, "name"));
        take_line(l, &b);
    }
}

static bool is_volatile(const char *line)
{
    static const char *const of[] = {"UID:", "DTSTAMP:", "X-WESS-STAMP:", "PRODID:"};
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
        if (!strncmp(line, of[i], strlen(of[i])))
            return true;
    return false;
}

static void show_files(const struct real_remote *r, const char *user, struct lines *l)
{
    char folder[160];
    snprintf(folder, sizeof(folder), "%s/files/%s", r->dir, user);
    DIR *dir = opendir(folder);
    for (const struct dirent *e; dir && (e = readdir(dir));) {
        char at[512];
        struct sb_buf b = {0};
        snprintf(at, sizeof(at), "%s/%s", folder, e->d_name);
        char *text = *e->d_name == '.' ? NULL : real_file(at), *rest = text, *line;
        if (text) {
            sb_buf_fmt(&b, "dir %s", user);
            while ((line = strsep(&rest, "\n")))
                if (!is_volatile(line))
                    sb_buf_fmt(&b, " %s", line);
            take_line(l, &b);
        }
        free(text);
    }
    if (dir)
        closedir(dir);
}

void real_show(const struct real_remote *r, char *out, size_t cap)
{
    struct lines l = {.n = 0};
    size_t at = 0;
    for (size_t m = 0; m < ex_n_mailboxes; m++)
        for (size_t i = 0; i < ex_mailboxes[m].n_items; i++)
            show_item(&ex_mailboxes[m], ex_mailboxes[m].items[i], &l);
    const struct wb_set *set = real_set(r->kind);
    for (size_t i = 0; i < set->n; i++)
        if (!set->rows[i].deleted)
            show_record(&set->rows[i], &l);
    show_links(&l);
    show_on_notes(&l);
    show_files(r, "u1", &l);
    show_files(r, "u2", &l);
    qsort(l.of, l.n, sizeof(l.of[0]), by_text);
    for (size_t i = 0; i < l.n; i++) {
        if (at < cap)
            at += (size_t)snprintf(out + at, cap - at, "%s\n", l.of[i]);
        free(l.of[i]);
    }
    r->shared->outbox = (long)ex_outbox;
}
