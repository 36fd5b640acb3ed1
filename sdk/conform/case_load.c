/* The table itself, before anything is opened. */
#include "probe.h"

#include <stdlib.h>
#include <string.h>

#define CAPS_KNOWN ((uint64_t)(WESS_CAP_REVISIONS_RISE << 1) - 1)

static void load_abi(struct probe *p)
{
    const struct wess_connector *c = p->c;
    if (c->abi != WESS_ABI)
        failed(p, "its ABI is %u, the header's %u", c->abi, WESS_ABI);
    if (c->size < sizeof(*c))
        failed(p, "its table has %u bytes, the header's %zu", c->size, sizeof(*c));
    if (!c->name || !*c->name || !c->version || !*c->version)
        failed(p, "it has no name or no version");
    if (strspn(c->name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != strlen(c->name))
        failed(p, "its name has other than small letters, digits and hyphens");
}

static void load_slots(struct probe *p)
{
    const struct wess_connector *c = p->c;
    const struct {
        bool there;
        const char *name;
    } slots[] = {{c->open, "open"},         {c->close, "close"}, {c->check, "check"},
                 {c->describe, "describe"}, {c->fetch, "fetch"}, {c->changes, "changes"},
                 {c->find, "find"},         {c->apply, "apply"}};
    for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
        if (!slots[i].there)
            failed(p, "the slot %s is empty", slots[i].name);
    int watch = !!c->watch_open + !!c->watch_fd + !!c->watch_ready + !!c->watch_close;
    if (watch && watch != 4)
        failed(p, "%d of the four slots of watch are filled", watch);
}

static bool is_one_of(const char *word, size_t len, const char *choices)
{
    for (const char *at = choices; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (!strncmp(at, word, len) && (at[len] == '|' || !at[len]))
            return true;
    }
    return false;
}

static void check_fallback(struct probe *p, const struct wess_option *o)
{
    char *end;
    if (!strcmp(o->type, "choice") &&
        (!o->range || (o->fallback && !is_one_of(o->fallback, strlen(o->fallback), o->range))))
        failed(p, "option %s: its fallback is none of its choices", o->name);
    if (strcmp(o->type, "int") || !o->fallback)
        return;
    long long n = strtoll(o->fallback, &end, 10);
    const char *most = o->range ? strstr(o->range, "..") : NULL;
    if (*end || end == o->fallback)
        failed(p, "option %s: its fallback is no number", o->name);
    if (most && (n < strtoll(o->range, NULL, 10) || (most[2] && n > strtoll(most + 2, NULL, 10))))
        failed(p, "option %s: its fallback is outside of its range", o->name);
}

static void load_options(struct probe *p)
{
    static const char types[] = "string|int|bool|duration|size|choice|list|url";
    const struct wess_connector *c = p->c;
    if (c->n_options && !c->options)
        failed(p, "it has a number of options and no options");
    for (size_t i = 0; i < c->n_options; i++) {
        const struct wess_option *o = &c->options[i];
        if (!o->name || !*o->name || !o->help || !*o->help)
            failed(p, "option %zu has no name or no help", i);
        for (size_t k = 0; k < i; k++)
            if (!strcmp(c->options[k].name, o->name))
                failed(p, "option %s is declared twice", o->name);
        if (!o->type || !is_one_of(o->type, strlen(o->type), types))
            failed(p, "option %s has an unknown type", o->name);
        if (o->flags & ~(uint32_t)(WESS_OPTION_REQUIRED | WESS_OPTION_SECRET | WESS_OPTION_ROTATES |
                                   WESS_OPTION_CREDENTIAL))
            failed(p, "option %s has unknown flags", o->name);
        if ((o->flags & WESS_OPTION_SECRET) && o->fallback)
            failed(p, "option %s is a secret with a fallback", o->name);
        if ((o->flags & WESS_OPTION_REQUIRED) && o->fallback)
            failed(p, "option %s is required and has a fallback", o->name);
        check_fallback(p, o);
    }
}

static void load_kinds(struct probe *p)
{
    const struct wess_connector *c = p->c;
    if (!c->n_kinds || !c->kinds)
        failed(p, "it names no kind");
    for (size_t i = 0; i < c->n_kinds; i++) {
        const struct wess_kind_caps *k = &c->kinds[i];
        if (!k->kind || !is_one_of(k->kind, strlen(k->kind), "contact|event|task|message"))
            failed(p, "kind %s is unknown", k->kind ? k->kind : "NULL");
        for (size_t n = 0; n < i; n++)
            if (!strcmp(c->kinds[n].kind, k->kind))
                failed(p, "kind %s is named twice", k->kind);
        if (k->caps & ~CAPS_KNOWN)
            failed(p, "kind %s has unknown capabilities", k->kind);
    }
}

static const struct case_def cases[] = {
    {"load.abi", "10.1", 0, NEEDS_NOTHING, load_abi},
    {"load.slots", "10.2", 0, NEEDS_NOTHING, load_slots},
    {"load.options", "10.3", 0, NEEDS_NOTHING, load_options},
    {"load.kinds", "10.4", 0, NEEDS_NOTHING, load_kinds},
};
const struct suite suite_load = {cases, sizeof(cases) / sizeof(cases[0])};
