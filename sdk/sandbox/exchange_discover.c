/* Autodiscover (section 3): the SOAP form and the older plain one, and every way that leads on. */
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exchange.h"

#define NS_A "http://schemas.microsoft.com/exchange/2010/Autodiscover"
#define NS_REQUEST "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
#define NS_RESPONSE                                                                                \
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
#define NS_ANSWER "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"

static bool ends_in(const char *path, const char *end)
{
    size_t len = strlen(path), n = strlen(end);
    return len >= n && !strcasecmp(path + len - n, end);
}

bool ex_discover_is_mine(const char *path)
{
    return !strncasecmp(path, "/autodiscover", 13) &&
           (ends_in(path, "/autodiscover.svc") || ends_in(path, "/autodiscover.xml") ||
            strcasestr(path, "/autodiscover.json"));
}

static bool is_answer(const char *what)
{
    return !strcmp(sb_switch("autodiscover", "settings"), what);
}

static void url_to(const struct sb_request *r, const char *path, char *out, size_t cap)
{
    const char *host = sb_header(r, "Host");
    snprintf(out, cap, "%s://%s%s", sb_scheme, host ? host : "127.0.0.1", path);
}

/* Where this request is led; false: it is answered. */
static bool leads_on(const struct sb_request *r, const char *end, char *out, size_t cap)
{
    static unsigned turns;
    char path[80];
    bool second = !strncasecmp(r->path, "/autodiscover2/", 15);
    snprintf(path, sizeof(path), "/autodiscover2/autodiscover.%s", end);
    if (is_answer("loop"))
        snprintf(path, sizeof(path), "/autodiscover%u/autodiscover.%s", ++turns, end);
    if (is_answer("foreign"))
        snprintf(out, cap, "https://autodiscover.stranger.example/autodiscover/autodiscover.%s",
                 end);
    else if (is_answer("plain_http"))
        snprintf(out, cap, "http://mail.example.com/autodiscover/autodiscover.%s", end);
    else if ((is_answer("redirect_url") && !second) || is_answer("loop"))
        url_to(r, path, out, cap);
    else
        return false;
    return true;
}

/* An address that is another name of a mailbox: "NAME.old@..". */
static const struct ex_mailbox *another_name(const char *address)
{
    const char *dot = address ? strstr(address, ".old@") : NULL;
    for (size_t i = 0; dot && i < ex_n_mailboxes; i++) {
        const char *is = ex_mailboxes[i].user->address;
        size_t n = (size_t)(dot - address);
        if (!strncasecmp(is, address, n) && is[n] == '@')
            return &ex_mailboxes[i];
    }
    return NULL;
}

/* ---- SOAP
 * ------------------------------------------------------------------------------------------ */

static bool is_named(const xmlNode *n, const char *name, const char *ns)
{
    return n && !strcmp((const char *)n->name, name) && n->ns &&
           !strcmp((const char *)n->ns->href, ns);
}

static bool asks_for(const xmlNode *settings, const char *name)
{
    bool found = false;
    for (const xmlNode *s = ex_first(settings); s && !found; s = ex_next(s)) {
        char *text = ex_text(s);
        found = text && !strcmp(text, name);
        xmlFree(text);
    }
    return found;
}

static void put_user(struct sb_buf *b, const char *code, const char *redirect, const char *url,
                     const xmlNode *wanted)
{
    sb_buf_fmt(b, "<UserResponse><ErrorCode>%s</ErrorCode><ErrorMessage>%s</ErrorMessage>", code,
               code);
    if (redirect)
        sb_buf_fmt(b, "<RedirectTarget>%s</RedirectTarget>", redirect);
    sb_buf_str(b, "<UserSettingErrors/><UserSettings>");
    if (url && asks_for(wanted, "ExternalEwsUrl"))
        sb_buf_fmt(b,
                   "<UserSetting xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" "
                   "i:type=\"StringSetting\"><Name>ExternalEwsUrl</Name><Value>%s</Value>"
                   "</UserSetting>",
                   url);
    sb_buf_str(b, "</UserSettings></UserResponse>");
}

