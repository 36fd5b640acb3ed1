/* Envelopes, and what comes back for them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ews.h"

#define SECRET_MAX 1024u
#define OLDEST_MAJOR 14 /* Exchange 2010 SP2 is 14.2 */
#define OLDEST_MINOR 2

void ews_begin(struct wess_conn *c, struct xml_out *x, const char *impersonate)
{
    xml_begin(x);
    xml_open(x, "soap:Envelope");
    xml_put_attr(x, "xmlns:soap", "http://schemas.xmlsoap.org/soap/envelope/");
    xml_put_attr(x, "xmlns:t", "http://schemas.microsoft.com/exchange/services/2006/types");
    xml_put_attr(x, "xmlns:m", "http://schemas.microsoft.com/exchange/services/2006/messages");
    xml_open(x, "soap:Header");
    xml_open(x, "t:RequestServerVersion");
    xml_put_attr(x, "Version", "Exchange2010_SP2");
    xml_close(x);
    if (impersonate && *impersonate) {
        const char *as = c->impersonate_as;
        xml_open(x, "t:ExchangeImpersonation");
        xml_open(x, "t:ConnectingSID");
        xml_element(x,
                    !strcmp(as, "upn")   ? "t:PrincipalName"
                    : !strcmp(as, "sid") ? "t:SID"
                                         : "t:PrimarySmtpAddress",
                    impersonate);
        xml_close(x);
        xml_close(x);
    }
    xml_close(x);
    xml_open(x, "soap:Body");
}

/* ---- what an answer is
 * --------------------------------------------------------------------------------------- */

static bool too_old(const xmlNode *info, char version[64], struct wess_error *e)
{
    const char *major = xml_attr(info, "MajorVersion"), *minor = xml_attr(info, "MinorVersion");
    const char *build = xml_attr(info, "MajorBuildNumber"),
               *fix = xml_attr(info, "MinorBuildNumber");
    if (!major || !minor)
        return false;
    long a = strtol(major, NULL, 10), b = strtol(minor, NULL, 10);
    snprintf(version, 64, "%.10s.%.10s.%.10s.%.10s", major, minor, build ? build : "0",
             fix ? fix : "0");
    if (a > OLDEST_MAJOR || (a == OLDEST_MAJOR && b >= OLDEST_MINOR))
        return false;
    wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
              "this Exchange is version %ld.%ld; 14.2 (Exchange 2010 SP2) is the oldest that works",
              a, b);
    return true;
}

static void read_fault(const xmlNode *fault, bool write, struct ews_answer *a)
{
    const xmlNode *detail = xml_child(fault, "detail"), *code = xml_child(detail, "ResponseCode");
    const char *colon = strchr(
        xml_text(xml_child(fault, "faultcode")) ? xml_text(xml_child(fault, "faultcode")) : "",
        ':');
    const char *name = code ? xml_text(code) : colon ? colon + 1 : "";
    const struct ews_code *c = ews_code(name);
    if (!strcmp(name, "ErrorInvalidServerVersion") || !strcmp(name, "ErrorSchemaValidation")) {
        a->code =
            wess_fail(&a->error, WESS_BROKEN, WESS_OF_HOST, name,
                      "Exchange does not know what 14.2 (Exchange 2010 SP2) knows: the server "
                      "is older, or refuses this request");
        return;
    }
    for (const xmlNode *v = xml_first(xml_child(detail, "MessageXml")); v; v = xml_next(v)) {
        const char *attr = xml_attr(v, "Name");
        if (attr && !strcmp(attr, "BackOffMilliseconds"))
            a->error.retry_after_ms = strtoll(xml_text(v), NULL, 10);
    }
    /* A fault concerns the whole request: unknown ones may pass. */
    enum wess_code rc = c->code == WESS_REJECTED ? WESS_TRANSIENT : c->code;
    enum wess_scope scope = c->code == WESS_REJECTED ? WESS_OF_MAILBOX : c->scope;
    if (write && (rc == WESS_TRANSIENT || rc == WESS_TOO_BIG))
        rc = WESS_UNKNOWN;
    a->code =
        wess_fail(&a->error, rc, scope, name, "Exchange answers %s", *name ? name : "a fault");
}

static enum wess_code by_status(const struct http_response *r, bool write, struct wess_error *e)
{
    e->retry_after_ms = r->retry_after_ms;
    switch (r->status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        if (strstr(r->location, "genericerrorpage.htm"))
            return wess_fail(e, write ? WESS_UNKNOWN : WESS_TRANSIENT, WESS_OF_HOST, NULL,
                             "Exchange shows its error page");
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "Exchange sends us elsewhere, and redirects are not followed with a "
                         "password: set url to where it should go");
    case 401:
        return wess_fail(e, WESS_AUTH, WESS_OF_CREDENTIAL, r->diagnostics,
                         "Exchange refuses user name or password");
    case 403:
        return wess_fail(e, WESS_AUTH, WESS_OF_CREDENTIAL, r->diagnostics,
                         "EWS is switched off for this account or application");
    case 456:
        return wess_fail(e, WESS_AUTH, WESS_OF_CREDENTIAL, NULL, "the account is locked");
    case 404:
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "there is no Exchange at this address (HTTP 404): check the setting url");
    case 407:
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "the proxy wants a password");
    case 413:
        return wess_fail(e, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "Exchange finds it too large");
    case 429:
    case 503:
        return wess_fail(e, WESS_THROTTLED, WESS_OF_HOST, NULL, "Exchange is busy (HTTP %ld)",
                         r->status);
    default:
        break;
    }
    if (r->status == 200 && strncasecmp(r->type, "text/html", 9) == 0)
        return wess_fail(e, write ? WESS_UNKNOWN : WESS_BROKEN, WESS_OF_HOST, NULL,
                         "a web page came instead of data: check the setting url");
    return wess_fail(e, write ? WESS_UNKNOWN : WESS_TRANSIENT, WESS_OF_HOST, NULL,
                     "Exchange answers with HTTP %ld and no readable data", r->status);
}

