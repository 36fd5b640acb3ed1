#include "config/read.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* What a file holds is shown, but moves no cursor and begins no line of its own. */
static void clean_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

static void say(struct reader *r, const char *file, int line, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));
static void say(struct reader *r, const char *file, int line, const char *fmt, va_list ap)
{
    char *what = NULL, *text = NULL;
    r->errors++;
    if (vasprintf(&what, fmt, ap) < 0)
        what = NULL;
    int n = !what      ? -1
            : line > 0 ? asprintf(&text, "%s:%d: %s", file, line, what)
                       : asprintf(&text, "%s: %s", file, what);
    if (n >= 0) {
        clean_line(text);
        r->say(r->ctx, text);
    }
    free(what);
    free(text);
}

const char *included_file(struct reader *r, const char *file)
{
    return file && r->folder && *file != '/' ? arena_fmt(r->a, "%s%s", r->folder, file) : file;
}

void trouble_in(struct reader *r, const char *file, int line, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(r, file ? file : r->path, line, fmt, ap);
    va_end(ap);
}

void trouble(struct reader *r, int line, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(r, r->path, line, fmt, ap);
    va_end(ap);
}

void trouble_at(struct reader *r, const config_setting_t *s, const char *fmt, ...)
{
    va_list ap;
    const char *file = included_file(r, s ? config_setting_source_file(s) : NULL);
    va_start(ap, fmt);
    say(r, file ? file : r->path, s ? (int)config_setting_source_line(s) : 0, fmt, ap);
    va_end(ap);
}

void *array_of(struct reader *r, size_t n, size_t size)
{
    void *p = arena_alloc(r->a, (n + 1) * size);
    if (!p)
        trouble(r, 0, "out of memory");
    return p;
}

const char *under_root(struct reader *r, const char *path)
{
    if (!r->root || !path || *path != '/')
        return path;
    return arena_fmt(r->a, "%s%s", r->root, path);
}

/* ---- single values
 * ----------------------------------------------------------------------------------------- */

const char *clean_text(struct reader *r, const config_setting_t *s, const char *text)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            trouble_at(r, s,
                       "%s holds a control character; a backslash is written twice, as in "
                       "\"CORP\\\\tom\"",
                       config_setting_name(s) ? config_setting_name(s) : "a value");
            return NULL;
        }
    return arena_text(r->a, text);
}

bool parse_duration(const char *text, int64_t *ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (end == text || n < 0 || errno || n > 1000000000)
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (!strcmp(end, units[i].unit)) {
            *ms = (int64_t)n * units[i].ms;
            return true;
        }
    return false;
}

static bool in_range(const struct setting_def *d, int64_t value, bool duration)
{
    int64_t low = 0, high = 0;
    const char *dots = d->range ? strstr(d->range, "..") : NULL;
    char first[24];
    if (!dots || (size_t)(dots - d->range) >= sizeof(first))
        return true;
    memcpy(first, d->range, (size_t)(dots - d->range));
    first[dots - d->range] = 0;
    if (duration)
        return parse_duration(first, &low) && parse_duration(dots + 2, &high) && value >= low &&
               value <= high;
    return value >= strtoll(first, NULL, 10) && value <= strtoll(dots + 2, NULL, 10);
}

static int choice_index(const char *range, const char *text)
{
    size_t len = strlen(text);
    int i = 0;
    for (const char *at = range; *at; i++) {
        const char *end = strchrnul(at, '|');
        if ((size_t)(end - at) == len && !strncmp(at, text, len))
            return i;
        at = *end ? end + 1 : end;
    }
    return -1;
}

static bool is_text_list(const config_setting_t *s)
{
    int type = config_setting_type(s);
    if (type != CONFIG_TYPE_ARRAY && type != CONFIG_TYPE_LIST)
        return false;
    for (int i = 0; i < config_setting_length(s); i++)
        if (config_setting_type(config_setting_get_elem(s, (unsigned)i)) != CONFIG_TYPE_STRING)
            return false;
    return true;
}

static bool is_rows(const config_setting_t *s)
{
    if (config_setting_type(s) != CONFIG_TYPE_LIST)
        return false;
    for (int i = 0; i < config_setting_length(s); i++)
        if (config_setting_type(config_setting_get_elem(s, (unsigned)i)) != CONFIG_TYPE_GROUP)
            return false;
    return true;
}

static const char *type_word(enum setting_type type)
{
    static const char *const words[] = {
        [SET_TEXT] = "a text in quotes", [SET_INT] = "a whole number",
        [SET_BOOL] = "true or false",    [SET_DURATION] = "a time such as \"30m\"",
        [SET_CHOICE] = "a word",         [SET_LIST] = "a list of texts: [ \"..\" ]",
        [SET_GROUP] = "a group: { .. }", [SET_ROWS] = "a list of groups: ( { .. }, .. )",
        [SET_ANY] = "anything"};
    return words[type];
}

