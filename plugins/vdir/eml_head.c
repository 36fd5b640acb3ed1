#include "eml_head.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static const char name[] = "Message-ID:";

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind the end of the field that begins at `at`: what goes on with a blank belongs to it. */
static size_t field_end(const char *head, size_t len, size_t at)
{
    while (at < len) {
        const char *nl = memchr(head + at, '\n', len - at);
        at = nl ? (size_t)(nl - head) + 1 : len;
        if (at == len || (head[at] != ' ' && head[at] != '\t'))
            break;
    }
    return at;
}

static size_t unfold(const char *value, size_t len, char out[EML_ID_MAX])
{
    size_t n = 0;
    while (len && is_blank(value[len - 1]))
        len--;
    while (len && is_blank(*value))
        value++, len--;
    for (size_t i = 0; i < len; i++) {
        if (value[i] == '\r' || value[i] == '\n')
            continue;
        if (n == EML_ID_MAX || value[i] < ' ' || value[i] > '~')
            return 0;
        out[n++] = value[i];
    }
    return n;
}

size_t eml_message_id(const char *head, size_t len, char out[EML_ID_MAX])
{
    for (size_t at = 0; at < len && head[at] != '\r' && head[at] != '\n';) {
        size_t end = field_end(head, len, at), from = at + sizeof(name) - 1;
        if (from <= end && !strncasecmp(head + at, name, sizeof(name) - 1))
            return end == len && head[len - 1] != '\n' ? 0 /* the rest of it is not here */
                                                       : unfold(head + from, end - from, out);
        at = end;
    }
    return 0;
}
