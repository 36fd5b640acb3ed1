/* Users from a list, a CSV file (RFC 4180) or a command that prints one; their waves. */
#include <stdlib.h>
#include <string.h>

#include "config/read.h"
#include "host/exec.h"
#include "model/text.h"

#define USERS_BYTES ((size_t)8 << 20)
#define COMMAND_MS 30000
#define COLUMNS_MAX 32u
#define WAVES_MAX 64u

struct waves {
    struct cfg_wave of[WAVES_MAX];
    size_t n;
};
struct table { /* a CSV being read */
    struct reader *r;
    const char *file;
    char *at;
    int line;
    const char *header[COLUMNS_MAX];
    size_t n;
};

static void read_waves(struct reader *r, const config_setting_t *s, struct waves *w)
{
    static const enum wave_mode modes[] = {MODE_OFF, MODE_OBSERVE, MODE_TO_LEFT, MODE_TO_RIGHT,
                                           MODE_BOTH};
    for (int i = 0; s && i < config_setting_length(s); i++) {
        const config_setting_t *one = config_setting_get_elem(s, (unsigned)i);
        if (w->n == WAVES_MAX) { /* whom a later one fits would be off */
            trouble_at(r, one, "more than %u waves", WAVES_MAX);
            return;
        }
        check_group(r, one, &group_wave);
        const char *name = text_of(r, one, &group_wave, "name");
        int mode = choice_of(r, one, &group_wave, "mode");
        if (!name)
            trouble_at(r, one, "a wave needs a name; \"*\" is everybody else");
        else if (mode >= 0)
            w->of[w->n++] = (struct cfg_wave){name, modes[mode]};
    }
}

static enum wave_mode mode_of(const struct waves *w, const struct cfg_user *u)
{
    const char *wave = cfg_user_attr(u, "wave");
    for (size_t i = 0; i < w->n; i++)
        if (!strcmp(w->of[i].name, "*") || (wave && !strcmp(w->of[i].name, wave)))
            return w->of[i].mode;
    return w->n ? MODE_OFF : MODE_BOTH;
}

/* ---- the users so far
 * -------------------------------------------------------------------------------------- */

struct list {
    struct cfg_user *of;
    size_t n, cap;
};

static bool same_attr(const struct cfg_user *a, const struct cfg_user *b, const char *name)
{
    const char *x = cfg_user_attr(a, name), *y = cfg_user_attr(b, name);
    return x && y && *x && !strcasecmp(x, y);
}

static void add_user(struct reader *r, struct list *l, const struct waves *w, struct cfg_user *u,
                     const char *file)
{
    u->id = cfg_user_attr(u, "id");
    u->name = cfg_user_attr(u, "name");
    if (!u->id || !*u->id) {
        trouble_in(r, file, u->line, "a user needs an id; it stays the same for life");
        return;
    }
    for (const char *c = u->id; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            trouble_in(r, file, u->line, "the id of a user holds a control character");
            return;
        }
    if (!u->name)
        u->name = u->id;
    for (size_t i = 0; i < l->n; i++) {
        if (!strcmp(l->of[i].id, u->id))
            trouble_in(r, file, u->line, "user %s is there twice", u->id);
        else if (same_attr(&l->of[i], u, "mailbox"))
            trouble_in(r, file, u->line,
                       "users %s and %s have one mailbox; a mailbox belongs to one user",
                       l->of[i].id, u->id);
    }
    u->mode = mode_of(w, u);
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        struct cfg_user *more = array_of(r, cap, sizeof(*more));
        if (!more)
            return;
        if (l->n)
            memcpy(more, l->of, l->n * sizeof(*more));
        l->of = more;
        l->cap = cap;
    }
    l->of[l->n++] = *u;
}

/* ---- from the configuration itself
 * -------------------------------------------------------------------------- */

