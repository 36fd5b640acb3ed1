/* One table: the core's names and the properties of a card that mean the same. */
#include <string.h>
#include <strings.h>

#include "vdir.h"

#define SIMPLE(name, form, property)                                                               \
    {                                                                                              \
        name, form, 0, NULL,                                                                       \
        {                                                                                          \
            property                                                                               \
        }                                                                                          \
    }
#define PART(name, property, i)                                                                    \
    {                                                                                              \
        name, VDIR_PART, i, NULL,                                                                  \
        {                                                                                          \
            property                                                                               \
        }                                                                                          \
    }

/* What has no property of its own in RFC 2426 goes by the names that address books gave it. */
const struct vdir_field vdir_fields[] = {
    SIMPLE("fn", VDIR_TEXT, "FN"),
    PART("name.family", "N", 0),
    PART("name.given", "N", 1),
    PART("name.additional", "N", 2),
    PART("name.prefix", "N", 3),
    PART("name.suffix", "N", 4),
    SIMPLE("nickname", VDIR_TEXT, "NICKNAME"),
    PART("org", "ORG", 0),
    PART("org.unit", "ORG", 1),
    SIMPLE("title", VDIR_TEXT, "TITLE"),
    SIMPLE("role", VDIR_TEXT, "ROLE"),
    SIMPLE("bday", VDIR_DATE, "BDAY"),
    {"anniversary",
     VDIR_DATE,
     0,
     "Anniversary",
     {"ANNIVERSARY", "X-ANNIVERSARY", "X-EVOLUTION-ANNIVERSARY", "X-KADDRESSBOOK-X-ANNIVERSARY"}},
    {"spouse",
     VDIR_TEXT,
     0,
     "Spouse",
     {"X-SPOUSE", "X-EVOLUTION-SPOUSE", "X-KADDRESSBOOK-X-SPOUSESNAME", "RELATED"}},
    {"manager",
     VDIR_TEXT,
     0,
     "Manager",
     {"X-MANAGER", "X-EVOLUTION-MANAGER", "X-KADDRESSBOOK-X-MANAGERSNAME"}},
    {"assistant",
     VDIR_TEXT,
     0,
     "Assistant",
     {"X-ASSISTANT", "X-EVOLUTION-ASSISTANT", "X-KADDRESSBOOK-X-ASSISTANTSNAME"}},
    SIMPLE("url", VDIR_URI, "URL"),
    SIMPLE("note", VDIR_TEXT, "NOTE"),
};
const size_t vdir_n_fields = sizeof(vdir_fields) / sizeof(vdir_fields[0]);

#define LINE(field)                                                                                \
    {                                                                                              \
        .name = field, .type = WESS_TEXT                                                           \
    }
const struct wess_field_schema vdir_schema[] = {
    LINE("fn"),
    LINE("name.family"),
    LINE("name.given"),
    LINE("name.additional"),
    LINE("name.prefix"),
    LINE("name.suffix"),
    LINE("nickname"),
    LINE("org"),
    LINE("org.unit"),
    LINE("title"),
    LINE("role"),
    {.name = "bday", .type = WESS_DATE},
    {.name = "anniversary", .type = WESS_DATE},
    LINE("spouse"),
    LINE("manager"),
    LINE("assistant"),
    LINE("url"),
    LINE("note"),
    {.name = "categories", .type = WESS_SET},
    {.name = "email", .type = WESS_RECORDS},
    {.name = "phone", .type = WESS_RECORDS},
    {.name = "address", .type = WESS_RECORDS},
    {.name = "photo", .type = WESS_BLOB, .max_len = VDIR_PHOTO_MAX},
};
const size_t vdir_n_schema = sizeof(vdir_schema) / sizeof(vdir_schema[0]);

/* ---- finding the line
 * ------------------------------------------------------------------------------------------ */

static bool same(struct wess_slice a, const char *b)
{
    return a.len == strlen(b) && !strncasecmp(a.data, b, a.len);
}

/* RELATED stands for anybody; a spouse's name is one that says so and is no address. */
static bool is_spouse(const struct line *l)
{
    return lines_has_type(l, "spouse") && same(lines_param(l, "VALUE"), "text");
}

static bool is_labelled(const struct lines *v, const struct line *l, const char *label)
{
    for (size_t i = lines_find(v, "X-ABLABEL", 0); i != LINES_NONE;
         i = lines_find(v, "X-ABLABEL", i + 1)) {
        struct wess_slice group = v->lines[i].group, text = v->lines[i].value;
        if (!group.len || group.len != l->group.len ||
            strncasecmp(group.data, l->group.data, group.len))
            continue;
        const char *p = text.data;
        if (text.len > 8 && !strncmp(p, "_$!<", 4) && !strncmp(p + text.len - 4, ">!$_", 4))
            text = (struct wess_slice){p + 4, text.len - 8};
        return same(text, label);
    }
    return false;
}

