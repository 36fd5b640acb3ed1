/* Pairs: what is kept in step with what, who takes part, and by which rules. */
#include <string.h>

#include "config/read.h"
#include "host/plugin.h"

static bool read_side(struct reader *r, const config_setting_t *s, struct cfg_pair *p,
                      enum side side)
{
    const char *word = side == LEFT ? "left" : "right";
    const char *text = text_of(r, s, &group_pair, word);
    const char *colon = text ? strchr(text, ':') : NULL;
    const char *names[64];
    size_t n = 0;
    if (!colon || colon == text || !colon[1]) {
        trouble_at(r, s, "pair %s needs %s = \"ENDPOINT:COLLECTION\"", p->name, word);
        return false;
    }
    const char *name = arena_textn(r->a, text, (size_t)(colon - text));
    p->collection[side] = arena_text(r->a, colon + 1);
    p->endpoint[side] = name ? config_endpoint(r->cfg, name) : NULL;
    if (p->endpoint[side])
        return true;
    for (; n < r->cfg->n_endpoints && n < 64; n++)
        names[n] = r->cfg->endpoints[n].name;
    const char *near = text_nearest(name, names, n);
    trouble_at(r, config_setting_get_member(s, word), "there is no endpoint \"%s\"%s%s%s", name,
               near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return false;
}

/* Beside the declared settings a select may ask any fact that the collection offers; which those
 * are is known once it is described, so `check --online` refuses others. */
static void read_select(struct reader *r, const config_setting_t *s, struct cfg_select *out)
{
    int n = s ? config_setting_length(s) : 0;
    struct cfg_fact *facts = array_of(r, (size_t)n, sizeof(*facts));
    if (!s || !facts)
        return;
    out->given = true;
    out->tags_any = list_of(r, s, "tags_any");
    out->tags_all = list_of(r, s, "tags_all");
    out->tags_none = list_of(r, s, "tags_none");
    out->folder = text_of(r, s, &group_select, "folder");
    out->shared = bool_of(r, s, &group_select, "shared");
    for (int i = 0; i < n; i++) {
        const config_setting_t *f = config_setting_get_elem(s, (unsigned)i);
        const char *name = config_setting_name(f), *value = config_setting_get_string(f);
        bool declared = false;
        for (size_t k = 0; k < group_select.n && !declared; k++) {
            declared = !strcmp(group_select.of[k].name, name);
            if (declared)
                check_value(r, f, &group_select.of[k]);
        }
        if (declared)
            continue;
        if (!value)
            trouble_at(r, f, "%s: what a fact must be is a text in quotes", name);
        else
            facts[out->n_facts++] =
                (struct cfg_fact){arena_text(r->a, name), clean_text(r, f, value)};
    }
    out->facts = facts;
    if (out->given && !out->tags_any.n && !out->tags_all.n && !out->tags_none.n && !out->n_facts &&
        !out->folder && !out->shared)
        trouble_at(r, s,
                   "this select asks nothing; say tags_any, a fact, folder, or shared = true");
}

/* "email with name.family, email": as they are written in a list of keys. */
static const char *keys_told(struct reader *r, const struct kind_def *kind)
{
    const char *out = "";
    for (size_t i = 0; out && i < kind->n_keys; i++) {
        const char *key = kind->keys[i], *plus = strchr(key, '+');
        int len = plus ? (int)(plus - key) : (int)strlen(key);
        out = arena_fmt(r->a, "%s%s%.*s%s%s", out, i ? ", " : "", len, key, plus ? " with " : "",
                        plus ? plus + 1 : "");
    }
    return out ? out : "";
}

static bool has_kind(const struct cfg_endpoint *ep, const char *kind)
{
    const struct wess_connector *c = ep->plugin ? ep->plugin->connector : NULL;
    for (size_t i = 0; c && i < c->n_kinds; i++)
        if (!strcmp(c->kinds[i].kind, kind))
            return true;
    return !c;
}

/* By what its connector says of itself before anybody signs in. */
bool pair_singles(const struct cfg_pair *p, int s)
{
    const struct cfg_endpoint *ep = p->endpoint[s];
    const struct wess_connector *c = ep && ep->plugin ? ep->plugin->connector : NULL;
    for (size_t i = 0; c && p->kind && i < c->n_kinds; i++)
        if (!strcmp(c->kinds[i].kind, p->kind->name))
            return (c->kinds[i].caps & WESS_CAP_SINGLES) != 0;
    return false;
}

/* By what a source and a side know the same items; "id" where both are of one connector. */
static const char *usual_join(const struct kind_def *kind)
{
    return kind->natural ? kind->natural : "id";
}

static bool joins(const struct cfg_endpoint *source, const struct cfg_endpoint *own,
                  const char *join)
{
    return !strcmp(join, "id") && source && source->plugin == own->plugin;
}

static bool is_key(const struct kind_def *kind, const char *name)
{
    for (size_t i = 0; i < kind->n_keys; i++)
        if (!strcmp(kind->keys[i], name))
            return true;
    return false;
}

/* A tag source: another endpoint, which tells of the same items by a key that both know. */
static void read_source(struct reader *r, const config_setting_t *s, struct cfg_pair *p,
                        enum side side)
{
    struct cfg_select *sel = &p->select[side];
    const struct cfg_endpoint *own = p->endpoint[side];
    const char *name = s ? text_of(r, s, &group_select, "source") : NULL;
    const char *join = s ? text_of(r, s, &group_select, "join") : NULL;
    if (!name && join)
        trouble_at(r, s, "join goes with source = \"ENDPOINT\"");
    if (!name || !p->kind || !own)
        return;
    sel->source = config_endpoint(r->cfg, name);
    sel->join = join ? join : usual_join(p->kind);
    if (!sel->source)
        trouble_at(r, s, "source: there is no endpoint \"%s\"", name);
    else if (!has_kind(sel->source, p->kind->name))
        trouble_at(r, s, "source: %s tells of no %s", name, p->kind->name);
    else if (sel->source->per_user != own->per_user)
        trouble_at(r, s, "source: %s must be %s, as %s is", name,
                   own->per_user ? "one for each user: a setting of it speaks of %{user...}"
                                 : "one for all users",
                   own->name);
    if (!sel->tags_any.n && !sel->tags_all.n && !sel->tags_none.n)
        trouble_at(r, s, "source goes with tags_any, tags_all or tags_none");
    if (!is_key(p->kind, sel->join) && !joins(sel->source, own, sel->join))
        trouble_at(r, s, "join: a %s has no key \"%s\"; keys are %s", p->kind->name, sel->join,
                   keys_told(r, p->kind));
}

static const char *joined(struct reader *r, struct wess_list l)
{
    const char *out = "";
    for (size_t i = 0; out && i < l.n; i++)
        out = arena_fmt(r->a, "%s%s%s", out, i ? "+" : "", l.of[i]);
    return out;
}

static const char *kinds_told(struct reader *r)
{
    const char *out = "", *name;
    for (size_t i = 0; out && (name = kind_names(i)); i++)
        out = arena_fmt(r->a, "%s%s\"%s\"", out, i ? " or " : "", name);
    return out ? out : "";
}

static void read_match(struct reader *r, const config_setting_t *s, struct cfg_pair *p)
{
    int n = s ? config_setting_length(s) : 0;
    struct cfg_match *of = array_of(r, s ? (size_t)n : 2, sizeof(*of));
    p->match = of;
    p->n_match = s ? (size_t)n : 0;
    if (!s && of && p->kind && p->kind->link)
        of[p->n_match++] = (struct cfg_match){p->kind->link, MATCH_LINK};
    if (!s && of && p->kind && p->kind->ask)
        of[p->n_match++] = (struct cfg_match){p->kind->ask, MATCH_ASK};
    for (int i = 0; of && i < n; i++) {
        const config_setting_t *m = config_setting_get_elem(s, (unsigned)i);
        bool known = false;
        check_group(r, m, &group_match);
        of[i] = (struct cfg_match){joined(r, list_of(r, m, "keys")),
                                   (enum match_one)choice_of(r, m, &group_match, "one")};
        for (size_t k = 0; p->kind && of[i].space && k < p->kind->n_keys; k++)
            known |= !strcmp(p->kind->keys[k], of[i].space);
        if (!known && p->kind)
            trouble_at(r, m, "a %s has no key \"%s\"; keys are %s", p->kind->name,
                       of[i].space ? of[i].space : "", keys_told(r, p->kind));
    }
}

static void read_rule(struct reader *r, const config_setting_t *s, struct cfg_pair *p,
                      struct field_rule *out)
{
    static const enum rule rules[] = {RULE_ASK, RULE_LEFT, RULE_RIGHT, RULE_NEWEST};
    static const enum direction directions[] = {DIR_BOTH, DIR_TO_LEFT, DIR_TO_RIGHT, DIR_NEVER};
    const char *one = text_of(r, s, &group_field, "field"), *element;
    const char *left = text_of(r, s, &group_field, "left");
    const char *right = text_of(r, s, &group_field, "right");
    check_group(r, s, &group_field);
    out->left = one ? one : left;
    out->right = one ? one : right;
    if (!out->left || !out->right) {
        trouble_at(r, s, "a rule needs field = \"..\", or left and right");
        return;
    }
    const char *conflict = text_of(r, s, &group_field, "conflict");
    int c = conflict && *conflict ? choice_of(r, s, &group_field, "conflict") : -1;
    int d = choice_of(r, s, &group_field, "direction");
    out->conflict = c >= 0 ? rules[c] : p->conflict;
    out->direction = d >= 0 ? directions[d] : DIR_BOTH;
    for (int i = LEFT; p->kind && i <= RIGHT; i++) {
        const char *name = i == LEFT ? out->left : out->right;
        const char *names[64];
        size_t n = 0;
        if (field_find(p->kind, name, &element))
            continue;
        for (; n < p->kind->n_fields && n < 64; n++)
            names[n] = p->kind->fields[n].name;
        const char *near = text_nearest(name, names, n);
        trouble_at(r, s, "a %s has no field \"%s\"%s%s%s", p->kind->name, name,
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
}

/* Which of two rules counts would be anybody's guess. */
static void check_only(struct reader *r, const config_setting_t *rules, const struct field_rule *of,
                       int at)
{
    for (int i = 0; i < at; i++)
        if (of[i].left && of[i].right && of[at].left && of[at].right &&
            !strcmp(of[i].left, of[at].left) && !strcmp(of[i].right, of[at].right))
            trouble_at(r, config_setting_get_elem(rules, (unsigned)at),
                       "line %u has a rule for \"%s\" already",
                       config_setting_source_line(config_setting_get_elem(rules, (unsigned)i)),
                       of[at].left);
}

static void read_rules(struct reader *r, const config_setting_t *s, struct cfg_pair *p)
{
    int n = s ? config_setting_length(s) : 0;
    struct field_rule *of = array_of(r, (size_t)n, sizeof(*of));
    for (int i = 0; of && i < n; i++) {
        read_rule(r, config_setting_get_elem(s, (unsigned)i), p, &of[i]);
        check_only(r, s, of, i);
    }
    p->rules = of;
    p->n_rules = of ? (size_t)n : 0;
}

static void read_choices(struct reader *r, const config_setting_t *s, struct cfg_pair *p)
{
    static const enum rule rules[] = {RULE_ASK, RULE_LEFT, RULE_RIGHT, RULE_NEWEST};
    static const enum direction directions[] = {DIR_BOTH, DIR_TO_LEFT, DIR_TO_RIGHT, DIR_NEVER};
    const config_setting_t *first = group_of(s, "first"), *del = group_of(s, "on_delete");
    int differs, conflict = choice_of(r, s, &group_pair, "conflict");
    int direction = choice_of(r, s, &group_pair, "direction");
    check_group(r, first, &group_first);
    check_group(r, del, &group_deletes);
    differs = choice_of(r, first, &group_first, "differs");
    p->conflict = conflict > 0 ? rules[conflict] : RULE_ASK;
    p->direction = direction > 0 ? directions[direction] : DIR_BOTH;
    p->first_differs = differs > 0 ? rules[differs] : RULE_ASK;
    p->first_empty = choice_of(r, first, &group_first, "empty") == 1 ? EMPTY_LEAVE : EMPTY_FILL;
    p->first_create_ask = choice_of(r, first, &group_first, "create") != 1;
    int on[2] = {choice_of(r, del, &group_deletes, "left"),
                 choice_of(r, del, &group_deletes, "right")};
    for (int i = LEFT; i <= RIGHT; i++)
        p->on_delete[i] = on[i] > 0 ? (enum on_delete)on[i] : DEL_UNLINK;
    p->files = choice_of(r, s, &group_pair, "mode") == 1;
    int untag = choice_of(r, s, &group_pair, "on_untag");
    int priv = choice_of(r, s, &group_pair, "private");
    p->on_untag = untag > 0 ? (enum on_untag)untag : UNTAG_UNLINK;
    p->private_mode = priv > 0 ? (enum private_mode)priv : PRIVATE_SKIP;
}

static void check_mask(struct reader *r, const config_setting_t *s, const struct cfg_pair *p)
{
    if (p->kind && p->private_mode == PRIVATE_MASK && strcmp(p->kind->name, "event") != 0 &&
        !p->files)
        trouble_at(r, s,
                   "pair %s: only events can be masked, by their time: say \"skip\" or \"full\"",
                   p->name);
}

/* Mail to people needs two words: one alone is easily said by mistake. */
static void read_people(struct reader *r, const config_setting_t *s, struct cfg_pair *p)
{
    int with = choice_of(r, s, &group_pair, "with_attendees");
    bool send = choice_of(r, s, &group_pair, "invitations") == 1;
    p->with_attendees = with > 0 ? (enum with_attendees)with : ATTENDEES_HOLD;
    if (p->with_attendees == ATTENDEES_SEND && !send)
        trouble_at(r, s,
                   "pair %s: with_attendees = \"send\" writes to people, which needs "
                   "invitations = \"send\" as well; \"silent\" tells nobody",
                   p->name);
}

static void read_guard(struct reader *r, const config_setting_t *s, struct cfg_guard *g)
{
    check_group(r, s, &group_guard);
    *g = (struct cfg_guard){
        .max_delete = (int)int_of(r, s, &group_guard, "max_delete"),
        .max_unlink = (int)int_of(r, s, &group_guard, "max_unlink"),
        .max_change = (int)int_of(r, s, &group_guard, "max_change"),
        .max_change_percent = (int)int_of(r, s, &group_guard, "max_change_percent"),
        .max_create = (int)int_of(r, s, &group_guard, "max_create"),
        .max_first = (int)int_of(r, s, &group_guard, "max_first"),
    };
}

static void read_window(struct reader *r, const config_setting_t *s, struct cfg_pair *p)
{
    const config_setting_t *window = group_of(s, "window");
    check_group(r, window, &group_window);
    p->window = (struct cfg_window){.past = duration_of(r, window, &group_window, "past"),
                                    .future = duration_of(r, window, &group_window, "future"),
                                    .per_series = int_of(r, window, &group_window, "per_series")};
    if (window && p->kind && p->kind->by_name)
        trouble_at(r, window, "pair %s: a %s has no date: leave out window", p->name,
                   p->kind->name);
}

static bool names_user(const struct cfg_select *sel)
{
    bool found = false;
    for (size_t f = 0; f < sel->n_facts; f++)
        /* A value that was no text is told already. */
        found |= sel->facts[f].value && strstr(sel->facts[f].value, "%{user.");
    return found;
}

/* On a collection that users share the select names the user, or says that it is meant for all. */
static void check_shared(struct reader *r, const config_setting_t *s, const struct cfg_pair *p)
{
    for (int i = LEFT; i <= RIGHT; i++) {
        const struct cfg_select *sel = &p->select[i];
        if (!p->endpoint[i] || p->endpoint[i]->per_user || !sel->given || sel->shared)
            continue;
        if (!names_user(sel))
            trouble_at(r, s,
                       "pair %s: all users share %s:%s, so its select must name the user, as in "
                       "queue = \"%%{user.workbooks}\", or say shared = true; %s is each user's "
                       "own once a setting of it names them, as in \"%%{user.mailbox}\"",
                       p->name, p->endpoint[i]->name, p->collection[i], p->endpoint[i]->name);
    }
}

static void check_twice(struct reader *r, const config_setting_t *s, const struct cfg_pair *p,
                        const struct cfg_pair *before, size_t n)
{
    for (int i = LEFT; i <= RIGHT; i++)
        for (size_t k = 0; k < n; k++)
            for (int x = LEFT; x <= RIGHT; x++)
                if (p->endpoint[i] && before[k].endpoint[x] == p->endpoint[i] && p->collection[i] &&
                    before[k].collection[x] && !strcmp(before[k].collection[x], p->collection[i]))
                    trouble_at(r, s,
                               "pair %s: %s:%s is in pair %s already; one collection belongs "
                               "to one pair",
                               p->name, p->endpoint[i]->name, p->collection[i], before[k].name);
    if (p->endpoint[LEFT] && p->endpoint[LEFT] == p->endpoint[RIGHT] && p->collection[LEFT] &&
        p->collection[RIGHT] && !strcmp(p->collection[LEFT], p->collection[RIGHT]))
        trouble_at(r, s, "pair %s: both sides are the same collection", p->name);
}

/* It speaks of some fields of what lies there anyway, and makes none. */
static bool is_facet(const struct cfg_endpoint *e, const char *kind)
{
    const struct wess_connector *c = e && e->plugin ? e->plugin->connector : NULL;
    for (size_t i = 0; c && i < c->n_kinds; i++)
        if (!strcmp(c->kinds[i].kind, kind))
            return (c->kinds[i].caps & WESS_CAP_FACET) != 0;
    return false;
}

/* What is filed is never read back, changed, or deleted: settings of that would promise what does
 * not happen. */
static void check_filing(struct reader *r, const config_setting_t *s, struct cfg_pair *p)
{
    static const char *const idle[] = {"conflict", "on_delete", "on_untag", "direction", "fields"};
    if (p->kind && p->kind->filed && !p->files && !is_facet(p->endpoint[RIGHT], p->kind->name))
        trouble_at(r, s, "pair %s: a %s is filed, not kept in step: say mode = \"file\"", p->name,
                   p->kind->name);
    else if (p->kind && p->kind->filed && !p->files && p->direction != DIR_TO_RIGHT)
        trouble_at(r, s, "pair %s: what %s is told goes one way: say direction = \"to_right\"",
                   p->name, p->endpoint[RIGHT]->name);
    if (!p->files)
        return;
    if (p->kind && !p->kind->filed)
        trouble_at(r, s, "pair %s: a %s is kept in step, not filed: leave out mode = \"file\"",
                   p->name, p->kind->name);
    for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
        const config_setting_t *m = config_setting_get_member(s, idle[i]);
        if (m)
            trouble_at(r, m,
                       "pair %s: with mode = \"file\" nothing moves once it is filed: leave "
                       "out %s",
                       p->name, idle[i]);
    }
    /* What is filed is the whole of it, as it came. */
    if (p->private_mode == PRIVATE_MASK)
        trouble_at(r, s, "pair %s: with mode = \"file\" private is \"skip\" or \"full\"", p->name);
    if (p->select[RIGHT].given)
        trouble_at(r, s,
                   "pair %s: with mode = \"file\" only the left side selects: leave out "
                   "select.right",
                   p->name);
    if (p->endpoint[LEFT] && p->endpoint[LEFT] == p->endpoint[RIGHT])
        trouble_at(r, s, "pair %s: with mode = \"file\" the two sides are two endpoints", p->name);
    p->direction = DIR_TO_RIGHT;
}

static void read_pair(struct reader *r, const config_setting_t *s, struct cfg_pair *p,
                      const struct cfg_pair *before, size_t n)
{
    const config_setting_t *select = group_of(s, "select");
    p->name = arena_text(r->a, config_setting_name(s));
    p->line = (int)config_setting_source_line(s);
    p->stamp_site = r->cfg->site;
    if (config_setting_type(s) != CONFIG_TYPE_GROUP) {
        trouble_at(r, s, "pair %s must be a group: { kind = ..; left = ..; right = ..; }", p->name);
        return;
    }
    check_group(r, s, &group_pair);
    const char *kind = text_of(r, s, &group_pair, "kind");
    p->kind = kind ? kind_find(kind) : NULL;
    if (!p->kind)
        trouble_at(r, s, "pair %s needs kind = %s%s%s", p->name, kinds_told(r),
                   kind ? ", not " : "", kind ? kind : "");
    read_side(r, s, p, LEFT);
    read_side(r, s, p, RIGHT);
    read_choices(r, s, p);
    read_people(r, s, p);
    for (int i = 0; select && i < config_setting_length(select); i++) {
        const config_setting_t *side = config_setting_get_elem(select, (unsigned)i);
        const char *name = config_setting_name(side);
        if (strcmp(name, "left") && strcmp(name, "right"))
            trouble_at(r, side, "select has left = { .. } and right = { .. }, not \"%s\"", name);
        else if (config_setting_type(side) != CONFIG_TYPE_GROUP)
            /* Left out, all of that side would take part. */
            trouble_at(r, side, "%s of a select must be a group: { .. }", name);
    }
    read_select(r, group_of(select, "left"), &p->select[LEFT]);
    read_select(r, group_of(select, "right"), &p->select[RIGHT]);
    read_source(r, group_of(select, "left"), p, LEFT);
    read_source(r, group_of(select, "right"), p, RIGHT);
    read_match(r, rows_of(s, "match"), p);
    read_rules(r, rows_of(s, "fields"), p);
    read_window(r, s, p);
    p->per_run = int_of(r, s, &group_pair, "per_run");
    read_guard(r, group_of(s, "guard"), &p->guard);
    check_twice(r, s, p, before, n);
    check_shared(r, s, p);
    check_filing(r, s, p);
    check_mask(r, s, p);
}

const config_setting_t *pair_at(const struct reader *r, const config_setting_t *s, size_t place)
{
    size_t n = (size_t)config_setting_length(s);
    for (size_t i = 0; i < n; i++) {
        const char *name = config_setting_name(config_setting_get_elem(s, (unsigned)i));
        size_t mine = preset_place(r->cfg->preset, name), before = 0;
        for (size_t k = 0; k < n; k++) {
            const char *other = config_setting_name(config_setting_get_elem(s, (unsigned)k));
            size_t its = preset_place(r->cfg->preset, other);
            before += its < mine || (its == mine && k < i);
        }
        if (before == place)
            return config_setting_get_elem(s, (unsigned)i);
    }
    return NULL;
}

void read_pairs(struct reader *r, const config_setting_t *s)
{
    int n = s && config_setting_type(s) == CONFIG_TYPE_GROUP ? config_setting_length(s) : 0;
    struct cfg_pair *of = array_of(r, (size_t)n, sizeof(*of));
    if (!n)
        trouble_at(r, s, "pairs: { NAME: { kind = ..; left = ..; right = ..; }; } is missing");
    for (int i = 0; of && i < n; i++)
        read_pair(r, pair_at(r, s, (size_t)i), &of[i], of, (size_t)i);
    r->cfg->pairs = of;
    r->cfg->n_pairs = of ? (size_t)n : 0;
}