static void from_list(struct reader *r, const config_setting_t *s, const struct waves *w,
                      struct list *l)
{
    for (int i = 0; s && i < config_setting_length(s); i++) {
        const config_setting_t *one = config_setting_get_elem(s, (unsigned)i);
        int n = config_setting_length(one);
        struct cfg_value *attrs = array_of(r, (size_t)n, sizeof(*attrs));
        struct cfg_user u = {.line = (int)config_setting_source_line(one), .attrs = attrs};
        for (int k = 0; attrs && k < n; k++) {
            const config_setting_t *v = config_setting_get_elem(one, (unsigned)k);
            const char *text = config_setting_get_string(v);
            if (!text)
                trouble_at(r, v, "%s of a user must be a text in quotes", config_setting_name(v));
            else
                attrs[u.n_attrs++] = (struct cfg_value){arena_text(r->a, config_setting_name(v)),
                                                        clean_text(r, v, text), u.line};
        }
        add_user(r, l, w, &u, NULL);
    }
}

/* ---- CSV
 * ------------------------------------------------------------------------------------------------------
 */

/* The next field; *last at the end of a row. NULL: broken, and told. Unquotes in place. */
static char *next_field(struct table *t, bool *last)
{
    char *start = t->at, *out = t->at;
    bool quoted = *t->at == '"', closed = false;
    int line = t->line;
    if (quoted) {
        for (t->at++; *t->at; t->at++) {
            if (*t->at == '"' && *++t->at != '"') {
                closed = true;
                break;
            }
            t->line += *t->at == '\n';
            *out++ = *t->at;
        }
        if (!closed) {
            trouble_in(t->r, t->file, line, "a quote is opened and never closed");
            return NULL;
        }
        if (*t->at && *t->at != ',' && *t->at != '\r' && *t->at != '\n') {
            trouble_in(t->r, t->file, t->line, "text behind a closing quote");
            return NULL;
        }
    } else {
        while (*t->at && *t->at != ',' && *t->at != '\r' && *t->at != '\n')
            *out++ = *t->at++;
    }
    char end = *t->at;
    *last = end != ',';
    if (end == '\r' && t->at[1] == '\n')
        t->at++;
    if (*t->at)
        t->at++;
    *out = 0;
    while (!quoted && out > start && out[-1] == ' ')
        *--out = 0;
    while (!quoted && *start == ' ')
        start++;
    return start;
}

static bool read_row(struct table *t, const char **fields, size_t *n)
{
    bool last = false;
    *n = 0;
    while (!last) {
        char *f = next_field(t, &last);
        if (!f)
            return false;
        if (*n == COLUMNS_MAX) {
            trouble_in(t->r, t->file, t->line, "more than %u columns", COLUMNS_MAX);
            return false;
        }
        fields[(*n)++] = f;
    }
    return true;
}

static void row_user(struct table *t, const char **fields, size_t n, const struct waves *w,
                     struct list *l)
{
    struct cfg_value *attrs = array_of(t->r, t->n, sizeof(*attrs));
    struct cfg_user u = {.attrs = attrs, .line = t->line};
    if (n == 1 && !*fields[0])
        return; /* an empty line */
    if (n != t->n) {
        trouble_in(t->r, t->file, t->line, "%zu columns, the header has %zu", n, t->n);
        return;
    }
    for (size_t i = 0; attrs && i < n; i++) {
        if (!text_is_utf8(fields[i], strlen(fields[i]))) {
            trouble_in(t->r, t->file, t->line, "column %s is not UTF-8", t->header[i]);
            return;
        }
        attrs[u.n_attrs++] =
            (struct cfg_value){t->header[i], arena_text(t->r->a, fields[i]), t->line};
    }
    add_user(t->r, l, w, &u, t->file);
}

