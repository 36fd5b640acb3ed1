/* Addresses: where credentials may go, and where a redirect may lead. Pure. */
#ifndef WESS_SDK_HTTP_URL_H
#define WESS_SDK_HTTP_URL_H

#include <stdbool.h>
#include <stddef.h>

/* https, or http to loopback; `bare`: http anywhere. false: why, in `text`. */
bool http_url_allowed(const char *url, bool bare, char *text, size_t cap);
/* Where a redirect leads, if that has the origin of the request: to curl_free(). NULL: elsewhere.
 */
char *http_url_moved(const char *url, const char *location);

#endif
