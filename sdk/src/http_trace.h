/* What went over the wire, for whoever hunts a fault: without secrets. Private to the sdk. */
#ifndef WESS_SDK_HTTP_TRACE_H
#define WESS_SDK_HTTP_TRACE_H

#include <stdbool.h>
#include <stddef.h>

/* A growing text; out of memory it stops growing, and says so at its end. */
struct trace {
    char *text;
    size_t len, cap;
    bool spent;
};
void trace_fini(struct trace *); /* wipes */
void trace_add(struct trace *, const char *text, size_t len);
/* Lines of a request's or answer's head, each ended by a line feed. What signs in is masked, but
 * for the first word, which names the way. */
void trace_head(struct trace *, const char *head, size_t len);
/* A body: JSON, XML or a form. Values are masked whose name speaks of a secret ("client_secret",
 * <Password>); what is longer than a megabyte is cut. */
void trace_body(struct trace *, const char *body, size_t len);

#endif
