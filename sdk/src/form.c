#include "form.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 4096u

static bool room(struct form *f, size_t more)
{
    size_t cap = f->cap ? f->cap : FIRST;
    if (f->spent)
        return false;
    while (cap < f->len + more + 1)
        cap *= 2;
    if (cap == f->cap)
        return true;
    char *data = malloc(cap);
    if (!data) {
        f->spent = true;
        return false;
    }
    if (f->len)
        memcpy(data, f->data, f->len);
    if (f->data) {
        explicit_bzero(f->data, f->cap);
        free(f->data);
    }
    f->data = data;
    f->cap = cap;
    return true;
}

static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

static void encode(struct form *f, const char *text, size_t len)
{
    static const char hex[] = "0123456789ABCDEF";
    if (!room(f, 3 * len))
        return;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (is_plain(c)) {
            f->data[f->len++] = (char)c;
        } else if (c == ' ') {
            f->data[f->len++] = '+';
        } else {
            f->data[f->len++] = '%';
            f->data[f->len++] = hex[c >> 4];
            f->data[f->len++] = hex[c & 15];
        }
    }
    f->data[f->len] = 0;
}

static void put(struct form *f, const char *text, size_t len)
{
    if (!room(f, len))
        return;
    memcpy(f->data + f->len, text, len);
    f->len += len;
    f->data[f->len] = 0;
}

static void puts_all(struct form *f, const char *const *texts)
{
    for (size_t i = 0; texts[i]; i++)
        put(f, texts[i], strlen(texts[i]));
}

static void begin_part(struct form *f, const char *name)
{
    puts_all(f, (const char *const[]){f->len ? "\r\n--" : "--", f->boundary,
                                      "\r\nContent-Disposition: form-data; name=\"", name, "\"",
                                      NULL});
}

/* How a quotation mark, a backslash or an escape is read is up to each server. */
static bool is_sayable(const char *text)
{
    for (const char *s = text; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f || *s == '"' || *s == '\\' ||
            (*s == '%' && isxdigit((unsigned char)s[1]) && isxdigit((unsigned char)s[2])))
            return false;
    return *text;
}

bool form_file(struct form *f, const char *name, const char *file_name, const char *type)
{
    if (!is_sayable(file_name) || !is_sayable(type))
        return false;
    begin_part(f, name);
    puts_all(f, (const char *const[]){"; filename=\"", file_name, "\"\r\nContent-Type: ", type,
                                      "\r\n\r\n", NULL});
    return true;
}

void form_end(struct form *f)
{
    puts_all(f, (const char *const[]){"\r\n--", f->boundary, "--\r\n", NULL});
}

void form_addn(struct form *f, const char *name, const char *value, size_t len)
{
    if (f->boundary) {
        begin_part(f, name);
        put(f, "\r\n\r\n", 4);
        put(f, value, len);
        return;
    }
    if (!room(f, 2))
        return;
    if (f->len)
        f->data[f->len++] = '&';
    encode(f, name, strlen(name));
    if (!room(f, 1))
        return;
    f->data[f->len++] = '=';
    encode(f, value, len);
}

void form_add(struct form *f, const char *name, const char *value)
{
    form_addn(f, name, value, strlen(value));
}

void form_number(struct form *f, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    form_add(f, name, text);
}

void form_fini(struct form *f)
{
    if (f->data) {
        explicit_bzero(f->data, f->cap);
        free(f->data);
    }
    *f = (struct form){0};
}
