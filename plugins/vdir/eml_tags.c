#include "eml_tags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "lines.h"

#define NAME "user.xdg.tags"
#define VALUE_MAX ((size_t)64 << 10) /* of the kernel: XATTR_SIZE_MAX */
#define TAGS_MAX 1024u

bool eml_tags_held(int dir)
{
    return fgetxattr(dir, NAME, NULL, 0) >= 0 || errno == ENODATA;
}

static size_t room_for(const struct wess_list *of)
{
    size_t len = 1;
    for (size_t i = 0; i < of->n; i++)
        len += strlen(of->of[i]) + 1;
    return len < VALUE_MAX ? len : VALUE_MAX;
}

static size_t join(const struct wess_list *of, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < of->n; i++) {
        size_t n = strlen(of->of[i]);
        if (!n || strchr(of->of[i], ',') || len + n + 1 > VALUE_MAX)
            continue;
        if (len)
            out[len++] = ',';
        memcpy(out + len, of->of[i], n);
        len += n;
    }
    return len;
}

bool eml_tags_put(int fd, const struct wess_field *categories)
{
    char *text = malloc(room_for(&categories->set));
    size_t len = text ? join(&categories->set, text) : 0;
    bool ok = text && (!len || fsetxattr(fd, NAME, text, len, XATTR_CREATE) == 0);
    int error = text ? errno : ENOMEM;
    free(text);
    errno = error;
    return ok;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t count(const char *text)
{
    size_t n = 1;
    while ((text = strchr(text, ',')) && n < TAGS_MAX) {
        text++;
        n++;
    }
    return n;
}

/* A set: sorted, each once. */
static size_t split(char *text, const char **of)
{
    size_t n = 0, kept = 0;
    char *one;
    while (text && n < TAGS_MAX && (one = strsep(&text, ",")))
        if (*one)
            of[n++] = one;
    if (n)
        qsort(of, n, sizeof(*of), by_bytes);
    for (size_t i = 0; i < n; i++)
        if (!kept || strcmp(of[kept - 1], of[i]) != 0)
            of[kept++] = of[i];
    return kept;
}

bool eml_tags_get(struct wess_call *call, int fd, struct wess_field *out)
{
    const struct wess_host *h = call->conn->host;
    ssize_t len = fgetxattr(fd, NAME, NULL, 0);
    if (len <= 0 || (size_t)len > VALUE_MAX)
        return true;
    char *text = h->alloc(call->arena, (size_t)len + 1);
    if (!text)
        return false;
    len = fgetxattr(fd, NAME, text, (size_t)len);
    if (len <= 0) /* another one, or none, by now */
        return true;
    text[len] = 0;
    if (!lines_is_utf8(text, (size_t)len))
        return true;
    const char **of = h->alloc(call->arena, count(text) * sizeof(*of));
    if (!of)
        return false;
    size_t n = split(text, of);
    if (n)
        *out = (struct wess_field){.name = "categories", .type = WESS_SET, .set = {of, n}};
    return true;
}
