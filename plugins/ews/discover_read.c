#include "discover.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http_url.h"

#define ADDRESS_MAX 320u
#define URL_MAX 2048u

#define NS_SOAP "http://schemas.microsoft.com/exchange/2010/Autodiscover"
#define NS_POX "http://schemas.microsoft.com/exchange/autodiscover/outlook/"

void disco_fini(struct disco *d)
{
    free(d->text);
    *d = (struct disco){0};
}

/* ---- answers
 * ------------------------------------------------------------------------------------------ */

static bool is_clean(const char *text, size_t max)
{
    size_t len = text ? strlen(text) : 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x21 || text[i] > 0x7e)
            return false;
    return len > 0 && len <= max;
}

static void take(struct disco *d, enum disco_what what, const char *text)
{
    if (!is_clean(text, what == DISCO_ADDRESS ? ADDRESS_MAX : URL_MAX) || d->text)
        return;
    d->text = strdup(text);
    if (d->text)
        d->what = what;
}

static void take_code(struct disco *d, const char *code)
{
    if (is_clean(code, sizeof(d->code) - 1) && strcmp(code, "NoError") != 0)
        memcpy(d->code, code, strlen(code) + 1);
}

static const char *setting_of(const xmlNode *settings, const char *name)
{
    for (const xmlNode *s = xml_first(settings); s; s = xml_next(s)) {
        const char *is = xml_text(xml_child(s, "Name"));
        if (is && !strcmp(is, name))
            return xml_text(xml_child(s, "Value"));
    }
    return NULL;
}

/* MS-OXWSADISC: the first user's answer; one was asked for. */
static void take_user(struct disco *d, const xmlNode *user)
{
    const char *code = xml_text(xml_child(user, "ErrorCode"));
    const char *target = xml_text(xml_child(user, "RedirectTarget"));
    const xmlNode *settings = xml_child(user, "UserSettings");
    take_code(d, code);
    if (code && !strcmp(code, "RedirectAddress"))
        take(d, DISCO_ADDRESS, target);
    else if (code && !strcmp(code, "RedirectUrl"))
        take(d, DISCO_PLACE, target);
    else if (!d->code[0]) {
        take(d, DISCO_FOUND, setting_of(settings, "ExternalEwsUrl"));
        take(d, DISCO_FOUND, setting_of(settings, "InternalEwsUrl"));
    }
}

static bool take_soap(struct disco *d, const xmlNode *root)
{
    const xmlNode *body = xml_is(root, "Envelope") ? xml_child(root, "Body") : NULL;
    const xmlNode *message = xml_child(body, "GetUserSettingsResponseMessage");
    const xmlNode *response = xml_child(message, "Response");
    if (xml_child(body, "Fault"))
        take_code(d, "Fault");
    take_code(d, xml_text(xml_child(response, "ErrorCode")));
    if (response && !d->code[0])
        take_user(d, xml_child(xml_child(response, "UserResponses"), "UserResponse"));
    return response || d->code[0];
}

/* Outside before inside, EwsUrl before ASUrl. */
static void take_protocols(struct disco *d, const xmlNode *account)
{
    static const char *const types[] = {"EXPR", "EXCH"}, *const urls[] = {"EwsUrl", "ASUrl"};
    for (size_t t = 0; t < 2; t++)
        for (size_t u = 0; u < 2; u++)
            for (const xmlNode *p = xml_first(account); p; p = xml_next(p)) {
                const char *type = xml_text(xml_child(p, "Type"));
                if (xml_is(p, "Protocol") && type && !strcmp(type, types[t]))
                    take(d, DISCO_FOUND, xml_text(xml_child(p, urls[u])));
            }
}

static bool take_pox(struct disco *d, const xmlNode *root)
{
    const xmlNode *response = xml_is(root, "Autodiscover") ? xml_child(root, "Response") : NULL;
    const xmlNode *account = xml_child(response, "Account");
    const char *action = xml_text(xml_child(account, "Action"));
    take_code(d, xml_text(xml_child(xml_child(response, "Error"), "ErrorCode")));
    if (action && !strcasecmp(action, "redirectAddr"))
        take(d, DISCO_ADDRESS, xml_text(xml_child(account, "RedirectAddr")));
    else if (action && !strcasecmp(action, "redirectUrl"))
        take(d, DISCO_PLACE, xml_text(xml_child(account, "RedirectUrl")));
    else
        take_protocols(d, account);
    return account || d->code[0];
}

static bool read_with(char *text, size_t len, struct disco *d,
                      bool (*taker)(struct disco *, const xmlNode *))
{
    const char *why;
    struct xml_in *in = len <= DISCO_ANSWER_BYTES ? xml_in_new(text, len, &why) : NULL;
    const xmlNode *root = in && xml_in_next(in, 0) ? xml_in_take(in) : NULL;
    *d = (struct disco){0};
    bool ok = root && taker(d, root);
    ok = ok && xml_in_whole(in);
    xml_in_free(in);
    if (!ok)
        disco_fini(d);
    return ok;
}

bool disco_read_soap(char *text, size_t len, struct disco *d)
{
    return read_with(text, len, d, take_soap);
}