static void read_header(struct table *t, const char **fields, size_t n)
{
    bool has_id = false;
    t->n = n;
    for (size_t i = 0; i < n; i++) {
        t->header[i] = arena_text(t->r->a, fields[i]);
        has_id |= !strcmp(fields[i], "id");
        if (!text_is_utf8(fields[i], strlen(fields[i])))
            trouble_in(t->r, t->file, 1, "the name of column %zu is not UTF-8", i + 1);
        for (size_t k = 0; k < i; k++)
            if (*fields[i] && !strcmp(fields[k], fields[i]))
                trouble_in(t->r, t->file, 1, "column %s is there twice", fields[i]);
    }
    if (!has_id)
        trouble_in(t->r, t->file, 1,
                   "no column is named id; the first line names the columns, with commas between "
                   "them: id,name,mailbox");
}

static void from_csv(struct reader *r, const char *file, char *text, const struct waves *w,
                     struct list *l)
{
    struct table t = {.r = r, .file = file, .at = text, .line = 1};
    const char *fields[COLUMNS_MAX];
    size_t n = 0;
    if (!strncmp(t.at, "\xef\xbb\xbf", 3))
        t.at += 3;
    if (!*t.at)
        trouble_in(r, file, 1, "empty; its first line names the columns: id,name,mailbox");
    if (!*t.at || !read_row(&t, fields, &n))
        return;
    unsigned before = r->errors;
    read_header(&t, fields, n);
    if (r->errors != before)
        return;
    for (t.line = 2; *t.at; t.line++) {
        if (!read_row(&t, fields, &n))
            return;
        row_user(&t, fields, n, w, l);
    }
}

static void from_file(struct reader *r, const config_setting_t *s, const char *path,
                      const struct waves *w, struct list *l)
{
    char *text = NULL;
    const char *why = NULL, *real = under_root(r, path);
    size_t len = 0;
    if (!real || !file_read(real, USERS_BYTES, false, &text, &len, &why)) {
        trouble_at(r, config_setting_get_member(s, "csv"), "%s cannot be read: %s", path, why);
        return;
    }
    if (strlen(text) != len)
        trouble_at(r, s, "%s holds a zero byte: it is not a CSV file", path);
    else
        from_csv(r, path, text, w, l);
    free(text);
}

static void from_command(struct reader *r, const config_setting_t *s, const struct waves *w,
                         struct list *l)
{
    struct wess_list words = list_of(r, s, "command");
    const char **argv = array_of(r, words.n + 1, sizeof(*argv)), *why = NULL;
    char *text = NULL;
    size_t len = 0;
    for (size_t i = 0; argv && i < words.n; i++)
        argv[i] = words.of[i];
    if (!argv || !words.n || !exec_read(argv, USERS_BYTES, COMMAND_MS, &text, &len, &why)) {
        trouble_at(r, config_setting_get_member(s, "command"), "%s: %s",
                   words.n ? words.of[0] : "command", why ? why : "names no program");
        return;
    }
    if (strlen(text) != len) /* whoever stands behind it would be left out */
        trouble_at(r, config_setting_get_member(s, "command"), "%s printed a zero byte: no CSV",
                   words.of[0]);
    else
        from_csv(r, words.of[0], text, w, l);
    free(text);
}

void read_users(struct reader *r, const config_setting_t *s)
{
    const config_setting_t *source = s ? group_of(s, "source") : NULL;
    struct waves waves = {.n = 0};
    struct list l = {0};
    unsigned before = r->errors;
    check_group(r, s, &group_users);
    if (!source) {
        trouble_at(r, s, "users: { source = { csv = \"..\"; }; } is missing");
        return;
    }
    check_group(r, source, &group_source);
    read_waves(r, rows_of(s, "waves"), &waves);
    const config_setting_t *list = config_setting_get_member(source, "list");
    const char *csv = text_of(r, source, &group_source, "csv");
    if (config_setting_length(source) != 1)
        trouble_at(r, source, "source needs one of csv, list or command");
    else if (list)
        from_list(r, rows_of(source, "list"), &waves, &l);
    else if (csv)
        from_file(r, source, csv, &waves, &l);
    else
        from_command(r, source, &waves, &l);
    if (!l.n && r->errors == before)
        trouble_at(r, source, "there are no users");
    r->cfg->users = l.of;
    r->cfg->n_users = l.n;
}
