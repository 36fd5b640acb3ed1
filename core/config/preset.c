/* Presets: pairs that are usual between two connectors, in the words of the configuration. What the
 * configuration says itself goes before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/read.h"

struct preset {
    const char *name;
    const char *left, *right; /* connectors */
    const char *pairs;        /* "@left" and "@right" stand for the names of their endpoints */
};
/* People before what refers to them. Everything that may surprise is left at its default: nothing
 * is deleted, a tag that is taken off ends the link, private items take no part. */
#define WINDOW "  window = { past = \"180d\"; future = \"720d\"; };\n"
#define AT_ONCE "  per_run = 500;\n"
static const struct preset presets[] = {
    {"workbooks-exchange", "ews", "workbooks",
     "people: { kind = \"contact\"; left = \"@left:contacts\"; right = \"@right:people\";\n" AT_ONCE
     "  select = { left = { tags_any = [ \"Workbooks\" ]; };\n"
     "    right = { queue = \"%{user.workbooks}\"; }; }; };\n"
     "tasks: { kind = \"task\"; left = \"@left:tasks\"; right = \"@right:tasks\";\n" WINDOW AT_ONCE
     "  select = { left = { tags_any = [ \"Workbooks\" ]; };\n"
     "    right = { queue = \"%{user.workbooks}\"; }; }; };\n"
     "meetings: { kind = \"event\"; left = \"@left:calendar\"; right = "
     "\"@right:meetings\";\n" WINDOW AT_ONCE
     "  select = { left = { tags_any = [ \"Workbooks\" ]; };\n"
     "    right = { queue = \"%{user.workbooks}\"; }; }; };\n"
     "mail: { kind = \"message\"; mode = \"file\"; left = \"@left:messages\";\n" WINDOW AT_ONCE
     "  right = \"@right:emails\"; select = { left = { tags_any = [ \"Workbooks\" ]; }; }; };\n"},
};

/* ---- settings copied into settings
 * ------------------------------------------------------------------------------------------ */

static bool copy_value(const config_setting_t *from, config_setting_t *to)
{
    switch (config_setting_type(from)) {
    case CONFIG_TYPE_INT:
        return config_setting_set_int(to, config_setting_get_int(from));
    case CONFIG_TYPE_INT64:
        return config_setting_set_int64(to, config_setting_get_int64(from));
    case CONFIG_TYPE_BOOL:
        return config_setting_set_bool(to, config_setting_get_bool(from));
    case CONFIG_TYPE_STRING:
        return config_setting_set_string(to, config_setting_get_string(from));
    default:
        return false;
    }
}

static bool copy_into(const config_setting_t *from, config_setting_t *parent)
{
    config_setting_t *to =
        config_setting_add(parent, config_setting_name(from), config_setting_type(from));
    bool ok = to != NULL;
    if (ok && !config_setting_is_aggregate(from))
        return copy_value(from, to);
    for (int i = 0; ok && i < config_setting_length(from); i++)
        ok = copy_into(config_setting_get_elem(from, (unsigned)i), to);
    return ok;
}

/* What is not there is added. Groups of a pair are taken together member by member, what is below
 * them (a side's select) is one thing. */
static bool fill_in(const config_setting_t *from, config_setting_t *to, int depth)
{
    bool ok = true;
    for (int i = 0; ok && i < config_setting_length(from); i++) {
        const config_setting_t *m = config_setting_get_elem(from, (unsigned)i);
        config_setting_t *own = config_setting_get_member(to, config_setting_name(m));
        if (!own)
            ok = copy_into(m, to);
        else if (depth && config_setting_is_group(m) && config_setting_is_group(own))
            ok = fill_in(m, own, depth - 1);
    }
    return ok;
}

/* ---- a preset
 * ------------------------------------------------------------------------------------------ */