static void answer_soap(const struct sb_request *r, const char *address, const xmlNode *wanted,
                        struct sb_buf *b)
{
    char to[300], url[300];
    const struct ex_mailbox *other = another_name(address);
    url_to(r, "/EWS/Exchange.asmx", url, sizeof(url));
    sb_buf_fmt(b,
               "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"http://schemas."
               "xmlsoap.org/soap/envelope/\"><s:Body><GetUserSettingsResponseMessage xmlns=\"%s\">"
               "<Response><ErrorCode>NoError</ErrorCode><ErrorMessage/><UserResponses>",
               NS_A);
    if (leads_on(r, "svc", to, sizeof(to)))
        put_user(b, "RedirectUrl", to, NULL, wanted);
    else if (other)
        put_user(b, "RedirectAddress", other->user->address, NULL, wanted);
    else if (!ex_mailbox(address))
        put_user(b, "InvalidUser", NULL, NULL, wanted);
    else
        put_user(b, "NoError", NULL, url, wanted);
    sb_buf_str(b, "</UserResponses></Response></GetUserSettingsResponseMessage></s:Body>"
                  "</s:Envelope>");
}

static void fault(struct sb_response *out)
{
    out->status = 500;
    sb_buf_str(&out->body, "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"http://"
                           "schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault><faultcode>"
                           "s:Client</faultcode><faultstring>The request is not valid."
                           "</faultstring></s:Fault></s:Body></s:Envelope>");
}

static void soap(const struct sb_request *r, const xmlNode *root, struct sb_response *out)
{
    const xmlNode *header = ex_child(root, "Header"), *body = ex_child(root, "Body");
    const xmlNode *message = ex_child(body, "GetUserSettingsRequestMessage");
    const xmlNode *request = ex_child(message, "Request"), *users = ex_child(request, "Users");
    const xmlNode *wanted = ex_child(request, "RequestedSettings");
    char *action = ex_text(ex_child(header, "Action"));
    char *version = ex_text(ex_child(header, "RequestedServerVersion"));
    char *address = ex_text(ex_child(ex_child(users, "User"), "Mailbox"));
    bool good = is_named(message, "GetUserSettingsRequestMessage", NS_A) && action && version &&
                !strcmp(action, NS_A "/Autodiscover/GetUserSettings") &&
                !strncmp(version, "Exchange20", 10) && address && ex_first(users) &&
                ex_next(users) == wanted && ex_first(wanted);
    if (good)
        answer_soap(r, address, wanted, &out->body);
    else
        fault(out);
    xmlFree(action);
    xmlFree(version);
    xmlFree(address);
}

/* ---- the plain form
 * ------------------------------------------------------------------------------------------ */

static void put_error(struct sb_buf *b, int code, const char *text)
{
    sb_buf_fmt(
        b,
        "<Response xmlns=\"%s\"><Error Time=\"09:00:00.0000000\" Id=\"1054084152\"><ErrorCode>"
        "%d</ErrorCode><Message>%s</Message><DebugData/></Error></Response>",
        NS_ANSWER, code, text);
}

static void answer_pox(const struct sb_request *r, const char *address, struct sb_buf *b)
{
    char to[300], url[300];
    const struct ex_mailbox *other = another_name(address);
    url_to(r, "/EWS/Exchange.asmx", url, sizeof(url));
    if (!ex_mailbox(address) && !other) {
        put_error(b, 500, "The email address can't be found.");
        return;
    }
    sb_buf_fmt(b, "<Response xmlns=\"%s\">", NS_RESPONSE);
    if (leads_on(r, "xml", to, sizeof(to)))
        sb_buf_fmt(
            b, "<Account><Action>redirectUrl</Action><RedirectUrl>%s</RedirectUrl></Account>", to);
    else if (other)
        sb_buf_fmt(
            b, "<Account><Action>redirectAddr</Action><RedirectAddr>%s</RedirectAddr></Account>",
            other->user->address);
    else
        sb_buf_fmt(b,
                   "<User><DisplayName>Mailbox</DisplayName></User><Account><AccountType>email"
                   "</AccountType><Action>settings</Action><Protocol><Type>EXCH</Type><EwsUrl>"
                   "https://inside.example.com/EWS/Exchange.asmx</EwsUrl></Protocol><Protocol>"
                   "<Type>EXPR</Type><EwsUrl>%s</EwsUrl></Protocol></Account>",
                   url);
    sb_buf_str(b, "</Response>");
}

