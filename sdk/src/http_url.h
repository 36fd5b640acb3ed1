/* Addresses: where credentials may go, and where a redirect may lead. Pure. */
#ifndef WESS_SDK_HTTP_URL_H
#define WESS_SDK_HTTP_URL_H

#include <stdbool.h>
#include <stddef.h>

bool http_is_loopback(const char *host); /* "127.0.0.1", "localhost", "[::1]" */
bool http_url_is_near(const char *url);  /* its host is */
/* https, or http to loopback; `bare`: http anywhere. false: why, in `text`. */
bool http_url_allowed(const char *url, bool bare, char *text, size_t cap);
/* Where a redirect leads, if that has the origin of the request: to curl_free(). NULL: elsewhere.
 */
char *http_url_moved(const char *url, const char *location);

#endif