size_t vdir_line(const struct lines *v, const struct vdir_field *f)
{
    static const char *const apple[] = {"X-ABDATE", "X-ABRELATEDNAMES"};
    const char *by_label = apple[f->form != VDIR_DATE];
    for (size_t k = 0; k < VDIR_NAMES && f->names[k]; k++)
        for (size_t i = lines_find(v, f->names[k], 0); i != LINES_NONE;
             i = lines_find(v, f->names[k], i + 1))
            if (strcmp(f->names[k], "RELATED") || is_spouse(&v->lines[i]))
                return i;
    for (size_t i = f->label ? lines_find(v, by_label, 0) : LINES_NONE; i != LINES_NONE;
         i = lines_find(v, by_label, i + 1))
        if (is_labelled(v, &v->lines[i], f->label))
            return i;
    return LINES_NONE;
}

/* ---- reading it
 * ------------------------------------------------------------------------------------------ */

bool vdir_decode(struct wess_call *call, const struct line *l, struct wess_slice *out, bool *spent)
{
    *out = l->value; /* of a text that was looked at whole */
    if (lines_stands_plain(l))
        return true;
    char *text = call->conn->host->alloc(call->arena, l->value.len + 1);
    *out = (struct wess_slice){"", 0};
    *spent |= !text;
    if (!text)
        return false;
    out->data = text;
    return lines_decode(l, text, &out->len);
}

/* Line ends are LF; an encoded text brings its own. */
static size_t to_lf(char *text, size_t len)
{
    const char *first = memchr(text, '\r', len);
    size_t n = first ? (size_t)(first - text) : len;
    for (size_t i = n; i < len; i++)
        if (text[i] != '\r')
            text[n++] = text[i];
        else if (i + 1 == len || text[i + 1] != '\n')
            text[n++] = '\n';
    text[n] = 0;
    return n;
}

bool vdir_unescape(struct wess_call *call, struct wess_slice in, struct wess_slice *out)
{
    char *text = call->conn->host->alloc(call->arena, in.len + 1);
    *out = (struct wess_slice){text, text ? to_lf(text, lines_unescape(in, text)) : 0};
    return text != NULL;
}

static bool digits(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] < '0' || p[i] > '9')
            return false;
    return true;
}

static bool is_day(const char *month, const char *day)
{
    int m = (month[0] - '0') * 10 + month[1] - '0', d = (day[0] - '0') * 10 + day[1] - '0';
    return m >= 1 && m <= 12 && d >= 1 && d <= 31;
}

/* Every way to write a date of RFC 2426 and RFC 6350 that has a day: "2026-11-23", "20261123",
 * "--1123", "--11-23", each with a time or without. */
static bool read_date(struct wess_slice in, const char *omitted, char out[11])
{
    const char *p = in.data;
    size_t len = in.len;
    for (size_t i = 0; i < in.len && len == in.len; i++)
        if (p[i] == 'T' || p[i] == 't' || p[i] == ' ')
            len = i;
    const char *month, *day;
    bool year = len >= 8 && digits(p, 4);
    if (year && len == 10 && p[4] == '-' && p[7] == '-') {
        month = p + 5;
        day = p + 8;
    } else if (year && len == 8) {
        month = p + 4;
        day = p + 6;
    } else if ((len == 6 || len == 7) && p[0] == '-' && p[1] == '-') {
        month = p + 2;
        day = p + len - 2;
    } else {
        return false;
    }
    if (!digits(month, 2) || !digits(day, 2) || !is_day(month, day))
        return false;
    bool shown = year && !(omitted && !strncmp(p, omitted, 4));
    size_t n = shown ? 5 : 2;
    memcpy(out, "--", 2);
    if (shown) {
        memcpy(out, p, 4);
        out[4] = '-';
    }
    memcpy(out + n, month, 2);
    out[n + 2] = '-';
    memcpy(out + n + 3, day, 2);
    out[n + 5] = 0;
    return true;
}

static bool date_of(struct wess_call *call, const struct line *l, struct wess_slice raw,
                    struct wess_slice *out, bool *spent)
{
    struct wess_slice omit = lines_param(l, "X-APPLE-OMIT-YEAR");
    char date[11];
    if (!read_date(raw, omit.len == 4 ? omit.data : NULL, date))
        return false;
    out->data = wess_arena_text(call->conn->host, call->arena, date);
    out->len = strlen(date);
    *spent |= !out->data;
    return out->data != NULL;
}

bool vdir_read_line(struct wess_call *call, const struct lines *v, size_t line,
                    const struct vdir_field *f, struct wess_slice *out, bool *spent)
{
    const struct line *l = &v->lines[line];
    struct wess_slice raw, part;
    *out = (struct wess_slice){"", 0};
    if (!vdir_decode(call, l, &raw, spent))
        return false;
    if (!raw.len)
        return true;
    switch (f->form) {
    case VDIR_DATE:
        return date_of(call, l, raw, out, spent);
    case VDIR_PART:
        lines_component(raw, f->part, &part);
        raw = part;
        break;
    case VDIR_TEXT:
    case VDIR_URI:
        break;
    }
    bool ok = vdir_unescape(call, raw, out);
    *spent |= !ok;
    return ok;
}