static bool has_type(const config_setting_t *s, enum setting_type type)
{
    int t = config_setting_type(s);
    switch (type) {
    case SET_TEXT:
    case SET_CHOICE:
    case SET_DURATION:
        return t == CONFIG_TYPE_STRING;
    case SET_INT:
        return t == CONFIG_TYPE_INT || t == CONFIG_TYPE_INT64;
    case SET_BOOL:
        return t == CONFIG_TYPE_BOOL;
    case SET_LIST:
        return is_text_list(s);
    case SET_GROUP:
        return t == CONFIG_TYPE_GROUP;
    case SET_ROWS:
        return is_rows(s);
    case SET_ANY:
        return true;
    }
    return false;
}

void check_value(struct reader *r, const config_setting_t *s, const struct setting_def *d)
{
    int64_t ms = 0;
    const char *text = config_setting_get_string(s);
    if (!has_type(s, d->type)) {
        trouble_at(r, s, "%s must be %s", d->name, type_word(d->type));
        return;
    }
    if (text && !clean_text(r, s, text))
        return;
    if (d->type == SET_INT && !in_range(d, config_setting_get_int64(s), false))
        trouble_at(r, s, "%s must be within %s", d->name, d->range);
    if (d->type == SET_DURATION && !parse_duration(text, &ms))
        trouble_at(r, s, "%s must be a time such as \"30m\", with s, m, h or d", d->name);
    else if (d->type == SET_DURATION && !in_range(d, ms, true))
        trouble_at(r, s, "%s must be within %s", d->name, d->range);
    if (d->type == SET_CHOICE && choice_index(d->range, text) < 0)
        trouble_at(r, s, "%s must be one of %s, not \"%s\"", d->name, d->range, text);
}

/* ---- groups
 * --------------------------------------------------------------------------------------------------
 */

static const struct setting_def *def_of(const struct group_def *g, const char *name)
{
    for (size_t i = 0; i < g->n; i++)
        if (!strcmp(g->of[i].name, name))
            return &g->of[i];
    return NULL;
}

static void unknown(struct reader *r, const config_setting_t *s, const struct group_def *g)
{
    const char *names[32];
    size_t n = 0;
    for (; n < g->n && n < 32; n++)
        names[n] = g->of[n].name;
    const char *near = text_nearest(config_setting_name(s), names, n);
    if (near)
        trouble_at(r, s, "there is no setting \"%s\" here; did you mean \"%s\"?",
                   config_setting_name(s), near);
    else
        trouble_at(r, s, "there is no setting \"%s\" here; see wess.conf(5)",
                   config_setting_name(s));
}

void check_group(struct reader *r, const config_setting_t *group, const struct group_def *g)
{
    for (int i = 0; group && i < config_setting_length(group); i++) {
        const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
        const char *name = config_setting_name(s);
        const struct setting_def *d = name ? def_of(g, name) : NULL;
        if (d)
            check_value(r, s, d);
        else if (name)
            unknown(r, s, g);
    }
}

static const config_setting_t *valid(const config_setting_t *group, const char *name,
                                     enum setting_type type)
{
    const config_setting_t *s = group ? config_setting_get_member(group, name) : NULL;
    return s && has_type(s, type) ? s : NULL;
}

const config_setting_t *group_of(const config_setting_t *group, const char *name)
{
    return valid(group, name, SET_GROUP);
}

const config_setting_t *rows_of(const config_setting_t *group, const char *name)
{
    return valid(group, name, SET_ROWS);
}

const char *text_of(struct reader *r, const config_setting_t *group, const struct group_def *g,
                    const char *name)
{
    const config_setting_t *s = valid(group, name, SET_TEXT);
    const struct setting_def *d = def_of(g, name);
    return s ? arena_text(r->a, config_setting_get_string(s)) : d->fallback;
}

int64_t int_of(struct reader *r, const config_setting_t *group, const struct group_def *g,
               const char *name)
{
    const config_setting_t *s = valid(group, name, SET_INT);
    (void)r;
    return s ? config_setting_get_int64(s) : strtoll(def_of(g, name)->fallback, NULL, 10);
}

bool bool_of(struct reader *r, const config_setting_t *group, const struct group_def *g,
             const char *name)
{
    const config_setting_t *s = valid(group, name, SET_BOOL);
    (void)r;
    return s ? config_setting_get_bool(s) != 0 : !strcmp(def_of(g, name)->fallback, "true");
}

int64_t duration_of(struct reader *r, const config_setting_t *group, const struct group_def *g,
                    const char *name)
{
    int64_t ms = 0;
    const char *text = text_of(r, group, g, name);
    if (text)
        parse_duration(text, &ms);
    return ms;
}

int choice_of(struct reader *r, const config_setting_t *group, const struct group_def *g,
              const char *name)
{
    const char *text = text_of(r, group, g, name);
    return text ? choice_index(def_of(g, name)->range, text) : -1;
}

struct wess_list list_of(struct reader *r, const config_setting_t *group, const char *name)
{
    const config_setting_t *s = valid(group, name, SET_LIST);
    int n = s ? config_setting_length(s) : 0;
    const char **of = array_of(r, (size_t)n, sizeof(*of));
    for (int i = 0; of && i < n; i++) {
        of[i] = clean_text(r, s, config_setting_get_string_elem(s, i));
        if (!of[i])
            of[i] = "";
    }
    return (struct wess_list){of, of ? (size_t)n : 0};
}
