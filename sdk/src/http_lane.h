/* Transfers of a struct http. Private to it.
 *
 *     http.c       the settings of all, credentials, kept connections, which transfers go when
 *     http_lane.c  one transfer: what goes out, what comes, redirects, what came of it */
#ifndef WESS_SDK_HTTP_LANE_H
#define WESS_SDK_HTTP_LANE_H

#include "http.h"
#include "http_trace.h"

#include <curl/curl.h>

#define LANES_MAX 16u /* transfers at once of one struct http */

/* One transfer under way. */
struct lane {
    CURL *easy;
    struct curl_slist *headers;
    const struct http_request *in;
    struct http_response *out;
    uint64_t body_max;
    uint64_t come;    /* of the answer's body, filtered or not */
    size_t cap, sent; /* of out->body; of in->body */
    size_t room;      /* with which out->body begins */
    const char *url;  /* where it goes now */
    char *moved;      /* the same, after a redirect */
    long answered;    /* the status line seen since body bytes went out; 0: none */
    uint32_t redirects;
    bool busy, over, no_memory, repeated, as_get;
    bool foreign;       /* what comes is the answer to another request */
    struct trace trace; /* of this leg, where somebody asked for it */
    char error[CURL_ERROR_SIZE];
};
struct http {
    const struct wess_host *host;
    CURLM *multi;
    CURLSH *cookies; /* NULL: none are kept */
    CURL *pattern;   /* every lane is a copy of it; holds the credentials */
    struct lane lanes[LANES_MAX];
    enum http_auth auth;
    bool accepted; /* this credential has been let in before */
    bool refused;  /* it was refused since http_perform_each() began */
    uint64_t body_max, requests, sent, received;
    size_t body_room; /* that the next answer most likely needs */
    /* Of the http_perform_each() under way. */
    struct http_response *first;
    void (*done)(void *ctx, size_t i, struct http_response *);
    void *done_ctx;
};

/* Sets what libcurl calls, on a handle that lanes are copies of. */
void lane_callbacks(CURL *);
/* false: it did not begin, and `out` says why; http_finished() was told. */
bool lane_start(struct http *, struct lane *, const struct http_request *,
                struct http_response *out);
/* The transfer ended with that: it goes on with another request (still busy), or is over. */
void lane_done(struct http *, struct lane *, CURLcode);
void lane_stop(struct http *, struct lane *, enum wess_code);

/* http.c */
CURL *http_pattern_copy(const struct http *); /* NULL: out of memory */
void http_finished(struct http *, struct http_response *);

#endif
