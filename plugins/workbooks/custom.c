/* Fields that a database has of its own (cf_..): the settings say which of them travel, as plain
 * lines, under x.workbooks.NAME. */
#include <stdlib.h>
#include <string.h>

#include "write.h"

#define CUSTOM_MOST 64u
#define PREFIX "x.workbooks."

/* Whatever it is, as a line: a number, a switch, a word of a picklist by its name. */
static void read_custom(struct wb_reading *r, const struct wb_field *t)
{
    const json_t *v = json_object_get(r->row, t->column);
    const char *text = json_string_value(v);
    char number[32];
    if (json_is_boolean(v))
        text = json_is_true(v) ? "true" : "false";
    else if (json_is_number(v)) {
        snprintf(number, sizeof(number), "%.15g", json_number_value(v));
        text = number;
    } else if (v && !text && !json_is_null(v))
        r->strange = t->column;
    if (!text || !*text)
        return;
    const char *ours = t->words ? wb_word_ours(t->words, text) : text;
    if (!ours)
        wb_word_missing(r->conn, "picklist_values", t->column, WB_AS_IT_STANDS);
    char *copy = wess_arena_text(r->host, r->a, ours ? ours : text);
    struct wess_field *f = copy ? wb_push(r, t->name, WESS_TEXT) : NULL;
    r->spent |= !copy;
    if (f)
        f->str = (struct wess_slice){copy, strlen(copy)};
}

/* A word that the settings do not name is nobody's guess. */
static void put_word(struct wb_table *t, size_t op, const struct wb_field *w,
                     const struct wess_field *f)
{
    const char *ours = f->type == WESS_TEXT ? wb_text_of(t, &t->ops[op].item, w->name) : NULL;
    const char *word = ours ? wb_word_theirs(w->words, ours) : "";
    if (word)
        wb_put(t, op, w->name, w->column, word);
    else
        wb_refuse(t, op, w->name, "the setting picklist_values has no word for it", "no-word");
}

size_t wb_place(const char *collection, size_t len)
{
    size_t i = 0;
    while (i < WB_KINDS && (strlen(wb_kinds[i]->collection) != len ||
                            strncmp(wb_kinds[i]->collection, collection, len) != 0))
        i++;
    return i;
}

static bool start_rows(struct wess_conn *c, size_t place)
{
    const struct wb_kind *k = wb_kinds[place];
    if (c->rows[place])
        return true;
    c->rows[place] = calloc(k->n_fields + CUSTOM_MOST, sizeof(**c->rows));
    if (!c->rows[place])
        return false;
    memcpy(c->rows[place], k->fields, k->n_fields * sizeof(*k->fields));
    c->n_rows[place] = k->n_fields;
    return true;
}

static bool add(struct wess_conn *c, size_t place, const char *column, size_t len)
{
    char *name = NULL;
    if (asprintf(&name, PREFIX "%.*s", (int)len, column) < 0)
        return false;
    c->rows[place][c->n_rows[place]++] = (struct wb_field){
        .name = name, .column = name + sizeof(PREFIX) - 1, .type = WESS_TEXT, .read = read_custom};
    return true;
}

/* "people.cf_person_tier" */
static bool take(struct wess_conn *c, const char *line, size_t len, bool *bad)
{
    const char *dot = memchr(line, '.', len);
    size_t place = dot ? wb_place(line, (size_t)(dot - line)) : WB_KINDS;
    const struct wb_kind *k = place < WB_KINDS ? wb_kinds[place] : NULL;
    size_t left = dot ? len - (size_t)(dot - line) - 1 : 0;
    *bad = !k || k == &wb_email_kind || left < 4 || left > 100 || strncmp(dot + 1, "cf_", 3) != 0;
    if (*bad || !start_rows(c, place))
        return false;
    *bad = c->n_rows[place] == k->n_fields + CUSTOM_MOST;
    return !*bad && add(c, place, dot + 1, left);
}

bool wb_each_line(struct wess_conn *c, const char *lines,
                  bool (*take_line)(struct wess_conn *, const char *, size_t, bool *),
                  const char **bad)
{
    *bad = NULL;
    for (const char *at = lines; at && *at;) {
        size_t len = strcspn(at, "\n");
        bool wrong;
        if (!take_line(c, at, len, &wrong)) {
            *bad = wrong ? at : NULL;
            return false;
        }
        at += len + (at[len] == '\n');
    }
    return true;
}

bool wb_custom_read(struct wess_conn *c, const char *lines, const char **bad)
{
    return wb_each_line(c, lines, take, bad);
}

/* The field of "people.cf_person_tier:gold=Gold", and the word behind it; NULL: there is none. */
static struct wb_field *field_of(struct wess_conn *c, const char *line, size_t len,
                                 const char **word)
{
    const char *dot = memchr(line, '.', len), *colon = memchr(line, ':', len);
    size_t place = dot ? wb_place(line, (size_t)(dot - line)) : WB_KINDS;
    if (!dot || !colon || colon < dot || place == WB_KINDS)
        return NULL;
    size_t name = (size_t)(colon - dot) - 1;
    *word = colon + 1;
    for (size_t i = wb_kinds[place]->n_fields; c->rows[place] && i < c->n_rows[place]; i++)
        if (strlen(c->rows[place][i].column) == name &&
            !strncmp(c->rows[place][i].column, dot + 1, name))
            return &c->rows[place][i];
    return NULL;
}

static bool take_words(struct wess_conn *c, const char *line, size_t len, bool *bad)
{
    const char *word = NULL;
    struct wb_field *f = field_of(c, line, len, &word);
    size_t left = word ? len - (size_t)(word - line) : 0;
    const char *equals = f && left ? memchr(word, '=', left) : NULL;
    *bad = !equals || equals == word || equals + 1 == line + len;
    if (*bad)
        return false;
    struct wb_words *words =
        f->words ? (struct wb_words *)(uintptr_t)f->words : calloc(1, sizeof(*words));
    f->words = words;
    f->put = put_word;
    return words && wb_words_add(words, word, left);
}

bool wb_custom_words(struct wess_conn *c, const char *lines, const char **bad)
{
    return wb_each_line(c, lines, take_words, bad);
}

void wb_custom_free(struct wess_conn *c)
{
    for (size_t i = 0; i < WB_KINDS; i++) {
        for (size_t k = wb_kinds[i]->n_fields; c->rows[i] && k < c->n_rows[i]; k++) {
            struct wb_words *words = (struct wb_words *)(uintptr_t)c->rows[i][k].words;
            if (words)
                wb_words_free(words);
            free(words);
            free((char *)(uintptr_t)c->rows[i][k].name);
        }
        free(c->rows[i]);
        c->rows[i] = NULL;
    }
}

const struct wb_field *wb_rows(const struct wess_conn *c, const struct wb_kind *k, size_t *n)
{
    size_t place = wb_place(k->collection, strlen(k->collection));
    *n = c->rows[place] ? c->n_rows[place] : k->n_fields;
    return c->rows[place] ? c->rows[place] : k->fields;
}
