/* Where secrets come from. Read when needed, wiped after use. */
#include <stdlib.h>
#include <string.h>

#include "host/conn.h"
#include "host/exec.h"

#define SECRET_BYTES ((size_t)64 << 10)
#define COMMAND_MS 30000
#define EXPAND_BYTES ((size_t)256 << 10)

static bool take_line(char *text, size_t len, char *buf, size_t cap, const char **why)
{
    size_t n = strcspn(text, "\r\n");
    bool ok = n > 0 && n < cap && strlen(text) == len;
    if (ok) {
        memcpy(buf, text, n);
        buf[n] = 0;
    } else {
        *why = !n ? "it is empty" : n >= cap ? "it is too long" : "it holds a zero byte";
    }
    explicit_bzero(text, len);
    free(text);
    return ok;
}

static bool from_file(const char *path, char *buf, size_t cap, const char **why)
{
    char *text = NULL;
    size_t len = 0;
    return file_read(path, SECRET_BYTES, true, &text, &len, why) &&
           take_line(text, len, buf, cap, why);
}

static bool from_command(const char *const *argv, char *buf, size_t cap, const char **why)
{
    char *text = NULL;
    size_t len = 0;
    return exec_read(argv, SECRET_BYTES, COMMAND_MS, &text, &len, why) &&
           take_line(text, len, buf, cap, why);
}

/* Each word as it is for that user; NULL: an attribute is missing. */
static const char *const *expand_all(struct wess_arena *a, const char *const *argv,
                                     const struct cfg_user *user, const char **why)
{
    size_t n = 0;
    while (argv && argv[n])
        n++;
    const char **out = arena_alloc(a, (n + 1) * sizeof(*out));
    for (size_t i = 0; out && i < n; i++)
        if (!(out[i] = config_expand(a, argv[i], user, why)))
            return NULL;
    return out;
}

static bool from_text(const char *text, char *buf, size_t cap, const char **why)
{
    size_t len = text ? strlen(text) : 0;
    if (!len || len >= cap) {
        *why = len ? "it is too long" : "it is not set";
        return false;
    }
    memcpy(buf, text, len + 1);
    return true;
}

static bool from_credential(struct wess_arena *a, const char *name, char *buf, size_t cap,
                            const char **why)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    const char *path =
        dir && !strchr(name, '/') && *name != '.' ? arena_fmt(a, "%s/%s", dir, name) : NULL;
    if (!path) {
        *why = "there is no such credential: run as a service with LoadCredential=";
        return false;
    }
    return from_file(path, buf, cap, why);
}

bool secret_read(const struct cfg_secret *s, const struct cfg_user *user, char *buf, size_t cap,
                 const char **why)
{
    struct wess_arena *a = arena_new(EXPAND_BYTES);
    const char *missing = NULL;
    const char *text = a && s->text ? config_expand(a, s->text, user, &missing) : NULL;
    const char *const *argv = a && s->argv ? expand_all(a, s->argv, user, &missing) : NULL;
    bool ok = false;
    if ((s->text && !text) || (s->argv && !argv)) {
        *why = missing ? "a user's attribute is missing" : "out of memory";
        arena_free(a);
        return false;
    }
    switch (s->from) {
    case SECRET_INLINE:
        ok = from_text(text, buf, cap, why);
        break;
    case SECRET_FILE:
        ok = from_file(text, buf, cap, why);
        break;
    case SECRET_COMMAND:
        ok = from_command(argv, buf, cap, why);
        break;
    case SECRET_ENV:
        ok = from_text(getenv(text), buf, cap, why);
        break;
    case SECRET_CREDENTIAL:
        ok = from_credential(a, text, buf, cap, why);
        break;
    }
    arena_free(a);
    return ok;
}
