/* The words of the control socket: one JSON object a line.
 *
 *     client: {"argv":["held","release","3"],"terminal":true}
 *     daemon: {"out":"text"}  {"err":"text"}  ...  {"exit":0}
 *
 * Pure: bytes in, bytes out. Both ends treat what they read as hostile. */
#ifndef CORE_DAEMON_PROTOCOL_H
#define CORE_DAEMON_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>

#define CONTROL_LINE_MAX 65536u /* bytes of a line, either way */
#define CONTROL_ARGS_MAX 64
#define CONTROL_CHUNK 8192u /* bytes of text in one message: escaped six-fold it still fits */

struct control_request {
    int argc;
    char *argv[CONTROL_ARGS_MAX + 1]; /* NULL behind the last */
    bool terminal;                    /* somebody watches: progress is welcome */
};
/* false: *why is a short static text. The request is to be freed either way. */
bool control_parse_request(const char *line, size_t len, struct control_request *,
                           const char **why);
void control_request_fini(struct control_request *);
/* A line with its '\n', malloc'ed; NULL: out of memory, too many or too long, not UTF-8. */
char *control_format_request(int argc, const char *const *argv, bool terminal);

enum control_kind { CONTROL_OUT, CONTROL_ERR, CONTROL_EXIT };
struct control_message {
    enum control_kind kind;
    char *text; /* malloc'ed; of OUT and ERR */
    size_t len;
    int status; /* of EXIT */
};
bool control_parse_message(const char *line, size_t len, struct control_message *);
void control_message_fini(struct control_message *);
/* A line with its '\n', malloc'ed. Bytes that are not UTF-8 become '?'. NULL: out of memory. */
char *control_format_text(enum control_kind, const char *text, size_t len);
char *control_format_exit(int status);
/* How many of the bytes end with a whole code point: what is left waits for its rest. */
size_t control_whole(const char *text, size_t len);

/* Lines out of a stream of bytes that may be cut anywhere. */
struct control_lines {
    char *data;
    size_t len, cap, taken;
    bool too_long; /* a line is over CONTROL_LINE_MAX: nothing behind it can be trusted */
};
bool control_lines_add(struct control_lines *, const char *bytes, size_t n);
/* The next whole line without its '\n', or NULL. Lives until the next call of either. */
const char *control_lines_next(struct control_lines *, size_t *len);
void control_lines_fini(struct control_lines *);

#endif