/* The one endpoint of that connector; NULL, and told, where there is none or several. */
static const char *endpoint_of(struct reader *r, const config_setting_t *s, const char *connector)
{
    const char *found = NULL;
    size_t n = 0;
    for (size_t i = 0; i < r->cfg->n_endpoints; i++) {
        const struct cfg_endpoint *e = &r->cfg->endpoints[i];
        if (e->connector && !strcmp(e->connector, connector)) {
            found = e->name;
            n++;
        }
    }
    if (n == 1)
        return found;
    trouble_at(
        r, s,
        "this preset needs exactly one endpoint with connector = \"%s\", not %zu; with more, "
        "write the pairs out, which `wess check --expanded` shows while there is one of each",
        connector, n);
    return NULL;
}

static const char *with_names(struct reader *r, const char *text, const char *mark,
                              const char *name)
{
    const char *out = "", *hit;
    for (; out && (hit = strstr(text, mark)); text = hit + strlen(mark))
        out = arena_fmt(r->a, "%s%.*s%s", out, (int)(hit - text), text, name);
    return out ? arena_fmt(r->a, "%s%s", out, text) : NULL;
}

static bool is_left_out(struct wess_list without, const char *name)
{
    for (size_t i = 0; i < without.n; i++)
        if (!strcmp(without.of[i], name))
            return true;
    return false;
}

static void no_such_pair(struct reader *r, const config_setting_t *s, const config_setting_t *pairs,
                         const char *name)
{
    const char *names[16], *near;
    size_t n = 0;
    for (int i = 0; i < config_setting_length(pairs) && n < sizeof(names) / sizeof(names[0]); i++)
        names[n++] = config_setting_name(config_setting_get_elem(pairs, (unsigned)i));
    near = text_nearest(name, names, n);
    trouble_at(r, s, "the preset has no pair \"%s\"%s%s%s", name, near ? "; did you mean \"" : "",
               near ? near : "", near ? "\"?" : "");
}

static void check_without(struct reader *r, const config_setting_t *root,
                          const config_setting_t *pairs, struct wess_list without)
{
    for (size_t i = 0; i < without.n; i++)
        if (!config_setting_get_member(pairs, without.of[i]))
            no_such_pair(r, config_setting_get_member(root, "preset_without"), pairs,
                         without.of[i]);
}

/* A pair that says of no side what it is was meant for one of the preset. */
static void check_own(struct reader *r, const config_setting_t *own, const config_setting_t *pairs)
{
    for (int i = 0; i < config_setting_length(own); i++) {
        config_setting_t *pair = config_setting_get_elem(own, (unsigned)i);
        const char *name = config_setting_name(pair);
        if (config_setting_is_group(pair) && !config_setting_get_member(pairs, name) &&
            !config_setting_get_member(pair, "left") && !config_setting_get_member(pair, "right"))
            no_such_pair(r, pair, pairs, name);
    }
}

static bool fill_pairs(struct reader *r, config_setting_t *root, const config_setting_t *from)
{
    struct wess_list without = list_of(r, root, "preset_without");
    config_setting_t *pairs = config_setting_get_member(root, "pairs");
    if (!pairs)
        pairs = config_setting_add(root, "pairs", CONFIG_TYPE_GROUP);
    bool ok = pairs && config_setting_is_group(pairs);
    check_without(r, root, from, without);
    if (ok)
        check_own(r, pairs, from);
    for (int i = 0; ok && i < config_setting_length(from); i++) {
        const config_setting_t *m = config_setting_get_elem(from, (unsigned)i);
        const char *name = config_setting_name(m);
        config_setting_t *own = config_setting_get_member(pairs, name);
        if (is_left_out(without, name))
            continue;
        ok = own ? !config_setting_is_group(own) || fill_in(m, own, 1) : copy_into(m, pairs);
    }
    return ok;
}

static const struct preset *preset_named(struct reader *r, const config_setting_t *s,
                                         const char *name)
{
    const char *names[sizeof(presets) / sizeof(presets[0])];
    for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
        names[i] = presets[i].name;
        if (!strcmp(presets[i].name, name))
            return &presets[i];
    }
    const char *near = text_nearest(name, names, sizeof(names) / sizeof(names[0]));
    trouble_at(r, s, "there is no preset \"%s\"; did you mean \"%s\"?", name,
               near ? near : names[0]);
    return NULL;
}

