/* The control socket: lines cut anywhere come out the same, requests and messages that are read can
 * be written again, and what is written is read. */
#include <stdlib.h>
#include <string.h>

#include "daemon/protocol.h"
#include "fuzz.h"

static void request_holds(const char *line, size_t len)
{
    struct control_request r, again;
    const char *why = NULL;
    bool ok = control_parse_request(line, len, &r, &why);
    HOLDS(ok == !why && r.argc >= 0 && r.argc <= CONTROL_ARGS_MAX && !r.argv[r.argc]);
    char *out = ok ? control_format_request(r.argc, (const char *const *)r.argv, r.terminal) : NULL;
    if (out) {
        HOLDS(control_parse_request(out, strlen(out), &again, &why));
        HOLDS(again.argc == r.argc && again.terminal == r.terminal);
        for (int i = 0; i < r.argc; i++)
            HOLDS(!strcmp(r.argv[i], again.argv[i]));
        control_request_fini(&again);
    }
    free(out);
    control_request_fini(&r);
}

static void message_holds(const char *line, size_t len)
{
    struct control_message m;
    if (control_parse_message(line, len, &m)) {
        HOLDS(m.kind == CONTROL_EXIT ? m.status >= 0 && m.status <= 255
                                     : m.text && fuzz_is_utf8(m.text, strlen(m.text)));
        char *out = m.kind == CONTROL_EXIT ? control_format_exit(m.status) : NULL;
        HOLDS(m.kind != CONTROL_EXIT || out);
        free(out);
    }
    control_message_fini(&m);
}

static void lines_hold(const uint8_t *data, size_t size)
{
    struct control_lines l = {0};
    struct fuzz_in cuts = {data, size};
    size_t at = 0, len, from = 0;
    while (at < size) {
        size_t n = 1 + fuzz_pick(&cuts, 64);
        n = n < size - at ? n : size - at;
        HOLDS(control_lines_add(&l, (const char *)data + at, n));
        at += n;
        for (const char *line; (line = control_lines_next(&l, &len)); from += len + 1) {
            HOLDS(len <= CONTROL_LINE_MAX && from + len < size);
            HOLDS(!memcmp(line, data + from, len) && data[from + len] == '\n');
            request_holds(line, len);
            message_holds(line, len);
        }
    }
    HOLDS(l.too_long || !size || !memchr(data + from, '\n', size - from));
    control_lines_fini(&l);
}

static void text_holds(const char *text, size_t size)
{
    struct control_message m;
    size_t len = size < CONTROL_CHUNK ? size : CONTROL_CHUNK, whole = control_whole(text, len);
    HOLDS(whole <= len && len - whole < 4);
    char *line = control_format_text(CONTROL_ERR, text, len);
    HOLDS(line && control_parse_message(line, strlen(line), &m));
    HOLDS(m.kind == CONTROL_ERR && m.len == len && strlen(m.text) == len);
    for (size_t i = 0; i < len; i++)
        HOLDS(m.text[i] == text[i] || m.text[i] == '?');
    if (fuzz_is_utf8(text, len) && !memchr(text, 0, len))
        HOLDS(!memcmp(m.text, text, len) && whole == len);
    control_message_fini(&m);
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(size ? size : 1, 1); /* of exactly its size */
    HOLDS(text);
    if (size)
        memcpy(text, data, size);
    request_holds(text, size);
    message_holds(text, size);
    lines_hold(data, size);
    text_holds(text, size);
    free(text);
    return 0;
}