static enum wess_code no_answer(const struct http_response *r, bool write, struct wess_error *e)
{
    switch (r->code) {
    case WESS_BROKEN:
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "%s: check the setting url%s", r->text,
                         strstr(r->text, "certificate") ? " and http.ca_file" : "");
    case WESS_TOO_BIG:
    case WESS_CANCELLED:
    case WESS_NOT_TRIED:
        return wess_fail(e, r->code, WESS_OF_HOST, NULL, "%s", r->text);
    default:
        return wess_fail(e, write ? WESS_UNKNOWN : WESS_TRANSIENT, WESS_OF_HOST, NULL, "%s",
                         r->text);
    }
}

void ews_read(const struct http_response *r, bool write, struct ews_answer *a, char version[64])
{
    const char *why = NULL;
    *a = (struct ews_answer){.code = WESS_OK};
    a->error.remote_status = (int32_t)r->status;
    if (r->code != WESS_OK) {
        a->code = no_answer(r, write, &a->error);
        return;
    }
    bool data = (r->status == 200 || r->status == 500 || r->status == 503) && r->len &&
                strncasecmp(r->type, "text/html", 9) != 0;
    a->doc = data ? xml_parse(r->body, r->len, &why) : NULL;
    const xmlNode *root = a->doc ? xmlDocGetRootElement(a->doc) : NULL;
    const xmlNode *body = xml_is(root, "Envelope") ? xml_child(root, "Body") : NULL;
    const xmlNode *info = xml_child(xml_child(root, "Header"), "ServerVersionInfo");
    if (!body) {
        a->code = data && r->status == 200
                      ? wess_fail(&a->error, write ? WESS_UNKNOWN : WESS_TRANSIENT, WESS_OF_HOST,
                                  NULL, "the answer cannot be read: %s", why ? why : "no envelope")
                      : by_status(r, write, &a->error);
        return;
    }
    if (info && too_old(info, version, &a->error)) {
        a->code = WESS_BROKEN;
        return;
    }
    if (xml_child(body, "Fault")) {
        read_fault(xml_child(body, "Fault"), write, a);
        return;
    }
    a->messages = xml_child(xml_first(body), "ResponseMessages");
    if (!a->messages)
        a->code = wess_fail(&a->error, write ? WESS_UNKNOWN : WESS_TRANSIENT, WESS_OF_HOST, NULL,
                            "the answer holds no response");
}

/* ---- sending
 * --------------------------------------------------------------------------------------------------
 */

static enum wess_code sign_in(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    char secret[SECRET_MAX];
    if (c->signed_in)
        return WESS_OK;
    if (c->host->secret(c->host->ctx, "password", secret, sizeof(secret)) != WESS_OK)
        return wess_fail(&call->error, WESS_AUTH, WESS_OF_CREDENTIAL, NULL,
                         "the password cannot be read");
    http_credentials(c->http, c->auth, c->username, secret);
    explicit_bzero(secret, sizeof(secret));
    c->signed_in = true;
    return WESS_OK;
}

static void count(struct wess_call *call, int sign)
{
    uint64_t requests, sent, received;
    http_count(call->conn->http, &requests, &sent, &received);
    if (sign < 0) {
        requests = -requests;
        sent = -sent;
        received = -received;
    }
    call->requests += requests;
    call->bytes_out += sent;
    call->bytes_in += received;
}

enum wess_code ews_send(struct wess_call *call, struct xml_out *docs, size_t n, bool write,
                        enum wess_code (*each)(void *ctx, size_t i, const struct ews_answer *),
                        void *ctx)
{
    static const char *const headers[] = {"Content-Type: text/xml; charset=utf-8",
                                          "Accept: text/xml"};
    struct wess_conn *c = call->conn;
    struct http_request q[EWS_LANES] = {{0}};
    struct http_response r[EWS_LANES] = {{0}};
    enum wess_code rc = sign_in(call);
    if (rc != WESS_OK)
        return rc;
    for (size_t i = 0; i < n; i++) {
        const char *text;
        size_t len;
        xml_close(&docs[i]);
        xml_close(&docs[i]);
        xml_end(&docs[i], &text, &len);
        if (!text)
            return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_HOST, NULL, "out of memory");
        q[i] = (struct http_request){
            .url = c->url,
            .method = "POST",
            .headers = headers,
            .n_headers = 2,
            .body = text,
            .len = len,
            /* A POST that only reads may be sent again, not sent elsewhere. */
            .flags = write ? 0 : HTTP_IS_READ};
    }
    count(call, -1);
    http_perform(c->http, q, n, call->lanes < EWS_LANES ? call->lanes : EWS_LANES, r);
    count(call, 1);
    for (size_t i = 0; i < n; i++) {
        struct ews_answer a;
        ews_read(&r[i], write, &a, c->version);
        http_response_fini(&r[i]);
        enum wess_code one = each(ctx, i, &a);
        if (one != WESS_OK && rc == WESS_OK) {
            rc = one;
            if (a.code != WESS_OK) /* else `each` has told why */
                call->error = a.error;
        }
        xmlFreeDoc(a.doc);
    }
    return rc;
}