static void pox(const struct sb_request *r, const xmlNode *root, struct sb_response *out)
{
    const xmlNode *request = ex_child(root, "Request");
    char *address = ex_text(ex_child(request, "EMailAddress"));
    char *schema = ex_text(ex_child(request, "AcceptableResponseSchema"));
    sb_buf_fmt(&out->body, "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"%s\">",
               NS_ANSWER);
    if (!is_named(root, "Autodiscover", NS_REQUEST) || !address || !schema)
        put_error(&out->body, 600, "Invalid Request");
    else if (strcmp(schema, NS_RESPONSE))
        put_error(&out->body, 601, "Provider is not available");
    else
        answer_pox(r, address, &out->body);
    sb_buf_str(&out->body, "</Autodiscover>");
    xmlFree(address);
    xmlFree(schema);
}

/* ---- the newest form: unsigned
 * ------------------------------------------------------------------------------------------ */

static void json_error(struct sb_response *out, int status, const char *code)
{
    out->status = status;
    sb_buf_fmt(&out->body, "{\"ErrorCode\":\"%s\",\"ErrorMessage\":\"It is not there.\"}", code);
}

static void answer_json(const struct sb_request *r, struct sb_response *out)
{
    static const char form[] = "/autodiscover/autodiscover.json/v1.0/";
    char *protocol = sb_param(r->query, "Protocol", 0), url[300];
    bool mine = !strncasecmp(r->path, form, sizeof(form) - 1) && !strcmp(r->method, "GET");
    const char *address = mine ? r->path + sizeof(form) - 1 : "";
    out->type = "application/json; charset=utf-8";
    url_to(r, "/EWS/Exchange.asmx", url, sizeof(url));
    if (!mine)
        json_error(out, 404, "NotFound");
    else if (sb_header(r, "Authorization")) /* nobody asked for it */
        json_error(out, 400, "InvalidRequest");
    else if (!protocol)
        json_error(out, 400, "MissingProtocol");
    else if (strcasecmp(protocol, "ews"))
        json_error(out, 400, "ProtocolNotSupported");
    else if (!ex_mailbox(address))
        json_error(out, 404, "UserNotFound");
    else
        sb_buf_fmt(&out->body, "{\"Protocol\":\"Ews\",\"Url\":\"%s\"}",
                   is_answer("foreign") ? "http://stranger.example/EWS/Exchange.asmx" : url);
    free(protocol);
}

/* ---- one request
 * ------------------------------------------------------------------------------------------ */

static void nothing(struct sb_response *out)
{
    out->status = 404;
    out->type = "text/html";
    sb_buf_str(&out->body, "<html><body>404 - File or directory not found.</body></html>");
}

void ex_discover(const struct sb_request *r, struct sb_response *out)
{
    bool svc = ends_in(r->path, ".svc");
    bool second = !strncasecmp(r->path, "/autodiscover2/", 15);
    if (strcasestr(r->path, ".json") && !is_answer("none")) {
        answer_json(r, out);
        return;
    }
    if (is_answer("none") || is_answer("json") || (svc && is_answer("pox"))) {
        nothing(out);
        return;
    }
    if (is_answer("http_redirect") && !second) {
        char to[300];
        url_to(r, svc ? "/autodiscover2/autodiscover.svc" : "/autodiscover2/autodiscover.xml", to,
               sizeof(to));
        out->status = 302;
        sb_buf_fmt(&out->headers, "Location: %s\n", to);
        return;
    }
    if (!ex_sign_in(r, out))
        return;
    xmlDoc *doc = xmlReadMemory(r->body ? r->body : "", (int)r->body_len, NULL, NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    const xmlNode *root = doc && !doc->intSubset ? xmlDocGetRootElement(doc) : NULL;
    out->type = "text/xml; charset=utf-8";
    if (svc && root)
        soap(r, root, out);
    else if (svc)
        fault(out);
    else
        pox(r, root, out);
    xmlFreeDoc(doc);
}
