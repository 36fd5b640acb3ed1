/* Names lie one behind another as they came; when there is no room left the greater half goes. */
#include "names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_ROOM ((size_t)4 << 10)

static int by_bytes(const void *a, const void *b, void *bytes)
{
    const char *text = bytes;
    return strcmp(text + *(const uint32_t *)a, text + *(const uint32_t *)b);
}

static bool sort(struct names *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->len; i += strlen(l->bytes + i) + 1)
        n++;
    uint32_t *at = realloc(l->at, (n ? n : 1) * sizeof(*at));
    l->n = 0;
    if (!at)
        return false;
    l->at = at;
    for (size_t i = 0; i < l->len; i += strlen(l->bytes + i) + 1)
        l->at[l->n++] = (uint32_t)i;
    qsort_r(l->at, l->n, sizeof(*l->at), by_bytes, l->bytes);
    return true;
}

/* What stays moves together. */
static bool halve(struct names *l)
{
    if (!sort(l))
        return false;
    size_t to = 0, size;
    strcpy(l->bound, names_at(l, (l->n - 1) / 2));
    l->more = true;
    for (size_t i = 0; i < l->len; i += size) {
        size = strlen(l->bytes + i) + 1;
        if (strcmp(l->bytes + i, l->bound) > 0)
            continue;
        memmove(l->bytes + to, l->bytes + i, size);
        to += size;
    }
    l->len = to;
    return true;
}

static bool make_room(struct names *l, size_t room, size_t size)
{
    size_t cap = l->cap ? l->cap * 2 : FIRST_ROOM;
    if (cap > room)
        cap = room;
    if (l->len + size > cap)
        return l->len && halve(l) && l->len + size <= l->cap;
    char *more = realloc(l->bytes, cap);
    if (!more)
        return false;
    l->bytes = more;
    l->cap = cap;
    return true;
}

static bool is_left(const struct names *l, const char *name)
{
    return l->more && strcmp(name, l->bound) > 0;
}

static bool keep(struct names *l, size_t room, const char *name)
{
    size_t size = strlen(name) + 1;
    while (!is_left(l, name) && l->cap - l->len < size)
        if (!make_room(l, room, size))
            return false;
    if (is_left(l, name)) /* of the half that went, perhaps just now */
        return true;
    memcpy(l->bytes + l->len, name, size);
    l->len += size;
    return true;
}

static DIR *open_listing(int dir)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (fd >= 0 && !d)
        close(fd);
    return d;
}

bool names_look(struct names *l, int dir, size_t room, const char *after,
                bool (*is_ours)(const void *, const char *), const void *ctx)
{
    const struct dirent *entry = NULL;
    DIR *d = open_listing(dir);
    l->len = l->n = 0; /* the room is kept for the next part */
    l->more = false;
    if (!d)
        return false;
    do {
        errno = 0;
        entry = readdir(d);
        if (entry && is_ours(ctx, entry->d_name) && strcmp(entry->d_name, after) > 0 &&
            !keep(l, room, entry->d_name))
            errno = ENOMEM;
    } while (entry && !errno);
    bool ok = !errno;
    if (ok && !sort(l)) {
        errno = ENOMEM;
        ok = false;
    }
    int error = errno;
    closedir(d);
    if (!ok)
        l->n = 0;
    errno = error;
    return ok;
}

const char *names_at(const struct names *l, size_t i)
{
    return l->bytes + l->at[i];
}

void names_fini(struct names *l)
{
    free(l->bytes);
    free(l->at);
    *l = (struct names){0};
}