bool disco_read_pox(char *text, size_t len, struct disco *d)
{
    return read_with(text, len, d, take_pox);
}

/* ---- places
 * ------------------------------------------------------------------------------------------ */

const char *disco_domain(const char *address)
{
    const char *at = address ? strrchr(address, '@') : NULL;
    size_t len = at ? strlen(at + 1) : 0;
    bool ok =
        at && at > address && len > 0 && len < 254 && at[1] != '.' && at[1] != '-' &&
        strspn(at + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == len;
    return ok ? at + 1 : NULL;
}

char *disco_place(const char *domain, size_t nth)
{
    static const char *const forms[] = {"https://%s/autodiscover/autodiscover.svc",
                                        "https://autodiscover.%s/autodiscover/autodiscover.svc",
                                        "https://%s/autodiscover/autodiscover.xml",
                                        "https://autodiscover.%s/autodiscover/autodiscover.xml",
                                        "https://%s/autodiscover/autodiscover.json",
                                        "https://autodiscover.%s/autodiscover/autodiscover.json"};
    const char *form = nth < sizeof(forms) / sizeof(forms[0]) ? forms[nth] : NULL;
    const char *hole = form ? strstr(form, "%s") : NULL;
    char *out = NULL;
    if (hole && asprintf(&out, "%.*s%s%s", (int)(hole - form), form, domain, hole + 2) < 0)
        out = NULL;
    return out;
}

bool disco_is_soap(const char *place)
{
    size_t len = strcspn(place, "?#");
    return len > 4 && !strncasecmp(place + len - 4, ".svc", 4);
}

static bool is_listed(const char *list, const char *host)
{
    size_t want = strlen(host);
    for (const char *at = list ? list : ""; *at;) {
        size_t len = strcspn(at, "\n");
        if (len == want && !strncasecmp(at, host, len))
            return true;
        at += len + (at[len] == '\n');
    }
    return false;
}

static bool is_own(const char *host, const char *domain)
{
    return !strcasecmp(host, domain) ||
           (!strncasecmp(host, "autodiscover.", 13) && !strcasecmp(host + 13, domain));
}

/* Names in the address itself would be other credentials than ours. */
static bool has_user(CURLU *u)
{
    char *user = NULL;
    bool has = curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK;
    curl_free(user);
    return has;
}

enum disco_trust disco_trusts(const char *place, const char *domain, const char *allow, char **host)
{
    CURLU *u = curl_url();
    char *scheme = NULL, *name = NULL;
    enum disco_trust trust = DISCO_NO_URL;
    *host = NULL;
    if (u && curl_url_set(u, CURLUPART_URL, place, 0) == CURLUE_OK && !has_user(u) &&
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &name, 0) == CURLUE_OK && (*host = strdup(name))) {
        bool secure =
            !strcasecmp(scheme, "https") || (!strcasecmp(scheme, "http") && http_is_loopback(name));
        trust = !secure                                          ? DISCO_NOT_SECURE
                : is_own(name, domain) || is_listed(allow, name) ? DISCO_TRUSTED
                                                                 : DISCO_STRANGER;
    }
    curl_free(scheme);
    curl_free(name);
    curl_url_cleanup(u);
    return trust;
}

bool disco_allows_domain(const char *domain, const char *was, const char *allow)
{
    return !strcasecmp(domain, was) || is_listed(allow, domain);
}

/* ---- requests
 * ------------------------------------------------------------------------------------------ */

void disco_ask_soap(struct xml_out *x, const char *address, const char *place)
{
    static const char *const wanted[] = {"ExternalEwsUrl", "InternalEwsUrl"};
    xml_begin(x);
    xml_open(x, "soap:Envelope");
    xml_put_attr(x, "xmlns:soap", "http://schemas.xmlsoap.org/soap/envelope/");
    xml_put_attr(x, "xmlns:a", NS_SOAP);
    xml_put_attr(x, "xmlns:wsa", "http://www.w3.org/2005/08/addressing");
    xml_open(x, "soap:Header");
    xml_element(x, "a:RequestedServerVersion", "Exchange2010");
    xml_element(x, "wsa:Action", NS_SOAP "/Autodiscover/GetUserSettings");
    xml_element(x, "wsa:To", place);
    xml_close(x);
    xml_open(x, "soap:Body");
    xml_open(x, "a:GetUserSettingsRequestMessage");
    xml_open(x, "a:Request");
    xml_open(x, "a:Users");
    xml_open(x, "a:User");
    xml_element(x, "a:Mailbox", address);
    xml_close(x);
    xml_close(x);
    xml_open(x, "a:RequestedSettings");
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        xml_element(x, "a:Setting", wanted[i]);
}

void disco_ask_pox(struct xml_out *x, const char *address)
{
    xml_begin(x);
    xml_open(x, "Autodiscover");
    xml_put_attr(x, "xmlns", NS_POX "requestschema/2006");
    xml_open(x, "Request");
    xml_element(x, "EMailAddress", address);
    xml_element(x, "AcceptableResponseSchema", NS_POX "responseschema/2006a");
    xml_close(x);
}
