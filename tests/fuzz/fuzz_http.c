/* Header lines of an answer, whatever they hold, and addresses that a redirect names. The reader is
 * private to its files, so they are taken in whole. */
#include "../../sdk/src/http_lane.c"
#include "../../sdk/src/http_url.c"

#include "fuzz.h"

static void shown(const char *text, size_t cap)
{
    HOLDS(memchr(text, 0, cap));
    for (const char *s = text; *s; s++)
        HOLDS((unsigned char)*s >= 0x20 && (unsigned char)*s < 0x7f);
}

static void header_lines(struct lane *l, const uint8_t *data, size_t size)
{
    while (size) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t len = end ? (size_t)(end - data) + 1 : size;
        char *line = malloc(len); /* as libcurl gives it: no zero byte behind */
        HOLDS(line);
        memcpy(line, data, len);
        HOLDS(on_header(line, 1, len, l) == len);
        free(line);
        data += len;
        size -= len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_response out = {0};
    struct http_request in = {.url = "https://mail.example.com:444/EWS/Exchange.asmx?a=b"};
    struct lane l = {.in = &in, .out = &out, .url = in.url};
    struct origin from, to;
    static bool started;
    if (!started)
        started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    header_lines(&l, data, size);
    shown(out.type, sizeof(out.type));
    shown(out.location, sizeof(out.location));
    shown(out.request_id, sizeof(out.request_id));
    shown(out.diagnostics, sizeof(out.diagnostics));
    HOLDS(out.date_ms >= 0 && l.answered >= -99 && l.answered <= 999);
    if (redirect_target(&l)) {
        CURLU *u = curl_url(), *v = curl_url();
        HOLDS(u && v && !curl_url_set(u, CURLUPART_URL, in.url, 0) && origin_of(u, &from));
        HOLDS(!curl_url_set(v, CURLUPART_URL, l.url, 0) && origin_of(v, &to));
        HOLDS(!strcasecmp(from.host, to.host) && !strcmp(from.port, to.port));
        HOLDS(!strcasecmp(to.scheme, "https"));
        curl_url_cleanup(u);
        curl_url_cleanup(v);
    }
    char *url = fuzz_copy(data, size);
    if (http_url_allowed(url, false, out.text, sizeof(out.text)))
        HOLDS(!strncasecmp(url, "http", 4) || !strstr(url, "://"));
    HOLDS(memchr(out.text, 0, sizeof(out.text)));
    curl_free(l.moved);
    free(url);
    return 0;
}
