#include "daemon/protocol.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_MAX 255

/* ---- requests ---------------------------------------------------------------------------------
 */

static const char *take_argv(const json_t *list, struct control_request *out)
{
    if (!json_is_array(list) || !json_array_size(list))
        return "argv must be a list of words";
    if (json_array_size(list) > CONTROL_ARGS_MAX)
        return "too many words";
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *word = json_array_get(list, i);
        if (!json_is_string(word))
            return "argv must be a list of words";
        /* A zero byte would cut a word in the middle; json_loadb() refuses it already. */
        out->argv[i] = strdup(json_string_value(word));
        if (!out->argv[i])
            return "out of memory";
        out->argc++;
    }
    return NULL;
}

bool control_parse_request(const char *line, size_t len, struct control_request *out,
                           const char **why)
{
    json_error_t error;
    *out = (struct control_request){0};
    *why = "not a request";
    if (len > CONTROL_LINE_MAX)
        return false;
    json_t *j = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(j)) {
        *why = take_argv(json_object_get(j, "argv"), out);
        out->terminal = json_is_true(json_object_get(j, "terminal"));
    }
    json_decref(j);
    return !*why;
}

void control_request_fini(struct control_request *r)
{
    for (int i = 0; i < r->argc; i++)
        free(r->argv[i]);
    *r = (struct control_request){0};
}

/* ---- lines out --------------------------------------------------------------------------------
 */

static char *line_of(json_t *j)
{
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    size_t len = text ? strlen(text) : 0;
    char *line = text && len < CONTROL_LINE_MAX ? realloc(text, len + 2) : NULL;
    if (line) {
        line[len] = '\n';
        line[len + 1] = 0;
    } else {
        free(text);
    }
    json_decref(j);
    return line;
}

char *control_format_request(int argc, const char *const *argv, bool terminal)
{
    json_t *list = json_array();
    bool ok = list && argc > 0 && argc <= CONTROL_ARGS_MAX;
    for (int i = 0; ok && i < argc; i++)
        ok = json_array_append_new(list, json_string(argv[i])) == 0;
    if (!ok) {
        json_decref(list);
        return NULL;
    }
    return line_of(json_pack("{s:o,s:b}", "argv", list, "terminal", terminal));
}

char *control_format_exit(int status)
{
    return line_of(json_pack("{s:i}", "exit", status));
}

/* Bytes of the code point that begins here; 0: not UTF-8. `*cut`: it may only be unfinished. */
static size_t code_point(const char *text, size_t len, bool *cut)
{
    const unsigned char *s = (const unsigned char *)text;
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = *s < 0x80 ? 1 : *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : 2;
    unsigned value = n == 1 ? *s : *s & (0xffu >> (n + 1));
    *cut = false;
    if ((*s >= 0x80 && *s < 0xc2) || *s > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if (i == len) {
            *cut = true;
            return 0;
        }
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (s[i] & 0x3fu);
    }
    return value >= least[n] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff) ? n : 0;
}

size_t control_whole(const char *text, size_t len)
{
    size_t at = 0;
    bool cut = false;
    while (at < len) {
        size_t n = code_point(text + at, len - at, &cut);
        if (cut)
            break;
        at += n ? n : 1;
    }
    return at;
}

char *control_format_text(enum control_kind kind, const char *text, size_t len)
{
    char *clean = malloc(len + 1);
    bool cut;
    if (!clean)
        return NULL;
    for (size_t at = 0; at < len;) {
        size_t n = text[at] ? code_point(text + at, len - at, &cut) : 0;
        if (n)
            memcpy(clean + at, text + at, n);
        else
            clean[at] = '?';
        at += n ? n : 1;
    }
    clean[len] = 0;
    char *line =
        line_of(json_pack("{s:o}", kind == CONTROL_OUT ? "out" : "err", json_stringn(clean, len)));
    free(clean);
    return line;
}

/* ---- messages in ------------------------------------------------------------------------------
 */

static bool take_text(const json_t *j, enum control_kind kind, struct control_message *out)
{
    if (!json_is_string(j))
        return false;
    out->kind = kind;
    out->len = json_string_length(j);
    out->text = strdup(json_string_value(j));
    return out->text != NULL;
}

bool control_parse_message(const char *line, size_t len, struct control_message *out)
{
    json_error_t error;
    *out = (struct control_message){0};
    json_t *j =
        len <= CONTROL_LINE_MAX ? json_loadb(line, len, JSON_REJECT_DUPLICATES, &error) : NULL;
    const json_t *status = json_object_get(j, "exit");
    bool ok = take_text(json_object_get(j, "out"), CONTROL_OUT, out) ||
              take_text(json_object_get(j, "err"), CONTROL_ERR, out);
    if (!ok && json_is_integer(status) && json_integer_value(status) >= 0 &&
        json_integer_value(status) <= STATUS_MAX) {
        out->kind = CONTROL_EXIT;
        out->status = (int)json_integer_value(status);
        ok = true;
    }
    json_decref(j);
    return ok;
}

void control_message_fini(struct control_message *m)
{
    free(m->text);
    *m = (struct control_message){0};
}

/* ---- lines in ---------------------------------------------------------------------------------
 */

bool control_lines_add(struct control_lines *l, const char *bytes, size_t n)
{
    if (l->taken) {
        memmove(l->data, l->data + l->taken, l->len - l->taken);
        l->len -= l->taken;
        l->taken = 0;
    }
    if (l->len + n > l->cap) {
        size_t cap = 2 * (l->len + n);
        char *data = realloc(l->data, cap);
        if (!data)
            return false;
        l->data = data;
        l->cap = cap;
    }
    memcpy(l->data + l->len, bytes, n);
    l->len += n;
    return true;
}

const char *control_lines_next(struct control_lines *l, size_t *len)
{
    const char *from = l->data + l->taken;
    size_t left = l->len - l->taken;
    const char *end = left && !l->too_long ? memchr(from, '\n', left) : NULL;
    *len = end ? (size_t)(end - from) : left;
    if (*len > CONTROL_LINE_MAX)
        l->too_long = true;
    if (!end || l->too_long)
        return NULL;
    l->taken += *len + 1;
    return from;
}

void control_lines_fini(struct control_lines *l)
{
    free(l->data);
    *l = (struct control_lines){0};
}
