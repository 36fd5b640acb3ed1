/* Answers that do not end: many of them behind one descriptor. */
#ifndef WESS_SDK_HTTP_STREAM_H
#define WESS_SDK_HTTP_STREAM_H

#include "http.h"

struct http_streams;
struct http_stream;
/* Who takes a stream; called by http_streams_run() alone. */
struct http_stream_taker {
    void *ctx;
    /* The answer's bytes as they come; false: enough, it is ended. */
    bool (*data)(void *ctx, const char *data, size_t len);
    /* Once, at its end: the code and status as of a response without a body. The stream is freed.
     */
    void (*end)(void *ctx, const struct http_response *);
};
struct http_streams *http_streams_new(const struct wess_host *); /* NULL: out of resources */
void http_streams_free(struct http_streams *); /* ends them without a word; NULL: nothing */
int http_streams_fd(const struct http_streams *);
void http_streams_run(struct http_streams *); /* never waits */
/* Sends a request with the credentials and cookies of `like`. It is ended when nothing has come for
 * `silence_s`, and after `whole_s`. The request's texts and the taker are kept, the taker's ctx
 * lives until end(). NULL: out of memory, or the address is none: *why tells. */
struct http_stream *http_stream_open(struct http_streams *, struct http *like,
                                     const struct http_request *, long silence_s, long whole_s,
                                     const struct http_stream_taker *, const char **why);
void http_stream_close(struct http_streams *, struct http_stream *); /* without end() */

#endif