void expand_preset(struct reader *r, config_setting_t *root)
{
    const char *name = text_of(r, root, &group_top, "preset");
    const config_setting_t *s = config_setting_get_member(root, "preset");
    const struct preset *p = name ? preset_named(r, s, name) : NULL;
    const char *left = p ? endpoint_of(r, s, p->left) : NULL;
    const char *right = p ? endpoint_of(r, s, p->right) : NULL;
    if (!left || !right)
        return;
    const char *text = with_names(r, p->pairs, "@left", left);
    text = text ? with_names(r, text, "@right", right) : NULL;
    config_t lib;
    config_init(&lib);
    if (!text || !config_read_string(&lib, text) || !fill_pairs(r, root, config_root_setting(&lib)))
        trouble_at(r, s, "the preset cannot be put in: out of memory");
    config_destroy(&lib);
}

size_t preset_place(const char *preset, const char *pair)
{
    size_t place = 0;
    for (size_t i = 0; preset && i < sizeof(presets) / sizeof(presets[0]); i++) {
        const char *at = presets[i].pairs;
        if (strcmp(presets[i].name, preset))
            continue;
        for (; *at; at += strcspn(at, "\n"), at += *at == '\n') {
            size_t len = strcspn(at, ":");
            if (*at == ' ')
                continue;
            if (strlen(pair) == len && !strncmp(at, pair, len))
                return place;
            place++;
        }
    }
    return place;
}

/* ---- as it is understood
 * ------------------------------------------------------------------------------------------ */

static void write_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++)
        fprintf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    fputc('"', out);
}

static void write_members(FILE *out, const config_setting_t *s, int depth);

static void write_setting(FILE *out, const config_setting_t *s, int depth)
{
    switch (config_setting_type(s)) {
    case CONFIG_TYPE_STRING:
        write_text(out, config_setting_get_string(s));
        break;
    case CONFIG_TYPE_BOOL:
        fputs(config_setting_get_bool(s) ? "true" : "false", out);
        break;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        fprintf(out, "%lld", (long long)config_setting_get_int64(s));
        break;
    default:
        write_members(out, s, depth);
    }
}

static void write_member(FILE *out, const config_setting_t *m, int depth)
{
    fprintf(out, "%s%s", config_setting_name(m), config_setting_is_group(m) ? ": " : " = ");
    write_setting(out, m, depth + 1);
    fputs(";", out);
}

static void write_members(FILE *out, const config_setting_t *s, int depth)
{
    bool group = config_setting_is_group(s), list = config_setting_is_list(s);
    bool lines = group && depth < 2;
    fputs(group ? "{" : list ? "(" : "[", out);
    for (int i = 0; i < config_setting_length(s); i++) {
        const config_setting_t *m = config_setting_get_elem(s, (unsigned)i);
        if (lines)
            fprintf(out, "\n%*s", 2 * (depth + 1), "");
        else
            fputs(i && !group ? ", " : " ", out);
        if (group)
            write_member(out, m, depth);
        else
            write_setting(out, m, depth + 1);
    }
    if (lines)
        fprintf(out, "\n%*s", 2 * depth, "");
    else
        fputc(' ', out);
    fputs(group ? "}" : list ? ")" : "]", out);
}

const char *expanded_pairs(struct reader *r, const config_setting_t *root)
{
    const config_setting_t *pairs = config_setting_get_member(root, "pairs");
    char *text = NULL;
    size_t len = 0;
    bool group = pairs && config_setting_is_group(pairs);
    FILE *out = group ? open_memstream(&text, &len) : NULL;
    if (out) {
        /* In the order in which they go, which is lost with the name of the preset. */
        fputs("pairs: {", out);
        for (int i = 0; i < config_setting_length(pairs); i++) {
            fputs("\n  ", out);
            write_member(out, pair_at(r, pairs, (size_t)i), 0);
        }
        fputs("\n};\n", out);
    }
    const char *copy = out && fclose(out) == 0 ? arena_text(r->a, text) : NULL;
    free(text);
    return copy;
}
