#include "http_url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

struct origin {
    char scheme[8], host[256], port[8];
};

static bool url_part(CURLU *u, CURLUPart what, unsigned flags, char *into, size_t cap)
{
    char *part = NULL;
    bool ok = curl_url_get(u, what, &part, flags) == CURLUE_OK && strlen(part) < cap;
    if (ok)
        memcpy(into, part, strlen(part) + 1);
    curl_free(part);
    return ok;
}

static bool origin_of(CURLU *u, struct origin *o)
{
    return url_part(u, CURLUPART_SCHEME, 0, o->scheme, sizeof(o->scheme)) &&
           url_part(u, CURLUPART_HOST, 0, o->host, sizeof(o->host)) &&
           url_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, o->port, sizeof(o->port));
}

bool http_is_loopback(const char *host)
{
    struct in_addr v4;
    bool of_127 = inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
    return of_127 || !strcasecmp(host, "localhost") || !strcmp(host, "[::1]");
}

bool http_url_is_near(const char *url)
{
    struct origin o;
    CURLU *u = curl_url();
    bool near = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK && origin_of(u, &o) &&
                http_is_loopback(o.host);
    curl_url_cleanup(u);
    return near;
}

bool http_url_allowed(const char *url, bool bare, char *text, size_t cap)
{
    struct origin o;
    CURLU *u = curl_url();
    bool ok = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK && origin_of(u, &o);
    curl_url_cleanup(u);
    if (!ok) {
        snprintf(text, cap, "not a complete http or https address");
        return false;
    }
    if (strcasecmp(o.scheme, "https") && strcasecmp(o.scheme, "http")) {
        snprintf(text, cap, "%s:// is not spoken here, use https://", o.scheme);
        return false;
    }
    if (!strcasecmp(o.scheme, "http") && !bare && !http_is_loopback(o.host)) {
        snprintf(text, cap,
                 "http:// would show the password to the network, use https:// for %.80s", o.host);
        return false;
    }
    return true;
}

char *http_url_moved(const char *url, const char *location)
{
    struct origin from, to;
    char *next = NULL;
    CURLU *u = curl_url();
    bool ok = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK && origin_of(u, &from) &&
              curl_url_set(u, CURLUPART_URL, location, 0) == CURLUE_OK && origin_of(u, &to) &&
              !strcasecmp(from.scheme, to.scheme) && !strcasecmp(from.host, to.host) &&
              !strcmp(from.port, to.port) && curl_url_get(u, CURLUPART_URL, &next, 0) == CURLUE_OK;
    curl_url_cleanup(u);
    return ok ? next : NULL;
}
