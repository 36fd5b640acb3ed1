/* Envelopes, and what comes back for them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ews.h"

#define OLDEST_MAJOR 14 /* Exchange 2010 SP2 is 14.2 */
#define OLDEST_MINOR 2

/* Depths of an answer's elements. */
enum { AT_ENVELOPE, AT_HEADER_OR_BODY, AT_RESPONSE, AT_MESSAGES, AT_MESSAGE, AT_CHILD };

void ews_begin(const struct wess_conn *c, struct xml_out *x, const char *impersonate)
{
    xml_begin(x);
    xml_open(x, "soap:Envelope");
    xml_put_attr(x, "xmlns:soap", "http://schemas.xmlsoap.org/soap/envelope/");
    xml_put_attr(x, "xmlns:t", "http://schemas.microsoft.com/exchange/services/2006/types");
    xml_put_attr(x, "xmlns:m", "http://schemas.microsoft.com/exchange/services/2006/messages");
    xml_open(x, "soap:Header");
    /* Not the server's version: the oldest that has what we need (docs/ews.md, section 1). */
    xml_open(x, "t:RequestServerVersion");
    xml_put_attr(x, "Version", c->asks ? c->asks : "Exchange2010_SP2");
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

/* ---- an answer without a SOAP body
 * ------------------------------------------------------------------------------------------ */

#define UNSURE(a) ((a)->write ? WESS_UNKNOWN : WESS_TRANSIENT)

struct reading {
    struct xml_in *in;
    bool write;
    const struct ews_taker *taker;
    size_t i;
    struct ews_answer *a;
};

/* Statuses that have one meaning whatever the body says. */
static const struct {
    long status;
    enum wess_code code;
    enum wess_scope scope;
    bool untried;
    const char *text;
} statuses[] = {
    {400, WESS_BROKEN, WESS_OF_HOST, true, "Exchange finds the request malformed (HTTP 400)"},
    {401, WESS_AUTH, WESS_OF_CREDENTIAL, true, "Exchange refuses user name or password"},
    /* An administrator opens it again, and nothing of ours has changed then. */
    {403, WESS_AUTH, WESS_OF_MAILBOX, true,
     "EWS is switched off for this account or application (HTTP 403)"},
    {404, WESS_BROKEN, WESS_OF_HOST, true,
     "there is no Exchange at this address (HTTP 404): check the setting url"},
    {405, WESS_BROKEN, WESS_OF_HOST, true,
     "this address is not that of EWS (HTTP 405): check the setting url"},
    {407, WESS_BROKEN, WESS_OF_HOST, true, "the proxy wants a password (HTTP 407)"},
    {413, WESS_TOO_BIG, WESS_OF_COLLECTION, true, "the request is too large for it (HTTP 413)"},
    {429, WESS_THROTTLED, WESS_OF_HOST, true, "Exchange asks for a pause (HTTP 429)"},
    {456, WESS_AUTH, WESS_OF_CREDENTIAL, true, "the account is locked (HTTP 456)"},
    {503, WESS_THROTTLED, WESS_OF_HOST, true, "Exchange is busy (HTTP 503)"},
};

static void redirected(struct reading *g, const struct http_response *r)
{
    struct ews_answer *a = g->a;
    if (strstr(r->location, "genericerrorpage.htm"))
        a->code =
            wess_fail(&a->error, UNSURE(g), WESS_OF_HOST, NULL, "Exchange shows its error page");
    else
        /* A redirected write may have been carried out all the same. */
        a->code = wess_fail(&a->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                            "Exchange sends us elsewhere (HTTP %ld), which is not followed with a "
                            "password: check the setting url",
                            r->status);
}

static void by_status(struct reading *g, const struct http_response *r)
{
    struct ews_answer *a = g->a;
    a->error.retry_after_ms = r->retry_after_ms;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (statuses[i].status == r->status) {
            a->untried = statuses[i].untried;
            a->code = wess_fail(&a->error, statuses[i].code, statuses[i].scope,
                                r->diagnostics[0] ? r->diagnostics : NULL, "%s", statuses[i].text);
            return;
        }
    if (r->status >= 300 && r->status < 400)
        redirected(g, r);
    else if (r->status == 200 && strncasecmp(r->type, "text/html", 9) == 0)
        a->code = wess_fail(&a->error, g->write ? WESS_UNKNOWN : WESS_BROKEN, WESS_OF_HOST, NULL,
                            "a web page came instead of data: check the setting url");
    else
        a->code = wess_fail(&a->error, UNSURE(g), WESS_OF_HOST, NULL,
                            "Exchange answers with HTTP %ld and no readable data", r->status);
}

static void no_answer(struct reading *g, const struct http_response *r)
{
    struct ews_answer *a = g->a;
    switch (r->code) {
    case WESS_BROKEN: /* TLS, or the address itself: nothing was sent */
        a->untried = true;
        a->code =
            wess_fail(&a->error, WESS_BROKEN, WESS_OF_HOST, NULL, "%s: check the setting %s",
                      r->text, strstr(r->text, "certificate") ? "http.ca_file, and url" : "url");
        break;
    case WESS_NOT_TRIED:
        a->untried = true;
        a->code = wess_fail(&a->error, g->write ? WESS_NOT_TRIED : WESS_TRANSIENT, WESS_OF_HOST,
                            NULL, "%s", r->text[0] ? r->text : "not sent");
        break;
    case WESS_TOO_BIG:
    case WESS_CANCELLED:
        a->code = wess_fail(&a->error, g->write && r->code == WESS_TOO_BIG ? WESS_UNKNOWN : r->code,
                            WESS_OF_COLLECTION, NULL, "%s", r->text);
        break;
    default:
        a->code = wess_fail(&a->error, UNSURE(g), WESS_OF_HOST, NULL, "%s", r->text);
    }
}

/* ---- header and fault
 * ------------------------------------------------------------------------------------------ */

static void read_version(struct reading *g, const xmlNode *header)
{
    struct ews_answer *a = g->a;
    const xmlNode *info = xml_child(header, "ServerVersionInfo");
    const char *major = xml_attr(info, "MajorVersion"), *minor = xml_attr(info, "MinorVersion");
    const char *build = xml_attr(info, "MajorBuildNumber");
    const char *fix = xml_attr(info, "MinorBuildNumber");
    if (!major || !minor)
        return; /* every one is optional: not told is not too old */
    long have = strtol(major, NULL, 10), part = strtol(minor, NULL, 10);
    snprintf(a->version, sizeof(a->version), "%.10s.%.10s.%.10s.%.10s", major, minor,
             build ? build : "0", fix ? fix : "0");
    if (have > OLDEST_MAJOR || (have == OLDEST_MAJOR && part >= OLDEST_MINOR))
        return;
    a->code = wess_fail(&a->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                        "this Exchange is version %ld.%ld (Exchange %s); 14.2 (Exchange 2010 SP2) "
                        "is the oldest that "
                        "works",
                        have, part, ews_release(a->version));
}

/* Of a request that the server does not take as it is written. */
static void read_refusal(struct reading *g, const char *name)
{
    struct ews_answer *a = g->a;
    a->untried = true;
    /* Exchange 2007 answers so to a version that it does not know. */
    if (!a->version[0])
        a->code = wess_fail(&a->error, WESS_BROKEN, WESS_OF_HOST, name,
                            "Exchange refuses the request: it is older than 14.2 (Exchange 2010 "
                            "SP2), the oldest that works, or the request is wrong");
    else
        a->code = wess_fail(&a->error, WESS_BROKEN, WESS_OF_HOST, name,
                            "Exchange %s refuses the request as malformed", a->version);
}

static void read_fault(struct reading *g, const xmlNode *fault)
{
    struct ews_answer *a = g->a;
    const xmlNode *detail = xml_child(fault, "detail");
    const char *told = xml_text(xml_child(detail, "ResponseCode"));
    const char *code = xml_text(xml_child(fault, "faultcode"));
    const char *colon = code ? strchr(code, ':') : NULL;
    const char *name = told && *told ? told : colon ? colon + 1 : code ? code : "";
    const struct ews_code *c = ews_code(name);
    if (a->code != WESS_OK) /* too old, by its own word */
        return;
    bool refused = c->code == WESS_BROKEN && c->item == WESS_BROKEN;
    if (refused && !c->text) {
        read_refusal(g, name);
        return;
    }
    a->untried = c->code == WESS_AUTH || c->code == WESS_THROTTLED || refused ||
                 !strcmp(name, "ErrorRequestStreamTooBig");
    /* A fault concerns the whole request: unknown ones may pass. */
    bool known = c->code != WESS_REJECTED;
    enum wess_code rc = known ? c->code : UNSURE(g);
    if (g->write && !a->untried)
        rc = WESS_UNKNOWN;
    a->error.retry_after_ms = ews_backoff(xml_child(detail, "MessageXml"), rc);
    a->code = wess_fail(&a->error, rc, known ? c->scope : WESS_OF_MAILBOX, name, "%s%s",
                        c->text ? c->text : "Exchange answers ",
                        c->text ? ""
                        : *name ? name
                                : "with a fault");
}

/* ---- response messages
 * ------------------------------------------------------------------------------------------ */

static void worse(struct ews_answer *a, enum wess_code code, const struct wess_error *e)
{
    if (code == WESS_OK || a->code != WESS_OK)
        return;
    int32_t status = a->error.remote_status;
    a->code = code;
    a->error = *e;
    a->error.remote_status = status;
}

/* The parts of a listing, below the element that holds them. false: the taker wants no more. */
static bool take_parts(struct reading *g, int depth)
{
    while (xml_in_next(g->in, depth)) {
        struct wess_error e = {0};
        const xmlNode *part = xml_in_take(g->in);
        enum wess_code rc = part ? g->taker->part(g->taker->ctx, g->i, part, &e) : WESS_OK;
        worse(g->a, rc, &e);
        if (rc != WESS_OK)
            return false;
    }
    return true;
}

/* Keeps a copy of `n`, with or without its content, as a child of the head. */
static bool keep(xmlNode *head, const xmlNode *n, bool whole)
{
    xmlNode *copy = n ? xmlDocCopyNode((xmlNode *)(uintptr_t)n, NULL, whole ? 1 : 2) : NULL;
    if (copy && !xmlAddChild(head, copy)) {
        xmlFreeNode(copy);
        copy = NULL;
    }
    return copy != NULL;
}

/* A response message whose list goes to part() piece by piece; the rest of it is gathered. */
static bool take_listing(struct reading *g, const xmlNode *message, xmlNode **head)
{
    const char *list = g->taker->list;
    const xmlNode *child;
    *head = xmlDocCopyNode((xmlNode *)(uintptr_t)message, NULL, 2);
    bool ok = *head != NULL;
    while (ok && (child = xml_in_next(g->in, AT_CHILD))) {
        if (xml_is(child, list)) {
            ok = take_parts(g, AT_CHILD + 1);
        } else if (xml_is(child, "RootFolder")) {
            const xmlNode *inner;
            ok = keep(*head, child, false);
            while (ok && (inner = xml_in_next(g->in, AT_CHILD + 1)))
                ok = !xml_is(inner, list) || take_parts(g, AT_CHILD + 2);
        } else {
            child = xml_in_take(g->in);
            ok = !child || keep(*head, child, true);
        }
    }
    return ok;
}

static void take_messages(struct reading *g)
{
    const xmlNode *m;
    while ((m = xml_in_next(g->in, AT_MESSAGE))) {
        struct wess_error e = {0};
        xmlNode *head = NULL;
        bool ok = true;
        if (g->taker->list) {
            ok = take_listing(g, m, &head);
            m = head;
        } else {
            m = xml_in_take(g->in);
        }
        if (ok && m)
            worse(g->a, g->taker->message(g->taker->ctx, g->i, g->a->n++, m, &e), &e);
        else if (!ok && g->a->code == WESS_OK)
            g->a->code = wess_fail(&g->a->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL,
                                   "out of memory for the answer");
        xmlFreeNode(head);
        if (!ok)
            return;
    }
}

/* The Body: a fault, or a response with its messages. */
static void take_body(struct reading *g, bool *understood)
{
    const xmlNode *n = xml_in_next(g->in, AT_RESPONSE);
    if (xml_is(n, "Fault")) {
        n = xml_in_take(g->in);
        *understood = n != NULL;
        if (n)
            read_fault(g, n);
        return;
    }
    while (n && (n = xml_in_next(g->in, AT_MESSAGES)))
        if (xml_is(n, "ResponseMessages")) {
            *understood = true;
            /* The gate of versions is for reading: a write that was answered was done. */
            if (g->a->code == WESS_OK || g->write)
                take_messages(g);
        }
}

static void take_envelope(struct reading *g, const struct http_response *r)
{
    struct ews_answer *a = g->a;
    bool understood = false, envelope = xml_is(xml_in_next(g->in, AT_ENVELOPE), "Envelope");
    const xmlNode *n;
    while (envelope && (n = xml_in_next(g->in, AT_HEADER_OR_BODY))) {
        if (xml_is(n, "Header"))
            read_version(g, xml_in_take(g->in));
        else if (xml_is(n, "Body"))
            take_body(g, &understood);
    }
    bool stopped = a->code != WESS_OK;
    bool whole = stopped || xml_in_whole(g->in);
    if (stopped)
        return;
    if (!understood && r->status != 200)
        by_status(g, r);
    else if (!whole)
        a->code = wess_fail(&a->error, UNSURE(g), WESS_OF_HOST, NULL,
                            "the answer cannot be read: it is cut off or malformed");
    else if (!understood)
        a->code = wess_fail(&a->error, UNSURE(g), WESS_OF_HOST, NULL,
                            "the answer is no response of Exchange: check the setting url");
}

void ews_read(struct http_response *r, const char *name, bool write, const struct ews_taker *t,
              size_t i, struct ews_answer *a)
{
    struct reading g = {.write = write, .taker = t, .i = i, .a = a};
    const char *why = NULL, *ours = name ? strchr(name, ' ') : NULL;
    *a = (struct ews_answer){.code = WESS_OK, .bytes = r->len, .timed_out = r->timed_out};
    snprintf(a->request, sizeof(a->request), "%s",
             r->request_id[0] ? r->request_id
             : ours           ? ours + 1
                              : "");
    a->error.remote_status = (int32_t)r->status;
    /* A fault may come with any of these; the status alone says less. */
    bool data = r->code == WESS_OK && (r->status == 200 || r->status == 500 || r->status == 503) &&
                r->len && strncasecmp(r->type, "text/html", 9) != 0;
    if (r->code != WESS_OK) {
        no_answer(&g, r);
    } else if (!data) {
        by_status(&g, r);
    } else if (!(g.in = xml_in_new(r->body, r->len, &why)) && r->status != 200) {
        by_status(&g, r);
    } else if (!g.in) {
        a->code = wess_fail(&a->error, UNSURE(&g), WESS_OF_HOST, NULL,
                            "the answer cannot be read: %s", why);
    } else {
        take_envelope(&g, r);
    }
    xml_in_free(g.in);
    if (t->done)
        t->done(t->ctx, i, a);
}
