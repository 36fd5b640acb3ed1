/* HTTP for connectors, on libcurl's multi interface: several requests of one call side by side,
 * each on a connection of its own, answers bounded, TLS verified, no redirects but those of the
 * contract, no environment proxies, no credentials over plain http except to loopback. */
#ifndef WESS_SDK_HTTP_H
#define WESS_SDK_HTTP_H

#include "wess/connector.h"

enum http_auth {
    HTTP_AUTH_NONE,
    HTTP_AUTH_BASIC,
    HTTP_AUTH_NTLM,
    HTTP_AUTH_NEGOTIATE, /* Kerberos by the tickets or the keytab of the environment (GSSAPI) */
    HTTP_AUTH_BEARER
};
enum {
    HTTP_IS_READ = 1,     /* repeating it is harmless: redirects of the same origin are followed */
    HTTP_NO_REDIRECT = 2, /* but not this one's */
    HTTP_BARE =
        4 /* carries nothing worth hiding: plain http will do, if there are no credentials */
};

struct http; /* one per wess_conn; its connections are kept for the next that is opened */

struct http_request {
    const char *url, *method;   /* "POST" */
    const char *const *headers; /* "Name: value" */
    size_t n_headers;
    const void *body; /* lives until http_perform() returns */
    size_t len;
    /* In place of `body`: the next bytes of it from `at` on, which goes back when the request is
     * sent again. 0 before `len`: they are not to be had, and the request is cut. */
    size_t (*source)(void *ctx, size_t at, char *buf, size_t cap);
    void *source_ctx;
    uint32_t flags;
    uint64_t body_max; /* of the answer; 0: as the installation says */
    /* Of an answer with status 200: each piece as it comes, which may be changed in place. How much
     * of it is kept in the answer's body; NULL: all. */
    size_t (*filter)(void *ctx, char *data, size_t len);
    void *filter_ctx;
    /* A header of ours, as it was sent: an answer that bears another of that name is the answer to
     * another request, and none of this one. NULL: nobody asks. */
    const char *echo;
};
struct http_response {
    enum wess_code
        code; /* WESS_OK: an HTTP answer is here, whatever its status. WESS_NOT_TRIED: not a
                 byte of the request went out. WESS_UNKNOWN: went out, no whole answer.
                 WESS_TOO_BIG: over the bound. WESS_CANCELLED. WESS_BROKEN: TLS, URL. */
    long status;
    char *body; /* zero-terminated behind len; belongs to the response: http_response_fini() */
    size_t len;
    char type[96];          /* Content-Type */
    char location[1024];    /* of the last redirect, followed or not */
    char request_id[64];    /* the server's, for the log */
    char diagnostics[160];  /* x-ms-diagnostics, X-CasErrorCode: without secrets */
    char server[64];        /* X-FEServer, X-CalculatedBETarget: which machine answered */
    int64_t date_ms;        /* the server's clock by its Date header; 0: not told */
    int64_t retry_after_ms; /* Retry-After, seconds or date; 0: none */
    bool timed_out;         /* it went out, and http.timeout was over before a whole answer came */
    char text[160];         /* what libcurl said when there is no answer */
};

/* NULL: out of memory. `secret` is copied into libcurl's memory and wiped here. */
struct http *http_new(const struct wess_host *host);
void http_free(struct http *);
void http_credentials(struct http *, enum http_auth, const char *user, const char *secret);
/* Whether this libcurl can sign in so at all. */
bool http_can(enum http_auth);
/* Shows a certificate of our own to whoever asks for one: PEM files; `key` NULL: it is in the same
 * file. Before the first request. */
void http_certificate(struct http *, const char *certificate, const char *key);
/* Carries out n requests, at most `lanes` at once; out[i] answers in[i]. Never sleeps between
 * requests, asks host->cancelled() at least every second. */
void http_perform(struct http *, const struct http_request *in, size_t n, uint32_t lanes,
                  struct http_response *out);
/* The same; done(ctx, i, &out[i]) is called for each as soon as it is finished, in any order, while
 * others may be on the wire: whoever ends the response there holds one body at a time. */
void http_perform_each(struct http *, const struct http_request *in, size_t n, uint32_t lanes,
                       struct http_response *out,
                       void (*done)(void *ctx, size_t i, struct http_response *), void *ctx);
/* Takes cookies from answers and shows them again, before the first request. */
void http_keep_cookies(struct http *);
/* A handle of libcurl's with the same settings, credentials and cookies, for http_stream.c. NULL:
 * out of memory, or not an address that credentials may go to. */
void *http_copy(struct http *, const char *url);
/* What holds for every handle of libcurl's, whatever it speaks: TLS and whom it trusts, the proxy
 * of the settings and none of the environment, time-outs. Settings may be NULL. */
void http_transport(void *easy, const struct wess_http *);
int64_t http_timeout_ms(const struct wess_http *); /* of a whole answer, or of silence */
void http_response_fini(struct http_response *);   /* wipes the body */
/* Requests, bytes out and in since http_new(), for the log. */
void http_count(const struct http *, uint64_t *requests, uint64_t *sent, uint64_t *received);

#endif
