/* Autodiscover in its newest form: one unsigned GET for the address of one protocol. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "discover.h"

#define URL_MAX 2048u
#define SUFFIX ".json"

bool disco_is_json(const char *place)
{
    size_t len = strcspn(place, "?#");
    return len > strlen(SUFFIX) &&
           !strncasecmp(place + len - strlen(SUFFIX), SUFFIX, strlen(SUFFIX));
}

/* Everything but what may stand in a part of a path by itself. */
static size_t escape(const char *text, char *out)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~@";
    size_t n = 0;
    for (; *text; text++)
        if (strchr(plain, *text))
            out[n++] = *text;
        else
            n += (size_t)sprintf(out + n, "%%%02X", (unsigned char)*text);
    out[n] = 0;
    return n;
}

char *disco_json_url(const char *place, const char *address)
{
    char *out = NULL, *escaped = malloc(3 * strlen(address) + 1);
    int len = (int)strcspn(place, "?#");
    if (escaped) {
        escape(address, escaped);
        if (asprintf(&out, "%.*s/v1.0/%s?Protocol=Ews", len, place, escaped) < 0)
            out = NULL;
    }
    free(escaped);
    return out;
}

static bool is_url(const char *s)
{
    size_t n = 0;
    while (s[n] > ' ' && s[n] < 0x7f)
        n++;
    return n && !s[n] && n < URL_MAX;
}

bool disco_read_json(const char *text, size_t len, struct disco *out)
{
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const char *protocol = json_string_value(json_object_get(root, "Protocol"));
    const char *url = json_string_value(json_object_get(root, "Url"));
    const char *code = json_string_value(json_object_get(root, "ErrorCode"));
    bool ok = json_is_object(root);
    *out = (struct disco){.what = DISCO_NOTHING};
    if (ok && protocol && !strcasecmp(protocol, "ews") && url && is_url(url)) {
        out->text = strdup(url);
        out->what = out->text ? DISCO_FOUND : DISCO_NOTHING;
    } else if (ok && code) {
        size_t n = 0;
        for (; code[n] > ' ' && code[n] < 0x7f && n + 1 < sizeof(out->code); n++)
            out->code[n] = code[n];
        out->code[n] = 0;
    }
    json_decref(root);
    return ok;
}
